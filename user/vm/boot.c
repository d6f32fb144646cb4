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
 * The kernel's read-only pages, /init (initramfs.c) and the image are not copied: they are the files'
 * own pages, which all machines of one host share until one writes.
 */
#include <elf.h>
#include <stdio.h>

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
	const char *more = l->m->append ? l->m->append : "";
	char text[1024], words[INIT_WORDS_MAX];

	if (!l->m->image)
		return low_string(l, more);
	init_words(l->m, words);
	if (!join(text, sizeof(text), "console=ttyS0 quiet root=" ROOT_PATH " engine=vm", words,
		  *more ? " " : "", more, NULL))
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
			mod->paddr =
				load_initrd(m, m->initrd, m->kernel_end, m->ram_size, &mod->size);
		return m->initrd ? 1 : 0;
	}
	a.at = a.start;
	initramfs_build(&a);
	part_add("initial file system", "init, command", a.start, a.at);
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
	part_add("start_info, command line", NULL, INFO_AREA, low.at);
}
