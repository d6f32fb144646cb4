/* SPDX-License-Identifier: MIT */
/* The verbs of vm, and their help. */
#include <stddef.h>

#include "vm.h"

static const struct verb verbs[] = {
	{
		.name = "run",
		.usage = "run [OPTION...] IMAGE [--] [COMMAND [ARG...]]",
		.what = "Starts a virtual machine with an image as its root and waits for its end",
		.more = "The machine boots a kernel of its own (Dyad, unless --kernel names "
			"another with a "
			"PVH entry)\n"
			"and runs the command there; its output comes out here, and its exit "
			"status is "
			"vm's. Without\n"
			"a command there is a shell on the machine's console (leave it with "
			"`poweroff`, "
			"or kill the\n"
			"machine with Ctrl-A x). What the machine writes to its root is gone at "
			"the end.\n"
			"Other statuses: 125 when vm or the guest kernel failed, 126 not "
			"executable, "
			"127 not found.\n"
			"\n"
			"Examples:\n"
			"  vm run busybox -- sh -c 'uname -a; exit 9'\n"
			"  vm run busybox\n"
			"  vm run --mem 32M --cpus 2 --name web busybox -- httpd -f\n"
			"  vm run --console --append loglevel=7 busybox -- true\n",
		.opts = run_options,
		.min_args = 1,
		.max_args = -1,
		.run = run_verb,
	},
	{
		.name = "ps",
		.usage = "ps",
		.what = "Lists the virtual machines that run, with their memory",
		.run = ps_verb,
	},
	{
		.name = "images",
		.usage = "images",
		.what = "Lists the images that there are",
		.more = "An image NAME is the file /images/NAME.erofs (another folder: "
			"DYAD_IMAGES).\n",
		.run = images_verb,
	},
	{ .name = NULL },
};

static const struct tool vm = {
	.name = "vm",
	.what = "Runs programs in virtual machines: each on a kernel of its own, by the CPU's VT-x "
		"or "
		"SVM.",
	.more = "Examples:\n"
		"  vm run busybox -- sh -c 'uname -a; exit 9'\n"
		"  vm ps\n",
	.verbs = verbs,
};

int main(int argc, char **argv)
{
	state_is_alive = machine_is_alive;
	return tool_main(&vm, argc, argv);
}
