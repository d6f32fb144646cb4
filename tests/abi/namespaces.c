/* SPDX-License-Identifier: MIT */
/*
 * Namespaces: pid, uts, mnt, user; making, entering, what is seen from where, and the end. As an
 * ordinary user everything happens in a user namespace of its own.
 */
#include <linux/capability.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "abi.h"

/* One byte for somebody who waits; silent, since that one goes on at once. */
static void tell(int fd)
{
	if (write(fd, "x", 1) != 1)
		say("write: %s", errno_name(errno));
}

/* Power over namespaces: root has it, others get it in a user namespace. */
static void empower(void)
{
	char map[32];
	int uid = geteuid(), gid = getegid();

	if (!uid)
		return;
	if (unshare(CLONE_NEWUSER))
		say("unshare: %s", errno_name(errno));
	snprintf(map, sizeof(map), "0 %d 1", uid);
	put_text("/proc/self/uid_map", map);
	put_text("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", gid);
	put_text("/proc/self/gid_map", map);
}

/* fork() with namespace flags. */
static pid_t fork_into(unsigned long flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };

	return syscall(SYS_clone3, &args, sizeof(args));
}

/* Runs code in a child of new namespaces and tells how it ended. */
#define INSIDE(flags, code)                                                                        \
	do {                                                                                       \
		pid_t child_ = fork_into(flags);                                                   \
		if (child_ == 0) {                                                                 \
			code;                                                                      \
			_exit(0);                                                                  \
		}                                                                                  \
		if (child_ < 0)                                                                    \
			say("clone3: %s", errno_name(errno));                                      \
		else                                                                               \
			say("%s", ended(reap(child_)));                                            \
	} while (0)

static void pid_numbers(void)
{
	empower();
	INSIDE(CLONE_NEWPID, {
		pid_t pid;

		R(getpid());
		R(getppid());
		R(getpgrp());
		R(getsid(0));
		pid = fork();
		if (pid == 0) {
			R(getpid());
			R(getppid());
			_exit(3);
		}
		say("%s", ended(reap(pid)));
		say("it was %d", (int)pid);
		R(setsid());
		R(getpgrp());
		R(kill(getpid() + 5, 0));
	});
}

static void pid_levels(void)
{
	empower();
	INSIDE(CLONE_NEWPID, {
		fork() || (_exit(0), 0);
		INSIDE(CLONE_NEWPID, {
			R(getpid());
			R(getppid());
			INSIDE(CLONE_NEWPID, R(getpid()));
		});
	});
}

/* As deep as they go: 32 below the first. */
static void pid_depth(void)
{
	int depth = 0, end[2];

	empower();
	R(pipe(end));
	for (;;) {
		pid_t pid = fork_into(CLONE_NEWPID);

		if (pid < 0) {
			/* Relative to where we are, which may be a namespace already: only that it ends. */
			say("in the end: %s", errno_name(errno));
			_exit(0);
		}
		if (pid == 0 && depth++ < 40)
			continue;
		_exit(reap(pid) ? 1 : 0);
	}
}

/* With its init a namespace ends: nobody in it is left, not even one who ignores all signals. */
static void pid_init_dies(void)
{
	char c;
	int p[2];

	empower();
	R(pipe(p));
	INSIDE(CLONE_NEWPID, {
		for (int i = 0; i < 3; i++)
			if (!fork()) {
				signal(SIGTERM, SIG_IGN);
				if (i == 2)
					setsid();
				fork();
				for (;;)
					pause();
			}
		_exit(4);
	});
	close(p[1]);
	R(read(p[0], &c, 1)); /* the end of file: the last writer is gone */
}

static int traced_thread(void *arg)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	tell(*(int *)arg);
	for (;;)
		pause();
	return 0;
}

/* The init dies as the tracer of a thread, whose end it will not wait for. */
static void pid_init_traces(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	int p[2];

	empower();
	R(pipe(p));
	INSIDE(CLONE_NEWPID, {
		char c;

		if (fork() == 0) {
			clone(traced_thread, stack + sizeof(stack),
			      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD,
			      &p[1]);
			syscall(SYS_exit, 0); /* the first thread alone */
		}
		R(read(p[0], &c, 1));
	});
}

static void pid_init_signals(void)
{
	char c;
	int p[2];
	pid_t pid;

	empower();
	R(pipe(p));
	pid = fork_into(CLONE_NEWPID);
	if (pid == 0) {
		R(kill(1, SIGKILL));
		R(kill(1, SIGTERM));
		R(kill(1, SIGSTOP));
		say("alive");
		if (write(p[1], "x", 1) != 1)
			_exit(9);
		for (;;)
			pause();
	}
	R(read(p[0], &c, 1));
	R(kill(pid, SIGTERM)); /* no handler: not even from outside */
	R(kill(pid, SIGUSR1));
	usleep(20000);
	R(waitpid(pid, NULL, WNOHANG));
	R(kill(pid, SIGKILL));
	say("%s", ended(reap(pid)));
}

static void handler(int sig)
{
	say("handler of %d", sig);
	_exit(sig);
}

static void pid_init_handles(void)
{
	empower();
	INSIDE(CLONE_NEWPID, {
		signal(SIGTERM, handler);
		kill(1, SIGTERM);
		say("not here");
	});
}

static void pid_orphans(void)
{
	empower();
	INSIDE(CLONE_NEWPID, {
		pid_t child = fork();
		int status;

		if (!child) {
			if (!fork()) {
				while (getppid() == 2)
					usleep(1000);
				say("parent is now %d", (int)getppid());
				_exit(5);
			}
			_exit(6);
		}
		usleep(50000);
		say("%s", ended(reap(child)));
		say("%s", ended(reap(-1)));
		R(waitpid(-1, &status, 0));
	});
}

/* Pid 1 of a namespace can continue its jobs, as a shell does that is the container's first process. */
static void pid_init_has_jobs(void)
{
	empower();
	INSIDE(CLONE_NEWPID, {
		pid_t job = fork();
		int status;

		if (!job) {
			setpgid(0, 0);
			raise(SIGTSTP);
			_exit(7);
		}
		waitpid(job, &status, WUNTRACED);
		say("%s", WIFSTOPPED(status) ? "stopped" : ended(status));
		if (WIFSTOPPED(status)) {
			kill(job, SIGCONT);
			say("%s", ended(reap(job)));
		}
	});
}

static void pid_unshare(void)
{
	pid_t before = getpid(), pid;
	int up[2], down[2];
	char c;

	empower();
	R(pipe(up));
	R(pipe(down));
	R(unshare(CLONE_NEWPID));
	YES(getpid() == before);
	R(unshare(CLONE_NEWPID)); /* only from one's own */
	pid = fork();
	if (pid == 0) {
		R(getpid());
		_exit(write(up[1], "x", 1) == 1 && read(down[0], &c, 1) == 1);
	}
	R(read(up[0], &c, 1));
	INSIDE(0, R(getpid()); R(getppid()));
	INSIDE(0, R(getpid()));
	tell(down[1]);
	say("%s", ended(reap(pid)));
	O(fork()); /* its init is gone */
}

/* One byte from a socket, and the number that its sender has here. */
static pid_t sender_of_byte(int socket)
{
	char c, control[CMSG_SPACE(sizeof(struct ucred))];
	struct iovec iov = { &c, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control };
	struct ucred who;

	m.msg_controllen = sizeof(control);
	R(recvmsg(socket, &m, 0));
	if (!CMSG_FIRSTHDR(&m))
		return -1;
	memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(who));
	return who.pid;
}

static void pid_from_outside(void)
{
	int down[2], up[2], yes = 1;
	char c;
	pid_t pid, inner;

	empower();
	R(pipe(down));
	R(socketpair(AF_UNIX, SOCK_STREAM, 0, up));
	R(setsockopt(up[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)));
	pid = fork_into(CLONE_NEWPID);
	if (pid == 0) {
		inner = fork();
		if (inner == 0) {
			tell(up[1]);
			for (;;)
				pause();
		}
		if (read(down[0], &c, 1) != 1)
			_exit(9);
		say("%s", ended(reap(inner)));
		_exit(0);
	}
	inner = sender_of_byte(up[0]); /* the grandchild has a number here too */
	YES(inner > 2 && inner != pid);
	YES(kill(pid, 0) == 0);
	R(kill(inner, SIGUSR2));
	tell(down[1]);
	say("%s", ended(reap(pid)));
}

static void own_proc(void)
{
	empower();
	INSIDE(CLONE_NEWPID | CLONE_NEWNS, {
		char buf[64] = "";

		R(mkdir("proc", 0755));
		R(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		R(mount("proc", "proc", "proc", 0, NULL));
		R(readlink("proc/self", buf, sizeof(buf)));
		say("%s", buf);
		R(access("proc/1/stat", F_OK));
		R(access("proc/2/stat", F_OK));
		INSIDE(0, R(access("proc/2/stat", F_OK)));
	});
}

static void host_names(void)
{
	struct utsname before, after;

	empower();
	uname(&before);
	INSIDE(CLONE_NEWUTS, {
		struct utsname u;

		R(sethostname("inner", 5));
		R(setdomainname("domain", 6));
		uname(&u);
		say("%s %s", u.nodename, u.domainname);
		INSIDE(CLONE_NEWUTS, uname(&u); say("a copy: %s", u.nodename));
		R(sethostname("0123456789012345678901234567890123456789012345678901234567890123",
			      64));
		R(sethostname("01234567890123456789012345678901234567890123456789012345678901234",
			      65));
		R(sethostname("", 0));
		R(sethostname("x", -1));
	});
	uname(&after);
	YES(!strcmp(before.nodename, after.nodename));
}

static void mounts(void)
{
	empower();
	R(mkdir("m", 0755));
	make_file("m/below", "");
	INSIDE(CLONE_NEWNS, {
		R(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		R(mount("t", "m", "tmpfs", 0, NULL));
		make_file("m/inside", "");
		R(access("m/below", F_OK));
		R(access("m/inside", F_OK));
		INSIDE(CLONE_NEWNS, {
			R(access("m/inside", F_OK)); /* copied */
			R(umount("m"));
			R(access("m/below", F_OK));
		});
		R(access("m/inside", F_OK));
	});
	R(access("m/below", F_OK));
	R(access("m/inside", F_OK));
}

static void new_root(void)
{
	empower();
	INSIDE(CLONE_NEWNS, {
		char cwd[64];

		R(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		R(mkdir("root", 0755));
		R(mount("t", "root", "tmpfs", 0, NULL));
		R(chdir("root"));
		make_file("mark", "");
		R(syscall(SYS_pivot_root, ".", "."));
		R(umount2(".", MNT_DETACH));
		R(chdir("/"));
		R(access("/mark", F_OK));
		R(access("/proc", F_OK));
		O(syscall(SYS_getcwd, cwd, sizeof(cwd)));
		say("%s", cwd);
		R(chdir(".."));
		R(access("mark", F_OK));
	});
}

static void entering(void)
{
	char path[64], c;
	int up[2], down[2], uts, pid_ns, null;
	struct utsname u;
	pid_t pid;

	empower();
	R(pipe(up));
	R(pipe(down));
	pid = fork_into(CLONE_NEWUTS | CLONE_NEWPID);
	if (pid == 0) {
		sethostname("target", 6);
		if (write(up[1], "x", 1) != 1 || read(down[0], &c, 1) != 1)
			_exit(9);
		say("%s", ended(reap(-1)) ? "nobody of mine" : "");
		_exit(0);
	}
	R(read(up[0], &c, 1));
	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)pid);
	O(uts = open(path, O_RDONLY));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)pid);
	O(pid_ns = open(path, O_RDONLY));
	null = open("/dev/null", O_RDONLY);
	R(setns(-1, 0));
	R(setns(null, 0));
	R(setns(uts, CLONE_NEWPID));
	R(setns(uts, CLONE_NEWUTS));
	uname(&u);
	say("%s", u.nodename);
	R(setns(pid_ns, 0));
	YES(getpid() != 1);
	INSIDE(0, R(getpid()); R(getppid()));
	R(ioctl(uts, NS_GET_NSTYPE));
	R(ioctl(pid_ns, NS_GET_NSTYPE));
	O(ioctl(uts, NS_GET_USERNS));
	O(ioctl(pid_ns, NS_GET_PARENT));
	R(ioctl(uts, NS_GET_PARENT));
	R(ioctl(null, NS_GET_NSTYPE));
	tell(down[1]);
	say("%s", ended(reap(pid)));
}

/* The same exactly when stat(2) says so. */
static bool same(const char *a, const char *b)
{
	struct stat x = { 0 }, y = { .st_ino = 1 };

	if (stat(a, &x) || stat(b, &y))
		say("stat: %s", errno_name(errno));
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *parents_uts(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/uts", (int)getppid());
	return path;
}

static void links(void)
{
	static const char *const names[] = { "mnt", "pid",    "user",
					     "uts", "cgroup", "pid_for_children" };
	char path[64], text[64], want[64];
	struct stat st;

	empower();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, text, sizeof(text) - 1);
		text[n < 0 ? 0 : n] = 0;
		stat(path, &st);
		snprintf(want, sizeof(want), "%s:[%lu]", i == 5 ? "pid" : names[i],
			 (unsigned long)st.st_ino);
		say("%s %s, mode %o", names[i], strcmp(text, want) ? text : "as it should be",
		    st.st_mode);
	}
	YES(same("/proc/self/ns/uts", "/proc/self/ns/uts"));
	YES(!same("/proc/self/ns/uts", "/proc/self/ns/pid"));
	INSIDE(0, YES(same("/proc/self/ns/uts", parents_uts())));
	INSIDE(CLONE_NEWUTS, YES(!same("/proc/self/ns/uts", parents_uts())));
	R(access("/proc/self/ns/nosuch", F_OK));
}

static void refused(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	empower();
	R(unshare(0));
	R(unshare(CLONE_NEWNS | CLONE_NEWUTS | 1));
	R(fork_into(CLONE_NEWNS | CLONE_FS));
	R(fork_into(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
	R(fork_into(CLONE_NEWUSER | CLONE_FS));
	/* Without power none of it works, but for a user namespace. */
	INSIDE(0, {
		R(syscall(SYS_capset, &head, none));
		R(unshare(CLONE_NEWUTS));
		R(unshare(CLONE_NEWPID));
		R(unshare(CLONE_NEWNS));
		R(fork_into(CLONE_NEWPID));
		R(sethostname("x", 1));
	});
}

static void user_ids(void)
{
	char map[64], text[256];
	int fd, uid = geteuid();

	INSIDE(CLONE_NEWUSER, {
		R(getuid());
		R(getgid());
		R(put_text("/proc/self/uid_map", ""));
		R(put_text("/proc/self/uid_map", "0 0"));
		R(put_text("/proc/self/uid_map", "0 0 0"));
		R(put_text("/proc/self/uid_map", "x 0 1"));
		R(put_text("/proc/self/setgroups", "perhaps"));
		R(put_text("/proc/self/setgroups", "deny"));
		R(put_text("/proc/self/setgroups", "allow"));
		snprintf(map, sizeof(map), "7 %d 1\n", uid);
		R(put_text("/proc/self/uid_map", map));
		R(put_text("/proc/self/uid_map", map)); /* once */
		R(getuid());
		R(geteuid());
		R(getgid());
		fd = open("/proc/self/uid_map", O_RDONLY);
		text[0] = 0;
		O(read(fd, text, sizeof(text)));
		say("first %d", atoi(text));
		R(setuid(0)); /* not mapped */
		R(setuid(7));
		O(unshare(CLONE_NEWUTS));
		R(sethostname("mine", 4));
	});
}

/* All power in a namespace of one's own is no more than its owner had: its memory stays readable. */
static void user_dumpable(void)
{
	INSIDE(0, {
		R(setresgid(1000, 1000, 1000));
		R(setresuid(1000, 1000, 1000));
		O(prctl(PR_SET_DUMPABLE, 1));
		R(unshare(CLONE_NEWUSER));
		R(prctl(PR_GET_DUMPABLE));
		R(put_text("/proc/self/uid_map", "0 1000 1"));
		R(unshare(CLONE_NEWUSER)); /* its group is not mapped */
	});
}

ABI_MAIN(CASE(pid_numbers), CASE(pid_levels), CASE(pid_depth), CASE(pid_init_dies),
	 CASE(pid_init_traces), CASE(pid_init_signals), CASE(pid_init_handles), CASE(pid_orphans),
	 CASE(pid_init_has_jobs), CASE(pid_unshare), CASE(pid_from_outside), CASE(own_proc),
	 CASE(host_names), CASE(mounts), CASE(new_root), CASE(entering), CASE(links), CASE(refused),
	 CASE(user_ids), CASE(user_dumpable))
