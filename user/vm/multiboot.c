/* SPDX-License-Identifier: MIT */
/*
 * Multiboot kernels (Multiboot Specification 0.6.96): a header in the first 8 KiB, a file that is ELF or
 * says itself where it goes ("a.out kludge"), and 32-bit protected mode with the information in EBX.
 * Guest memory: the information from INFO_AREA on, the kernel where it wants to be, the modules (--initrd) at
 * the top, ACPI and MP tables where firmware has them.
 */
#include <elf.h>
#include <asm/bootparam.h>

#include "vm.h"

#define HEADER_MAGIC 0x1badb002
#define LOADER_MAGIC 0x2badb002
#define FLAGS_MANDATORY 0xffff /* those of the header that a loader must understand: */
#define FLAGS_KNOWN 7 /* modules at pages, tell of memory, tell of the video mode */
#define FLAG_ADDRESSES (1 << 16)
#define INFO_MEMORY (1 << 0)
#define INFO_BOOT_DEVICE (1 << 1)
#define INFO_CMDLINE (1 << 2)
#define INFO_MODULES (1 << 3)
#define INFO_MEMORY_MAP (1 << 6)
#define INFO_LOADER_NAME (1 << 9)
#define FIRST_DISK 0x80ffffff /* and no partition */

struct header {
	uint32_t magic, flags, checksum;
	uint32_t header_addr, load_addr, load_end_addr, bss_end_addr, entry_addr;
};
struct info { /* 3.3 */
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4],
		mmap_length, mmap_addr, drives[2], config_table, boot_loader_name, apm_table,
		vbe[4];
};
struct module {
	uint32_t start, end, string, reserved;
};
struct memory_range {
	uint32_t size; /* of what follows */
	uint64_t addr, len;
	uint32_t type;
} __attribute__((packed));

/* The offset of the header, which is 32-bit aligned; n: there is none. */
static size_t find_header(const uint8_t *head, size_t n, struct header *h)
{
	const size_t least = offsetof(struct header, header_addr);

	for (size_t at = 0; at + least <= n && at + least <= FILE_HEAD; at += 4) {
		*h = (struct header){ 0 };
		memcpy(h, head + at, n - at < sizeof(*h) ? n - at : sizeof(*h));
		if (h->magic == HEADER_MAGIC && !(h->magic + h->flags + h->checksum))
			return at;
	}
	return n;
}

bool multiboot_is(const uint8_t *head, size_t n)
{
	struct header h;

	if (find_header(head, n, &h) == n)
		return false;
	/* else it may be a disk's image, with such a kernel behind its boot sector */
	return h.flags & FLAG_ADDRESSES ||
	       (n >= sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG));
}

static void load_by_addresses(struct machine *m, const struct file *f, const struct header *h,
			      uint64_t header_at)
{
	uint64_t before = h->header_addr - h->load_addr;
	struct segment s = { .offset = header_at - before, .paddr = h->load_addr };

	if (h->header_addr < h->load_addr || before > header_at)
		die(STATUS_FAILED, "%s: its multiboot header is at 0x%x, before load_addr 0x%x",
		    f->path, h->header_addr, h->load_addr);
	s.filesz = h->load_end_addr ? h->load_end_addr - s.paddr : f->size - s.offset;
	s.memsz = h->bss_end_addr > s.paddr + s.filesz ? h->bss_end_addr - s.paddr : s.filesz;
	load_segment(m, f, &s);
	m->entry = h->entry_addr;
}

static void load_elf32(struct machine *m, const struct file *f)
{
	const Elf32_Ehdr *e = (const void *)f->data;
	const Elf32_Phdr *p = (const void *)(f->data + e->e_phoff);

	if (e->e_phentsize != sizeof(*p) || e->e_phoff > f->size ||
	    e->e_phnum * sizeof(*p) > f->size - e->e_phoff)
		die(STATUS_FAILED, "%s: not a whole ELF file", f->path);
	m->entry = e->e_entry;
	for (int i = 0; i < e->e_phnum; i++) {
		struct segment s = { p[i].p_offset, p[i].p_filesz, p[i].p_paddr, p[i].p_memsz };

		if (p[i].p_type != PT_LOAD || !s.memsz)
			continue;
		load_segment(m, f, &s);
		if (e->e_entry - p[i].p_vaddr < s.memsz) /* linked to run elsewhere */
			m->entry = e->e_entry - p[i].p_vaddr + s.paddr;
	}
}

static void kernel_load(struct machine *m)
{
	struct file f;
	struct header h;
	size_t at;

	file_map(&f, m->kernel);
	at = find_header(f.data, f.size, &h);
	if (h.flags & FLAGS_MANDATORY & ~FLAGS_KNOWN)
		die(STATUS_FAILED, "%s: asks a multiboot loader for what vm has not (flags 0x%x)",
		    f.path, h.flags);
	if (h.flags & FLAG_ADDRESSES)
		load_by_addresses(m, &f, &h, at);
	else
		f.data[EI_CLASS] == ELFCLASS64 ? elf64_load(m, &f) : load_elf32(m, &f);
	if (m->entry >= m->kernel_end)
		die(STATUS_FAILED, "%s: its entry 0x%lx is not in the kernel", f.path, m->entry);
	file_unmap(&f);
}

/* Files with commas between them, each with words for it behind a blank, as QEMU has it; the first is at the top. */
static uint32_t put_modules(struct low *l, uint32_t *count)
{
	struct machine *m = l->m;
	char *list = copy_text(m->initrd, strlen(m->initrd)), *text;
	uint64_t end = m->ram_size, size;
	struct module *module;
	uint32_t at;

	for (char *c = list; c; c = strchr(c + 1, ','))
		++*count;
	at = low_take(l, *count * sizeof(*module));
	module = (struct module *)(m->ram + at);
	while ((text = strsep(&list, ","))) {
		module->string = low_string(l, text);
		end = load_initrd(m, copy_text(text, strcspn(text, " ")), m->kernel_end, end,
				  &size);
		module->start = end;
		module++->end = end + size;
	}
	return at;
}

static uint32_t put_memory_map(struct low *l, uint32_t *length)
{
	struct boot_e820_entry e[E820_ENTRIES];
	uint32_t at = low_take(l, sizeof(e) + LENGTH(e) * 4);
	struct memory_range *r = (void *)(l->m->ram + at);
	unsigned int n = e820_map(l->m, e);

	*length = n * sizeof(*r);
	for (unsigned int i = 0; i < n; i++)
		r[i] = (struct memory_range){ sizeof(*r) - 4, e[i].addr, e[i].size, e[i].type };
	return at;
}

/*
 * What kernels expect of the firmware that they were not started by: the timer runs (18.2 times a second), the PCI bus's
 * lines are levels, and to who goes back to real mode, as Xen does, each interrupt answers that it can do nothing.
 */
static void put_firmware(struct machine *m)
{
	/* push %bp; mov %sp, %bp; orb $1, 6(%bp), the carry flag; pop %bp; iret */
	static const uint8_t stub[] = { 0x55, 0x89, 0xe5, 0x80, 0x4e, 0x06, 0x01, 0x5d, 0xcf };
	struct kvm_irqchip pic = { .chip_id = KVM_IRQCHIP_PIC_SLAVE };
	struct kvm_pit_state2 pit = { 0 };

	memcpy(m->ram + BIOS_AREA, stub, sizeof(stub));
	for (unsigned int vector = 0; vector < 256; vector++)
		memcpy(m->ram + 4 * vector, (uint16_t[]){ 0, BIOS_AREA >> 4 }, 4);
	part_add("interrupt vectors", NULL, 0, 256 * 4);
	ioctl(m->vm, KVM_GET_IRQCHIP, &pic);
	pic.chip.pic.elcr = 3 << 2; /* 10 and 11 */
	ioctl(m->vm, KVM_SET_IRQCHIP, &pic);
	ioctl(m->vm, KVM_GET_PIT2, &pit);
	pit.channels[0].rw_mode = pit.channels[0].mode = 3;
	pit.channels[0].count = 0x10000;
	ioctl(m->vm, KVM_SET_PIT2, &pit);
}

void multiboot_load(struct machine *m)
{
	struct low low = { .m = m, .at = INFO_AREA, .end = LOW_MEMORY_END };
	char line[1024];
	struct info i = {
		.flags = INFO_MEMORY | INFO_BOOT_DEVICE | INFO_CMDLINE | INFO_MEMORY_MAP |
			 INFO_LOADER_NAME,
		.mem_lower = LOW_MEMORY_END >> 10,
		.mem_upper = (m->ram_size - HIGH_MEMORY) >> 10,
		.boot_device = FIRST_DISK,
	};

	kernel_load(m);
	m->start_info = low_take(&low, sizeof(i));
	if (m->initrd) {
		i.flags |= INFO_MODULES;
		i.mods_addr = put_modules(&low, &i.mods_count);
	}
	if (!join(line, sizeof(line), m->kernel, m->append ? " " : "", m->append ? m->append : "",
		  NULL))
		die(STATUS_USAGE, "--append: too long");
	i.cmdline = low_string(&low, line);
	i.boot_loader_name = low_string(&low, "Dyad vm");
	i.mmap_addr = put_memory_map(&low, &i.mmap_length);
	memcpy(m->ram + m->start_info, &i, sizeof(i));
	part_add("multiboot information", NULL, INFO_AREA, low.at);
	firmware_tables(m);
	put_firmware(m);
	m->magic = LOADER_MAGIC;
}
