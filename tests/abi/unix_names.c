/* SPDX-License-Identifier: MIT */
/* The names of AF_UNIX sockets: paths, abstract names, none. */
#include "unix.h"

static struct sockaddr_un sun;
static socklen_t len;

static int sock(int type)
{
	return socket(AF_UNIX, type, 0);
}

static void own_name(const char *what, int fd)
{
	memset(&sun, 'x', sizeof(sun));
	len = sizeof(sun);
	R(getsockname(fd, (struct sockaddr *)&sun, &len));
	show_name(what, &sun, len);
}

static void nameless(void)
{
	int p[2];

	own_name("new", sock(SOCK_STREAM));
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	own_name("pair", p[0]);
	len = sizeof(sun);
	R(getpeername(p[0], (struct sockaddr *)&sun, &len));
	say("%d", len);
	len = 1;
	R(getsockname(p[0], (struct sockaddr *)&sun, &len));
	say("%d", len);
	len = -1;
	R(getsockname(p[0], (struct sockaddr *)&sun, &len));
	R(getsockname(p[0], (struct sockaddr *)&sun, wild(1)));
	len = 10;
	R(getsockname(p[0], wild(1), &len));
	R(getsockname(0, (struct sockaddr *)&sun, &len));
	R(getsockname(77, (struct sockaddr *)&sun, &len));
}

static void a_path(void)
{
	int s = sock(SOCK_STREAM);
	struct stat st;

	umask(027);
	R(bind_to(s, "name"));
	own_name("bound", s);
	R(stat("name", &st));
	say("mode %o links %ld", st.st_mode, (long)st.st_nlink);
	R(open("name", O_RDWR));
	R(bind_to(s, "again"));
	R(access("again", F_OK));
	R(bind_to(s, "name"));
	R(bind_to(sock(SOCK_DGRAM), "name"));
	R(close(s));
	R(access("name", F_OK));
	R(bind_to(sock(SOCK_STREAM), "name"));
	R(unlink("name"));
	R(bind_to(sock(SOCK_STREAM), "name"));
	R(mkdir("dir", 0755));
	R(bind_to(sock(SOCK_STREAM), "dir"));
	R(bind_to(sock(SOCK_STREAM), "dir/x"));
	R(bind_to(sock(SOCK_STREAM), "none/x"));
	R(bind_to(sock(SOCK_STREAM), "name/x"));
	R(symlink("target", "link"));
	R(bind_to(sock(SOCK_STREAM), "link"));
}

static void path_lengths(void)
{
	char path[120];
	int s = sock(SOCK_STREAM);

	memset(path, 'a', sizeof(path));
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, 108);
	R(bind(s, (struct sockaddr *)&sun, 110));
	len = sizeof(sun);
	{
		struct {
			struct sockaddr_un sun;
			char more[8];
		} room;

		len = sizeof(room);
		R(getsockname(s, (struct sockaddr *)&room, &len));
		say("%d", len);
	}
	R(connect(sock(SOCK_STREAM), (struct sockaddr *)&sun, 110));
	R(listen(s, 1));
	R(connect(sock(SOCK_STREAM), (struct sockaddr *)&sun, 110));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 111));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 128));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 129));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 1));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 0));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, -1));
	R(bind(sock(SOCK_STREAM), wild(1), 5));
	s = sock(SOCK_STREAM);
	R(bind(s, (struct sockaddr *)&sun, 5)); /* without its NUL */
	own_name("aaa", s);
	sun.sun_path[1] = 0;
	s = sock(SOCK_STREAM);
	R(bind(s, (struct sockaddr *)&sun, 30)); /* what follows the NUL is ignored */
	own_name("a", s);
	sun.sun_family = AF_INET;
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 5));
}

static void abstract(void)
{
	int a = sock(SOCK_STREAM), b = sock(SOCK_STREAM), c = sock(SOCK_DGRAM);

	R(bind_to(a, "@abi-names"));
	own_name("bound", a);
	R(bind_to(b, "@abi-names"));
	R(bind_to(c, "@abi-names")); /* each type has its own */
	R(bind_to(b, "@abi-names2"));
	R(bind_to(b, "@abi-names3"));
	R(close(a));
	a = sock(SOCK_STREAM);
	R(bind_to(a, "@abi-names"));
	a = sock(SOCK_STREAM);
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, "\0a\0b", 4);
	R(bind(a, (struct sockaddr *)&sun, 6));
	own_name("with a NUL", a);
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 3)); /* the empty one */
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 3));
	R(bind(sock(SOCK_STREAM), (struct sockaddr *)&sun, 110));
}

static void autobind(void)
{
	int s = sock(SOCK_DGRAM), t = sock(SOCK_DGRAM), n = 0;
	struct sockaddr_un first;

	sun.sun_family = AF_UNIX;
	R(bind(s, (struct sockaddr *)&sun, 2));
	len = sizeof(sun);
	R(getsockname(s, (struct sockaddr *)&sun, &len));
	for (int i = 1; i < 6; i++)
		n += strchr("0123456789abcdef", sun.sun_path[i]) != NULL;
	say("length %d, NUL %d, digits %d", len, !sun.sun_path[0], n);
	first = sun;
	R(bind(t, (struct sockaddr *)&sun, 2));
	R(getsockname(t, (struct sockaddr *)&sun, &len));
	say("another: %d", !!memcmp(&sun, &first, len));
	R(bind(s, (struct sockaddr *)&sun, 2));
	s = sock(SOCK_DGRAM);
	R(setsockopt(s, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, 4));
	R(sendto(s, "x", 1, 0, (struct sockaddr *)&first, len));
	R(getsockname(s, (struct sockaddr *)&sun, &len));
	say("by SO_PASSCRED: length %d", len);
}

static void moved_and_linked(void)
{
	int l = listener(SOCK_STREAM, "here", 5);

	R(rename("here", "there"));
	R(connect_to(sock(SOCK_STREAM), "here"));
	R(connect_to(sock(SOCK_STREAM), "there"));
	R(link("there", "twice"));
	R(connect_to(sock(SOCK_STREAM), "twice"));
	R(symlink("twice", "soft"));
	R(connect_to(sock(SOCK_STREAM), "soft"));
	R(unlink("there"));
	R(unlink("twice"));
	R(connect_to(sock(SOCK_STREAM), "soft"));
	own_name("still", l);
	R(mknod("made", S_IFSOCK | 0644, 0));
	R(connect_to(sock(SOCK_STREAM), "made"));
	R(bind_to(sock(SOCK_STREAM), "made"));
}

static void permission(void)
{
	int l = listener(SOCK_STREAM, "guarded", 5), status;

	R(l >= 0);
	R(chmod(".", 0755));
	R(chmod("guarded", 0555));
	if (fork() == 0) {
		if (geteuid() == 0 && setresuid(65534, 65534, 65534))
			say("setresuid");
		R(connect_to(sock(SOCK_STREAM), "guarded"));
		_exit(0);
	}
	wait(&status);
	R(chmod("guarded", 0222));
	R(connect_to(sock(SOCK_STREAM), "guarded"));
}

/* Counts the lines of /proc/net/unix whose end is text. */
static int listed(const char *text, char *flags)
{
	FILE *f = fopen("/proc/net/unix", "r");
	char line[300];
	int n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char *at = strstr(line, text);

		if (!at || strcmp(at + strlen(text), "\n"))
			continue;
		n++;
		sscanf(line, "%*s %*s %*s %20s", flags);
		memcpy(flags + 8, strchr(line, ':') + 28, 8);
		flags[16] = 0;
	}
	if (f)
		fclose(f);
	return n;
}

static void proc_file(void)
{
	FILE *f = fopen("/proc/net/unix", "r");
	char line[300] = "", flags[32] = "";
	int l = listener(SOCK_STREAM, "@abi-proc-net", 5), n;

	if (f && fgets(line, sizeof(line), f))
		say("%s", strtok(line, "\n"));
	n = listed(" @abi-proc-net", flags);
	say("%d %s", n, flags);
	R(connect_to(sock(SOCK_STREAM), "@abi-proc-net"));
	n = listed(" @abi-proc-net", flags);
	say("%d", n);
	R(close(l));
	say("%d", listed(" @abi-proc-net", flags));
	R(readlink("/proc/net", line, sizeof(line)));
	say("%.8s", line);
}

ABI_MAIN(CASE(nameless), CASE(a_path), CASE(path_lengths), CASE(abstract), CASE(autobind),
	 CASE(moved_and_linked), CASE(permission), CASE(proc_file))
