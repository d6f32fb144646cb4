/* SPDX-License-Identifier: MIT */
/* The verbs of ctr; help.txt is their help. */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include "oci.h"
#include "help.inc"

/* Name, usage, what it does, more, options, operands at least and at most (-1: any), function. */
static const struct verb verbs[] = {
	{ "run", "run [OPTION...] IMAGE [--] [COMMAND [ARG...]]",
	  "Starts a container from an image and waits for its end", HELP_run, run_options, 1, -1,
	  run_verb },
	{ "ps", "ps [OPTION...]", "Lists the containers that run, with their processes and memory",
	  HELP_ps, ps_options, 0, 0, ps_verb },
	{ "images", "images", "Lists the images that there are", HELP_images, NULL, 0, 0,
	  images_verb },
	{ "exec", "exec [OPTION...] NAME [--] COMMAND [ARG...]",
	  "Runs one more command inside a container", HELP_exec, exec_options, 2, -1, exec_verb },
	{ "attach", "attach NAME", "Attaches to the stdin and the output of a detached container",
	  HELP_attach, NULL, 1, 1, attach_verb },
	{ "logs", "logs [OPTION...] NAME", "Prints what a detached container has written",
	  HELP_logs, logs_options, 1, 1, logs_verb },
	{ "stop", "stop [OPTION...] NAME...",
	  "Ends a container: SIGTERM, and SIGKILL if that does not help", HELP_stop, stop_options,
	  1, -1, stop_verb },
	{ "pause", "pause NAME...", "Halts all processes of a container", HELP_pause, NULL, 1, -1,
	  pause_verb },
	{ "unpause", "unpause NAME...", "Lets them go on", HELP_unpause, NULL, 1, -1,
	  unpause_verb },
	{ "stats", "stats [OPTION...]",
	  "Shows what the containers use: CPU, memory, processes; each second", HELP_stats,
	  stats_options, 0, 0, stats_verb },
	{ "top", "top NAME", "Lists the processes of a container, by the host's numbers", HELP_top,
	  NULL, 1, 1, top_verb },
	{ "inspect", "inspect NAME...", "Tells all that is known of containers, as JSON",
	  HELP_inspect, NULL, 1, -1, inspect_verb },
	{ "events", "events", "Prints what happens to containers, as it happens", HELP_events, NULL,
	  0, 0, events_verb },
	{ "explain", "explain [OPTION...] NAME",
	  "Draws what a container is made of, beside the host's", HELP_explain, explain_options, 1,
	  1, explain_verb },
	{ "flavours", "flavours [IMAGE...]",
	  "Shows the images side by side: one kernel, many user lands", HELP_flavours, NULL, 0, -1,
	  flavours_verb },
	{ "completion", "completion", "Prints what makes bash complete the command line of ctr",
	  HELP_completion, NULL, 0, 0, completion_verb },
	{ "kill", "kill [OPTION...] NAME...|ID [SIGNAL]",
	  "Sends a signal to process 1 of a container: SIGKILL, which ends it whole", HELP_kill,
	  kill_options, 1, -1, kill_verb },
	{ "rm", "rm [OPTION...] NAME...",
	  "Removes what is left of a container; a running one only with --force", HELP_rm,
	  rm_options, 1, -1, rm_verb },
	{ "spec", "spec [OPTION...]", "Writes the config.json of a bundle, for a shell in ./rootfs",
	  HELP_spec, spec_options, 0, 0, spec_verb },
	{ "create", "create [OPTION...] ID",
	  "Makes a container of a bundle; its command waits for `ctr start`", HELP_create,
	  create_options, 1, 1, create_verb },
	{ "start", "start ID", "Lets the command of a bundle's container run", HELP_start, NULL, 1,
	  1, start_verb },
	{ "state", "state ID", "Prints the state of a bundle's container as JSON", HELP_state, NULL,
	  1, 1, state_verb },
	{ "delete", "delete [OPTION...] ID", "Removes a bundle's container that has ended",
	  HELP_delete, rm_options, 1, 1, delete_verb },
	{ 0 },
};

static const struct tool ctr = {
	.name = "ctr",
	.what = "Runs programs in containers: processes of this kernel with a root,\n"
		"numbers, names and limits of their own.",
	.more = "Example:\n"
		"  ctr run busybox -- sh -c 'hostname; ps'\n",
	.verbs = verbs,
	.give_back = net_give_back,
	.remove = container_remove,
	.inspect = look_inside,
};

int main(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDWR);

	/* 0, 1 and 2 are never something that is opened later. */
	while (fd >= 0 && fd < 3)
		fd = open("/dev/null", O_RDWR);
	close(fd);
	return tool_main(&ctr, argc, argv);
}
