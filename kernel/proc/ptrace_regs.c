/* SPDX-License-Identifier: MIT */
/*
 * ptrace(2): the state of a stopped tracee that its tracer reads and changes: memory, registers, FPU,
 * what it stopped for, its mask. The tracee is off its CPU: its registers are those saved at the top
 * of its stack, and in the FPU area of its thread. What is written here reaches the CPU when
 * it runs on, so it is checked to be harmless there. Layouts: <sys/user.h>, ptrace(2), SDM 1, 13.4.
 */
#include "proc/internal.h"

#include <asm/ptrace.h>
#include <asm/sigcontext.h>
#include <linux/audit.h>
#include <linux/elf.h>
#include <linux/ptrace.h>
#include <linux/uio.h>

/* struct user_regs_struct: in words, the registers of struct regs without `vector`, then these. */
struct user_regs {
	struct pt_regs r;
	u64 fs_base, gs_base, ds, es, fs, gs;
};
#define NR_REGS (sizeof(struct user_regs) / 8)
#define REG(name) (offsetof(struct user_regs, name) / 8)
/* struct user: the registers first, much that is no longer filled in, the debug registers. */
#define USER_SIZE 928
#define USER_DEBUG (848 / 8) /* words */
#define MXCSR_MASK_DEFAULT 0xffbf /* SDM 1, 11.6.6 */
#define XFEATURE_FP_SSE 3UL
#define FX_SIZE 512 /* struct user_fpregs_struct: the legacy area of XSAVE */
#define FX_MXCSR 24
#define FX_MXCSR_MASK 28
#define FX_SOFTWARE 464 /* free for software; here the first word says which components there are */
#define XSAVE_HEADER 512
#define RFLAGS_DEBUGGER (RFLAGS_USER | RFLAGS_NT) /* NT does nothing here */

/* ---- general registers ---- */

/* Where register i is; NULL: a segment register that is always zero. */
static u64 *slot(struct task *t, unsigned int i)
{
	if (i == REG(fs_base))
		return &t->thread.fs_base;
	if (i == REG(gs_base))
		return &t->thread.gs_base;
	if (i >= REG(ds))
		return NULL;
	/* `vector` stands in front of orig_rax. */
	return (u64 *)thread_regs(&t->thread) + i + (i >= REG(r.orig_rax));
}

static u64 get_reg(struct task *t, unsigned int i)
{
	const u64 *at = slot(t, i);

	if (i == REG(r.orig_rax) && thread_regs(&t->thread)->vector != REGS_SYSCALL_VECTOR)
		return ~0UL; /* an exception has its error code there */
	if (i == REG(r.eflags) && t->ptrace.forced_tf)
		return *at & ~RFLAGS_TF;
	return at ? *at : 0;
}

/* The code and stack segments are what they are, the others zero; addresses stay in the user's half. */
static int check_reg(struct task *t, unsigned int i, u64 v)
{
	switch (i) {
	case REG(r.cs):
	case REG(r.ss):
	case REG(ds)... REG(gs):
		return v == get_reg(t, i) ? 0 : -EIO;
	case REG(r.rip): /* iret faults in ring 0 on one that is not canonical */
	case REG(fs_base):
	case REG(gs_base):
		return v < USER_END ? 0 : -EIO;
	}
	return 0;
}

static int set_reg(struct task *t, unsigned int i, u64 v)
{
	struct regs *r = thread_regs(&t->thread);
	int err = check_reg(t, i, v);

	if (err)
		return err;
	thread_set_work(&t->thread, THREAD_WORK_REGS);
	switch (i) {
	case REG(r.orig_rax):
		if (v == ~0UL && r->vector != REGS_SYSCALL_VECTOR)
			return 0;
		r->vector =
			REGS_SYSCALL_VECTOR; /* from now on it is in a call, maybe to be restarted */
		r->orig_rax = v;
		return 0;
	case REG(r.eflags):
		if (v & RFLAGS_TF)
			t->ptrace.forced_tf = false;
		else if (t->ptrace.forced_tf)
			v |= RFLAGS_TF;
		r->rflags = (r->rflags & ~RFLAGS_DEBUGGER) | (v & RFLAGS_DEBUGGER);
		return 0;
	}
	if (slot(t, i))
		*slot(t, i) = v;
	return 0;
}

/* RFLAGS.TF: a #DB after each instruction (SDM 3B, 17.3.1.4). If the program has set it, it stays. */
void ptrace_set_step(struct task *t, bool on)
{
	struct regs *r = thread_regs(&t->thread);

	t->ptrace.stepping = on;
	thread_set_work(&t->thread, THREAD_WORK_REGS);
	if (on && !(r->rflags & RFLAGS_TF)) {
		t->ptrace.forced_tf = true;
		r->rflags |= RFLAGS_TF;
	} else if (!on && t->ptrace.forced_tf) {
		t->ptrace.forced_tf = false;
		r->rflags &= ~RFLAGS_TF;
	}
}

/* n bytes of registers from the first on, whole words. */
static int get_regs(struct task *t, u8 __user *to, size_t n)
{
	u64 v[NR_REGS];

	for (unsigned int i = 0; i < NR_REGS; i++)
		v[i] = get_reg(t, i);
	return copy_to_user(to, v, n);
}

static int set_regs(struct task *t, const u8 __user *from, size_t n)
{
	u64 v[NR_REGS];
	int err = copy_from_user(v, from, n);

	for (unsigned int i = 0; !err && i < n / 8; i++)
		err = set_reg(t, i, v[i]);
	return err;
}

/* ---- debug registers (SDM 3B, 17.2): breakpoints in hardware ---- */

#define DR7_RESERVED 0xffffffff0000fc00UL /* and GD, which is not for programs */
#define DR7_ON(i) (3UL << (2 * (i))) /* locally, globally */
enum { DR_EXECUTE, DR_WRITE, DR_IO, DR_ACCESS }; /* the lower two bits of four for each in DR7 */

static u64 dr7_type(u64 dr7, unsigned int i)
{
	return dr7 >> (16 + 4 * i) & 3;
}

void ptrace_load_debug(void)
{
	const u64 *dr = current->ptrace.debug;

	load_breakpoints(dr);
	__asm__ volatile("mov %0, %%db7" ::"r"(dr[7]));
}

/*
 * DR7 stays in the CPU when its thread leaves: the next thread's hits, of which it knows nothing, are
 * where they are switched off.
 */
u64 ptrace_debug_hits(struct regs *regs, u64 dr6)
{
	u64 *dr = current->ptrace.debug, hits = 0;

	for (unsigned int i = 0; i < 4; i++) {
		if (!(dr6 & BIT(i)) || !(dr[7] & DR7_ON(i)))
			continue;
		hits |= BIT(i);
		if (dr7_type(dr[7], i) == DR_EXECUTE)
			regs->rflags |= RFLAGS_RF; /* the instruction itself comes next */
	}
	if (dr6 & DR6_HITS && !hits)
		__asm__ volatile("mov %0, %%db7" ::"r"(0UL));
	dr[6] = (dr6 & DR6_STEP) | hits;
	return hits;
}

void ptrace_forget_debug(struct task *t)
{
	if (!is_traced(t) && !t->ptrace.debug[7])
		return;
	memset(t->ptrace.debug, 0, sizeof(t->ptrace.debug));
	thread_clear_work(&t->thread, THREAD_WORK_DEBUG);
}

/* -EINVAL: a breakpoint that the CPU does not have, or would misplace. */
static int check_debug(const u64 *dr, u64 dr7)
{
	for (unsigned int i = 0; i < 4; i++) {
		u64 len = dr7 >> (18 + 4 * i) & 3, align = len == 2 ? 7 : len;

		if (!(dr7 & DR7_ON(i)))
			continue;
		if (dr7_type(dr7, i) == DR_IO || (dr7_type(dr7, i) == DR_EXECUTE && len) ||
		    dr[i] & align)
			return -EINVAL;
	}
	return 0;
}

static int set_debug(struct task *t, unsigned int n, u64 v)
{
	u64 *dr = t->ptrace.debug;

	if (n == 4 || n == 5)
		return -EIO;
	if (n == 6) {
		dr[6] = v ^ DR6_INIT;
		return 0;
	}
	if (n == 7)
		v &= ~DR7_RESERVED;
	if (n == 7 ? check_debug(dr, v) : v >= USER_END)
		return -EINVAL;
	dr[n] = v;
	if (dr[7])
		thread_set_work(&t->thread, THREAD_WORK_DEBUG);
	else
		thread_clear_work(&t->thread, THREAD_WORK_DEBUG);
	return 0;
}

/* ---- FPU ---- */

static int get_fpu(struct task *t, u8 __user *to, size_t n)
{
	u64 software[(XSAVE_HEADER - FX_SOFTWARE) / 8] = { fpu_xcr0 };
	u8 *area = t->thread.fpu;

	fpu_spell_out(area);
	if (n <= FX_SIZE)
		return copy_to_user(to, area, n);
	return copy_to_user(to, area, FX_SOFTWARE) ?:
	       copy_to_user(to + FX_SOFTWARE, software, sizeof(software)) ?:
	       copy_to_user(to + XSAVE_HEADER, area + XSAVE_HEADER, n - XSAVE_HEADER);
}

/* from: FX_SIZE bytes, or a whole area. XRSTOR must take it without a fault (SDM 1, 13.8). */
static int set_fpu(struct task *t, const u8 __user *from, size_t n)
{
	u8 *area = t->thread.fpu, *new = fpu_alloc();
	u64 header[8]; /* XSTATE_BV, XCOMP_BV, reserved */
	u32 mxcsr, mask;
	int err = -ENOMEM;

	if (!new)
		return err;
	err = copy_from_user(new, from, n);
	if (err)
		goto out;
	fpu_spell_out(area);
	memcpy(&mask, area + FX_MXCSR_MASK, sizeof(mask));
	memcpy(&mxcsr, new + FX_MXCSR, sizeof(mxcsr));
	memcpy(header, (n > FX_SIZE ? new : area) + XSAVE_HEADER, sizeof(header));
	if (n <= FX_SIZE)
		header[0] |= XFEATURE_FP_SSE;
	err = -EINVAL;
	if (mxcsr & ~(mask ? mask : MXCSR_MASK_DEFAULT))
		goto out;
	for (unsigned int i = 0; n > FX_SIZE && i < ARRAY_SIZE(header); i++)
		if (header[i] & ~(i ? 0 : fpu_xcr0))
			goto out;
	memcpy(area, new, n);
	if (fpu_xcr0)
		memcpy(area + XSAVE_HEADER, header, sizeof(header));
	err = 0;
out:
	fpu_free(new);
	return err;
}

/* ---- PTRACE_GETREGSET, PTRACE_SETREGSET ---- */

static int regset(struct task *t, bool set, u64 type, struct iovec __user *uiov)
{
	struct iovec iov;
	size_t size;
	int err;

	if (get_user(iov, uiov))
		return -EFAULT;
	switch (type) {
	case NT_PRSTATUS:
		size = sizeof(struct user_regs);
		break;
	case NT_PRFPREG:
		size = FX_SIZE;
		break;
	case NT_X86_XSTATE:
		size = fpu_xcr0 ? fpu_size : 0;
		break;
	default:
		return -EINVAL;
	}
	if (iov.iov_len % 8)
		return -EINVAL;
	if (!size)
		return -ENODEV;
	if (set && type != NT_PRSTATUS && iov.iov_len < size)
		return type == NT_PRFPREG ? -EINVAL : -EFAULT;
	iov.iov_len = min((size_t)iov.iov_len, size);
	if (type == NT_PRSTATUS)
		err = set ? set_regs(t, iov.iov_base, iov.iov_len)
			  : get_regs(t, iov.iov_base, iov.iov_len);
	else
		err = set ? set_fpu(t, iov.iov_base, iov.iov_len)
			  : get_fpu(t, iov.iov_base, iov.iov_len);
	return err ?: put_user(iov.iov_len, &uiov->iov_len);
}

/* ---- memory, and struct user as if it were memory ---- */

ssize_t vm_move(struct mm *mm, u64 addr, struct uio *u, size_t n, bool write, bool forced)
{
	char *page = kmalloc(PAGE_SIZE);
	ssize_t r = -ENOMEM;
	size_t done = 0;

	while (page && done < n && !thread_killed()) {
		u64 at = addr + done;
		size_t part = min(n - done, PAGE_SIZE - at % PAGE_SIZE);

		r = write ? uio_get(u, page, part) : (ssize_t)part;
		if (r > 0)
			r = forced ? mm_access_forced(mm, at, page, r, write)
				   : mm_access(mm, at, page, r, write);
		if (r < 0 && forced)
			r = -EIO;
		if (r > 0 && !write)
			r = uio_put(u, page, r);
		if (r <= 0)
			break;
		done += r;
	}
	kfree(page);
	return done ? (ssize_t)done : r;
}

static int access_word(struct task *t, u64 addr, u64 *v, bool write)
{
	struct mm *mm = task_mm_get(t);
	ssize_t n = mm ? mm_access_forced(mm, addr, v, sizeof(*v), write) : 0;

	if (mm)
		mm_put_user(mm);
	return n == sizeof(*v) ? 0 : -EIO;
}

static int peek_user(struct task *t, u64 addr, u64 __user *to)
{
	u64 n = addr / 8 - USER_DEBUG, v = 0;

	if (addr % 8 || addr >= USER_SIZE)
		return -EIO;
	if (addr / 8 < NR_REGS)
		v = get_reg(t, addr / 8);
	else if (n < 8)
		v = t->ptrace.debug[n] ^ (n == 6 ? DR6_INIT : 0);
	return put_user(v, to);
}

static int poke_user(struct task *t, u64 addr, u64 v)
{
	u64 n = addr / 8 - USER_DEBUG;

	if (addr % 8 || (addr / 8 >= NR_REGS && n >= 8))
		return -EIO;
	return addr / 8 < NR_REGS ? set_reg(t, addr / 8, v) : set_debug(t, n, v);
}

/* ---- what it stopped for ---- */

static int signal_info(struct task *t, bool set, siginfo_t __user *user)
{
	siginfo_t info;
	int err = -EINVAL;

	if (set && get_user(info, user))
		return -EFAULT;
	spin_lock(&t->proc->siglock);
	if (t->ptrace.info) {
		if (set)
			*t->ptrace.info = info;
		else
			info = *t->ptrace.info;
		err = 0;
	}
	spin_unlock(&t->proc->siglock);
	return err ?: set ? 0 : put_user(info, user);
}

/* The at-th of a queue: false when it has fewer. */
static bool pending_at(struct task *t, const struct sigpending *sp, u64 at, siginfo_t *info)
{
	struct ksiginfo *q;
	bool found = false;

	spin_lock(&t->proc->siglock);
	list_for_each(q, &sp->queue, link) {
		if (at--)
			continue;
		*info = q->info;
		found = true;
		break;
	}
	spin_unlock(&t->proc->siglock);
	return found;
}

/* PTRACE_PEEKSIGINFO: copies of signals that wait, which go on waiting; how many. */
static long peek_pending(struct task *t, const void __user *uargs, siginfo_t __user *user)
{
	struct ptrace_peeksiginfo_args args;
	siginfo_t info;
	s32 n;

	if (copy_from_user(&args, uargs, sizeof(args)))
		return -EFAULT;
	if (args.flags & ~PTRACE_PEEKSIGINFO_SHARED || args.nr < 0)
		return -EINVAL;
	for (n = 0; n < args.nr; n++) {
		if (!pending_at(t, args.flags ? &t->proc->pending : &t->pending, args.off + n,
				&info))
			break;
		if (put_user(info, &user[n]))
			return n ?: -EFAULT;
		if (thread_interrupted())
			return n + 1;
		cond_resched();
	}
	return n;
}

static int signal_mask(struct task *t, bool set, u64 size, ksigset_t __user *user)
{
	ksigset_t mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (set && get_user(mask, user))
		return -EFAULT;
	spin_lock(&t->proc->siglock);
	if (set) {
		t->blocked = mask & ~SIGS_UNBLOCKABLE;
		t->restore_mask = false;
	} else {
		mask = t->restore_mask ? t->saved_mask : t->blocked;
	}
	spin_unlock(&t->proc->siglock);
	return set ? 0 : put_user(mask, user);
}

static long syscall_info(struct task *t, u64 size, void __user *user)
{
	struct regs *r = thread_regs(&t->thread);
	struct ptrace_syscall_info info = {
		.op = PTRACE_SYSCALL_INFO_NONE,
		.arch = AUDIT_ARCH_X86_64,
		.instruction_pointer = r->rip,
		.stack_pointer = r->rsp,
	};
	u64 args[] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };
	size_t have = offsetof(struct ptrace_syscall_info, entry);
	const siginfo_t *why = t->ptrace.info;
	u64 which = why && why->si_code == (SIGTRAP | PTRACE_SYSGOOD) ? t->ptrace.message : 0;
	bool filtered = why && why->si_code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8);

	if (filtered || which == PTRACE_EVENTMSG_SYSCALL_ENTRY) {
		info.op = filtered ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
		info.entry.nr = (int)r->orig_rax;
		memcpy(info.entry.args, args, sizeof(args));
		have = offsetof(struct ptrace_syscall_info, entry.args) + sizeof(args);
		if (filtered) { /* as an entry, and the filter's word */
			info.seccomp.ret_data = t->ptrace.message;
			have = offsetof(struct ptrace_syscall_info, seccomp.ret_data) + 4;
		}
	} else if (which == PTRACE_EVENTMSG_SYSCALL_EXIT) {
		info.op = PTRACE_SYSCALL_INFO_EXIT;
		info.exit.rval = r->rax;
		info.exit.is_error = r->rax >= -MAX_ERRNO;
		have = offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
	}
	return copy_to_user(user, &info, min(size, have)) ?: (long)have;
}

long ptrace_state_request(struct task *t, long request, u64 addr, u64 data)
{
	void __user *user = (void __user *)data;
	u64 word;

	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return access_word(t, addr, &word, false) ?: put_user(word, (u64 __user *)user);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return access_word(t, addr, &data, true);
	case PTRACE_PEEKUSR:
		return peek_user(t, addr, user);
	case PTRACE_POKEUSR:
		return poke_user(t, addr, data);
	case PTRACE_GETREGS:
		return get_regs(t, user, sizeof(struct user_regs));
	case PTRACE_SETREGS:
		return set_regs(t, user, sizeof(struct user_regs));
	case PTRACE_GETFPREGS:
		return get_fpu(t, user, FX_SIZE);
	case PTRACE_SETFPREGS:
		return set_fpu(t, user, FX_SIZE);
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return regset(t, request == PTRACE_SETREGSET, addr, user);
	case PTRACE_GETSIGINFO:
	case PTRACE_SETSIGINFO:
		return signal_info(t, request == PTRACE_SETSIGINFO, user);
	case PTRACE_PEEKSIGINFO:
		return peek_pending(t, (void __user *)addr, user);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return signal_mask(t, request == PTRACE_SETSIGMASK, addr, user);
	case PTRACE_GETEVENTMSG:
		return put_user(t->ptrace.message, (u64 __user *)user);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(t, addr, user);
	case PTRACE_ARCH_PRCTL:
		return task_arch_prctl(t, data, addr);
	default:
		return -EIO;
	}
}
