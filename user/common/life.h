/* SPDX-License-Identifier: MIT */
/*
 * The life of what runs, a container or a virtual machine, from the first process that is started for it
 * to its end. There is no daemon: the keeper, which stays until the end, is `run` itself in the foreground,
 * or a process that this leaves behind.
 *
 * life.c from the name to its removal; child.c a process's stdio and its end; keeper.c the keeper left
 * behind, client.c who attaches to it; exec.c who starts one more; end.c who ends and halts it; stats.c who looks at it.
 */
#pragma once
#include "common.h"

/* How a process is connected to who started it. */
struct io {
	bool terminal; /* one of its own, whose two sides are sent on the socket `console` */
	int console;
	bool master_only; /* the slave is not sent */
	const struct winsize *size; /* of the terminal, or NULL */
	const int *fds; /* three that become 0, 1, 2; NULL: as the parent's */
	int failure; /* a pipe that a status is written to when the command cannot run; or 0 */
	sigset_t mask; /* of signals, for the command */
};

/* ---- descriptors, with a letter, by a socket (child.c) ---- */
#define FILES_MOST 2
int send_files(int s, char letter, const int *fd, size_t n); /* -1 with errno */
/* Takes the letter, and n of them; -1 when it came without. flags: recvmsg(2)'s. */
int take_files(int s, char *letter, int *fd, size_t n, int flags);

/* Gives a process what was typed, n bytes, as far as it takes them; once it has closed its stdin, all. */
void feed_process(int fd, char *typed, size_t *n);

/* ---- the child (child.c) ---- */
/* Connects 0 and 1; terminal: the path of the one that was made, or "". 0, or STATUS_FAILED and why. */
int io_connect(const struct io *io, char terminal[32]);
void io_errors(const struct io *io); /* and 2, which until then is for what we have to say */
void tell_failure(const struct io *io, int status); /* io->failure, if there is one */
/* "cannot WHAT NAME: ERROR" on stderr; STATUS_FAILED. */
int failed(const char *what, const char *name);

/* ---- its parent ---- */
/* What is known of the way to the end. */
struct ending {
	int requests; /* SIGINT and SIGTERM so far: the second is answered with SIGKILL */
	int by; /* the signal that SIGKILL stands for, or 0 */
};
/* A descriptor by which the signals come, which 0 ends; how, old: as sigprocmask(2) has it. Dies. */
int signal_file(int how, const int *signals, sigset_t *old);
extern const int passed_on[]; /* signals */
void hold_signals(sigset_t *old); /* blocks those */
/* Passes on to pid what came. True, with the status of wait(2), when pid has ended. */
bool has_ended(pid_t pid, int signals, int *wait_status, struct ending *e);
/* The number behind "\nKEY:\t" in /proc/PID/status, which is hexadecimal. */
uint64_t status_mask(pid_t pid, const char *key, uint64_t otherwise);
/* The exit status. *killed: by a SIGKILL not from here. */
int ending_status(int wait_status, const struct ending *e, bool *killed);
int wait_for_end(pid_t pid, bool *killed); /* all of these three, after hold_signals() */

/* ---- kept processes (keeper.c), and who attaches (client.c) ---- */
#define LOG_HALF (512 << 10) /* bytes: of "log", and of "log.1" before it */
#define PACKET_SIZE 4096 /* bytes, at most, after the letter */
enum {
	/* from a client */
	PACKET_INPUT = 'i', /* bytes; none: the end */
	PACKET_SIZE_IS = 'w', /* struct winsize */
	/* to a client */
	PACKET_STARTED = 's', /* char: STARTED_ */
	PACKET_OUTPUT = 'o',
	PACKET_ERRORS = 'e', /* bytes of stdout, stderr */
	PACKET_EXIT = 'x', /* int: the exit status; the last one */
};
enum {
	STARTED_TERMINAL = 1, /* it has one */
	STARTED_DEAF = 2, /* nobody takes input for it */
};
/* Starts a process by start(), as *pid: 0, or the status with which it failed before its command ran. */
int start_told(struct io *io, pid_t (*start)(void), pid_t *pid);
/* Leaves a keeper behind, which is nobody's child and in nobody's session: it calls keep(), which does
 * not return. The other end of `client`. */
int fork_keeper(struct io *io, void (*keep)(int client));
/*
 * Starts a process by start() and keeps it to its end; the exit status. With s: logs to its folder, listens
 * there, saves its pid. client is the first to attach; *left: it went before the end.
 */
int keeper_run(struct io *io, pid_t (*start)(void), struct state *s, int client, bool input,
	       bool *left);
/* A packet to the other side; that it is gone shows at the next answer. */
void client_send(int s, char letter, const void *data, size_t n);
/* Waits for the first packet, which stays there; false: there will be none. */
bool client_answered(int s);
/* Waits until it has started: 0, or the status with which it failed. */
int client_started(int s);
/* Takes the terminal's keys as they are typed, until this process ends; when: as tcsetattr(3) has it. */
bool make_raw(int when);
/* Is attached until its end, whose status it returns; with a name to come back to, or until ctrl-p ctrl-q: 0. */
int client_run(int s, const char *name);
int listen_at(const char *name, const char *file); /* a socket in its folder; dies */
int connect_to(const struct state *s, const char *file); /* who listens there, or -1 */

/* ---- what runs, of this process (life.c) ---- */
extern struct life {
	struct state state; /* what the end of this process takes down, if it is its keeper */
	int cgroup; /* -1: none */
	struct io *io;
	/* its first process: its pid, up to its command or with what it failed */
	pid_t (*start)(void);
	void (*release)(void); /* gives back what else it has, at its end; or NULL */
	void (*removed)(void); /* nothing is left; or NULL */
	/* what its status does not say of its end, which a keeper tells; NULL: nothing. Or NULL */
	const char *(*why)(int status, bool killed);
} life;
/* Reserves the name (NULL: one is made of the image's); from now on, the end of this process takes it down. */
void life_begin(const char *name, const char *image, char **argv, struct io *io);
void life_ended(int status); /* tells who listens */
/* Leaves a keeper behind that starts it; a socket to that. input: its stdin stays open; remove: in any case,
 * after its end. */
int life_keep(bool input, bool remove);
/* The exit status: of who waits for its end, or when it is detached for its start alone. */
int life_attach(int s, bool detach);

/* ---- --net bridge: net.c, and the ports of the host's that lead there: publish.c ---- */
#define ADDRESS_SIZE 16 /* of the text of one */
/* The network of s: an address, a namespace plugged into the bridge, the ports; dies when it cannot. whole:
 * the namespace's eth0 has the address; else somebody behind it will. */
void net_prepare(struct state *s, const struct opt_list *ports, const char *hostname, bool whole);
const char *net_gateway(char text[ADDRESS_SIZE]); /* the host, at the bridge; returns text */
/* Around the start of its first process, which is born in the namespace. Nothing without one. */
void net_enter(void);
void net_leave(void);
void net_close(void); /* what of it another process has taken over */
void net_end(void); /* ends what net_enter() began, gives the address of `life` back */
void net_give_back(const struct state *s); /* the address alone: of one who did not do so */
/* "10.88.0.2" of an address in network byte order, and back; false for anything else. */
void address_text(uint32_t address, char text[ADDRESS_SIZE]);
bool parse_address(const char *text, uint32_t *address);
/* Binds what -p asks for, as text too, as docker shows it; dies when it cannot. */
void publish_open(const struct opt_list *list, char *text, size_t size);
void publish_close(void);
/* Leads them to the address, by a process of its own: its pid, or 0 when there are none. */
pid_t publish_start(uint32_t address);

/* ---- one more command in what runs (exec.c) ---- */
extern struct exec_opt {
	struct surroundings around;
	bool stdin_, terminal, detach;
} exec_opt;
/* clang-format off */
#define EXEC_OPTIONS(whose) \
	SURROUNDINGS_OPTIONS(exec_opt.around, whose), \
	{ "--interactive", 'i', OPT_FLAG, &exec_opt.stdin_, NULL, \
	  "stdin is passed on (it always is)" }, \
	{ "--tty", 't', OPT_FLAG, &exec_opt.terminal, NULL, "a terminal of its own" }, \
	{ "--detach", 'd', OPT_FLAG, &exec_opt.detach, NULL, \
	  "leave it running; its output goes nowhere" }
/* clang-format on */
/* Of the words NAME [--] COMMAND...: finds NAME, which is not halted; the COMMAND. Dies. */
char **exec_in_what(char **argv, struct state *s);
bool state_is_paused(const struct state *s);
void state_not_paused(const struct state *s); /* dies when it is */

/* ---- drawn as a tree (explain.c) ---- */
/* A line, one level deeper than the one it belongs to, or as deep as one above. */
void tree_add(int level, const char *fmt, ...) PRINTF(2, 3);
void tree_print(void); /* or as a drawing, with --svg */
/* Lines about s->pid, beside this process or the group of all. */
void tree_namespaces(const struct state *s);
void tree_network(const struct state *s); /* nothing without --net bridge */
void tree_group(const struct state *s);
void tree_rights(const struct state *s, const char *whose);
#define NR_KINDS 8
extern const char *const ns_kinds[NR_KINDS]; /* as in /proc/PID/ns */
/* "pid:[4026531836]"; pid 0: of this process. False when the kernel has no such kind. */
bool namespace_of(pid_t pid, const char *kind, char text[64]);

/* ---- the verbs ---- */
extern const struct opt kill_options[], rm_options[], stop_options[], logs_options[],
	stats_options[], explain_options[], ps_options[];
verb_fn attach_verb, completion_verb, delete_verb, events_verb, images_verb, inspect_verb,
	kill_verb;
verb_fn logs_verb, pause_verb, ps_verb, rm_verb, stats_verb, stop_verb, unpause_verb;
/* Each tool's own. */
extern const struct opt run_options[], exec_options[];
verb_fn run_verb, exec_verb, explain_verb;

void json_text(const char *key, const char *text); /* prints "KEY": "TEXT" */
void json_texts(const char *key, ...)
	__attribute__((sentinel)); /* so for pairs up to a NULL, with commas */
/* Prints , "KEY": V; null when it is not known (negative). */
void json_number(const char *key, int64_t v);
/* v / scale, which is 1, 10 or 100; "-" when it is not known. */
void table_number(struct table *t, int64_t v, int scale, const char *unit);
void table_size(struct table *t, int64_t bytes); /* likewise */
