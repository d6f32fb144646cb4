/* SPDX-License-Identifier: MIT */
/*
 * The system call fuzzer. calls.c describes every call as a row of argument kinds; draw.c makes
 * values of the kinds; life.c is one iteration: a container with processes and threads that call;
 * fuzz.c starts the iterations, watches them and counts.
 *
 * An iteration is named by (seed, slot, number): all that is drawn in it comes from these three.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE 4096UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the description of a call ---- */

enum kind {
	NOTHING, /* the register holds what it likes */
	RANGE, /* lo to hi */
	ONEOF, /* one of the values */
	BITS, /* some of the values, or'ed */
	FD, /* a descriptor, mostly of kind n */
	PATH, /* a file name */
	TEXT, /* one of the strings */
	IN, /* bytes; n: so many, else some */
	OUT, /* room for bytes; n: so many, else some */
	BLOB, /* n bytes that are what an OUT of this size got last, with some changed */
	LEN, /* length in bytes of the buffer before */
	COUNT, /* elements of the array before */
	STRUCT, /* 1 to n structures of the given fields */
	STRINGS, /* argv: an array of strings */
	ADDR, /* a page of the arena that mappings come and go in */
	SIZE, /* some pages */
	WORD, /* a futex word: a few that all threads know */
	STACK, /* a stack for a new thread */
	PID,
	SIG,
	UID,
	TIMER, /* of timer_create */
};

enum fd_kind {
	ANY,
	F_FILE,
	F_DIR,
	F_PIPE,
	F_EVENT,
	F_EPOLL,
	F_TIMER,
	F_SIGNAL,
	F_PID,
	F_MEM,
	F_TTY,
	F_PROC,
	F_CGROUP,
	F_NS,
	F_MQ,
	F_KVM,
	F_VM,
	F_VCPU,
	F_SOCKET,
	NR_FD_KINDS,
	/* other results that a call may have */
	GOT_PID,
};

struct arg {
	u8 kind;
	u16 n;
	long lo, hi;
	const void *of;
};

struct field {
	u16 width; /* bytes; 0 ends the list */
	struct arg arg;
};

/* What a life is mostly about: calls of one group are drawn more often. */
enum group {
	MEMORY,
	FILES,
	NAMES,
	PROCESS,
	SIGNALS,
	TIMES,
	EVENTS,
	IDENTITY,
	SOCKETS,
	SPACES,
	TTYS,
	KVM,
	NR_GROUPS
};

struct call; /* one that is being made */
struct row {
	u16 nr;
	const char *name; /* "call" or "call:variant" */
	u8 group;
	u8 result; /* enum fd_kind of what it returns; 0: of no use */
	u8 rare; /* drawn once in so many times */
	bool birth; /* a new process may come out of it */
	bool mute; /* has no success to tell: it does not return, or always with EINTR */
	struct arg a[6];
	void (*mend)(u64 *a); /* last changes to the arguments */
	long (*instead)(struct call *c); /* makes the call itself */
};
extern const struct row rows[];
extern const unsigned int nr_rows;

/* ---- what all processes of a run share ---- */

#define THREADS 8 /* places for callers in one life: its threads, and what they give birth to */
#define SLOTS_MAX 16
#define NOT_DONE 0x6e6f7420646f6e65L

/* The last calls of a thread: one page of memory each, which is found again in the RAM of a dead machine. */
#define RING_MAGIC "dyad fuzz ring\n"
struct ring_entry {
	u32 row, pad;
	u64 a[6];
	long ret; /* NOT_DONE while it runs */
};
struct ring {
	char magic[16];
	u64 seed, iteration, next;
	u32 slot, thread;
	u64 pad[2];
	struct ring_entry entry[63];
};
_Static_assert(sizeof(struct ring) == PAGE, "a ring is a page");

struct row_stat {
	u32 calls, ok;
	u64 errors[3]; /* a bit each */
};
struct shared {
	u64 iterations, calls, killed;
	u32 failed; /* a hang or a leak was found */
	struct row_stat stat[1024];
	struct ring ring[SLOTS_MAX][THREADS] __attribute__((aligned(4096)));
};
extern struct shared *shared;

struct options {
	u64 seed;
	unsigned int seconds, slots;
	long one_slot, one_iteration; /* -1: all */
	u64 repeat;
	bool strict; /* one slot; looks for leaks after each iteration */
	bool verbose;
};
extern struct options options;

/* ---- one life (life.c) ---- */

struct rng {
	u64 state;
};
u64 mix(u64 a, u64 b);
u64 rnd(struct rng *r);
/* 0 to n - 1. */
static inline u64 below(struct rng *r, u64 n)
{
	return n ? rnd(r) % n : 0;
}
static inline bool once_in(struct rng *r, u64 n)
{
	return below(r, n) == 0;
}

/* A thread's state. The scratch area has the structures that its calls point to. */
#define SCRATCH_PAGES 16UL
#define SCRATCH_BASE 0x20000000UL
#define SCRATCH_STRIDE ((SCRATCH_PAGES + 1) * PAGE) /* the last page is never there */
#define ARENA_BASE 0x30000000UL
#define ARENA_PAGES 64UL
#define STACKS_BASE 0x38000000UL
#define STACK_SIZE 16384UL

struct call {
	struct rng rng;
	struct ring *ring;
	u8 *scratch, *at; /* its pages, the next free byte */
	unsigned int thread, depth;
	unsigned int odd; /* one argument in so many is odd; 0: none */
	u64 len, count; /* of the last buffer, of the last array */
	bool edge_used;
	/* where the last OUT of a fixed size was: kept when the call succeeds */
	void *out;
	size_t out_size;
};

u64 draw(struct call *c, const struct arg *arg);
void keep_out(struct call *c);

struct pool {
	u32 nr[NR_FD_KINDS];
	short fd[NR_FD_KINDS][16];
	u32 nr_pids;
	int pid[16];
};
extern struct pool pool;
void pool_add(enum fd_kind kind, long value);

/* The first process of the pid namespace of an iteration. Does not return. */
void nanny(unsigned int slot, u64 iteration) __attribute__((noreturn));

/* ---- the stubs in assembly (life.c) ---- */

/* A system call; with birth set, a child goes to newborn(), whatever stack it is on. */
long stub_call(long nr, const u64 *a, long birth);
/* rt_sigreturn(2) with the ucontext at uc, which comes back here. */
long stub_sigreturn(void *uc);
void on_signal(int sig);
void stub_restorer(void);
long sigreturn_odd(struct call *c);
