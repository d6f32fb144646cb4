/* SPDX-License-Identifier: MIT */
/*
 * What the boot loader said, in one form for both protocols: boot_info. Runs on the boot page tables,
 * which map the first 4 GiB, and trusts nothing: counts and sizes are bounded, and a missing or odd
 * piece is left out or ends in one clear line.
 * Sources: Multiboot2 specification 3.6; Xen's public/arch-x86/hvm/start_info.h (PVH).
 */
#include "x86/internal.h"

#define MB2_LOADER_MAGIC 0x36d76289
#define PVH_MAGIC 0x336ec578
#define E820_RAM 1
#define E820_RESERVED 2
#define E820_ACPI 3
#define E820_NVS 4
#define BOOT_MAP_END (4UL << 30)

struct boot_info boot_info;
extern const char __image_start[], __image_end[];

/* A name or command line of the loader: bounded by the boot map, cut at size. */
static void copy_string(char *dst, paddr_t src, size_t size)
{
	size_t i = 0;

	if (src && src < BOOT_MAP_END - size)
		for (const char *s = phys_to_virt(src); i < size - 1 && s[i]; i++)
			dst[i] = s[i];
	dst[i] = 0;
}

/* Keeps list sorted and merges what touches. */
static void range_add(struct mem_range *list, unsigned int *n, paddr_t start, paddr_t end)
{
	unsigned int i = 0, j;

	if (start >= end)
		return;
	while (i < *n && list[i].end < start)
		i++;
	for (j = i; j < *n && list[j].start <= end; j++) {
		start = min(start, list[j].start);
		end = max(end, list[j].end);
	}
	if (i == j) {
		if (*n == BOOT_MAX_RANGES)
			return; /* less RAM is better than none */
		memmove(&list[i + 1], &list[i], (*n - i) * sizeof(*list));
		(*n)++;
	} else {
		memmove(&list[i + 1], &list[j], (*n - j) * sizeof(*list));
		*n -= j - i - 1;
	}
	list[i] = (struct mem_range){ start, end };
}

static void reserve(paddr_t start, paddr_t end)
{
	range_add(boot_info.reserved, &boot_info.nr_reserved, ALIGN_DOWN(start, PAGE_SIZE),
		  ALIGN_UP(end, PAGE_SIZE));
}

static void add_memory(paddr_t start, u64 size, u32 type)
{
	paddr_t end = start + size;

	if (end < start)
		return;
	if (type == E820_RAM)
		range_add(boot_info.ram, &boot_info.nr_ram, ALIGN_UP(start, PAGE_SIZE),
			  ALIGN_DOWN(end, PAGE_SIZE));
	else if (
		type == E820_ACPI || type == E820_NVS ||
		/* SeaBIOS keeps its ACPI tables in memory it calls reserved; devices lie higher. */
		(type == E820_RESERVED && end <= 0xe0000000 && size <= 16UL << 20))
		range_add(boot_info.firmware, &boot_info.nr_firmware, start, end);
}

static void add_module(paddr_t start, paddr_t end, paddr_t name)
{
	static char names[BOOT_MAX_MODULES][128];
	unsigned int n = boot_info.nr_modules;

	if (n == BOOT_MAX_MODULES || start >= end)
		return;
	copy_string(names[n], name, sizeof(names[n]));
	boot_info.modules[n] = (struct boot_module){ start, end, names[n] };
	boot_info.nr_modules = n + 1;
	reserve(start, end);
}

/* ---- PVH ---- */
struct hvm_modlist_entry {
	u64 paddr, size, cmdline_paddr, reserved;
};
struct hvm_memmap_entry {
	u64 addr, size;
	u32 type, reserved;
};
struct hvm_start_info {
	u32 magic, version, flags, nr_modules;
	u64 modlist_paddr, cmdline_paddr, rsdp_paddr;
	u64 memmap_paddr; /* version 1 on */
	u32 memmap_entries, reserved;
};

static void parse_pvh(paddr_t info)
{
	const struct hvm_start_info *si = phys_to_virt(info);
	const struct hvm_memmap_entry *map = phys_to_virt(si->memmap_paddr);
	const struct hvm_modlist_entry *mod = phys_to_virt(si->modlist_paddr);

	boot_info.loader = "pvh";
	if (si->magic != PVH_MAGIC || si->version < 1 || !si->memmap_paddr)
		panic("boot: no multiboot2 and no PVH information with a memory map");
	boot_info.rsdp = si->rsdp_paddr;
	copy_string(boot_info.cmdline, si->cmdline_paddr, sizeof(boot_info.cmdline));
	for (u32 i = 0; i < si->memmap_entries && i < 256; i++)
		add_memory(map[i].addr, map[i].size, map[i].type);
	for (u32 i = 0; i < si->nr_modules; i++)
		add_module(mod[i].paddr, mod[i].paddr + mod[i].size, mod[i].cmdline_paddr);
	reserve(info, info + sizeof(*si));
}

/* ---- multiboot2 ---- */
struct mb2_tag {
	u32 type, size;
};
struct mb2_mmap_entry {
	u64 addr, len;
	u32 type, reserved;
};
enum {
	MB2_CMDLINE = 1,
	MB2_MODULE = 3,
	MB2_MMAP = 6,
	MB2_FRAMEBUFFER = 8,
	MB2_ACPI_OLD = 14,
	MB2_ACPI_NEW = 15,
};

static void mb2_mmap(const struct mb2_tag *t)
{
	u32 entry = ((const u32 *)t)[2];

	if (entry < sizeof(struct mb2_mmap_entry))
		return;
	for (u32 off = 16; off + entry <= t->size; off += entry) {
		const struct mb2_mmap_entry *e = (const void *)((const char *)t + off);

		add_memory(e->addr, e->len, e->type);
	}
}

static void mb2_framebuffer(const struct mb2_tag *t)
{
	const u32 *w = (const u32 *)t;
	u8 bpp = w[7] & 0xff, type = w[7] >> 8 & 0xff;

	if (type != 1) /* direct RGB */
		return;
	boot_info.fb.addr = (u64)w[3] << 32 | w[2];
	boot_info.fb.pitch = w[4];
	boot_info.fb.width = w[5];
	boot_info.fb.height = w[6];
	boot_info.fb.bpp = bpp;
}

static void mb2_tag(const struct mb2_tag *t)
{
	const u32 *w = (const u32 *)t;

	switch (t->type) {
	case MB2_CMDLINE:
		copy_string(boot_info.cmdline, virt_to_phys(t + 1), sizeof(boot_info.cmdline));
		break;
	case MB2_MODULE:
		add_module(w[2], w[3], virt_to_phys(&w[4]));
		break;
	case MB2_MMAP:
		mb2_mmap(t);
		break;
	case MB2_FRAMEBUFFER:
		mb2_framebuffer(t);
		break;
	case MB2_ACPI_OLD:
	case MB2_ACPI_NEW: /* a copy of the RSDP stands in the tag; the newer one comes last */
		boot_info.rsdp = virt_to_phys(t + 1);
		break;
	}
}

static void parse_mb2(paddr_t info)
{
	const char *base = phys_to_virt(info);
	u32 total = *(const u32 *)base;

	boot_info.loader = "multiboot2";
	for (u32 off = 8; off + sizeof(struct mb2_tag) <= total;) {
		const struct mb2_tag *t = (const void *)(base + off);

		if (t->size < sizeof(*t) || t->type == 0)
			break;
		mb2_tag(t);
		off += ALIGN_UP(t->size, 8);
	}
	reserve(info, info + total);
}

void boot_info_parse(u32 magic, paddr_t info)
{
	if (magic == MB2_LOADER_MAGIC)
		parse_mb2(info);
	else
		parse_pvh(info);
	reserve(0, PAGE_SIZE); /* so that no one owns address 0 */
	reserve(0x8000, 0x9000); /* the trampoline of other CPUs */
	reserve((paddr_t)__image_start, (u64)__image_end - KERNEL_BASE);
	if (!boot_info.nr_ram)
		panic("boot: the loader names no usable memory");
}

const char *boot_param(const char *name, char *buf, size_t size)
{
	size_t len = strlen(name);

	for (const char *s = boot_info.cmdline; *s;) {
		const char *end = s;

		while (*end && *end != ' ')
			end++;
		if (!strncmp(s, name, len) && (s[len] == '=' || s + len == end)) {
			size_t n = s + len == end ? 0 : end - s - len - 1;

			n = min(n, size - 1);
			memcpy(buf, s + len + 1, n);
			buf[n] = 0;
			return buf;
		}
		s = *end ? end + 1 : end;
	}
	return NULL;
}

/* The highest free piece of at least size bytes below limit: 0 when there is none. */
static paddr_t find_free(size_t size, paddr_t limit)
{
	for (unsigned int i = boot_info.nr_ram; i-- > 0;) {
		paddr_t lo = boot_info.ram[i].start, hi = min(boot_info.ram[i].end, limit);

		for (unsigned int j = boot_info.nr_reserved; j-- > 0 && hi > lo;) {
			const struct mem_range *r = &boot_info.reserved[j];

			if (r->start >= hi || r->end <= lo)
				continue;
			if (r->end < hi && hi - r->end >= size)
				break; /* the gap above this one is large enough */
			hi = r->start;
		}
		if (hi > lo && hi - lo >= size)
			return hi - size;
	}
	return 0;
}

paddr_t boot_alloc(size_t bytes)
{
	paddr_t p;

	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	p = find_free(bytes, BOOT_MAP_END);
	if (p < (1UL << 20))
		panic("boot: too little memory: %zu KiB more are needed to start; give the machine "
		      "more RAM",
		      bytes / 1024);
	reserve(p, p + bytes);
	memset(phys_to_virt(p), 0, bytes);
	return p;
}
