/* SPDX-License-Identifier: MIT */
/*
 * ctr: containers, from clone3 to the exit status. A container is a process in namespaces and a cgroup
 * of its own whose root is an image. Its life, from a name to the end, is as a virtual machine's (life.h).
 *
 * main.c verbs; run.c a container as the command line describes it, oci.c (oci.h) as a bundle does; life.c
 * the parent's side; setup.c the child's root and mounts, command.c its last steps to exec; spawn.c clone3;
 * exec.c entering one that runs; look.c and explain.c what there is to see.
 */
#pragma once
#include <linux/filter.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "account.h"
#include "life.h"

/* One mount inside a container, by mount(2); they are made in their order. */
struct mount_point {
	const char *type; /* NULL: a bind mount of source */
	const char *source; /* of a bind mount: absolute, as the host's names are */
	const char *target; /* made when it is not there */
	const char *data;
	unsigned long flags; /* MS_*; of a bind mount: MS_REC, and what a remount sets */
	const unsigned long *propagation; /* MS_SHARED ..., set in turn; 0 ends them; or NULL */
	bool optional; /* left out where the kernel lacks it or keeps it from a container */
};

struct device {
	const char *path;
	mode_t mode; /* with its kind */
	unsigned int major, minor, uid, gid;
};

/* One line for one file of the container's cgroup. */
struct limit {
	const char *option, *file; /* who asks for it: "--memory", for messages; "memory.max" */
	char value[48];
};
#define MAX_LIMITS 16

struct setting { /* a line for a file of the kernel's */
	const char *file, *value; /* NULL, NULL ends them */
};

struct resource_limit {
	const char *name;
	int resource;
	struct rlimit value;
};

enum { SET_BOUNDING, SET_EFFECTIVE, SET_PERMITTED, SET_INHERITABLE, SET_AMBIENT, NR_SETS };

/*
 * A container as its first process needs it: plain data that says what to set up, and nothing about
 * who asked. run.c fills it from the command line and the image's configuration, oci.c from a
 * bundle's config.json, exec.c for one process more. Pointers are the caller's and stay until the
 * process runs.
 */
struct container {
	struct bundle *bundle; /* whose hooks run, and that waits to be started; or NULL */
	/* ---- the root ---- */
	const char *image; /* path of an EROFS file, below an overlay that is gone at the end; or */
	const char *rootfs; /* a folder, which is the root itself */
	bool read_only;
	unsigned long propagation; /* of the root: MS_SHARED ...; 0: private */
	const struct mount_point *mounts;
	int nr_mounts;
	const struct device *devices; /* besides those that every container has */
	int nr_devices;
	const char *const *masked, *const *unwritable; /* paths inside; NULL-terminated, or NULL */
	/* ---- namespaces and limits ---- */
	uint64_t namespaces; /* CLONE_NEW*, those that are made; the others are the parent's */
	int user_ns; /* one that is entered, or 0 */
	const char *hostname, *domainname; /* NULL: leave it */
	const struct setting *sysctls; /* or NULL */
	struct limit limits[MAX_LIMITS]; /* the parent writes them, before the start */
	int nr_limits;
	/* ---- the process ---- */
	char **argv, **envp;
	const char *workdir; /* NULL: as it is */
	bool make_workdir; /* the image asks for it: it is made when it is not there */
	const char *user; /* USER[:GROUP] by the container's files; NULL: root, or */
	const struct account *account;
	mode_t umask;
	uint64_t capabilities[NR_SETS]; /* a bit each */
	bool all_sets; /* else only the first of them, and the kernel makes the others */
	const struct sock_fprog *seccomp; /* or NULL */
	unsigned int seccomp_flags;
	bool no_new_privs;
	const struct resource_limit *rlimits;
	int nr_rlimits;
	const struct sched_attr *scheduler; /* or NULL */
	int io_priority; /* as ioprio_set(2) has it; 0: as it is */
	const unsigned int *personality; /* personality(2); or NULL */
	struct io io;
	bool with_parent; /* it ends when its parent does; else it has a session of its own */
	bool init; /* a small init is pid 1, the command its child */
};

/* The child's side: makes the root and executes. Its exit status when that fails. */
int container_setup(const struct container *c);
/*
 * Makes the workshop the current directory, before the start of one of an image: a folder of the host's, path, that
 * all roots are put together in. The first makes it, not as part of its container, whose group would pay. Or dies.
 */
void enter_workshop(const struct container *c, const char *path);
/* The last part alone: terminal, folder, PATH search, rights, execve. */
int container_exec(const struct container *c);
/* Runs the command under a process that passes signals on and reaps orphans; its exit status. */
int container_init(const struct container *c);
int become_root(void); /* of a user namespace; 0, or -1 */
/* Mounts the image read-only on dir. 0, or -1 with errno. */
int mount_image(const char *image, const char *dir);

/*
 * clone3 with flags into the group `cgroup` (-1: the caller's), the child running fn(c) and then
 * exiting with its value. With shared: in the caller's memory, which waits until exec (vfork).
 * The pid, or -1 with errno.
 */
pid_t spawn(uint64_t flags, int cgroup, bool shared, int (*fn)(const struct container *c),
	    const struct container *c);
/* ---- looking: explain.c ---- */
struct mount_line {
	const char *place, *type, *options;
};
/* The next word of *line, which blanks end; "" at the end. */
char *next_word(char **line);
void each_mount(pid_t pid, void (*fn)(const struct mount_line *m, void *arg), void *arg);

/* Adds K=V unless there is a K already. */
void put_env(char **envp, const char *text);
/* Adds what -e asks for; dies when it is not K=V. */
void add_env(char **envp, const struct opt_list *list);
/* Folder, user and environment of c: as asked for, else as the image says. */
void set_surroundings(struct container *c, const struct surroundings *s,
		      const struct image_config *config);

/* What a container has unless it is told otherwise: /proc, /dev, /sys; and what is kept from it. */
#define MAX_MOUNTS 64
#define MAX_DEVICES 64
#define MAX_RLIMITS 16
extern const struct mount_point default_mounts[];
extern const int nr_default_mounts;
extern const char *const default_masked[], *const default_unwritable[];

/* Adds a limit; dies when there are too many. */
void add_limit(struct container *c, const char *option, const char *file, const char *fmt, ...)
	PRINTF(4, 5);

/* ---- life.c: the container of this process, as `life` (life.h) has it ---- */
struct state *container_begin(const char *name, const char *image, struct container *container);
/* Makes its group, with the limits; -1: no cgroup2 here. Dies when it cannot limit it. */
int container_group(void);
/* Its first process, up to its command; a bundle's waits then. False: that one ends, and has told why. */
bool container_create(void);
bool container_start(void); /* the command too */
/* For its end, whose status it returns; held: after hold_signals(). */
int container_wait(bool held);
/* Runs it, in the foreground or detached; by a keeper if need be. The exit status. */
int container_run(bool detach, bool input, bool remove);

/* ---- capabilities, seccomp (capability.c) ---- */
/* Refuses what a container with these capabilities has no use for. */
const struct sock_fprog *default_seccomp(uint64_t capabilities);
/* Of a profile as Docker and Podman have them (oci.c); dies naming file and field. */
const struct sock_fprog *seccomp_profile(const char *file, uint64_t capabilities,
					 unsigned int *flags);

#define CAPABILITIES_ALL (~0ULL)
extern const uint64_t default_capabilities; /* as in the containers of docker and podman */
/* The bit of "CAP_NET_ADMIN", "net_admin"; all for "ALL"; 0 when there is none. */
uint64_t capability_bit(const char *name);

/* in_vm.c: becomes `vm run` with what was given of ctr's own options; kernel "": Dyad. */
void run_in_vm(const struct opt *options, const char *kernel, const char *image, char **argv)
	__attribute__((noreturn));
verb_fn top_verb, flavours_verb;
void look_inside(const struct state *s); /* more members for inspect */
void container_remove(struct state *s); /* what is left of one that is over */
