/* SPDX-License-Identifier: MIT */
/*
 * The page tables of user space: four levels of 512 entries (SDM 3A 4.5), changed with mm->lock held.
 * Tables are frames charged to mm->charge. A frame or table that leaves a page table is let go only
 * after every CPU has forgotten it: zapping gathers them, flushes, then drops them.
 */
#include "mm/internal.h"

#define ZAP_BATCH 64

struct frame *zero_frame;

static inline pte_t *table_of(pte_t entry)
{
	return phys_to_virt(entry & PTE_ADDR);
}

/* The entry; or NULL, and *next is the first address that may have one again. */
static pte_t *find_or_skip(struct mm *mm, u64 addr, u64 *next)
{
	/* LAB 01: begin
	 * Walk as the CPU does: mm->pml4 is the table of level 3, pt_index(addr, level) the entry in a
	 * table. The entry leads to the table of the next level (table_of) when it has PTE_P. Return the
	 * address of the entry in the last table, level 0, whatever that entry holds.
	 * Without PTE_P there is no table: NULL, and all addresses that this entry stands for have none (at
	 * level n they are PAGE_SIZE << 9 * n bytes, aligned to that). *next is the first one behind them.
	 * starter: panic("lab 01: find_or_skip() is not written yet");
	 */
	pte_t *table = mm->pml4;
	unsigned int level;

	for (level = 3; level > 0; level--) {
		pte_t e = table[pt_index(addr, level)];

		if (!(e & PTE_P)) {
			*next = (addr | ((PAGE_SIZE << (9 * level)) - 1)) + 1;
			return NULL;
		}
		table = table_of(e);
	}
	return &table[pt_index(addr, 0)];
	/* LAB 01: end */
}

pte_t *pt_find(struct mm *mm, u64 addr)
{
	u64 next;

	return find_or_skip(mm, addr, &next);
}

pte_t *pt_create(struct mm *mm, u64 addr)
{
	/* LAB 01: begin
	 * The same walk, but a table that is missing is made: a zeroed frame of FRAME_TABLE, charged to
	 * mm->charge (frame_alloc_charged), counted in mm->pt_frames. The rights of a page are the AND of
	 * those of all entries on the way to it, so an entry that leads to a table gives them all: present,
	 * writable, user. NULL when there is no memory; the tables made so far stay, they are linked in and
	 * go with pt_zap().
	 * starter: panic("lab 01: pt_create() is not written yet");
	 */
	pte_t *table = mm->pml4;
	unsigned int level;

	for (level = 3; level > 0; level--) {
		pte_t *e = &table[pt_index(addr, level)];

		if (unlikely(!(*e & PTE_P))) {
			struct frame *f = frame_alloc_charged(FRAME_TABLE, mm->charge, true);

			if (!f)
				return NULL;
			mm->pt_frames++;
			*e = frame_phys(f) | PTE_P | PTE_W | PTE_U;
		}
		table = table_of(*e);
	}
	return &table[pt_index(addr, 0)];
	/* LAB 01: end */
}

/* The first entry in [pte, end) that holds something, or end. Most of a table is empty. */
static pte_t *next_held(pte_t *pte, pte_t *end)
{
	if (pte < end && *pte) /* and what is not, comes in rows */
		return pte;
	while (pte + 8 <= end &&
	       !(pte[0] | pte[1] | pte[2] | pte[3] | pte[4] | pte[5] | pte[6] | pte[7]))
		pte += 8;
	while (pte < end && !*pte)
		pte++;
	return pte;
}

pte_t *pt_next(struct pt_iter *it)
{
	if (it->pte) { /* go on behind the one returned last */
		it->addr += PAGE_SIZE;
		it->pte = it->addr & (LARGE_PAGE_SIZE - 1) ? it->pte + 1 : NULL;
	}
	while (it->addr < it->end) {
		u64 stop = min(it->end, (it->addr | (LARGE_PAGE_SIZE - 1)) + 1);
		pte_t *pte = it->pte, *end;

		if (!pte)
			pte = find_or_skip(it->mm, it->addr, &it->addr);
		if (!pte)
			continue;
		end = pte + ((stop - it->addr) >> PAGE_SHIFT);
		it->pte = next_held(pte, end);
		it->addr += (it->pte - pte) << PAGE_SHIFT;
		if (it->pte < end)
			return it->pte;
		it->pte = NULL;
	}
	return NULL;
}

/* ---- entries ---- */

/* LAB 01: begin
 * pte_make(): the entry that shows frame f in the area vma. The bits:
 *
 *	PTE_U, PTE_A		always: it is a user's page, and counts as touched
 *	PTE_P			when the area may be read, written or run. An area with none of the three
 *				(PROT_NONE) has PTE_SOFT_NONE instead: the CPU faults, the frame is kept
 *	PTE_NX			unless the area may be run
 *	PTE_W and PTE_D		when writable is true
 *	PTE_SOFT_COW		when it is false and the area is private (no VM_SHARED): the first write
 *				faults, and gets a copy
 *
 * pte_protect(): the area has new flags (mprotect(2)); returns the entry for old's frame under them.
 * P, SOFT_NONE and NX follow the flags as above. W goes when the area may no longer be written; then
 * a private page gets PTE_SOFT_COW. W never comes: where the area may be written again, the next write
 * faults and mm/fault.c decides whether the page is ours alone. All other bits of old stay, the frame
 * and PTE_D among them.
 * starter: pte_t pte_make(const struct vma *vma, const struct frame *f, bool writable)
 * starter: {
 * starter: 	panic("lab 01: pte_make() is not written yet");
 * starter: }
 * starter:
 * starter: pte_t pte_protect(const struct vma *vma, pte_t old)
 * starter: {
 * starter: 	panic("lab 01: pte_protect() is not written yet");
 * starter: }
 */
static pte_t access_bits(const struct vma *vma)
{
	pte_t bits = vma->flags & (VM_READ | VM_WRITE | VM_EXEC) ? PTE_P : PTE_SOFT_NONE;

	return vma->flags & VM_EXEC ? bits : bits | PTE_NX;
}

pte_t pte_make(const struct vma *vma, const struct frame *f, bool writable)
{
	pte_t pte = frame_phys(f) | access_bits(vma) | PTE_U | PTE_A;

	if (writable && vma->flags & VM_WRITE) /* a debugger writes where the program may not */
		return pte | PTE_W | PTE_D;
	return vma->flags & VM_SHARED ? pte : pte | PTE_SOFT_COW;
}

pte_t pte_protect(const struct vma *vma, pte_t old)
{
	pte_t pte = (old & ~(PTE_P | PTE_SOFT_NONE | PTE_NX)) | access_bits(vma);

	if (vma->flags & VM_WRITE || !(pte & PTE_W))
		return pte;
	return (pte & ~PTE_W) | (vma->flags & VM_SHARED ? 0 : PTE_SOFT_COW);
}
/* LAB 01: end */

void mm_count(struct mm *mm, const struct frame *f, s64 n)
{
	*(f->kind == FRAME_ANON ? &mm->anon_pages : &mm->file_pages) += n;
	if (n > 0)
		mm->peak_pages = max(mm->peak_pages, mm->anon_pages + mm->file_pages);
}

void mm_notify(struct mm *mm, u64 start, u64 end)
{
	struct mm_notifier *n;

	list_for_each(n, &mm->notifiers, link)
		n->invalidate(n, mm, start, end);
}

/* ---- taking out ---- */

struct zap {
	struct mm *mm;
	u64 floor, ceiling;
	u64 dirty_start, dirty_end; /* entries cleared since the last flush */
	bool tables; /* some of them were tables */
	unsigned int nr;
	struct frame *out[ZAP_BATCH];
};

static void zap_reset(struct zap *z)
{
	z->nr = 0;
	z->tables = false;
	z->dirty_start = ~0UL;
	z->dirty_end = 0;
}

/* Makes every CPU forget what was cleared, lets the gathered frames go, and begins anew. */
static void zap_flush(struct zap *z)
{
	/* LAB 01: begin
	 * A CPU that still remembers an entry may read and write its frame: until it has forgotten, the
	 * frame must not go to somebody else. So the order is: space_flush() for the addresses whose
	 * entries were cleared (none were: dirty_start is not below dirty_end); where tables were among
	 * them, space_drop_lazy(), for CPUs that are idle with these tables loaded; then frame_put() for
	 * all of out[]. At the end z is as at the beginning: zap_reset().
	 * starter: panic("lab 01: zap_flush() is not written yet");
	 */
	unsigned int i;

	if (z->dirty_start < z->dirty_end)
		space_flush(&z->mm->space, z->dirty_start, z->dirty_end);
	if (z->tables)
		space_drop_lazy(&z->mm->space);
	for (i = 0; i < z->nr; i++)
		frame_put(z->out[i]);
	zap_reset(z);
	/* LAB 01: end */
}

/* The entries for [start, end) were cleared; f (may be NULL) goes once they are forgotten. */
static inline void zap_add(struct zap *z, struct frame *f, u64 start, u64 end)
{
	z->dirty_start = min(z->dirty_start, start);
	z->dirty_end = max(z->dirty_end, end);
	if (!f)
		return;
	z->out[z->nr++] = f;
	if (z->nr == ZAP_BATCH)
		zap_flush(z);
}

/* Clears the entries for [addr, end), from pte on in one table. */
static void zap_pages(struct zap *z, pte_t *pte, u64 addr, u64 end)
{
	/* LAB 01: begin
	 * An entry that is 0 holds nothing: leave it. Clear the others. pte_frame() of what was there
	 * is the frame that the entry counts, or NULL (the page of zeros, device memory): it is one page
	 * less for mm_count(), and is handed to zap_add(). The address has to be forgotten in both cases.
	 * starter: panic("lab 01: zap_pages() is not written yet");
	 */
	pte_t *stop = pte + ((end - addr) >> PAGE_SHIFT), *at = pte;

	while ((at = next_held(at, stop)) < stop) {
		u64 a = addr + ((at - pte) << PAGE_SHIFT);
		struct frame *f = pte_frame(*at);

		*at++ = 0;
		if (f)
			mm_count(z->mm, f, -1);
		zap_add(z, f, a, a + PAGE_SIZE);
	}
	/* LAB 01: end */
}

/* Clears [start, end), which lies in one table of that level, and drops the tables below it. */
static void zap_level(struct zap *z, pte_t *table, unsigned int level, u64 start, u64 end)
{
	/* LAB 01: begin
	 * At level 0 the entries are those of pages: zap_pages(). At the others each entry stands for span
	 * bytes (8 bytes of table for 4 KiB << 9 * level of addresses). For each whose table is there, call
	 * zap_level() with the part of [start, end) that lies in it. Afterwards nothing of that table is in
	 * use if all its span lies in [floor, ceiling): nobody else's area is in there. Then clear the
	 * entry, count it off in mm->pt_frames, set z->tables, and hand the table's frame to zap_add().
	 * CPUs remember upper entries too, and forget them when any address inside the span is flushed: one
	 * page will do.
	 * starter: if (level > 0)
	 * starter: 	panic("lab 01: zap_level() is not written yet");
	 * starter: zap_pages(z, &table[pt_index(start, 0)], start, end);
	 */
	u64 span = PAGE_SIZE << (9 * level), addr, next;

	if (level == 0) {
		zap_pages(z, &table[pt_index(start, 0)], start, end);
		return;
	}
	for (addr = start; addr < end; addr = next) {
		pte_t *e = &table[pt_index(addr, level)];
		u64 base = addr & ~(span - 1);

		next = min(end, base + span);
		if (!(*e & PTE_P))
			continue;
		zap_level(z, table_of(*e), level - 1, addr, next);
		if (base >= z->floor && base + span <= z->ceiling) {
			struct frame *f = phys_frame(*e & PTE_ADDR);

			*e = 0;
			f->state = FRAME_ZEROS; /* and is worth keeping so */
			z->mm->pt_frames--;
			z->tables = true;
			/* CPUs cache upper entries too: any flush inside the span drops them. */
			zap_add(z, f, addr, addr + PAGE_SIZE);
		}
	}
	/* LAB 01: end */
}

void pt_zap(struct mm *mm, u64 start, u64 end, u64 floor, u64 ceiling)
{
	struct zap z; /* not cleared as a whole: out[] is large */

	z.mm = mm;
	z.floor = floor;
	z.ceiling = ceiling;
	zap_reset(&z);
	mm_notify(mm, start, end);
	zap_level(&z, mm->pml4, 3, start, end);
	zap_flush(&z);
}
