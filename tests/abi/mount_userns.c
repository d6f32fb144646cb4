/* SPDX-License-Identifier: MIT */
/*
 * Mounts and user namespaces (mount_namespaces(7), user_namespaces(7)): which file systems the root of
 * one may mount, what of a more privileged namespace's mounts is locked, and what comes in from there.
 */
#include "mounts.h"

/* fn as root of a user namespace of its own, with a copy of this mount namespace and more of its own. */
static void as_inner_root_with(unsigned long more, void (*fn)(void))
{
	int uid = geteuid(), gid = getegid();
	char map[32];
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS | more) || chdir(abi_dir))
			say("unshare: %s", errno_name(errno));
		snprintf(map, sizeof(map), "0 %d 1", uid);
		write_text("/proc/self/uid_map", map);
		write_text("/proc/self/setgroups", "deny");
		snprintf(map, sizeof(map), "0 %d 1", gid);
		write_text("/proc/self/gid_map", map);
		fn();
		_exit(0);
	}
	if (reap(pid))
		say("the inner one failed");
}

static void as_inner_root(void (*fn)(void))
{
	as_inner_root_with(0, fn);
}

/* ---- locked mounts ---- */

static void take_apart(void)
{
	show_mounts();
	R(umount2("a", 0));
	R(umount2("a", MNT_DETACH));
	R(umount2("a/s", 0));
	R(umount2("a/s", MNT_EXPIRE));
	R(mount("a", "b", NULL, MS_MOVE, NULL));
	R(mount("a/s", "b", NULL, MS_MOVE, NULL));
	R(mount("a", "b", NULL, MS_BIND, NULL)); /* would show what a/s hides */
	R(mount("a/s", "b", NULL, MS_BIND, NULL));
	R(umount2("b", 0));
	R(mount("a/d", "b", NULL, MS_BIND, NULL));
	R(umount2("b", 0));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	R(umount2("b/s", 0));
	R(mount("b/s", "c", NULL, MS_MOVE, NULL));
	R(mount("b", "c", NULL, MS_MOVE, NULL)); /* as a whole */
	list("c");
	list("c/s");
	R(umount2("c/s", MNT_DETACH));
	R(umount2("c", 0));
	R(umount2("c", MNT_DETACH));
	R(mount("over", "a", "tmpfs", 0, NULL));
	R(umount2("a", 0));
	R(mount("over", "a/s", "tmpfs", 0, NULL));
	R(umount2("a/s", 0));
	R(umount2("a/s", 0));
	show_mounts();
}

static void locked_trees(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/s", 0755);
	mkdir("a/d", 0755);
	make_file("a/s/secret", "");
	R(mount("cover", "a/s", "tmpfs", 0, NULL));
	as_inner_root(take_apart);
	show_mounts();
}

static void unbindable_inside(void)
{
	R(mount(NULL, "a/s", NULL, MS_UNBINDABLE, NULL));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL)); /* cannot be left out */
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(mount(NULL, "a/s", NULL, MS_PRIVATE, NULL));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	show_mounts();
}

static void locked_and_unbindable(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/s", 0755);
	R(mount("cover", "a/s", "tmpfs", 0, NULL));
	as_inner_root(unbindable_inside);
}

static const unsigned long restrictions[] = { MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC };

static void lift_flags(void)
{
	const unsigned long all = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
	const unsigned long re = MS_REMOUNT | MS_BIND;

	R(mount(NULL, "all", NULL, re | all, NULL));
	for (int i = 0; i < 4; i++)
		R(mount(NULL, "all", NULL, re | (all & ~restrictions[i]), NULL));
	R(mount(NULL, "all", NULL, re | all | MS_NOSYMFOLLOW, NULL));
	R(mount(NULL, "all", NULL, re | all, NULL));
	R(mount(NULL, "all", NULL, re | all | MS_NOATIME, NULL));
	R(mount(NULL, "all", NULL, re | all | MS_RELATIME, NULL));
	R(mount(NULL, "all", NULL, re | all | MS_STRICTATIME, NULL));
	for (int i = 0; i < 4; i++) {
		R(mount(NULL, "none", NULL, re | restrictions[i], NULL));
		R(mount(NULL, "none", NULL, re, NULL)); /* it was its own */
	}
	R(mount(NULL, "none", NULL, re | MS_NOATIME, NULL));
	R(mount(NULL, "never", NULL, re | MS_NOATIME, NULL));
	R(mount(NULL, "never", NULL, re, NULL));
	R(mount(NULL, "never", NULL, re | MS_RELATIME, NULL));
	R(mount("all", "b", NULL, MS_BIND | MS_REC, NULL));
	R(mount(NULL, "b", NULL, re | (all & ~MS_RDONLY), NULL));
	R(mount(NULL, "b", NULL, re | all, NULL));
	R(umount2("b", 0));
	show_mounts();
}

static void locked_flags(void)
{
	begin();
	mkdir("all", 0755);
	mkdir("none", 0755);
	mkdir("never", 0755);
	mkdir("b", 0755);
	R(mount("x", "all", "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	R(mount("y", "none", "tmpfs", 0, NULL));
	R(mount("z", "never", "tmpfs", MS_NOATIME, NULL));
	as_inner_root(lift_flags);
	show_mounts();
}

static void remount_supers(void)
{
	R(mount(NULL, "a", NULL, MS_REMOUNT, NULL));
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(mount(NULL, "a", NULL, MS_REMOUNT, "size=1m"));
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
	R(mount("own", "b", "tmpfs", 0, NULL));
	R(mount(NULL, "b", NULL, MS_REMOUNT | MS_RDONLY, "size=1m"));
	R(mount(NULL, "b", NULL, MS_REMOUNT, "size=2m"));
	R(umount2("b", 0));
}

static void whose_super(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	as_inner_root(remount_supers);
	show_mounts();
}

/* ---- propagation between them ---- */

static int go[2], come[2];
static char byte;

static void tell(int *way)
{
	if (write(way[1], "x", 1) != 1)
		_exit(1);
}

static void await(int *way)
{
	if (read(way[0], &byte, 1) != 1)
		_exit(1);
}

static void below(void)
{
	R(mount("own", "s/own", "tmpfs", 0, NULL));
	tell(come);
	await(go);
	show_mounts();
	R(umount2("s/d/k", 0)); /* below what came: locked */
	R(umount2("s/e", 0)); /* what came itself is not */
	R(mount(NULL, "s/d", NULL, MS_REMOUNT | MS_BIND, NULL));
	show_mounts();
	tell(come);
	await(go);
	show_mounts();
}

static void tree_comes_and_goes(void)
{
	await(come);
	mount("t", "t", "tmpfs", MS_NOSUID, NULL);
	mkdir("t/k", 0755);
	mount("tk", "t/k", "tmpfs", 0, NULL);
	mount("t", "s/d", NULL, MS_BIND | MS_REC, NULL);
	mount("e", "s/e", "tmpfs", 0, NULL);
	tell(go);
	await(come);
	umount2("s/d", MNT_DETACH);
	umount2("s/e", 0);
	tell(go);
	_exit(0);
}

static void slaves_below(void)
{
	pid_t pid;

	begin();
	mkdir("s", 0755);
	mkdir("t", 0755);
	R(mount("s", "s", "tmpfs", 0, NULL));
	mkdir("s/d", 0755);
	mkdir("s/e", 0755);
	mkdir("s/own", 0755);
	R(mount(NULL, "s", NULL, MS_SHARED, NULL));
	pipe(go);
	pipe(come);
	pid = fork();
	if (!pid)
		tree_comes_and_goes();
	as_inner_root(below);
	reap(pid);
	show_mounts();
}

/* ---- what may be mounted ---- */

static void try_types(void)
{
	static const char *const types[] = { "tmpfs",  "ramfs",    "proc",  "sysfs",
					     "devpts", "devtmpfs", "nosuch" };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		int err = mount("x", "m", types[i], 0, NULL) ? errno : 0;

		say("%s: %s", types[i], err ? errno_name(err) : "mounted");
		if (!err)
			umount2("m", 0);
	}
}

static void own_types(void)
{
	begin();
	mkdir("m", 0755);
	as_inner_root(try_types);
}

static void devices_there(void)
{
	struct stat st;

	R(mount("x", "m", "tmpfs", 0, NULL));
	R(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("m/whiteout", S_IFCHR, 0));
	R(mknod("m/fifo", S_IFIFO | 0600, 0));
	make_file("m/f", "");
	R(mount("/dev/null", "m/f", NULL, MS_BIND, NULL));
	O(open("m/f", O_RDWR));
	R(stat("m/f", &st));
	R(umount2("m/f", 0));
}

static void own_devices(void)
{
	begin();
	mkdir("m", 0755);
	as_inner_root(devices_there);
}

static int proc_mounts(unsigned long flags)
{
	int r = mount("p", "m", "proc", flags, NULL) ? errno : 0;

	if (!r && (flags & MS_RDONLY))
		R(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND, NULL));
	if (!r)
		umount2("m", 0);
	return r;
}

/* In a pid namespace of its own, whose first process mounts. */
static void new_proc(void)
{
	pid_t pid = fork();

	if (!pid) {
		say("proc: %s", errno_name(proc_mounts(0)));
		say("proc, ro: %s", errno_name(proc_mounts(MS_RDONLY)));
		say("proc, noatime: %s", errno_name(proc_mounts(MS_NOATIME)));
		_exit(0);
	}
	reap(pid);
}

/* The only /proc in sight is the one on p. */
static void one_proc(void)
{
	begin();
	mkdir("m", 0755);
	mkdir("new", 0755);
	R(mount("r", "new", "tmpfs", 0, NULL));
	mkdir("new/old", 0755);
	mkdir("new/m", 0755);
	mkdir("new/proc", 0755);
	mkdir("new/tmp", 0755);
	R(mount("p", "new/proc", "proc", 0, NULL));
	R(syscall(SYS_pivot_root, "new", "new/old"));
	R(chdir("/"));
	R(umount2("old", MNT_DETACH));
	strcpy(abi_dir, "/");
}

static void proc_in_sight(void)
{
	one_proc();
	as_inner_root(new_proc); /* of a pid namespace that is not its own */
	as_inner_root_with(CLONE_NEWPID, new_proc);
	R(mount("cover", "/proc/sys/fs", "tmpfs", 0, NULL));
	as_inner_root_with(CLONE_NEWPID, new_proc);
	R(umount2("/proc/sys/fs", 0));
	R(mount("/proc/version", "/proc/version", NULL, MS_BIND, NULL));
	as_inner_root_with(CLONE_NEWPID, new_proc);
	R(umount2("/proc/version", 0));
	as_inner_root_with(CLONE_NEWPID, new_proc);
}

static void proc_read_only(void)
{
	one_proc();
	R(mount(NULL, "/proc", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	as_inner_root_with(CLONE_NEWPID, new_proc);
}

static void part_of_proc(void)
{
	one_proc();
	R(mount("/proc/sys", "/m", NULL, MS_BIND, NULL));
	R(umount2("/proc", 0));
	R(mount("/m", "/proc", NULL, MS_MOVE, NULL));
	as_inner_root_with(CLONE_NEWPID, new_proc);
	R(access("/proc/fs", F_OK));
}

static void new_sys(void)
{
	say("sysfs: %s", errno_name(mount("s", "m", "sysfs", 0, NULL) ? errno : 0));
	say("sysfs, ro: %s", errno_name(mount("s", "m", "sysfs", MS_RDONLY, NULL) ? errno : 0));
}

static void sys_in_sight(void)
{
	one_proc();
	as_inner_root_with(CLONE_NEWNET, new_sys); /* none to be seen */
	mkdir("/sys", 0755);
	R(mount("s", "/sys", "sysfs", 0, NULL));
	as_inner_root(new_sys);
	as_inner_root_with(CLONE_NEWNET, new_sys);
	R(mount("cover", "/sys/devices", "tmpfs", 0, NULL));
	as_inner_root_with(CLONE_NEWNET, new_sys);
	R(umount2("/sys/devices", 0));
	R(mount("nothing lost", "/sys/fs/cgroup", "tmpfs", 0, NULL));
	as_inner_root_with(CLONE_NEWNET, new_sys);
}

/* ---- roots ---- */

static void pivot_inside(void)
{
	mkdir("r", 0755);
	R(mount("r", "r", "tmpfs", 0, NULL));
	mkdir("r/old", 0755);
	mkdir("r/proc", 0755);
	R(mount("/proc", "r/proc", NULL, MS_BIND | MS_REC, NULL));
	R(chdir("r"));
	R(syscall(SYS_pivot_root, ".", "old"));
	R(chdir("/"));
	R(umount2("/", 0));
	R(umount2("/old", 0));
	R(umount2("/old", MNT_DETACH));
	list("/old");
	R(mount("again", "/old", "tmpfs", 0, NULL));
	mkdir("/old/o", 0755);
	R(syscall(SYS_pivot_root, "/old", "/old/o"));
	R(umount2("/o", MNT_DETACH));
}

static void roots_inside(void)
{
	begin();
	as_inner_root(pivot_inside);
}

static void enter_outer(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);
	char name[64];

	R(setns(fd, CLONE_NEWNS));
	close(fd);
	snprintf(name, sizeof(name), "/proc/%d/ns/mnt", getppid());
	fd = open(name, O_RDONLY);
	say("%s", fd < 0                   ? errno_name(errno)
		  : setns(fd, CLONE_NEWNS) ? errno_name(errno)
					   : "entered");
}

static void no_way_out(void)
{
	begin();
	as_inner_root(enter_outer);
}

/* ---- namespaces of the same owner are not locked; those of grandchildren are ---- */

static void again(void)
{
	R(umount2("m", 0));
	R(mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND, NULL));
}

static void copy_of_a_copy(void)
{
	pid_t pid;

	R(mount("own", "m", "tmpfs", 0, NULL));
	R(mount("own", "n", "tmpfs", MS_NOEXEC, NULL));
	pid = fork();
	if (!pid) {
		unshare(CLONE_NEWNS);
		chdir(abi_dir);
		again();
		_exit(0);
	}
	reap(pid);
	pid = fork();
	if (!pid) {
		unshare(CLONE_NEWNS | CLONE_NEWUSER);
		chdir(abi_dir);
		again();
		_exit(0);
	}
	reap(pid);
	R(umount2("m", 0));
	R(umount2("n", 0));
}

static void further_down(void)
{
	begin();
	mkdir("m", 0755);
	mkdir("n", 0755);
	as_inner_root(copy_of_a_copy);
}

static void limit(const char *kind, const char *value)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/sys/user/max_%s_namespaces", kind);
	show_file(name);
	fd = open(name, O_WRONLY);
	say("%s to %s: %s", kind, value,
	    fd < 0 || write(fd, value, strlen(value)) < 0 ? errno_name(errno) : "written");
	show_file(name);
	close(fd);
}

static void child_takes(unsigned long flags)
{
	pid_t pid = fork();

	if (!pid) {
		R(unshare(flags));
		_exit(0);
	}
	reap(pid);
}

static void within_limits(void)
{
	struct stat st;

	R(stat("/proc/sys/user/max_mnt_namespaces", &st));
	say("mode %o", st.st_mode);
	limit("mnt", "3\n"); /* the own one is the first */
	child_takes(CLONE_NEWNS);
	R(unshare(CLONE_NEWNS));
	limit("mnt", "1");
	child_takes(CLONE_NEWNS);
	child_takes(CLONE_NEWNS | CLONE_NEWUTS);
	child_takes(CLONE_NEWNS | CLONE_NEWUSER); /* what is below counts, too */
	limit("user", "0");
	child_takes(CLONE_NEWUSER);
	limit("user", "9");
	R(unshare(CLONE_NEWUSER));
	child_takes(CLONE_NEWUSER);
	limit("uts", "-1");
	limit("uts", "x");
	limit("uts", "5000000000");
	limit("uts", "0");
	child_takes(CLONE_NEWUTS);
}

static void how_many(void)
{
	begin();
	as_inner_root(within_limits);
	limit("nosuch", "1");
}

static void as_nobody(void)
{
	R(mount("x", "m", "tmpfs", 0, NULL));
	R(mount("x", "missing", "tmpfs", 0, NULL));
	R(mount("m", "m", NULL, MS_BIND, NULL));
	R(mount(NULL, "m", NULL, MS_PRIVATE, NULL));
	R(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	R(umount2("m", 0));
	R(umount2("missing", 0));
	R(umount2("m", 64));
	R(syscall(SYS_pivot_root, "m", "m"));
	R(unshare(CLONE_NEWNS));
}

static void without_rights(void)
{
	begin();
	mkdir("m", 0755);
	R(mount("x", "m", "tmpfs", 0, NULL));
	as_inner_root(copy_of_a_copy);
	as_user(1000, as_nobody);
}

ABI_MAIN(CASE(locked_trees), CASE(locked_and_unbindable), CASE(locked_flags), CASE(whose_super),
	 CASE(slaves_below), CASE(own_types), CASE(own_devices), CASE(proc_in_sight),
	 CASE(proc_read_only), CASE(part_of_proc), CASE(sys_in_sight), CASE(roots_inside),
	 CASE(no_way_out), CASE(further_down), CASE(how_many), CASE(without_rights))
