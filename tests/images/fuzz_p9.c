/* SPDX-License-Identifier: MIT */
/* sources: user/vm/virtq.c */
/*
 * The 9P server of vm in the hands of a hostile guest: any requests, in any order, mostly of the right form, in
 * a folder with links that lead out of it. No reply holds what lies outside; what is there, and a folder that
 * is shared read-only, stay what they are.
 */
#include <stdarg.h>

#include "../../user/vm/p9.c"
#include "fuzz_vm.h"

#define SECRET "which lies outside"
#define PIECES 4

static struct p9 server[2]; /* of all/inside, and of all/fixed, read-only */
static int top; /* all/ */
static bool changed; /* all/inside has been written to */

/* ---- what the server stands on ---- */

void *guest_memory(struct machine *m, uint64_t at, uint64_t n, bool write)
{
	abort();
}

void virtio_break(struct virtio *v)
{
	abort();
}

void virtio_lock(struct virtio *v)
{
}

void virtio_unlock(struct virtio *v)
{
}

void virtio_add(struct machine *m, struct virtio *v, uint16_t type, const char *name,
		unsigned int queues, void (*notify)(struct virtio *v, struct virtq *q))
{
}

bool join(char *buf, size_t size, ...)
{
	size_t n = 0;
	va_list ap;

	va_start(ap, size);
	for (const char *part; (part = va_arg(ap, const char *));)
		n += n < size ? (size_t)snprintf(buf + n, size - n, "%s", part) : 0;
	va_end(ap);
	return n < size;
}

/* ---- the folders ---- */

static void clear(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *d = fdopendir(fd);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		    unlinkat(fd, e->d_name, 0)) {
			fchmodat(fd, e->d_name, 0700, 0);
			clear(fd, e->d_name);
			unlinkat(fd, e->d_name, AT_REMOVEDIR);
		}
	if (d)
		closedir(d);
}

static void write_file(const char *name, const char *text)
{
	int fd = openat(top, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static void fill(void)
{
	clear(top, "inside");
	write_file("inside/a", "which lies within");
	if (mkdirat(top, "inside/b", 0755) || symlinkat("../secret", top, "inside/c") ||
	    symlinkat("..", top, "inside/d") || symlinkat("/", top, "inside/b/e"))
		abort();
}

/* All of what must not change, as a sum of what fstatat(2) says of it. */
static uint64_t sum(void)
{
	static const char *const names[] = { ".", "secret", "fixed", "fixed/a", "fixed/b" };
	uint64_t sum = 0;
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (fstatat(top, names[i], &st, AT_SYMLINK_NOFOLLOW))
			abort();
		sum = sum * 31 + st.st_ctim.tv_nsec + st.st_ctim.tv_sec + st.st_nlink + st.st_size;
	}
	return sum;
}

static void create(void)
{
	static char path[64] = "/tmp/fuzz-p9-XXXXXX", inside[80], fixed[80];
	static struct share shares[2] = { { .path = inside },
					  { .path = fixed, .read_only = true } };

	if (!mkdtemp(path))
		abort();
	top = open(path, O_RDONLY | O_DIRECTORY);
	sprintf(inside, "%s/inside", path);
	sprintf(fixed, "%s/fixed", path);
	if (mkdir(inside, 0755) || mkdir(fixed, 0755) || mkdirat(top, "fixed/b", 0755))
		abort();
	write_file("secret", SECRET);
	write_file("fixed/a", "which lies within");
	for (int i = 0; i < 2; i++) {
		shares[i].fd = open(shares[i].path, FOLDER);
		server[i].share = &shares[i];
	}
	umask(0);
}

static void remove_all(void)
{
	char path[64];
	ssize_t n;

	sprintf(path, "/proc/self/fd/%d", top);
	n = readlink(path, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = 0;
	clear(top, ".");
	rmdir(path);
}

/* ---- a request ---- */

static void add(uint8_t **to, uint64_t v, unsigned int n)
{
	memcpy(*to, &v, n);
	*to += n;
}

static void add_name(uint8_t **to)
{
	static const char *const names[] = { "a",      "b",        "c",         "d",   "e",
					     "..",     ".",        "../secret", "b/e", "/",
					     "secret", "9P2000.L", "" };
	uint8_t choice = take_input(1);
	const char *name = names[choice % (sizeof(names) / sizeof(*names))];
	size_t n = choice == 255 ? take_input(2) % 5000 : strlen(name);

	add(to, n, 2);
	if (choice == 255)
		memset(*to, 'x', n);
	else
		memcpy(*to, name, n);
	*to += n;
}

/* In the form of its arguments, but for a number here and there. */
static size_t make_request(uint8_t *message, const struct call *c)
{
	uint8_t *to = message + HEAD, choice;

	for (const char *a = c->arguments; *a; a++) {
		if (*a == 'n' || *a == 't') {
			add_name(&to);
			continue;
		}
		choice = take_input(1);
		if (*a >= '1' && *a <= '8')
			add(&to, choice < 200 ? choice : take_input(*a - '0'), *a - '0');
		else
			add(&to, choice % 8, 4);
	}
	if (c->type == TWALK) {
		unsigned int n = take_input(1) % 4;

		message[HEAD + 4] %= 8;
		memcpy(message + HEAD + 8, &(uint16_t){ n }, 2);
		while (n--)
			add_name(&to);
	} else if (c->type == TATTACH) {
		message[HEAD] = 0;
	} else if (c->type == TWRITE) {
		to += take_input(1);
	}
	return to - message;
}

/* In as many pieces, of which none has anything behind it. */
static unsigned int cut(struct iovec *iov, const uint8_t *from, size_t n)
{
	unsigned int nr = 0;

	while (n) {
		size_t part = nr + 1 < PIECES ? take_input(1) : n;

		part = part && part < n ? part : n;
		iov[nr].iov_base = malloc(part);
		iov[nr].iov_len = part;
		memcpy(iov[nr++].iov_base, from, part);
		from += part;
		n -= part;
	}
	return nr;
}

/* All replies together, in a row. */
static void check_reply(const struct iovec *iov, unsigned int nr, uint32_t size)
{
	uint8_t all[2048], *to = all;

	for (unsigned int i = 0; i < nr; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
	if (size > to - all || (size && memcmp(all, &size, 4)) ||
	    memmem(all, sizeof(all), SECRET, strlen(SECRET)))
		abort();
}

static void request(void)
{
	static uint8_t message[65536], zeroes[2048];
	uint8_t choice = take_input(1);
	struct p9 *p = &server[choice >> 7];
	const struct call *c = &calls[choice % (sizeof(calls) / sizeof(*calls))];
	size_t n = make_request(message, c), room = take_input(1) * 8;
	struct virtq_chain *chain = &p->chain;
	struct iovec made[2 * PIECES];
	uint32_t size = n;

	changed |= c->writes || c->type == TLOPEN || c->type == TREMOVE;
	memcpy(message, &size, 4);
	message[4] = c->type;
	choice = take_input(1);
	if (choice > 240) /* cut off, or too long */
		message[choice % 2 ? 0 : 4] = take_input(1);
	if (choice > 250)
		n = take_input(1) % n;
	*chain = (struct virtq_chain){ .out_size = n, .in_size = room };
	chain->nr_out = cut(chain->iov, message, n);
	chain->nr_in = cut(chain->iov + chain->nr_out, zeroes, room);
	chain->out = chain->iov;
	chain->in = chain->iov + chain->nr_out;
	n = chain->nr_out;
	room = chain->nr_in;
	memcpy(made, chain->iov, (n + room) * sizeof(*made));
	size = serve(p);
	check_reply(made + n, room, size);
	for (size_t i = 0; i < n + room; i++)
		free(made[i].iov_base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint64_t before;

	if (!before) {
		create();
		fill();
		atexit(remove_all);
	}
	if (changed)
		fill();
	changed = false;
	before = sum();
	for (int i = 0; i < 2; i++)
		if (add_fid(&server[i], 0, ""))
			abort();
	input = data;
	input_end = data + n;
	while (input < input_end)
		request();
	for (int i = 0; i < 2; i++) {
		server[i].n[0] = MSIZE_LEAST;
		server[i].filled = HEAD;
		do_version(&server[i]);
		if (server[i].nr_fids)
			abort();
	}
	if (sum() != before)
		abort();
	return 0;
}
