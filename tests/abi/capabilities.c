/* SPDX-License-Identifier: MIT */
/*
 * capabilities(7): what execve(2) makes of them for every kind of file and caller, the sets and their
 * rules, securebits, user namespaces, and file capabilities as an attribute. As root; without
 * CAP_SYS_RESOURCE, which not every root has.
 */
#include "abi.h"

#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/xattr.h>

#define NOBODY 65534
#define BIT(n) (1ULL << (n))
#define ALL (BIT(41) - 1 - BIT(CAP_SYS_RESOURCE))
#define SOME (BIT(CAP_NET_RAW) | BIT(CAP_CHOWN))

struct sets {
	uint64_t e, p, i;
};

static struct sets get(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	syscall(SYS_capget, &h, d);
	return (struct sets){ d[0].effective | (uint64_t)d[1].effective << 32,
			      d[0].permitted | (uint64_t)d[1].permitted << 32,
			      d[0].inheritable | (uint64_t)d[1].inheritable << 32 };
}

static int set(uint64_t e, uint64_t p, uint64_t i)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { e, p, i }, { e >> 32, p >> 32, i >> 32 } };

	return syscall(SYS_capset, &h, d);
}

static uint64_t listed(int op)
{
	uint64_t set = 0;

	for (int c = 0; c <= 40; c++)
		if ((op ? prctl(PR_CAPBSET_READ, c)
			: prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, c, 0, 0)) == 1)
			set |= BIT(c);
	return set;
}

static void show(const char *what)
{
	struct sets s = get();

	say("%s: e %llx p %llx i %llx b %llx a %llx, ids %d %d %d, %d %d %d, bits %#x, secure %ld, "
	    "dumpable %d, aslr %s",
	    what, (long long)s.e, (long long)s.p, (long long)s.i, (long long)listed(1),
	    (long long)listed(0), getuid(), geteuid(), setfsuid(-1), getgid(), getegid(),
	    setfsgid(-1), prctl(PR_GET_SECUREBITS), getauxval(AT_SECURE), prctl(PR_GET_DUMPABLE),
	    personality(-1) & ADDR_NO_RANDOMIZE ? "off" : "on");
}

/* ---- files of all kinds ---- */

static const struct kind {
	const char *name;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	uint32_t magic; /* 0: no attribute */
	uint64_t p, i;
} kinds[] = {
	{ "plain", 0755, 0, 0, 0, 0, 0 },
	{ "suid-root", 04755, 0, 0, 0, 0, 0 },
	{ "suid-nobody", 04755, NOBODY, 0, 0, 0, 0 },
	{ "sgid", 02755, 0, 7, 0, 0, 0 },
	{ "sgid-lock", 02745, 0, 7, 0, 0, 0 },
	{ "unreadable", 0711, 0, 0, 0, 0, 0 },
	{ "p", 0755, 0, 0, VFS_CAP_REVISION_2, SOME, 0 },
	{ "pe", 0755, 0, 0, VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, SOME, 0 },
	{ "i", 0755, 0, 0, VFS_CAP_REVISION_2, 0, SOME | BIT(CAP_KILL) },
	{ "ie", 0755, 0, 0, VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, SOME },
	{ "empty", 0755, 0, 0, VFS_CAP_REVISION_2, 0, 0 },
	{ "suid-pe", 04755, 0, 0, VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, SOME, 0 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static int give(const char *name, uint32_t magic, uint64_t p, uint64_t i)
{
	struct vfs_cap_data d = { magic, { { p, i }, { p >> 32, i >> 32 } } };

	return setxattr(name, "security.capability", &d, XATTR_CAPS_SZ_2, 0);
}

static void copy_self(const char *name)
{
	int in = open("/proc/self/exe", O_RDONLY), out = open(name, O_CREAT | O_WRONLY, 0755);
	char buf[65536];
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			say("write: %s", errno_name(errno));
	close(in);
	close(out);
}

/* Everybody's bin/ with a file of each kind, on a file system that may give privileges. */
static void make_files(unsigned long flags)
{
	char name[40];

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    chmod(".", 0755) || mkdir("bin", 0755) || mount("tmpfs", "bin", "tmpfs", 0, "mode=755"))
		say("no place: %s", errno_name(errno));
	for (size_t k = 0; k < KINDS; k++) {
		snprintf(name, sizeof(name), "bin/%s", kinds[k].name);
		copy_self(name);
		if (chown(name, kinds[k].uid, kinds[k].gid) || chmod(name, kinds[k].mode) ||
		    (kinds[k].magic && give(name, kinds[k].magic, kinds[k].p, kinds[k].i)))
			say("%s: %s", name, errno_name(errno));
	}
	if (flags && mount(NULL, "bin", NULL, MS_REMOUNT | MS_BIND | flags, NULL))
		say("remount: %s", errno_name(errno));
}

static void run_all(const char *who, void (*become)(void))
{
	for (size_t k = 0; k < KINDS; k++) {
		char path[40], what[80];
		pid_t pid = fork();

		if (!pid) {
			snprintf(path, sizeof(path), "bin/%s", kinds[k].name);
			snprintf(what, sizeof(what), "%s %s", who, kinds[k].name);
			become();
			execl(path, path, "--show", abi_current, what, (char *)NULL);
			say("%s: %s", what, errno_name(errno));
			_exit(0);
		}
		reap(pid);
	}
}

/* ---- callers of all kinds ---- */

static void ids(uid_t r, uid_t e, uid_t s)
{
	if (setresgid(r, e, s) || setresuid(r, e, s))
		say("ids: %s", errno_name(errno));
}
static void full(void)
{
}
static void nobody(void)
{
	ids(NOBODY, NOBODY, NOBODY);
}
static void root_without(void)
{
	set(0, 0, 0);
}
static void root_inheriting(void)
{
	set(0, SOME, SOME);
}
static void real_nobody(void)
{
	ids(NOBODY, 0, 0);
}
static void effective_nobody(void)
{
	ids(0, NOBODY, 0);
}
static void kept(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	nobody();
	set(SOME, SOME, 0);
}
static void inheriting(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	nobody();
	set(SOME, SOME, SOME);
}
static void ambient(void)
{
	inheriting();
	for (int c = 0; c <= 40; c++)
		if (SOME & BIT(c) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0))
			say("raise: %s", errno_name(errno));
}
static void ambient_root(void)
{
	set(ALL, ALL, SOME);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
}
static void norooted(void)
{
	prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED);
}
static void norooted_nobody(void)
{
	norooted();
	nobody();
}
static void nnp_nobody(void)
{
	nobody();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
static void nnp_ambient(void)
{
	ambient();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
static void nnp_root(void)
{
	set(SOME, SOME, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}
static void bounded(void)
{
	prctl(PR_CAPBSET_DROP, CAP_CHOWN);
	nobody();
}
static void bounded_root(void)
{
	prctl(PR_CAPBSET_DROP, CAP_CHOWN);
}
static void unrandom(void)
{
	personality(ADDR_NO_RANDOMIZE);
	nobody();
}

#define WITH(who) run_all(#who, who)
static void exec_as_root(void)
{
	make_files(0);
	WITH(full);
	WITH(root_without);
	WITH(root_inheriting);
	WITH(real_nobody);
	WITH(effective_nobody);
	WITH(bounded_root);
}
static void exec_as_nobody(void)
{
	make_files(0);
	WITH(nobody);
	WITH(kept);
	WITH(inheriting);
	WITH(bounded);
	WITH(unrandom);
}
static void exec_ambient(void)
{
	make_files(0);
	WITH(ambient);
	WITH(ambient_root);
	WITH(nnp_ambient);
}
static void exec_securebits(void)
{
	make_files(0);
	WITH(norooted);
	WITH(norooted_nobody);
	WITH(nnp_nobody);
	WITH(nnp_root);
}
static void exec_nosuid(void)
{
	make_files(MS_NOSUID);
	WITH(full);
	WITH(nobody);
	WITH(ambient);
}

/* ---- traced: privileges are held back unless the tracer has them ---- */

static void exec_traced(void)
{
	make_files(0);
	for (size_t k = 0; k < KINDS; k++) {
		char path[40], what[80];
		pid_t pid, tracer = fork();

		if (!tracer) {
			int status;

			nobody();
			prctl(PR_SET_DUMPABLE, 1);
			pid = fork();
			if (!pid) {
				syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0);
				snprintf(path, sizeof(path), "bin/%s", kinds[k].name);
				snprintf(what, sizeof(what), "traced %s", kinds[k].name);
				execl(path, path, "--show", abi_current, what, (char *)NULL);
				say("%s: %s", what, errno_name(errno));
				_exit(0);
			}
			while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status))
				syscall(SYS_ptrace, PTRACE_CONT, pid, 0, 0);
			_exit(0);
		}
		reap(tracer);
	}
}

/* ---- with a root that somebody else can change: held back as well ---- */

static void exec_shared(void)
{
	struct clone_args args = { .flags = CLONE_FS, .exit_signal = SIGCHLD };
	char path[40], what[80];

	make_files(0);
	for (int as_nobody = 0; as_nobody < 2; as_nobody++) {
		if (as_nobody)
			nobody();
		for (size_t k = 0; k < KINDS; k++) {
			pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

			if (!pid) {
				snprintf(path, sizeof(path), "bin/%s", kinds[k].name);
				snprintf(what, sizeof(what), "shared %s", kinds[k].name);
				execl(path, path, "--show", abi_current, what, (char *)NULL);
				say("%s: %s", what, errno_name(errno));
				_exit(0);
			}
			reap(pid);
		}
	}
}

/* ---- in a user namespace ---- */

static void map_root(void)
{
	char text[40];
	uid_t uid = geteuid();
	int fd;

	if (unshare(CLONE_NEWUSER)) {
		say("unshare: %s", errno_name(errno));
		return;
	}
	fd = open("/proc/self/setgroups", O_WRONLY);
	if (write(fd, "deny", 4) != 4)
		say("setgroups: %s", errno_name(errno));
	close(fd);
	fd = open("/proc/self/gid_map", O_WRONLY);
	snprintf(text, sizeof(text), "0 %d 1", uid);
	if (write(fd, text, strlen(text)) < 0)
		say("gid_map: %s", errno_name(errno));
	close(fd);
	fd = open("/proc/self/uid_map", O_WRONLY);
	if (write(fd, text, strlen(text)) < 0)
		say("uid_map: %s", errno_name(errno));
	close(fd);
}
static void root_of_nobody(void)
{
	nobody();
	prctl(PR_SET_DUMPABLE, 1);
	map_root();
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	set(ALL, ALL, 0);
}
static void root_of_root(void)
{
	map_root();
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	set(ALL, ALL, 0);
}
static void exec_userns(void)
{
	make_files(0);
	WITH(root_of_nobody);
	WITH(root_of_root);
}

/* ---- file capabilities as an attribute ---- */

static void show_attribute(const char *name)
{
	struct vfs_ns_cap_data d;
	ssize_t n = getxattr(name, "security.capability", &d, sizeof(d));

	if (n < 0)
		say("%s: %s", name, errno_name(errno));
	else
		say("%s: %zd bytes, %#x, p %#x i %#x, root %d", name, n, d.magic_etc,
		    d.data[0].permitted, d.data[0].inheritable,
		    n == XATTR_CAPS_SZ_3 ? d.rootid : 0);
}

static int give_raw(const char *name, uint32_t magic, uint32_t rootid, size_t n)
{
	struct vfs_ns_cap_data d = { magic, { { SOME, 0 }, { 0, 0 } }, rootid };

	return setxattr(name, "security.capability", &d, n, 0);
}

static void attribute(void)
{
	make_files(0);
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 20));
	show_attribute("bin/plain");
	R(give_raw("bin/plain", VFS_CAP_REVISION_1, 0, 12));
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 12));
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 24));
	R(give_raw("bin/plain", 0x05000000, 0, 20));
	R(give_raw("bin/plain", VFS_CAP_REVISION_3, 0, 24));
	show_attribute("bin/plain");
	R(give_raw("bin/plain", VFS_CAP_REVISION_3, 1000, 24));
	show_attribute("bin/plain");
	R(give_raw("bin/plain", VFS_CAP_REVISION_3, -1, 24));
	R(setxattr("bin/plain", "security.capability", "", 0, 0));
	R(getxattr("bin/plain", "security.capability", NULL, 0));
	R(getxattr("bin/plain", "security.capability", (char[10]){ 0 }, 10));
	R(removexattr("bin/plain", "security.capability"));
	R(removexattr("bin/plain", "security.capability"));
	show_attribute("bin/plain");
	set(ALL & ~BIT(CAP_SETFCAP), ALL, 0);
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 20));
	R(removexattr("bin/pe", "security.capability"));
	R(setxattr("bin/plain", "security.other", "x", 1, 0));
	set(ALL & ~BIT(CAP_SYS_ADMIN), ALL, 0);
	R(setxattr("bin/plain", "security.other", "x", 1, 0));
	R(setxattr("bin/plain", "trusted.other", "x", 1, 0));
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 20));
	set(ALL, ALL, 0);
	nobody();
	show_attribute("bin/pe");
	R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 20));
	R(setxattr("bin/plain", "security.other", "x", 1, 0));
}

static void attribute_userns(void)
{
	make_files(0);
	copy_self("bin/own");
	R(chown("bin/own", NOBODY, NOBODY));
	if (!fork()) {
		root_of_nobody();
		R(give_raw("bin/plain", VFS_CAP_REVISION_2, 0, 20));
		R(give_raw("bin/own", VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, 20));
		show_attribute("bin/own");
		show_attribute("bin/pe");
		R(give_raw("bin/own", VFS_CAP_REVISION_3, 0, 24));
		R(give_raw("bin/own", VFS_CAP_REVISION_3, 1000, 24));
		R(give_raw("bin/own", VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE, 0, 20));
		R(setxattr("bin/own", "security.other", "x", 1, 0));
		execl("bin/own", "bin/own", "--show", abi_current, "in the namespace",
		      (char *)NULL);
	}
	wait(NULL);
	show_attribute("bin/own");
	if (!fork()) {
		nobody();
		execl("bin/own", "bin/own", "--show", abi_current, "outside", (char *)NULL);
	}
	wait(NULL);
}

/* What a changed file may no longer give. */
static void attribute_gone(void)
{
	int fd;

	make_files(0);
	fd = open("bin/pe", O_WRONLY | O_APPEND);
	R(write(fd, "x", 1));
	show_attribute("bin/pe");
	R(chown("bin/p", 5, 5));
	show_attribute("bin/p");
	R(chmod("bin/i", 0700));
	show_attribute("bin/i");
	R(truncate("bin/ie", 100));
	show_attribute("bin/ie");
	R(rename("bin/suid-pe", "bin/other"));
	show_attribute("bin/other");
}

/* ---- sets ---- */

static void capset_rules(void)
{
	R(set(ALL, ALL, ALL));
	R(set(ALL | BIT(CAP_SYS_RESOURCE), ALL, 0));
	R(set(ALL, ALL | BIT(CAP_SYS_RESOURCE), 0));
	R(set(SOME, 0, 0));
	R(set(-1ULL << 41, ALL, 0));
	R(set(0, SOME | BIT(CAP_SETPCAP), SOME));
	R(set(0, ALL, 0));
	R(set(BIT(CAP_SETPCAP), SOME | BIT(CAP_SETPCAP), BIT(CAP_KILL)));
	R(set(0, SOME, BIT(CAP_KILL)));
	R(set(0, SOME, BIT(CAP_KILL) | BIT(CAP_SETUID)));
	R(set(0, SOME, BIT(CAP_KILL) | SOME));
	show("now");
	R(prctl(PR_CAPBSET_DROP, CAP_KILL));
}

static void bounding(void)
{
	R(prctl(PR_CAPBSET_DROP, CAP_KILL));
	R(prctl(PR_CAPBSET_READ, CAP_KILL));
	R(set(ALL, ALL, BIT(CAP_KILL)));
	R(set(ALL, ALL, SOME));
	R(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
	show("now");
	R(set(ALL, ALL, 0));
	R(set(ALL, ALL, BIT(CAP_CHOWN)));
	R(prctl(PR_CAPBSET_DROP, 41));
	R(prctl(PR_CAPBSET_READ, 41));
}

static void ambient_rules(void)
{
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	set(ALL, ALL, SOME);
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_RAW, 0, 0));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_NET_RAW, 0, 0));
	show("raised");
	set(ALL, ALL, 0);
	show("no longer inheritable");
	set(ALL, ALL, SOME);
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	set(ALL & ~SOME, ALL & ~SOME, SOME);
	show("no longer permitted");
	R(prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
	set(ALL & ~SOME, ALL & ~SOME, BIT(CAP_KILL));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
}

static void id_changes(void)
{
	static const uid_t to[][3] = { { NOBODY, NOBODY, NOBODY }, { NOBODY, -1, -1 },
				       { -1, NOBODY, -1 },         { -1, -1, NOBODY },
				       { NOBODY, 0, NOBODY },      { 0, NOBODY, NOBODY } };
	static const int bits[] = { 0, SECBIT_KEEP_CAPS, SECBIT_NO_SETUID_FIXUP };

	for (size_t b = 0; b < 3; b++)
		for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
			char what[60];
			pid_t pid = fork();

			if (!pid) {
				ambient_root();
				prctl(PR_SET_SECUREBITS, bits[b]);
				snprintf(what, sizeof(what), "bits %d to %d %d %d", bits[b],
					 to[i][0], to[i][1], to[i][2]);
				if (setresuid(to[i][0], to[i][1], to[i][2]))
					say("%s", errno_name(errno));
				show(what);
				if (!seteuid(0))
					show("back");
				_exit(0);
			}
			reap(pid);
		}
	setfsuid(NOBODY);
	show("fsuid");
	setfsuid(0);
	show("fsuid back");
}

static void locks(void)
{
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
	R(prctl(PR_SET_KEEPCAPS, 1));
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_KEEP_CAPS));
	R(prctl(PR_SET_SECUREBITS, 0));
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT));
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED));
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT_LOCKED));
	R(prctl(PR_SET_SECUREBITS, -1));
	R(prctl(PR_GET_SECUREBITS));
	set(ALL & ~BIT(CAP_SETPCAP), ALL, 0);
	R(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT | SECBIT_NOROOT_LOCKED));
}

/* access(2) asks with what the real user would have. */
static void real_access(void)
{
	make_file("secret", "x");
	chmod("secret", 0);
	chmod(".", 0755);
	R(access("secret", R_OK));
	if (!fork()) {
		set(0, ALL, 0);
		R(access("secret", R_OK));
		R(open("secret", O_RDONLY));
		_exit(0);
	}
	wait(NULL);
	if (!fork()) {
		prctl(PR_SET_KEEPCAPS, 1);
		nobody();
		set(BIT(CAP_DAC_OVERRIDE), BIT(CAP_DAC_OVERRIDE), 0);
		R(access("secret", R_OK));
		R(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS));
		R(open("secret", O_RDONLY) >= 0);
		_exit(0);
	}
	wait(NULL);
	prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
	ids(NOBODY, NOBODY, NOBODY);
	R(access("secret", R_OK));
}

/* Without what not every root has; a case is a child, so that nothing is lost. */
static const struct abi_case cases[] = {
	CASE(exec_as_root), CASE(exec_as_nobody),   CASE(exec_ambient),   CASE(exec_securebits),
	CASE(exec_nosuid),  CASE(exec_traced),      CASE(exec_shared),    CASE(exec_userns),
	CASE(attribute),    CASE(attribute_userns), CASE(attribute_gone), CASE(capset_rules),
	CASE(bounding),     CASE(ambient_rules),    CASE(id_changes),     CASE(locks),
	CASE(real_access)
};

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "--show")) {
		abi_current = argv[2];
		show(argv[3]);
		return 0;
	}
	prctl(PR_CAPBSET_DROP, CAP_SYS_RESOURCE);
	set(ALL, ALL, 0);
	return abi_main(argv, cases, sizeof(cases) / sizeof(cases[0]));
}
