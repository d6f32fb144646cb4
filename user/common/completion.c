/* SPDX-License-Identifier: MIT */
/* The verb `completion`: what makes bash complete a tool's verbs, options, and names of its own. */
#include "life.h"

int completion_verb(int argc, char **argv)
{
	const char *name = the_tool->name;

	print("_%s() {\n\tlocal at=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} words\n"
	      "\tif [ $COMP_CWORD = 1 ]; then verb=; fi\n\tcase $verb in\n\t'') words='",
	      name);
	for (const struct verb *v = the_tool->verbs; v->name; v++)
		print("%s ", v->name);
	print("';;\n");
	for (const struct verb *v = the_tool->verbs; v->name; v++) {
		print("\t%s) words=\"--help", v->name);
		for (const struct opt *o = v->opts; o && o->name; o++)
			print(" %s", o->name);
		if (strstr(v->usage, "IMAGE"))
			print(" $(%s images | sed '1d; s/ .*//')", name);
		else if (strstr(v->usage, "NAME") || strstr(v->usage, "ID"))
			print(" $(%s ps -aq)", name);
		print("\";;\n");
	}
	print("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$at\"))\n}\n"
	      "complete -o default -F _%s %s\n",
	      name, name);
	return 0;
}
