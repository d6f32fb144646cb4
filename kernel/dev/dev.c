/* SPDX-License-Identifier: MIT */
/* Brings the devices up, and chooses /dev/console. */
#include "dev/pty.h"
#include "dev/vt.h"

/* console=NAME; without it, or when there is no such terminal, the first that there is. */
static void choose_console(void)
{
	static const char *const fallback[] = { "ttyS0", "tty0", "ttyS1" };
	char name[16];
	struct tty *t = NULL;

	if (boot_param("console", name, sizeof(name))) {
		char *options = strchr(name, ','); /* ttyS0,115200n8 */

		if (options)
			*options = '\0';
		t = tty_by_name(name);
	}
	for (unsigned int i = 0; !t && i < ARRAY_SIZE(fallback); i++)
		t = tty_by_name(fallback[i]);
	if (t)
		tty_set_console(t);
	else
		pr_err("no terminal for /dev/console");
}

void dev_init(void)
{
	mem_init();
	sysrq_init();
	tty_init();
	uart_init();
	vt_init();
	pty_init();
	choose_console();
}
