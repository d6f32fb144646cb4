/* SPDX-License-Identifier: MIT */
/*
 * What ctr and vm have in common: verbs with their options and help, tables, sizes, the images, the
 * state of what runs (/run/ctr/NAME, /run/vm/NAME), and cgroups. Both tools look and answer alike:
 * status 2 for a wrong command line, 125 for a failure of the tool itself, else the status of what ran.
 */
#pragma once
/* what most files of the tools need of the C library */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define STATUS_USAGE 2
#define STATUS_FAILED 125
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127
#define IMAGE_DIR "/images"
#define NAME_SIZE 64
/* musl's open(2) has a second call for O_CLOEXEC, its openat(2) has none. */
#define open(path, ...) openat(AT_FDCWD, path, __VA_ARGS__)
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

/* ---- messages: "PROG: text" on stderr ---- */
extern const struct tool *the_tool; /* set by tool_main() */
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
void warn(const char *fmt, ...) PRINTF(1, 2);
void die(int status, const char *fmt, ...) PRINTF(2, 3) __attribute__((noreturn));
extern void (*on_death)(int status); /* what die() does besides, or NULL */

/* ---- output: what printf(3) has without floating point (print.c) ---- */
void print(const char *fmt, ...) PRINTF(1, 2); /* to stdout, when flush() is called at the latest */
bool flush(void); /* false with errno: something printed so far could not be written */
void print_to(int fd); /* from now on, instead of to stdout */
/* As vsnprintf(3) and snprintf(3). */
int vformat(char *buf, size_t size, const char *fmt, va_list ap);
int format(char *buf, size_t size, const char *fmt, ...) PRINTF(3, 4);
bool write_all(int fd, const char *data, size_t n); /* or as much as fd takes: false with errno */
void write_out(const char *data, size_t n); /* to stdout, at once; dies when it cannot */
/* As strtoull(3), which brings half of stdio along: digits alone. ERANGE and the largest when it is too large. */
uint64_t to_number(const char *text, char **end, unsigned int base);
void *allocate(size_t size); /* zeroed, never given back; dies when there is none */
char *copy_text(const char *text, size_t n);

/* ---- the command line ---- */
enum opt_kind {
	OPT_FLAG, /* bool */
	OPT_TEXT, /* const char * */
	OPT_WORD, /* the same; --name=TEXT, or --name alone, which is "" */
	OPT_SIZE, /* uint64_t, bytes: 32M */
	OPT_COUNT, /* uint64_t */
	OPT_NUMBER, /* the same, at least 1 */
	OPT_LIST, /* struct opt_list: may come many times */
	OPT_ENV, /* the same, of K=V */
	OPT_UNLIMITED = 16, /* beside OPT_SIZE or OPT_NUMBER: 0 and -1 are no limit, which is 0 */
};
struct opt_list {
	const char **item; /* as many as argc; allocated by the first one */
	int n;
};
struct opt {
	const char *name; /* "--memory"; NULL ends the table */
	char letter; /* 'm' for -m, or 0 */
	enum opt_kind kind;
	void *var;
	const char *arg; /* "SIZE" in the help; NULL for flags */
	const char *help;
};
/* Given the operands, NULL after the last: the exit status. */
typedef int verb_fn(int argc, char **argv);
struct verb {
	const char *name; /* NULL ends the table */
	const char *usage; /* "run [OPTION...] IMAGE [[--] COMMAND [ARG...]]" */
	const char *what; /* one line */
	const char *more; /* paragraphs and examples of its own help, or NULL */
	const struct opt *opts; /* or NULL */
	int min_args, max_args; /* after the options; max -1: any */
	verb_fn *run;
};
/* What the image says of where a command runs, and the command line otherwise. */
struct surroundings {
	const char *workdir, *user; /* NULL: as the image has it */
	struct opt_list env;
};
/* clang-format off */
#define SURROUNDINGS_OPTIONS(s, whose)                                                             \
	{ "--env", 'e', OPT_ENV, &(s).env, "K[=V]",                                                \
	  "one more environment variable, with V or as it is here; may be repeated" },             \
	{ "--workdir", 'w', OPT_TEXT, &(s).workdir, "DIR",                                         \
	  "the folder that the command starts in" },                                               \
	{ "--user", 'u', OPT_TEXT, &(s).user, "USER[:GROUP]",                                      \
	  "whom the command runs as, by the " whose "'s /etc/passwd" }
/* clang-format on */
struct state;
struct table;
#define TOOLS_VERSION "1.0" /* of ctr and vm together */
struct tool {
	const char *name, *what, *more;
	const struct verb *verbs;
	/* ---- what its kind has beside the others (life.h); NULL: nothing ---- */
	void (*ask)(const struct state *s); /* asks it to end; NULL: SIGTERM to the keeper */
	const char *bridge; /* of --net bridge (net.c), and its network, /16, in host byte order */
	uint32_t network;
	void (*remove)(struct state *s); /* in place of state_clear() */
	void (*inspect)(const struct state *s); /* more members of an object of JSON */
	const char *stats_head; /* more columns, each behind a blank; */
	void (*stats)(const struct state *s, struct table *t); /* NULL: members */
};
/* Sets the option's variable as the command line does; shown: its name there; most: values of a list. */
void set_option(const struct opt *o, const char *shown, const char *value, int most);
bool option_given(const struct opt *o);
/* Finds the verb, takes its options (up to the first operand, "--" ends them), runs it. */
int tool_main(const struct tool *tool, int argc, char **argv);

/* ---- text ---- */
#define TEXT_SIZE 24
/* "32M", "1.5G", "4096": bytes. False for anything else, and 0. */
bool parse_size(const char *text, uint64_t *bytes);
/* "32M", "1.5G", "312K": at most 7 characters. */
const char *size_text(uint64_t bytes, char buf[TEXT_SIZE]);
const char *age_text(int64_t seconds, char buf[TEXT_SIZE]); /* "5s", "3m", "2h", "4d" */
/* Puts the strings, up to a NULL, one after the other into buf. False when they do not fit. */
bool join(char *buf, size_t size, ...) __attribute__((sentinel));
/* Rows of cells, columns aligned; `head` is the first row, its names separated by blanks. */
#define CELL_SIZE 160
struct table {
	int columns, cells, cap;
	char (*cell)[CELL_SIZE];
};
void table_begin(struct table *t, const char *head); /* one that is zero, or was printed */
void table_add(struct table *t, const char *fmt, ...) PRINTF(2, 3);
void table_print(const struct table *t);
/* "1.5" as 1500; false for what is no number with at most three places, of less than 1e9. */
bool parse_thousandths(const char *text, int64_t *v);
/* A vector of words that grows, a NULL behind the last. */
struct words {
	const char **word;
	size_t n, room;
};
void words_add(struct words *w, const char *word, ...) __attribute__((sentinel)); /* up to a NULL */
/* The place of name in a list that blanks separate, where two of them leave a place empty; -1. */
int name_index(const char *names, const char *name, bool any_case);
/* The lines of a file, each without its newline, NULL at the end; overlong ones are left out. */
struct lines {
	int fd;
	size_t at, n;
	char buf[4096];
};
char *next_line(struct lines *l);
/* Calls fn with the name of everything in a folder but what begins with a dot. */
void each_name(int dir, void (*fn)(int dir, const char *name, void *arg), void *arg);

/* A whole small file below dirfd, NUL-terminated, the last newline cut off. Length, -1 with errno. */
ssize_t read_small(int dirfd, const char *name, char *buf, size_t size);
void set_nonblocking(int fd); /* -1: nothing */
int write_small(int dirfd, const char *name, const char *text); /* an existing file; 0, -1 */

/* ---- images ---- */
/* Opens the image NAME, whose path is in path then; dies with status 2 naming it when there is none. */
int image_open(const char *name, char *path, size_t size);
/* The names of all images, sorted, allocated: how many. */
int image_names(char ***names);

/* What an image says about running it: NULL and 0 when it says nothing. */
struct image_config {
	const char *text; /* KEY=TEXT, each ended by NUL */
	size_t size;
};
void image_config_read(int fd, struct image_config *c); /* closes fd, which may be -1 */
/* The text of the next KEY behind `last` (NULL: of the first), or NULL. */
const char *image_config_next(const struct image_config *c, const char *key, const char *last);
/* Entrypoint and Cmd as an argument vector, or NULL. */
char **image_config_command(const struct image_config *c);
/* The configuration among n bytes of EROFS attributes, as they lie behind an inode, or NULL. */
const char *image_config_find(const uint8_t *area, size_t n, size_t *size);

/* ---- what runs ---- */
enum state_phase {
	STATE_STARTING,
	STATE_CREATED, /* all is there but the command: it waits to be started */
	STATE_RUNNING,
	STATE_EXITED,
	STATE_DEAD /* keeper was killed */
};
struct state {
	char name[NAME_SIZE], image[NAME_SIZE];
	pid_t pid; /* of the container's first process, or of the monitor; 0: not yet */
	pid_t keeper; /* of the process that waits for its end; 0: nobody does, of a bundle's */
	uint64_t born; /* of such a one: when pid began, which tells it from who has pid later */
	char bundle[256]; /* the folder that it is made of, or "" */
	char cgroup[256]; /* its group: PROG-NAME, or as the bundle says */
	int64_t started, ended; /* seconds since 1970 */
	int status; /* exit status, once it ended */
	bool keep; /* what is known of it stays after its end, until it is removed */
	char command[128];
	char address[16], ports[560]; /* in a network of its own: 10.88.0.2; what leads there */
	enum state_phase phase; /* from state_load() */
	int dir; /* its locked folder, from state_begin() or state_lock() on */
};
#define STATE_PATH_SIZE 96
/* The path of a file of NAME's; NULL: of the folder; both NULL: of the folder of all, /run/PROG; for who
 * is not root, $XDG_RUNTIME_DIR/PROG. */
void state_path(const char *name, const char *file, char path[STATE_PATH_SIZE]);
/* Opens that, or makes the file with O_CREAT; -1 with errno. */
int state_open(const char *name, const char *file, int flags);
/* A name of letters, digits, '.', '_', '-', not starting with '.' or '-'. */
bool name_is_valid(const char *name);
/* Reserves the name; dies when it is taken. Fills s->name ("IMAGE-PID" for NULL), s->dir. */
void state_begin(struct state *s, const char *name, const char *image);
void state_describe(struct state *s, char **argv); /* s->command */
void state_save(const struct state *s); /* tells the others */
void state_remove(const struct state *s); /* s->dir is locked */
/* Tells who listens, by a FIFO in the folder ".events" beside the states: "SECONDS NAME WHAT". */
void state_event(const struct state *s, const char *what);
void state_clear(const struct state *s); /* and its group */
bool state_lock(struct state *s); /* of one that is over; false while somebody else has it */
bool state_load(const char *name, struct state *s); /* false when there is none */
void state_any(const char *name, struct state *s); /* dies with status 2 when there is none */
void state_find(const char *name, struct state *s); /* one that runs; likewise */
void state_each(void (*fn)(const struct state *s, void *arg), void *arg);

uint64_t process_birth(pid_t pid); /* in ticks; 0: it is not there, or has ended */

/* ---- cgroups: by their path below the cgroup2 root ---- */
/* Makes the group and opens it: its directory, or -1 with errno where cgroup2 cannot be used. It has the
 * controllers of the root; with all: even if it has some already. */
int cgroup_create(const char *group, bool all);
int cgroup_open(const char *group);
void cgroup_remove(const char *group); /* kills what is left in it, with the groups below */
/* The number after "KEY " in one of its files ("" : the whole file). -1 when unknown. */
int64_t cgroup_number(int cgroup, const char *file, const char *key);

/* ---- ends ---- */
int exit_status_of(int wait_status); /* 128 + signal when killed */
