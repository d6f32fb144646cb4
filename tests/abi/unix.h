/* SPDX-License-Identifier: MIT */
/* What the tests of AF_UNIX sockets share. */
#pragma once
#include <poll.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "abi.h"

/* The address of a name: a path, or abstract when it begins with '@'. Its length in *len. */
static inline struct sockaddr_un name_of(const char *name, socklen_t *len)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t n = strlen(name);

	memcpy(sun.sun_path, name, n);
	if (*name == '@')
		sun.sun_path[0] = '\0';
	*len = offsetof(struct sockaddr_un, sun_path) + n + (*name != '@');
	return sun;
}

static inline int bind_to(int fd, const char *name)
{
	socklen_t len;
	struct sockaddr_un sun = name_of(name, &len);

	return bind(fd, (struct sockaddr *)&sun, len);
}

static inline int connect_to(int fd, const char *name)
{
	socklen_t len;
	struct sockaddr_un sun = name_of(name, &len);

	return connect(fd, (struct sockaddr *)&sun, len);
}

static inline int send_to(int fd, const char *text, const char *name, int flags)
{
	socklen_t len;
	struct sockaddr_un sun = name_of(name, &len);

	return sendto(fd, text, strlen(text), flags, (struct sockaddr *)&sun, len);
}

static inline void show_name(const char *what, const struct sockaddr_un *sun, socklen_t len)
{
	int n = (int)len - (int)offsetof(struct sockaddr_un, sun_path);

	if (n <= 0)
		say("%s: family %d, length %d", what, len ? sun->sun_family : -1, len);
	else if (!sun->sun_path[0])
		say("%s: length %d @%.*s", what, len, n - 1, sun->sun_path + 1);
	else
		say("%s: length %d %.*s", what, len, n, sun->sun_path);
}

static inline void show_events(const char *what, int fd)
{
	struct pollfd p = { fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0 };
	int n = poll(&p, 1, 0);

	say("%s: %d%s%s%s%s%s%s", what, n, p.revents & POLLIN ? " IN" : "",
	    p.revents & POLLOUT ? " OUT" : "", p.revents & POLLPRI ? " PRI" : "",
	    p.revents & POLLRDHUP ? " RDHUP" : "", p.revents & POLLHUP ? " HUP" : "",
	    p.revents & POLLERR ? " ERR" : "");
}

/* Reads what is there, and shows it. */
static inline void show_data(const char *what, int fd, int flags)
{
	char buf[256] = "";
	int n = recv(fd, buf, sizeof(buf) - 1, flags);

	if (n < 0)
		say("%s: %s", what, errno_name(errno));
	else
		say("%s: %d \"%.*s\"", what, n, n, buf);
}

static inline int listener(int type, const char *name, int backlog)
{
	int fd = socket(AF_UNIX, type, 0);

	if (bind_to(fd, name) || listen(fd, backlog))
		say("listener: %s", errno_name(errno));
	return fd;
}

static inline void alarm_handler(int sig)
{
}

static inline void alarm_in_ms(int ms, int flags)
{
	struct sigaction sa = { .sa_handler = alarm_handler, .sa_flags = flags };
	struct itimerval it = { .it_value = { 0, ms * 1000 } };

	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &it, NULL);
}
