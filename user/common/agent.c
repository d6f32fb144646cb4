/* SPDX-License-Identifier: MIT */
/*
 * The agent inside a virtual machine: the processes that it was asked for, their terminals and pipes, and the
 * line to the monitor. One loop; it waits for the line alone, which always takes what it is given.
 */
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "agent.h"
#include "life.h"

struct channel {
	pid_t pid; /* 0: none */
	bool ended, terminal;
	int status;
	int in, out[2]; /* -1: closed; of a terminal in and out[0] are the same file */
	bool waits; /* for TAKEN */
	bool over; /* EXIT was the last word on it: a HANG_UP that crossed it is of that time */
	char typed[AGENT_PIECE]; /* not yet taken by the process */
	size_t nr_typed;
	char *words; /* of a command that is not yet whole */
	size_t nr_words;
};

static struct channel channels[AGENT_CHANNELS];
static int line;
static struct {
	uint8_t data[4096]; /* room for a frame while n is below half */
	size_t n;
} out; /* frames that leave together, by send_frames() */
static void (*become)(char **config, char **words);

static void send_frames(void)
{
	for (size_t at = 0; at < out.n;) {
		ssize_t done = write(line, out.data + at, out.n - at);

		if (done < 0 && errno != EINTR)
			_exit(1);
		at += done < 0 ? 0 : done;
	}
	out.n = 0;
}

static void tell(int i, char letter, const void *data, size_t n)
{
	uint8_t head[AGENT_HEAD] = { i, letter, n, n >> 8 };

	memcpy(out.data + out.n, head, AGENT_HEAD);
	memcpy(out.data + out.n + AGENT_HEAD, data, n);
	out.n += AGENT_HEAD + n;
	if (out.n >= sizeof(out.data) / 2)
		send_frames();
	channels[i].waits |= letter == PACKET_OUTPUT || letter == PACKET_ERRORS;
}

void agent_hello(int to)
{
	line = to;
	tell(AGENT_MACHINE, AGENT_HELLO, "", 0);
	send_frames();
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- starting ---- */

/* Pipes or a terminal: ours in the channel, the process's in theirs; what it does without is /dev/null. */
static bool make_stdio(struct channel *c, int flags, int theirs[3])
{
	char path[32] = "/dev/null";
	int pair[2], n = 0;

	if (flags & AGENT_TERMINAL) {
		c->in = c->out[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
		if (c->in < 0 || ioctl(c->in, TIOCSPTLCK, &n) || ioctl(c->in, TIOCGPTN, &n))
			return false;
		format(path, sizeof(path), "/dev/pts/%d", n);
	}
	for (int fd = 0; fd < 3; fd++) {
		if (!(flags & AGENT_TERMINAL) && flags & (fd ? AGENT_OUTPUT : AGENT_INPUT)) {
			if (pipe2(pair, O_CLOEXEC))
				return false;
			theirs[fd] = pair[fd > 0];
			*(fd ? &c->out[fd - 1] : &c->in) = pair[!fd];
		} else {
			theirs[fd] = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		}
		if (theirs[fd] < 0)
			return false;
	}
	return true;
}

int agent_failure = -1;

void agent_give_up(int status)
{
	if (agent_failure >= 0 && write(agent_failure, &(uint8_t){ status }, 1) < 0)
		status = STATUS_FAILED;
	_exit(status);
}

static pid_t start_process(const int theirs[3], char **config, char **words)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	signal(SIGPIPE, SIG_DFL);
	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(theirs[fd], fd);
	ioctl(0, TIOCSCTTY, 0); /* if it is a terminal */
	become(config, words);
	agent_give_up(STATUS_FAILED);
}

static void start(int i, int flags, const struct winsize *size, char **config, char **words)
{
	struct channel *c = &channels[i];
	int theirs[3] = { -1, -1, -1 }, told[2] = { -1, -1 };
	char kind = flags & AGENT_TERMINAL ? STARTED_TERMINAL
		    : flags & AGENT_INPUT  ? 0
					   : STARTED_DEAF;
	bool waited = flags & (AGENT_TERMINAL | AGENT_OUTPUT);
	bool made = make_stdio(c, flags, theirs) && (waited || !pipe2(told, O_CLOEXEC));
	uint8_t failed = 0;

	c->terminal = flags & AGENT_TERMINAL;
	if (c->terminal && size->ws_row)
		ioctl(c->in, TIOCSWINSZ, size);
	agent_failure = told[1]; /* of one that nobody waits for */
	c->pid = made ? start_process(theirs, config, words) : -1;
	for (int fd = 0; fd < 3; fd++)
		close(theirs[fd]);
	set_nonblocking(c->in);
	set_nonblocking(c->out[0]);
	set_nonblocking(c->out[1]);
	close_fd(&told[1]);
	if (c->pid < 0 || !waited) { /* only for its beginning */
		if (c->pid < 0 || read(told[0], &failed, 1) < 0)
			failed = STATUS_FAILED;
		c->ended = true;
		c->status = failed;
		c->pid = -1;
	}
	close_fd(&told[0]);
	if (i != AGENT_MAIN && !failed)
		tell(i, PACKET_STARTED, &kind, 1);
}

static void add_words(struct channel *c, const char *data, size_t n)
{
	char *more = c->nr_words + n < AGENT_WORDS ? realloc(c->words, c->nr_words + n + 1) : NULL;

	if (!more)
		return; /* the start will find it cut off */
	memcpy(more + c->nr_words, data, n);
	c->words = more;
	c->nr_words += n;
	more[c->nr_words] = 0;
}

/* What came as one text, whose end is here: words, an empty one, words. */
static void start_asked(int i, const char *data, size_t n)
{
	struct channel *c = &channels[i];
	struct winsize size = { 0 };
	size_t nr = 0, command = 0;
	char **words;

	if (n >= 1 + sizeof(size)) {
		memcpy(&size, data + 1, sizeof(size));
		add_words(c, data + 1 + sizeof(size), n - 1 - sizeof(size));
	}
	words = calloc(c->nr_words + 2, sizeof(*words));
	for (char *p = c->words; words && p < c->words + c->nr_words; p += strlen(p) + 1)
		if (*p || command)
			words[nr++] = p;
		else
			command = ++nr;
	if (n && command && words[command])
		start(i, *data, &size, words, words + command);
	else
		tell(i, PACKET_EXIT, &(int){ STATUS_FAILED }, sizeof(int));
	free(words);
	free(c->words);
	c->words = NULL;
	c->nr_words = 0;
}

/* ---- the line ---- */

/* Nobody is there any more: it is told as when a line is cut, and what it still writes goes nowhere. */
static void hang_up(int i)
{
	struct channel *c = &channels[i];

	if (!c->pid) {
		free(c->words);
		c->words = NULL;
		c->nr_words = 0;
		if (!c->over)
			tell(i, PACKET_EXIT, &(int){ STATUS_FAILED }, sizeof(int));
		c->over = true;
		return;
	}
	if (c->pid > 0 && !c->ended && kill(-c->pid, SIGHUP) < 0)
		kill(c->pid, SIGHUP); /* it has not come to its setsid() yet */
	if (c->out[0] == c->in)
		c->out[0] = -1;
	close_fd(&c->in);
	close_fd(&c->out[0]);
	close_fd(&c->out[1]);
	c->nr_typed = 0;
}

static void stop_machine(void)
{
	if (channels[AGENT_MAIN].pid > 0)
		kill(channels[AGENT_MAIN].pid, SIGTERM);
	else
		kill(getppid(), SIGPWR);
}

static void resize_console(const void *size)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);

	ioctl(fd, TIOCSWINSZ, size);
	close(fd);
}

static void take_frame(int i, char letter, const char *data, size_t n)
{
	struct channel *c = &channels[i];

	if (letter == AGENT_TAKEN) {
		c->waits = false;
		return;
	}
	if (letter == AGENT_HANG_UP) { /* out of turn */
		hang_up(i);
		return;
	}
	if (letter == PACKET_INPUT && c->in >= 0 && n) {
		memcpy(c->typed, data, n);
		c->nr_typed = n;
		return; /* TAKEN is said when it is */
	}
	tell(i, AGENT_TAKEN, "", 0);
	c->over &= letter != AGENT_COMMAND && letter != AGENT_START;
	if (letter == AGENT_COMMAND)
		add_words(c, data, n);
	else if (letter == AGENT_START && !c->pid)
		start_asked(i, data, n);
	else if (letter == AGENT_STOP)
		stop_machine();
	else if (letter == PACKET_SIZE_IS && i == AGENT_MACHINE && n == sizeof(struct winsize))
		resize_console(data);
	else if (letter == PACKET_SIZE_IS && c->terminal && n == sizeof(struct winsize))
		ioctl(c->in, TIOCSWINSZ, data);
	else if (letter == PACKET_INPUT && !n && !c->terminal)
		close_fd(&c->in);
}

static void hear_line(void)
{
	static uint8_t frame[AGENT_HEAD + AGENT_PIECE];
	static size_t n;
	uint8_t data[512];
	ssize_t got = read(line, data, sizeof(data));

	if (got <= 0)
		_exit(1);
	for (ssize_t at = 0; at < got; at++) {
		size_t size;

		if (!n && data[at] == AGENT_FILL)
			continue;
		frame[n++] = data[at];
		if (n < AGENT_HEAD)
			continue;
		size = frame[2] | frame[3] << 8;
		if (frame[0] >= AGENT_CHANNELS || size > AGENT_PIECE)
			_exit(1); /* it is not the monitor that speaks there */
		if (n < AGENT_HEAD + size)
			continue;
		take_frame(frame[0], frame[1], (char *)frame + AGENT_HEAD, size);
		n = 0;
	}
}

/* ---- the processes ---- */

static void tell_process(int i)
{
	struct channel *c = &channels[i];

	feed_process(c->in, c->typed, &c->nr_typed);
	if (!c->nr_typed)
		tell(i, AGENT_TAKEN, "", 0);
}

/* Passes on a piece of what it wrote, or closes what will not be written to any more. */
static void hear_process(int i, int which)
{
	struct channel *c = &channels[i];
	char data[AGENT_REPLY];
	ssize_t n = read(c->out[which], data, sizeof(data));

	if (n > 0) {
		tell(i, which ? PACKET_ERRORS : PACKET_OUTPUT, data, n);
	} else if (!n || errno != EAGAIN || c->ended) {
		if (c->out[which] == c->in)
			c->in = -1;
		close_fd(&c->out[which]);
	}
}

static void reap(int signals)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo == SIGTERM && channels[AGENT_MAIN].pid > 0)
			kill(channels[AGENT_MAIN].pid, SIGTERM);
		else if (info.ssi_signo == SIGTERM)
			_exit(0); /* the machine ends */
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < AGENT_CHANNELS; i++)
			if (channels[i].pid == pid) {
				channels[i].ended = true;
				channels[i].status = exit_status_of(status);
			}
}

/* The rest of the output of one that ended, then its status. */
static void finish(int i)
{
	struct channel *c = &channels[i];

	for (int which = 0; which < 2 && !c->waits; which++)
		while (c->out[which] >= 0 && !c->waits)
			hear_process(i, which);
	if (c->waits || c->out[0] >= 0 || c->out[1] >= 0)
		return;
	close_fd(&c->in);
	if (i == AGENT_MAIN) {
		send_frames();
		_exit(c->status);
	}
	tell(i, PACKET_EXIT, &c->status, sizeof(c->status));
	*c = (struct channel){ .in = -1, .out = { -1, -1 }, .over = true };
}

static void serve_once(int signals)
{
	struct pollfd p[2 + 3 * AGENT_CHANNELS] = { { .fd = line, .events = POLLIN },
						    { .fd = signals, .events = POLLIN } };
	struct pollfd *q = p + 2;

	for (int i = 0; i < AGENT_CHANNELS; i++, q += 3) {
		const struct channel *c = &channels[i];

		q[0] = (struct pollfd){ c->nr_typed ? c->in : -1, POLLOUT, 0 };
		q[1] = (struct pollfd){ c->waits ? -1 : c->out[0], POLLIN, 0 };
		q[2] = (struct pollfd){ c->waits ? -1 : c->out[1], POLLIN, 0 };
	}
	send_frames();
	if (poll(p, q - p, -1) < 0)
		return;
	if (p[0].revents)
		hear_line();
	if (p[1].revents)
		reap(signals);
	q = p + 2;
	for (int i = 0; i < AGENT_CHANNELS; i++, q += 3) {
		struct channel *c = &channels[i];

		if (q[0].revents && c->nr_typed && c->in >= 0)
			tell_process(i);
		for (int which = 0; which < 2; which++)
			if (q[1 + which].revents && !c->waits && c->out[which] >= 0)
				hear_process(i, which);
		if (c->ended && !c->waits)
			finish(i);
	}
}

void agent_run(int to, const struct agent_main *main, void (*run)(char **config, char **words))
{
	static const int heard[] = { SIGCHLD, SIGTERM, 0 };
	int signals = signal_file(SIG_BLOCK, heard, NULL);

	line = to;
	become = run;
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < AGENT_CHANNELS; i++)
		channels[i] = (struct channel){ .in = -1, .out = { -1, -1 } };
	if (main)
		start(AGENT_MAIN, main->flags, &main->size, main->config, main->words);
	for (;;)
		serve_once(signals);
}
