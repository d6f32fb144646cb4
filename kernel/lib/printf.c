/* SPDX-License-Identifier: MIT */
/*
 * printf into a buffer. Characters past the end of the buffer are counted and not stored, so the
 * result says how much room the whole text needs. Format strings are the kernel's own; the
 * arguments may be hostile, and cost no more than their precision or length.
 */
#include "lib/string.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, alt, plus;
	int width, precision; /* precision -1: none given */
	unsigned int size; /* bytes of an integer argument */
};

static void put(struct out *o, char c)
{
	if (o->len < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	for (; n > 0; n--)
		put(o, c);
}

static void put_string(struct out *o, const struct spec *f, const char *s)
{
	size_t n;

	if (!s)
		s = "(null)";
	n = f->precision >= 0 ? strnlen(s, f->precision) : strlen(s);
	if (!f->left)
		pad(o, ' ', f->width - (int)n);
	for (size_t i = 0; i < n; i++)
		put(o, s[i]);
	if (f->left)
		pad(o, ' ', f->width - (int)n);
}

/* sign: '-', '+' or 0. kind: the conversion's letter, which settles base and letter case. */
static void put_number(struct out *o, const struct spec *f, u64 v, char sign, char kind)
{
	unsigned int base = kind == 'x' || kind == 'X' ? 16 : kind == 'o' ? 8 : 10;
	const char *digits = kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	const char *prefix = !f->alt || !v ? "" : kind == 'x' ? "0x" : kind == 'X' ? "0X" : "";
	char text[24];
	int n = 0, zeros, spaces;

	for (u64 rest = v; rest; rest /= base)
		text[n++] = digits[rest % base];
	zeros = f->precision >= 0 ? f->precision - n : !n;
	if (f->alt && kind == 'o' && zeros <= 0 && (v || f->precision == 0))
		zeros = 1;
	if (zeros < 0)
		zeros = 0;
	spaces = f->width - n - zeros - (sign != 0) - (*prefix ? 2 : 0);
	if (f->zero && !f->left && f->precision < 0 && spaces > 0) {
		zeros += spaces;
		spaces = 0;
	}
	if (!f->left)
		pad(o, ' ', spaces);
	if (sign)
		put(o, sign);
	while (*prefix)
		put(o, *prefix++);
	pad(o, '0', zeros);
	while (n)
		put(o, text[--n]);
	if (f->left)
		pad(o, ' ', spaces);
}

static const char *read_int(const char *p, int *value)
{
	*value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		*value = *value * 10 + (*p - '0');
	return p;
}

/* Reads flags, width, precision and size; returns the place of the conversion's letter. */
static const char *read_spec(const char *p, struct spec *f, va_list *ap)
{
	*f = (struct spec){ .precision = -1, .size = sizeof(int) };
	for (;; p++) {
		if (*p == '-')
			f->left = true;
		else if (*p == '0')
			f->zero = true;
		else if (*p == '#')
			f->alt = true;
		else if (*p == '+')
			f->plus = true;
		else
			break;
	}
	if (*p == '*') {
		f->width = va_arg(*ap, int);
		if (f->width < 0) {
			f->left = true;
			f->width = -f->width;
		}
		p++;
	} else {
		p = read_int(p, &f->width);
	}
	if (*p == '.') {
		if (*++p == '*') {
			f->precision = va_arg(*ap, int);
			p++;
		} else {
			p = read_int(p, &f->precision);
		}
	}
	for (;; p++) {
		if (*p == 'l' || *p == 'z' || *p == 'j' || *p == 't')
			f->size = 8;
		else if (*p == 'h')
			f->size /= 2;
		else
			return p;
	}
}

static s64 signed_arg(const struct spec *f, va_list *ap)
{
	switch (f->size) {
	case 8:
		return va_arg(*ap, s64);
	case 2:
		return (s16)va_arg(*ap, int);
	case 1:
		return (s8)va_arg(*ap, int);
	}
	return va_arg(*ap, int);
}

static void convert(struct out *o, struct spec *f, char kind, va_list *ap)
{
	s64 v;
	char c;

	switch (kind) {
	case 'd':
	case 'i':
		v = signed_arg(f, ap);
		put_number(o, f, v < 0 ? -(u64)v : (u64)v, v < 0 ? '-' : f->plus ? '+' : 0, 'd');
		break;
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		v = signed_arg(f, ap);
		put_number(o, f, (u64)v & (~0UL >> (64 - 8 * f->size)), 0, kind);
		break;
	case 'p':
		f->alt = true;
		put_number(o, f, (u64)va_arg(*ap, void *), 0, 'x');
		break;
	case 's':
		put_string(o, f, va_arg(*ap, const char *));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		if (!f->left)
			pad(o, ' ', f->width - 1);
		put(o, c);
		if (f->left)
			pad(o, ' ', f->width - 1);
		break;
	default: /* "%%", and a letter that nobody knows, which shows itself */
		put(o, kind);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { .buf = buf, .size = size };
	struct spec f;
	va_list ap;

	va_copy(ap, args); /* a va_list parameter may be an array: its address is not a va_list's */
	while (*fmt) {
		if (*fmt != '%') {
			put(&o, *fmt++);
			continue;
		}
		fmt = read_spec(fmt + 1, &f, &ap);
		if (!*fmt)
			break;
		convert(&o, &f, *fmt++, &ap);
	}
	va_end(ap);
	if (size)
		buf[min(o.len, size - 1)] = '\0';
	return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
