/* SPDX-License-Identifier: MIT */
/*
 * What runs the cases of harness.py inside, one after the other: `driver`. /tests/case/ has a script for each,
 * NUMBER.STATUS with words behind it, each with its '-': the status that it shall return, and
 *   noleak   it may leave something behind
 *   piped    its output goes through a pipe: it must not depend on the kind of terminal that the tests have
 *   bash     this shell runs it, instead of sh
 * After each case the figures of /proc/dyad/counts must be back (where there are such: not on Linux). The first run of
 * a thing may fill caches, so a case after which one is higher runs again: a leak is what grows each time.
 *
 * One process does all but the case itself, for every start of a program counts on a slow machine. It takes no memory
 * while it counts: that would be in the counts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRIES 6 /* runs that must all leave more behind for a leak */
#define CHECKS 12 /* looks at the counts after one, within half a second */
#define CASES "/tests/case"
#define FOLDER "/tmp/case"
#define SCRIPT "/tests/script" /* the name of each while it runs: shells say it */

struct counts {
	size_t len;
	char text[32768]; /* lines "NAME NUMBER" */
};

static struct counts before, after;
static char more[32768]; /* what has grown, a line each */
static char part[65536]; /* of an output */
static char saying[1024]; /* of our own output */

static void say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(saying, sizeof(saying), format, ap);
	va_end(ap);
	if (write(1, saying, strlen(saying)) < 0)
		_exit(1);
}

static void count(struct counts *c)
{
	int fd = open("/proc/dyad/counts", O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	c->len = 0;
	while (fd >= 0 && c->len < sizeof(c->text) - 1 &&
	       (n = read(fd, c->text + c->len, sizeof(c->text) - 1 - c->len)) > 0)
		c->len += n;
	c->text[c->len] = '\0';
	if (fd >= 0)
		close(fd);
}

/* What the counts have for the name that the line begins with; 0: none such. */
static long counted(const struct counts *c, const char *line)
{
	size_t len = strcspn(line, " ") + 1;

	for (const char *p = c->text; *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (!strncmp(p, line, len))
			return atol(p + len);
	return 0;
}

static bool grown(void)
{
	size_t len = 0;

	for (const char *p = after.text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		long was = counted(&before, p), is = counted(&after, p);

		if (is > was && len < sizeof(more) - 200)
			len += sprintf(more + len, "%.*s %ld -> %ld\n", (int)strcspn(p, " "), p,
				       was, is);
	}
	return len > 0;
}

/* Some things are given back a moment later. */
static bool settled(void)
{
	for (int i = 0; i < CHECKS; i++) {
		count(&after);
		if (!grown())
			return true;
		usleep(i < 4 ? 5000 : 60000);
	}
	return false;
}

/* In the child that shares our memory: standard input, output and errors, then the program. */
static void become(char *const argv[], int out)
{
	int null = open("/dev/null", O_RDONLY);

	if (dup2(null, 0) == 0 && dup2(out, 1) == 1 && dup2(out, 2) == 2) {
		if (null > 2)
			close(null);
		execvp(argv[0], argv);
	}
	_exit(127);
}

static pid_t start(char *const argv[], int out)
{
	pid_t pid = vfork();

	if (pid == 0)
		become(argv, out);
	if (pid < 0) {
		say("fork: %s\n", strerror(errno));
		_exit(1);
	}
	return pid;
}

/* Its status as a shell's $?, which says what signal it was. */
static int ended(pid_t pid, int out)
{
	int status = 0, sig;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	if (sig != SIGINT && sig != SIGPIPE)
		dprintf(out, "%s\n", strsignal(sig));
	return 128 + sig;
}

/* What comes from the pipe, until nobody has its other end. */
static void pass_on(int from, int out)
{
	ssize_t n;

	while ((n = read(from, part, sizeof(part))) > 0)
		if (write(out, part, n) != n)
			_exit(1);
}

static int run(const char *name, int out)
{
	static char path[sizeof(CASES) + 256];
	char *const argv[] = { strstr(name, "-bash") ? "bash" : "sh", SCRIPT, NULL };
	char *const clear[] = { "rm", "-rf", FOLDER, NULL };
	int ends[2] = { -1, -1 }, status;
	pid_t pid;

	snprintf(path, sizeof(path), CASES "/%s", name);
	if (symlink(path, SCRIPT) || mkdir(FOLDER, 0777))
		say(SCRIPT ", " FOLDER ": %s\n", strerror(errno));
	if (chdir(FOLDER))
		say(FOLDER ": %s\n", strerror(errno));
	if (strstr(name, "-piped") && pipe2(ends, O_CLOEXEC))
		say("pipe: %s\n", strerror(errno));
	pid = start(argv, ends[1] < 0 ? out : ends[1]);
	if (ends[1] >= 0) {
		close(ends[1]);
		pass_on(ends[0], out);
		close(ends[0]);
	}
	status = ended(pid, out);
	unlink(SCRIPT);
	if (chdir("/") || (rmdir(FOLDER) && errno != ENOENT))
		ended(start(clear, 1), 1);
	return status;
}

static void check(const char *name, int nowhere)
{
	for (int try = 1; !settled(); try++) {
		if (try == TRIES) {
			say("@@leak %s\n", name);
			if (write(1, more, strlen(more)) > 0)
				say("@@leaked %s\n", name);
			return;
		}
		before = after;
		say("@@again %s\n", name);
		run(name, nowhere);
	}
}

static int shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int main(void)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), n;
	struct dirent **names;

	unsetenv("PWD"); /* of a shell that started this one, or of none */
	unsetenv("OLDPWD");
	n = scandir(CASES, &names, shown, alphasort);
	memset(more, 0, sizeof(more)); /* so that no page of these is new later */
	memset(part, 0, sizeof(part));
	memset(saying, 0, sizeof(saying));
	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	count(&after);
	count(&before);
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name, *want = strchr(name, '.') + 1;
		int status;

		count(&before);
		say("@@begin %s\n", name);
		status = run(name, 1);
		say("\n@@end %s %d\n", name, status);
		if (status == atoi(want) &&
		    !strstr(want, "-noleak")) /* else it has failed, or may leave something */
			check(name, nowhere);
	}
	return 0;
}
