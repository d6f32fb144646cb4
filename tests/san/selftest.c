/* SPDX-License-Identifier: MIT */
/*
 * Bugs of ring 0, one of each kind that a build with SAN=1 must report. Only such a build has them:
 * a name written to /proc/dyad/selftest runs one. tests/system/san.py says what must be reported.
 */
#include "proc/proc.h"

static u8 global_bytes[13];
static volatile size_t unknown; /* what the compiler must not see through */

static void heap_out_of_bounds(void)
{
	u8 *p = kmalloc(20);

	WRITE_ONCE(p[20 + unknown], 1);
	kfree(p);
}

static void heap_memset(void)
{
	u8 *p = kmalloc(100);

	memset(p, 1, 101 + unknown);
	kfree(p);
}

static void use_after_free(void)
{
	u32 *p = kmalloc(64);

	kfree(p);
	kfree(kmalloc(64)); /* a fresh object of the size is another one */
	(void)READ_ONCE(p[3 + unknown]);
}

static void double_free(void)
{
	void *p = kmalloc(64);

	kfree(p);
	kfree(p);
}

static void freed_frame(void)
{
	u64 *p = page_alloc(PAGE_SIZE);

	page_free(p, PAGE_SIZE);
	(void)READ_ONCE(p[7 + unknown]);
}

static void stack_out_of_bounds(void)
{
	u8 bytes[10];

	memset(bytes, 0, sizeof(bytes));
	(void)READ_ONCE(bytes[10 + unknown]);
}

static void stack_after_scope(void)
{
	volatile u64 *p;

	{
		volatile u64 inner = unknown;

		p = &inner;
	}
	(void)*p;
}

static void global_out_of_bounds(void)
{
	u8 *volatile p = global_bytes; /* or UBSan is first */

	(void)READ_ONCE(p[13]);
}

static void wild_pointer(void)
{
	kasan_read((void *)(IOREMAP_BASE + (1UL << 29) + unknown), 8);
}

static void shift_too_far(void)
{
	unknown = 1U << (32 + unknown) ? 0 : 0;
}

static void index_out_of_bounds(void)
{
	u8 bytes[32] = { 0 };
	volatile int i = 33 + unknown; /* KASan would not see it where no red zone is */

	unknown = bytes[i] ? 0 : 0;
}

/* ---- locks ---- */

static struct mutex mutex_a = MUTEX_INIT(mutex_a), mutex_b = MUTEX_INIT(mutex_b);
static struct mutex mutex_left = MUTEX_INIT(mutex_left);
static spinlock_t spin_a;

static void lock_order(void)
{
	mutex_lock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_unlock(&mutex_b);
	mutex_unlock(&mutex_a);
	mutex_lock(&mutex_b);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	mutex_unlock(&mutex_b);
}

static void lock_two_of_a_class(void)
{
	struct mutex m[2];

	for (int i = 0; i < 2; i++)
		mutex_init(&m[i]);
	mutex_lock(&m[0]);
	mutex_lock_nested(&m[1], LOCK_SECOND); /* is right */
	mutex_unlock(&m[1]);
	mutex_lock(&m[1]);
	mutex_unlock(&m[1]);
	mutex_unlock(&m[0]);
}

static void lock_without_init(void)
{
	spinlock_t *l = kzalloc(sizeof(*l));

	spin_lock(l);
	spin_unlock(l);
	kfree(l);
}

static void lock_interrupts_on(void)
{
	spin_lock(&spin_a);
	irq_enable();
	spin_unlock(&spin_a);
}

static void lock_interrupted(void)
{
	spin_lock(&spin_a);
	__asm__ volatile("int %0" ::"i"(0xf2)); /* VECTOR_KICK */
	spin_unlock(&spin_a);
}

static void sleep_with_spinlock(void)
{
	spin_lock(&spin_a);
	mutex_lock(&mutex_a);
	mutex_unlock(&mutex_a);
	spin_unlock(&spin_a);
}

static void sleep_with_interrupts_off(void)
{
	u8 byte;

	irq_disable();
	copy_from_user(&byte, NULL, 1);
	irq_enable();
}

static bool expired;
static void sleepy_timer(struct timer *t)
{
	lockdep_might_sleep(); /* as all that sleeps says */
	expired = true;
}

static void sleep_in_interrupt(void)
{
	static struct timer t;

	timer_init(&t, sleepy_timer);
	timer_start(&t, clock_ns());
	while (!READ_ONCE(expired))
		cpu_relax();
}

static void lock_into_ring_3(void)
{
	mutex_lock(&mutex_left);
}

static void lock_in_freed_memory(void)
{
	struct mutex *m = kmalloc(sizeof(*m));

	mutex_init(m);
	mutex_lock(m);
	kfree(m);
	lockdep_drop(m, 0);
}

static const struct selftest {
	const char *name;
	void (*fn)(void);
} tests[] = {
#define TEST(fn)                                                                                   \
	{                                                                                          \
#fn, fn                                                                            \
	}
	TEST(heap_out_of_bounds),  TEST(heap_memset),          TEST(use_after_free),
	TEST(double_free),         TEST(freed_frame),          TEST(stack_out_of_bounds),
	TEST(stack_after_scope),   TEST(global_out_of_bounds), TEST(wild_pointer),
	TEST(shift_too_far),       TEST(index_out_of_bounds),  TEST(lock_order),
	TEST(lock_two_of_a_class), TEST(lock_without_init),    TEST(lock_interrupts_on),
	TEST(lock_interrupted),    TEST(sleep_with_spinlock),  TEST(sleep_with_interrupts_off),
	TEST(sleep_in_interrupt),  TEST(lock_into_ring_3),     TEST(lock_in_freed_memory),
};

static int show(struct strbuf *out, void *priv)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		sb_printf(out, "%s\n", tests[i].name);
	return 0;
}

static ssize_t run(void *priv, char *buf, size_t n)
{
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
		size_t len = strlen(tests[i].name);

		if (strncmp(buf, tests[i].name, len) || strcmp(buf + len, "\n"))
			continue;
		tests[i].fn();
		return n;
	}
	return -EINVAL;
}

static void selftest_init(void)
{
	static const struct pseudo_file file = {
		.name = "dyad/selftest", .mode = 0600, .show = show, .write = run
	};

	procfs_add(&file, NULL);
}
layer_initcall(selftest_init);
