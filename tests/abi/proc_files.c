/* SPDX-License-Identifier: MIT */
/*
 * What programs parse in /proc. Formats, not values: a line is turned into a pattern in which 0
 * stands for any number, so that the same text comes out on every machine.
 */
#include <ctype.h>
#include <dirent.h>
#include <pthread.h>
#include <sys/utsname.h>

#include "abi.h"

static char text[1 << 16];

static ssize_t slurp(const char *path)
{
	int fd = open(path, O_RDONLY);
	ssize_t n, total = 0;

	if (fd < 0) {
		say("%s: %s", path, errno_name(errno));
		text[0] = '\0';
		return -1;
	}
	while (total < (ssize_t)sizeof(text) - 1 &&
	       (n = read(fd, text + total, sizeof(text) - 1 - total)) > 0)
		total += n;
	text[total] = '\0';
	close(fd);
	return total;
}

/* Decimal numbers become 0, runs of blanks one. */
static const char *pattern(const char *s)
{
	static char out[512];
	size_t n = 0;

	while (*s && *s != '\n' && n < sizeof(out) - 1) {
		if (isdigit((unsigned char)*s)) {
			while (isdigit((unsigned char)*s))
				s++;
			out[n++] = '0';
		} else if (*s == ' ' || *s == '\t') {
			while (*s == ' ' || *s == '\t')
				s++;
			out[n++] = ' ';
		} else {
			out[n++] = *s++;
		}
	}
	out[n] = '\0';
	return out;
}

static char *line_of(const char *key)
{
	size_t n = strlen(key);

	for (char *s = text; s; s = strchr(s, '\n'), s = s ? s + 1 : NULL)
		if (!strncmp(s, key, n))
			return s;
	return NULL;
}

static void show_lines(const char *path, const char *const keys[])
{
	if (slurp(path) < 0)
		return;
	for (int i = 0; keys[i]; i++) {
		char *line = line_of(keys[i]);

		say("%s", line ? pattern(line) : keys[i]);
		if (!line)
			say("%s is missing", keys[i]);
	}
}

static int fields(const char *s)
{
	int n = 0;

	while (*s && *s != '\n') {
		while (*s == ' ')
			s++;
		if (*s && *s != '\n')
			n++;
		while (*s && *s != ' ' && *s != '\n')
			s++;
	}
	return n;
}

static void stat_of_a_process(void)
{
	int pid, ppid, pgrp, session;
	char comm[64], state;

	slurp("/proc/self/stat");
	say("fields %d, ends with a newline %d", fields(text), text[strlen(text) - 1] == '\n');
	R(sscanf(text, "%d (%63[^)]) %c %d %d %d", &pid, comm, &state, &ppid, &pgrp, &session));
	say("%s %c", comm, state);
	YES(pid == getpid() && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
	slurp("/proc/self/statm");
	say("statm %s", pattern(text));
	slurp("/proc/self/schedstat");
	say("schedstat %s", pattern(text));
	YES(atoll(text) > 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	usleep(50000);
	char path[64];

	sprintf(path, "/proc/%d/stat", pid);
	slurp(path);
	R(sscanf(text, "%*d (%63[^)]) %c", comm, &state));
	say("asleep: %c", state);
	kill(pid, SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	slurp(path);
	R(sscanf(text, "%*d (%63[^)]) %c", comm, &state));
	say("stopped: %c", state);
	kill(pid, SIGKILL);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	slurp(path);
	R(sscanf(text, "%*d (%63[^)]) %c", comm, &state));
	say("dead: %c", state);
	sprintf(path, "/proc/%d/cmdline", pid);
	R(slurp(path));
	sprintf(path, "/proc/%d/maps", pid);
	R(slurp(path));
	sprintf(path, "/proc/%d/exe", pid);
	R(readlink(path, text, 10));
	reap(pid);
	sprintf(path, "/proc/%d", pid);
	R(access(path, F_OK));
}

static const char *const private[] = { "maps", "smaps", "smaps_rollup", "environ",
				       "auxv", "mem",   "syscall" };
#define PRIVATE (sizeof(private) / sizeof(*private))

/* Who may look is asked when a file is opened, and of what the task has then. */
static void who_may_look(void)
{
	char path[64], byte;
	int fds[PRIVATE], end[2];
	pid_t pid;

	if (geteuid())
		return;
	R(pipe(end));
	pid = fork();
	if (pid == 0) {
		if (read(end[0], &byte, 1) == 1)
			execl("/proc/self/exe", "abi", "no such case", NULL);
		_exit(9);
	}
	for (size_t i = 0; i < PRIVATE; i++) {
		sprintf(path, "/proc/%d/%s", pid, private[i]);
		fds[i] = open(path, O_RDONLY);
		say("%s: %s", private[i], fds[i] < 0 ? errno_name(errno) : "open");
	}
	if (fork() == 0) {
		if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
			_exit(1);
		for (size_t i = 0; i < PRIVATE; i++) {
			sprintf(path, "/proc/%d/%s", pid, private[i]);
			say("%s of root: %s, read %s", private[i],
			    open(path, O_RDONLY) < 0 ? errno_name(errno) : "open",
			    pread(fds[i], &byte, 1, strcmp(private[i], "mem") ? 0 : (long)&pid) < 0
				    ? errno_name(errno)
				    : "yes");
		}
		_exit(0);
	}
	say("%s", ended(reap(-1)));
	R(write(end[1], "x", 1));
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	for (int gone = 0; gone < 2; gone++) {
		for (size_t i = 0; i < PRIVATE; i++) {
			ssize_t n = pread(fds[i], &byte, 1, 0);

			say("%s %s: %s", private[i], gone ? "when it is gone" : "of the dead",
			    n < 0 ? errno_name(errno)
			    : n   ? "text"
				  : "nothing");
		}
		if (!gone)
			say("%s", ended(reap(pid)));
	}
}

/* The call in which a task sleeps. */
static void sleeping_call(void)
{
	unsigned long long a[8];
	char path[64], byte;
	int end[2], nr = 0;
	pid_t pid;

	slurp("/proc/self/syscall");
	say("self: call %d, %d fields", atoi(text), fields(text));
	R(pipe(end));
	pid = fork();
	if (pid == 0) {
		syscall(SYS_read, end[0], &byte, 77, 4, 5, 6);
		_exit(0);
	}
	sprintf(path, "/proc/%d/syscall", pid);
	do
		slurp(path);
	while (sscanf(text, "%d %llx %llx %llx %llx %llx %llx %llx %llx", &nr, a, a + 1, a + 2,
		      a + 3, a + 4, a + 5, a + 6, a + 7) != 9 ||
	       nr != SYS_read);
	say("read: %d, fd %d, %d bytes, then %d %d %d", nr == SYS_read, a[0] == (unsigned)end[0],
	    (int)a[2], (int)a[3], (int)a[4], (int)a[5]);
	YES(a[1] == (unsigned long)&byte);
	YES(a[6] && a[6] <= a[1] + 65536 && a[1] <= a[6] + 65536);
	YES(a[7] > 4096);
	kill(pid, SIGKILL);
	waitid(P_PID, pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	slurp(path);
	say("dead: %s", text);
	reap(pid);
}

static void status_of_a_process(void)
{
	static const char *const keys[] = {
		"Name:",      "Umask:",   "State:",      "Tgid:",    "Pid:",    "PPid:",
		"TracerPid:", "FDSize:",  "VmSize:",     "VmRSS:",   "VmData:", "VmStk:",
		"VmExe:",     "Threads:", "NoNewPrivs:", "Seccomp:", NULL
	};
	static const char *const masks[] = { "SigPnd:", "ShdPnd:", "SigBlk:",
					     "SigIgn:", "SigCgt:", NULL };
	static const char *const caps[] = { "CapInh:", "CapPrm:", "CapEff:",
					    "CapBnd:", "CapAmb:", NULL };

	/* What is ignored is inherited: from a shell, a job runner, a C library's own signals. */
	for (int sig = 1; sig <= 64; sig++) {
		unsigned long action[4] = { (unsigned long)SIG_DFL };

		syscall(SYS_rt_sigaction, sig, action, NULL, 8);
	}
	signal(SIGUSR1, SIG_IGN);
	signal(SIGUSR2, (void (*)(int))stat_of_a_process);
	umask(027);
	show_lines("/proc/self/status", keys);
	for (int i = 0; masks[i]; i++) {
		char *line = line_of(masks[i]);

		say("%.*s", line ? (int)strcspn(line, "\n") : 7, line ? line : "missing");
	}
	for (int i = 0; caps[i]; i++) {
		char *line = line_of(caps[i]);

		say("%s %zu digits", caps[i], line ? strcspn(line, "\n") - strlen(caps[i]) - 1 : 0);
	}
	say("Uid: %d Gid: %d", line_of("Uid:") ? fields(line_of("Uid:")) : 0,
	    line_of("Gid:") ? fields(line_of("Gid:")) : 0);
}

/* "5566-7788 r-xp 00000000 08:01 123   /path": hexadecimal fields checked, then the name. */
static void memory_map(void)
{
	bool sound = true, heap = false, stack = false, code = false;
	unsigned long last = 0;
	char *guard = mmap(NULL, 8192, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	syscall(SYS_brk, syscall(SYS_brk, 0) + 8192);
	slurp("/proc/self/maps");
	for (char *s = text; *s; s = strchr(s, '\n') + 1) {
		unsigned long from, to, offset, inode;
		unsigned major, minor;
		char perms[8];
		int at = 0;

		if (sscanf(s, "%lx-%lx %7s %lx %x:%x %lu%n", &from, &to, perms, &offset, &major,
			   &minor, &inode, &at) != 7 ||
		    strlen(perms) != 4 || from >= to || from < last) {
			sound = false;
			say("bad line %s", pattern(s));
			break;
		}
		last = to;
		heap |= strstr(s, "[heap]") && strstr(s, "[heap]") < strchr(s, '\n');
		if (strstr(s, "[stack]") && strstr(s, "[stack]") < strchr(s, '\n')) {
			stack = from < (unsigned long)&from && (unsigned long)&from < to;
			say("stack %s", perms);
		}
		if (from <= (unsigned long)memory_map && (unsigned long)memory_map < to) {
			code = strstr(s, "/proc_files") != NULL;
			say("code %s", perms);
		}
		if (from == (unsigned long)guard)
			say("shared %s, %lu bytes", perms, to - from);
	}
	YES(sound && heap && stack && code);
}

static void links(void)
{
	char buf[256] = "", path[64], *end;
	int p[2], fd;

	R(pipe(p));
	memset(buf, 0, sizeof(buf));
	R(readlink("/proc/self/exe", buf, 255) > 0 ? 0 : -1);
	say("exe %s", strrchr(buf, '/'));
	memset(buf, 0, sizeof(buf));
	R(readlink("/proc/self/cwd", buf, 255) > 0 ? 0 : -1);
	YES(strstr(buf, abi_dir + 5) != NULL);
	memset(buf, 0, sizeof(buf));
	R(readlink("/proc/self/root", buf, 255));
	say("root %s", buf);
	memset(buf, 0, sizeof(buf));
	sprintf(path, "/proc/self/fd/%d", p[0]);
	R(readlink(path, buf, 255) > 0 ? 0 : -1);
	say("%s", pattern(buf));
	fd = open("some file", O_CREAT | O_RDWR, 0600);
	sprintf(path, "/proc/self/fd/%d", fd);
	memset(buf, 0, sizeof(buf));
	readlink(path, buf, 255);
	end = strrchr(buf, '/');
	say("%s", end ? end : buf);
	unlink("some file");
	memset(buf, 0, sizeof(buf));
	readlink(path, buf, 255);
	end = strrchr(buf, '/');
	say("%s", end ? end : buf);
	R(write(fd, "abc", 3));
	int again = open(path, O_RDONLY); /* the file itself, though it has no name */

	R(read(again, buf, 3));
	memset(buf, 0, sizeof(buf));
	R(readlink("/proc/self", buf, 255) > 0 ? 0 : -1);
	YES(atoi(buf) == getpid());
	memset(buf, 0, sizeof(buf));
	R(readlink("/proc/thread-self", buf, 255) > 0 ? 0 : -1);
	say("%s", pattern(buf));
	R(readlink("/proc/self/fd/99", buf, 255));
	R(access("/proc/self/fd/0", F_OK));
	sprintf(path, "/proc/self/fdinfo/%d", fd);
	slurp(path);
	say("%s", line_of("pos:") ? pattern(line_of("pos:")) : "no pos");
	say("%s", line_of("flags:") ? "flags" : "no flags");
}

static void namespaces(void)
{
	static const char *const kinds[] = { "cgroup",           "mnt",  "pid",
					     "pid_for_children", "user", "uts" };
	char buf[64], path[64];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		memset(buf, 0, sizeof(buf));
		sprintf(path, "/proc/self/ns/%s", kinds[i]);
		if (readlink(path, buf, 63) < 0)
			say("%s: %s", kinds[i], errno_name(errno));
		else
			say("%s: %s", kinds[i], pattern(buf));
	}
	struct stat a, b;

	stat("/proc/self/ns/uts", &a);
	R(stat("/proc/self/ns/uts", &b));
	YES(a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	int fd = open("/proc/self/ns/uts", O_RDONLY);

	R(read(fd, buf, 1));
	O(open("/proc/self/ns/uts", O_WRONLY));
}

static void command_line(void)
{
	ssize_t n = slurp("/proc/self/cmdline");

	YES(n == (ssize_t)strlen(text) + 1 + (abi_argv[1] ? (ssize_t)strlen(abi_argv[1]) + 1 : 0));
	YES(!strcmp(text, abi_argv[0]));
	abi_argv[0][0] = 'X'; /* the file shows the memory */
	slurp("/proc/self/cmdline");
	YES(text[0] == 'X');
	slurp("/proc/self/comm");
	say("%s", pattern(text));
	int fd = open("/proc/self/comm", O_RDWR);

	R(write(fd, "renamed-with-a-long-name", 24));
	slurp("/proc/self/comm");
	say("%s", pattern(text));
	R(slurp("/proc/self/environ") >= 0 ? 0 : -1);
}

/* A program's title: its text over all arguments, and on over the environment behind them. */
static void title(void)
{
	char *start = abi_argv[0], *end = start;
	ssize_t n;

	for (int i = 0; abi_argv[i]; i++)
		end = abi_argv[i] + strlen(abi_argv[i]) + 1;
	memset(start, 't', end - start);
	strcpy(end, "itle");
	n = slurp("/proc/self/cmdline");
	YES(n == end - start + 5);
	YES(!strcmp(text, start));
	*end = 0; /* no byte of the environment: the NUL behind the arguments is shown, too */
	YES(slurp("/proc/self/cmdline") == end - start + 1);
	start[1] = 0;
	R(slurp("/proc/self/cmdline"));
	end[-1] = 0;
	YES(slurp("/proc/self/cmdline") == end - start);
}

static void *wait_here(void *arg)
{
	for (;;)
		pause();
	return NULL;
}

static void threads(void)
{
	pthread_t t;
	int n = 0, mine = 0;
	struct dirent *e;
	DIR *dir;

	pthread_create(&t, NULL, wait_here, NULL);
	pthread_create(&t, NULL, wait_here, NULL);
	dir = opendir("/proc/self/task");
	while (dir && (e = readdir(dir)))
		if (isdigit((unsigned char)e->d_name[0])) {
			n++;
			mine += atoi(e->d_name) == getpid();
		}
	say("threads %d, the leader among them %d", n, mine);
	slurp("/proc/self/status");
	say("%s", line_of("Threads:") ? pattern(line_of("Threads:")) : "?");
	char path[64];

	sprintf(path, "/proc/self/task/%d/comm", getpid());
	slurp(path);
	say("%s", pattern(text));
}

static void limits_table(void)
{
	slurp("/proc/self/limits");
	say("%.26s", text);
	say("%.20s", line_of("Max open files") ? line_of("Max open files") : "missing");
	int n = 0;

	for (char *s = text; *s; s++)
		n += *s == '\n';
	say("lines %d", n);
}

static void mounts(void)
{
	char *root;
	int bad = 0;

	slurp("/proc/self/mounts");
	for (char *s = text; *s; s = strchr(s, '\n') + 1)
		bad += fields(s) != 6;
	say("mounts: bad lines %d", bad);
	YES(strstr(text, " /proc proc ") != NULL);
	slurp("/proc/self/mountinfo");
	bad = 0;
	for (char *s = text; *s; s = strchr(s, '\n') + 1) {
		int id, parent, major, minor;
		char *dash = strstr(s, " - ");

		bad += sscanf(s, "%d %d %d:%d /", &id, &parent, &major, &minor) != 4 || !dash ||
		       dash > strchr(s, '\n');
	}
	say("mountinfo: bad lines %d", bad);
	root = strstr(text, " / / ");
	YES(root != NULL);
	YES(strstr(text, " /proc ") != NULL);
}

static void system_files(void)
{
	static const char *const meminfo[] = {
		"MemTotal:",  "MemFree:",  "MemAvailable:", "Buffers:", "Cached:",
		"SwapTotal:", "SwapFree:", "Shmem:",        "Slab:",    NULL
	};
	static const char *const stat[] = { "cpu ",      "cpu0 ",         "ctxt",          "btime",
					    "processes", "procs_running", "procs_blocked", NULL };

	show_lines("/proc/meminfo", meminfo);
	if (slurp("/proc/stat") > 0)
		for (int i = 0; stat[i]; i++) {
			char *line = line_of(stat[i]);

			say("%s: %d fields", stat[i], line ? fields(line) : -1);
		}
	slurp("/proc/uptime");
	say("uptime %s", pattern(text));
	slurp("/proc/loadavg");
	say("loadavg %s", pattern(text));
	slurp("/proc/version");
	say("version %.14s", text);
	slurp("/proc/filesystems");
	say("proc: %s", strstr(text, "nodev\tproc\n") ? "listed" : "MISSING");
	say("tmpfs: %s", strstr(text, "nodev\ttmpfs\n") ? "listed" : "MISSING");
	slurp("/proc/tty/drivers");
	say("%.62s", line_of("/dev/tty ") ?: "no /dev/tty");
	say("%.58s", line_of("pty_slave ") ?: "no pty_slave");
	slurp("/proc/cpuinfo");
	say("%s", line_of("processor\t: 0") ? "processor 0" : "no processor 0");
	say("%s", line_of("model name\t: ") ? "model name" : "no model name");
	say("%s", line_of("flags\t\t: ") ? "flags" : "no flags");
	R(slurp("/proc/cmdline") > 0 ? 0 : -1);
}

static void kernel_names(void)
{
	struct utsname u;

	uname(&u);
	slurp("/proc/sys/kernel/hostname");
	YES(!strncmp(text, u.nodename, strlen(u.nodename)) && text[strlen(u.nodename)] == '\n');
	slurp("/proc/sys/kernel/osrelease");
	YES(!strncmp(text, u.release, strlen(u.release)));
	slurp("/proc/sys/kernel/ostype");
	say("%s", pattern(text));
	slurp("/proc/sys/kernel/pid_max");
	say("pid_max %s", pattern(text));
	slurp("/proc/sys/kernel/cap_last_cap");
	say("cap_last_cap %s", pattern(text));
	slurp("/proc/sys/kernel/ngroups_max");
	say("%s", text[0] == '6' ? "65536" : text);
	slurp("/proc/sys/kernel/random/uuid");
	say("uuid length %zu, version %c", strlen(text), text[14]);
	slurp("/proc/sys/kernel/random/boot_id");
	say("boot_id length %zu", strlen(text));
}

static void reading_in_pieces(void)
{
	static char whole[1 << 16];
	ssize_t n, total = 0;
	int fd;

	slurp("/proc/self/maps");
	strcpy(whole, text);
	fd = open("/proc/self/maps", O_RDONLY);
	memset(text, 0, sizeof(text));
	while ((n = read(fd, text + total, 7)) > 0)
		total += n;
	YES(!strcmp(whole, text));
	fd = open("/proc/version", O_RDONLY);
	R(pread(fd, text, 5, 6));
	say("%.5s", text);
	R(lseek(fd, 6, SEEK_SET));
	R(read(fd, text, 7));
	say("%.7s", text);
	R(pread(fd, text, 5, 100000));
	struct stat st;

	R(fstat(fd, &st));
	say("size %ld mode %o", (long)st.st_size, st.st_mode);
}

static void errors(void)
{
	R(open("/proc/4194304/stat", O_RDONLY));
	R(open("/proc/00001/stat", O_RDONLY));
	R(open("/proc/self/nothing", O_RDONLY));
	R(open("/proc/nothing", O_CREAT | O_RDWR, 0600));
	R(mkdir("/proc/x", 0755));
	R(unlink("/proc/version"));
	R(rename("/proc/version", "/proc/x"));
	R(symlink("a", "/proc/x"));
	R(rmdir("/proc/self/fd"));
	R(open("/proc/self/stat/x", O_RDONLY));
	R(open("/proc/self/fd", O_RDWR));
	R(readlink("/proc/version", text, 10));
}

static void listing(void)
{
	bool self = false, version = false, me = false;
	struct dirent *e;
	DIR *dir = opendir("/proc");
	struct stat st;

	while (dir && (e = readdir(dir))) {
		self |= !strcmp(e->d_name, "self") && e->d_type == DT_LNK;
		version |= !strcmp(e->d_name, "version") && e->d_type == DT_REG;
		me |= atoi(e->d_name) == getpid() && e->d_type == DT_DIR;
	}
	say("self %d version %d me %d", self, version, me);
	R(stat("/proc/self/", &st));
	YES(st.st_uid == getuid());
	say("mode %o", st.st_mode);
	R(stat("/proc/self/status", &st));
	say("mode %o", st.st_mode);
	R(lstat("/proc/self/exe", &st));
	say("mode %o", st.st_mode);
	dir = opendir("/proc/self/fd");
	int n = 0;

	while (dir && (e = readdir(dir)))
		n += isdigit((unsigned char)e->d_name[0]) != 0;
	YES(n >= 4);
}

static void oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_RDWR);

	slurp("/proc/self/oom_score_adj");
	say("%s", pattern(text));
	R(write(fd, "500\n", 4));
	slurp("/proc/self/oom_score_adj");
	say("%.3s", text);
	R(write(fd, "1001", 4));
	R(write(fd, "x", 1));
}

ABI_MAIN(CASE(stat_of_a_process), CASE(status_of_a_process), CASE(memory_map), CASE(links),
	 CASE(namespaces), CASE(command_line), CASE(title), CASE(threads), CASE(limits_table),
	 CASE(mounts), CASE(system_files), CASE(kernel_names), CASE(reading_in_pieces),
	 CASE(errors), CASE(listing), CASE(oom_score), CASE(who_may_look), CASE(sleeping_call))
