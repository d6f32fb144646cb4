/* SPDX-License-Identifier: MIT */
/* devpts: instances and their options, the names and owners of ptys, what opening one means. */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "vfs.h"

struct termio { /* asm-generic/termios.h; musl has none */
	unsigned short c_iflag, c_oflag, c_cflag, c_lflag;
	unsigned char c_line, c_cc[8];
};

static void noticed(int sig)
{
}

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

static int slave(int m)
{
	int s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY);

	O(s);
	return s;
}

static void show_modes(int fd)
{
	struct termios t = {};

	R(ioctl(fd, TCGETS, &t));
	say("%o %o %o %o line %d intr %d lnext %d", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag,
	    t.c_line, t.c_cc[VINTR], t.c_cc[VLNEXT]);
}

/* System V's struct termio: 16 bits of each word, and eight characters. */
static void old_modes(void)
{
	struct termio t;
	int n, m, s;

	instance("newinstance,ptmxmode=666");
	m = master("pts/ptmx", &n);
	s = slave(m);
	memset(&t, 0xaa, sizeof(t));
	R(ioctl(s, TCGETA, &t));
	say("%o %o %o %o line %d intr %d", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line,
	    t.c_cc[VINTR]);
	say("last byte %d", ((unsigned char *)&t)[sizeof(t) - 1]);
	t.c_lflag &= ~ECHO;
	t.c_cc[VINTR] = 7;
	R(ioctl(s, TCSETA, &t));
	show_modes(s);
	t.c_iflag = IXON;
	R(ioctl(m, TCSETAW, &t));
	show_modes(s);
	t.c_lflag |= ECHO;
	R(write(m, "typed\n", 6));
	R(ioctl(s, TCSETAF, &t));
	R(ioctl(s, FIONREAD, &n));
	say("unread %d", n);
	R(ioctl(s, TCGETA, wild(sizeof(t))));
	R(ioctl(s, TCSETA, wild(sizeof(t))));
}

static void locked_modes(void)
{
	struct termios locked = { .c_lflag = ECHO, .c_cc[VINTR] = 1 }, t;
	int n, m, s;

	instance("newinstance,ptmxmode=666");
	m = master("pts/ptmx", &n);
	s = slave(m);
	memset(&t, 0xaa, sizeof(t));
	R(ioctl(s, TIOCGLCKTRMIOS, &t));
	say("%o %o %o %o line %d intr %d", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line,
	    t.c_cc[VINTR]);
	R(ioctl(s, TIOCSLCKTRMIOS, &locked));
	R(ioctl(s, TIOCGLCKTRMIOS, &t));
	say("%o intr %d", t.c_lflag, t.c_cc[VINTR]);
	tcgetattr(s, &t);
	t.c_lflag &= ~(ECHO | ICANON);
	t.c_cc[VINTR] = 7;
	t.c_cc[VLNEXT] = 9;
	R(tcsetattr(s, TCSANOW, &t));
	show_modes(s);
	R(ioctl(s, TIOCSLCKTRMIOS, wild(sizeof(t))));
	R(ioctl(s, TIOCGLCKTRMIOS, wild(sizeof(t))));
	R(setresuid(1000, 1000, 1000));
	R(ioctl(s, TIOCSLCKTRMIOS, &locked));
}

static void disciplines(void)
{
	int n, m, s;

	instance("newinstance,ptmxmode=666");
	m = master("pts/ptmx", &n);
	s = slave(m);
	R(ioctl(s, TIOCGETD, &n));
	R(ioctl(s, TIOCSETD, &n));
	R(ioctl(m, TIOCSETD, &n));
	n = 77;
	R(ioctl(s, TIOCSETD, &n));
	R(ioctl(s, TIOCSETD, wild(4)));
	R(ioctl(s, TIOCGETD, &n));
	say("%d", n);
}

/* What is written has been sent when the master could read it, whether it does or not. */
static void sent_at_once(void)
{
	struct termios t;
	int n, m, s;

	instance("newinstance,ptmxmode=666");
	m = master("pts/ptmx", &n);
	s = open("pts/0", O_RDWR | O_NOCTTY);
	R(write(s, "unread", 6));
	R(ioctl(s, TIOCOUTQ, &n));
	say("%d bytes to be sent", n);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = noticed }, NULL);
	alarm(2);
	R(tcdrain(s));
	R(tcgetattr(s, &t));
	R(tcsetattr(s, TCSADRAIN, &t));
	R(tcsetattr(s, TCSAFLUSH, &t));
	R(ioctl(m, FIONREAD, &n));
	say("%d bytes to be read", n);
}

/* What the master can read stays, whatever the slave drops. */
static void not_dropped(void)
{
	struct pollfd p = { .events = POLLIN };
	int n, s;

	instance("newinstance,ptmxmode=666");
	p.fd = master("pts/ptmx", &n);
	s = open("pts/0", O_RDWR | O_NOCTTY);
	R(write(s, "said", 4));
	R(poll(&p, 1, 1000));
	R(tcflush(s, TCIOFLUSH));
	R(ioctl(p.fd, FIONREAD, &n));
	say("%d bytes", n);
	R(write(p.fd, "\x03", 1));
	for (int i = 0; i < 100 && !ioctl(p.fd, FIONREAD, &n) && n < 6; i++)
		poll(NULL, 0, 10);
	say("%d bytes", n);
}

static void packet(int m)
{
	unsigned char buf[64];
	struct pollfd p = { m, POLLIN | POLLPRI | POLLRDNORM, 0 };
	ssize_t n;

	poll(&p, 1, 200);
	n = p.revents ? read(m, buf, sizeof(buf)) : 0;
	say("events %#x: %zd bytes, %#x \"%.*s\"", p.revents, n, n > 0 ? buf[0] : 0xff,
	    n > 1 ? (int)n - 1 : 0, buf + 1);
}

static void packets(void)
{
	struct termios t;
	int n, m, s;

	instance("newinstance,ptmxmode=666");
	m = master("pts/ptmx", &n);
	s = open("pts/0", O_RDWR | O_NOCTTY);
	R(ioctl(m, TIOCGPKT, &n));
	say("packet mode %d", n);
	R(ioctl(s, TIOCPKT, &(int){ 1 }));
	R(ioctl(m, TIOCPKT, wild(8)));
	R(ioctl(m, TIOCPKT, &(int){ 2 }));
	R(ioctl(m, TIOCGPKT, &n));
	say("packet mode %d", n);
	packet(m);
	R(write(s, "text", 4));
	packet(m);
	R(tcflow(s, TCOOFF));
	packet(m);
	R(tcflow(s, TCOON));
	packet(m);
	R(tcflush(s, TCOFLUSH));
	packet(m);
	R(tcflush(s, TCIFLUSH));
	packet(m);
	tcgetattr(s, &t);
	t.c_iflag &= ~IXON;
	R(tcsetattr(s, TCSANOW, &t));
	packet(m);
	t.c_iflag |= IXON;
	R(tcsetattr(s, TCSANOW, &t));
	packet(m);
	R(write(m, "\x13", 1));
	packet(m);
	R(write(m, "\x11", 1));
	packet(m);
	R(write(m, "\x03", 1));
	packet(m);
	packet(m);
	R(ioctl(m, TIOCPKT, &(int){ 0 }));
	R(write(s, "x", 1));
	R(tcflow(s, TCOOFF));
	packet(m);
}

ABI_MAIN(CASE(owners_and_modes), CASE(first_mode), CASE(two_instances), CASE(locked_and_gone),
	 CASE(not_terminals), CASE(old_modes), CASE(locked_modes), CASE(disciplines),
	 CASE(sent_at_once), CASE(not_dropped), CASE(packets))
