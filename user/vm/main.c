/* SPDX-License-Identifier: MIT */
/* The verbs of vm, and their help. */
#include <stddef.h>

#include "vm.h"

static const struct verb verbs[] = {
	{
		.name = "run",
		.usage = "run [OPTION...] [IMAGE [--] [COMMAND [ARG...]]]",
		.what = "Starts a virtual machine with an image as its root and waits for its end",
		.more = "The machine boots a kernel of its own (Dyad; --kernel linux: Debian's;\n"
			"or a file: a Linux kernel with its modules in FILE.modules, or one with\n"
			"a PVH entry) and runs the command there. Its output comes out here,\n"
			"its exit status is vm's. Without a command, the image's own runs\n"
			"(Entrypoint and Cmd of a container image), else there is a shell on\n"
			"the machine's console: `poweroff` leaves it, Ctrl-A x kills the\n"
			"machine. What is written to the root is gone at the end. Other\n"
			"statuses: 125 when vm or the guest kernel failed, 126 not\n"
			"executable, 127 not found.\n"
			"\n"
			"Without an image, --kernel is anything a PC's loaders start: a Linux\n"
			"kernel (bzImage), a multiboot kernel, an ELF file with a PVH entry, or\n"
			"a boot sector with what is behind it. --initrd is Linux's root, and a\n"
			"module of others. What they write to port 0xf4 is vm's exit status.\n"
			"\n"
			"Examples:\n"
			"  vm run busybox -- sh -c 'uname -a; exit 9'\n"
			"  vm run busybox\n"
			"  vm run --kernel linux busybox -- uname -a\n"
			"  vm run --mem 32M --cpus 2 --name web busybox -- httpd -f\n"
			"  vm run --console --append loglevel=7 busybox -- true\n"
			"  vm run --mem 96M --kernel vmlinuz --initrd initrd.cpio --append quiet\n"
			"  vm run --kernel kernel.elf --initrd fs.img    a multiboot kernel\n",
		.opts = run_options,
		.min_args = 0,
		.max_args = -1,
		.run = run_verb,
	},
	{
		.name = "ps",
		.usage = "ps [OPTION...]",
		.opts = ps_options,
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
	.what = "Runs programs in virtual machines: each on a kernel of its own, by the CPU's\n"
		"VT-x or SVM.",
	.more = "Examples:\n"
		"  vm run busybox -- sh -c 'uname -a; exit 9'\n"
		"  vm ps\n",
	.verbs = verbs,
};

int main(int argc, char **argv)
{
	return tool_main(&vm, argc, argv);
}
