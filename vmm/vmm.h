/* SPDX-License-Identifier: MIT */
/*
 * The inside of vmm/: a virtual machine is a CPU made into an object. kvm.c makes struct vm, vm.c and
 * memslot.c give it memory, slat.c the second-level page tables, vcpu.c runs struct vcpu, exit.c
 * decides what an exit means. Nothing here says Intel or AMD: vmx/ and svm/ stand behind one
 * struct vmm_ops and turn what the hardware reports into struct vmm_exit.
 *
 * Locks, from the outside in: vcpu->lock (one ioctl of a vCPU at a time), vm->lock (slots and vCPUs
 * are added), mm->lock, then spinlocks: vm->mmu_lock (slots, second-level tables); vm->fd_lock, an
 * eventfd's own, irqchip->lock (PIC, IOAPIC, PIT, routes), lapic->lock.
 */
#pragma once
#include "proc/proc.h"
#include "vmm/decode.h"
#include "vmm/slat.h"

#include <asm/kvm_para.h>
#include <linux/kvm.h>

#define VMM_MAX_VCPUS 32
#define VMM_MAX_SLOTS 64
#define VMM_MAX_CPUID 80
#define VMM_MAX_ROUTES 4096 /* and highest GSI, plus 1: Linux's KVM_MAX_IRQ_ROUTES */
#define VMM_LOGGED_REFUSALS 8 /* of a vCPU */
#define NR_IOBUS_DEVS 1000 /* ioeventfds, and zones of coalesced writes, as on Linux: -ENOSPC */
#define MTRR_PAIRS 8 /* as on Linux */
#define VMM_MIN_MMU_PAGES 64 /* Linux's KVM_MIN_ALLOC_MMU_PAGES */
/* What a vCPU's file maps: kvm_run, port I/O data, the VM's ring of coalesced writes. */
#define VMM_RUN_PAGES 3

struct memslot {
	u64 gfn, pages; /* guest page frames [gfn, gfn + pages); pages 0: the slot is free */
	u64 hva; /* in the monitor's address space */
	u32 flags; /* KVM_MEM_READONLY, KVM_MEM_LOG_DIRTY_PAGES */
	u64 *dirty; /* while it is logged: a bit a page that was written since the monitor asked */
};

struct vm {
	ref_t refs; /* the VM's file, each vCPU's file */
	struct mm *mm; /* the monitor's; only it may use the VM */
	struct res_counter *charge; /* who pays for tables and vCPUs */
	struct irqchip *irqchip; /* NULL until KVM_CREATE_IRQCHIP */
	struct pit *pit; /* NULL until KVM_CREATE_PIT2, which may come first */
	u64 tsc_offset;
	u64 clock_tsc, clock_ns; /* at this host TSC the guest's kvmclock shows that */
	u32 clock_seq; /* counts changes of the two, from 1; atomic */
	u64 wall_msr;

	struct mutex lock; /* guards slot changes and vCPU creation */
	unsigned int nr_vcpus;
	struct vcpu *vcpus[VMM_MAX_VCPUS]; /* by id; set once, freed with the VM */

	spinlock_t mmu_lock; /* guards down to slat */
	struct memslot slots[VMM_MAX_SLOTS];
	unsigned int nr_slots; /* those behind were never set */
	u64 mmu_seq; /* counts invalidations: a fault that saw another value begins again */
	struct slat slat;
	struct mm_notifier notifier;

	struct frame *ring; /* of coalesced writes */
	spinlock_t fd_lock; /* guards the lists */
	struct list_head irqfds, takers;

	u64 next_write; /* a write fault here continues a row: a hint, races are harmless */

	/* atomics: who must hear of a table that changed */
	u64 slat_gen; /* a vCPU that saw an older one flushes before it enters */
	cpumask_t running; /* CPUs that are about to be, or are, in this guest */
};

#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE) /* what a guest may set */

/* General registers by their number in instruction encodings. */
enum { R_RAX, R_RCX, R_RDX, R_RBX, R_RSP, R_RBP, R_RSI, R_RDI };

struct vcpu_regs { /* entry.S of both back-ends knows the order */
	u64 gpr[16];
	u64 rip, rflags, cr2;
};

/*
 * What enters the guest through its IDT. Both vendors write it alike: VM-entry interruption information
 * (SDM 3C 25.8.3), EVENTINJ and EXITINTINFO (APM 2 15.20).
 */
enum { EVENT_INTR = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3 };
struct vmm_event {
	union {
		u32 info;
		struct {
			u32 vector : 8, type : 3, has_error : 1, reserved : 19, valid : 1;
		};
	};
	u32 error;
};

enum vmm_exit_kind {
	VX_UNKNOWN,
	VX_RESUME, /* nothing left to do: a host interrupt, or the back-end has dealt with it */
	VX_SLAT_FAULT, /* second-level fault at mem.gpa */
	VX_EXCEPTION, /* taken away from the guest, goes back into it */
	VX_INTR_WINDOW,
	VX_TRIPLE_FAULT,
	VX_FAIL_ENTRY, /* the hardware refused the state; reason is its number */
	/* From here on an instruction was to be executed, and was not. */
	VX_INSN,
	VX_IO = VX_INSN,
	VX_HLT,
	VX_PAUSE, /* the guest waits in a loop */
	VX_CPUID,
	VX_RDMSR,
	VX_WRMSR,
	VX_CR, /* MOV to or from a control register: decode.c says which */
	VX_DR, /* first touch of a debug register */
	VX_XSETBV,
	VX_SKIP, /* one without effect here (WBINVD) */
	VX_UNDEFINED, /* one that this guest does not have */
	VX_PROTECTED, /* one that it may not use: #GP(0) */
	VX_HYPERCALL,
};
struct vmm_exit {
	enum vmm_exit_kind kind;
	u64 reason; /* the vendor's number, for reports */
	u64 next_rip; /* 0: the hardware did not say; decode.c does */
	union {
		struct {
			u16 port;
			u8 size;
			bool in, string;
		} io;
		struct {
			u64 gpa;
			bool write;
		} mem;
		struct {
			struct vmm_event exception;
			u64 dr6; /* bits of it that #DB sets */
		};
	};
};

/* State that lives in the VMCS or VMCB, by name. */
enum vmm_field {
	VF_CR0,
	VF_CR3,
	VF_CR4,
	VF_EFER,
	VF_DR7,
	VF_PAT,
	VF_FS_BASE,
	VF_GS_BASE,
	VF_KERNEL_GS_BASE,
	VF_STAR,
	VF_LSTAR,
	VF_CSTAR,
	VF_SFMASK,
	VF_SYSENTER_CS,
	VF_SYSENTER_ESP,
	VF_SYSENTER_EIP,
	VF_TSC_OFFSET,
	VF_INTR_SHADOW, /* 1: after STI or MOV SS no interrupt comes in before the next instruction */
	VF_NMI_BLOCKED, /* 1: the guest is in its NMI handler (VMX knows; SVM says 0) */
	VF_INTR_WINDOW, /* 1: exit as soon as the guest could take an interrupt */
	VF_DR_INTERCEPT,
	VF_EXCEPTIONS, /* by bit, those that exit; write only */
};
/* Both can loop for ever inside the CPU while it delivers them; seen from here they cannot. */
#define VMM_EXCEPTIONS (BIT(VEC_DB) | BIT(VEC_AC))
/* Each #DB is the monitor's. */
#define VMM_DEBUG_DB (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP)
#define VMM_DEBUG (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP | VMM_DEBUG_DB)
#define DR6_INIT 0xffff0ff0UL
#define DR6_BITS (0xf | BIT(13) | BIT(14)) /* breakpoints, BD, BS */
#define DR7_FIXED 0x400UL
/* Segments as instructions number them, then LDTR and TR, then the two tables (base and limit only). */
enum vmm_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_LDT, SEG_TR, SEG_GDT, SEG_IDT };

/*
 * A back-end. All but probe, setup and vcpu_init run with the vCPU loaded on this CPU
 * (vcpu_load); load, unload, swap_in, swap_out and enter also with interrupts off.
 */
struct vmm_ops {
	const char *name;
	const struct slat_format *slat;
	/* NULL when this CPU can run guests, else why not. Any CPU. */
	const char *(*probe)(void);
	void (*setup)(void); /* fills in the tables shared by all VMs: at boot */
	/* Turns the mode on and off on this CPU; page: 2 * PAGE_SIZE zeroed, its own while on. 0, -EBUSY */
	int (*cpu_on)(void *page);
	void (*cpu_off)(void);
	size_t hw_size; /* of v->hw */
	void (*vcpu_init)(struct vcpu *v); /* the state after RESET in v->hw_page and v->hw */
	void (*load)(struct vcpu *v); /* this CPU works on v from now on */
	void (*unload)(struct vcpu *v); /* nothing of v stays in this CPU */
	/* guest MSRs that the host does not miss inside the kernel */
	void (*swap_in)(struct vcpu *v);
	void (*swap_out)(struct vcpu *v);
	/* Runs the guest until it exits; v->regs goes in and comes out. flush: forget translations. */
	void (*enter)(struct vcpu *v, bool flush, struct vmm_exit *x);
	void (*inject)(struct vcpu *v, const struct vmm_event *e); /* at the next enter */
	/* After VX_FAIL_ENTRY: a log line for each rule that the state breaks. How many */
	unsigned int (*explain)(struct vcpu *v, u64 reason);
	u64 (*get)(struct vcpu *v, enum vmm_field f);
	void (*set)(struct vcpu *v, enum vmm_field f, u64 value);
	void (*get_segment)(struct vcpu *v, enum vmm_seg i, struct kvm_segment *s);
	void (*set_segment)(struct vcpu *v, enum vmm_seg i, const struct kvm_segment *s);
};
extern const struct vmm_ops vmx_ops, svm_ops;
extern const struct vmm_ops *vmm; /* the one this machine has */

/* What a CPU has while virtualization is on: this_cpu()->vmm. */
struct vmm_cpu {
	u8 page[2 * PAGE_SIZE]; /* of cpu_on(): the hardware's */
	u64 tlb_owner; /* serial of the vCPU whose translations are tagged with our one tag */
};

struct vcpu {
	struct vm *vm;
	u32 id;
	u64 serial; /* never used twice */
	struct frame *frame[3]; /* run, pio, hw_page */
	struct kvm_run *run; /* user space writes it at any time: read once, check, use */
	u8 *pio;
	struct lapic *lapic; /* NULL without an irqchip */
	void *hw_page; /* VMCS or VMCB */
	void *hw; /* what else the back-end knows of it: behind this structure */

	struct mutex lock; /* guards the rest */
	struct vcpu_regs regs; /* current whenever the guest does not run */
	u64 dr[4], dr6;
	u64 debug_dr[4]; /* the monitor's breakpoints, which take the place of dr */
	u64 guest_dr7; /* meanwhile */
	bool dr_used; /* either is in the debug registers while the guest is swapped in */
	u64 xcr0;
	void *fpu;
	u64 misc_enable, tsc_adjust;
	u64 mtrr[2 * MTRR_PAIRS + 12]; /* bases and masks, the fixed ones, the default type */
	u32 debug; /* KVM_SET_GUEST_DEBUG's control */
	bool stepped; /* an instruction was done for the guest */
	unsigned int refusals; /* of the hardware to enter; the log says why of the first ones */
	bool has_sigmask;
	ksigset_t sigmask; /* KVM_SET_SIGNAL_MASK's, during KVM_RUN */
	u64 clock_msr, steal_msr; /* KVM's MSRs: address of the page, and bit 0: it is on */
	u32 clock_seq, clock_version; /* what the clock's page says */
	struct kvm_steal_time steal; /* what the other page says */
	/* to be injected first: a fault of ours, or one cut short by an exit */
	struct vmm_event event;
	bool shadow; /* VF_INTR_SHADOW may be set: as it was at the last exit */
	int user_irq; /* vector of KVM_INTERRUPT, for monitors without an irqchip, or -1 */
	/* what the monitor still has to do: applied when it calls KVM_RUN again */
	struct {
		enum { WAIT_NOTHING, WAIT_IN, WAIT_MMIO, WAIT_STRING_IN } kind;
		u64 next_rip; /* of WAIT_IN */
		u8 size;
		struct insn insn;
		u32 done, count; /* elements of a string in pio: where they belong; in all */
		/* of WAIT_MMIO: the value, or what is known of it, and where it is */
		bool write;
		u64 value;
		u32 next, nr;
		struct piece {
			u64 gpa;
			u8 from, len; /* bytes of value */
		} piece[2];
	} wait;
	unsigned int nr_cpuid;
	struct kvm_cpuid_entry2 *cpuid;

	struct thread *thread; /* that is inside vcpu_load() */
	struct switch_hook hook;
	bool swapped; /* guest FPU, XCR0, MSRs are in the CPU */
	int hw_cpu; /* CPU that caches v's hardware state, or -1 */
	u64 seen_gen;

	/* atomics */
	struct waitq halted;
	u32 mp_state; /* KVM_MP_STATE_* */
	int guest_cpu; /* CPU that is in the guest, or -1 */
	bool nmi_pending;
};

/*
 * Lists of the monitor (struct kvm_cpuid2, kvm_msrs, ...) begin with their length; it is read first and as such,
 * for the pointer may be NULL, which has no members.
 */

/* kvm.c */
extern u64 vmm_nr_vms, vmm_nr_vcpus;
long kvm_system_ioctl(struct file *f, unsigned int cmd, unsigned long arg);
/* An ioctl of a VM or a vCPU about a structure, arg; set: nothing goes back to the monitor. */
typedef long ioctl_fn(void *obj, unsigned int cmd, void *arg, bool set);
/* Copies the structure that cmd is about in, calls call(), copies it out. -EFAULT, -ENOMEM, -ENOTTY */
long ioctl_struct(void *obj, unsigned int cmd, void __user *arg, ioctl_fn *call);
/* What KVM_GET_X and KVM_SET_X do where the monitor's structure is our own. */
void ioctl_move(void *kept, void *arg, size_t n, bool set);
int vmm_hw_get(void); /* turns virtualization on everywhere for the first VM. -EBUSY, -ENOMEM */
void vmm_hw_put(void);

/* vm.c */
struct file *vm_create(void); /* ERR_PTR */
void vm_put(struct vm *vm);
extern const struct file_ops vm_fops;

/* irqfd.c */
int irqfd_ioctl(struct vm *vm, const struct kvm_irqfd *a);
void irqfds_free(struct vm *vm);

/* bus.c */
/* KVM_IOEVENTFD: -EINVAL, -EBADF, -EEXIST: a write would signal two; -ENOENT, -ENOMEM, -ENOSPC */
int ioeventfd_ioctl(struct vm *vm, struct kvm_ioeventfd *a);
/* KVM_REGISTER_COALESCED_MMIO: -EINVAL, -ENOMEM, -ENOSPC; gone: KVM_UNREGISTER_..., zones that hold all of this one */
int coalesce_ioctl(struct vm *vm, const struct kvm_coalesced_mmio_zone *z, bool gone);
/* The guest wrote len bytes to a port or an address. True: that is all, the monitor knows or will find it in the ring. */
bool bus_write(struct vm *vm, bool port, u64 addr, u8 len, u64 value);
void bus_free(struct vm *vm);

/* clock.c */
#define CLOCK_FLAGS (KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)
/* kvmclock shows ns now; vm->lock held, or nobody else there */
void clock_set(struct vm *vm, u64 ns);
/* KVM_GET_CLOCK, KVM_SET_CLOCK */
int clock_ioctl(struct vm *vm, struct kvm_clock_data *c, bool set);
void clock_publish(struct vcpu *v); /* before an entry: what changed goes to the guest's pages */
/* Of an MSR: 0, or -EINVAL: the guest gets #GP, the monitor stops there. host: it is the monitor's access. */
typedef int msr_fn(struct vcpu *v, u32 msr, u64 *value, bool write, bool host);
msr_fn clock_wall_msr, clock_page_msr;

/* memslot.c */
void memslot_written(struct slat *slat, u64 gpa); /* of a VM; to the dirty log */
int memslot_set(struct vm *vm, const struct kvm_userspace_memory_region *r);
/* KVM_GET_DIRTY_LOG. -EINVAL, -EFAULT; -ENOENT: it is not logged */
int memslot_get_log(struct vm *vm, const struct kvm_dirty_log *log);
/* The slot that holds gpa into *out (a copy). False: nobody's memory. */
bool memslot_find(struct vm *vm, u64 gpa, struct memslot *out);
/* Maps the page at gpa in the second level. 0; -ENXIO: not memory (or write to read-only): MMIO. */
int memslot_fault(struct vm *vm, u64 gpa, bool write);
void memslot_invalidate(struct mm_notifier *n, struct mm *mm, u64 start, u64 end);
/* Reads or writes guest-physical memory through the slots, for the current thread in vm->mm. 0 or -EFAULT. */
int guest_copy(struct vm *vm, u64 gpa, void *buf, size_t n, bool write);
/*
 * The guest-physical address behind a linear one in v's paging mode, for an access of this kind: 0 (nothing is
 * checked), or PF_WRITE, PF_USER. 0; -EFAULT: a table or page is not there; -EACCES: it does not allow that.
 */
int guest_translate(struct vcpu *v, u64 gva, u32 kind, u64 *gpa);

/* vcpu.c */
struct file *vcpu_create(struct vm *vm, u32 id);
void vcpu_free(struct vcpu *v);
/* Makes v's hardware state accessible to this thread until vcpu_unload(); v->lock held. May sleep
 * in between: the hook follows the thread. */
void vcpu_load(struct vcpu *v);
void vcpu_unload(struct vcpu *v);
/* Something happened that v should look at: wakes it from HLT, brings it out of the guest. Any context. */
void vcpu_kick(struct vcpu *v);
long vcpu_run(struct vcpu *v); /* KVM_RUN; loaded */
void vcpu_load_debug(struct vcpu *v); /* DR0-3 and DR6 into the CPU */
/* XCR0 of a vCPU that is swapped in: not every CPU exits when the guest writes it (SVM in QEMU). */
void vcpu_read_xcr0(struct vcpu *v);

/* state.c: registers in and out; loaded */
extern const struct file_ops vcpu_fops;
void vcpu_reset(struct vcpu *v); /* as after INIT; the FPU, TSC and MSRs stay */
void vcpu_start_at(struct vcpu *v, u8 sipi_vector);
void move_field(struct vcpu *v, enum vmm_field f, void *value, bool set); /* as ioctl_move() */
/* A segment's access rights as a VMCS has them (SDM 3C 25.4.1). */
#define SEGMENT_UNUSABLE BIT(16)
u32 segment_rights(const struct kvm_segment *s);
void segment_set_rights(struct kvm_segment *s, u32 rights);

/* exit.c: 1: enter the guest again; 0: tell the monitor (v->run filled in); -errno */
int exit_handle(struct vcpu *v, struct vmm_exit *x);
int inject_ud(struct vcpu *v, struct vmm_exit *x); /* #UD. 1 */
/* KVM_EXIT_IO: count elements of size bytes, which are, or will be, in v->pio. */
void ask_port(struct vcpu *v, u16 port, u8 size, bool in, u32 count);
/* KVM_EXIT_DEBUG for #DB, with these bits of DR6, or #BP. 0 */
int exit_debug(struct vcpu *v, u32 vector, u64 dr6);
/* Takes up the monitor's answer to the last I/O exit. Loaded. 1; 0: there is more to ask. */
int exit_complete(struct vcpu *v);
/* The instruction at RIP. -EINVAL: not there, or not known to the decoder. */
int decode_current(struct vcpu *v, struct insn *in);
void goto_rip(struct vcpu *v, u64 rip); /* on to the next instruction */
/* KVM_EXIT_INTERNAL_ERROR: the guest did what this hypervisor cannot do for it. 0 */
int give_up(struct vcpu *v, struct vmm_exit *x);
/* Real mode pushes no error code: then has_error does not count. */
struct vmm_event exception(u8 vector, bool has_error, u32 error);
/* The exit cut short the delivery of this (as struct vmm_event has it): it goes in again. */
void exit_save_event(struct vcpu *v, u32 info, u32 error);

/* emulate.c: as exit.c's */
int emulate_mmio(struct vcpu *v, struct vmm_exit *x); /* an access to memory that no slot backs */
int emulate_string_io(struct vcpu *v, struct vmm_exit *x); /* INS and OUTS */
int emulate_resume(struct vcpu *v); /* the monitor's answer to either has come */

/* cpuid.c */
long cpuid_supported(struct kvm_cpuid2 __user *arg); /* KVM_GET_SUPPORTED_CPUID */
void cpuid_emulate(struct vcpu *v); /* from and to v->regs; loaded */
void cpuid_own(struct vcpu *v, struct kvm_cpuid_entry2 *e); /* what follows v's registers */
struct kvm_cpuid_entry2 *cpuid_find(struct vcpu *v, u32 leaf, u32 sub);
#define CPUID_1_ECX_X2APIC BIT(21)
unsigned int guest_phys_bits(struct vcpu *v); /* of a guest-physical address, says its CPUID */
bool xcr0_valid(struct vcpu *v, u64 value); /* does its CPUID show these? */

/* msr.c */
msr_fn msr_access;
long msr_list(struct kvm_msr_list __user *arg); /* KVM_GET_MSR_INDEX_LIST */
u64 cr4_guest_mask(struct vcpu *v); /* bits the guest may set */
