/* SPDX-License-Identifier: MIT */
/*
 * kvm [SUITE [CASE... | -CASE...]]: runs the cases of all files here, of one, these of it, or all but these.
 * Status 0: all were ok.
 */
#include "kvm.h"

const char *current_case = "";
extern const struct suite *const __start_suites[], *const __stop_suites[];

int main(int argc, char **argv)
{
	int bad = 0;

	for (const struct suite *const *s = __start_suites; s < __stop_suites; s++)
		if (argc < 2 || !strcmp(argv[1], (*s)->name))
			bad |= run_cases((*s)->cases, (*s)->n, argv + (argc < 2 ? argc : 2));
	return bad;
}
