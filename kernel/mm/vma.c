/* SPDX-License-Identifier: MIT */
/*
 * The areas of an address space: a tree by address, without overlap, guarded by mm->lock. Areas are
 * cut where an operation covers a part of one, and joined with their neighbours where nothing tells
 * them apart. An area that goes is closed later, without mm->lock (mm_unlock): closing may drop
 * the last reference of a file, and what that does may want the lock.
 */
#include "mm/internal.h"

#define LOWEST_ADDR 0x10000UL /* as Linux's vm.mmap_min_addr: null pointers stay bad */

#define LOWER_HALF_END (1UL << 47) /* as far as the last user page tables reach */

#define LOW_END 0x80000000UL /* MAP_32BIT: the first 2 GiB */

#define MAX_AREAS 65530 /* of one space; as Linux's vm.max_map_count */

static struct kmem_cache *vma_cache;

void vma_init(void)
{
	vma_cache = kmem_cache_create("vma", sizeof(struct vma), false);
}

struct vma *vma_alloc(struct mm *mm)
{
	struct vma *vma = mm->nr_vmas <= MAX_AREAS ? kmem_cache_zalloc(vma_cache) : NULL;

	if (vma) {
		vma->mm = mm;
		list_init(&vma->map_link);
	}
	return vma;
}

void vma_free(struct vma *vma)
{
	kmem_cache_free(vma_cache, vma);
}

static struct vma *vma_of(struct rb_node *n)
{
	return n ? rb_entry(n, struct vma, rb) : NULL;
}

struct vma *mm_first_vma(struct mm *mm)
{
	return vma_of(rb_first(&mm->vmas));
}

struct vma *vma_next(struct vma *vma)
{
	return vma_of(rb_next(&vma->rb));
}

struct vma *vma_prev(struct vma *vma)
{
	return vma_of(rb_prev(&vma->rb));
}

struct vma *mm_find_vma(struct mm *mm, u64 addr)
{
	struct rb_node *n = mm->vmas.node;
	struct vma *best = mm->last_vma;

	if (best && best->start <= addr && addr < best->end)
		return best;
	best = NULL;
	while (n) {
		struct vma *vma = vma_of(n);

		if (addr < vma->end) {
			best = vma;
			if (addr >= vma->start)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (best)
		mm->last_vma = best;
	return best;
}

/* The highest area that begins below addr. */
static struct vma *find_below(struct mm *mm, u64 addr)
{
	struct vma *vma = mm_find_vma(mm, addr);

	if (!vma)
		return vma_of(rb_last(&mm->vmas));
	return vma->start < addr ? vma : vma_prev(vma);
}

static u64 vma_pages(const struct vma *vma)
{
	return (vma->end - vma->start) >> PAGE_SHIFT;
}

void vma_insert(struct mm *mm, struct vma *vma)
{
	struct rb_node **link = &mm->vmas.node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = vma->start < vma_of(parent)->start ? &parent->left : &parent->right;
	}
	rb_insert(&mm->vmas, &vma->rb, parent, link);
	mm->nr_vmas++;
	mm->mapped_pages += vma_pages(vma);
	if (vma->ops && vma->ops->open)
		vma->ops->open(vma);
}

/* Out of the tree; its pages stay counted (they may now be a neighbour's). */
static void tree_unlink(struct vma *vma, struct vma **dead)
{
	struct mm *mm = vma->mm;

	rb_erase(&mm->vmas, &vma->rb);
	WRITE_ONCE(vma->unlinked, true);
	mm->nr_vmas--;
	if (mm->last_vma == vma)
		mm->last_vma = NULL;
	vma->next_dead = *dead;
	*dead = vma;
}

struct vma *vma_copy(struct mm *mm, const struct vma *vma)
{
	struct vma *copy = vma_alloc(mm);

	if (!copy)
		return NULL;
	*copy = *vma;
	copy->mm = mm;
	copy->mapping = NULL;
	list_init(&copy->map_link);
	return copy;
}

struct vma *vma_split(struct vma *vma, u64 addr)
{
	struct vma *upper = vma->mm->nr_vmas < MAX_AREAS ? vma_copy(vma->mm, vma) : NULL;

	if (!upper)
		return NULL;
	upper->start = addr;
	upper->pgoff += (addr - vma->start) >> PAGE_SHIFT;
	vma->end = addr;
	vma->mm->mapped_pages -= vma_pages(upper); /* counted twice in a moment */
	vma_insert(vma->mm, upper);
	return upper;
}

static bool joinable(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->flags == b->flags && a->file == b->file &&
	       a->ops == b->ops && a->priv == b->priv && a->mapping == b->mapping &&
	       !(a->flags & VM_SPECIAL) && (!a->ops || a->pgoff + vma_pages(a) == b->pgoff);
}

static void join(struct vma *a, struct vma *b, struct vma **dead)
{
	a->end = b->end;
	a->has_anon |= b->has_anon;
	tree_unlink(b, dead);
}

struct vma *vma_merge(struct vma *vma, struct vma **dead)
{
	struct vma *prev = vma_prev(vma), *next = vma_next(vma);

	if (prev && joinable(prev, vma)) {
		join(prev, vma, dead);
		vma = prev;
	}
	if (next && joinable(vma, next))
		join(vma, next, dead);
	return vma;
}

int vma_remove_range(struct mm *mm, u64 start, u64 end, struct vma **dead)
{
	struct vma *vma = mm_find_vma(mm, start), *last, *next;
	u64 floor, ceiling;

	if (!vma || vma->start >= end)
		return 0;
	if (vma->start < start) {
		vma = vma_split(vma, start);
		if (!vma)
			return -ENOMEM;
	}
	last = find_below(mm, end);
	if (last->end > end && !vma_split(last, end))
		return -ENOMEM;
	last = vma_prev(vma);
	mm->peak_mapped = max(mm->peak_mapped, mm->mapped_pages);
	floor = last ? last->end : 0;
	/* Area by area: what lies between them has no pages, and the tables there are long to search. */
	do {
		next = vma_next(vma);
		ceiling = next ? next->start : LOWER_HALF_END;
		mm->mapped_pages -= vma_pages(vma);
		tree_unlink(vma, dead);
		pt_zap(mm, vma->start, vma->end, floor, ceiling);
		vma = next;
	} while (vma && vma->start < end);
	/* The hole may serve the next mapping. (0: nobody has looked yet, and all may be free above.) */
	if (mm->layout.scan_from && ceiling > mm->layout.scan_from)
		mm->layout.scan_from = min(ceiling, mm->layout.mmap_base);
	return 0;
}

void mm_unlock(struct mm *mm, struct vma *dead)
{
	mutex_unlock(&mm->lock);
	while (dead) {
		struct vma *vma = dead;

		dead = vma->next_dead;
		if (vma->ops && vma->ops->close)
			vma->ops->close(vma);
		vma_free(vma);
	}
}

/* The highest room for len bytes below *limit, by walking down; *limit is then where it begins. */
static bool walk_down(struct mm *mm, u64 len, u64 *limit)
{
	struct vma *vma = find_below(mm, *limit);

	for (;; vma = vma_prev(vma)) {
		u64 bottom = vma ? vma->end : LOWEST_ADDR;

		if (bottom < *limit && *limit - bottom >= len) {
			*limit -= len;
			return true;
		}
		if (bottom < *limit)
			mm->layout.hole_above = max(mm->layout.hole_above, *limit - bottom);
		if (!vma)
			return false;
		*limit = min(*limit, vma->start);
	}
}

u64 vma_find_hole(struct mm *mm, u64 len, u64 hint, bool low)
{
	struct mm_layout *l = &mm->layout;
	u64 top = low ? LOW_END : USER_END, hole_above = l->hole_above;

	if (hint >= LOWEST_ADDR && hint < top && len <= top - hint) {
		struct vma *vma = mm_find_vma(mm, hint);

		if (!vma || vma->start >= hint + len)
			return hint;
	}
	if (low) {
		bool found = walk_down(mm, len, &top) && top >= LOW_END / 2;

		l->hole_above = hole_above;
		return found ? top : (u64)-ENOMEM;
	}
	if (l->scan_from && l->scan_from <= l->mmap_base && len > l->hole_above &&
	    walk_down(mm, len, &l->scan_from))
		return l->scan_from;
	/* From the top again: what was skipped before may serve. */
	l->scan_from = l->mmap_base;
	l->hole_above = 0;
	return walk_down(mm, len, &l->scan_from) ? l->scan_from : (u64)-ENOMEM;
}
