/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/frame.c kernel/lib/res_counter.c */
/*
 * The buddy allocator on a machine with 19 MiB less a few pages, against its own invariants (see
 * frame.c) and an array with one owner a frame. Nothing reads or writes the frames themselves.
 *
 *	frame number	0    16     128  256         1024  1536    2048     2560          4096   4867
 *			| -- | free | -- | free      | -- | free   | module | free        | odd  |
 */
#include <asm/prctl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "mm/internal.h"

#define MIB 256UL /* frames in a MiB */
#define TOP (19 * MIB + 3) /* frames: no block may reach past an odd end */
#define LOW 16UL /* with LOW_END: the part of the first MiB that is given out */
#define LOW_END 128UL
#define KERNEL (4 * MIB) /* two MiB that stay reserved */
#define MODULE (8 * MIB) /* two MiB that are given back frame by frame */
#define LARGEST 10 /* order of the largest block */
#define STEPS 30000

#define EQUAL(what, got, want)                                                                     \
	do {                                                                                       \
		long long _g = (long long)(got), _w = (long long)(want);                           \
		if (_g != _w)                                                                      \
			fail_msg("%s: expected %lld, got %lld", what, _w, _g);                     \
	} while (0)

/* ---- what frame.c stands on ---- */

struct boot_info boot_info;
unsigned int nr_cpus = 1;
static struct cpu cpu;

paddr_t boot_alloc(size_t bytes)
{
	return virt_to_phys(kzalloc(bytes)); /* the end is the heap's: ASan sees a step past it */
}

static void range(struct mem_range *r, u64 first, u64 end)
{
	*r = (struct mem_range){ first << PAGE_SHIFT, end << PAGE_SHIFT };
}

static int start(void **state)
{
	cpu.self = &cpu;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu)) /* this_cpu() is in gs:0 */
		return -1;
	boot_info.nr_ram = 1;
	range(&boot_info.ram[0], 0, TOP);
	boot_info.nr_reserved = 2;
	range(&boot_info.reserved[0], KERNEL, KERNEL + 2 * MIB);
	range(&boot_info.reserved[1], MODULE, MODULE + 2 * MIB);
	frame_init();
	return 0;
}

/* ---- the free blocks, as frames[] tells them ---- */

static bool is_block(u64 pfn)
{
	return frames[pfn].kind == FRAME_FREE && frames[pfn].order <= LARGEST;
}

static u64 nr_free(void)
{
	struct mem_stats st;

	mem_stats(&st);
	return st.free;
}

/*
 * Blocks are aligned, lie in RAM, do not overlap, hold nothing but free frames, are joined as far as
 * they can be, and are all that is free.
 */
static void check_blocks(void)
{
	u64 pfn = 0, sum = 0;

	frame_cache_drain();
	while (pfn < TOP) {
		u64 order = frames[pfn].order, size, other;

		if (frames[pfn].kind != FRAME_FREE) {
			pfn++;
			continue;
		}
		if (order > LARGEST)
			fail_msg("frame %lu is free, but in no block", pfn);
		size = BIT(order);
		other = pfn ^ size;
		if (pfn % size || pfn + size > TOP)
			fail_msg("frame %lu begins a block of order %lu: not aligned, or past the "
				 "end",
				 pfn, order);
		if (order < LARGEST && other + size <= TOP && is_block(other) &&
		    frames[other].order == order)
			fail_msg("the blocks %lu and %lu, order %lu, are buddies and not joined",
				 min(pfn, other), max(pfn, other), order);
		for (u64 i = 1; i < size; i++)
			if (frames[pfn + i].kind != FRAME_FREE || is_block(pfn + i))
				fail_msg("frame %lu lies inside block %lu, order %lu: kind %u "
					 "order %u",
					 pfn + i, pfn, order, frames[pfn + i].kind,
					 frames[pfn + i].order);
		sum += size;
		pfn += size;
	}
	EQUAL("frames in free blocks, against nr_free", sum, nr_free());
}

/* ---- the tests ---- */

/* At the start all RAM is in as few blocks as there can be. */
static void test_start(void **state)
{
	static const struct {
		u64 pfn, order;
	} blocks[] = { { 16, 4 },   { 32, 5 },   { 64, 6 },   { 256, 8 },
		       { 512, 9 },  { 1536, 9 }, { 2560, 9 }, { 3072, 10 },
		       { 4096, 9 }, { 4608, 8 }, { 4864, 1 }, { 4866, 0 } };
	u64 sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		if (!is_block(blocks[i].pfn))
			fail_msg("frame %lu: expected a free block, got none", blocks[i].pfn);
		EQUAL("order of a block at the start", frames[blocks[i].pfn].order,
		      blocks[i].order);
		sum += BIT(blocks[i].order);
	}
	EQUAL("free frames", nr_free(), sum);
	check_blocks();
}

/* Two MiB come back one frame at a time, in an order that leaves gaps: they end as one block. */
static void test_merge(void **state)
{
	u64 before = nr_free();

	for (u64 odd = 0; odd < 2; odd++)
		for (u64 pfn = MODULE + odd; pfn < MODULE + 2 * MIB; pfn += 2)
			frame_release_range(pfn << PAGE_SHIFT, (pfn + 1) << PAGE_SHIFT);
	check_blocks();
	EQUAL("free frames", nr_free(), before + 2 * MIB);
	/* 2048 to 2559 and its buddy, 2560 to 3071, are one block of 4 MiB now */
	EQUAL("order of the block at 2048", frames[MODULE].order, LARGEST);
}

static void test_split(void **state)
{
	u64 before = nr_free(), lowest = TOP;
	struct frame *f[LARGEST + 1];

	for (int order = LARGEST; order >= 0; order--) {
		f[order] = frame_alloc(order, FRAME_KERNEL);
		if (!f[order])
			fail_msg("a block of order %d: expected one, got NULL", order);
		EQUAL("a block's number, modulo its size", (f[order] - frames) % BIT(order), 0);
		EQUAL("order in what was given out", f[order]->order, order);
		before -= BIT(order);
		EQUAL("free frames", nr_free(), before);
		check_blocks();
		lowest = min(lowest, (u64)(f[order] - frames));
	}
	assert_null(frame_alloc(LARGEST + 1, FRAME_KERNEL));
	for (int order = 0; order <= LARGEST; order++) {
		frame_put(f[order]);
		check_blocks();
	}
	EQUAL("free frames", nr_free(), before + BIT(LARGEST + 1) - 1);
}

/* All of memory in single frames: none twice, none that is reserved, and then NULL. */
static void test_exhaust(void **state)
{
	static struct frame *all[TOP];
	static bool mine[TOP];
	u64 before = nr_free(), n = 0;
	struct frame *f;

	memset(mine, 0, sizeof(mine));
	while ((f = frame_alloc(0, FRAME_ANON))) {
		u64 pfn = f - frames;

		if (n >= before)
			fail_msg("expected NULL after %lu frames, got one more: %lu", before, pfn);
		if (pfn < LOW || (pfn >= LOW_END && pfn < MIB) || pfn >= TOP ||
		    (pfn >= KERNEL && pfn < KERNEL + 2 * MIB))
			fail_msg("frame %lu is reserved", pfn);
		if (mine[pfn])
			fail_msg("frame %lu: given out twice", pfn);
		mine[pfn] = true;
		all[n++] = f;
	}
	EQUAL("frames given out", n, before);
	EQUAL("free frames", nr_free(), 0);
	assert_null(frame_alloc(3, FRAME_ANON));
	while (n)
		frame_put(all[--n]);
	check_blocks();
	EQUAL("free frames", nr_free(), before);
}

/* Blocks of all sizes come and go; each frame has one owner, or is free. */
static void test_random(void **state)
{
	static struct frame *held[600];
	static u16 owner[TOP]; /* 0: nobody; else 1 + index in held */
	u64 before = nr_free(), have = 0;

	for (int step = 0; step < STEPS; step++) {
		u64 i = rnd_below(ARRAY_SIZE(held));
		struct frame *f = held[i];
		u64 order = rnd_below(rnd_below(4) ? 3 : LARGEST + 1);

		if (f) {
			order = f->order;
			for (u64 k = 0; k < BIT(order); k++) {
				EQUAL("the owner of a frame that is given back",
				      owner[f - frames + k], 1 + i);
				owner[f - frames + k] = 0;
			}
			have -= BIT(order);
			held[i] = NULL;
			frame_put(f);
		} else if ((f = frame_alloc(order, FRAME_KERNEL))) {
			EQUAL("a block's number, modulo its size", (f - frames) % BIT(order), 0);
			for (u64 k = 0; k < BIT(order); k++) {
				if (owner[f - frames + k])
					fail_msg("frame %lu of a new block has an owner",
						 f - frames + k);
				owner[f - frames + k] = 1 + i;
			}
			have += BIT(order);
			held[i] = f;
		}
		if (nr_free() != before - have)
			EQUAL("free frames", nr_free(), before - have);
		if (step % 100 == 0)
			check_blocks();
	}
	for (u64 i = 0; i < ARRAY_SIZE(held); i++)
		if (held[i])
			frame_put(held[i]);
	check_blocks();
	EQUAL("free frames", nr_free(), before);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),  cmocka_unit_test(test_merge),
		cmocka_unit_test(test_split),  cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_random),
	};

	return RUN_TESTS(argc, argv, tests, start);
}
