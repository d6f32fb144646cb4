/* SPDX-License-Identifier: MIT */
/*
 * `vm run --container`, which is `ctr run --in-vm`: the command runs in a container inside a machine that others
 * share. There is one for each image and kernel, in-vm-IMAGE or in-vm-IMAGE-linux, which the first one starts;
 * its root is the image, its own command SHARED_CTR, of which the initramfs has a copy, telling of
 * containers (`vm logs`). It ends when nothing has run in it for SHARED_IDLE seconds, or by `vm stop`.
 *
 * Who looks for the machine holds a lock on the folder of all machines until it runs, so two first ones start
 * one. A machine that was about to end accepts nobody: then nothing was started, and the next try starts
 * another one.
 */
#include <sys/file.h>
#include <sys/wait.h>

#include "agent.h"
#include "vm.h"

#define TRIES 100
#define BETWEEN 50 /* milliseconds */

static int lock_machines(void)
{
	char path[STATE_PATH_SIZE];
	int fd;

	mkdir("/run", 0755);
	state_path(NULL, NULL, path);
	mkdir(path, 0755);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	return fd;
}

/* Finds the machine, or starts it by start() in a process of its own; the status with which that failed, or 0. */
static int find_or_start(struct state *st, const char *name, int (*start)(const char *name))
{
	int lock = lock_machines(), status = 0;
	pid_t pid;

	if (!state_load(name, st) || st->phase != STATE_RUNNING) {
		pid = fork();
		if (!pid) {
			close(lock); /* its keeper would have it for ever */
			print_to(open("/dev/null", O_WRONLY | O_CLOEXEC)); /* the name */
			exit(start(name));
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			die(STATUS_FAILED, "%s: %s", name, strerror(errno));
		status = exit_status_of(status);
		if (!status)
			state_find(name, st);
	}
	close(lock);
	return status;
}

static void check_usable(const struct state *st)
{
	char path[256];
	struct stat image;

	state_not_paused(st);
	close(image_open(st->image, path, sizeof(path)));
	if (!stat(path, &image) && image.st_ctime > st->started)
		die(STATUS_FAILED, "%s has an older image %s (`vm stop %s`)", st->name, st->image,
		    st->name);
}

/* The command in a container inside, with the options that `ctr run` and `vm run` share. */
static char **words_of(const struct shared *how, char **argv)
{
	static char name[2 * NAME_SIZE];
	const struct surroundings *a = &how->around;
	struct words w = { 0 };

	format(name, sizeof(name), "%s-%d", how->image, getpid());
	words_add(&w, SHARED_CTR, "run", "--name", name, NULL);
	for (int i = 0; i < a->env.n; i++)
		words_add(&w, "--env", a->env.item[i], NULL);
	if (a->workdir)
		words_add(&w, "--workdir", a->workdir, NULL);
	if (a->user)
		words_add(&w, "--user", a->user, NULL);
	if (how->terminal)
		words_add(&w, "--tty", NULL);
	words_add(&w, SHARED_IMAGE, "--", NULL);
	while (*argv)
		words_add(&w, *argv++, NULL);
	return (char **)w.word;
}

int shared_run(const struct shared *how, char **argv, int (*start)(const char *name))
{
	const int flags = how->terminal ? AGENT_TERMINAL : AGENT_INPUT | AGENT_OUTPUT;
	const struct surroundings none = { 0 };
	char name[NAME_SIZE], **words = words_of(how, argv);
	struct state st;

	if (!join(name, sizeof(name), "in-vm-", how->image, how->kernel ? "-" : "",
		  how->kernel ? how->kernel : "", NULL))
		die(STATUS_USAGE, "%s: too long for the name of a machine", how->image);
	for (int i = 0; i < TRIES; i++, poll(NULL, 0, BETWEEN)) {
		int status = find_or_start(&st, name, start), s;

		if (status)
			return status;
		check_usable(&st);
		s = exec_begin(&st, NULL, &none, flags, words);
		if (s >= 0)
			return client_run(s, NULL);
	}
	die(STATUS_FAILED, "%s does not answer: %s", name, strerror(errno));
}
