/* SPDX-License-Identifier: MIT */
/*
 * Slabs: blocks of frames cut into objects of one size. The header of a slab stands at its end, so
 * that objects of a power of two are aligned to their size. Free objects are chained through their
 * first word. Each frame of a slab names its cache and its slab: kfree() needs only the pointer.
 *
 * Before the slabs of a cache stands a magazine on each CPU: a stack of free objects that needs no
 * lock, only interrupts off. It is filled and emptied by halves.
 *
 * Sizes over 2048 are whole blocks of frames (FRAME_KERNEL).
 *
 * This is the one place where the kernel's objects are charged to a memory cgroup (object_charge()):
 * before its header a slab has a pointer for each object, to who pays for it. frame->state says
 * whether there is one, so that a free looks at nothing else while nobody is limited. Objects are small
 * and many, and a counter is a few atomic operations at each level: so a thread pays for MEM_STOCK bytes
 * more than it needs, and takes the next objects from that stock, and puts there what it frees, as long
 * as they are of the same counter. Only the thread itself touches it, where it could sleep: never an
 * interrupt.
 *
 * With KASan a red zone stands behind each object, and a freed object waits in a queue before it is
 * given out again: whoever still uses it meets poison for that long.
 */
#include "mm/internal.h"

struct slab {
	struct list_head link; /* in partial while an object is free, else nowhere */
	void *free;
	u32 used, total;
	struct frame *frame;
};

#define MAGAZINE 15
struct magazine {
	u64 nr;
	void *obj[MAGAZINE];
};

struct kmem_cache {
	const char *name;
	u32 object; /* its size as asked for, a multiple of 8 */
	u32 size; /* from one object to the next */
	u8 order; /* of a slab */
	u8 rounds; /* what a magazine of it holds: up to MAGAZINE, about a page of memory */
	u16 per_slab;
	struct magazine *mag[MAX_CPUS]; /* own CPU with interrupts off */
	spinlock_t lock; /* guards the rest */
	struct list_head partial;
	u64 nr_slabs, nr_empty;
	u64 used; /* objects out of the slabs, those in magazines included */
	u64 waiting; /* of them, those freed that KASan holds back; atomic */
	struct list_head all_link;
};

static struct list_head all_caches = LIST_INIT(all_caches);
static spinlock_t all_lock; /* guards all_caches */
static struct kmem_cache cache_cache, magazine_cache; /* have no magazines themselves */

static const u16 class_size[] = { 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048 };
static const char *const class_name[] = { "kmalloc-16",  "kmalloc-32",  "kmalloc-64",
					  "kmalloc-96",  "kmalloc-128", "kmalloc-192",
					  "kmalloc-256", "kmalloc-512", "kmalloc-1k",
					  "kmalloc-2k" };
static struct kmem_cache *class_cache[ARRAY_SIZE(class_size)];
static u8 class_of[2048 / 16 + 1]; /* by size / 16, rounded up */

/* ---- slabs; cache->lock held ---- */

/* The chain runs through objects that are poisoned. */
static __no_kasan void *link_get(void *const *obj)
{
	return *obj;
}
static __no_kasan void link_set(void **obj, void *next)
{
	*obj = next;
}

/* Objects lie in the map of all memory, never in the kernel's image. */
static struct frame *object_frame(const void *obj)
{
	return phys_frame((u64)obj - DIRECT_BASE);
}

/* Who pays for the object that p points into. */
static struct res_counter **payer_of(const struct frame *f, const void *p)
{
	struct slab *s = f->slab_priv;

	return (struct res_counter **)s - 1 -
	       (u32)((char *)p - (char *)frame_va(s->frame)) / f->cache->size;
}

/* What a slab of c holds: each object has a pointer beside the header. */
static u32 slab_room(const struct kmem_cache *c, unsigned int order)
{
	return ((PAGE_SIZE << order) - sizeof(struct slab)) /
	       (c->size + sizeof(struct res_counter *));
}

static struct slab *slab_new(struct kmem_cache *c)
{
	struct frame *f = frame_alloc(c->order, FRAME_SLAB);
	struct slab *s;
	char *mem;
	u32 i;

	if (!f)
		return NULL;
	mem = frame_va(f);
	s = (struct slab *)(mem + (PAGE_SIZE << c->order)) - 1;
	s->frame = f;
	s->used = 0;
	s->total = c->per_slab;
	s->free = NULL;
	memset((struct res_counter **)s - s->total, 0, s->total * sizeof(struct res_counter *));
	for (i = s->total; i-- > 0;) {
		link_set((void **)(mem + i * c->size), s->free);
		s->free = mem + i * c->size;
	}
	kasan_poison(mem, s->total * c->size, KASAN_FREE_OBJECT);
	for (i = 0; i < BIT(c->order); i++) {
		f[i].cache = c;
		f[i].slab_priv = s;
	}
	list_add(&s->link, &c->partial);
	c->nr_slabs++;
	c->nr_empty++;
	return s;
}

static void slab_destroy(struct kmem_cache *c, struct slab *s)
{
	list_del(&s->link);
	c->nr_slabs--;
	c->nr_empty--;
	frame_put(s->frame);
}

static void *slab_take(struct kmem_cache *c)
{
	struct slab *s;
	void *obj;

	if (list_empty(&c->partial)) {
		s = slab_new(c);
		if (!s)
			return NULL;
	} else {
		s = list_first(&c->partial, struct slab, link);
	}
	obj = s->free;
	s->free = link_get(obj);
	if (s->used++ == 0)
		c->nr_empty--;
	if (!s->free)
		list_del(&s->link);
	c->used++;
	return obj;
}

static void slab_give(struct kmem_cache *c, void *obj)
{
	struct slab *s = object_frame(obj)->slab_priv;

	if (!s->free)
		list_add(&s->link, &c->partial);
	link_set(obj, s->free);
	s->free = obj;
	c->used--;
	if (--s->used == 0) {
		/* One empty slab stays: no coming and going of frames at a border. */
		if (++c->nr_empty > 1)
			slab_destroy(c, s);
		else
			list_move_tail(&s->link, &c->partial);
	}
}

/* ---- magazines ---- */

static void *alloc_free(struct kmem_cache *c);

static struct magazine *magazine_of(struct kmem_cache *c)
{
	u32 cpu = this_cpu()->id;
	struct magazine *m = c->mag[cpu];

	if (unlikely(!m) && c != &cache_cache && c != &magazine_cache) {
		m = alloc_free(&magazine_cache);
		if (m) {
			m->nr = 0;
			c->mag[cpu] = m;
		}
	}
	return m;
}

static void magazine_empty(struct kmem_cache *c, struct magazine *m, u64 keep)
{
	spin_lock(&c->lock);
	while (m->nr > keep)
		slab_give(c, m->obj[--m->nr]);
	spin_unlock(&c->lock);
}

static void *magazine_fill(struct kmem_cache *c, struct magazine *m)
{
	void *obj;

	spin_lock(&c->lock);
	obj = slab_take(c);
	/* Only what the present slab has: no new one for objects that nobody asked for. */
	while (m && obj && m->nr < c->rounds / 2 && !list_empty(&c->partial))
		m->obj[m->nr++] = slab_take(c);
	spin_unlock(&c->lock);
	return obj;
}

/* ---- who pays ---- */

static bool may_wait(void)
{
	return !this_cpu()->irq_depth && read_rflags() & RFLAGS_IF;
}

/*
 * Charges n bytes to *res, waiting for room where that is possible. False: refused. Who cannot sleep cannot
 * make room: such objects are few, or bounded by others, and go free (*res = NULL; an interrupt's in any
 * case: whom it hit has nothing to do with it), unless somebody was named to pay.
 */
static bool object_charge(struct res_counter **res, u64 n)
{
	struct thread *t = current_thread();

	if (likely(may_wait())) {
		if (t->mem_stocked != *res || t->mem_stock < n)
			return mem_charge_ahead(*res, n);
		t->mem_stock -= n;
		return true;
	}
	if (t->mem_pays)
		return !res_charge(*res, n);
	*res = NULL;
	return true;
}

static void object_uncharge(struct res_counter *res, u64 n)
{
	struct thread *t = current_thread();

	if (t->mem_stocked != res || !may_wait()) {
		res_uncharge(res, n);
		return;
	}
	t->mem_stock += n;
	if (t->mem_stock > 2 * MEM_STOCK) {
		res_uncharge(res, t->mem_stock - MEM_STOCK);
		t->mem_stock = MEM_STOCK;
	}
}

static void object_unpay(const struct frame *f, void *obj)
{
	struct res_counter **payer;

	if (likely(!(READ_ONCE(f->state) & FRAME_PAID)))
		return;
	payer = payer_of(f, obj);
	if (*payer)
		object_uncharge(*payer, f->cache->size);
	*payer = NULL;
}

/* ---- objects ---- */

/* An object that nobody pays for. */
static void *alloc_free(struct kmem_cache *c)
{
	struct magazine *m;
	void *obj;

	irq_push();
	m = magazine_of(c);
	if (m && m->nr)
		obj = m->obj[--m->nr];
	else
		obj = magazine_fill(c, m);
	irq_pop();
	if (obj)
		kasan_unpoison(obj, c->object);
	return obj;
}

static void *alloc_paid(struct kmem_cache *c, struct res_counter *payer)
{
	struct frame *f;
	void *obj;

	if (!object_charge(&payer, c->size))
		return NULL;
	obj = alloc_free(c);
	if (!payer)
		return obj;
	if (!obj) {
		object_uncharge(payer, c->size);
		return NULL;
	}
	f = object_frame(obj);
	if (!(READ_ONCE(f->state) & FRAME_PAID))
		__atomic_fetch_or(&f->state, FRAME_PAID, __ATOMIC_RELAXED);
	*payer_of(f, obj) = payer;
	return obj;
}

void *kmem_cache_alloc(struct kmem_cache *c)
{
	struct res_counter *payer = object_payer();

	if (fault_injected())
		return NULL;
	return likely(!payer) ? alloc_free(c) : alloc_paid(c, payer);
}

struct res_counter *mem_payer_of(const void *obj)
{
	const struct frame *f = va_frame(obj);

	return f->kind == FRAME_SLAB ? *payer_of(f, obj) : f->charge;
}

void *kmem_cache_zalloc(struct kmem_cache *c)
{
	void *obj = kmem_cache_alloc(c);

	if (obj)
		memset(obj, 0, c->object);
	return obj;
}

static void object_free(struct kmem_cache *c, void *obj)
{
	struct magazine *m;

	irq_push();
	m = magazine_of(c);
	if (likely(m)) {
		if (m->nr == c->rounds)
			magazine_empty(c, m, c->rounds / 2);
		m->obj[m->nr++] = obj;
	} else {
		spin_lock(&c->lock);
		slab_give(c, obj);
		spin_unlock(&c->lock);
	}
	irq_pop();
}

#ifdef SAN
#define QUARANTINE 512
static struct quarantine {
	void *obj[QUARANTINE];
	u32 next;
} quarantines[MAX_CPUS]; /* own CPU with interrupts off */

/* obj comes in, NULL: nothing, and the oldest goes out. */
static void quarantine(void *obj)
{
	struct quarantine *q;
	void *old;

	irq_push();
	q = &quarantines[this_cpu()->id];
	old = q->obj[q->next];
	q->obj[q->next] = obj;
	q->next = (q->next + 1) % QUARANTINE;
	irq_pop();
	if (obj)
		__atomic_fetch_add(&object_frame(obj)->cache->waiting, 1, __ATOMIC_RELAXED);
	if (old) {
		object_free(object_frame(old)->cache, old);
		__atomic_fetch_sub(&object_frame(old)->cache->waiting, 1, __ATOMIC_RELAXED);
	}
}

#endif

void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	struct frame *f = object_frame(obj);

	if (unlikely(f->kind != FRAME_SLAB || f->cache != c))
		panic("%s: freed object %p is not of this cache", c->name, obj);
	lockdep_freed(obj, c->object);
#ifdef SAN
	if (!kasan_write(obj, 1)) /* freed twice */
		return;
	object_unpay(f, obj);
	kasan_poison(obj, c->size, KASAN_FREE_OBJECT);
	quarantine(obj);
#else
	object_unpay(f, obj);
	object_free(c, obj);
#endif
}

/* ---- caches ---- */

static void cache_setup(struct kmem_cache *c, const char *name, size_t size, bool cacheline)
{
	unsigned int order = 0;

	memset(c, 0, sizeof(*c));
	c->name = name;
	c->object = ALIGN_UP(max(size, sizeof(void *)), 8);
	c->size = ALIGN_UP(c->object, cacheline ? 64 : 16);
#ifdef SAN
	c->size += c->size & -c->size; /* objects stay aligned as they were */
#endif
	/* At least eight objects, or little waste; never more than 32 KiB. */
	while (order < 3 && slab_room(c, order) < 8)
		order++;
	c->order = order;
	c->per_slab = slab_room(c, order);
	c->rounds = min(max(PAGE_SIZE / c->size, 2UL), (u64)MAGAZINE);
	spin_init(&c->lock);
	list_init(&c->partial);
	spin_lock(&all_lock);
	list_add_tail(&c->all_link, &all_caches);
	spin_unlock(&all_lock);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size, bool cacheline)
{
	struct kmem_cache *c = alloc_free(&cache_cache);

	/* Made once, at start. */
	if (!c || size > PAGE_SIZE * 4)
		panic("out of memory: slab cache %s cannot be made", name);
	cache_setup(c, name, size, cacheline);
	return c;
}

void kmem_cache_each(void (*fn)(void *arg, const char *name, size_t size, u64 used, u64 frames),
		     void *arg)
{
	struct kmem_cache *c;
	u32 cpu;

	/* Caches are never destroyed, so the list only grows at its end. */
	list_for_each(c, &all_caches, all_link) {
		u64 used, slabs;

		spin_lock(&c->lock);
		used = c->used - READ_ONCE(c->waiting);
		slabs = c->nr_slabs;
		spin_unlock(&c->lock);
		for (cpu = 0; cpu < nr_cpus; cpu++)
			if (c->mag[cpu])
				used -= READ_ONCE(c->mag[cpu]->nr);
		fn(arg, c->name, c->size, used, slabs << c->order);
	}
}

static void drain_this_cpu(void *unused)
{
	struct kmem_cache *c;

	irq_push();
#ifdef SAN
	for (int i = 0; i < QUARANTINE; i++)
		quarantine(NULL);
#endif
	list_for_each(c, &all_caches, all_link) {
		struct magazine *m = c->mag[this_cpu()->id];

		if (m)
			magazine_empty(c, m, 0);
	}
	frame_cache_drain();
	irq_pop();
}

void mm_drain(void)
{
	struct kmem_cache *c;
	cpumask_t all = nr_cpus == 64 ? ~0UL : BIT(nr_cpus) - 1;

	drain_this_cpu(NULL);
	smp_call(all, drain_this_cpu, NULL);
	list_for_each(c, &all_caches, all_link) {
		struct slab *s, *next;

		spin_lock(&c->lock);
		list_for_each_safe(s, next, &c->partial, link)
			if (!s->used)
				slab_destroy(c, s);
		spin_unlock(&c->lock);
	}
}

void slab_init(void)
{
	unsigned int i, s = 0;

	cache_setup(&cache_cache, "kmem_cache", sizeof(struct kmem_cache), true);
	cache_setup(&magazine_cache, "magazine", sizeof(struct magazine), true);
	for (i = 0; i < ARRAY_SIZE(class_size); i++) {
		class_cache[i] = kmem_cache_create(class_name[i], class_size[i], false);
		for (; s * 16 <= class_size[i]; s++)
			class_of[s] = i;
	}
}

/* ---- kmalloc and whole pages ---- */

static unsigned int order_of(size_t size)
{
	return size <= PAGE_SIZE ? 0 : 64 - __builtin_clzl((size - 1) >> PAGE_SHIFT);
}

/* Of the object at p, what is beyond size is nobody's. */
static void redzone(void *p, size_t size, size_t whole)
{
	kasan_poison(p, whole, KASAN_REDZONE);
	kasan_unpoison(p, size);
}

static void *block_alloc(size_t size)
{
	unsigned int order = order_of(size);
	struct res_counter *payer = object_payer();
	struct frame *f;

	if (unlikely(payer) && !object_charge(&payer, PAGE_SIZE << order))
		return NULL;
	f = frame_alloc(order, FRAME_KERNEL);
	if (f)
		f->charge = payer;
	else if (payer)
		res_uncharge(payer, PAGE_SIZE << order);
	if (f)
		redzone(frame_va(f), size, PAGE_SIZE << order);
	return f ? frame_va(f) : NULL;
}

void *kmalloc(size_t size)
{

	if (likely(size <= 2048)) {
		unsigned int class = class_of[DIV_ROUND_UP(size, 16)];
		void *p = kmem_cache_alloc(class_cache[class]);

		if (p)
			redzone(p, size, class_size[class]);
		return p;
	}
	return block_alloc(size);
}

void *kzalloc(size_t size)
{
	void *p = kmalloc(size);

	return p ? memset(p, 0, size) : NULL;
}

void kfree(const void *p)
{
	struct frame *f;

	if (!p)
		return;
	f = va_frame(p);
	if (f->kind == FRAME_SLAB) {
		kmem_cache_free(f->cache, (void *)p);
	} else {
		if (unlikely(f->kind != FRAME_KERNEL || (u64)p & ~PAGE_MASK))
			panic("kfree(%p): not from kmalloc()", p);
		frame_put(f);
	}
}

void *kmemdup(const void *p, size_t n)
{
	void *copy = kmalloc(n);

	return copy ? memcpy(copy, p, n) : NULL;
}

char *kstrdup(const char *s)
{
	return kmemdup(s, strlen(s) + 1);
}

void *page_alloc(size_t size)
{
	unsigned int order = order_of(size);
	struct frame *f = frame_alloc(order, FRAME_KERNEL);

	return f ? memset(frame_va(f), 0, PAGE_SIZE << order) : NULL;
}

void page_free(void *p, size_t size)
{
	if (p)
		frame_put(va_frame(p));
}
