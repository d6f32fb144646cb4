/* SPDX-License-Identifier: MIT */
/*
 * probe: what `compare` runs inside a container and inside a virtual machine. The program does not
 * begin at the C library's _start but at probe_entry, whose first act is to write one byte: so the
 * reader of its output learns when the application's first instructions ran, and not when a C
 * library was ready.
 *
 *	probe first		writes the byte, ends
 *	probe getpid N		prints "getpid N TICKS NS": the least of five rounds of N calls
 *	probe idle		writes the byte, then sleeps until it is told to end
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* write(1, "!", 1), with every register that _start needs (rsp, rdx) as the kernel made it. */
__asm__(".globl probe_entry\n"
	"probe_entry:\n"
	"	mov	%rdx, %r8\n"
	"	mov	$1, %eax\n"
	"	mov	$1, %edi\n"
	"	lea	probe_mark(%rip), %rsi\n"
	"	mov	$1, %edx\n"
	"	syscall\n"
	"	mov	%r8, %rdx\n"
	"	jmp	_start\n"
	"	.section .rodata\n"
	"probe_mark: .ascii \"!\"\n"
	"	.text\n");

static unsigned long long ticks(void)
{
	unsigned int low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (unsigned long long)high << 32 | low;
}

static unsigned long long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static int time_getpid(long n)
{
	unsigned long long best_ticks = ~0ULL, best_ns = ~0ULL;

	for (int round = 0; round < 5; round++) {
		unsigned long long ns = now_ns(), t = ticks();

		for (long i = 0; i < n; i++)
			syscall(SYS_getpid);
		t = ticks() - t;
		ns = now_ns() - ns;
		best_ticks = t < best_ticks ? t : best_ticks;
		best_ns = ns < best_ns ? ns : best_ns;
	}
	printf("\ngetpid %ld %llu %llu\n", n, best_ticks, best_ns);
	return 0;
}

static void leave(int sig)
{
	_exit(0);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "first"))
		return 0;
	if (argc == 3 && !strcmp(argv[1], "getpid") && atol(argv[2]) > 0)
		return time_getpid(atol(argv[2]));
	if (argc == 2 && !strcmp(argv[1], "idle")) {
		signal(SIGTERM, leave); /* as pid 1 of a container, no signal ends it by default */
		signal(SIGINT, leave);
		for (;;)
			pause();
	}
	fprintf(stderr, "usage: probe first | getpid N | idle\n");
	return 2;
}
