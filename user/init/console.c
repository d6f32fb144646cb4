/* SPDX-License-Identifier: MIT */
/* What init says and is told: lines on the console, words of the kernel's command line, terminals. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "init.h"

#define CMDLINE_MAX 4096

static char cmdline[CMDLINE_MAX];

static void say_all(const char *a, const char *b, const char *c, const char *d)
{
	const char *parts[] = { "init: ", a, b, c, d, "\n" };
	char line[512];
	size_t n = 0;

	for (size_t i = 0; i < 6; i++)
		for (const char *p = parts[i]; *p && n < sizeof(line); p++)
			line[n++] = *p;
	if (write(2, line, n) < 0)
		return; /* nowhere left to complain */
}

void say(const char *a, const char *b, const char *c)
{
	say_all(a, b, c, "");
}

void complain(const char *what, const char *name)
{
	say_all(what, name, ": ", strerror(errno));
}

void read_options(void)
{
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, cmdline, sizeof(cmdline) - 1) < 0)
		complain("cannot read /proc/cmdline", "");
	close(fd);
}

/* The value of `key` (which ends with '=') on the command line, or NULL. */
const char *option(const char *key)
{
	static char value[CMDLINE_MAX];
	size_t len = strlen(key);

	for (const char *p = cmdline; *p;) {
		size_t word = strcspn(p, " \n");

		if (word >= len && !strncmp(p, key, len)) {
			memcpy(value, p + len, word - len);
			value[word - len] = 0;
			return value;
		}
		p += word;
		p += strspn(p, " \n");
	}
	return NULL;
}

/* Opens the terminal `name` of /dev; a raw one passes every byte on as it is. */
int open_tty(const char *name, bool raw)
{
	char path[PATH_MAX];
	struct termios t;
	int fd = open(path_join(path, "/dev", name), O_RDWR | O_NOCTTY);

	if (fd >= 0 && raw && !tcgetattr(fd, &t)) {
		cfmakeraw(&t);
		tcsetattr(fd, TCSANOW, &t);
	}
	return fd;
}

void set_fds(int in, int out)
{
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	if (in > 2)
		close(in);
	if (out > 2 && out != in)
		close(out);
}

struct winsize winsize(void)
{
	const char *size = option("winsize=");
	struct winsize ws = { 0 };
	char *end;

	if (!size)
		return ws;
	ws.ws_row = strtoul(size, &end, 10);
	if (*end == 'x')
		ws.ws_col = strtoul(end + 1, NULL, 10);
	return ws;
}
