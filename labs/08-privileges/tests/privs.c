/* SPDX-License-Identifier: MIT */
/*
 * The tests of lab 08, one a name: privs NAME, started as root. What it prints is the same on Linux.
 * privs as UID COMMAND [ARG...] runs a command as that user and group, without capabilities.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000

static void say(const char *what, int result)
{
	printf("%s: %s\n", what, result < 0 ? strerror(errno) : "ok");
	fflush(stdout);
}

static void become(int id)
{
	/* Dumpable: whose identity changes loses the right to its own /proc files (prctl(2)). */
	if (setgroups(0, NULL) || setresgid(id, id, id) || setresuid(id, id, id) ||
	    prctl(PR_SET_DUMPABLE, 1)) {
		perror("becoming another user");
		exit(1);
	}
}

static int put(int pid, const char *file, const char *text)
{
	char path[64];
	int fd, err;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid ? pid : getpid(), file);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

/* A function in a process of its own. */
static void in_child(void (*run)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		run();
		exit(0);
	}
	waitpid(pid, NULL, 0);
}

/*
 * A process in a user namespace of its own that has made it as user id, and waits; one byte arrives
 * when it is there. Its end is in *hold: closing that ends it.
 */
static pid_t dweller(int id, int *hold)
{
	int ready[2], go[2];
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC) || pipe2(go, O_CLOEXEC))
		exit(1);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		if (id)
			become(id);
		if (unshare(CLONE_NEWUSER))
			perror("unshare");
		write(ready[1], "", 1);
		read(go[0], &c, 1);
		_exit(0);
	}
	close(ready[1]);
	close(go[0]);
	read(ready[0], &c, 1);
	close(ready[0]);
	*hold = go[1];
	return pid;
}

static int user_ns_of(int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Of the process's capabilities, a set: "CapEff", "CapBnd" ... */
static unsigned long long caps_of(const char *set)
{
	unsigned long long caps = 0;
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, set, strlen(set)))
			caps = strtoull(line + strlen(set) + 1, NULL, 16);
	if (f)
		fclose(f);
	return caps;
}

/* ---- tests ---- */

static void plain(void)
{
	printf("root has %s\n", caps_of("CapEff") == caps_of("CapBnd") ? "all" : "not all");
	become(USER);
	printf("user %d has %s\n", (int)getuid(), caps_of("CapEff") ? "some" : "none");
	say("sethostname", sethostname("x", 1));
	say("kill(1)", kill(1, 0));
}

static void own_id(void)
{
	char line[32];

	become(USER);
	say("unshare", unshare(CLONE_NEWUSER));
	printf("before: uid %d gid %d\n", (int)getuid(), (int)getgid());
	snprintf(line, sizeof(line), "0 %d 1", USER);
	say("uid_map", put(0, "uid_map", line));
	say("gid_map, groups allowed", put(0, "gid_map", line));
	say("setgroups", put(0, "setgroups", "deny"));
	say("gid_map, groups denied", put(0, "gid_map", line));
	printf("after: uid %d gid %d\n", (int)getuid(), (int)getgid());
	say("uid_map again", put(0, "uid_map", line));
}

static void foreign(void)
{
	become(USER);
	say("unshare", unshare(CLONE_NEWUSER));
	say("the host's root", put(0, "uid_map", "0 0 1"));
	say("a second id", put(0, "uid_map", "0 1000 2"));
	say("two lines", put(0, "uid_map", "0 1000 1\n1 1001 1"));
	say("nobody", put(0, "uid_map", "0 1000 0"));
	say("overlapping", put(0, "uid_map", "0 1000 5\n4 2000 5"));
}

/* Root of the outer namespace maps; in it, its root maps for a third level. */
static void inner_maps(void)
{
	int hold, file;
	pid_t pid;
	struct stat st;

	/* here: ids 0 to 999 are 100000..., 1000 to 1999 are 300000... outside */
	if (setresgid(0, 0, 0) || setresuid(0, 0, 0) || prctl(PR_SET_DUMPABLE, 1))
		perror("becoming root inside");
	pid = dweller(0, &hold);
	say("outside of the parent's map", put(pid, "uid_map", "0 5000 1"));
	say("across two extents of it", put(pid, "uid_map", "0 900 200"));
	say("within one", put(pid, "uid_map", "0 1500 100"));
	say("gid_map", put(pid, "gid_map", "0 1500 100"));
	close(hold);
	waitpid(pid, NULL, 0);
	file = open("nested", O_CREAT | O_RDWR, 0600);
	say("a file", file);
	if (fchown(file, 1500, 999) || fstat(file, &st))
		perror("fchown");
	printf("inside %d %d\n", (int)st.st_uid, (int)st.st_gid);
	close(file);
}

static void nested(void)
{
	int ready[2], go[2];
	struct stat st;
	pid_t pid;
	char c;

	if (chmod(".", 0777) || pipe(ready) || pipe(go))
		exit(1);
	pid = fork();
	if (pid == 0) {
		say("unshare", unshare(CLONE_NEWUSER));
		write(ready[1], "", 1);
		read(go[0], &c, 1);
		inner_maps();
		exit(0);
	}
	read(ready[0], &c, 1);
	say("uid_map", put(pid, "uid_map", "0 100000 1000\n1000 300000 1000"));
	say("gid_map", put(pid, "gid_map", "0 100000 1000\n1000 300000 1000"));
	write(go[1], "", 1);
	waitpid(pid, NULL, 0);
	if (stat("nested", &st))
		perror("nested");
	printf("outside %d %d\n", (int)st.st_uid, (int)st.st_gid);
	unlink("nested");
}

static void inside(void)
{
	become(USER);
	say("unshare", unshare(CLONE_NEWUSER));
	printf("all capabilities: %s\n", caps_of("CapEff") >= 0x1ffffffffff ? "yes" : "no");
	say("the host's name", sethostname("x", 1));
	say("a host name of its own", unshare(CLONE_NEWUTS) ?: sethostname("x", 1));
	say("the host's init", kill(1, 0));
}

static int target; /* a user namespace */

static void enter_as_owner(void)
{
	become(USER);
	say("owner", setns(target, CLONE_NEWUSER));
}
static void enter_as_other(void)
{
	become(USER + 1);
	say("another user", setns(target, CLONE_NEWUSER));
}
static void enter_as_root(void)
{
	say("root", setns(target, CLONE_NEWUSER));
}
static void enter_stripped(void)
{
	become(0); /* root's id alone is nothing */
	if (unshare(CLONE_NEWUSER))
		perror("unshare");
	say("root of a sibling", setns(target, CLONE_NEWUSER));
}

static void downwards(void)
{
	int hold;
	pid_t pid = dweller(USER, &hold);

	target = user_ns_of(pid);
	in_child(enter_as_owner);
	in_child(enter_as_other);
	in_child(enter_as_root);
	in_child(enter_stripped);
	close(hold);
	waitpid(pid, NULL, 0);
}

/* The owner of a namespace is powerful in those below it as well; who lives in it is not, above. */
static void grandchild(void)
{
	int hold, below;
	pid_t pid;

	become(USER);
	say("unshare", unshare(CLONE_NEWUSER));
	say("uid_map", put(0, "uid_map", "0 1000 1"));
	say("gid_map", put(0, "setgroups", "deny") ?: put(0, "gid_map", "0 1000 1"));
	target = open("/proc/self/ns/user", O_RDONLY);
	pid = dweller(0, &hold);
	below = user_ns_of(pid);
	say("down two", setns(below, CLONE_NEWUSER));
	say("and up again", setns(target, CLONE_NEWUSER));
	close(hold);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "plain", plain },           { "own-id", own_id }, { "foreign", foreign },
		{ "nested", nested },         { "inside", inside }, { "downwards", downwards },
		{ "grandchild", grandchild },
	};

	if (argc > 3 && !strcmp(argv[1], "as")) {
		become(atoi(argv[2]));
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		return 127;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(tests) / sizeof(*tests); i++)
		if (!strcmp(argv[1], tests[i].name)) {
			tests[i].run();
			return 0;
		}
	fprintf(stderr, "usage: privs NAME, privs as UID COMMAND [ARG...]\n");
	return 2;
}
