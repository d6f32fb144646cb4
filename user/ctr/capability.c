/* SPDX-License-Identifier: MIT */
/* What a container's root may do: names of capabilities (capabilities(7)), and the default seccomp filter. */
#include <sched.h>
#include <linux/capability.h>

#include "ctr.h"
#include "filter.h"

/* In the order of their numbers. */
static const char names[] =
	"CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP "
	"LINUX_IMMUTABLE "
	"NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO "
	"SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME "
	"SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN "
	"SYSLOG "
	"WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE ";

#define BIT(cap) (1ULL << (cap))

/* None of these reaches outside. */
const uint64_t default_capabilities = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) |
				      BIT(CAP_FOWNER) | BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) |
				      BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_SETFCAP) |
				      BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
				      BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);

uint64_t capability_bit(const char *name)
{
	int cap = name_index(names, name + (strncasecmp(name, "CAP_", 4) ? 0 : 4), true);

	return !strcasecmp(name, "ALL") ? CAPABILITIES_ALL : cap < 0 ? 0 : BIT(cap);
}

/* ---- seccomp(2) ---- */

/* Calls that a container has no use for, unless it has the capability that they ask for. */
#define NEVER 64
static const struct {
	short capability, calls[18]; /* 0 ends them: read(2) is not among them */
} denied[] = {
	{ CAP_SYS_ADMIN,
	  { SYS_mount, SYS_umount2, SYS_pivot_root, SYS_move_mount, SYS_open_tree, SYS_fsopen,
	    SYS_fsmount, SYS_fspick, SYS_fsconfig, SYS_mount_setattr, SYS_setns, SYS_unshare,
	    SYS_swapon, SYS_swapoff, SYS_quotactl, SYS_bpf, SYS_perf_event_open } },
	{ CAP_DAC_READ_SEARCH, { SYS_open_by_handle_at } },
	{ CAP_SYS_BOOT, { SYS_reboot, SYS_kexec_load, SYS_kexec_file_load } },
	{ CAP_SYS_MODULE, { SYS_init_module, SYS_finit_module, SYS_delete_module } },
	{ CAP_SYS_RAWIO, { SYS_iopl, SYS_ioperm } },
	{ CAP_SYS_PACCT, { SYS_acct } },
	{ CAP_SYS_TIME, { SYS_settimeofday, SYS_clock_settime } },
	{ CAP_SYSLOG, { SYS_syslog } },
	{ NEVER,
	  { SYS_userfaultfd, SYS_add_key, SYS_request_key, SYS_keyctl, SYS_io_uring_setup } },
};
#define NEW_ANY                                                                                    \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)
#define X32_BIT 0x40000000
#define REFUSE(err) RETURN(SECCOMP_RET_ERRNO | (err))

const struct sock_fprog *default_seccomp(uint64_t capabilities)
{
	static struct filter f; /* 14 instructions, and one for each call: jumps reach farther */
	static struct sock_fprog prog = { .filter = f.code };
	int first, last;

	f.n = 0;
	/* Other ABIs have other numbers: none of them. Below syslog(2) is no call that is denied. */
	FILTER_ADD(&f, LOAD(arch), JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0),
		   RETURN(SECCOMP_RET_KILL_PROCESS), LOAD(nr), JUMP(BPF_JGE, X32_BIT, 0, 1),
		   REFUSE(ENOSYS), JUMP(BPF_JGE, SYS_syslog, 0, 0));
	first = f.n;
	for (size_t i = 0; i < LENGTH(denied); i++) {
		if (denied[i].capability != NEVER && capabilities & BIT(denied[i].capability))
			continue;
		for (const short *call = denied[i].calls; *call; call++)
			f.code[f.n++] = (struct sock_filter)JUMP(BPF_JEQ, *call, 0, 0);
	}
	last = f.n;
	f.code[first - 1].jf = last - first;
	/* No namespace by clone. clone3's flags cannot be seen: a C library then takes clone. */
	if (!(capabilities & BIT(CAP_SYS_ADMIN)))
		FILTER_ADD(&f, JUMP(BPF_JEQ, SYS_clone3, 0, 1), REFUSE(ENOSYS),
			   JUMP(BPF_JEQ, SYS_clone, 0, 3), LOAD(args[0]),
			   JUMP(BPF_JSET, NEW_ANY, 0, 1), REFUSE(EPERM));
	FILTER_ADD(&f, RETURN(SECCOMP_RET_ALLOW), REFUSE(EPERM));
	for (int i = first; i < last; i++) /* to the second of them */
		f.code[i].jt = f.n - 2 - i;
	prog.len = f.n;
	return &prog;
}
