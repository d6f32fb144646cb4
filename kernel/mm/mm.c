/* SPDX-License-Identifier: MIT */
/*
 * Address spaces: made, copied by fork(2), torn down; and the system calls that change their areas.
 * Each takes mm->lock, changes areas and page tables together, and closes areas after unlocking.
 * See mm/vma.c for the areas, mm/fault.c for what happens inside them.
 */
#include "mm/internal.h"

#include <linux/mman.h>
#include <linux/resource.h>

#define DEFAULT_MMAP_BASE (USER_END - (1UL << 28))

void (*mm_last_user_hook)(struct mm *mm);
static struct kmem_cache *mm_cache;
static u16 kernel_entries[PT_ENTRIES / 2];
static unsigned int nr_kernel_entries;

void mm_init(void)
{
	frame_init();
	slab_init();
	vma_init();
	mm_cache = kmem_cache_create("mm", sizeof(struct mm), true);
	for (unsigned int i = PT_ENTRIES / 2; i < PT_ENTRIES; i++)
		if (kernel_pml4[i])
			kernel_entries[nr_kernel_entries++] = i;
	zero_frame = frame_alloc_zeroed(FRAME_KERNEL, NULL);
	if (!zero_frame)
		panic("no memory at start");
}

/*
 * The kernel's half of a top table: the few entries of kernel_pml4 that lead anywhere, whose number no longer changes;
 * or zeros. So the frame comes from those that are zero, and goes there again.
 */
static void set_kernel_half(pte_t *pml4, bool on)
{
	for (unsigned int i = 0; i < nr_kernel_entries; i++)
		pml4[kernel_entries[i]] = on ? kernel_pml4[kernel_entries[i]] : 0;
}

struct mm *mm_create(struct res_counter *charge)
{
	struct mm *mm = kmem_cache_zalloc(mm_cache);
	struct frame *top;

	if (!mm)
		return NULL;
	top = frame_alloc_charged(FRAME_TABLE, charge, true);
	if (!top) {
		kmem_cache_free(mm_cache, mm);
		return NULL;
	}
	ref_init(&mm->users);
	ref_init(&mm->refs);
	mutex_init(&mm->lock);
	mutex_init(&mm->aio_lock);
	list_init(&mm->notifiers);
	mm->charge = charge;
	mm->pml4 = frame_va(top);
	set_kernel_half(mm->pml4, true);
	mm->space.cr3 = frame_phys(top);
	mm->pt_frames = 1;
	mm->layout.mmap_base = DEFAULT_MMAP_BASE;
	reclaim_add_space(mm);
	return mm;
}

void mm_put(struct mm *mm)
{
	if (!ref_put(&mm->refs))
		return;
	BUG_ON(mm->space.active || mm->space.lazy);
	reclaim_del_space(mm);
	set_kernel_half(mm->pml4, false);
	va_frame(mm->pml4)->state = FRAME_ZEROS;
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
	mm_notify(mm, 0, MM_ENDS);
	if (vma_remove_range(mm, 0, USER_END, &dead) < 0)
		panic("an area past the end of user memory");
	mm_unlock(mm, dead);
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
		if (dst && it.addr >> 21 == prev >> 21)
			dst += (it.addr - prev) >> PAGE_SHIFT;
		else
			dst = pt_create(to->mm, it.addr);
		if (!dst)
			return false;
		prev = it.addr;
		/* LAB 03: begin
		 * *src holds a page of the parent, *dst is the child's empty entry for the same address. Both
		 * shall have the page afterwards, and neither may write to it: if the parent can, its entry
		 * loses PTE_W and gains PTE_SOFT_COW, and *protected says that its CPUs must hear of it
		 * (mm_fork() flushes once for all). The frame (pte_frame(); NULL: the page of zeros, which is
		 * not counted) has one reference more, and to->mm counts it: mm_count(..., 1).
		 * starter: panic("lab 03: copy_pages() is not written yet");
		 */
		struct frame *f = pte_frame(*src);

		if (*src & PTE_W) {
			*src = (*src & ~PTE_W) | PTE_SOFT_COW;
			*protected = true;
		}
		*dst = *src;
		if (f) {
			frame_get(f);
			mm_count(to->mm, f, 1);
		}
		/* LAB 03: end */
	}
	return true;
}

static int copy_area(struct vma *from, struct mm *mm, bool *protected)
{
	struct vma *to = vma_copy(mm, from);

	if (!to)
		return -ENOMEM;
	to->flags &= ~VM_LOCKED;
	vma_insert(mm, to);
	/* What is in the file as it is comes back by faults, if it is wanted at all. */
	if (!from->has_anon || from->flags & VM_WIPEONFORK)
		return 0;
	mm_notify(from->mm, from->start, from->end);
	return copy_pages(from, to, protected) ? 0 : -ENOMEM;
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
	mutex_lock_nested(&mm->lock, LOCK_SECOND);
	mm->layout = old->layout;
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

/* ---- how much there may be ---- */

static bool is_data(u32 flags)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_GROWSDOWN)) == VM_WRITE;
}

void mm_sizes(struct mm *mm, u64 start, u64 end, struct vm_sizes *z)
{
	memset(z, 0, sizeof(*z));
	for (struct vma *v = mm_find_vma(mm, start); v && v->start < end; v = vma_next(v)) {
		u64 n = (min(v->end, end) - max(v->start, start)) >> PAGE_SHIFT;

		z->all += n;
		z->locked += v->flags & VM_LOCKED ? n : 0;
		z->stack += v->flags & VM_GROWSDOWN ? n : 0;
		z->data += is_data(v->flags) ? n : 0;
		if ((v->flags & (VM_EXEC | VM_WRITE | VM_GROWSDOWN)) == VM_EXEC)
			z->code += n;
	}
}

/* RLIMIT_AS and RLIMIT_DATA: may the space have pages with flags, in place of what [at, end) has? */
bool mm_may_expand(struct mm *mm, u32 flags, u64 pages, u64 at, u64 end)
{
	u64 space = thread_rlimit(RLIMIT_AS) >> PAGE_SHIFT;
	u64 data = is_data(flags) ? thread_rlimit(RLIMIT_DATA) >> PAGE_SHIFT : ~0UL;
	struct vm_sizes all, gone;

	if (mm->mapped_pages + pages <= min(space, data))
		return true; /* mostly: there is no limit */
	mm_sizes(mm, 0, USER_END, &all);
	mm_sizes(mm, at, end, &gone);
	return all.all - gone.all + pages <= space && all.data + pages <= data;
}

bool mm_too_much(u64 bytes)
{
	return bytes >> PAGE_SHIFT > frames_total;
}

/* Private memory that is written needs frames one day, unless MAP_NORESERVE says not to think of it. */
static bool overcommits(u32 flags, u64 bytes)
{
	return (flags & (VM_WRITE | VM_SHARED | VM_NORESERVE)) == VM_WRITE && mm_too_much(bytes);
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
	u32 wishes = vma->flags & (VM_LOW | VM_NOREPLACE);

	vma->flags -= wishes;
	if (overcommits(vma->flags, len) ||
	    !mm_may_expand(mm, vma->flags, len >> PAGE_SHIFT, addr, fixed ? addr + len : addr))
		return -ENOMEM;
	if (fixed) {
		struct vma *there = wishes & VM_NOREPLACE ? mm_find_vma(mm, addr) : NULL;
		int err = there && there->start < addr + len
				  ? -EEXIST
				  : vma_remove_range(mm, addr, addr + len, dead);

		if (err)
			return err;
	} else {
		addr = vma_find_hole(mm, len, ALIGN_DOWN(addr, PAGE_SIZE), wishes & VM_LOW);
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
	mm_unlock(mm, dead);
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
	mm_unlock(mm, dead);
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
	vma->flags = VM_READ | VM_WRITE | VM_MAYWRITE | VM_HEAP | mm->new_flags;
	if (!IS_ERR((void *)map_area(mm, vma, old_end, new_end - old_end, true, dead)))
		return 0;
	vma_free(vma);
	return -ENOMEM;
}

u64 mm_brk(struct mm *mm, u64 brk)
{
	struct vma *dead = NULL;
	u64 now;

	mutex_lock(&mm->lock);
	if (brk >= mm->layout.start_brk && brk < USER_END - PAGE_SIZE &&
	    !move_brk(mm, ALIGN_UP(mm->layout.brk, PAGE_SIZE), ALIGN_UP(brk, PAGE_SIZE), &dead))
		mm->layout.brk = brk;
	now = mm->layout.brk;
	mm_unlock(mm, dead);
	return now;
}

/* ---- mprotect(2) ---- */

/* The area [start, end) on its own; it lies within vma. NULL without memory. */
static struct vma *isolate(struct vma *vma, u64 start, u64 end)
{
	if (vma->start < start)
		vma = vma_split(vma, start);
	if (vma && vma->end > end && !vma_split(vma, end))
		return NULL;
	return vma;
}

/* Changes flags of what lies in [start, end), up to the first hole: -ENOMEM then. */
static int change_flags(struct mm *mm, u64 start, u64 end, u32 set, u32 clear, struct vma **dead)
{
	struct vma *vma;

	for (u64 at = start; at < end; at = vma->end) {
		vma = mm_find_vma(mm, at);
		if (!vma || vma->start > at)
			return -ENOMEM;
		if (((vma->flags & ~clear) | set) == vma->flags || vma->flags & VM_SPECIAL)
			continue;
		vma = isolate(vma, at, end);
		if (!vma)
			return -ENOMEM;
		vma->flags = (vma->flags & ~clear) | set;
		vma = vma_merge(vma, dead);
	}
	return 0;
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
		u64 stop, pages;
		u32 flags;

		if (!vma || vma->start > at)
			return -ENOMEM;
		if (rwx & VM_WRITE && !(vma->flags & VM_MAYWRITE))
			return -EACCES;
		stop = min(vma->end, end);
		pages = (stop - at) >> PAGE_SHIFT;
		flags = vma->flags | rwx;
		if (!is_data(vma->flags) && is_data(flags) &&
		    (overcommits(flags, stop - at) || !mm_may_expand(mm, flags, pages, at, stop)))
			return -ENOMEM;
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

int mm_mprotect(struct mm *mm, u64 addr, u64 end, u32 rwx)
{
	struct vma *dead = NULL;
	int err;

	mutex_lock(&mm->lock);
	if (rwx & VM_GROWSDOWN) {
		struct vma *vma = mm_find_vma(mm, addr);

		err = !vma || vma->start >= end ? -ENOMEM : vma->flags & VM_GROWSDOWN ? 0 : -EINVAL;
		if (err) {
			mutex_unlock(&mm->lock);
			return err;
		}
		addr = vma->start;
	}
	mm_notify(mm, addr, end);
	err = mprotect_locked(mm, addr, end, rwx & ~VM_GROWSDOWN, &dead);
	space_flush(&mm->space, addr, end);
	mm_unlock(mm, dead);
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

/*
 * Moves [old, old + old_len) of vma to to, where it is new_len long. keep: what was there stays, empty;
 * else vma is that range exactly, so that taking it out afterwards cannot fail.
 */
static u64 move_area(struct vma *vma, u64 old, u64 old_len, u64 new_len, u64 to, bool keep,
		     struct vma **dead)
{
	struct mm *mm = vma->mm;
	struct vma *new = vma_copy(mm, vma);
	int err;

	if (!new)
		return -ENOMEM;
	new->start = to;
	new->end = to + new_len;
	new->pgoff += (old - vma->start) >> PAGE_SHIFT;
	vma_insert(mm, new);
	err = move_pages(mm, old, to, min(old_len, new_len));
	if (err) {
		vma_remove_range(mm, to, to + new_len, dead);
		return err;
	}
	if (!keep)
		vma_remove_range(mm, old, old + old_len, dead);
	else if (old_len)
		vma->flags &= ~VM_LOCKED;
	vma_merge(new, dead);
	return to;
}

static u64 mremap_locked(struct mm *mm, u64 old, u64 old_len, u64 new_len, int flags, u64 new_addr,
			 struct vma **dead)
{
	bool fixed = flags & MREMAP_FIXED, keep = flags & MREMAP_DONTUNMAP || !old_len;
	struct vma *vma = mm_find_vma(mm, old), *next;
	u64 more;
	int err;

	if (!vma || vma->start > old)
		return -EFAULT;
	if (!old_len && !(vma->flags & VM_SHARED)) /* a second view of shared memory */
		return -EINVAL;
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
	if (!fixed && !keep && new_len == old_len)
		return old;
	more = keep ? new_len : new_len - old_len;
	if (more && (overcommits(vma->flags, new_len) ||
		     !mm_may_expand(mm, vma->flags, more >> PAGE_SHIFT, 0, 0)))
		return -ENOMEM;
	next = vma_next(vma);
	if (!fixed && !keep && vma->end == old + old_len && !bad_range(old, new_len) &&
	    (!next || next->start >= old + new_len)) {
		vma->end = old + new_len;
		mm->mapped_pages += more >> PAGE_SHIFT;
		vma_merge(vma, dead);
		return old;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	if (!fixed)
		new_addr = vma_find_hole(mm, new_len, 0, false);
	if (IS_ERR((void *)new_addr))
		return new_addr;
	if (old_len)
		vma = isolate(vma, old, old + old_len);
	return vma ? move_area(vma, old, old_len, new_len, new_addr, keep, dead) : (u64)-ENOMEM;
}

u64 mm_mremap(struct mm *mm, u64 old, u64 old_len, u64 new_len, int flags, u64 new_addr)
{
	struct vma *dead = NULL;
	u64 r;

	mutex_lock(&mm->lock);
	r = mremap_locked(mm, old, old_len, new_len, flags, new_addr, &dead);
	mm_unlock(mm, dead);
	return r;
}

/* ---- mlock(2) ---- */

int mm_mlock(struct mm *mm, u64 addr, u64 end, bool lock, u64 limit)
{
	struct vma *dead = NULL;
	struct vm_sizes all, here;
	int err = -ENOMEM;

	mutex_lock(&mm->lock);
	mm_sizes(mm, 0, USER_END, &all);
	mm_sizes(mm, addr, end, &here);
	if (!lock || all.locked - here.locked + ((end - addr) >> PAGE_SHIFT) <= limit)
		err = change_flags(mm, addr, end, lock ? VM_LOCKED : 0, VM_LOCKED, &dead);
	mm_unlock(mm, dead);
	return err;
}

void mm_mlockall(struct mm *mm, int flags)
{
	mutex_lock(&mm->lock);
	mm->new_flags = flags & MCL_FUTURE ? VM_LOCKED : 0;
	mm->lock_onfault = flags & MCL_ONFAULT;
	for (struct vma *v = mm_first_vma(mm); v; v = vma_next(v))
		if (!flags)
			v->flags &= ~VM_LOCKED;
		else if (flags & MCL_CURRENT && !(v->flags & VM_SPECIAL))
			v->flags |= VM_LOCKED;
	mutex_unlock(&mm->lock);
}

/* ---- madvise(2) ---- */

static int advise(struct vma *vma, u64 start, u64 end, int advice, struct vma **dead)
{
	bool anon = !vma->ops || !vma->ops->fault;

	switch (advice) {
	case MADV_FREE:
		if (!anon || vma->flags & VM_SHARED)
			return -EINVAL;
		/* fall through */
	case MADV_DONTNEED:
		if (vma->flags & (VM_SPECIAL | VM_LOCKED))
			return -EINVAL;
		pt_zap(vma->mm, start, end, 0, 0);
		return 0;
	case MADV_COLD:
	case MADV_PAGEOUT: /* there is nowhere to page it out to */
		return vma->flags & (VM_SPECIAL | VM_LOCKED) ? -EINVAL : 0;
	case MADV_DONTFORK:
		return change_flags(vma->mm, start, end, VM_DONTFORK, 0, dead);
	case MADV_DOFORK:
		return change_flags(vma->mm, start, end, 0, VM_DONTFORK, dead);
	case MADV_WIPEONFORK:
		if (!anon || vma->flags & VM_SHARED)
			return -EINVAL;
		return change_flags(vma->mm, start, end, VM_WIPEONFORK, 0, dead);
	case MADV_KEEPONFORK:
		return change_flags(vma->mm, start, end, 0, VM_WIPEONFORK, dead);
	case MADV_HUGEPAGE:
		return change_flags(vma->mm, start, end, VM_HUGEPAGE, VM_NOHUGEPAGE, dead);
	case MADV_NOHUGEPAGE:
		return change_flags(vma->mm, start, end, VM_NOHUGEPAGE, VM_HUGEPAGE, dead);
	}
	return 0;
}

int mm_madvise(struct mm *mm, u64 addr, u64 end, int advice)
{
	struct vma *vma, *dead = NULL;
	bool hole = false;
	int err = 0;

	mutex_lock(&mm->lock);
	while (addr < end && !err) {
		u64 stop = end;

		vma = mm_find_vma(mm, addr);
		/* A hole is reported, but what lies behind it is still done (madvise(2)). */
		hole |= !vma || vma->start > addr;
		if (vma && vma->start < end) {
			stop = min(vma->end, end);
			err = advise(vma, max(addr, vma->start), stop, advice, &dead);
		}
		addr = stop;
	}
	mm_unlock(mm, dead);
	return hole && !err ? -ENOMEM : err;
}

void mm_reap(struct mm *mm)
{
	struct vma *vma;

	if (!mutex_trylock(&mm->lock))
		return;
	for (vma = mm_find_vma(mm, 0); vma; vma = mm_find_vma(mm, vma->end))
		if (!(vma->flags & (VM_SPECIAL | VM_SHARED)))
			pt_zap(mm, vma->start, vma->end, 0, 0);
	mutex_unlock(&mm->lock);
}

/* ---- asked by the layers above ---- */

void vma_resident(struct vma *vma, struct vm_resident *r)
{
	struct pt_iter it = PT_ITER(vma->mm, vma->start, vma->end);
	u64 before = r->pss;
	pte_t *pte;

	while ((pte = pt_next(&it))) {
		struct frame *f = pte_frame(*pte);
		bool dirty;
		u64 maps;

		if (!f)
			continue;
		maps = ref_read(&f->refs); /* less one for each tree of pages that it is in */
		if (f->kind == FRAME_CACHE)
			maps -= 1 + (f->mapping && f->mapping != vma->mapping);
		dirty = f->kind == FRAME_ANON || f->dirty || *pte & PTE_D;
		r->rss++;
		r->pss += PAGE_SIZE / max(maps, 1UL);
		r->accessed += !!(*pte & PTE_A);
		r->anon += f->kind == FRAME_ANON;
		++*(maps > 1 ? dirty ? &r->shared_dirty : &r->shared_clean
		    : dirty  ? &r->private_dirty
			     : &r->private_clean);
	}
	if (vma->flags & VM_LOCKED)
		r->locked += r->pss - before;
}

int mm_mincore(struct mm *mm, u64 addr, u64 pages, u8 *vec)
{
	const u64 end = addr + pages * PAGE_SIZE;
	struct pt_iter it = PT_ITER(mm, addr, end);
	u64 at = addr;

	memset(vec, 0, pages);
	mutex_lock(&mm->lock);
	for (struct vma *v = mm_find_vma(mm, addr); v && v->start <= at && at < end;
	     v = vma_next(v)) {
		u64 from = at;

		at = min(v->end, end);
		if (!v->mapping)
			continue;
		spin_lock(&v->mapping->lock);
		for (u64 a = from; a < at; a += PAGE_SIZE)
			vec[(a - addr) >> PAGE_SHIFT] =
				radix_get(&v->mapping->pages,
					  v->pgoff + ((a - v->start) >> PAGE_SHIFT)) != NULL;
		spin_unlock(&v->mapping->lock);
	}
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
	bool mine = mutex_is_mine(&mm->lock); /* when the last mapping of n's file goes */

	if (!mine)
		mutex_lock(&mm->lock);
	list_del(&n->link);
	if (!mine)
		mutex_unlock(&mm->lock);
}
