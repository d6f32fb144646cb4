/* SPDX-License-Identifier: MIT */
/* newcg COMMAND ARGUMENT...: in a cgroup namespace of its own, whose root is the group it is in. */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 1 && !unshare(CLONE_NEWCGROUP))
		execvp(argv[1], argv + 1);
	perror("newcg");
	return 1;
}
