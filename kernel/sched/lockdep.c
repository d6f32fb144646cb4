/* SPDX-License-Identifier: MIT */
/*
 * The checker of locks. It keeps what is held: spinlocks by CPU, mutexes by thread. Each time B is
 * taken while A is held, A before B becomes an edge of a graph of classes, with the way that led
 * there; an edge that closes a circle is a deadlock that waits for its moment, and is reported with
 * the ways of all its edges, once. So an order that is wrong is found without the race itself.
 *
 * A spinlock turns interrupts off, so no handler can meet one that its own CPU holds, as long as nobody
 * turns them on in between: that is checked when one is let go and when an interrupt comes.
 *
 * The graph is written under graph_lock (not a spinlock_t: those are checked) and read without.
 */
#include "sched/internal.h"

#ifdef LOCKDEP
#define MAX_CLASSES 384
#define MAX_EDGES 3072
#define MAX_STATIC 192
#define WAY 8 /* return addresses */
#define MAX_PATH 8
#define report(...) warn_at(NULL, 0, "lockdep: " __VA_ARGS__)

static u32 graph_lock;
static struct {
	const struct lock_class *class;
	u32 subclass;
} classes[MAX_CLASSES];
static u32 nr_classes = 1; /* 0: none */
static struct lock_class statics[MAX_STATIC];
static u32 nr_statics;
static u64 after[MAX_CLASSES]
		[MAX_CLASSES / 64]; /* bit b of after[a]: b was taken while a was held */
static struct edge {
	u16 from, to;
	u32 way[WAY]; /* return addresses, the lower half */
} edges[MAX_EDGES];
static u32 nr_edges;
static struct held_locks spins[MAX_CPUS]; /* own CPU, interrupts off */
static u32 in_interrupt[MAX_CPUS];

static void graph_enter(void)
{
	irq_push();
	while (__atomic_exchange_n(&graph_lock, 1, __ATOMIC_ACQUIRE))
		cpu_relax();
}
static void graph_leave(void)
{
	__atomic_store_n(&graph_lock, 0, __ATOMIC_RELEASE);
	irq_pop();
}

static const char *name_of(u32 id)
{
	return id ? classes[id].class->name : "?";
}

static bool static_storage(const void *lock)
{
	return (u64)lock >= KERNEL_BASE;
}

/* The number of class and subclass, given at the first time; 0 when there are none left. */
static u32 class_id(const void *lock, struct lock_class **class, const char *name, u32 subclass)
{
	bool unmade = false;
	u32 id;

	if (likely(*class && (*class)->id[subclass]))
		return (*class)->id[subclass];
	graph_enter();
	if (!*class && nr_statics < MAX_STATIC) {
		unmade = !static_storage(lock);
		statics[nr_statics].name = name;
		*class = &statics[nr_statics++];
	}
	id = *class ? (*class)->id[subclass] : 0;
	if (*class && !id && nr_classes < MAX_CLASSES) {
		id = nr_classes++;
		classes[id].class = *class;
		classes[id].subclass = subclass;
		(*class)->id[subclass] = id;
	}
	graph_leave();
	if (unmade)
		report("%s was never initialized", name);
	if (!id)
		report("too many classes");
	return id;
}

/* ---- the graph ---- */

static void note_way(struct edge *e)
{
	u64 *frame = __builtin_frame_address(0), *base = frame;

	for (int i = 0; i < WAY && frame >= base && frame < base + 8192; i++) {
		e->way[i] = frame[1];
		frame = (u64 *)frame[0];
	}
}

/* How it came that to was taken with from held. */
static void show_edge(u32 from, u32 to)
{
	u32 i = 0;

	while (i < nr_edges && (edges[i].from != from || edges[i].to != to))
		i++;
	for (int n = 0; i < nr_edges && n < WAY && edges[i].way[n]; n++) {
		unsigned long long addr = KERNEL_BASE | edges[i].way[n];

		printk_bare("  [<0x%llx>] %s, when %s was held and %s taken", addr,
			    symbol_name(addr), name_of(from), name_of(to));
	}
}

/*
 * The way from class a to class b, backwards from b, in path: the number of its classes; 0 when there
 * is none. graph_lock held.
 */
static u32 find_path(u32 a, u32 b, u16 *path)
{
	static u16 via[MAX_CLASSES], queue[MAX_CLASSES];
	u32 head = 0, tail = 0, n = 0;

	memset(via, 0, sizeof(via));
	queue[tail++] = a;
	while (head < tail && !via[b]) {
		u32 at = queue[head++];

		for (u32 next = 1; next < nr_classes; next++) {
			if (via[next] || next == a || !(after[at][next / 64] & BIT(next % 64)))
				continue;
			via[next] = at;
			queue[tail++] = next;
		}
	}
	if (!via[b])
		return 0;
	for (u32 at = b; n < MAX_PATH && at; at = via[at])
		path[n++] = at;
	return n;
}

/* to is taken while from is held. */
static void add_edge(u32 from, u32 to)
{
	u16 path[MAX_PATH];
	u32 n = 0;

	if (likely(after[from][to / 64] & BIT(to % 64)))
		return;
	graph_enter();
	if (!(after[from][to / 64] & BIT(to % 64)) && nr_edges < MAX_EDGES) {
		n = from == to ? 1 : find_path(to, from, path);
		after[from][to / 64] |= BIT(to % 64);
		edges[nr_edges] = (struct edge){ .from = from, .to = to };
		note_way(&edges[nr_edges++]);
	}
	graph_leave();
	if (n == 1 && !classes[to].class->nests)
		report("two of %s are taken, without a subclass", name_of(to));
	else if (n > 1)
		report("%s is taken with %s held, against the order", name_of(to), name_of(from));
	while (n > 1) {
		n--;
		show_edge(path[n], path[n - 1]);
	}
}

/* ---- what is held ---- */

static struct held_locks *spins_here(void)
{
	return &spins[this_cpu()->id];
}
static bool irqs_on(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
	return flags & RFLAGS_IF;
}
static bool interrupted(void)
{
	return in_interrupt[this_cpu()->id];
}

void lockdep_take(const void *lock, struct lock_class **class, const char *name, u32 subclass,
		  u32 how)
{
	struct thread *me = current_thread();
	u32 id = class_id(lock, class, name, subclass);
	struct held_locks *held;

	irq_push();
	held = spins_here();
	for (u32 i = 0; i < held->nr; i++) {
		if (held->lock[i].lock == lock && !(how & LOCK_TRIED))
			panic("lockdep: %s is taken twice", name);
		if (!(how & LOCK_TRIED))
			add_edge(held->lock[i].id, id);
	}
	for (u32 i = 0; me && !interrupted() && !(how & LOCK_TRIED) && i < me->mutexes.nr; i++)
		add_edge(me->mutexes.lock[i].id, id);
	if (!(how & LOCK_SPIN))
		held = me ? &me->mutexes : NULL;
	if (held && held->nr < MAX_HELD)
		held->lock[held->nr++] = (struct held_lock){ lock, id };
	irq_pop();
}

void lockdep_drop(const void *lock, u32 how)
{
	struct held_locks *held = how & LOCK_SPIN ? spins_here() : &current_thread()->mutexes;
	u32 i = held->nr;

	while (i && held->lock[i - 1].lock != lock)
		i--;
	if (!i) {
		report("a lock is let go that is not held");
		return;
	}
	if (how & LOCK_SPIN && irqs_on()) {
		irq_disable(); /* a nested spinlock does not */
		report("interrupts are on with %s held", name_of(held->lock[i - 1].id));
	}
	held->nr--;
	for (i--; i < held->nr; i++)
		held->lock[i] = held->lock[i + 1];
}

void lockdep_might_sleep(void)
{
	const struct thread *me = current_thread();
	bool on = irqs_on();
	struct held_locks *held;

	irq_push();
	held = spins_here();
	if (held->nr)
		report("may sleep with %s held", name_of(held->lock[held->nr - 1].id));
	else if (interrupted())
		report("may sleep in an interrupt");
	else if (!on && me && me->stack) /* at start, all is done with them off */
		report("may sleep with interrupts off");
	irq_pop();
}

void lockdep_freed(const void *p, size_t size)
{
	struct thread *me = current_thread();
	const struct held_locks *both[2];

	irq_push();
	both[0] = spins_here();
	both[1] = me ? &me->mutexes : both[0];
	for (int n = 0; n < 2; n++)
		for (u32 i = 0; i < both[n]->nr; i++)
			if ((u64)both[n]->lock[i].lock - (u64)p < size)
				report("%s is held in freed memory", name_of(both[n]->lock[i].id));
	irq_pop();
}

void lockdep_to_user(void)
{
	struct held_locks *held = spins_here();

	if (!held->nr)
		held = &current_thread()->mutexes;
	if (held->nr) {
		report("to ring 3 with %s held", name_of(held->lock[held->nr - 1].id));
		held->nr = 0;
	}
}

void lockdep_interrupt(bool begins, u64 rip, u64 flags)
{
	u32 cpu = this_cpu()->id;
	const struct held_locks *held = spins_here();

	in_interrupt[cpu] += begins ? 1 : -1;
	if (begins && held->nr)
		report("an interrupt with %s held, at 0x%llx, flags 0x%llx, %u deep",
		       name_of(held->lock[held->nr - 1].id), (unsigned long long)rip,
		       (unsigned long long)flags, this_cpu()->irq_depth);
}
#endif
