/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 03 that need the whole machine, one a name: cow NAME. What is printed is the same
 * on Linux. Pages are counted by /proc/self/statm, faults by getrusage(2).
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define MIB (1UL << 20)

static char *map(size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

	if (p == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		exit(1);
	}
	madvise(p, size,
		MADV_NOHUGEPAGE); /* where there are pages of 2 MiB, they would spoil the counts */
	return p;
}

/* Resident pages of this process. Without stdio, which touches pages of its own. */
static long resident(void)
{
	char text[128];
	int fd = open("/proc/self/statm", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *second;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	second = strchr(text, ' ');
	return second ? atol(second) : -1;
}

static long faults(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

static int sum(const char *p, size_t pages)
{
	int n = 0;

	for (size_t i = 0; i < pages; i++)
		n += *(volatile const char *)(p + i * PAGE);
	return n;
}

static void fill(char *p, size_t pages, char c)
{
	for (size_t i = 0; i < pages; i++)
		*(volatile char *)(p + i * PAGE) = c;
}

/* The child's exit status; a signal that ended it counts as 128 more, as in the shell. */
static int reap(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- demand ---- */

static void demand(void)
{
	char *p = map(1024 * MIB, MAP_PRIVATE | MAP_NORESERVE);
	long f, r;

	resident(), faults();
	r = resident();
	f = faults();
	for (int i = 0; i < 100; i++)
		p[i * 10 * MIB] = 1;
	f = faults() - f;
	r = resident() - r;
	printf("1 GiB mapped, 100 pages written: %ld faults, %ld pages more\n", f, r);
}

static void zeros(void)
{
	char *p = map(200 * PAGE, MAP_PRIVATE), *page = malloc(PAGE);
	long r, total;

	memset(page, 0, PAGE);
	resident();
	r = resident();
	total = sum(p, 200);
	printf("200 pages read: sum %ld, %ld pages more\n", total, resident() - r);
	p[77 * PAGE + 5] = 9;
	printf("one is written: sum of the others %d, this one %d\n", sum(p, 200),
	       p[77 * PAGE + 5]);
	r = 0;
	for (int i = 0; i < 200; i++)
		r += i != 77 && memcmp(p + i * PAGE, page, PAGE);
	printf("pages that are no longer empty: %ld\n", r);
}

static void private_file(void)
{
	int fd = open("file", O_CREAT | O_RDWR, 0600);
	char text[16] = "", *a, *b;

	if (ftruncate(fd, 3 * PAGE) || pwrite(fd, "of the file", 11, PAGE) != 11)
		perror("file");
	a = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	b = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	memcpy(a + PAGE, "my", 2);
	printf("mine: %s\nanother mapping: %s\n", a + PAGE, b + PAGE);
	if (pread(fd, text, 11, PAGE) != 11)
		perror("pread");
	printf("the file: %s\n", text);
	b[2 * PAGE] = b[0]; /* read, then written */
	memcpy(b, "first", 5);
	if (pread(fd, text, 5, 0) != 5)
		perror("pread");
	printf("its first byte after that: %d\n", text[0]);
}

/* ---- fork ---- */

/* After fork() both sides have what was there, and each sees only its own writes. */
static void apart(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE);
	int go[2], done[2];
	char c;
	pid_t pid;

	fill(p, 64, 1);
	if (pipe(go) || pipe(done))
		perror("pipe");
	pid = fork();
	if (!pid) {
		int before = sum(p, 64), after;

		fill(p, 32, 2); /* the lower half */
		if (write(done[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(99);
		after = sum(p, 64);
		_exit(before == 64 && after == 96 ? 0 : after);
	}
	if (read(done[0], &c, 1) != 1)
		perror("read");
	printf("parent after the child's writes: %d\n", sum(p, 64));
	fill(p + 32 * PAGE, 32, 5); /* the upper half */
	if (write(go[1], "x", 1) != 1)
		perror("write");
	printf("child: exit %d\nparent at the end: %d\n", reap(pid), sum(p, 64));
}

/* Three children of a process with 100 MiB, in a machine with 256: only if the pages are shared. */
static void large(void)
{
	size_t pages = 100 * MIB / PAGE;
	char *p = map(100 * MIB, MAP_PRIVATE);
	int go[2], ready[2];
	pid_t pid[3];
	char c;

	fill(p, pages, 1);
	if (pipe(go) || pipe(ready))
		perror("pipe");
	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			printf("fork: %s\n", strerror(errno));
		if (!pid[i]) {
			fill(p, 10, i + 2);
			if (write(ready[1], "x", 1) != 1 || read(go[0], &c, 1) != 1)
				_exit(99);
			_exit((size_t)sum(p, pages) == pages - 10 + 10 * (i + 2) ? 0 : 1);
		}
	}
	for (int i = 0; i < 3; i++)
		if (read(ready[0], &c, 1) != 1)
			perror("read");
	if (write(go[1], "xxx", 3) != 3)
		perror("write");
	for (int i = 0; i < 3; i++)
		printf("child %d: exit %d\n", i, reap(pid[i]));
}

/* Generations: each changes its page, and none sees what the next one does. */
static void generations(void)
{
	char *p = map(8 * PAGE, MAP_PRIVATE);
	pid_t child = 0;
	int depth;

	for (depth = 0; depth < 8; depth++) {
		p[depth * PAGE] = 1;
		child = fork();
		if (child)
			break;
	}
	if (depth == 8)
		_exit(sum(p, 8));
	depth = reap(child) == 8 && sum(p, 8) == depth + 1 ? 8 : 100 + depth;
	if (p[PAGE])
		_exit(depth);
	printf("all eight generations: %d\n", depth);
}

/* Who is alone with a page again may write to it as it is: a fault, but no frame more. */
static void alone(void)
{
	char *p = map(100 * PAGE, MAP_PRIVATE);
	long f, r;

	fill(p, 100, 1);
	printf("child: exit %d\n", reap(fork() ?: (_exit(sum(p, 100)), 0)));
	resident(), faults();
	r = resident();
	f = faults();
	fill(p, 100, 2);
	f = faults() - f;
	printf("100 pages written after it: %ld faults, %ld pages more\n", f, resident() - r);
	f = faults();
	fill(p, 100, 3);
	printf("and again: %ld faults\n", faults() - f);
}

/* What was shared by intent stays shared; what was read-only stays read-only, in the child too. */
static void kept(void)
{
	char *shared = map(PAGE, MAP_SHARED), *ro = map(PAGE, MAP_PRIVATE);
	int code;
	pid_t pid;

	ro[0] = 7;
	shared[0] = 1;
	mprotect(ro, PAGE, PROT_READ);
	pid = fork();
	if (!pid) {
		shared[0] = 2;
		_exit(ro[0]);
	}
	code = reap(pid);
	printf("child reads %d; shared memory: %d\n", code, shared[0]);
	pid = fork();
	if (!pid) {
		*(volatile char *)ro = 8;
		_exit(0);
	}
	printf("child writes to read-only memory: %d\n", reap(pid));
	mprotect(ro, PAGE, PROT_READ | PROT_WRITE);
	pid = fork();
	if (!pid) {
		ro[0]++;
		_exit(ro[0]);
	}
	printf("writable again: child %d, parent %d\n", reap(pid), ro[0]);
}

/* The kernel writes to the program's memory as well: read(2) into a page that is shared. */
static void by_kernel(void)
{
	char *p = map(2 * PAGE, MAP_PRIVATE);
	int fd[2];
	pid_t pid;

	memset(p, 'a', 2 * PAGE);
	if (pipe(fd) || write(fd[1], "kernel", 6) != 6)
		perror("pipe");
	pid = fork();
	if (!pid)
		_exit(read(fd[0], p + PAGE - 3, 6) == 6 && !memcmp(p + PAGE - 3, "kernel", 6) ? 0
											      : 1);
	printf("child: exit %d\nparent: %.6s\n", reap(pid), p + PAGE - 3);
}

/* ---- with two CPUs ---- */

static _Atomic int stop;

static void *count(void *p)
{
	while (!atomic_load(&stop))
		++*(volatile long *)p;
	return NULL;
}

static void pause_ns(long ns)
{
	struct timespec t = { 0, ns };

	nanosleep(&t, NULL);
}

/*
 * A thread counts in a page while its process forks. The child has the page as it was at one moment: if
 * the thread's CPU goes on writing to the old frame, because it was not told, the child sees it count.
 */
static void snapshot(void)
{
	long *p = (long *)map(PAGE, MAP_PRIVATE);
	int moved = 0;
	pthread_t t;

	pthread_create(&t, NULL, count, p);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid) {
			long a = *(volatile long *)p;

			pause_ns(300000);
			_exit(a != *(volatile long *)p);
		}
		moved += reap(pid) != 0;
	}
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
	printf("children whose memory moved: %d\n", moved);
}

/* ---- the stack ---- */

static int __attribute__((noinline)) deep(size_t bytes)
{
	volatile char room[4000];

	room[0] = room[3999] = 1;
	return bytes > sizeof(room) ? deep(bytes - sizeof(room)) + room[0] : room[3999];
}

static void stack(void)
{
	struct rlimit limit = { 8 * MIB, 8 * MIB };

	setrlimit(RLIMIT_STACK, &limit);
	printf("6 MiB deep: %d\n", reap(fork() ?: (_exit(deep(6 * MIB) > 1500 ? 0 : 1), 0)));
	printf("9 MiB deep: %d\n", reap(fork() ?: (_exit(deep(9 * MIB) > 1500 ? 0 : 1), 0)));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "demand", demand },
	{ "zeros", zeros },
	{ "private-file", private_file },
	{ "apart", apart },
	{ "large", large },
	{ "alone", alone },
	{ "generations", generations },
	{ "kept", kept },
	{ "by-kernel", by_kernel },
	{ "snapshot", snapshot },
	{ "stack", stack },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IONBF, 0); /* what is printed is printed once, whoever forks */
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		if (argc == 2 && !strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: cow NAME\n");
	return 2;
}
