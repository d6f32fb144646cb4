/* SPDX-License-Identifier: MIT */
/* Verbs, options and help: the command line of ctr and of vm. */
#include "common.h"

/* ---- help ---- */

/* Terminals of 80 columns are common where these tools run: options to the left, their help to the right. */
#define LEFT_WIDTH 26
#define HELP_WIDTH 52

static void print_option(const struct opt *o)
{
	const char *help = o->help;
	char left[64];
	int n = 0;

	if (o->letter)
		n = format(left, sizeof(left), "-%c, ", o->letter);
	format(left + n, sizeof(left) - n, "%s%s%s", o->name,
	       o->arg && o->kind != OPT_WORD ? " " : "", o->arg ?: "");
	print("  %-*s", LEFT_WIDTH - 2, left);
	if (strlen(left) + 2 > LEFT_WIDTH)
		print("\n%*s", LEFT_WIDTH, "");
	for (;;) {
		n = strlen(help);
		if (n > HELP_WIDTH)
			for (n = HELP_WIDTH; n > 1 && help[n] != ' ';)
				n--;
		print(" %.*s\n", n, help);
		help += n;
		if (!*help)
			return;
		help++;
		print("%*s", LEFT_WIDTH, "");
	}
}

/* The status, once all is written that was printed. */
static int printed(int status)
{
	if (!flush() && !status)
		die(STATUS_FAILED, "stdout: %s", strerror(errno));
	return status;
}

static int verb_help(const struct tool *tool, const struct verb *v)
{
	print("Usage: %s %s\n\n%s\n", tool->name, v->usage, v->what);
	if (v->opts && v->opts->name) {
		print("\nOptions:\n");
		for (const struct opt *o = v->opts; o->name; o++)
			print_option(o);
	}
	if (v->more)
		print("\n%s", v->more);
	return printed(0);
}

static int tool_help(const struct tool *tool)
{
	print("Usage: %s VERB [OPTION...] [ARGUMENT...]\n\n%s\n\n", tool->name, tool->what);
	for (const struct verb *v = tool->verbs; v->name; v++)
		print("  %-10s  %s\n", v->name, v->what);
	print("\n`%s VERB --help` tells more about one, `%s --version` which this is.\n%s%s",
	      tool->name, tool->name, tool->more ? "\n" : "", tool->more ? tool->more : "");
	return printed(0);
}

/* ---- options ---- */

void set_option(const struct opt *o, const char *shown, const char *value, int most)
{
	unsigned int least;
	char *end;

	if (o->kind & OPT_UNLIMITED && (!strcmp(value, "0") || !strcmp(value, "-1"))) {
		*(uint64_t *)o->var = 0;
		return;
	}
	switch (o->kind & ~OPT_UNLIMITED) {
	case OPT_FLAG:
		*(bool *)o->var = true;
		break;
	case OPT_TEXT:
	case OPT_WORD:
		*(const char **)o->var = value;
		break;
	case OPT_SIZE:
		if (!parse_size(value, o->var))
			die(STATUS_USAGE, "%s %s: not a size (examples: 32M, 1G, 65536)", shown,
			    value);
		break;
	case OPT_COUNT:
	case OPT_NUMBER:
		errno = 0;
		*(uint64_t *)o->var = to_number(value, &end, 10);
		least = o->kind != OPT_COUNT;
		if (errno || *end || end == value || *(uint64_t *)o->var < least)
			die(STATUS_USAGE, "%s %s: not a number of at least %d", shown, value,
			    least);
		break;
	case OPT_ENV: /* "K" alone: as it is here, if it is */
		end = strchr(value, '=');
		if (end == value || !*value)
			die(STATUS_USAGE, "%s %s: not of the form K=V or K", shown, value);
		if (!end && !(end = getenv(value)))
			break;
		if (*end != '=')
			value = end - strlen(value) - 1;
	/* fall through */
	case OPT_LIST: {
		struct opt_list *list = o->var;

		if (!list->item)
			list->item = allocate((most + 1) * sizeof(*list->item));
		list->item[list->n++] = value;
	}
	}
}

bool option_given(const struct opt *o)
{
	switch (o->kind) {
	case OPT_FLAG:
		return *(bool *)o->var;
	case OPT_TEXT:
	case OPT_WORD:
		return *(const char **)o->var;
	case OPT_LIST:
	case OPT_ENV:
		return ((struct opt_list *)o->var)->n;
	default:
		return *(uint64_t *)o->var;
	}
}

static const struct opt *find_option(const struct opt *opts, const char *name, size_t len,
				     char letter)
{
	for (const struct opt *o = opts; o && o->name; o++)
		if (letter ? o->letter == letter
			   : o->name[2] == name[2] && !strncmp(o->name, name, len) && !o->name[len])
			return o;
	return NULL;
}

/* NULL: the value is the next word. The words used: 1 or 2. */
static int take_value(const struct opt *o, const char *shown, const char *value, int argc,
		      char **argv)
{
	int used = value ? 1 : 2;

	if (argc < used)
		die(STATUS_USAGE, "%s: %s is missing", shown, o->arg);
	set_option(o, shown, value ?: argv[1], argc);
	return used;
}

/* "--name VALUE" or "--name=VALUE". */
static int long_option(const struct verb *v, int argc, char **argv)
{
	const char *word = argv[0];
	size_t len = strcspn(word, "=");
	const struct opt *o = find_option(v->opts, word, len, 0);
	const char *value = word[len] ? word + len + 1 : NULL;

	if (!o)
		die(STATUS_USAGE, "%s: unknown option %s (try `%s %s --help`)", v->name, word,
		    the_tool->name, v->name);
	if (o->kind == OPT_FLAG && value)
		die(STATUS_USAGE, "%s: takes no value", o->name);
	if (o->kind == OPT_FLAG || (o->kind == OPT_WORD && !value))
		value = "";
	return take_value(o, o->name, value, argc, argv);
}

/* "-it", "-e VALUE", "-eVALUE". */
static int short_options(const struct verb *v, int argc, char **argv)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct opt *o = find_option(v->opts, NULL, 0, *p);
		char shown[3] = { '-', *p };

		if (!o)
			die(STATUS_USAGE, "%s: unknown option %s (try `%s %s --help`)", v->name,
			    shown, the_tool->name, v->name);
		if (o->kind != OPT_FLAG)
			return take_value(o, shown, p[1] ? p + 1 : NULL, argc, argv);
		set_option(o, shown, NULL, argc);
	}
	return 1;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

static int run_verb(const struct tool *tool, const struct verb *v, int argc, char **argv)
{
	/* Options may stand behind operands too, but for those of a command. */
	bool command = strstr(v->usage, "COMMAND");
	char **operands = argv;
	int n = 0;

	while (argc && (!command || is_option(argv[0]))) {
		int used = 1;

		if (!strcmp(argv[0], "--")) {
			argc--, argv++;
			break;
		}
		if (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))
			return verb_help(tool, v);
		if (!is_option(argv[0]))
			operands[n++] = argv[0];
		else
			used = argv[0][1] == '-' ? long_option(v, argc, argv)
						 : short_options(v, argc, argv);
		argc -= used;
		argv += used;
	}
	memmove(operands + n, argv, (argc + 1) * sizeof(*argv));
	argv = operands;
	argc += n;
	if (argc < v->min_args)
		die(STATUS_USAGE, "%s: too few arguments. Usage: %s %s", v->name, tool->name,
		    v->usage);
	if (v->max_args >= 0 && argc > v->max_args)
		die(STATUS_USAGE, "%s: too many arguments: %s. Usage: %s %s", v->name,
		    argv[v->max_args], tool->name, v->usage);
	return printed(v->run(argc, argv));
}

/* How many letters must be changed, put in, left out or exchanged to make b of a; at most `most` + 1. */
static int distance(const char *a, const char *b, int most)
{
	int by[3];

	while (*a && *a == *b)
		a++, b++;
	if (!*a && !*b)
		return 0;
	if (!most)
		return 1;
	if (*a && a[0] == b[1] && a[1] == b[0])
		return 1 + distance(a + 2, b + 2, most - 1);
	by[0] = *a && *b ? distance(a + 1, b + 1, most - 1) : most;
	by[1] = *a ? distance(a + 1, b, most - 1) : most;
	by[2] = *b ? distance(a, b + 1, most - 1) : most;
	return 1 + (by[0] < by[1] ? by[0] < by[2] ? by[0] : by[2] : by[1] < by[2] ? by[1] : by[2]);
}

static const struct verb *find_verb(const struct tool *tool, const char *name)
{
	for (const struct verb *v = tool->verbs; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	for (int most = 1; most <= 2 && most < (int)strlen(name); most++)
		for (const struct verb *v = tool->verbs; v->name; v++)
			if (distance(name, v->name, most) <= most)
				die(STATUS_USAGE, "unknown verb %s: did you mean `%s %s`?", name,
				    tool->name, v->name);
	die(STATUS_USAGE, "unknown verb %.64s (try `%s --help`)", name, tool->name);
}

int tool_main(const struct tool *tool, int argc, char **argv)
{
	the_tool = tool;
	if (argc < 2) {
		tool_help(tool);
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "help") && argc > 2)
		return verb_help(tool, find_verb(tool, argv[2]));
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return tool_help(tool);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-v")) {
		print("%s version " TOOLS_VERSION " (Dyad)\n", tool->name);
		return printed(0);
	}
	return run_verb(tool, find_verb(tool, argv[1]), argc - 2, argv + 2);
}
