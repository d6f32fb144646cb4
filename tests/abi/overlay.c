/* SPDX-License-Identifier: MIT */
/*
 * overlayfs in detail: what a copy-up takes along, whiteouts and opaque directories as they lie in
 * upper, links, renames, listings, attributes, several lower layers, what cannot be mounted.
 */
#include "vfs.h"

static int mount_on(const char *options)
{
	return mount("overlay", "m", "overlay", 0, options);
}

static void layers(void)
{
	begin();
	for (const char *const *d = (const char *const[]){ "l", "l2", "u", "w", "m", NULL }; *d;
	     d++)
		mkdir(*d, 0755);
}

/* l: f, d/{a,b}, a link, a FIFO; u and w empty; m shows them. */
static void standard(void)
{
	layers();
	make_file("l/f", "lower");
	mkdir("l/d", 0755);
	make_file("l/d/a", "a");
	make_file("l/d/b", "b");
	symlink("f", "l/s");
	mkfifo("l/p", 0644);
	if (mount_on("lowerdir=l,upperdir=u,workdir=w"))
		say("mount: %s", errno_name(errno));
}

static void raw(const char *path)
{
	char value[16] = "";
	struct stat st;

	if (lstat(path, &st)) {
		say("%s: %s", path, errno_name(errno));
		return;
	}
	getxattr(path, "trusted.overlay.opaque", value, sizeof(value));
	if (S_ISCHR(st.st_mode) && !st.st_rdev)
		say("%s is a whiteout", path);
	else
		say("%s is %o%s%s", path, st.st_mode, *value ? " opaque " : "", value);
}

static void copied_up(void)
{
	struct stat before, after;
	struct timespec t[2] = { { 1000, 1 }, { 2000, 2 } };

	layers();
	make_file("l/f", "content");
	chmod("l/f", 04750);
	chown("l/f", 7, 8);
	setxattr("l/f", "trusted.kept", "value", 5, 0);
	utimensat(AT_FDCWD, "l/f", t, 0);
	R(mount_on("lowerdir=l,upperdir=u,workdir=w"));
	stat("m/f", &before);
	R(chown("m/f", -1, 9));
	stat("m/f", &after);
	raw("u/f");
	say("owner %d:%d size %d mtime %ld.%ld", after.st_uid, after.st_gid, (int)after.st_size,
	    (long)after.st_mtim.tv_sec, (long)after.st_mtim.tv_nsec);
	YES(before.st_ino == after.st_ino);
	YES(before.st_dev == after.st_dev);
	show_file("u/f");
	R(getxattr("u/f", "trusted.kept", NULL, 0));
	R(getxattr("m/f", "trusted.kept", NULL, 0));
	stat("l/f", &before);
	say("lower still %o %d:%d", before.st_mode, before.st_uid, before.st_gid);
	list("w/work");
}

static void what_copies_up(void)
{
	standard();
	R(open("m/f", O_RDONLY) >= 0);
	raw("u/f");
	R(access("m/f", W_OK));
	raw("u/f");
	R(chmod("m/d/a", 0600));
	raw("u/d");
	raw("u/d/a");
	raw("u/d/b");
	R(open("m/f", O_RDWR) >= 0);
	raw("u/f");
	show_file("u/f");
	R(utimensat(AT_FDCWD, "m/d/b", NULL, 0));
	raw("u/d/b");
	R(lchown("m/s", 3, 3));
	raw("u/s");
	R(chmod("m/p", 0600));
	raw("u/p");
	R(setxattr("m/d", "trusted.x", "y", 1, 0));
	R(getxattr("u/d", "trusted.x", NULL, 0));
	R(open("m/d/a", O_RDWR | O_TRUNC) >= 0);
	show("u/d/a");
	show_file("l/d/a");
}

static void removed(void)
{
	standard();
	R(unlink("m/f"));
	raw("u/f");
	R(access("m/f", F_OK));
	R(unlink("m/f"));
	R(rmdir("m/d"));
	R(unlink("m/d/a"));
	R(unlink("m/d/b"));
	raw("u/d/a");
	list("m/d");
	R(rmdir("m/d"));
	raw("u/d");
	R(mkdir("m/d", 0700));
	raw("u/d");
	list("m/d");
	R(rmdir("m/d"));
	raw("u/d");
	make_file("m/f", "new");
	raw("u/f");
	show_file("m/f");
	R(unlink("m/f"));
	raw("u/f");
	make_file("m/only", "upper");
	R(unlink("m/only"));
	raw("u/only");
	R(symlink("x", "m/d"));
	raw("u/d");
	list("m");
	list("u");
	list("l");
}

static void given_whiteouts(void)
{
	layers();
	make_file("l/f", "lower");
	make_file("l/g", "lower");
	mkdir("l/d", 0755);
	make_file("l/d/hidden", "x");
	mkdir("l/e", 0755);
	make_file("l/e/seen", "x");
	mknod("u/f", S_IFCHR, 0);
	mknod("u/nothing", S_IFCHR, 0);
	mkdir("u/d", 0755);
	setxattr("u/d", "trusted.overlay.opaque", "y", 1, 0);
	make_file("u/d/top", "x");
	mkdir("u/e", 0755);
	make_file("u/e/top", "x");
	make_file("u/g", "upper");
	R(mount_on("lowerdir=l,upperdir=u,workdir=w"));
	list("m");
	list("m/d");
	list("m/e");
	show_file("m/g");
	R(open("m/f", O_RDONLY));
	R(mkdir("m/f", 0755));
	raw("u/f");
	R(mknod("m/w", S_IFCHR, 0));
	R(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)));
	raw("u/null");
	R(rmdir("m/e"));
}

static void several_lowers(void)
{
	layers();
	make_file("l/a", "from l");
	make_file("l2/a", "from l2");
	make_file("l2/b", "from l2");
	mkdir("l/d", 0755);
	mkdir("l2/d", 0700);
	make_file("l/d/x", "l");
	make_file("l2/d/x", "l2");
	make_file("l2/d/y", "l2");
	make_file("l2/t", "a file");
	mkdir("l/t", 0755);
	make_file("l2/gone", "x");
	mknod("l/gone", S_IFCHR, 0);
	R(mount_on("lowerdir=l:l2"));
	show_file("m/a");
	show_file("m/b");
	show("m/d");
	show_file("m/d/x");
	show_file("m/d/y");
	list("m");
	list("m/d");
	list("m/t");
	R(open("m/a", O_RDWR));
	R(mkdir("m/new", 0755));
	R(unlink("m/a"));
	R(chmod("m/a", 0600));
	R(mount(NULL, "m", NULL, MS_REMOUNT, NULL));
	R(umount("m"));
	R(mount_on("lowerdir=l:l2,upperdir=u,workdir=w"));
	R(unlink("m/d/x"));
	list("m/d");
	R(unlink("m/b"));
	raw("u/b");
	R(rmdir("m/t"));
	list("m");
}

static void hard_links(void)
{
	layers();
	make_file("l/f", "two names");
	link("l/f", "l/g");
	make_file("l/h", "one");
	R(mount_on("lowerdir=l,upperdir=u,workdir=w"));
	show("m/f");
	R(chmod("m/f", 0600));
	show("m/f");
	show("m/g");
	show("u/f");
	R(link("m/h", "m/i"));
	show("m/h");
	show("u/i");
	YES(same_file("m/h", "m/i"));
	R(unlink("m/h"));
	raw("u/h");
	show("m/i");
	make_file("m/i", "written");
	show_file("u/i");
	R(link("m/i", "m/h"));
	raw("u/h");
	show_file("m/h");
	R(unlink("m/i"));
	R(unlink("m/h"));
	list("m");
}

static void renames(void)
{
	standard();
	make_file("m/n", "new");
	mkdir("m/nd", 0755);
	make_file("m/nd/x", "x");
	R(rename("m/f", "m/f2"));
	raw("u/f");
	raw("u/f2");
	show_file("m/f2");
	R(rename("m/d", "m/d2"));
	R(rename("m/nd", "m/nd2"));
	raw("u/nd");
	list("m/nd2");
	R(rename("m/n", "m/d/b"));
	show_file("m/d/b");
	raw("u/n");
	R(rename("m/nd2", "m/f"));
	raw("u/f");
	R(unlink("m/d/a"));
	R(unlink("m/d/b"));
	R(rename("m/f", "m/d"));
	raw("u/d");
	list("m/d");
	R(rename("m/s", "m/p"));
	raw("u/s");
	raw("u/p");
	show("m/p");
	R(rename("m/f2", "u/f2"));
	list("m");
	list("u");
}

static void exchanges(void)
{
	standard();
	make_file("m/n", "new");
	mkdir("m/nd", 0755);
	R(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/n", RENAME_EXCHANGE));
	show_file("m/f");
	show_file("m/n");
	R(syscall(SYS_renameat2, AT_FDCWD, "m/d", AT_FDCWD, "m/nd", RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "m/nd", AT_FDCWD, "m/d", RENAME_EXCHANGE));
	R(syscall(SYS_renameat2, AT_FDCWD, "m/nd", AT_FDCWD, "m/f", RENAME_EXCHANGE));
	raw("u/f");
	show_file("m/nd");
	R(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/s", RENAME_NOREPLACE));
	R(syscall(SYS_renameat2, AT_FDCWD, "m/f", AT_FDCWD, "m/q", RENAME_NOREPLACE));
	raw("u/f");
	R(syscall(SYS_renameat2, AT_FDCWD, "m/n", AT_FDCWD, "m/r", RENAME_WHITEOUT));
	list("m");
}

static void hidden_attributes(void)
{
	char buf[256];
	ssize_t n;

	standard();
	R(setxattr("m/f", "trusted.mine", "x", 1, 0));
	mkdir("m/new", 0755);
	R(rmdir("m/new"));
	R(unlink("m/d/a"));
	R(unlink("m/d/b"));
	R(rmdir("m/d"));
	R(mkdir("m/d", 0755));
	raw("u/d");
	n = listxattr("m/d", buf, sizeof(buf));
	for (char *s = buf; n > 0 && s < buf + n; s += strlen(s) + 1)
		if (!strncmp(s, "trusted.", 8))
			say("m/d shows %s", s);
	n = listxattr("m/f", buf, sizeof(buf));
	for (char *s = buf; n > 0 && s < buf + n; s += strlen(s) + 1)
		if (!strncmp(s, "trusted.", 8))
			say("m/f shows %s", s);
	R(removexattr("m/f", "trusted.mine"));
	R(removexattr("m/f", "trusted.mine"));
	R(getxattr("m/p", "trusted.none", buf, sizeof(buf)));
	R(setxattr("m/f", "trusted.mine", "x", 1, XATTR_REPLACE));
}

static void open_across_a_copy(void)
{
	char buf[16] = "", *mapped;
	int r, w;

	standard();
	r = open("m/f", O_RDONLY);
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, r, 0);
	w = open("m/f", O_RDWR);
	R(write(w, "UPPER", 5));
	R(pread(r, buf, 5, 0));
	say("r reads %s, mapped %.5s", buf, mapped);
	mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, w, 0);
	memcpy(mapped, "MAPPED", 5);
	R(pread(w, buf, 5, 0));
	say("w reads %s", buf);
	show_file("u/f");
	R(fsync(w));
	R(ftruncate(w, 2));
	show_file("m/f");
	R(lseek(w, 0, SEEK_END));
	R(fchmod(r, 0600));
	raw("u/f");
	R(unlink("m/f"));
	R(pread(w, buf, 5, 0));
	R(write(w, "gone", 4));
	R(fchmod(w, 0644));
	make_file("m/f", "another");
	R(pread(r, buf, 5, 0));
	show_file("m/f");
}

static void nameless_files(void)
{
	char name[64];
	int f;

	standard();
	f = open("m/d", O_TMPFILE | O_RDWR, 0640);
	O(f);
	R(write(f, "tmp", 3));
	list("m/d");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", f);
	R(linkat(AT_FDCWD, name, AT_FDCWD, "m/d/named", AT_SYMLINK_FOLLOW));
	show_file("m/d/named");
	raw("u/d/named");
	list("m/d");
}

static void listings(void)
{
	struct dirent *de;
	char name[300];
	long mid = 0;
	int n = 0, again = 0;
	DIR *d;

	layers();
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "l/%d", i);
		make_file(name, "x");
		snprintf(name, sizeof(name), "l2/%d", i + 25);
		make_file(name, "x");
	}
	R(mount_on("lowerdir=l:l2,upperdir=u,workdir=w"));
	for (int i = 0; i < 75; i += 5) {
		snprintf(name, sizeof(name), "m/%d", i);
		unlink(name);
	}
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "m/new%d", i);
		make_file(name, "x");
	}
	d = opendir("m");
	while ((de = readdir(d))) {
		n++;
		if (n == 20)
			mid = telldir(d);
		else if (n == 21)
			snprintf(name, sizeof(name), "%s", de->d_name);
	}
	say("%d names", n);
	seekdir(d, mid);
	de = readdir(d);
	YES(de && !strcmp(de->d_name, name));
	rewinddir(d);
	while (readdir(d))
		again++;
	say("%d names again", again);
	unlink("m/new0");
	make_file("m/later", "x");
	rewinddir(d);
	for (again = 0; (de = readdir(d)); again++)
		if (!strcmp(de->d_name, "later"))
			say("later is seen");
	say("%d names then", again);
}

static void numbers(void)
{
	struct stat root, f, d, lf, lower;
	struct dirent *de;
	DIR *dir;

	standard();
	stat("m", &root);
	stat("m/f", &f);
	stat("m/d", &d);
	stat("l/f", &lf);
	stat("l", &lower);
	YES(root.st_dev != lower.st_dev);
	YES(d.st_dev == root.st_dev);
	YES(f.st_ino == lf.st_ino);
	dir = opendir("m");
	while ((de = readdir(dir)))
		if (!strcmp(de->d_name, "f"))
			YES(de->d_ino == f.st_ino);
	say("type %d links %d", DT_DIR, (int)d.st_nlink);
}

static void wrong_mounts(void)
{
	layers();
	make_file("file", "x");
	R(mount_on(NULL));
	R(mount_on(""));
	R(mount_on("upperdir=u,workdir=w"));
	R(mount_on("lowerdir=l"));
	R(mount_on("lowerdir=l,upperdir=u"));
	R(mount_on("lowerdir=l,workdir=w"));
	R(mount_on("lowerdir=none:l"));
	R(mount_on("lowerdir=file:l"));
	R(mount_on("lowerdir=l,upperdir=none,workdir=w"));
	R(mount_on("lowerdir=l,upperdir=u,workdir=u"));
	mkdir("u/inside", 0755);
	R(mount_on("lowerdir=l,upperdir=u,workdir=u/inside"));
	R(mount_on("lowerdir=l,upperdir=u,workdir=w,nonsense=1"));
	mkdir("other", 0755);
	mount("other", "other", "tmpfs", 0, NULL);
	R(mount_on("lowerdir=l,upperdir=u,workdir=other"));
	R(mount_on("lowerdir=other,upperdir=u,workdir=w"));
	R(umount("m"));
	R(mount_on("lowerdir=l,upperdir=u,workdir=w,xino=off,index=off,metacopy=off,redirect_dir="
		   "off"));
	R(umount("m"));
	R(mount_on("lowerdir=l,upperdir=u,workdir=w,volatile"));
	R(umount("m"));
	R(mount("overlay", "m", "overlay", MS_RDONLY, "lowerdir=l,upperdir=u,workdir=w2"));
}

static void users(void)
{
	R(open("m/mine", O_RDWR) >= 0);
	R(open("m/theirs", O_RDWR));
	R(unlink("m/d/x"));
	R(unlink("m/theirs"));
	make_file("m/d/new", "x");
	show("m/d/new");
	R(chmod("m/mine", 0640));
	R(chmod("m/theirs", 0640));
	R(mkdir("m/sub", 0755));
}

/* The overlay's permissions decide, not those of its layers. */
static void permissions(void)
{
	struct stat st;

	layers();
	make_file("l/mine", "x");
	chown("l/mine", 1000, 1000);
	make_file("l/theirs", "x");
	mkdir("l/d", 0755);
	chown("l/d", 1000, 1000);
	make_file("l/d/x", "x");
	R(mount_on("lowerdir=l,upperdir=u,workdir=w"));
	chmod("u", 0700);
	chmod("m", 0755);
	as_user(1000, users);
	stat("u/d/new", &st);
	say("%d:%d", st.st_uid, st.st_gid);
	stat("u/mine", &st);
	say("%o %d:%d", st.st_mode, st.st_uid, st.st_gid);
	list("m");
}

static void full_upper(void)
{
	static char block[65536];
	int fd;

	layers();
	mount("u", "u", "tmpfs", 0, "size=32k,mode=755");
	mkdir("u/u", 0755);
	mkdir("u/w", 0755);
	make_file("l/big", "x");
	truncate("l/big", 65536);
	fd = open("l/big", O_RDWR);
	R(write(fd, block, sizeof(block)));
	make_file("l/small", "x");
	R(mount_on("lowerdir=l,upperdir=u/u,workdir=u/w"));
	R(open("m/big", O_RDWR));
	list("u/u");
	list("u/w/work");
	show("m/big");
	R(open("m/small", O_RDWR) >= 0);
	R(open("m/big", O_RDWR | O_TRUNC) >= 0);
	show("m/big");
	struct statfs st;
	statfs("m", &st);
	say("type %lx, %ld blocks", (long)st.f_type, (long)st.f_blocks);
}

ABI_MAIN(CASE(copied_up), CASE(what_copies_up), CASE(removed), CASE(given_whiteouts),
	 CASE(several_lowers), CASE(hard_links), CASE(renames), CASE(exchanges),
	 CASE(hidden_attributes), CASE(open_across_a_copy), CASE(nameless_files), CASE(listings),
	 CASE(numbers), CASE(wrong_mounts), CASE(permissions), CASE(full_upper))
