/* SPDX-License-Identifier: MIT */
/* The verbs of ctr, and their help. */
#include <stddef.h>

#include "ctr.h"

static const struct verb verbs[] = {
	{
		.name = "run",
		.usage = "run [OPTION...] IMAGE [--] [COMMAND [ARG...]]",
		.what = "Starts a container from an image and waits for its end",
		.more = "Without a command, the image's own runs (Entrypoint and Cmd of a\n"
			"container image), or /bin/sh; folder, user and environment are as\n"
			"the image says. The command is process 1 of the container, in pid,\n"
			"mount, host name and other namespaces of its own; what it writes\n"
			"goes to memory and is gone at the end. The exit status is the\n"
			"command's; 128 + N when signal N ended it, 125 when ctr itself failed,\n"
			"126 not executable, 127 not found.\n"
			"Signals are passed on. One that the command does not handle ends it,\n"
			"as it would outside; so does a second SIGINT or SIGTERM.\n"
			"\n"
			"Examples:\n"
			"  ctr run busybox -- sh -c 'hostname; ps; exit 7'\n"
			"  ctr run -it --hostname lab busybox\n"
			"  ctr run --memory 32M busybox -- tail /dev/zero\n"
			"  ctr run --pids 16 -e GREETING=hello busybox -- sh -c 'echo $GREETING'\n",
		.opts = run_options,
		.min_args = 1,
		.max_args = -1,
		.run = run_verb,
	},
	{
		.name = "ps",
		.usage = "ps",
		.what = "Lists the containers that run, with their processes and memory",
		.run = ps_verb,
	},
	{
		.name = "images",
		.usage = "images",
		.what = "Lists the images that there are",
		.more = "An image NAME is the file NAME.erofs in /images, or in $DYAD_IMAGES.\n",
		.run = images_verb,
	},
	{
		.name = "exec",
		.usage = "exec [OPTION...] NAME [--] COMMAND [ARG...]",
		.what = "Runs one more command inside a container",
		.more = "Exit statuses are those of `ctr run`.\n"
			"\n"
			"Examples:\n"
			"  ctr exec web -- ps\n"
			"  ctr exec -it web -- sh\n",
		.opts = exec_options,
		.min_args = 2,
		.max_args = -1,
		.run = exec_verb,
	},
	{
		.name = "kill",
		.usage = "kill [OPTION...] NAME...",
		.what = "Sends a signal to process 1 of a container: SIGKILL, which ends it whole",
		.more = "Examples:\n"
			"  ctr kill web\n"
			"  ctr kill -s TERM web\n",
		.opts = kill_options,
		.min_args = 1,
		.max_args = -1,
		.run = kill_verb,
	},
	{
		.name = "rm",
		.usage = "rm [OPTION...] NAME...",
		.what = "Removes what is left of a container; a running one only with --force",
		.more = "A container leaves nothing behind when it ends; something is left only\n"
			"after its `ctr run` was killed.\n",
		.opts = rm_options,
		.min_args = 1,
		.max_args = -1,
		.run = rm_verb,
	},
	{ .name = NULL },
};

static const struct tool ctr = {
	.name = "ctr",
	.what = "Runs programs in containers: processes of this kernel with a root,\n"
		"numbers, names and limits of their own.",
	.more = "Example:\n"
		"  ctr run busybox -- sh -c 'hostname; ps'\n",
	.verbs = verbs,
};

int main(int argc, char **argv)
{
	state_is_alive = container_is_alive;
	return tool_main(&ctr, argc, argv);
}
