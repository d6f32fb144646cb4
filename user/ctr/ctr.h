/* SPDX-License-Identifier: MIT */
/*
 * ctr: containers, from clone3 to the exit status. A container is a process in namespaces and a cgroup
 * of its own whose root is an image; there is no daemon: `ctr run` is its parent and stays until the
 * end. main.c verbs; run.c the parent's side; setup.c the child's, from clone to exec; exec.c entering
 * one that runs; end.c ending.
 */
#pragma once
#include <signal.h>

#include "common.h"

/* Everything the first process of a container needs to set itself up. */
struct container {
	const char *image; /* path of the EROFS file */
	const char *image_name;
	const char *hostname; /* NULL: leave it (exec) */
	const char *workdir; /* NULL: / */
	bool make_workdir; /* the image asks for it: it is made when it is not there */
	const char *user; /* USER[:GROUP] of the image; NULL: root */
	char **argv, **envp;
	const char *terminal; /* it gets this one, in the foreground; or NULL */
	bool privileged; /* keeps all capabilities, and the kernel's settings to write to */
	bool init; /* a small init is pid 1, the command its child */
	sigset_t mask; /* of signals, for the command */
};

/* The child's side: makes the root and executes. Its exit status when that fails. */
int container_setup(const struct container *c);
/* The last step alone: directory, signals, PATH search, execve. */
int container_exec(const struct container *c);
/* Runs the command under a process that passes signals on and reaps orphans; its exit status. */
int container_init(const struct container *c);
/* Mounts the image read-only on dir. 0, or -1 with errno. */
int mount_image(const char *image, const char *dir);

/*
 * clone3 with flags into the group `cgroup` (-1: the caller's), the child running fn(c) and then
 * exiting with its value. With shared: in the caller's memory, which waits until exec (vfork).
 * The pid, or -1 with errno.
 */
pid_t spawn(uint64_t flags, int cgroup, bool shared, int (*fn)(const struct container *c),
	    const struct container *c);
/* Blocks the signals that wait_for_end() passes on; the old mask in *old. */
void hold_signals(sigset_t *old);
/* Waits for pid and passes signals on to it. The exit status; *killed: by a SIGKILL not from here. */
int wait_for_end(pid_t pid, bool terminal, bool *killed);
/* What -e asks for, what the image says, and PATH, HOME, TERM where they are not among it. */
char **make_environment(const struct opt_list *extra, const struct image_config *config);
/* Folder, user and environment of c: as asked for, else as the image says. */
void set_surroundings(struct container *c, const char *workdir, const char *user,
		      const struct opt_list *env, const struct image_config *config);

extern const struct opt run_options[], exec_options[], kill_options[], rm_options[];
int run_verb(int argc, char **argv), exec_verb(int argc, char **argv);
int kill_verb(int argc, char **argv), rm_verb(int argc, char **argv);
bool container_is_alive(const struct state *s);
