/* SPDX-License-Identifier: MIT */
/* Who attaches to a kept process: its side of the socket, and the terminal's. And the verb `logs`. */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

#include "life.h"

#define CTRL(letter) ((letter)&31)

/* ---- the terminal ---- */

static struct {
	struct termios before;
	int when;
} terminal;

static void restore_terminal(void)
{
	tcsetattr(0, terminal.when, &terminal.before);
}

bool make_raw(int when)
{
	struct termios t;

	if (!isatty(0) || tcgetattr(0, &t) < 0)
		return false;
	terminal.before = t;
	terminal.when = when;
	cfmakeraw(&t);
	if (tcsetattr(0, when, &t) < 0)
		return false;
	atexit(restore_terminal);
	return true;
}

/* ---- packets ---- */

void client_send(int s, char letter, const void *data, size_t n)
{
	struct iovec v[2] = { { &letter, 1 }, { (void *)data, n } };
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	sendmsg(s, &m, MSG_NOSIGNAL); /* a keeper that is gone shows at the next recv() */
}

static void send_size(int s, int more)
{
	struct winsize size;

	if (ioctl(0, TIOCGWINSZ, &size))
		return;
	size.ws_row += more;
	client_send(s, PACKET_SIZE_IS, &size, sizeof(size));
}

/* Who closes with packets unread resets the connection: what it said before comes after that. */
static ssize_t take_packet(int s, char *packet, size_t n, int flags)
{
	ssize_t got = recv(s, packet, n, flags);

	return got < 0 && errno == ECONNRESET ? recv(s, packet, n, flags) : got;
}

bool client_answered(int s)
{
	char letter;

	return take_packet(s, &letter, 1, MSG_PEEK) == 1;
}

/* One packet, its letter first; dies when the keeper is gone. Bytes after the letter. */
static ssize_t receive(int s, char packet[PACKET_SIZE + 1])
{
	ssize_t n = take_packet(s, packet, PACKET_SIZE + 1, 0);

	if (n < 1)
		die(STATUS_FAILED, "the other side is gone");
	return n - 1;
}

/* The status of a PACKET_EXIT, once the keeper has put everything away: then its socket closes. */
static int last_status(int s, const char *packet)
{
	int status;
	char byte;

	memcpy(&status, packet + 1, sizeof(status));
	while (recv(s, &byte, 1, 0) > 0)
		;
	return status;
}

int client_started(int s)
{
	char packet[PACKET_SIZE + 1];

	receive(s, packet);
	return packet[0] == PACKET_EXIT ? last_status(s, packet) : 0;
}

/* What was typed goes to the process; but with `leaves`, ctrl-p ctrl-q: true. */
static bool pass_input(int s, bool leaves, bool *end)
{
	static bool held; /* a ctrl-p, until the next key */
	char data[PACKET_SIZE / 2], out[PACKET_SIZE];
	ssize_t n = read(0, data, sizeof(data));
	size_t len = 0;

	if (n <= 0) {
		*end = n == 0 || errno != EINTR;
		if (*end)
			client_send(s, PACKET_INPUT, NULL, 0);
		return false;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (leaves && held && data[i] == CTRL('q'))
			return true;
		if (held)
			out[len++] = CTRL('p');
		held = leaves && data[i] == CTRL('p');
		if (!held)
			out[len++] = data[i];
	}
	if (len)
		client_send(s, PACKET_INPUT, out, len);
	return false;
}

static void hear_signal(int signals, int s)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo != SIGWINCH)
		exit(128 + info.ssi_signo);
	send_size(s, 0);
}

int client_run(int s, const char *name)
{
	/* only when the process has a terminal are the keys and the signals of this one's its */
	static const int keys[] = { SIGTERM, SIGHUP, SIGINT, SIGWINCH, 0 };
	char packet[PACKET_SIZE + 1];
	bool raw, end;
	int signals;
	ssize_t n = receive(s, packet);

	if (packet[0] == PACKET_EXIT)
		return last_status(s, packet);
	raw = packet[1] == STARTED_TERMINAL && make_raw(TCSADRAIN);
	end = packet[1] == STARTED_DEAF;
	signals = signal_file(SIG_BLOCK, raw ? keys : keys + 3, NULL);
	send_size(s, 0);
	for (;;) {
		struct pollfd p[] = { { .fd = s, .events = POLLIN },
				      { .fd = end ? -1 : 0, .events = POLLIN },
				      { .fd = signals, .events = POLLIN } };

		if (poll(p, 3, -1) < 0)
			continue;
		if (p[2].revents)
			hear_signal(signals, s);
		if (p[0].revents) {
			n = receive(s, packet);
			if (packet[0] == PACKET_EXIT)
				return last_status(s, packet);
			if (packet[0] == PACKET_ERRORS)
				write_all(2, packet + 1, n);
			else
				write_out(packet + 1, n);
		}
		if (p[1].revents && pass_input(s, raw && name, &end)) {
			char told[2 * NAME_SIZE + 64];

			write_all(2, told,
				  format(told, sizeof(told),
					 "\r\n%s goes on; `%s attach %s` comes back\r\n", name,
					 the_tool->name, name));
			return 0;
		}
	}
}

int connect_to(const struct state *s, const char *file)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	state_path(s->name, file, a.sun_path);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : fd;
}

int attach_verb(int argc, char **argv)
{
	struct state st;
	int s;

	state_find(argv[0], &st);
	s = connect_to(&st, "socket");
	if (s < 0)
		die(STATUS_FAILED,
		    errno == ENOENT ? "%s runs in the foreground of process %d: its output is there"
				    : "%s: keeper %d does not answer",
		    st.name, st.keeper);
	send_size(s, 1); /* a change has what fills the screen draw it anew, as docker does */
	return client_run(s, st.name);
}

/* ---- logs ---- */

static struct {
	bool follow;
	uint64_t lines;
} opt = { .lines = UINT64_MAX };

const struct opt logs_options[] = {
	{ "--follow", 'f', OPT_FLAG, &opt.follow, NULL, "go on until the end" },
	{ "--tail", 'n', OPT_COUNT, &opt.lines, "N", "only the last N lines" },
	{ .name = NULL },
};

static bool same_file(int a, int b)
{
	struct stat x, y;

	return !fstat(a, &x) && !fstat(b, &y) && x.st_ino == y.st_ino;
}

static void print_past(const char *name, int log)
{
	int from[] = { state_open(name, "log.1", O_RDONLY), log };
	char *text = allocate(2 * LOG_HALF);
	size_t n = 0, at;

	for (int i = same_file(from[0], log); i < 2; i++)
		for (ssize_t got; (got = read(from[i], text + n, 2 * LOG_HALF - n)) > 0;)
			n += got;
	at = n;
	for (uint64_t lines = 0; at > 0 && opt.lines; at--)
		if (text[at - 1] == '\n' && at < n && ++lines == opt.lines)
			break;
	write_out(text + at, n - at);
	close(from[0]);
}

static void print_more(int log)
{
	char data[4096];
	ssize_t n;

	while ((n = read(log, data, sizeof(data))) > 0)
		write_out(data, n);
}

int logs_verb(int argc, char **argv)
{
	struct state s;
	int log, newer;

	state_any(argv[0], &s);
	log = state_open(s.name, "log", O_RDONLY);
	if (log < 0)
		die(STATUS_FAILED, "%s runs in the foreground of process %d: its output is there",
		    s.name, s.keeper);
	print_past(s.name, log);
	while (opt.follow) {
		bool over = !state_load(s.name, &s) || s.phase != STATE_RUNNING;

		print_more(log);
		newer = state_open(s.name, "log", O_RDONLY);
		if (newer >= 0 && !same_file(log, newer)) {
			print_more(log); /* what came before the files were exchanged */
			dup2(newer, log);
			over = false;
		}
		close(newer);
		if (over)
			break;
		poll(NULL, 0, 100);
	}
	return 0;
}
