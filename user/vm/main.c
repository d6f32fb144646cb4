/* SPDX-License-Identifier: MIT */
/* The verbs of vm; help.txt is their help. */
#include <signal.h>
#include <stddef.h>

#include "vm.h"
#include "help.inc"

/* Name, usage, what it does, more, options, operands at least and at most (-1: any), function. */
static const struct verb verbs[] = {
	{ "run", "run [OPTION...] [IMAGE [--] [COMMAND [ARG...]]]",
	  "Starts a virtual machine with an image as its root and waits for its end", HELP_run,
	  run_options, 0, -1, run_verb },
	{ "snapshot", "snapshot NAME FILE",
	  "Writes a running machine to a file; the machine goes on", HELP_snapshot, NULL, 2, 2,
	  snapshot_verb },
	{ "restore", "restore [OPTION...] FILE [[--] COMMAND [ARG...]]",
	  "Starts a machine from a snapshot: it goes on where it was", HELP_restore,
	  restore_options, 1, -1, restore_verb },
	{ "ps", "ps [OPTION...]", "Lists the virtual machines that run, with their memory", HELP_ps,
	  ps_options, 0, 0, ps_verb },
	{ "images", "images", "Lists the images that there are", HELP_images, NULL, 0, 0,
	  images_verb },
	{ "exec", "exec [OPTION...] NAME [--] COMMAND [ARG...]",
	  "Runs one more command inside a machine", HELP_exec, exec_options, 2, -1, exec_verb },
	{ "attach", "attach NAME", "Attaches to the stdin and the output of a detached machine",
	  HELP_attach, NULL, 1, 1, attach_verb },
	{ "logs", "logs [OPTION...] NAME", "Prints what a detached machine has written", HELP_logs,
	  logs_options, 1, 1, logs_verb },
	{ "stop", "stop [OPTION...] NAME...",
	  "Ends a machine: asks the guest, and SIGKILL if that does not help", HELP_stop,
	  stop_options, 1, -1, stop_verb },
	{ "pause", "pause NAME...", "Halts all CPUs of a machine", HELP_pause, NULL, 1, -1,
	  pause_verb },
	{ "unpause", "unpause NAME...", "Lets them go on", HELP_unpause, NULL, 1, -1,
	  unpause_verb },
	{ "stats", "stats [OPTION...]",
	  "Shows what the machines use: CPU, memory; why they exit; each second", HELP_stats,
	  stats_options, 0, 0, stats_verb },
	{ "inspect", "inspect NAME...", "Tells all that is known of machines, as JSON",
	  HELP_inspect, NULL, 1, -1, inspect_verb },
	{ "events", "events", "Prints what happens to machines, as it happens", HELP_events, NULL,
	  0, 0, events_verb },
	{ "explain", "explain [OPTION...] NAME", "Draws what a machine is made of, beside the host",
	  HELP_explain, explain_options, 1, 1, explain_verb },
	{ "completion", "completion", "Prints what makes bash complete the command line of vm",
	  HELP_completion, NULL, 0, 0, completion_verb },
	{ "kill", "kill [OPTION...] NAME...", "Ends a machine at once: SIGKILL, or another signal",
	  HELP_kill, kill_options, 1, -1, kill_verb },
	{ "rm", "rm [OPTION...] NAME...",
	  "Removes what is left of a machine; a running one only with --force", HELP_rm, rm_options,
	  1, -1, rm_verb },
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
	.ask = ask,
	.inspect = machine_inspect,
	.stats_head = STATS_HEAD,
	.stats = stats_show,
};

int main(int argc, char **argv)
{
	return tool_main(&vm, argc, argv);
}
