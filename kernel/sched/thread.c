/* SPDX-License-Identifier: MIT */
/*
 * Threads: their birth, the switch from one to the next, their end.
 *
 * The lock of this CPU's run queue is held across the switch: schedule() takes it on the stack of the
 * old thread, and finish_switch() drops it on the stack of the new one. So whoever holds the lock of
 * a thread's run queue and finds it not on the CPU knows that its registers are saved: a waker on
 * another CPU can never start it too early, and a wake-up can never get lost between the test of
 * the condition and the sleep. What belongs to the thread and not to the CPU (were interrupts on
 * before the lock?) is kept on the stack meanwhile.
 *
 * A dead thread is released by the thread that follows it on the CPU.
 */
#include "sched/internal.h"

#include <linux/resource.h>

#define STACK_CANARY 0x57ac6b0770a11e4dUL /* at the lowest address of each stack */
#define SAVED_REGS 6 /* rbx rbp r12..r15: what switch_stack() pops */

static struct thread boot_thread;

_Static_assert(offsetof(struct thread, work) == 0, "entry.S");

/* ---- the switch ---- */

/* On the stack of the new thread, right after the switch: the lock goes, interrupts as they were. */
static void finish_switch(u64 irq_flags)
{
	struct cpu *c = this_cpu();
	struct runqueue *rq = c->rq;
	struct thread *prev = rq->prev;
	bool dead = prev->state == THREAD_DEAD;

	prev->on_cpu = false;
	if (c->thread->hook)
		c->thread->hook->in(c->thread->hook);
	c->irq_flags = irq_flags;
	if (unlikely(prev->state == THREAD_RUNNABLE && !prev->on_rq && prev != c->idle_thread)) {
		thread_enqueue_unlock(rq, prev, false); /* this CPU is not allowed to it any more */
		return;
	}
	spin_unlock(&rq->lock);
	if (dead) {
		__atomic_fetch_sub(&sched_nr_threads, 1, __ATOMIC_RELAXED);
		if (prev->release)
			prev->release(prev);
	}
}

/* A switch is made in ring 0: prev's system time ends here, next's begins. */
static void account_switch(struct runqueue *rq, struct thread *prev, u64 tsc)
{
	struct cpu *c = rq->cpu;

	if (prev != c->idle_thread)
		c->sys_ticks += tsc - c->sys_since;
	prev->sys_ticks += c->sys_ticks - rq->sys_mark;
	rq->sys_mark = c->sys_ticks;
	c->sys_since = tsc;
}

static void switch_to(struct runqueue *rq, struct thread *prev, struct thread *next)
{
	struct cpu *c = rq->cpu;
	u64 irq_flags = c->irq_flags;

	if (prev->hook)
		prev->hook->out(prev->hook);
	if (prev->fpu && prev->state != THREAD_DEAD)
		fpu_save(prev->fpu);
	c->nr_switches++;
	rq->prev = prev;
	next->on_cpu = true;
	c->thread = next;
	if (next->space)
		space_switch(next->space);
	else
		space_idle();
	if (next->stack)
		cpu_set_kernel_stack((u64)next->stack + KSTACK_SIZE);
	if (next->space) {
		/* The kernel's own GS base is live in ring 0; the user's waits for swapgs. */
		wrmsr(MSR_FS_BASE, next->fs_base);
		wrmsr(MSR_KERNEL_GS_BASE, next->gs_base);
	}
	if (next->fpu)
		fpu_restore(next->fpu);
	switch_stack(&prev->rsp, next->rsp);
	finish_switch(irq_flags);
}

static void check_stack(const struct thread *t)
{
	if (unlikely(t->stack && *(u64 *)t->stack != STACK_CANARY))
		panic("kernel stack of %s overflowed", t->name);
}

void schedule(void)
{
	struct cpu *c = this_cpu();
	struct runqueue *rq = c->rq;
	struct thread *prev = c->thread, *next;
	u64 tsc, now;

	lockdep_might_sleep();
	spin_lock(&rq->lock);
	if (unlikely(c->irq_depth != 1))
		panic("%s sleeps with %u spinlocks held", prev->name, c->irq_depth - 1);
	check_stack(prev);
	WRITE_ONCE(c->need_resched, false);
	tsc = rdtsc();
	now = clock_ns_at(tsc);
	rq_update(rq, now);
	rq_put_prev(rq, prev, now);
	next = rq_pick(rq, now);
	clock_rearm(rq);
	if (next == prev) {
		spin_unlock(&rq->lock);
		return;
	}
	if (prev->state == THREAD_RUNNABLE)
		prev->nr_involuntary++;
	account_switch(rq, prev, tsc);
	switch_to(rq, prev, next);
}

/* ---- birth and end ---- */

/* Where switch_stack() returns to the first time. */
static void __noreturn thread_entry(void)
{
	struct thread *t = current_thread();

	finish_switch(RFLAGS_IF);
	t->fn(t->fn_arg);
	panic("thread %s returned", t->name);
}

int thread_init(struct thread *t, const char *name, void (*fn)(void *arg), void *arg, bool fpu)
{
	u64 *sp;

	t->stack = kmalloc(KSTACK_SIZE);
	if (!t->stack)
		return -ENOMEM;
	if (fpu) {
		t->fpu = fpu_alloc();
		if (!t->fpu) {
			kfree(t->stack);
			t->stack = NULL;
			return -ENOMEM;
		}
	}
	strscpy(t->name, name, sizeof(t->name));
	*(u64 *)t->stack = STACK_CANARY;
	t->fn = fn;
	t->fn_arg = arg;
	/* Below the saved user registers: a return address that is none, then switch_stack()'s frame. */
	sp = (u64 *)thread_regs(t);
	*--sp = 0;
	*--sp = (u64)thread_entry;
	sp -= SAVED_REGS;
	memset(sp, 0, SAVED_REGS * sizeof(*sp));
	t->rsp = (u64)sp;
	t->state = THREAD_DEAD;
	t->on_rq = t->on_cpu = false;
	t->cpu = this_cpu()->id;
	if (!t->allowed)
		t->allowed = ~0UL;
	return 0;
}

void thread_deinit(struct thread *t)
{
	if (t->fpu)
		fpu_free(t->fpu);
	kfree(t->stack);
	t->fpu = NULL;
	t->stack = NULL;
}

void __noreturn thread_exit(void)
{
	struct thread *t = current_thread();

	WRITE_ONCE(t->state, THREAD_DEAD);
	schedule();
	panic("dead thread %s runs", t->name);
}

/* ---- work for the way to ring 3 ---- */

void thread_set_work(struct thread *t, u32 bits)
{
	struct runqueue *rq;

	/* A full barrier: the sleeper sets its state, then looks at work; here it is the other way. */
	__atomic_fetch_or(&t->work, bits, __ATOMIC_SEQ_CST);
	if (!(bits & THREAD_WORK_SIGNAL))
		return;
	if (thread_wake_states(t, BIT(THREAD_INTERRUPTIBLE)) || t == current_thread())
		return;
	rq = thread_rq_lock(t);
	if (rq->cpu->thread == t && rq->cpu != this_cpu())
		smp_kick(rq->cpu->id);
	spin_unlock(&rq->lock);
}

void thread_clear_work(struct thread *t, u32 bits)
{
	__atomic_fetch_and(&t->work, ~bits, __ATOMIC_SEQ_CST);
}

u64 thread_rlimit(unsigned int resource)
{
	const struct rlimit64 *r = current_thread()->rlim;

	return r ? READ_ONCE(r[resource].rlim_cur) : RLIM64_INFINITY;
}

bool thread_off_cpu(struct thread *t)
{
	struct runqueue *rq = thread_rq_lock(t);
	bool off = !t->on_cpu;

	spin_unlock(&rq->lock);
	return off;
}

/* ---- idle, timer, start ---- */

static void __noreturn idle_loop(void)
{
	struct cpu *c = this_cpu();

	for (;;) {
		irq_disable();
		for (;;) {
			sched_mark_idle(c->rq);
			/* A waker queues, then sets the flag and kicks: the interrupt ends hlt. */
			if (READ_ONCE(c->need_resched))
				break;
			c->idle = true;
			clock_rearm(c->rq);
			irq_enable_and_halt();
			irq_disable();
			c->idle = false;
		}
		sched_clear_idle(c->rq);
		irq_enable();
		schedule();
	}
}

static void idle_start(void *arg)
{
	idle_loop();
}

void __noreturn sched_idle(void)
{
	if (current_thread() != this_cpu()->idle_thread)
		thread_exit();
	irq_enable();
	idle_loop();
}

void sched_timer(void)
{
	struct runqueue *rq = this_rq();
	u64 now = clock_ns();

	rq->armed = ~0UL;
	timers_run(rq, now);
	rq_tick(rq, now);
	clock_rearm(rq);
}

/* This CPU's run queue, with curr running on it. */
static void cpu_init(struct thread *curr, struct thread *idle)
{
	struct cpu *c = this_cpu();
	struct runqueue *rq = kzalloc(sizeof(*rq));

	if (!rq)
		panic("no memory for the run queue of CPU %u", c->id);
	spin_init(&rq->lock);
	spin_init(&rq->timer_lock);
	rq->cpu = c;
	rq->first_timer = rq->armed = rq->slice_end = ~0UL;
	rq->exec_start = clock_ns();
	idle->allowed = BIT(c->id);
	idle->cpu = c->id;
	idle->state = THREAD_RUNNABLE;
	c->idle_thread = idle;
	c->thread = curr;
	c->rq = rq;
	curr->on_cpu = true;
	c->sys_since = rdtsc();
	if (curr != idle) {
		curr->state = THREAD_RUNNABLE;
		curr->allowed = ~0UL;
		curr->cpu = c->id;
		curr->weight = 1024;
		curr->on_rq = true;
		rq->nr = 1;
		rq->load = curr->weight;
	}
	__atomic_fetch_or(&sched_online, BIT(c->id), __ATOMIC_SEQ_CST);
}

static struct thread *idle_thread_new(void)
{
	struct thread *t = kzalloc(sizeof(*t));

	if (!t)
		panic("no memory for an idle thread");
	snprintf(t->name, sizeof(t->name), "idle/%u", this_cpu()->id);
	return t;
}

void sched_init(void)
{
	struct thread *idle = idle_thread_new();
	char name[16];

	strscpy(name, idle->name, sizeof(name));
	if (thread_init(idle, name, idle_start, NULL, false) < 0)
		panic("no memory for the idle stack");
	strscpy(boot_thread.name, "boot", sizeof(boot_thread.name));
	cpu_init(&boot_thread, idle);
	sched_nr_threads = 1;
	sched_stats_init();
}

void __noreturn sched_secondary(void)
{
	struct thread *idle = idle_thread_new();

	cpu_init(idle, idle);
	sched_idle();
}
