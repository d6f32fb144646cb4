/* SPDX-License-Identifier: MIT */
/*
 * What a Linux kernel's 16-bit setup code or a boot sector asks of a PC's firmware (Ralf Brown's interrupt list).
 * Every interrupt vector leads to a stub of its own, `out %al, $PORT_BIOS; iret`: the exit comes here,
 * the address of the stub says which interrupt it was, the answer goes into the registers and into
 * the flags on the guest's stack.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <asm/bootparam.h>

#include "vm.h"

#define STUBS BIOS_AREA
#define STUB_SIZE 4
#define FLAG_CARRY 1
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
	default:
		if ((r->rax >> 8 & 0xff) != 0x88)
			return false;
		set16(&r->rax, kib < 0xffff ? kib : 0xffff);
		return true;
	}
}

/* ---- INT 13h: the file of a flat image is the first disk, 16 heads of 63 sectors, read-only ---- */

#define SECTOR 512
#define HEADS 16
#define SECTORS 63
#define ERROR_PARAMETER 1
#define ERROR_NOT_FOUND 4

struct disk_packet { /* of the extended read */
	uint16_t size, sectors, offset, segment;
	uint64_t first;
};

/* AH: 0, or the error. */
static unsigned int disk_read(struct machine *m, uint64_t first, unsigned int n, uint64_t to)
{
	uint64_t size = n * SECTOR, have = m->flat.size / SECTOR;

	if (first > have || n > have - first)
		return ERROR_NOT_FOUND;
	if (to > LOW_MEMORY_END || size > LOW_MEMORY_END - to)
		return ERROR_PARAMETER;
	memcpy(m->ram + to, m->flat.data + first * SECTOR, size);
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
	return disk_read(m, p.first, p.sectors, (p.segment << 4) + p.offset);
}

static bool disk_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint8_t sector = r->rcx & 63, head = r->rdx >> 8, service = r->rax >> 8;
	unsigned int cylinder = (r->rcx >> 8 & 0xff) | (r->rcx & 0xc0) << 2, error = 0;

	if (!m->flat.data || (uint8_t)r->rdx != m->boot_disk)
		return false;
	switch (service) {
	case 0x00: /* reset */
		break;
	case 0x02:
		error = !sector || sector > SECTORS || head >= HEADS
				? ERROR_PARAMETER
				: disk_read(m, (cylinder * HEADS + head) * SECTORS + sector - 1,
					    r->rax & 0xff, s->es.base + (uint16_t)r->rbx);
		break;
	case 0x08: /* the highest numbers there are; how many disks */
		set16(&r->rcx, 0xff00 | 0xc0 | SECTORS);
		set16(&r->rdx, (HEADS - 1) << 8 | 1);
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

/* False: no such service, or no such device. */
static bool serve(struct machine *m, unsigned int vector, struct kvm_regs *r,
		  const struct kvm_sregs *s)
{
	switch (vector) {
	case 0x10: /* nothing is found; text is shown */
		if ((r->rax >> 8 & 0xff) == 0x0e)
			vga_type(m, r->rax);
		return true;
	case 0x12: /* KiB of conventional memory */
		set16(&r->rax, LOW_MEMORY_END >> 10);
		return true;
	case 0x15:
		return memory_service(m, r, s);
	case 0x16: /* no key is down */
		set16(&r->rax, 0);
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
	if (serve(m, (uint16_t)r.rip / STUB_SIZE, &r, &s))
		flags &= ~FLAG_CARRY;
	memcpy(m->ram + at, &flags, sizeof(flags));
	ioctl(vcpu, KVM_SET_REGS, &r);
}
