/* SPDX-License-Identifier: MIT */
/*
 * Hostile guests and hostile monitors. A step is one process with a few VMs; all that is drawn in it
 * comes from (kind, seed, number). What may come of it: any exit, any errno that the API has, the
 * end of that process. main.c starts the steps and looks at what they leave behind; machine.c makes
 * the VMs, code.c writes what they run; guests.c, ioctls.c, killed.c and entry.c are the four kinds.
 */
#pragma once
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/kvm.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define PAGE 4096UL
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* ---- what is drawn ---- */

struct rng {
	u64 state;
};
u64 rnd(struct rng *r);
u64 edge(struct rng *r); /* a number that is likely to be at the edge of something */
static inline u64 below(struct rng *r, u64 n)
{
	return rnd(r) % n;
}
static inline bool once_in(struct rng *r, u64 n)
{
	return below(r, n) == 0;
}
#define ONE_OF(r, list) ((list)[below((r), ARRAY_SIZE(list))])
void garble(struct rng *r, void *p, size_t n); /* flips some bits */

/* ---- what a run has seen, for its last line; shared by all processes ---- */

struct seen {
	atomic_ulong exits[64]; /* by KVM_EXIT_* */
	atomic_ulong events; /* exits and ioctls of a step: what killed.c counts */
	atomic_ulong calls, succeeded,
		refused; /* refused: registers that KVM_SET_SREGS would not take */
};
extern struct seen *seen;

void fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* ---- a VM (machine.c) ---- */

enum mode { REAL, UNREAL, PROTECTED16, PROTECTED, VM86, PAGED, PAE, COMPAT, LONG, MODES };

/* Guest-physical memory: two slots with a hole between them, and a read-only one. */
#define RAM_SIZE 0x100000UL
#define HOLE 0x80000UL
#define HOLE_SIZE 0x2000UL
#define ROM RAM_SIZE
#define ROM_SIZE 0x4000UL
#define CODE_AT(vcpu) (0x1000UL + 0x2000 * (vcpu))
#define CODE_SIZE 0x1000UL
#define TABLES 0x10000UL /* PML4, PDPT, two page directories, PAE's PDPT, a 32-bit directory */
#define GDT 0x16000UL
#define IDT 0x17000UL
#define HANDLER 0x18000UL
#define MAX_VCPUS 3

struct vcpu {
	struct machine *m;
	unsigned int id;
	int fd;
	struct kvm_run *run;
	enum mode mode;
	struct rng rng; /* of its thread */
	pthread_t thread;
};
struct machine {
	int kvm, vm;
	bool irqchip;
	size_t run_size;
	u8 *ram; /* RAM_SIZE + ROM_SIZE */
	unsigned int nr;
	struct vcpu vcpu[MAX_VCPUS];
	atomic_bool stop;
};

void machine_make(struct machine *m, struct rng *r, unsigned int vcpus, bool irqchip);
/* Registers with which code at CODE_AT(id) runs in this mode. */
void mode_registers(struct vcpu *v, struct kvm_sregs *s, struct kvm_regs *regs);
/* The same once more, at some other place of the code. */
void start_again(struct vcpu *v);
/* One or more of them become what they should not be. */
void garble_sregs(struct rng *r, struct kvm_sregs *s);
/* KVM_RUN once, counted; an errno that it must not have fails the step. -errno or the exit reason. */
int run_vcpu(struct vcpu *v);
/* Gives the device's answer: random bytes. */
void answer(struct vcpu *v);
/* A thread for each vCPU that runs main(v), ended after ms by immediate_exit and signals. */
void run_threads(struct machine *m, void *(*main)(void *), unsigned int ms);
void sleep_us(unsigned long us);

/* ---- code (code.c) ---- */

/* Fills size bytes with instructions for a guest in this mode. */
void write_code(struct rng *r, enum mode mode, u8 *at, size_t size, u64 gpa);

/* What its interrupts and faults lead to. */
void write_handler(enum mode mode, u8 *at, size_t size);

/* ---- the kinds ---- */

void guests_step(struct rng *r);
void ioctls_step(struct rng *r);
void killed_step(struct rng *r);
void entry_step(struct rng *r);
