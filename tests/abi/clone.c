/* SPDX-License-Identifier: MIT */
/* clone(2) and clone3(2): which flags go together, what each of them does, and how threads end. */
#include "abi.h"

#include <linux/futex.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>

static long raw_clone(unsigned long flags, void *stack, void *ptid, void *ctid, unsigned long tls)
{
	return syscall(SYS_clone, flags, stack, ptid, ctid, tls);
}

static long clone3(struct clone_args *a, size_t size)
{
	return syscall(SYS_clone3, a, size);
}

/* A child that ends at once when there is one after all. */
static void try_flags(const char *name, unsigned long flags)
{
	struct clone_args a = { .flags = flags & ~0xffUL, .exit_signal = flags & 0xff };
	long r = clone3(&a, sizeof(a));

	if (!r)
		_exit(0);
	say("%s: %s", name, r < 0 ? errno_name(errno) : "ok");
	if (r > 0)
		waitpid(r, NULL, __WALL);
}
#define TRY(flags) try_flags(#flags, flags)

static void impossible_flags(void)
{
	signal(64, SIG_IGN);
	TRY(SIGCHLD);
	TRY(0);
	TRY(65);
	TRY(64);
	TRY(CLONE_THREAD);
	TRY(CLONE_SIGHAND);
	TRY(CLONE_THREAD | CLONE_SIGHAND);
	TRY(CLONE_THREAD | CLONE_VM);
	TRY(CLONE_FS | CLONE_NEWNS | SIGCHLD);
	TRY(CLONE_FS | CLONE_NEWUSER | SIGCHLD);
	TRY(CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND | SIGCHLD);
	TRY(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWPID);
	TRY(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER);
	TRY(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | SIGCHLD);
	TRY(CLONE_PARENT | SIGCHLD);
	TRY(CLONE_DETACHED | SIGCHLD);
	TRY(CLONE_DETACHED | CLONE_PIDFD | SIGCHLD);
	TRY(1UL << 34 | SIGCHLD);
	TRY(1UL << 63 | SIGCHLD);
	TRY(CLONE_CLEAR_SIGHAND | SIGCHLD);
	TRY(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_IO | CLONE_UNTRACED | SIGCHLD);
}

static void old_call_flags(void)
{
	static const unsigned long flags[] = {
		CLONE_THREAD,
		CLONE_SIGHAND,
		CLONE_FS | CLONE_NEWNS,
		CLONE_PIDFD | CLONE_PARENT_SETTID,
		CLONE_PIDFD | CLONE_DETACHED,
		CLONE_DETACHED | SIGCHLD,
		1UL << 40 | SIGCHLD,
		SIGCHLD | 0x40, /* signal 81 */
	};
	int fd = -1;

	for (int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		long r = raw_clone(flags[i], NULL, &fd, NULL, 0);

		if (!r)
			_exit(0);
		say("%#lx: %s", flags[i], r < 0 ? errno_name(errno) : "ok");
		if (r > 0)
			waitpid(r, NULL, __WALL);
	}
}

static void arguments(void)
{
	struct clone_args a = { .exit_signal = SIGCHLD }, big[2];
	int fd = -1;

	R(clone3(&a, 63));
	R(clone3(&a, 5000));
	R(clone3(NULL, sizeof(a)));
	R(clone3(wild(8), sizeof(a)));
	memset(big, 0, sizeof(big));
	big[0] = a;
	big[1].flags = 1;
	R(clone3(big, sizeof(big)));
	a.stack = 4096;
	R(clone3(&a, sizeof(a)));
	a.stack = 0;
	a.stack_size = 4096;
	R(clone3(&a, sizeof(a)));
	a.stack_size = 0;
	a.set_tid_size = 33;
	a.set_tid = (uintptr_t)&fd;
	R(clone3(&a, sizeof(a)));
	a.set_tid_size = 1;
	a.set_tid = 0;
	R(clone3(&a, sizeof(a)));
	a.set_tid = (uintptr_t)&fd;
	a.set_tid_size = 0;
	R(clone3(&a, sizeof(a)));
	a.set_tid_size = 1;
	a.set_tid = 8;
	R(clone3(&a, sizeof(a)));
	fd = 0;
	a.set_tid = (uintptr_t)&fd;
	R(clone3(&a, sizeof(a)));
	fd = -5;
	R(clone3(&a, sizeof(a)));
	fd = INT_MAX;
	R(clone3(&a, sizeof(a)));
	a.set_tid = a.set_tid_size = 0;
	a.flags = CLONE_PIDFD;
	a.pidfd = 8;
	R(clone3(&a, sizeof(a)));
	a.flags = CLONE_PIDFD | CLONE_PARENT_SETTID;
	a.pidfd = a.parent_tid = (uintptr_t)&fd;
	R(clone3(&a, sizeof(a)));
	a.flags = CLONE_INTO_CGROUP;
	a.cgroup = 0x100000000;
	R(clone3(&a, sizeof(a)));
	a.cgroup = 0;
	R(clone3(&a, 80));
	a.cgroup = 999;
	R(clone3(&a, sizeof(a)));
}

static void wanted_numbers(void)
{
	pid_t want, got;
	struct clone_args a = { .exit_signal = SIGCHLD,
				.set_tid = (uintptr_t)&want,
				.set_tid_size = 1 };
	int status;
	long r;

	want = getpid();
	if (geteuid()) { /* as root below */
		say("taken: EEXIST");
		say("free: the one");
	} else {
		r = clone3(&a, sizeof(a));
		say("taken: %s", r < 0 ? errno_name(errno) : "?");
		want = fork(); /* this number is free again after it */
		if (!want)
			_exit(0);
		reap(want);
		got = clone3(&a, sizeof(a));
		if (!got)
			_exit(getpid() == want ? 0 : 1);
		status = reap(got);
		say("free: %s", got == want && !status ? "the one" : "another");
	}
	if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		say("still root");
	want = 4711;
	R(clone3(&a, sizeof(a)));
}

static void pidfd_of_child(void)
{
	int fd = -1, status;
	struct clone_args a = { .flags = CLONE_PIDFD,
				.exit_signal = SIGCHLD,
				.pidfd = (uintptr_t)&fd };
	struct pollfd p = { .events = POLLIN };
	siginfo_t si;
	long r = clone3(&a, sizeof(a));

	if (!r) {
		pause();
		_exit(0);
	}
	p.fd = fd;
	say("close-on-exec: %d", fcntl(fd, F_GETFD));
	R(poll(&p, 1, 0));
	for (int i = 0; i < 2; i++) { /* an open /proc/N does, too */
		int dir = open(i ? "/proc/thread-self" : "/proc/self", O_RDONLY | O_DIRECTORY);

		R(syscall(SYS_pidfd_send_signal, dir, 0, NULL, 0));
		close(dir);
	}
	R(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	R(poll(&p, 1, 3000));
	R(waitid(P_PIDFD, fd, &si, WEXITED | WNOWAIT));
	say("code %d, status %d", si.si_code, si.si_status);
	R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	status = reap(r);
	say("%s", ended(status));
	R(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0));
	R(waitid(P_PIDFD, fd, &si, WEXITED));
	R(read(fd, &si, sizeof(si)));
	R(write(fd, &si, 8));
	/* the old call: the descriptor comes where the parent's copy of the number would */
	close(fd);
	fd = -1;
	r = raw_clone(CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, 0);
	if (!r)
		_exit(0);
	YES(fd >= 0);
	reap(r);
}

static void numbers_in_memory(void)
{
	volatile int ptid = 0, ctid = 0;
	int status;
	long r = raw_clone(CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, (void *)&ptid,
			   (void *)&ctid, 0);

	if (!r)
		_exit(ctid == getpid() && ptid == ctid ? 7 : 8);
	YES(ptid == r);
	YES(ctid == 0); /* the child's copy only */
	status = reap(r);
	say("%s", ended(status));
	r = raw_clone(CLONE_PARENT_SETTID | SIGCHLD, NULL, wild(8), NULL, 0);
	if (!r)
		_exit(3);
	status = reap(r);
	say("bad pointer: %s", ended(status));
	r = raw_clone(CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, wild(8), 0);
	if (!r)
		_exit(4);
	status = reap(r);
	say("bad pointer: %s", ended(status));
}

/* ---- threads without a library ---- */
static char stack[4][65536] __attribute__((aligned(16)));
static volatile int cleared, tls_ok, thread_ran;
static char tls_block[4096];

static int thread_main(void *arg)
{
	unsigned long fs = 0;

	syscall(SYS_arch_prctl, 0x1003 /* ARCH_GET_FS */, &fs);
	tls_ok = fs == (unsigned long)tls_block;
	thread_ran = 1;
	syscall(SYS_exit, 0);
	return 0;
}

static void cleared_and_woken(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SETTLS | CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	int ptid = 0;

	*(void **)tls_block = tls_block;
	cleared = 77;
	R(clone(thread_main, stack[0] + sizeof(stack[0]), flags, NULL, &ptid, tls_block, &cleared) >
	  0);
	while (cleared)
		syscall(SYS_futex, &cleared, FUTEX_WAIT, 77, NULL, NULL, 0);
	say("ran %d, tls %d, number %s", thread_ran, tls_ok, ptid > 0 ? "set" : "not set");
}

static void clearing_of_processes(void)
{
	volatile int *word =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long r;

	*word = 5;
	r = raw_clone(CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, (void *)word, 0);
	if (!r)
		_exit(0);
	reap(r);
	say("alone in its memory: %d", *word);
	*word = 5;
	r = raw_clone(CLONE_VM | CLONE_VFORK | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL,
		      (void *)word, 0);
	if (!r)
		_exit(0);
	reap(r);
	say("with others: %d", *word);
}

static void brothers(void)
{
	pid_t me = getpid(), child;
	int p[2], status;
	pid_t grand;

	if (pipe(p))
		return;
	child = fork();
	if (!child) {
		grand = raw_clone(CLONE_PARENT | SIGUSR1, NULL, NULL, NULL, 0);
		if (!grand)
			_exit(getppid() == me ? 21 : 22);
		if (write(p[1], &grand, sizeof(grand)) < 0)
			_exit(1);
		_exit(waitpid(grand, NULL, 0) < 0 && errno == ECHILD ? 0 : 1);
	}
	if (read(p[0], &grand, sizeof(grand)) != sizeof(grand))
		return;
	status = reap(child);
	say("child: %s", ended(status));
	status = reap(grand);
	say("grandchild: %s", ended(status));
}

static volatile int handled;
static void count(int sig)
{
	handled++;
}

static void handlers_cleared(void)
{
	struct clone_args a = { .flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD };
	struct sigaction sa;
	long r;

	signal(SIGUSR1, count);
	signal(SIGUSR2, SIG_IGN);
	r = clone3(&a, sizeof(a));
	if (!r) {
		sigaction(SIGUSR1, NULL, &sa);
		say("handler: %s", sa.sa_handler == SIG_DFL ? "default" : "kept");
		sigaction(SIGUSR2, NULL, &sa);
		say("ignored: %s", sa.sa_handler == SIG_IGN ? "kept" : "default");
		_exit(0);
	}
	reap(r);
	sigaction(SIGUSR1, NULL, &sa);
	YES(sa.sa_handler == count);
}

static void other_exit_signals(void)
{
	int status;
	long r;

	signal(SIGUSR1, count);
	r = raw_clone(SIGUSR1, NULL, NULL, NULL, 0);
	if (!r)
		_exit(5);
	while (!handled)
		sched_yield();
	R(waitpid(r, &status, WNOHANG));
	R(waitpid(r, &status, __WCLONE) == r);
	say("%s", ended(status));
	r = raw_clone(0, NULL, NULL, NULL, 0);
	if (!r)
		_exit(6);
	R(waitpid(-1, &status, 0));
	R(waitpid(-1, &status, __WALL) == r);
	say("%s", ended(status));
}

static int vm_value;
static int changes_memory(void *arg)
{
	vm_value = 9;
	return 4;
}

static void memory_without_thread(void)
{
	int status;
	pid_t pid = clone(changes_memory, stack[1] + sizeof(stack[1]), CLONE_VM | SIGCHLD, NULL);

	status = reap(pid);
	say("%s, value %d", ended(status), vm_value);
}

/* ---- ends ---- */
static void *ends_process(void *arg)
{
	struct timespec ts = { 0, 20000000 };

	nanosleep(&ts, NULL);
	_exit(31);
}

static void *sleeps(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void leader_gone(void)
{
	siginfo_t si;
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, sleeps, NULL);
		syscall(SYS_exit, 3); /* this thread only */
	}
	usleep(50000);
	R(waitpid(pid, &status, WNOHANG));
	R(kill(pid, 0));
	R(kill(pid, SIGTERM));
	R(waitid(P_PID, pid, &si, WEXITED | WNOWAIT));
	say("code %d, status %d", si.si_code, si.si_status);
	status = reap(pid);
	say("%s", ended(status));
}

static void end_from_a_thread(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t[4];

		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, i == 2 ? ends_process : sleeps, NULL);
		syscall(SYS_exit, 3);
	}
	status = reap(pid);
	say("%s", ended(status));
}

static void *ends_alone(void *arg)
{
	syscall(SYS_exit, 0);
	return NULL;
}

static void last_thread_ends(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, ends_alone, NULL);
		usleep(20000);
		syscall(SYS_exit, 12);
	}
	status = reap(pid);
	say("%s", ended(status));
}

static void *forks(void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(getppid() == getpid() ? 1 : 17);
	waitpid(pid, &status, 0);
	say("its thread: %s", ended(status));
	return (void *)(long)fork();
}

static void children_belong_to_all(void)
{
	pthread_t t;
	void *child;
	int status;

	pthread_create(&t, NULL, forks, NULL);
	pthread_join(t, &child);
	if (!child)
		_exit(0);
	R(waitpid((long)child, &status, 0) == (long)child);
}

static void *execs(void *arg)
{
	execlp("sh", "sh", "-c", "exit $(( $$ == $0 ? 40 : 41 ))", (char *)arg, (char *)NULL);
	_exit(99);
}

static void exec_takes_the_number(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char number[16];
		pthread_t t;

		snprintf(number, sizeof(number), "%d", getpid());
		pthread_create(&t, NULL, execs, number);
		pthread_create(&t, NULL, sleeps, NULL);
		pause();
	}
	status = reap(pid);
	say("%s", ended(status));
}

ABI_MAIN(CASE(impossible_flags), CASE(old_call_flags), CASE(arguments), CASE(wanted_numbers),
	 CASE(pidfd_of_child), CASE(numbers_in_memory), CASE(cleared_and_woken),
	 CASE(clearing_of_processes), CASE(brothers), CASE(handlers_cleared),
	 CASE(other_exit_signals), CASE(memory_without_thread), CASE(leader_gone),
	 CASE(end_from_a_thread), CASE(last_thread_ends), CASE(children_belong_to_all),
	 CASE(exec_takes_the_number))
