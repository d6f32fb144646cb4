/* SPDX-License-Identifier: MIT */
/*
 * What a PVH loader does (Xen's docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h): the
 * kernel's segments at their physical addresses, and a page that says where the modules, the memory,
 * the command line and the ACPI tables are. Guest memory, upwards:
 *
 *	0x1000		start_info and its lists, the command line, the ACPI tables
 *	p_paddr		the kernel
 *	behind it	module 0: an initramfs with /init and the command
 *	ram_size	module 1: the image (a slot of its own, read-only)
 *
 * The kernel's read-only pages, /init and the image are not copied: they are the files' own pages,
 * which all machines of one host share until one writes.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm.h"

#define LOW_INFO 0x1000
#define HIGH_START 0x100000
#define NOTE_PVH_ENTRY 18
#define PVH_MAGIC 0x336ec578
#define E820_RAM 1
#define ROOT_PATH "/images/root.erofs" /* the second module's name: the file it becomes */

/* ---- the kernel ---- */

struct kernel {
	const char *path;
	int fd;
	const uint8_t *file;
	size_t size;
	uint64_t end; /* guest-physical, of its last segment */
};

static void kernel_open(struct kernel *k, const char *path)
{
	struct stat st;

	k->path = path;
	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0 || fstat(k->fd, &st) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	k->size = st.st_size;
	k->file = mmap(NULL, k->size, PROT_READ, MAP_PRIVATE, k->fd, 0);
	if (k->file == MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", path, strerror(k->size ? errno : ENOEXEC));
}

static const void *kernel_at(const struct kernel *k, uint64_t offset, uint64_t n)
{
	if (offset > k->size || n > k->size - offset)
		die(STATUS_FAILED, "%s: not a whole ELF file", k->path);
	return k->file + offset;
}

/* Whole pages of the file are mapped over the RAM, privately; the rest is copied. */
static void load_segment(struct machine *m, struct kernel *k, const Elf64_Phdr *p)
{
	uint64_t whole = p->p_filesz & ~(PAGE - 1);
	const uint8_t *from = kernel_at(k, p->p_offset, p->p_filesz);

	if (p->p_paddr < LOW_INFO || p->p_memsz < p->p_filesz || p->p_paddr > m->ram_size ||
	    p->p_memsz > m->ram_size - p->p_paddr)
		die(STATUS_FAILED, "%s does not fit into %llu MiB of memory", k->path,
		    (unsigned long long)m->ram_size >> 20);
	if (((p->p_paddr | p->p_offset) & (PAGE - 1)) ||
	    mmap(m->ram + p->p_paddr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, k->fd,
		 p->p_offset) == MAP_FAILED)
		whole = 0;
	memcpy(m->ram + p->p_paddr + whole, from + whole, p->p_filesz - whole);
	if (p->p_paddr + p->p_memsz > k->end)
		k->end = p->p_paddr + p->p_memsz;
}

/* The entry in the note that Xen defined: type 18, name "Xen". 0: none in this segment. */
static uint64_t find_entry(const struct kernel *k, const Elf64_Phdr *p)
{
	const uint8_t *notes = kernel_at(k, p->p_offset, p->p_filesz);

	for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= p->p_filesz;) {
		const Elf64_Nhdr *n = (const void *)(notes + at);
		uint64_t desc = at + sizeof(*n) + ALIGN_UP((uint64_t)n->n_namesz, 4);
		uint64_t entry = 0;

		if (desc + n->n_descsz > p->p_filesz)
			break;
		if (n->n_type == NOTE_PVH_ENTRY && n->n_namesz == 4 && !memcmp(n + 1, "Xen", 4)) {
			memcpy(&entry, notes + desc, n->n_descsz < 8 ? n->n_descsz : 8);
			return entry;
		}
		at = desc + ALIGN_UP((uint64_t)n->n_descsz, 4);
	}
	return 0;
}

static uint64_t kernel_load(struct machine *m)
{
	struct kernel k = { 0 };
	const Elf64_Ehdr *e;
	const Elf64_Phdr *p;

	kernel_open(&k, m->kernel);
	e = kernel_at(&k, 0, sizeof(*e));
	if (memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_machine != EM_X86_64 || e->e_phentsize != sizeof(*p))
		die(STATUS_FAILED, "%s: neither a Linux kernel nor an ELF file for x86-64", k.path);
	p = kernel_at(&k, e->e_phoff, (uint64_t)e->e_phnum * sizeof(*p));
	for (int i = 0; i < e->e_phnum; i++) {
		if (p[i].p_type == PT_LOAD)
			load_segment(m, &k, &p[i]);
		if (p[i].p_type == PT_NOTE && !m->entry)
			m->entry = find_entry(&k, &p[i]);
	}
	if (!m->entry || m->entry >= m->ram_size)
		die(STATUS_FAILED, "%s: no PVH entry note", k.path);
	munmap((void *)k.file, k.size);
	close(k.fd);
	return ALIGN_UP(k.end, PAGE);
}

/* ---- the initramfs: a cpio archive (newc) made in guest memory ---- */

struct archive {
	struct machine *m;
	uint64_t start, at; /* guest-physical */
};

static void *reserve(struct archive *a, uint64_t n)
{
	uint8_t *p = a->m->ram + a->at;

	if (n > a->m->ram_size - a->at)
		die(STATUS_FAILED, "the initial file system does not fit into %llu MiB of memory",
		    (unsigned long long)a->m->ram_size >> 20);
	a->at += n;
	return p;
}

/* A header and its name; the name is padded with NULs until the data begins at a page. */
static void add_entry(struct archive *a, const char *name, unsigned int mode, uint64_t size,
		      unsigned int major, unsigned int minor)
{
	static unsigned int ino;
	uint64_t len = strlen(name) + 1, end = a->at + 110 + len;
	char head[111];

	len += (size ? ALIGN_UP(end, PAGE) : ALIGN_UP(end, 4)) - end;
	snprintf(head, sizeof(head), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 ++ino, mode, 0, 0, 1, 0, (unsigned int)size, 0, 0, major, minor, (unsigned int)len,
		 0);
	memcpy(reserve(a, 110), head, 110);
	strcpy(reserve(a, len), name);
}

static void add_header(struct archive *a, const char *name, unsigned int mode, uint64_t size)
{
	add_entry(a, name, mode, size, 0, 0);
}

static void end_data(struct archive *a)
{
	a->at = ALIGN_UP(a->at, 4);
}

static void add_directory(struct archive *a, const char *name)
{
	add_header(a, name, 040755, 0);
}

/* The file's own pages, mapped over the RAM: the guest's kernel adopts them in place. */
static void add_file(struct archive *a, const char *name, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *to;

	if (fd < 0 || fstat(fd, &st) < 0)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	add_header(a, name, 0100755, st.st_size);
	to = reserve(a, ALIGN_UP((uint64_t)st.st_size, PAGE));
	if (st.st_size && mmap(to, st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd,
			       0) == MAP_FAILED)
		die(STATUS_FAILED, "%s: %s", path, strerror(errno));
	a->at -= ALIGN_UP((uint64_t)st.st_size, PAGE) - st.st_size;
	end_data(a);
	close(fd);
}

static void add_command(struct archive *a, char **argv)
{
	uint64_t n = 0;

	for (int i = 0; argv[i]; i++)
		n += strlen(argv[i]) + 1;
	add_header(a, "etc/dyad/cmd", 0100644, n);
	for (int i = 0; argv[i]; i++)
		strcpy(reserve(a, strlen(argv[i]) + 1), argv[i]);
	end_data(a);
}

static const char *guest_init(void)
{
	const char *own = getenv("DYAD_GUEST_INIT");

	if (own)
		return own;
	return access("/lib/dyad/init", R_OK) ? "/init" : "/lib/dyad/init";
}

static void initramfs_build(struct archive *a)
{
	static const char *const dirs[] = { "dev",      "etc",  "etc/dyad", "images", "lib",
					    "lib/dyad", "proc", "run",      "sys",    "tmp" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		add_directory(a, dirs[i]);
	add_entry(a, "dev/console", 020600, 0, 5, 1);
	add_file(a, "init", guest_init());
	if (a->m->argv)
		add_command(a, a->m->argv);
	if (a->m->argv && a->m->config.text) {
		add_header(a, "etc/dyad/config", 0100644, a->m->config.size);
		memcpy(reserve(a, a->m->config.size), a->m->config.text, a->m->config.size);
		end_data(a);
	}
	add_header(a, "TRAILER!!!", 0, 0);
}

/* ---- the low pages ---- */

uint64_t low_take(struct low *l, size_t n)
{
	uint64_t at = ALIGN_UP(l->at, 16UL);

	if (at + n > l->end)
		die(STATUS_USAGE, "--append: too long");
	l->at = at + n;
	return at;
}

static uint64_t put_string(struct low *l, const char *text)
{
	uint64_t at = low_take(l, strlen(text) + 1);

	strcpy((char *)l->m->ram + at, text);
	return at;
}

/* ---- start_info ---- */

struct module {
	uint64_t paddr, size, name, reserved;
};
struct memory_entry {
	uint64_t addr, size;
	uint32_t type, reserved;
};
struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp, memmap;
	uint32_t memmap_entries, reserved;
};

static uint64_t put_cmdline(struct low *l)
{
	struct machine *m = l->m;
	const char *term = getenv("TERM");
	char text[1024], size[32] = "";
	struct winsize ws;

	if (!m->argv && !ioctl(0, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col)
		snprintf(size, sizeof(size), " winsize=%ux%u", ws.ws_row, ws.ws_col);

	if (!join(text, sizeof(text), "console=ttyS0 quiet root=" ROOT_PATH " engine=vm hostname=",
		  m->name, m->argv ? " cmdout=ttyS1" : "", term && *term ? " TERM=" : "",
		  term ? term : "", size, m->append ? " " : "", m->append ? m->append : "", NULL))
		die(STATUS_USAGE, "--append: too long");
	return put_string(l, text);
}

static uint64_t put_modules(struct low *l, const struct archive *a)
{
	uint64_t at = low_take(l, 2 * sizeof(struct module));
	uint64_t name = put_string(l, ROOT_PATH);
	struct module *mod = (void *)(l->m->ram + at);

	mod[0] = (struct module){ .paddr = a->start, .size = a->at - a->start };
	mod[1] = (struct module){ .paddr = l->m->ram_size, .size = l->m->image_size, .name = name };
	return at;
}

/* The image counts as RAM that is taken: so the guest's kernel can name its pages. */
static uint64_t put_memory(struct low *l)
{
	uint64_t at = low_take(l, 2 * sizeof(struct memory_entry));
	struct memory_entry *e = (void *)(l->m->ram + at);

	e[0] = (struct memory_entry){ .addr = 0, .size = LOW_MEMORY_END, .type = E820_RAM };
	e[1] = (struct memory_entry){ .addr = HIGH_START,
				      .type = E820_RAM,
				      .size = l->m->ram_size + l->m->image_size - HIGH_START };
	return at;
}

void boot_load(struct machine *m)
{
	struct low low = { .m = m, .at = LOW_INFO, .end = LOW_MEMORY_END };
	struct archive a = { .m = m };
	struct start_info *si;

	a.start = a.at = kernel_load(m);
	initramfs_build(&a);
	m->start_info = low_take(&low, sizeof(*si));
	si = (void *)(m->ram + m->start_info);
	*si = (struct start_info){
		.magic = PVH_MAGIC,
		.version = 1,
		.nr_modules = 2,
		.modules = put_modules(&low, &a),
		.cmdline = put_cmdline(&low),
		.rsdp = acpi_tables(&low),
		.memmap = put_memory(&low),
		.memmap_entries = 2,
	};
}
