/* SPDX-License-Identifier: MIT */
/*
 * Values for the kinds of arguments. Most are what a program would give; when a call is to be odd,
 * some arguments are a bit off (one more, one bit, the end of a page) or wild (a kernel address, a
 * hole, a huge number).
 *
 * Structures and buffers are made in the thread's scratch pages. Behind those is a page that is
 * never there: now and then a structure ends exactly before it.
 */
#include <string.h>

#include "fuzz.h"

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
u64 mix(u64 a, u64 b)
{
	u64 z = a + b * 0x9e3779b97f4a7c15UL + 0x632be59bd9b4e019UL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9UL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebUL;
	return z ^ (z >> 31);
}

u64 rnd(struct rng *r)
{
	return mix(r->state++, 1);
}

/* ---- numbers that are wrong ---- */

static u64 wild(struct call *c)
{
	static const u64 values[] = {
		0,
		1,
		-1UL,
		-2UL,
		0x7fffffff, /* INT_MAX */
		0x80000000, /* INT_MIN, as 32 bits and as a long */
		0xffffffff80000000, /* also where the kernel's text is */
		0xffffffff,
		0x100000000,
		0x7fffffffffffffff,
		0x8000000000000000,
		0x00007fffffffe000, /* the last pages of the user's half, and what is behind */
		0x00007fffffffefff,
		0x00007ffffffff000,
		0x0000800000000000, /* not canonical */
		0xffff800000000000,
		0xffff888000000000, /* the kernel's half */
		0xffffffffff600000,
		-4096UL,
		-8UL,
		4095,
		4096,
		4097,
		0x5555000000000001,
		1UL << 62,
	};

	switch (below(&c->rng, 8)) {
	case 0:
		return rnd(&c->rng);
	case 1:
		return rnd(&c->rng) >> below(&c->rng, 64);
	case 2:
		return 1UL << below(&c->rng, 64);
	case 3: /* a page that is not there, and the bytes before it */
		return SCRATCH_BASE + c->thread * SCRATCH_STRIDE + SCRATCH_PAGES * PAGE -
		       below(&c->rng, 20);
	case 4:
		return ARENA_BASE + below(&c->rng, ARENA_PAGES * PAGE + 8);
	default:
		return values[below(&c->rng, ARRAY_SIZE(values))];
	}
}

static u64 off_a_bit(struct call *c, u64 v)
{
	switch (below(&c->rng, 6)) {
	case 0:
		return v + 1;
	case 1:
		return v - 1;
	case 2:
		return -v;
	case 3:
		return v * 2;
	case 4:
		return v | rnd(&c->rng) << 32; /* the upper half of an int */
	default:
		return v ^ 1UL << below(&c->rng, 64);
	}
}

/* ---- memory for structures and bytes ---- */

static void *room(struct call *c, size_t size)
{
	u8 *end = c->scratch + SCRATCH_PAGES * PAGE, *p;

	if (!c->edge_used && once_in(&c->rng, 12)) {
		c->edge_used = true;
		return end - size;
	}
	size = (size + 7) & ~7UL;
	/* the last pages are kept for the edge */
	if (c->at + size > end - 4 * PAGE)
		c->at = c->scratch;
	p = c->at;
	c->at += size;
	return p;
}

static const char *const texts[] = {
	"0",
	"1",
	"2",
	"-1",
	"max",
	"1000",
	"65536",
	"1048576",
	"99999999999999999999",
	"0 1000 1",
	"0 0 1",
	"0 0 4294967295",
	"1000 1000 1\n0 0 1\n",
	"deny",
	"allow",
	"+memory +pids",
	"-memory -pids",
	"+cpu",
	"-cpu",
	"+nothing",
	"100000 100000",
	"1000 100000",
	"max 100000",
	"threaded",
	"monotonic 10 0",
	"boottime -5 0",
	"a name",
	"%s%n",
	"\x01\x03\x04\x1a",
	"\033[2J\033[10;10H",
	"#!prog\n",
	"",
	"\n",
	" ",
	"1 2 3 4 5 6 7 8 9",
	"0x10",
	"+5",
	"0\n",
};

/* Content for n bytes. */
static void fill(struct call *c, u8 *p, size_t n)
{
	const char *text;

	switch (below(&c->rng, 5)) {
	case 0:
		memset(p, 0, n);
		break;
	case 1:
		memset(p, below(&c->rng, 256), n);
		break;
	case 2:
		for (size_t i = 0; i + 8 <= n; i += 8) {
			u64 v = once_in(&c->rng, 4) ? wild(c) : below(&c->rng, 5);

			memcpy(p + i, &v, 8);
		}
		break;
	default:
		text = texts[below(&c->rng, ARRAY_SIZE(texts))];
		for (size_t i = 0, len = strlen(text) + 1; i < n; i++)
			p[i] = text[i % len];
	}
}

static size_t some_length(struct call *c)
{
	switch (below(&c->rng, 6)) {
	case 0:
		return below(&c->rng, 9);
	case 1:
		return 4096;
	case 2:
		return below(&c->rng, 3 * PAGE);
	default:
		return below(&c->rng, 200);
	}
}

static u64 buffer(struct call *c, size_t size, bool in)
{
	u8 *p;

	if (!size && once_in(&c->rng, 6)) { /* the arena: whatever is mapped there now */
		c->len = below(&c->rng, 8 * PAGE);
		return ARENA_BASE + below(&c->rng, ARENA_PAGES) * PAGE + below(&c->rng, 3);
	}
	if (!size) {
		size = some_length(c);
		if (in && once_in(&c->rng, 2)) { /* a text, as it stands */
			const char *text = texts[below(&c->rng, ARRAY_SIZE(texts))];

			c->len = strlen(text);
			p = room(c, c->len + 1);
			memcpy(p, text, c->len + 1);
			return (u64)p;
		}
	}
	c->len = size;
	p = room(c, size);
	if (in)
		fill(c, p, size);
	return (u64)p;
}

/* ---- what a call of the same size got last ---- */

#define STASHES 8
#define STASH_MAX 2500
static struct {
	u32 size;
	u8 data[STASH_MAX];
} stash[STASHES];

void keep_out(struct call *c)
{
	unsigned int i = c->out_size % STASHES;

	if (!c->out || c->out_size > STASH_MAX)
		return;
	stash[i].size = c->out_size;
	memcpy(stash[i].data, c->out, c->out_size);
}

static void blob(struct call *c, u8 *p, size_t n)
{
	unsigned int i = n % STASHES;

	if (stash[i].size == n && !once_in(&c->rng, 8))
		memcpy(p, stash[i].data, n);
	else if (once_in(&c->rng, 2))
		memset(p, 0, n);
	else
		fill(c, p, n);
	for (u64 changes = below(&c->rng, 4); changes; changes--) {
		u64 at = below(&c->rng, n), v = once_in(&c->rng, 2) ? wild(c) : rnd(&c->rng);
		u64 width = 1UL << below(&c->rng, 4);

		at &= -width;
		memcpy(p + at, &v, at + width <= n ? width : 1);
	}
}

/* ---- structures ---- */

static size_t fields_size(const struct field *f)
{
	size_t n = 0;

	for (; f->width; f++)
		n += f->width;
	return n;
}

static void fill_fields(struct call *c, u8 *p, const struct field *f)
{
	for (; f->width; p += f++->width) {
		if (f->arg.kind == BLOB) {
			blob(c, p, f->width);
		} else if (f->arg.kind == STRUCT && f->width > 8) {
			fill_fields(c, p, f->arg.of);
		} else {
			u64 v = draw(c, &f->arg);

			memcpy(p, &v, f->width);
		}
	}
}

static u64 structures(struct call *c, const struct arg *arg)
{
	u64 n = arg->n > 1 ? below(&c->rng, arg->n + 1) : 1;
	size_t size = fields_size(arg->of);
	u8 *p = room(c, (n ? n : 1) * size);

	for (u64 i = 0; i < n; i++)
		fill_fields(c, p + i * size, arg->of);
	c->count = n;
	return (u64)p;
}

static u64 strings(struct call *c)
{
	u64 n = below(&c->rng, 6), *p = room(c, (n + 1) * 8);

	for (u64 i = 0; i < n; i++)
		p[i] = once_in(&c->rng, 30) ? wild(c)
					    : (u64)texts[below(&c->rng, ARRAY_SIZE(texts))];
	p[n] = 0;
	return (u64)p;
}

/* ---- names ---- */

static const char *const paths[] = {
	"f0",
	"f1",
	"f2",
	"f3",
	"f4",
	"d0",
	"d1",
	"d2",
	"d0/f0",
	"d0/f1",
	"d1/f0",
	"d0/d1",
	"d0/d1/d2",
	"l0",
	"l1",
	"l1/f0",
	"loop0",
	"p0",
	".",
	"..",
	"/",
	"",
	"d0/..",
	"d0/./../d1/f0",
	"f0/",
	"f0/x",
	"//tmp///f0",
	"/work/d0",
	"/work/f0",
	"/work",
	"/tmp/x",
	"/tmp",
	"/proc/self/exe",
	"/proc/self/cwd",
	"/proc/self/root/work/f1",
	"/proc/self/fd/3",
	"/proc/self/fd/10",
	"/proc/self/ns/mnt",
	"/proc/self/ns/user",
	"/proc",
	"/proc/1",
	"/proc/2/task",
	"/proc/self/fd",
	"/proc/1/root/work/f0",
	"/sys",
	"/sys/devices/system/cpu",
	"/sys/fs/cgroup",
	"/sys/fs/cgroup/a",
	"/dev",
	"/dev/null",
	"/dev/zero",
	"/dev/full",
	"/dev/urandom",
	"/dev/ptmx",
	"/dev/pts",
	"/dev/pts/0",
	"/dev/tty",
	"/dev/kvm",
	"/image",
	"/image/bin/busybox",
	"/image/bin/sh",
	"/image/etc",
	"d1/bin",
	"d1/bin/sh",
	"d1/etc/passwd",
	"/bad.erofs",
	"/ov",
	"/ov/etc/x",
	"/ov/bin/busybox",
	"/ov/x",
	"/ov/bin",
	"/ov/etc/passwd",
	"prog",
	"script",
	"bad0",
	"nothing",
	"d0/nothing/x",
	"a\\012b",
	".hidden",
	"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789"
	"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789"
	"0123456789012345678901234567890123456789012345678901234", /* 255: the longest name */
	"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789"
	"012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
	"0123456789"
	"01234567890123456789012345678901234567890123456789012345",
};

static u64 path(struct call *c)
{
	const char *s = paths[below(&c->rng, ARRAY_SIZE(paths))];
	char *p;
	size_t n;

	if (once_in(&c->rng, 2)) /* one of the names in the work folder, mostly */
		s = paths[below(&c->rng, 18)];
	if (once_in(&c->rng, 60)) { /* PATH_MAX and around it */
		n = 4090 + below(&c->rng, 10);
		p = room(c, n + 1);
		for (size_t i = 0; i < n; i++)
			p[i] = i % 2 ? '/' : '.';
		p[n] = 0;
		return (u64)p;
	}
	n = strlen(s) + 1;
	p = room(c, n);
	memcpy(p, s, n);
	return (u64)p;
}

static u64 text(struct call *c, const struct arg *arg)
{
	const char *const *list = arg->of;
	const char *s = list[below(&c->rng, arg->n)];
	char *p = room(c, strlen(s) + 1);

	return (u64)memcpy(p, s, strlen(s) + 1);
}

/* ---- resources ---- */

static u64 descriptor(struct call *c, const struct arg *arg)
{
	unsigned int kind = arg->n, n;

	if (arg->lo && once_in(&c->rng, 2))
		return (u32)-100; /* AT_FDCWD */
	if (kind == ANY || once_in(&c->rng, 16))
		kind = 1 + below(&c->rng, NR_FD_KINDS - 1);
	n = pool.nr[kind] < 16 ? pool.nr[kind] : 16;
	if (!n || once_in(&c->rng, 12))
		return below(&c->rng, 64);
	return pool.fd[kind][below(&c->rng, n)];
}

static u64 process(struct call *c)
{
	unsigned int n = pool.nr_pids < 16 ? pool.nr_pids : 16;

	switch (below(&c->rng, 8)) {
	case 0:
		return 0;
	case 1:
		return 1 + below(&c->rng, 12);
	case 2:
		return -(1 + below(&c->rng, 4));
	case 3:
	case 4:
		return pool.pid[0]; /* itself */
	default:
		return n ? pool.pid[below(&c->rng, n)] : 0;
	}
}

static u64 signal_number(struct call *c)
{
	static const u8 harmless[] = { 0, 10, 12, 17, 14, 23, 28, 18, 34, 35, 64, 1, 13 };

	/* SIGKILL, SIGSTOP and their like end the life or halt it: seldom */
	return once_in(&c->rng, 12) ? below(&c->rng, 66)
				    : harmless[below(&c->rng, sizeof(harmless))];
}

static u64 user_id(struct call *c)
{
	static const u32 ids[] = { 0, 0, 1000, 1000, 1, 65534, 65535, -1, -2, 100000 };

	return ids[below(&c->rng, ARRAY_SIZE(ids))];
}

static u64 bits(struct call *c, const struct arg *arg)
{
	const u64 *list = arg->of;
	u64 v = arg->lo;

	for (u64 n = below(&c->rng, 4); n; n--)
		v |= list[below(&c->rng, arg->n)];
	return v;
}

static u64 ordinary(struct call *c, const struct arg *arg)
{
	switch (arg->kind) {
	case RANGE:
		return arg->lo + below(&c->rng, arg->hi - arg->lo + 1);
	case ONEOF:
		return ((const u64 *)arg->of)[below(&c->rng, arg->n)];
	case BITS:
		return bits(c, arg);
	case FD:
		return descriptor(c, arg);
	case PATH:
		return path(c);
	case TEXT:
		return text(c, arg);
	case IN:
		return buffer(c, arg->n, true);
	case OUT: {
		u64 p = buffer(c, arg->n, false);

		if (arg->n) {
			c->out = (void *)p;
			c->out_size = arg->n;
		}
		return p;
	}
	case BLOB: {
		u8 *p = room(c, arg->n);

		blob(c, p, arg->n);
		return (u64)p;
	}
	case LEN:
		return c->len;
	case COUNT:
		return c->count;
	case STRUCT:
		return structures(c, arg);
	case STRINGS:
		return strings(c);
	case ADDR:
		return ARENA_BASE + below(&c->rng, ARENA_PAGES) * PAGE;
	case SIZE:
		return once_in(&c->rng, 4) ? below(&c->rng, ARENA_PAGES * PAGE)
					   : (1 + below(&c->rng, 6)) * PAGE;
	case WORD: /* the first words of the first thread's arena page, aligned */
		return SCRATCH_BASE + THREADS * SCRATCH_STRIDE + below(&c->rng, 4) * 8;
	case STACK:
		return STACKS_BASE + STACK_SIZE * (1 + below(&c->rng, 8));
	case PID:
		return process(c);
	case SIG:
		return signal_number(c);
	case UID:
		return user_id(c);
	case TIMER:
		return below(&c->rng, 6);
	default:
		return rnd(&c->rng);
	}
}

u64 draw(struct call *c, const struct arg *arg)
{
	u64 v;

	if (c->odd && once_in(&c->rng, c->odd * 2))
		return wild(c);
	v = ordinary(c, arg);
	if (c->odd && arg->kind != NOTHING && once_in(&c->rng, c->odd * 2))
		v = off_a_bit(c, v);
	else if (arg->kind >= IN && arg->kind <= STRUCT && arg->kind != LEN && arg->kind != COUNT &&
		 once_in(&c->rng, 10))
		v = 0; /* many pointers may be missing */
	return v;
}
