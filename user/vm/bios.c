/* SPDX-License-Identifier: MIT */
/*
 * What a Linux kernel's 16-bit setup code or a boot sector asks of a PC's firmware (Ralf Brown's interrupt list).
 * Every interrupt vector leads to a stub of its own, `out %al, $PORT_BIOS; iret`: the exit comes here,
 * the address of the stub says which interrupt it was, the answer goes into the registers and into
 * the flags on the guest's stack.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <asm/bootparam.h>

#include "vm.h"

#define STUBS BIOS_AREA
#define STUB_SIZE 4
#define FLAG_CARRY 1
#define FLAG_ZERO 0x40
#define TEXT_MEMORY 0xb8000UL
#define COLUMNS 80U
#define ROWS 25U
#define KEY_WAIT_US 2000 /* between two looks for a key */
#define SMAP 0x534d4150 /* "SMAP" */

void bios_load(struct machine *m)
{
	static const uint8_t stub[STUB_SIZE] = { 0xe6, PORT_BIOS, 0xcf };

	for (unsigned int i = 0; i < 256; i++) {
		uint16_t vector[2] = { i * STUB_SIZE, STUBS >> 4 };

		memcpy(m->ram + 4 * i, vector, sizeof(vector));
		memcpy(m->ram + STUBS + STUB_SIZE * i, stub, STUB_SIZE);
	}
	part_add("interrupt vectors", NULL, 0, 256 * 4);
	part_add("firmware's stubs", NULL, STUBS, STUBS + 256 * STUB_SIZE);
}

static void set16(__u64 *reg, uint16_t v)
{
	*reg = (*reg & ~0xffffULL) | v;
}

/* INT 15h, E820h: EBX says which entry, and becomes that of the next one, or 0. */
static bool memory_map(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	struct boot_e820_entry map[E820_ENTRIES];
	uint32_t i = r->rbx, n = e820_map(m, map);
	uint64_t to = s->es.base + (uint16_t)r->rdi;

	if ((uint32_t)r->rdx != SMAP || (uint32_t)r->rcx < sizeof(*map) || i >= n ||
	    to + sizeof(*map) > m->ram_size)
		return false;
	memcpy(m->ram + to, &map[i], sizeof(*map));
	r->rax = SMAP;
	r->rcx = sizeof(*map);
	r->rbx = i + 1 < n ? i + 1 : 0;
	return true;
}

static bool memory_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint64_t kib = (m->ram_size >> 10) - 1024, above = kib - 15 * 1024;

	switch ((uint16_t)r->rax) {
	case 0xe820:
		return memory_map(m, r, s);
	case 0xe801: /* KiB from 1 to 16 MiB, then pieces of 64 KiB; twice */
		set16(&r->rax, kib < 15 * 1024 ? kib : 15 * 1024);
		set16(&r->rbx, kib < 15 * 1024 ? 0 : above >> 6);
		set16(&r->rcx, r->rax);
		set16(&r->rdx, r->rbx);
		return true;
	case 0x2401: /* A20 is always on */
	case 0x2402:
		set16(&r->rax, 1);
		return true;
	default:
		if ((r->rax >> 8 & 0xff) != 0x88)
			return false;
		set16(&r->rax, kib < 0xffff ? kib : 0xffff);
		return true;
	}
}

/* ---- INT 13h: the file of a flat image is the first disk, with zeros behind it the floppy disk, too; read-only ---- */

#define SECTOR 512
#define ERROR_PARAMETER 1
#define ERROR_NOT_FOUND 4

static const struct geometry {
	unsigned int cylinders, heads, sectors; /* of a track */
	unsigned int type; /* of a floppy disk's drive, or 0 */
} floppy_disk = { 80, 2, 18, 4 }, fixed_disk = { 1024, 16, 63, 0 };

struct disk_packet { /* of the extended read */
	uint16_t size, sectors, offset, segment;
	uint64_t first;
};

/* AH: 0, or the error. */
static unsigned int disk_read(struct machine *m, const struct geometry *g, uint64_t first,
			      unsigned int n, uint64_t to)
{
	uint64_t size = n * SECTOR, have = m->flat.size, at = first * SECTOR;
	uint64_t end = g->type ? FLOPPY_SIZE / SECTOR : ALIGN_UP(have, (uint64_t)SECTOR) / SECTOR;

	if (first > end || n > end - first)
		return ERROR_NOT_FOUND;
	if (to > LOW_MEMORY_END || size > LOW_MEMORY_END - to)
		return ERROR_PARAMETER;
	memset(m->ram + to, 0, size);
	if (at < have)
		memcpy(m->ram + to, m->flat.data + at, size < have - at ? size : have - at);
	return 0;
}

static unsigned int disk_extended(struct machine *m, const struct kvm_regs *r,
				  const struct kvm_sregs *s)
{
	uint64_t at = s->ds.base + (uint16_t)r->rsi;
	struct disk_packet p;

	if (at > LOW_MEMORY_END - sizeof(p))
		return ERROR_PARAMETER;
	memcpy(&p, m->ram + at, sizeof(p));
	return disk_read(m, &fixed_disk, p.first, p.sectors, (p.segment << 4) + p.offset);
}

static bool disk_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint8_t sector = r->rcx & 63, head = r->rdx >> 8, service = r->rax >> 8, disk = r->rdx;
	unsigned int cylinder = (r->rcx >> 8 & 0xff) | (r->rcx & 0xc0) << 2, error = 0;
	const struct geometry *g = disk == FLOPPY_DISK ? &floppy_disk : &fixed_disk;

	if (!m->flat.data || (disk != FLOPPY_DISK && disk != FIRST_DISK))
		return false;
	if (g->type && service > 0x40)
		service = 0xff; /* floppy disks have no extensions */
	switch (service) {
	case 0x00: /* reset */
		break;
	case 0x02:
		error = !sector || sector > g->sectors || head >= g->heads
				? ERROR_PARAMETER
				: disk_read(m, g,
					    (cylinder * g->heads + head) * g->sectors + sector - 1,
					    r->rax & 0xff, s->es.base + (uint16_t)r->rbx);
		break;
	case 0x08: /* the highest numbers there are; how many disks */
		set16(&r->rbx, g->type);
		set16(&r->rcx,
		      ((g->cylinders - 1) & 0xff) << 8 | (g->cylinders - 1) >> 8 << 6 | g->sectors);
		set16(&r->rdx, (g->heads - 1) << 8 | 1);
		break;
	case 0x41: /* extensions: version 1, those that read by sector number */
		set16(&r->rbx, 0xaa55);
		set16(&r->rcx, 1);
		error = 1;
		break;
	case 0x42:
		error = disk_extended(m, r, s);
		break;
	default:
		error = ERROR_PARAMETER;
	}
	set16(&r->rax, error << 8 | (service == 0x02 && !error ? r->rax & 0xff : 0));
	return !error || service == 0x41;
}

/* ---- INT 10h: the text screen, of 25 rows ---- */

/* Rows of a window go up by n, or all are cleared. */
static void scroll(uint16_t *cells, const struct kvm_regs *r)
{
	uint8_t top = r->rcx >> 8, bottom = r->rdx >> 8, n = r->rax;

	for (unsigned int row = top; row <= bottom && row < ROWS; row++)
		for (unsigned int x = r->rcx & 0xff; x <= (r->rdx & 0xff) && x < COLUMNS; x++)
			cells[row * COLUMNS + x] = n && row + n <= bottom && row + n < ROWS
							   ? cells[(row + n) * COLUMNS + x]
							   : (r->rbx & 0xff00) | ' ';
}

static void write_string(struct machine *m, const struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint64_t from = s->es.base + (uint16_t)r->rbp;
	unsigned int before = vga_cursor();
	unsigned int step = r->rax & 2 ? 2 : 1; /* 2: each has its attribute */

	if (from > LOW_MEMORY_END)
		return;
	vga_set_cursor((r->rdx >> 8 & 0xff) * COLUMNS + (r->rdx & 0xff));
	for (unsigned int i = 0; i < (uint16_t)r->rcx; i++)
		vga_type(m, m->ram[from + i * step]);
	if (!(r->rax & 1))
		vga_set_cursor(before);
}

static void video_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint16_t *cells = (uint16_t *)(m->ram + TEXT_MEMORY);
	unsigned int at = vga_cursor();
	uint8_t service = r->rax >> 8;

	switch (service) {
	case 0x00: /* a mode: there is one, and it begins cleared */
		scroll(cells, &(struct kvm_regs){ .rbx = 0x700, .rdx = 0xffff });
		vga_set_cursor(0);
		break;
	case 0x02:
		vga_set_cursor((r->rdx >> 8 & 0xff) * COLUMNS + (r->rdx & 0xff));
		break;
	case 0x03:
		set16(&r->rcx, 0x0607); /* its first and last line */
		set16(&r->rdx, at / COLUMNS << 8 | at % COLUMNS);
		break;
	case 0x06:
	case 0x07:
		scroll(cells, r);
		break;
	case 0x09: /* many times, with attribute; 0ah: without */
	case 0x0a:
		for (unsigned int i = at; i < at + (uint16_t)r->rcx && i < ROWS * COLUMNS; i++)
			cells[i] = (service == 0x09 ? r->rbx << 8 : cells[i] & 0xff00) |
				   (r->rax & 0xff);
		break;
	case 0x0e:
		vga_type(m, r->rax);
		break;
	case 0x0f: /* mode 3, page 0 */
		set16(&r->rax, COLUMNS << 8 | 3);
		set16(&r->rbx, r->rbx & 0xff);
		break;
	case 0x13:
		write_string(m, r, s);
	}
}

/* ---- INT 16h: a key is its scan code and its character ---- */

static void key_service(struct machine *m, struct kvm_regs *r, uint16_t *flags)
{
	uint8_t service = r->rax >> 8 & 0xf; /* 10h to 12h: of longer keyboards */
	uint16_t key;

	while (!(key = service > 1 ? 0 : keyboard_key(m, !service)) && !service)
		usleep(KEY_WAIT_US);
	set16(&r->rax, key);
	*flags = key ? *flags & ~FLAG_ZERO : *flags | FLAG_ZERO;
}

/* False: no such service, or no such device. */
static bool serve(struct machine *m, unsigned int vector, struct kvm_regs *r,
		  const struct kvm_sregs *s, uint16_t *flags)
{
	switch (vector) {
	case 0x10:
		video_service(m, r, s);
		return true;
	case 0x12: /* KiB of conventional memory */
		set16(&r->rax, LOW_MEMORY_END >> 10);
		return true;
	case 0x15:
		return memory_service(m, r, s);
	case 0x16:
		key_service(m, r, flags);
		return true;
	case 0x13:
		return disk_service(m, r, s);
	default:
		return false;
	}
}

void bios_call(struct machine *m, int vcpu)
{
	struct kvm_sregs s;
	struct kvm_regs r;
	uint16_t flags;
	uint64_t at;

	if (ioctl(vcpu, KVM_GET_REGS, &r) < 0 || ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return;
	at = s.ss.base + (uint16_t)(r.rsp + 4); /* IRET takes IP, CS, FLAGS */
	if (s.cs.base != STUBS || at + sizeof(flags) > m->ram_size)
		return;
	memcpy(&flags, m->ram + at, sizeof(flags));
	flags |= FLAG_CARRY;
	if (serve(m, (uint16_t)r.rip / STUB_SIZE, &r, &s, &flags))
		flags &= ~FLAG_CARRY;
	memcpy(m->ram + at, &flags, sizeof(flags));
	ioctl(vcpu, KVM_SET_REGS, &r);
}
