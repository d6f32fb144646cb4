/* SPDX-License-Identifier: MIT */
/*
 * Mount trees: new mounts, binds, remounts, moves, shared subtrees, pivot_root, what
 * /proc/self/mountinfo says of them, and overlayfs. Every case has a mount namespace of its own.
 */
#include "mounts.h"

static void new_mounts(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("a b", 0755);
	make_file("f", "");
	R(mount("x", "a", "nosuch", 0, NULL));
	R(mount("x", "a", NULL, 0, NULL));
	R(mount("x", "missing", "tmpfs", 0, NULL));
	R(mount("x", "f", "tmpfs", 0, NULL));
	R(mount("x", "a", "tmpfs", 0, "nonsense=1"));
	R(mount("x", "a", "tmpfs", 0, "size=junk"));
	R(mount(NULL, "a", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=700"));
	R(mount("a source", "a b", "tmpfs", MS_RDONLY | MS_NOATIME, NULL));
	show_mounts();
	R(mkdir("a b/d", 0755));
	make_file("a/inside", "1");
	list("a");
	R(rmdir("a"));
	R(rename("a", "c"));
	R(mount("over", "a", "tmpfs", 0, NULL));
	list("a");
	R(umount2("a", 0));
	list("a");
	R(umount2("a", 0));
	R(umount2("a", 0));
	R(umount2("missing", 0));
	R(umount2("a", 0x100));
	list("a");
}

static void no_symlinks(void)
{
	struct statfs sf;

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "ramfs", 0, "nonsense=1"));
	make_file("a/f", "1");
	R(symlink("f", "a/l"));
	R(access("a/l", F_OK));
	R(mount("x", "a", NULL, MS_REMOUNT | MS_NOSYMFOLLOW, NULL));
	R(access("a/l", F_OK));
	R(access("a/f", F_OK));
	R(open("a/l", O_PATH | O_NOFOLLOW) >= 0);
	R(statfs("a", &sf));
	say("%lx %lx", (unsigned long)sf.f_type, (unsigned long)sf.f_flags & 0x2000);
	show_mounts();
}

static void limits_of_tmpfs(void)
{
	char buf[4096];
	struct statfs sf;
	int fd, n = 0;

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "tmpfs", 0, "size=32k,nr_inodes=4"));
	R(statfs("a", &sf));
	say("%ld blocks, %ld free, %ld files, %ld free", (long)sf.f_blocks, (long)sf.f_bfree,
	    (long)sf.f_files, (long)sf.f_ffree);
	fd = open("a/f", O_CREAT | O_RDWR, 0600);
	memset(buf, 'x', sizeof(buf));
	while (write(fd, buf, sizeof(buf)) == sizeof(buf))
		n++;
	say("%d pages, then %s", n, errno_name(errno));
	R(ftruncate(fd, 4096));
	R(statfs("a", &sf));
	say("%ld blocks free", (long)sf.f_bfree);
	R(open("a/2", O_CREAT | O_RDWR, 0600) < 0);
	R(open("a/3", O_CREAT | O_RDWR, 0600) < 0);
	R(open("a/4", O_CREAT | O_RDWR, 0600));
	R(unlink("a/2"));
	R(mkdir("a/d", 0700));
	R(mount("x", "a", "tmpfs", MS_REMOUNT, "size=64k"));
	R(statfs("a", &sf));
	say("%ld blocks", (long)sf.f_blocks);
	R(mount("x", "a", "tmpfs", MS_REMOUNT, "size=4k"));
	R(pwrite(fd, buf, 4096, 4096));
	R(mount("x", "a", "tmpfs", MS_REMOUNT, "size=4k"));
}

static void binds(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("a/sub", 0755);
	make_file("a/f", "one");
	make_file("file", "cover");
	make_file("target", "covered");
	R(mount("a", "b", NULL, MS_BIND, NULL));
	show_file("b/f");
	R(mount("a", "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL));
	O(open("b/f", O_RDWR));
	R(unlink("b/f"));
	R(chmod("b/f", 0600));
	O(open("a/f", O_RDWR));
	R(rename("a/f", "b/g"));
	R(link("a/f", "b/g"));
	R(mount("file", "target", NULL, MS_BIND, NULL));
	show_file("target");
	R(mount("a", "target", NULL, MS_BIND, NULL));
	R(mount("file", "a", NULL, MS_BIND, NULL));
	R(mount("missing", "a", NULL, MS_BIND, NULL));
	R(mount(NULL, "a", NULL, MS_BIND, NULL));
	R(mount("x", "a/sub", "tmpfs", 0, NULL));
	make_file("a/sub/deep", "");
	list("b/sub");
	mkdir("c", 0755);
	R(mount("a", "c", NULL, MS_BIND | MS_REC, NULL));
	list("c/sub");
	show_mounts();
	R(umount2("target", 0));
	R(umount2("c", 0));
	R(umount2("c", MNT_DETACH));
	list("c");
	R(mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND, NULL));
	R(umount2("a/sub", UMOUNT_NOFOLLOW));
}

static void busy_and_lazy(void)
{
	struct stat st;
	char buf[8];
	int fd, dir;

	begin();
	mkdir("a", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	make_file("a/f", "kept");
	fd = open("a/f", O_RDONLY);
	R(umount2("a", 0));
	R(umount2("a", MNT_DETACH));
	R(umount2("a", MNT_DETACH));
	R(read(fd, buf, 4));
	R(stat("a/f", &st));
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/d", 0755);
	dir = open("a/d", O_RDONLY | O_DIRECTORY);
	R(chdir("a/d"));
	R(umount2(abi_dir, 0));
	R(umount2("..", MNT_DETACH));
	O(openat(dir, "still", O_CREAT | O_RDWR, 0600));
	list(".");
	R(chdir(abi_dir));
	list("a");
	close(fd);
}

static void moves(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	make_file("a/f", "moved");
	R(mount("a", "b", NULL, MS_MOVE, NULL));
	show_file("b/f");
	list("a");
	R(mount("a", "c", NULL, MS_MOVE, NULL));
	mkdir("b/in", 0755);
	R(mount("b", "b/in", NULL, MS_MOVE, NULL));
	R(mount("y", "b/in", "tmpfs", 0, NULL));
	R(mount("b", "c", NULL, MS_MOVE, NULL));
	show_mounts();
	R(mount(NULL, "c", NULL, MS_SHARED, NULL));
	R(mount("c/in", "a", NULL, MS_MOVE, NULL));
	R(mount(NULL, "c", NULL, MS_PRIVATE, NULL));
	R(mount("c/in", "a", NULL, MS_MOVE, NULL));
	show_mounts();
}

static void shared_subtrees(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	R(mount("x", "a", "tmpfs", 0, NULL));
	mkdir("a/s", 0755);
	mkdir("a/t", 0755);
	R(mount(NULL, "a", NULL, MS_SHARED, NULL));
	R(mount("a", "b", NULL, MS_BIND, NULL));
	R(mount("a", "c", NULL, MS_BIND, NULL));
	R(mount(NULL, "c", NULL, MS_SLAVE, NULL));
	show_mounts();
	R(mount("y", "b/s", "tmpfs", 0, NULL));
	make_file("a/s/f", "everywhere");
	list("b/s");
	list("c/s");
	R(mount("z", "c/t", "tmpfs", 0, NULL));
	make_file("c/t/only", "");
	list("a/t");
	list("b/t");
	R(mount("w", "a/t", "tmpfs", 0, NULL));
	make_file("a/t/above", "");
	list("b/t");
	list("c/t");
	show_mounts();
	R(umount2("c/t", 0));
	list("c/t");
	R(umount2("a/s", 0));
	list("b/s");
	list("c/s");
	R(mount(NULL, "c", NULL, MS_SHARED, NULL));
	show_mounts();
	R(mount(NULL, "a", NULL, MS_SLAVE, NULL));
	show_mounts();
	R(mount(NULL, "b", NULL, MS_PRIVATE, NULL));
	show_mounts();
	R(umount2("a", MNT_DETACH));
	show_mounts();
}

static void slaves_of_slaves(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mkdir("c", 0755);
	mkdir("d", 0755);
	mount("x", "a", "tmpfs", 0, NULL);
	mkdir("a/s", 0755);
	mount(NULL, "a", NULL, MS_SHARED, NULL);
	mount("a", "b", NULL, MS_BIND, NULL);
	mount(NULL, "b", NULL, MS_SLAVE, NULL);
	mount(NULL, "b", NULL, MS_SHARED, NULL);
	mount("b", "c", NULL, MS_BIND, NULL);
	mount("c", "d", NULL, MS_BIND, NULL);
	mount(NULL, "d", NULL, MS_SLAVE, NULL);
	show_mounts();
	R(mount("y", "a/s", "tmpfs", 0, NULL));
	make_file("a/s/f", "down");
	list("b/s");
	list("c/s");
	list("d/s");
	show_mounts();
	R(umount2("b/s", 0));
	list("a/s");
	list("c/s");
	list("d/s");
	R(umount2("a/s", 0));
	show_mounts();
}

static void unbindable(void)
{
	begin();
	mkdir("a", 0755);
	mkdir("b", 0755);
	mount("x", "a", "tmpfs", 0, NULL);
	mkdir("a/u", 0755);
	mkdir("a/v", 0755);
	mount("y", "a/u", "tmpfs", 0, NULL);
	mount("z", "a/v", "tmpfs", 0, NULL);
	R(mount(NULL, "a/u", NULL, MS_UNBINDABLE, NULL));
	R(mount("a/u", "b", NULL, MS_BIND, NULL));
	R(mount("a", "b", NULL, MS_BIND | MS_REC, NULL));
	show_mounts();
	R(mount(NULL, "a", NULL, MS_SHARED | MS_SLAVE, NULL));
	R(mount(NULL, "a/u/..", NULL, MS_SHARED, NULL));
	R(mount(NULL, "b/v", NULL, MS_SHARED | MS_REC, NULL));
	mkdir("a/u/d", 0755);
	R(mount(NULL, "a/u/d", NULL, MS_SHARED, NULL));
}

static void copied_namespaces(void)
{
	int status;
	pid_t pid;

	begin();
	mkdir("p", 0755);
	mkdir("s", 0755);
	mount("x", "p", "tmpfs", 0, NULL);
	mount("y", "s", "tmpfs", 0, NULL);
	mkdir("p/d", 0755);
	mkdir("s/d", 0755);
	mount(NULL, "s", NULL, MS_SHARED, NULL);
	pid = fork();
	if (!pid) {
		R(unshare(CLONE_NEWNS));
		R(mount("in", "p/d", "tmpfs", 0, NULL));
		R(mount("in", "s/d", "tmpfs", 0, NULL));
		make_file("p/d/f", "");
		make_file("s/d/f", "");
		_exit(0);
	}
	status = reap(pid);
	say("%s", ended(status));
	list("p/d");
	list("s/d");
	show_mounts();
	R(umount2("s/d", 0));
}

static void new_root(void)
{
	begin();
	mkdir("r", 0755);
	mkdir("plain", 0755);
	R(syscall(SYS_pivot_root, "plain", "plain"));
	R(mount("new", "r", "tmpfs", 0, NULL));
	mkdir("r/old", 0755);
	make_file("r/here", "the new root");
	R(syscall(SYS_pivot_root, "r", "plain"));
	R(syscall(SYS_pivot_root, "r", "r/missing"));
	R(syscall(SYS_pivot_root, "r/here", "r/old"));
	R(chroot("r"));
	R(chdir("/"));
	R(syscall(SYS_pivot_root, "/", "/old"));
	list("/");
}

static void pivoted(void)
{
	char cwd[256];

	begin();
	mkdir("r", 0755);
	mount("new", "r", "tmpfs", 0, NULL);
	mkdir("r/old", 0755);
	make_file("r/here", "the new root");
	R(chdir("r"));
	R(syscall(SYS_pivot_root, ".", "old"));
	YES(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/"));
	show_file("/here");
	YES(access("/old/proc", F_OK) == 0);
	R(umount2("/old", 0));
	R(umount2("/old", MNT_DETACH));
	list("/old");
	R(chdir("/.."));
	list(".");
	mkdir("r2", 0755);
	R(mount("newer", "r2", "tmpfs", 0, NULL));
	make_file("r2/second", "");
	R(chdir("r2"));
	R(syscall(SYS_pivot_root, ".", "."));
	R(umount2(".", MNT_DETACH));
	list("/");
	list("..");
}

/* ---- overlayfs ---- */

static void overlay_begin(void)
{
	begin();
	mkdir("l1", 0755);
	mkdir("l2", 0755);
	mkdir("u", 0755);
	mkdir("w", 0755);
	mkdir("m", 0755);
	mkdir("l1/d", 0755);
	mkdir("l2/d", 0755);
	mkdir("l2/only", 0755);
	make_file("l1/top", "l1");
	make_file("l2/top", "l2");
	make_file("l2/low", "low");
	make_file("l1/d/one", "1");
	make_file("l2/d/two", "2");
	make_file("l2/only/f", "f");
	symlink("low", "l2/link");
	mkfifo("l2/fifo", 0600);
	R(mount("ovl", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"));
}

static void overlay_shows(void)
{
	struct statfs sf;

	overlay_begin();
	show_file("m/top");
	show_file("m/low");
	show_file("m/link");
	list("m");
	list("m/d");
	list("u");
	R(statfs("m", &sf));
	say("type %#lx", (long)sf.f_type);
	R(umount2("m", 0));
	R(mount("ovl", "m", "overlay", 0, "upperdir=u,workdir=w"));
	R(mount("ovl", "m", "overlay", 0, "lowerdir=missing,upperdir=u,workdir=w"));
	R(mount("ovl", "m", "overlay", 0, "lowerdir=l1,upperdir=u"));
	R(mount("ovl", "m", "overlay", 0, "lowerdir=l1,upperdir=u,workdir=u/x"));
	R(mount("ovl", "m", "overlay", 0, "lowerdir=l1:l2"));
	show_file("m/top");
	O(open("m/top", O_RDWR));
	O(open("m/new", O_CREAT | O_RDWR, 0600));
	R(unlink("m/top"));
	R(mkdir("m/x", 0755));
	R(rename("m/top", "m/x"));
}

static void overlay_changes(void)
{
	struct stat st, before;
	char buf[16];
	int fd, reader;

	overlay_begin();
	stat("m/low", &before);
	reader = open("m/low", O_RDONLY);
	fd = open("m/low", O_RDWR | O_APPEND);
	R(write(fd, "er", 2));
	show_file("m/low");
	show_file("l2/low");
	show_file("u/low");
	R(stat("m/low", &st));
	YES(st.st_ino == before.st_ino);
	R(pread(reader, buf, 16, 0));
	fd = open("m/top", O_WRONLY | O_TRUNC);
	show_file("u/top");
	R(chmod("m/d/two", 0600));
	R(stat("u/d/two", &st));
	say("mode %o, lower %o", st.st_mode & 0777, (stat("l2/d/two", &st), st.st_mode & 0777));
	R(truncate("m/d/one", 0));
	show_file("u/d/one");
	R(link("m/only/f", "m/hard"));
	R(stat("m/hard", &st));
	say("%d links", (int)st.st_nlink);
	R(symlink("x", "m/sym"));
	R(mknod("m/fifo2", S_IFIFO | 0600, 0));
	list("m");
	list("u");
	list("u/d");
	R(setxattr("m/only/f", "user.x", "y", 1, 0));
	R(getxattr("u/only/f", "user.x", buf, 16));
}

static void overlay_removes(void)
{
	struct stat st;

	overlay_begin();
	R(unlink("m/low"));
	R(unlink("m/low"));
	R(stat("m/low", &st));
	list("m");
	R(lstat("u/low", &st));
	say("type %o dev %d:%d", st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
	make_file("m/low", "again");
	show_file("m/low");
	R(unlink("m/low"));
	R(rmdir("m/d"));
	R(unlink("m/d/one"));
	R(unlink("m/d/two"));
	list("m/d");
	list("u/d");
	R(rmdir("m/d"));
	R(mkdir("m/d", 0755));
	list("m/d");
	make_file("m/d/three", "3");
	list("m/d");
	R(rmdir("m/only"));
	R(unlink("m/only/f"));
	R(unlink("m/top"));
	list("m");
	list("u");
	R(umount2("m", 0));
	R(mount("ovl", "m", "overlay", 0, "lowerdir=l1:l2,upperdir=u,workdir=w"));
	list("m");
	list("m/d");
}

static void overlay_renames(void)
{
	overlay_begin();
	R(rename("m/low", "m/moved"));
	show_file("m/moved");
	show_file("m/low");
	R(rename("m/moved", "m/top"));
	show_file("m/top");
	R(rename("m/d", "m/e"));
	R(rename("m/only", "m/e"));
	mkdir("m/fresh", 0755);
	make_file("m/fresh/f", "f");
	R(rename("m/fresh", "m/d"));
	R(rename("m/fresh", "m/renamed"));
	list("m/renamed");
	R(rename("m/renamed/f", "m/d/one"));
	show_file("m/d/one");
	R(syscall(SYS_renameat2, AT_FDCWD, "m/d/two", AT_FDCWD, "m/top", RENAME_NOREPLACE));
	R(syscall(SYS_renameat2, AT_FDCWD, "m/d/two", AT_FDCWD, "m/top", RENAME_EXCHANGE));
	show_file("m/d/two");
	show_file("m/top");
	R(rename("m/d/two", "u/two"));
	list("m");
	list("m/d");
	R(unlink("m/d/one"));
	R(unlink("m/d/two"));
	R(rename("m/renamed", "m/d"));
	list("m/d");
	list("m");
}

ABI_MAIN(CASE(new_mounts), CASE(no_symlinks), CASE(limits_of_tmpfs), CASE(binds),
	 CASE(busy_and_lazy), CASE(moves), CASE(shared_subtrees), CASE(slaves_of_slaves),
	 CASE(unbindable), CASE(copied_namespaces), CASE(new_root), CASE(pivoted),
	 CASE(overlay_shows), CASE(overlay_changes), CASE(overlay_removes), CASE(overlay_renames))
