/* SPDX-License-Identifier: MIT */
/*
 * Containers of bundles, as the OCI runtime specification (1.0, 1.1) has them: a folder with a
 * config.json that says all. oci.c reads it, checks every field's type and refuses by name what is not
 * honoured; after that the fields are read where they are needed. oci_verbs.c is the parent's side of
 * the life cycle, oci_setup.c the child's; oci_filter.c compiles seccomp filters and device programs.
 */
#pragma once
#include <limits.h>
#include <linux/filter.h>

#include "ctr.h"
#include "json.h"

struct bundle {
	struct json *config;
	char dir[256], root[512]; /* absolute */
	char cgroup[256]; /* below the root of cgroup2, with '/' before it */
	uint64_t namespaces; /* CLONE_NEW*, those that are made */
	struct sock_fprog seccomp; /* len 0: none */
	unsigned int seccomp_flags;
	struct container c; /* limits; and of a terminal: console, size */
	int sync; /* the child's end of a socket to its parent */
	int gate; /* the exec fifo: a byte in it lets the command start */
	const char *id;
	int user; /* of bundle_exec(): the user namespace to enter, or -1 */
};

/* ---- oci.c ---- */
/* "config.json: process.args[1]: WHAT" on stderr, and status 125. */
void refuse(const struct json *j, const char *what) __attribute__((noreturn));
/* Reads config.json in b->dir and fills b; dies naming file and field. */
void bundle_read(struct bundle *b, const char *file);
/* Only its config, which was read before. */
void bundle_reread(struct bundle *b, const char *file);
/* What is at "process.user.uid", or NULL (also for null); its text, number, truth, or `without`. */
const struct json *field(const struct json *j, const char *path);
const char *text_at(const struct json *j, const char *path, const char *without);
int64_t number_at(const struct json *j, const char *path, int64_t without);
bool true_at(const struct json *j, const char *path);
/* An array of strings with a NULL behind the last; NULL when it is not there. */
char **texts_at(const struct json *j, const char *path);
#define for_each_in(m, j, path)                                                                    \
	for (const struct json *in_ = field(j, path), *m = in_ ? in_->child : NULL; m; m = m->next)
uint64_t namespace_bit(const char *type); /* CLONE_NEW*, or 0 */
/* The flags of one mount option: set in *flags, or *propagation; false when it is none of these. */
bool mount_option(const char *text, unsigned long *flags, unsigned long *propagation);
void print_state(const struct bundle *b, const char *status, pid_t pid); /* as JSON */
/* The absolute path of a folder, without links. */
bool real_folder(const char *path, char real[PATH_MAX]);
/* Runs the hooks of one kind, with the state on their stdin. 0, or -1 when one has failed: told. */
int run_hooks(const struct bundle *b, const char *kind, const char *status, pid_t pid);

/* ---- oci_filter.c ---- */
void compile_seccomp(struct bundle *b); /* b->seccomp, of linux.seccomp */
/* Loads the program of linux.resources.devices into the group; dies when it cannot. */
void attach_devices(const struct bundle *b, int cgroup);

/* oci_setup.c: the first process, and one more command of c->argv. c lies in a struct bundle. */
int bundle_child(const struct container *c);
int bundle_exec(const struct container *c);

/* ---- oci_verbs.c ---- */
extern struct oci_opt {
	const char *bundle, *pid_file, *console;
	bool force, rootless;
} oci_opt;
#define OCI_OPTIONS                                                                                \
	{ "--bundle", 'b',                                                                         \
	  OPT_TEXT,   &oci_opt.bundle,                                                             \
	  "DIR",      "the folder that config.json is in; the operand is the container's ID" },    \
		{ "--pid-file", 0,                                                                 \
		  OPT_TEXT,     &oci_opt.pid_file,                                                 \
		  "FILE",       "with a bundle: where the number of its process is written" },     \
	{                                                                                          \
		"--console-socket", 0, OPT_TEXT, &oci_opt.console, "SOCKET",                       \
			"with a bundle: whom its terminal is sent to"                              \
	}
extern const struct opt create_options[], delete_options[], spec_options[];
int create_verb(int argc, char **argv), start_verb(int argc, char **argv);
int state_verb(int argc, char **argv), delete_verb(int argc, char **argv);
int spec_verb(int argc, char **argv);
/* `ctr run --bundle`: in the foreground, its status; or left running. */
int oci_run(const char *id, bool detach);
bool oci_is_one(const char *id);
int oci_kill(const char *id, int sig);
/* One that runs, for bundle_exec(): its first process and its group, -1: none. */
struct container *oci_running(const char *id, struct state *s, int *cgroup);
