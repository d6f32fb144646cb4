/* SPDX-License-Identifier: MIT */
/*
 * What a boot loader does for a Linux kernel (Linux's Documentation/x86/boot.rst). A bzImage is 16-bit
 * setup code, with a header that both sides fill in, and behind it the kernel, which unpacks itself.
 * There are two ways in: the setup code, in real mode, asks the firmware (firmware.c) for what it must
 * know and changes the mode itself, which is the only way into old kernels; or with struct boot_params
 * made here the 64-bit entry, with paging on, or that of a kernel of 32 bits. Guest memory, upwards:
 *
 *	0x7000		struct boot_params, GDT, page tables	(the others)
 *	0x10000		the setup code				(16-bit entry)
 *	0x20000		the command line
 *	0xe0000		ACPI tables				(the others)
 *	0x100000	the kernel
 *	behind it	with an image: the initial file system of initramfs.c, and the modules
 *	at the top	without one: --initrd, below what the firmware uses
 *	ram_size	the image
 *
 * With an image user/init is pid 1 as under Dyad, and the image is memory for Linux, too: a range
 * of type 12 in the memory map, which its driver nd_e820 takes for persistent memory ("legacy", from
 * before ACPI had a word for it) and nd_pmem shows as /dev/pmem0. EROFS maps files from there (-o dax),
 * so nothing is copied, and no device is emulated; but Linux takes note of such a range only when it has
 * found a PCI bus. virtio-pmem would need a device for the same; from
 * a virtio block device Linux copies each page that it reads.
 */
#include <asm/bootparam.h>

#include "vm.h"

#define BOOT_PARAMS 0x7000UL
#define BOOT_GDT 0x8000UL
#define PAGE_TABLES 0x9000UL
#define SETUP_CODE 0x10000UL
#define COMMAND_LINE 0x20000UL
#define HEAP_END 0xe000 /* of the setup code's segment; its stack begins there */
#define SETUP_MAX 0x8000
#define FIRMWARE_TOP 0x100000UL /* bytes at the end of the RAM that SeaBIOS may use */
#define MAGIC 0x53726448 /* "HdrS" */
#define BOOT_FLAG 0xaa55
#define SECTOR 512
#define ENTRY_64 0x200 /* of the kernel */
#define VERSION_64 0x20c /* the first that tells of a 64-bit entry */
#define VERSION_INIT_SIZE 0x20a /* the first that tells how much memory it needs */
#define VERSION_CMDLINE 0x206 /* the first that tells the length of its command line */
#define VERSION_ALIGNMENT 0x205 /* the first that tells how it is to be aligned */
#define VERSION_LEAST 0x203 /* the first that tells where its initial file system may lie */
#define LOADER_UNDEFINED 0xff
#define VIDEO_CURRENT_MODE 0x0f04
#define E820_RAM 1
#define E820_RESERVED 2
#define E820_PERSISTENT 12 /* Linux's asm/e820/types.h: E820_TYPE_PRAM */
#define WARM_BOOT_FLAG 0x472 /* of a PC's firmware, in its data area */
#define WARM_BOOT 0x1234

struct bzimage {
	struct file f;
	struct setup_header h;
	size_t setup_size, kernel_size; /* bytes; both lie in the file, in this order */
	char *line; /* the command line, of a 16-bit entry */
};

bool linux_is(const uint8_t *head, size_t n)
{
	struct setup_header h;

	if (n < offsetof(struct boot_params, hdr) + sizeof(h))
		return false;
	memcpy(&h, head + offsetof(struct boot_params, hdr), sizeof(h));
	return h.header == MAGIC && h.boot_flag == BOOT_FLAG;
}

/* What is no Linux (iPXE, MEMDISK) has this header, and nothing to start but its setup code. */
bool linux_is_16(const uint8_t *head)
{
	struct setup_header h;

	memcpy(&h, head + offsetof(struct boot_params, hdr), sizeof(h));
	return h.version < VERSION_ALIGNMENT || !h.kernel_alignment;
}

/* ---- the header: everything that can be wrong with it ---- */

static void check_file(struct bzimage *z)
{
	unsigned int sectors = z->h.setup_sects ? z->h.setup_sects : 4;
	size_t rest;

	z->setup_size = (sectors + 1) * SECTOR;
	z->kernel_size = (size_t)z->h.syssize * 16;
	if (z->setup_size >= z->f.size)
		die(STATUS_FAILED, "%s: cut off: its setup code has %zu bytes, the file %zu",
		    z->f.path, z->setup_size, z->f.size);
	rest = z->f.size - z->setup_size;
	if (!z->kernel_size || (z->kernel_size > rest && z->kernel_size - rest < 16))
		z->kernel_size = rest; /* it counts whole pieces of 16 bytes, or (MEMDISK) none */
	if (z->kernel_size > rest)
		die(STATUS_FAILED, "%s: cut off: the header tells of %zu bytes, the file has %zu",
		    z->f.path, z->setup_size + z->kernel_size, z->f.size);
	if (z->setup_size > SETUP_MAX)
		die(STATUS_FAILED, "%s: its setup code has %zu bytes, at most %d are possible",
		    z->f.path, z->setup_size, SETUP_MAX);
}

static void check_header(struct machine *m, struct bzimage *z)
{
	uint64_t needs;

	if (z->h.version < VERSION_LEAST || !(z->h.loadflags & LOADED_HIGH))
		die(STATUS_FAILED, "%s: too old: boot protocol %u.%02u, at least 2.%02u is needed",
		    z->f.path, z->h.version >> 8, z->h.version & 0xff, VERSION_LEAST & 0xff);
	if (z->h.version < VERSION_INIT_SIZE) /* its code is there */
		z->h.pref_address = z->h.init_size = 0;
	if (z->h.version < VERSION_CMDLINE)
		z->h.cmdline_size = 255;
	needs = z->h.pref_address + z->h.init_size;
	if (needs < HIGH_MEMORY + z->kernel_size)
		needs = HIGH_MEMORY + z->kernel_size;
	if (needs > m->ram_size)
		die(STATUS_FAILED, "%s needs %lu MiB of memory, the machine has %lu (--mem)",
		    z->f.path, (needs + 0xfffff) >> 20, m->ram_size >> 20);
}

static void bzimage_open(struct machine *m, struct bzimage *z)
{
	file_map(&z->f, m->kernel);
	memcpy(&z->h, z->f.data + offsetof(struct boot_params, hdr), sizeof(z->h));
	check_file(z);
	check_header(m, z);
}

/* ---- what goes into memory ---- */

/*
 * With an image. Linux's tests of its own ciphers are half of its boot. A panic resets the machine with
 * the flag of a warm boot set: so linux_panicked() tells it from a reboot. With a root= Linux would
 * choose a file system without attributes for the initramfs.
 */
#define WITH_IMAGE                                                                                 \
	"quiet cryptomgr.notests panic=-1 reboot=panic_warm image=/dev/pmem0 exitport=0xf4"

/* Linux's Documentation/admin-guide/kernel-parameters.txt, for kernels that have not ACPI. */
static void mmio_words(char *text, size_t size)
{
	struct mmio_place p[MMIO_MAX];
	unsigned int n = virtio_mmio_places(p);

	for (size_t at = 0; n--; at += strlen(text + at))
		format(text + at, size - at, "virtio_mmio.device=%d@0x%x:%u ", MMIO_SIZE, p[n].at,
		       p[n].irq);
}

static void put_cmdline(struct machine *m, struct bzimage *z)
{
	char *to = (char *)m->ram + COMMAND_LINE, words[INIT_WORDS_MAX] = "";
	char mmio[MMIO_MAX * sizeof("virtio_mmio.device=512@0xfec10000:23 ")] = "";
	const char *more = m->append ? m->append : "";
	const char *console =
		linux_is_16(z->f.data) ? "" : "console=ttyS0 "; /* it may be a script of iPXE's */

	mmio_words(mmio, sizeof(mmio));
	if (m->image)
		init_words(m, words);
	if (!join(to, z->h.cmdline_size + 1, console, mmio, m->image ? WITH_IMAGE : "",
		  m->image && m->devices ? " devices=virtio" : "", words, m->image ? " " : "", more,
		  NULL))
		die(STATUS_USAGE, "--append: %s takes at most %u bytes", z->f.path,
		    z->h.cmdline_size);
	part_add("command line", NULL, COMMAND_LINE, COMMAND_LINE + strlen(to) + 1);
	z->h.cmd_line_ptr = COMMAND_LINE;
}

bool linux_panicked(struct machine *m)
{
	return m->load == linux_load && m->image &&
	       *(volatile uint16_t *)(m->ram + WARM_BOOT_FLAG) == WARM_BOOT;
}

/* Modules for the image are in the file beside the kernel (tools/mklinux). */
static void put_initrd(struct machine *m, struct bzimage *z)
{
	uint64_t least = z->h.pref_address + z->h.init_size, size;
	uint64_t end = m->ram_size - (m->boot16 ? FIRMWARE_TOP : 0);
	struct archive a = { .m = m, .start = ALIGN_UP(least, PAGE), .at = ALIGN_UP(least, PAGE) };
	char path[256];

	if (m->image) {
		if (!join(path, sizeof(path), m->kernel, ".modules", NULL))
			die(STATUS_USAGE, "%s: name too long", m->kernel);
		initramfs_build(&a);
		initramfs_append(&a, path);
		part_add("initial file system", "init, command, modules", a.start, a.at);
		z->h.ramdisk_image = a.start;
		z->h.ramdisk_size = a.at - a.start;
	} else if (m->initrd) {
		if (end > z->h.initrd_addr_max + 1UL)
			end = z->h.initrd_addr_max + 1UL;
		z->h.ramdisk_image = load_initrd(m, m->initrd, least, end, &size);
		z->h.ramdisk_size = size;
	}
}

unsigned int e820_map(struct machine *m, struct boot_e820_entry *e)
{
	e[0] = (struct boot_e820_entry){ 0, LOW_MEMORY_END, E820_RAM };
	e[1] = (struct boot_e820_entry){ ACPI_AREA, HIGH_MEMORY - ACPI_AREA, E820_RESERVED };
	e[2] = (struct boot_e820_entry){ HIGH_MEMORY, m->ram_size - HIGH_MEMORY, E820_RAM };
	e[3] = (struct boot_e820_entry){ m->ram_size, m->image_size, E820_PERSISTENT };
	return m->image ? 4 : 3;
}

/* The first 4 GiB where they are, by pages of 2 MiB: one table of tables, four of pages. */
static void put_page_tables(struct machine *m)
{
	const uint64_t present = 3, large = 0x80; /* and writable */
	uint64_t *t = (uint64_t *)(m->ram + PAGE_TABLES), *tables = t + 512, *pages = t + 1024;

	t[0] = (PAGE_TABLES + PAGE) | present;
	for (uint64_t i = 0; i < 4; i++)
		tables[i] = (PAGE_TABLES + (2 + i) * PAGE) | present;
	for (uint64_t i = 0; i < 4 * 512; i++)
		pages[i] = i << 21 | large | present;
}

/* At the 64-bit entry, or where it has none at the first byte, with 32 bits and paging off. */
static void enter_kernel(struct machine *m, struct bzimage *z)
{
	bool wide = z->h.version >= VERSION_64 && z->h.xloadflags & XLF_KERNEL_64;
	const uint64_t code = wide ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
	const uint64_t gdt[] = { 0, 0, code, 0x00cf93000000ffff };
	struct boot_params *p = (void *)(m->ram + BOOT_PARAMS);

	p->hdr = z->h;
	p->acpi_rsdp_addr = ACPI_AREA;
	p->e820_entries = e820_map(m, p->e820_table);
	memcpy(m->ram + BOOT_GDT, gdt, sizeof(gdt));
	put_page_tables(m);
	part_add("boot_params, GDT, page tables", NULL, BOOT_PARAMS, PAGE_TABLES + 6 * PAGE);
	m->mode = wide ? ENTER_LONG : ENTER_PROTECTED;
	m->entry = HIGH_MEMORY + (wide ? ENTRY_64 : 0);
	m->start_info = BOOT_PARAMS;
	m->gdt = BOOT_GDT;
	m->gdt_size = sizeof(gdt);
	m->page_tables = PAGE_TABLES;
}

/*
 * ---- the 16-bit entry: firmware_load() has the firmware boot a ROM, whose code is an OUT to PORT_HANDOFF. Low memory
 * was the firmware's until then ----
 */

static struct bzimage sixteen; /* what the kernel is that waits for it */

static void enter_16(struct machine *m, int vcpu)
{
	const struct bzimage *z = &sixteen;
	/* the header ends where its jump leads; behind an older one (MEMDISK's) there is code */
	size_t n = offsetof(struct setup_header, header) + (z->h.jump >> 8);
	struct kvm_regs r = { .rsp = HEAP_END, .rflags = 2 };
	struct kvm_sregs s;

	m->handoff = NULL;
	memcpy(m->ram + SETUP_CODE, z->f.data, z->setup_size);
	memcpy(m->ram + SETUP_CODE + offsetof(struct boot_params, hdr), &z->h,
	       n < sizeof(z->h) ? n : sizeof(z->h));
	strcpy((char *)m->ram + COMMAND_LINE, z->line);
	if (ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return;
	s.ds.selector = SETUP_CODE >> 4;
	s.ds.base = SETUP_CODE;
	s.es = s.fs = s.gs = s.ss = s.ds;
	s.cs.base = SETUP_CODE + SECTOR; /* behind the boot sector */
	s.cs.selector = s.cs.base >> 4;
	ioctl(vcpu, KVM_SET_SREGS, &s);
	ioctl(vcpu, KVM_SET_REGS, &r);
}

static void wait_for_firmware(struct machine *m, const struct bzimage *z)
{
	const char *line = (const char *)m->ram + COMMAND_LINE;

	sixteen = *z;
	sixteen.h.loadflags |= CAN_USE_HEAP;
	sixteen.h.heap_end_ptr = HEAP_END - 0x200;
	sixteen.h.vid_mode = VIDEO_CURRENT_MODE;
	sixteen.line = copy_text(line, strlen(line));
	part_add("setup code", m->kernel, SETUP_CODE, SETUP_CODE + z->setup_size);
	m->handoff = enter_16;
	firmware_load(m);
}

void linux_load(struct machine *m)
{
	struct bzimage z = { 0 };

	bzimage_open(m, &z);
	memcpy(m->ram + HIGH_MEMORY, z.f.data + z.setup_size, z.kernel_size);
	part_add("kernel, compressed", m->kernel, HIGH_MEMORY, HIGH_MEMORY + z.kernel_size);
	z.h.type_of_loader = LOADER_UNDEFINED;
	z.h.code32_start = HIGH_MEMORY;
	put_cmdline(m, &z);
	put_initrd(m, &z);
	if (m->boot16) {
		wait_for_firmware(m, &z);
		return;
	}
	firmware_tables(m);
	enter_kernel(m, &z);
	file_unmap(&z.f);
}
