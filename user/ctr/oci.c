/* SPDX-License-Identifier: MIT */
/*
 * A bundle's config.json: `fields` lists what the runtime specification has for Linux, with types.
 * What is not in it is ignored, as the specification asks. Also the state as JSON, and hooks.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci.h"

/*
 * One word a field, its type behind '=': s text, b bool, n and q whole numbers of 64 bits (q: not
 * negative), u of 32 bits, a array, o object, m object of texts, x refused. '!': it must be there.
 */
static const char fields[] =
	"ociVersion=s! hostname=s domainname=s annotations=m root=o! root.path=s! root.readonly=b "
	"mounts=a mounts[]=o mounts[].destination=s! mounts[].type=s mounts[].source=s "
	"mounts[].options=a mounts[].options[]=s mounts[].uidMappings=x mounts[].gidMappings=x "
	"process=o! process.terminal=b process.consoleSize=o process.consoleSize.height=u "
	"process.consoleSize.width=u process.cwd=s! process.env=a process.env[]=s process.args=a! "
	"process.args[]=s process.user=o process.user.uid=u process.user.gid=u "
	"process.user.umask=u "
	"process.user.additionalGids=a process.user.additionalGids[]=u process.capabilities=o "
	"process.capabilities.bounding=a process.capabilities.bounding[]=s "
	"process.capabilities.effective=a process.capabilities.effective[]=s "
	"process.capabilities.permitted=a process.capabilities.permitted[]=s "
	"process.capabilities.inheritable=a process.capabilities.inheritable[]=s "
	"process.capabilities.ambient=a process.capabilities.ambient[]=s process.rlimits=a "
	"process.rlimits[]=o process.rlimits[].type=s! process.rlimits[].soft=q! "
	"process.rlimits[].hard=q! process.noNewPrivileges=b process.oomScoreAdj=n "
	"process.apparmorProfile=x process.selinuxLabel=x process.scheduler=x process.ioPriority=x "
	"process.execCPUAffinity=x hooks=o hooks.prestart=a hooks.createRuntime=a "
	"hooks.createContainer=a hooks.startContainer=a hooks.poststart=a hooks.poststop=a "
	"hooks.*[]=o hooks.*[].path=s! hooks.*[].args=a hooks.*[].args[]=s hooks.*[].env=a "
	"hooks.*[].env[]=s hooks.*[].timeout=n linux=o linux.namespaces=a linux.namespaces[]=o "
	"linux.namespaces[].type=s! linux.namespaces[].path=s linux.uidMappings=a "
	"linux.uidMappings[]=o linux.uidMappings[].containerID=u! linux.uidMappings[].hostID=u! "
	"linux.uidMappings[].size=u! linux.gidMappings=a linux.gidMappings[]=o "
	"linux.gidMappings[].containerID=u! linux.gidMappings[].hostID=u! "
	"linux.gidMappings[].size=u! linux.timeOffsets=x linux.devices=a linux.devices[]=o "
	"linux.devices[].type=s! linux.devices[].path=s! linux.devices[].major=u "
	"linux.devices[].minor=u linux.devices[].fileMode=u linux.devices[].uid=u "
	"linux.devices[].gid=u linux.netDevices=x linux.cgroupsPath=s linux.resources=o "
	"linux.resources.devices=a linux.resources.devices[]=o linux.resources.devices[].allow=b! "
	"linux.resources.devices[].type=s linux.resources.devices[].major=n "
	"linux.resources.devices[].minor=n linux.resources.devices[].access=s "
	"linux.resources.memory=o linux.resources.memory.limit=n "
	"linux.resources.memory.reservation=n linux.resources.memory.swap=n "
	"linux.resources.memory.kernel=x linux.resources.memory.kernelTCP=x "
	"linux.resources.memory.swappiness=x linux.resources.memory.disableOOMKiller=x "
	"linux.resources.memory.useHierarchy=x linux.resources.memory.checkBeforeUpdate=x "
	"linux.resources.cpu=o linux.resources.cpu.shares=q linux.resources.cpu.quota=n "
	"linux.resources.cpu.burst=q linux.resources.cpu.period=q "
	"linux.resources.cpu.realtimeRuntime=x linux.resources.cpu.realtimePeriod=x "
	"linux.resources.cpu.cpus=s linux.resources.cpu.mems=s linux.resources.cpu.idle=n "
	"linux.resources.blockIO=x linux.resources.hugepageLimits=x linux.resources.network=x "
	"linux.resources.rdma=x linux.resources.pids=o linux.resources.pids.limit=n! "
	"linux.resources.unified=m linux.intelRdt=x linux.sysctl=m linux.seccomp=o "
	"linux.seccomp.defaultAction=s! linux.seccomp.defaultErrnoRet=u linux.seccomp.flags=a "
	"linux.seccomp.flags[]=s linux.seccomp.listenerPath=x linux.seccomp.listenerMetadata=x "
	"linux.seccomp.architectures=a linux.seccomp.architectures[]=s linux.seccomp.syscalls=a "
	"linux.seccomp.syscalls[]=o linux.seccomp.syscalls[].names=a! "
	"linux.seccomp.syscalls[].names[]=s linux.seccomp.syscalls[].action=s! "
	"linux.seccomp.syscalls[].errnoRet=u linux.seccomp.syscalls[].args=a "
	"linux.seccomp.syscalls[].args[]=o linux.seccomp.syscalls[].args[].index=u! "
	"linux.seccomp.syscalls[].args[].value=q! linux.seccomp.syscalls[].args[].valueTwo=q "
	"linux.seccomp.syscalls[].args[].op=s! linux.rootfsPropagation=s linux.maskedPaths=a "
	"linux.maskedPaths[]=s linux.readonlyPaths=a linux.readonlyPaths[]=s linux.mountLabel=x "
	"linux.personality=x linux.memoryPolicy=x vm=x ";

/* Writes where j is: "mounts[2].type"; schema: "mounts[].type". */
static size_t path_of(const struct json *j, bool schema, char *buf, size_t size)
{
	size_t n = 0, left;
	int index = 0;

	if (!j->parent)
		return 0;
	n = path_of(j->parent, schema, buf, size);
	left = size - n;
	if (j->key) {
		n += format(buf + n, left, "%s%.64s", n ? "." : "", j->key);
	} else {
		for (const struct json *m = j->parent->child; m != j; m = m->next)
			index++;
		n += schema ? format(buf + n, left, "[]") : format(buf + n, left, "[%d]", index);
	}
	return n < size ? n : size - 1;
}

void refuse(const struct json *j, const char *what)
{
	char path[512] = "";

	path_of(j, false, path, sizeof(path));
	die(STATUS_FAILED, "config.json: %s%s%s", path, *path ? ": " : "", what);
}

/* ---- types ---- */

/* The type of the field at a schema path, and whether it must be there; 0: not a field. */
static char type_of(const char *path, bool *needed)
{
	size_t n = strlen(path);

	for (const char *p = fields; *p; p = strchr(p, ' ') + 1)
		if (!strncmp(p, path, n) && p[n] == '=') {
			*needed = p[n + 2] == '!';
			return p[n + 1];
		}
	return 0;
}

static void check_type(const struct json *j, char type)
{
	static const struct {
		char type;
		enum json_type is;
		const char *what;
	} types[] = { { 's', JSON_STRING, "not a string" },
		      { 'b', JSON_BOOL, "not true or false" },
		      { 'a', JSON_ARRAY, "not an array" },
		      { 'o', JSON_OBJECT, "not an object" },
		      { 'm', JSON_OBJECT, "not an object" } };

	if (type == 'x')
		refuse(j, "not supported");
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (types[i].type == type && types[i].is != j->type)
			refuse(j, types[i].what);
	if (!strchr("nqu", type))
		return;
	if (j->type != JSON_NUMBER || !j->whole || (type != 'q' && j->big))
		refuse(j, "not a whole number");
	if (type != 'n' && j->number < 0 && !j->big)
		refuse(j, "a negative number");
	if (type == 'u' && j->number > UINT32_MAX)
		refuse(j, "more than 32 bits");
}

/* What an object at a schema path must have. */
static void check_members(const struct json *j, const char *path)
{
	size_t n = strlen(path);

	for (const char *p = fields; *p; p = strchr(p, ' ') + 1) {
		const char *name = p + n + (n > 0), *end = strchr(p, '=');
		char key[64];

		if (strncmp(p, path, n) || (n && p[n] != '.') || end[2] != '!' || end - name <= 0 ||
		    memchr(name, '.', end - name))
			continue;
		format(key, sizeof(key), "%.*s", (int)(end - name), name);
		if (!field(j, key)) {
			char where[512] = "";

			path_of(j, false, where, sizeof(where));
			die(STATUS_FAILED, "config.json: %s%s%s: missing", where, *where ? "." : "",
			    key);
		}
	}
}

static void check(const struct json *j)
{
	char path[512] = "", hook[512];
	const char *rest, *schema = path;
	bool needed;
	char type;

	path_of(j, true, path, sizeof(path));
	rest = strchr(path, '[');
	if (!strncmp(path, "hooks.", 6) && rest) {
		format(hook, sizeof(hook), "hooks.*%s", rest);
		schema = hook;
	}
	type = j->parent ? type_of(schema, &needed) : 'o';
	if (!type || (j->type == JSON_NULL && type != 'x' && j->key))
		return; /* null is as if it were not there */
	check_type(j, type);
	if (type == 'o')
		check_members(j, schema);
	for (const struct json *m = j->child; m; m = m->next)
		if (type == 'm')
			check_type(m, 's');
		else
			check(m);
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
	const struct json *list = field(j, path);
	char **texts;
	size_t n = 1;

	if (!list)
		return NULL;
	for (const struct json *m = list->child; m; m = m->next)
		n++;
	texts = allocate(n * sizeof(*texts));
	n = 0;
	for (const struct json *m = list->child; m; m = m->next)
		texts[n++] = (char *)m->text;
	return texts;
}

uint64_t namespace_bit(const char *type)
{
	static const struct {
		const char *type;
		uint64_t bit;
	} types[] = { { "mount", CLONE_NEWNS },     { "pid", CLONE_NEWPID },
		      { "uts", CLONE_NEWUTS },      { "ipc", CLONE_NEWIPC },
		      { "network", CLONE_NEWNET },  { "user", CLONE_NEWUSER },
		      { "cgroup", CLONE_NEWCGROUP } };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (!strcmp(types[i].type, type))
			return types[i].bit;
	return 0;
}

bool mount_option(const char *text, unsigned long *flags, unsigned long *propagation)
{
	static const struct {
		const char *name;
		unsigned long set, clear, propagation;
	} options[] = {
		{ "defaults", 0, 0, 0 },
		{ "bind", MS_BIND, 0, 0 },
		{ "rbind", MS_BIND | MS_REC, 0, 0 },
		{ "ro", MS_RDONLY, 0, 0 },
		{ "rw", 0, MS_RDONLY, 0 },
		{ "nosuid", MS_NOSUID, 0, 0 },
		{ "suid", 0, MS_NOSUID, 0 },
		{ "nodev", MS_NODEV, 0, 0 },
		{ "dev", 0, MS_NODEV, 0 },
		{ "noexec", MS_NOEXEC, 0, 0 },
		{ "exec", 0, MS_NOEXEC, 0 },
		{ "sync", MS_SYNCHRONOUS, 0, 0 },
		{ "async", 0, MS_SYNCHRONOUS, 0 },
		{ "dirsync", MS_DIRSYNC, 0, 0 },
		{ "mand", MS_MANDLOCK, 0, 0 },
		{ "nomand", 0, MS_MANDLOCK, 0 },
		{ "noatime", MS_NOATIME, 0, 0 },
		{ "atime", 0, MS_NOATIME, 0 },
		{ "nodiratime", MS_NODIRATIME, 0, 0 },
		{ "diratime", 0, MS_NODIRATIME, 0 },
		{ "relatime", MS_RELATIME, 0, 0 },
		{ "norelatime", 0, MS_RELATIME, 0 },
		{ "strictatime", MS_STRICTATIME, 0, 0 },
		{ "nostrictatime", 0, MS_STRICTATIME, 0 },
		{ "silent", MS_SILENT, 0, 0 },
		{ "loud", 0, MS_SILENT, 0 },
		{ "private", 0, 0, MS_PRIVATE },
		{ "rprivate", 0, 0, MS_PRIVATE | MS_REC },
		{ "shared", 0, 0, MS_SHARED },
		{ "rshared", 0, 0, MS_SHARED | MS_REC },
		{ "slave", 0, 0, MS_SLAVE },
		{ "rslave", 0, 0, MS_SLAVE | MS_REC },
		{ "unbindable", 0, 0, MS_UNBINDABLE },
		{ "runbindable", 0, 0, MS_UNBINDABLE | MS_REC },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(options[i].name, text)) {
			*flags = (*flags | options[i].set) & ~options[i].clear;
			if (options[i].propagation)
				*propagation = options[i].propagation;
			return true;
		}
	return false;
}

/* ---- what the types do not say ---- */

static void check_mounts(const struct json *config)
{
	/* Recursive attributes, id maps, and what other runtimes made up. */
	static const char refused[] = " rro rrw rnosuid rsuid rnodev rdev rnoexec rexec rnoatime "
				      "ratime rnodiratime rdiratime rrelatime rnorelatime "
				      "rstrictatime rnostrictatime nosymfollow symfollow "
				      "rnosymfollow rsymfollow iversion noiversion remount "
				      "idmap ridmap tmpcopyup copy-symlink ";

	for_each_in(m, config, "mounts") {
		unsigned long flags = 0, propagation = 0;

		if (*text_at(m, "destination", "") != '/')
			refuse(field(m, "destination"), "not absolute");
		for_each_in(o, m, "options") {
			char word[64];

			format(word, sizeof(word), " %.60s ", o->text);
			if (strstr(refused, word))
				refuse(o, "not supported");
			mount_option(o->text, &flags, &propagation);
		}
		if (!(flags & MS_BIND) && strcmp(text_at(m, "type", ""), "bind") &&
		    !field(m, "type"))
			refuse(m, "neither a type nor bind");
		if ((flags & MS_BIND || !strcmp(text_at(m, "type", ""), "bind")) &&
		    !field(m, "source"))
			refuse(m, "a bind mount without a source");
	}
	if (field(config, "linux.rootfsPropagation")) {
		const struct json *j = field(config, "linux.rootfsPropagation");
		unsigned long flags = 0, propagation = 0;

		if (!mount_option(j->text, &flags, &propagation) || !propagation)
			refuse(j, "not shared, slave, private or unbindable");
	}
}

static void check_namespaces(struct bundle *b)
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
		else if (*text_at(n, "path", "") != '/')
			refuse(field(n, "path"), "not absolute");
		else if (bit == CLONE_NEWUSER || bit == CLONE_NEWNS)
			refuse(field(n, "path"), "not supported for this type");
	}
	b->namespaces = made;
	if (!(made & CLONE_NEWNS))
		die(STATUS_FAILED,
		    "config.json: linux.namespaces: without a new mount namespace: not supported");
	if ((field(b->config, "hostname") || field(b->config, "domainname")) &&
	    !(seen & CLONE_NEWUTS))
		refuse(field(b->config, "hostname") ?: field(b->config, "domainname"),
		       "without a uts namespace");
	if (made & CLONE_NEWUSER && !field(b->config, "linux.uidMappings"))
		die(STATUS_FAILED, "config.json: linux.uidMappings: missing");
	for_each_in(s, b->config, "linux.sysctl") {
		const char *k = s->key;
		uint64_t of = !strncmp(k, "net.", 4)            ? CLONE_NEWNET
			      : !strncmp(k, "fs.mqueue.", 10)   ? CLONE_NEWIPC
			      : !strncmp(k, "kernel.msg", 10)   ? CLONE_NEWIPC
			      : !strncmp(k, "kernel.shm", 10)   ? CLONE_NEWIPC
			      : !strcmp(k, "kernel.sem")        ? CLONE_NEWIPC
			      : !strcmp(k, "kernel.domainname") ? CLONE_NEWUTS
								: 0;

		if (!of || !(seen & of) || strchr(k, '/'))
			refuse(s, "not of a namespace that the container has for itself");
	}
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
		add_limit(&b->c, path, file, "%lld", (long long)j->number);
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
		add_limit(&b->c, "linux.resources.memory.swap", "memory.swap.max", "%lld",
			  (long long)(swap - most));
	limit(b, "linux.resources.pids.limit", "pids.max");
	/* 2..262144 is 1..10000 here. */
	if (shares)
		add_limit(&b->c, "linux.resources.cpu.shares", "cpu.weight", "%lld",
			  shares < 2        ? 1LL
			  : shares > 262144 ? 10000LL
					    : (long long)(1 + (shares - 2) * 9999 / 262142));
	if (quota > 0)
		add_limit(&b->c, "linux.resources.cpu.quota", "cpu.max", "%lld %lld",
			  (long long)quota, (long long)period);
	else if (field(r, "cpu.period"))
		add_limit(&b->c, "linux.resources.cpu.period", "cpu.max", "max %lld",
			  (long long)period);
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

static char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size > 1 << 20)
		die(STATUS_FAILED, "%s: not a file of at most 1M", path);
	text = allocate(st.st_size + 1);
	n = read(fd, text, st.st_size);
	if (n < 0)
		die(STATUS_FAILED, "%s: cannot be read", path);
	if (strlen(text) != (size_t)n)
		die(STATUS_FAILED, "config.json: a NUL character");
	close(fd);
	return text;
}

bool real_folder(const char *path, char real[PATH_MAX])
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char link[32];
	ssize_t n;

	format(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(link, real, PATH_MAX - 1);
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

	if (!join(b->cgroup, sizeof(b->cgroup), *path == '/' ? "" : "/", path, NULL) ||
	    !join(probe, sizeof(probe), b->cgroup, "/", NULL))
		refuse(j, "too long");
	if (strstr(probe, "/../") || strstr(probe, "/./"))
		refuse(j, "out of the tree of groups");
	if (strchr(path, ':'))
		refuse(j, "a name for systemd: not supported");
}

void bundle_reread(struct bundle *b, const char *file)
{
	char *text = read_file(file);
	const char *what;
	size_t at;
	int line = 1;

	b->config = json_parse(text, allocate(json_count(text) * sizeof(*b->config)), &at, &what);
	for (size_t i = 0; !b->config && i < at; i++)
		line += text[i] == '\n';
	if (!b->config)
		die(STATUS_FAILED, "config.json: line %d: %s", line, what);
	check(b->config);
}

void bundle_read(struct bundle *b, const char *file)
{
	bundle_reread(b, file);
	if (strncmp(text_at(b->config, "ociVersion", ""), "1.", 2))
		refuse(field(b->config, "ociVersion"), "not a version 1");
	if (!field(b->config, "process.args")->child)
		refuse(field(b->config, "process.args"), "empty");
	if (*text_at(b->config, "process.cwd", "") != '/')
		refuse(field(b->config, "process.cwd"), "not absolute");
	find_root(b);
	find_cgroup(b);
	check_mounts(b->config);
	check_namespaces(b);
	read_limits(b);
	compile_seccomp(b);
}

/* ---- state and hooks ---- */

void print_state(const struct bundle *b, const char *status, pid_t pid)
{
	print("{\n  \"ociVersion\": \"1.1.0\",\n  ");
	json_text("id", b->id);
	print(",\n  ");
	json_text("status", status);
	print(",\n  \"pid\": %d,\n  ", (int)pid);
	json_text("bundle", b->dir);
	print(",\n  \"annotations\": {");
	for_each_in(a, b->config, "annotations") {
		print("\n    ");
		json_text(a->key, a->text);
		print(a->next ? "," : "\n  ");
	}
	print("}\n}\n");
}

/* One hook's process, its stdin the state; its wait status, or -1 when its time is over. */
static int run_hook(const struct json *hook, int input)
{
	int64_t seconds = number_at(hook, "timeout", 0);
	char **argv = texts_at(hook, "args"), **envp = texts_at(hook, "env");
	const char *path = text_at(hook, "path", "");
	char *only[] = { (char *)path, NULL }, *nothing[] = { NULL };
	struct pollfd p = { .events = POLLIN };
	pid_t pid = _Fork();
	int status = -1;

	if (!pid) {
		lseek(input, 0, SEEK_SET);
		dup2(input, 0);
		execve(path, argv && *argv ? argv : only, envp ? envp : nothing);
		_exit(127);
	}
	if (pid > 0 && seconds > 0) {
		p.fd = syscall(SYS_pidfd_open, pid, 0);
		if (p.fd >= 0 && poll(&p, 1, seconds < 1000000 ? seconds * 1000 : -1) == 0) {
			kill(pid, SIGKILL);
			waitpid(pid, &status, 0);
			status = -1;
			pid = -1;
		}
		close(p.fd);
	}
	if (pid > 0)
		waitpid(pid, &status, 0);
	return status;
}

int run_hooks(const struct bundle *b, const char *kind, const char *status, pid_t pid)
{
	int input = memfd_create("state", MFD_CLOEXEC), result = 0;
	char path[32];

	format(path, sizeof(path), "hooks.%s", kind);
	if (input < 0)
		die(STATUS_FAILED, "hooks: %s", strerror(errno));
	print_to(input);
	print_state(b, status, pid);
	print_to(1);
	for_each_in(hook, b->config, path) {
		int ended = run_hook(hook, input);

		if (!ended)
			continue;
		warn("hook %s %s: %s %d", kind, text_at(hook, "path", ""),
		     ended < 0 ? "took too long:" : "status",
		     ended < 0 ? (int)number_at(hook, "timeout", 0) : exit_status_of(ended));
		result = -1;
		if (strncmp(kind, "post", 4))
			break;
	}
	close(input);
	return result;
}
