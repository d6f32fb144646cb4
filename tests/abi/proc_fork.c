/* SPDX-License-Identifier: MIT */
/* fork, clone, vfork, exit and the wait family; process groups and sessions. */
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "abi.h"

static pid_t child_that_exits(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

static void exit_codes(void)
{
	static const int codes[] = { 0, 1, 7, 127, 128, 255, 256, 259, -1 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		say("_exit(%d): %s", codes[i], ended(reap(child_that_exits(codes[i]))));
}

static void death_by_signal(void)
{
	const int sigs[] = { SIGKILL, SIGTERM, SIGUSR1, SIGALRM, SIGHUP, SIGPIPE, SIGRTMIN };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t pid = fork();

		if (pid == 0)
			for (;;)
				pause();
		kill(pid, sigs[i]);
		say("kill %d: %s", sigs[i], ended(reap(pid)));
	}
}

static void ignored_by_default(void)
{
	static const int sigs[] = { SIGCHLD, SIGURG, SIGWINCH, SIGCONT };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(*sigs); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			raise(sigs[i]);
			_exit(3);
		}
		say("raise %d: %s", sigs[i], ended(reap(pid)));
	}
}

static void numbers(void)
{
	pid_t me = getpid(), pid = fork();

	if (pid == 0)
		_exit(getppid() == me && getpid() != me && syscall(SYS_gettid) == getpid() ? 0 : 1);
	YES(pid > 0);
	say("the child's view: %s", ended(reap(pid)));
}

static void wait_errors(void)
{
	int status;

	R(waitpid(-1, &status, 0));
	R(waitpid(1 << 22, &status, 0));
	R(waitpid(-1, &status, 0x40));
	R(waitpid(INT_MIN, &status, 0));
	R(waitid(P_PID, 0, NULL, WEXITED));
	R(waitid(P_ALL, 0, NULL, 0));
	R(waitid(99, 0, NULL, WEXITED));
}

static void wait_nohang(void)
{
	int pipefd[2], status;
	pid_t pid;
	char c;

	R(pipe(pipefd));
	pid = fork();
	if (pid == 0) {
		close(pipefd[1]);
		_exit(read(pipefd[0], &c, 1) == 0 ? 5 : 6);
	}
	R(waitpid(pid, &status, WNOHANG));
	close(pipefd[1]);
	say("then: %s", ended(reap(pid)));
	R(waitpid(pid, &status, WNOHANG));
}

static void zombie_still_there(void)
{
	pid_t pid = child_that_exits(4);
	siginfo_t si;

	memset(&si, 0xff, sizeof(si));
	R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	YES(si.si_pid == pid && si.si_uid == getuid());
	say("signo %d code %d status %d", si.si_signo, si.si_code, si.si_status);
	R(kill(pid, 0));
	R(kill(pid, SIGKILL));
	say("%s", ended(reap(pid)));
	R(kill(pid, 0));
}

static void waitid_kinds(void)
{
	siginfo_t si;
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	memset(&si, 0xff, sizeof(si));
	R(waitid(P_PID, pid, &si, WEXITED | WNOHANG));
	say("nothing yet: pid %d signo %d", si.si_pid, si.si_signo);
	kill(pid, SIGSTOP);
	R(waitid(P_PID, pid, &si, WSTOPPED));
	say("code %d status %d", si.si_code, si.si_status);
	kill(pid, SIGCONT);
	R(waitid(P_PID, pid, &si, WCONTINUED));
	say("code %d status %d", si.si_code, si.si_status);
	kill(pid, SIGKILL);
	R(waitid(P_PID, pid, &si, WEXITED));
	say("code %d status %d", si.si_code, si.si_status);
	R(waitid(P_PID, pid, &si, WEXITED));
}

static void stop_and_continue(void)
{
	int status, p[2];
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (pid == 0) {
		char c;

		close(p[1]);
		raise(SIGSTOP);
		_exit(read(p[0], &c, 1) == 0 ? 8 : 1);
	}
	YES(waitpid(pid, &status, WUNTRACED) == pid);
	say("%s", ended(status));
	R(waitpid(pid, &status, WUNTRACED | WNOHANG)); /* reported once */
	kill(pid, SIGCONT);
	YES(waitpid(pid, &status, WCONTINUED) == pid);
	say("%s", ended(status));
	close(p[1]);
	say("%s", ended(reap(pid)));
}

static void wait_by_group(void)
{
	int status;
	pid_t a = fork(), b;

	if (a == 0) {
		setpgid(0, 0);
		_exit(1);
	}
	setpgid(a, a);
	b = child_that_exits(2);
	YES(waitpid(-a, &status, 0) == a);
	say("%s", ended(status));
	YES(waitpid(0, &status, 0) == b);
	say("%s", ended(status));
	R(waitpid(0, &status, 0));
}

static void memory_is_copied(void)
{
	static int data = 1;
	int stack = 1, *heap = malloc(sizeof(int));
	pid_t pid;

	*heap = 1;
	pid = fork();
	if (pid == 0) {
		data = stack = *heap = 2;
		_exit(data + stack + *heap);
	}
	say("child: %s", ended(reap(pid)));
	say("parent: %d %d %d", data, stack, *heap);
}

static void offset_is_shared(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	pid_t pid;

	R(write(fd, "abcdef", 6));
	R(lseek(fd, 1, SEEK_SET));
	pid = fork();
	if (pid == 0) {
		char c[2];

		_exit(read(fd, c, 2) == 2 && c[0] == 'b' ? 0 : 1);
	}
	say("child: %s", ended(reap(pid)));
	R(lseek(fd, 0, SEEK_CUR));
}

static void orphan_goes_to_subreaper(void)
{
	int status;
	pid_t pid, orphan;
	int p[2], gone[2];

	R(prctl(PR_SET_CHILD_SUBREAPER, 1));
	R(prctl(PR_GET_CHILD_SUBREAPER, &status));
	say("subreaper: %d", status);
	R(pipe(p));
	R(pipe(gone));
	pid = fork();
	if (pid == 0) {
		orphan = fork();
		if (orphan == 0) {
			char c;

			close(gone[1]);
			_exit(read(gone[0], &c, 1) == 0 ? 9 : 1); /* after the middle one is gone */
		}
		_exit(write(p[1], &orphan, sizeof(orphan)) == sizeof(orphan) ? 0 : 1);
	}
	say("middle: %s", ended(reap(pid)));
	R(read(p[0], &orphan, sizeof(orphan)));
	close(gone[1]);
	YES(waitpid(-1, &status, 0) == orphan);
	say("orphan: %s", ended(status));
}

static void vfork_shares_memory(void)
{
	static volatile int shared;
	pid_t pid = vfork();

	if (pid == 0) {
		shared = 5;
		_exit(6);
	}
	say("shared %d, %s", shared, ended(reap(pid)));
}

static int clone_child(void *arg)
{
	*(int *)arg = 42;
	return 3;
}

static void clone_shares_what_it_says(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int value = 0, status;
	pid_t pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | SIGCHLD, &value);

	say("CLONE_VM: %s", ended(reap(pid)));
	say("value %d", value);
	value = 0;
	pid = clone(clone_child, stack + sizeof(stack), SIGCHLD, &value);
	say("without: %s", ended(reap(pid)));
	say("value %d", value);
	pid = clone(clone_child, stack + sizeof(stack), CLONE_VM, &value); /* no exit signal */
	R(waitpid(pid, &status, 0));
	YES(waitpid(pid, &status, __WALL) == pid);
	say("%s", ended(status));
}

static void clone_errors(void)
{
	R(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
	R(syscall(SYS_clone, CLONE_THREAD | CLONE_VM | SIGCHLD, 0, 0, 0, 0));
	R(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0));
	R(syscall(SYS_clone3, NULL, 88));
	R(syscall(SYS_clone3, abi_argv, 8));
	R(syscall(SYS_clone3, abi_argv, 1 << 20));
}

static void clone_files_and_fs(void)
{
	static char stack[65536] __attribute__((aligned(16)));
	int fd = open("/dev/null", O_RDONLY);
	pid_t pid;

	(void)stack;
	pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		_exit(close(fd));
	say("CLONE_FILES: %s", ended(reap(pid)));
	R(fcntl(fd, F_GETFD));
	pid = syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		umask(077);
		_exit(chdir("/"));
	}
	say("CLONE_FS: %s", ended(reap(pid)));
	say("umask %03o cwd %s", umask(022), getcwd((char[64]){ 0 }, 64));
}

static void tids(void)
{
	int parent_tid = -1, child_tid = -1;
	pid_t pid = syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, 0,
			    &parent_tid, &child_tid, 0);

	if (pid == 0)
		_exit(child_tid == getpid() ? 0 : 1);
	YES(parent_tid == pid);
	YES(child_tid == -1);
	say("CLONE_CHILD_SETTID: %s", ended(reap(pid)));
}

static void pidfds(void)
{
	int pidfd = -1, p[2];
	siginfo_t si;
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (pid == 0) {
		char c;

		close(p[1]);
		_exit(read(p[0], &c, 1) == 0 ? 2 : 1);
	}
	O(pidfd = syscall(SYS_pidfd_open, pid, 0));
	say("FD_CLOEXEC %d", fcntl(pidfd, F_GETFD));
	R(poll(&(struct pollfd){ pidfd, POLLIN, 0 }, 1, 0));
	R(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
	close(p[1]);
	R(poll(&(struct pollfd){ pidfd, POLLIN, 0 }, 1, 5000));
	R(waitid(P_PIDFD, pidfd, &si, WEXITED));
	say("status %d", si.si_status);
	R(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0));
	R(syscall(SYS_pidfd_open, pid, 0));
	R(syscall(SYS_pidfd_open, -1, 0));
	R(syscall(SYS_pidfd_open, getpid(), 1));
}

static void groups_and_sessions(void)
{
	pid_t pid;

	YES(getpgrp() == getpid()); /* the harness made it a leader */
	R(setsid());
	R(setpgid(0, -1));
	R(setpgid(1 << 22, 0));
	R(getpgid(1 << 22));
	R(getsid(1 << 22));
	pid = fork();
	if (pid == 0) {
		bool ok = getpgrp() == getppid() && setsid() == getpid() && getsid(0) == getpid() &&
			  getpgrp() == getpid() && setpgid(0, 0) == -1 && errno == EPERM;

		_exit(ok ? 0 : 1);
	}
	say("new session: %s", ended(reap(pid)));
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	R(setpgid(pid, pid));
	YES(getpgid(pid) == pid);
	R(setpgid(pid, 1)); /* no such group in this session */
	R(kill(-pid, SIGTERM));
	say("%s", ended(reap(pid)));
}

static void parent_death_signal(void)
{
	int sig = -1, p[2];
	char c = 'n';
	pid_t pid;

	R(prctl(PR_GET_PDEATHSIG, &sig));
	say("default %d", sig);
	R(prctl(PR_SET_PDEATHSIG, 65));
	R(pipe(p));
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (write(p[1], "r", 1) == 1)
				for (;;)
					pause();
		}
		_exit(read(p[0], &c, 1) == 1 ? 0 : 1);
	}
	say("%s", ended(reap(pid)));
	close(p[1]);
	R(read(p[0], &c, 1)); /* 0: the grandchild is gone too, and its end of the pipe */
}

static void usage_of_children(void)
{
	struct rusage ru;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		for (volatile long i = 0; i < 30000000; i++)
			;
		_exit(0);
	}
	YES(wait4(pid, &status, 0, &ru) == pid);
	YES(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec > 0);
	YES(ru.ru_minflt > 0);
	R(getrusage(RUSAGE_CHILDREN, &ru));
	YES(ru.ru_utime.tv_sec * 1000000 + ru.ru_utime.tv_usec > 0);
	R(getrusage(RUSAGE_SELF, &ru));
	R(getrusage(99, &ru));
}

static void children_at_once(void)
{
	int sum = 0;

	for (int i = 0; i < 50; i++)
		child_that_exits(i);
	for (int i = 0; i < 50; i++) {
		int status;

		if (wait(&status) > 0)
			sum += WEXITSTATUS(status);
	}
	say("sum %d", sum);
	R(wait(NULL));
}

static void sigchld_ignored(void)
{
	signal(SIGCHLD, SIG_IGN);
	child_that_exits(1);
	child_that_exits(2);
	R(wait(NULL)); /* waits for all, then ECHILD */
}

static void nice_values(void)
{
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 5));
	R(getpriority(PRIO_PROCESS, 0));
	R(setpriority(PRIO_PROCESS, 0, 100));
	R(getpriority(PRIO_PROCESS, 0));
	say("raw getpriority %ld", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	R(getpriority(99, 0));
	R(getpriority(PRIO_PROCESS, 1 << 22));
}

static void limits(void)
{
	struct rlimit rl, old;

	R(getrlimit(RLIMIT_NOFILE, &old));
	rl.rlim_cur = 7;
	rl.rlim_max = old.rlim_max;
	R(setrlimit(RLIMIT_NOFILE, &rl));
	R(getrlimit(RLIMIT_NOFILE, &rl));
	say("soft %ld", (long)rl.rlim_cur);
	rl.rlim_cur = rl.rlim_max + 1;
	if (rl.rlim_max != RLIM_INFINITY)
		R(setrlimit(RLIMIT_NOFILE, &rl));
	R(getrlimit(99, &rl));
	say("%s",
	    ended(reap(
		    fork() ?: (_exit(getrlimit(RLIMIT_NOFILE, &rl) ? 1 : (int)rl.rlim_cur), 0))));
}

ABI_MAIN(CASE(exit_codes), CASE(death_by_signal), CASE(ignored_by_default), CASE(numbers),
	 CASE(wait_errors), CASE(wait_nohang), CASE(zombie_still_there), CASE(waitid_kinds),
	 CASE(stop_and_continue), CASE(wait_by_group), CASE(memory_is_copied),
	 CASE(offset_is_shared), CASE(orphan_goes_to_subreaper), CASE(vfork_shares_memory),
	 CASE(clone_shares_what_it_says), CASE(clone_errors), CASE(clone_files_and_fs), CASE(tids),
	 CASE(pidfds), CASE(groups_and_sessions), CASE(parent_death_signal),
	 CASE(usage_of_children), CASE(children_at_once), CASE(sigchld_ignored), CASE(nice_values),
	 CASE(limits))
