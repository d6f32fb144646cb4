/* SPDX-License-Identifier: MIT */
/* One start of a container or a virtual machine: both are programs with an output and an end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "compare.h"

#define MAX_ARGS 16

const char *const mode_tool[MODES] = { "ctr", "vm" };

struct moment now(void)
{
	unsigned int low, high;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (struct moment){
		.ns = ts.tv_sec * 1000000000ULL + ts.tv_nsec,
		.ticks = (uint64_t)high << 32 | low,
	};
}

static void become(enum mode mode, const char *image, char *const argv[], int out, int err)
{
	char *args[MAX_ARGS + 5] = { (char *)mode_tool[mode], "run", (char *)image, "--" };
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < MAX_ARGS && argv[i]; i++)
		args[4 + i] = argv[i];
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	execvp(args[0], args);
	dprintf(2, "%s: %s\n", args[0], strerror(errno));
	_exit(127);
}

int run_start(struct run *r, enum mode mode, const char *image, char *const argv[])
{
	int out[2], err[2];

	*r = (struct run){ .out = -1, .err = -1 };
	if (pipe2(out, O_CLOEXEC) < 0)
		return -1;
	if (pipe2(err, O_CLOEXEC) < 0)
		goto out_pipe;
	r->start = now();
	r->pid = fork();
	if (r->pid < 0)
		goto out_both;
	if (r->pid == 0)
		become(mode, image, argv, out[1], err[1]);
	close(out[1]);
	close(err[1]);
	r->out = out[0];
	r->err = err[0];
	return 0;

out_both:
	close(err[0]);
	close(err[1]);
out_pipe:
	close(out[0]);
	close(out[1]);
	return -1;
}

/* Reads once from *fd, which becomes -1 at its end; keeps the beginning, always as a string. */
static ssize_t take(int *fd, char *keep, size_t *len, size_t size)
{
	char buf[512];
	ssize_t n = read(*fd, buf, sizeof(buf));
	size_t room = size - 1 - *len;

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0) {
		close(*fd);
		*fd = -1;
		return -1;
	}
	if ((size_t)n < room)
		room = n;
	memcpy(keep + *len, buf, room);
	*len += room;
	keep[*len] = '\0';
	return n;
}

/* Waits for output until the deadline. False when it has passed. */
static bool listen_once(struct run *r, uint64_t deadline)
{
	struct pollfd fds[2] = { { r->out, POLLIN, 0 }, { r->err, POLLIN, 0 } };
	uint64_t ns = now().ns;

	if (ns >= deadline || poll(fds, 2, (deadline - ns) / 1000000 + 1) == 0)
		return false;
	if (fds[0].revents) {
		struct moment when = now();

		take(&r->out, r->output, &r->output_len, sizeof(r->output));
		if (!r->marked && memchr(r->output, MARK, r->output_len)) {
			r->marked = true;
			r->first = when;
		}
	}
	if (fds[1].revents)
		take(&r->err, r->errors, &r->errors_len, sizeof(r->errors));
	return true;
}

bool run_until_mark(struct run *r, int seconds)
{
	uint64_t deadline = now().ns + seconds * 1000000000ULL;

	while (!r->marked && r->out >= 0)
		if (!listen_once(r, deadline))
			return false;
	return true;
}

static void close_output(struct run *r)
{
	close(r->out);
	close(r->err);
	r->out = r->err = -1;
}

bool run_until_end(struct run *r, int seconds)
{
	uint64_t deadline = now().ns + seconds * 1000000000ULL;
	bool in_time = true;

	while (in_time && (r->out >= 0 || r->err >= 0))
		in_time = listen_once(r, deadline);
	if (!in_time)
		kill(r->pid, SIGKILL);
	while (waitpid(r->pid, &r->status, 0) < 0 && errno == EINTR)
		;
	r->end = now();
	close_output(r);
	return in_time;
}

static bool ended_within(struct run *r, int milliseconds)
{
	for (int i = 0; i < milliseconds / 10; i++) {
		if (waitpid(r->pid, &r->status, WNOHANG) == r->pid)
			return true;
		usleep(10000);
	}
	return false;
}

void run_stop(struct run *r, const char *cgroup)
{
	char path[512];
	int fd;

	kill(r->pid, SIGTERM);
	if (ended_within(r, 1000))
		goto out;
	snprintf(path, sizeof(path), "%s/cgroup.kill", cgroup ? cgroup : "");
	fd = cgroup ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		if (write(fd, "1", 1) == 1 && ended_within(r, 1000)) {
			close(fd);
			goto out;
		}
		close(fd);
	}
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &r->status, 0);
out:
	close_output(r);
}
