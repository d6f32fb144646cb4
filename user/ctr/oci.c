/* SPDX-License-Identifier: MIT */
/*
 * A bundle's config.json: fields.txt lists what the runtime specification has for Linux, with types.
 * What is not in it is ignored, as the specification asks. Also the state as JSON, and hooks.
 */
#include <linux/ioprio.h>
#include <linux/personality.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "oci.h"

/* An entry a field: a letter that says how deep it lies, its names, '=' and its type: fields.txt says how. */
static const char fields[] =
#include "fields.inc"
	;

static const char *document = "config.json"; /* what is read */

/* Writes where j is: "mounts[2].type". */
static size_t path_of(const struct json *j, char *buf, size_t size)
{
	size_t n;
	int index = 0;

	if (!j->parent)
		return 0;
	n = path_of(j->parent, buf, size);
	if (j->key) {
		n += format(buf + n, size - n, "%s%.64s", n ? "." : "", j->key);
	} else {
		for (const struct json *m = j->parent->child; m != j; m = m->next)
			index++;
		n += format(buf + n, size - n, "[%d]", index);
	}
	return n < size ? n : size - 1;
}

void refuse(const struct json *j, const char *what)
{
	char path[512] = "";

	path_of(j, path, sizeof(path));
	die(STATUS_FAILED, "%s: %s%s%s", document, path, *path ? ": " : "", what);
}

/* ---- types ---- */

static const char *next_entry(const char *entry)
{
	return strchr(entry, ' ') + 1;
}

/* Is the key (NULL: of a member of an array) one of the entry's names? */
static bool has_name(const char *entry, const char *key)
{
	size_t n = key ? strcspn(key, "=|") : 0;

	while (!key || !key[n]) {
		entry++;
		if (!strncmp(entry, key ?: "", n) && strchr("=|", entry[n]))
			return true;
		entry += strcspn(entry, "=|");
		if (*entry == '=')
			break;
	}
	return false;
}

/* The entry of a member, or NULL. */
static const char *member(const char *entry, const char *key)
{
	for (const char *p = next_entry(entry); *p > *entry; p = next_entry(p))
		if (*p == *entry + 1 && has_name(p, key))
			return p;
	return NULL;
}

static void check_type(const struct json *j, char type)
{
	static const char types[] = "xbnsao"; /* in the order of enum json_type */
	static const char *const wrong[] = { "not supported",      "not true or false",
					     "not a whole number", "not a string",
					     "not an array",       "not an object" };
	char kind = type == 'm' ? 'o' : type == 'p' ? 's' : strchr("qu", type) ? 'n' : type;
	unsigned int is = strchr(types, kind) - types;
	bool number = is == JSON_NUMBER;

	if (type == 'x' || j->type != is || (number && (!j->whole || (type != 'q' && j->big))))
		refuse(j, wrong[is]);
	if (number && type != 'n' && j->number < 0 && !j->big)
		refuse(j, "a negative number");
	if (type == 'p' && *j->text != '/')
		refuse(j, "not absolute");
	if (type == 'u' && j->number > UINT32_MAX)
		refuse(j, "more than 32 bits");
}

/* What an object must have. */
static void check_members(const struct json *j, const char *entry)
{
	for (const char *p = next_entry(entry); *p > *entry; p = next_entry(p)) {
		const char *end = strchr(p, '=');
		char key[64], path[512] = "";

		format(key, sizeof(key), "%.*s", (int)(end - p - 1), p + 1);
		if (*p != *entry + 1 || end[2] != '!' || field(j, key))
			continue;
		path_of(j, path, sizeof(path));
		die(STATUS_FAILED, "%s: %s%s%s: missing", document, path, *path ? "." : "", key);
	}
}

static void check(const struct json *j, const char *entry)
{
	char type = strchr(entry, '=')[1];

	if (j->type == JSON_NULL && type != 'x' && j->key)
		return; /* as if it were not there */
	check_type(j, type);
	if (type == 'o')
		check_members(j, entry);
	for (const struct json *m = j->child; m; m = m->next) {
		const char *its = member(entry, m->key);

		if (type == 'm')
			check_type(m, 's');
		else if (its)
			check(m, its);
	}
}

/* ---- access ---- */

const struct json *field(const struct json *j, const char *path)
{
	char key[64];

	for (; j && *path; path += strcspn(path, "."), path += *path == '.') {
		format(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path);
		j = json_get(j, key);
	}
	return j && j->type != JSON_NULL ? j : NULL;
}

const char *text_at(const struct json *j, const char *path, const char *without)
{
	j = field(j, path);
	return j ? j->text : without;
}

int64_t number_at(const struct json *j, const char *path, int64_t without)
{
	j = field(j, path);
	return j ? j->number : without;
}

bool true_at(const struct json *j, const char *path)
{
	return number_at(j, path, 0);
}

char **texts_at(const struct json *j, const char *path)
{
	struct words texts = { 0 };

	if (!field(j, path))
		return NULL;
	words_add(&texts, NULL, NULL);
	for_each_in(m, j, path)
		words_add(&texts, m->text, NULL);
	return (char **)texts.word;
}

uint64_t namespace_bit(const char *type)
{
	/* in the order of their bits */
	static const char types[] =
		"       time          mount        cgroup uts ipc user pid network";
	int bit = name_index(types, type, false);

	return bit < 0 ? 0 : 1ULL << bit;
}

#define PROPAGATION (MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

/* One mount option: in *flags, or *propagation; false when it is neither. */
static bool mount_option(const char *text, unsigned long *flags, unsigned long *propagation)
{
	/* In the order of their bits, as mount(2) has them; rbind's is MS_REC. */
	static const char set[] = "ro nosuid nodev noexec sync  mand dirsync   noatime nodiratime "
				  "bind  rbind silent  "
				  "unbindable private slave shared relatime   strictatime";
	static const char clear[] = "rw suid dev exec async  nomand    atime diratime    loud      "
				    "norelatime   nostrictatime";
	bool all = *text == 'r';
	int on = name_index(set, text, false), off = name_index(clear, text, false);
	int way = name_index(set, text + all, false);

	if (way >= 0 && 1UL << way & PROPAGATION)
		*propagation = 1UL << way | (all ? MS_REC : 0);
	else if (on >= 0)
		*flags |= 1UL << on | (1UL << on & MS_REC ? MS_BIND : 0);
	else if (off >= 0)
		*flags &= ~(1UL << off);
	else
		return !strcmp(text, "defaults");
	return true;
}

/* ---- the root ---- */

/* Recursive attributes, id maps, and what other runtimes made up. */
static const char refused_options[] = " rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnoatime "
				      "ratime rnodiratime rdiratime rrelatime rnorelatime "
				      "rstrictatime rnostrictatime nosymfollow symfollow "
				      "rnosymfollow rsymfollow iversion noiversion remount "
				      "idmap ridmap tmpcopyup copy-symlink ";
#define MAX_PROPAGATIONS 15
#define DATA_SIZE 4096

/* Flags, propagations, and as data "a,b,c" of what mount(2) has no flag for. */
static void read_options(struct mount_point *m, const struct json *j)
{
	unsigned long *propagation = allocate((MAX_PROPAGATIONS + 1) * sizeof(*propagation));
	char *data = allocate(DATA_SIZE), word[64];
	size_t n = 0, set = 0;

	m->data = data;
	for_each_in(o, j, "options") {
		format(word, sizeof(word), " %.60s ", o->text);
		if (strstr(refused_options, word))
			refuse(o, "not supported");
		if (!mount_option(o->text, &m->flags, propagation + set))
			n += format(data + n, DATA_SIZE - n, "%s%s", n ? "," : "", o->text);
		set += propagation[set] != 0;
		if (n >= DATA_SIZE || set > MAX_PROPAGATIONS)
			refuse(o, "one option too many");
	}
	if (set)
		m->propagation = propagation;
}

static void read_mounts(struct bundle *b)
{
	static struct mount_point mounts[MAX_MOUNTS];
	struct container *c = &b->c;

	c->mounts = mounts;
	for_each_in(j, b->config, "mounts") {
		struct mount_point *m = mounts + c->nr_mounts++;
		char source[PATH_MAX];
		bool bind;

		if (c->nr_mounts > MAX_MOUNTS)
			refuse(j, "too many");
		m->target = text_at(j, "destination", "");
		m->type = text_at(j, "type", NULL);
		m->source = text_at(j, "source", m->type);
		read_options(m, j);
		bind = m->flags & MS_BIND || (m->type && !strcmp(m->type, "bind"));
		if (!bind && !m->type)
			refuse(j, "neither a type nor bind");
		if (bind && !field(j, "source"))
			refuse(j, "a bind mount without a source");
		if (bind) {
			m->type = NULL;
			m->flags &= ~MS_BIND;
			if (!join(source, sizeof(source), *m->source == '/' ? "" : b->dir,
				  *m->source == '/' ? "" : "/", m->source, NULL))
				refuse(j, "too long");
			m->source = copy_text(source, strlen(source));
		} else if (!strcmp(m->type, "cgroup")) {
			m->type = "cgroup2";
		}
	}
}

static void read_devices(struct bundle *b)
{
	static struct device devices[MAX_DEVICES];
	struct container *c = &b->c;

	c->devices = devices;
	for_each_in(j, b->config, "linux.devices") {
		const char *type = text_at(j, "type", ""), *path = text_at(j, "path", "");
		mode_t kind = *type == 'b' ? S_IFBLK : *type == 'p' ? S_IFIFO : S_IFCHR;

		if (c->nr_devices == MAX_DEVICES)
			refuse(j, "too many");
		if (*path != '/' || !strrchr(path, '/')[1])
			refuse(j, "not an absolute path");
		devices[c->nr_devices++] = (struct device){
			path,
			kind | (number_at(j, "fileMode", 0666) & 07777),
			number_at(j, "major", 0),
			number_at(j, "minor", 0),
			number_at(j, "uid", 0),
			number_at(j, "gid", 0),
		};
	}
}

static void read_root(struct bundle *b)
{
	const struct json *j = field(b->config, "linux.rootfsPropagation");
	unsigned long flags = 0;

	if (j && (!mount_option(j->text, &flags, &b->c.propagation) || !b->c.propagation))
		refuse(j, "not shared, slave, private or unbindable");
	b->c.rootfs = b->root;
	b->c.read_only = true_at(b->config, "root.readonly");
	b->c.masked = (void *)texts_at(b->config, "linux.maskedPaths");
	b->c.unwritable = (void *)texts_at(b->config, "linux.readonlyPaths");
}

/* ---- the process ---- */

static void read_rlimits(struct container *c, const struct json *process)
{
	/* in the order of their numbers */
	static const char names[] = "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS "
				    "SIGPENDING MSGQUEUE NICE RTPRIO RTTIME";
	static struct resource_limit limits[MAX_RLIMITS];

	c->rlimits = limits;
	for_each_in(j, process, "rlimits") {
		const char *name = text_at(j, "type", "");
		int i = strncmp(name, "RLIMIT_", 7) ? -1 : name_index(names, name + 7, false);

		if (i < 0 || c->nr_rlimits == MAX_RLIMITS)
			refuse(field(j, "type"), i < 0 ? "not a limit" : "too many");
		limits[c->nr_rlimits++] = (struct resource_limit){
			name, i, { number_at(j, "soft", 0), number_at(j, "hard", 0) }
		};
	}
}

static void read_capabilities(struct container *c, const struct json *process)
{
	/* as SET_* */
	static const char *const kinds[NR_SETS] = {
		"bounding", "effective", "permitted", "inheritable", "ambient",
	};

	c->all_sets = true;
	for (int i = 0; i < NR_SETS; i++) {
		const struct json *set = field(field(process, "capabilities"), kinds[i]);

		for_each_in(j, set, "") {
			uint64_t bit = strcmp(j->text, "ALL") ? capability_bit(j->text) : 0;

			if (!bit) /* as the specification asks: told, and left out */
				warn("config.json: process.capabilities.%s: %s: not a capability",
				     kinds[i], j->text);
			c->capabilities[i] |= bit;
		}
	}
}

int index_at(const struct json *j, const char *path, const char *names)
{
	int index = name_index(names, text_at(j, path, ""), false);

	if (index < 0)
		refuse(field(j, path), "not supported");
	return index;
}

static void read_schedule(struct container *c, const struct json *process)
{
	/* Linux's numbers, of the flags those of their bits. */
	static const char policies[] =
		"SCHED_OTHER SCHED_FIFO SCHED_RR SCHED_BATCH  SCHED_IDLE SCHED_DEADLINE";
	static const char flags[] =
		"SCHED_FLAG_RESET_ON_FORK SCHED_FLAG_RECLAIM SCHED_FLAG_DL_OVERRUN "
		"SCHED_FLAG_KEEP_POLICY SCHED_FLAG_KEEP_PARAMS";
	static const char classes[] = " IOPRIO_CLASS_RT IOPRIO_CLASS_BE IOPRIO_CLASS_IDLE";
	static struct sched_attr attr = { .size = sizeof(attr) };
	const struct json *s = field(process, "scheduler"), *io = field(process, "ioPriority");
	int64_t priority = number_at(io, "priority", 0);

	if (s) {
		attr.sched_policy = index_at(s, "policy", policies);
		attr.sched_nice = number_at(s, "nice", 0);
		attr.sched_priority = number_at(s, "priority", 0);
		attr.sched_runtime = number_at(s, "runtime", 0);
		attr.sched_deadline = number_at(s, "deadline", 0);
		attr.sched_period = number_at(s, "period", 0);
		for_each_in(f, s, "flags")
			attr.sched_flags |= 1 << index_at(f, "", flags);
		c->scheduler = &attr;
	}
	if (priority < 0 || priority > 7)
		refuse(field(io, "priority"), "not 0 to 7");
	if (io)
		c->io_priority = IOPRIO_PRIO_VALUE(index_at(io, "class", classes), priority);
}

static void read_personality(struct container *c, const struct json *j)
{
	static unsigned int personality;

	if (!j)
		return;
	personality = index_at(j, "domain", "LINUX LINUX32") ? PER_LINUX32 : PER_LINUX;
	c->personality = &personality;
}

void bundle_process(struct bundle *b)
{
	const struct json *process = field(b->config, "process");
	static struct account account;
	static char *nothing[] = { NULL };

	b->c.argv = texts_at(process, "args");
	b->c.envp = texts_at(process, "env") ?: nothing;
	b->c.workdir = text_at(process, "cwd", "");
	if (!*b->c.argv)
		refuse(field(process, "args"), "empty");
	account.uid = number_at(process, "user.uid", 0);
	account.gid = number_at(process, "user.gid", 0);
	for_each_in(j, process, "user.additionalGids") {
		if (account.nr_groups == GROUPS_MAX)
			refuse(j, "too many");
		account.groups[account.nr_groups++] = j->number;
	}
	b->c.account = &account;
	b->c.umask = number_at(process, "user.umask", 022);
	b->c.no_new_privs = true_at(process, "noNewPrivileges");
	read_rlimits(&b->c, process);
	read_capabilities(&b->c, process);
	read_schedule(&b->c, process);
	read_personality(&b->c, field(b->config, "linux.personality"));
	b->c.seccomp =
		compile_seccomp(field(b->config, "linux.seccomp"), NULL, &b->c.seccomp_flags);
}

/* ---- namespaces, and what is the container's alone by them ---- */

static uint64_t namespace_of_sysctl(const char *key)
{
	static const struct {
		const char *prefix;
		uint64_t namespace;
	} kinds[] = { { "net.", CLONE_NEWNET },       { "fs.mqueue.", CLONE_NEWIPC },
		      { "kernel.msg", CLONE_NEWIPC }, { "kernel.shm", CLONE_NEWIPC },
		      { "kernel.sem", CLONE_NEWIPC }, { "kernel.domainname", CLONE_NEWUTS } };

	for (size_t i = 0; i < LENGTH(kinds); i++)
		if (!strncmp(key, kinds[i].prefix, strlen(kinds[i].prefix)))
			return kinds[i].namespace;
	return 0;
}

static void read_sysctls(struct bundle *b, uint64_t namespaces)
{
	const struct json *j = field(b->config, "linux.sysctl");
	struct setting *s;
	int n = 0;

	for (const struct json *m = j ? j->child : NULL; m; m = m->next)
		n++;
	s = allocate((n + 1) * sizeof(*s));
	b->c.sysctls = s;
	for (const struct json *m = j ? j->child : NULL; m; m = m->next, s++) {
		char path[256];

		if (!(namespace_of_sysctl(m->key) & namespaces) || strchr(m->key, '/'))
			refuse(m, "not of a namespace that the container has for itself");
		if (!join(path, sizeof(path), "/proc/sys/", m->key, NULL))
			refuse(m, "too long");
		for (char *p = path; *p; p++)
			if (*p == '.')
				*p = '/';
		*s = (struct setting){ copy_text(path, strlen(path)), m->text };
	}
}

static void read_namespaces(struct bundle *b)
{
	uint64_t seen = 0, made = 0;

	for_each_in(n, b->config, "linux.namespaces") {
		uint64_t bit = namespace_bit(text_at(n, "type", ""));

		if (!bit)
			refuse(field(n, "type"), "not supported");
		if (seen & bit)
			refuse(n, "a type that is there twice");
		seen |= bit;
		if (!field(n, "path"))
			made |= bit;
		else if (bit == CLONE_NEWUSER || bit == CLONE_NEWNS)
			refuse(field(n, "path"), "not supported for this type");
	}
	b->c.namespaces = made;
	if (!(made & CLONE_NEWTIME) && field(b->config, "linux.timeOffsets"))
		refuse(field(b->config, "linux.timeOffsets"), "without a new time namespace");
	b->c.hostname = text_at(b->config, "hostname", NULL);
	b->c.domainname = text_at(b->config, "domainname", NULL);
	if (!(made & CLONE_NEWNS))
		die(STATUS_FAILED,
		    "config.json: linux.namespaces: without a new mount namespace: not supported");
	if ((b->c.hostname || b->c.domainname) && !(seen & CLONE_NEWUTS))
		refuse(field(b->config, "hostname") ?: field(b->config, "domainname"),
		       "without a uts namespace");
	if (made & CLONE_NEWUSER && !field(b->config, "linux.uidMappings"))
		die(STATUS_FAILED, "config.json: linux.uidMappings: missing");
	read_sysctls(b, seen);
}

/* ---- limits ---- */

static void limit(struct bundle *b, const char *path, const char *file)
{
	const struct json *j = field(b->config, path);

	if (!j)
		return;
	if (j->type == JSON_STRING)
		add_limit(&b->c, path, file, "%.47s", j->text);
	else if (j->number <= 0 && strcmp(file, "cpu.idle"))
		add_limit(&b->c, path, file, "max");
	else
		add_limit(&b->c, path, file, "%ld", j->number);
}

static void read_limits(struct bundle *b)
{
	const struct json *r = field(b->config, "linux.resources");
	int64_t swap = number_at(r, "memory.swap", 0), most = number_at(r, "memory.limit", 0);
	int64_t quota = number_at(r, "cpu.quota", 0), period = number_at(r, "cpu.period", 100000);
	int64_t shares = number_at(r, "cpu.shares", 0);

	limit(b, "linux.resources.memory.limit", "memory.max");
	limit(b, "linux.resources.memory.reservation", "memory.low");
	/* Version 1 counts memory and swap together. */
	if (swap > 0 && (most <= 0 || swap < most))
		refuse(field(r, "memory.swap"), "less than linux.resources.memory.limit");
	if (swap > 0 && swap > most)
		add_limit(&b->c, "linux.resources.memory.swap", "memory.swap.max", "%ld",
			  swap - most);
	limit(b, "linux.resources.pids.limit", "pids.max");
	/* 2..262144 is 1..10000 here. */
	if (shares)
		add_limit(&b->c, "linux.resources.cpu.shares", "cpu.weight", "%ld",
			  shares < 2        ? 1L
			  : shares > 262144 ? 10000L
					    : 1 + (shares - 2) * 9999 / 262142);
	if (quota > 0)
		add_limit(&b->c, "linux.resources.cpu.quota", "cpu.max", "%ld %ld", quota, period);
	else if (field(r, "cpu.period"))
		add_limit(&b->c, "linux.resources.cpu.period", "cpu.max", "max %ld", period);
	limit(b, "linux.resources.cpu.burst", "cpu.max.burst");
	limit(b, "linux.resources.cpu.idle", "cpu.idle");
	limit(b, "linux.resources.cpu.cpus", "cpuset.cpus");
	limit(b, "linux.resources.cpu.mems", "cpuset.mems");
	for_each_in(u, r, "unified") {
		if (strchr(u->key, '/'))
			refuse(u, "not a file of a cgroup");
		if (strlen(u->text) >= sizeof(b->c.limits->value))
			refuse(u, "too long");
		add_limit(&b->c, "linux.resources.unified", u->key, "%s", u->text);
	}
}

/* ---- reading ---- */

#define FILE_MOST (1 << 20) /* bytes */

static char *read_file(const char *path)
{
	char *text = allocate(FILE_MOST + 2);
	ssize_t n = read_small(AT_FDCWD, path, text, FILE_MOST + 2);

	if (n < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	if (n > FILE_MOST)
		die(STATUS_FAILED, "%s: not a file of at most 1M", path);
	if (strlen(text) != (size_t)n)
		die(STATUS_FAILED, "%s: a NUL character", document);
	return text;
}

bool real_folder(const char *path, char real[PATH_MAX])
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char link[32];
	ssize_t n;

	*real = 0;
	if (fd < 0)
		return false;
	format(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, real, PATH_MAX - 1);
	close(fd);
	real[n < 0 ? 0 : n] = 0;
	return n > 0;
}

static void find_root(struct bundle *b)
{
	const struct json *j = field(b->config, "root.path");
	char path[PATH_MAX], real[PATH_MAX];
	size_t n = strlen(b->dir);

	if (!join(path, sizeof(path), *j->text == '/' ? "" : b->dir, *j->text == '/' ? "" : "/",
		  j->text, NULL) ||
	    !real_folder(path, real))
		refuse(j, "not a folder");
	if (*j->text != '/' && (strncmp(real, b->dir, n) || (real[n] != '/' && n > 1)))
		refuse(j, "out of the bundle");
	if (!join(b->root, sizeof(b->root), real, NULL))
		refuse(j, "too long");
}

static void find_cgroup(struct bundle *b)
{
	const struct json *j = field(b->config, "linux.cgroupsPath");
	const char *path = j && *j->text ? j->text : b->id;
	char probe[sizeof(b->cgroup) + 2];

	if (!join(b->cgroup, sizeof(b->cgroup), path + strspn(path, "/"), NULL) ||
	    !join(probe, sizeof(probe), "/", b->cgroup, "/", NULL))
		refuse(j, "too long");
	if (strstr(probe, "/../") || strstr(probe, "/./"))
		refuse(j, "out of the tree of groups");
	if (strchr(path, ':'))
		refuse(j, "a name for systemd: not supported");
}

/* The checked tree of a file. */
static struct json *read_document(const char *file, const char *entry)
{
	char *text = read_file(file);
	struct json *root;
	const char *what;
	size_t at;
	int line = 1;

	root = json_parse(text, allocate(json_count(text) * sizeof(*root)), &at, &what);
	for (size_t i = 0; !root && i < at; i++)
		line += text[i] == '\n';
	if (!root)
		die(STATUS_FAILED, "%s: line %d: %s", document, line, what);
	check(root, entry);
	return root;
}

void bundle_reread(struct bundle *b, const char *file)
{
	b->config = read_document(file, fields);
}

const struct sock_fprog *seccomp_profile(const char *file, uint64_t capabilities,
					 unsigned int *flags)
{
	const char *entry = member(member(fields, "linux"), "seccomp");

	document = file;
	return compile_seccomp(read_document(file, entry), &capabilities, flags);
}

void bundle_read(struct bundle *b, const char *file)
{
	bundle_reread(b, file);
	if (strncmp(text_at(b->config, "ociVersion", ""), "1.", 2))
		refuse(field(b->config, "ociVersion"), "not a version 1");
	find_root(b);
	find_cgroup(b);
	read_root(b);
	read_mounts(b);
	read_devices(b);
	bundle_process(b);
	read_namespaces(b);
	read_limits(b);
}
