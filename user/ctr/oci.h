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
	char cgroup[256]; /* below the root of cgroup2 */
	struct container c; /* what config.json says */
	int child, sync; /* the two ends of a socket: the parent's, and that of the first process */
	int gate; /* the exec fifo: a byte in it lets the command start */
	pid_t pid; /* of the first process, as the host numbers it */
	const char *id, *status; /* "created", "running" ... */
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
/* The place in the list names, as name_index() has it; refuses what is not in it. */
int index_at(const struct json *j, const char *path, const char *names);
/* An array of strings with a NULL behind the last; NULL when it is not there. */
char **texts_at(const struct json *j, const char *path);
#define for_each_in(m, j, path)                                                                    \
	for (const struct json *in_ = field(j, path), *m = in_ ? in_->child : NULL; m; m = m->next)
uint64_t namespace_bit(const char *type); /* CLONE_NEW*, or 0 */
void bundle_process(struct bundle *b); /* what of c is the process's alone */
/* The absolute path of a folder, without links. */
bool real_folder(const char *path, char real[PATH_MAX]);
/* ---- oci_filter.c ---- */
/*
 * The filter of an object as linux.seccomp is (NULL: NULL), and its flags. With capabilities it is a
 * profile: rules may depend on them, on architecture and kernel (the keys includes and excludes).
 */
const struct sock_fprog *compile_seccomp(const struct json *s, const uint64_t *capabilities,
					 unsigned int *flags);
/* Loads the program of linux.resources.devices into the group; dies when it cannot. */
void attach_devices(const struct bundle *b, int cgroup);

/* ---- oci_hooks.c: hooks, and the first process's part of the talk with its parent ---- */
void print_state(const struct bundle *b); /* as JSON */
/* Runs the hooks of one kind, with the state on their stdin. 0, or STATUS_FAILED when one failed: told. */
int run_hooks(const struct bundle *b, const char *kind);
/* In the order of their calls, between clone and execve; 0, or the exit status. */
int bundle_enter(const struct container *c); /* its id maps are written */
int bundle_step(const struct container *c); /* its parent is to do its part */
int bundle_wait(const struct container *c); /* until it is to start */

/* ---- oci_verbs.c ---- */
extern struct oci_opt {
	const char *bundle, *pid_file, *console;
	bool rootless;
} oci_opt;
/* clang-format off */
#define OCI_OPTIONS                                                                                \
	{ "--bundle", 'b', OPT_TEXT, &oci_opt.bundle, "DIR",                                       \
	  "the folder that config.json is in; the operand is the container's ID" },                \
	{ "--pid-file", 0, OPT_TEXT, &oci_opt.pid_file, "FILE",                                    \
	  "with a bundle: where the number of its process is written" },                           \
	{ "--console-socket", 0, OPT_TEXT, &oci_opt.console, "SOCKET",                             \
	  "with a bundle: whom its terminal is sent to" }
/* clang-format on */
extern const struct opt create_options[], spec_options[];
verb_fn create_verb, start_verb, state_verb, spec_verb;
int bundle_run(const char *id, bool detach); /* `ctr run --bundle`: its status; or left running */
struct bundle *bundle_load(const struct state *s); /* of a container that there is */
/* Into the namespaces that its first process does not make for itself, and with back, out of them again. */
void bundle_join(const struct bundle *b, bool back);
/* With its first process, up to where only the command is left to run. False: that ends, and has told why. */
bool bundle_create(struct bundle *b, struct state *s);
void bundle_start(struct bundle *b);
void bundle_leave(struct bundle *b); /* its keeper has it now */
void bundle_over(struct bundle *b); /* all of it is gone */
