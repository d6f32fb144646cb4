/* SPDX-License-Identifier: MIT */
/* /proc/self/fd and fdinfo, writing to /proc, its directories, and files of processes that are gone. */
#include "vfs.h"

static void descriptors(void)
{
	char name[64], to[256];
	int fds[4], n;

	begin();
	make_file("f", "x");
	fds[0] = open("f", O_RDONLY);
	fds[1] = open("f", O_WRONLY);
	fds[2] = open(".", O_PATH);
	fds[3] = open("/dev/null", O_RDWR);
	for (int i = 0; i < 4; i++) {
		struct stat st;

		snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[i]);
		lstat(name, &st);
		n = readlink(name, to, sizeof(to) - 1);
		to[n < 0 ? 0 : n] = '\0';
		say("%o %s", st.st_mode,
		    strncmp(to, abi_dir, strlen(abi_dir)) ? to : to + strlen(abi_dir));
	}
	close(fds[0]);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fds[0]);
	R(readlink(name, to, sizeof(to)));
	R(open(name, O_RDONLY));
	R(readlink("/proc/self/fd/-1", to, sizeof(to)));
	R(readlink("/proc/self/fd/00", to, sizeof(to)));
	R(readlink("/proc/self/fd/4294967296", to, sizeof(to)));
}

static void info(void)
{
	char name[64], text[512];
	int fd, i, n;

	begin();
	make_file("f", "0123456789");
	fd = open("f", O_RDWR | O_APPEND);
	lseek(fd, 4, SEEK_SET);
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	i = open(name, O_RDONLY);
	n = read(i, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (!strncmp(line, "pos:", 4) || !strncmp(line, "flags:", 6))
			say("%s", line);
	R(open("/proc/self/fdinfo/99", O_RDONLY));
	R(open(name, O_WRONLY));
}

static void names_in_proc(void)
{
	begin();
	R(mkdir("/proc/x", 0755));
	R(open("/proc/x", O_CREAT | O_RDWR, 0644));
	R(unlink("/proc/uptime"));
	R(rmdir("/proc/self/fd"));
	R(rename("/proc/uptime", "/proc/x"));
	R(symlink("x", "/proc/y"));
	R(link("/proc/uptime", "/proc/x"));
	R(mkdir("/proc/self/x", 0755));
	R(open("/proc/self/x", O_CREAT | O_RDWR, 0644));
	R(access("/proc/999999999", F_OK));
	R(access("/proc/01", F_OK));
	R(access("/proc/self/task/1x", F_OK));
	R(truncate("/proc/uptime", 0));
	R(open("/proc/uptime", O_RDONLY | O_DIRECTORY));
	R(open("/proc/self", O_RDONLY | O_NOFOLLOW));
	R(open("/proc/self/stat/x", O_RDONLY));
}

static void of_the_dead(void)
{
	char name[64], buf[64];
	int d, f, l;
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	snprintf(name, sizeof(name), "/proc/%d", pid);
	d = open(name, O_RDONLY | O_DIRECTORY);
	f = openat(d, "stat", O_RDONLY);
	l = openat(d, "cwd", O_PATH | O_NOFOLLOW);
	R(read(f, buf, 1));
	kill(pid, SIGKILL);
	reap(pid);
	R(lseek(f, 0, SEEK_SET));
	R(read(f, buf, 1));
	R(readlinkat(l, "", buf, sizeof(buf)));
	R(access(name, F_OK));
}

ABI_MAIN(CASE(descriptors), CASE(info), CASE(names_in_proc), CASE(of_the_dead))
