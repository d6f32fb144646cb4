/* SPDX-License-Identifier: MIT */
/*
 * What a PVH loader does (Xen's docs/misc/pvh.pandoc and public/arch-x86/hvm/start_info.h): the
 * kernel's segments at their physical addresses, and a page that says where the modules, the memory,
 * the command line and the ACPI tables are. Guest memory, upwards:
 *
 *	INFO_AREA	start_info and its lists, the command line
 *	ACPI_AREA	ACPI tables
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

#define NOTE_PVH_ENTRY 18
#define PVH_MAGIC 0x336ec578
#define E820_RAM 1
#define ROOT_PATH "/images/root.erofs" /* the second module's name: the file it becomes */

/* ---- the kernel ---- */

/* The entry in the note that Xen defined: type 18, name "Xen". 0: none in this segment. */
static uint64_t find_entry(const struct file *f, const Elf64_Phdr *p)
{
	const uint8_t *notes = f->data + p->p_offset;

	if (p->p_offset > f->size || p->p_filesz > f->size - p->p_offset)
		return 0;
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

bool pvh_is(const uint8_t *head, size_t n)
{
	return n > EI_CLASS && !memcmp(head, ELFMAG, SELFMAG) && head[EI_CLASS] == ELFCLASS64;
}

uint64_t elf64_load(struct machine *m, const struct file *f)
{
	const Elf64_Ehdr *e = (const void *)f->data;
	const Elf64_Phdr *p = (const void *)(f->data + e->e_phoff);
	uint64_t entry = 0;

	if (f->size < sizeof(*e) || e->e_machine != EM_X86_64 || e->e_phentsize != sizeof(*p) ||
	    e->e_phoff > f->size || e->e_phnum * sizeof(*p) > f->size - e->e_phoff)
		die(STATUS_FAILED, "%s: not a whole ELF file for x86-64", f->path);
	m->entry = e->e_entry;
	for (int i = 0; i < e->e_phnum; i++) {
		struct segment s = { p[i].p_offset, p[i].p_filesz, p[i].p_paddr, p[i].p_memsz };

		if (p[i].p_type == PT_LOAD && s.memsz) {
			load_segment(m, f, &s);
			if (e->e_entry - p[i].p_vaddr < s.memsz) /* linked to run elsewhere */
				m->entry = e->e_entry - p[i].p_vaddr + s.paddr;
		}
		if (p[i].p_type == PT_NOTE && !entry)
			entry = find_entry(f, &p[i]);
	}
	return entry;
}

static void kernel_load(struct machine *m)
{
	struct file f;

	file_map(&f, m->kernel);
	m->entry = elf64_load(m, &f);
	if (!m->entry || m->entry >= m->kernel_end)
		die(STATUS_FAILED, "%s: no PVH entry note", f.path);
	file_unmap(&f);
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

	if (!m->image)
		return low_string(l, m->append ? m->append : "");
	if (!m->argv && !ioctl(0, TIOCGWINSZ, &ws) && ws.ws_row && ws.ws_col)
		snprintf(size, sizeof(size), " winsize=%ux%u", ws.ws_row, ws.ws_col);

	if (!join(text, sizeof(text), "console=ttyS0 quiet root=" ROOT_PATH " engine=vm hostname=",
		  m->name, m->argv ? " cmdout=ttyS1" : "", term && *term ? " TERM=" : "",
		  term ? term : "", size, m->append ? " " : "", m->append ? m->append : "", NULL))
		die(STATUS_USAGE, "--append: too long");
	return low_string(l, text);
}

/* How many: with an image the initramfs made for it, and itself; else --initrd, if any. */
static uint32_t put_modules(struct low *l, uint64_t *at)
{
	struct machine *m = l->m;
	struct archive a = { .m = m, .start = ALIGN_UP(m->kernel_end, PAGE) };
	uint64_t name = low_string(l, ROOT_PATH);
	struct module *mod;

	*at = low_take(l, 2 * sizeof(*mod));
	mod = (void *)(m->ram + *at);
	if (!m->image) {
		if (m->initrd)
			mod->paddr = load_initrd(m, m->kernel_end, m->ram_size, &mod->size);
		return m->initrd ? 1 : 0;
	}
	a.at = a.start;
	initramfs_build(&a);
	mod[0] = (struct module){ .paddr = a.start, .size = a.at - a.start };
	mod[1] = (struct module){ .paddr = m->ram_size, .size = m->image_size, .name = name };
	return 2;
}

/* The image counts as RAM that is taken: so the guest's kernel can name its pages. */
static uint64_t put_memory(struct low *l)
{
	uint64_t at = low_take(l, 2 * sizeof(struct memory_entry));
	struct memory_entry *e = (void *)(l->m->ram + at);

	e[0] = (struct memory_entry){ .addr = 0, .size = LOW_MEMORY_END, .type = E820_RAM };
	e[1] = (struct memory_entry){ .addr = HIGH_MEMORY,
				      .type = E820_RAM,
				      .size = l->m->ram_size + l->m->image_size - HIGH_MEMORY };
	return at;
}

void pvh_load(struct machine *m)
{
	struct low low = { .m = m, .at = INFO_AREA, .end = LOW_MEMORY_END };
	struct start_info *si;
	uint64_t modules;
	uint32_t n;

	kernel_load(m);
	m->start_info = low_take(&low, sizeof(*si));
	n = put_modules(&low, &modules);
	si = (void *)(m->ram + m->start_info);
	*si = (struct start_info){
		.magic = PVH_MAGIC,
		.version = 1,
		.nr_modules = n,
		.modules = modules,
		.cmdline = put_cmdline(&low),
		.rsdp = firmware_tables(m),
		.memmap = put_memory(&low),
		.memmap_entries = 2,
	};
}
