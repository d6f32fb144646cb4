/* SPDX-License-Identifier: MIT */
/*
 * Ways out of a container by files, mounts and devices (tests/system/escape.py names each class). All
 * must fail as on Linux. As an ordinary user nothing of this can be tried.
 */
#include <linux/fs.h>
#include <linux/memfd.h>
#include <sys/sendfile.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "escape.h"

ATTEMPT(chroot_fchdir)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY);

	R(mkdir("/tmp/jail", 0755));
	R(chroot("/tmp/jail"));
	R(fchdir(fd));
	for (int i = 0; i < 30; i++)
		if (chdir(".."))
			say("chdir: %s", errno_name(errno));
	R(chroot("."));
	R(access("/share/file", F_OK)); /* out of the jail, not out of the container */
	look_for_host("after chroot");
}

ATTEMPT(pivot_back)
{
	R(mkdir("/tmp/put", 0755));
	R(syscall(SYS_pivot_root, "/tmp", "/tmp/put"));
	R(umount2("/", MNT_DETACH));
	look_for_host("after pivot_root");
}

ATTEMPT(unmount_root)
{
	R(umount2("/share", MNT_DETACH));
	R(umount2("/proc/sys", MNT_DETACH));
	R(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	R(mount(NULL, "/", NULL, MS_SHARED, NULL));
	look_for_host("after umount");
}

/* What a less privileged user namespace copies is locked. */
ATTEMPT(remount_locked)
{
	R(open("/share/file", O_WRONLY));
	IN_NEW_USER(CLONE_NEWNS, {
		R(mount(NULL, "/share", NULL, MS_REMOUNT | MS_BIND, NULL));
		R(mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_NOSUID, NULL));
		R(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND, NULL));
		R(umount2("/share", MNT_DETACH));
		R(umount2("/proc/sys", 0));
		R(umount2("/proc/cmdline", 0));
		R(mount("/proc", "/mnt", NULL, MS_BIND, NULL)); /* without what lies over it */
		R(mount("/proc", "/mnt", NULL, MS_BIND | MS_REC, NULL));
		REFUSED(open("/mnt/sysrq-trigger", O_WRONLY));
	});
}

/* A new proc or sysfs would show what is masked. */
ATTEMPT(proc_again)
{
	IN_NEW_USER(CLONE_NEWNS | CLONE_NEWPID, {
		if (fork() == 0) {
			R(mount("proc", "/mnt", "proc", 0, NULL));
			R(mount("sysfs", "/mnt", "sysfs", 0, NULL));
			_exit(0);
		}
		reap(-1);
	});
}

ATTEMPT(propagation)
{
	R(mount(NULL, "/share", NULL, MS_SHARED, NULL));
	R(mount("tmpfs", "/share", "tmpfs", 0, NULL));
	O(open("/share/inside", O_CREAT | O_WRONLY, 0644));
}

ATTEMPT_SEEING(mount_devices, true)
{
	R(mount("devtmpfs", "/mnt", "devtmpfs", 0, NULL));
	R(mount("/dev/loop0", "/mnt", "erofs", MS_RDONLY, NULL));
	R(mount("/hostproc/1/root", "/mnt", NULL, MS_BIND, NULL));
	R(mount("cgroup2", "/mnt", "cgroup2", 0, NULL));
	R(access("/mnt/cgroup.kill", F_OK)); /* a group of one's own has it, the root has not */
}

ATTEMPT(new_mount_calls)
{
	REFUSED(as_user ? -1 : syscall(SYS_fsopen, "tmpfs", 0));
	REFUSED(as_user ? -1 : syscall(SYS_open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE));
	REFUSED(syscall(SYS_open_tree, host_root, "", OPEN_TREE_CLONE | AT_EMPTY_PATH));
	REFUSED(syscall(SYS_move_mount, host_root, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH));
}

ATTEMPT(make_nodes)
{
	R(mknod("/tmp/mem", S_IFCHR | 0666, makedev(1, 1)));
	R(open("/tmp/mem", O_RDWR));
	R(mknod("/tmp/disk", S_IFBLK | 0666, makedev(254, 0)));
	R(open("/tmp/disk", O_RDWR));
	R(mknod("/tmp/null", S_IFCHR | 0666, makedev(1, 3)));
	R(open("/tmp/null", O_RDWR));
	R(mknod("/tmp/fifo", S_IFIFO | 0666, 0));
}

static void other_process(const char *what, int flags)
{
	char path[64], c;
	int fd;

	snprintf(path, sizeof(path), "/hostproc/%d/%s", host_pid, what);
	fd = open(path, flags);
	say("%s: %s", what, fd < 0 || read(fd, &c, 1) < 0 ? errno_name(errno) : "READ");
}

/* /proc of the host by mistake inside: what is a process's own stays so. */
ATTEMPT_SEEING(proc_of_others, true)
{
	static const char *const private[] = { "root/", "cwd/", "exe",    "fd/0", "environ",
					       "mem",   "maps", "ns/mnt", "auxv" };
	char path[64];

	for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
		other_process(private[i], O_RDONLY);
	snprintf(path, sizeof(path), "/hostproc/%d/root", host_pid);
	R(chroot(path));
	R(chdir(path));
	snprintf(path, sizeof(path), "/proc/%d", host_pid + 1000);
	R(access(path, F_OK));
}

ATTEMPT(proc_root)
{
	look_for_host("/proc/1/root");
	R(chdir("/proc/1/root"));
	for (int i = 0; i < 9; i++)
		if (chdir(".."))
			say("chdir: %s", errno_name(errno));
	R(access("share/file", F_OK));
	R(access(host_secret + 1, F_OK));
}

ATTEMPT_SEEING(proc_writes, true)
{
	static const char *const files[] = { "/proc/sys/kernel/hostname",
					     "/proc/sys/vm/overcommit_memory" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		say("%s: %s", files[i], open(files[i], O_WRONLY) < 0 ? errno_name(errno) : "OPEN");
	if (as_user) {
		REFUSED(open("/hostproc/sysrq-trigger", O_WRONLY));
		R(open("/hostproc/sys/vm/overcommit_memory", O_WRONLY));
		R(put_text("/hostproc/self/oom_score_adj", "-1000"));
	}
	REFUSED(open("/proc/sysrq-trigger", O_WRONLY));
	R(put_text("/proc/self/oom_score_adj", "-1000"));
}

/* CVE-2019-5736: the program that runs is not to be overwritten. */
ATTEMPT(proc_self_exe)
{
	char path[32];
	int fd = open("/proc/self/exe", O_RDONLY);

	R(open("/proc/self/exe", O_WRONLY));
	R(open("/proc/self/exe", O_RDWR | O_TRUNC));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	R(open(path, O_WRONLY));
	R(truncate("/proc/self/exe", 0));
	R(write(fd, "x", 1));
}

static void inner_sealed(void)
{
	R(open("/proc/self/exe", O_WRONLY));
	R(truncate("/proc/self/exe", 0));
}

/* What runtimes do about it: a sealed copy in memory. */
ATTEMPT(sealed_copy)
{
	int fd = syscall(SYS_memfd_create, "runtime", MFD_ALLOW_SEALING | MFD_CLOEXEC), again;
	struct stat st;
	char path[32], *argv[] = { "escape", "inner", "sealed", "", "sealed_copy", NULL };

	fstat(self_exe, &st);
	for (off_t at = 0; at < st.st_size;)
		if (sendfile(fd, self_exe, &at, st.st_size - at) <= 0)
			break;
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	R(write(fd, "x", 1));
	R(ftruncate(fd, 1));
	R(fcntl(fd, F_ADD_SEALS, 0));
	YES(mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	R(put_text(path, "x"));
	again = open(path, O_RDONLY | O_CLOEXEC);
	close(fd); /* what is open for writing is not executed */
	if (fork() == 0) {
		syscall(SYS_execveat, again, "", argv, NULL, AT_EMPTY_PATH);
		say("execveat: %s", errno_name(errno));
		_exit(1);
	}
	reap(-1);
}

static void inner_leak(void)
{
	int fd = 3;

	while (fd < 64 && fcntl(fd, F_GETFD) < 0)
		fd++;
	say("descriptors left: %s", fd == 64 ? "none" : "SOME");
	R(chdir("/proc/self/fd/9"));
	look_for_host("after execve");
}

/* CVE-2024-21626: a directory left open, or as the working directory. */
ATTEMPT(leaked_directory)
{
	char cwd[PATH_MAX];

	syscall(SYS_fchdir, host_root);
	R(syscall(SYS_getcwd, cwd, sizeof(cwd)) > 0 ? strncmp(cwd, "(unreachable)", 13) : -1);
	REFUSED(getcwd(cwd, sizeof(cwd)) ? 0 : -1);
	R(mkdirat(host_root, "escape-must-fail/x", 0755));
	if (as_user)
		R(mkdirat(host_root, "escape-must-fail", 0755));
	chdir("/");
	R(syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
	run_inner("leak");
}

/* The engine resolves a name inside while the container exchanges a folder and a link. */
static void symlink_race(void)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_IN_ROOT };
	int out = 0, root, pid;

	make_file("secret", "secret\n");
	MUST(mkdir("root", 0755) | mkdir("root/a", 0755));
	MUST(symlink("../..", "root/b"));
	root = open("root", O_PATH);
	pid = fork();
	if (pid == 0)
		for (;;)
			syscall(SYS_renameat2, root, "a", root, "b", RENAME_EXCHANGE);
	for (int i = 0; i < 3000; i++) {
		int fd = syscall(SYS_openat2, root, i & 1 ? "a/secret" : "b/../secret", &how,
				 sizeof(how));

		out += fd >= 0;
		close(fd);
	}
	kill(pid, SIGKILL);
	reap(pid);
	say("names that led out: %d", out);
	how.resolve = RESOLVE_BENEATH;
	symlink("..", "root/c");
	R(syscall(SYS_openat2, root, "c/secret", &how, sizeof(how)));
	how.resolve = RESOLVE_NO_MAGICLINKS;
	R(syscall(SYS_openat2, root, "/proc/self/fd/0", &how, sizeof(how)));
}

/* "Shocker": a file by its inode's number. */
ATTEMPT(file_handle)
{
	struct {
		struct file_handle head;
		char bytes[32];
	} h = { .head = { .handle_bytes = 8, .handle_type = 1 }, .bytes = { 2 } };

	REFUSED(syscall(SYS_open_by_handle_at, AT_FDCWD, &h, O_RDONLY));
	REFUSED(syscall(SYS_open_by_handle_at, host_root, &h, O_RDONLY));
}

/* CVE-2016-5195 (Dirty COW), CVE-2022-0847 (Dirty Pipe): a file that may only be read. */
ATTEMPT(read_only_pages)
{
	int fd = open("/share/file", O_RDONLY), mem = open("/proc/self/mem", O_RDWR), p[2];
	char *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), text[8] = "";
	loff_t at = 0;

	for (int i = 0; i < 100 && mem >= 0; i++) {
		if (pwrite(mem, "mine!", 5, (off_t)(uintptr_t)map) != 5)
			say("pwrite: %s", errno_name(errno));
		madvise(map, 4096, MADV_DONTNEED);
	}
	say("mapped again: %.5s", map);
	MUST(pipe(p));
	for (int i = 0; i < 16; i++) /* every slot once full, then empty */
		write(p[1], "filled", 6), read(p[0], text, 6);
	R(splice(fd, &at, p[1], NULL, 1, 0));
	R(write(p[1], "mine!", 5));
	R(pread(fd, text, 5, 0));
	say("the file: %.5s", text);
	R(mprotect(map, 4096, PROT_READ | PROT_WRITE));
	YES(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
}

/* CVE-2021-3493, CVE-2023-0386: what overlay copies up must not gain. */
ATTEMPT(overlay_copy_up)
{
	struct vfs_cap_data cap = { VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
				    { { 1 << CAP_SYS_ADMIN, 0 } } };

	R(mkdir("/tmp/up", 0755) | mkdir("/tmp/work", 0755));
	if (mount("overlay", "/mnt", "overlay", 0,
		  "lowerdir=/share,upperdir=/tmp/up,workdir=/tmp/work"))
		say("mount: %s", errno_name(errno));
	REFUSED(chmod("/mnt/file", 04755));
	REFUSED(setxattr("/mnt/file", "trusted.overlay.opaque", "y", 1, 0));
	REFUSED(setxattr("/share/file", "security.capability", &cap, XATTR_CAPS_SZ_2, 0));
}

ATTEMPT(host_terminals)
{
	R(open("/dev/pts/0", O_RDWR));
	R(open("/dev/tty", O_RDWR));
	R(open("/dev/console", O_RDWR));
	R(open("/dev/kmsg", O_RDWR));
	R(open("/dev/mem", O_RDWR));
	REFUSED(open("/proc/kmsg", O_RDWR));
}

#define INNER                                                                                      \
	{                                                                                          \
		{ "leak", inner_leak }, { "sealed", inner_sealed },                                \
	}
ESCAPE_MAIN(CASE(chroot_fchdir), CASE(pivot_back), CASE(unmount_root), CASE(remount_locked),
	    CASE(proc_again), CASE(propagation), CASE(mount_devices), CASE(new_mount_calls),
	    CASE(make_nodes), CASE(proc_of_others), CASE(proc_root), CASE(proc_writes),
	    CASE(proc_self_exe), CASE(sealed_copy), CASE(leaked_directory), CASE(symlink_race),
	    CASE(file_handle), CASE(read_only_pages), CASE(overlay_copy_up), CASE(host_terminals))
