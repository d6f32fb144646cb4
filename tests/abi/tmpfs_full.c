/* SPDX-License-Identifier: MIT */
/*
 * tmpfs(5): its options, and what happens when no block or inode is left: an error, nothing half
 * made, and room again when something goes.
 */
#include <linux/falloc.h>
#include <setjmp.h>

#include "vfs.h"

static char block[65536];

static void usage(const char *what)
{
	struct statfs st;

	statfs(".", &st);
	/* what was not limited is a share of the machine's memory */
	say("%s: %ld of %ld blocks free, %ld of %ld inodes", what,
	    st.f_blocks < 1000 ? (long)st.f_bfree : -1, st.f_blocks < 1000 ? (long)st.f_blocks : -1,
	    st.f_files < 1000 ? (long)st.f_ffree : -1, st.f_files < 1000 ? (long)st.f_files : -1);
}

static void no_blocks(void)
{
	int fd;

	begin_with("size=64k,mode=755");
	usage("empty");
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(write(fd, block, 40000));
	usage("some");
	R(write(fd, block, 40000));
	R(write(fd, block, 1));
	usage("full");
	show("f");
	R(pwrite(fd, "over", 4, 100));
	R(pwrite(fd, "x", 1, 100000));
	show("f");
	R(ftruncate(fd, 1 << 20));
	R(pread(fd, block, 100, 500000));
	R(unlink("f"));
	usage("unlinked");
	close(fd);
	usage("closed");
	make_file("g", "room again");
	show_file("g");
}

static void still_made_when_full(void)
{
	static char target[1000];

	begin_with("size=16k,mode=755");
	make_file("f", "");
	R(truncate("f", 16384));
	R(fallocate(open("f", O_RDWR), 0, 0, 16384));
	usage("full");
	R(mkdir("d", 0755));
	R(mknod("p", S_IFIFO | 0644, 0));
	R(symlink("short", "l"));
	R(link("f", "g"));
	R(rename("g", "h"));
	R(open("new", O_CREAT | O_RDWR, 0644) >= 0);
	R(write(open("new", O_RDWR), "x", 1));
	show("new");
	memset(target, 'a', sizeof(target) - 1);
	R(unlink("f"));
	R(unlink("h"));
	R(symlink(target, "long"));
	usage("emptied");
	list(".");
}

static void no_inodes(void)
{
	char name[16];
	int n = 0;

	begin_with("nr_inodes=10,mode=755");
	usage("empty");
	do {
		snprintf(name, sizeof(name), "f%d", n++);
	} while (mknod(name, S_IFREG | 0644, 0) == 0);
	say("%d made, then %s", n - 1, errno_name(errno));
	usage("full");
	R(open("x", O_CREAT | O_RDWR, 0644));
	R(mkdir("x", 0755));
	R(symlink("a", "x"));
	R(mknod("x", S_IFIFO | 0644, 0));
	R(open(".", O_TMPFILE | O_RDWR, 0600));
	R(access("x", F_OK));
	R(rename("f0", "x"));
	R(unlink("f1"));
	R(mkdir("x2", 0755));
	R(mkdir("x2/y", 0755));
	list("x2");
	R(syscall(SYS_renameat2, AT_FDCWD, "x", AT_FDCWD, "y", RENAME_WHITEOUT));
	list(".");
}

static sigjmp_buf back;
static void on_bus(int sig, siginfo_t *info, void *ctx)
{
	say("signal %d code %d", sig, info->si_code);
	siglongjmp(back, 1);
}

static void full_in_a_fault(void)
{
	struct sigaction sa = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };
	char *m;
	int fd;

	begin_with("size=16k,mode=755");
	sigaction(SIGBUS, &sa, NULL);
	fd = open("f", O_CREAT | O_RDWR, 0644);
	ftruncate(fd, 65536);
	m = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (volatile int i = 0; i < 16; i++) {
		if (sigsetjmp(back, 1)) {
			say("at page %d", i);
			break;
		}
		m[i * 4096] = 'x';
	}
	usage("full");
	if (!sigsetjmp(back, 1))
		m[65536 - 1] = 'x';
	R(read(open("/dev/zero", O_RDONLY), m + 5 * 4096, 4096));
	R(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	m[5 * 4096] = 'y';
	say("%c", m[5 * 4096]);
	ftruncate(fd, 4096);
	if (!sigsetjmp(back, 1))
		m[5 * 4096] = 'z';
	usage("cut");
}

static void full_in_fallocate(void)
{
	int fd;

	begin_with("size=32k,mode=755");
	fd = open("f", O_CREAT | O_RDWR, 0644);
	R(fallocate(fd, 0, 0, 16384));
	R(fallocate(fd, 0, 0, 65536));
	usage("after the refusal");
	show("f");
	R(fallocate(fd, FALLOC_FL_KEEP_SIZE, 16384, 16384));
	usage("all");
	show("f");
	R(ftruncate(fd, 16384));
	usage("cut at its size");
	R(ftruncate(fd, 0));
	usage("cut");
}

static void options(void)
{
	begin_with("size=1m,nr_inodes=100,mode=1750,uid=5,gid=6");
	struct stat st;

	usage("given");
	stat(".", &st);
	say("%o %d:%d", st.st_mode, st.st_uid, st.st_gid);
	mkdir("m", 0755);
	R(mount("x", "m", "tmpfs", 0, "size=3k"));
	R(chdir("m"));
	usage("rounded up");
	R(chdir(".."));
	R(umount("m"));
	R(mount("x", "m", "tmpfs", 0, "nr_blocks=7"));
	R(chdir("m"));
	usage("in blocks");
	R(chdir(".."));
	R(umount("m"));
	R(mount("x", "m", "tmpfs", 0, "size=1x"));
	R(mount("x", "m", "tmpfs", 0, "size="));
	R(mount("x", "m", "tmpfs", 0, "size"));
	R(mount("x", "m", "tmpfs", 0, "nonsense=1"));
	R(mount("x", "m", "tmpfs", 0, "mode=9"));
	R(mount("x", "m", "tmpfs", 0, "uid=x"));
	R(mount("x", "m", "tmpfs", 0, "nr_inodes=x"));
	R(mount("x", "m", "tmpfs", 0, ""));
	R(umount("m"));
	R(mount("x", "m", "tmpfs", 0, "mode=700,,size=8k,"));
	stat("m", &st);
	say("%o", st.st_mode);
}

static void remounts(void)
{
	begin_with("size=64k,mode=755");
	make_file("f", "");
	R(truncate("f", 1));
	R(fallocate(open("f", O_RDWR), 0, 0, 32768));
	R(mount(NULL, ".", NULL, MS_REMOUNT, "size=16k"));
	usage("too small");
	R(mount(NULL, ".", NULL, MS_REMOUNT, "size=32k"));
	usage("just so");
	R(write(open("g", O_CREAT | O_RDWR, 0644), "x", 1));
	R(mount(NULL, ".", NULL, MS_REMOUNT, "size=128k"));
	usage("grown");
	R(write(open("g", O_RDWR), "x", 1));
	R(mount(NULL, ".", NULL, MS_REMOUNT, "nr_inodes=2"));
	R(mount(NULL, ".", NULL, MS_REMOUNT, "nr_inodes=4"));
	R(mkdir("d", 0755));
	R(mkdir("e", 0755));
	usage("few inodes");
	R(mount(NULL, ".", NULL, MS_REMOUNT | MS_RDONLY, NULL));
	R(mkdir("e", 0755));
	R(mount(NULL, ".", NULL, MS_REMOUNT, "bad=1"));
}

static void counts(void)
{
	struct stat st;

	begin_with("size=1m,nr_inodes=100,mode=755");
	usage("empty");
	mkdir("d", 0755);
	usage("a directory");
	make_file("d/f", "x");
	usage("a file");
	R(write(open("d/f", O_RDWR), block, 4097));
	usage("two pages");
	link("d/f", "d/g");
	symlink("x", "d/s");
	usage("a link, a symlink");
	stat("d", &st);
	say("d has size %d, blocks %d, blksize %d", (int)st.st_size, (int)st.st_blocks,
	    (int)st.st_blksize);
	unlink("d/g");
	unlink("d/s");
	stat("d", &st);
	say("d has size %d", (int)st.st_size);
	remove_tree("d");
	usage("nothing");
}

ABI_MAIN(CASE(no_blocks), CASE(still_made_when_full), CASE(no_inodes), CASE(full_in_a_fault),
	 CASE(full_in_fallocate), CASE(options), CASE(remounts), CASE(counts))
