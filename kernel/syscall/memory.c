/* SPDX-License-Identifier: MIT */
/*
 * The address space: mmap(2) and its family. The checks of flags and ranges are here, in the order
 * Linux makes them; areas and pages are mm/'s, files come in through file_mmap() of fs/.
 */
#include "syscall/syscall.h"

#include <asm/mman.h>
#include <linux/capability.h>
#include <linux/mman.h>

/* Below it fixed mappings need CAP_SYS_RAWIO, so that NULL stays a bad pointer (vm.mmap_min_addr). */
#define MMAP_MIN_ADDR 65536UL
#define LOW_2G 0x80000000UL

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

static bool over_limit(struct mm *mm, u64 len)
{
	u64 limit = current->proc->rlim[RLIMIT_AS].rlim_cur;

	return limit != RLIM64_INFINITY &&
	       (READ_ONCE(mm->mapped_pages) << PAGE_SHIFT) + len > limit;
}

/* Faults every page of the range in, for writing where it is private and writable. Stops at a hole
 * (-ENOMEM) and when a page cannot be had. */
static int populate(struct mm *mm, u64 addr, u64 len)
{
	for (u64 at = addr; at < addr + len; at += PAGE_SIZE) {
		struct frame *f;
		struct vma *vma;
		bool write, access;

		mutex_lock(&mm->lock);
		vma = mm_find_vma(mm, at);
		if (!vma || vma->start > at) {
			mutex_unlock(&mm->lock);
			return -ENOMEM;
		}
		write = vma->flags & VM_WRITE && !(vma->flags & VM_SHARED);
		access = vma->flags & (VM_READ | VM_WRITE | VM_EXEC) && !(vma->flags & VM_SPECIAL);
		mutex_unlock(&mm->lock);
		if (!access)
			continue;
		f = mm_get_frame(mm, at, write);
		if (IS_ERR(f))
			return PTR_ERR(f) == -EFAULT ? -ENOMEM : PTR_ERR(f);
		frame_put(f);
		if (thread_killed())
			return -EINTR;
	}
	return 0;
}

/* Memory that forks share is the pages of a file without a name, as /dev/zero mapped shared. */
static u64 map_shared_anon(struct mm *mm, u64 addr, size_t len, u32 vm, bool fixed)
{
	struct file *f = memfd_file("dev/zero", 0);
	u64 at;
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	err = file_truncate(f, len);
	at = err ? (u64)err : file_mmap(mm, addr, len, vm, fixed, f, 0);
	file_put(f);
	return at;
}

static u64 map_anon(struct mm *mm, u64 addr, size_t len, u32 vm, bool fixed)
{
	if (vm & VM_SHARED)
		return map_shared_anon(mm, addr, len, vm, fixed);
	return mm_mmap(mm, addr, len, vm | VM_MAYWRITE, fixed, NULL, addr >> PAGE_SHIFT, NULL,
		       NULL);
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
	return 0;
}

/* Maps, and takes it back when the address is not what the flags insist on. */
static long map_checked(struct mm *mm, u64 addr, size_t len, u32 vm, int flags, struct file *f,
			u64 pgoff)
{
	bool fixed = flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE);
	u64 at;

	if (flags & MAP_32BIT && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) &&
	    addr >= LOW_2G - len)
		addr = 0;
	if (flags & MAP_32BIT && !addr)
		addr = LOW_2G / 2;
	at = f ? file_mmap(mm, addr, len, vm, fixed, f, pgoff) : map_anon(mm, addr, len, vm, fixed);
	if (IS_ERR((void *)at))
		return at;
	if (flags & MAP_FIXED_NOREPLACE && at != addr) {
		mm_munmap(mm, at, len);
		return -EEXIST;
	}
	if (flags & MAP_32BIT && !(flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) &&
	    at + len > LOW_2G) {
		mm_munmap(mm, at, len);
		return -ENOMEM;
	}
	if (flags & (MAP_POPULATE | MAP_LOCKED))
		populate(mm, at, len); /* as far as it goes: mmap(2) does not fail for it */
	return at;
}

SYSCALL6(mmap, u64, addr, size_t, len, int, prot, int, flags, int, fd, u64, off)
{
	SCOPED_FILE(f, flags & MAP_ANONYMOUS ? NULL : fd_get(fd));
	struct mm *mm = current->thread.mm;
	u32 vm = prot_to_vm(prot);
	int err;

	if (off & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS) && !f)
		return -EBADF;
	if (!len)
		return -EINVAL;
	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		err = check_range(addr, &len);
		if (!err && addr < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
			err = -EPERM;
	} else {
		addr &= PAGE_MASK;
		err = check_range(0, &len);
		if (addr > USER_END - len)
			addr = 0;
		if (addr && addr < MMAP_MIN_ADDR)
			addr = MMAP_MIN_ADDR;
	}
	if (err)
		return err;
	if (off + len < off)
		return -EOVERFLOW;
	err = check_map_type(flags, &vm);
	if (err)
		return err;
	if (over_limit(mm, len))
		return -ENOMEM;
	return map_checked(mm, addr, len, vm, flags, f, off >> PAGE_SHIFT);
}

SYSCALL2(munmap, u64, addr, size_t, len)
{
	if (!len || check_range(addr, &len))
		return -EINVAL;
	return mm_munmap(current->thread.mm, addr, len);
}

SYSCALL3(mprotect, u64, addr, size_t, len, unsigned int, prot)
{
	int err;

	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return -EINVAL;
	err = check_range(addr, &len);
	if (err || !len)
		return err;
	return mm_mprotect(current->thread.mm, addr, len, prot_to_vm(prot));
}

SYSCALL5(mremap, u64, old, size_t, old_len, size_t, new_len, int, flags, u64, new_addr)
{
	struct mm *mm = current->thread.mm;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (flags & MREMAP_DONTUNMAP && old_len != new_len)
		return -EINVAL;
	if (!new_len || check_range(old, &old_len) || check_range(0, &new_len))
		return -EINVAL;
	if (flags & MREMAP_FIXED) {
		if (check_range(new_addr, &new_len))
			return -EINVAL;
		if (new_addr < old + old_len && old < new_addr + new_len)
			return -EINVAL;
		if (new_addr < MMAP_MIN_ADDR && !capable(CAP_SYS_RAWIO))
			return -EPERM;
	}
	if (new_len > old_len && over_limit(mm, new_len - old_len))
		return -ENOMEM;
	return mm_mremap(mm, old, old_len, new_len, flags, new_addr);
}

SYSCALL1(brk, u64, brk)
{
	struct mm *mm = current->thread.mm;
	u64 limit = current->proc->rlim[RLIMIT_DATA].rlim_cur;

	if (brk > mm->brk && ((limit != RLIM64_INFINITY &&
			       brk - mm->start_brk + (mm->end_data - mm->start_data) > limit) ||
			      over_limit(mm, brk - mm->brk)))
		return mm->brk;
	return mm_brk(mm, brk);
}

SYSCALL3(madvise, u64, addr, size_t, len, int, advice)
{
	if (check_range(addr, &len))
		return -EINVAL;
	return mm_madvise(current->thread.mm, addr, len, advice);
}

/* Is every page of the range in some area? -ENOMEM */
static int check_mapped(struct mm *mm, u64 addr, u64 len)
{
	u64 at = addr;

	mutex_lock(&mm->lock);
	for (struct vma *vma = mm_find_vma(mm, addr); at < addr + len; vma = vma_next(vma)) {
		if (!vma || vma->start > at)
			break;
		at = vma->end;
	}
	mutex_unlock(&mm->lock);
	return at < addr + len ? -ENOMEM : 0;
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
	int err;

	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	err = check_range(addr, &len);
	return err ?: check_mapped(current->thread.mm, addr, len);
}

/* Nothing is ever swapped out: pages that were brought in stay. */
static long lock_range(u64 addr, size_t len, bool fault_in)
{
	struct mm *mm = current->thread.mm;
	u64 limit = current->proc->rlim[RLIMIT_MEMLOCK].rlim_cur;
	int err;

	len += addr & ~PAGE_MASK;
	addr &= PAGE_MASK;
	err = check_range(addr, &len);
	if (err)
		return err;
	if (!ns_capable(&init_user_ns, CAP_IPC_LOCK)) {
		if (!limit)
			return -EPERM;
		if (len > limit)
			return -ENOMEM;
	}
	err = check_mapped(mm, addr, len);
	return err || !fault_in ? err : populate(mm, addr, len);
}

SYSCALL_IS(mlock, lock_range(_1, _2, true))

SYSCALL3(mlock2, u64, addr, size_t, len, int, flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return lock_range(addr, len, !flags);
}

SYSCALL2(munlock, u64, addr, size_t, len)
{
	len += addr & ~PAGE_MASK;
	addr &= PAGE_MASK;
	return check_range(addr, &len) ?: check_mapped(current->thread.mm, addr, len);
}

SYSCALL1(mlockall, int, flags)
{
	if (!flags || flags == MCL_ONFAULT || flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		return -EINVAL;
	if (!capable(CAP_IPC_LOCK) && !current->proc->rlim[RLIMIT_MEMLOCK].rlim_cur)
		return -EPERM;
	return 0;
}

SYSCALL0(munlockall)
{
	return 0;
}
