/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/pagetable.c */
/*
 * Page tables against a model of the CPU: one that walks them by the manual alone (SDM 3A 4.5), and one
 * that remembers. The CPU's memory (TLB and the caches of upper entries) is a list of what it used; only
 * space_flush() shortens it. A frame that is let go while it is in the list, or a table while an
 * idle CPU has it loaded, is what would be somebody else's memory in the hands of a program.
 */
#include <string.h>
#include <sys/mman.h>

#include "host.h"
#include "mm/internal.h"

#define RAM_FRAMES 4096UL
#define RAM_AT 0x200000000000UL /* where they are in this program */
#define RAM_PHYS (RAM_AT - DIRECT_BASE) /* what phys_to_virt() makes of this is RAM_AT */
#define BASE 0x7f0000000000UL
#define GIB (1UL << 30)
#define PAGES 1500UL /* of the random test */
#define STEPS 3000

#define EQUAL_AS(format, what, got, want)                                                          \
	do {                                                                                       \
		long long _g = (long long)(got), _w = (long long)(want);                           \
		if (_g != _w)                                                                      \
			fail_msg("%s: expected " format ", got " format, what, _w, _g);            \
	} while (0)
#define EQUAL(what, got, want) EQUAL_AS("%lld", what, got, want)
#define SAME(what, got, want) EQUAL_AS("0x%llx", what, got, want) /* entries */

/* ---- memory ---- */

struct frame *frames;
u64 nr_frames;
static struct frame *const ram = (struct frame *)(RAM_AT + RAM_FRAMES * PAGE_SIZE);
static struct mm mm;
static long live, room = -1; /* frames in use; allocations that still succeed */

static struct frame *take(enum frame_kind kind)
{
	static u64 at;

	for (u64 i = 0; i < RAM_FRAMES; i++) {
		struct frame *f = &ram[at++ % RAM_FRAMES];

		if (f->kind != FRAME_FREE)
			continue;
		f->kind = kind;
		ref_init(&f->refs);
		memset(frame_va(f), 0xa5, PAGE_SIZE);
		live++;
		return f;
	}
	fail_msg("all %lu frames of the test's machine are in use", RAM_FRAMES);
	return NULL;
}

struct frame *frame_alloc_charged(enum frame_kind kind, struct res_counter *res, bool zero)
{
	struct frame *f;

	if (!room)
		return NULL;
	room -= room > 0;
	f = take(kind);
	f->charge = res;
	if (zero)
		memset(frame_va(f), 0, PAGE_SIZE);
	return f;
}

/* ---- the CPU that walks ---- */

struct access {
	struct frame *f; /* NULL: a page fault */
	pte_t entry;
	bool write, user, exec;
	struct frame *tables[3]; /* what it went through, of levels 2, 1, 0 */
};

static struct access walk(u64 addr)
{
	struct access a = { .write = true, .user = true, .exec = true };
	u64 at = virt_to_phys(mm.pml4);

	for (int shift = 39; shift >= 12; shift -= 9) {
		u64 e = ((u64 *)phys_to_virt(at))[addr >> shift & 511];

		a.entry = e;
		if (!(e & 1))
			return a;
		a.write &= e >> 1 & 1;
		a.user &= e >> 2 & 1;
		a.exec &= !(e >> 63);
		if (shift > 12 && e & 0x80)
			fail_msg("address 0x%lx: an upper entry has PTE_PS", addr);
		at = e & 0x000ffffffffff000UL;
		if (at < RAM_PHYS || at >= RAM_PHYS + RAM_FRAMES * PAGE_SIZE)
			fail_msg("address 0x%lx: entry 0x%lx leads out of memory", addr, e);
		if (shift > 12)
			a.tables[shift == 39 ? 0 : shift == 30 ? 1 : 2] = phys_frame(at);
	}
	a.f = phys_frame(at);
	return a;
}

/* ---- the CPU that remembers ---- */

static struct memory {
	struct frame *f;
	u64 start, span;
} tlb[16384];
static size_t tlb_size;
static bool lazy; /* an idle CPU has these tables loaded, and hears of no flush */
static bool quiet; /* the test takes things down: nobody uses them any more */

static void remember(struct frame *f, u64 addr, u64 span)
{
	assert_true(tlb_size < ARRAY_SIZE(tlb));
	tlb[tlb_size++] = (struct memory){ f, addr & ~(span - 1), span };
}

static void use(u64 addr)
{
	struct access a = walk(addr);

	if (!a.f)
		return;
	remember(a.f, addr, PAGE_SIZE);
	for (int i = 0; i < 3; i++)
		remember(a.tables[i], addr, PAGE_SIZE << 9 * (3 - i));
}

void space_flush(struct addr_space *space, u64 start, u64 end)
{
	size_t left = 0;

	assert_ptr_equal(space, &mm.space);
	if (start >= end || (start | end) & ~PAGE_MASK)
		fail_msg("space_flush(0x%lx, 0x%lx): no range of pages", start, end);
	for (size_t i = 0; i < tlb_size; i++)
		if (tlb[i].start >= end || tlb[i].start + tlb[i].span <= start)
			tlb[left++] = tlb[i];
	tlb_size = left;
}

void space_drop_lazy(struct addr_space *space)
{
	lazy = false;
}

void frame_put(struct frame *f)
{
	if (f->kind == FRAME_FREE)
		fail_msg("frame_put: this frame is free already");
	if (!ref_put(&f->refs))
		return;
	for (size_t i = 0; i < tlb_size && !quiet; i++)
		if (tlb[i].f == f)
			fail_msg("frame_put: expected that all CPUs have forgotten the frame, got "
				 "one "
				 "that still %s at 0x%lx",
				 tlb[i].span == PAGE_SIZE ? "has this page" : "walks this table",
				 tlb[i].start);
	if (lazy && f->kind == FRAME_KERNEL)
		fail_msg("frame_put: expected that no CPU has this table loaded, got an idle one "
			 "(space_drop_lazy)");
	f->kind = FRAME_FREE;
	live--;
	memset(frame_va(f), 0xdb, PAGE_SIZE);
}

/* ---- a space to work on ---- */

static int start(void **state)
{
	void *p = mmap((void *)RAM_AT, RAM_FRAMES * (PAGE_SIZE + sizeof(*ram)),
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);

	frames = ram - (RAM_PHYS >> PAGE_SHIFT); /* so that the first of them is RAM_PHYS */
	nr_frames = (RAM_PHYS >> PAGE_SHIFT) + RAM_FRAMES;
	return p == (void *)RAM_AT ? 0 : -1;
}

static int begin(void **state)
{
	memset(&mm, 0, sizeof(mm));
	list_init(&mm.notifiers);
	memset(ram, 0, RAM_FRAMES * sizeof(*ram));
	live = tlb_size = 0;
	room = -1;
	lazy = quiet = false;
	mm.pml4 = frame_va(take(FRAME_KERNEL));
	memset(mm.pml4, 0, PAGE_SIZE);
	mm.pt_frames = 1;
	zero_frame = take(FRAME_KERNEL);
	return 0;
}

static struct vma area(u32 flags)
{
	return (struct vma){ .flags = flags, .mm = &mm };
}

/* A new page at addr, as a fault puts it there. */
static struct frame *map(u64 addr, u32 flags, enum frame_kind kind)
{
	struct vma vma = area(flags);
	pte_t *pte = pt_create(&mm, addr);
	struct frame *f = take(kind);

	assert_non_null(pte);
	*pte = pte_make(&vma, f, flags & VM_WRITE);
	mm_count(&mm, f, 1);
	use(addr);
	return f;
}

/* A table made by hand, below the entry of addr at that level. */
static pte_t *table_by_hand(pte_t *table, u64 addr, unsigned int level)
{
	struct frame *f = take(FRAME_KERNEL);

	memset(frame_va(f), 0, PAGE_SIZE);
	table[addr >> (12 + 9 * level) & 511] = frame_phys(f) | 7;
	return frame_va(f);
}

/* ---- the walk ---- */

static void test_find(void **state)
{
	u64 addr = BASE + 5 * GIB + 0x3ff000;
	pte_t *t = mm.pml4, *found;

	for (unsigned int level = 3; level > 0; level--) {
		found = pt_find(&mm, addr);
		if (found)
			fail_msg("no table of level %u: expected NULL, got %p", level - 1,
				 (void *)found);
		t = table_by_hand(t, addr, level);
	}
	t[511] = 0x1234; /* not present: still the entry of this address */
	found = pt_find(&mm, addr);
	if (found != &t[511])
		fail_msg("the entry of 0x%lx: expected %p, got %p", addr, (void *)&t[511],
			 (void *)found);
	assert_ptr_equal(pt_find(&mm, addr | 0xfff), &t[511]);
	assert_ptr_equal(pt_find(&mm, addr - 0x1ff000), &t[0]);
	assert_null(pt_find(&mm, addr + PAGE_SIZE));
	assert_null(pt_find(&mm, addr + GIB));
	assert_null(pt_find(&mm, 0));
	EQUAL("frames in use: pt_find() makes none", live, 5);
}

/* pt_next() comes by all pages of a range, and by nothing else, over gaps of every size. */
static void test_next(void **state)
{
	static const u64 addr[] = { 0x1000,
				    0x200000,
				    0x3ff000,
				    0x400000,
				    5 * GIB,
				    5 * GIB + 0x1000,
				    512 * GIB - PAGE_SIZE,
				    512 * GIB,
				    BASE,
				    BASE + 0x40000000,
				    USER_END - PAGE_SIZE };
	struct pt_iter it = PT_ITER(&mm, 0x2000, USER_END);
	pte_t *pte, *t;

	for (size_t i = 0; i < ARRAY_SIZE(addr); i++) {
		t = mm.pml4;
		for (unsigned int level = 3; level > 0; level--) {
			pte_t e = t[addr[i] >> (12 + 9 * level) & 511];

			t = e ? phys_to_virt(e & PTE_ADDR) : table_by_hand(t, addr[i], level);
		}
		t[addr[i] >> 12 & 511] = PTE_SOFT_SPECIAL | PTE_P;
	}
	for (size_t i = 1; i < ARRAY_SIZE(addr); i++) {
		pte = pt_next(&it);
		if (!pte)
			fail_msg("the page behind 0x%lx: expected 0x%lx, got the end", addr[i - 1],
				 addr[i]);
		if (it.addr != addr[i] || pte != pt_find(&mm, addr[i]))
			fail_msg("the page behind 0x%lx: expected 0x%lx, got 0x%lx", addr[i - 1],
				 addr[i], it.addr);
	}
	pte = pt_next(&it);
	if (pte)
		fail_msg("behind the last page: expected NULL, got 0x%lx", it.addr);
}

static void test_create(void **state)
{
	static const struct {
		u64 addr;
		long tables; /* in all, the first one included */
	} steps[] = { { BASE, 4 },
		      { BASE + 0x1ff000, 4 },
		      { BASE + 0x200000, 5 },
		      { BASE + GIB, 7 },
		      { BASE + 512 * GIB - PAGE_SIZE, 9 },
		      { BASE - PAGE_SIZE, 12 },
		      { 0x400000, 15 },
		      { USER_END - PAGE_SIZE, 18 } };
	struct frame *f[ARRAY_SIZE(steps)];
	struct res_counter payer = { 0 };

	mm.charge = &payer;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		pte_t *pte = pt_create(&mm, steps[i].addr);

		if (!pte)
			fail_msg("pt_create(0x%lx): expected an entry, got NULL", steps[i].addr);
		SAME("the new entry", *pte, 0);
		EQUAL("tables in use", live - 1 - i, steps[i].tables);
		EQUAL("mm->pt_frames", mm.pt_frames, steps[i].tables);
		assert_ptr_equal(pt_create(&mm, steps[i].addr), pte);
		f[i] = take(FRAME_ANON);
		*pte = frame_phys(f[i]) | PTE_P | PTE_W | PTE_U;
	}
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct access a = walk(steps[i].addr);

		if (a.f != f[i])
			fail_msg("address 0x%lx: the CPU expected its frame, got %s", steps[i].addr,
				 a.f ? "another one" : "a page fault");
		EQUAL("user, write and exec on the way", a.user << 2 | a.write << 1 | a.exec, 7);
		for (int k = 0; k < 3; k++)
			if (a.tables[k]->charge != &payer)
				fail_msg("a table: expected that mm->charge pays, got %p",
					 (void *)a.tables[k]->charge);
	}
}

/* Memory runs out at each of the three tables: nothing is lost, and the next try goes on. */
static void test_no_memory(void **state)
{
	for (long n = 0; n < 3; n++) {
		room = n;
		assert_null(pt_create(&mm, BASE + n * 512 * GIB));
		EQUAL("mm->pt_frames", mm.pt_frames, live - 1);
	}
	room = -1;
	assert_non_null(pt_create(&mm, BASE + 2 * 512 * GIB));
	EQUAL("mm->pt_frames", mm.pt_frames, live - 1);
	EQUAL("tables in use", live - 1, 1 + 1 + 3);
}

/* ---- the bits ---- */

static void test_bits(void **state)
{
	struct frame *f = take(FRAME_ANON);
	char what[64];

	for (u32 flags = 0; flags < 16; flags++)
		for (int writable = 0; writable <= !!(flags & VM_WRITE); writable++) {
			struct vma vma = area(flags);
			pte_t got = pte_make(&vma, f, writable),
			      want = frame_phys(f) | PTE_U | PTE_A;

			want |= flags & 7 ? PTE_P : PTE_SOFT_NONE;
			want |= flags & VM_EXEC ? 0 : PTE_NX;
			if (writable)
				want |= PTE_W | PTE_D;
			else if (!(flags & VM_SHARED))
				want |= PTE_SOFT_COW;
			snprintf(what, sizeof(what), "pte_make, %c%c%c %s, writable %d",
				 "-r"[flags & 1], "-w"[flags >> 1 & 1], "-x"[flags >> 2 & 1],
				 flags & VM_SHARED ? "shared" : "private", writable);
			SAME(what, got, want);
		}
}

static void test_protect(void **state)
{
	struct frame *f = take(FRAME_ANON);
	struct vma rw = area(VM_READ | VM_WRITE), ro = area(VM_READ), none = area(0);
	struct vma rx = area(VM_READ | VM_EXEC), shared = area(VM_SHARED | VM_READ);
	struct vma shared_rw = area(VM_SHARED | VM_READ | VM_WRITE);
	pte_t keep = frame_phys(f) | PTE_U | PTE_A | PTE_D, pte = keep | PTE_P | PTE_W | PTE_NX;

	SAME("rw, stays rw", pte_protect(&rw, pte), pte);
	SAME("rw, becomes r", pte_protect(&ro, pte), keep | PTE_P | PTE_NX | PTE_SOFT_COW);
	SAME("rw, becomes rx", pte_protect(&rx, pte), keep | PTE_P | PTE_SOFT_COW);
	SAME("rw shared, becomes r", pte_protect(&shared, pte), keep | PTE_P | PTE_NX);
	SAME("r shared, becomes rw: the file must hear of the write",
	     pte_protect(&shared_rw, keep | PTE_P | PTE_NX), keep | PTE_P | PTE_NX);
	pte = pte_protect(&none, pte);
	SAME("rw, becomes none", pte, keep | PTE_SOFT_NONE | PTE_NX | PTE_SOFT_COW);
	assert_ptr_equal(pte_frame(pte), f);
	SAME("none, becomes rw", pte_protect(&rw, pte), keep | PTE_P | PTE_NX | PTE_SOFT_COW);
	SAME("the page of zeros stays special",
	     pte_protect(&rw, keep | PTE_P | PTE_SOFT_COW | PTE_SOFT_SPECIAL),
	     keep | PTE_P | PTE_NX | PTE_SOFT_COW | PTE_SOFT_SPECIAL);
}

/* ---- taking out ---- */

static void test_unmap(void **state)
{
	struct frame *f[6];
	pte_t *pte;

	for (u64 i = 0; i < 6; i++)
		f[i] = map(BASE + i * PAGE_SIZE, VM_READ, i & 1 ? FRAME_CACHE : FRAME_ANON);
	frame_get(f[3]); /* the file's page cache has it, too */
	pte = pt_find(&mm, BASE);
	assert_non_null(pte);
	pte[2] = (pte[2] & ~PTE_P) | PTE_SOFT_NONE;
	pte[6] = frame_phys(zero_frame) | PTE_P | PTE_U | PTE_SOFT_SPECIAL;
	pt_zap(&mm, BASE + PAGE_SIZE, BASE + 7 * PAGE_SIZE, BASE + PAGE_SIZE, BASE + 7 * PAGE_SIZE);
	for (u64 i = 0; i < 8; i++)
		EQUAL("entry after the pages 1 to 6 went", !!pte[i], i == 0);
	EQUAL("the page before them", walk(BASE).f == f[0], 1);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
	EQUAL("pages of files counted", mm.file_pages, 0);
	EQUAL("references of a page that a file has", ref_read(&f[3]->refs), 1);
	EQUAL("references of the page of zeros", ref_read(&zero_frame->refs), 1);
	EQUAL("frames in use", live, 4 + 1 + 2); /* tables, zero_frame, pages 0 and 3 */
	EQUAL("mm->pt_frames", mm.pt_frames, 4);
}

/* Tables go when [floor, ceiling) has all of what they stand for, and only then. */
static void test_tables(void **state)
{
	u64 m2 = 2UL << 20;

	map(BASE, VM_READ, FRAME_ANON);
	map(BASE + m2, VM_READ, FRAME_ANON);
	map(BASE + m2 + PAGE_SIZE, VM_READ, FRAME_ANON);
	map(BASE + 3 * GIB, VM_READ, FRAME_ANON);
	EQUAL("tables with four pages in three places", mm.pt_frames, 7);
	/* a neighbour begins behind the page: its table stays although it is empty */
	pt_zap(&mm, BASE, BASE + PAGE_SIZE, 0, BASE + PAGE_SIZE);
	EQUAL("tables when the 2 MiB are not all ours", mm.pt_frames, 7);
	/* one ends inside the 2 MiB, in front of it */
	pt_zap(&mm, BASE, BASE + PAGE_SIZE, BASE + PAGE_SIZE, BASE + m2);
	EQUAL("tables when the 2 MiB are not all ours", mm.pt_frames, 7);
	/* the table of the first 2 MiB goes, the one above it does not */
	pt_zap(&mm, BASE, BASE + PAGE_SIZE, 0, BASE + m2);
	EQUAL("tables when 2 MiB are", mm.pt_frames, 6);
	assert_null(pt_find(&mm, BASE));
	EQUAL("the page in the next table", !!walk(BASE + m2).f, 1);
	pt_zap(&mm, BASE + m2, BASE + 2 * m2, BASE, BASE + 3 * GIB);
	EQUAL("tables when 3 GiB are", mm.pt_frames, 4);
	EQUAL("the page 3 GiB above", !!walk(BASE + 3 * GIB).f, 1);
	pt_zap(&mm, 0, USER_END, 0, 1UL << 47);
	EQUAL("tables at the end: the first alone", mm.pt_frames, 1);
	EQUAL("frames in use", live, 2);
	for (int i = 0; i < PT_ENTRIES; i++)
		SAME("entry of the first table", mm.pml4[i], 0);
}

/* A frame goes when no CPU remembers it; a table, when no idle CPU has it loaded either. */
static void test_flush(void **state)
{
	u64 n = 300; /* more than one batch, in one table */

	for (u64 i = 0; i < n; i++)
		map(BASE + i * PAGE_SIZE, VM_READ | VM_WRITE, FRAME_ANON);
	pt_zap(&mm, BASE, BASE + n * PAGE_SIZE, BASE, BASE + n * PAGE_SIZE);
	EQUAL("frames in use", live, 5);
	for (size_t i = 0; i < tlb_size; i++)
		if (tlb[i].span == PAGE_SIZE)
			fail_msg("expected that no CPU remembers a page, got one at 0x%lx",
				 tlb[i].start);
	for (u64 i = 0; i < 80; i++) /* tables enough for a batch */
		map(BASE + i * GIB, VM_READ | VM_WRITE, FRAME_ANON);
	lazy = true;
	pt_zap(&mm, 0, USER_END, 0, 1UL << 47);
	EQUAL("frames in use", live, 2);
	EQUAL("frames that a CPU remembers", tlb_size, 0);
	*pt_create(&mm, BASE) = frame_phys(zero_frame) | PTE_P | PTE_U | PTE_SOFT_SPECIAL;
	use(BASE);
	pt_zap(&mm, BASE, BASE + PAGE_SIZE, BASE, BASE + PAGE_SIZE);
	for (size_t i = 0; i < tlb_size; i++)
		if (tlb[i].span == PAGE_SIZE)
			fail_msg("expected that the page of zeros is forgotten at 0x%lx", BASE);
}

/* Areas that come, change and go, against an array with a frame a page. */
static void test_random(void **state)
{
	static struct frame *model[PAGES];
	static u32 rights[PAGES];
	u64 base = BASE - 700 * PAGE_SIZE; /* two tables of level 2, four of level 0 */

	memset(model, 0, sizeof(model));
	for (int step = 0; step < STEPS; step++) {
		u64 page = rnd_below(PAGES), end = page + 1 + rnd_below(min(60UL, PAGES - page));
		u64 floor = page, ceiling = end, pages = 0;
		u32 flags = rnd_below(8);

		if (rnd_below(3)) {
			for (u64 i = page; i < end; i++)
				if (!model[i]) {
					model[i] = map(base + i * PAGE_SIZE, flags, FRAME_ANON);
					rights[i] = flags;
				}
		} else {
			for (u64 i = page; i < end; i++)
				model[i] = NULL;
			while (floor > 0 && !model[floor - 1])
				floor--;
			while (ceiling < PAGES && !model[ceiling])
				ceiling++;
			pt_zap(&mm, base + page * PAGE_SIZE, base + end * PAGE_SIZE,
			       floor ? base + floor * PAGE_SIZE : 0,
			       ceiling < PAGES ? base + ceiling * PAGE_SIZE : 1UL << 47);
		}
		for (u64 i = 0; i < PAGES; i++) {
			struct access a = walk(base + i * PAGE_SIZE);

			pages += !!model[i];
			if (a.f != (rights[i] & 7 ? model[i] : NULL) ||
			    (a.f && (!a.user || a.write != !!(rights[i] & VM_WRITE) ||
				     a.exec != !!(rights[i] & VM_EXEC))))
				fail_msg("page %lu, step %d: expected %p with rights %u, got %p "
					 "with "
					 "entry 0x%lx",
					 i, step, (void *)model[i], rights[i], (void *)a.f,
					 a.entry);
		}
		EQUAL("pages counted", mm.anon_pages, pages);
		EQUAL("frames in use", live, pages + mm.pt_frames + 1);
	}
	quiet = true;
	pt_zap(&mm, 0, USER_END, 0, 1UL << 47);
	EQUAL("frames in use at the end", live, 2);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_find),  TEST(test_next),    TEST(test_create), TEST(test_no_memory),
		TEST(test_bits),  TEST(test_protect), TEST(test_unmap),  TEST(test_tables),
		TEST(test_flush), TEST(test_random),
	};

	return RUN_TESTS(argc, argv, tests, start);
}
