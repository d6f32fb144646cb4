/* SPDX-License-Identifier: MIT */
/*
 * compare [-n N] [--kernel FILE|linux] [--json|--csv] [--require-both] [IMAGE]
 *
 * Runs IMAGE (default busybox) as a container and as a virtual machine and prints what each costs.
 * Both are started the same way (fork and exec of `ctr` and `vm`) and in turns, so that whatever
 * else the machine does hits both alike. Every figure is measured in this run.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compare.h"

#define PROBE "/usr/bin/dyad-probe"
#define DYAD_KERNEL "/lib/dyad/dyad.elf"
#define LINUX_KERNEL "/lib/dyad/linux"
#define GUEST_INIT "/lib/dyad/init"
#define RUN_SECONDS 120
#define MAX_RUNS 10000

/* What is run inside, for each question. An image without the probe answers with its shell. */
struct commands {
	char *first[4], *idle[4], *getpid[4];
	bool probe;
};
static const struct commands with_probe = {
	.first = { PROBE, "first" },
	.idle = { PROBE, "idle" },
	.probe = true,
};
static const struct commands with_shell = {
	.first = { "sh", "-c", "echo !" },
	.idle = { "sh", "-c", "echo !; exec sleep 1000" },
};

static void die(const char *what)
{
	fprintf(stderr, "compare: %s\n", what);
	exit(1);
}

/* The last line of what a program said when it failed. */
static const char *complaint(const struct run *r)
{
	static char line[512];
	char text[sizeof(r->errors)], *last;

	snprintf(text, sizeof(text), "%s", r->errors_len ? r->errors : r->output);
	while (*text && strchr("\r\n", text[strlen(text) - 1]))
		text[strlen(text) - 1] = '\0';
	last = strrchr(text, '\n');
	last = last ? last + 1 : text;
	if (*last)
		snprintf(line, sizeof(line), "%s", last);
	else if (WIFSIGNALED(r->status))
		snprintf(line, sizeof(line), "ended by signal %d", WTERMSIG(r->status));
	else
		snprintf(line, sizeof(line), "ended with status %d", WEXITSTATUS(r->status));
	return line;
}

/* One whole run. True when it ended in time, with status 0 and having shown its mark. */
static bool run_once(struct run *r, enum mode mode, const char *image, char *const argv[])
{
	if (run_start(r, mode, image, argv) < 0)
		die(strerror(errno));
	if (!run_until_end(r, RUN_SECONDS)) {
		r->errors_len =
			snprintf(r->errors, sizeof(r->errors), "not done within %d s", RUN_SECONDS);
		return false;
	}
	return WIFEXITED(r->status) && WEXITSTATUS(r->status) == 0 && r->marked;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The q-th quantile by the nearest-rank method; sorts. n is not 0. */
static double quantile(double *v, int n, double q)
{
	int rank = (int)(q * n + 0.999999);

	qsort(v, n, sizeof(*v), by_value);
	return v[rank < 1 ? 0 : rank > n ? n - 1 : rank - 1];
}

static double between(const struct report *rep, struct moment from, struct moment to)
{
	return rep->machine.real_clock ? (to.ns - from.ns) / 1e6 : (double)(to.ticks - from.ticks);
}

static struct row *add_row(struct report *rep, const char *key, const char *label, const char *unit)
{
	struct row *row = &rep->rows[rep->nr_rows++];

	*row = (struct row){ .key = key, .label = label, .unit = unit, .value = { -1, -1 } };
	return row;
}

/* With what it loads before its first program. */
static double kernel_bytes(const char *kernel)
{
	char modules[256];
	long long n;

	snprintf(modules, sizeof(modules), "%s.modules", kernel);
	n = file_bytes(modules);
	return file_bytes(kernel) + (n > 0 ? n : 0);
}

static void measure_sizes(struct report *rep)
{
	struct row *image = add_row(rep, "image_bytes", "image", "bytes");
	struct row *kernel = add_row(rep, "kernel_bytes", "kernel of its own", "bytes");
	struct row *init = add_row(rep, "init_bytes", "first program of its own", "bytes");
	struct row *total = add_row(rep, "total_bytes", "in all", "bytes");
	double bytes = file_bytes(image_path(rep->image));

	image->value[CONTAINER] = total->value[CONTAINER] = bytes;
	kernel->value[CONTAINER] = init->value[CONTAINER] = 0; /* shares the kernel that runs */
	if (!rep->have[VM])
		return;
	image->value[VM] = bytes;
	kernel->value[VM] = kernel_bytes(rep->kernel);
	init->value[VM] = file_bytes(GUEST_INIT);
	if (bytes >= 0 && kernel->value[VM] >= 0 && init->value[VM] >= 0)
		total->value[VM] = bytes + kernel->value[VM] + init->value[VM];
}

static void measure_times(struct report *rep, const struct commands *cmd)
{
	const char *unit = rep->machine.real_clock ? "ms" : "ticks";
	struct row *rows[4] = {
		add_row(rep, "first_median", "to the first instruction, median", unit),
		add_row(rep, "first_p95", "to the first instruction, p95", unit),
		add_row(rep, "exit_median", "to the exit, median", unit),
		add_row(rep, "exit_p95", "to the exit, p95", unit),
	};
	double *first[MODES], *exits[MODES];
	struct run r;

	if (!cmd->probe) {
		rows[0]->label = "to the first output of sh, median";
		rows[1]->label = "to the first output of sh, p95";
	}
	for (int m = 0; m < MODES; m++) {
		first[m] = calloc(rep->runs, sizeof(double));
		exits[m] = calloc(rep->runs, sizeof(double));
		if (!first[m] || !exits[m])
			die("out of memory");
	}
	for (int i = 0; i < rep->runs; i++)
		for (int m = 0; m < MODES; m++) {
			if (!rep->have[m])
				continue;
			if (!run_once(&r, m, rep->image, cmd->first)) {
				fprintf(stderr, "compare: %s run %s: %s\n", mode_tool[m],
					rep->image, complaint(&r));
				exit(1);
			}
			first[m][i] = between(rep, r.start, r.first);
			exits[m][i] = between(rep, r.start, r.end);
		}
	for (int m = 0; m < MODES; m++) {
		if (rep->have[m]) {
			rows[0]->value[m] = quantile(first[m], rep->runs, 0.5);
			rows[1]->value[m] = quantile(first[m], rep->runs, 0.95);
			rows[2]->value[m] = quantile(exits[m], rep->runs, 0.5);
			rows[3]->value[m] = quantile(exits[m], rep->runs, 0.95);
		}
		free(first[m]);
		free(exits[m]);
	}
}

static void measure_memory(struct report *rep, const struct commands *cmd)
{
	struct row *group =
		add_row(rep, "idle_cgroup_bytes", "memory while idle (cgroup)", "bytes");
	struct row *lost = add_row(rep, "idle_free_bytes", "free memory taken (meminfo)", "bytes");
	struct run r;

	for (int m = 0; m < MODES; m++) {
		long long before, after;
		const char *cgroup;

		if (!rep->have[m])
			continue;
		cgroups_note();
		before = file_number("/proc/meminfo", "MemFree");
		if (run_start(&r, m, rep->image, cmd->idle) < 0)
			die(strerror(errno));
		if (!run_until_mark(&r, RUN_SECONDS) || !r.marked) {
			fprintf(stderr, "compare: %s run %s: idle program did not start: %s\n",
				mode_tool[m], rep->image, complaint(&r));
			run_stop(&r, cgroup_new(m));
			continue;
		}
		cgroup = cgroup_new(m);
		group->value[m] = cgroup_memory(cgroup);
		after = file_number("/proc/meminfo", "MemFree");
		if (before >= 0 && after >= 0 && before >= after)
			lost->value[m] = (before - after) * 1024.0;
		run_stop(&r, cgroup);
	}
}

static void measure_getpid(struct report *rep)
{
	bool real = rep->machine.real_clock;
	struct row *row = add_row(rep, "getpid", "getpid() inside", real ? "ns" : "ticks");
	char *argv[] = { PROBE, "getpid", real ? "20000" : "1000", NULL };
	struct run r;

	for (int m = 0; m < MODES; m++) {
		unsigned long long n, ticks, ns;
		const char *at;

		if (!rep->have[m] || !run_once(&r, m, rep->image, argv))
			continue;
		at = strstr(r.output, "getpid ");
		if (at && sscanf(at, "getpid %llu %llu %llu", &n, &ticks, &ns) == 3 && n)
			row->value[m] = (double)(real ? ns : ticks) / n;
	}
}

/* Finds out by trying: which modes work, and whether the image holds the probe. Warms up both. */
static const struct commands *try_modes(struct report *rep)
{
	const struct commands *cmd = &with_probe;
	struct run r;

	if (!run_once(&r, CONTAINER, rep->image, cmd->first)) {
		if (!WIFEXITED(r.status) || WEXITSTATUS(r.status) != 127)
			goto fail;
		cmd = &with_shell;
		if (!run_once(&r, CONTAINER, rep->image, cmd->first))
			goto fail;
		rep->note =
			"The image has no " PROBE ": its shell was timed instead, and the cost of "
			"getpid() is not measurable.";
	}
	rep->have[CONTAINER] = true;
	if (access("/dev/kvm", F_OK) < 0)
		rep->missing =
			"there is no /dev/kvm: this CPU has no VT-x or SVM, its firmware disabled "
			"it, or this kernel was built without vmm";
	else if (!run_once(&r, VM, rep->image, cmd->first))
		rep->missing = complaint(&r);
	rep->have[VM] = !rep->missing;
	return cmd;
fail:
	fprintf(stderr, "compare: ctr run %s: %s\n", rep->image, complaint(&r));
	exit(WIFEXITED(r.status) && WEXITSTATUS(r.status) ? WEXITSTATUS(r.status) : 1);
}

static void usage(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: compare [-n N] [--kernel FILE] [--json|--csv] [--require-both] [IMAGE]\n"
		"Runs IMAGE (busybox) N times as a container and as a virtual machine, and prints\n"
		"what each costs. --kernel: of the virtual machine; linux: Debian's (" LINUX_KERNEL
		").\n"
		"--require-both: fail when one of the two cannot be run.\n");
	exit(status);
}

int main(int argc, char **argv)
{
	enum { JSON = 256, CSV, BOTH, KERNEL };
	static const struct option options[] = {
		{ "json", no_argument, NULL, JSON },
		{ "csv", no_argument, NULL, CSV },
		{ "require-both", no_argument, NULL, BOTH },
		{ "kernel", required_argument, NULL, KERNEL },
		{ "runs", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	void (*print)(const struct report *) = report_table;
	struct report rep = { .image = "busybox", .kernel = DYAD_KERNEL };
	const struct commands *cmd;
	bool require_both = false;
	char *end;
	long n;
	int c;

	while ((c = getopt_long(argc, argv, "n:h", options, NULL)) != -1)
		switch (c) {
		case 'n':
			n = strtol(optarg, &end, 10);
			if (*end || n < 1 || n > MAX_RUNS) {
				fprintf(stderr, "compare: -n %s: not a number from 1 to %d\n",
					optarg, MAX_RUNS);
				return 2;
			}
			rep.runs = n;
			break;
		case JSON:
			print = report_json;
			break;
		case CSV:
			print = report_csv;
			break;
		case KERNEL: /* `vm` finds it there */
			rep.kernel = strcmp(optarg, "linux") ? optarg : LINUX_KERNEL;
			rep.other_kernel = true;
			setenv("DYAD_KERNEL", rep.kernel, 1);
			break;
		case BOTH:
			require_both = true;
			break;
		case 'h':
			usage(0);
			break;
		default:
			usage(2);
		}
	if (optind < argc)
		rep.image = argv[optind++];
	if (optind < argc)
		usage(2);
	machine_ask(&rep.machine);
	if (!rep.runs)
		rep.runs = rep.machine.real_clock ? 10 : 3;
	cmd = try_modes(&rep);
	measure_sizes(&rep);
	measure_times(&rep, cmd);
	measure_memory(&rep, cmd);
	if (cmd->probe)
		measure_getpid(&rep);
	print(&rep);
	return require_both && rep.missing ? 1 : 0;
}
