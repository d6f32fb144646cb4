/* SPDX-License-Identifier: MIT */
/*
 * `make fault`: what is begun and fails for want of memory leaves nothing behind. A scenario runs again
 * and again, each time in a child whose 1st, 2nd, 3rd ... allocation in ring 0 fails, until none does.
 * After each run the figures of /proc/dyad/counts must be back; one that grows every time is a leak.
 */
#include "../abi/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 5000 /* allocations of a scenario */
#define GROUP "/sys/fs/cgroup/fault"
#define NAMESPACES                                                                                 \
	(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | \
	 CLONE_NEWCGROUP | CLONE_NEWTIME)

static char *word; /* a scenario's own argument */

static void clones(void)
{
	struct clone_args args = { .flags = NAMESPACES | CLONE_INTO_CGROUP,
				   .exit_signal = SIGCHLD };
	pid_t pid;

	args.cgroup = open(GROUP, O_RDONLY);
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (!pid)
		_exit(0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void unshares(void)
{
	unshare(NAMESPACES & ~CLONE_NEWUSER);
	unshare(CLONE_NEWUSER);
}

/* word: a type and its options, "tmpfs size=1m", or its image, "erofs /images/a.erofs". */
static void mounts(void)
{
	char type[32] = "", options[200] = "";
	const char *source;

	sscanf(word, "%31s %199[^\n]", type, options);
	source = options[0] == '/' ? options : "none";
	mkdir("/tmp/fault-m", 0700);
	if (!mount(source, "/tmp/fault-m", type, 0, source == options ? NULL : options)) {
		readlink("/tmp/fault-m/bin/sh", type, sizeof(type));
		close(open("/tmp/fault-m/file", O_CREAT | O_RDWR, 0600));
		mount("/tmp/fault-m", "/tmp/fault-m", NULL, MS_BIND, NULL);
		umount2("/tmp/fault-m", MNT_DETACH);
		umount2("/tmp/fault-m", MNT_DETACH);
	}
	rmdir("/tmp/fault-m");
}

/* An overlay over an image, where a file is copied up; word: the image. */
static void overlays(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/tmp", "tmpfs", 0, NULL))
		return;
	mkdir("/tmp/lower", 0700);
	mkdir("/tmp/upper", 0700);
	mkdir("/tmp/work", 0700);
	mkdir("/tmp/all", 0700);
	if (mount(word, "/tmp/lower", "erofs", MS_RDONLY, NULL) ||
	    mount("none", "/tmp/all", "overlay", 0,
		  "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work"))
		return;
	chmod("/tmp/all/etc/profile", 0600);
	rename("/tmp/all/etc/passwd", "/tmp/all/passwd");
	rmdir("/tmp/all/etc");
}

/* A veth pair with an end in another namespace, a bridge, and their end. */
static void devices(void)
{
	int other;

	if (unshare(CLONE_NEWNET))
		return;
	other = open("/proc/self/ns/net", O_RDONLY);
	if (unshare(CLONE_NEWNET))
		return;
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (nl < 0)
		return;
	veth_in("va", "vb", other);
	veth("vc", "vd");
	bridge("br");
	master("vc", "br");
	del("va");
	del("br");
}

static void cgroups(void)
{
	mkdir(GROUP "/child", 0700);
	rmdir(GROUP "/child");
}

static void sockets(void)
{
	struct sockaddr_un un = { AF_UNIX, "\0fault" };
	struct sockaddr_in in = { AF_INET, htons(4000), { htonl(INADDR_LOOPBACK) }, { 0 } };
	struct {
		struct cmsghdr h;
		int fd;
	} rights = { { CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS }, 0 };
	struct iovec iov = { "text", 4 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &rights,
			    .msg_controllen = sizeof(rights) };
	int pair[2], s, c;

	if (!socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		sendmsg(pair[0], &m, MSG_DONTWAIT);
	s = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	c = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (!bind(s, (void *)&un, sizeof(un)) && !listen(s, 2))
		connect(c, (void *)&un, sizeof(un));
	s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	c = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (!bind(s, (void *)&in, sizeof(in)))
		listen(s, 2);
	if (!bind(c, (void *)&in, sizeof(in)))
		sendto(c, "x", 1, 0, (void *)&in, sizeof(in));
	socket(AF_NETLINK, SOCK_RAW, 0);
}

static void execs(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/busybox", "true", (char *)NULL);
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void ipcs(void)
{
	struct sembuf b = { 0, 1, SEM_UNDO };
	struct mq_attr a = { .mq_maxmsg = 2, .mq_msgsize = 10 };
	struct {
		long type;
		char text[100];
	} m = { 1, "" };
	int id;
	void *p;

	if (unshare(CLONE_NEWIPC))
		return;
	id = shmget(1, 8192, IPC_CREAT | 0600);
	p = shmat(id, NULL, 0);
	if (p != (void *)-1)
		shmdt(p);
	id = semget(1, 100, IPC_CREAT | 0600);
	semop(id, &b, 1);
	id = msgget(1, IPC_CREAT | 0600);
	msgsnd(id, &m, sizeof(m.text), IPC_NOWAIT);
	mq_send(mq_open("/q", O_CREAT | O_RDWR, 0600, &a), "x", 1, 0);
}

static void files(void)
{
	int pipes[2], ep = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };

	if (!pipe(pipes) && write(pipes[1], "x", 1) == 1)
		epoll_ctl(ep, EPOLL_CTL_ADD, pipes[0], &ev);
	eventfd(0, 0);
	timerfd_create(CLOCK_MONOTONIC, 0);
	ftruncate(memfd_create("m", 0), 10000);
	mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1,
	     0);
	dup2(0, 200);
	mkdir("/tmp/fault-d", 0700);
	close(open("/tmp/fault-d/file with a name that is too long to be kept inline", O_CREAT,
		   0600));
	rename("/tmp/fault-d/file with a name that is too long to be kept inline",
	       "/tmp/fault-d/f");
	symlink("/tmp/x", "/tmp/fault-d/l");
	unlink("/tmp/fault-d/file with a name that is too long to be kept inline");
	unlink("/tmp/fault-d/f");
	unlink("/tmp/fault-d/l");
	rmdir("/tmp/fault-d");
}

/* word: a shell's command. Its children's allocations fail, too. */
static void commands(void)
{
	pid_t pid = fork();

	if (!pid) {
		execl("/bin/sh", "sh", "-c", word, (char *)NULL);
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{ "clone", clones },     { "unshare", unshares }, { "mount", mounts },
	{ "cgroup", cgroups },   { "socket", sockets },   { "exec", execs },
	{ "ipc", ipcs },         { "file", files },       { "command", commands },
	{ "overlay", overlays }, { "device", devices },
};

static size_t read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = 0, got;

	while ((got = read(fd, text + n, size - 1 - n)) > 0)
		n += got;
	text[n] = 0;
	close(fd);
	return n;
}

static char before[16384], after[16384], grown[1024];

/* Which figures are higher than before? They have a moment to come down. */
static bool leaked(void)
{
	for (int i = 0; i < 20; i++) {
		char *line = after, *end;

		read_text("/proc/dyad/counts", after, sizeof(after));
		grown[0] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			char name[64], key[70], *was;
			long now;

			if (sscanf(line, "%63s %ld", name, &now) != 2)
				continue;
			snprintf(key, sizeof(key), "%s ", name);
			was = strstr(before, key);
			if (now > (was ? atol(was + strlen(key)) : 0) && strlen(grown) < 900)
				sprintf(grown + strlen(grown), " %s+%ld", name,
					now - (was ? atol(was + strlen(key)) : 0));
		}
		if (!grown[0])
			return false;
		usleep(20000);
	}
	return true;
}

/* One run whose nth allocation fails: did it? */
static bool once(void (*run)(void), int nth)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char text[16] = "";
		int fd = open("/proc/dyad/fail-nth", O_RDWR);

		snprintf(text, sizeof(text), "%d", nth);
		if (write(fd, text, strlen(text)) < 0)
			_exit(2);
		run();
		text[0] = 0;
		/* when it is this very read that fails, the scenario is over */
		_exit(pread(fd, text, sizeof(text), 0) > 0 && atoi(text) == 0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
		return true; /* an exec or a page that failed may well kill it */
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	void (*run)(void) = NULL;
	int nth = 1, leaks = 0, step, most;

	for (size_t i = 0; argc > 1 && i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (!strcmp(argv[1], scenarios[i].name))
			run = scenarios[i].run;
	if (!run)
		return 2;
	word = argc > 2 ? argv[2] : "";
	step = argc > 3 && atoi(argv[3]) > 0 ? atoi(argv[3]) : 1;
	/* What children fail of, their parent does not see: such a scenario goes to a number that is given. */
	most = argc > 4 ? atoi(argv[4]) : 0;
	mkdir(GROUP, 0700);
	once(run, MOST * 100); /* what is made once and kept */
	once(run, 1);
	leaked();
	read_text("/proc/dyad/counts", before, sizeof(before));
	for (; nth < MOST && leaks < 3 && (once(run, nth) || nth < most); nth += step) {
		if (!leaked())
			continue;
		read_text("/proc/dyad/counts", before, sizeof(before));
		once(run, nth);
		if (leaked()) { /* again: it is no cache that was filled */
			printf("allocation %d fails: left behind%s\n", nth, grown);
			leaks++;
		}
		read_text("/proc/dyad/counts", before, sizeof(before));
	}
	rmdir(GROUP);
	fprintf(stderr, "%d allocations\n", nth - 1);
	if (!leaks && nth > 1)
		printf("nothing is left\n");
	return leaks > 0;
}
