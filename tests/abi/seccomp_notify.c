/* SPDX-License-Identifier: MIT */
/* seccomp_unotify(2): a supervisor decides about another's calls, and gives it descriptors. */
#include "seccomp.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static struct seccomp_notif req;
static struct seccomp_notif_resp resp;

static int listener_for(int call, unsigned int more)
{
	int fd;

	no_new_privs();
	fd = VERDICT(SECCOMP_FILTER_FLAG_NEW_LISTENER | more, call, SECCOMP_RET_USER_NOTIF | 42);
	if (fd < 0)
		say("no listener: %s", errno_name(errno));
	return fd;
}

static int receive(int fd)
{
	memset(&req, 0, sizeof(req));
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req);
}

static int respond(int fd, int error, long val, unsigned int flags)
{
	resp = (struct seccomp_notif_resp){
		.id = req.id, .error = error, .val = val, .flags = flags
	};
	return ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &resp);
}

/* A result that is told when the child has had its say. */
#define AFTER(pid, call)                                                                           \
	do {                                                                                       \
		long r_ = (call);                                                                  \
		int err_ = errno;                                                                  \
		reap(pid);                                                                         \
		errno = err_;                                                                      \
		result(#call, r_);                                                                 \
	} while (0)

/* A child that calls getppid with some arguments and says what came of it. */
static pid_t asker(void)
{
	pid_t pid = fork();
	long r;

	if (pid)
		return pid;
	close(3); /* the listener */
	r = syscall(SYS_getppid, 1, 2, 3, 4, 5, 0x123456789);
	say("the call gives %ld %d", r < 0 || r == getpid() - 1 ? -1 : r, r < 0 ? errno : 0);
	_exit(0);
}

static void events(int fd, int timeout)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	int n = poll(&p, 1, timeout);

	say("poll %d: %s%s%s%s", n, p.revents & POLLIN ? "in " : "",
	    p.revents & POLLOUT ? "out " : "", p.revents & POLLHUP ? "hup " : "",
	    p.revents & POLLERR ? "err " : "");
}

static void answers(void)
{
	int fd = listener_for(SYS_getppid, 0);
	pid_t pid;

	YES(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	YES((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	events(fd, 0);
	pid = asker();
	events(fd, -1);
	R(receive(fd));
	events(fd, 0);
	YES(req.pid == (uint32_t)pid && req.id);
	say("flags %u, call %d, arch %#x, args %lld %lld %#llx", req.flags, req.data.nr,
	    req.data.arch, req.data.args[0], req.data.args[1], req.data.args[5]);
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
	YES(fd == 3);
	AFTER(pid, respond(fd, 0, 1234, 0));
	R(respond(fd, 0, 1234, 0));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
	events(fd, 0);
}

static void errors(void)
{
	static const int values[] = { -EACCES, -1, -4095, -4096, 5, 0 };
	int fd = listener_for(SYS_getppid, 0);

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		pid_t pid = asker();

		receive(fd);
		say("error %d", values[i]);
		AFTER(pid, respond(fd, values[i], i & 1 ? 99 : 0, 0));
	}
}

static void continued(void)
{
	int fd = listener_for(SYS_getppid, 0);
	pid_t pid = fork();

	if (!pid) {
		say("the call %s", syscall(SYS_getppid) == getppid() ? "?" : "is made");
		_exit(0);
	}
	receive(fd);
	R(respond(fd, -1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	R(respond(fd, 0, 1, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	R(respond(fd, 0, 0, 2));
	R(respond(fd, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE));
	R(receive(fd));
	AFTER(pid, respond(fd, 0, 5, 0));
}

static void bad_arguments(void)
{
	int fd = listener_for(SYS_getppid, 0);
	pid_t pid = asker();
	uint64_t id = 0;
	char c;

	req.pid = 1;
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &req));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, wild(8)));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, wild(8)));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, wild(8)));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &id));
	R(ioctl(fd, SECCOMP_IOR(2, uint64_t), &id));
	R(ioctl(fd, SECCOMP_IOWR(2, uint64_t), &id));
	R(ioctl(fd, SECCOMP_IO(9), &id));
	R(ioctl(fd, 0x5401, &id));
	R(read(fd, &c, 1));
	R(write(fd, &c, 1));
	R(receive(fd));
	id = req.id;
	R(ioctl(fd, SECCOMP_IOR(2, uint64_t), &id));
	req.id++;
	R(respond(fd, 0, 1, 0));
	req.id--;
	AFTER(pid, respond(fd, 0, 1, 0));
	R(VERDICT(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getuid,
		  SECCOMP_RET_USER_NOTIF)); /* a second one */
	close(fd);
	O(VERDICT(SECCOMP_FILTER_FLAG_NEW_LISTENER, SYS_getuid, SECCOMP_RET_USER_NOTIF));
}

static void closed(void)
{
	int fd = listener_for(SYS_getppid, 0);
	pid_t pid = asker(), other;

	receive(fd);
	other = fork();
	if (!other) {
		close(fd);
		syscall(SYS_getppid);
		_exit(0);
	}
	poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);
	events(fd, -1);
	close(fd);
	reap(pid);
	reap(other);
	R(syscall(SYS_getppid));
}

/* The listener goes to another process; who filters ends. */
static void hung_up(void)
{
	char space[CMSG_SPACE(sizeof(int))] = "", c = 0;
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = space,
			    .msg_controllen = sizeof(space) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
	int s[2], fd;
	pid_t pid;

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	pid = fork();
	if (!pid) {
		fd = listener_for(SYS_getppid, 0);
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
		sendmsg(s[0], &m, 0);
		close(fd);
		reap(asker());
		_exit(0);
	}
	R(recvmsg(s[1], &m, 0));
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	R(receive(fd));
	AFTER(pid, respond(fd, 0, 7, 0));
	events(fd, -1);
	while (poll(&(struct pollfd){ .fd = fd }, 1, -1) != 1)
		;
	events(fd, 0);
	R(receive(fd));
}

/* ---- descriptors ---- */

static int add(int fd, int src, unsigned int flags, int newfd, unsigned int newflags)
{
	struct seccomp_notif_addfd a = {
		.id = req.id, .flags = flags, .srcfd = src, .newfd = newfd, .newfd_flags = newflags
	};

	return ioctl(fd, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
}

static void given(void)
{
	int fd = listener_for(SYS_getppid, 0), p[2], n;
	char text[8] = "";
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (!pid) {
		n = syscall(SYS_getppid);
		say("descriptor %d, flags %d, writes %zd; 40 %s", n, fcntl(n, F_GETFD),
		    write(n, "abc", 3), fcntl(40, F_GETFD) < 0 ? "is not there" : "is there");
		_exit(0);
	}
	R(receive(fd));
	R(add(fd, p[1], 0, 0, O_CLOEXEC));
	R(add(fd, p[1], SECCOMP_ADDFD_FLAG_SETFD, 40, 0));
	R(add(fd, p[1], SECCOMP_ADDFD_FLAG_SETFD, 40, 0));
	R(add(fd, p[1], SECCOMP_ADDFD_FLAG_SETFD, -1, 0));
	R(add(fd, p[1], 0, 40, 0));
	R(add(fd, p[1], 4, 0, 0));
	R(add(fd, p[1], 0, 0, O_NONBLOCK));
	R(add(fd, 99, 0, 0, 0));
	R(ioctl(fd, SECCOMP_IOW(3, char[23]), wild(8)));
	R(ioctl(fd, SECCOMP_IOW(3, char[24]), wild(8)));
	R(ioctl(fd, SECCOMP_IOW(3, char[4096]), wild(8)));
	R(ioctl(fd, SECCOMP_IOW(3, char[32]), (char[32]){ [28] = 1 }));
	AFTER(pid, respond(fd, 0, 40, 0));
	R(add(fd, p[1], 0, 0, 0));
	R(read(p[0], text, sizeof(text)));
}

static void given_as_answer(void)
{
	int fd = listener_for(SYS_getppid, 0), p[2], n;
	struct rlimit none = { 0, 0 };
	char text[8] = "";
	pid_t pid;

	R(pipe(p));
	pid = fork();
	if (!pid) {
		n = syscall(SYS_getppid);
		say("descriptor %d, flags %d, writes %zd", n, fcntl(n, F_GETFD),
		    write(n, "abc", 3));
		n = syscall(SYS_getppid);
		say("descriptor %d", n);
		n = syscall(SYS_getppid);
		say("gives %d", n);
		_exit(0);
	}
	receive(fd);
	n = add(fd, p[1], SECCOMP_ADDFD_FLAG_SEND, 0, 0);
	receive(fd);
	say("gave %d", n);
	n = add(fd, p[1], SECCOMP_ADDFD_FLAG_SEND | SECCOMP_ADDFD_FLAG_SETFD, 33, O_CLOEXEC);
	receive(fd);
	say("gave %d", n);
	R(prlimit(pid, RLIMIT_NOFILE, &none, NULL));
	R(add(fd, p[1], SECCOMP_ADDFD_FLAG_SEND, 0, 0));
	R(add(fd, p[1], 0, 0, 0));
	R(add(fd, p[1], SECCOMP_ADDFD_FLAG_SETFD, 50, 0));
	AFTER(pid, respond(fd, 0, 3, 0));
	R(read(p[0], text, sizeof(text)));
}

/* ---- signals ---- */

static volatile int got;
static void on_signal(int sig)
{
	got++;
}

static void signalled_child(int flags)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = flags };
	long r;

	sigaction(SIGUSR1, &sa, NULL);
	r = syscall(SYS_getppid);
	say("the call gives %ld %s, %d signals", r, r < 0 ? errno_name(errno) : "", got);
	_exit(0);
}

static void wait_asleep(pid_t pid)
{
	char path[40], text[200], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		int fd = open(path, O_RDONLY);
		ssize_t n = read(fd, text, sizeof(text) - 1);

		close(fd);
		text[n > 0 ? n : 0] = 0;
		p = strrchr(text, ')');
		if (p && (p[2] == 'S' || p[2] == 'D'))
			return;
		sched_yield();
	}
}

static void interrupted(void)
{
	int fd = listener_for(SYS_getppid, 0);
	uint64_t first;
	pid_t pid;

	for (int flags = 0; flags <= SA_RESTART; flags += SA_RESTART) {
		pid = fork();
		if (!pid)
			signalled_child(flags);
		receive(fd);
		first = req.id;
		wait_asleep(pid);
		kill(pid, SIGUSR1);
		if (flags) {
			receive(fd);
			YES(req.id != first);
			respond(fd, 0, 9, 0);
		}
		reap(pid);
		R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &first));
		R(respond(fd, 0, 9, 0));
	}
}

static void patient(void)
{
	int fd = listener_for(SYS_getppid, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
	pid_t pid = fork();

	if (!pid)
		signalled_child(0);
	receive(fd);
	kill(pid, SIGUSR1);
	usleep(30000);
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
	AFTER(pid, respond(fd, 0, 9, 0));
	pid = fork();
	if (!pid)
		signalled_child(0);
	receive(fd);
	kill(pid, SIGKILL);
	say("%s", ended(reap(pid)));
	R(ioctl(fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &req.id));
}

static void nobody_asks(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	int fd = listener_for(SYS_getppid, 0);

	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	R(receive(fd));
	R(got);
}

/* Those of several tasks come in their order, and may be answered in another. */
static void several(void)
{
	int fd = listener_for(SYS_getppid, 0);
	struct seccomp_notif_resp r[3];
	pid_t pid[3];

	for (int i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(syscall(SYS_getppid, i) & 0xff);
		R(receive(fd));
		say("from %lld", req.data.args[0]);
		r[i] = (struct seccomp_notif_resp){ .id = req.id, .val = 10 + i };
	}
	YES(r[1].id == r[0].id + 1 && r[2].id == r[1].id + 1);
	for (int i = 2; i >= 0; i--) {
		R(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &r[i]));
		say("%d: %s", i, ended(reap(pid[i])));
	}
}

/* The filter that is asked is the strictest one; a later errno takes it away. */
static void stacked(void)
{
	int fd = listener_for(SYS_getppid, 0);
	pid_t pid;

	R(VERDICT(0, SYS_getppid, SECCOMP_RET_TRACE));
	pid = asker();
	R(receive(fd));
	AFTER(pid, respond(fd, 0, 6, 0));
	R(VERDICT(0, SYS_getppid, SECCOMP_RET_ERRNO | 6));
	R(syscall(SYS_getppid));
}

ABI_MAIN(CASE(answers), CASE(errors), CASE(continued), CASE(bad_arguments), CASE(closed),
	 CASE(hung_up), CASE(given), CASE(given_as_answer), CASE(interrupted), CASE(patient),
	 CASE(nobody_asks), CASE(several), CASE(stacked))
