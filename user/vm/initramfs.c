/* SPDX-License-Identifier: MIT */
/*
 * A guest's initial file system, for each kernel the same: a cpio archive (newc) made in guest memory,
 * with user/init as /init, the command, and what the image says about running it. Its data is not
 * copied where it is a file's: the file's own pages are mapped over the RAM.
 */
#include <stdio.h>

#include "agent.h"
#include "vm.h"

#define SHARE_MODULES                                                                              \
	"etc/dyad/modules.share" /* a name in the archive of modules, if there are some */

static void *reserve(struct archive *a, uint64_t n)
{
	uint8_t *p = a->m->ram + a->at;

	if (a->at > a->m->ram_size || n > a->m->ram_size - a->at)
		die(STATUS_FAILED,
		    "the initial file system does not fit into %lu MiB of memory (--mem)",
		    a->m->ram_size >> 20);
	a->at += n;
	return p;
}

/*
 * A header and its name. The name is padded with NULs until the data begins at a multiple of `align`;
 * Linux takes a name of up to PATH_MAX bytes, NULs included.
 */
static void add_entry(struct archive *a, const char *name, unsigned int mode, uint64_t size,
		      uint64_t align, unsigned int major, unsigned int minor)
{
	static unsigned int ino;
	uint64_t len = strlen(name) + 1, end = a->at + 110 + len;
	char head[111];

	len += ALIGN_UP(end, align) - end;
	snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 ++ino, mode, 0, 0, 1, 0, (unsigned int)size, 0, 0, major, minor, (unsigned int)len,
		 0);
	memcpy(reserve(a, 110), head, 110);
	strcpy(reserve(a, len), name);
}

static void end_data(struct archive *a)
{
	a->at = ALIGN_UP(a->at, 4);
}

static void add_directory(struct archive *a, const char *name)
{
	add_entry(a, name, 040755, 0, 4, 0, 0);
}

/* The pages of a file, at the cursor, which is at a page. */
static void move_pages(struct archive *a, struct file *f)
{
	void *to = reserve(a, ALIGN_UP(f->size, PAGE));

	if (mremap(f->data, f->size, f->size, MREMAP_MAYMOVE | MREMAP_FIXED, to) == MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", f->path, strerror(errno));
	a->at -= ALIGN_UP(f->size, PAGE) - f->size;
	end_data(a);
	close(f->fd);
}

/* The guest's kernel can adopt these pages in place, so that the file is nowhere copied. */
static void add_file(struct archive *a, const char *name, const char *path)
{
	struct file f;

	file_map(&f, path);
	add_entry(a, name, 0100755, f.size, PAGE, 0, 0);
	move_pages(a, &f);
}

/* A file of words, each ended by NUL. */
static void add_words(struct archive *a, const char *name, char **words)
{
	uint64_t n = 0;

	for (int i = 0; words[i]; i++)
		n += strlen(words[i]) + 1;
	add_entry(a, name, 0100644, n, 4, 0, 0);
	for (int i = 0; words[i]; i++)
		strcpy(reserve(a, strlen(words[i]) + 1), words[i]);
	end_data(a);
}

static void add_shares(struct archive *a)
{
	char *words[SHARES_MAX * 3 + 1] = { NULL }, **w = words;

	for (unsigned int i = 0; i < a->m->nr_shares; i++) {
		struct share *s = &a->m->shares[i];

		*w++ = s->tag;
		*w++ = (char *)s->guest;
		*w++ = s->read_only ? "ro" : "rw";
	}
	if (a->m->nr_shares)
		add_words(a, "etc/dyad/shares", words);
}

/* Who is who on the bridge, as it is now, as the guest's /etc/hosts. */
static void add_names(struct archive *a)
{
	static char text[65536];
	char path[STATE_PATH_SIZE];
	ssize_t n;
	int fd;

	state_path(".hosts", NULL, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n <= 0)
		return;
	add_directory(a, "files");
	add_directory(a, "files/etc");
	add_entry(a, "files/etc/hosts", 0100644, n, 4, 0, 0);
	memcpy(reserve(a, n), text, n);
	end_data(a);
}

static const char *guest_init(void)
{
	const char *own = getenv("DYAD_GUEST_INIT");

	if (own)
		return own;
	return access("/lib/dyad/init", R_OK) ? "/init" : "/lib/dyad/init";
}

void initramfs_build(struct archive *a)
{
	static const char *const dirs[] = { "dev",      "etc",  "etc/dyad", "images", "lib",
					    "lib/dyad", "proc", "run",      "sys",    "tmp" };

	for (size_t i = 0; i < LENGTH(dirs); i++)
		add_directory(a, dirs[i]);
	add_entry(a, "dev/console", 020600, 0, 4, 5, 1);
	add_file(a, "init", guest_init());
	if (a->m->ctr)
		add_file(a, SHARED_CTR + 1, a->m->ctr);
	if (a->m->argv)
		add_words(a, "etc/dyad/cmd", a->m->argv);
	add_shares(a);
	if (a->m->address)
		add_names(a);
	if (a->m->argv && a->m->config.text) {
		add_entry(a, "etc/dyad/config", 0100644, a->m->config.size, 4, 0, 0);
		memcpy(reserve(a, a->m->config.size), a->m->config.text, a->m->config.size);
		end_data(a);
	}
	add_entry(a, "TRAILER!!!", 0, 0, 4, 0, 0);
}

void initramfs_append(struct archive *a, const char *path)
{
	struct file f;

	file_map(&f, path);
	if (a->m->nr_shares && !memmem(f.data, f.size, SHARE_MODULES, strlen(SHARE_MODULES)))
		die(STATUS_FAILED,
		    "--share: %s has no module for 9p (Debian's cloud kernel has none, the stock "
		    "one has)",
		    path);
	a->at = ALIGN_UP(a->at, PAGE);
	move_pages(a, &f);
}

void init_words(struct machine *m, char *text)
{
	const char *term = getenv("TERM");
	char size[32] = "", out[32] = "";
	struct winsize ws;

	if (m->interactive)
		snprintf(out, sizeof(out), " cmdagent=%d",
			 m->terminal ? AGENT_TERMINAL : AGENT_INPUT | AGENT_OUTPUT);
	else if (m->argv)
		join(out, sizeof(out), " cmdout=ttyS1", NULL);
	if ((!m->argv || m->terminal) && !ioctl(0, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col)
		snprintf(size, sizeof(size), " winsize=%ux%u", ws.ws_row, ws.ws_col);
	if (!join(text, INIT_WORDS_MAX, " agent=ttyS2 hostname=", m->name, out,
		  m->address ? " address=" : "", m->address ? m->address : "",
		  term && *term ? " TERM=" : "", term ? term : "", size, NULL))
		die(STATUS_USAGE, "TERM: too long");
}
