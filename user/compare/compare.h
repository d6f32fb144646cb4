/* SPDX-License-Identifier: MIT */
/*
 * compare: one image, run as a container and as a virtual machine, measured side by side.
 * main.c decides what is measured, run.c starts one program and takes its times, system.c asks the
 * machine (files, cgroups, memory, engine), report.c prints.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum mode { CONTAINER, VM, MODES };
extern const char *const mode_tool[MODES]; /* "ctr", "vm" */

/* A moment, on both clocks. */
struct moment {
	uint64_t ns; /* CLOCK_MONOTONIC */
	uint64_t ticks; /* time stamp counter */
};
struct moment now(void);

/* ---- run.c ---- */
#define MARK '!' /* what the probe writes first */

struct run {
	pid_t pid;
	int out, err; /* read ends of its output, -1: at its end */
	struct moment start, first, end;
	bool marked; /* `first` is set */
	int status; /* wait(2)'s, once ended */
	char output[512]; /* the beginning of what it said */
	size_t output_len;
	char errors[512];
	size_t errors_len;
};
/* Starts `ctr run IMAGE -- ARGV...` (vm alike). 0, or -1 with errno. */
int run_start(struct run *r, enum mode mode, const char *image, char *const argv[]);
/* Reads until the mark has come (or the program ended). False: neither within `seconds`. */
bool run_until_mark(struct run *r, int seconds);
/* Reads until the program has ended. False: it had not within `seconds`, and was killed. */
bool run_until_end(struct run *r, int seconds);
/* Ends a program that idles: politely, then by its cgroup (may be NULL), then by force. */
void run_stop(struct run *r, const char *cgroup);

/* ---- system.c ---- */
/* Size of a file, or -1. */
long long file_bytes(const char *path);
/* Path of NAME's image file, or NULL. */
const char *image_path(const char *image);
/* The first number behind `key` in a file of "key value" lines, or -1. */
long long file_number(const char *path, const char *key);
/* Takes down which cgroups of containers and virtual machines exist ... */
void cgroups_note(void);
/* ... and says which one has come since, or NULL. The next call overwrites the string. */
const char *cgroup_new(enum mode mode);
/* Its memory.current once it has settled, in bytes; -1 without one. */
long long cgroup_memory(const char *cgroup);

struct machine {
	char engine[32], cpu[96], kernel[160];
	bool real_clock; /* false: an emulator counts instructions, and only ticks mean something */
};
void machine_ask(struct machine *m);

/* ---- report.c ---- */
struct row {
	const char *key, *label;
	const char *unit; /* "bytes", "ms", "ticks", "ns" */
	double value[MODES]; /* below 0: not measured */
};
struct report {
	const char *image, *kernel; /* the virtual machine's */
	bool other_kernel; /* than Dyad's */
	struct machine machine;
	int runs;
	bool have[MODES];
	const char *missing; /* why there is no VM column, or NULL */
	const char *note; /* what was measured in another way than usual, or NULL */
	struct row rows[16];
	size_t nr_rows;
};
void report_table(const struct report *r);
void report_json(const struct report *r);
void report_csv(const struct report *r);
