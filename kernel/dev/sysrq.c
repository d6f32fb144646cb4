/* SPDX-License-Identifier: MIT */
/*
 * /proc/sysrq-trigger: the magic keys of Linux, as far as this kernel has them. A letter that it has
 * not is logged and ignored, as there. Only the owner of the machine may write (mode 0200).
 */
#include "dev/tty.h"

static ssize_t sysrq_write(void *priv, char *buf, size_t n)
{
	if (!n)
		return 0;
	switch (buf[0]) {
	case 'b': /* reboot at once: in an emulator, the end */
	case 'o': /* power off */
		machine_exit(0);
	case 'c': /* a crash, to see what it leaves behind */
		panic("sysrq triggered crash");
	default:
		pr_info("sysrq: there is b(reboot) c(rash) o(ff)");
	}
	return n;
}

static const struct pseudo_file sysrq_file = {
	.name = "sysrq-trigger",
	.mode = 0200,
	.write = sysrq_write,
};

void sysrq_init(void)
{
	procfs_add(&sysrq_file, NULL);
}
