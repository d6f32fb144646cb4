/* SPDX-License-Identifier: MIT */
/*
 * Physical frames. Free ones are kept by a buddy allocator: blocks of 2^order frames, aligned to
 * their size, one list an order; a freed block joins its buddy when that is free too. Before it
 * stands a small cache of single frames on each CPU, so that the common case takes no lock. Page tables
 * come back empty, and are kept apart there: a program that starts needs half a dozen such frames.
 *
 * frames[] covers all physical addresses up to the end of RAM. Of a block only the first frame
 * carries kind, order and count; the frames of a free block beyond the first are FRAME_FREE with
 * order NOT_FIRST, and so are those in a CPU's cache. A frame goes into a cache and out of it without
 * the lock while another CPU, with it, looks whether the frame's buddy can join it: on its way it must
 * never be FRAME_FREE and of an order at one time. What is no RAM, or not ours to give, is
 * FRAME_RESERVED with one reference.
 */
#include "mm/internal.h"

#define MAX_ORDER 10 /* 4 MiB */
#define NOT_FIRST 0xff
#define FREE_OF(order) ((u16)(FRAME_FREE | (order) << 8)) /* a kind_order */
#define CACHE_MAX 128
#define CACHE_BATCH 32
/* The first MiB but for this holds the firmware's tables, and the start code of the other CPUs. */
#define LOW_START (64UL << 10)
#define LOW_END (512UL << 10)
#define LOW_SHARE 32 /* of all frames: fewer free ones are few */

struct frame *frames;
u64 nr_frames;
u64 shmem_pages;
u64 frames_total;
u64 device_pages;

static spinlock_t buddy_lock; /* guards the lists, nr_free, and frames of kind FREE in them */
static struct list_head free_list[MAX_ORDER + 1];
static u64 nr_free;

/* Own CPU, interrupts off; the sums are read from outside. */
static struct frame_cache {
	struct list_head list, zeros; /* zeros: those with FRAME_ZEROS */
	u32 nr; /* in both */
	s64 kinds[FRAME_RESERVED + 1]; /* frames given out less frames taken back, by kind */
} __aligned(64) caches[MAX_CPUS];

/* ---- the buddy lists; buddy_lock held ---- */

/* The free block at pfn goes into the lists, joined with its buddies as far as they are free. */
static void buddy_add(u64 pfn, unsigned int order)
{
	/* LAB 01: begin
	 * Merge, then insert. The buddy of a block of 2^order frames is the block whose number differs
	 * from pfn in the bit of that size and in no other. It can be joined when all of it lies below
	 * nr_frames, its kind is FRAME_FREE, and its order is this order, both seen at one time by
	 * kind_order, as FREE_OF(order): another CPU may take it just now. An order is what only the
	 * first frame of a block that is in the lists has, so a buddy that was cut into pieces, or lies
	 * in a CPU's cache (NOT_FIRST), does not match. The two are one block of twice the size, which
	 * begins at the lower of them and has a buddy of its own, up to MAX_ORDER.
	 * A buddy that is joined leaves its list; where it or the block began inside the new one, the
	 * order must be NOT_FIRST. The caller has set kind in all frames and counted them in nr_free.
	 * starter: panic("lab 01: buddy_add() is not written yet");
	 */
	while (order < MAX_ORDER) {
		u64 other = pfn ^ BIT(order);
		struct frame *b = &frames[other];

		if (other + BIT(order) > nr_frames || READ_ONCE(b->kind_order) != FREE_OF(order))
			break;
		list_del(&b->link);
		b->order = NOT_FIRST;
		frames[pfn].order = NOT_FIRST;
		pfn &= ~BIT(order);
		order++;
	}
	frames[pfn].order = order;
	list_add(&frames[pfn].link, &free_list[order]);
	/* LAB 01: end */
}

/* A block of 2^order frames out of the lists, aligned to its size; NULL when none is large enough. */
static struct frame *buddy_take(unsigned int order)
{
	/* LAB 01: begin
	 * Take a block from the first list that is not empty, from free_list[order] upwards to
	 * free_list[MAX_ORDER]: the smallest that will do. While it is larger than what was asked for,
	 * cut it in two: the upper half goes into the list of its order (and must say so in its order:
	 * it is the first frame of a free block now), the lower half is cut on.
	 * What is returned is in no list and has the order NOT_FIRST, or its buddy would be joined with
	 * it while it is in use. nr_free counts frames, not blocks.
	 * starter: panic("lab 01: buddy_take() is not written yet");
	 */
	unsigned int have = order;
	struct frame *f;

	while (have <= MAX_ORDER && list_empty(&free_list[have]))
		have++;
	if (have > MAX_ORDER)
		return NULL;
	f = list_first(&free_list[have], struct frame, link);
	list_del(&f->link);
	while (have > order) {
		struct frame *half = f + BIT(--have);

		half->order = have;
		list_add(&half->link, &free_list[have]);
	}
	f->order = NOT_FIRST; /* out of the lists, so nobody's buddy */
	nr_free -= BIT(order);
	return f;
	/* LAB 01: end */
}

static void buddy_free(struct frame *f, unsigned int order)
{
	u64 i;

	for (i = 0; i < BIT(order); i++) {
		f[i].kind = FRAME_FREE;
		f[i].order = NOT_FIRST;
	}
	nr_free += BIT(order);
	buddy_add(f - frames, order);
}

/* ---- the cache of this CPU; interrupts off ---- */

static struct frame *cache_take(struct frame_cache *c, bool zeros)
{
	struct list_head *list = &c->list;
	struct frame *f;

	if (unlikely(!c->nr)) {
		spin_lock(&buddy_lock);
		while (c->nr < CACHE_BATCH && (f = buddy_take(0))) {
			list_add_tail(&f->link, &c->list);
			c->nr++;
		}
		spin_unlock(&buddy_lock);
		if (!c->nr)
			return NULL;
	}
	if (list_empty(list) || (zeros && !list_empty(&c->zeros)))
		list = &c->zeros;
	f = list_first(list, struct frame, link);
	list_del(&f->link);
	c->nr--;
	return f;
}

static void cache_flush(struct frame_cache *c, u32 keep)
{
	spin_lock(&buddy_lock);
	while (c->nr > keep) {
		struct list_head *list = list_empty(&c->list) ? &c->zeros : &c->list;
		struct frame *f = list_last(list, struct frame, link);

		list_del(&f->link);
		c->nr--;
		buddy_free(f, 0);
	}
	spin_unlock(&buddy_lock);
}

void frame_cache_drain(void)
{
	struct frame_cache *c;

	irq_push();
	c = &caches[this_cpu()->id];
	cache_flush(c, 0);
	irq_pop();
}

static void cache_give(struct frame_cache *c, struct frame *f)
{
	struct list_head *list = f->state & FRAME_ZEROS ? &c->zeros : &c->list;

	WRITE_ONCE(f->order, NOT_FIRST); /* before the kind */
	WRITE_ONCE(f->kind, FRAME_FREE);
	if (KASAN) /* used again as late as possible */
		list_add_tail(&f->link, list);
	else
		list_add(&f->link, list);
	if (++c->nr > CACHE_MAX)
		cache_flush(c, CACHE_MAX - CACHE_BATCH);
}

/* ---- the face ---- */

static struct frame *block_take(unsigned int order)
{
	struct frame *f;

	spin_lock(&buddy_lock);
	f = buddy_take(order);
	spin_unlock(&buddy_lock);
	return f;
}

static struct frame *frame_take(unsigned int order, enum frame_kind kind, bool zeros)
{
	struct frame_cache *c;
	struct frame *f;
	u64 i;

	if (order > MAX_ORDER || fault_injected())
		return NULL;
	irq_push();
	c = &caches[this_cpu()->id];
	f = order ? block_take(order) : cache_take(c, zeros);
	if (unlikely(!f && order)) { /* what lies in the cache may be the missing halves */
		cache_flush(c, 0);
		f = block_take(order);
	}
	if (f)
		c->kinds[kind] += BIT(order);
	irq_pop();
	if (!f)
		return NULL;
	kasan_unpoison(frame_va(f), PAGE_SIZE << order);
	if (zeros && !(f->state & FRAME_ZEROS))
		clear_page(frame_va(f));
	for (i = 0; i < BIT(order); i++) {
		WRITE_ONCE(f[i].kind, kind); /* before the order */
		f[i].dirty = 0;
		f[i].state = 0;
		f[i].charge = NULL;
		f[i].mapping = NULL;
		f[i].index = 0;
	}
	WRITE_ONCE(f->order, order);
	ref_init(&f->refs);
	return f;
}

struct frame *frame_alloc(unsigned int order, enum frame_kind kind)
{
	return frame_take(order, kind, false);
}

struct frame *frame_alloc_zeros(enum frame_kind kind)
{
	struct frame *f = frame_take(0, kind, true);

	WARN_ON(KASAN && f && memcmp(frame_va(f), frame_va(zero_frame), PAGE_SIZE));
	return f;
}

struct frame *frame_alloc_row(unsigned int order, enum frame_kind kind, struct res_counter *res)
{
	struct frame *f = frame_alloc(order, kind);

	if (f && res && res_charge(res, PAGE_SIZE << order)) {
		frame_put(f);
		return NULL;
	}
	for (u64 i = 0; f && i < BIT(order); i++) {
		f[i].order = 0;
		ref_init(&f[i].refs);
		f[i].charge = res;
		clear_page(frame_va(&f[i]));
	}
	return f;
}

struct frame *frame_alloc_zeroed(enum frame_kind kind, struct res_counter *res)
{
	return frame_alloc_row(0, kind, res);
}

void frame_put(struct frame *f)
{
	struct frame_cache *c;
	unsigned int order = f->order;

	if (!ref_put(&f->refs))
		return;
	if (f->charge) {
		res_uncharge(f->charge, PAGE_SIZE << order);
		f->charge = NULL; /* memory.stat looks at every frame */
	}
	lockdep_freed(frame_va(f), PAGE_SIZE << order);
	kasan_poison(frame_va(f), PAGE_SIZE << order, KASAN_FREE_FRAME);
	irq_push();
	c = &caches[this_cpu()->id];
	c->kinds[f->kind] -= BIT(order);
	if (order == 0) {
		cache_give(c, f);
	} else {
		spin_lock(&buddy_lock);
		buddy_free(f, order);
		spin_unlock(&buddy_lock);
	}
	irq_pop();
}

void frame_set_kind(struct frame *f, enum frame_kind kind)
{
	irq_push();
	caches[this_cpu()->id].kinds[f->kind]--;
	caches[this_cpu()->id].kinds[kind]++;
	f->kind = kind;
	irq_pop();
}

void frame_release_range(paddr_t start, paddr_t end)
{
	u64 pfn = ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT, last = end >> PAGE_SHIFT;

	for (; pfn < last; pfn++) {
		BUG_ON(pfn >= nr_frames || frames[pfn].kind != FRAME_RESERVED);
		frame_put(&frames[pfn]);
	}
}

bool frames_low(void)
{
	return READ_ONCE(nr_free) < frames_total / LOW_SHARE;
}

void mem_stats(struct mem_stats *st)
{
	s64 kinds[FRAME_RESERVED + 1] = { 0 };
	unsigned int cpu, k;

	st->total = frames_total;
	st->free = READ_ONCE(nr_free);
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		st->free += READ_ONCE(caches[cpu].nr);
		for (k = 0; k <= FRAME_RESERVED; k++)
			kinds[k] += READ_ONCE(caches[cpu].kinds[k]);
	}
	st->kernel = kinds[FRAME_KERNEL] + kinds[FRAME_TABLE] + kinds[FRAME_SECOND_TABLE];
	st->slab = kinds[FRAME_SLAB];
	st->anon = kinds[FRAME_ANON];
	st->cache = kinds[FRAME_CACHE];
	st->shmem = READ_ONCE(shmem_pages);
	st->device = READ_ONCE(device_pages);
}

/* ---- start ---- */

static void free_range(u64 first, u64 end)
{
	while (first < end) {
		unsigned int order = first ? min(__builtin_ctzl(first), MAX_ORDER) : MAX_ORDER;

		while (first + BIT(order) > end)
			order--;
		kasan_poison(frame_va(&frames[first]), PAGE_SIZE << order, KASAN_FREE_FRAME);
		buddy_free(&frames[first], order);
		first += BIT(order);
	}
}

/* Frees the frames of [start, end), which boot_info calls RAM; those reserved stay so. */
static void add_ram(paddr_t start, paddr_t end)
{
	u64 first = ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT, pfn;
	u64 last = end >> PAGE_SHIFT;
	unsigned int i;

	for (pfn = first; pfn < last;) {
		paddr_t p = pfn << PAGE_SHIFT, stop = last << PAGE_SHIFT, skip = 0;

		for (i = 0; i < boot_info.nr_reserved; i++) {
			const struct mem_range *r = &boot_info.reserved[i];

			if (r->start <= p && p < r->end)
				skip = max(skip, r->end);
			else if (r->start > p)
				stop = min(stop, r->start);
		}
		if (skip) {
			pfn = ALIGN_UP(skip, PAGE_SIZE) >> PAGE_SHIFT;
			continue;
		}
		stop >>= PAGE_SHIFT;
		free_range(pfn, stop);
		/* A page that only begins free is not. */
		pfn = max(stop, pfn + 1);
	}
}

void frame_init(void)
{
	paddr_t top = 0;
	unsigned int i;
	u64 pfn;

	for (i = 0; i < boot_info.nr_ram; i++)
		top = max(top, boot_info.ram[i].end);
	nr_frames = top >> PAGE_SHIFT;
	frames = phys_to_virt(boot_alloc(nr_frames * sizeof(struct frame)));
	for (i = 0; i <= MAX_ORDER; i++)
		list_init(&free_list[i]);
	for (i = 0; i < MAX_CPUS; i++) {
		list_init(&caches[i].list);
		list_init(&caches[i].zeros);
	}
	for (pfn = 0; pfn < nr_frames; pfn++) {
		frames[pfn].kind = FRAME_RESERVED;
		ref_init(&frames[pfn].refs);
	}
	for (i = 0; i < boot_info.nr_ram; i++) {
		const struct mem_range *r = &boot_info.ram[i];

		add_ram(max(r->start, LOW_START), min(r->end, LOW_END));
		add_ram(max(r->start, 1UL << 20), r->end);
	}
	frames_total = nr_free;
	for (i = 0; i < boot_info.nr_modules; i++)
		frames_total += (boot_info.modules[i].end >> PAGE_SHIFT) -
				(ALIGN_UP(boot_info.modules[i].start, PAGE_SIZE) >> PAGE_SHIFT);
}
