/* SPDX-License-Identifier: MIT */
/*
 * The life of a bundle's container: created, running, stopped, deleted. What is known of it lies in
 * /run/oci/ID (of a user other than root: $XDG_RUNTIME_DIR/oci/ID): config.json as it was when the
 * container was made; "state", its process and its places; "gate", a FIFO that is there until it is
 * started. Nobody stays beside it: whether it runs is asked of the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "oci.h"

struct oci_opt oci_opt;
const struct opt create_options[] = { OCI_OPTIONS, { .name = NULL } };
const struct opt delete_options[] = {
	{ "--force", 'f', OPT_FLAG, &oci_opt.force, NULL, "kill it first if it still runs" },
	{ .name = NULL },
};
const struct opt spec_options[] = {
	{ "--bundle", 'b', OPT_TEXT, &oci_opt.bundle, "DIR", "the folder that it is written to" },
	{ "--rootless", 0, OPT_FLAG, &oci_opt.rootless, NULL, "for a user other than root" },
	{ .name = NULL },
};

#define GROUPS "/sys/fs/cgroup"

static struct {
	struct bundle b;
	char dir[320]; /* of its state */
	unsigned long long born; /* when that began: who has the number later began later */
	int cgroup;
	bool own; /* made here, and taken down when this fails */
	pid_t owner;
} it;

/* ---- what is known ---- */

static void place(const char *id)
{
	const char *run = getuid() ? getenv("XDG_RUNTIME_DIR") : "/run";

	if (!name_is_valid(id))
		die(STATUS_USAGE, "%.*s: not a name", NAME_SIZE, id);
	it.b.id = id;
	if (!run || !join(it.dir, sizeof(it.dir), run, "/oci", NULL))
		die(STATUS_FAILED, "XDG_RUNTIME_DIR is not set");
	mkdir(it.dir, 0700);
	join(it.dir, sizeof(it.dir), run, "/oci/", id, NULL);
}

static const char *file(const char *name)
{
	static char path[sizeof(it.dir) + 32];

	join(path, sizeof(path), it.dir, "/", name, NULL);
	return path;
}

/* When a process began, in ticks; 0 when it is not there, or has ended. */
static unsigned long long birth(pid_t pid)
{
	char path[32], text[1024], *p;

	format(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid < 1 || read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	p = strrchr(text, ')');
	if (!p || p[2] == 'Z' || p[2] == 'X')
		return 0;
	for (int i = 0; i < 20 && p; i++)
		p = strchr(p + 1, ' ');
	return p ? to_number(p + 1, NULL, 10) : 0;
}

static const char *status_now(void)
{
	if (!it.b.pid)
		return "creating";
	if (!it.born || birth(it.b.pid) != it.born)
		return "stopped";
	return access(file("gate"), F_OK) ? "running" : "created";
}

static void save(void)
{
	char new[sizeof(it.dir) + 32], text[1024];
	int fd, n;

	join(new, sizeof(new), it.dir, "/new", NULL);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	n = format(text, sizeof(text), "%d\n%llu\n%s\n%s\n", (int)it.b.pid, it.born, it.b.dir,
		   it.b.cgroup);
	if (fd < 0 || write(fd, text, n) != n || close(fd) || rename(new, file("state")) < 0)
		die(STATUS_FAILED, "%s: %s", file("state"), strerror(errno));
}

bool oci_is_one(const char *id)
{
	if (!name_is_valid(id))
		return false;
	place(id);
	return !access(it.dir, F_OK);
}

static void load(const char *id, bool config)
{
	struct lines l = { 0 };
	char *line[4];

	place(id);
	if (access(it.dir, F_OK))
		die(STATUS_FAILED, "%s: no such container", id);
	l.fd = open(file("state"), O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < 4; i++)
		if (l.fd < 0 || !(line[i] = next_line(&l)))
			return; /* whoever made it was killed before */
	close(l.fd);
	it.b.pid = to_number(line[0], NULL, 10);
	it.born = to_number(line[1], NULL, 10);
	join(it.b.dir, sizeof(it.b.dir), line[2], NULL);
	join(it.b.cgroup, sizeof(it.b.cgroup), line[3], NULL);
	if (config)
		bundle_reread(&it.b, file("config.json"));
}

/* ---- the group ---- */

static const char *group_path(void)
{
	static char path[sizeof(GROUPS) + sizeof(it.b.cgroup)];

	join(path, sizeof(path), GROUPS, it.b.cgroup, NULL);
	return path;
}

/* Every group on the way gets the controllers that the one above it has. */
static void make_group(void)
{
	static const char *const controllers[] = { "+cpu", "+memory", "+pids", "+cpuset", "+io" };
	char path[sizeof(GROUPS) + sizeof(it.b.cgroup)];
	int fd = -1;

	join(path, sizeof(path), group_path(), NULL);
	for (char *p = path + sizeof(GROUPS) - 1; p; p = strchr(p + 1, '/')) {
		*p = 0;
		mkdir(path, 0755);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		for (int i = 0; fd >= 0 && i < 5; i++)
			write_small(fd, "cgroup.subtree_control", controllers[i]);
		close(fd);
		*p = '/';
	}
	mkdir(path, 0755);
	it.cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (it.cgroup >= 0 && faccessat(it.cgroup, "cgroup.procs", W_OK, AT_EACCESS) < 0) {
		close(it.cgroup);
		it.cgroup = -1;
	}
	if (it.cgroup < 0 && (it.b.c.nr_limits || !getuid()))
		die(STATUS_FAILED, "config.json: linux.cgroupsPath: %s: %s", path, strerror(errno));
	set_limits(&it.b.c, it.cgroup);
	attach_devices(&it.b, it.cgroup);
}

static void remove_group(void)
{
	int fd = open(group_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || !it.b.cgroup[1])
		return;
	write_small(fd, "cgroup.kill", "1");
	for (int i = 0; i < 500 && rmdir(group_path()) < 0 && errno == EBUSY; i++)
		poll(NULL, 0, 10);
	close(fd);
}

/* ---- end ---- */

static void forget(void)
{
	/* the state last: killed in between, this can be begun again */
	static const char *const files[] = { "new", "gate", "config.json", "state" };

	remove_group();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(file(files[i]));
	rmdir(it.dir);
}

static void take_down(void)
{
	if (!it.own || getpid() != it.owner)
		return;
	if (it.b.pid > 0) {
		kill(it.b.pid, SIGKILL);
		waitpid(it.b.pid, NULL, 0);
	}
	forget();
}

/* ---- creation ---- */

static void copy_config(const char *from)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(file("config.json"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char part[4096];
	ssize_t n = 0;

	while (in >= 0 && out >= 0 && (n = read(in, part, sizeof(part))) > 0)
		if (write(out, part, n) != n)
			die(STATUS_FAILED, "%s: %s", file("config.json"), strerror(errno));
	if (in < 0 || out < 0 || n < 0)
		die(STATUS_FAILED, "%s: %s", from, strerror(errno));
	close(in);
	close(out);
}

static void write_maps(void)
{
	static const char *const kinds[][2] = { { "uid_map", "linux.uidMappings" },
						{ "gid_map", "linux.gidMappings" } };
	char path[64], text[4096];

	if (!(it.b.c.namespaces & CLONE_NEWUSER))
		return;
	format(path, sizeof(path), "/proc/%d/setgroups", (int)it.b.pid);
	if (geteuid())
		write_small(AT_FDCWD, path, "deny");
	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		for_each_in(m, it.b.config, kinds[i][1]) {
			n += format(text + n, sizeof(text) - n, "%lld %lld %lld\n",
				    (long long)number_at(m, "containerID", 0),
				    (long long)number_at(m, "hostID", 0),
				    (long long)number_at(m, "size", 0));
			if (n >= sizeof(text))
				refuse(m, "too many");
		}
		format(path, sizeof(path), "/proc/%d/%s", (int)it.b.pid, kinds[i][0]);
		if (n && write_small(AT_FDCWD, path, text) < 0)
			die(STATUS_FAILED, "config.json: %s: %s", kinds[i][1], strerror(errno));
	}
}

/* Into the namespaces that are named by paths, and with back, out of them again. */
static void join_namespaces(bool back)
{
	static int own[16];
	int i = 0;

	for_each_in(n, it.b.config, "linux.namespaces") {
		const char *path = text_at(n, "path", NULL), *type = text_at(n, "type", "");
		char mine[32];
		int fd;

		if (!path)
			continue;
		format(mine, sizeof(mine), "/proc/self/ns/%s",
		       strcmp(type, "network") ? type : "net");
		if (!back)
			own[i] = open(mine, O_RDONLY | O_CLOEXEC);
		fd = back ? own[i] : open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, namespace_bit(type)) < 0)
			die(STATUS_FAILED, "config.json: linux.namespaces: %s: %s", path,
			    strerror(errno));
		close(fd);
		i++;
	}
}

/* The end of a socket that the terminal is to be sent on; *ours: where it comes out here, or -1. */
static int open_console(bool detach, int *ours)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int pair[2];

	*ours = -1;
	if (!true_at(it.b.config, "process.terminal")) {
		if (oci_opt.console)
			die(STATUS_FAILED,
			    "--console-socket: config.json: process.terminal is not set");
		return -1;
	}
	if (oci_opt.console) {
		pair[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!join(a.sun_path, sizeof(a.sun_path), oci_opt.console, NULL) ||
		    connect(pair[0], (struct sockaddr *)&a, sizeof(a)) < 0)
			die(STATUS_FAILED, "--console-socket %s: %s", oci_opt.console,
			    strerror(errno));
		return pair[0];
	}
	if (detach)
		die(STATUS_FAILED,
		    "config.json: process.terminal: --console-socket is needed to send it to");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die(STATUS_FAILED, "socketpair: %s", strerror(errno));
	*ours = pair[0];
	return pair[1];
}

/* Waits for the child's next step; it has told why when there is none. */
static void await_step(int sync)
{
	int status = 0;
	char byte;

	if (read(sync, &byte, 1) == 1)
		return;
	waitpid(it.b.pid, &status, 0);
	it.b.pid = -1;
	exit(status && exit_status_of(status) ? exit_status_of(status) : STATUS_FAILED);
}

static void let_step(int sync)
{
	if (write(sync, "", 1) != 1)
		die(STATUS_FAILED, "%s: its first process is gone", it.b.id);
}

static void begin(const char *id, const char *dir)
{
	char real[PATH_MAX], config[sizeof(it.b.dir) + 16];

	place(id);
	it.cgroup = -1;
	if (!real_folder(dir, real) || !join(it.b.dir, sizeof(it.b.dir), real, NULL))
		die(STATUS_FAILED, "--bundle %s: %s", dir, strerror(errno));
	join(config, sizeof(config), it.b.dir, "/config.json", NULL);
	bundle_read(&it.b, config);
	if (mkdir(it.dir, 0700) < 0)
		die(STATUS_FAILED, "%s: %s", id,
		    errno == EEXIST ? "there is a container of this name" : strerror(errno));
	it.owner = getpid();
	it.own = true;
	atexit(take_down);
	copy_config(config);
	save(); /* without a process yet: its group is known before it is made */
	if (mkfifo(file("gate"), 0600) < 0 ||
	    (it.b.gate = open(file("gate"), O_RDWR | O_CLOEXEC)) < 0)
		die(STATUS_FAILED, "%s: %s", file("gate"), strerror(errno));
	make_group();
}

/* Up to the point where only the command is left to run. The terminal, or -1. */
static int create(const char *id, bool detach)
{
	struct winsize size;
	int pair[2], console;

	begin(id, oci_opt.bundle ? oci_opt.bundle : ".");
	size = (struct winsize){ .ws_row = number_at(it.b.config, "process.consoleSize.height", 0),
				 .ws_col = number_at(it.b.config, "process.consoleSize.width", 0) };
	if (size.ws_row || !ioctl(0, TIOCGWINSZ, &size))
		it.b.c.size = &size;
	it.b.c.console = open_console(detach, &console);
	it.b.c.terminal = true_at(it.b.config, "process.terminal");
	it.b.c.master_only = true;
	it.b.c.bundle = &it.b;
	it.b.c.with_parent = !detach;
	if (detach)
		sigprocmask(SIG_BLOCK, NULL, &it.b.c.mask);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die(STATUS_FAILED, "socketpair: %s", strerror(errno));
	it.b.sync = pair[1];
	join_namespaces(false);
	it.b.pid = spawn(it.b.c.namespaces, it.cgroup, false, container_setup, &it.b.c);
	if (it.b.pid < 0)
		die(STATUS_FAILED, "cannot start a process in new namespaces: %s", strerror(errno));
	join_namespaces(true);
	close(pair[1]);
	write_maps();
	it.born = birth(it.b.pid);
	save();
	if (write(pair[0], &it.b.pid, sizeof(it.b.pid)) < 0)
		die(STATUS_FAILED, "%s: its first process is gone", id);
	await_step(pair[0]);
	if (run_hooks(&it.b, "prestart", "creating") ||
	    run_hooks(&it.b, "createRuntime", "creating"))
		exit(STATUS_FAILED);
	let_step(pair[0]);
	await_step(pair[0]);
	let_step(pair[0]);
	if (oci_opt.pid_file) {
		int fd = open(oci_opt.pid_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		char text[16];
		int n = format(text, sizeof(text), "%d", (int)it.b.pid);

		if (fd < 0 || write(fd, text, n) != n || close(fd))
			die(STATUS_FAILED, "--pid-file %s: %s", oci_opt.pid_file, strerror(errno));
	}
	return console;
}

static void start(void)
{
	int gate = open(file("gate"), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	/* Who takes the name away lets it go: only one can. */
	if (gate < 0 || unlink(file("gate")) < 0 || write(gate, "", 1) != 1)
		die(STATUS_FAILED, "%s: not created, or its process is gone", it.b.id);
	close(gate);
	run_hooks(&it.b, "poststart", "running");
}

/* ---- the verbs ---- */

int create_verb(int argc, char **argv)
{
	create(argv[0], true);
	it.own = false;
	return 0;
}

int start_verb(int argc, char **argv)
{
	load(argv[0], true);
	if (strcmp(status_now(), "created"))
		die(STATUS_FAILED, "%s is %s, not created", argv[0], status_now());
	start();
	return 0;
}

int state_verb(int argc, char **argv)
{
	const char *status;

	load(argv[0], true);
	status = status_now();
	if (!strcmp(status, "stopped"))
		it.b.pid = 0;
	print_state(&it.b, status);
	return 0;
}

int oci_kill(const char *id, int sig)
{
	load(id, false);
	if (!strcmp(status_now(), "stopped") || it.b.pid < 1)
		die(STATUS_FAILED, "%s is stopped", id);
	if (kill(it.b.pid, sig) < 0)
		die(STATUS_FAILED, "%s: %s", id, strerror(errno));
	return 0;
}

struct container *oci_running(const char *id, struct state *s, int *cgroup)
{
	char path[32];

	load(id, true);
	if (strcmp(status_now(), "running"))
		die(STATUS_FAILED, "%s is %s, not running", id, status_now());
	bundle_process(&it.b);
	format(path, sizeof(path), "/proc/%d/ns/user", (int)it.b.pid);
	for_each_in(n, it.b.config, "linux.namespaces")
		if (namespace_bit(text_at(n, "type", "")) == CLONE_NEWUSER)
			it.b.c.user_ns = open(path, O_RDONLY | O_CLOEXEC);
	*cgroup = open(group_path(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*s = (struct state){ .pid = it.b.pid };
	join(s->name, sizeof(s->name), id, NULL);
	return &it.b.c;
}

int delete_verb(int argc, char **argv)
{
	load(argv[0], true);
	if (it.b.pid > 0 && strcmp(status_now(), "stopped")) {
		if (!oci_opt.force)
			die(STATUS_FAILED, "%s is %s, not stopped (delete --force kills it)",
			    argv[0], status_now());
		kill(it.b.pid, SIGKILL);
		for (int i = 0; i < 1000 && strcmp(status_now(), "stopped"); i++)
			poll(NULL, 0, 10);
	} else if (!it.b.pid && !oci_opt.force) {
		die(STATUS_FAILED, "%s is being created (delete --force removes what is left)",
		    argv[0]);
	}
	forget();
	it.b.pid = 0;
	if (it.b.config)
		run_hooks(&it.b, "poststop", "stopped");
	return 0;
}

/* ---- run ---- */

static int take_terminal(int s)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))), byte;
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v,
			    .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(s, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return fd;
}

/* Passes on what is there; false at the end. */
static bool pass(int from, int to)
{
	char part[4096];
	ssize_t n = read(from, part, sizeof(part));

	for (ssize_t done = 0, k; done < n; done += k) {
		k = write(to, part + done, n - done);
		if (k < 0)
			return false;
	}
	return n > 0;
}

/* Between our terminal and the container's until its end. */
static int relay(int master, int signals)
{
	struct termios old, raw;
	bool terminal = !tcgetattr(0, &old), killed;
	struct ending ending = { 0 };
	struct pollfd p[] = { { .fd = signals, .events = POLLIN },
			      { .fd = master, .events = POLLIN },
			      { .fd = 0, .events = POLLIN } };
	int status;

	raw = old;
	cfmakeraw(&raw);
	if (terminal)
		tcsetattr(0, TCSANOW, &raw);
	while (!has_ended(it.b.pid, signals, &status, &ending)) {
		poll(p, 3, -1);
		if (p[1].revents && !pass(master, 1))
			p[1].fd = -1;
		if (p[2].revents && !pass(0, master))
			p[2].fd = -1;
	}
	while (poll(p + 1, 1, 0) == 1 && pass(master, 1))
		;
	if (terminal)
		tcsetattr(0, TCSADRAIN, &old);
	return ending_status(status, &ending, &killed);
}

int oci_run(const char *id, bool detach)
{
	int console, signals = -1, status;
	bool killed;

	if (!detach)
		signals = hold_signals(&it.b.c.mask);
	console = create(id, detach);
	start();
	if (detach) {
		it.own = false;
		return 0;
	}
	status = console < 0 ? wait_for_end(it.b.pid, signals, &killed)
			     : relay(take_terminal(console), signals);
	it.own = false;
	forget();
	it.b.pid = 0;
	run_hooks(&it.b, "poststop", "stopped");
	return status;
}

/* ---- spec ---- */

static const char spec_head[] =
	"{\n"
	"  \"ociVersion\": \"1.0.2\",\n"
	"  \"process\": {\n"
	"    \"terminal\": true,\n"
	"    \"user\": { \"uid\": 0, \"gid\": 0 },\n"
	"    \"args\": [\"sh\"],\n"
	"    \"env\": [\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\", "
	"\"TERM=xterm\"],\n"
	"    \"cwd\": \"/\",\n"
	"    \"capabilities\": {\n"
	"      \"bounding\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
	"      \"effective\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"],\n"
	"      \"permitted\": [\"CAP_AUDIT_WRITE\", \"CAP_KILL\", \"CAP_NET_BIND_SERVICE\"]\n"
	"    },\n"
	"    \"rlimits\": [{ \"type\": \"RLIMIT_NOFILE\", \"hard\": 1024, \"soft\": 1024 }],\n"
	"    \"noNewPrivileges\": true\n"
	"  },\n"
	"  \"root\": { \"path\": \"rootfs\", \"readonly\": true },\n"
	"  \"hostname\": \"ctr\",\n"
	"  \"mounts\": [\n"
	"    { \"destination\": \"/proc\", \"type\": \"proc\", \"source\": \"proc\" },\n"
	"    { \"destination\": \"/dev\", \"type\": \"tmpfs\", \"source\": \"tmpfs\",\n"
	"      \"options\": [\"nosuid\", \"strictatime\", \"mode=755\", \"size=65536k\"] },\n"
	"    { \"destination\": \"/dev/pts\", \"type\": \"devpts\", \"source\": \"devpts\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"newinstance\", \"ptmxmode=0666\", "
	"\"mode=0620\"%s] "
	"},\n"
	"    { \"destination\": \"/dev/shm\", \"type\": \"tmpfs\", \"source\": \"shm\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"mode=1777\", \"size=65536k\"] "
	"},\n"
	"    { \"destination\": \"/dev/mqueue\", \"type\": \"mqueue\", \"source\": \"mqueue\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\"] },\n"
	"    { \"destination\": \"/sys\", \"type\": \"sysfs\", \"source\": \"sysfs\",\n"
	"      \"options\": [\"nosuid\", \"noexec\", \"nodev\", \"ro\"] }%s\n"
	"  ],\n"
	"  \"linux\": {\n%s"
	"    \"namespaces\": [{ \"type\": \"pid\" }, { \"type\": \"network\" }, { \"type\": "
	"\"ipc\" },\n"
	"      { \"type\": \"uts\" }, { \"type\": \"cgroup\" }, { \"type\": \"mount\" }%s],\n"
	"    \"maskedPaths\": [\"/proc/acpi\", \"/proc/asound\", \"/proc/kcore\", \"/proc/keys\",\n"
	"      \"/proc/latency_stats\", \"/proc/timer_list\", \"/proc/timer_stats\",\n"
	"      \"/proc/sched_debug\", \"/sys/firmware\", \"/proc/scsi\"],\n"
	"    \"readonlyPaths\": [\"/proc/bus\", \"/proc/fs\", \"/proc/irq\", \"/proc/sys\",\n"
	"      \"/proc/sysrq-trigger\"]\n"
	"  }\n"
	"}\n";

int spec_verb(int argc, char **argv)
{
	char path[PATH_MAX], maps[256];
	int fd;

	if (!join(path, sizeof(path), oci_opt.bundle ? oci_opt.bundle : ".", "/config.json", NULL))
		die(STATUS_USAGE, "--bundle: too long");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	format(maps, sizeof(maps),
	       "    \"uidMappings\": [{ \"containerID\": 0, \"hostID\": %d, \"size\": 1 }],\n"
	       "    \"gidMappings\": [{ \"containerID\": 0, \"hostID\": %d, \"size\": 1 }],\n",
	       (int)getuid(), (int)getgid());
	print_to(fd);
	if (oci_opt.rootless)
		print(spec_head, "", "", maps, ", { \"type\": \"user\" }");
	else
		print(spec_head, ", \"gid=5\"",
		      ",\n    { \"destination\": \"/sys/fs/cgroup\", \"type\": \"cgroup\", "
		      "\"source\": \"cgroup\",\n      \"options\": [\"nosuid\", \"noexec\", "
		      "\"nodev\", \"relatime\", \"ro\"] }",
		      "    \"resources\": { \"devices\": [{ \"allow\": false, \"access\": "
		      "\"rwm\" }] "
		      "},\n",
		      "");
	flush();
	if (close(fd) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	return 0;
}
