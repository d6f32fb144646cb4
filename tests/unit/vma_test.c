/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/vma.c kernel/lib/rbtree.c */
/* Areas of an address space against an array with one byte a page: mapping, cutting, joining, holes. */
#include "host.h"
#include "mm/internal.h"

#define BASE 0x10000UL /* the lowest address that is given out */
#define PAGES 200
#define STEPS 20000

/* ---- what vma.c stands on ---- */

static u64 zapped_pages, zapped_floor, zapped_ceiling;
static long opens; /* open() less close() */

struct kmem_cache *kmem_cache_create(const char *name, size_t size, bool cacheline)
{
	return (struct kmem_cache *)size;
}
void *kmem_cache_zalloc(struct kmem_cache *c)
{
	return kzalloc((size_t)c);
}
void kmem_cache_free(struct kmem_cache *c, void *obj)
{
	kfree(obj);
}
void mutex_unlock(struct mutex *m)
{
}
void pt_zap(struct mm *mm, u64 start, u64 end, u64 floor, u64 ceiling)
{
	/* From below to above, and no table goes that one still to come has pages in. */
	assert_true(!zapped_pages || (start >= zapped_ceiling && floor == zapped_floor));
	zapped_pages += (end - start) / PAGE_SIZE;
	zapped_floor = floor;
	zapped_ceiling = ceiling;
}

static void count_open(struct vma *vma)
{
	opens++;
}
static void count_close(struct vma *vma)
{
	opens--;
}
static const struct vm_ops counting = { .open = count_open, .close = count_close };

/* ---- the model: 0 nothing, else 1 + flags, 64 added for a file (page offset = page number) ---- */

static u8 model[PAGES];
static struct mm mm;

static u64 addr_of(u64 page)
{
	return BASE + page * PAGE_SIZE;
}

static u8 kind_of(const struct vma *vma)
{
	return 1 + vma->flags + (vma->ops ? 64 : 0);
}

static void check(void)
{
	u64 page = 0, areas = 0, mapped = 0, files = 0;
	struct vma *prev = NULL;

	for (struct vma *vma = mm_first_vma(&mm); vma; prev = vma, vma = vma_next(vma)) {
		u64 first = (vma->start - BASE) / PAGE_SIZE, end = (vma->end - BASE) / PAGE_SIZE;

		assert_true(vma->start < vma->end && first >= page && end <= PAGES);
		assert_ptr_equal(vma_prev(vma), prev);
		for (; page < first; page++)
			assert_int_equal(model[page], 0);
		for (; page < end; page++)
			assert_int_equal(model[page], kind_of(vma));
		if (vma->ops)
			assert_int_equal(vma->pgoff, first);
		if (prev && prev->end == vma->start) /* else they would be one */
			assert_int_not_equal(kind_of(prev), kind_of(vma));
		areas++;
		mapped += end - first;
		files += !!vma->ops;
	}
	for (; page < PAGES; page++)
		assert_int_equal(model[page], 0);
	assert_int_equal(areas, mm.nr_vmas);
	assert_int_equal(mapped, mm.mapped_pages);
	assert_int_equal(files, opens);
}

static void unmap(u64 page, u64 n)
{
	struct vma *dead = NULL;
	u64 floor = page, ceiling = page + n;
	u64 held = 0;

	for (u64 i = page; i < page + n; i++)
		held += !!model[i];
	zapped_pages = 0;
	assert_int_equal(vma_remove_range(&mm, addr_of(page), addr_of(page + n), &dead), 0);
	mm_unlock(&mm, dead);
	memset(model + page, 0, n);
	assert_int_equal(zapped_pages, held);
	if (!held)
		return;
	/* Page tables may go as far as nobody else's area begins, and no further. */
	while (floor > 0 && !model[floor - 1])
		floor--;
	while (ceiling < PAGES && !model[ceiling])
		ceiling++;
	assert_int_equal(zapped_floor, floor ? addr_of(floor) : 0);
	assert_int_equal(zapped_ceiling, ceiling < PAGES ? addr_of(ceiling) : 1UL << 47);
}

static void map(u64 page, u64 n, u32 flags, bool file)
{
	struct vma *vma = vma_alloc(&mm), *dead = NULL;

	unmap(page, n);
	vma->start = addr_of(page);
	vma->end = addr_of(page + n);
	vma->flags = flags;
	vma->pgoff = page;
	vma->ops = file ? &counting : NULL;
	vma_insert(&mm, vma);
	vma_merge(vma, &dead);
	mm_unlock(&mm, dead);
	memset(model + page, 1 + flags + (file ? 64 : 0), n);
}

/* What mprotect(2) does to the areas. */
static void change(u64 page, u64 n, u32 flags)
{
	u64 at = addr_of(page), end = addr_of(page + n);
	struct vma *vma, *dead = NULL;

	while (at < end && (vma = mm_find_vma(&mm, at)) && vma->start < end) {
		if (vma->start < at)
			vma = vma_split(vma, at);
		if (vma->end > end)
			assert_non_null(vma_split(vma, end));
		at = vma->end;
		vma->flags = flags;
		vma_merge(vma, &dead);
	}
	mm_unlock(&mm, dead);
	for (u64 i = page; i < page + n; i++)
		if (model[i])
			model[i] = 1 + flags + (model[i] > 64 ? 64 : 0);
}

/* The highest room for n pages is what a search must find; it is mapped then, as mmap(2) does. */
static void find_room(u64 n)
{
	u64 run = 0, page = PAGES;
	u64 got = vma_find_hole(&mm, n * PAGE_SIZE, 0, false);

	while (page > 0 && run < n)
		run = model[--page] ? 0 : run + 1;
	if (run < n) {
		assert_int_equal((long)got, -ENOMEM);
		return;
	}
	assert_int_equal(got, addr_of(page));
	map(page, n, rnd_below(4), rnd_below(2));
}

static void setup(void)
{
	vma_init();
	memset(&mm, 0, sizeof(mm));
	memset(model, 0, sizeof(model));
	mm.layout.mmap_base = addr_of(PAGES);
}

static void test_random(void **state)
{
	long live = host_live;

	setup();
	for (int step = 0; step < STEPS; step++) {
		u64 page = rnd_below(PAGES), n = 1 + rnd_below(min(20UL, PAGES - page));

		switch (rnd_below(4)) {
		case 0:
			unmap(page, n);
			break;
		case 1:
			change(page, n, rnd_below(8));
			break;
		default:
			map(page, n, rnd_below(4), rnd_below(2));
		}
		check();
		if (rnd_below(2))
			find_room(1 + rnd_below(12));
	}
	unmap(0, PAGES);
	check();
	assert_int_equal(host_live, live);
}

static void test_find(void **state)
{
	setup();
	map(10, 5, 3, false);
	map(20, 5, 3, false);
	assert_ptr_equal(mm_find_vma(&mm, addr_of(0)), mm_first_vma(&mm));
	assert_ptr_equal(mm_find_vma(&mm, addr_of(15) - 1), mm_first_vma(&mm));
	assert_ptr_equal(mm_find_vma(&mm, addr_of(15)), vma_next(mm_first_vma(&mm)));
	assert_null(mm_find_vma(&mm, addr_of(25)));
	/* a hint that is free is taken, one that is not is only a hint */
	assert_int_equal(vma_find_hole(&mm, 5 * PAGE_SIZE, addr_of(15), false), addr_of(15));
	assert_int_equal(vma_find_hole(&mm, 6 * PAGE_SIZE, addr_of(15), false), addr_of(PAGES - 6));
	map(PAGES - 6, 6, 3, false);
	assert_int_equal(vma_find_hole(&mm, 150 * PAGE_SIZE, USER_END, false),
			 addr_of(PAGES - 156));
	assert_int_equal((long)vma_find_hole(&mm, USER_END - PAGE_SIZE, 0, false), -ENOMEM);
	unmap(0, PAGES);
}

/* No memory for the second half: nothing may be lost, and the range is still mapped. */
static void test_no_memory(void **state)
{
	struct vma *dead = NULL;

	setup();
	map(10, 20, 3, true);
	host_fail_after = 0;
	assert_int_equal(vma_remove_range(&mm, addr_of(15), addr_of(20), &dead), -ENOMEM);
	host_fail_after = 1;
	assert_int_equal(vma_remove_range(&mm, addr_of(15), addr_of(20), &dead), -ENOMEM);
	host_fail_after = -1;
	assert_null(dead);
	assert_int_equal(mm.mapped_pages, 20);
	unmap(0, PAGES);
	check();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
