/* SPDX-License-Identifier: MIT */
/*
 * A process that was started for others: its stdio, in itself; and in its parent the wait for its end, while
 * signals are passed on. The first half allocates nothing: the memory may be the parent's.
 */
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "life.h"

int failed(const char *what, const char *name)
{
	warn("cannot %s%s%s: %s", what, *name ? " " : "", name, strerror(errno));
	return STATUS_FAILED;
}

void tell_failure(const struct io *io, int status)
{
	unsigned char byte = status;

	if (io->failure && write(io->failure, &byte, 1) < 0)
		return; /* the small init has closed it */
}

void feed_process(int fd, char *typed, size_t *n)
{
	ssize_t done = write(fd, typed, *n);

	if (done < 0 && errno == EAGAIN)
		return;
	if (done < 0)
		done = *n;
	*n -= done;
	memmove(typed, typed + done, *n);
}

/* ---- its stdio ---- */

int send_files(int s, char letter, const int *fd, size_t n)
{
	char control[CMSG_SPACE(FILES_MOST * sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec v = { &letter, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control };
	struct cmsghdr *h = (struct cmsghdr *)control;

	m.msg_controllen = CMSG_SPACE(n * sizeof(*fd));
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(n * sizeof(*fd));
	memcpy(CMSG_DATA(h), fd, n * sizeof(*fd));
	return sendmsg(s, &m, MSG_NOSIGNAL);
}

int take_files(int s, char *letter, int *fd, size_t n, int flags)
{
	char control[CMSG_SPACE(FILES_MOST * sizeof(int))] __attribute__((aligned(8)));
	struct iovec v = { letter, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control };
	const struct cmsghdr *h;

	m.msg_controllen = CMSG_SPACE(n * sizeof(*fd));
	if (recvmsg(s, &m, MSG_CMSG_CLOEXEC | flags) != 1)
		return -1;
	h = CMSG_FIRSTHDR(&m);
	if (!h || h->cmsg_type != SCM_RIGHTS || h->cmsg_len < CMSG_LEN(n * sizeof(*fd)))
		return -1;
	memcpy(fd, CMSG_DATA(h), n * sizeof(*fd));
	return 0;
}

static int make_terminal(const struct io *io, char path[32])
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC), slave, n = 0;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &n) < 0 || ioctl(master, TIOCGPTN, &n) < 0)
		return failed("make a terminal", "");
	format(path, 32, "/dev/pts/%d", n);
	if (io->size)
		ioctl(master, TIOCSWINSZ, io->size);
	slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0 ||
	    send_files(io->console, 0, (int[]){ master, slave }, io->master_only ? 1 : 2) < 0)
		return failed("make a terminal", "");
	setsid();
	dup2(slave, 0);
	dup2(slave, 1);
	return ioctl(0, TIOCSCTTY, 0) < 0 ? failed("control the terminal", "") : 0;
}

int io_connect(const struct io *io, char terminal[32])
{
	*terminal = 0;
	/* A process that is kept inherits no ignored signals: nohup and shells' jobs have some. */
	for (int sig = 1; (io->terminal || io->fds) && sig < _NSIG; sig++)
		signal(sig, SIG_DFL);
	if (io->terminal)
		return make_terminal(io, terminal);
	if (io->fds && (dup2(io->fds[0], 0) < 0 || dup2(io->fds[1], 1) < 0))
		return failed("set stdin and stdout", "");
	return 0;
}

void io_errors(const struct io *io)
{
	if (io->terminal || io->fds)
		dup2(io->terminal ? 0 : io->fds[2], 2);
}

/* ---- its end ---- */

static void block(int how, const int *signals, sigset_t *set, sigset_t *old)
{
	sigemptyset(set);
	while (*signals)
		sigaddset(set, *signals++);
	sigprocmask(how, set, old);
}

int signal_file(int how, const int *signals, sigset_t *old)
{
	sigset_t set;
	int fd;

	block(how, signals, &set, old);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		die(STATUS_FAILED, "cannot wait for signals: %s", strerror(errno));
	return fd;
}

const int passed_on[] = { SIGCHLD, SIGTERM, SIGINT,   SIGQUIT, SIGHUP,
			  SIGUSR1, SIGUSR2, SIGWINCH, SIGCONT, 0 };
static sigset_t held;

void hold_signals(sigset_t *old)
{
	signal(SIGCHLD, SIG_DFL); /* inherited as ignored, it would reap the child unseen */
	block(SIG_BLOCK, passed_on, &held, old);
}

uint64_t status_mask(pid_t pid, const char *key, uint64_t otherwise)
{
	char path[32], text[4096];
	const char *p;

	format(path, sizeof(path), "/proc/%d/status", pid);
	p = read_small(AT_FDCWD, path, text, sizeof(text)) < 0 ? NULL : strstr(text, key);
	return p ? to_number(p + strlen(key), NULL, 16) : otherwise;
}

/*
 * Would sig end the process if it were not process 1 of its namespace? There the kernel drops what
 * has no handler, so that the default action is for us to take.
 */
static bool ends_by_default(pid_t pid, int sig)
{
	uint64_t bit = 1ULL << (sig - 1);

	if (sig == SIGWINCH || sig == SIGCONT)
		return false;
	return !((status_mask(pid, "\nSigCgt:\t", bit) | status_mask(pid, "\nSigIgn:\t", bit) |
		  status_mask(pid, "\nSigBlk:\t", bit)) &
		 bit);
}

static void pass_on(pid_t pid, int sig, bool from_terminal, struct ending *e)
{
	if (((sig == SIGINT || sig == SIGTERM) && ++e->requests > 1) || ends_by_default(pid, sig)) {
		e->by = sig;
		sig = SIGKILL;
	} else if (from_terminal) {
		return; /* it went to the whole process group */
	}
	kill(pid, sig);
}

bool has_ended(pid_t pid, int signals, int *wait_status, struct ending *e)
{
	struct signalfd_siginfo info;

	while (read(signals, &info, sizeof(info)) == sizeof(info))
		if (info.ssi_signo != SIGCHLD)
			pass_on(pid, info.ssi_signo, info.ssi_code == SI_KERNEL, e);
	return waitpid(pid, wait_status, WNOHANG) == pid;
}

int ending_status(int wait_status, const struct ending *e, bool *killed)
{
	*killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
	if (*killed && e->by) {
		*killed = false;
		return 128 + e->by;
	}
	return exit_status_of(wait_status);
}

int wait_for_end(pid_t pid, bool *killed)
{
	struct ending ending = { 0 };
	siginfo_t info;
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid)
		if (sigwaitinfo(&held, &info) > 0 && info.si_signo != SIGCHLD)
			pass_on(pid, info.si_signo, info.si_code == SI_KERNEL, &ending);
	return ending_status(status, &ending, killed);
}
