/* SPDX-License-Identifier: MIT */
/* The verbs of ctr, and their help. */
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "oci.h"

static int completion_verb(int argc, char **argv);

/* Name, usage, what it does, more, options, operands at least and at most (-1: any), function. */
static const struct verb verbs[] = {
	{ "run", "run [OPTION...] IMAGE [--] [COMMAND [ARG...]]",
	  "Starts a container from an image and waits for its end",
	  "Without a command, the image's own runs (Entrypoint and Cmd of a\n"
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
	  run_options, 1, -1, run_verb },
	{ "ps", "ps [OPTION...]", "Lists the containers that run, with their processes and memory",
	  "Example:\n"
	  "  ctr ps -a\n",
	  ps_options, 0, 0, ps_verb },
	{ "images", "images", "Lists the images that there are",
	  "An image NAME is the file NAME.erofs in /images, or in $DYAD_IMAGES.\n", NULL, 0, 0,
	  images_verb },
	{ "exec", "exec [OPTION...] NAME [--] COMMAND [ARG...]",
	  "Runs one more command inside a container",
	  "Exit statuses are those of `ctr run`.\n"
	  "\n"
	  "Examples:\n"
	  "  ctr exec web -- ps\n"
	  "  ctr exec -it web -- sh\n",
	  exec_options, 2, -1, exec_verb },
	{ "attach", "attach NAME", "Attaches to the stdin and the output of a detached container",
	  "With a terminal, ctrl-p ctrl-q leaves it running. The exit status is the\n"
	  "container's.\n"
	  "\n"
	  "Example:\n"
	  "  ctr run -dt --name sh busybox; ctr attach sh\n",
	  NULL, 1, 1, attach_verb },
	{ "logs", "logs [OPTION...] NAME", "Prints what a detached container has written",
	  "The last mebibyte of it, at least its half.\n"
	  "\n"
	  "Example:\n"
	  "  ctr logs -f -n 10 web\n",
	  logs_options, 1, 1, logs_verb },
	{ "stop", "stop [OPTION...] NAME...",
	  "Ends a container: SIGTERM, and SIGKILL if that does not help",
	  "Example:\n"
	  "  ctr stop -t 2 web\n",
	  stop_options, 1, -1, stop_verb },
	{ "pause", "pause NAME...", "Halts all processes of a container",
	  "Example:\n"
	  "  ctr pause web; ctr ps; ctr unpause web\n",
	  NULL, 1, -1, pause_verb },
	{ "unpause", "unpause NAME...", "Lets them go on",
	  "Example:\n"
	  "  ctr unpause web\n",
	  NULL, 1, -1, unpause_verb },
	{ "stats", "stats [OPTION...]",
	  "Shows what the containers use: CPU, memory, processes; each second",
	  "Example:\n"
	  "  ctr stats --once\n",
	  stats_options, 0, 0, stats_verb },
	{ "top", "top NAME", "Lists the processes of a container, by the host's numbers",
	  "Example:\n"
	  "  ctr top web\n",
	  NULL, 1, 1, top_verb },
	{ "inspect", "inspect NAME...", "Tells all that is known of containers, as JSON",
	  "Example:\n"
	  "  ctr inspect web\n",
	  NULL, 1, -1, inspect_verb },
	{ "explain", "explain [OPTION...] NAME",
	  "Draws what a container is made of, beside the host's",
	  "Its namespaces, mounts, cgroup with limits, and rights.\n"
	  "\n"
	  "Example:\n"
	  "  ctr explain --svg web > web.svg\n",
	  explain_options, 1, 1, explain_verb },
	{ "flavours", "flavours [IMAGE...]",
	  "Shows the images side by side: one kernel, many user lands",
	  "Example:\n"
	  "  ctr flavours busybox debian\n",
	  NULL, 0, -1, flavours_verb },
	{ "completion", "completion", "Prints what makes bash complete the command line of ctr",
	  "(busybox's ash has no completion that a program could add to.)\n"
	  "\n"
	  "Example:\n"
	  "  . <(ctr completion)\n",
	  NULL, 0, 0, completion_verb },
	{ "kill", "kill [OPTION...] NAME...|ID [SIGNAL]",
	  "Sends a signal to process 1 of a container: SIGKILL, which ends it whole",
	  "Examples:\n"
	  "  ctr kill web\n"
	  "  ctr kill -s TERM web\n"
	  "Of a bundle's container, as OCI runtimes: SIGTERM without a SIGNAL\n"
	  "  ctr kill ID KILL\n",
	  kill_options, 1, -1, kill_verb },
	{ "rm", "rm [OPTION...] NAME...",
	  "Removes what is left of a container; a running one only with --force",
	  "A container that was detached, and not run with --rm, stays in `ctr ps "
	  "-a`\n"
	  "after its end, with its status and its log, until it is removed.\n"
	  "\n"
	  "Example:\n"
	  "  ctr rm -f web\n",
	  rm_options, 1, -1, rm_verb },
	{ "spec", "spec [OPTION...]", "Writes the config.json of a bundle, for a shell in ./rootfs",
	  "Example:\n"
	  "  mkdir b; cd b; ctr spec; vi config.json; ctr run --bundle . name\n",
	  spec_options, 0, 0, spec_verb },
	{ "create", "create [OPTION...] ID",
	  "Makes a container of a bundle; its command waits for `ctr start`",
	  "A bundle is a folder with a config.json, as the OCI runtime\n"
	  "specification has it. Containers of bundles have names of their own,\n"
	  "for `ctr start`, state, kill and delete.\n"
	  "\n"
	  "Example:\n"
	  "  ctr create --bundle b web; ctr start web; ctr state web\n",
	  create_options, 1, 1, create_verb },
	{ "start", "start ID", "Lets the command of a bundle's container run",
	  "Example:\n"
	  "  ctr start web\n",
	  NULL, 1, 1, start_verb },
	{ "state", "state ID", "Prints the state of a bundle's container as JSON",
	  "Example:\n"
	  "  ctr state web\n",
	  NULL, 1, 1, state_verb },
	{ "delete", "delete [OPTION...] ID", "Removes a bundle's container that has ended",
	  "Example:\n"
	  "  ctr kill web KILL; ctr delete web\n",
	  rm_options, 1, 1, delete_verb },
	{ 0 },
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
