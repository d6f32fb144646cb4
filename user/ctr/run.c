/* SPDX-License-Identifier: MIT */
/* `ctr run`: what the command line and the image's configuration say, as a struct container. */
#include <sched.h>
#include <sys/utsname.h>
#include <linux/sched.h>

#include "oci.h"

/* Namespaces without which it would be no container; CLONE_NEWIPC a kernel may lack. */
#define NEEDED (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS)
#define PLATFORM "linux/amd64"

static struct {
	uint64_t memory, pids;
	const char *cpus, *hostname, *name, *net, *seccomp;
	struct surroundings around;
	struct opt_list volumes, cap_add, cap_drop, ports;
	bool bridge; /* --net bridge, or --publish, which means it */
	bool stdin_, terminal, detach, init, remove, privileged, read_only;
	const char *in_vm; /* its kernel; "" is Dyad's */
} opt;

const struct opt run_options[] = {
	{ "--memory", 'm', OPT_SIZE | OPT_UNLIMITED, &opt.memory, "SIZE",
	  "the most memory it may have: 32M, 1G; 0, -1: no limit" },
	{ "--pids", 0, OPT_NUMBER | OPT_UNLIMITED, &opt.pids, "N",
	  "the most processes and threads it may have; 0, -1: no limit" },
	{ "--cpus", 0, OPT_TEXT, &opt.cpus, "N",
	  "the most CPU time: 0.5, 2 (where the kernel limits it)" },
	{ "--hostname", 0, OPT_TEXT, &opt.hostname, "NAME",
	  "its host name (its own name without)" },
	{ "--name", 'n', OPT_TEXT, &opt.name, "NAME", "what ps, exec and kill call it" },
	SURROUNDINGS_OPTIONS(opt.around, "image"),
	{ "--volume", 'v', OPT_LIST, &opt.volumes, "HOST:DIR[:ro]",
	  "a folder or file of the host's, seen at DIR; may be repeated" },
	{ "--read-only", 0, OPT_FLAG, &opt.read_only, NULL, "its root cannot be written" },
	{ "--net", 0, OPT_TEXT, &opt.net, "none|host|bridge",
	  "a loopback alone; the host's network (without); an address on a bridge" },
	{ "--publish", 'p', OPT_LIST, &opt.ports, "[[IP:]PORT:]PORT[/udp]",
	  "a port of the host's that leads to one of its own; means --net bridge" },
	{ "--cap-add", 0, OPT_LIST, &opt.cap_add, "CAP",
	  "one capability more: NET_ADMIN, ALL; may be repeated" },
	{ "--cap-drop", 0, OPT_LIST, &opt.cap_drop, "CAP", "one capability less; may be repeated" },
	{ "--seccomp", 0, OPT_TEXT, &opt.seccomp, "default|unconfined|FILE",
	  "which system calls it may use; FILE: a profile as Docker's" },
	{ "--detach", 'd', OPT_FLAG, &opt.detach, NULL,
	  "leave it running, and print its name; its output goes to `ctr logs`" },
	{ "--interactive", 'i', OPT_FLAG, &opt.stdin_, NULL,
	  "keep the stdin of one that is detached open (in the foreground it is)" },
	{ "--tty", 't', OPT_FLAG, &opt.terminal, NULL,
	  "a terminal of its own; ctrl-p ctrl-q leaves it running" },
	{ "--init", 0, OPT_FLAG, &opt.init, NULL,
	  "process 1 is a small init, the command its child" },
	{ "--privileged", 0, OPT_FLAG, &opt.privileged, NULL,
	  "root in it may do what root outside may" },
	{ "--in-vm", 0, OPT_WORD, &opt.in_vm, "[=linux]",
	  "inside a virtual machine, on Dyad's kernel or Debian's" },
	OCI_OPTIONS,
	{ "--rm", 0, OPT_FLAG, &opt.remove, NULL,
	  "nothing is left of one that was detached, either" },
	{ .name = NULL },
};

void put_env(char **envp, const char *text)
{
	size_t n = strcspn(text, "=") + 1;

	for (; *envp; envp++)
		if (!strncmp(*envp, text, n))
			return;
	*envp = (char *)text;
}

void add_env(char **envp, const struct opt_list *list)
{
	for (int i = 0; i < list->n; i++)
		put_env(envp, list->item[i]);
}

/* What -e asks for, what the image says, and PATH, HOME, TERM where they are not among it. */
static char **make_environment(const struct opt_list *extra, const struct image_config *config)
{
	static char term[64];
	const char *own = getenv("TERM"), *p = NULL;
	size_t n = extra->n + 4;
	char **envp;

	while ((p = image_config_next(config, "Env", p)))
		n++;
	envp = allocate(n * sizeof(*envp));
	add_env(envp, extra);
	while ((p = image_config_next(config, "Env", p)))
		put_env(envp, p);
	put_env(envp, "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
	put_env(envp, "HOME=/root");
	if (own && join(term, sizeof(term), "TERM=", own, NULL))
		put_env(envp, term);
	return envp;
}

void set_surroundings(struct container *c, const struct surroundings *s,
		      const struct image_config *config)
{
	c->umask = 022;
	c->make_workdir = !s->workdir;
	c->workdir = s->workdir ?: image_config_next(config, "WorkingDir", NULL);
	c->user = s->user ?: image_config_next(config, "User", NULL);
	c->envp = make_environment(&s->env, config);
}

/* ---- limits ---- */

void add_limit(struct container *c, const char *option, const char *file, const char *fmt, ...)
{
	struct limit *l = c->limits + c->nr_limits++;
	va_list ap;

	if (c->nr_limits > MAX_LIMITS)
		die(STATUS_USAGE, "%s: more than %d limits", option, MAX_LIMITS);
	l->option = option;
	l->file = file;
	va_start(ap, fmt);
	vformat(l->value, sizeof(l->value), fmt, ap);
	va_end(ap);
}

static void describe_limits(struct container *c)
{
	int64_t cpus;

	if (opt.memory)
		add_limit(c, "--memory", "memory.max", "%lu", opt.memory);
	if (opt.pids)
		add_limit(c, "--pids", "pids.max", "%lu", opt.pids);
	if (!opt.cpus)
		return;
	if (!parse_thousandths(opt.cpus, &cpus) || cpus < 10 || cpus > 1024000)
		die(STATUS_USAGE, "--cpus %s: not a number from 0.01 to 1024", opt.cpus);
	/* Microseconds of CPU time in each 100,000. */
	add_limit(c, "--cpus", "cpu.max", "%d 100000", (int)cpus * 100);
}

/* ---- mounts, capabilities, namespaces ---- */

/* "HOST:DIR" or "HOST:DIR:ro". */
static void add_volume(struct mount_point *m, const char *text)
{
	const char *first = strchr(text, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	char *source = copy_text(text, strlen(text)), *target, cwd[PATH_MAX] = "", path[PATH_MAX];

	target = first ? source + (first + 1 - text) : NULL;
	if (!target || target[0] != '/' || first == text ||
	    (second && strcmp(second, ":ro") && strcmp(second, ":rw")))
		die(STATUS_USAGE,
		    "--volume %s: not of the form HOST:DIR[:ro], DIR beginning with /", text);
	source[first - text] = 0;
	if (second)
		target[second - first - 1] = 0;
	if (!target[strspn(target, "/.")])
		die(STATUS_USAGE, "--volume %s: the root is the image's", text);
	if (access(source, F_OK) < 0)
		die(STATUS_FAILED, "--volume %s: %s: %s", text, source, strerror(errno));
	/* Where it is looked up, the current directory is another one. */
	if ((*source != '/' && !getcwd(cwd, sizeof(cwd))) ||
	    !join(path, sizeof(path), cwd, *cwd ? "/" : "", source, NULL))
		die(STATUS_FAILED, "--volume %s: too long", text);
	*m = (struct mount_point){ .source = copy_text(path, strlen(path)),
				   .target = target,
				   .flags = MS_REC };
	if (second && !strcmp(second, ":ro"))
		m->flags |= MS_RDONLY;
}

/* Who is who on the bridge, and where names are asked for: how many, at most 2. */
static int mount_names(struct mount_point *m)
{
	static char hosts[STATE_PATH_SIZE];

	state_path(".hosts", NULL, hosts);
	m[0] = (struct mount_point){ .source = hosts, .target = "/etc/hosts", .flags = MS_RDONLY };
	m[1] = m[0];
	m[1].source = m[1].target = "/etc/resolv.conf";
	return access(m[1].source, F_OK) < 0 ? 1 : 2;
}

static void describe_mounts(struct container *c)
{
	struct mount_point *m = allocate((nr_default_mounts + 2 + opt.volumes.n) * sizeof(*m));

	memcpy(m, default_mounts, nr_default_mounts * sizeof(*m));
	if (opt.privileged)
		m[nr_default_mounts - 1].flags &= ~MS_RDONLY; /* it may make groups in its own */
	c->mounts = m;
	c->nr_mounts = nr_default_mounts;
	if (opt.bridge)
		c->nr_mounts += mount_names(m + c->nr_mounts);
	if (c->nr_mounts + opt.volumes.n > MAX_MOUNTS)
		die(STATUS_USAGE, "--volume: more than %d", MAX_MOUNTS - c->nr_mounts);
	for (int i = 0; i < opt.volumes.n; i++)
		add_volume(m + c->nr_mounts++, opt.volumes.item[i]);
	c->masked = opt.privileged ? NULL : default_masked;
	c->unwritable = opt.privileged ? NULL : default_unwritable;
	c->read_only = opt.read_only;
}

static uint64_t capabilities_of(const struct opt_list *list, const char *option)
{
	uint64_t set = 0;

	for (int i = 0; i < list->n; i++) {
		uint64_t bit = capability_bit(list->item[i]);

		if (!bit)
			die(STATUS_USAGE, "%s %s: not a capability (examples: NET_ADMIN, ALL)",
			    option, list->item[i]);
		set |= bit;
	}
	return set;
}

/* What is dropped by name goes; ALL is dropped first, so that single ones can be added to nothing. */
static uint64_t describe_capabilities(void)
{
	uint64_t add = capabilities_of(&opt.cap_add, "--cap-add");
	uint64_t drop = capabilities_of(&opt.cap_drop, "--cap-drop");
	uint64_t base = opt.privileged ? CAPABILITIES_ALL : default_capabilities;

	return drop == CAPABILITIES_ALL ? add : (base | add) & ~drop;
}

static const struct sock_fprog *describe_seccomp(uint64_t capabilities, unsigned int *flags)
{
	if (opt.seccomp ? !strcmp(opt.seccomp, "unconfined") : opt.privileged)
		return NULL;
	if (opt.seccomp && strcmp(opt.seccomp, "default"))
		return seccomp_profile(opt.seccomp, capabilities, flags);
	return default_seccomp(capabilities);
}

static uint64_t describe_namespaces(void)
{
	const char *net = opt.net ? opt.net : opt.ports.n ? "bridge" : "host";

	if (strcmp(net, "none") && strcmp(net, "host") && strcmp(net, "bridge"))
		die(STATUS_USAGE, "--net %s: not none, host or bridge", net);
	opt.bridge = !strcmp(net, "bridge");
	if (opt.ports.n && !opt.bridge)
		die(STATUS_USAGE, "--publish: not with --net %s", net);
	/* Of a bridge's, net.c makes the namespace: this process enters it before the start. */
	return NEEDED | CLONE_NEWIPC | CLONE_NEWCGROUP | (strcmp(net, "none") ? 0 : CLONE_NEWNET);
}

/* ---- all of it ---- */

/* A file system, a kind of namespace, or a device that the kernel has. */
static bool kernel_has(const char *feature)
{
	char path[128], text[4096];
	size_t n = strlen(feature);

	if ((join(path, sizeof(path), "/proc/self/ns/", feature, NULL) && !access(path, F_OK)) ||
	    (join(path, sizeof(path), "/dev/", feature, NULL) && !access(path, F_OK)))
		return true;
	if (read_small(AT_FDCWD, "/proc/filesystems", text, sizeof(text)) < 0)
		return false;
	for (const char *p = text; (p = strchr(p, '\t')); p++)
		if (!strncmp(p + 1, feature, n) && (!p[n + 1] || p[n + 1] == '\n'))
			return true;
	return false;
}

/* Dies when the image is not for this machine. */
static void check_platform(const char *name, const struct image_config *config)
{
	const char *platform = image_config_next(config, "Platform", NULL), *needs = NULL;
	struct utsname u;

	if ((!platform || !strcmp(platform, PLATFORM)) && !image_config_next(config, "Needs", NULL))
		return;
	uname(&u);
	if (platform && strcmp(platform, PLATFORM))
		die(STATUS_FAILED, "image %s needs %s, this is %s/amd64 (linux ABI)", name,
		    platform, strstr(u.release, "dyad") ? "dyad" : "linux");
	while (!opt.in_vm && (needs = image_config_next(config, "Needs", needs)))
		if (!kernel_has(needs))
			die(STATUS_FAILED,
			    "image %s needs %s with %s, this is %s/amd64 (linux ABI)", name,
			    PLATFORM, needs, strstr(u.release, "dyad") ? "dyad" : "linux");
}

/* What the image and the command line say, together. */
static void describe(struct container *c, const char *image, struct image_config *config,
		     char **argv)
{
	static char *shell[] = { "/bin/sh", NULL };

	c->image = image;
	c->argv = (*argv ? argv : image_config_command(config)) ?: shell;
	set_surroundings(c, &opt.around, config);
	c->namespaces = describe_namespaces();
	c->capabilities[SET_BOUNDING] = describe_capabilities();
	c->seccomp = describe_seccomp(c->capabilities[SET_BOUNDING], &c->seccomp_flags);
	describe_mounts(c);
	describe_limits(c);
	c->init = opt.init;
	c->io.terminal = opt.terminal;
	c->with_parent = true;
}

/* Of a bundle's container all is in its config.json. */
static void check_options(bool bundle)
{
	static const char bundles[] = "--bundle --pid-file --console-socket";

	for (const struct opt *o = run_options; o->name; o++)
		if (option_given(o) && strcmp(o->name, "--detach") &&
		    bundle != (name_index(bundles, o->name, false) >= 0))
			die(STATUS_USAGE, "run: %s is not for %s", o->name,
			    bundle ? "a bundle" : "an image");
}

int run_verb(int argc, char **argv)
{
	static struct container c;
	char workshop[STATE_PATH_SIZE + sizeof(".root")];
	const char *name = argv[0];
	struct image_config config;
	struct state *state;
	char image[256];
	int group;

	check_options(oci_opt.bundle);
	if (oci_opt.bundle && argv[1])
		die(STATUS_USAGE, "run: %s: a bundle's command is in its config.json", argv[1]);
	if (oci_opt.bundle)
		return bundle_run(argv[0], opt.detach);
	image_config_read(image_open(argv[0], image, sizeof(image)), &config);
	argv++;
	if (*argv && !strcmp(*argv, "--"))
		argv++;
	check_platform(name, &config);
	if (opt.in_vm)
		run_in_vm(run_options, opt.in_vm, name, argv);
	describe(&c, image, &config, argv);
	state = container_begin(opt.name, name, &c);
	state->keep = opt.detach && !opt.remove;
	state_path(NULL, NULL, workshop);
	strcat(workshop, ".root");
	enter_workshop(&c, workshop);
	c.hostname = opt.hostname ? opt.hostname : state->name;
	/* Else Linux would swap instead of ending it; a kernel without swap has no such file. */
	group = container_group();
	if (opt.memory)
		write_small(group, "memory.swap.max", "0");
	if (opt.bridge)
		net_prepare(state, &opt.ports, c.hostname, true);
	return container_run(opt.detach, opt.stdin_, opt.remove);
}
