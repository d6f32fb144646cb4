/* SPDX-License-Identifier: MIT */
/* Control messages of AF_UNIX sockets: files in flight, credentials. */
#include "unix.h"

#include <sys/epoll.h>
#include <sys/prctl.h>

static int p[2];
static char control[2048] __attribute__((aligned(8)));

/* Sends text with n descriptors; more control bytes may stand in control already, used of them. */
static int send_fds(int s, const char *text, const int *fds, int n, int flags)
{
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = (struct cmsghdr *)control;

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n * sizeof(int)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(c), fds, n * sizeof(int));
	return sendmsg(s, &m, flags);
}

/* Receives with room for so many bytes of control; shows it, gives the descriptors. */
static int receive(const char *what, int s, size_t room, int flags, int *fds)
{
	char buf[64] = "";
	struct iovec iov = { buf, sizeof(buf) - 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room
	};
	int n = recvmsg(s, &m, flags), got = 0;

	if (n < 0) {
		say("%s: %s", what, errno_name(errno));
		return -1;
	}
	say("%s: %d \"%s\" flags %x control %zu", what, n, buf, m.msg_flags,
	    (size_t)m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		int nr = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		say("  level %d type %d length %zu", c->cmsg_level, c->cmsg_type,
		    (size_t)c->cmsg_len);
		if (c->cmsg_type == SCM_RIGHTS && fds) {
			memcpy(fds, CMSG_DATA(c), nr * sizeof(int));
			got = nr;
		}
	}
	return got;
}

static void one_file(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600), got = -1;
	char buf[8] = "";

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(fd, "content", 7));
	R(send_fds(p[0], "x", &fd, 1, 0));
	close(fd);
	R(receive("got", p[1], sizeof(control), 0, &got));
	R(lseek(got, 0, SEEK_CUR));
	R(pread(got, buf, 7, 0));
	say("%s, close on exec %d", buf, fcntl(got, F_GETFD));
	R(send_fds(p[0], "y", &got, 1, 0));
	R(receive("got", p[1], sizeof(control), MSG_CMSG_CLOEXEC, &fd));
	say("close on exec %d", fcntl(fd, F_GETFD));
}

static void boundaries(void)
{
	int fds[4];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(write(p[0], "before", 6));
	R(send_fds(p[0], "with", p, 1, 0));
	R(write(p[0], "after", 5));
	R(write(p[0], "more", 4));
	R(receive("1", p[1], sizeof(control), 0, fds));
	R(receive("2", p[1], sizeof(control), MSG_DONTWAIT, fds));
	R(send_fds(p[0], "one", p, 1, 0));
	R(send_fds(p[0], "two", p, 2, 0));
	R(receive("3", p[1], sizeof(control), 0, fds));
	R(receive("4", p[1], sizeof(control), 0, fds));
	R(send_fds(p[0], "", p, 1, 0)); /* no byte, no file */
	R(receive("5", p[1], sizeof(control), MSG_DONTWAIT, fds));
}

static void without_room(void)
{
	int fds[8], three[3];

	R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	three[0] = three[1] = three[2] = p[0];
	R(send_fds(p[0], "a", three, 3, 0));
	R(receive("two fit", p[1], CMSG_LEN(2 * sizeof(int)), 0, fds));
	R(close(fds[0]));
	R(close(fds[1]));
	R(close(fds[1] + 1));
	R(send_fds(p[0], "b", three, 3, 0));
	R(receive("none fits", p[1], CMSG_LEN(0), 0, fds));
	R(send_fds(p[0], "c", three, 3, 0));
	R(receive("no room", p[1], 3, 0, fds));
	R(send_fds(p[0], "d", three, 3, 0));
	show_data("recv", p[1], 0);
	R(send_fds(p[0], "e", three, 1, 0));
	R(receive("odd", p[1], CMSG_LEN(sizeof(int)) + 2, 0, fds));
}

static void bad_messages(void)
{
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int many[254], bad = 99;

	R(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p));
	for (int i = 0; i < 254; i++)
		many[i] = p[0];
	R(send_fds(p[0], "x", many, 254, 0));
	R(send_fds(p[0], "x", many, 253, 0));
	R(recv(p[1], &bad, 1, 0));
	bad = 99;
	R(send_fds(p[0], "x", &bad, 1, 0));
	bad = -1;
	R(send_fds(p[0], "x", &bad, 1, 0));
	m.msg_controllen = CMSG_SPACE(4);
	*c = (struct cmsghdr){ .cmsg_len = 5, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	R(sendmsg(p[0], &m, 0));
	c->cmsg_len = 1000;
	R(sendmsg(p[0], &m, 0));
	c->cmsg_len = CMSG_LEN(0);
	R(sendmsg(p[0], &m, 0));
	c->cmsg_type = 77;
	R(sendmsg(p[0], &m, 0));
	c->cmsg_level = 77;
	R(sendmsg(p[0], &m, 0));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	R(sendmsg(p[0], &m, 0));
	m.msg_controllen = 10; /* too short for one */
	R(sendmsg(p[0], &m, 0));
	m.msg_controllen = 1U << 30;
	R(sendmsg(p[0], &m, 0));
	m.msg_controllen = 24;
	m.msg_control = wild(1);
	R(sendmsg(p[0], &m, 0));
	show_data("came", p[1], 0);
}

static void two_messages(void)
{
	struct iovec iov = { "x", 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = 2 * CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *c = (struct cmsghdr *)control;
	int fds[4];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	for (int i = 0; i < 2; i++) {
		*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
				       .cmsg_level = SOL_SOCKET,
				       .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(c), &p[i], sizeof(int));
		c = (struct cmsghdr *)((char *)c + CMSG_SPACE(sizeof(int)));
	}
	R(sendmsg(p[0], &m, 0));
	R(receive("both in one", p[1], sizeof(control), 0, fds));
}

static void peeked(void)
{
	int fds[2], again[2];

	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(send_fds(p[0], "p", p, 1, 0));
	R(receive("peek", p[1], sizeof(control), MSG_PEEK, fds));
	R(receive("real", p[1], sizeof(control), 0, again));
	say("two: %d", fds[0] != again[0]);
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(send_fds(p[0], "p", p, 1, 0));
	R(receive("peek", p[1], sizeof(control), MSG_PEEK, fds));
	R(receive("real", p[1], sizeof(control), 0, again));
	say("two: %d", fds[0] != again[0]);
}

static void closed_unread(void)
{
	int q[2];
	char c;

	R(pipe(q));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(send_fds(p[0], "x", &q[1], 1, 0));
	close(q[1]);
	R(fcntl(q[0], F_SETFL, O_NONBLOCK));
	R(read(q[0], &c, 1)); /* the writer is in flight */
	close(p[1]);
	usleep(10000);
	R(read(q[0], &c, 1));
}

static void no_descriptors_left(void)
{
	struct rlimit lim = { 20, 20 };
	int fds[4], three[3];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	three[0] = three[1] = three[2] = p[0];
	R(send_fds(p[0], "x", three, 3, 0));
	while (dup(0) >= 0 && setrlimit(RLIMIT_NOFILE, &lim) == 0)
		;
	close(18);
	R(receive("one", p[1], sizeof(control), 0, fds));
	say("fd %d", fds[0]);
}

/* A pipe's write end lies in a cycle of sockets: its reader sees the end once it is collected. */
static int collected(int r)
{
	char c;
	int n;

	for (int i = 0; i < 100; i++) {
		int q[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, q); /* to close one may start the collector */
		close(q[0]);
		close(q[1]);
		n = read(r, &c, 1);
		if (n >= 0)
			return n;
		usleep(10000);
	}
	return -errno;
}

static void in_its_own_queue(void)
{
	int q[2];

	R(pipe2(q, O_NONBLOCK));
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(send_fds(p[0], "x", &q[1], 1, 0));
	R(send_fds(p[0], "y", &p[1], 1, 0));
	close(q[1]);
	close(p[0]);
	close(p[1]);
	R(collected(q[0]));
}

static void in_a_circle(void)
{
	int a[2], b[2], c[2], q[2];

	R(pipe2(q, O_NONBLOCK));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, a));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, b));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, c));
	R(send_fds(a[0], "1", &b[1], 1, 0));
	R(send_fds(b[0], "2", &c[1], 1, 0));
	R(send_fds(c[0], "3", &a[1], 1, 0));
	R(send_fds(b[0], "p", &q[1], 1, 0));
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
		close(c[i]);
	}
	close(q[1]);
	R(collected(q[0]));
}

static void in_a_listener(void)
{
	int l = listener(SOCK_STREAM, "@abi-cycle", 3), c = socket(AF_UNIX, SOCK_STREAM, 0), q[2];

	R(pipe2(q, O_NONBLOCK));
	R(connect_to(c, "@abi-cycle"));
	R(send_fds(c, "l", &l, 1, 0)); /* lies in a connection that waits for accept */
	R(send_fds(c, "q", &q[1], 1, 0));
	close(q[1]);
	close(c);
	close(l);
	R(collected(q[0]));
}

static void still_reachable(void)
{
	int a[2], b[2], fds[2];
	char buf[4] = "";

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, a));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, b));
	R(send_fds(b[0], "b", &b[1], 1, 0)); /* b[1] in its own queue */
	R(send_fds(a[0], "a", &b[1], 1, 0)); /* and in one that we can read */
	close(b[1]);
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	close(p[0]);
	close(p[1]);
	R(receive("a", a[1], sizeof(control), 0, fds));
	R(read(fds[0], buf, 1));
	say("%s", buf);
}

static void a_long_chain(void)
{
	int from, next[2], first;

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	first = p[0];
	from = p[1];
	for (int i = 0; i < 200; i++) { /* each socket is in the queue of the one after it */
		socketpair(AF_UNIX, SOCK_STREAM, 0, next);
		if (send_fds(next[0], "x", &from, 1, 0) != 1)
			say("%d: %s", i, errno_name(errno));
		close(from);
		close(next[0]);
		from = next[1];
	}
	close(from);
	show_data("the end came", first, 0);
}

static void too_many_in_flight(void)
{
	struct rlimit lim = { 30, 30 };
	int n = 0, ret;

	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	setrlimit(RLIMIT_NOFILE, &lim);
	if (geteuid() == 0 && setresuid(54321, 54321, 54321))
		say("setresuid");
	while (n < 100 && (ret = send_fds(p[0], "x", p, 1, MSG_DONTWAIT)) == 1)
		n++;
	say("%s after %s", errno_name(errno),
	    n > 25 && n < 35 ? "about the limit" : "another number");
	while (recv(p[1], &ret, 1, MSG_DONTWAIT) == 1)
		;
	R(send_fds(p[0], "x", p, 1, MSG_DONTWAIT));
}

static void through_exec_and_fork(void)
{
	int fds[2], status;
	char buf[4] = "";

	R(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p));
	if (fork() == 0) {
		int q[2];

		socketpair(AF_UNIX, SOCK_STREAM, 0, q);
		write(q[0], "kid", 3);
		send_fds(p[0], "from a child", &q[1], 1, 0);
		_exit(0);
	}
	wait(&status);
	R(receive("got", p[1], sizeof(control), 0, fds));
	R(read(fds[0], buf, 3));
	say("%s", buf);
	R(read(fds[0], buf, 3));
}

/* ---- credentials ---- */

static void show_creds(const char *what, int s, pid_t expected)
{
	char buf[64] = "";
	struct iovec iov = { buf, sizeof(buf) - 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;
	struct ucred *uc;
	int n = recvmsg(s, &m, MSG_DONTWAIT);

	if (n < 0) {
		say("%s: %s", what, errno_name(errno));
		return;
	}
	c = CMSG_FIRSTHDR(&m);
	uc = c ? (struct ucred *)CMSG_DATA(c) : NULL;
	if (!uc)
		say("%s: \"%s\" no credentials", what, buf);
	else
		say("%s: \"%s\" type %d pid %s uid %s gid %s", what, buf, c->cmsg_type,
		    uc->pid == expected ? "right"
		    : uc->pid           ? "other"
					: "0",
		    uc->uid == getuid() ? "own"
		    : uc->uid == 65534  ? "nobody"
					: "other",
		    uc->gid == getgid() ? "own"
		    : uc->gid == 65534  ? "nobody"
					: "other");
}

static void passed_credentials(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		R(socketpair(AF_UNIX, types[i], 0, p));
		R(write(p[0], "early", 5));
		R(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, 4));
		R(write(p[0], "mine", 4));
		pid = fork();
		if (pid == 0) {
			write(p[0], "child", 5);
			_exit(0);
		}
		wait(NULL);
		show_creds("early", p[1], getpid());
		show_creds("mine", p[1], getpid());
		show_creds("child", p[1], pid);
	}
}

static int send_cred(int s, struct ucred uc)
{
	struct iovec iov = { "c", 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = CMSG_SPACE(sizeof(uc)) };
	struct cmsghdr *c = (struct cmsghdr *)control;

	*c = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(uc)),
			       .cmsg_level = SOL_SOCKET,
			       .cmsg_type = SCM_CREDENTIALS };
	memcpy(CMSG_DATA(c), &uc, sizeof(uc));
	return sendmsg(s, &m, 0);
}

static void given_credentials(void)
{
	if (geteuid() == 0 && (setresgid(54321, 54321, 54321) || setresuid(54321, 54321, 54321)))
		say("setresuid");
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, p));
	R(setsockopt(p[1], SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, 4));
	R(send_cred(p[0], (struct ucred){ getpid(), getuid(), getgid() }));
	show_creds("own", p[1], getpid());
	R(send_cred(p[0], (struct ucred){ getppid(), getuid(), getgid() }));
	R(send_cred(p[0], (struct ucred){ getpid(), getuid() + 1, getgid() }));
	R(send_cred(p[0], (struct ucred){ getpid(), getuid(), getgid() + 1 }));
	R(send_cred(p[0], (struct ucred){ getpid(), -1, getgid() }));
	R(send_cred(p[0], (struct ucred){ 0, getuid(), getgid() }));
	show_creds("none", p[1], getpid());
}

static void peer_credentials(void)
{
	int l = listener(SOCK_STREAM, "@abi-peercred", 2), c = socket(AF_UNIX, SOCK_STREAM, 0), a;
	struct ucred uc;
	socklen_t len = sizeof(uc);
	pid_t pid;
	char buf[4];

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &uc, &len));
	say("pair: %d %d %d, %d", uc.pid == getpid(), uc.uid == getuid(), uc.gid == getgid(), len);
	R(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &uc, &len));
	say("new: %d %d %d", (int)uc.pid, (int)uc.uid, (int)uc.gid);
	R(getsockopt(l, SOL_SOCKET, SO_PEERCRED, &uc, &len));
	say("listener: %d", uc.pid == getpid());
	len = 4;
	R(getsockopt(p[0], SOL_SOCKET, SO_PEERCRED, &uc, &len));
	say("%d", len);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getppid();

		connect_to(c, "@abi-peercred");
		len = sizeof(uc);
		getsockopt(c, SOL_SOCKET, SO_PEERCRED, &uc, &len);
		write(c, uc.pid == parent ? "y" : "n", 1);
		read(c, buf, 1);
		_exit(0);
	}
	a = accept(l, NULL, NULL);
	len = sizeof(uc);
	R(getsockopt(a, SOL_SOCKET, SO_PEERCRED, &uc, &len));
	say("server sees the client: %d %d", uc.pid == pid, uc.uid == getuid());
	show_data("client sees the listener", a, 0);
	R(write(a, "x", 1));
	wait(NULL);
	R(setsockopt(a, SOL_SOCKET, SO_PEERCRED, &uc, len));
}

static void peer_groups(void)
{
	gid_t own[64], theirs[64];
	int n = getgroups(64, own);
	socklen_t len = sizeof(theirs);

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, p));
	R(getsockopt(p[0], SOL_SOCKET, SO_PEERGROUPS, theirs, &len));
	say("same: %d", (int)len == n * 4 && !memcmp(own, theirs, len));
	len = sizeof(theirs);
	R(getsockopt(socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, SO_PEERGROUPS, theirs, &len));
}

ABI_MAIN(CASE(one_file), CASE(boundaries), CASE(without_room), CASE(bad_messages),
	 CASE(two_messages), CASE(peeked), CASE(closed_unread), CASE(no_descriptors_left),
	 CASE(in_its_own_queue), CASE(in_a_circle), CASE(in_a_listener), CASE(still_reachable),
	 CASE(a_long_chain), CASE(too_many_in_flight), CASE(through_exec_and_fork),
	 CASE(passed_credentials), CASE(given_credentials), CASE(peer_credentials),
	 CASE(peer_groups))
