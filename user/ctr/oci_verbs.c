/* SPDX-License-Identifier: MIT */
/*
 * What the parent of a bundle's container does besides life.c: it keeps a copy of config.json as it was
 * when the container was made, writes id maps, joins namespaces, and runs hooks between the steps of the
 * first process, which then waits at "gate", a FIFO in the state's folder, until `ctr start` lets it go.
 */
#include <sched.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "oci.h"

struct oci_opt oci_opt;
const struct opt create_options[] = { OCI_OPTIONS, { .name = NULL } };
const struct opt spec_options[] = {
	{ "--bundle", 'b', OPT_TEXT, &oci_opt.bundle, "DIR", "the folder that it is written to" },
	{ "--rootless", 0, OPT_FLAG, &oci_opt.rootless, NULL, "for a user other than root" },
	{ .name = NULL },
};

static struct bundle the_bundle;

/* ---- what is kept of it ---- */

struct bundle *bundle_load(const struct state *s)
{
	static const char *const statuses[] = { "creating", "created", "running", "stopped",
						"stopped" };
	struct bundle *b = &the_bundle;
	char path[STATE_PATH_SIZE];

	b->id = s->name;
	b->status = statuses[s->phase];
	b->pid = s->phase < STATE_EXITED ? s->pid : 0;
	join(b->dir, sizeof(b->dir), s->bundle, NULL);
	state_path(s->name, "config.json", path);
	bundle_reread(b, path);
	return b;
}

/* The one of the verbs that are for bundles alone. */
static struct bundle *find(const char *id, struct state *s)
{
	state_any(id, s);
	if (!s->bundle[0])
		die(STATUS_FAILED,
		    "%s: not of a bundle (`ctr run` starts one of an image anew, `ctr inspect` "
		    "shows it)",
		    id);
	return bundle_load(s);
}

static void copy_config(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ssize_t n = 0;

	while (in >= 0 && out >= 0 && (n = sendfile(out, in, NULL, 1 << 20)) > 0)
		;
	if (in < 0 || out < 0 || n < 0)
		die(STATUS_FAILED, "%s: %s", from, strerror(errno));
	close(in);
	close(out);
}

/* ---- creation ---- */

static void write_maps(const struct bundle *b)
{
	static const char *const kinds[][2] = { { "uid_map", "linux.uidMappings" },
						{ "gid_map", "linux.gidMappings" } };
	char path[64], text[4096];

	if (!(b->c.namespaces & CLONE_NEWUSER))
		return;
	format(path, sizeof(path), "/proc/%d/setgroups", b->pid);
	if (geteuid())
		write_small(AT_FDCWD, path, "deny");
	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		for_each_in(m, b->config, kinds[i][1]) {
			n += format(text + n, sizeof(text) - n, "%ld %ld %ld\n",
				    number_at(m, "containerID", 0), number_at(m, "hostID", 0),
				    number_at(m, "size", 0));
			if (n >= sizeof(text))
				refuse(m, "too many");
		}
		format(path, sizeof(path), "/proc/%d/%s", b->pid, kinds[i][0]);
		if (n && write_small(AT_FDCWD, path, text) < 0)
			die(STATUS_FAILED, "config.json: %s: %s", kinds[i][1], strerror(errno));
	}
}

/* A time namespace for children, whose clocks are set before there is one. 0, or -1 with errno. */
static int make_time(const struct bundle *b)
{
	char text[128];
	int err = unshare(CLONE_NEWTIME);

	for_each_in(m, b->config, "linux.timeOffsets") {
		format(text, sizeof(text), "%.40s %ld %ld\n", m->key, number_at(m, "secs", 0),
		       number_at(m, "nanosecs", 0));
		err = err ?: write_small(AT_FDCWD, "/proc/self/timens_offsets", text);
	}
	return err;
}

void bundle_join(const struct bundle *b, bool back)
{
	static int own[16];
	int i = 0;

	for_each_in(n, b->config, "linux.namespaces") {
		const char *path = text_at(n, "path", NULL), *type = text_at(n, "type", "");
		uint64_t bit = namespace_bit(type);
		char mine[32];
		int fd;

		if (!path && bit != CLONE_NEWTIME)
			continue;
		format(mine, sizeof(mine), "/proc/self/ns/%s",
		       strcmp(type, "network") ? type : "net");
		if (!back)
			own[i] = open(mine, O_RDONLY | O_CLOEXEC);
		fd = back ? own[i] : path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
		if (path || back ? setns(fd, bit) < 0 : make_time(b) < 0)
			die(STATUS_FAILED, "config.json: linux.namespaces: %s: %s", path ?: type,
			    strerror(errno));
		close(fd);
		i++;
	}
}

/* Where the terminal is to be sent, if not to a keeper. */
static int open_console(const struct bundle *b, bool detach)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s;

	if (!b->c.io.terminal && oci_opt.console)
		die(STATUS_FAILED, "--console-socket: config.json: process.terminal is not set");
	if (b->c.io.terminal && detach && !oci_opt.console)
		die(STATUS_FAILED,
		    "config.json: process.terminal: --console-socket is needed to send it to");
	if (!oci_opt.console)
		return 0;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!join(a.sun_path, sizeof(a.sun_path), oci_opt.console, NULL) ||
	    connect(s, (struct sockaddr *)&a, sizeof(a)) < 0)
		die(STATUS_FAILED, "--console-socket %s: %s", oci_opt.console, strerror(errno));
	return s;
}

static void describe_terminal(struct bundle *b, bool detach)
{
	static struct winsize size;

	size.ws_row = number_at(b->config, "process.consoleSize.height", 0);
	size.ws_col = number_at(b->config, "process.consoleSize.width", 0);
	if (size.ws_row || !ioctl(0, TIOCGWINSZ, &size))
		b->c.io.size = &size;
	b->c.io.terminal = true_at(b->config, "process.terminal");
	b->c.io.console = open_console(b, detach);
	b->c.io.master_only = b->c.io.console;
}

/* Everything up to its first process. */
static void prepare(const char *id, bool detach)
{
	const char *dir = oci_opt.bundle ? oci_opt.bundle : ".";
	char real[PATH_MAX], config[sizeof(the_bundle.dir) + 16], path[STATE_PATH_SIZE];
	struct bundle *b = &the_bundle;
	struct state *s;
	int pair[2];

	if (!name_is_valid(id))
		die(STATUS_USAGE, "%.*s: not a name", NAME_SIZE, id);
	b->id = id;
	b->status = "creating";
	if (!real_folder(dir, real) || !join(b->dir, sizeof(b->dir), real, NULL))
		die(STATUS_FAILED, "--bundle %s: %s", dir, strerror(errno));
	join(config, sizeof(config), b->dir[1] ? b->dir : "", "/config.json", NULL);
	bundle_read(b, config);
	b->c.bundle = b;
	b->c.with_parent = !detach;
	if (detach)
		sigprocmask(SIG_BLOCK, NULL, &b->c.io.mask);
	s = container_begin(id, "", &b->c);
	join(s->bundle, sizeof(s->bundle), b->dir, NULL);
	join(s->cgroup, sizeof(s->cgroup), b->cgroup, NULL);
	state_path(id, "config.json", path);
	copy_config(config, path);
	state_path(id, "gate", path);
	if (mkfifo(path, 0600) < 0 || (b->gate = open(path, O_RDWR | O_CLOEXEC)) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		die(STATUS_FAILED, "socketpair: %s", strerror(errno));
	b->child = pair[0];
	b->sync = pair[1];
	state_save(s); /* its group is known before it is made */
	attach_devices(b, container_group());
	describe_terminal(b, detach);
}

/* The child is done with a step, or is gone. */
static bool await_step(int sync)
{
	char byte;

	return read(sync, &byte, 1) == 1;
}

static bool let_step(int sync)
{
	return send(sync, "", 1, MSG_NOSIGNAL) == 1;
}

static void write_pid_file(pid_t pid)
{
	int fd = open(oci_opt.pid_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char text[16];
	int n = format(text, sizeof(text), "%d", pid);

	if (fd < 0 || write(fd, text, n) != n || close(fd))
		die(STATUS_FAILED, "--pid-file %s: %s", oci_opt.pid_file, strerror(errno));
}

bool bundle_create(struct bundle *b, struct state *s)
{
	bool created;

	close(b->sync);
	close(b->gate);
	b->pid = s->pid;
	s->born = process_birth(s->pid);
	state_save(s);
	write_maps(b);
	created = send(b->child, &b->pid, sizeof(b->pid), MSG_NOSIGNAL) > 0 &&
		  await_step(b->child) && !run_hooks(b, "prestart") &&
		  !run_hooks(b, "createRuntime") && let_step(b->child) && await_step(b->child);
	if (created && oci_opt.pid_file)
		write_pid_file(b->pid);
	if (created && !b->c.with_parent) { /* behind the last step it goes on without us */
		s->keeper = 0;
		state_save(s);
	}
	created = created && let_step(b->child);
	close(b->child); /* without that step it ends */
	if (!created)
		s->keeper = getpid();
	return created;
}

void bundle_start(struct bundle *b)
{
	char path[STATE_PATH_SIZE];
	struct pollfd gate = { .events = 0 };

	state_path(b->id, "gate", path);
	gate.fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	/* Who takes the name away lets it go: only one can. */
	if (gate.fd < 0 || unlink(path) < 0 || write(gate.fd, "", 1) != 1) {
		life.state.keeper = getpid(); /* one that was made here goes with us */
		die(STATUS_FAILED, "%s: not created, or its process is gone", b->id);
	}
	/* POLLERR: the other end is closed, by its execve(2) behind the hooks of startContainer. */
	while (poll(&gate, 1, -1) < 0 && errno == EINTR)
		;
	close(gate.fd);
	b->status = "running";
	run_hooks(b, "poststart");
}

void bundle_leave(struct bundle *b)
{
	close(b->gate);
}

void bundle_over(struct bundle *b)
{
	b->pid = 0;
	if (!strcmp(b->status, "creating"))
		return;
	b->status = "stopped";
	run_hooks(b, "poststop");
}

/* A number that was given to somebody else meanwhile belongs to our own pid namespace. */
static bool is_container(pid_t pid)
{
	char own[64], its[64];

	return pid > 0 && namespace_of(pid, "pid", its) && namespace_of(0, "pid", own) &&
	       strcmp(its, own);
}

void container_remove(struct state *s)
{
	char path[STATE_PATH_SIZE];
	struct bundle *b;

	/* Who was killed while removing it may have left no config.json. */
	state_path(s->name, "config.json", path);
	b = s->bundle[0] && !access(path, F_OK) ? bundle_load(s) : NULL;
	/* Its processes end with their keeper; where the kernel does not see to that, here. */
	if (s->phase == STATE_DEAD && is_container(s->pid))
		kill(s->pid, SIGKILL);
	state_clear(s);
	if (b)
		bundle_over(b);
}

/* ---- the verbs ---- */

int create_verb(int argc, char **argv)
{
	prepare(argv[0], true);
	return container_create() ? 0 : container_wait(false);
}

int bundle_run(const char *id, bool detach)
{
	prepare(id, detach);
	if (!detach)
		return container_run(false, false, false);
	return container_start() ? 0 : container_wait(false);
}

int start_verb(int argc, char **argv)
{
	struct state s;
	struct bundle *b = find(argv[0], &s);

	if (s.phase != STATE_CREATED)
		die(STATUS_FAILED, "%s is %s, not created", argv[0], b->status);
	bundle_start(b);
	state_event(&s, "start");
	return 0;
}

int state_verb(int argc, char **argv)
{
	struct state s;

	print_state(find(argv[0], &s));
	return 0;
}

/* ---- spec ---- */

static const char spec[] = /* its lines, each ended by NUL */
#include "spec.inc"
	;

int spec_verb(int argc, char **argv)
{
	char path[PATH_MAX];
	int fd;

	if (!join(path, sizeof(path), oci_opt.bundle ? oci_opt.bundle : ".", "/config.json", NULL))
		die(STATUS_USAGE, "--bundle: too long");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	print_to(fd);
	for (const char *line = spec; *line; line += strlen(line) + 1)
		if (*line != (oci_opt.rootless ? '-' : '+'))
			print(line + 1, getuid(), getgid());
	if (!flush() || close(fd) < 0) {
		unlink(path);
		die(STATUS_FAILED, "%s: cannot be written", path);
	}
	return 0;
}
