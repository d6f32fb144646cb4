/* SPDX-License-Identifier: MIT */
/*
 * killat [-c NAME] [-m SCRIPT] N COMMAND [ARG...]: runs the command and kills, with SIGKILL, whichever of its
 * processes is at the N-th entry into or return from a system call, all of them counted together, or those that
 * are called NAME; the others go on. With SCRIPT that one is not killed but waits there while a shell runs that.
 * With either it then waits for the command's end: whoever looks at what is left does not look beside it.
 * Status 0 when that was done, 9 when the command and all its children ended before.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE)

static bool is_called(pid_t pid, const char *name)
{
	char path[32], comm[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "r");
	if (!f || !fgets(comm, sizeof(comm), f))
		comm[0] = 0;
	if (f)
		fclose(f);
	comm[strcspn(comm, "\n")] = 0;
	return !strcmp(comm, name);
}

int main(int argc, char **argv)
{
	const char *name = NULL, *script = NULL;
	long left;
	int status, sig;
	pid_t pid, command;

	for (; argc > 3 && argv[1][0] == '-'; argc -= 2, argv += 2)
		*(argv[1][1] == 'm' ? &script : &name) = argv[2];
	left = argc > 2 ? atol(argv[1]) : 0;
	pid = fork();

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
	command = pid;
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == command)
				command = 0;
			if (!left && !command)
				return 0;
			continue;
		}
		sig = WSTOPSIG(status);
		if (left && sig == (SIGTRAP | 0x80) && (!name || is_called(pid, name)) && !--left) {
			if (script && system(script) < 0)
				perror("killat");
			if (script) {
				ptrace(PTRACE_SYSCALL, pid, 0, 0);
				continue;
			}
			kill(pid, SIGKILL);
			if (!name || !command)
				return 0; /* and with us goes what traces the others */
			continue;
		}
		if (sig == (SIGTRAP | 0x80) || status >> 16 || sig == SIGCONT)
			sig = 0;
		ptrace(PTRACE_SYSCALL, pid, 0, sig);
	}
	return 9;
}
