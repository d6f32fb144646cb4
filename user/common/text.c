/* SPDX-License-Identifier: MIT */
/* Sizes, ages, tables and small files. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

bool parse_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "kKmMgGtT";
	uint64_t whole = 0, tenths = 0, scale = 1;
	const char *p = text, *unit;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (whole > UINT64_MAX / 100)
			return false;
		whole = whole * 10 + (*p - '0');
	}
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
		snprintf(buf, TEXT_SIZE, "%llu", (unsigned long long)bytes);
	else if (tenths % 10 && tenths < 1000)
		snprintf(buf, TEXT_SIZE, "%llu.%llu%c", (unsigned long long)tenths / 10,
			 (unsigned long long)tenths % 10, units[u]);
	else
		snprintf(buf, TEXT_SIZE, "%llu%c", (unsigned long long)(tenths + 5) / 10, units[u]);
	return buf;
}

const char *age_text(int64_t s, char buf[TEXT_SIZE])
{
	if (s < 0)
		s = 0;
	if (s < 120)
		snprintf(buf, TEXT_SIZE, "%llds", (long long)s);
	else if (s < 7200)
		snprintf(buf, TEXT_SIZE, "%lldm", (long long)s / 60);
	else if (s < 172800)
		snprintf(buf, TEXT_SIZE, "%lldh", (long long)s / 3600);
	else
		snprintf(buf, TEXT_SIZE, "%lldd", (long long)s / 86400);
	return buf;
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

void table_add(struct table *t, const char *text)
{
	if (t->cells == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 64;
		t->cell = realloc(t->cell, t->cap * sizeof(*t->cell));
	}
	if (!t->cell || !(t->cell[t->cells++] = strdup(text)))
		die(STATUS_FAILED, "no memory");
}

void table_print(const struct table *t)
{
	for (int i = 0; i < t->cells; i++) {
		int column = i % t->columns, width = 0;

		if (column == t->columns - 1) {
			printf("%s\n", t->cell[i]);
			continue;
		}
		for (int j = column; j < t->cells; j += t->columns)
			if ((int)strlen(t->cell[j]) > width)
				width = strlen(t->cell[j]);
		printf("%-*s  ", width, t->cell[i]);
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

int exit_status_of(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
