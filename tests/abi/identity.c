/* SPDX-License-Identifier: MIT */
/* Who a process is, as far as it is the same for everybody: ids of its own, prctl, capabilities. */
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>

#include "abi.h"

static void own_ids(void)
{
	uid_t r, e, s;
	gid_t gr, ge, gs;

	R(getresuid(&r, &e, &s));
	YES(r == getuid() && e == geteuid() && s == e);
	R(getresgid(&gr, &ge, &gs));
	YES(gr == getgid() && ge == getegid() && gs == ge);
	R(syscall(SYS_setuid, r));
	R(syscall(SYS_setgid, gr));
	R(syscall(SYS_setreuid, -1, -1));
	R(syscall(SYS_setresuid, -1, -1, -1));
	R(syscall(SYS_setresgid, gr, gr, gr));
	R(syscall(SYS_setuid, -1));
	R(syscall(SYS_setresuid, 0, 8, 16) == 0 || errno == EPERM ? 0 : -1);
	R(syscall(SYS_getresuid, 8, 8, 8));
	R(getgroups(-1, NULL));
	R(getgroups(0, NULL) >= 0 ? 0 : -1);
	YES(syscall(SYS_setfsuid, -1) == e || true);
}

static void system_names(void)
{
	struct utsname u;
	char host[65] = "";

	R(uname(&u));
	say("%s %s", u.sysname, u.machine);
	YES(u.release[0] >= '2' && strchr(u.release, '.'));
	R(gethostname(host, sizeof(host)));
	YES(!strcmp(host, u.nodename));
	R(sethostname("x", -1));
	R(syscall(SYS_sethostname, "x", 65) == -1 && (errno == EINVAL || errno == EPERM) ? 0 : -1);
}

static void process_controls(void)
{
	R(prctl(PR_GET_DUMPABLE));
	R(prctl(PR_SET_DUMPABLE, 0));
	R(prctl(PR_GET_DUMPABLE));
	R(prctl(PR_SET_DUMPABLE, 7));
	R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	R(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	say("inherited: %s",
	    ended(reap(fork() ?: (_exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)), 0))));
	R(prctl(PR_GET_KEEPCAPS));
	R(prctl(PR_SET_KEEPCAPS, 2));
	R(prctl(PR_CAPBSET_READ, CAP_KILL) >= 0 ? 0 : -1);
	R(prctl(PR_CAPBSET_READ, 64));
	R(prctl(12345));
}

static void capability_versions(void)
{
	struct __user_cap_header_struct h = { 0, 0 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	R(syscall(SYS_capget, &h, NULL));
	say("offered %#x", h.version);
	h.version = 0;
	R(syscall(SYS_capget, &h, d));
	h.version = _LINUX_CAPABILITY_VERSION_3;
	R(syscall(SYS_capget, &h, d));
	YES((d[0].effective & ~d[0].permitted) == 0);
	R(syscall(SYS_capset, &h, d)); /* what it has already */
	h.pid = 1 << 22;
	R(syscall(SYS_capget, &h, d));
	h.pid = -1;
	R(syscall(SYS_capget, &h, d));
}

static void scheduling(void)
{
	unsigned long set[16] = { 0 };
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(set), set);

	YES(n >= 8 && n % 8 == 0);
	YES(set[0] != 0);
	R(syscall(SYS_sched_setaffinity, 0, sizeof(set), set));
	memset(set, 0, sizeof(set));
	R(syscall(SYS_sched_setaffinity, 0, sizeof(set), set));
	R(syscall(SYS_sched_getaffinity, 1 << 22, sizeof(set), set));
	R(sched_yield());
	R(syscall(SYS_sched_getscheduler, 0));
	R(syscall(SYS_sched_get_priority_max, 0));
	R(syscall(SYS_sched_get_priority_max, 1));
	R(syscall(SYS_sched_get_priority_min, 1));
	R(syscall(SYS_sched_getscheduler, -1));
	unsigned cpu = 9999;

	R(syscall(SYS_getcpu, &cpu, NULL, NULL));
	YES(cpu < 1024);
}

static void thread_area(void)
{
	unsigned long fs = 0, gs = 1;

	R(syscall(SYS_arch_prctl, 0x1003, &fs)); /* ARCH_GET_FS */
	YES(fs != 0);
	R(syscall(SYS_arch_prctl, 0x1001, 0x12345000UL)); /* ARCH_SET_GS */
	R(syscall(SYS_arch_prctl, 0x1004, &gs));
	say("gs %#lx", gs);
	R(syscall(SYS_arch_prctl, 0x1001, 1UL << 63));
	R(syscall(SYS_arch_prctl, 0x1002, -1UL));
	R(syscall(SYS_arch_prctl, 0x9999, 0));
	R(syscall(SYS_arch_prctl, 0x1003, 8));
	say("kept over a fork: %s", ended(reap(fork()
						       ?: (syscall(SYS_arch_prctl, 0x1004, &gs),
							   _exit(gs == 0x12345000UL), 0))));
}

ABI_MAIN(CASE(own_ids), CASE(system_names), CASE(process_controls), CASE(capability_versions),
	 CASE(scheduling), CASE(thread_area))
