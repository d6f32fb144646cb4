/* SPDX-License-Identifier: MIT */
/* POSIX message queues and their file system, each case in an IPC namespace of its own. */
#include <linux/netlink.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>

#include "ipc.h"

static mqd_t make(const char *name, int flags, long max, long size)
{
	struct mq_attr a = { .mq_maxmsg = max, .mq_msgsize = size };

	return mq_open(name, O_CREAT | O_RDWR | flags, 0600, &a);
}

static void say_queue(mqd_t q)
{
	struct mq_attr a;

	if (mq_getattr(q, &a))
		say("getattr: %s", errno_name(errno));
	else
		say("flags %#lx, %ld of %ld messages of %ld", a.mq_flags, a.mq_curmsgs, a.mq_maxmsg,
		    a.mq_msgsize);
}

static void get(mqd_t q)
{
	unsigned int prio = 99;
	char text[8192];
	ssize_t n = mq_receive(q, text, sizeof(text), &prio);

	if (n < 0)
		say("%s", errno_name(errno));
	else
		say("%u: %.*s", prio, (int)n, text);
}

static int put(mqd_t q, const char *text, unsigned int prio)
{
	return mq_send(q, text, strlen(text), prio);
}

static struct timespec in_ms(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_nsec += ms * 1000000L;
	ts.tv_sec += ts.tv_nsec / 1000000000;
	ts.tv_nsec %= 1000000000;
	return ts;
}

static void opening(void)
{
	char longest[300];

	own_ipc();
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[256] = 0;
	O(mq_open("/q", O_RDWR));
	O(mq_open("/q", O_RDWR | O_CREAT, 0600, NULL));
	O(mq_open("/q", O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
	O(mq_open("/q", O_RDONLY));
	O(mq_open("/q", O_WRONLY | O_CREAT, 0600, NULL));
	O(syscall(SYS_mq_open, "q", 3, 0600, NULL));
	O(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
	O(syscall(SYS_mq_open, "/q", O_RDWR | O_CREAT, 0600, NULL));
	O(syscall(SYS_mq_open, "..", O_RDWR | O_CREAT, 0600, NULL));
	O(syscall(SYS_mq_open, "a/b", O_RDWR | O_CREAT, 0600, NULL));
	O(syscall(SYS_mq_open, wild(8), O_RDWR, 0600, NULL));
	O(syscall(SYS_mq_open, "z", O_RDWR | O_CREAT, 0600, wild(8)));
	O(mq_open(longest, O_RDWR | O_CREAT, 0600, NULL));
	longest[255] = 'y';
	O(syscall(SYS_mq_open, longest + 1, O_RDWR | O_CREAT, 0600, NULL));
	R(mq_unlink("/q"));
	R(mq_unlink("/q"));
	R(syscall(SYS_mq_unlink, "a/b"));
	R(syscall(SYS_mq_unlink, ""));
}

static void attributes(void)
{
	struct mq_attr a = { .mq_flags = O_NONBLOCK, .mq_maxmsg = 5 }, old;
	mqd_t q;

	own_ipc();
	say_queue(mq_open("/default", O_RDWR | O_CREAT, 0600, NULL));
	say_queue(q = make("/q", O_NONBLOCK, 3, 10));
	O(make("/bad", 0, 0, 10));
	O(make("/bad", 0, 10, 0));
	O(make("/bad", 0, -1, 10));
	O(make("/bad", 0, 65537, 10));
	O(make("/bad", 0, 1, 16777217));
	put(q, "one", 1);
	say_queue(q);
	a.mq_flags = 0;
	R(mq_setattr(q, &a, &old));
	say("%#lx %ld", old.mq_flags, old.mq_curmsgs);
	say_queue(q);
	a.mq_flags = O_NONBLOCK;
	R(mq_setattr(q, &a, NULL));
	YES(fcntl(q, F_GETFL) & O_NONBLOCK);
	a.mq_flags = O_APPEND;
	R(mq_setattr(q, &a, NULL));
	R(mq_getattr(0, &a));
	R(mq_getattr(-1, &a));
}

static void priorities(void)
{
	mqd_t q, r;

	own_ipc();
	q = make("/q", O_NONBLOCK, 8, 100);
	R(put(q, "low", 1));
	R(put(q, "high", 32767));
	R(put(q, "middle", 5));
	R(put(q, "middle again", 5));
	R(put(q, "", 0));
	R(put(q, "too high", 32768));
	for (int i = 0; i < 6; i++)
		get(q);
	r = mq_open("/q", O_RDONLY);
	R(put(r, "x", 0));
	r = mq_open("/q", O_WRONLY);
	get(r);
	R(put(0, "x", 0));
	R(put(77, "x", 0));
	get(0);
}

static void sizes(void)
{
	char text[20];
	mqd_t q;

	own_ipc();
	q = make("/q", O_NONBLOCK, 2, 10);
	R(put(q, "0123456789", 0));
	R(put(q, "0123456789x", 0));
	R(mq_receive(q, text, 9, NULL));
	R(mq_receive(q, text, 10, NULL));
	R(mq_send(q, wild(8), 5, 0));
	say_queue(q);
	R(put(q, "1", 0));
	R(put(q, "2", 0));
	R(put(q, "3", 0));
	R(mq_receive(q, wild(8), 10, NULL));
	say_queue(q);
}

static void times(void)
{
	struct timespec soon = in_ms(100), past = { 1, 0 }, bad = { 0, 2000000000 };
	char text[10];
	mqd_t q;

	own_ipc();
	q = make("/q", 0, 1, 10);
	R(mq_timedreceive(q, text, 10, NULL, &soon));
	R(mq_timedreceive(q, text, 10, NULL, &past));
	R(mq_timedreceive(q, text, 10, NULL, &bad));
	R(mq_timedreceive(q, text, 10, NULL, wild(8)));
	R(mq_timedsend(q, "a", 1, 0, &past));
	soon = in_ms(100);
	R(mq_timedsend(q, "b", 1, 0, &soon));
	R(mq_timedsend(q, "b", 1, 0, &past));
	R(mq_timedsend(q, "b", 1, 0, &bad));
	R(mq_timedreceive(q, text, 10, NULL, &past));
}

static void on_signal(int sig)
{
}

static void waiting(void)
{
	mqd_t q;
	pid_t a;
	int status;

	own_ipc();
	q = make("/q", 0, 1, 8192);
	a = fork();
	if (!a) {
		get(q);
		get(q);
		_exit(0);
	}
	nap(50);
	put(q, "first", 0);
	put(q, "second", 0);
	reap(a);
	put(q, "full", 0);
	a = fork();
	if (!a)
		_exit(put(q, "after", 0) ? errno : 0);
	nap(50);
	get(q);
	waitpid(a, &status, 0);
	say("sent: %d", status);
	get(q);
	signal(SIGALRM, on_signal);
	sigaction(SIGUSR1, &(struct sigaction){ .sa_handler = on_signal }, NULL);
	a = fork();
	if (!a) {
		get(q);
		_exit(0);
	}
	nap(50);
	kill(a, SIGUSR1);
	reap(a);
}

static void polling(void)
{
	struct pollfd p;
	char text[8192];
	mqd_t q;

	own_ipc();
	q = make("/q", 0, 1, 8192);
	p = (struct pollfd){ q, POLLIN | POLLOUT, 0 };
	R(poll(&p, 1, 0));
	say("%#x", p.revents);
	put(q, "x", 0);
	R(poll(&p, 1, 0));
	say("%#x", p.revents);
	if (!fork()) {
		nap(50);
		mq_receive(q, text, sizeof(text), NULL);
		_exit(0);
	}
	p.events = POLLOUT;
	YES(poll(&p, 1, 5000) == 1 && wait(NULL) > 0);
	say("%#x", p.revents);
}

static int notified;
static siginfo_t info;
static void on_message(int sig, siginfo_t *si, void *context)
{
	notified++;
	info = *si;
}

static void notify(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	mqd_t q;
	pid_t a;

	own_ipc();
	q = make("/q", 0, 3, 8192);
	sigaction(SIGUSR1,
		  &(struct sigaction){ .sa_sigaction = on_message, .sa_flags = SA_SIGINFO }, NULL);
	ev.sigev_value.sival_int = 42;
	R(mq_notify(q, &ev));
	R(mq_notify(q, &ev));
	CHILD(R(mq_notify(q, &ev)); R(mq_notify(q, NULL)));
	CHILD(put(q, "one", 0));
	say("%d: code %d value %d by me %d", notified, info.si_code, info.si_value.sival_int,
	    info.si_pid == getpid());
	put(q, "two", 0);
	say("%d", notified);
	R(mq_notify(q, &ev)); /* there are some already */
	put(q, "three", 0);
	say("%d", notified);
	for (int i = 0; i < 3; i++)
		get(q);
	put(q, "four", 0);
	say("%d", notified);
	get(q);
	R(mq_notify(q, &ev));
	a = fork(); /* somebody waits: the message is his */
	if (!a) {
		get(q);
		_exit(0);
	}
	nap(50);
	put(q, "five", 0);
	reap(a);
	say("%d", notified);
	R(mq_notify(q, NULL));
	put(q, "six", 0);
	say("%d", notified);
	ev.sigev_notify = SIGEV_NONE;
	R(mq_notify(q, &ev));
	R(mq_notify(q, NULL));
	ev.sigev_notify = 77;
	R(mq_notify(q, &ev));
	ev.sigev_notify = SIGEV_SIGNAL;
	ev.sigev_signo = 65;
	R(mq_notify(q, &ev));
	ev.sigev_signo = SIGUSR1;
	R(mq_notify(0, &ev));
	R(mq_notify(q, &ev));
	close(dup(q)); /* a close of any descriptor ends it */
	R(mq_notify(q, &ev));
}

static void unlinked(void)
{
	mqd_t q, r;

	own_ipc();
	q = make("/q", O_NONBLOCK, 2, 8192);
	put(q, "kept", 0);
	R(mq_unlink("/q"));
	get(q);
	r = make("/q", O_NONBLOCK, 4, 8192);
	say_queue(q);
	say_queue(r);
	put(q, "old", 0);
	get(r);
	CHILD(put(q, "of a child", 0));
	get(q);
	get(q);
}

static void file_system(void)
{
	struct statfs sf;
	struct stat st;
	mqd_t q;
	int fd;

	own_ns(CLONE_NEWIPC | CLONE_NEWNS);
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	R(mkdir("m", 0700));
	q = make("/before", O_NONBLOCK, 3, 100);
	R(mount("mqueue", "m", "mqueue", 0, NULL));
	R(statfs("m", &sf));
	say("%#lx", (long)sf.f_type);
	R(stat("m", &st));
	say("%o, %ld bytes", st.st_mode, (long)st.st_size);
	R(stat("m/before", &st));
	say("%o, %ld bytes, %d links", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	put(q, "12345", 0);
	show_file("m/before");
	fd = open("m/made", O_CREAT | O_RDWR, 0644);
	say_queue(fd);
	R(stat("m", &st));
	say("%ld bytes", (long)st.st_size);
	R(mkdir("m/dir", 0700));
	R(symlink("x", "m/link"));
	R(link("m/made", "m/other"));
	R(rename("m/made", "m/other"));
	R(mknod("m/fifo", S_IFIFO | 0600, 0));
	R(write(fd, "x", 1));
	O(mq_open("/made", O_RDWR));
	R(unlink("m/made"));
	R(mq_unlink("/made"));
	R(unlink("m/before"));
	say_queue(q);
	R(chmod("m", 0700));
	R(truncate("m", 0));
	if (fork() == 0) {
		R(unshare(CLONE_NEWIPC));
		R(mkdir("n", 0700));
		make("/inner", 0, 1, 1);
		R(mount("mqueue", "n", "mqueue", 0, NULL));
		R(access("n/inner", F_OK));
		R(access("m/inner", F_OK));
		_exit(0);
	}
	wait(NULL);
	R(access("n/inner", F_OK)); /* its namespace has ended, the mount is still there */
	O(open("n/new", O_CREAT | O_RDWR, 0600));
	R(unlink("n/inner"));
	R(umount("n"));
	R(umount("m"));
}

static void notify_shown(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	char text[200] = "";
	mqd_t q;

	own_ipc();
	q = make("/q", 0, 3, 8192);
	mq_notify(q, &ev);
	if (read(q, text, sizeof(text)) > 0)
		say("%.45s %d", text, atoi(strstr(text, "PID:") + 4) == getpid());
	R(read(q, text, 10));
	R(lseek(q, 0, SEEK_SET));
	R(read(q, text, 10));
}

static void who_may(void)
{
	struct rlimit none = { 1000, 1000 };

	if (geteuid())
		return;
	own_ipc();
	umask(027);
	mq_close(mq_open("/open", O_RDWR | O_CREAT, 0666, NULL));
	umask(0);
	mq_close(mq_open("/write", O_RDWR | O_CREAT, 0622, NULL));
	O(mq_open("/nobody", O_RDWR | O_CREAT, 0000, NULL));
	R(put_text("/proc/sys/fs/mqueue/queues_max", "4"));
	R(setresgid(1000, 1000, 1000));
	R(setresuid(1000, 1000, 1000));
	O(mq_open("/open", O_RDONLY));
	O(mq_open("/write", O_RDONLY));
	O(mq_open("/write", O_WRONLY));
	R(mq_unlink("/write"));
	O(make("/q", 0, 10, 8192));
	O(make("/one more", 0, 1, 1));
	O(make("/large", 0, 11, 10));
	O(make("/large", 0, 10, 8193));
	setrlimit(RLIMIT_MSGQUEUE, &none);
	R(mq_unlink("/q"));
	O(make("/r", 0, 1, 10));
	for (int fd = 3; fd < 20; fd++)
		close(fd);
	O(make("/r", 0, 1, 1000));
	O(make("/r", 0, 1, 900));
	O(make("/s", 0, 1, 1));
}

static void limits(void)
{
	static const char *const files[] = { "queues_max", "msg_max", "msgsize_max", "msg_default",
					     "msgsize_default" };
	char path[64];

	if (geteuid())
		return;
	own_ipc();
	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", files[i]);
		show_file(path);
	}
	R(put_text("/proc/sys/fs/mqueue/msg_max", "0"));
	R(put_text("/proc/sys/fs/mqueue/msg_max", "70000"));
	R(put_text("/proc/sys/fs/mqueue/msg_max", "5"));
	say_queue(mq_open("/a", O_RDWR | O_CREAT, 0600, NULL));
	R(put_text("/proc/sys/fs/mqueue/msg_default", "4"));
	R(put_text("/proc/sys/fs/mqueue/msgsize_default", "128"));
	say_queue(mq_open("/b", O_RDWR | O_CREAT, 0600, NULL));
	R(put_text("/proc/sys/fs/mqueue/msgsize_max", "100"));
}

/* What the C library makes SIGEV_THREAD of: a cookie by a netlink socket, whose last byte says why. */
static void notify_by_socket(void)
{
	struct sigevent ev = { .sigev_notify = SIGEV_THREAD };
	struct sockaddr_nl from;
	socklen_t len = sizeof(from);
	char cookie[64], got[64];
	int s = socket(AF_NETLINK, SOCK_RAW, 0), pair[2], null = open("/dev/null", O_RDWR);
	mqd_t q, other;

	own_ipc();
	q = make("/q", 0, 4, 8);
	memset(cookie, 'c', sizeof(cookie));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	ev.sigev_value.sival_ptr = wild(8);
	ev.sigev_signo = s;
	R(syscall(SYS_mq_notify, q, &ev));
	ev.sigev_value.sival_ptr = cookie;
	ev.sigev_signo = 999;
	R(syscall(SYS_mq_notify, q, &ev));
	ev.sigev_signo = null;
	R(syscall(SYS_mq_notify, q, &ev));
	ev.sigev_signo = pair[0];
	R(syscall(SYS_mq_notify, q, &ev));
	ev.sigev_signo = s;
	R(syscall(SYS_mq_notify, null, &ev));
	R(syscall(SYS_mq_notify, q, &ev));
	R(syscall(SYS_mq_notify, q, &ev));
	R(mq_send(q, "x", 1, 0));
	memset(got, 0, sizeof(got));
	R(recvfrom(s, got, sizeof(got), 0, (struct sockaddr *)&from, &len));
	say("%d, from %u: %.32s", got[31], from.nl_pid, got);
	R(mq_send(q, "x", 1, 0));
	R(recv(s, got, sizeof(got), MSG_DONTWAIT)); /* once */
	R(syscall(SYS_mq_notify, q, &ev));
	R(mq_notify(q, NULL));
	R(recv(s, got, sizeof(got), 0));
	say("%d", got[31]);
	R(syscall(SYS_mq_notify, q, &ev));
	other = mq_open("/q", O_RDONLY);
	R(mq_close(other));
	R(recv(s, got, sizeof(got), 0));
	say("%d", got[31]);
	/* who leaves without a word, and a socket that nobody has any more */
	CHILD(R(syscall(SYS_mq_notify, q, &ev)));
	R(recv(s, got, sizeof(got), 0));
	say("%d", got[31]);
	R(syscall(SYS_mq_notify, q, &ev));
	close(s);
	R(mq_notify(q, NULL));
	R(mq_close(q));
	R(mq_unlink("/q"));
}

ABI_MAIN(CASE(opening), CASE(attributes), CASE(priorities), CASE(sizes), CASE(times), CASE(waiting),
	 CASE(polling), CASE(notify), CASE(notify_by_socket), CASE(unlinked), CASE(file_system),
	 CASE(notify_shown), CASE(who_may), CASE(limits))
