/* SPDX-License-Identifier: MIT */
/*
 * Why a machine's CPUs come out of the guest to the monitor, and what that costs: each vCPU's thread counts
 * in cache lines of its own of the file "stats" in the machine's folder, which `vm stats` and inspect read. Nobody waits
 * for anybody; a reader may see a count without its time. What the kernel answers by itself is not seen here.
 */
#include "vm.h"

#define CACHE_LINE 64

enum exit_reason { REASON_PORTS, REASON_MEMORY, REASON_SIGNAL, REASON_OTHER, NR_REASONS };

struct cpu_stats {
	uint64_t tid; /* of its thread */
	/* calls of KVM_RUN, time in them: the guest's and the kernel's for it */
	uint64_t entries, inside;
	struct {
		uint64_t exits, outside; /* by reason: how many, time until the next entry */
	} by[NR_REASONS];
} __attribute__((aligned(CACHE_LINE)));

struct stats_file {
	uint64_t khz; /* of the TSC, which all times count in; 0: not known */
	uint64_t memory, cpus;
	char kernel[256];
	struct cpu_stats cpu[MAX_CPUS];
};

static const char *const names[NR_REASONS] = { "ports", "memory", "signal", "other" };
static struct stats_file nowhere, *stats = &nowhere;

void stats_init(struct machine *m)
{
	char path[STATE_PATH_SIZE];
	void *p = MAP_FAILED;
	int fd;

	state_path(m->name, "stats", path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0 && !ftruncate(fd, sizeof(*stats)))
		p = mmap(NULL, sizeof(*stats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		warn("%s: %s: no statistics", path, strerror(errno));
	else
		stats = p;
	close(fd);
	stats->khz = m->tsc_khz;
	stats->memory = m->memory;
	stats->cpus = m->cpus;
	join(stats->kernel, sizeof(stats->kernel), m->kernel, NULL);
}

void stats_begin(unsigned int cpu)
{
	stats->cpu[cpu].tid = gettid();
}

static enum exit_reason reason_of(const struct kvm_run *run)
{
	return run->exit_reason == KVM_EXIT_IO     ? REASON_PORTS
	       : run->exit_reason == KVM_EXIT_MMIO ? REASON_MEMORY
	       : run->exit_reason == KVM_EXIT_INTR ? REASON_SIGNAL
						   : REASON_OTHER;
}

void stats_exit(struct machine *m, unsigned int cpu, uint64_t inside, uint64_t outside)
{
	struct cpu_stats *c = &stats->cpu[cpu];
	enum exit_reason r = reason_of(m->run[cpu]);

	c->entries++;
	c->inside += inside;
	c->by[r].exits++;
	c->by[r].outside += outside;
}

/* The file, and all CPUs' counts together. */
static const struct stats_file *read_stats(const struct state *s, struct cpu_stats *sum)
{
	static struct stats_file f;
	int fd = state_open(s->name, "stats", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, &f, sizeof(f));

	close(fd);
	if (n != sizeof(f))
		return NULL;
	f.kernel[sizeof(f.kernel) - 1] = 0;
	memset(sum, 0, sizeof(*sum));
	for (int i = 0; i < MAX_CPUS; i++) {
		sum->entries += f.cpu[i].entries;
		sum->inside += f.cpu[i].inside;
		for (int r = 0; r < NR_REASONS; r++) {
			sum->by[r].exits += f.cpu[i].by[r].exits;
			sum->by[r].outside += f.cpu[i].by[r].outside;
		}
	}
	return &f;
}

pid_t stats_thread(const struct state *s, unsigned int cpu, uint64_t *entries)
{
	struct cpu_stats sum;
	const struct stats_file *f = read_stats(s, &sum);

	*entries = f ? f->cpu[cpu].entries : 0;
	return f ? f->cpu[cpu].tid : 0;
}

static int64_t usec(const struct stats_file *f, uint64_t ticks)
{
	return f->khz ? (int64_t)(ticks * 1000 / f->khz) : -1;
}

/* Members of an object, behind another one. */
static void print_counts(const struct stats_file *f, const struct cpu_stats *sum)
{
	json_number("entries", sum->entries);
	json_number("inside_usec", usec(f, sum->inside));
	print(", \"exits\": {");
	for (int r = 0; r < NR_REASONS; r++) {
		print("%s\"%s\": {\"count\": %lu", r ? ", " : "", names[r], sum->by[r].exits);
		json_number("usec", usec(f, sum->by[r].outside));
		print("}");
	}
	print("}");
}

void machine_inspect(const struct state *s)
{
	struct cpu_stats sum;
	const struct stats_file *f = read_stats(s, &sum);

	if (!f)
		return;
	print(",\n  \"machine\": {");
	json_text("kernel", f->kernel);
	json_number("cpus", f->cpus);
	json_number("memory_bytes", f->memory);
	print_counts(f, &sum);
	print("}");
}

/* How often it was entered, and by reason how often it came out and the share of all time that took. */
void stats_show(const struct state *s, struct table *t)
{
	struct cpu_stats sum;
	const struct stats_file *f = read_stats(s, &sum);
	uint64_t total = f ? sum.inside : 0;

	if (!t) {
		if (f)
			print_counts(f, &sum);
		return;
	}
	for (int r = 0; f && r < NR_REASONS; r++)
		total += sum.by[r].outside;
	table_number(t, f ? (int64_t)sum.entries : -1, 1, "");
	for (int r = 0; r < NR_REASONS; r++)
		if (total)
			table_add(t, "%lu %lu%%", sum.by[r].exits,
				  (sum.by[r].outside * 100 / total));
		else
			table_add(t, "-");
}
