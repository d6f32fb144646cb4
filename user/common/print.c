/* SPDX-License-Identifier: MIT */
/*
 * Formatted text without stdio, which would be a fifth of each tool: what is printed is gathered and
 * written when the buffer is full and at the end, messages to stderr at once. Memory is never given
 * back: a tool lives as long as one command line.
 */
#include "common.h"

const struct tool *the_tool = &(const struct tool){ .name = "dyad" };

/* Where formatted text goes: the buffer's end is never passed, and what would be there is counted. */
struct sink {
	char *buf;
	size_t size, n;
};

static void put_piece(struct sink *s, const char *text, size_t n)
{
	size_t room = s->n < s->size ? s->size - s->n : 0;

	memcpy(s->buf + (room ? s->n : 0), text, n < room ? n : room);
	s->n += n;
}

static void put(struct sink *s, const char *text, size_t n, int width)
{
	int pad = (width < 0 ? -width : width) - (int)n;

	if (width < 0)
		put_piece(s, text, n);
	for (; pad > 0; pad--)
		put_piece(s, " ", 1);
	if (width >= 0)
		put_piece(s, text, n);
}

/* The digits of v, at least `least` of them, before `end`. */
static char *digits(char *end, uint64_t v, unsigned int base, int least)
{
	for (; v || least > 0; v /= base, least--)
		*--end = "0123456789abcdef"[v % base];
	return end;
}

static int take_number(const char **p, va_list *ap)
{
	int n = 0;

	if (**p == '*') {
		(*p)++;
		return va_arg(*ap, int);
	}
	while (**p >= '0' && **p <= '9')
		n = n * 10 + *(*p)++ - '0';
	return n;
}

/* One conversion behind its '%': flags - and 0, width, precision, l, ll, z; d u x c s %. */
static const char *convert(struct sink *s, const char *p, va_list *ap)
{
	char number[32], *end = number + sizeof(number), *text = end;
	bool left = *p == '-', zero = *p == '0', is_long = false;
	int width, precision = -1;
	int64_t v;

	p += left || zero;
	width = take_number(&p, ap);
	if (*p == '.') {
		p++;
		precision = take_number(&p, ap);
	}
	for (; *p == 'l' || *p == 'z'; p++)
		is_long = true;
	if (*p == 's') {
		const char *t = va_arg(*ap, const char *);

		put(s, t, precision < 0 ? strlen(t) : strnlen(t, precision), left ? -width : width);
		return p + 1;
	}
	if (*p == '%' || *p == 'c') {
		*--text = *p == '%' ? '%' : va_arg(*ap, int);
	} else {
		v = is_long     ? va_arg(*ap, int64_t)
		    : *p == 'd' ? va_arg(*ap, int)
				: (int64_t)va_arg(*ap, unsigned int);
		text = digits(end, *p == 'd' && v < 0 ? -(uint64_t)v : (uint64_t)v,
			      *p == 'x' ? 16 : 10, zero ? width : 1);
		if (*p == 'd' && v < 0)
			*--text = '-';
	}
	put(s, text, end - text, left ? -width : width);
	return p + 1;
}

int vformat(char *buf, size_t size, const char *fmt, va_list args)
{
	struct sink s = { buf, size ? size - 1 : 0, 0 };
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		size_t n = 0;

		while (fmt[n] && fmt[n] != '%')
			n++;
		put_piece(&s, fmt, n);
		fmt += n;
		if (*fmt)
			fmt = convert(&s, fmt + 1, &ap);
	}
	va_end(ap);
	if (size)
		buf[s.n < s.size ? s.n : s.size] = 0;
	return s.n;
}

int format(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vformat(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

bool write_all(int fd, const char *data, size_t n)
{
	for (ssize_t done; n; data += done, n -= done) {
		done = write(fd, data, n);
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return false;
		if (done < 0)
			done = 0;
	}
	return true;
}

void write_out(const char *data, size_t n)
{
	if (!write_all(1, data, n))
		die(STATUS_FAILED, "stdout: %s", strerror(errno));
}

static char output[4096];
static size_t pending;
static int output_fd = 1;

bool flush(void)
{
	static int lost;

	if (!write_all(output_fd, output, pending))
		lost = errno;
	pending = 0;
	errno = lost;
	return !lost;
}

void print_to(int fd)
{
	flush();
	output_fd = fd;
}

void print(const char *fmt, ...)
{
	size_t n = sizeof(output);
	va_list ap;

	va_start(ap, fmt);
	for (int i = 0; i < 2 && n >= sizeof(output) - pending; i++) {
		if (i)
			flush();
		n = vformat(output + pending, sizeof(output) - pending, fmt, ap);
	}
	va_end(ap);
	pending += n < sizeof(output) - pending ? n : sizeof(output) - pending - 1;
}

/* In one write, so that messages of several processes do not mix. */
static void message(const char *fmt, va_list ap)
{
	char line[2048];
	size_t n = format(line, sizeof(line), "%s: ", the_tool->name);

	n += vformat(line + n, sizeof(line) - n, fmt, ap);
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';
	write_all(2, line, n);
}

void warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

void (*on_death)(int status);

void die(int status, const char *fmt, ...)
{
	va_list ap;

	flush();
	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	if (on_death)
		on_death(status);
	exit(status);
}

void *allocate(size_t size)
{
	static char first[2048] __attribute__((aligned(16))); /* without a call of the kernel */
	static size_t used;
	char *p = first + used;

	if (size <= sizeof(first) - used) {
		used += (size + 15) & ~(size_t)15;
		return p;
	}
	p = calloc(1, size);
	if (!p)
		die(STATUS_FAILED, "no memory");
	return p;
}

char *copy_text(const char *text, size_t n)
{
	return memcpy(allocate(n + 1), text, n);
}
