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

pte_t *pt_find(struct mm *mm, u64 addr)
{
	pte_t *table = mm->pml4;
	unsigned int level;

	for (level = 3; level > 0; level--) {
		pte_t e = table[pt_index(addr, level)];

		if (!(e & PTE_P))
			return NULL;
		table = table_of(e);
	}
	return &table[pt_index(addr, 0)];
}

pte_t *pt_create(struct mm *mm, u64 addr)
{
	pte_t *table = mm->pml4;
	unsigned int level;

	for (level = 3; level > 0; level--) {
		pte_t *e = &table[pt_index(addr, level)];

		if (unlikely(!(*e & PTE_P))) {
			struct frame *f = frame_alloc_charged(FRAME_KERNEL, mm->charge, true);

			if (!f)
				return NULL;
			mm->pt_frames++;
			*e = frame_phys(f) | PTE_P | PTE_W | PTE_U;
		}
		table = table_of(*e);
	}
	return &table[pt_index(addr, 0)];
}

/* The first address after addr where the table that is missing for addr could exist. */
static u64 skip_hole(struct mm *mm, u64 addr)
{
	pte_t *table = mm->pml4;
	unsigned int level;

	for (level = 3; level > 0; level--) {
		u64 span = PAGE_SIZE << (9 * level);
		pte_t e = table[pt_index(addr, level)];

		if (!(e & PTE_P))
			return (addr | (span - 1)) + 1;
		table = table_of(e);
	}
	return addr;
}

/* The first entry in [pte, end) that holds something, or end. Most of a table is empty. */
static pte_t *next_held(pte_t *pte, pte_t *end)
{
#pragma GCC unroll 8
	for (; pte < end; pte++)
		if (*pte)
			break;
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
		pte_t *pte = it->pte ? it->pte : pt_find(it->mm, it->addr), *end;

		it->pte = NULL;
		if (!pte) {
			it->addr = skip_hole(it->mm, it->addr);
			continue;
		}
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

static pte_t access_bits(const struct vma *vma)
{
	pte_t bits = vma->flags & (VM_READ | VM_WRITE | VM_EXEC) ? PTE_P : PTE_SOFT_NONE;

	return vma->flags & VM_EXEC ? bits : bits | PTE_NX;
}

pte_t pte_make(const struct vma *vma, const struct frame *f, bool writable)
{
	pte_t pte = frame_phys(f) | access_bits(vma) | PTE_U | PTE_A;

	if (writable)
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

static void zap_flush(struct zap *z)
{
	unsigned int i;

	if (z->dirty_start < z->dirty_end)
		space_flush(&z->mm->space, z->dirty_start, z->dirty_end);
	if (z->tables)
		space_drop_lazy(&z->mm->space);
	for (i = 0; i < z->nr; i++)
		frame_put(z->out[i]);
	zap_reset(z);
}

static void zap_add(struct zap *z, struct frame *f, u64 start, u64 end)
{
	z->dirty_start = min(z->dirty_start, start);
	z->dirty_end = max(z->dirty_end, end);
	if (!f)
		return;
	z->out[z->nr++] = f;
	if (z->nr == ZAP_BATCH)
		zap_flush(z);
}

static void zap_pages(struct zap *z, pte_t *pte, u64 addr, u64 end)
{
	pte_t *stop = pte + ((end - addr) >> PAGE_SHIFT), *at = pte;

	while ((at = next_held(at, stop)) < stop) {
		u64 a = addr + ((at - pte) << PAGE_SHIFT);
		struct frame *f = pte_frame(*at);

		*at++ = 0;
		if (f)
			mm_count(z->mm, f, -1);
		zap_add(z, f, a, a + PAGE_SIZE);
	}
}

static void zap_level(struct zap *z, pte_t *table, unsigned int level, u64 start, u64 end)
{
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
			z->mm->pt_frames--;
			z->tables = true;
			/* CPUs cache upper entries too: any flush inside the span drops them. */
			zap_add(z, f, addr, addr + PAGE_SIZE);
		}
	}
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
