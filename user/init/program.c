/* SPDX-License-Identifier: MIT */
/*
 * The programs that init starts and waits for: the command of the machine, the agent that starts the
 * monitor's, a shell on the console; each with the environment, folder and user that the image says.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "account.h"
#include "agent.h"
#include "init.h"

#define CMD_MAX 131072 /* as much as one word of execve(2) may have on Linux */

static volatile sig_atomic_t asked; /* the signal that asked for the end, or 0 */
static const int caught[] = { SIGCHLD, SIGTERM, SIGUSR1, SIGUSR2, SIGPWR };
static sigset_t unblocked; /* no signal: the mask of programs, and of init asleep */

static int agent_line = -1; /* where the monitor asks, or -1 */
static pid_t agent; /* who serves it, or 0: then the first byte starts one */

/* ---- signals ---- */

static void on_signal(int sig)
{
	if (sig != SIGCHLD)
		asked = sig;
}

/* The signals that init waits for come only while it sleeps in ppoll(): none gets lost. */
void catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t blocked;

	sigemptyset(&unblocked);
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
		sigaddset(&blocked, caught[i]);
		sigaction(caught[i], &sa, NULL);
	}
	sigprocmask(SIG_SETMASK, &blocked, NULL);
}

/* ---- what a program is started with ---- */

bool read_command(const char *path, struct command *c)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n = 0;
	ssize_t len = 0, got;

	if (fd < 0)
		return false;
	c->text = malloc(CMD_MAX + 1);
	while (c->text && len < CMD_MAX && (got = read(fd, c->text + len, CMD_MAX - len)) > 0)
		len += got;
	close(fd);
	if (!c->text)
		return false;
	c->text[len] = 0;
	for (char *p = c->text; p < c->text + len && n < WORDS_MAX; p += strlen(p) + 1)
		c->words[n++] = p;
	c->words[n] = NULL;
	return n > 0;
}

/* Becomes `words`, under the name `arg0` when one is given. Never returns. */
static void exec_words(char **words, char *arg0)
{
	char *file = words[0];

	/* One that has come already is the program's, not for our handler. */
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		signal(caught[i], SIG_DFL);
	sigprocmask(SIG_SETMASK, &unblocked, NULL);
	if (arg0)
		words[0] = arg0;
	execvp(file, words);
	words[0] = file;
	if (errno == ENOENT) {
		say("", words[0], ": not found");
		agent_give_up(127);
	}
	complain("cannot run ", words[0]);
	agent_give_up(126);
}

/* Environment, folder and user, in this order: the folder may be one that only root can make. */
static void apply_config(char **words)
{
	const char *folder = NULL, *user = NULL;
	bool make = false;
	struct account a;

	for (; *words; words++) {
		if (!strncmp(*words, "Env=", 4))
			putenv(*words + 4);
		else if (!strncmp(*words, "WorkingDir=", 11))
			folder = *words + 11, make = true;
		else if (!strncmp(*words, "Folder=", 7))
			folder = *words + 7, make = false;
		else if (!strncmp(*words, "User=", 5))
			user = *words + 5;
	}
	if (make)
		make_folders(folder);
	if (folder && chdir(folder)) {
		complain("cannot enter ", folder);
		agent_give_up(125);
	}
	if (!user)
		return;
	if (!account_find(user, &a)) {
		say("user ", user, ": not in /etc/passwd or /etc/group");
		agent_give_up(125);
	}
	if (account_become(&a)) {
		complain("cannot become ", user);
		agent_give_up(125);
	}
	if (a.home[0] && !strcmp(getenv("HOME"), "/root"))
		setenv("HOME", a.home, 1);
}

/* ---- the agent, and the command ---- */

static void become(char **config, char **words)
{
	apply_config(config);
	exec_words(words, NULL);
}

void open_agent(void)
{
	const char *name = option("agent=");

	agent_line = name ? open_tty(name, true) : -1;
	if (agent_line < 0)
		return;
	fcntl(agent_line, F_SETFD, FD_CLOEXEC);
	agent_hello(agent_line);
}

static pid_t start_agent(const struct agent_main *main)
{
	agent = fork();
	if (!agent) {
		setsid();
		agent_run(agent_line, main, become);
	}
	return agent;
}

/*
 * Starts the command with nothing to read, on the terminal cmdout= or else on the console. The word
 * mark= goes out first: what stands before it on the line came from the firmware.
 */
pid_t start_command(char **words, char **config)
{
	const char *out = option("cmdagent="), *mark;
	struct agent_main main = { .config = config, .words = words };
	pid_t pid;

	if (out && agent_line >= 0) {
		main.flags = strtoul(out, NULL, 10);
		main.size = winsize();
		return start_agent(&main);
	}
	pid = fork();
	if (pid)
		return pid;
	setsid();
	out = option("cmdout=");
	int null = open("/dev/null", O_RDWR), tty = open_tty(out ? out : "console", out != NULL);

	set_fds(null, tty < 0 ? 2 : tty);
	mark = option("mark=");
	if (mark && (write(1, mark, strlen(mark)) < 0 || write(1, "\n", 1) < 0))
		complain("cannot write to ", "the terminal of the command");
	become(config, words);
	return -1;
}

/* ---- the console's programs ---- */

/* Writes root's shell as /etc/passwd has it, else /bin/sh, into `path` (of PATH_MAX bytes). */
static void login_shell(char *path)
{
	char text[PATH_MAX], *line, *end, *shell;
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	strcpy(path, "/bin/sh");
	for (line = text; line && strncmp(line, "root:", 5); line = end ? end + 1 : NULL)
		end = strchr(line, '\n');
	if (!line)
		return;
	line[strcspn(line, "\n")] = '\0';
	shell = strrchr(line, ':') + 1;
	if (shell[0] == '/' && !access(shell, X_OK))
		strcpy(path, shell);
}

/* Starts a program that owns the console: its session, its controlling terminal. */
pid_t start_on_console(char **words, char *arg0)
{
	pid_t pid = fork();
	int tty;

	if (pid)
		return pid;
	setsid();
	tty = open_tty("console", false);
	if (tty >= 0) {
		set_fds(tty, tty);
		ioctl(0, TIOCSCTTY, 1);
	}
	if (chdir(getenv("HOME")))
		chdir("/");
	exec_words(words, arg0);
	return -1;
}

/* ---- waiting ---- */

/* Until a signal comes, or the monitor has something to say to no agent. */
static void sleep_until_asked(void)
{
	struct pollfd p = { agent ? -1 : agent_line, POLLIN, 0 };

	if (ppoll(&p, 1, NULL, &unblocked) > 0)
		start_agent(NULL);
}

/* Waits for `pid` (reaping all others), or shuts down when asked to. Returns its status. */
int wait_for(pid_t pid, bool is_command)
{
	int status;

	for (;;) {
		pid_t got = waitpid(-1, &status, WNOHANG);

		if (asked == SIGPWR && is_command && pid > 0) {
			asked = 0;
			kill(pid, SIGTERM);
		}
		if (asked)
			shut_down(asked);
		if (got == pid)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (got > 0 && got == agent) {
			agent = 0;
			agent_hello(agent_line);
		}
		if (got < 0 && errno == ECHILD)
			return 126; /* it could not even be started */
		if (got == 0)
			sleep_until_asked();
	}
}

/*
 * Keeps a login shell (its name begins with '-') on the console, or ends the machine with 127 where it
 * cannot be started: a shell that was has a status of its own, which may be 127.
 */
void keep_shell(void)
{
	static char path[PATH_MAX], name[PATH_MAX];
	char *words[] = { path, NULL }, byte;
	int told[2];

	if (pipe2(told, O_CLOEXEC | O_NONBLOCK) < 0)
		complain("cannot make ", "a pipe");
	agent_failure = told[1];
	for (;;) {
		login_shell(path);
		name[0] = '-';
		strcpy(name + 1, strrchr(path, '/') + 1);
		pid_t pid = start_on_console(words, name);

		wait_for(pid, false);
		if (pid < 0 || read(told[0], &byte, 1) == 1) {
			say("no shell: ", path, "");
			end_with_status(127);
		}
	}
}
