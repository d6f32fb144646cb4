/* SPDX-License-Identifier: MIT */
/*
 * Guest memory. A slot says: these guest page frames are that piece of the monitor's address space.
 * Nothing is copied or taken at once: the first touch of a page is a second-level fault, which finds
 * the monitor's frame (faulting it in there, charged to the monitor's group) and maps it for the
 * guest with a reference of its own. When the monitor's memory changes, mm/ calls
 * memslot_invalidate() first. vm->mmu_lock guards slots and tables; vm->mmu_seq closes the gap
 * between finding a frame and mapping it. Slots change, and pages are hidden and released, only with
 * mm->lock held as well, so the two steps of one never mix with another's.
 *
 * The dirty log of a slot is a bit a page. Where the CPU marks the leaves that it writes through, those marks belong
 * to it: they are collected when the monitor asks, and before a leaf goes or changes. Elsewhere (protects()) a leaf
 * is writable only while the page's bit is set. Both change together under vm->mmu_lock, and who clears a bit
 * or a mark flushes all vCPUs before the monitor looks at the page. Large leaves are only in slots that are not logged:
 * when that changes, all leaves of the slot go.
 */
#include "vmm/vmm.h"

#define AROUND (64 * PAGE_SIZE)
#define AHEAD (8 * PAGE_SIZE)

static u64 slot_hva(const struct memslot *s, u64 gpa)
{
	return s->hva + gpa - (s->gfn << PAGE_SHIFT);
}

static struct memslot *slot_at(struct vm *vm, u64 gfn)
{
	for (unsigned int i = 0; i < vm->nr_slots; i++)
		if (gfn - vm->slots[i].gfn < vm->slots[i].pages)
			return &vm->slots[i];
	return NULL;
}

bool memslot_find(struct vm *vm, u64 gpa, struct memslot *out)
{
	struct memslot *s;

	SPIN_GUARD(&vm->mmu_lock);
	s = slot_at(vm, gpa >> PAGE_SHIFT);
	if (s)
		*out = *s;
	return s;
}

/* Can the log of s learn of a write by a fault only? */
static bool protects(const struct vm *vm, const struct memslot *s)
{
	return s->dirty && !vm->slat.fmt->dirty;
}

/* The page at gpa has been written, or is about to be. vm->mmu_lock held. */
void memslot_written(struct slat *slat, u64 gpa)
{
	struct memslot *s = slot_at(container_of(slat, struct vm, slat), gpa >> PAGE_SHIFT);
	u64 page;

	if (!s || !s->dirty)
		return;
	page = (gpa >> PAGE_SHIFT) - s->gfn;
	s->dirty[page / 64] |= BIT(page % 64);
}

static void nothing(void *arg)
{
}

/* No CPU has translations of before this call any more. Sleeps not, but needs interrupts on. */
static void flush_guests(struct vm *vm)
{
	/* LAB 10: begin
	 * Two kinds of CPU may remember the old tables. One is in the guest now (vm->running has its bit): it
	 * must come out, and smp_call() sends it an interrupt and waits until it was taken; not to this CPU,
	 * which is here and not in the guest. The other was in it and will be again: enter_guest() in vcpu.c
	 * compares vm->slat_gen with what this vCPU saw last, and flushes on the way in when it differs. The
	 * first, too, comes back that way.
	 * enter_guest() sets its bit in running and then reads slat_gen. In which order do you write the one
	 * and read the other, so that one of the two sees the other in any case? Both are sequentially
	 * consistent atomics.
	 * starter: (void)nothing;
	 * starter: pr_err("lab 10: flush_guests() is not written yet");
	 */
	cpumask_t running;

	__atomic_fetch_add(&vm->slat_gen, 1, __ATOMIC_SEQ_CST);
	running = __atomic_load_n(&vm->running, __ATOMIC_SEQ_CST) & ~BIT(this_cpu()->id);
	if (running)
		/* out of the guest; on the way in again it flushes */
		smp_call(running, nothing, NULL);
	/* LAB 10: end */
}

/* Takes [gpa, end) away from the guest. mm->lock held. */
static void zap(struct vm *vm, u64 gpa, u64 end)
{
	/* LAB 10: begin
	 * Hide, flush, release, in this order (slat.h). vm->mmu_lock guards the tables, but a flush waits for
	 * other CPUs with interrupts on: it is done without the lock. Nothing hidden: no flush is needed.
	 * vm->mmu_seq counts calls of this function, under the lock: a fault that has found a frame, and not
	 * mapped it yet, learns from it that the frame may be the wrong one by now, also when nothing was mapped.
	 * starter: (void)flush_guests;
	 * starter: pr_err("lab 10: zap() is not written yet");
	 */
	bool any;

	spin_lock(&vm->mmu_lock);
	vm->mmu_seq++;
	any = slat_hide(&vm->slat, gpa, end);
	spin_unlock(&vm->mmu_lock);
	if (!any)
		return;
	flush_guests(vm);
	spin_lock(&vm->mmu_lock);
	slat_release_hidden(&vm->slat, gpa, end);
	spin_unlock(&vm->mmu_lock);
	/* LAB 10: end */
}

void memslot_invalidate(struct mm_notifier *n, struct mm *mm, u64 start, u64 end)
{
	struct vm *vm = container_of(n, struct vm, notifier);

	if (end == MM_ENDS) { /* nobody is left who could enter the guest */
		vm->nr_slots = 0;
		slat_free(&vm->slat, vm->slat.root, SLAT_TOP);
		vm->slat.root = NULL;
	}
	/* LAB 10: begin
	 * [start, end) of the monitor's memory is about to lose its frames, or its write access. Take away what
	 * of it the guest can see: any slot may show a piece, several may show the same. zap() wants
	 * guest-physical addresses. The slots do not change under mm->lock, which the caller has.
	 * starter: (void)vm;
	 * starter: pr_err("lab 10: memslot_invalidate() is not written yet");
	 */
	for (unsigned int i = 0; i < vm->nr_slots; i++) {
		const struct memslot *s = &vm->slots[i]; /* does not change under mm->lock */
		u64 lo = max(start, s->hva), hi = min(end, s->hva + (s->pages << PAGE_SHIFT));
		u64 gpa = s->gfn << PAGE_SHIFT;

		if (lo < hi)
			zap(vm, gpa + (lo - s->hva), gpa + (hi - s->hva));
	}
	/* LAB 10: end */
}

static bool region_valid(const struct kvm_userspace_memory_region *r)
{
	u64 end, hva_end;

	return r->slot < VMM_MAX_SLOTS &&
	       !(r->flags & ~(KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES)) &&
	       !((r->memory_size | r->guest_phys_addr | r->userspace_addr) & ~PAGE_MASK) &&
	       !__builtin_add_overflow(r->guest_phys_addr, r->memory_size, &end) &&
	       !__builtin_add_overflow(r->userspace_addr, r->memory_size, &hva_end) &&
	       end <= SLAT_LIMIT && hva_end <= USER_END;
}

/* May *slot become *new? As Linux: one that is there may move or go, not change its size. */
static int check_change(struct vm *vm, const struct memslot *slot, const struct memslot *new)
{
	if (!new->pages)
		return slot->pages ? 0 : -EINVAL;
	for (const struct memslot *o = vm->slots; o < vm->slots + VMM_MAX_SLOTS; o++)
		if (o != slot && o->pages && new->gfn < o->gfn + o->pages &&
		    o->gfn < new->gfn + new->pages)
			return -EEXIST;
	if (slot->pages && (slot->pages != new->pages || slot->hva != new->hva ||
			    ((slot->flags ^ new->flags) & KVM_MEM_READONLY)))
		return -EINVAL;
	return 0;
}

/* KVM_SET_USER_MEMORY_REGION: -EINVAL, -ENOMEM; -EEXIST when it overlaps another slot. */
int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *r)
{
	struct memslot new = {
		.gfn = r->guest_phys_addr >> PAGE_SHIFT,
		.pages = r->memory_size >> PAGE_SHIFT,
		.hva = r->userspace_addr,
		.flags = r->flags,
	};
	struct memslot *slot = &vm->slots[r->slot % VMM_MAX_SLOTS];
	u64 *old;
	int err;

	MUTEX_GUARD(&vm->lock);
	err = region_valid(r) ? check_change(vm, slot, &new) : -EINVAL;
	if (err)
		return err;
	if (new.pages && (r->flags & KVM_MEM_LOG_DIRTY_PAGES)) {
		new.dirty = slot->dirty ?: kzalloc(DIV_ROUND_UP(new.pages, 64) * sizeof(u64));
		if (!new.dirty)
			return -ENOMEM;
	}
	mutex_lock(&vm->mm->lock);
	/* While the log still has these pages; no fault finds a frame before we let go of mm->lock. */
	zap(vm, slot->gfn << PAGE_SHIFT, (slot->gfn + slot->pages) << PAGE_SHIFT);
	spin_lock(&vm->mmu_lock);
	vm->mmu_seq++;
	old = slot->dirty;
	*slot = new;
	vm->nr_slots = max(vm->nr_slots, r->slot + 1);
	spin_unlock(&vm->mmu_lock);
	mutex_unlock(&vm->mm->lock);
	if (old != new.dirty)
		kfree(old);
	return 0;
}

/* ---- the dirty log ---- */

/* Takes the bits out, a word at a time, and watches those pages again. */
int memslot_get_log(struct vm *vm, const struct kvm_dirty_log *log)
{
	u64 __user *to = (u64 __user *)log->dirty_bitmap;
	struct memslot *s = &vm->slots[log->slot % VMM_MAX_SLOTS];
	bool any = false;
	int err = 0;

	MUTEX_GUARD(&vm->lock);
	if (log->slot >= VMM_MAX_SLOTS || !s->dirty)
		return log->slot >= VMM_MAX_SLOTS ? -EINVAL : -ENOENT;
	for (u64 i = 0; 64 * i < s->pages && !err; i++) {
		u64 gpa = (s->gfn + 64 * i) << PAGE_SHIFT, n = min(64UL, s->pages - 64 * i), word;

		spin_lock(&vm->mmu_lock);
		any |= slat_watch(&vm->slat, gpa, gpa + n * PAGE_SIZE);
		word = s->dirty[i];
		s->dirty[i] = 0;
		spin_unlock(&vm->mmu_lock);
		err = put_user(word, &to[i]);
	}
	if (any)
		flush_guests(vm);
	return err;
}

/* Gives gpa the frame f unless something was invalidated since seq. -EAGAIN: begin again. */
static int map_frame(struct vm *vm, u64 gpa, struct frame *f, bool write, u64 seq)
{
	/* LAB 10: begin
	 * Under vm->mmu_lock: when vm->mmu_seq is seq still, slat_map(), and with write the dirty log hears of
	 * it, memslot_written(), unless the CPU tells (dirty of the format); else -EAGAIN. The reference to f is ours to give: without success it is put back. A
	 * frame that gave way (a read had mapped what was shared, now a write has its own copy) may be put only
	 * when no CPU has it any more: that flush, if it is another frame, is done without the lock.
	 * starter: (void)flush_guests;
	 * starter: frame_put(f);
	 * starter: pr_err("lab 10: map_frame() is not written yet");
	 * starter: return -ENOSYS;
	 */
	struct frame *old = NULL;
	int err;

	spin_lock(&vm->mmu_lock);
	err = vm->mmu_seq != seq ? -EAGAIN : slat_map(&vm->slat, gpa, f, write, &old);
	if (!err && write && !vm->slat.fmt->dirty)
		memslot_written(&vm->slat, gpa);
	spin_unlock(&vm->mmu_lock);
	if (old && old != f)
		flush_guests(vm); /* a read-only page gave way to the writable copy */
	if (err)
		frame_put(f);
	if (old)
		frame_put(old);
	return err;
	/* LAB 10: end */
}

static int fault_page(struct vm *vm, u64 gpa, bool write)
{
	/* LAB 10: begin
	 * The guest touched gpa, and its tables have no page there, or one that it may not write.
	 * memslot_find() and slot_hva() say which address of the monitor it is; -ENXIO when there is no slot, or
	 * when it is a write and the slot is KVM_MEM_READONLY (the caller takes it for a device).
	 * mm_get_frame() gives the frame behind that address with a reference, as a fault of the monitor would;
	 * it may sleep. ERR_PTR(-ENOMEM) is -ENOMEM, any other error -EFAULT.
	 * Then map_frame(). While you were looking, another CPU may have taken that very page from the monitor, or
	 * the slot: read vm->mmu_seq before you look (READ_ONCE, then barrier()), and begin anew at -EAGAIN, and
	 * also after an error when it has changed.
	 * starter: (void)map_frame;
	 * starter: pr_err("lab 10: fault_page() is not written yet");
	 * starter: return -ENOSYS;
	 */
	int err = -EAGAIN;
	struct memslot s;
	struct frame *f;
	u64 seq;

	do {
		seq = READ_ONCE(vm->mmu_seq);
		barrier();
		if (!memslot_find(vm, gpa, &s) || (write && (s.flags & KVM_MEM_READONLY)))
			return -ENXIO;
		/* A read leaves shared what is shared: the pages of a file, the page of zeros. */
		f = mm_get_frame(vm->mm, slot_hva(&s, gpa), write);
		if (IS_ERR(f) && READ_ONCE(vm->mmu_seq) != seq)
			continue; /* of a slot that has gone, maybe */
		if (IS_ERR(f))
			return PTR_ERR(f) == -ENOMEM ? -ENOMEM : -EFAULT;
		err = map_frame(vm, gpa, f, write, seq);
	} while (err == -EAGAIN);
	return err;
	/* LAB 10: end */
}

/*
 * Maps the pages beside gpa, which is mapped, that the monitor has in memory anyway, its files' pages mostly,
 * where there is none.
 */
static void map_around(struct vm *vm, u64 gpa)
{
	u64 a = ALIGN_DOWN(gpa, AROUND), end = a + AROUND, seq = READ_ONCE(vm->mmu_seq), writable;
	struct frame *frames[AROUND / PAGE_SIZE];
	struct memslot s;
	unsigned int n;

	barrier();
	if (!memslot_find(vm, gpa, &s))
		return;
	a = max(a, s.gfn << PAGE_SHIFT);
	n = (min(end, (s.gfn + s.pages) << PAGE_SHIFT) - a) / PAGE_SIZE;
	writable = mm_present_frames(vm->mm, slot_hva(&s, a), n, frames);
	if (protects(vm, &s) || (s.flags & KVM_MEM_READONLY))
		writable = 0;
	spin_lock(&vm->mmu_lock);
	if (vm->mmu_seq == seq)
		slat_fill(&vm->slat, a, frames, n, writable);
	spin_unlock(&vm->mmu_lock);
	while (n--)
		if (frames[n])
			frame_put(frames[n]);
}

/*
 * gpa is mapped. If the 2 MiB around it are in one slot, which may be written and is not logged, and there and in
 * the monitor's memory a row of frames on a boundary of 2 MiB, one leaf shows them all. True: now it does.
 */
static bool fold(struct vm *vm, u64 gpa)
{
	u64 seq = READ_ONCE(vm->mmu_seq), *table = NULL;
	struct frame *f;
	struct memslot s;

	barrier();
	gpa = ALIGN_DOWN(gpa, LARGE_PAGE_SIZE);
	if (!memslot_find(vm, gpa, &s) || s.dirty || (s.flags & KVM_MEM_READONLY) ||
	    (gpa + LARGE_PAGE_SIZE) >> PAGE_SHIFT > s.gfn + s.pages)
		return false;
	f = mm_find_block(vm->mm, slot_hva(&s, gpa));
	spin_lock(&vm->mmu_lock);
	if (f && vm->mmu_seq == seq)
		table = slat_fold(&vm->slat, gpa, f);
	spin_unlock(&vm->mmu_lock);
	if (!table)
		return false;
	flush_guests(vm);
	SPIN_GUARD(&vm->mmu_lock);
	slat_free(&vm->slat, table, 0);
	return true;
}

/* Exits are dear: a read maps its neighbours too, and writes in a row are gone ahead of. */
int memslot_fault(struct vm *vm, u64 gpa, bool write)
{
	u64 end = (gpa & PAGE_MASK) + PAGE_SIZE, last = end;
	struct memslot s;
	int err;

	gpa &= PAGE_MASK;
	err = fault_page(vm, gpa, write);
	if (err || fold(vm, gpa))
		return err;
	if (!write || gpa != READ_ONCE(vm->next_write))
		map_around(vm, gpa);
	else if (memslot_find(vm, gpa, &s) && !protects(vm, &s))
		last = min(gpa + AHEAD, (s.gfn + s.pages) << PAGE_SHIFT);
	while (end < last && !fault_page(vm, end, true))
		end += PAGE_SIZE;
	if (write)
		WRITE_ONCE(vm->next_write, end);
	return 0;
}

/* The kernel wrote there for the guest. */
static void log_write(struct vm *vm, u64 gpa)
{
	SPIN_GUARD(&vm->mmu_lock);
	memslot_written(&vm->slat, gpa);
}

int guest_copy(struct vm *vm, u64 gpa, void *buf, size_t n, bool write)
{
	while (n) {
		size_t part = min(n, (size_t)(PAGE_SIZE - (gpa & ~PAGE_MASK)));
		struct memslot s;
		void __user *at;

		if (!memslot_find(vm, gpa, &s) || (write && (s.flags & KVM_MEM_READONLY)))
			return -EFAULT;
		at = (void __user *)slot_hva(&s, gpa);
		if (write ? copy_to_user(at, buf, part) : copy_from_user(buf, at, part))
			return -EFAULT;
		if (write)
			log_write(vm, gpa);
		buf += part;
		gpa += part;
		n -= part;
	}
	return 0;
}

/* Sets D and A in a guest's page-table entry, as a write by the CPU does. -EAGAIN: somebody changed it meanwhile. */
static int mark_written(struct vm *vm, u64 at, u32 low)
{
	struct memslot s;
	u32 seen;

	if ((low & (PTE_A | PTE_D)) == (PTE_A | PTE_D))
		return 0;
	if (!memslot_find(vm, at, &s) || (s.flags & KVM_MEM_READONLY) ||
	    user_cmpxchg32((u32 __user *)slot_hva(&s, at), low, low | PTE_A | PTE_D, &seen))
		return -EFAULT;
	log_write(vm, at);
	return seen == low ? 0 : -EAGAIN;
}

/* The guest's own page walk (SDM 3A 4.3 to 4.6). */
static int walk(struct vcpu *v, u64 gva, u32 kind, u64 *gpa)
{
	u64 cr3 = vmm->get(v, VF_CR3), e = 0, rights = PTE_W | PTE_U;
	bool longmode = vmm->get(v, VF_EFER) & EFER_LMA, pae = vmm->get(v, VF_CR4) & CR4_PAE;
	unsigned int bits = pae ? 9 : 10, entry = pae ? 8 : 4;
	int level = longmode ? 3 : pae ? 2 : 1;
	u64 table = longmode ? cr3 & PTE_ADDR : pae ? cr3 & 0xffffffe0 : cr3 & 0xfffff000;

	for (;; level--) {
		unsigned int shift = PAGE_SHIFT + bits * level;
		u64 page = (1UL << shift) - 1,
		    at = table + ((gva >> shift) & ((1UL << bits) - 1)) * entry;
		bool pointers =
			pae && !longmode && level == 2; /* no rights, no size: SDM 3A, 4.4.1 */

		if (guest_copy(v->vm, at, &e, entry, false) || !(e & PTE_P))
			return -EFAULT;
		if (!pointers)
			rights &= e;
		table = e & PTE_ADDR;
		if (level && (!(e & PTE_PS) || level == 3 || pointers))
			continue;
		*gpa = (table & ~page) | (gva & page);
		if ((kind & PF_USER & ~rights) ||
		    ((kind & PF_WRITE & ~rights) &&
		     ((kind & PF_USER) || (vmm->get(v, VF_CR0) & CR0_WP))))
			return -EACCES;
		return kind & PF_WRITE ? mark_written(v->vm, at, e) : 0;
	}
}

int guest_translate(struct vcpu *v, u64 gva, u32 kind, u64 *gpa)
{
	int err;

	if (!(vmm->get(v, VF_EFER) & EFER_LMA))
		gva &= 0xffffffff;
	*gpa = gva;
	if (!(vmm->get(v, VF_CR0) & CR0_PG))
		return 0;
	do
		err = walk(v, gva, kind, gpa);
	while (err == -EAGAIN);
	return err;
}
