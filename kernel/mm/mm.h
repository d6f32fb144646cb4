/* SPDX-License-Identifier: MIT */
/*
 * The face of mm/: physical frames, slabs, address spaces, page faults, the page cache, and copies
 * to and from user memory. It knows files only as struct mapping and struct vm_ops.
 */
#pragma once
#include "lib/lib.h"
#include "sched/sched.h"
#include "x86/x86.h"

/* ================= frames: every 4 KiB of RAM has one struct frame ================= */
enum frame_kind {
	FRAME_FREE, /* in the buddy lists; order says how large */
	FRAME_KERNEL, /* kernel memory */
	FRAME_TABLE, /* page tables */
	FRAME_SECOND_TABLE, /* of a virtual machine */
	FRAME_SLAB,
	FRAME_ANON, /* user memory of nobody's file */
	FRAME_CACHE, /* belongs to a struct mapping */
	FRAME_RESERVED, /* not RAM, or never freed (boot modules adopted in place are FRAME_CACHE) */
};

struct frame {
	ref_t refs;
	union {
		struct {
			u8 kind; /* enum frame_kind */
			u8 order;
		};
		u16 kind_order; /* both at one time: what the buddy of a frame is asked for */
	};
	u8 dirty;
	u8 state; /* FRAME_BUSY ...: of CACHE; atomic */
	struct res_counter *charge; /* who pays, or NULL; uncharged when the last reference goes */
	union {
		struct list_head link; /* FREE */
		struct {
			struct mapping *mapping; /* CACHE; NULL once truncated */
			u64 index;
		};
		struct {
			struct kmem_cache *cache; /* SLAB */
			void *slab_priv;
		};
	};
};

#define FRAME_BUSY 1U /* its content is still being read: wait before looking at it */
#define FRAME_FAILED 2U /* it could not be read, and has left its mapping */
#define FRAME_USED 4U /* was wanted since reclaim last came by */
#define FRAME_SHMEM 16U /* CACHE: of a file that is in memory only */
#define FRAME_ZEROS 32U /* FREE: holds zeros. Set by who drops its last reference */
#define FRAME_PAID 8U /* SLAB: an object in it is, or was, charged to a group */

extern struct frame *frames; /* by page-frame number */
extern u64 nr_frames; /* entries of frames[] */

static inline paddr_t frame_phys(const struct frame *f)
{
	return (u64)(f - frames) << PAGE_SHIFT;
}
static inline void *frame_va(const struct frame *f)
{
	return phys_to_virt(frame_phys(f));
}
static inline struct frame *phys_frame(paddr_t p)
{
	return &frames[p >> PAGE_SHIFT];
}
static inline struct frame *va_frame(const void *v)
{
	return phys_frame(virt_to_phys(v));
}

/* 2^order frames with one reference, contents undefined. NULL without memory. Any context. */
struct frame *frame_alloc(unsigned int order, enum frame_kind kind);
/* One zeroed frame, charged to res (may be NULL): NULL without memory or over the limit. */
struct frame *frame_alloc_zeroed(enum frame_kind kind, struct res_counter *res);
/* 2^order of them in a row, aligned to their size; each has a reference of its own. */
struct frame *frame_alloc_row(unsigned int order, enum frame_kind kind, struct res_counter *res);
/*
 * A page for what programs make the kernel hold for them (pipes, arguments): contents undefined, paid
 * by the current thread's group. Waits for the out-of-memory hook as a fault does; NULL after that.
 * kfree() gives it back.
 */
void *page_alloc_charged(void);
static inline void frame_get(struct frame *f)
{
	ref_get(&f->refs);
}
void frame_put(struct frame *f); /* the last reference frees (and uncharges) it */
/*
 * Gives the whole frames inside [start, end) that a boot module left to the free ones: each was
 * FRAME_RESERVED with one reference. Frames adopted by mapping_adopt() must not be among them.
 */
void frame_release_range(paddr_t start, paddr_t end);

struct mem_stats {
	u64 total, free, kernel, slab, anon, cache; /* frames */
	u64 shmem; /* of cache: pages of files that are nowhere else */
	u64 device; /* of cache: pages of devices */
};
void mem_stats(struct mem_stats *st);
extern u64 frames_total; /* what mem_stats() calls total */
/* Gives back the free frames and objects that each CPU keeps for itself. Interrupts on, no spinlocks. */
void mm_drain(void);

/* ================= slabs ================= */
struct kmem_cache;
/* Objects of one size, 16-byte aligned (64 with cacheline). name is for /proc/slabinfo. */
struct kmem_cache *kmem_cache_create(const char *name, size_t size, bool cacheline);
void *kmem_cache_alloc(struct kmem_cache *c); /* contents undefined; NULL without memory */
void *kmem_cache_zalloc(struct kmem_cache *c);
void kmem_cache_free(struct kmem_cache *c, void *obj);
/* Calls fn for each cache: name, object size, objects in use, frames held. */
void kmem_cache_each(void (*fn)(void *arg, const char *name, size_t size, u64 used, u64 frames),
		     void *arg);
/* kmalloc() and friends: lib/alloc.h */

/*
 * All that a thread of a limited group allocates (but with a spinlock held, and in interrupts) is charged
 * to its group, and refused over its limit. From here on res pays for it instead, NULL: nobody; then
 * the allocation of an interrupt is charged, too. Returns what mem_pays_end() takes.
 */
struct res_counter *mem_pays(struct res_counter *res);
void mem_pays_end(struct res_counter *before);
/* Who pays for obj, of a cache or kmalloc(): alive as long as obj is. NULL: nobody. */
struct res_counter *mem_payer_of(const void *obj);
/* What befalls a counter: container/ tells those who watch (memory.events). */
enum mem_event {
	MEM_LOW,
	MEM_HIGH,
	MEM_MAX,
	MEM_OOM,
	MEM_OOM_KILL,
	MEM_OOM_GROUP_KILL,
	MEM_EVENTS
};
extern void (*mem_event_hook)(struct res_counter *res, enum mem_event what);
static inline void mem_event(struct res_counter *res, enum mem_event what)
{
	if (mem_event_hook)
		mem_event_hook(res, what);
}
extern bool mem_guarded,
	mem_highs; /* some counter had a low; a high: only then are they looked at */
/* THREAD_WORK_RECLAIM, on the way to ring 3: the thread's group is another one, or above its high. Takes
 * pages away from it then, and sleeps, the longer the more it is above; until a signal comes. */
void mem_high_wait(void);
/* t pays ahead for its objects: it is given back. t is the current thread, or over. */
void mem_unstock(struct thread *t);
/* Charges n bytes, and makes room where a limit is reached. May sleep. False: refused. NULL: true. */
bool mem_charge(struct res_counter *res, u64 n);

/* ================= page cache: the pages of one file ================= */
struct mapping;
struct mapping_ops {
	/*
	 * The content of page index, one reference for the caller: a fresh frame filled in, or a
	 * frame of another mapping to be shared as it is. ERR_PTR(-EIO, -ENOMEM). May sleep.
	 * NULL table or NULL function: the page is a hole and reads as zeros (tmpfs).
	 */
	struct frame *(*read_page)(struct mapping *m, u64 index);
	/* Writes dirty pages, some or (all) all of them, and waits. 0 or -errno. NULL: none need be. */
	int (*write_pages)(struct mapping *m, bool all);
};
struct mapping {
	spinlock_t lock; /* guards pages */
	struct radix pages; /* index -> struct frame; one reference each */
	u64 nr_pages;
	const struct mapping_ops *ops;
	struct res_counter *charge; /* who pays for new pages; NULL: the current thread's group */
	void *owner; /* the inode */
	struct list_head vmas; /* areas that map it: mapping_attach() */
	u64 nr_vmas;
	u64 coming; /* shared areas that are about to be attached; atomic */
	/* reclaim.c */
	bool reclaim; /* constant: its pages can be read again */
	struct list_head circle_link;
	u64 hand; /* the index that is looked at next */
};
void mapping_init(struct mapping *m, const struct mapping_ops *ops, void *owner);
/* The frame at index if the mapping has it already, with a reference; else NULL. Waits for busy ones. */
struct frame *mapping_find(struct mapping *m, u64 index);
/*
 * The frame of page index with one reference. create false: NULL for a hole without content
 * (reads as zeros); true: the hole gets a zeroed, charged frame. ERR_PTR on error.
 */
struct frame *mapping_get(struct mapping *m, u64 index, bool create);
/*
 * For read_page() of a device: puts up to n fresh frames in at index and behind it, busy until
 * mapping_end_read(); the caller has a reference to each in out[]. How many, up to the first page that
 * is there already; 0: index itself is. -ENOMEM.
 */
int mapping_begin_read(struct mapping *m, u64 index, unsigned int n, struct frame **out);
/* They are read, or failed and leave m. The references go. Any context. */
void mapping_end_read(struct mapping *m, struct frame **pages, unsigned int n, bool ok);
bool frame_wait(struct frame *f); /* until it is not busy; false: it could not be read */
/* The first dirty page at or after *index and the dirty ones that follow it, at most n, clean from now
 * on; references in out[]. How many; *index is the first one's. */
unsigned int mapping_take_dirty(struct mapping *m, u64 *index, unsigned int n, struct frame **out);
/* Puts f (its reference moves here) at index, for frames adopted in place. -EEXIST, -ENOMEM. */
int mapping_adopt(struct mapping *m, u64 index, struct frame *f);
/* Drops the pages from index on and unmaps them everywhere; the last partial page is the caller's. */
void mapping_truncate(struct mapping *m, u64 index);
void mapping_punch(struct mapping *m, u64 index, u64 n); /* the same of n pages: a hole */
void mapping_free(struct mapping *m); /* all pages */
/* m's pages, of which none is in yet, can be read again: they go when memory is short. */
void mapping_set_reclaim(struct mapping *m);
/* Gives back about want pages of such files, on res's account (NULL: anybody's). How many went. */
u64 cache_reclaim(u64 want, const struct res_counter *res);

/* ================= address spaces ================= */
#define VM_READ 0x1U
#define VM_WRITE 0x2U
#define VM_EXEC 0x4U
#define VM_SHARED 0x8U /* MAP_SHARED: writes go to the file */
#define VM_MAYWRITE 0x10U /* mprotect may add write (file opened for writing, or private) */
#define VM_GROWSDOWN 0x20U
#define VM_SPECIAL 0x40U /* device memory: frames not counted */
#define VM_DONTFORK 0x80U
#define VM_STACK 0x100U
#define VM_HEAP 0x200U
#define VM_NORESERVE 0x400U
#define VM_LOCKED 0x800U /* mlock(2): counted and kept; nothing is ever swapped out anyway */
#define VM_WIPEONFORK 0x1000U /* the child finds it empty */
#define VM_HUGEPAGE 0x8000U /* MADV_HUGEPAGE: frames in a row where it can be, 2 MiB of them */
#define VM_NOHUGEPAGE 0x10000U /* kept for /proc; the areas are not joined */
/* Wishes of mm_mmap(), not kept in the area. */
#define VM_LOW 0x2000U /* MAP_32BIT: in the upper half of the first 2 GiB */
#define VM_NOREPLACE 0x4000U /* with fixed: -EEXIST where something is mapped */

struct vma;
struct vm_ops {
	void (*open)(struct vma *vma); /* a copy was made: split, fork */
	void (*close)(struct vma *vma); /* one copy goes */
	/*
	 * The frame for the page at file offset pgoff (pages), one reference for the caller; shared
	 * frames are mapped read-only or copied for private writes by mm itself. write: a shared
	 * mapping is about to be written. ERR_PTR(-EFAULT): SIGSEGV; -EIO, past end of file: SIGBUS;
	 * -ENOMEM. May sleep; mm->lock is held, so it must not take inode->lock (write(2) holds that
	 * while it copies from user memory). Not called for pages that vma->mapping has, but for the
	 * first write to a page of a shared area.
	 */
	struct frame *(*fault)(struct vma *vma, u64 pgoff, bool write);
	/* Text after the address columns of /proc/N/maps is the file's path; else this name. */
	const char *(*name)(struct vma *vma);
};
struct vma {
	u64 start, end; /* page-aligned, [start, end) */
	u32 flags; /* VM_* */
	u64 pgoff; /* file offset of start, in pages */
	struct file *file; /* NULL: anonymous. Only fs/ looks inside; ops->open/close count it. */
	const struct vm_ops *ops; /* NULL: anonymous private */
	void *priv;
	struct mm *mm;
	struct rb_node rb;
	/* mm/'s own */
	bool has_anon; /* may hold frames that are no longer the file's: fork must copy its entries */
	struct mapping *mapping; /* mapping_attach(): neighbours of a fault are looked up here */
	struct list_head map_link; /* in mapping->vmas, guarded by its lock */
	u64 unmap_pass; /* the last mapping_unmap() that visited it */
	bool unlinked; /* no longer in mm->vmas */
	struct vma *next_dead; /* taken out, to be closed without mm->lock */
};

#define MM_ENDS (~0UL)
struct mm_notifier {
	struct list_head link;
	/*
	 * [start, end) is about to lose its frames or write access; must not sleep on mm->lock.
	 * end MM_ENDS: all of it, with the last thread.
	 */
	void (*invalidate)(struct mm_notifier *n, struct mm *mm, u64 start, u64 end);
};

/* What lies where; a fork takes it over as it is. */
struct mm_layout {
	u64 start_code, end_code, start_data, end_data, start_brk, brk, start_stack;
	u64 arg_start, arg_end, env_start, env_end;
	u64 mmap_base; /* new mappings go below it, downwards; mm_create() sets a default */
	u64 scan_from; /* the search for room starts there: */
	u64 hole_above; /* what is above has no hole this large */
	u64 auxv[64]; /* as on the initial stack, for /proc/N/auxv */
};

struct mm {
	ref_t users; /* threads that run in it: the last tears the areas down */
	ref_t refs; /* the struct itself and its page tables: all users together count one */
	struct mutex lock; /* guards the areas, the page tables, and the fields down to notifiers */
	struct rb_root vmas;
	u64 nr_vmas, mapped_pages; /* pages of all areas */
	struct mm_layout layout;
	u64 peak_mapped; /* of mapped_pages, before they were last unmapped */
	u32 new_flags; /* VM_LOCKED: what comes is locked (mlockall(MCL_FUTURE)) */
	bool lock_onfault; /* but not brought in at once (MCL_ONFAULT) */
	struct vma *last_vma; /* found last, or NULL */
	struct file *exe_file; /* only proc/ looks inside: mm_fork() leaves it NULL */
	struct list_head notifiers;
	u64 fault_addr; /* the page that faults, or did last: what it shows stays (reclaim.c) */
	struct list_head space_link; /* reclaim.c */
	struct mutex aio_lock; /* aio.c of syscall/ */
	/* atomics */
	u64 anon_pages, file_pages, pt_frames, peak_pages;
	/* set at creation; charge moves only with cgroup migration */
	struct addr_space space; /* what CR3 takes (x86/) */
	pte_t *pml4; /* direct-map address */
	struct res_counter *charge; /* who pays for frames and page tables; NULL: nobody */
};

/* An empty space with the kernel's half. NULL without memory. users = refs = 1. */
struct mm *mm_create(struct res_counter *charge);
/* fork(2): areas copied, private pages shared copy-on-write. ERR_PTR(-ENOMEM). */
struct mm *mm_fork(struct mm *old, struct res_counter *charge);
static inline void mm_get_user(struct mm *mm)
{
	ref_get(&mm->users);
}
/* The last unmaps everything; by then no thread runs in it, the current one neither. Sleeps. */
void mm_put_user(struct mm *mm);
static inline void mm_get(struct mm *mm)
{
	ref_get(&mm->refs);
}
void mm_put(struct mm *mm);

/* These take mm->lock themselves. Addresses and lengths in bytes. */
/*
 * mmap(2) in mm: prot/share already turned into VM_*; fixed: at addr exactly, replacing what is
 * there. Returns the address, or -ENOMEM (also over RLIMIT_AS or RLIMIT_DATA), -EINVAL, -EEXIST.
 * file's reference is the ops->open's business: ops->open(vma) is called once for the new area.
 */
u64 mm_mmap(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed, struct file *file,
	    u64 pgoff, const struct vm_ops *ops, void *priv);
int mm_munmap(struct mm *mm, u64 addr, u64 len);
/* rwx may have VM_GROWSDOWN: from the start of the area at addr, which must grow (else -EINVAL). */
int mm_mprotect(struct mm *mm, u64 addr, u64 end, u32 rwx);
/* mlock(2), munlock(2) of whole pages. -ENOMEM: a hole, or more than limit pages locked then. */
int mm_mlock(struct mm *mm, u64 addr, u64 end, bool lock, u64 limit);
void mm_mlockall(struct mm *mm, int flags); /* mlockall(2): MCL_*; 0: munlockall(2) */
/* More than all RAM: what heuristic overcommit refuses (Linux, mm/overcommit-accounting.rst). */
bool mm_too_much(u64 bytes);
/* All page-aligned and inside user memory; the flags and their sense are checked. -EFAULT: not mapped. */
u64 mm_mremap(struct mm *mm, u64 old, u64 old_len, u64 new_len, int flags, u64 new_addr);
int mm_madvise(struct mm *mm, u64 addr, u64 end, int advice); /* -ENOMEM: a hole; advice is known */
/* Takes the private memory of a space whose processes are killed, at once: they may wait for a lock that
 * the one who needs the memory holds. Nothing when mm->lock is taken. */
void mm_reap(struct mm *mm);
u64 mm_brk(struct mm *mm, u64 brk); /* brk(2): the break afterwards */
/* Handles a page fault at addr. 0 mended; -EFAULT: SIGSEGV; -EIO: SIGBUS; -ENOMEM: kill. */
int mm_fault(struct mm *mm, u64 addr, u64 pf_error);
/* A reference to the frame behind addr, faulted in as for a read or a write. ERR_PTR as mm_fault(). */
struct frame *mm_get_frame(struct mm *mm, u64 addr, bool write);
/* The same without a fault for the n (1 to 64) pages from addr on: a frame is NULL unless its page is there now.
 * One bit for each that can be written without a fault. */
u64 mm_present_frames(struct mm *mm, u64 addr, unsigned int n, struct frame **frames);
/*
 * The first of 512 frames that lie in a row, on a boundary of 2 MiB, behind such a piece at addr, and can all be
 * written without a fault; else NULL. Without references: ask a notifier.
 */
struct frame *mm_find_block(struct mm *mm, u64 addr);
/* The area that holds addr, or the next one above; call with mm->lock held. NULL: none. */
struct vma *mm_find_vma(struct mm *mm, u64 addr);
struct vma *mm_first_vma(struct mm *mm);
struct vma *vma_next(struct vma *vma);
/*
 * Copies between a kernel buffer and another space, faulting pages in. Bytes done, or -EFAULT.
 * To write without a buffer (NULL) writes zeros.
 */
ssize_t mm_access(struct mm *mm, u64 addr, void *buf, size_t n, bool write);
/* The same for a debugger: reads whatever is mapped, writes even where the program may not when the
 * area is private: into a copy of its own (a breakpoint in a program's text). */
ssize_t mm_access_forced(struct mm *mm, u64 addr, void *buf, size_t n, bool write);
/* What the areas of [start, end) come to, in pages. Lock held. */
struct vm_sizes {
	u64 all, locked;
	u64 data; /* private and writable, but stacks: RLIMIT_DATA counts them */
	u64 stack, code; /* code: executable, not writable */
};
void mm_sizes(struct mm *mm, u64 start, u64 end, struct vm_sizes *z);
/* What is resident of one area, added to *r: pages; pss: in 4096ths of one. Lock held. */
struct vm_resident {
	u64 rss, pss, shared_clean, shared_dirty, private_clean, private_dirty, accessed, anon,
		locked;
};
void vma_resident(struct vma *vma, struct vm_resident *r);
/* mincore(2): vec[i] is 1 where page i is in memory, be it in the file's cache only. -ENOMEM when not
 * all of the range is mapped. */
int mm_mincore(struct mm *mm, u64 addr, u64 pages, u8 *vec);
void mm_notifier_add(struct mm *mm, struct mm_notifier *n);
void mm_notifier_del(struct mm *mm, struct mm_notifier *n);
/* Unmaps the page [index, index+n) of mapping m from every space; private copies too: a truncation. */
void mapping_unmap(struct mapping *m, u64 index, u64 n, bool copies);
/*
 * vma shows pages of m at its pgoff: by vm_ops->open and close. Lets mapping_unmap() find the area and
 * a read fault map the neighbours that m already has.
 */
void mapping_attach(struct mapping *m, struct vma *vma);
void mapping_detach(struct mapping *m, struct vma *vma);
/* Has, or is about to have, an area through which it may be written. */
bool mapping_writable(struct mapping *m);

/* Called when memory or a group's limit is exhausted in a fault; frees something and returns true to
 * try again. Set by proc/. res: the counter that refused; NULL: all RAM. */
extern bool (*mm_oom_hook)(struct res_counter *res);
/* Called before it: gives back at most n things that are only cached, on res's account (NULL: anybody's),
 * and says how many. reclaim is true: mm->lock may be held. Set by fs/. */
extern u64 (*mm_shrink_hook)(u64 n, bool reclaim, const struct res_counter *res);
/* Called once by mm_put_user() for the last user, no lock held: drops exe_file. Set by proc/. */
extern void (*mm_last_user_hook)(struct mm *mm);

/* ================= user copies: current space, bad pointers give -EFAULT ================= */
int copy_from_user(void *dst, const void __user *src, size_t n); /* 0 or -EFAULT */
int copy_to_user(void __user *dst, const void *src, size_t n);
int clear_user(void __user *dst, size_t n);
/* Length without the NUL; -EFAULT; -ENAMETOOLONG when no NUL within size. */
ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size);
/* Futex words: aligned 32-bit accesses, 0 or -EFAULT; with a spinlock held a page must be there. */
int user_read32(const u32 __user *addr, u32 *v);
/* *addr == old ? new : unchanged; *seen = what was there. */
int user_cmpxchg32(u32 __user *addr, u32 old, u32 new, u32 *seen);
#define get_user(var, ptr) copy_from_user(&(var), (ptr), sizeof(var))
#define put_user(var, ptr)                                                                         \
	({                                                                                         \
		__typeof__(*(ptr)) _v = (var);                                                     \
		copy_to_user((void __user *)(ptr), &_v, sizeof(_v));                               \
	})

void mm_init(void); /* frames, slabs, page cache: after x86_early_init() */
