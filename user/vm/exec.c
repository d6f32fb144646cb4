/* SPDX-License-Identifier: MIT */
/* `vm exec`: one more command inside a machine, by its agent; and what a command runs in, for `vm run` too. */
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "agent.h"
#include "vm.h"

const struct opt exec_options[] = { EXEC_OPTIONS("machine"), { .name = NULL } };

static char *add_line(char *p, const char *key, const char *value)
{
	p = memcpy(p, key, strlen(key)) + strlen(key);
	return (char *)memcpy(p, value, strlen(value) + 1) + strlen(value) + 1;
}

void add_surroundings(struct image_config *c, const struct surroundings *s)
{
	const char *term = getenv("TERM");
	size_t n = c->size + 3 * sizeof("WorkingDir=");
	char *text, *p;

	n += (s->workdir ? strlen(s->workdir) : 0) + (s->user ? strlen(s->user) : 0) +
	     (term ? strlen(term) + sizeof("Env=TERM=") : 0);
	for (int i = 0; i < s->env.n; i++)
		n += sizeof("Env=") + strlen(s->env.item[i]);
	text = p = allocate(n);
	if (term && *term)
		p = add_line(p, "Env=TERM=", term);
	memcpy(p, c->text ? c->text : "", c->size);
	p += c->size;
	for (int i = 0; i < s->env.n; i++)
		p = add_line(p, "Env=", s->env.item[i]);
	if (s->workdir)
		p = add_line(p, "Folder=", s->workdir);
	if (s->user)
		p = add_line(p, "User=", s->user);
	*c = (struct image_config){ .text = text, .size = p - text };
}

/* From there comes nothing but the end, which the command may have of its own /dev/null. */
static bool stdin_is_null(void)
{
	struct stat st;

	return !fstat(0, &st) && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

int exec_begin(const struct state *st, const char *image, const struct surroundings *around,
	       int flags, char **argv)
{
	char start[AGENT_PIECE] = { 0 }, *text, *p;
	const size_t head = 1 + sizeof(struct winsize);
	struct image_config config = { 0 };
	int s = connect_to(st, "agent");
	size_t size;

	if (s < 0)
		return -1;
	if (image)
		image_config_read(open(image, O_RDONLY | O_CLOEXEC), &config);
	add_surroundings(&config, around);
	size = config.size + 1;
	for (char **a = argv; *a; a++)
		size += strlen(*a) + 1;
	if (size >= AGENT_WORDS)
		die(STATUS_USAGE, "exec: the command is too long");
	text = p = allocate(size);
	p = mempcpy(p, config.text, config.size);
	*p++ = 0;
	for (char **a = argv; *a; a++)
		p = stpcpy(p, *a) + 1;
	for (size_t part; size > sizeof(start) - head; text += part, size -= part) {
		part = size < PACKET_SIZE ? size : PACKET_SIZE;
		client_send(s, AGENT_COMMAND, text, part);
	}
	start[0] = stdin_is_null() ? flags & ~AGENT_INPUT : flags;
	if (flags & AGENT_TERMINAL)
		ioctl(0, TIOCGWINSZ, start + 1);
	memcpy(start + head, text, size);
	client_send(s, AGENT_START, start, head + size);
	if (client_answered(s)) /* by a refusal, too, which came before we had said all */
		return s;
	close(s);
	errno = ECONNRESET;
	return -1;
}

int exec_in(const struct state *st, const char *image, char **argv)
{
	int flags = exec_opt.terminal ? AGENT_TERMINAL
		    : exec_opt.detach ? 0
				      : AGENT_INPUT | AGENT_OUTPUT;
	int status, s = exec_begin(st, image, &exec_opt.around, flags, argv);

	if (s < 0 && errno == ENOENT)
		die(STATUS_FAILED, "%s has no agent: it was not made of an image", st->name);
	if (s < 0)
		die(STATUS_FAILED, "%s does not answer: %s", st->name, strerror(errno));
	if (!exec_opt.detach)
		return client_run(s, NULL);
	status = client_started(s);
	if (status)
		warn("%s: %s", *argv, status == STATUS_NOT_FOUND ? "not found" : "cannot be run");
	return status;
}

int exec_verb(int argc, char **argv)
{
	char image[256];
	struct state st;

	argv = exec_in_what(argv, &st);
	close(image_open(st.image, image, sizeof(image)));
	return exec_in(&st, image, argv);
}
