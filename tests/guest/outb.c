/* SPDX-License-Identifier: MIT */
/* outb PORT VALUE: writes a byte to a port, as root on Linux. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/io.h>

int main(int argc, char **argv)
{
	unsigned int port = argc == 3 ? strtoul(argv[1], NULL, 0) : 0;

	if (!port || ioperm(port, 1, 1) < 0) {
		perror("outb");
		return 1;
	}
	outb(strtoul(argv[2], NULL, 0), port);
	return 0;
}
