/* SPDX-License-Identifier: MIT */
/*
 * `ctr run --in-vm`: the same image and command on another kernel. ctr becomes `vm run`, which has the same
 * options where they mean something for a virtual machine; all others are refused by name. The command
 * is a container inside a machine that all of this image and kernel share (vm/shared.c), unless an option
 * says something about a machine, which then is the command's own.
 */
#include "ctr.h"

#define NR_OF_MACHINES 4
static const char shared[] =
	"--memory --cpus --name --detach --env --workdir --user --interactive --tty --rm";
static bool own_machine;

/* The option as words of a command line, where *w points; nothing when it was not given. */
static void put_option(char ***w, const struct opt *o)
{
	struct opt_list list = { .n = 1 };
	int place = name_index(shared, o->name, false);
	const char *text = NULL;
	char size[24];

	if (o->kind == OPT_LIST) {
		list = *(struct opt_list *)o->var;
	} else if (o->kind == OPT_FLAG) {
		list.n = *(bool *)o->var;
	} else if (o->kind == OPT_TEXT) {
		text = *(const char **)o->var;
		list.n = text != NULL;
	} else if (o->kind == OPT_SIZE || o->kind == OPT_NUMBER) {
		list.n = *(uint64_t *)o->var != 0;
		text = copy_text(size, format(size, sizeof(size), "%lu", *(uint64_t *)o->var));
	} else {
		return;
	}
	if (list.n && place < 0)
		die(STATUS_USAGE, "run: %s is not for --in-vm", o->name);
	own_machine |= list.n && place < NR_OF_MACHINES;
	for (int i = 0; i < list.n; i++) {
		*(*w)++ = (char *)o->name;
		if (o->kind != OPT_FLAG)
			*(*w)++ = (char *)(list.item ? list.item[i] : text);
	}
}

void run_in_vm(const struct opt *options, const char *kernel, const char *image, char **argv)
{
	static char self[256] = "--container=";
	char *end = self + strlen(self), **words, **w;
	ssize_t got = readlink("/proc/self/exe", end, self + sizeof(self) - 1 - end);
	size_t n = 0;

	for (const struct opt *o = options; o->name; o++)
		n += o->kind == OPT_LIST ? 2 * ((struct opt_list *)o->var)->n : 2;
	for (char **word = argv; *word; word++)
		n++;
	w = words = allocate((n + 8) * sizeof(*words));
	*w++ = "vm";
	*w++ = "run";
	if (*kernel) {
		*w++ = "--kernel";
		*w++ = (char *)kernel;
	}
	for (; options->name; options++)
		put_option(&w, options);
	if (!own_machine && got > 0 && (!*kernel || !strcmp(kernel, "linux")))
		*w++ = self;
	*w++ = (char *)image;
	*w++ = "--";
	while (*argv)
		*w++ = *argv++;
	execvp(words[0], words);
	die(STATUS_FAILED, "--in-vm: vm: %s", strerror(errno));
}
