/* SPDX-License-Identifier: MIT */
/* What the files of init share; main.c says what init is. None uses stdio. */
#pragma once

#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#define WORDS_MAX 1024
#define PATH_MAX 4096

struct command {
	char *text;
	char *words[WORDS_MAX + 1];
};

/* console.c */
void say(const char *a, const char *b, const char *c);
/* What failed, the name of it, and errno's text. */
void complain(const char *what, const char *name);
/* Reads the kernel's command line; option() gives the value of a word of it, whose `key` ends with '=', or NULL. */
void read_options(void);
const char *option(const char *key);
/* The terminal `name` of /dev; a raw one passes every byte on. A descriptor or -1. */
int open_tty(const char *name, bool raw);
/* Standard input is `in`, output and errors are `out`; both are closed otherwise. */
void set_fds(int in, int out);
struct winsize winsize(void); /* the word winsize=, or zeros */

/* end.c */
void wait_ms(long ms);
/* The machine ends: with a status; or when SIGUSR2, SIGTERM or SIGUSR1 asked (off, reboot, halt). */
void end_with_status(int status) __attribute__((noreturn));
void shut_down(int sig) __attribute__((noreturn));
/* `init 0` and `init 6`, for another pid than 1: the status to exit with. */
int telinit(const char *level);

/* root.c */
/* DIR/NAME in `buf`, of PATH_MAX bytes; where it does not fit, the machine ends. */
char *path_join(char *buf, const char *dir, const char *name);
void make_dir(const char *path, mode_t mode);
void graft(const char *from, const char *lower, const char *upper, const char *path);
void link_disks(void);
int enter_root(const char *image); /* 0, or -1 and errno, said */
void mount_all(void);

/* net.c */
void start_network(void);

/* program.c */
void catch_signals(void);
/* A file of words, each ended by NUL. False when there is no such file or no word in it. */
bool read_command(const char *path, struct command *c);
void open_agent(void);
/* Processes of their own: their pid, or -1. */
pid_t start_command(char **words, char **config);
pid_t start_on_console(char **words, char *arg0);
/* The status of `pid`, as a shell would say it; all others are reaped meanwhile. */
int wait_for(pid_t pid, bool is_command);
void keep_shell(void) __attribute__((noreturn));
