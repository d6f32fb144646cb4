/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: made, copied by fork(2), torn down; and the system calls that change their areas.
 * Each takes mm->lock, changes areas and page tables together, and closes areas after unlocking.
 * See mm/vma.c for the areas, mm/fault.c for what happens inside them.
 */
#include "mm/internal.h"

#include <linux/mman.h>

#define DEFAULT_STACK_LIMIT (8UL << 20)
#define DEFAULT_MMAP_BASE (USER_END - (1UL << 28))

void (*mm_last_user_hook)(struct mm *mm);
static struct kmem_cache *mm_cache;

void mm_init(void)
{
	frame_init();
	slab_init();
	vma_init();
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), true);
	zero_frame = frame_alloc_zeroed(FRAME_KERNEL, NULL);
	if (!zero_frame)
		panic("no memory at start");
}

struct mm *mm_create(struct res_counter *charge)
{
	struct mm *mm = kmem_cache_zalloc(mm_cache);
	struct frame *top;

	if (!mm)
		return NULL;
	top = frame_alloc_charged(FRAME_KERNEL, charge, true);
	if (!top) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	ref_init(&mm->users);
	ref_init(&mm->refs);
	mutex_init(&mm->lock);
	list_init(&mm->notifiers);
	mm->charge = charge;
	mm->pml4 = frame_va(top);
	memcpy(mm->pml4 + PT_ENTRIES / 2, kernel_pml4 + PT_ENTRIES / 2, PAGE_SIZE / 2);
	mm->space.cr3 = frame_phys(top);
	mm->pt_frames = 1;
	mm->mmap_base = DEFAULT_MMAP_BASE;
	mm->stack_limit = DEFAULT_STACK_LIMIT;
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->refs))
		return;
	BUG_ON(mm->space.active || mm->space.lazy);
	frame_put(va_frame(mm->pml4));
	kmem_cache_free(mm_cache, mm);
}

void mm_put_user(struct mm *mm)
{
	struct vma *dead = NULL;

	if (!ref_put(&mm->users))
		return;
	if (mm_last_user_hook)
		mm_last_user_hook(mm);
	BUG_ON(mm->space.active);
	space_drop_lazy(&mm->space);
	mutex_lock(&mm->lock);
	if (vma_remove_range(mm, 0, USER_END, &dead) < 0)
		panic("an area past the end of user memory");
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	mm_put(mm);
}

/* ---- fork ---- */

/* Shares what the parent's area holds with the child's, read-only: *protected then. False without
 * memory. */
static bool copy_pages(struct vma *from, struct vma *to, bool *protected)
{
	struct pt_iter it = PT_ITER(from->mm, from->start, from->end);
	pte_t *src, *dst = NULL;
	u64 prev = 0;

	while ((src = pt_next(&it))) {
		struct frame *f;

		if (dst && it.addr >> 21 == prev >> 21)
			dst += (it.addr - prev) >> PAGE_SHIFT;
		else
			dst = pt_create(to->mm, it.addr);
		if (!dst)
			return false;
		prev = it.addr;
		if (*src & PTE_W) {
			*src = (*src & ~PTE_W) | PTE_SOFT_COW;
			*protected = true;
		}
		*dst = *src;
		f = pte_frame(*src);
		if (f) {
			frame_get(f);
			mm_count(to->mm, f, 1);
		}
	}
	return true;
}

static int copy_area(struct vma *from, struct mm *mm, bool *protected)
{
	struct vma *to = vma_copy(mm, from);

	if (!to)
		return -ENOMEM;
	vma_insert(mm, to);
	/* What is in the file as it is comes back by faults, if it is wanted at all. */
	if (!from->has_anon)
		return 0;
	mm_notify(from->mm, from->start, from->end);
	return copy_pages(from, to, protected) ? 0 : -ENOMEM;
}

static void copy_layout(struct mm *to, const struct mm *from)
{
	to->start_code = from->start_code;
	to->end_code = from->end_code;
	to->start_data = from->start_data;
	to->end_data = from->end_data;
	to->start_brk = from->start_brk;
	to->brk = from->brk;
	to->start_stack = from->start_stack;
	to->arg_start = from->arg_start;
	to->arg_end = from->arg_end;
	to->env_start = from->env_start;
	to->env_end = from->env_end;
	to->mmap_base = from->mmap_base;
	to->scan_from = from->scan_from;
	to->hole_above = from->hole_above;
	to->stack_limit = from->stack_limit;
	memcpy(to->auxv, from->auxv, sizeof(to->auxv));
}

struct mm *mm_fork(struct mm *old, struct res_counter *charge)
{
	struct mm *mm = mm_create(charge);
	bool protected = false;
	struct vma *vma;
	int err = 0;

	if (!mm)
		return ERR_PTR(-ENOMEM);
	mutex_lock(&old->lock);
	/* Its areas are found by mapping_unmap() as soon as they are attached. */
	mutex_lock(&mm->lock);
	copy_layout(mm, old);
	for (vma = mm_first_vma(old); vma && !err; vma = vma_next(vma))
		if (!(vma->flags & VM_DONTFORK))
			err = copy_area(vma, mm, &protected);
	if (protected)
		space_flush(&old->space, 0, USER_END);
	mutex_unlock(&mm->lock);
	mutex_unlock(&old->lock);
	if (err) {
		mm_put_user(mm);
		return ERR_PTR(err);
	}
	return mm;
}

/* ---- mmap(2), munmap(2), brk(2) ---- */

static bool bad_range(u64 addr, u64 len)
{
	return addr & ~PAGE_MASK || addr >= USER_END || len > USER_END - addr;
}

/* Puts the new vma at addr or where there is room: the address, or an error and vma is the caller's. */
static u64 map_area(struct mm *mm, struct vma *vma, u64 addr, u64 len, bool fixed,
		    struct vma **dead)
{
	if (fixed) {
		int err = vma_remove_range(mm, addr, addr + len, dead);

		if (err)
			return err;
	} else {
		addr = vma_find_hole(mm, len, ALIGN_DOWN(addr, PAGE_SIZE));
		if (IS_ERR((void *)addr))
			return addr;
	}
	vma->start = addr;
	vma->end = addr + len;
	vma_insert(mm, vma);
	vma_merge(vma, dead);
	return addr;
}

u64 mm_mmap(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed, struct file *file,
	    u64 pgoff, const struct vm_ops *ops, void *priv)
{
	struct vma *vma, *dead = NULL;

	if (!len || len > USER_END)
		return len ? -ENOMEM : -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	if (fixed && bad_range(addr, len))
		return addr & ~PAGE_MASK ? -EINVAL : -ENOMEM;
	vma = vma_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->flags = vm_flags;
	vma->pgoff = pgoff;
	vma->file = file;
	vma->ops = ops;
	vma->priv = priv;
	mutex_lock(&mm->lock);
	addr = map_area(mm, vma, addr, len, fixed, &dead);
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	if (IS_ERR((void *)addr))
		vma_free(vma);
	return addr;
}

int mm_munmap(struct mm *mm, u64 addr, u64 len)
{
	struct vma *dead = NULL;
	int err;

	if (!len || bad_range(addr, len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = vma_remove_range(mm, addr, addr + ALIGN_UP(len, PAGE_SIZE), &dead);
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	return err;
}

/* Makes the heap end at new_end instead of old_end, page-aligned both. */
static int move_brk(struct mm *mm, u64 old_end, u64 new_end, struct vma **dead)
{
	struct vma *vma;

	if (new_end < old_end)
		return vma_remove_range(mm, new_end, old_end, dead);
	if (new_end == old_end)
		return 0;
	vma = mm_find_vma(mm, old_end);
	if (vma && vma->start < new_end + PAGE_SIZE)
		return -ENOMEM;
	vma = vma_alloc(mm);
	if (!vma)
		return -ENOMEM;
	vma->flags = VM_READ | VM_WRITE | VM_MAYWRITE | VM_HEAP;
	map_area(mm, vma, old_end, new_end - old_end, true, dead);
	return 0;
}

u64 mm_brk(struct mm *mm, u64 brk)
{
	struct vma *dead = NULL;
	u64 now;

	mutex_lock(&mm->lock);
	if (brk >= mm->start_brk && brk < USER_END - PAGE_SIZE &&
	    !move_brk(mm, ALIGN_UP(mm->brk, PAGE_SIZE), ALIGN_UP(brk, PAGE_SIZE), &dead))
		mm->brk = brk;
	now = mm->brk;
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	return now;
}

/* ---- mprotect(2) ---- */

/* What mprotect(2) and madvise(2) ask of a range: the end of its last page in *end. 1: nothing to do. */
static int check_range(u64 addr, u64 len, u64 *end)
{
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 1;
	*end = addr + ALIGN_UP(len, PAGE_SIZE);
	return bad_range(addr, len) ? -ENOMEM : 0;
}

/* The area [start, end) on its own; it lies within vma. NULL without memory. */
static struct vma *isolate(struct vma *vma, u64 start, u64 end)
{
	if (vma->start < start)
		vma = vma_split(vma, start);
	if (vma && vma->end > end && !vma_split(vma, end))
		return NULL;
	return vma;
}

/* Gives vma, whole, the access rwx. */
static void protect(struct vma *vma, u32 rwx)
{
	struct pt_iter it = PT_ITER(vma->mm, vma->start, vma->end);
	pte_t *pte;

	vma->flags = (vma->flags & ~(VM_READ | VM_WRITE | VM_EXEC)) | rwx;
	while ((pte = pt_next(&it)))
		*pte = pte_protect(vma, *pte);
}

static int mprotect_locked(struct mm *mm, u64 addr, u64 end, u32 rwx, struct vma **dead)
{
	struct vma *vma = mm_find_vma(mm, addr);
	u64 at = addr;

	while (at < end) {
		if (!vma || vma->start > at)
			return -ENOMEM;
		if (rwx & VM_WRITE && !(vma->flags & VM_MAYWRITE))
			return -EACCES;
		if ((vma->flags & (VM_READ | VM_WRITE | VM_EXEC)) != rwx) {
			vma = isolate(vma, at, end);
			if (!vma)
				return -ENOMEM;
			protect(vma, rwx);
			vma = vma_merge(vma, dead);
		}
		at = vma->end;
		vma = vma_next(vma);
	}
	return 0;
}

int mm_mprotect(struct mm *mm, u64 addr, u64 len, u32 rwx)
{
	struct vma *dead = NULL;
	u64 end;
	int err = check_range(addr, len, &end);

	if (err)
		return min(err, 0);
	mutex_lock(&mm->lock);
	mm_notify(mm, addr, end);
	err = mprotect_locked(mm, addr, end, rwx, &dead);
	space_flush(&mm->space, addr, end);
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	return err;
}

/* ---- mremap(2) ---- */

/* Moves what [from, from + len) holds to to, where tables are made first: it cannot stop halfway. */
static int move_pages(struct mm *mm, u64 from, u64 to, u64 len)
{
	struct pt_iter it = PT_ITER(mm, from, from + len);
	pte_t *pte;

	while (pt_next(&it))
		if (!pt_create(mm, it.addr - from + to))
			return -ENOMEM;
	mm_notify(mm, from, from + len);
	it = (struct pt_iter)PT_ITER(mm, from, from + len);
	while ((pte = pt_next(&it))) {
		*pt_find(mm, it.addr - from + to) = *pte;
		*pte = 0;
	}
	space_flush(&mm->space, from, from + len);
	return 0;
}

/* vma is [old, old + old_len) exactly, so that taking it out afterwards cannot fail. */
static u64 move_area(struct vma *vma, u64 new_len, u64 to, struct vma **dead)
{
	u64 old = vma->start, old_len = vma->end - old;
	struct mm *mm = vma->mm;
	struct vma *new = vma_copy(mm, vma);
	int err;

	if (!new)
		return -ENOMEM;
	new->start = to;
	new->end = to + new_len;
	vma_insert(mm, new);
	err = move_pages(mm, old, to, min(old_len, new_len));
	if (err) {
		vma_remove_range(mm, to, to + new_len, dead);
		return err;
	}
	vma_remove_range(mm, old, old + old_len, dead);
	vma_merge(new, dead);
	return to;
}

static u64 mremap_locked(struct mm *mm, u64 old, u64 old_len, u64 new_len, int flags, u64 new_addr,
			 struct vma **dead)
{
	bool fixed = flags & MREMAP_FIXED;
	struct vma *vma, *next;
	int err;

	if (fixed) {
		err = vma_remove_range(mm, new_addr, new_addr + new_len, dead);
		if (err)
			return err;
	}
	if (new_len < old_len) {
		err = vma_remove_range(mm, old + new_len, old + old_len, dead);
		if (err)
			return err;
		old_len = new_len;
	}
	vma = mm_find_vma(mm, old);
	if (!vma || vma->start > old || vma->end < old + old_len)
		return -EFAULT;
	if (!fixed && new_len == old_len)
		return old;
	next = vma_next(vma);
	if (!fixed && vma->end == old + old_len && !bad_range(old, new_len) &&
	    (!next || next->start >= old + new_len)) {
		vma->end = old + new_len;
		mm->mapped_pages += (new_len - old_len) >> PAGE_SHIFT;
		vma_merge(vma, dead);
		return old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (!fixed)
		new_addr = vma_find_hole(mm, new_len, 0);
	if (IS_ERR((void *)new_addr))
		return new_addr;
	vma = isolate(vma, old, old + old_len);
	return vma ? move_area(vma, new_len, new_addr, dead) : (u64)-ENOMEM;
}

u64 mm_mremap(struct mm *mm, u64 old, u64 old_len, u64 new_len, int flags, u64 new_addr)
{
	struct vma *dead = NULL;
	u64 r;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED))
		return -EINVAL;
	old_len = ALIGN_UP(old_len, PAGE_SIZE);
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if (bad_range(old, old_len) || !old_len || !new_len || new_len > USER_END)
		return -EINVAL;
	if (flags & MREMAP_FIXED && (!(flags & MREMAP_MAYMOVE) || bad_range(new_addr, new_len) ||
				     (new_addr < old + old_len && old < new_addr + new_len)))
		return -EINVAL;
	mutex_lock(&mm->lock);
	r = mremap_locked(mm, old, old_len, new_len, flags, new_addr, &dead);
	mutex_unlock(&mm->lock);
	vma_close_dead(dead);
	return r;
}

/* ---- madvise(2) ---- */

static int advise(struct vma *vma, u64 start, u64 end, int advice)
{
	bool anon = !vma->ops || !vma->ops->fault;

	switch (advice) {
	case MADV_FREE:
		if (!anon || vma->flags & VM_SHARED)
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED:
		if (vma->flags & VM_SPECIAL)
			return -EINVAL;
		pt_zap(vma->mm, start, end, 0, 0);
		return 0;
	case MADV_DONTFORK:
	case MADV_DOFORK:
		vma = isolate(vma, start, end);
		if (!vma)
			return -ENOMEM;
		vma->flags = advice == MADV_DONTFORK ? vma->flags | VM_DONTFORK
						     : vma->flags & ~VM_DONTFORK;
		return 0;
	}
	return 0;
}

static bool known_advice(int advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_WILLNEED:
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
		return true;
	}
	return false;
}

int mm_madvise(struct mm *mm, u64 addr, u64 len, int advice)
{
	struct vma *vma;
	u64 end;
	int err = known_advice(advice) ? check_range(addr, len, &end) : -EINVAL;

	if (err)
		return min(err, 0);
	mutex_lock(&mm->lock);
	while (addr < end && !err) {
		u64 stop;

		vma = mm_find_vma(mm, addr);
		if (!vma || vma->start >= end) {
			err = -ENOMEM;
			break;
		}
		stop = min(vma->end, end);
		err = advise(vma, max(addr, vma->start), stop, advice);
		/* A hole is reported, but what lies behind it is still done (madvise(2)). */
		if (!err && vma->start > addr)
			err = -ENOMEM;
		addr = stop;
	}
	mutex_unlock(&mm->lock);
	return err;
}

/* ---- asked by the layers above ---- */

void vma_count(struct vma *vma, u64 *present, u64 *anon, u64 *shared)
{
	struct pt_iter it = PT_ITER(vma->mm, vma->start, vma->end);
	pte_t *pte;

	*present = *anon = *shared = 0;
	while ((pte = pt_next(&it))) {
		struct frame *f = pte_frame(*pte);

		if (!f)
			continue;
		(*present)++;
		*anon += f->kind == FRAME_ANON;
		*shared += ref_read(&f->refs) > (f->kind == FRAME_CACHE ? 2 : 1);
	}
}

int mm_mincore(struct mm *mm, u64 addr, u64 pages, u8 *vec)
{
	const u64 end = addr + pages * PAGE_SIZE;
	struct pt_iter it = PT_ITER(mm, addr, end);
	u64 at = addr;

	memset(vec, 0, pages);
	mutex_lock(&mm->lock);
	for (struct vma *v = mm_find_vma(mm, addr); v && v->start <= at && at < end;
	     v = vma_next(v))
		at = v->end;
	while (pt_next(&it))
		vec[(it.addr - addr) >> PAGE_SHIFT] = 1;
	mutex_unlock(&mm->lock);
	return at < end ? -ENOMEM : 0;
}

void mm_notifier_add(struct mm *mm, struct mm_notifier *n)
{
	mutex_lock(&mm->lock);
	list_add_tail(&n->link, &mm->notifiers);
	mutex_unlock(&mm->lock);
}

void mm_notifier_del(struct mm *mm, struct mm_notifier *n)
{
	mutex_lock(&mm->lock);
	list_del(&n->link);
	mutex_unlock(&mm->lock);
}
