/* SPDX-License-Identifier: MIT */
/*
 * The address space: mmap(2) and its family. The checks of flags and ranges are here, in the order
 * Linux makes them; areas and pages are mm/'s, files come in through file_mmap() of fs/.
 */
#include "syscall/syscall.h"

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/falloc.h>
#include <linux/mman.h>

/* Below it fixed mappings need CAP_SYS_RAWIO, so that NULL stays a bad pointer (vm.mmap_min_addr). */
#define MMAP_MIN_ADDR 65536UL

static u32 prot_to_vm(int prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

/* [addr, addr + len) page-aligned and inside user memory; *len is rounded up. */
static int check_range(u64 addr, size_t *len)
{
	u64 n = ALIGN_UP(*len, PAGE_SIZE);

	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (n < *len || n > USER_END || addr > USER_END - n)
		return -ENOMEM;
	*len = n;
	return 0;
}

/* How many pages may be locked, and whether any. */
static u64 lock_limit(void)
{
	return ns_capable(&init_user_ns, CAP_IPC_LOCK)
		       ? ~0UL
		       : thread_rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}
static bool may_lock(void)
{
	return thread_rlimit(RLIMIT_MEMLOCK) || ns_capable(&init_user_ns, CAP_IPC_LOCK);
}

/* May len bytes more be locked? -EAGAIN */
static int check_locked(struct mm *mm, u64 len)
{
	struct vm_sizes z;

	mutex_lock(&mm->lock);
	mm_sizes(mm, 0, USER_END, &z);
	mutex_unlock(&mm->lock);
	return z.locked + (len >> PAGE_SHIFT) > lock_limit() ? -EAGAIN : 0;
}

/* The VM_* of the area at addr, and its end; 0: nothing is mapped there. */
static u64 flags_at(struct mm *mm, u64 addr, u32 *flags)
{
	struct vma *vma;
	u64 end;

	mutex_lock(&mm->lock);
	vma = mm_find_vma(mm, addr);
	end = vma && vma->start <= addr ? vma->end : 0;
	*flags = end ? vma->flags : 0;
	mutex_unlock(&mm->lock);
	return end;
}

/*
 * Faults every page of the range in. how MADV_POPULATE_READ or _WRITE: that access, -EINVAL where an
 * area does not allow it. Else for writing where it is private and writable, and areas that nobody
 * may touch are passed over. Stops at a hole (-ENOMEM) and when a page cannot be had.
 */
static int populate(struct mm *mm, u64 addr, u64 len, int how)
{
	for (u64 at = addr, next; at < addr + len; at = next) {
		bool write, access;
		struct frame *f;
		u32 flags;

		next = flags_at(mm, at, &flags);
		if (!next)
			return -ENOMEM;
		write = how ? how == MADV_POPULATE_WRITE
			    : (flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
		access = flags & (write ? VM_WRITE : VM_READ | VM_WRITE | VM_EXEC) &&
			 !(flags & VM_SPECIAL);
		if (!access && how)
			return -EINVAL;
		if (!access)
			continue;
		next = at + PAGE_SIZE;
		f = mm_get_frame(mm, at, write);
		if (IS_ERR(f))
			return how && PTR_ERR(f) == -EIO ? -EFAULT : PTR_ERR(f);
		frame_put(f);
		if (thread_killed())
			return -EINTR;
	}
	return 0;
}

static int check_map_type(int flags, u32 *vm)
{
	/* What MAP_SHARED_VALIDATE promises to know; MAP_SYNC is for persistent memory only. */
	const int known = MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | MAP_32BIT |
			  MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |
			  MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK;

	switch (flags & MAP_TYPE) {
	case MAP_SHARED_VALIDATE:
		if (flags & MAP_ANONYMOUS)
			return -EINVAL;
		if (flags & ~known)
			return -EOPNOTSUPP;
		*vm |= VM_SHARED;
		break;
	case MAP_SHARED:
		*vm |= VM_SHARED;
		break;
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (flags & MAP_HUGETLB) /* there is no pool of huge pages */
		return -EINVAL;
	if (flags & MAP_GROWSDOWN) {
		if (*vm & VM_SHARED || !(flags & MAP_ANONYMOUS))
			return -EINVAL;
		*vm |= VM_GROWSDOWN;
	}
	if (flags & MAP_NORESERVE)
		*vm |= VM_NORESERVE;
	if (flags & MAP_FIXED_NOREPLACE)
		*vm |= VM_NOREPLACE;
	else if (flags & MAP_32BIT && !(flags & MAP_FIXED))
		*vm |= VM_LOW;
	if (flags & MAP_LOCKED)
		*vm |= VM_LOCKED;
	return 0;
}

SYSCALL6(mmap, u64, addr, size_t, len, int, prot, int, flags, int, fd, u64, off)
{
	SCOPED_FILE(f, flags & MAP_ANONYMOUS ? NULL : fd_get(fd));
	const bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	struct mm *mm = current->thread.mm;
	u32 vm = prot_to_vm(prot) | mm->new_flags;
	u64 at;
	int err;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS) && !f)
		return -EBADF;
	if (!len)
		return -EINVAL;
	if (check_range(fixed ? addr & PAGE_MASK : 0, &len) || (fixed && addr > USER_END - len))
		return -ENOMEM;
	if (off + len < off)
		return -EOVERFLOW;
	if (!fixed)
		addr = addr > USER_END - len ? 0 : addr & PAGE_MASK;
	else if (addr & ~PAGE_MASK)
		return -EINVAL;
	else if (addr < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (flags & MAP_LOCKED && !may_lock())
		return -EPERM;
	err = check_map_type(flags, &vm) ?: vm & VM_LOCKED ? check_locked(mm, len) : 0;
	if (err)
		return err;
	if (f)
		at = file_mmap(mm, addr, len, vm, fixed, f, off >> PAGE_SHIFT);
	else if (vm & VM_SHARED)
		at = file_mmap_anon(mm, addr, len, vm, fixed);
	else
		at = mm_mmap(mm, addr, len, vm | VM_MAYWRITE, fixed, NULL, addr >> PAGE_SHIFT, NULL,
			     NULL);
	if (!IS_ERR((void *)at) && (flags & MAP_POPULATE || (vm & VM_LOCKED && !mm->lock_onfault)))
		populate(mm, at, len, 0); /* as far as it goes: mmap(2) does not fail for it */
	return at;
}

SYSCALL2(munmap, u64, addr, size_t, len)
{
	if (!len || check_range(addr, &len))
		return -EINVAL;
	return mm_munmap(current->thread.mm, addr, len);
}

SYSCALL3(mprotect, u64, addr, size_t, len, unsigned int, prot)
{
	const unsigned int grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	u64 end;

	/* No area here grows upwards. */
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM | PROT_GROWSDOWN) ||
	    grows > PROT_GROWSDOWN)
		return -EINVAL;
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!len)
		return 0;
	end = addr + ALIGN_UP(len, PAGE_SIZE); /* beyond user memory is a hole like any other */
	if (end <= addr)
		return -ENOMEM;
	return mm_mprotect(current->thread.mm, addr, end,
			   prot_to_vm(prot) | (grows ? VM_GROWSDOWN : 0));
}

/* Protection keys are not switched on: as on a CPU without them (pkeys(7)). */
SYSCALL4(pkey_mprotect, u64, addr, size_t, len, unsigned int, prot, int, key)
{
	return key == -1 ? sys_mprotect(addr, len, prot, 0, 0, 0) : -EINVAL;
}

SYSCALL2(pkey_alloc, unsigned long, flags, unsigned long, rights)
{
	return flags || rights & ~(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE) ? -EINVAL : -ENOSPC;
}

SYSCALL1(pkey_free, int, key)
{
	return -EINVAL;
}

SYSCALL5(mremap, u64, old, size_t, old_len, size_t, new_len, int, flags, u64, new_addr)
{
	struct mm *mm = current->thread.mm;
	bool lock;
	u32 vm;
	u64 at;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (old & ~PAGE_MASK || check_range(0, &new_len) || !new_len || check_range(0, &old_len))
		return -EINVAL;
	if (old > USER_END - old_len)
		return -EFAULT;
	if (flags & MREMAP_DONTUNMAP && old_len != new_len)
		return -EINVAL;
	if (flags & MREMAP_FIXED && (check_range(new_addr, &new_len) ||
				     (new_addr < old + old_len && old < new_addr + new_len)))
		return -EINVAL;
	if (flags & MREMAP_FIXED && new_addr < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	lock = flags_at(mm, old, &vm) && vm & VM_LOCKED && new_len > old_len;
	if (lock && check_locked(mm, new_len - old_len))
		return -EAGAIN;
	at = mm_mremap(mm, old, old_len, new_len, flags, new_addr);
	if (lock && !IS_ERR((void *)at))
		populate(mm, at + old_len, new_len - old_len, 0);
	return at;
}

SYSCALL1(brk, u64, brk)
{
	struct mm *mm = current->thread.mm;
	u64 before = ALIGN_UP(mm->layout.brk, PAGE_SIZE), after;

	if (mm->new_flags && brk > before && check_locked(mm, brk - before))
		return mm->layout.brk;
	after = mm_brk(mm, brk);
	if (mm->new_flags && !mm->lock_onfault && after > before)
		populate(mm, before, after - before, 0);
	return after;
}

/* MADV_REMOVE: the file loses the pages. fs/ is called without mm->lock. */
static int remove_pages(struct mm *mm, u64 addr, u64 end)
{
	const u32 both = VM_SHARED | VM_MAYWRITE;
	struct file *f;
	struct vma *vma;
	u64 off, stop;
	int err = 0;

	for (; addr < end && !err; addr = stop) {
		mutex_lock(&mm->lock);
		vma = mm_find_vma(mm, addr);
		if (!vma || vma->start > addr)
			err = -ENOMEM;
		else if (!vma->file || vma->flags & VM_LOCKED)
			err = -EINVAL;
		else if ((vma->flags & both) != both)
			err = -EACCES;
		if (err) {
			mutex_unlock(&mm->lock);
			return err;
		}
		stop = min(end, vma->end);
		off = (vma->pgoff << PAGE_SHIFT) + addr - vma->start;
		f = vma->file;
		file_get(f);
		mutex_unlock(&mm->lock);
		err = file_fallocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
				     stop - addr);
		file_put(f);
	}
	return err;
}

SYSCALL3(madvise, u64, addr, size_t, len, int, advice)
{
	const u64 known =
		BIT(MADV_NORMAL) | BIT(MADV_RANDOM) | BIT(MADV_SEQUENTIAL) | BIT(MADV_WILLNEED) |
		BIT(MADV_DONTNEED) | BIT(MADV_FREE) | BIT(MADV_REMOVE) | BIT(MADV_DONTFORK) |
		BIT(MADV_DOFORK) | BIT(MADV_DONTDUMP) | BIT(MADV_DODUMP) | BIT(MADV_WIPEONFORK) |
		BIT(MADV_KEEPONFORK) | BIT(MADV_COLD) | BIT(MADV_PAGEOUT) | BIT(MADV_HUGEPAGE) |
		BIT(MADV_NOHUGEPAGE) | BIT(MADV_POPULATE_READ) | BIT(MADV_POPULATE_WRITE);
	struct mm *mm = current->thread.mm;

	if (advice < 0 || advice > 63 || !(known & BIT(advice)) || check_range(addr, &len))
		return -EINVAL;
	switch (advice) {
	case MADV_REMOVE:
		return remove_pages(mm, addr, addr + len);
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return populate(mm, addr, len, advice);
	default:
		return mm_madvise(mm, addr, addr + len, advice);
	}
}

SYSCALL3(mincore, u64, addr, size_t, len, u8 __user *, uvec)
{
	u8 vec[256];
	int err = addr & ~PAGE_MASK ? -EINVAL : check_range(addr, &len);

	if (!err && !user_range_ok(uvec, len >> PAGE_SHIFT))
		err = -EFAULT;
	for (u64 done = 0, pages = len >> PAGE_SHIFT; !err && done < pages; done += sizeof(vec)) {
		u64 n = min(pages - done, sizeof(vec));

		err = mm_mincore(current->thread.mm, addr + done * PAGE_SIZE, n, vec)
			      ?: copy_to_user(uvec + done, vec, n);
	}
	return err;
}

/* Shared pages are the file's own: there is nothing to write back. */
SYSCALL3(msync, u64, addr, size_t, len, int, flags)
{
	struct mm *mm = current->thread.mm;
	struct vm_sizes z;
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (!ALIGN_UP(len, PAGE_SIZE)) /* also where that wraps */
		return 0;
	err = check_range(addr, &len);
	if (err)
		return err;
	mutex_lock(&mm->lock);
	mm_sizes(mm, addr, addr + len, &z);
	mutex_unlock(&mm->lock);
	if (flags & MS_INVALIDATE && z.locked)
		return -EBUSY;
	return z.all < len >> PAGE_SHIFT ? -ENOMEM : 0;
}

/* Nothing is ever swapped out: pages that were brought in stay. Locked ones are counted all the same. */
static long lock_range(u64 addr, size_t len, bool lock, bool fault_in)
{
	struct mm *mm = current->thread.mm;
	int err;

	if (lock && !may_lock())
		return -EPERM;
	len = ALIGN_UP(len + (addr & ~PAGE_MASK), PAGE_SIZE);
	addr &= PAGE_MASK;
	if (addr + len < addr)
		return -EINVAL;
	err = check_range(addr, &len);
	err = err || !len ? err : mm_mlock(mm, addr, addr + len, lock, lock_limit());
	return err || !fault_in ? err : populate(mm, addr, len, 0);
}

SYSCALL_IS(mlock, lock_range(_1, _2, true, true))
SYSCALL_IS(munlock, lock_range(_1, _2, false, false))

SYSCALL3(mlock2, u64, addr, size_t, len, int, flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(addr, len, true, !flags);
}

SYSCALL1(mlockall, int, flags)
{
	struct mm *mm = current->thread.mm;

	if (!flags || flags == MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	if (!may_lock())
		return -EPERM;
	if (flags & MCL_CURRENT && READ_ONCE(mm->mapped_pages) > lock_limit())
		return -ENOMEM;
	mm_mlockall(mm, flags);
	return 0;
}

SYSCALL0(munlockall)
{
	mm_mlockall(current->thread.mm, 0);
	return 0;
}
