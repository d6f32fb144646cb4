/* SPDX-License-Identifier: MIT */
/* The verbs of vm; help.txt is their table and help. */
#include "vm.h"

static const struct verb verbs[] = {
#include "help.inc"
	{ 0 },
};

static void ask(const struct state *s)
{
	kill(s->pid, SIGPWR);
}

static const struct tool vm = {
	.name = "vm",
	.what = "Runs programs in virtual machines: each on a kernel of its own, by the CPU's\n"
		"VT-x or SVM.",
	.more = "Examples:\n"
		"  vm run busybox -- sh -c 'uname -a; exit 9'\n"
		"  vm ps\n",
	.verbs = verbs,
	.bridge = "vm0",
	.network = 0x0a590000, /* 10.89.0.0 */
	.ask = ask,
	.inspect = machine_inspect,
	.stats_head = STATS_HEAD,
	.stats = stats_show,
};

int main(int argc, char **argv)
{
	return tool_main(&vm, argc, argv);
}
