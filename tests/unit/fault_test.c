/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/fault.c */
/*
 * Page faults against a space of a few pages: the page table is an array, memory an array of frames, and
 * a CPU remembers one page until space_flush() tells it to forget. What each fault must leave behind is
 * looked at in the entry, in the frame's content, and in who has a reference to what.
 */
#include <string.h>
#include <sys/mman.h>

#include "host.h"
#include "mm/internal.h"

#include <asm/resource.h>

#define RAM_FRAMES 1088UL
#define ROW 512UL /* pages of 2 MiB */
#define RAM_AT 0x200000000000UL /* where they are in this program */
#define RAM_PHYS (RAM_AT - DIRECT_BASE) /* what phys_to_virt() makes of this is RAM_AT */
#define BASE 0x7f0000000000UL
#define PAGES 2048UL
#define RW (VM_READ | VM_WRITE)
#define PRIVATE (RW | VM_MAYWRITE)

#define EQUAL(what, got, want)                                                                     \
	do {                                                                                       \
		long long _g = (long long)(got), _w = (long long)(want);                           \
		if (_g != _w)                                                                      \
			fail_msg("%s: expected %lld, got %lld", what, _w, _g);                     \
	} while (0)

/* ---- the machine ---- */

struct frame *frames, *zero_frame;
u64 nr_frames;
static struct frame *const ram = (struct frame *)(RAM_AT + RAM_FRAMES * PAGE_SIZE), *file_frame;
static pte_t table[PAGES];
static struct mm mm;
static struct vma vma, below;
static bool has_below, low;
static long live, room, rows, stack_limit;
static struct frame *remembered; /* by a CPU, for the page at remembered_at */
static u64 remembered_at;

static struct frame *take(enum frame_kind kind, int fill)
{
	for (u64 i = 0; i < RAM_FRAMES; i++) {
		struct frame *f = &ram[i];

		if (f->kind != FRAME_FREE)
			continue;
		f->kind = kind;
		ref_init(&f->refs);
		memset(frame_va(f), fill, PAGE_SIZE);
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
	room--;
	f = take(kind, zero ? 0 : 0xa5);
	f->charge = res;
	return f;
}

/* The last 512 on a boundary, when they are free. */
struct frame *frame_alloc_row(unsigned int order, enum frame_kind kind, struct res_counter *res)
{
	struct frame *row = &ram[ROW];

	EQUAL("order of a row", order, 9);
	if (!rows)
		return NULL;
	rows--;
	for (u64 i = 0; i < ROW; i++) {
		EQUAL("a frame of the row is free", row[i].kind, FRAME_FREE);
		row[i].kind = kind;
		ref_init(&row[i].refs);
		row[i].charge = res;
		live++;
	}
	return row;
}

bool frames_low(void)
{
	return low;
}

pte_t *pt_next(struct pt_iter *it)
{
	for (; it->addr < it->end; it->addr += PAGE_SIZE)
		if (table[(it->addr - BASE) >> PAGE_SHIFT])
			return &table[(it->addr - BASE) >> PAGE_SHIFT];
	return NULL;
}

void frame_put(struct frame *f)
{
	if (f->kind == FRAME_FREE)
		fail_msg("frame_put: expected a frame in use, got a free one");
	if (f == remembered)
		fail_msg("frame_put: expected that all CPUs have forgotten the page, got one that "
			 "has not");
	if (!ref_put(&f->refs))
		return;
	f->kind = FRAME_FREE;
	live--;
	memset(frame_va(f), 0xdb, PAGE_SIZE);
}

void space_flush(struct addr_space *space, u64 start, u64 end)
{
	if (remembered_at >= start && remembered_at < end)
		remembered = NULL;
}

pte_t *pt_create(struct mm *m, u64 addr)
{
	return &table[(addr - BASE) >> PAGE_SHIFT];
}

pte_t *pt_find(struct mm *m, u64 addr)
{
	return pt_create(m, addr);
}

/* As the manual has it (SDM 3A 4.5); lab 01 is about this function. */
pte_t pte_make(const struct vma *v, const struct frame *f, bool writable)
{
	pte_t pte = frame_phys(f) | PTE_P | PTE_U | PTE_A | (v->flags & VM_EXEC ? 0 : PTE_NX);

	if (writable)
		return pte | PTE_W | PTE_D;
	return v->flags & VM_SHARED ? pte : pte | PTE_SOFT_COW;
}

void mm_count(struct mm *m, const struct frame *f, s64 n)
{
	if (f->kind == FRAME_ANON)
		m->anon_pages += n;
	else
		m->file_pages += n;
}

struct vma *mm_find_vma(struct mm *m, u64 addr)
{
	return addr < vma.end ? &vma : NULL;
}

struct vma *vma_prev(struct vma *v)
{
	return has_below ? &below : NULL;
}

bool mm_may_expand(struct mm *m, u32 flags, u64 pages, u64 at, u64 end)
{
	return true;
}

u64 thread_rlimit(unsigned int which)
{
	return which == RLIMIT_STACK ? stack_limit : RLIM_INFINITY;
}

struct frame *mapping_find(struct mapping *m, u64 index)
{
	return NULL;
}

void **radix_slots(const struct radix *r, u64 index, unsigned int *n)
{
	fail_msg("this file has no mapping to look around in");
	return NULL;
}

void mm_notify(struct mm *m, u64 start, u64 end)
{
}
void mutex_lock(struct mutex *m)
{
}
void mutex_unlock(struct mutex *m)
{
}

/* ---- a space to work on ---- */

static struct frame *file_page(struct vma *v, u64 pgoff, bool write)
{
	frame_get(file_frame);
	return file_frame;
}

static const struct vm_ops file_ops = { .fault = file_page };

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
	memset(ram, 0, RAM_FRAMES * sizeof(*ram));
	memset(table, 0, sizeof(table));
	list_init(&mm.notifiers);
	vma = (struct vma){
		.mm = &mm, .flags = PRIVATE, .start = BASE, .end = BASE + PAGES * PAGE_SIZE
	};
	has_below = false;
	live = 0;
	room = RAM_FRAMES;
	rows = 0;
	low = false;
	remembered = NULL;
	zero_frame = take(FRAME_KERNEL, 0);
	file_frame = take(FRAME_CACHE, 'f');
	return 0;
}

static u64 at(u64 page)
{
	return BASE + page * PAGE_SIZE;
}

static struct frame *shown(u64 page)
{
	return phys_frame(table[page] & PTE_ADDR);
}

static void touch(u64 page, u32 how, int want)
{
	EQUAL("mm_fault_locked()", mm_fault_locked(&mm, at(page) + 123, how), want);
}

static void content(const char *what, struct frame *f, int byte)
{
	char *p = frame_va(f);

	EQUAL(what, p[0] == (char)byte && !memcmp(p, p + 1, PAGE_SIZE - 1) ? byte : p[0], byte);
}

/* page holds a frame with that content, which refs have; present and read-only, as after a fork. */
static struct frame *shared_page(u64 page, int fill, int refs)
{
	struct frame *f = take(FRAME_ANON, fill);

	for (int i = 1; i < refs; i++)
		frame_get(f);
	table[page] = pte_make(&vma, f, false);
	mm_count(&mm, f, 1);
	vma.has_anon = true;
	remembered = f;
	remembered_at = at(page);
	return f;
}

/* ---- demand ---- */

static void test_zero_read(void **state)
{
	touch(0, 0, 0);
	touch(9, 0, 0);
	EQUAL("present", table[0] & PTE_P, PTE_P);
	EQUAL("it is the page of zeros", shown(0) == zero_frame && shown(9) == zero_frame, 1);
	EQUAL("writable", !!(table[0] & PTE_W), 0);
	EQUAL("nobody counts it (PTE_SOFT_SPECIAL)", !!(table[0] & PTE_SOFT_SPECIAL), 1);
	EQUAL("anonymous pages counted", mm.anon_pages, 0);
	EQUAL("frames in use", live, 2);
	EQUAL("references of the page of zeros", ref_read(&zero_frame->refs), 1);
}

static void test_zero_write(void **state)
{
	struct res_counter payer = { 0 };

	mm.charge = &payer;
	touch(3, FAULT_WRITE, 0);
	EQUAL("present and writable", (table[3] & (PTE_P | PTE_W)) == (PTE_P | PTE_W), 1);
	EQUAL("frames in use", live, 3);
	EQUAL("it is a frame of its own", shown(3) != zero_frame && shown(3)->kind == FRAME_ANON,
	      1);
	content("its content", shown(3), 0);
	EQUAL("mm->charge pays", shown(3)->charge == &payer, 1);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
	EQUAL("the area has anonymous pages now (fork must look)", vma.has_anon, 1);
	EQUAL("the page beside it", table[4], 0);
}

static void test_no_memory(void **state)
{
	room = 0;
	touch(1, FAULT_WRITE, -ENOMEM);
	EQUAL("the entry", table[1], 0);
	touch(1, 0, 0); /* reading takes no frame */
	touch(1, FAULT_WRITE, -ENOMEM);
	EQUAL("the page of zeros is still there", shown(1) == zero_frame, 1);
	shared_page(2, 'x', 2);
	touch(2, FAULT_WRITE, -ENOMEM);
	content("the shared page after it could not be copied", shown(2), 'x');
	EQUAL("its references", ref_read(&shown(2)->refs), 2);
	vma.ops = &file_ops;
	touch(5, FAULT_WRITE, -ENOMEM);
	EQUAL("the entry of the file's page", table[5], 0);
	EQUAL("references of the file's page", ref_read(&file_frame->refs), 1);
}

static void test_file_write(void **state)
{
	vma.ops = &file_ops;
	touch(0, 0, 0);
	EQUAL("a read shows the file's own frame", shown(0) == file_frame, 1);
	EQUAL("writable", !!(table[0] & PTE_W), 0);
	touch(1, FAULT_WRITE, 0);
	EQUAL("a write gets another frame", shown(1) != file_frame, 1);
	content("a copy", shown(1), 'f');
	EQUAL("present and writable", (table[1] & (PTE_P | PTE_W)) == (PTE_P | PTE_W), 1);
	memset(frame_va(shown(1)), 'w', PAGE_SIZE);
	content("the file", file_frame, 'f');
	EQUAL("references of the file's frame: its own, and page 0", ref_read(&file_frame->refs),
	      2);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
	EQUAL("pages of files counted", mm.file_pages, 1);
}

/* ---- copy on write ---- */

static void test_cow_copy(void **state)
{
	struct frame *old = shared_page(0, 'p', 2);

	touch(0, FAULT_WRITE, 0);
	EQUAL("another frame", shown(0) != old, 1);
	content("with what was in the old one", shown(0), 'p');
	EQUAL("present and writable", (table[0] & (PTE_P | PTE_W)) == (PTE_P | PTE_W), 1);
	EQUAL("references of the old frame", ref_read(&old->refs), 1);
	EQUAL("references of the copy", ref_read(&shown(0)->refs), 1);
	EQUAL("a CPU remembers the old page", remembered != NULL, 0);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
	content("the old frame", old, 'p');
}

static void test_cow_alone(void **state)
{
	struct frame *old = shared_page(0, 'p', 1);

	touch(0, FAULT_WRITE, 0);
	EQUAL("the same frame: nobody else has it", shown(0) == old, 1);
	EQUAL("frames in use", live, 3);
	EQUAL("present and writable", (table[0] & (PTE_P | PTE_W)) == (PTE_P | PTE_W), 1);
	EQUAL("marked as dirty", !!(table[0] & PTE_D), 1);
	EQUAL("marked as shared (PTE_SOFT_COW)", !!(table[0] & PTE_SOFT_COW), 0);
	content("its content", old, 'p');
}

static void test_cow_zero(void **state)
{
	touch(0, 0, 0);
	remembered = zero_frame;
	remembered_at = at(0);
	touch(0, FAULT_WRITE, 0);
	EQUAL("a frame of its own", shown(0) != zero_frame, 1);
	EQUAL("counted (no PTE_SOFT_SPECIAL)", !!(table[0] & PTE_SOFT_SPECIAL), 0);
	content("zeros", shown(0), 0);
	EQUAL("references of the page of zeros", ref_read(&zero_frame->refs), 1);
	EQUAL("a CPU remembers the page of zeros", remembered != NULL, 0);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
}

static void test_cow_file(void **state)
{
	struct frame *g;

	vma.ops = &file_ops;
	touch(0, 0, 0);
	remembered = file_frame;
	remembered_at = at(0);
	touch(0, FAULT_WRITE,
	      0); /* one reference is the file's, so this page's is not the only one */
	EQUAL("another frame", shown(0) != file_frame, 1);
	content("a copy", shown(0), 'f');
	EQUAL("references of the file's frame", ref_read(&file_frame->refs), 1);
	EQUAL("pages of files counted", mm.file_pages, 0);
	EQUAL("anonymous pages counted", mm.anon_pages, 1);
	/* even when the file has let go of it, it is no frame to write to */
	g = take(FRAME_CACHE, 'g');
	table[7] = pte_make(&vma, g, false);
	mm_count(&mm, g, 1);
	touch(7, FAULT_WRITE, 0);
	EQUAL("what is put in its place is anonymous", shown(7)->kind, FRAME_ANON);
}

static void test_debugger(void **state)
{
	struct frame *text;

	vma.flags = VM_READ | VM_EXEC | VM_MAYWRITE;
	vma.ops = &file_ops;
	touch(0, FAULT_WRITE, -EFAULT);
	touch(0, 0, 0);
	touch(0, FAULT_WRITE | FAULT_FORCE, 0);
	text = shown(0);
	EQUAL("a copy for the breakpoint", text != file_frame, 1);
	table[0] = pte_make(&vma, text, false);
	touch(0, FAULT_WRITE | FAULT_FORCE, 0);
	EQUAL("the second breakpoint goes to the same copy", shown(0) == text, 1);
	EQUAL("the program may write to it", !!(table[0] & PTE_W), 0);
}

/* ---- the stack ---- */

static void test_stack(void **state)
{
	u64 top = 1024;

	stack_limit = 512 * PAGE_SIZE;
	vma.flags = PRIVATE | VM_GROWSDOWN;
	vma.start = at(top);
	vma.end = at(top + 4);
	vma.pgoff = 5000;
	mm.mapped_pages = 4;
	touch(top - 10, FAULT_WRITE, 0);
	EQUAL("first page of the area", (vma.start - BASE) >> PAGE_SHIFT, top - 10);
	EQUAL("offset of its first page", vma.pgoff, 4990);
	EQUAL("mm->mapped_pages", mm.mapped_pages, 14);
	touch(top - 509, FAULT_WRITE, -EFAULT); /* 513 pages: more than the limit */
	touch(top - 508, FAULT_WRITE, 0); /* 512 */
	EQUAL("first page of the area at its limit", (vma.start - BASE) >> PAGE_SHIFT, top - 508);
	EQUAL("mm->mapped_pages", mm.mapped_pages, 512);
	stack_limit = PAGES * PAGE_SIZE;
	below = (struct vma){ .mm = &mm, .start = BASE, .end = at(100) };
	has_below = true;
	touch(100 + 255, FAULT_WRITE, -EFAULT); /* 256 pages are kept free above the next area */
	touch(100 + 256, FAULT_WRITE, 0);
	vma.flags &= ~VM_GROWSDOWN;
	has_below = false;
	touch(350, FAULT_WRITE, -EFAULT);
	EQUAL("an area that is no stack", (vma.start - BASE) >> PAGE_SHIFT, 356);
}

/* ---- rows of frames, for large pages ---- */

static u64 in_use(void)
{
	u64 n = 0;

	for (u64 i = 0; i < PAGES; i++)
		n += table[i] != 0;
	return n;
}

static void test_row(void **state)
{
	rows = 1;
	vma.flags |= VM_HUGEPAGE;
	EQUAL("mm_find_block() of an empty piece", mm_find_block(&mm, BASE) != NULL, 0);
	touch(ROW + 5, FAULT_WRITE, 0);
	EQUAL("pages after one write", in_use(), ROW);
	EQUAL("mm->anon_pages", mm.anon_pages, ROW);
	for (u64 i = 0; i < ROW; i++) {
		EQUAL("a page leads to its frame", shown(ROW + i) == &ram[ROW + i], 1);
		EQUAL("it can be written", !!(table[ROW + i] & PTE_W), 1);
	}
	EQUAL("mm_find_block()", mm_find_block(&mm, at(ROW)) == &ram[ROW], 1);
	EQUAL("mm_find_block() of an address aside", mm_find_block(&mm, at(ROW + 1)) != NULL, 0);
	touch(3, FAULT_WRITE, 0);
	EQUAL("pages after a write without a row", in_use(), ROW + 1);
	EQUAL("mm_find_block() there", mm_find_block(&mm, BASE) != NULL, 0);
	table[ROW + 511] &= ~PTE_W;
	EQUAL("mm_find_block() with a page that is read-only", mm_find_block(&mm, at(ROW)) != NULL,
	      0);
	table[ROW + 511] = (table[ROW + 510] & ~PTE_ADDR) | frame_phys(zero_frame);
	EQUAL("mm_find_block() with a page elsewhere", mm_find_block(&mm, at(ROW)) != NULL, 0);
	table[ROW + 511] = 0;
	EQUAL("mm_find_block() with a hole", mm_find_block(&mm, at(ROW)) != NULL, 0);
}

/* Everything that makes it a single page. */
static void test_no_row(void **state)
{
	rows = 1;
	touch(5, FAULT_WRITE, 0);
	EQUAL("pages without MADV_HUGEPAGE", in_use(), 1);
	vma.flags |= VM_HUGEPAGE;
	touch(6, FAULT_WRITE, 0);
	EQUAL("pages where one is", in_use(), 2);
	touch(ROW + 5, 0, 0);
	EQUAL("pages after a read", in_use(), 3);
	touch(ROW + 6, FAULT_WRITE, 0);
	EQUAL("pages where one was read", in_use(), 4);
	vma.start = at(2 * ROW + 1);
	touch(2 * ROW + 9, FAULT_WRITE, 0);
	EQUAL("pages of a piece that begins before the area", in_use(), 5);
	vma.end = at(4 * ROW - 1);
	touch(3 * ROW + 9, FAULT_WRITE, 0);
	EQUAL("pages of a piece that ends behind it", in_use(), 6);
	vma.end = at(4 * ROW);
	table[3 * ROW + 9] = 0;
	low = true;
	touch(3 * ROW + 9, FAULT_WRITE, 0);
	EQUAL("pages when few frames are free", in_use(), 6);
	EQUAL("rows that were taken", rows, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(test_zero_read),  TEST(test_zero_write), TEST(test_no_memory),
		TEST(test_file_write), TEST(test_cow_copy),   TEST(test_cow_alone),
		TEST(test_cow_zero),   TEST(test_cow_file),   TEST(test_debugger),
		TEST(test_stack),      TEST(test_row),        TEST(test_no_row),
	};

	return RUN_TESTS(argc, argv, tests, start);
}
