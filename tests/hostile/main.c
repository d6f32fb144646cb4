/* SPDX-License-Identifier: MIT */
/*
 * hostile KIND SEED N [FIRST]: steps FIRST (0) to FIRST + N - 1 of that kind and seed, one after the
 * other. After each, no process of it lives and no VM: what does not end within HANG_SECONDS is a
 * hang. The step that runs is printed first, so that it is known should the machine die of it.
 */
#include <sys/prctl.h>
#include <stdarg.h>
#include "hostile.h"

#define HANG_SECONDS 60

static const struct kind {
	const char *name;
	void (*step)(struct rng *r);
} kinds[] = {
	{ "guests", guests_step },
	{ "ioctls", ioctls_step },
	{ "killed", killed_step },
	{ "entry", entry_step },
};

struct seen *seen;
static const struct kind *kind;
static u64 seed;
static unsigned long step;

/* splitmix64: any seed is as good as another. */
u64 rnd(struct rng *r)
{
	u64 z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

u64 edge(struct rng *r)
{
	switch (below(r, 5)) {
	case 0:
		return below(r, 9) - 4;
	case 1:
		return (1UL << below(r, 64)) - below(r, 3) + 1;
	case 2:
		return rnd(r);
	case 3:
		return (u32)rnd(r);
	default:
		return below(r, 0x200) << below(r, 16);
	}
}

void garble(struct rng *r, void *p, size_t n)
{
	for (u64 i = below(r, 6) + 1; i && n; i--)
		((u8 *)p)[below(r, n)] ^= once_in(r, 3) ? rnd(r) : 1 << below(r, 8);
}

void sleep_us(unsigned long us)
{
	struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	nanosleep(&t, NULL);
}

void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("FAIL %s, seed %lu, step %lu: ", kind->name, seed, step);
	vprintf(fmt, ap);
	printf("\nagain: hostile %s %lu 1 %lu\n", kind->name, seed, step);
	fflush(stdout);
	_exit(1);
}

/* A figure of /proc/dyad/counts; 0 where there is no such file. */
static unsigned long count_of(const char *name)
{
	FILE *f = fopen("/proc/dyad/counts", "re");
	unsigned long value, found = 0;
	char word[64];

	if (!f)
		return 0;
	while (fscanf(f, "%63s %lu", word, &value) == 2)
		if (!strcmp(word, name))
			found = value;
	fclose(f);
	return found;
}

static u64 now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* All processes of a step, orphans too: they are our children then. The status of the first. */
static int wait_for_all(pid_t first)
{
	u64 begin = now_ms();
	int status, result = 0;
	bool killed = false;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) >= 0) {
		if (pid == first)
			result = status;
		if (pid)
			continue;
		sleep_us(500);
		if (now_ms() - begin < HANG_SECONDS * 1000)
			continue;
		if (killed)
			fail("SIGKILL does not end it");
		kill(-first, SIGKILL);
		killed = true;
		begin = now_ms();
	}
	if (killed)
		fail("it did not end by itself");
	return result;
}

static void one_step(void)
{
	unsigned long vms = count_of("vms"), vcpus = count_of("vcpus");
	struct rng r = { seed << 32 ^ step << 8 ^ (kind - kinds) };
	int status, tries = 0;
	pid_t pid;

	printf("%s %lu:%lu\n", kind->name, seed, step);
	fflush(stdout);
	atomic_store(&seen->events, 0);
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGPIPE, SIG_IGN);
		kind->step(&r);
		_exit(0);
	}
	status = wait_for_all(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status))
		_exit(1); /* it has said why */
	if (WIFSIGNALED(status) && kind->step != killed_step && kind->step != ioctls_step)
		fail("signal %d", WTERMSIG(status));
	while (count_of("vms") != vms || count_of("vcpus") != vcpus) {
		if (++tries > 2000)
			fail("%lu VMs and %lu vCPUs are left", count_of("vms") - vms,
			     count_of("vcpus") - vcpus);
		sleep_us(1000);
	}
}

static void say_what_was_seen(unsigned long n)
{
	static const char *const names[] = {
		[KVM_EXIT_UNKNOWN] = "unknown",
		[KVM_EXIT_IO] = "io",
		[KVM_EXIT_HLT] = "hlt",
		[KVM_EXIT_MMIO] = "mmio",
		[KVM_EXIT_IRQ_WINDOW_OPEN] = "window",
		[KVM_EXIT_SHUTDOWN] = "shutdown",
		[KVM_EXIT_FAIL_ENTRY] = "fail-entry",
		[KVM_EXIT_INTR] = "intr",
		[KVM_EXIT_INTERNAL_ERROR] = "internal-error",
	};

	printf("done %s, seed %lu, %lu steps; calls %lu, succeeded %lu; sregs refused %lu; exits:",
	       kind->name, seed, n, seen->calls, seen->succeeded, seen->refused);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i] && seen->exits[i])
			printf(" %s %lu", names[i], seen->exits[i]);
	printf("\n");
}

int main(int argc, char **argv)
{
	unsigned long n, first;

	for (unsigned int i = 0; argc > 3 && i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(argv[1], kinds[i].name))
			kind = &kinds[i];
	if (!kind || access("/dev/kvm", R_OK | W_OK)) {
		fprintf(stderr, "usage: hostile guests|ioctls|killed|entry SEED N [FIRST], with a "
				"/dev/kvm\n");
		return 2;
	}
	seed = strtoul(argv[2], NULL, 0);
	n = strtoul(argv[3], NULL, 0);
	first = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	for (step = first; step < first + n; step++)
		one_step();
	say_what_was_seen(n);
	return 0;
}
