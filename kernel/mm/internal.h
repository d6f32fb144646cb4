/* SPDX-License-Identifier: MIT */
/*
 * What the files of mm/ share.
 *
 * Locks: mm->lock (a mutex) guards areas and page tables of one space; two spaces are locked only by
 * fork, the child's inside the parent's. mapping->lock (a spinlock) is inside mm->lock and guards the
 * pages and the list of areas of one file. mapping_unmap() takes mm->lock while its caller may hold
 * inode->lock: so whoever holds mm->lock must not take inode->lock.
 *
 * A page-table entry that holds a frame is either present, or PTE_SOFT_NONE: the page of an area
 * that may not be touched (PROT_NONE), kept for the day it may again.
 */
#pragma once
#include "mm/mm.h"

#define PTE_SOFT_NONE BIT(11) /* not present, but the frame is still ours */
#define PTE_HELD (PTE_P | PTE_SOFT_NONE)

static inline void clear_page(void *p)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0UL) : "memory");
}
static inline void copy_page(void *to, const void *from)
{
	u64 n = PAGE_SIZE / 8;

	__asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/* frame.c, slab.c */
struct frame *frame_alloc_zeros(enum frame_kind kind); /* one, as frame_alloc(), but all zeros */
void frame_init(void);
void frame_cache_drain(void); /* this CPU's */
void frame_set_kind(struct frame *f, enum frame_kind kind);
void slab_init(void);

bool frames_low(void); /* so few are free that others' allocations may fail, which do not wait */

/* pagecache.c */
extern u64 shmem_pages; /* in mappings without operations; atomic */
extern u64 device_pages; /* in mappings that are written back; atomic */
void mapping_forget(struct mapping *m, u64 index,
		    struct frame *f); /* its lock held: out of the tree */

/* reclaim.c */
void mapping_end_reclaim(struct mapping *m);
void reclaim_add_space(struct mm *mm);
void reclaim_del_space(struct mm *mm);
void reclaim_if_low(void); /* before memory is asked for by those who can wait */

/* charge.c: they may sleep, waiting for what the out-of-memory hook sets free */
struct frame *frame_alloc_charged(enum frame_kind kind, struct res_counter *res, bool zero);
bool frame_charge(struct frame *f, struct res_counter *res); /* false: refused */

/* pagetable.c: mm->lock held */
extern struct frame *zero_frame; /* what unwritten anonymous memory reads as */
pte_t *pt_find(struct mm *mm, u64 addr); /* the entry, or NULL when there is no table */
pte_t *pt_create(struct mm *mm, u64 addr); /* the entry, tables made; NULL without memory */
/* Walks the entries of [addr, end) that hold something: pt_next() until NULL; addr is its address. */
struct pt_iter {
	struct mm *mm;
	u64 addr, end;
	pte_t *pte;
};
pte_t *pt_next(struct pt_iter *it);
#define PT_ITER(mm, start, end)                                                                    \
	{                                                                                          \
		(mm), (start), (end), NULL                                                         \
	}
/* Takes the frames out of [start, end); tables that lie within [floor, ceiling) go as well. */
void pt_zap(struct mm *mm, u64 start, u64 end, u64 floor, u64 ceiling);
/* The entry for frame f in vma; writable: by the CPU, at once. */
pte_t pte_make(const struct vma *vma, const struct frame *f, bool writable);
/* old, with the access that vma's flags give now; never writable where it was not. */
pte_t pte_protect(const struct vma *vma, pte_t old);
/* The frame that the entry counts, or NULL (empty, zero page, device memory). */
static inline struct frame *pte_frame(pte_t pte)
{
	return pte & PTE_HELD && !(pte & PTE_SOFT_SPECIAL) ? phys_frame(pte & PTE_ADDR) : NULL;
}
void mm_count(struct mm *mm, const struct frame *f, s64 n); /* anon_pages or file_pages */
void mm_notify(struct mm *mm, u64 start, u64 end);

/* vma.c: mm->lock held */
void vma_init(void);
struct vma *vma_alloc(struct mm *mm); /* NULL also when the space has too many */
void vma_free(struct vma *vma);
struct vma *vma_prev(struct vma *vma);
/* As vma, for mm; not yet in it, not yet opened. NULL as vma_alloc(). */
struct vma *vma_copy(struct mm *mm, const struct vma *vma);
void vma_insert(struct mm *mm, struct vma *vma); /* and opens it */
/* Cuts the area at addr (strictly inside); the upper part is new and returned. NULL without memory. */
struct vma *vma_split(struct vma *vma, u64 addr);
/* Joins vma with its neighbours where nothing tells them apart; returns what it is part of now. */
struct vma *vma_merge(struct vma *vma, struct vma **dead);
/* Takes [start, end) out of the space; closed areas are chained to *dead. */
int vma_remove_range(struct mm *mm, u64 start, u64 end, struct vma **dead);
void mm_unlock(struct mm *mm, struct vma *dead); /* then closes those */
u64 vma_find_hole(struct mm *mm, u64 len, u64 hint, bool low); /* low: as VM_LOW says */

/* mm.c: mm->lock held */
bool mm_may_expand(struct mm *mm, u32 flags, u64 pages, u64 at, u64 end);

/* fault.c: mm->lock held */
#define FAULT_WRITE 1U
#define FAULT_EXEC 2U
#define FAULT_FORCE 4U /* a debugger's: read anything, write to any private page (a copy) */
int mm_fault_locked(struct mm *mm, u64 addr, u32 how);

/* charge.c: who pays for an object that the current thread allocates; NULL: nobody. The root group's
 * are not counted. */
static inline struct res_counter *object_payer(void)
{
	const struct thread *t = current_thread();
	struct res_counter *res = t ? (t->mem_pays ?: t->mem_charge) : NULL;

	return res && res->parent ? res : NULL;
}
/* As mem_charge(); and makes a stock of it (mem_unstock()) if that does not need to wait for room. */
bool mem_charge_ahead(struct res_counter *res, u64 n);
#define MEM_STOCK 2048U

/* Is this the allocation of the current thread that a test wants to fail (/proc/dyad/fail-nth)? */
static inline bool fault_injected(void)
{
#ifdef SAN
	struct thread *t = current_thread();

	return t && t->fail_nth && !--t->fail_nth;
#else
	return false;
#endif
}
