/* SPDX-License-Identifier: MIT */
/* The verbs of ctr, and their help. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "oci.h"

static int completion_verb(int argc, char **argv);

static const struct verb verbs[] = {
	{ .name = "run",
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
		  "  ctr run --pids 16 -e GREETING=hello busybox -- sh -c 'echo $GREETING'\n"
		  "  ctr run -d --name web -p 8080:80 busybox -- httpd -f\n"
		  "  ctr run --net bridge busybox -- wget -qO - http://web/\n",
	  .opts = run_options,
	  .min_args = 1,
	  .max_args = -1,
	  .run = run_verb },
	{ .name = "ps",
	  .usage = "ps [OPTION...]",
	  .what = "Lists the containers that run, with their processes and memory",
	  .more = "Example:\n"
		  "  ctr ps -a\n",
	  .opts = ps_options,
	  .run = ps_verb },
	{ .name = "images",
	  .usage = "images",
	  .what = "Lists the images that there are",
	  .more = "An image NAME is the file NAME.erofs in /images, or in $DYAD_IMAGES.\n",
	  .run = images_verb },
	{ .name = "exec",
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
	  .run = exec_verb },
	{ .name = "attach",
	  .usage = "attach NAME",
	  .what = "Attaches to the stdin and the output of a detached container",
	  .more = "With a terminal, ctrl-p ctrl-q leaves it running. The exit status is the\n"
		  "container's.\n"
		  "\n"
		  "Example:\n"
		  "  ctr run -dt --name sh busybox; ctr attach sh\n",
	  .min_args = 1,
	  .max_args = 1,
	  .run = attach_verb },
	{ .name = "logs",
	  .usage = "logs [OPTION...] NAME",
	  .what = "Prints what a detached container has written",
	  .more = "The last mebibyte of it, at least its half.\n"
		  "\n"
		  "Example:\n"
		  "  ctr logs -f -n 10 web\n",
	  .opts = logs_options,
	  .min_args = 1,
	  .max_args = 1,
	  .run = logs_verb },
	{ .name = "stop",
	  .usage = "stop [OPTION...] NAME...",
	  .what = "Ends a container: SIGTERM, and SIGKILL if that does not help",
	  .more = "Example:\n"
		  "  ctr stop -t 2 web\n",
	  .opts = stop_options,
	  .min_args = 1,
	  .max_args = -1,
	  .run = stop_verb },
	{ .name = "pause",
	  .usage = "pause NAME...",
	  .what = "Halts all processes of a container",
	  .more = "Example:\n"
		  "  ctr pause web; ctr ps; ctr unpause web\n",
	  .min_args = 1,
	  .max_args = -1,
	  .run = pause_verb },
	{ .name = "unpause",
	  .usage = "unpause NAME...",
	  .what = "Lets them go on",
	  .more = "Example:\n"
		  "  ctr unpause web\n",
	  .min_args = 1,
	  .max_args = -1,
	  .run = unpause_verb },
	{ .name = "stats",
	  .usage = "stats [OPTION...]",
	  .what = "Shows what the containers use: CPU, memory, processes; each second",
	  .more = "Example:\n"
		  "  ctr stats --once\n",
	  .opts = stats_options,
	  .run = stats_verb },
	{ .name = "top",
	  .usage = "top NAME",
	  .what = "Lists the processes of a container, by the host's numbers",
	  .more = "Example:\n"
		  "  ctr top web\n",
	  .min_args = 1,
	  .max_args = 1,
	  .run = top_verb },
	{ .name = "inspect",
	  .usage = "inspect NAME...",
	  .what = "Tells all that is known of containers, as JSON",
	  .more = "Example:\n"
		  "  ctr inspect web\n",
	  .min_args = 1,
	  .max_args = -1,
	  .run = inspect_verb },
	{ .name = "explain",
	  .usage = "explain [OPTION...] NAME",
	  .what = "Draws what a container is made of, beside the host's",
	  .more = "Its namespaces, mounts, cgroup with limits, and rights.\n"
		  "\n"
		  "Example:\n"
		  "  ctr explain --svg web > web.svg\n",
	  .opts = explain_options,
	  .min_args = 1,
	  .max_args = 1,
	  .run = explain_verb },
	{ .name = "flavours",
	  .usage = "flavours [IMAGE...]",
	  .what = "Shows the images side by side: one kernel, many user lands",
	  .more = "Example:\n"
		  "  ctr flavours busybox debian\n",
	  .max_args = -1,
	  .run = flavours_verb },
	{ .name = "completion",
	  .usage = "completion",
	  .what = "Prints what makes bash complete the command line of ctr",
	  .more = "(busybox's ash has no completion that a program could add to.)\n"
		  "\n"
		  "Example:\n"
		  "  . <(ctr completion)\n",
	  .run = completion_verb },
	{ .name = "kill",
	  .usage = "kill [OPTION...] NAME...|ID [SIGNAL]",
	  .what = "Sends a signal to process 1 of a container: SIGKILL, which ends it whole",
	  .more = "Examples:\n"
		  "  ctr kill web\n"
		  "  ctr kill -s TERM web\n"
		  "Of a bundle's container, as OCI runtimes: SIGTERM without a SIGNAL\n"
		  "  ctr kill ID KILL\n",
	  .opts = kill_options,
	  .min_args = 1,
	  .max_args = -1,
	  .run = kill_verb },
	{ .name = "rm",
	  .usage = "rm [OPTION...] NAME...",
	  .what = "Removes what is left of a container; a running one only with --force",
	  .more = "A container that was detached, and not run with --rm, stays in `ctr ps "
		  "-a`\n"
		  "after its end, with its status and its log, until it is removed.\n"
		  "\n"
		  "Example:\n"
		  "  ctr rm -f web\n",
	  .opts = rm_options,
	  .min_args = 1,
	  .max_args = -1,
	  .run = rm_verb },
	{ .name = "spec",
	  .usage = "spec [OPTION...]",
	  .what = "Writes the config.json of a bundle, for a shell in ./rootfs",
	  .more = "Example:\n"
		  "  mkdir b; cd b; ctr spec; vi config.json; ctr run --bundle . name\n",
	  .opts = spec_options,
	  .run = spec_verb },
	{ .name = "create",
	  .usage = "create [OPTION...] ID",
	  .what = "Makes a container of a bundle; its command waits for `ctr start`",
	  .more = "A bundle is a folder with a config.json, as the OCI runtime\n"
		  "specification has it. Containers of bundles have names of their own,\n"
		  "for `ctr start`, state, kill and delete.\n"
		  "\n"
		  "Example:\n"
		  "  ctr create --bundle b web; ctr start web; ctr state web\n",
	  .opts = create_options,
	  .min_args = 1,
	  .max_args = 1,
	  .run = create_verb },
	{ .name = "start",
	  .usage = "start ID",
	  .what = "Lets the command of a bundle's container run",
	  .more = "Example:\n"
		  "  ctr start web\n",
	  .min_args = 1,
	  .max_args = 1,
	  .run = start_verb },
	{ .name = "state",
	  .usage = "state ID",
	  .what = "Prints the state of a bundle's container as JSON",
	  .more = "Example:\n"
		  "  ctr state web\n",
	  .min_args = 1,
	  .max_args = 1,
	  .run = state_verb },
	{ .name = "delete",
	  .usage = "delete [OPTION...] ID",
	  .what = "Removes a bundle's container that has ended",
	  .more = "Example:\n"
		  "  ctr kill web KILL; ctr delete web\n",
	  .opts = delete_options,
	  .min_args = 1,
	  .max_args = 1,
	  .run = delete_verb },
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

static int completion_verb(int argc, char **argv)
{
	print("_ctr() {\n\tlocal at=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words\n"
	      "\tif [ $COMP_CWORD = 1 ]; then verb=; fi\n\tcase $verb in\n\t'') words='");
	for (const struct verb *v = verbs; v->name; v++)
		print("%s ", v->name);
	print("';;\n");
	for (const struct verb *v = verbs; v->name; v++) {
		print("\t%s) words=\"--help", v->name);
		for (const struct opt *o = v->opts; o && o->name; o++)
			print(" %s", o->name);
		print("%s\";;\n", strstr(v->usage, "IMAGE")  ? " $(ctr images | sed '1d; s/ .*//')"
				  : strstr(v->usage, "NAME") ? " $(ctr ps -aq)"
							     : "");
	}
	print("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$at\"))\n}\n"
	      "complete -o default -F _ctr ctr\n");
	return 0;
}

int main(int argc, char **argv)
{
	int fd = open("/dev/null", O_RDWR);

	/* 0, 1 and 2 are never something that is opened later. */
	while (fd >= 0 && fd < 3)
		fd = open("/dev/null", O_RDWR);
	close(fd);
	state_give_back = net_give_back;
	return tool_main(&ctr, argc, argv);
}
