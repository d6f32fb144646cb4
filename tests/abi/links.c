/* SPDX-License-Identifier: MIT */
/* link(2), symlink(2), unlink(2), mknod(2), mkdir(2), rmdir(2): what they make, refuse and leave. */
#include "vfs.h"

static void hard_links(void)
{
	char name[32];

	begin();
	make_file("f", "one file");
	R(link("f", "g"));
	show("f");
	YES(same_file("f", "g"));
	R(unlink("f"));
	show_file("g");
	show("g");
	R(link("g", "g"));
	R(link("none", "h"));
	R(link("none", "g"));
	mkdir("d", 0755);
	R(link("d", "e"));
	R(link("g", "d"));
	R(link("g", "d/h"));
	R(link("g", "none/h"));
	R(link("g", "g/h"));
	R(link("/proc/self/stat", "p"));
	R(linkat(AT_FDCWD, "g", AT_FDCWD, "i", 0x10000));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "d/%d", i);
		link("g", name);
	}
	show("g");
}

static void links_to_links(void)
{
	begin();
	make_file("f", "x");
	symlink("f", "l");
	symlink("none", "n");
	R(link("l", "a"));
	show("a");
	R(linkat(AT_FDCWD, "l", AT_FDCWD, "b", AT_SYMLINK_FOLLOW));
	show("b");
	R(link("n", "c"));
	R(linkat(AT_FDCWD, "n", AT_FDCWD, "d", AT_SYMLINK_FOLLOW));
	show("f");
	show("l");
	R(chmod("l", 0600));
	show("f");
	R(lchown("l", 7, 8));
	show("l");
	R(rename("l", "m"));
	R(unlink("m"));
	list(".");
}

static void other_kinds(void)
{
	struct stat st;

	begin();
	R(mknod("fifo", S_IFIFO | 0644, 0));
	R(mknod("sock", S_IFSOCK | 0600, 0));
	R(mknod("file", S_IFREG | 0640, 0));
	R(mknod("plain", 0604, 0));
	R(mknod("dir", S_IFDIR | 0755, 0));
	R(mknod("link", S_IFLNK | 0777, 0));
	R(mknod("bad", 0110000 | 0644, 0));
	R(mknod("chr", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("blk", S_IFBLK | 0660, makedev(7, 300)));
	show("fifo");
	show("sock");
	show("file");
	show("plain");
	show("chr");
	stat("chr", &st);
	say("%d:%d", major(st.st_rdev), minor(st.st_rdev));
	stat("blk", &st);
	say("%d:%d", major(st.st_rdev), minor(st.st_rdev));
	R(link("fifo", "fifo2"));
	R(link("chr", "chr2"));
	show("chr2");
	R(truncate("fifo", 0));
	R(truncate("chr", 0));
	R(write(open("chr", O_WRONLY), "x", 1));
	R(mknod("file", S_IFIFO | 0644, 0));
}

static void devices_as_user(void)
{
	R(mknod("u/chr", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("u/blk", S_IFBLK | 0666, makedev(7, 0)));
	R(mknod("u/none", S_IFCHR | 0666, 0));
	R(mknod("u/fifo", S_IFIFO | 0666, 0));
	R(mknod("u/sock", S_IFSOCK | 0666, 0));
	R(mknod("chr", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("u/dir", S_IFDIR | 0755, 0));
	list("u");
}

static void devices(void)
{
	begin();
	mkdir("u", 0755);
	chown("u", 1000, 1000);
	as_user(1000, devices_as_user);
	mkdir("m", 0755);
	mount("m", "m", "tmpfs", MS_NODEV, NULL);
	mknod("m/null", S_IFCHR | 0666, makedev(1, 3));
	R(open("m/null", O_RDWR));
	R(open("m/null", O_PATH) >= 0);
	R(access("m/null", R_OK | W_OK));
}

static void directories(void)
{
	begin();
	R(mkdir("d", 0755));
	R(mkdir("d", 0755));
	R(mkdir("d/e", 0755));
	show("d");
	show(".");
	R(rmdir("d"));
	R(rmdir("d/e"));
	R(unlink("d"));
	R(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR));
	R(unlinkat(AT_FDCWD, "d", 1));
	make_file("f", "x");
	R(rmdir("f"));
	R(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR));
	symlink("d2", "l");
	mkdir("d2", 0755);
	R(rmdir("l"));
	R(mkdir("l", 0755));
	R(rmdir("none"));
	R(rmdir("f/x"));
	R(mkdir("f/x", 0755));
	R(mkdir("none/x", 0755));
	R(rmdir(""));
	R(mkdir("", 0755));
	R(unlink(""));
	R(rmdir("/proc"));
	R(unlink("/proc"));
	show(".");
}

static void read_only(void)
{
	begin();
	mkdir("m", 0755);
	mount("m", "m", "tmpfs", 0, NULL);
	make_file("m/f", "x");
	mkdir("m/d", 0755);
	symlink("f", "m/l");
	mknod("m/p", S_IFIFO | 0666, 0);
	R(mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	R(open("m/f", O_RDWR));
	R(open("m/f", O_RDONLY | O_TRUNC));
	R(open("m/new", O_CREAT | O_RDWR, 0644));
	R(open("m/f", O_CREAT | O_RDONLY, 0644) >= 0);
	R(open("m/f", O_CREAT | O_EXCL | O_RDONLY, 0644));
	R(open("m/p", O_RDWR) >= 0);
	R(open("m", O_TMPFILE | O_RDWR, 0644));
	R(mkdir("m/x", 0755));
	R(mkdir("m/d", 0755));
	R(unlink("m/f"));
	R(unlink("m/none"));
	R(rmdir("m/d"));
	R(rmdir("m/none"));
	R(symlink("a", "m/b"));
	R(link("m/f", "m/g"));
	R(link("m/none", "m/g"));
	R(mknod("m/q", S_IFIFO | 0644, 0));
	R(rename("m/f", "m/g"));
	R(chmod("m/f", 0600));
	R(chown("m/f", 1, 1));
	R(truncate("m/f", 0));
	R(utimensat(AT_FDCWD, "m/f", NULL, 0));
	R(setxattr("m/f", "trusted.x", "y", 1, 0));
	R(removexattr("m/f", "trusted.x"));
	R(access("m/f", W_OK));
	R(access("m/p", W_OK));
	R(access("m/none", W_OK));
	show_file("m/f");
}

static void unlinked_but_open(void)
{
	char buf[16] = "";
	struct stat st;
	void *p;
	int f, g;

	begin();
	make_file("f", "still here");
	f = open("f", O_RDWR);
	link("f", "g");
	g = open("g", O_RDONLY);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, f, 0);
	R(unlink("f"));
	fstat(f, &st);
	say("links %d", (int)st.st_nlink);
	R(unlink("g"));
	fstat(f, &st);
	say("links %d", (int)st.st_nlink);
	R(pwrite(f, "yes", 3, 0));
	R(read(g, buf, 10));
	say("%s, mapped %.10s", buf, (char *)p);
	R(fchmod(f, 0600));
	R(fchown(f, 1, 2));
	R(ftruncate(f, 3));
	fstat(g, &st);
	say("mode %o owner %d size %d", st.st_mode, st.st_uid, (int)st.st_size);
	make_file("f", "another");
	show_file("f");
	YES(!same_file("f", "/proc/self/fd/3"));
}

ABI_MAIN(CASE(hard_links), CASE(links_to_links), CASE(other_kinds), CASE(devices),
	 CASE(directories), CASE(read_only), CASE(unlinked_but_open))
