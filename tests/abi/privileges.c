/* SPDX-License-Identifier: MIT */
/*
 * What a user without rights, the root of a user namespace of its own (with and without other
 * namespaces), and a root without capabilities may do: the same list of operations for each. As root.
 */
#include "abi.h"

#include <linux/capability.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/reboot.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>

#define NOBODY 65534

static pid_t victim; /* root's, with all capabilities */

static char *of_victim(const char *file)
{
	static char path[60];

	snprintf(path, sizeof(path), "/proc/%d/%s", victim, file);
	return path;
}

/* Whether it is the opening or the reading that is refused. */
static bool readable(const char *file)
{
	char c;
	int fd = open(of_victim(file), O_RDONLY);

	return fd >= 0 && read(fd, &c, 1) >= 0;
}

static void machine(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	R(clock_settime(CLOCK_REALTIME, &ts));
	R(settimeofday(NULL, &(struct timezone){ 0 }));
	R(syscall(SYS_reboot, LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF,
		  0));
	R(klogctl(5, NULL, 0));
	R(klogctl(6, NULL, 0));
	R(klogctl(2, (char[4]){ 0 }, 4));
	O(open("/proc/sys/fs/protected_symlinks", O_WRONLY));
	R(access("/proc/sys/fs/protected_symlinks", W_OK));
	R(sethostname("abi", 3));
	R(setdomainname("abi", 3));
}

static void files(void)
{
	int own = open("own", O_CREAT | O_RDWR, 0644);

	R(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("loop", S_IFBLK | 0666, makedev(7, 0)));
	R(mknod("fifo", S_IFIFO | 0666, 0));
	R(mknod("whiteout", S_IFCHR, 0));
	R(open("secret", O_RDONLY) >= 0);
	R(chmod("root", 0666));
	R(chown("root", NOBODY, NOBODY));
	R(fchown(own, 5, -1));
	R(fchown(own, -1, 5));
	R(fchown(own, 0, -1));
	R(fchown(own, 0, 0));
	R(fchmod(own, 06755));
	R(utimensat(AT_FDCWD, "root", (struct timespec[2]){ { 1, 0 }, { 1, 0 } }, 0));
	R(setxattr("own", "trusted.t", "x", 1, 0));
	R(setxattr("own", "security.s", "x", 1, 0));
	R(setxattr("own", "user.u", "x", 1, 0));
	R(setxattr("root", "user.u", "x", 1, 0));
	R(getxattr("root", "trusted.secret", NULL, 0));
	R(open("root", O_RDONLY | O_NOATIME) >= 0);
	R(unlink("sticky/root"));
	R(rename("sticky/root", "sticky/other"));
	R(chroot("."));
}

static void mounts(void)
{
	R(mkdir("dir", 0755));
	R(mount("tmpfs", "dir", "tmpfs", 0, NULL));
	R(umount2("dir", MNT_DETACH));
	R(mount("dir", "dir", NULL, MS_BIND, NULL));
	R(umount2("dir", MNT_DETACH));
	R(syscall(SYS_pivot_root, "dir", "dir") == -1 && errno == EPERM);
	R(mount("devtmpfs", "dir", "devtmpfs", 0, NULL));
}

static void ids_and_sets(void)
{
	R(setuid(5));
	R(setgid(5));
	R(setgroups(0, NULL));
	R(setresuid(-1, 0, -1));
	R(prctl(PR_CAPBSET_DROP, CAP_KILL));
	R(prctl(PR_SET_SECUREBITS, 1));
}

static void processes(void)
{
	struct sched_param rt = { .sched_priority = 1 }, fair = { .sched_priority = 0 };
	struct rlimit rl;
	char c;
	struct iovec iov = { &c, 1 };
	cpu_set_t cpus;

	R(kill(victim, 0));
	R(syscall(SYS_ptrace, PTRACE_ATTACH, victim, 0, 0));
	R(syscall(SYS_process_vm_readv, victim, &iov, 1, &(struct iovec){ &victim, 1 }, 1, 0));
	R(syscall(SYS_get_robust_list, victim, &iov.iov_base, &iov.iov_len));
	R(open(of_victim("mem"), O_RDONLY) >= 0);
	R(readable("environ"));
	R(readable("maps"));
	R(open(of_victim("stat"), O_RDONLY) >= 0);
	R(open(of_victim("root"), O_PATH) >= 0);
	R(open(of_victim("cwd"), O_PATH) >= 0);
	R(open(of_victim("ns/uts"), O_RDONLY) >= 0);
	R(readlink(of_victim("exe"), &c, 1));
	R(open(of_victim("oom_score_adj"), O_WRONLY) >= 0);
	R(setpriority(PRIO_PROCESS, victim, 5));
	R(setpriority(PRIO_PROCESS, 0, 5));
	R(setpriority(PRIO_PROCESS, 0, 3));
	R(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, &fair));
	R(syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, &rt));
	sched_getaffinity(0, sizeof(cpus), &cpus);
	R(sched_setaffinity(victim, sizeof(cpus), &cpus));
	R(syscall(SYS_ioprio_set, 1, 0, 1 << 13 | 4));
	R(syscall(SYS_ioprio_set, 1, victim, 2 << 13 | 4));
	R(prlimit(victim, RLIMIT_CORE, NULL, &rl));
	rl = (struct rlimit){ 5, 5 };
	R(setrlimit(RLIMIT_CORE, &rl));
	rl.rlim_max = 6;
	R(setrlimit(RLIMIT_CORE, &rl));
	R(syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, victim, 0), 0, 0));
}

static void network(void)
{
	struct sockaddr_in port = { .sin_family = AF_INET, .sin_port = htons(81) };
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING };
	int s = socket(AF_INET, SOCK_DGRAM, 0), v;

	O(socket(AF_INET, SOCK_RAW, 1));
	O(socket(AF_PACKET, SOCK_RAW, 0));
	R(bind(s, (struct sockaddr *)&port, sizeof(port)));
	R(setsockopt(s, SOL_SOCKET, SO_PRIORITY, (v = 7, &v), 4));
	R(setsockopt(s, SOL_SOCKET, SO_PRIORITY, (v = 6, &v), 4));
	R(setsockopt(s, SOL_SOCKET, SO_MARK, &v, 4));
	R(setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, (v = 65536, &v), 4));
	R(setsockopt(s, SOL_SOCKET, SO_DEBUG, (v = 1, &v), 4));
	R(ioctl(s, 0x8914 /* SIOCSIFFLAGS */, &ifr));
}

static void namespaces(void)
{
	static const int kinds[] = { CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWPID, CLONE_NEWNET,
				     CLONE_NEWCGROUP };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			R(unshare(kinds[i]));
			_exit(0);
		}
		reap(pid);
	}
	R(setns(open("/proc/self/ns/uts", O_RDONLY), 0));
	R(setns(open("/proc/self/ns/user", O_RDONLY), 0));
	R(unshare(CLONE_NEWUSER));
	R(sethostname("abi", 3));
}

static void (*const lists[])(void) = { machine,   files,   mounts,    ids_and_sets,
				       processes, network, namespaces };

static void set_up(void)
{
	chmod(".", 01777);
	make_file("root", "x");
	make_file("secret", "x");
	chmod("secret", 0600);
	setxattr("root", "trusted.secret", "x", 1, 0);
	mkdir("sticky", 0755);
	chmod("sticky", 01777);
	make_file("sticky/root", "x");
	victim = fork();
	if (!victim)
		pause();
}

static void with(void (*become)(void))
{
	set_up();
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		pid_t pid = fork();

		if (!pid) {
			become();
			lists[i]();
			_exit(0);
		}
		reap(pid);
	}
	kill(victim, SIGKILL);
}

static void be_nobody(void)
{
	if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		say("ids: %s", errno_name(errno));
	prctl(PR_SET_DUMPABLE, 1);
}

static void be_root_of(int kinds)
{
	static const char *const maps[][2] = { { "setgroups", "deny" },
					       { "gid_map", "0 65534 1" },
					       { "uid_map", "0 65534 1" } };

	be_nobody();
	if (unshare(CLONE_NEWUSER | kinds))
		say("unshare: %s", errno_name(errno));
	for (int i = 0; i < 3; i++) {
		char path[40];
		int fd;

		snprintf(path, sizeof(path), "/proc/self/%s", maps[i][0]);
		fd = open(path, O_WRONLY);
		if (write(fd, maps[i][1], strlen(maps[i][1])) < 0)
			say("%s: %s", path, errno_name(errno));
		close(fd);
	}
}
static void be_root_of_little(void)
{
	be_root_of(0);
}
static void be_root_of_all(void)
{
	be_root_of(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP);
}
static void be_bare_root(void)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2] = { { 0 } };

	syscall(SYS_capset, &h, d);
}

static void nobody(void)
{
	with(be_nobody);
}
static void root_of_a_user_namespace(void)
{
	with(be_root_of_little);
}
static void root_of_all_namespaces(void)
{
	with(be_root_of_all);
}
static void root_without_capabilities(void)
{
	with(be_bare_root);
}

ABI_MAIN(CASE(nobody), CASE(root_of_a_user_namespace), CASE(root_of_all_namespaces),
	 CASE(root_without_capabilities))
