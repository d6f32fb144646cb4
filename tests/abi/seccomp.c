/* SPDX-License-Identifier: MIT */
/* seccomp(2): strict mode, filters and their verdicts, what they are checked for, and threads. */
#include "seccomp.h"

#include <linux/ptrace.h>
#include <pthread.h>
#include <sched.h>
#include <sys/user.h>
#include <ucontext.h>

static long sec(unsigned int op, unsigned int flags, const void *args)
{
	return syscall(SYS_seccomp, op, flags, args);
}

/* What a call gave; its errno is read after it. */
static void called(const char *what, long r)
{
	say("%s %ld %d", what, r, r < 0 ? errno : 0);
}
static const char *number(unsigned int n)
{
	static char text[16];

	snprintf(text, sizeof(text), "%u", n);
	return text;
}

static void show_status(void)
{
	char line[200];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Seccomp", 7) || !strncmp(line, "NoNewPrivs", 10)) {
			line[strcspn(line, "\n")] = 0;
			say("%s", line);
		}
	if (f)
		fclose(f);
}

/* ---- the call itself ---- */

static void operations(void)
{
	static const uint32_t actions[] = { SECCOMP_RET_KILL_PROCESS,
					    SECCOMP_RET_KILL_THREAD,
					    SECCOMP_RET_TRAP,
					    SECCOMP_RET_ERRNO,
					    SECCOMP_RET_USER_NOTIF,
					    SECCOMP_RET_TRACE,
					    SECCOMP_RET_LOG,
					    SECCOMP_RET_ALLOW,
					    SECCOMP_RET_ERRNO | 1,
					    0x00010000,
					    0xffff0000 };
	struct seccomp_notif_sizes sizes;

	R(sec(4, 0, NULL));
	R(sec(-1, 0, NULL));
	R(sec(SECCOMP_SET_MODE_STRICT, 1, NULL));
	R(sec(SECCOMP_SET_MODE_STRICT, 0, &sizes));
	R(sec(SECCOMP_GET_ACTION_AVAIL, 1, actions));
	R(sec(SECCOMP_GET_ACTION_AVAIL, 0, NULL));
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		say("action %#x: %s", actions[i],
		    sec(SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]) ? errno_name(errno) : "there");
	R(sec(SECCOMP_GET_NOTIF_SIZES, 1, &sizes));
	R(sec(SECCOMP_GET_NOTIF_SIZES, 0, NULL));
	R(sec(SECCOMP_GET_NOTIF_SIZES, 0, &sizes));
	say("%d %d %d", sizes.seccomp_notif, sizes.seccomp_notif_resp, sizes.seccomp_data);
	R(prctl(PR_GET_SECCOMP));
	R(prctl(PR_SET_SECCOMP, 0));
	R(prctl(PR_SET_SECCOMP, 3));
	R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
}

static void flags(void)
{
	no_new_privs();
	for (unsigned int f = 0; f < 0x80; f++) {
		long r = sec(SECCOMP_SET_MODE_FILTER, f, NULL);

		say("flags %#x: %s", f, r < 0 ? errno_name(errno) : "ok");
	}
	R(sec(SECCOMP_SET_MODE_FILTER, 0x80000000, NULL));
}

static void lengths(void)
{
	static struct sock_filter many[4097];
	struct sock_fprog prog = { 0, many };

	for (size_t i = 0; i < 4097; i++)
		many[i] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	no_new_privs();
	R(sec(SECCOMP_SET_MODE_FILTER, 0, &prog));
	prog.len = 4097;
	R(sec(SECCOMP_SET_MODE_FILTER, 0, &prog));
	prog = (struct sock_fprog){ 1, wild(8) };
	R(sec(SECCOMP_SET_MODE_FILTER, 0, &prog));
	R(sec(SECCOMP_SET_MODE_FILTER, 0, wild(8)));
	/* How many instructions fit in all is Linux's own count: not those of the program that was given. */
	R(filter_n(0, many, 4096));
	R(filter_n(0, many, 4096));
	for (int i = 0; i < 6; i++)
		filter_n(0, many, 4096);
	R(filter_n(0, many, 4096));
	R(filter_n(0, many, 4));
}

static void who_may(void)
{
	if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		say("still root");
	R(FILTER(0, RETURN(SECCOMP_RET_ALLOW)));
	R(FILTER(0, RETURN(SECCOMP_RET_ALLOW), RETURN(0x12345678), BPF_STMT(0xffff, 0)));
	no_new_privs();
	R(FILTER(0, RETURN(SECCOMP_RET_ALLOW)));
	R(prctl(PR_GET_SECCOMP));
	show_status();
}

/* ---- the check ---- */

#define TRY(...) say("%s: %s", #__VA_ARGS__, FILTER(0, __VA_ARGS__) ? errno_name(errno) : "ok")
#define S(code, k) BPF_STMT(code, k)
#define J(code, k, t, f) BPF_JUMP(code, k, t, f)
#define OK RETURN(SECCOMP_RET_ALLOW)

static void instructions(void)
{
	no_new_privs();
	/* every code there is, with constants that are harmless to most */
	for (unsigned int code = 0; code < 0x200; code++)
		for (unsigned int k = 0; k < 2; k++)
			if (!FILTER(0, S(BPF_LD | BPF_IMM, 1), S(BPF_LDX | BPF_IMM, 1),
				    S(BPF_ST, 0), S(BPF_ST, 1), S(code, k), OK, OK))
				say("code %#x with %u", code, k);
	TRY(S(0xff00 | BPF_RET, 0));
	TRY(S(BPF_RET | BPF_X, 0));
	TRY(S(BPF_RET | BPF_A, 0));
}

static void loads(void)
{
	no_new_privs();
	for (unsigned int k = 0; k < 72; k++) {
		bool ok = !FILTER(0, S(BPF_LD | BPF_W | BPF_ABS, k), OK);

		if (ok || !(k & 3))
			say("word at %u: %s", k, ok ? "ok" : errno_name(errno));
	}
	TRY(S(BPF_LD | BPF_W | BPF_ABS, -4096), OK); /* where packets have their extras */
	TRY(S(BPF_LD | BPF_W | BPF_ABS, -4), OK);
	TRY(S(BPF_LD | BPF_H | BPF_ABS, 0), OK);
	TRY(S(BPF_LD | BPF_B | BPF_ABS, 0), OK);
	TRY(S(BPF_LD | BPF_W | BPF_IND, 0), OK);
	TRY(S(BPF_LDX | BPF_B | BPF_MSH, 0), OK);
}

static void jumps(void)
{
	no_new_privs();
	TRY(S(BPF_JMP | BPF_JA, 0), OK);
	TRY(S(BPF_JMP | BPF_JA, 1), OK);
	TRY(S(BPF_JMP | BPF_JA, -1), OK);
	TRY(S(BPF_JMP | BPF_JA, 0x7fffffff), OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 1, 0), OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 0, 1), OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 1, 1), OK, OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 255, 255), OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 0, 0));
	TRY(S(BPF_LD | BPF_IMM, 0));
	TRY(OK, S(BPF_LD | BPF_IMM, 0));
	TRY(OK, OK);
}

static void constants(void)
{
	no_new_privs();
	TRY(S(BPF_ALU | BPF_DIV | BPF_K, 0), OK);
	TRY(S(BPF_ALU | BPF_DIV | BPF_K, 1), OK);
	TRY(S(BPF_ALU | BPF_MOD | BPF_K, 1), OK);
	TRY(S(BPF_ALU | BPF_LSH | BPF_K, 31), OK);
	TRY(S(BPF_ALU | BPF_LSH | BPF_K, 32), OK);
	TRY(S(BPF_ALU | BPF_RSH | BPF_K, 32), OK);
	TRY(S(BPF_ST, 15), OK);
	TRY(S(BPF_ST, 16), OK);
	TRY(S(BPF_STX, 16), OK);
	TRY(S(BPF_LD | BPF_MEM, 16), OK);
	TRY(S(BPF_LDX | BPF_MEM, -1), OK);
}

static void memory(void)
{
	no_new_privs();
	TRY(S(BPF_LD | BPF_MEM, 0), OK);
	TRY(S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 0), OK);
	TRY(S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 1), OK);
	TRY(S(BPF_STX, 3), S(BPF_LDX | BPF_MEM, 3), OK);
	/* written on one way only, on both, and where nobody comes by */
	TRY(J(BPF_JMP | BPF_JEQ, 0, 0, 1), S(BPF_ST, 0), S(BPF_LD | BPF_MEM, 0), OK);
	TRY(J(BPF_JMP | BPF_JEQ, 0, 0, 2), S(BPF_ST, 0), S(BPF_JMP | BPF_JA, 1), S(BPF_ST, 0),
	    S(BPF_LD | BPF_MEM, 0), OK);
	TRY(S(BPF_JMP | BPF_JA, 1), S(BPF_LD | BPF_MEM, 0), OK);
	TRY(OK, S(BPF_LD | BPF_MEM, 0), OK);
}

/* ---- what programs compute: the errno tells ---- */

#define COMPUTE(...)                                                                               \
	do {                                                                                       \
		pid_t pid_ = fork();                                                               \
		if (!pid_) {                                                                       \
			long r_ =                                                                  \
				FILTER(0, FIELD(nr), WHEN(SYS_getppid, 1), S(BPF_JMP | BPF_JA, 1), \
				       OK, __VA_ARGS__, S(BPF_ALU | BPF_AND | BPF_K, 0xfff),       \
				       S(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),             \
				       S(BPF_RET | BPF_A, 0));                                     \
			if (r_)                                                                    \
				say("no filter: %s", errno_name(errno));                           \
			r_ = syscall(SYS_getppid);                                                 \
			say("%s = %d", #__VA_ARGS__, r_ < 0 ? errno : 0);                          \
			_exit(0);                                                                  \
		}                                                                                  \
		if (reap(pid_))                                                                    \
			say("%s: ended", #__VA_ARGS__);                                            \
	} while (0)
#define A(v) S(BPF_LD | BPF_IMM, v)
#define X(v) S(BPF_LDX | BPF_IMM, v)

static void arithmetic(void)
{
	no_new_privs();
	COMPUTE(A(5), S(BPF_ALU | BPF_ADD | BPF_K, 7));
	COMPUTE(A(5), X(7), S(BPF_ALU | BPF_SUB | BPF_X, 0));
	COMPUTE(A(1000), S(BPF_ALU | BPF_MUL | BPF_K, 0x10001));
	COMPUTE(A(-1), S(BPF_ALU | BPF_DIV | BPF_K, 0x100000));
	COMPUTE(A(100), X(7), S(BPF_ALU | BPF_DIV | BPF_X, 0));
	COMPUTE(A(100), X(0), S(BPF_ALU | BPF_DIV | BPF_X, 0));
	COMPUTE(A(0xff), S(BPF_ALU | BPF_AND | BPF_K, 0x3c));
	COMPUTE(A(0xf0), X(0x3c), S(BPF_ALU | BPF_OR | BPF_X, 0));
	COMPUTE(A(0xf0), S(BPF_ALU | BPF_XOR | BPF_K, 0x3c));
	COMPUTE(A(3), S(BPF_ALU | BPF_LSH | BPF_K, 4));
	COMPUTE(A(3), X(33), S(BPF_ALU | BPF_LSH | BPF_X, 0));
	COMPUTE(A(0x80000000), S(BPF_ALU | BPF_RSH | BPF_K, 24));
	COMPUTE(A(0x80000000), X(56), S(BPF_ALU | BPF_RSH | BPF_X, 0));
	COMPUTE(A(5), S(BPF_ALU | BPF_NEG, 0));
	COMPUTE(A(5), S(BPF_MISC | BPF_TAX, 0), A(6), S(BPF_MISC | BPF_TXA, 0));
	COMPUTE(A(5), S(BPF_ST, 15), A(6), X(9), S(BPF_STX, 3), S(BPF_LD | BPF_MEM, 3));
	COMPUTE(A(5), S(BPF_ST, 15), A(6), S(BPF_LDX | BPF_MEM, 15), S(BPF_MISC | BPF_TXA, 0));
	COMPUTE(S(BPF_LD | BPF_W | BPF_LEN, 0));
	COMPUTE(S(BPF_LDX | BPF_W | BPF_LEN, 0), S(BPF_MISC | BPF_TXA, 0));
	COMPUTE(FIELD(arch), S(BPF_ALU | BPF_AND | BPF_K, 0xfff));
}

#define COMPARE(op, a, b)                                                                          \
	COMPUTE(A(a), X(b), J(BPF_JMP | op | BPF_X, 0, 1, 0), A(1),                                \
		J(BPF_JMP | op | BPF_K, b, 0, 1), A(2))
static void comparisons(void)
{
	no_new_privs();
	COMPARE(BPF_JEQ, 7, 7);
	COMPARE(BPF_JEQ, 7, 8);
	COMPARE(BPF_JGT, 7, 7);
	COMPARE(BPF_JGT, -1, 7);
	COMPARE(BPF_JGE, 7, 7);
	COMPARE(BPF_JGE, 7, -1);
	COMPARE(BPF_JSET, 6, 2);
	COMPARE(BPF_JSET, 6, 1);
}

static void arguments(void)
{
	no_new_privs();
	R(FILTER(0, FIELD(nr), WHEN(SYS_personality, 5), FIELD(args[1]), WHEN(2, 3), FIELD(args[5]),
		 WHEN(6, 1), RETURN(SECCOMP_RET_ERRNO | 77), OK));
	say("%ld", syscall(SYS_personality, 0xffffffff, 2, 3, 4, 5, 6));
	R(errno);
	say("%d", syscall(SYS_personality, 0xffffffff, 2, 3, 4, 5, 7) >= 0);
	R(FILTER(0, FIELD(args[0]), WHEN(0x89abcdef, 3), S(BPF_LD | BPF_W | BPF_ABS, 20),
		 WHEN(0x01234567, 1), RETURN(SECCOMP_RET_ERRNO | 78), OK));
	say("%ld", syscall(SYS_getppid, 0x0123456789abcdef));
	R(errno);
	/* other numbers: none, x32's, and one that the lower half alone is looked at */
	R(VERDICT(0, 0x40000027, SECCOMP_RET_ERRNO | 79));
	called("", syscall(0x40000027));
	R(VERDICT(0, 0xfffffffe, SECCOMP_RET_ERRNO | 80));
	called("", syscall(-2));
	R(VERDICT(0, SYS_getuid, SECCOMP_RET_ERRNO | 81));
	called("", syscall(SYS_getuid | 0x100000000));
}

/* ---- the verdicts ---- */

static void call_it(void)
{
	long r = syscall(SYS_getppid);

	say("getppid gives %s", r < 0 ? errno_name(errno) : r ? "a number" : "0");
}

static void errnos(void)
{
	static const unsigned int values[] = { 0, 1, 38, 4094, 4095, 4096, 0xffff };

	no_new_privs();
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | values[i]));
			called(number(values[i]), syscall(SYS_getppid));
			_exit(0);
		}
		reap(pid);
	}
}

static void with(unsigned int verdict)
{
	pid_t pid = fork();

	if (!pid) {
		if (VERDICT(0, SYS_getppid, verdict))
			say("no filter");
		call_it();
		_exit(0);
	}
	say("verdict %#x: %s", verdict, ended(reap(pid) & ~0x80));
}

static void verdicts(void)
{
	no_new_privs();
	with(SECCOMP_RET_ALLOW);
	with(SECCOMP_RET_ALLOW | 5);
	with(SECCOMP_RET_LOG | 5);
	with(SECCOMP_RET_TRACE | 5);
	with(SECCOMP_RET_USER_NOTIF | 5);
	with(SECCOMP_RET_TRAP);
	with(SECCOMP_RET_KILL_THREAD);
	with(SECCOMP_RET_KILL_PROCESS);
	with(0x00010000);
	with(0x7ffe0000);
	with(0xffff0000);
	with(0x80010000);
}

/* The strictest of several counts; of equals, the data of the latest. */
/* A verdict that held once: for other arguments, for a filter that came later, for who has another one. */
static void asked_again(void)
{
	pid_t pid;

	no_new_privs();
	R(FILTER(0, FIELD(nr), WHEN(SYS_personality, 3), FIELD(args[1]), WHEN(2, 1),
		 RETURN(SECCOMP_RET_ERRNO | 77), OK));
	for (int i = 0; i < 4; i++)
		say("%d", syscall(SYS_personality, 0xffffffff, i) < 0 ? errno : 0);
	for (int i = 0; i < 3; i++)
		say("%d", syscall(SYS_getuid) < 0 ? errno : 0);
	pid = fork();
	if (!pid) {
		say("child %d", syscall(SYS_getuid) < 0 ? errno : 0);
		R(VERDICT(0, SYS_getuid, SECCOMP_RET_ERRNO | 7));
		say("child %d", syscall(SYS_getuid) < 0 ? errno : 0);
		_exit(0);
	}
	reap(pid);
	say("%d", syscall(SYS_getuid) < 0 ? errno : 0);
	R(VERDICT(0, SYS_getuid, SECCOMP_RET_ERRNO | 8));
	say("%d", syscall(SYS_getuid) < 0 ? errno : 0);
}

static void precedence(void)
{
	static const unsigned int all[] = { SECCOMP_RET_LOG,        SECCOMP_RET_TRACE,
					    SECCOMP_RET_USER_NOTIF, SECCOMP_RET_ERRNO | 1,
					    SECCOMP_RET_TRAP,       SECCOMP_RET_KILL_THREAD };
	size_t n = sizeof(all) / sizeof(all[0]);

	no_new_privs();
	for (size_t a = 0; a < n; a++) {
		for (size_t b = 0; b < n; b++) {
			pid_t pid = fork();

			if (!pid) {
				if (VERDICT(0, SYS_getppid, all[a]) ||
				    VERDICT(0, SYS_getppid, all[b]))
					say("no filter");
				call_it();
				_exit(0);
			}
			say("%#x then %#x: %s", all[a], all[b], ended(reap(pid) & ~0x80));
		}
	}
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | 7));
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | 8));
	called("", syscall(SYS_getppid));
	show_status();
}

static volatile int traps;
static void on_trap(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *u = ctx;

	traps++;
	say("signal %d code %d errno %d call %d arch %#x, address %s, rax %lld", sig, info->si_code,
	    info->si_errno, info->si_syscall, info->si_arch,
	    info->si_call_addr == (void *)u->uc_mcontext.gregs[REG_RIP] ? "of the call" : "OTHER",
	    (long long)u->uc_mcontext.gregs[REG_RAX]);
	u->uc_mcontext.gregs[REG_RAX] = 1234;
}

static void trapped(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	no_new_privs();
	sigaction(SIGSYS, &sa, NULL);
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_TRAP | 99));
	R(syscall(SYS_getppid));
	R(traps);
	R(syscall(SYS_getppid, 1, 2, 3));
}

static void trapped_while_blocked(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };
	sigset_t set;

	sigaction(SIGSYS, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	VERDICT(0, SYS_getppid, SECCOMP_RET_TRAP);
	R(syscall(SYS_getppid));
}
static void trapped_while_ignored(void)
{
	signal(SIGSYS, SIG_IGN);
	VERDICT(0, SYS_getppid, SECCOMP_RET_TRAP);
	R(syscall(SYS_getppid));
}
static void trap_masks(void)
{
	no_new_privs();
	CHILD(trapped_while_blocked);
	CHILD(trapped_while_ignored);
}

/* ---- strict mode ---- */

static void strict_read(void)
{
	char c;
	int p[2];

	if (pipe(p) || write(p[1], "x", 1) != 1)
		_exit(9);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	if (read(p[0], &c, 1) == 1)
		syscall(SYS_exit, c == 'x' ? 42 : 1);
}
static void strict_other(void)
{
	sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
	syscall(SYS_getppid);
}
static void strict_group(void)
{
	sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
	syscall(SYS_exit_group, 0);
}
static void strict_nothing(void)
{
	sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
	syscall(1000);
}
static void strict_again(void)
{
	sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
	sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
}
static void strict_after_filter(void)
{
	no_new_privs();
	R(FILTER(0, OK));
	R(sec(SECCOMP_SET_MODE_STRICT, 0, NULL));
	R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	R(prctl(PR_GET_SECCOMP));
}
static void strict(void)
{
	CHILD(strict_read);
	CHILD(strict_other);
	CHILD(strict_group);
	CHILD(strict_nothing);
	CHILD(strict_again);
	CHILD(strict_after_filter);
}

/* ---- inheritance, threads ---- */

static void inherited(void)
{
	no_new_privs();
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | 7));
	CHILD(call_it);
	if (!fork()) {
		R(VERDICT(0, SYS_getpgrp, SECCOMP_RET_ERRNO | 8));
		say("%ld", syscall(SYS_getpgrp));
		call_it();
		show_status();
		execl("/proc/self/exe", "x", "after_exec", (char *)NULL);
		_exit(1);
	}
	wait(NULL);
	say("%d", syscall(SYS_getpgrp) >= 0);
	show_status();
}

static void after_exec(void)
{
	if (prctl(PR_GET_SECCOMP))
		show_status();
}

struct thread {
	pthread_t id;
	pthread_barrier_t *at;
	void (*first)(void), (*then)(void);
};
static void *thread_main(void *arg)
{
	struct thread *t = arg;

	if (t->first)
		t->first();
	pthread_barrier_wait(t->at);
	pthread_barrier_wait(t->at);
	if (t->then)
		t->then();
	return NULL;
}
static void with_thread(void (*first)(void), void (*middle)(void), void (*then)(void))
{
	pthread_barrier_t at;
	struct thread t = { .at = &at, .first = first, .then = then };

	pthread_barrier_init(&at, NULL, 2);
	pthread_create(&t.id, NULL, thread_main, &t);
	pthread_barrier_wait(&at);
	middle();
	pthread_barrier_wait(&at);
	pthread_join(t.id, NULL);
}

static void own_filter(void)
{
	R(VERDICT(0, SYS_getuid, SECCOMP_RET_ERRNO | 9));
}
static void plain_filter(void)
{
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | 7));
}
static void sync_filter(void)
{
	R(VERDICT(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | 7));
}
static void sync_fails(void)
{
	O(VERDICT(SECCOMP_FILTER_FLAG_TSYNC, SYS_getppid, SECCOMP_RET_ERRNO | 7) > 0);
	R(VERDICT(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, SYS_getppid,
		  SECCOMP_RET_ERRNO | 7));
	show_status();
}
static void look(void)
{
	call_it();
	R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(prctl(PR_GET_SECCOMP));
}
static void threads_apart(void)
{
	no_new_privs();
	with_thread(NULL, plain_filter, look);
}
static void nnp_sync(void)
{
	no_new_privs();
	sync_filter();
}
static void threads_synced(void)
{
	with_thread(NULL, nnp_sync, look);
}
static void threads_diverged(void)
{
	no_new_privs();
	with_thread(own_filter, sync_fails, look);
}
static void threads_behind(void)
{
	no_new_privs();
	plain_filter();
	with_thread(NULL, sync_filter, look);
	show_status();
}
static void threads_ahead(void)
{
	no_new_privs();
	plain_filter();
	with_thread(own_filter, sync_fails, look);
}

static volatile pid_t victim;
static void *die_alone(void *arg)
{
	victim = syscall(SYS_gettid);
	if (arg)
		VERDICT(0, SYS_getppid, *(unsigned int *)arg);
	else
		sec(SECCOMP_SET_MODE_STRICT, 0, NULL);
	syscall(SYS_getppid);
	return NULL;
}
static void kill_a_thread(unsigned int *verdict)
{
	pid_t pid = fork();
	pthread_t t;

	if (!pid) {
		pthread_create(&t, NULL, die_alone, verdict);
		while (!victim || !syscall(SYS_tgkill, getpid(), victim, 0))
			sched_yield();
		say("the other lives");
		_exit(0);
	}
	say("%#x in a thread: %s", verdict ? *verdict : 0, ended(reap(pid) & ~0x80));
}
static void killed_threads(void)
{
	no_new_privs();
	kill_a_thread(NULL);
	kill_a_thread(&(unsigned int){ SECCOMP_RET_KILL_THREAD });
	kill_a_thread(&(unsigned int){ SECCOMP_RET_KILL_PROCESS });
	kill_a_thread(&(unsigned int){ SECCOMP_RET_TRAP });
}

static void kill_despite_handler(void)
{
	struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	sigaction(SIGSYS, &sa, NULL);
	VERDICT(0, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
	syscall(SYS_getppid);
	say("alive");
}
static void kill_despite_ignored(void)
{
	signal(SIGSYS, SIG_IGN);
	VERDICT(0, SYS_getppid, SECCOMP_RET_KILL_THREAD);
	syscall(SYS_getppid);
	say("alive");
}
static void kills(void)
{
	no_new_privs();
	CHILD(kill_despite_handler);
	CHILD(kill_despite_ignored);
}

/* ---- with a tracer ---- */

static long pt(long request, pid_t pid, unsigned long addr, void *data)
{
	return syscall(SYS_ptrace, request, pid, addr, data);
}

static void traced_child(void)
{
	pt(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	VERDICT(0, SYS_getppid, SECCOMP_RET_TRACE | 0x1234);
	VERDICT(0, SYS_getuid, SECCOMP_RET_ERRNO | 5);
	called("getppid: ", syscall(SYS_getppid));
	called("again: ", syscall(SYS_getppid));
	called("once more: ", syscall(SYS_getppid));
	_exit(0);
}

static void traced(void)
{
	struct ptrace_syscall_info info;
	unsigned long message;
	struct user_regs_struct regs;
	int status, n = 0;
	pid_t pid;

	no_new_privs();
	pid = fork();
	if (!pid)
		traced_child();
	waitpid(pid, &status, 0);
	R(pt(PTRACE_SETOPTIONS, pid, 0, (void *)(PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL)));
	for (;;) {
		pt(PTRACE_CONT, pid, 0, 0);
		if (waitpid(pid, &status, 0) < 0 || WIFEXITED(status) || WIFSIGNALED(status))
			break;
		say("stop %#x", status >> 8);
		pt(PTRACE_GETEVENTMSG, pid, 0, &message);
		pt(PTRACE_GETREGS, pid, 0, &regs);
		say("message %#lx, call %ld, rax %ld", message, (long)regs.orig_rax,
		    (long)regs.rax);
		memset(&info, 0, sizeof(info));
		R(pt(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info));
		say("op %d nr %lld data %#x", info.op, (long long)info.seccomp.nr,
		    info.seccomp.ret_data);
		if (n == 1) { /* no call, and a result */
			regs.orig_rax = -1;
			regs.rax = 4321;
		} else if (n == 2) { /* a call that another filter forbids */
			regs.orig_rax = SYS_getuid;
		} else {
			regs.orig_rax = SYS_close;
			regs.rdi = -1;
		}
		pt(PTRACE_SETREGS, pid, 0, &regs);
		n++;
	}
	say("%s", ended(status));
}

static void killed_under_tracer(void)
{
	int status;
	pid_t pid;

	no_new_privs();
	pid = fork();
	if (!pid) {
		pt(PTRACE_TRACEME, 0, 0, 0);
		VERDICT(0, SYS_getppid, SECCOMP_RET_KILL_PROCESS);
		syscall(SYS_getppid);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		say("stop %#x", status >> 8);
		pt(PTRACE_CONT, pid, 0, 0);
	}
	say("%s", ended(status & ~0x80));
}

static void available(void)
{
	char text[200] = "";
	int fd = open("/proc/sys/kernel/seccomp/actions_avail", O_RDONLY);

	O(read(fd, text, sizeof(text) - 1));
	say("%s", strtok(text, "\n"));
}

/* A call that a signal breaks off is asked about again when it begins anew. */
static int restarts;
static void on_alarm(int sig)
{
	restarts++;
}
static void interrupted(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	char c;
	int p[2];

	no_new_privs();
	sigaction(SIGALRM, &sa, NULL);
	R(pipe(p));
	R(VERDICT(0, SYS_restart_syscall, SECCOMP_RET_ERRNO | 9));
	if (!fork()) {
		usleep(50000);
		kill(getppid(), SIGALRM);
		usleep(50000);
		_exit(write(p[1], "x", 1) != 1);
	}
	R(read(p[0], &c, 1));
	R(restarts);
}

ABI_MAIN(CASE(operations), CASE(flags), CASE(lengths), CASE(who_may), CASE(instructions),
	 CASE(loads), CASE(jumps), CASE(constants), CASE(memory), CASE(arithmetic),
	 CASE(comparisons), CASE(arguments), CASE(errnos), CASE(verdicts), CASE(asked_again),
	 CASE(precedence), CASE(trapped), CASE(trap_masks), CASE(strict), CASE(inherited),
	 CASE(after_exec), CASE(threads_apart), CASE(threads_synced), CASE(threads_diverged),
	 CASE(threads_behind), CASE(threads_ahead), CASE(killed_threads), CASE(kills), CASE(traced),
	 CASE(killed_under_tracer), CASE(available), CASE(interrupted))
