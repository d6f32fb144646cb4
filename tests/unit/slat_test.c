/* SPDX-License-Identifier: MIT */
/* sources: vmm/slat.c vmm/memslot.c vmm/vmx/ept.c vmm/svm/npt.c */
/*
 * Second-level tables and the slots above them, against a CPU that walks by the manuals alone (SDM 3C
 * 29.3, APM 2 15.25) and remembers what it has walked to. It forgets where hardware does: when a vCPU
 * enters and finds that vm->slat_gen has changed. The monitor's memory is an array of frames, and a
 * frame that is freed while a CPU can still use it is somebody else's memory in the hands of a guest.
 */
#include <asm/prctl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "vmm/vmm.h"
#include "vmm/vmx/vmcs.h"
#include "vmm/svm/vmcb.h"

#define RAM_FRAMES 4096UL
#define RAM_AT 0x200000000000UL /* where they are in this program */
#define RAM_PHYS (RAM_AT - DIRECT_BASE) /* what phys_to_virt() makes of this is RAM_AT */
#define HVA 0x700000000000UL /* the monitor's memory */
#define PAGES 64UL
#define GUEST 0x40000000UL /* where the guest has it */
#define MIRROR 0x80000000UL /* where it has eight pages of it a second time */
#define ROM 0xc0000000UL /* and four, only to be read */
#define LARGE 0x100000000UL /* 4 MiB, twice the same frames, of memory that is in a row */
#define HVA_LARGE 0x710000000000UL
#define IN_A_ROW (LARGE_PAGE_SIZE / PAGE_SIZE)
#define MANY 600UL

#define EQUAL_AS(format, what, got, want)                                                          \
	do {                                                                                       \
		long long _g = (long long)(got), _w = (long long)(want);                           \
		if (_g != _w)                                                                      \
			fail_msg("%s: expected " format ", got " format, what, _w, _g);            \
	} while (0)
#define EQUAL(what, got, want) EQUAL_AS("%lld", what, got, want)
#define SAME(what, got, want) EQUAL_AS("0x%llx", what, got, want)

/* ---- memory ---- */

struct frame *frames;
u64 nr_frames;
const struct vmm_ops *vmm;
bool vmx_has_vpid;
static struct frame *const ram = (struct frame *)(RAM_AT + RAM_FRAMES * PAGE_SIZE);
static long live, room; /* frames in use; allocations that still succeed, below 0: all */
static struct cpu cpu0 = { .self = &cpu0 };
static struct vm vm;

static struct frame *take(void)
{
	static u64 at;

	for (u64 i = 0; i < RAM_FRAMES; i++) {
		struct frame *f = &ram[at++ % RAM_FRAMES];

		if (f->kind != FRAME_FREE)
			continue;
		f->kind = FRAME_KERNEL;
		ref_init(&f->refs);
		live++;
		return f;
	}
	fail_msg("all %lu frames of the test's machine are in use", RAM_FRAMES);
	return NULL;
}

struct frame *frame_alloc_zeroed(enum frame_kind kind, struct res_counter *res)
{
	struct frame *f;

	if (!room)
		return NULL;
	room -= room > 0;
	f = take();
	memset(frame_va(f), 0, PAGE_SIZE);
	return f;
}

/* ---- the CPU that walks ---- */

struct rules {
	u64 present, read, write, exec, user; /* user: 0 when the format has no such bit */
	u64 zero_upper; /* bits that must be 0 where an entry leads to a table */
	u64 type, type_wb; /* memory type of a leaf */
};
static const struct rules ept_rules = { 7, 1, 2, 4, 0, 0xf8, 0x38, 0x30 };
static const struct rules npt_rules = { 1, 1, 2, 1, 4, 0x80, 0, 0 };

struct access {
	struct frame *f; /* NULL: a second-level fault */
	bool write;
};

static struct access walk(const u64 *root, const struct rules *r, u64 gpa)
{
	struct access a = { .write = true };
	u64 at = virt_to_phys(root);

	for (int shift = 39; shift >= 12; shift -= 9) {
		u64 e = ((u64 *)phys_to_virt(at))[gpa >> shift & 511];

		if (!(e & r->present))
			return (struct access){ 0 };
		a.write &= (e & r->write) != 0;
		if (!(e & r->read))
			fail_msg("entry 0x%lx, right to read: expected 1, got 0", e);
		if (!(e & r->exec) || e >> 63)
			fail_msg("entry 0x%lx, right to run code: expected 1, got 0", e);
		if (r->user && !(e & r->user))
			fail_msg("entry 0x%lx, U: expected 1, got 0", e);
		if (shift == 21 && (e & SLAT_LARGE)) {
			if ((e & r->type) != r->type_wb || (e & 0x1ff000))
				fail_msg("entry 0x%lx of a large leaf: memory type or address", e);
			at = (e & 0x000fffffffe00000UL) | (gpa & 0x1ff000);
			break;
		}
		if (shift > 12 && (e & r->zero_upper))
			fail_msg("entry 0x%lx to a table, reserved bits: expected 0, got 0x%lx", e,
				 e & r->zero_upper);
		if (shift == 12 && (e & r->type) != r->type_wb)
			fail_msg("entry 0x%lx, memory type: expected 0x%lx, got 0x%lx", e,
				 r->type_wb, e & r->type);
		at = e & 0x000ffffffffff000UL;
		if (at < RAM_PHYS || at >= RAM_PHYS + RAM_FRAMES * PAGE_SIZE)
			fail_msg("entry 0x%lx: expected an address in memory, got 0x%lx", e, at);
	}
	a.f = phys_frame(at);
	return a;
}

/* ---- CPUs that remember ---- */

static struct guest_cpu {
	u64 seen; /* vm.slat_gen at the last entry */
	bool inside; /* in the guest now */
	struct frame *tlb[PAGES]; /* for the pages from GUEST on */
} cpu[2]; /* this one, which has left the guest to do what is tested, and another */
static unsigned int calls; /* of smp_call() */

static void enter(struct guest_cpu *c)
{
	if (c->seen != vm.slat_gen)
		memset(c->tlb, 0, sizeof(c->tlb));
	c->seen = vm.slat_gen;
}

static void touch_all(struct guest_cpu *c)
{
	for (u64 i = 0; i < PAGES; i++) {
		struct frame *f = walk(vm.slat.root, &npt_rules, GUEST + i * PAGE_SIZE).f;

		c->tlb[i] = c->tlb[i] ?: f;
	}
}

/* The other CPU comes out, goes in again at once, and uses all that it can see. */
void smp_call(cpumask_t mask, void (*fn)(void *arg), void *arg)
{
	EQUAL("smp_call() while vm->mmu_lock is held", vm.mmu_lock.locked, 0);
	EQUAL("smp_call() to this CPU, which is not in the guest", mask & 1, 0);
	calls++;
	if (mask & 2) {
		fn(arg);
		enter(&cpu[1]);
		touch_all(&cpu[1]);
	}
}

/* The page i of the guest is f for a CPU that is in the guest, or enters and has no reason to flush. */
static bool usable(const struct guest_cpu *c, u64 i, const struct frame *f)
{
	return c->tlb[i] == f && (c->inside || c->seen == vm.slat_gen);
}

/* Any reference may be the last: the one of a leaf stays until no CPU can use what the leaf showed. */
void frame_put(struct frame *f)
{
	bool last;

	if (f->kind == FRAME_FREE)
		fail_msg("frame_put: expected a frame in use, got a free one");
	last = ref_put(&f->refs);
	for (u64 n = 0; n < 2 * PAGES; n++)
		if (usable(&cpu[n % 2], n / 2, f) &&
		    (last || walk(vm.slat.root, &npt_rules, GUEST + n / 2 * PAGE_SIZE).f != f))
			fail_msg("frame_put of page %lu: expected that no CPU can use it, got one "
				 "that %s",
				 n / 2, cpu[n % 2].inside ? "does" : "will");
	if (!last)
		return;
	f->kind = FRAME_FREE;
	live--;
}

/* ---- the monitor ---- */

static struct frame *monitor[PAGES];
static int refuses; /* what mm_get_frame() answers, when not 0 */
static struct frame *row; /* IN_A_ROW frames, when a test wants them */
static bool goes; /* a page of them is taken away while they are looked for */
static bool slot_goes; /* as does the monitor's memory behind it, while a fault looks for a frame */
static long takes_away = -1; /* this page is taken away while a fault looks for its frame */

/* As munmap and a new touch: the guest loses the page first, then the frame goes. */
static void replace(u64 i)
{
	memslot_invalidate(&vm.notifier, NULL, HVA + i * PAGE_SIZE, HVA + (i + 1) * PAGE_SIZE);
	frame_put(monitor[i]);
	monitor[i] = take();
}

struct frame *mm_get_frame(struct mm *mm, u64 addr, bool write)
{
	u64 i = (addr - HVA) / PAGE_SIZE;
	struct frame *f;

	if (slot_goes) {
		slot_goes = false;
		vm.slots[3].pages = 0;
		vm.mmu_seq++;
		return ERR_PTR(-EFAULT);
	}
	if (refuses)
		return ERR_PTR(refuses);
	if (addr >= HVA_LARGE) {
		f = &row[(addr - HVA_LARGE) / PAGE_SIZE % IN_A_ROW];
		frame_get(f);
		return f;
	}
	if (addr < HVA || i >= PAGES)
		fail_msg("mm_get_frame: expected an address of the slot, got 0x%lx", addr);
	f = monitor[i];
	frame_get(f);
	if (takes_away == (long)i) {
		takes_away = -1;
		replace(i);
	}
	return f;
}

struct frame *mm_find_block(struct mm *mm, u64 addr)
{
	bool there = row && addr >= HVA_LARGE && !(addr & (LARGE_PAGE_SIZE - 1));

	if (there && goes)
		memslot_invalidate(&vm.notifier, NULL, addr + PAGE_SIZE, addr + 2 * PAGE_SIZE);
	goes = false;
	return there ? row : NULL;
}

u64 mm_present_frames(struct mm *mm, u64 addr, unsigned int n, struct frame **frames)
{
	memset(frames, 0, n * sizeof(*frames)); /* so that a read maps the one page only */
	return 0;
}

void mutex_lock(struct mutex *m)
{
}
void mutex_unlock(struct mutex *m)
{
}
int copy_to_user(void __user *to, const void *from, size_t n)
{
	return -EFAULT;
}
int copy_from_user(void *to, const void __user *from, size_t n)
{
	return -EFAULT;
}
int user_cmpxchg32(u32 __user *addr, u32 old, u32 new, u32 *seen)
{
	return -EFAULT;
}

static int begin(void **state)
{
	static struct mm mm;

	memset(ram, 0, RAM_FRAMES * sizeof(*ram));
	memset(&vm, 0, sizeof(vm));
	memset(cpu, 0, sizeof(cpu));
	live = calls = refuses = 0;
	room = takes_away = -1;
	row = NULL;
	goes = false;
	vm.mm = &mm;
	vm.slat.written = memslot_written;
	vm.slat_gen = 1;
	vm.nr_slots = 9;
	vm.slots[3] = (struct memslot){ GUEST >> PAGE_SHIFT, PAGES, HVA, 0, NULL };
	vm.slots[5] = (struct memslot){ MIRROR >> PAGE_SHIFT, 8, HVA + 4 * PAGE_SIZE, 0, NULL };
	vm.slots[6] = (struct memslot){ ROM >> PAGE_SHIFT, 4, HVA, KVM_MEM_READONLY, NULL };
	vm.slots[7] = (struct memslot){ LARGE >> PAGE_SHIFT, 2 * IN_A_ROW, HVA_LARGE, 0, NULL };
	for (u64 i = 0; i < PAGES; i++)
		monitor[i] = take();
	return slat_init(&vm.slat, &npt_format, NULL);
}

/* All goes: what is in use then was lost on the way. */
static void finish(void)
{
	memset(cpu, 0, sizeof(cpu));
	if (vm.slat.root)
		slat_free(&vm.slat, vm.slat.root, SLAT_TOP);
	for (u64 i = 0; i < PAGES; i++)
		frame_put(monitor[i]);
	for (u64 i = 0; row && i < IN_A_ROW; i++)
		frame_put(&row[i]);
	EQUAL("frames in use at the end", live, 0);
	EQUAL("vm->mmu_lock at the end", vm.mmu_lock.locked, 0);
}

static void map(u64 gpa, struct frame *f, bool write)
{
	struct frame *old;

	EQUAL("slat_map()", slat_map(&vm.slat, gpa, f, write, &old), 0);
}

/* The leaf of 4 KiB for gpa; the CPU writes through it. */
static u64 *leaf_of(u64 gpa)
{
	u64 *e = vm.slat.root;

	for (int shift = 39; shift > 12; shift -= 9)
		e = phys_to_virt(e[gpa >> shift & 511] & 0x000ffffffffff000UL);
	return &e[gpa >> 12 & 511];
}
static void cpu_writes(u64 gpa)
{
	*leaf_of(gpa) |= vm.slat.fmt->dirty;
}

static struct frame *shown(u64 gpa)
{
	return walk(vm.slat.root, &npt_rules, gpa).f;
}

/* ---- the formats ---- */

static void check_format(const struct slat_format *fmt, const struct rules *r)
{
	u64 *table[4];
	struct access a;
	struct frame *page = take();

	for (int i = 0; i < 4; i++)
		table[i] = frame_va(frame_alloc_zeroed(FRAME_KERNEL, NULL));
	EQUAL("bits by which an entry is present", fmt->present, r->present);
	for (int i = 0; i < 3; i++)
		table[i][i + 1] = virt_to_phys(table[i + 1]) | fmt->table;
	for (int write = 0; write < 2; write++) {
		table[3][4] = frame_phys(page) | fmt->leaf | (write ? fmt->write : 0);
		a = walk(table[0], r, 1UL << 39 | 2UL << 30 | 3UL << 21 | 4UL << 12);
		EQUAL("the CPU reaches the page", a.f == page, 1);
		EQUAL("the page can be written", a.write, write);
	}
	EQUAL("bits of a leaf that say that it is none", fmt->leaf & fmt->present,
	      r->present & ~r->write);
	EQUAL("bits in a leaf beside rights, U, type and PAT",
	      fmt->leaf & ~(r->present | r->user | r->type | (r == &ept_rules ? BIT(6) : 0)), 0);
}

static void test_ept_format(void **state)
{
	check_format(&ept_format, &ept_rules);
	EQUAL("a leaf ignores the guest's PAT", ept_format.leaf >> 6 & 1, 1);
}

static void test_npt_format(void **state)
{
	check_format(&npt_format, &npt_rules);
}

static void test_ept_pointer(void **state)
{
	u64 p = ept_pointer(&vm.slat);

	SAME("address of the root", p & 0x000ffffffffff000UL, virt_to_phys(vm.slat.root));
	EQUAL("memory type of the tables, bits 2:0", p & 7, 6);
	EQUAL("length of the walk minus 1, bits 5:3", p >> 3 & 7, 3);
	EQUAL("the other bits", (p & 0xfc0) | p >> 52, 0);
	ept_format.dirty = EPT_DIRTY; /* as on a CPU that has it */
	SAME("with accessed and dirty flags", ept_pointer(&vm.slat), p | BIT(6));
	ept_format.dirty = 0;
}

/* ---- slat_map() ---- */

static u64 random_gpa(void)
{
	static const u64 spans[] = { 1UL << 20, 1UL << 30, 1UL << 39, SLAT_LIMIT };

	return ALIGN_DOWN(rnd_below(spans[rnd_below(4)]), PAGE_SIZE);
}

static void test_map(void **state)
{
	struct frame *f[3] = { take(), take(), take() }, *old;

	map(0, f[0], false);
	EQUAL("tables for one page, with the root", vm.slat.nr_tables, 4);
	map(PAGE_SIZE, f[1], true);
	EQUAL("tables for its neighbour more", vm.slat.nr_tables, 4);
	map(SLAT_LIMIT - PAGE_SIZE, f[2], true);
	EQUAL("tables for a page at the other end more", vm.slat.nr_tables, 7);
	EQUAL("leaves", vm.slat.nr_leaves, 3);
	EQUAL("page 0 leads to its frame", shown(0) == f[0], 1);
	EQUAL("page 1 leads to its frame", shown(PAGE_SIZE) == f[1], 1);
	EQUAL("the last page leads to its frame", shown(SLAT_LIMIT - PAGE_SIZE) == f[2], 1);
	EQUAL("page 0 can be written", walk(vm.slat.root, &npt_rules, 0).write, 0);
	EQUAL("page 1 can be written", walk(vm.slat.root, &npt_rules, PAGE_SIZE).write, 1);
	EQUAL("page 2 is there", shown(2 * PAGE_SIZE) != NULL, 0);
	old = f[0];
	EQUAL("slat_map() of a page that is not there",
	      slat_map(&vm.slat, 2 * PAGE_SIZE, take(), true, &old), 0);
	EQUAL("it gives an old frame", old != NULL, 0);
	finish();
}

static void test_replace(void **state)
{
	struct frame *first = take(), *second = take(), *old = NULL;
	u64 log = 0;

	map(GUEST, first, false);
	EQUAL("slat_map() over a page", slat_map(&vm.slat, GUEST, second, true, &old), 0);
	EQUAL("the frame that gave way is told", old == first, 1);
	EQUAL("it has its reference still", live - PAGES, 4 + 2);
	EQUAL("leaves", vm.slat.nr_leaves, 1);
	EQUAL("the new one is there", shown(GUEST) == second, 1);
	frame_put(old);
	vm.slots[3].dirty = &log;
	cpu_writes(GUEST);
	frame_get(second);
	EQUAL("slat_map() over a page that was written",
	      slat_map(&vm.slat, GUEST, second, false, &old), 0);
	EQUAL("it is in the log", log, 1);
	frame_put(old);
	slat_hide(&vm.slat, GUEST, GUEST + PAGE_SIZE);
	old = NULL;
	EQUAL("slat_map() over a hidden page", slat_map(&vm.slat, GUEST, take(), true, &old), 0);
	EQUAL("the hidden frame is told", old == second, 1);
	frame_put(old);
	finish();
}

static void test_no_memory(void **state)
{
	struct frame *f = take(), *old;

	for (int have = 0; have < 3; have++) {
		room = have ? 1 : 0; /* what was made stays: one more each time */
		EQUAL("slat_map() without memory", slat_map(&vm.slat, GUEST, f, true, &old),
		      -ENOMEM);
		EQUAL("the page is there", shown(GUEST) != NULL, 0);
	}
	EQUAL("leaves", vm.slat.nr_leaves, 0);
	room = 1;
	EQUAL("slat_map() with memory again", slat_map(&vm.slat, GUEST, f, true, &old), 0);
	EQUAL("tables", vm.slat.nr_tables, 4);
	finish();
}

/* ---- taking out ---- */

static void test_ranges(void **state)
{
	static const u64 at[] = { 0,         PAGE_SIZE, 511 * PAGE_SIZE,       512 * PAGE_SIZE,
				  1UL << 30, 5UL << 39, SLAT_LIMIT - PAGE_SIZE };
	static const struct {
		u64 from, to;
		unsigned int n; /* of at[], that are in it */
	} cases[] = {
		{ 0, 0, 0 },
		{ 0, PAGE_SIZE, 1 },
		{ PAGE_SIZE, 511 * PAGE_SIZE, 1 },
		{ 2 * PAGE_SIZE, 511 * PAGE_SIZE, 0 },
		{ 511 * PAGE_SIZE, 513 * PAGE_SIZE, 2 },
		{ 0, 1UL << 30, 4 },
		{ 600 * PAGE_SIZE, (1UL << 30) + PAGE_SIZE, 1 },
		{ (1UL << 30) + PAGE_SIZE, 5UL << 39, 0 },
		{ 3 * PAGE_SIZE, (5UL << 39) + PAGE_SIZE, 4 },
		{ 0, SLAT_LIMIT, 7 },
		{ 6UL << 39, SLAT_LIMIT, 1 },
	};
	struct frame *old;

	for (unsigned int c = 0; c < ARRAY_SIZE(cases); c++) {
		unsigned int there = 0;

		for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
			EQUAL("slat_map()", slat_map(&vm.slat, at[i], take(), true, &old), 0);
			if (old)
				frame_put(old);
		}
		if (slat_hide(&vm.slat, cases[c].from, cases[c].to) != (cases[c].n != 0))
			fail_msg("slat_hide(0x%lx, 0x%lx): expected %d, got %d", cases[c].from,
				 cases[c].to, cases[c].n != 0, cases[c].n == 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(at); i++)
			there += shown(at[i]) != NULL;
		if (there != ARRAY_SIZE(at) - cases[c].n)
			fail_msg("pages left by slat_hide(0x%lx, 0x%lx): expected %lu, got %u",
				 cases[c].from, cases[c].to, ARRAY_SIZE(at) - cases[c].n, there);
	}
	finish();
}

static void test_hide(void **state)
{
	struct frame *f = take();
	u64 log = 0;

	map(GUEST, f, true);
	vm.slots[3].dirty = &log;
	cpu_writes(GUEST);
	EQUAL("slat_hide() of a page", slat_hide(&vm.slat, GUEST, GUEST + PAGE_SIZE), 1);
	EQUAL("the CPU sees it", shown(GUEST) != NULL, 0);
	EQUAL("leaves", vm.slat.nr_leaves, 1);
	EQUAL("its frame is in use", f->kind != FRAME_FREE, 1);
	EQUAL("the guest had written it, and the log has it", log, 1);
	EQUAL("slat_hide() once more", slat_hide(&vm.slat, GUEST, GUEST + PAGE_SIZE), 0);
	finish();
}

static void test_release(void **state)
{
	struct frame *f = take(), *other = take(), *again = take();

	map(GUEST, f, true);
	map(GUEST + PAGE_SIZE, other, true);
	slat_hide(&vm.slat, GUEST, GUEST + PAGE_SIZE);
	slat_release_hidden(&vm.slat, GUEST, GUEST + 9 * PAGE_SIZE);
	EQUAL("its frame is in use", f->kind != FRAME_FREE, 0);
	EQUAL("leaves", vm.slat.nr_leaves, 1);
	EQUAL("the one that was not hidden is there", shown(GUEST + PAGE_SIZE) == other, 1);
	slat_release_hidden(&vm.slat, GUEST, GUEST + 9 * PAGE_SIZE);
	map(GUEST, again, true);
	EQUAL("mapped again", shown(GUEST) == again, 1);
	finish();
}

/* Four pages: one that is there, none, one to read, one to write. */
static void test_fill(void **state)
{
	struct frame *there = take(), *f[4] = { take(), NULL, take(), take() }, *was[4];

	memcpy(was, f, sizeof(f));
	map(GUEST, there, true);
	slat_fill(&vm.slat, GUEST, f, 4, 0xb);
	EQUAL("what was there is there", shown(GUEST) == there, 1);
	EQUAL("no frame, no leaf", shown(GUEST + PAGE_SIZE) != NULL, 0);
	EQUAL("the third page", shown(GUEST + 2 * PAGE_SIZE) == was[2], 1);
	EQUAL("it may be written", walk(vm.slat.root, &npt_rules, GUEST + 2 * PAGE_SIZE).write, 0);
	EQUAL("the fourth page", shown(GUEST + 3 * PAGE_SIZE) == was[3], 1);
	EQUAL("it may be written", walk(vm.slat.root, &npt_rules, GUEST + 3 * PAGE_SIZE).write, 1);
	EQUAL("leaves", vm.slat.nr_leaves, 3);
	EQUAL("whose reference was not taken", f[0] == was[0] && !f[1] && !f[2] && !f[3], 1);
	slat_hide(&vm.slat, GUEST, GUEST + PAGE_SIZE);
	slat_fill(&vm.slat, GUEST, f, 1, 1);
	EQUAL("a hidden leaf stays hidden", shown(GUEST) != NULL || !f[0], 0);
	frame_put(f[0]);
	finish();
}

/* Thousands of steps against an array. */
static void test_random(void **state)
{
	static u64 gpa[MANY];
	static struct frame *is[MANY];
	u64 n = 0;

	while (n < MANY) {
		u64 i = 0, g = random_gpa();

		while (i < n && gpa[i] != g)
			i++;
		if (i == n)
			gpa[n++] = g;
	}
	memset(is, 0, sizeof(is));
	for (int step = 0; step < 6000; step++) {
		u64 i = rnd_below(MANY),
		    end = gpa[i] + PAGE_SIZE * (1 + rnd_below(1UL << rnd_below(20)));
		u64 leaves = 0;

		if (rnd_below(4)) {
			struct frame *old;

			if (is[i])
				frame_get(is[i]);
			else
				is[i] = take();
			EQUAL("slat_map()", slat_map(&vm.slat, gpa[i], is[i], true, &old), 0);
			if (old)
				frame_put(old);
		} else {
			slat_hide(&vm.slat, gpa[i], end);
			slat_release_hidden(&vm.slat, gpa[i], end);
			for (u64 k = 0; k < MANY; k++)
				if (gpa[k] >= gpa[i] && gpa[k] < end && is[k]) {
					EQUAL("a page that was taken out is free", is[k]->kind,
					      FRAME_FREE);
					is[k] = NULL;
				}
		}
		for (u64 k = 0; k < MANY; k++)
			leaves += is[k] != NULL;
		EQUAL("leaves", vm.slat.nr_leaves, leaves);
		EQUAL("a page of the model", shown(gpa[i]) == is[i], 1);
	}
	finish();
}

/* ---- slots ---- */

static void fault(u64 gpa, bool write, int want)
{
	EQUAL("memslot_fault()", memslot_fault(&vm, gpa, write), want);
}

static void test_fault(void **state)
{
	fault(GUEST + 7 * PAGE_SIZE + 123, false, 0);
	EQUAL("page 7 has the monitor's frame", shown(GUEST + 7 * PAGE_SIZE) == monitor[7], 1);
	EQUAL("it can be written", walk(vm.slat.root, &npt_rules, GUEST + 7 * PAGE_SIZE).write, 0);
	fault(GUEST + 9 * PAGE_SIZE, true, 0);
	EQUAL("page 9 can be written", walk(vm.slat.root, &npt_rules, GUEST + 9 * PAGE_SIZE).write,
	      1);
	fault(MIRROR + 3 * PAGE_SIZE, true, 0);
	EQUAL("the second slot has the frame of page 7",
	      shown(MIRROR + 3 * PAGE_SIZE) == monitor[7], 1);
	fault(ROM, false, 0);
	fault(ROM, true, -ENXIO);
	fault(GUEST - PAGE_SIZE, false, -ENXIO);
	fault(GUEST + PAGES * PAGE_SIZE, true, -ENXIO);
	refuses = -ENOMEM;
	fault(GUEST + 20 * PAGE_SIZE, true, -ENOMEM);
	refuses = -EIO;
	fault(GUEST + 20 * PAGE_SIZE, true, -EFAULT);
	refuses = 0;
	room = 0;
	vm.slots[5].gfn = 0x4000000;
	fault(0x4000000UL << PAGE_SHIFT, true, -ENOMEM);
	EQUAL("flushes of other CPUs", calls, 0);
	finish();
}

/* The monitor loses the page between the search for its frame and the mapping. */
static void test_race(void **state)
{
	struct frame *first = monitor[7];

	takes_away = 7;
	fault(GUEST + 7 * PAGE_SIZE, true, 0);
	EQUAL("the guest has the frame that was taken away", shown(GUEST + 7 * PAGE_SIZE) == first,
	      0);
	EQUAL("it has the new one", shown(GUEST + 7 * PAGE_SIZE) == monitor[7], 1);
	EQUAL("the old one is in use", first->kind != FRAME_FREE, 0);
	slot_goes = true;
	fault(GUEST + 8 * PAGE_SIZE, true, -ENXIO);
	finish();
}

/* A read mapped what was shared; the write's own copy takes its place. */
static void test_copy(void **state)
{
	struct frame *shared = monitor[3];

	cpu[1].inside = true;
	vm.running = 2;
	fault(GUEST + 3 * PAGE_SIZE, false, 0);
	enter(&cpu[0]);
	enter(&cpu[1]);
	touch_all(&cpu[0]);
	touch_all(&cpu[1]);
	frame_put(shared);
	monitor[3] = take();
	fault(GUEST + 3 * PAGE_SIZE, true, 0);
	EQUAL("the shared one is in use", shared->kind != FRAME_FREE, 0);
	EQUAL("the guest has the copy", shown(GUEST + 3 * PAGE_SIZE) == monitor[3], 1);
	EQUAL("flushes of other CPUs", calls, 1);
	fault(GUEST + 3 * PAGE_SIZE, true, 0);
	EQUAL("flushes for the same frame once more", calls, 1);
	finish();
}

/* Pages go while another CPU is in the guest: hidden, flushed, released, in this order. */
static void test_order(void **state)
{
	struct frame *f = monitor[0];

	cpu[1].inside = true;
	vm.running = 3; /* this CPU's bit, too, is set */
	for (u64 i = 0; i < PAGES; i++)
		fault(GUEST + i * PAGE_SIZE, true, 0);
	enter(&cpu[1]);
	touch_all(&cpu[1]);
	replace(0);
	EQUAL("its frame is in use", f->kind != FRAME_FREE, 0);
	EQUAL("calls of the other CPU", calls, 1);
	EQUAL("its neighbour is there", shown(GUEST + PAGE_SIZE) == monitor[1], 1);
	replace(0);
	EQUAL("calls for a page that the guest does not have", calls, 1);
	finish();
}

/* Nobody is in the guest: the vCPU that goes in next flushes then. */
static void test_later(void **state)
{
	u64 gen;

	for (u64 i = 0; i < PAGES; i++)
		fault(GUEST + i * PAGE_SIZE, true, 0);
	enter(&cpu[0]);
	touch_all(&cpu[0]);
	gen = vm.slat_gen;
	replace(5);
	EQUAL("vm->slat_gen has changed", vm.slat_gen != gen, 1);
	EQUAL("calls, with no other CPU in the guest", calls, 0);
	enter(&cpu[0]);
	touch_all(&cpu[0]);
	EQUAL("the CPU has page 5", cpu[0].tlb[5] != NULL, 0);
	finish();
}

/* Pieces of slots, and memory that two slots show. */
static void test_pieces(void **state)
{
	u64 left = 0;

	for (u64 i = 0; i < PAGES; i++)
		fault(GUEST + i * PAGE_SIZE, true, 0);
	for (u64 i = 0; i < 8; i++)
		fault(MIRROR + i * PAGE_SIZE, true, 0);
	memslot_invalidate(&vm.notifier, NULL, HVA - (1UL << 30), HVA);
	memslot_invalidate(&vm.notifier, NULL, HVA + PAGES * PAGE_SIZE, HVA + (1UL << 30));
	memslot_invalidate(&vm.notifier, NULL, HVA + 6 * PAGE_SIZE, HVA + 20 * PAGE_SIZE);
	for (u64 i = 0; i < PAGES; i++) {
		EQUAL("a page is there", shown(GUEST + i * PAGE_SIZE) != NULL, i < 6 || i >= 20);
		if (i < 8)
			EQUAL("a page of the second slot is there",
			      shown(MIRROR + i * PAGE_SIZE) != NULL, i < 2);
	}
	memslot_invalidate(&vm.notifier, NULL, HVA - PAGE_SIZE, HVA + 2 * PAGES * PAGE_SIZE);
	for (u64 i = 0; i < PAGES; i++)
		left += shown(GUEST + i * PAGE_SIZE) != NULL;
	EQUAL("pages left when all go", left, 0);
	EQUAL("leaves", vm.slat.nr_leaves, 0);
	finish();
}

/* The monitor's memory ends: the tables go at once, and what is told afterwards finds nothing. */
static void test_ends(void **state)
{
	for (u64 i = 0; i < PAGES; i++)
		fault(GUEST + i * PAGE_SIZE, i & 1, 0);
	memslot_invalidate(&vm.notifier, NULL, 0, MM_ENDS);
	EQUAL("there is a root", vm.slat.root != NULL, 0);
	EQUAL("leaves", vm.slat.nr_leaves, 0);
	EQUAL("tables", vm.slat.nr_tables, 0);
	EQUAL("frames in use", live, PAGES);
	memslot_invalidate(&vm.notifier, NULL, HVA, HVA + PAGES * PAGE_SIZE);
	EQUAL("calls of other CPUs", calls, 0);
	finish();
}

/* ---- the dirty log ---- */

static bool writable(u64 i)
{
	return walk(vm.slat.root, &npt_rules, GUEST + i * PAGE_SIZE).write;
}

/* Pages that were only mapped are clean. A mark of the CPU's is told once, and the page stays writable. */
static void test_marks(void **state)
{
	u64 log = 0;

	vm.slots[3].dirty = &log;
	for (u64 i = 0; i < 4; i++) /* in a row, so that some more are mapped */
		fault(GUEST + i * PAGE_SIZE, true, 0);
	fault(GUEST + 20 * PAGE_SIZE, false, 0);
	EQUAL("a page is mapped ahead", shown(GUEST + 4 * PAGE_SIZE) == monitor[4], 1);
	EQUAL("slat_watch() with nothing written",
	      slat_watch(&vm.slat, GUEST, GUEST + PAGES * PAGE_SIZE), 0);
	cpu_writes(GUEST);
	cpu_writes(GUEST + 4 * PAGE_SIZE);
	cpu_writes(GUEST + 5 * PAGE_SIZE);
	SAME("the log before", log, 0);
	EQUAL("slat_watch()", slat_watch(&vm.slat, GUEST, GUEST + 5 * PAGE_SIZE), 1);
	SAME("the log", log, 0x11);
	EQUAL("a page can be written afterwards", writable(4), 1);
	log = 0;
	EQUAL("slat_watch() again", slat_watch(&vm.slat, GUEST, GUEST + 5 * PAGE_SIZE), 0);
	memslot_invalidate(&vm.notifier, NULL, HVA, HVA + PAGES * PAGE_SIZE);
	SAME("the log of what was not asked about, and goes", log, 0x20);
	finish();
}

/* A CPU that marks nothing: the first write faults, and no page is mapped ahead. */
static void test_protected(void **state)
{
	struct slat_format mute = npt_format;
	u64 log = 0;

	mute.dirty = 0;
	vm.slat.fmt = &mute;
	vm.slots[3].dirty = &log;
	for (u64 i = 0; i < 4; i++)
		fault(GUEST + i * PAGE_SIZE, true, 0);
	fault(GUEST + 20 * PAGE_SIZE, false, 0);
	EQUAL("a page is mapped ahead", shown(GUEST + 4 * PAGE_SIZE) != NULL, 0);
	SAME("the log", log, 0xf);
	EQUAL("slat_watch()", slat_watch(&vm.slat, GUEST, GUEST + 2 * PAGE_SIZE), 1);
	EQUAL("page 1 can be written", writable(1), 0);
	EQUAL("page 2 can be written", writable(2), 1);
	EQUAL("slat_watch() again", slat_watch(&vm.slat, GUEST, GUEST + 2 * PAGE_SIZE), 0);
	finish();
}

/* ---- large leaves ---- */

/* The frames of a piece of 2 MiB; before others are taken. */
static void take_row(void)
{
	u64 first = (ALIGN_UP(RAM_PHYS, LARGE_PAGE_SIZE) - RAM_PHYS) / PAGE_SIZE, n = 0;

	while (n < IN_A_ROW) /* all of them free */
		if (ram[first + n++].kind != FRAME_FREE) {
			first += IN_A_ROW;
			n = 0;
		}
	row = &ram[first];
	for (n = 0; n < IN_A_ROW; n++) {
		row[n].kind = FRAME_ANON;
		ref_init(&row[n].refs);
		live++;
	}
}

/* How many of the pages of [LARGE, + 2 MiB) lead to their frame. */
static u64 shown_of_row(bool write)
{
	u64 n = 0;

	for (u64 i = 0; i < IN_A_ROW; i++) {
		struct access a = walk(vm.slat.root, &npt_rules, LARGE + i * PAGE_SIZE);

		n += a.f == &row[i] && a.write >= write;
	}
	return n;
}

static void map_row_page(u64 i, bool write)
{
	struct frame *old;

	frame_get(&row[i]);
	EQUAL("slat_map()", slat_map(&vm.slat, LARGE + i * PAGE_SIZE, &row[i], write, &old), 0);
	if (old)
		frame_put(old);
}

/* One leaf for all, over a table with three pages; any page that goes takes it along. */
static void test_large(void **state)
{
	struct frame *f[2];
	u64 *table;

	take_row();
	map_row_page(5, false);
	map_row_page(6, true);
	map_row_page(511, true);
	table = slat_fold(&vm.slat, LARGE + 5 * PAGE_SIZE, row);
	EQUAL("slat_fold() gives the table", table != NULL, 1);
	EQUAL("pages that can be written", shown_of_row(true), IN_A_ROW);
	EQUAL("references to a page that had a leaf", ref_read(&row[5].refs), 2);
	slat_free(&vm.slat, table, 0);
	EQUAL("references when the table is gone", ref_read(&row[5].refs), 1);
	EQUAL("tables", vm.slat.nr_tables, 3);
	EQUAL("leaves of 4 KiB", vm.slat.nr_leaves, 0);
	EQUAL("slat_fold() again", slat_fold(&vm.slat, LARGE, row) != NULL, 0);
	map_row_page(7, false);
	EQUAL("pages after a map below the leaf", shown_of_row(true), IN_A_ROW);
	EQUAL("references to that page", ref_read(&row[7].refs), 1);
	f[0] = f[1] = &row[8];
	slat_fill(&vm.slat, LARGE + 8 * PAGE_SIZE, f, 2, 3);
	EQUAL("slat_fill() below the leaf takes a reference", f[0] != &row[8], 0);
	EQUAL("slat_hide() before it", slat_hide(&vm.slat, GUEST, LARGE), 0);
	EQUAL("slat_hide() behind it", slat_hide(&vm.slat, LARGE + LARGE_PAGE_SIZE, SLAT_LIMIT), 0);
	EQUAL("pages", shown_of_row(true), IN_A_ROW);
	EQUAL("slat_hide() of one page",
	      slat_hide(&vm.slat, LARGE + 9 * PAGE_SIZE, LARGE + 10 * PAGE_SIZE), 1);
	EQUAL("pages", shown_of_row(false), 0);
	slat_release_hidden(&vm.slat, LARGE, LARGE + LARGE_PAGE_SIZE);
	EQUAL("references to a page", ref_read(&row[9].refs), 1);
	slat_fill(&vm.slat, LARGE + 8 * PAGE_SIZE, f, 2, 3);
	EQUAL("slat_fill() without a table takes a reference", f[0] != &row[8], 0);
	map_row_page(9, true);
	EQUAL("pages that come again", shown_of_row(true), 1);
	slat_free(&vm.slat, slat_fold(&vm.slat, LARGE, row), 0);
	EQUAL("pages, at the end", shown_of_row(true), IN_A_ROW);
	finish();
}

/* A fault makes one where slot, addresses and frames allow it; and it goes with the monitor's page. */
static void test_large_fault(void **state)
{
	struct memslot *s = &vm.slots[7];
	u64 log[2 * IN_A_ROW / 64] = { 0 };

	take_row();
	cpu[1].inside = true;
	vm.running = 2;
	fault(LARGE + 3 * PAGE_SIZE, false, 0);
	EQUAL("pages after a read", shown_of_row(true), IN_A_ROW);
	EQUAL("flushes of other CPUs", calls, 1);
	EQUAL("tables", vm.slat.nr_tables, 3);
	fault(LARGE + 4 * PAGE_SIZE, true, 0);
	EQUAL("flushes after a second fault", calls, 1);
	EQUAL("references to that page", ref_read(&row[4].refs), 1);
	memslot_invalidate(&vm.notifier, NULL, HVA_LARGE + 100 * PAGE_SIZE,
			   HVA_LARGE + 101 * PAGE_SIZE);
	EQUAL("pages when one is taken away", shown_of_row(false), 0);
	EQUAL("flushes", calls, 2);
	goes = true;
	fault(LARGE + 3 * PAGE_SIZE, true, 0);
	EQUAL("pages that were taken away while they were looked for", shown_of_row(true), 1);
	memslot_invalidate(&vm.notifier, NULL, HVA_LARGE, HVA_LARGE + 4 * PAGE_SIZE);
	s->dirty = log;
	fault(LARGE + 3 * PAGE_SIZE, true, 0);
	EQUAL("pages of a slot that is logged", shown_of_row(true), 1);
	cpu_writes(LARGE + 3 * PAGE_SIZE);
	slat_watch(&vm.slat, LARGE, LARGE + 8 * PAGE_SIZE);
	EQUAL("pages in the log", log[0], 8);
	s->dirty = NULL;
	s->flags = KVM_MEM_READONLY;
	fault(LARGE + 5 * PAGE_SIZE, false, 0);
	EQUAL("pages of a read-only slot", shown_of_row(false), 2);
	*s = (struct memslot){ LARGE >> PAGE_SHIFT, IN_A_ROW - 1, HVA_LARGE, 0, NULL };
	fault(LARGE + 16 * PAGE_SIZE, true, 0);
	EQUAL("pages of a slot that is too short", shown_of_row(true), 2);
	*s = (struct memslot){ (LARGE + PAGE_SIZE) >> PAGE_SHIFT, 2 * IN_A_ROW,
			       HVA_LARGE + PAGE_SIZE, 0, NULL };
	fault(LARGE + 26 * PAGE_SIZE, true, 0);
	EQUAL("pages of a slot that begins too late", shown_of_row(true), 3);
	*s = (struct memslot){ LARGE >> PAGE_SHIFT, IN_A_ROW, HVA_LARGE + PAGE_SIZE, 0, NULL };
	fault(LARGE + 36 * PAGE_SIZE, true, 0);
	EQUAL("pages of a slot with the monitor's addresses aside", shown_of_row(true), 3);
	finish();
}

static int start(void **state)
{
	void *p = mmap((void *)RAM_AT, RAM_FRAMES * (PAGE_SIZE + sizeof(*ram)),
		       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);

	frames = ram - (RAM_PHYS >> PAGE_SHIFT); /* so that the first of them is RAM_PHYS */
	nr_frames = (RAM_PHYS >> PAGE_SHIFT) + RAM_FRAMES;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu0)) /* what this_cpu() reads */
		return -1;
	return p == (void *)RAM_AT ? 0 : -1;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup(test_##name, begin)
	const struct CMUnitTest tests[] = {
		TEST(ept_format), TEST(ept_pointer), TEST(npt_format), TEST(map),
		TEST(replace),    TEST(no_memory),   TEST(ranges),     TEST(hide),
		TEST(release),    TEST(fill),        TEST(random),     TEST(fault),
		TEST(race),       TEST(copy),        TEST(order),      TEST(later),
		TEST(pieces),     TEST(ends),        TEST(marks),      TEST(protected),
		TEST(large),      TEST(large_fault),
	};

	return RUN_TESTS(argc, argv, tests, start);
}
