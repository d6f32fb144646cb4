/* SPDX-License-Identifier: MIT */
/* devpts: instances and their options, the names and owners of ptys, what opening one means. */
#include <sys/ioctl.h>
#include <termios.h>

#include "vfs.h"

static int master(const char *ptmx, int *number)
{
	int zero = 0, fd = open(ptmx, O_RDWR | O_NOCTTY);

	*number = -1;
	if (fd < 0)
		say("%s: %s", ptmx, errno_name(errno));
	else if (ioctl(fd, TIOCGPTN, number) || ioctl(fd, TIOCSPTLCK, &zero))
		say("number: %s", errno_name(errno));
	return fd;
}

static void instance(const char *options)
{
	begin();
	mkdir("pts", 0755);
	if (mount("devpts", "pts", "devpts", 0, options))
		say("mount: %s", errno_name(errno));
}

static void owners_and_modes(void)
{
	struct stat st;
	int n, m;

	instance("newinstance,gid=5,mode=620,ptmxmode=666");
	stat("pts/ptmx", &st);
	say("ptmx %o %d:%d", st.st_mode, major(st.st_rdev), minor(st.st_rdev));
	list("pts");
	m = master("pts/ptmx", &n);
	say("number %d", n);
	stat("pts/0", &st);
	say("%o %d:%d device %d:%d", st.st_mode, st.st_uid, st.st_gid, major(st.st_rdev),
	    minor(st.st_rdev));
	list("pts");
	close(m);
	list("pts");
}

static void first_mode(void)
{
	struct stat st;
	int n;

	instance("newinstance");
	stat("pts/ptmx", &st);
	say("ptmx %o", st.st_mode);
	master("pts/ptmx", &n);
	stat("pts/0", &st);
	say("%o %d:%d", st.st_mode, st.st_uid, st.st_gid);
	R(mount("devpts", "pts", "devpts", 0, "nonsense=1"));
	R(mount("devpts", "pts", "devpts", 0, "mode=9"));
}

static void two_instances(void)
{
	int a, b, n, k;

	instance("newinstance,ptmxmode=666");
	mkdir("other", 0755);
	R(mount("devpts", "other", "devpts", 0, "newinstance,ptmxmode=666"));
	a = master("pts/ptmx", &n);
	b = master("other/ptmx", &k);
	say("%d and %d", n, k);
	YES(!same_file("pts/0", "other/0"));
	R(write(a, "x", 1));
	close(b);
	list("pts");
	list("other");
}

static void locked_and_gone(void)
{
	int one = 1, n, m, s;

	instance("newinstance,ptmxmode=666");
	m = open("pts/ptmx", O_RDWR | O_NOCTTY);
	R(open("pts/0", O_RDWR | O_NOCTTY)); /* locked at first */
	R(ioctl(m, TIOCSPTLCK, &(int){ 0 }));
	s = open("pts/0", O_RDWR | O_NOCTTY);
	O(s);
	R(ioctl(m, TIOCSPTLCK, &one));
	R(open("pts/0", O_RDWR | O_NOCTTY));
	close(m);
	R(open("pts/0", O_RDWR | O_NOCTTY));
	R(read(s, (char[1]){ 0 }, 1));
	R(write(s, "x", 1));
	m = master("pts/ptmx", &n);
	O(m);
	R(mkdir("pts/x", 0755));
	R(unlink("pts/ptmx"));
	R(mknod("pts/y", S_IFREG | 0644, 0));
	R(link("pts/ptmx", "pts/z"));
}

/* A file that is no terminal, and terminals asked for what they are not. */
static void not_terminals(void)
{
	struct termios t;
	int n, m;

	instance("newinstance,ptmxmode=666");
	make_file("f", "x");
	R(tcgetattr(open("f", O_RDWR), &t));
	R(isatty(open("f", O_RDWR)));
	R(ioctl(open("f", O_RDWR), TIOCGPTN, &n));
	R(ioctl(open("/dev/null", O_RDWR), TCGETS, &t));
	m = master("pts/ptmx", &n);
	R(lseek(m, 0, SEEK_SET));
	R(pread(m, &n, 1, 0));
	R(ftruncate(m, 0));
	R(fsync(m));
	R(mmap(NULL, 4096, PROT_READ, MAP_SHARED, m, 0) == MAP_FAILED ? -1 : 0);
	R(flock(m, LOCK_SH));
	R(ioctl(m, 0x7777, 0));
	R(ioctl(m, TIOCSPTLCK, wild(8)));
	R(tcgetattr(m, &t));
}

ABI_MAIN(CASE(owners_and_modes), CASE(first_mode), CASE(two_instances), CASE(locked_and_gone),
	 CASE(not_terminals))
