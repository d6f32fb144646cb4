/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 01 that need the whole machine, one a name: pages NAME. What is printed is the same
 * on Linux. A touch that faults comes back to try(), with the signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096UL
#define GIB (1UL << 30)

static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

enum how { READ, WRITE, RUN };

/* What a touch of p leads to. */
static const char *try(char *p, enum how how)
{
	static char text[32];
	int sig = sigsetjmp(back, 1);

	if (sig) {
		snprintf(text, sizeof(text), "signal %d", sig);
		return text;
	}
	if (how == READ)
		(void)*(volatile char *)p;
	else if (how == WRITE)
		*(volatile char *)p = 1;
	else
		((void (*)(void))p)();
	return "ok";
}

static char *map(void *at, size_t size, int prot)
{
	void *p = mmap(at, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);

	if (p == MAP_FAILED) {
		printf("mmap: %s\n", strerror(errno));
		exit(1);
	}
	return p;
}

/* mprotect(2) takes rights and gives them back; the content stays. */
static void protect(void)
{
	char *p = map(NULL, PAGE, PROT_READ | PROT_WRITE);

	p[7] = 42;
	p[0] = (char)0xc3; /* ret */
	printf("rw: write %s, ", try(p + 8, WRITE));
	printf("run %s\n", try(p, RUN));
	mprotect(p, PAGE, PROT_READ);
	printf("r: read %s, ", try(p, READ));
	printf("write %s\n", try(p, WRITE));
	mprotect(p, PAGE, PROT_NONE);
	printf("none: read %s, ", try(p, READ));
	printf("write %s\n", try(p, WRITE));
	mprotect(p, PAGE, PROT_READ | PROT_EXEC);
	printf("rx: run %s, ", try(p, RUN));
	printf("write %s\n", try(p, WRITE));
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	printf("rw: write %s, content %d\n", try(p + 8, WRITE), p[7]);
}

/* What is unmapped faults; what comes to its place is new and empty. */
static void unmap(void)
{
	char *p = map(NULL, 64 * PAGE, PROT_READ | PROT_WRITE);

	memset(p, 0x55, 64 * PAGE);
	munmap(p + PAGE, 62 * PAGE);
	printf("first: %d, last: %d\n", p[0], p[63 * PAGE]);
	printf("between: %s, ", try(p + PAGE, READ));
	printf("%s\n", try(p + 62 * PAGE, WRITE));
	map(p + PAGE, 62 * PAGE, PROT_READ | PROT_WRITE);
	for (size_t i = PAGE; i < 63 * PAGE; i++)
		if (p[i]) {
			printf("mapped again: byte %zu is %d\n", i, p[i]);
			return;
		}
	printf("mapped again: zeros\n");
}

/* Without stdio, which maps memory of its own. */
static long tables_kb(void)
{
	static char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);
	char *line;

	close(fd);
	text[n > 0 ? n : 0] = 0;
	line = strstr(text, "VmPTE:");
	return line ? atol(line + 6) : -1;
}

/* One page each 4 GiB: two tables a page. They are there while it is, and gone with it. */
static void sparse(void)
{
	char *at = (char *)0x100000000000;
	long before = tables_kb(), with, after;

	for (unsigned long i = 0; i < 64; i++)
		*map(at + i * 4 * GIB, PAGE, PROT_READ | PROT_WRITE) = i;
	with = tables_kb();
	for (unsigned long i = 0; i < 64; i++)
		if (at[i * 4 * GIB] != (char)i)
			printf("page %lu: %d\n", i, at[i * 4 * GIB]);
	for (unsigned long i = 0; i < 64; i += 2)
		munmap(at + i * 4 * GIB, PAGE);
	for (unsigned long i = 1; i < 64; i += 2)
		if (at[i * 4 * GIB] != (char)i)
			printf("page %lu, after others went: %d\n", i, at[i * 4 * GIB]);
	munmap(at, 64 * 4 * GIB);
	after = tables_kb();
	printf("64 pages far apart: %s KiB of tables\n",
	       with - before >= 64 * 2 * 4 ? "at least 512" : "too few");
	printf("afterwards: %ld KiB more than before\n", after - before);
}

/* Another thread reads the page all the time, on the other CPU. After munmap(2) it must not any more. */
static char *volatile shared;
static volatile unsigned long reads;
static volatile int faulted;

static void *reader(void *arg)
{
	if (sigsetjmp(back, 1)) {
		faulted = 1;
		return NULL;
	}
	for (;;) {
		(void)*(volatile char *)shared;
		reads++;
	}
}

static void shootdown(void)
{
	int late = 0, alive = 0;

	for (int round = 0; round < 20; round++) {
		struct timespec ms = { 0, 2000000 };
		unsigned long seen, spins = 0;
		pthread_t t;

		shared = map(NULL, PAGE, PROT_READ | PROT_WRITE);
		*shared = 1;
		reads = faulted = 0;
		pthread_create(&t, NULL, reader, NULL);
		while (reads < 1000)
			nanosleep(&ms, NULL);
		munmap(shared, PAGE);
		seen = reads; /* a read that was under way may still be counted */
		while (!faulted && spins++ < 3000000 && reads <= seen + 1)
			;
		late += reads > seen + 1;
		for (int wait = 0; !faulted && wait < 500; wait++)
			nanosleep(&ms, NULL);
		if (!faulted) {
			alive++;
			break;
		}
		pthread_join(t, NULL);
	}
	printf("rounds in which the other CPU read on after munmap: %d\n", late);
	printf("readers that never faulted: %d\n", alive);
}

/* Half of the free memory, five times over: what a process had comes back when it ends. */
static void recycle(void)
{
	for (int round = 0; round < 5; round++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			long half = sysconf(_SC_AVPHYS_PAGES) / 2;
			long pages = half < 65536 ? half : 65536;
			char *p = map(NULL, pages * PAGE, PROT_READ | PROT_WRITE);

			for (long i = 0; i < pages; i++)
				*(long *)(p + i * PAGE) = i * 3 + round;
			for (long i = 0; i < pages; i++)
				if (*(long *)(p + i * PAGE) != i * 3 + round)
					_exit(1);
			_exit(pages < 4096 ? 2 : 0);
		}
		waitpid(pid, &status, 0);
		printf("round %d: %s %d\n", round, WIFEXITED(status) ? "exit" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} tests[] = { { "protect", protect },
		      { "unmap", unmap },
		      { "sparse", sparse },
		      { "shootdown", shootdown },
		      { "recycle", recycle } };
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].fn();
			return 0;
		}
	fprintf(stderr, "usage: pages TEST\n");
	return 2;
}
