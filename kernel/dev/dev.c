/* SPDX-License-Identifier: MIT */
/* Brings the devices up, and chooses /dev/console. */
#include "dev/pci.h"
#include "dev/pty.h"
#include "dev/vt.h"

/* The terminal that the text up to a space or a comma (ttyS0,115200) names, or NULL. */
static struct tty *tty_named(const char *text)
{
	char name[16];
	size_t n = 0;

	while (n < sizeof(name) - 1 && text[n] && text[n] != ' ' && text[n] != ',')
		n++;
	memcpy(name, text, n);
	name[n] = '\0';
	return tty_by_name(name);
}

/* The last console=NAME that is there, as on Linux; without any, the first terminal. */
static void choose_console(void)
{
	static const char *const fallback[] = { "ttyS0", "tty0", "ttyS1" };
	static const char option[] = "console=";
	struct tty *t = NULL;

	for (const char *at = boot_info.cmdline; (at = strstr(at, option)); at++)
		if (at == boot_info.cmdline || at[-1] == ' ')
			t = tty_named(at + sizeof(option) - 1) ?: t;
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
	virtio_init();
}
