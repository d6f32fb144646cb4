/* SPDX-License-Identifier: MIT */
/*
 * Pages that can be read again from a device are given back when memory is short. Mappings that have
 * such pages stand in a circle, and in each a hand goes round: a page that was wanted since the hand
 * last came by stays, one that nobody has in use leaves, a dirty one is written first (Corbato's
 * clock). A page that is mapped is in use; so after each round all address spaces are gone through,
 * and lose the pages of files that they did not touch since the last time (PTE_A).
 *
 * A page of a file system on a device is in two trees, the device's and the file's: it leaves the
 * file's first, and then is one more page of the device. Only devices have dirty pages here, and their
 * mappings never go.
 *
 * Locks: circle_lock is outside every mapping->lock. Another space's mm->lock is only tried for.
 */
#include "mm/internal.h"

#define SCAN 64 /* pages at a time, with interrupts off */
#define ROUNDS 5 /* what was just used in both trees and mapped goes in the fifth */
#define TIRED_NS (100 * NSEC_PER_MSEC)

static spinlock_t circle_lock; /* guards the circle and the hands */
static struct list_head circle = LIST_INIT(circle);
static u64 nr_mappings;

static spinlock_t spaces_lock; /* guards the list */
static struct list_head spaces = LIST_INIT(spaces);
static u64 nr_spaces;

static u64
	tired_until; /* clock_ns(): the last search found nothing, and the next will not, either */

void mapping_set_reclaim(struct mapping *m)
{
	spin_lock(&circle_lock);
	m->reclaim = true;
	list_add(&m->circle_link, &circle);
	nr_mappings++;
	spin_unlock(&circle_lock);
}

void mapping_end_reclaim(struct mapping *m)
{
	spin_lock(&circle_lock);
	list_del(&m->circle_link);
	nr_mappings--;
	spin_unlock(&circle_lock);
}

/* Whose pages are wanted (NULL: anybody's); last: of those below their memory.low, too. */
struct aim {
	const struct res_counter *res;
	bool last;
};

/* ---- unmapping ---- */

void reclaim_add_space(struct mm *mm)
{
	spin_lock(&spaces_lock);
	list_add(&mm->space_link, &spaces);
	nr_spaces++;
	spin_unlock(&spaces_lock);
}

void reclaim_del_space(struct mm *mm)
{
	spin_lock(&spaces_lock);
	list_del(&mm->space_link);
	nr_spaces--;
	spin_unlock(&spaces_lock);
}

/*
 * Takes the file's pages that were not touched since the last time out of vma, but the one that a fault
 * of our caller is about.
 */
static void trim_area(struct vma *vma, const struct aim *aim)
{
	struct pt_iter it = PT_ITER(vma->mm, vma->start, vma->end);
	pte_t *pte;

	while ((pte = pt_next(&it))) {
		struct frame *f = pte_frame(*pte);

		if (!f || f->kind != FRAME_CACHE || it.addr == vma->mm->fault_addr ||
		    !res_yields(f->charge, aim->res, aim->last))
			continue;
		if (*pte &
		    PTE_A) /* a CPU that remembers it may not set it again: a guess, no more */
			__atomic_fetch_and(pte, ~PTE_A, __ATOMIC_RELAXED);
		else
			pt_zap(vma->mm, it.addr, it.addr + PAGE_SIZE, 0, 0);
	}
}

/* Its lock is held. What may be written to through a shared mapping stays: it may be dirty. */
static void trim_space(struct mm *mm, const struct aim *aim)
{
	const u32 writes = VM_SHARED | VM_MAYWRITE;

	for (struct vma *vma = mm_first_vma(mm); vma; vma = vma_next(vma))
		if (vma->mapping && vma->mapping->reclaim && !(vma->flags & VM_LOCKED) &&
		    (vma->flags & writes) != writes)
			trim_area(vma, aim);
}

static void trim_spaces(const struct aim *aim)
{
	for (u64 n = READ_ONCE(nr_spaces); n; n--) {
		struct mm *mm = NULL;
		bool mine;

		spin_lock(&spaces_lock);
		if (!list_empty(&spaces)) {
			mm = list_first(&spaces, struct mm, space_link);
			list_move_tail(&mm->space_link, &spaces);
			if (!ref_get_unless_zero(&mm->refs))
				mm = NULL;
		}
		spin_unlock(&spaces_lock);
		if (!mm)
			continue;
		mine = mutex_is_mine(&mm->lock);
		if (mine || mutex_trylock(&mm->lock)) {
			trim_space(mm, aim);
			if (!mine)
				mutex_unlock(&mm->lock);
		}
		mm_put(mm);
	}
}

/* ---- the hands ---- */

struct harvest {
	struct frame *out[SCAN];
	unsigned int nr, freed;
	struct mapping *dirty; /* it has pages that must be written first */
};

/* Has nobody but the trees asked for f, and does res pay for it? m->lock held. */
static bool may_go(const struct mapping *m, struct frame *f, const struct aim *aim)
{
	u32 trees = f->mapping == m ? 1 : 2;

	if (f->state & FRAME_BUSY || !res_yields(f->charge, aim->res, aim->last))
		return false;
	if (f->state & FRAME_USED) {
		__atomic_fetch_and(&f->state, (u8)~FRAME_USED, __ATOMIC_RELAXED);
		return false;
	}
	return ref_read(&f->refs) == trees;
}

/* Moves m's hand on. True when it came round. circle_lock held. */
static bool scan(struct mapping *m, const struct aim *aim, struct harvest *h)
{
	struct frame *f = NULL;

	spin_lock(&m->lock);
	for (unsigned int n = 0; n < SCAN; n++, m->hand++) {
		f = radix_next(&m->pages, &m->hand);
		if (!f)
			break;
		if (!may_go(m, f, aim))
			continue;
		if (f->mapping == m && f->dirty) {
			h->dirty = m;
			continue;
		}
		h->freed += f->mapping == m;
		mapping_forget(m, m->hand, f);
		h->out[h->nr++] = f;
	}
	if (!f)
		m->hand = 0;
	spin_unlock(&m->lock);
	return !f;
}

static u64 reclaim(u64 want, const struct aim *aim)
{
	u64 freed = 0, visits = 0, round = 1;

	while (freed < want && round <= ROUNDS) {
		struct harvest h;

		h.nr = h.freed = 0;
		h.dirty = NULL;
		spin_lock(&circle_lock);
		if (list_empty(&circle)) {
			spin_unlock(&circle_lock);
			break;
		}
		struct mapping *m = list_first(&circle, struct mapping, circle_link);

		if (scan(m, aim, &h)) {
			list_move_tail(&m->circle_link, &circle);
			visits++;
		}
		spin_unlock(&circle_lock);
		while (h.nr) {
			struct frame *f = h.out[--h.nr];

			if (aim->last && f->charge && !res_yields(f->charge, aim->res, false))
				mem_event(f->charge, MEM_LOW);
			frame_put(f);
		}
		freed += h.freed;
		if (h.dirty)
			h.dirty->ops->write_pages(h.dirty, false);
		if (visits >= round * READ_ONCE(nr_mappings)) {
			round++;
			trim_spaces(aim);
		}
		cond_resched();
	}
	return freed;
}

u64 cache_reclaim(u64 want, const struct res_counter *res)
{
	struct aim aim = { .res = res };
	u64 freed = reclaim(want, &aim);

	if (!freed && READ_ONCE(mem_guarded)) {
		aim.last = true;
		freed = reclaim(want, &aim);
	}
	if (!freed && !res)
		WRITE_ONCE(tired_until, clock_ns() + TIRED_NS);
	return freed;
}

void reclaim_if_low(void)
{
	if (device_pages && frames_low() && clock_ns() >= READ_ONCE(tired_until))
		cache_reclaim(SCAN, NULL);
}
