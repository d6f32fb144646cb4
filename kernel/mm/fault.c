/* SPDX-License-Identifier: MIT */
/*
 * Page faults: the place where memory is really given. mm->lock is held throughout, so an entry that
 * was looked at stays as it was while the page is read or a frame waited for.
 *
 *	anonymous, read:	the zero page, until the first write
 *	anonymous, write:	a zeroed frame; with MADV_HUGEPAGE 512 in a row, where the 2 MiB are empty
 *	file, read:		the very frame of the page cache, and its neighbours that are there
 *	file, private write:	a copy
 *	file, shared write:	the frame of the page cache, writable
 *	write to a private page that is present: the frame itself if nobody else has it, else a copy
 */
#include "mm/internal.h"

#include <asm/resource.h>

#define AROUND (64 * PAGE_SIZE) /* a read fault maps what it can of this many bytes, aligned */
/* The stack keeps this far from what lies below, as on Linux. */
#define STACK_GUARD (256 * PAGE_SIZE)

static bool is_file(const struct vma *vma)
{
	return vma->ops && vma->ops->fault;
}

static u64 page_of(const struct vma *vma, u64 addr)
{
	return vma->pgoff + ((addr - vma->start) >> PAGE_SHIFT);
}

static int grow_stack(struct vma *vma, u64 addr)
{
	/* LAB 03: begin
	 * addr lies below vma, and nothing lies between. Only an area with VM_GROWSDOWN grows, down to the
	 * page of addr (`start`), and only if all of these hold:
	 *  - it is not longer than thread_rlimit(RLIMIT_STACK) bytes then;
	 *  - STACK_GUARD bytes stay free below: down to the area `below` (NULL: there is none), and
	 *    down to address 0;
	 *  - mm_may_expand(mm, flags, pages, 0, 0) agrees to `pages` more.
	 * Otherwise -EFAULT. An area that grows has a new start, `pages` less of pgoff (so that the offset
	 * of each page stays what it was), and mm->mapped_pages counts it. 0.
	 * starter: pr_err("lab 03: grow_stack() is not written yet");
	 * starter: return -EFAULT;
	 */
	struct vma *below = vma_prev(vma);
	u64 start = addr & PAGE_MASK, pages = (vma->start - start) >> PAGE_SHIFT;

	if (!(vma->flags & VM_GROWSDOWN) || vma->end - start > thread_rlimit(RLIMIT_STACK) ||
	    start < STACK_GUARD || (below && below->end > start - STACK_GUARD) ||
	    !mm_may_expand(vma->mm, vma->flags, pages, 0, 0))
		return -EFAULT;
	vma->start = start;
	vma->pgoff -= pages;
	vma->mm->mapped_pages += pages;
	return 0;
	/* LAB 03: end */
}

/* Puts f (reference moves) at pte, which held nothing. */
static void map_frame(struct vma *vma, pte_t *pte, struct frame *f, bool writable)
{
	*pte = pte_make(vma, f, writable);
	if (f->kind == FRAME_ANON)
		vma->has_anon = true;
	mm_count(vma->mm, f, 1);
}

static int anon_fault(struct vma *vma, pte_t *pte, u32 how)
{
	/* LAB 03: begin
	 * The page at pte was never touched (*pte is 0). A read shows zeros and takes no frame: the entry is
	 * that of zero_frame, not writable, with PTE_SOFT_SPECIAL, so that nobody counts it. A write gets
	 * a frame of its own, zeroed and paid for: frame_alloc_charged(FRAME_ANON, vma->mm->charge, true),
	 * put in by map_frame(). 0; -ENOMEM without memory, with *pte as it was.
	 * starter: panic("lab 03: anon_fault() is not written yet");
	 */
	struct frame *f;

	if (!(how & FAULT_WRITE)) {
		*pte = pte_make(vma, zero_frame, false) | PTE_SOFT_SPECIAL;
		return 0;
	}
	f = frame_alloc_charged(FRAME_ANON, vma->mm->charge, true);
	if (!f)
		return -ENOMEM;
	map_frame(vma, pte, f, true);
	return 0;
	/* LAB 03: end */
}

/* The first write to an empty piece of 2 MiB that lies in vma whole: frames in a row for all of it, if there are. */
static bool row_fault(struct vma *vma, pte_t *pte, u64 addr, u32 how)
{
	u64 start = ALIGN_DOWN(addr, LARGE_PAGE_SIZE), end = start + LARGE_PAGE_SIZE;
	struct pt_iter it = PT_ITER(vma->mm, start, end);
	struct frame *f;

	if (!(vma->flags & VM_HUGEPAGE) || !(how & FAULT_WRITE) || !(vma->flags & VM_WRITE) ||
	    start < vma->start || end > vma->end || pt_next(&it) || frames_low())
		return false;
	f = frame_alloc_row(LARGE_PAGE_ORDER, FRAME_ANON, vma->mm->charge);
	if (!f)
		return false;
	pte -= pt_index(addr, 0);
	for (u64 i = 0; i < PT_ENTRIES; i++)
		map_frame(vma, pte + i, f + i, true);
	return true;
}

/* Maps, for reading, the page at addr and those beside it that the file already has in memory. */
static void map_around(struct vma *vma, pte_t *pte, u64 addr)
{
	struct mapping *m = vma->mapping;
	u64 a = max(vma->start, addr & ~(AROUND - 1));
	u64 end = min(vma->end, (addr | (AROUND - 1)) + 1);
	pte_t bits = pte_make(vma, frames, false); /* the first frame's address is 0 */
	unsigned int n, mapped = 0;
	struct frame *f = NULL;

	pte -= ((addr & PAGE_MASK) - a) >> PAGE_SHIFT;
	spin_lock(&m->lock);
	for (; a < end; a += n * PAGE_SIZE, pte += n) {
		struct frame **slots = (void *)radix_slots(&m->pages, page_of(vma, a), &n);

		n = min(n, (unsigned int)((end - a) >> PAGE_SHIFT));
		for (unsigned int i = 0; slots && i < n; i++) {
			if (pte[i] || !slots[i] || READ_ONCE(slots[i]->state) & FRAME_BUSY)
				continue;
			f = slots[i];
			frame_get(f);
			pte[i] = bits | frame_phys(f);
			mapped++;
		}
	}
	spin_unlock(&m->lock);
	if (f)
		mm_count(vma->mm, f, mapped);
}

static struct frame *copy_of(struct mm *mm, struct frame *f)
{
	struct frame *copy = frame_alloc_charged(FRAME_ANON, mm->charge, !f);

	if (copy && f)
		copy_page(frame_va(copy), frame_va(f));
	return copy;
}

/* A write to a private page that is still the file's (f, a reference that moves): it gets a copy. */
static int private_fault(struct vma *vma, pte_t *pte, struct frame *f)
{
	/* LAB 03: begin
	 * f is in the page cache: every process that has the file sees it, and it is not ours to write to.
	 * Map, writable, a copy_of() it instead, and give the reference to f back: in every case.
	 * 0; -ENOMEM.
	 * starter: (void)copy_of;
	 * starter: panic("lab 03: private_fault() is not written yet");
	 */
	struct frame *copy = copy_of(vma->mm, f);

	frame_put(f);
	if (!copy)
		return -ENOMEM;
	map_frame(vma, pte, copy, true);
	return 0;
	/* LAB 03: end */
}

static int file_fault(struct vma *vma, pte_t *pte, u64 addr, u32 how)
{
	bool write = how & FAULT_WRITE, shared = vma->flags & VM_SHARED;
	struct frame *f = NULL;

	if (vma->mapping && !write) {
		map_around(vma, pte, addr);
		if (*pte)
			return 0;
	} else if (vma->mapping && !shared) {
		f = mapping_find(vma->mapping, page_of(vma, addr));
	}
	if (!f)
		f = vma->ops->fault(vma, page_of(vma, addr), write && shared);
	if (IS_ERR(f))
		return PTR_ERR(f);
	if (vma->flags & VM_SPECIAL) {
		*pte = pte_make(vma, f, vma->flags & VM_WRITE) | PTE_SOFT_SPECIAL;
		frame_put(f);
		return 0;
	}
	if (write && !shared)
		return private_fault(vma, pte, f);
	if (write)
		f->dirty = 1;
	map_frame(vma, pte, f, write);
	return 0;
}

/* Puts f (reference moves) at pte in place of old, writable. */
static void replace(struct vma *vma, pte_t *pte, u64 addr, struct frame *old, struct frame *f)
{
	struct mm *mm = vma->mm;

	addr &= PAGE_MASK;
	mm_notify(mm, addr, addr + PAGE_SIZE);
	if (old)
		mm_count(mm, old, -1);
	map_frame(vma, pte, f, true);
	/* Other CPUs must not go on reading the old page. */
	space_flush(&mm->space, addr, addr + PAGE_SIZE);
	if (old)
		frame_put(old);
}

/* A write to a private page that is present and may be shared (old; NULL: the page of zeros). */
static int cow_fault(struct vma *vma, pte_t *pte, u64 addr, struct frame *old)
{
	/* LAB 03: begin
	 * Who else can have the frame? One that is not FRAME_ANON is also a file's; one with more than one
	 * reference (ref_read(&old->refs)) is also another process's; the page of zeros is everybody's.
	 * Then the writer gets a copy (copy_of() makes zeros of NULL) by replace(), or -ENOMEM.
	 * If nobody else has it, copying would be waste: the entry loses PTE_SOFT_COW and gains PTE_W and
	 * PTE_D. But not in an area without VM_WRITE: this is a debugger's write, which needs a copy of
	 * its own and no more, so that the program still cannot write. 0.
	 * Must other CPUs forget the entry when it gains a right? When it gets another frame?
	 * starter: panic("lab 03: cow_fault() is not written yet");
	 */
	struct frame *f;

	if (!old || old->kind != FRAME_ANON || ref_read(&old->refs) != 1) {
		f = copy_of(vma->mm, old);
		if (!f)
			return -ENOMEM;
		replace(vma, pte, addr, old, f);
	} else if (vma->flags & VM_WRITE) {
		/* More rights: a CPU that remembers less faults again and looks again (SDM 3A 4.10.4.3). */
		*pte = (*pte & ~PTE_SOFT_COW) | PTE_W | PTE_D;
	}
	return 0;
	/* LAB 03: end */
}

/* A write to a page that is present and read-only, in an area that may be written. */
static int write_fault(struct vma *vma, pte_t *pte, u64 addr)
{
	struct frame *old = pte_frame(*pte), *f;

	if (!(vma->flags & VM_SHARED))
		return cow_fault(vma, pte, addr, old);
	f = vma->ops->fault(vma, page_of(vma, addr), true);
	if (IS_ERR(f))
		return PTR_ERR(f);
	f->dirty = 1;
	if (f != old) {
		replace(vma, pte, addr, old, f);
		return 0;
	}
	frame_put(f);
	*pte |= PTE_W | PTE_D; /* no flush: see cow_fault() */
	return 0;
}

static bool allowed(const struct vma *vma, u32 how)
{
	u32 may_copy = vma->flags & (VM_SHARED | VM_MAYWRITE);

	if (how & FAULT_FORCE && (!(how & FAULT_WRITE) || may_copy == VM_MAYWRITE))
		return true;
	if (how & FAULT_WRITE)
		return vma->flags & VM_WRITE;
	if (how & FAULT_EXEC)
		return vma->flags & VM_EXEC;
	return vma->flags & (VM_READ | VM_WRITE | VM_EXEC); /* x86 reads what it may write or run */
}

int mm_fault_locked(struct mm *mm, u64 addr, u32 how)
{
	struct vma *vma;
	pte_t *pte;

	if (addr >= USER_END)
		return -EFAULT;
	mm->fault_addr = addr & PAGE_MASK;
	vma = mm_find_vma(mm, addr);
	if (!vma || (addr < vma->start && grow_stack(vma, addr) < 0) || !allowed(vma, how))
		return -EFAULT;
	pte = pt_create(mm, addr);
	if (!pte)
		return -ENOMEM;
	if (!(*pte & PTE_HELD) && is_file(vma))
		return file_fault(vma, pte, addr, how);
	if (!(*pte & PTE_HELD))
		return row_fault(vma, pte, addr, how) ? 0 : anon_fault(vma, pte, how);
	if (how & FAULT_WRITE && !(*pte & PTE_W))
		return write_fault(vma, pte, addr);
	/* Another thread was faster, or this CPU remembers an older entry. */
	tlb_flush_page(addr);
	return 0;
}

int mm_fault(struct mm *mm, u64 addr, u64 pf_error)
{
	int err;

	if (pf_error & PF_RSVD)
		panic("reserved bit in the page tables, address 0x%lx", addr);
	mutex_lock(&mm->lock);
	err = mm_fault_locked(mm, addr,
			      (pf_error & PF_WRITE ? FAULT_WRITE : 0) |
				      (pf_error & PF_INSTR ? FAULT_EXEC : 0));
	mutex_unlock(&mm->lock);
	current_thread()->minor_faults += !err; /* what a file has is in memory: none is major */
	return err;
}

/* A reference to the frame behind addr, faulted in as how says. */
static struct frame *get_frame(struct mm *mm, u64 addr, u32 how)
{
	u64 held = how & FAULT_FORCE ? PTE_HELD : PTE_P;
	bool write = how & FAULT_WRITE;
	struct frame *f = NULL;
	int err = 0;

	if (addr >= USER_END)
		return ERR_PTR(-EFAULT);
	mutex_lock(&mm->lock);
	while (!f && !err) {
		pte_t *p = pt_find(mm, addr);
		pte_t pte = p ? *p : 0;

		if (!(pte & held) || (write && !(pte & PTE_W))) {
			err = mm_fault_locked(mm, addr, how);
			/* A forced write has its own copy now, in an entry that stays read-only. */
			write = write && !(how & FAULT_FORCE);
			continue;
		}
		if ((pte & PTE_ADDR) >> PAGE_SHIFT >= nr_frames)
			err = -EFAULT; /* device memory has no frame */
		else
			f = phys_frame(pte & PTE_ADDR);
	}
	if (f)
		frame_get(f);
	mutex_unlock(&mm->lock);
	return f ? f : ERR_PTR(err);
}

struct frame *mm_get_frame(struct mm *mm, u64 addr, bool write)
{
	return get_frame(mm, addr, write ? FAULT_WRITE : 0);
}

u64 mm_present_frames(struct mm *mm, u64 addr, unsigned int n, struct frame **frames)
{
	u64 writable = 0;
	pte_t *p = NULL;

	MUTEX_GUARD(&mm->lock);
	for (unsigned int i = 0; i < n; i++, addr += PAGE_SIZE) {
		struct frame *f = NULL;

		if (p && pt_index(addr, 0))
			p++;
		else
			p = addr < USER_END ? pt_find(mm, addr) : NULL;
		if (p && (*p & PTE_P))
			f = pte_frame(*p); /* NULL for the page of zeros and device memory */
		if (f) {
			writable |= *p & PTE_W ? BIT(i) : 0;
			frame_get(f);
		}
		frames[i] = f;
	}
	return writable;
}

struct frame *mm_find_block(struct mm *mm, u64 addr)
{
	const u64 flags = PTE_P | PTE_W | PTE_SOFT_SPECIAL;
	const pte_t *pte;
	u64 first;

	MUTEX_GUARD(&mm->lock);
	pte = addr & (LARGE_PAGE_SIZE - 1) ? NULL : pt_find(mm, addr);
	first = pte ? *pte & PTE_ADDR : 0;
	for (u64 i = 0; i < PT_ENTRIES; i++)
		if (!pte || (first & (LARGE_PAGE_SIZE - 1)) ||
		    (pte[i] & (PTE_ADDR | flags)) != ((first + i * PAGE_SIZE) | PTE_P | PTE_W))
			return NULL;
	return phys_frame(first);
}

static ssize_t access_frames(struct mm *mm, u64 addr, void *buf, size_t n, u32 how)
{
	bool write = how & FAULT_WRITE;
	size_t done = 0;

	while (done < n) {
		u64 a = addr + done, off = a & ~PAGE_MASK;
		size_t len = min(n - done, PAGE_SIZE - off);
		struct frame *f = get_frame(mm, a, how);
		char *at;

		if (IS_ERR(f))
			break;
		at = (char *)frame_va(f) + off;
		if (!buf)
			memset(at, 0, len);
		else if (write)
			memcpy(at, (char *)buf + done, len);
		else
			memcpy((char *)buf + done, at, len);
		frame_put(f);
		done += len;
	}
	return done || !n ? (ssize_t)done : -EFAULT;
}

ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write)
{
	return access_frames(mm, addr, buf, n, write ? FAULT_WRITE : 0);
}

ssize_t mm_access_forced(struct mm *mm, u64 addr, void *buf, size_t n, bool write)
{
	return access_frames(mm, addr, buf, n, FAULT_FORCE | (write ? FAULT_WRITE : 0));
}
