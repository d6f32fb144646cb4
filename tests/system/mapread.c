/* SPDX-License-Identifier: MIT */
/* mapread FILE [TIMES]: maps a file, reads a byte of every 64, and prints their sum; "SIGBUS" and
 * status 3 where the file cannot be read. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void on_sigbus(int sig)
{
	write(1, "SIGBUS\n", 7);
	_exit(3);
}

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDONLY), times = argc > 2 ? atoi(argv[2]) : 1;
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	unsigned long sum = 0;

	signal(SIGBUS, on_sigbus);
	if (p == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	while (times--)
		for (off_t i = 0; i < size; i += 64)
			sum += p[i];
	printf("%lu\n", sum);
	return 0;
}
