/* SPDX-License-Identifier: MIT */
/*
 * What can be started: a table of the kinds of files, each known by looking at it, and what all loaders
 * share. A loader fills guest memory and says how the first vCPU begins; whatever is wrong with a file
 * ends vm with one sentence. What a loader tells its kernel lies between INFO_AREA and
 * TABLES_END, where no kernel may be loaded.
 */
#include "vm.h"

#define SIGNATURE 0x1fe /* of a boot sector: 55 aa */

/* ---- shared by the loaders ---- */

void file_map(struct file *f, const char *path)
{
	struct stat st;

	f->path = path;
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	if (!st.st_size)
		die(STATUS_FAILED, "%s: empty", path);
	f->size = st.st_size;
	f->data = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, f->fd, 0);
	if (f->data == MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
}

void file_unmap(struct file *f)
{
	munmap((void *)f->data, f->size);
	close(f->fd);
}

/* Whole pages of the file are mapped over the RAM, privately; the rest is copied. */
void load_segment(struct machine *m, const struct file *f, const struct segment *s)
{
	uint64_t whole = s->filesz & ~(PAGE - 1), end = s->paddr + s->memsz;

	if (s->offset > f->size || s->filesz > f->size - s->offset || s->filesz > s->memsz)
		die(STATUS_FAILED, "%s: cut off, or a segment that is not in the file", f->path);
	if (s->paddr > m->ram_size || s->memsz > m->ram_size - s->paddr)
		die(STATUS_FAILED, "%s does not fit into %lu MiB of memory", f->path,
		    m->ram_size >> 20);
	if (s->paddr < PAGE || (s->paddr < TABLES_END && end > INFO_AREA))
		die(STATUS_FAILED, "%s: a segment at 0x%lx, where the machine's tables are",
		    f->path, s->paddr);
	if (((s->paddr | s->offset) & (PAGE - 1)) || !whole ||
	    mmap(m->ram + s->paddr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, f->fd,
		 s->offset) == MAP_FAILED)
		whole = 0;
	memcpy(m->ram + s->paddr + whole, f->data + s->offset + whole, s->filesz - whole);
	if (end > m->kernel_end)
		m->kernel_end = end;
	part_add("kernel", f->path, s->paddr, end);
}

uint64_t load_initrd(struct machine *m, const char *path, uint64_t least, uint64_t end,
		     uint64_t *size)
{
	struct file f;
	uint64_t start;

	file_map(&f, path);
	if (end > m->ram_size)
		end = m->ram_size;
	start = (end - f.size) & ~(PAGE - 1);
	if (f.size > end || start < least)
		die(STATUS_FAILED, "%s does not fit into %lu MiB of memory behind %s (--mem)",
		    f.path, m->ram_size >> 20, m->kernel);
	if (mremap((void *)f.data, f.size, f.size, MREMAP_MAYMOVE | MREMAP_FIXED, m->ram + start) ==
	    MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", f.path, strerror(errno));
	close(f.fd);
	part_add("initial file system", path, start, start + f.size);
	*size = f.size;
	return start;
}

uint64_t low_take(struct low *l, size_t n)
{
	uint64_t at = ALIGN_UP(l->at, 16UL);

	if (at + n > l->end)
		die(STATUS_USAGE, "--append: too long");
	l->at = at + n;
	return at;
}

uint64_t low_string(struct low *l, const char *text)
{
	uint64_t at = low_take(l, strlen(text) + 1);

	strcpy((char *)l->m->ram + at, text);
	return at;
}

/* ---- a boot sector, with what is behind it in its file: a disk, which the firmware boots ---- */

static bool flat_is(const uint8_t *head, size_t n)
{
	return n > SIGNATURE + 1 && head[SIGNATURE] == 0x55 && head[SIGNATURE + 1] == 0xaa;
}

/* ---- the table ---- */

static const struct loader {
	const char *name;
	/* by the first FILE_HEAD bytes of a file, or all n */
	bool (*is)(const uint8_t *head, size_t n);
	void (*load)(struct machine *m);
	bool image; /* can be its root */
} loaders[] = {
	{ "a Linux kernel", linux_is, linux_load, true },
	{ "a multiboot kernel", multiboot_is, multiboot_load, false },
	{ "an ELF file with a PVH entry", pvh_is, pvh_load, true },
	{ "a boot sector", flat_is, firmware_load, false },
};

void loader_choose(struct machine *m)
{
	uint8_t head[FILE_HEAD];
	int fd = open(m->kernel, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (n < 0)
		die(STATUS_FAILED, "%s: %s", m->kernel, strerror(errno));
	close(fd);
	if (!n)
		die(STATUS_FAILED, "%s: empty", m->kernel);
	for (size_t i = 0; i < LENGTH(loaders); i++) {
		bool is_16;

		if (!loaders[i].is(head, n))
			continue;
		is_16 = loaders[i].load == linux_load && linux_is_16(head);
		if (m->image && (!loaders[i].image || is_16))
			continue;
		if (m->boot16 && loaders[i].load != linux_load)
			die(STATUS_USAGE, "run: --boot16 is for a Linux kernel alone");
		m->load = loaders[i].load;
		m->boot16 |= is_16;
		if (m->boot16 || m->load == firmware_load)
			firmware_choose(m, m->kernel);
		return;
	}
	die(STATUS_FAILED, "%s: not a kernel%s", m->kernel,
	    m->image ? " for an image: neither Linux nor with a PVH entry"
		     : ": no Linux, multiboot or PVH header, no boot sector");
}
