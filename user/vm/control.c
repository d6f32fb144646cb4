/* SPDX-License-Identifier: MIT */
/*
 * What others ask of a running machine: a seqpacket socket `control` in its folder. A request is one
 * packet: a letter, 's' for a snapshot, 'S' for one with which the machine ends, 'e' for what `vm explain` shows, and the descriptor of the file for
 * it; the answer is one packet: nothing, or what went wrong. One request at a time. It is served between two
 * events, when no device runs, and for a snapshot no vCPU.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "vm.h"

static void take_request(struct machine *m, void *device, short events);
static struct watch listener = { .fd = -1, .events = POLLIN, .fn = take_request };
static int asking = -1, to = -1; /* who waits for an answer, and the file */
static char wanted; /* the letter */

void control_open(const char *name)
{
	listener.fd = listen_at(name, "control");
	watch_add(&listener);
}

static void take_request(struct machine *m, void *device, short events)
{
	struct timeval patience = { .tv_sec = 2 };
	int s = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);

	if (s < 0)
		return;
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (take_files(s, &wanted, &to, 1, 0) < 0)
		to = -1;
	asking = s;
	watch_set(&listener, 0);
}

void control_serve(struct machine *m)
{
	const char *answer = "not a request";

	if (asking < 0)
		return;
	if (to >= 0 && wanted == 'e') {
		bus_lock();
		explain_tell(m, to);
		bus_unlock();
		answer = NULL;
	} else if (to >= 0 && vcpus_stop(m)) {
		answer = snapshot_save(m, to);
		if (!answer && wanted == 'S') /* the vCPUs stand still up to then */
			machine_end(128 + SIGKILL);
		else
			vcpus_go_on(m);
	} else if (to >= 0) {
		answer = "the machine is over";
	}
	send(asking, answer ? answer : "", answer ? strlen(answer) : 0, MSG_NOSIGNAL);
	close(asking);
	close(to);
	asking = to = -1;
	watch_set(&listener, POLLIN);
}

/* ---- who asks ---- */

const char *control_ask(const struct state *st, char letter, int file, int seconds)
{
	struct timeval patience = { .tv_sec = seconds };
	static char answer[128];
	ssize_t n;
	int s;

	if (state_is_paused(st))
		return "its CPUs and its monitor are paused (`vm unpause` lets them go on)";
	s = connect_to(st, "control");
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    send_files(s, letter, &file, 1) < 0)
		return strerror(errno);
	n = recv(s, answer, sizeof(answer) - 1, 0);
	close(s);
	if (n < 0)
		return errno == EAGAIN ? "its monitor does not answer" : strerror(errno);
	answer[n] = 0;
	return n ? answer : NULL;
}

static bool stop;
const struct opt snapshot_options[] = {
	{ "--stop", 0, OPT_FLAG, &stop, NULL,
	  "the machine ends with it: its disks stay as they were (status 137)" },
	{ .name = NULL },
};

int snapshot_verb(int argc, char **argv)
{
	const char *path = argv[1], *wrong;
	char made[4096];
	struct state s;
	struct stat st;
	int fd;

	state_find(argv[0], &s);
	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		die(STATUS_FAILED, "%s: not a plain file", path);
	if (!join(made, sizeof(made), path, ".new", NULL))
		die(STATUS_USAGE, "the path of the snapshot is too long");
	fd = open(made, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die(STATUS_FAILED, "%s: %s", made, strerror(errno));
	wrong = control_ask(&s, stop ? 'S' : 's', fd, 0);
	if (!wrong && rename(made, path) < 0)
		wrong = strerror(errno);
	if (wrong) {
		unlink(made);
		die(STATUS_FAILED, "%s: no snapshot: %s", s.name, wrong);
	}
	return 0;
}
