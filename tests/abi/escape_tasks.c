/* SPDX-License-Identifier: MIT */
/*
 * Ways out of a container by processes, privileges, namespaces and system calls (tests/system/escape.py
 * names each class). All must fail as on Linux. As an ordinary user nothing of this can be tried.
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/reboot.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/shm.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <termios.h>
#include <time.h>

#include "escape.h"

#define NOBODY 999

/* The host's processes have no number here. */
ATTEMPT(signal_out)
{
	pid_t far = host_pid + 5000;

	R(kill(far, SIGKILL));
	R(kill(0, 0));
	R(kill(-1, SIGKILL)); /* everybody: nobody is left but the init that calls */
	R(syscall(SYS_tgkill, far, far, SIGKILL));
	R(getppid());
}

ATTEMPT(trace_out)
{
	pid_t far = host_pid + 5000;
	char c;
	struct iovec iov = { &c, 1 };

	R(ptrace(PTRACE_ATTACH, far, 0, 0));
	R(ptrace(PTRACE_SEIZE, far, 0, 0));
	R(syscall(SYS_process_vm_readv, far, &iov, 1, &iov, 1, 0));
	R(syscall(SYS_prlimit64, far, RLIMIT_NOFILE, NULL, NULL));
	R(syscall(SYS_sched_setaffinity, far, 8, &(unsigned long){ 1 }));
	R(setpriority(PRIO_PROCESS, far, 5));
	R(getpgid(far));
	R(syscall(SYS_pidfd_open, far, 0));
}

ATTEMPT(leaked_pidfd)
{
	R(syscall(SYS_pidfd_send_signal, host_pidfd, SIGKILL, NULL, 0));
	R(syscall(SYS_pidfd_send_signal, host_pidfd, 0, NULL, 0));
	R(syscall(SYS_pidfd_getfd, host_pidfd, 0, 0));
	R(setns(host_pidfd, CLONE_NEWNS));
	R(setns(host_pidfd, CLONE_NEWPID | CLONE_NEWUSER));
}

ATTEMPT(enter_host)
{
	for (size_t i = 0; i < 6; i++)
		say("setns %s: %s", ns_names[i],
		    setns(host_ns[i], 0) ? errno_name(errno) : "ENTERED");
	IN_NEW_USER(0, {
		for (size_t i = 0; i < 6; i++)
			say("setns %s: %s", ns_names[i],
			    setns(host_ns[i], 0) ? errno_name(errno) : "ENTERED");
	});
}

ATTEMPT(capabilities_by_setns)
{
	int own = open("/proc/self/ns/user", O_RDONLY);

	R(setns(own, CLONE_NEWUSER));
	IN_NEW_USER(0, R(setns(own, CLONE_NEWUSER)));
	R(ioctl(own, NS_GET_PARENT) < 0 ? -1 : 0);
	R(ioctl(own, NS_GET_USERNS) < 0 ? -1 : 0);
	R(ioctl(open("/proc/self/ns/pid", O_RDONLY), NS_GET_PARENT) < 0 ? -1 : 0);
	R(ioctl(open("/proc/self/ns/uts", O_RDONLY), NS_GET_USERNS) < 0 ? -1 : 0);
}

ATTEMPT(uid_map)
{
	R(put_text("/proc/self/uid_map", "0 0 1"));
	IN_NEW_USER(0, {
		R(put_text("/proc/self/uid_map", "0 0 4294967295"));
		R(put_text("/proc/self/uid_map", "0 100000 2"));
		R(put_text("/proc/self/uid_map", "0 5000 1"));
		R(put_text("/proc/self/gid_map", "0 0 1"));
		R(put_text("/proc/self/setgroups", "deny"));
		R(put_text("/proc/self/gid_map", "0 0 2"));
		R(setuid(0));
		R(put_text("/proc/self/uid_map", "0 0 1"));
		R(put_text("/proc/self/uid_map", "0 0 1"));
	});
}

ATTEMPT(foreign_ids)
{
	R(as_user ? setuid(5000) : 0);
	R(as_user ? (int)syscall(SYS_setgroups, 1, &(gid_t){ 5000 }) : 0);
	R(as_user ? chown("/tmp", 5000, -1) : 0);
	R(chown("/share/file", 1, 1));
	R(chmod("/share/file", 0777));
	R(setresuid(NOBODY, NOBODY, NOBODY));
	R(setuid(0));
	R(open("/share/new", O_CREAT | O_WRONLY, 0644));
}

ATTEMPT(raise_capabilities)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { ~0U, ~0U, ~0U }, { 0x1ff, 0x1ff, 0x1ff } };

	if (as_user) /* nothing is missing there */
		keep_caps(DEFAULT_CAPS);
	R(syscall(SYS_capset, &head, data));
	data[0] = data[1] = (struct __user_cap_data_struct){ 0 };
	syscall(SYS_capget, &head, data);
	data[0].inheritable = 1U << CAP_SYS_ADMIN;
	R(syscall(SYS_capset, &head, data));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0));
	R(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	R(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0));
}

static void inner_caps(void)
{
	status_line("Cap");
	status_line("NoNewPrivs");
}

ATTEMPT(exec_capabilities)
{
	if (!as_user)
		run_inner("caps");
	R(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS, 0, 0, 0));
	R(setresuid(NOBODY, NOBODY, NOBODY));
	if (!as_user)
		run_inner("caps");
	R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void inner_ids(void)
{
	say("euid %d, egid %d", geteuid(), getegid());
	status_line("CapEff");
}

/* A set-user-ID copy, and one with capabilities, executed by somebody else. */
ATTEMPT(set_user_id)
{
	struct vfs_cap_data cap = { VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE,
				    { { 1 << CAP_CHOWN, 0 } } };
	int fd = open("/tmp/copy", O_CREAT | O_WRONLY, 0755);
	static char buf[65536];
	ssize_t n;

	lseek(self_exe, 0, SEEK_SET);
	while ((n = read(self_exe, buf, sizeof(buf))) > 0)
		if (write(fd, buf, n) != n)
			say("write: %s", errno_name(errno));
	close(fd);
	self_exe = open("/tmp/copy", O_PATH);
	R(chmod("/tmp/copy", 06755));
	if (fork() == 0) {
		R(setresgid(NOBODY, NOBODY, NOBODY) | setresuid(NOBODY, NOBODY, NOBODY));
		run_inner("ids");
		_exit(0);
	}
	reap(-1);
	R(chmod("/tmp/copy", 0755));
	R(setxattr("/tmp/copy", "security.capability", &cap, XATTR_CAPS_SZ_2, 0));
	R(setresgid(NOBODY, NOBODY, NOBODY) | setresuid(NOBODY, NOBODY, NOBODY));
	run_inner("ids");
	R(setxattr("/tmp/copy", "security.capability", &cap, XATTR_CAPS_SZ_2, 0));
}

/* A terminal of the host's that is left open: nobody is made to type. */
static int terminal;
static void try_tiocsti(void)
{
	REFUSED(ioctl(terminal, TIOCSTI, "x"));
	R(ioctl(terminal, TIOCSCTTY, 1));
	REFUSED(ioctl(terminal, 0x541c /* TIOCLINUX */, "\3"));
	R(ioctl(terminal, TIOCGPGRP, &(int){ 0 }));
	R(ioctl(terminal, TIOCSPGRP, &(int){ 1 }));
	REFUSED(ioctl(terminal, TIOCCONS, 0));
}
static void tiocsti(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);

	if (fork()) { /* one that leads no group may lead a session */
		reap(-1);
		return;
	}
	MUST(setsid());
	MUST(ioctl(master, TIOCSPTLCK, &(int){ 0 }));
	MUST(terminal = ioctl(master, TIOCGPTPEER, O_RDWR));
	MUST(ioctl(terminal, TIOCSCTTY, 0));
	both(try_tiocsti);
	R(ioctl(terminal, FIONREAD, &(int){ 0 }));
	_exit(0);
}

/* Sockets: names of the host's, other's credentials, a folder from outside a jail. */
static int host_abstract;
static void try_unix_names(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "\0dyad-escape" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0), pair[2];
	char control[CMSG_SPACE(sizeof(struct ucred))] = { 0 };
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	R(connect(s, (void *)&to, sizeof(sa_family_t) + 12));
	R(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_CREDENTIALS;
	c->cmsg_len = CMSG_LEN(sizeof(struct ucred));
	memcpy(CMSG_DATA(c), &(struct ucred){ 4000, 0, 0 }, sizeof(struct ucred));
	R(sendmsg(pair[0], &msg, 0));
	memcpy(CMSG_DATA(c), &(struct ucred){ getpid(), 5000, 0 }, sizeof(struct ucred));
	R(as_user ? sendmsg(pair[0], &msg, 0) : 0);
}
static void unix_names(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0dyad-escape" };

	host_abstract = socket(AF_UNIX, SOCK_STREAM, 0);
	MUST(bind(host_abstract, (void *)&name, sizeof(sa_family_t) + 12));
	MUST(listen(host_abstract, 1));
	both(try_unix_names);
}

ATTEMPT(folder_by_socket)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, c;
	struct iovec iov = { &c, 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	int pair[2], fd = open("/", O_RDONLY | O_DIRECTORY);

	R(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	R(sendmsg(pair[0], &msg, 0));
	R(mkdir("/tmp/jail", 0755) | chroot("/tmp/jail"));
	R(recvmsg(pair[1], &msg, 0));
	memcpy(&fd, CMSG_DATA(cm), sizeof(fd));
	R(fchdir(fd));
	R(access("share/file", F_OK)); /* out of the jail it leads, not out of the container */
	look_for_host("by the folder");
}

/* ---- system calls ---- */

static void filter(const struct sock_filter *code, unsigned short len)
{
	struct sock_fprog prog = { len, (struct sock_filter *)code };

	R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0));
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

/* A filter that knows one number of mkdir: the other tables of system calls must not lead past it. */
ATTEMPT(other_abis)
{
	static const struct sock_filter code[] = {
		LOAD(arch),
		UNLESS(AUDIT_ARCH_X86_64, 3),
		LOAD(nr),
		UNLESS(SYS_mkdir, 2),
		RETURN(SECCOMP_RET_ERRNO | EACCES),
		RETURN(SECCOMP_RET_KILL_PROCESS),
		RETURN(SECCOMP_RET_ALLOW),
	};
	pid_t pid;

	filter(code, 7);
	R(mkdir("/tmp/one", 0755));
	R(syscall(SYS_mkdir | 0x40000000, "/tmp/one", 0755)); /* x32 */
	pid = fork();
	if (pid == 0) {
		long ret;

		__asm__ volatile("int $0x80"
				 : "=a"(ret)
				 : "a"(39), "b"("/tmp/one"), "c"(0755)
				 : "memory", "r8", "r9", "r10", "r11");
		_exit(ret == 0);
	}
	say("int 0x80: %s", WIFSIGNALED(reap(pid)) ? "killed" : "ALIVE");
	R(access("/tmp/one", F_OK));
}

ATTEMPT(filter_stays)
{
	static const struct sock_filter deny[] = { LOAD(nr), UNLESS(SYS_mkdir, 1),
						   RETURN(SECCOMP_RET_ERRNO | EACCES),
						   RETURN(SECCOMP_RET_ALLOW) };
	static const struct sock_filter allow[] = { RETURN(SECCOMP_RET_ALLOW) };
	pid_t pid;

	filter(deny, 4);
	filter(allow, 1); /* the stricter one wins */
	R(mkdir("/tmp/two", 0755));
	R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_DISABLED, NULL, 0, 0));
	R(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
	R(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	pid = fork();
	if (pid == 0) {
		R(mkdir("/tmp/two", 0755));
		_exit(0);
	}
	reap(pid);
	status_line("Seccomp:");
}

/* What only the machine's own root may. */
ATTEMPT(machine)
{
	const struct {
		const char *name;
		long nr, a, b, c;
	} calls[] = {
		{ "reboot", SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2,
		  LINUX_REBOOT_CMD_CAD_OFF },
		{ "iopl", SYS_iopl, 3, 0, 0 },
		{ "ioperm", SYS_ioperm, 0x80, 1, 1 },
		{ "init_module", SYS_init_module, 0, 0, 0 },
		{ "delete_module", SYS_delete_module, 0, 0, 0 },
		{ "kexec_load", SYS_kexec_load, 0, 0, 0 },
		{ "swapon", SYS_swapon, 0, 0, 0 },
		{ "acct", SYS_acct, 0, 0, 0 },
		{ "bpf", SYS_bpf, 5, 0, 0 },
		{ "perf_event_open", SYS_perf_event_open, 0, -1, 0 },
		{ "fanotify_init", SYS_fanotify_init, 0, 0, 0 },
		{ "settimeofday", SYS_settimeofday, (long)&(struct timeval){ 1, 0 }, 0, 0 },
		{ "clock_settime", SYS_clock_settime, CLOCK_REALTIME,
		  (long)&(struct timespec){ 1, 0 }, 0 },
		{ "syslog", SYS_syslog, 5, 0, 0 },
		{ "quotactl", SYS_quotactl, 0, 0, 0 },
		{ "vhangup", SYS_vhangup, 0, 0, 0 },
	};

	for (size_t i = as_user; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (!as_user || calls[i].nr != SYS_vhangup)
			say("%s: %s", calls[i].name,
			    syscall(calls[i].nr, calls[i].a, calls[i].b, calls[i].c, 0, 0) < 0
				    ? "refused"
				    : "DONE");
}

ATTEMPT(limits_up)
{
	struct rlimit r;

	getrlimit(RLIMIT_NPROC, &r);
	r.rlim_cur = r.rlim_max = 64;
	R(setrlimit(RLIMIT_NPROC, &r));
	r.rlim_max = 128;
	R(setrlimit(RLIMIT_NPROC, &r));
	R(setpriority(PRIO_PROCESS, 0, -20));
	R(syscall(SYS_sched_setscheduler, 0, 1 /* SCHED_FIFO */, &(int){ 50 }));
	R(put_text("/proc/self/oom_score_adj", "-1000"));
}

static void try_ipc_keys(void)
{
	R(shmget(0x4479, 4096, 0));
	R(shmctl(0, IPC_STAT, &(struct shmid_ds){ 0 }));
}
static void ipc_keys(void)
{
	int id = shmget(0x4479, 4096, IPC_CREAT | 0666);

	MUST(id);
	both(try_ipc_keys);
	R(shmctl(id, IPC_RMID, NULL));
}

/* The host's interfaces and ports are not here, its own may not be changed. */
static int host_port;
static void try_network(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = host_port,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct ifreq ifr = { .ifr_name = "eth0" };
	int s = socket(AF_INET, SOCK_STREAM, 0), raw = socket(AF_INET, SOCK_RAW, 1);

	REFUSED(connect(s, (void *)&to, sizeof(to)));
	R(ioctl(s, SIOCGIFINDEX, &ifr));
	R(raw < 0 ? -1 : 0);
	R(setsockopt(s, SOL_SOCKET, SO_BINDTODEVICE, "eth0", 5));
	strcpy(ifr.ifr_name, "lo");
	ifr.ifr_flags = IFF_UP;
	R(ioctl(s, SIOCSIFFLAGS, &ifr));
	R(setns(host_ns[2], CLONE_NEWNET));
}
static void network(void)
{
	struct sockaddr_in name = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(name);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	MUST(bind(s, (void *)&name, len) | listen(s, 1));
	getsockname(s, (void *)&name, &len);
	host_port = name.sin_port;
	both(try_network);
}

ATTEMPT(names_of_host)
{
	R(sethostname("changed", 7));
	R(setdomainname("changed", 7));
	R(sethostname("inside", 6));
}

/* CVE-2022-0492: a program that the kernel starts for a group. */
ATTEMPT(release_agent)
{
	REFUSED(as_user ? -1 : mount("cgroup", "/mnt", "cgroup", 0, "memory"));
	REFUSED(put_text("/mnt/release_agent", "/x"));
}

/* A parent's group: not to be seen, not to be joined. */
ATTEMPT(leave_group)
{
	if (!as_user)
		return;
	R(mount("cgroup2", "/mnt", "cgroup2", 0, NULL));
	R(put_text("/mnt/../cgroup.procs", "0"));
	R(put_text("/mnt/cgroup.procs", "0"));
	R(put_text("/mnt/cgroup.subtree_control", "+pids"));
	R(mkdir("/mnt/escape", 0755));
}

#define INNER                                                                                      \
	{                                                                                          \
		{ "caps", inner_caps }, { "ids", inner_ids },                                      \
	}
ESCAPE_MAIN(CASE(signal_out), CASE(trace_out), CASE(leaked_pidfd), CASE(enter_host),
	    CASE(capabilities_by_setns), CASE(uid_map), CASE(foreign_ids), CASE(raise_capabilities),
	    CASE(exec_capabilities), CASE(set_user_id), CASE(tiocsti), CASE(unix_names),
	    CASE(folder_by_socket), CASE(other_abis), CASE(filter_stays), CASE(machine),
	    CASE(limits_up), CASE(ipc_keys), CASE(network), CASE(names_of_host),
	    CASE(release_agent), CASE(leave_group))
