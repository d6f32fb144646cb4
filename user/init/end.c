/* SPDX-License-Identifier: MIT */
/* The end of the machine: with a status, or asked for by a signal, once what runs has been asked to end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <linux/reboot.h>

#include "init.h"

void wait_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static void __attribute__((noreturn)) end_machine(int how, const char *arg)
{
	sync();
	syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, how, arg);
	complain("reboot", "");
	for (;;)
		pause();
}

/* The machine ends at the write; what the command wrote is out before. */
static void end_at_port(const char *port, int status)
{
	unsigned short at = strtoul(port, NULL, 0);
	int tty = open("/dev/ttyS1", O_RDWR | O_NOCTTY);

	if (tty >= 0)
		tcdrain(tty);
	if (ioperm(at, 1, 1))
		complain("ioperm ", port);
	else
		outb(status, at);
}

void end_with_status(int status)
{
	char arg[] = "exit=000", *p = arg + 5;
	const char *port = option("exitport=");

	if (port)
		end_at_port(port, status);
	status &= 255;
	if (status >= 100)
		*p++ = '0' + status / 100;
	if (status >= 10)
		*p++ = '0' + status / 10 % 10;
	*p++ = '0' + status % 10;
	*p = 0;
	end_machine(LINUX_REBOOT_CMD_RESTART2, arg);
}

/* Ends what runs, first by asking, and then the machine. */
void shut_down(int sig)
{
	kill(-1, SIGTERM);
	for (int i = 0; i < 20; i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD)
			break;
		wait_ms(50);
	}
	kill(-1, SIGKILL);
	end_machine(sig == SIGTERM   ? LINUX_REBOOT_CMD_RESTART
		    : sig == SIGUSR1 ? LINUX_REBOOT_CMD_HALT
				     : LINUX_REBOOT_CMD_POWER_OFF,
		    NULL);
}

int telinit(const char *level)
{
	int sig = !strcmp(level, "6") ? SIGTERM : !strcmp(level, "0") ? SIGUSR2 : 0;

	if (!sig) {
		say("usage: init 0|6", "", "");
		return 2;
	}
	return kill(1, sig) ? (complain("kill", ""), 1) : 0;
}
