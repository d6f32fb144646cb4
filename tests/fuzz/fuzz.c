/* SPDX-License-Identifier: MIT */
/*
 * fuzz: random system calls in containers, with figures of what was reached.
 *
 *	fuzz [--seed N] [--seconds N] [--slots N] [--strict] [--verbose]
 *	fuzz --seed N --one SLOT:ITERATION [--repeat N]	only this iteration
 *	fuzz --list					the names of the rows
 *
 * Each slot runs iteration after iteration in a cgroup with limits, so that the machine survives. It
 * waits for the end of each; what SIGKILL cannot end within HANG_SECONDS is a hang, and so is a
 * cgroup that does not get empty. Between the quarters of the time all stand still, and the figures of
 * /proc/dyad/counts are read: what has grown in every quarter but the first is a leak.
 *
 * The exit status is 1 when something was found. Panics and warnings are seen by tests/fuzz/run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define CGROUP "/sys/fs/cgroup/fuzz"
#define KILL_SECONDS 10 /* an iteration that has not ended itself is killed */
#define HANG_SECONDS 60 /* and must be gone after so long */
#define SLOW_MS 2000
#define QUARTERS 4
#define COUNTS_MAX 128

struct shared *shared;
struct options options = { .seed = 1, .seconds = 60, .slots = 4, .one_slot = -1, .repeat = 1 };
static u64 started; /* ms */

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000UL + t.tv_nsec / 1000000;
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* A line, in one piece. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(1);
}

static bool put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* ---- what went on ---- */

static void show_entry(const struct ring *r, u64 n)
{
	const struct ring_entry *e = &r->entry[n % ARRAY_SIZE(r->entry)];
	char result[32] = "?";

	if (e->row >= nr_rows)
		return;
	if (e->ret != NOT_DONE)
		snprintf(result, sizeof(result), "%ld", e->ret);
	say("  %u.%llu %s(%#llx, %#llx, %#llx, %#llx, %#llx, %#llx) = %s", r->thread,
	    (unsigned long long)n, rows[e->row].name, (unsigned long long)e->a[0],
	    (unsigned long long)e->a[1], (unsigned long long)e->a[2], (unsigned long long)e->a[3],
	    (unsigned long long)e->a[4], (unsigned long long)e->a[5], result);
}

static void show_rings(unsigned int slot, u64 last)
{
	for (unsigned int t = 0; t < THREADS; t++) {
		const struct ring *r = &shared->ring[slot][t];

		for (u64 n = r->next > last ? r->next - last : 0; n < r->next; n++)
			show_entry(r, n);
	}
}

/* The processes that are there, and their threads, as /proc/N/stat begins: number, name, state, parent. */
static void show_processes(const char *where)
{
	DIR *dir = opendir(where);
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		char path[600], text[64] = "";
		int fd;

		if (de->d_name[0] < '0' || de->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "%s/%s/stat", where, de->d_name);
		fd = open(path, O_RDONLY);
		if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
			say("  %s", text);
		close(fd);
		snprintf(path, sizeof(path), "%s/%s/task", where, de->d_name);
		show_processes(path);
	}
	if (dir)
		closedir(dir);
}

static void found(unsigned int slot, u64 iteration, const char *what)
{
	say("fuzz: FOUND: %s, seed %llu, --one %u:%llu", what, (unsigned long long)options.seed,
	    slot, (unsigned long long)iteration);
	show_rings(slot, 3);
	show_processes("/proc");
	shared->failed = 1;
}

/* ---- one iteration, from outside ---- */

/* The superuser of an iteration may have made the file system of all cgroups read-only. */
static void writable_again(void)
{
	mount(NULL, "/sys/fs/cgroup", NULL, MS_REMOUNT, NULL);
}

/* Removes the groups below path and itself; false when one stays busy. */
static bool remove_group(const char *path, u64 deadline)
{
	DIR *dir = opendir(path);
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		char sub[512];

		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		snprintf(sub, sizeof(sub), "%s/%s", path, de->d_name);
		remove_group(sub, deadline);
		rewinddir(dir);
		if (now_ms() > deadline)
			break;
	}
	if (dir)
		closedir(dir);
	while (rmdir(path)) {
		if (errno == EROFS)
			writable_again();
		else if (errno != EBUSY || now_ms() > deadline)
			return errno == ENOENT;
		sleep_ms(2);
	}
	return true;
}

static bool ended(pid_t pid, u64 deadline, int *status)
{
	for (long ms = 1;; ms = ms < 10 ? ms * 2 : ms) {
		pid_t got = waitpid(pid, status, WNOHANG);

		if (got == pid || (got < 0 && errno == ECHILD))
			return true;
		if (now_ms() > deadline)
			return false;
		sleep_ms(ms);
	}
}

static void iterate(unsigned int slot, u64 iteration)
{
	char group[64];
	int status = 0;
	pid_t pid;

	snprintf(group, sizeof(group), CGROUP "/%u/it", slot);
	if (mkdir(group, 0755) && errno == EROFS) {
		writable_again();
		mkdir(group, 0755);
	}
	if (access(group, F_OK)) {
		say("fuzz: mkdir %s: %s", group, strerror(errno));
		shared->failed = 1;
		return;
	}
	pid = syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		nanny(slot, iteration);
	if (pid < 0) {
		say("fuzz: clone: %s", strerror(errno));
		shared->failed = 1;
		return;
	}
	if (!ended(pid, now_ms() + KILL_SECONDS * 1000, &status)) {
		kill(pid, SIGKILL);
		__atomic_fetch_add(&shared->killed, 1, __ATOMIC_RELAXED);
		if (!ended(pid, now_ms() + HANG_SECONDS * 1000, &status)) {
			found(slot, iteration, "HANG: it cannot be killed");
			return;
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status))
		say("fuzz: no container: the nanny of %u:%llu ended with %d", slot,
		    (unsigned long long)iteration, WEXITSTATUS(status));
	if (!remove_group(group, now_ms() + HANG_SECONDS * 1000))
		found(slot, iteration, "HANG: its cgroup stays busy");
	__atomic_fetch_add(&shared->iterations, 1, __ATOMIC_RELAXED);
}

/* ---- the figures of the leak check ---- */

struct counts {
	unsigned int nr;
	struct {
		char name[40];
		long value;
	} of[COUNTS_MAX];
};

static void read_counts(struct counts *c)
{
	static char text[16384];
	int fd = open("/proc/dyad/counts", O_RDONLY), n;
	size_t len = 0;

	c->nr = 0;
	while (fd >= 0 && len < sizeof(text) - 1 &&
	       (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	for (char *line = strtok(text, "\n"); line && c->nr < COUNTS_MAX; line = strtok(NULL, "\n"))
		if (sscanf(line, "%39s %ld", c->of[c->nr].name, &c->of[c->nr].value) == 2)
			c->nr++;
}

static long count_of(const struct counts *c, const char *name)
{
	for (unsigned int i = 0; i < c->nr; i++)
		if (!strcmp(c->of[i].name, name))
			return c->of[i].value;
	return 0;
}

/* Has a figure of now risen above before? Ends of processes may still be on their way. */
static bool risen(const struct counts *before, struct counts *now)
{
	for (int tries = 0; tries < 40; tries++) {
		bool any = false;

		read_counts(now);
		for (unsigned int i = 0; i < now->nr; i++)
			any |= now->of[i].value > count_of(before, now->of[i].name);
		if (!any)
			return false;
		sleep_ms(50);
	}
	return true;
}

/* A leak is what has risen from each mark to the next. */
static void judge_counts(const struct counts *mark, unsigned int n)
{
	for (unsigned int i = 0; n > 2 && i < mark[n - 1].nr; i++) {
		const char *name = mark[n - 1].of[i].name;
		bool leak = true;

		for (unsigned int m = 1; m < n; m++)
			leak &= count_of(&mark[m], name) > count_of(&mark[m - 1], name);
		if (!leak)
			continue;
		say("fuzz: FOUND: LEAK of %s: %ld, then %ld", name, count_of(&mark[0], name),
		    count_of(&mark[n - 1], name));
		shared->failed = 1;
	}
	if (shared->failed)
		show_processes("/proc");
}

/* ---- the slots ---- */

static void progress(void)
{
	unsigned int ok = 0, called = 0;

	for (unsigned int i = 0; i < nr_rows; i++) {
		called += shared->stat[i].calls > 0;
		ok += shared->stat[i].ok > 0;
	}
	say("fuzz: %llu s, %llu iterations, %llu calls; of %u rows %u were called, %u succeeded",
	    (unsigned long long)(now_ms() - started) / 1000, (unsigned long long)shared->iterations,
	    (unsigned long long)shared->calls, nr_rows, called, ok);
}

/* Every ten seconds: a machine that says nothing for longer is taken for dead. */
static void show_progress(u64 *shown)
{
	if (now_ms() - *shown < 10000)
		return;
	*shown = now_ms();
	progress();
}

static void one_iteration(void)
{
	struct counts before, now;
	u64 shown = now_ms();

	for (u64 n = 0; n < options.repeat && !shared->failed; n++) {
		show_progress(&shown);
		read_counts(&before);
		iterate(options.one_slot, options.one_iteration);
		if (options.verbose)
			show_rings(options.one_slot, 63);
		if (risen(&before, &now))
			for (unsigned int i = 0; i < now.nr; i++)
				if (now.of[i].value > count_of(&before, now.of[i].name))
					say("  risen: %s %ld, then %ld", now.of[i].name,
					    count_of(&before, now.of[i].name), now.of[i].value);
	}
}

/* One slot, and the figures after each iteration: for finding the one that leaks. */
static void strictly(void)
{
	static struct counts before, now;
	u64 n = 0;

	for (; n < 5; n++)
		iterate(0, n);
	read_counts(&before);
	for (u64 shown = 0; now_ms() - started < options.seconds * 1000UL && !shared->failed; n++) {
		show_progress(&shown);
		iterate(0, n);
		if (!risen(&before, &now))
			continue;
		for (unsigned int i = 0; i < now.nr; i++)
			if (now.of[i].value > count_of(&before, now.of[i].name))
				say("fuzz: 0:%llu: %s %ld, then %ld", (unsigned long long)n,
				    now.of[i].name, count_of(&before, now.of[i].name),
				    now.of[i].value);
		before = now;
	}
}

/*
 * Nobody ran for a while: the emulator, or a call that keeps its CPU too long, since the kernel is not
 * preemptive. The calls that were on their way then; not an error by itself.
 */
static void show_unfinished(u64 ms)
{
	say("fuzz: stood still for %llu ms", (unsigned long long)ms);
	for (unsigned int s = 0; s < options.slots; s++)
		for (unsigned int t = 0; t < THREADS; t++) {
			const struct ring *r = &shared->ring[s][t];

			if (!r->next ||
			    r->entry[(r->next - 1) % ARRAY_SIZE(r->entry)].ret != NOT_DONE)
				continue;
			say("  --one %u:%llu", s, (unsigned long long)r->iteration);
			show_entry(r, r->next - 1);
		}
}

/* All slots until the time `end` (ms); then they stand still. first: the next iteration of each. */
static void run_slots(u64 end, u64 *next)
{
	pid_t worker[SLOTS_MAX];
	u64 shown = now_ms(), slept;

	for (unsigned int s = 0; s < options.slots; s++) {
		worker[s] = fork();
		if (worker[s])
			continue;
		for (u64 n = next[s]; now_ms() < end && !shared->failed; n++) {
			shared->ring[s][0].pad[0] = n + 1; /* told to the parent */
			iterate(s, n);
		}
		_exit(0);
	}
	for (unsigned int s = 0; s < options.slots;) {
		pid_t got = waitpid(worker[s], NULL, WNOHANG);

		if (got == worker[s] || got < 0) {
			next[s] = shared->ring[s][0].pad[0];
			s++;
			continue;
		}
		show_progress(&shown);
		slept = now_ms();
		sleep_ms(20);
		if (now_ms() - slept > SLOW_MS)
			show_unfinished(now_ms() - slept);
	}
}

static void run_all(void)
{
	static struct counts mark[QUARTERS];
	u64 next[SLOTS_MAX] = { 0 };
	unsigned int n;

	memset(mark, 1, sizeof(mark)); /* pages that are there before the first count */
	for (n = 0; n < QUARTERS && !shared->failed; n++) {
		run_slots(started + options.seconds * 1000UL * (n + 1) / QUARTERS, next);
		if (n)
			risen(&mark[n - 1], &mark[n]);
		else
			sleep_ms(1000);
		if (!n)
			read_counts(&mark[n]);
	}
	judge_counts(mark, n);
}

/* ---- what was reached ---- */

static void show_row(unsigned int i)
{
	const struct row_stat *s = &shared->stat[i];
	char errors[400] = "";
	size_t n = 0;

	for (int e = 1; e < 192; e++)
		if (s->errors[e / 64] >> e % 64 & 1 && n < sizeof(errors) - 8)
			n += snprintf(errors + n, sizeof(errors) - n, " %d", e);
	say("row: %-32s %8u calls %8u ok, errno%s", rows[i].name, s->calls, s->ok, errors);
}

/* Linux's words for some errors: which were seen, and in how many rows. */
static void show_errors(void)
{
	char line[900];
	size_t n = 0;

	for (int e = 1; e < 134; e++) {
		unsigned int seen = 0;

		for (unsigned int i = 0; i < nr_rows; i++)
			seen += shared->stat[i].errors[e / 64] >> e % 64 & 1;
		if (seen && n < sizeof(line) - 16)
			n += snprintf(line + n, sizeof(line) - n, " %d:%u", e, seen);
	}
	say("fuzz: errno:rows that gave it:%s", n ? line : " none");
}

static void show_reached(void)
{
	unsigned int ok = 0, failed = 0, called = 0, never = 0;
	char line[900] = "";
	size_t n = 0;

	for (unsigned int i = 0; i < nr_rows; i++) {
		const struct row_stat *s = &shared->stat[i];

		if (options.verbose)
			show_row(i);
		called += s->calls > 0;
		ok += s->ok > 0;
		failed += s->errors[0] || s->errors[1] || s->errors[2];
		if (s->calls && !s->ok && !rows[i].mute && !(s->errors[0] >> ENOSYS & 1)) {
			never++;
			if (n < sizeof(line) - 40)
				n += snprintf(line + n, sizeof(line) - n, " %s", rows[i].name);
		}
	}
	say("fuzz: %u rows: %u called, %u succeeded once, %u failed once", nr_rows, called, ok,
	    failed);
	show_errors();
	say("fuzz: %u are known and never succeeded:%s", never, line);
}

/* ---- the start ---- */

static void set_up(void)
{
	char path[128];

	mkdir("/run/fuzz", 0755);
	mkdir("/run/fuzz/root", 0755);
	put_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory +pids +cpu");
	mkdir(CGROUP, 0755);
	put_text(CGROUP "/cgroup.subtree_control", "+memory +pids +cpu");
	for (unsigned int s = 0; s < SLOTS_MAX; s++) {
		snprintf(path, sizeof(path), CGROUP "/%u", s);
		mkdir(path, 0755);
		strcat(path, "/cgroup.subtree_control");
		put_text(path, "+memory +pids +cpu");
		snprintf(path, sizeof(path), CGROUP "/%u/memory.max", s);
		put_text(path, "24M");
		snprintf(path, sizeof(path), CGROUP "/%u/pids.max", s);
		put_text(path, "48");
	}
	put_text("/proc/self/oom_score_adj", "-1000");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		exit(2);
	memset(shared->stat, 0, sizeof(shared->stat));
	for (unsigned int s = 0; s < SLOTS_MAX; s++)
		for (unsigned int t = 0; t < THREADS; t++) {
			struct ring *r = &shared->ring[s][t];

			memcpy(r->magic, RING_MAGIC, sizeof(RING_MAGIC));
			r->seed = options.seed;
			r->slot = s;
			r->thread = t;
		}
}

static void list_rows(void)
{
	for (unsigned int i = 0; i < nr_rows; i++)
		printf("%s\n", rows[i].name);
}

static void parse(char **argv)
{
	for (argv++; *argv; argv++) {
		const char *name = *argv, *value = argv[1] ? argv[1] : "";

		if (!strcmp(name, "--list")) {
			list_rows();
			exit(0);
		}
		if (!strcmp(name, "--strict") || !strcmp(name, "--verbose")) {
			*(name[2] == 's' ? &options.strict : &options.verbose) = true;
			continue;
		}
		if (!strcmp(name, "--seed"))
			options.seed = strtoull(value, NULL, 0);
		else if (!strcmp(name, "--seconds"))
			options.seconds = strtoul(value, NULL, 0);
		else if (!strcmp(name, "--slots"))
			options.slots = strtoul(value, NULL, 0);
		else if (!strcmp(name, "--repeat"))
			options.repeat = strtoull(value, NULL, 0);
		else if (strcmp(name, "--one") ||
			 sscanf(value, "%ld:%ld", &options.one_slot, &options.one_iteration) != 2)
			exit(2);
		argv++;
	}
	if (options.slots < 1 || options.slots > SLOTS_MAX || options.one_slot >= SLOTS_MAX)
		exit(2);
}

int main(int argc, char **argv)
{
	parse(argv);
	if (getpid() < 2 || access("/proc/dyad/counts", R_OK)) {
		fprintf(stderr, "fuzz: this is not Dyad: it would harm this machine\n");
		return 2;
	}
	set_up();
	started = now_ms();
	if (options.one_slot >= 0)
		one_iteration();
	else if (options.strict)
		strictly();
	else
		run_all();
	progress();
	show_reached();
	return shared->failed;
}
