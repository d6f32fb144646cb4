/* SPDX-License-Identifier: MIT */
/* Virtual machines from their start to their exit, when nothing is left of them (bench.h). */
#include "bench.h"

#define VM "/usr/local/bin/vm"
#define SNAPSHOT "/tmp/bench.vm"

static uint64_t run_batch(unsigned int n)
{
	static char *const argv[] = { VM, "run", "busybox", "--", "true", NULL };

	return time_programs(n, argv);
}

/* Of a machine that has run a command before; that is restored, too. */
static void make_snapshot(void)
{
	static const char line[] = VM " run -d --name bench busybox -- sleep 1000 >/dev/null && " VM
				      " exec bench -- true && " VM " snapshot bench " SNAPSHOT
				      " && " VM " rm -f bench";

	check(!access(SNAPSHOT, F_OK) || !system(line), line);
}

static uint64_t restore_batch(unsigned int n)
{
	static char *const argv[] = { VM, "restore", SNAPSHOT, "--", "true", NULL };

	make_snapshot();
	return time_programs(n, argv);
}

static const struct bench benches[] = {
	{ "vm-run", run_batch, 1 },
	{ "vm-restore", restore_batch, 1 },
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, benches, 2);
}
