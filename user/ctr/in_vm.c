/* SPDX-License-Identifier: MIT */
/*
 * `ctr run --in-vm`: the same image and command on another kernel. ctr becomes `vm run`, which has the same
 * options where they mean something for a virtual machine; all others are refused by name. The command
 * is a container inside a machine that all of this image and kernel share (vm/shared.c), unless an option
 * says something about a machine, which then is the command's own.
 */
#include "ctr.h"

#define NR_OF_MACHINES 5
static const char shared[] =
	"--memory --cpus --name --detach --publish --env --workdir --user --interactive --tty --rm";
static bool own_machine;

/* The option as words of a command line; nothing when it was not given. */
static void put_option(struct words *w, const struct opt *o)
{
	struct opt_list list = { .n = 1 };
	int place = name_index(shared, o->name, false);
	const char *text = NULL;
	char size[24];

	if (!option_given(o) || o->kind == OPT_WORD)
		return;
	if (place < 0)
		die(STATUS_USAGE, "run: %s is not for --in-vm", o->name);
	own_machine |= place < NR_OF_MACHINES;
	if (o->kind == OPT_LIST || o->kind == OPT_ENV)
		list = *(struct opt_list *)o->var;
	else if (o->kind == OPT_TEXT)
		text = *(const char **)o->var;
	else if (o->kind != OPT_FLAG)
		text = copy_text(size, format(size, sizeof(size), "%lu", *(uint64_t *)o->var));
	for (int i = 0; i < list.n; i++)
		words_add(w, o->name, list.item ? list.item[i] : text, NULL);
}

void run_in_vm(const struct opt *options, const char *kernel, const char *image, char **argv)
{
	static char self[256] = "--container=";
	char *end = self + strlen(self);
	ssize_t got = readlink("/proc/self/exe", end, self + sizeof(self) - 1 - end);
	struct words w = { 0 };

	words_add(&w, "vm", "run", NULL);
	if (*kernel)
		words_add(&w, "--kernel", kernel, NULL);
	for (; options->name; options++)
		put_option(&w, options);
	if (!own_machine && got > 0 && (!*kernel || !strcmp(kernel, "linux")))
		words_add(&w, self, NULL);
	words_add(&w, image, "--", NULL);
	while (*argv)
		words_add(&w, *argv++, NULL);
	execvp(*w.word, (char **)w.word);
	die(STATUS_FAILED, "--in-vm: vm: %s", strerror(errno));
}
