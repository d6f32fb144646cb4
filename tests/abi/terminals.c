/* SPDX-License-Identifier: MIT */
/*
 * Terminals, by means of a pseudo-terminal: the line discipline in both modes, what is echoed, the
 * characters that are signals, job control, hangup.
 */
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "abi.h"

static int master, slave;
static struct termios tio;

static const char *visible(const char *s, int n)
{
	static char out[4096];
	char *p = out;

	for (int i = 0; i < n && p < out + sizeof(out) - 8; i++) {
		if (s[i] >= ' ' && s[i] < 127 && s[i] != '\\')
			*p++ = s[i];
		else
			p += sprintf(p, "\\%o", (unsigned char)s[i]);
	}
	*p = '\0';
	return out;
}

/* What comes out of fd until it is quiet for a tenth of a second. */
static void show(const char *what, int fd)
{
	char buf[2048];
	int n = 0, r = 0;
	struct pollfd pfd = { fd, POLLIN, 0 };

	while (n < (int)sizeof(buf) && poll(&pfd, 1, 100) == 1) {
		r = read(fd, buf + n, sizeof(buf) - n);
		if (r <= 0)
			break;
		n += r;
	}
	say("%s: \"%s\"%s", what, visible(buf, n), r < 0 ? errno_name(errno) : "");
}

static void show_read(int size)
{
	char buf[256];
	struct pollfd pfd = { slave, POLLIN, 0 };
	int n;

	if (poll(&pfd, 1, 300) != 1) {
		say("read: nothing");
		return;
	}
	n = read(slave, buf, size);
	say("read: %d \"%s\"", n, n < 0 ? errno_name(errno) : visible(buf, n));
}

/* Types text, shows the echo. */
static void type(const char *text)
{
	if (write(master, text, strlen(text)) != (int)strlen(text))
		say("typing failed");
	show("echo", master);
}

static void open_pair(void)
{
	char name[64];
	int unlock = 0;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) || ptsname_r(master, name, 64)) {
		say("no terminal: %s", errno_name(errno));
		_exit(0);
	}
	slave = open(name, O_RDWR | O_NOCTTY);
	tcgetattr(slave, &tio);
}

static void set(void)
{
	tcsetattr(slave, TCSANOW, &tio);
}

static void first_modes(void)
{
	struct winsize ws = { 7, 7, 7, 7 };

	open_pair();
	say("%o %o %o %o", tio.c_iflag, tio.c_oflag, tio.c_cflag & ~CBAUD, tio.c_lflag);
	say("%s", visible((char *)tio.c_cc, 17));
	R(ioctl(slave, TIOCGWINSZ, &ws));
	say("%d %d", ws.ws_row, ws.ws_col);
	R(isatty(slave));
	R(isatty(master));
	R(tcgetpgrp(slave));
	R(tcsetpgrp(slave, getpid()));
	R(ioctl(slave, TIOCGSID, &ws));
	R(ioctl(slave, TIOCNOTTY));
	R(ioctl(slave, 0x5499, &ws));
	R(ioctl(slave, TCGETS, NULL));
	R(lseek(slave, 0, SEEK_CUR));
	R(open("/dev/tty", O_RDWR | O_NONBLOCK) < 0 ? 0 : 1);
}

/* Is /proc/self/fd/N a link to that name, and does isatty(3), ttyname(3) find it so? */
static void show_fd_name(int fd, const char *name)
{
	char link[64], target[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	YES(!strcmp(target, name));
	YES(!ttyname_r(fd, target, sizeof(target)) && !strcmp(target, name));
}

static void lock_and_peer(void)
{
	char name[64];
	int lock, peer;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	R(ptsname_r(master, name, 64));
	R(ioctl(master, TIOCGPTLCK, &lock));
	say("%d", lock);
	R(open(name, O_RDWR | O_NOCTTY));
	lock = 0;
	R(ioctl(master, TIOCSPTLCK, &lock));
	O(open(name, O_RDWR | O_NOCTTY));
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	YES(peer >= 0);
	R(write(peer, "peer\n", 5));
	show_fd_name(peer, name);
	show("master", master);
}

static void canonical_editing(void)
{
	open_pair();
	type("hello\n");
	show_read(100);
	type("helxo\177\177lo\n");
	show_read(100);
	type("one two  three\027\027four\n");
	show_read(100);
	type("nothing of this\025that\n");
	show_read(100);
	type("a\tb\177\177\177cd\n");
	show_read(100);
	type("\001\002\177x\n");
	show_read(100);
	type("\177\177\025\027\n");
	show_read(100);
	type("again\022!\n");
	show_read(100);
	type("lit\026\003\026\177\026\026eral\n");
	show_read(100);
	type("cr\r");
	show_read(100);
	type("one\ntwo\nthree\n");
	show_read(100);
	show_read(2);
	show_read(100);
	show_read(100);
	show_read(100);
}

static void end_of_file(void)
{
	open_pair();
	type("\004");
	show_read(100);
	type("abc\004");
	show_read(100);
	type("abc\004");
	show_read(3);
	type("x\n");
	show_read(100);
	type("\004\004\n");
	show_read(100);
	show_read(100);
	show_read(100);
	type("p\004q\n");
	show_read(1);
	show_read(100);
	tio.c_cc[VEOL] = ';';
	set();
	type("a;b\n");
	show_read(100);
	show_read(100);
}

static void echo_modes(void)
{
	open_pair();
	tio.c_lflag &= ~ECHO;
	set();
	type("silent\n");
	show_read(100);
	tio.c_lflag |= ECHONL;
	set();
	type("newline\n");
	show_read(100);
	tio.c_lflag |= ECHO;
	tio.c_lflag &= ~(ECHOE | ECHOKE);
	set();
	type("abc\177d\n");
	show_read(100);
	type("abc\025d\n");
	show_read(100);
	tio.c_lflag |= ECHOE;
	tio.c_lflag &= ~ECHOCTL;
	set();
	type("\001a\002\177\177b\n");
	show_read(100);
	tio.c_lflag &= ~IEXTEN;
	set();
	type("a b\027\026c\n");
	show_read(100);
}

static void input_flags(void)
{
	open_pair();
	tio.c_iflag = ISTRIP | INLCR;
	set();
	type("a\341\n\r");
	type("\004");
	show_read(100);
	tio.c_iflag = IGNCR;
	set();
	type("b\rc\n");
	show_read(100);
	tio.c_iflag = IUTF8 | ICRNL;
	set();
	type("\303\251x\177\177y\n");
	show_read(100);
}

static void output_flags(void)
{
	open_pair();
	R(write(slave, "a\nb\r\nc\td", 8));
	show("out", master);
	tio.c_oflag |= XTABS;
	set();
	R(write(slave, "\r\tx\ty\b\tz\n\t", 10));
	show("out", master);
	tio.c_oflag = OPOST | OCRNL | ONOCR;
	set();
	R(write(slave, "a\r\rb\n\r", 6));
	show("out", master);
	tio.c_oflag = ONLCR;
	set();
	R(write(slave, "raw\n", 4));
	show("out", master);
}

static void raw_reads(void)
{
	open_pair();
	tio.c_lflag &= ~(ICANON | ECHO);
	tio.c_cc[VMIN] = 1;
	tio.c_cc[VTIME] = 0;
	set();
	type("x");
	show_read(10);
	type("a\177\004\n");
	show_read(2);
	show_read(10);
	tio.c_cc[VMIN] = 0;
	set();
	R(read(slave, &tio, 0));
	{
		char c[8];

		R(read(slave, c, 8));
		tio.c_cc[VTIME] = 1;
		set();
		R(read(slave, c, 8));
		type("yz");
		R(read(slave, c, 8));
		tio.c_cc[VMIN] = 4;
		set();
		type("12");
		R(read(slave, c, 8));
		type("123456");
		R(read(slave, c, 5));
		R(read(slave, c, 5));
		fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
		R(read(slave, c, 5));
		type("ab");
		R(read(slave, c, 5));
	}
}

static void typed_ahead(void)
{
	int n;

	open_pair();
	type("line\npart");
	R(ioctl(slave, FIONREAD, &n));
	say("%d", n);
	tio.c_lflag &= ~ICANON;
	set();
	R(ioctl(slave, FIONREAD, &n));
	say("%d", n);
	show_read(100);
	type("more\n");
	tcflush(slave, TCIFLUSH);
	show_read(100);
	type("old");
	tcsetattr(slave, TCSAFLUSH, &tio);
	show_read(100);
}

static void got_signal(int sig)
{
	say("signal %d", sig);
}

/* A child that owns the terminal; the parent types. */
static void in_session(void (*fn)(void))
{
	int status, ready[2];
	char c;
	pid_t pid;

	open_pair();
	if (pipe(ready))
		return;
	pid = fork();
	if (!pid) {
		setsid();
		if (ioctl(slave, TIOCSCTTY, 0))
			say("TIOCSCTTY: %s", errno_name(errno));
		close(master);
		fn();
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1) {
		type("\003");
		type("\034");
		type("abc\032");
	}
	close(slave);
	close(master);
	waitpid(pid, &status, 0);
	say("%s", ended(status));
}

static void catch_some(void)
{
	signal(SIGINT, got_signal);
	signal(SIGQUIT, got_signal);
	signal(SIGTSTP, got_signal);
}

static void signals_from_keys(void)
{
	in_session(catch_some);
}

static void owner(void)
{
	int fd = open("/dev/tty", O_RDWR), child, status;
	char c;

	catch_some();
	YES(fd >= 0);
	YES(tcgetpgrp(fd) == getpgrp());
	YES(tcgetsid(fd) == getpid());
	R(ioctl(fd, TIOCSCTTY, 0));
	R(tcsetpgrp(fd, 1 << 21));
	R(tcsetpgrp(fd, -5));
	child = fork();
	if (!child) {
		setpgid(0, 0);
		R(read(slave, &c, 1)); /* stops, then is in the foreground */
		say("%c", c);
		R(read(slave, &c, 1));
		signal(SIGTTOU, SIG_IGN);
		R(tcsetpgrp(fd, getppid()));
		signal(SIGTTOU, SIG_DFL);
		R(write(slave, "background may write\n", 21));
		tcgetattr(slave, &tio);
		R(tcsetattr(slave, TCSANOW, &tio)); /* stops */
		signal(SIGTTIN, SIG_IGN);
		R(read(slave, &c, 1));
		_exit(7);
	}
	waitpid(child, &status, WUNTRACED);
	say("%s %d", WIFSTOPPED(status) ? "stopped" : "?", WSTOPSIG(status));
	R(tcsetpgrp(fd, child));
	YES(tcgetpgrp(fd) == child);
	kill(-child, SIGCONT);
	waitpid(child, &status, WUNTRACED);
	say("%s %d", WIFSTOPPED(status) ? "stopped" : "?", WSTOPSIG(status));
	kill(-child, SIGCONT);
	waitpid(child, &status, WUNTRACED);
	say("%s %d", WIFSTOPPED(status) ? "stopped" : "?", WIFEXITED(status));
}

static void job_control(void)
{
	int status, pid;

	open_pair();
	pid = fork();
	if (!pid) {
		close(master);
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		owner();
		_exit(0);
	}
	usleep(200000);
	type("k\n");
	waitpid(pid, &status, 0);
	show("out", master);
	say("%s", ended(status));
}

static void window(void)
{
	int pid, status, ready[2];
	struct winsize ws = { 10, 20, 30, 40 };
	char c;

	open_pair();
	if (pipe(ready))
		return;
	pid = fork();
	if (!pid) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		signal(SIGWINCH, got_signal);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		pause();
		memset(&ws, 0, sizeof(ws));
		R(ioctl(slave, TIOCGWINSZ, &ws));
		say("%d %d %d %d", ws.ws_row, ws.ws_col, ws.ws_xpixel, ws.ws_ypixel);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		return;
	usleep(50000);
	/* Said when the child is done: the two would print at the same time. */
	status = ioctl(master, TIOCSWINSZ, &ws);
	waitpid(pid, NULL, 0);
	say("set the size: %d", status);
}

static void stop_and_go(void)
{
	struct pollfd pfd;

	open_pair();
	type("\023");
	fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
	R(write(slave, "held", 4));
	pfd = (struct pollfd){ slave, POLLOUT, 0 };
	R(poll(&pfd, 1, 0));
	type("\021");
	R(write(slave, "free", 4));
	show("out", master);
	R(tcflow(slave, TCOOFF));
	R(write(slave, "held", 4));
	R(tcflow(slave, TCOON));
	R(tcflow(slave, TCIOFF));
	show("out", master);
}

static void ends(void)
{
	struct pollfd pfd;
	char c;

	open_pair();
	R(write(slave, "last", 4));
	close(slave);
	pfd = (struct pollfd){ master, POLLIN, 0 };
	poll(&pfd, 1, 100);
	say("%s%s", pfd.revents & POLLIN ? "IN " : "", pfd.revents & POLLHUP ? "HUP" : "");
	show("rest", master);
	R(read(master, &c, 1));
	open_pair();
	close(master);
	R(read(slave, &c, 1));
	R(write(slave, "x", 1));
	pfd = (struct pollfd){ slave, POLLIN | POLLOUT, 0 };
	R(poll(&pfd, 1, 0));
	say("%s%s%s%s", pfd.revents & POLLIN ? "IN " : "", pfd.revents & POLLOUT ? "OUT " : "",
	    pfd.revents & POLLHUP ? "HUP " : "", pfd.revents & POLLERR ? "ERR" : "");
	R(tcgetattr(slave, &tio));
	R(isatty(slave));
}

static void hung_up(int sig)
{
	usleep(200000); /* after the leader's end was reported */
	say("signal %d", sig);
	_exit(3);
}

/* The leader goes: the foreground group hears of it, and the terminal is free again. */
static void leader_goes(void)
{
	int pid, status, p[2];
	char c;

	open_pair();
	if (pipe(p))
		return;
	pid = fork();
	if (!pid) {
		setsid();
		R(ioctl(slave, TIOCSCTTY, 0));
		signal(SIGHUP, hung_up);
		if (!fork()) {
			for (;;)
				pause();
		}
		usleep(50000);
		_exit(0);
	}
	close(p[1]);
	waitpid(pid, &status, 0);
	say("leader %s", ended(status));
	R(read(p[0], &c, 1)); /* end of file: the other one is gone as well */
}

/* A line longer than the buffer: what fits, and its newline. */
static void long_line(void)
{
	static char line[6000];
	int n = 0, r;

	open_pair();
	tio.c_lflag &= ~ECHO;
	set();
	memset(line, 'x', sizeof(line));
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	for (int i = 0; i < 5000; i += 100) {
		if (write(master, line, 100) != 100)
			say("typing stops at %d", i);
		usleep(1000);
	}
	if (write(master, "\n", 1) != 1)
		say("no newline");
	usleep(50000);
	fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
	while ((r = read(slave, line, sizeof(line))) > 0) {
		n += r;
		say("%d, last %o", r, line[r - 1]);
	}
	say("%d", n);
}

ABI_MAIN(CASE(first_modes), CASE(lock_and_peer), CASE(canonical_editing), CASE(end_of_file),
	 CASE(echo_modes), CASE(input_flags), CASE(output_flags), CASE(raw_reads),
	 CASE(typed_ahead), CASE(signals_from_keys), CASE(job_control), CASE(window),
	 CASE(stop_and_go), CASE(ends), CASE(leader_goes), CASE(long_line))
