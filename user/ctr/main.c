/* SPDX-License-Identifier: MIT */
/* The verbs of ctr; help.txt is their table and help. */
#include "oci.h"

static const struct verb verbs[] = {
#include "help.inc"
	{ 0 },
};

static const struct tool ctr = {
	.name = "ctr",
	.what = "Runs programs in containers: processes of this kernel with a root,\n"
		"numbers, names and limits of their own.",
	.more = "Example:\n"
		"  ctr run busybox -- sh -c 'hostname; ps'\n",
	.verbs = verbs,
	.bridge = "ctr0",
	.network = 0x0a580000, /* 10.88.0.0, as podman's */
	.remove = container_remove,
	.inspect = look_inside,
};

int main(int argc, char **argv)
{
	/* They are never something that is opened later. */
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/dev/null", O_RDWR);
	return tool_main(&ctr, argc, argv);
}
