/* SPDX-License-Identifier: MIT */
/*
 * The keeper of a process that nobody in the foreground waits for: it holds the process's stdin and
 * output, a terminal's other side or pipes, keeps a log of the output, and serves those who attach.
 *
 * Who attaches has a seqpacket socket: every packet is a letter and what belongs to it (life.h). One
 * that does not read for two seconds is dropped: the process must not wait for it for ever. What is
 * typed is taken only as fast as the process reads it.
 *
 * The log is two files, log.1 the older one, each of at most LOG_HALF bytes.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "life.h"

#define PATIENCE 2000 /* milliseconds */
#define MAX_CLIENTS 16

static struct {
	pid_t pid;
	int signals, listener;
	int in, out[2], slave; /* -1: none; of a terminal in and out[0] are the same file */
	int log, log_dir;
	off_t log_size;
	int client[MAX_CLIENTS], clients;
	bool first_left; /* the one that started it */
	char typed[PACKET_SIZE]; /* not yet taken by the process */
	size_t nr_typed;
	bool typed_end;
	struct ending ending;
} keeper;

/* ---- those who attach ---- */

static void drop_client(int i)
{
	close(keeper.client[i]);
	if (!i)
		keeper.first_left = true;
	keeper.client[i] = -1;
}

static void send_client(int i, char letter, const void *data, size_t n)
{
	struct pollfd p = { .fd = keeper.client[i], .events = POLLOUT };
	struct iovec v[2] = { { &letter, 1 }, { (void *)data, n } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (p.fd >= 0 &&
	    (poll(&p, 1, PATIENCE) != 1 || sendmsg(p.fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0))
		drop_client(i);
}

static void send_all(char letter, const void *data, size_t n)
{
	for (int i = 0; i < keeper.clients; i++)
		send_client(i, letter, data, n);
}

/* Whether it is a terminal: its keys then are the process's. */
static void greet(int i)
{
	char terminal = keeper.slave >= 0;

	send_client(i, PACKET_STARTED, &terminal, 1);
}

static void accept_client(void)
{
	int s = accept4(keeper.listener, NULL, NULL, SOCK_CLOEXEC), i;

	for (i = 1; i < keeper.clients && keeper.client[i] >= 0; i++)
		;
	if (s < 0 || i >= MAX_CLIENTS) {
		close(s);
		return;
	}
	keeper.client[i] = s;
	if (i >= keeper.clients)
		keeper.clients = i + 1;
	greet(i);
}

static void hear_client(int i)
{
	char packet[PACKET_SIZE + 1];
	ssize_t n = recv(keeper.client[i], packet, sizeof(packet), MSG_DONTWAIT);

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			drop_client(i);
	} else if (packet[0] == PACKET_INPUT) {
		memcpy(keeper.typed, packet + 1, n - 1);
		keeper.nr_typed = n - 1;
		keeper.typed_end = n == 1 && keeper.slave < 0;
	} else if (packet[0] == PACKET_SIZE_IS && keeper.slave >= 0 &&
		   n == 1 + sizeof(struct winsize)) {
		ioctl(keeper.in, TIOCSWINSZ, packet + 1);
	}
}

/* ---- the process ---- */

static void open_log(void)
{
	struct stat st;

	keeper.log = openat(keeper.log_dir, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	keeper.log_size = fstat(keeper.log, &st) < 0 ? 0 : st.st_size;
}

static void write_log(const char *data, size_t n)
{
	if (keeper.log < 0)
		return;
	if (keeper.log_size + n > LOG_HALF) {
		close(keeper.log);
		renameat(keeper.log_dir, "log", keeper.log_dir, "log.1");
		open_log();
	}
	if (write(keeper.log, data, n) == (ssize_t)n)
		keeper.log_size += n;
}

/* As if the process had written it to its stderr. */
static void say(const char *text)
{
	char line[256];
	size_t n = format(line, sizeof(line), "%s: %s%s\n", the_tool->name, text,
			  keeper.slave < 0 ? "" : "\r");

	write_log(line, n);
	send_all(PACKET_ERRORS, line, n);
}

/* Passes on what the process wrote. False when there is nothing, now. */
static bool hear_process(int which)
{
	char data[PACKET_SIZE];
	ssize_t n = read(keeper.out[which], data, sizeof(data));

	if (n > 0) {
		write_log(data, n);
		send_all(which ? PACKET_ERRORS : PACKET_OUTPUT, data, n);
		return true;
	}
	if (!n || errno != EAGAIN) {
		if (keeper.out[which] != keeper.in)
			close(keeper.out[which]);
		keeper.out[which] = -1;
	}
	return false;
}

static void serve_once(void)
{
	struct pollfd p[5 + MAX_CLIENTS];
	int n = keeper.clients;
	bool full;

	if (keeper.nr_typed)
		feed_process(keeper.in, keeper.typed, &keeper.nr_typed);
	if (keeper.typed_end && !keeper.nr_typed) {
		close(keeper.in);
		keeper.in = -1;
		keeper.typed_end = false;
	}
	full = keeper.nr_typed;
	p[0] = (struct pollfd){ .fd = keeper.signals, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = keeper.listener, .events = POLLIN };
	p[2] = (struct pollfd){ .fd = keeper.out[0], .events = POLLIN };
	p[3] = (struct pollfd){ .fd = keeper.out[1], .events = POLLIN };
	p[4] = (struct pollfd){ .fd = keeper.nr_typed ? keeper.in : -1, .events = POLLOUT };
	for (int i = 0; i < n; i++)
		p[5 + i] = (struct pollfd){ .fd = full ? -1 : keeper.client[i], .events = POLLIN };
	if (poll(p, 5 + n, -1) < 0)
		return;
	for (int i = 0; i < 2; i++)
		if (p[2 + i].revents)
			hear_process(i);
	for (int i = 0; i < n; i++)
		if (p[5 + i].revents && !keeper.nr_typed && !keeper.typed_end)
			hear_client(i);
	if (p[1].revents)
		accept_client();
}

/* ---- from the start to the end ---- */

int listen_at(const char *name, const char *file)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	state_path(name, file, a.sun_path);
	if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, MAX_CLIENTS) < 0)
		die(STATUS_FAILED, "%s: %s", a.sun_path, strerror(errno));
	return s;
}

/* The two sides of the terminal that the process made and sent (child.c). */
static void take_terminal(int console)
{
	char letter;
	int fd[2];

	if (take_files(console, &letter, fd, 2, MSG_DONTWAIT) < 0)
		die(STATUS_FAILED, "no terminal came");
	keeper.in = keeper.out[0] = fd[0];
	keeper.slave = fd[1]; /* kept open: the other side ends with the process, not before */
	close(console);
}

/* Its stdio: pipes to here, or the socket that a terminal is sent on. What is the child's in theirs. */
static void make_stdio(struct io *io, bool input, int theirs[3], int *console)
{
	int in[2] = { -1, -1 }, out[2], err[2], pair[2];

	keeper.in = keeper.out[0] = keeper.out[1] = keeper.slave = -1;
	if (io->terminal) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			die(STATUS_FAILED, "socketpair: %s", strerror(errno));
		*console = pair[0];
		io->console = theirs[0] = pair[1];
		return;
	}
	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(err, O_CLOEXEC) < 0 ||
	    (input && pipe2(in, O_CLOEXEC) < 0))
		die(STATUS_FAILED, "pipe: %s", strerror(errno));
	if (!input)
		in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	keeper.in = in[1];
	keeper.out[0] = out[0];
	keeper.out[1] = err[0];
	theirs[0] = in[0];
	theirs[1] = out[1];
	theirs[2] = err[1];
	io->fds = theirs;
}

int start_told(struct io *io, pid_t (*start)(void), pid_t *pid)
{
	unsigned char status = 0;
	int failure[2];

	if (pipe2(failure, O_CLOEXEC) < 0)
		die(STATUS_FAILED, "pipe: %s", strerror(errno));
	io->failure = failure[1];
	*pid = start();
	close(failure[1]);
	/* The command's exec closes it. */
	if (read(failure[0], &status, 1) == 1)
		waitpid(*pid, NULL, 0);
	close(failure[0]);
	return status;
}

static int start_kept(struct io *io, pid_t (*start)(void), bool input)
{
	int theirs[3] = { -1, -1, -1 }, console = -1, status;

	make_stdio(io, input, theirs, &console);
	status = start_told(io, start, &keeper.pid);
	for (int i = 0; i < 3; i++)
		close(theirs[i]);
	if (!status && io->terminal)
		take_terminal(console);
	set_nonblocking(keeper.in);
	set_nonblocking(keeper.out[0]);
	set_nonblocking(keeper.out[1]);
	return status;
}

int fork_keeper(struct io *io, void (*keep)(int client))
{
	static struct winsize size;
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die(STATUS_FAILED, "socketpair: %s", strerror(errno));
	if (io->terminal && !io->size && !ioctl(0, TIOCGWINSZ, &size))
		io->size = &size;
	pid = _Fork();
	if (!pid) {
		close(pair[0]);
		setsid();
		pid = _Fork();
		if (!pid)
			keep(pair[1]);
		if (pid > 0)
			_exit(0);
	}
	if (pid < 0)
		die(STATUS_FAILED, "fork: %s", strerror(errno));
	close(pair[1]);
	waitpid(pid, NULL, 0);
	return pair[0];
}

/* Nothing of the one who started it is held on to. */
static void let_go(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	if (chdir("/") < 0)
		exit(STATUS_FAILED);
}

int keeper_run(struct io *io, pid_t (*start)(void), struct state *s, int client, bool input,
	       bool *left)
{
	int status, wait_status;
	const char *why;
	bool killed;

	keeper.listener = keeper.log = -1;
	keeper.client[0] = client;
	keeper.clients = 1;
	hold_signals(&io->mask);
	keeper.signals = signal_file(SIG_BLOCK, passed_on, NULL);
	sigemptyset(&io->mask);
	if (s)
		keeper.listener = listen_at(s->name, "socket");
	status = start_kept(io, start, input);
	if (status && s)
		s->pid = 0;
	if (!status) {
		if (s) {
			keeper.log_dir = s->dir;
			open_log();
			s->pid = keeper.pid;
			state_save(s);
		}
		let_go();
		greet(0);
		while (!has_ended(keeper.pid, keeper.signals, &wait_status, &keeper.ending))
			serve_once();
		while (hear_process(0) | hear_process(1))
			;
		status = ending_status(wait_status, &keeper.ending, &killed);
		why = life.why ? life.why(status, killed) : NULL;
		if (why)
			say(why);
	}
	send_all(PACKET_EXIT, &status, sizeof(status));
	*left = keeper.first_left;
	return status;
}
