/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 02, one a name: attack NAME. Each gives the kernel what no honest program would, and
 * compares what it answers with what Linux does; on Linux all of them say ok as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define KERNEL_TEXT 0xffffffff80100000UL
#define KERNEL_DATA 0xffff888000100000UL

static int wrong;

static const char *value(long v)
{
	static char text[2][40];
	static int turn;

	turn ^= 1;
	if (v < 0 && v > -4096)
		snprintf(text[turn], 40, "%s", strerror(-v));
	else
		snprintf(text[turn], 40, "%ld", v);
	return text[turn];
}

/* What the kernel itself returned: the errno negative, no C library between. */
static void expect(const char *what, long got, long want)
{
	if (got == want)
		return;
	printf("%s: expected %s, got %s\n", what, value(want), value(got));
	wrong++;
}

/* Six registers in, one out, and whether the others came back as they were. */
static int registers_changed;
static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long rax __asm__("rax") = nr, rdi __asm__("rdi") = a, rsi __asm__("rsi") = b;
	register long rdx __asm__("rdx") = c, r10 __asm__("r10") = d, r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f, r12 __asm__("r12") = 0x1212,
			 r13 __asm__("r13") = 0x1313;
	register long r14 __asm__("r14") = 0x1414, r15 __asm__("r15") = 0x1515,
			  rbx __asm__("rbx") = 0xbb;

	__asm__ volatile("syscall"
			 : "+r"(rax), "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r10), "+r"(r8),
			   "+r"(r9), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15), "+r"(rbx)
			 :
			 : "rcx", "r11", "memory");
	registers_changed += rdi != a || rsi != b || rdx != c || r10 != d || r8 != e || r9 != f ||
			     r12 != 0x1212 || r13 != 0x1313 || r14 != 0x1414 || r15 != 0x1515 ||
			     rbx != 0xbb;
	return rax;
}
#define CALL(nr, ...) CALL6(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL6(nr, a, b, c, d, e, f, ...)                                                           \
	raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static char *map(size_t pages, int prot)
{
	char *p = mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}

/* A writable page with nothing behind it; what is returned is its end. */
static char *before_hole(void)
{
	char *p = map(2, PROT_READ | PROT_WRITE);

	munmap(p + PAGE, PAGE);
	memset(p, 0x5a, PAGE);
	return p + PAGE;
}

static char *read_only(void)
{
	char *p = map(1, PROT_READ | PROT_WRITE);

	memset(p, 0x5a, PAGE);
	mprotect(p, PAGE, PROT_READ);
	return p;
}

/* ---- what every kernel must do before it can do anything else ---- */

static void numbers(void)
{
	static const long none[] = { 400,        511,        600,        1000, 4096,
				     0x7fffffff, 0x80000000, 0xffffffff, -1,   0x4000000000 + 400 };
	char what[60];

	for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++) {
		snprintf(what, sizeof(what), "system call %ld", none[i]);
		expect(what, raw(none[i], 0, 0, 0, 0, 0, 0), -ENOSYS);
	}
	expect("getpid with rubbish in the arguments",
	       raw(SYS_getpid, -1, KERNEL_DATA, -3, -4, -5, -6), getpid());
	expect("getpid, upper half of rax set", raw(0x123400000000 + SYS_getpid, 0, 0, 0, 0, 0, 0),
	       getpid());
	expect("close of an int, upper half of rdi set",
	       raw(SYS_close, 0x1200000000 + 77, 0, 0, 0, 0, 0), -EBADF);
}

/* Each of the six arguments where it belongs: mmap(2) uses them all. */
static void arguments(void)
{
	char *at = map(4, PROT_NONE), text[8];
	int fd = memfd_create("x", 0);
	long got;

	for (int i = 0; i < 3; i++)
		expect("pwrite64", CALL(SYS_pwrite64, fd, (char[]){ 'a' + i }, 1, i * PAGE + 7), 1);
	got = raw(SYS_mmap, (long)at, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE);
	expect("mmap with six arguments", got, (long)at);
	if (got == (long)at) {
		expect("byte 7 of page 1 of the file", at[7], 'b');
		expect("byte 7 of page 2 of the file", at[PAGE + 7], 'c');
	}
	expect("pread64", CALL(SYS_pread64, fd, text, 1, PAGE + 7), 1);
	expect("what it read", text[0], 'b');
	raw(SYS_getppid, 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666);
	raw(9999, 0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666);
	expect("calls after which a register other than rax, rcx, r11 had changed",
	       registers_changed, 0);
}

/* What a call costs that does nothing, in ticks: of an emulator that counts, instructions. */
static void cost(void)
{
	unsigned long best = -1UL;

	for (int round = 0; round < 5; round++) {
		unsigned long left = 1000, begin = __builtin_ia32_rdtsc(), took;

		__asm__ volatile("1: movl %1, %%eax; syscall; decq %0; jnz 1b"
				 : "+r"(left)
				 : "i"(SYS_getppid)
				 : "rax", "rcx", "r11", "memory");
		took = (__builtin_ia32_rdtsc() - begin) / 1000;
		best = took < best ? took : best;
	}
	printf("getppid: %lu ticks\n", best);
}

/* ---- pointers ---- */

static const struct {
	const char *name;
	long p;
} bad[] = { { "NULL", 0 },
	    { "1", 1 },
	    { "the kernel's text", KERNEL_TEXT },
	    { "the kernel's memory", KERNEL_DATA },
	    { "the end of the lower half", 0x7fffffffffff },
	    { "no address at all", 0x800000000000 },
	    { "the upper half's begin", (long)0xffff800000000000 },
	    { "-1", -1 },
	    { "-8", -8 } };

/* Every pointer argument with every bad pointer; the result goes nowhere and the next call works. */
static void pointers(void)
{
	int fd = open("/dev/zero", O_RDWR), p[2], dir = open("/", O_RDONLY | O_DIRECTORY);

	if (pipe(p) || write(p[1], "abc", 3) != 3)
		perror("pipe");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		long b = bad[i].p;
		struct iovec v = { (void *)b, 8 };
		const struct {
			const char *name;
			long got;
		} calls[] = {
			{ "read, buffer", CALL(SYS_read, fd, b, 8) },
			{ "write, buffer", CALL(SYS_write, p[1], b, 8) },
			{ "open, name", CALL(SYS_open, b, O_RDONLY) },
			{ "stat, name", CALL(SYS_stat, b, &(struct stat){ 0 }) },
			{ "stat, result", CALL(SYS_stat, "/", b) },
			{ "uname", CALL(SYS_uname, b) },
			{ "getcwd", CALL(SYS_getcwd, b, 100) },
			{ "getrandom", CALL(SYS_getrandom, b, 8, 0) },
			{ "pipe", CALL(SYS_pipe, b) },
			{ "readv, vector", CALL(SYS_readv, fd, b, 1) },
			{ "writev, vector", CALL(SYS_writev, p[1], b, 1) },
			{ "readv, piece", CALL(SYS_readv, fd, &v, 1) },
			{ "writev, piece", CALL(SYS_writev, p[1], &v, 1) },
			{ "getdents64", CALL(SYS_getdents64, dir, b, 512) },
			{ "clock_gettime", CALL(SYS_clock_gettime, CLOCK_MONOTONIC, b) },
			{ "nanosleep, request", CALL(SYS_nanosleep, b, 0) },
			{ "execve, name", CALL(SYS_execve, b, 0, 0) },
			{ "execve, arguments", b ? CALL(SYS_execve, "/bin/sh", b, 0) : -EFAULT },
		};
		char what[100];

		for (size_t k = 0; k < sizeof(calls) / sizeof(*calls); k++) {
			snprintf(what, sizeof(what), "%s, is %s", calls[k].name, bad[i].name);
			expect(what, calls[k].got, -EFAULT);
		}
	}
	expect("what is in the pipe at the end", CALL(SYS_read, p[0], (char[16]){ 0 }, 16), 3);
}

/* Results for a page that may only be read: refused, and the page stays as it is. */
static void readonly(void)
{
	int fd = open("/dev/zero", O_RDONLY);
	char *ro = read_only();
	struct iovec v = { ro, 100 };

	expect("read", CALL(SYS_read, fd, ro, 8), -EFAULT);
	expect("read of a page", CALL(SYS_read, fd, ro, PAGE), -EFAULT);
	expect("readv", CALL(SYS_readv, fd, &v, 1), -EFAULT);
	expect("uname", CALL(SYS_uname, ro), -EFAULT);
	expect("getcwd", CALL(SYS_getcwd, ro, PAGE), -EFAULT);
	expect("getrandom", CALL(SYS_getrandom, ro, 300, 0), -EFAULT);
	expect("clock_gettime", CALL(SYS_clock_gettime, CLOCK_MONOTONIC, ro), -EFAULT);
	for (size_t i = 0; i < PAGE; i++)
		if (ro[i] != 0x5a) {
			expect("a byte of the read-only page", ro[i], 0x5a);
			break;
		}
	expect("write from it", CALL(SYS_write, open("/dev/null", O_WRONLY), ro, PAGE), PAGE);
}

/* Arguments that run into a page that is not there, and such that end just before it. */
static void crossing(void)
{
	char *end = before_hole(), name[PATH_MAX + 2];
	int null = open("/dev/null", O_WRONLY);
	struct iovec *v = (struct iovec *)end - 2;

	strcpy(end - 5, "/tmp");
	expect("access, its NUL the last byte before the hole", CALL(SYS_access, end - 5, 0), 0);
	memcpy(end - 4, "/tmp", 4);
	expect("access, a name that runs into the hole", CALL(SYS_access, end - 4, 0), -EFAULT);
	memset(name, '/', sizeof(name));
	name[PATH_MAX - 1] = 0;
	expect("access, the longest name", CALL(SYS_access, name, 0), 0);
	name[PATH_MAX - 1] = '/';
	name[PATH_MAX] = 0;
	expect("access, a name one longer", CALL(SYS_access, name, 0), -ENAMETOOLONG);
	expect("uname, the last byte not there", CALL(SYS_uname, end - sizeof(struct utsname) + 1),
	       -EFAULT);
	expect("uname, all of it there", CALL(SYS_uname, end - sizeof(struct utsname)), 0);
	v[0] = v[1] = (struct iovec){ "ab", 2 };
	expect("writev, a vector that ends before the hole", CALL(SYS_writev, null, v, 2), 4);
	expect("writev, a vector that runs into it", CALL(SYS_writev, null, v, 3), -EFAULT);
	expect("clock_gettime, half of the result there",
	       CALL(SYS_clock_gettime, CLOCK_MONOTONIC, end - 8), -EFAULT);
	expect("clock_gettime, all of it there", CALL(SYS_clock_gettime, CLOCK_MONOTONIC, end - 16),
	       0);
	expect("getrandom, 1000 bytes before the hole are there",
	       CALL(SYS_getrandom, end - 1000, 1000, 0), 1000);
}

/* ---- complete calls ---- */

static void vectors(void)
{
	static struct iovec many[IOV_MAX + 1];
	char got[64] = { 0 }, a[4] = { 0 }, b[40] = { 0 };
	struct iovec v[4] = { { "one ", 4 }, { NULL, 0 }, { "two", 3 }, { "", 0 } };
	int fd = memfd_create("x", 0);

	expect("writev of 4 + 0 + 3 + 0 bytes", CALL(SYS_writev, fd, v, 4), 7);
	expect("pread64", CALL(SYS_pread64, fd, got, 64, 0), 7);
	expect("is it the same?", strcmp(got, "one two"), 0);
	v[0] = (struct iovec){ a, 3 };
	v[1] = (struct iovec){ b, 40 };
	expect("preadv into 3 + 40 bytes", CALL(SYS_preadv, fd, v, 2, 0), 7);
	expect("is it the same?", strncmp(a, "one", 3) || strcmp(b, " two"), 0);
	expect("readv of no pieces", CALL(SYS_readv, fd, v, 0), 0);
	expect("readv of no pieces, vector nowhere", CALL(SYS_readv, fd, KERNEL_DATA, 0), 0);
	expect("writev of -1 pieces", CALL(SYS_writev, fd, v, -1), -EINVAL);
	expect("writev of 1025 pieces", CALL(SYS_writev, fd, many, IOV_MAX + 1), -EINVAL);
	for (int i = 0; i < IOV_MAX; i++)
		many[i] = (struct iovec){ "x", 1 };
	expect("writev of 1024 pieces", CALL(SYS_writev, fd, many, IOV_MAX), IOV_MAX);
	v[0] = (struct iovec){ "x", 1 };
	v[1] = (struct iovec){ "x", -1 };
	expect("writev, a length of -1", CALL(SYS_writev, fd, v, 2), -EINVAL);
	v[1] = (struct iovec){ "x", 1UL << 63 };
	expect("writev, the smallest negative length", CALL(SYS_writev, fd, v, 2), -EINVAL);
	v[1] = (struct iovec){ (void *)KERNEL_DATA, 8 };
	expect("writev, the second piece the kernel's", CALL(SYS_writev, fd, v, 2), -EFAULT);
	v[1] = (struct iovec){ "x", 1UL << 47 };
	expect("writev, a piece that goes on beyond the lower half", CALL(SYS_writev, fd, v, 2),
	       -EFAULT);
	v[0] = (struct iovec){ (void *)0x10000, 0x7ffff000 };
	v[1] = (struct iovec){ (void *)0x10000, 0x7ffff000 };
	v[2] = (struct iovec){ (void *)0x10000, 0x7ffff000 };
	expect("writev to /dev/null, more than a call may move",
	       CALL(SYS_writev, open("/dev/null", O_WRONLY), v, 3), 0x7ffff000);
	expect("writev, descriptor not open", CALL(SYS_writev, 99, v, 1), -EBADF);
}

static void cwd(void)
{
	char buf[PATH_MAX], deep[100], *end = before_hole();
	int n = 0;

	memset(deep, 'd', 99);
	deep[99] = 0;
	if (chdir("/tmp") || mkdir("lab02", 0755) || chdir("lab02"))
		perror("chdir");
	memset(buf, 1, sizeof(buf));
	expect("getcwd", CALL(SYS_getcwd, buf, sizeof(buf)), 11);
	expect("is it /tmp/lab02?", strcmp(buf, "/tmp/lab02"), 0);
	expect("the byte behind it", buf[11], 1);
	expect("getcwd, exactly the room", CALL(SYS_getcwd, end - 11, 11), 11);
	expect("getcwd, one byte too little", CALL(SYS_getcwd, buf, 10), -ERANGE);
	expect("getcwd, no room", CALL(SYS_getcwd, buf, 0), -ERANGE);
	expect("getcwd, no room and no buffer", CALL(SYS_getcwd, NULL, 0), -ERANGE);
	expect("getcwd, a huge size", CALL(SYS_getcwd, end - 11, -1UL), 11);
	expect("getcwd, one byte of it in a hole", CALL(SYS_getcwd, end - 10, PAGE), -EFAULT);
	rmdir("/tmp/lab02");
	expect("getcwd, the directory was removed", CALL(SYS_getcwd, buf, sizeof(buf)), -ENOENT);
	if (chdir("/"))
		perror("chdir");
	expect("getcwd in /", CALL(SYS_getcwd, buf, sizeof(buf)), 2);
	if (chdir("/tmp"))
		perror("chdir");
	while (n < 20 && !mkdir(deep, 0755) && !chdir(deep))
		n++;
	expect("levels of 99 characters", n, 20);
	expect("getcwd there", CALL(SYS_getcwd, buf, sizeof(buf)), 5 + 20 * 100);
	expect("getcwd there, 2000 bytes of room", CALL(SYS_getcwd, buf, 2000), -ERANGE);
	while (n-- > 0)
		if (chdir("..") || rmdir(deep))
			perror("rmdir");
}

static void randoms(void)
{
	static unsigned char buf[100000];
	char *end = before_hole();
	long n, zeros = 0;

	expect("getrandom of 0 bytes", CALL(SYS_getrandom, buf, 0, 0), 0);
	expect("getrandom of 7 bytes", CALL(SYS_getrandom, buf, 7, 0), 7);
	expect("the byte behind them", buf[7], 0);
	expect("getrandom of 100000 bytes", CALL(SYS_getrandom, buf, sizeof(buf), 0), sizeof(buf));
	for (size_t i = 0; i < sizeof(buf); i++)
		zeros += !buf[i];
	expect("is about each 256th of them 0?", zeros > 200 && zeros < 600, 1);
	expect("are two pieces alike?", !memcmp(buf, buf + 256, 256), 0);
	expect("getrandom, unknown flag", CALL(SYS_getrandom, buf, 7, 8), -EINVAL);
	expect("getrandom, GRND_RANDOM and GRND_INSECURE", CALL(SYS_getrandom, buf, 7, 6), -EINVAL);
	expect("getrandom, GRND_RANDOM", CALL(SYS_getrandom, buf, 7, 2), 7);
	n = CALL(SYS_getrandom, end - 2048, 4000, 0);
	expect("getrandom, 2048 bytes there: more than none, no more than they?",
	       n > 0 && n <= 2048, 1);
	expect("getrandom, nothing there", CALL(SYS_getrandom, end, 100, 0), -EFAULT);
	expect("getrandom, bad flag before bad buffer", CALL(SYS_getrandom, end, 100, 64), -EINVAL);
}

/* ---- two threads against one kernel ---- */

static struct iovec *volatile moving;
static char *volatile moving_name;
static volatile int stop;

static void *mover(void *arg)
{
	char *ours = arg;

	for (unsigned long i = 0; !stop; i++) {
		((volatile struct iovec *)moving)->iov_len = i & 1 ? 8 : -1UL;
		((volatile struct iovec *)moving)->iov_base = i & 2 ? ours : (void *)KERNEL_DATA;
		*(volatile char *)moving_name = i & 4 ? '/' : 'x';
	}
	return NULL;
}

/* What is checked must be what is used: the vector and the name change all the time. */
static void race(void)
{
	char *ours = map(1, PROT_READ | PROT_WRITE);
	int fd = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	struct iovec v[2] = { { ours, 8 }, { ours + 64, 8 } };
	long other = 0;
	char name[] = "/tmp";
	pthread_t t;
	time_t until = time(NULL) + 2;

	moving = &v[0];
	moving_name = name;
	pthread_create(&t, NULL, mover, ours);
	while (time(NULL) < until && !other) {
		for (int i = 0; i < 100; i++) {
			long r = i & 1 ? CALL(SYS_readv, fd, v, 2) : CALL(SYS_writev, null, v, 2);
			long a = CALL(SYS_access, name, 0);

			if (r != 16 && r != -EINVAL && r != -EFAULT)
				other = r;
			if (a != 0 && a != -ENOENT)
				other = a;
		}
	}
	stop = 1;
	pthread_join(t, NULL);
	expect("an answer that no state of the arguments explains", other, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = { { "numbers", numbers },   { "arguments", arguments },
		      { "cost", cost },         { "pointers", pointers },
		      { "readonly", readonly }, { "crossing", crossing },
		      { "vectors", vectors },   { "cwd", cwd },
		      { "randoms", randoms },   { "race", race } };

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].fn();
			if (!wrong && tests[i].fn != cost)
				printf("ok %s\n", argv[1]);
			return wrong != 0;
		}
	fprintf(stderr, "usage: attack TEST\n");
	return 2;
}
