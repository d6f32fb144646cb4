/* SPDX-License-Identifier: MIT */
/* Sizes, ages, tables and small files. */
#include <dirent.h>
#include <sys/wait.h>

#include "common.h"

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kKmMgGtT";
	uint64_t tenths = 0, scale = 1, whole;
	const char *unit;
	char *p;

	whole = to_number(text, &p, 10);
	if (p == text || whole / 10 > UINT64_MAX / 100)
		return false;
	if (*p == '.' && p[1] >= '0' && p[1] <= '9') {
		tenths = p[1] - '0';
		p += 2;
	}
	unit = *p ? strchr(units, *p) : NULL;
	if (unit) {
		scale = 1ULL << 10 * ((unit - units) / 2 + 1);
		p++;
		if (*p == 'i')
			p++;
		if (*p == 'B' || *p == 'b')
			p++;
	}
	if (*p || (tenths && scale == 1) || whole > (UINT64_MAX >> 1) / scale - 1)
		return false;
	*bytes = whole * scale + tenths * scale / 10;
	return *bytes != 0;
}

const char *size_text(uint64_t bytes, char buf[TEXT_SIZE])
{
	static const char units[] = " KMGTPE";
	unsigned int u = 0;
	uint64_t tenths = bytes * 10;

	if (bytes > UINT64_MAX / 10)
		return "max";
	for (; tenths >= 10240 && units[u + 1]; u++)
		tenths /= 1024;
	if (!u)
		format(buf, TEXT_SIZE, "%lu", bytes);
	else if (tenths % 10 && tenths < 1000)
		format(buf, TEXT_SIZE, "%lu.%lu%c", tenths / 10, tenths % 10, units[u]);
	else
		format(buf, TEXT_SIZE, "%lu%c", (tenths + 5) / 10, units[u]);
	return buf;
}

const char *age_text(int64_t s, char buf[TEXT_SIZE])
{
	static const int units[] = { 1, 60, 3600, 86400 };
	int u = 3;

	while (u && s < 2 * units[u])
		u--;
	format(buf, TEXT_SIZE, "%ld%c", (s < 0 ? 0 : s) / units[u], "smhd"[u]);
	return buf;
}

int name_index(const char *names, const char *name, bool any_case)
{
	size_t len = strlen(name), n;

	for (int i = 0; *names; i++, names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		if (n && n == len && !(any_case ? strncasecmp : strncmp)(names, name, n))
			return i;
	}
	return -1;
}

bool join(char *buf, size_t size, ...)
{
	const char *part;
	va_list ap;
	bool fits = true;

	va_start(ap, size);
	while ((part = va_arg(ap, const char *))) {
		size_t n = strlen(part);

		if (n >= size) {
			fits = false;
			break;
		}
		memcpy(buf, part, n);
		buf += n;
		size -= n;
	}
	va_end(ap);
	*buf = 0;
	return fits;
}

void words_add(struct words *w, const char *word, ...)
{
	va_list ap;

	va_start(ap, word);
	for (;; word = va_arg(ap, const char *)) {
		if (w->n == w->room) {
			const char **old = w->word;

			w->room = 2 * w->room + 16;
			w->word = allocate(w->room * sizeof(*w->word));
			memcpy(w->word, old, w->n * sizeof(*old));
		}
		w->word[w->n] = word;
		if (!word)
			break;
		w->n++;
	}
	va_end(ap);
}

void table_add(struct table *t, const char *fmt, ...)
{
	va_list ap;

	if (t->cells == t->cap) {
		char(*old)[CELL_SIZE] = t->cell;

		t->cap = t->cap ? 2 * t->cap : 64;
		t->cell = allocate(t->cap * sizeof(*t->cell));
		if (old)
			memcpy(t->cell, old, t->cells * sizeof(*old));
	}
	va_start(ap, fmt);
	vformat(t->cell[t->cells++], CELL_SIZE, fmt, ap);
	va_end(ap);
}

void table_begin(struct table *t, const char *head)
{
	t->columns = t->cells = 0;
	for (size_t n; *head; head += n + (head[n] == ' ')) {
		n = strcspn(head, " ");
		table_add(t, "%.*s", (int)n, head);
		t->columns++;
	}
}

void table_print(const struct table *t)
{
	for (int i = 0; i < t->cells; i++) {
		int column = i % t->columns, width = 0;

		if (column == t->columns - 1) {
			print("%s\n", t->cell[i]);
			continue;
		}
		for (int j = column; j < t->cells; j += t->columns)
			if ((int)strlen(t->cell[j]) > width)
				width = strlen(t->cell[j]);
		print("%-*s  ", width, t->cell[i]);
	}
}

bool parse_thousandths(const char *text, int64_t *v)
{
	int places = -1;

	if ((*text < '0' || *text > '9') && (*text != '.' || !text[1]))
		return false;
	for (*v = 0; *text; text++) {
		if (*text == '.' && places < 0)
			places = 0;
		else if (*text < '0' || *text > '9' || *v > 100000000 || places == 3)
			return false;
		else
			*v = *v * 10 + *text - '0', places += places >= 0;
	}
	for (places = places < 0 ? 0 : places; places < 3; places++)
		*v *= 10;
	return true;
}

char *next_line(struct lines *l)
{
	for (;;) {
		char *line = l->buf + l->at, *end = memchr(line, '\n', l->n - l->at);
		ssize_t got;

		if (end) {
			*end = 0;
			l->at = end + 1 - l->buf;
			return line;
		}
		memmove(l->buf, line, l->n - l->at);
		l->n -= l->at;
		l->at = 0;
		if (l->n == sizeof(l->buf))
			l->n = 0;
		got = read(l->fd, l->buf + l->n, sizeof(l->buf) - l->n);
		if (got <= 0)
			return NULL;
		l->n += got;
	}
}

void each_name(int dir, void (*fn)(int dir, const char *name, void *arg), void *arg)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	while ((n = getdents(dir, (struct dirent *)buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent *e = (const struct dirent *)(buf + at);

			at += e->d_reclen;
			if (e->d_name[0] != '.')
				fn(dir, e->d_name, arg);
		}
}

ssize_t read_small(int dirfd, const char *name, char *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -1;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	return n;
}

int write_small(int dirfd, const char *name, const char *text)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC), err;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return n < 0 ? -1 : 0;
}

void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_NONBLOCK | (fcntl(fd, F_GETFL) & O_ACCMODE));
}

int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

static unsigned int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10 : 99;
}

uint64_t to_number(const char *text, char **end, unsigned int base)
{
	bool large = false;
	uint64_t n = 0;

	for (; digit(*text) < base; text++)
		large |= __builtin_mul_overflow(n, base, &n) ||
			 __builtin_add_overflow(n, digit(*text), &n);
	if (end)
		*end = (char *)text;
	if (!large)
		return n;
	errno = ERANGE;
	return UINT64_MAX;
}
