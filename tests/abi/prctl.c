/* SPDX-License-Identifier: MIT */
/* prctl(2), personality(2), capabilities and what else a process says about itself. */
#include "abi.h"

#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static long pr(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	return syscall(SYS_prctl, op, a, b, c, d);
}

static void become_nobody(void)
{
	if (!geteuid() && (setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
		say("still root");
}

static void names(void)
{
	char name[20];

	memset(name, 0xee, sizeof(name));
	R(pr(PR_SET_NAME, (long)"a name that is too long", 0, 0, 0));
	R(pr(PR_GET_NAME, (long)name, 0, 0, 0));
	say("%s, byte 16 %s", name, name[16] == (char)0xee ? "untouched" : "written");
	R(pr(PR_SET_NAME, (long)"", 0, 0, 0));
	R(pr(PR_GET_NAME, (long)name, 0, 0, 0));
	say("[%s]", name);
	R(pr(PR_SET_NAME, 8, 0, 0, 0));
	R(pr(PR_GET_NAME, 8, 0, 0, 0));
}

static void unknown(void)
{
	R(pr(0, 0, 0, 0, 0));
	R(pr(-1, 0, 0, 0, 0));
	R(pr(9999, 0, 0, 0, 0));
	R(pr(PR_GET_UNALIGN, 0, 0, 0, 0));
	R(pr(PR_SET_FPEMU, 0, 0, 0, 0));
	R(pr(PR_GET_ENDIAN, 0, 0, 0, 0));
	R(pr(PR_SET_TIMING, 0, 0, 0, 0));
	R(pr(PR_SET_TIMING, 1, 0, 0, 0));
	R(pr(PR_GET_TIMING, 0, 0, 0, 0));
	R(pr(PR_MPX_ENABLE_MANAGEMENT, 0, 0, 0, 0));
	R(pr(PR_SVE_GET_VL, 0, 0, 0, 0));
}

static void death_signals(void)
{
	int sig = -1;

	R(pr(PR_SET_PDEATHSIG, 65, 0, 0, 0));
	R(pr(PR_SET_PDEATHSIG, -1, 0, 0, 0));
	R(pr(PR_SET_PDEATHSIG, SIGUSR1, 0, 0, 0));
	R(pr(PR_GET_PDEATHSIG, (long)&sig, 0, 0, 0));
	say("signal %d", sig);
	R(pr(PR_GET_PDEATHSIG, 8, 0, 0, 0));
	if (!fork()) {
		pr(PR_GET_PDEATHSIG, (long)&sig, 0, 0, 0);
		say("in a child: %d", sig);
		_exit(0);
	}
	wait(NULL);
	become_nobody(); /* a change of ids forgets it */
	if (geteuid() == 65534) {
		pr(PR_GET_PDEATHSIG, (long)&sig, 0, 0, 0);
		say("as another: %d", sig);
	} else {
		say("as another: 0");
	}
}

static void dumpable(void)
{
	R(pr(PR_GET_DUMPABLE, 0, 0, 0, 0));
	R(pr(PR_SET_DUMPABLE, 2, 0, 0, 0));
	R(pr(PR_SET_DUMPABLE, -1, 0, 0, 0));
	R(pr(PR_SET_DUMPABLE, 0, 0, 0, 0));
	R(pr(PR_GET_DUMPABLE, 0, 0, 0, 0));
	if (!fork()) {
		R(pr(PR_GET_DUMPABLE, 0, 0, 0, 0));
		_exit(0);
	}
	wait(NULL);
	R(pr(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static void *no_privileges(void *arg)
{
	R(pr(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return NULL;
}

static void new_privileges(void)
{
	pthread_t t;

	R(pr(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(pr(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	R(pr(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	R(pr(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	pthread_create(&t, NULL, no_privileges, NULL);
	pthread_join(t, NULL);
	R(pr(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); /* a thread's own */
	R(pr(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (!fork()) {
		R(pr(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
		_exit(0);
	}
	wait(NULL);
}

static void subreapers(void)
{
	int yes = -1;

	R(pr(PR_GET_CHILD_SUBREAPER, (long)&yes, 0, 0, 0));
	say("%d", yes);
	R(pr(PR_SET_CHILD_SUBREAPER, 7, 0, 0, 0));
	R(pr(PR_GET_CHILD_SUBREAPER, (long)&yes, 0, 0, 0));
	say("%d", yes);
	R(pr(PR_GET_CHILD_SUBREAPER, 8, 0, 0, 0));
	if (!fork()) {
		pr(PR_GET_CHILD_SUBREAPER, (long)&yes, 0, 0, 0);
		say("in a child: %d", yes);
		_exit(0);
	}
	wait(NULL);
}

static void timer_slack(void)
{
	R(pr(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	R(pr(PR_SET_TIMERSLACK, 12345, 0, 0, 0));
	R(pr(PR_GET_TIMERSLACK, 0, 0, 0, 0));
	if (!fork()) {
		R(pr(PR_GET_TIMERSLACK, 0, 0, 0, 0));
		R(pr(PR_SET_TIMERSLACK, 1, 0, 0, 0));
		R(pr(PR_SET_TIMERSLACK, 0, 0, 0, 0)); /* what it was born with */
		R(pr(PR_GET_TIMERSLACK, 0, 0, 0, 0));
		_exit(0);
	}
	wait(NULL);
}

static void capabilities_kept(void)
{
	become_nobody();
	R(pr(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	R(pr(PR_SET_KEEPCAPS, 2, 0, 0, 0));
	R(pr(PR_SET_KEEPCAPS, 1, 0, 0, 0));
	R(pr(PR_GET_KEEPCAPS, 0, 0, 0, 0));
	R(pr(PR_GET_SECUREBITS, 0, 0, 0, 0));
	R(pr(PR_SET_SECUREBITS, 0, 0, 0, 0));
	R(pr(PR_SET_SECUREBITS, 1UL << 20, 0, 0, 0));
	R(pr(PR_CAPBSET_READ, 0, 0, 0, 0) >= 0);
	R(pr(PR_CAPBSET_READ, 64, 0, 0, 0));
	R(pr(PR_CAPBSET_DROP, 0, 0, 0, 0));
	R(pr(PR_CAPBSET_DROP, 64, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 64, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	R(pr(PR_CAP_AMBIENT, 9, 0, 0, 0));
	R(pr(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 0, 1, 0));
}

static void capability_sets(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	become_nobody();
	R(syscall(SYS_capget, &h, d));
	say("effective %#x, permitted %#x", d[0].effective, d[0].permitted);
	d[0].effective = 1;
	R(syscall(SYS_capset, &h, d));
	d[0].effective = 0;
	d[0].permitted = 1;
	R(syscall(SYS_capset, &h, d));
	d[0].permitted = 0;
	R(syscall(SYS_capset, &h, d));
	h.pid = -1;
	R(syscall(SYS_capget, &h, d));
	h.pid = 0x3fffffff;
	R(syscall(SYS_capget, &h, d));
	h.pid = getppid();
	R(syscall(SYS_capset, &h, d));
	h.version = 5;
	R(syscall(SYS_capget, &h, d));
	say("version %#x", h.version);
	h.version = 5;
	R(syscall(SYS_capget, &h, NULL));
	R(syscall(SYS_capget, wild(8), d));
	h = (struct __user_cap_header_struct){ _LINUX_CAPABILITY_VERSION_3, 0 };
	R(syscall(SYS_capget, &h, wild(8)));
	R(syscall(SYS_capset, &h, wild(8)));
}

static void ids_without_rights(void)
{
	uid_t r, e, s;

	become_nobody();
	R(setuid(1));
	R(setreuid(-1, 1));
	R(setreuid(1, -1));
	R(setresuid(-1, -1, 1));
	R(setgid(1));
	R(setregid(-1, 1));
	R(setresgid(1, -1, -1));
	R(setgroups(0, NULL));
	R(setuid(-1));
	R(setreuid(-1, -1));
	R(setresuid(-1, -1, -1));
	R(setuid(geteuid()));
	R(setreuid(getuid(), geteuid()));
	YES(syscall(SYS_setfsuid, 1) == geteuid());
	YES(syscall(SYS_setfsuid, -1) == geteuid());
	YES(syscall(SYS_setfsgid, -1) == getegid());
	R(syscall(SYS_getresuid, wild(8), &e, &s));
	R(syscall(SYS_getresuid, &r, &e, &s));
	YES(r == getuid() && e == r && s == r);
	R(getgroups(-1, NULL));
}

static void personalities(void)
{
	R(personality(0xffffffff));
	R(personality(ADDR_NO_RANDOMIZE));
	R(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
	if (!fork()) {
		R(personality(0xffffffff) == ADDR_NO_RANDOMIZE);
		_exit(0);
	}
	wait(NULL);
	R(personality(0) == ADDR_NO_RANDOMIZE);
}

static void limits(void)
{
	struct rlimit rl, now;

	become_nobody();
	R(getrlimit(99, &rl));
	R(setrlimit(99, &rl));
	R(syscall(SYS_prlimit64, 0, 99, NULL, NULL));
	R(syscall(SYS_prlimit64, 0x3fffffff, RLIMIT_CORE, NULL, NULL));
	R(syscall(SYS_prlimit64, 1, RLIMIT_CORE, NULL, &rl));
	R(syscall(SYS_prlimit64, 1, 99, NULL, &rl));
	R(syscall(SYS_prlimit64, 0, RLIMIT_CORE, wild(8), NULL));
	R(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, wild(8)));
	rl = (struct rlimit){ 10, 5 };
	R(setrlimit(RLIMIT_CORE, &rl));
	rl = (struct rlimit){ 5, 10 };
	R(setrlimit(RLIMIT_CORE, &rl));
	R(getrlimit(RLIMIT_CORE, &now));
	say("%ld of %ld", (long)now.rlim_cur, (long)now.rlim_max);
	rl.rlim_max = 11;
	R(setrlimit(RLIMIT_CORE, &rl));
	rl = (struct rlimit){ 0, 9 };
	R(syscall(SYS_prlimit64, getpid(), RLIMIT_CORE, &rl, &now));
	say("%ld of %ld", (long)now.rlim_cur, (long)now.rlim_max);
	if (!fork()) {
		getrlimit(RLIMIT_CORE, &now);
		say("in a child: %ld of %ld", (long)now.rlim_cur, (long)now.rlim_max);
		_exit(0);
	}
	wait(NULL);
}

static void randomness(void)
{
	char buf[300];

	R(getrandom(buf, sizeof(buf), 0));
	R(getrandom(buf, 0, 0));
	R(getrandom(buf, 16, GRND_NONBLOCK));
	R(getrandom(buf, 16, GRND_RANDOM));
	R(getrandom(buf, 16, 4 /* GRND_INSECURE */));
	R(getrandom(buf, 16, GRND_RANDOM | 4));
	R(getrandom(buf, 16, 8));
	R(getrandom(wild(8), 16, 0));
}

static void the_machine(void)
{
	struct utsname u;
	struct sysinfo si;

	R(uname(&u));
	say("%s %s", u.sysname, u.machine);
	R(syscall(SYS_uname, wild(8)));
	R(sysinfo(&si));
	YES(si.uptime > 0 && si.totalram > 0 && si.freeram <= si.totalram && si.procs > 0 &&
	    si.mem_unit > 0);
	R(syscall(SYS_sysinfo, wild(8)));
}

ABI_MAIN(CASE(names), CASE(unknown), CASE(death_signals), CASE(dumpable), CASE(new_privileges),
	 CASE(subreapers), CASE(timer_slack), CASE(capabilities_kept), CASE(capability_sets),
	 CASE(ids_without_rights), CASE(personalities), CASE(limits), CASE(randomness),
	 CASE(the_machine))
