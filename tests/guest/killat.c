/* SPDX-License-Identifier: MIT */
/*
 * killat N COMMAND [ARG...]: runs the command and kills, with SIGKILL, whichever of its processes is at
 * the N-th entry into or return from a system call, all of them counted together; the others go on.
 * Status 0 when that was done, 9 when the command and all its children ended before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

int main(int argc, char **argv)
{
	long left = argc > 2 ? atol(argv[1]) : 0;
	int status, sig;
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	/* Seized: children stop without a SIGSTOP, which would outlast us. */
	if (left < 1 || waitpid(pid, &status, WUNTRACED) != pid ||
	    ptrace(PTRACE_SEIZE, pid, 0, OPTIONS) || kill(pid, SIGCONT)) {
		perror("killat");
		return 2;
	}
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80) && !--left) {
			kill(pid, SIGKILL);
			return 0; /* and with us goes what traces the others */
		}
		if (sig == (SIGTRAP | 0x80) || status >> 16 || sig == SIGCONT)
			sig = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
	return 9;
}
