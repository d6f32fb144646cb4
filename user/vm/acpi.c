/* SPDX-License-Identifier: MIT */
/*
 * The tables that firmware leaves. ACPI (ACPI 6.4, 5.2): the processors and the interrupt controllers
 * (MADT), and how to switch the machine off and to reset it (FADT, and a DSDT with _S5_, the root of
 * the PCI bus, and virtio devices that are not on it).
 * For older kernels the same in MP tables (Intel MultiProcessor Specification 1.4, chapter 4).
 */
#include "pci.h"

#define LATENCY_NONE 0xffff /* of the sleep states C2 and C3: not there */
#define BOOT_LEGACY_DEVICES (1 << 0)
#define BOOT_8042 (1 << 1)
#define BOOT_NO_VGA (1 << 2)
#define FADT_WBINVD (1 << 0)
#define FADT_NO_SLEEP_BUTTON (1 << 5) /* the power button is where ACPI has it */
#define FADT_RESET_REGISTER (1 << 10)
#define GAS_IO 1
#define MP_AREA                                                                                    \
	(BIOS_AREA + 0x1000) /* behind the stub of multiboot.c; kernels search from BIOS_AREA on */
#define BIOS_DATA 0x400UL
#define EQUIPMENT 0x422 /* two serial ports, colours in 80 columns, an FPU */

static void set_checksum(uint8_t *table, size_t n, size_t where)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += table[i];
	table[where] -= sum;
}

static void put(uint8_t *p, uint64_t v, size_t n)
{
	memcpy(p, &v, n); /* both sides are little-endian */
}

/* A table's header: signature, length, revision, then names of who made it. */
static uint8_t *begin_table(struct low *l, const char *signature, int revision, size_t n,
			    uint64_t *at)
{
	uint8_t *t;

	*at = low_take(l, n);
	t = l->m->ram + *at;
	memcpy(t, signature, 4);
	put(t + 4, n, 4);
	t[8] = revision;
	memcpy(t + 10, "DYAD  VM      ", 14);
	return t;
}

static uint64_t put_madt(struct low *l)
{
	size_t n = 44 + 8 * l->m->cpus + 12 + 10;
	uint64_t at;
	uint8_t *t = begin_table(l, "APIC", 5, n, &at), *e = t + 44;

	put(t + 36, LOCAL_APIC, 4);
	put(t + 40, 1, 4); /* and two 8259s */
	for (unsigned int i = 0; i < l->m->cpus; i++, e += 8) /* local APIC, of 8 bytes; enabled */
		memcpy(e, (uint8_t[]){ 0, 8, i, i, 1 }, 5);
	e[0] = 1; /* IOAPIC: id, address, first interrupt */
	e[1] = 12;
	put(e + 4, IO_APIC, 4);
	memcpy(e + 12, (uint8_t[]){ 2, 10, 0, 0, TIMER_INPUT }, 5); /* override: ISA's line 0 */
	set_checksum(t, n, 9);
	return at;
}

/* ---- the DSDT, in AML (ACPI 6.4, chapter 20) ---- */

#define PKG(n) (0x40 | ((n)&0xf)), ((n) >> 4) /* a package's length, of two bytes */
#define WORD(v) ((v)&0xff), ((v) >> 8)
#define DWORD(v) WORD((v)&0xffff), WORD((uint32_t)(v) >> 16)
/* Resources (6.4.3.5): a range of what the bridge passes on. type: 0 memory, 1 ports, 2 buses */
#define RANGE_FIXED 0x0c
#define RANGE_WORD(type, flags, first, last)                                                       \
	0x88, WORD(13), type, RANGE_FIXED, flags, WORD(0), WORD(first), WORD(last), WORD(0),       \
		WORD((last) - (first) + 1)
#define RANGE_DWORD(type, flags, first, last)                                                      \
	0x87, WORD(23), type, RANGE_FIXED, flags, DWORD(0), DWORD(first), DWORD(last), DWORD(0),   \
		DWORD((last) - (first) + 1)
#define CRS_SIZE (16 + 8 + 16 + 16 + 26 + 2)
#define PRT_SIZE 12
#define PRT_ENTRIES 31
/* Lengths count themselves. */
#define PRT_LENGTH (2 + 1 + PRT_ENTRIES * PRT_SIZE)
#define PCI0_LENGTH (2 + 4 + 10 + 5 + 1 + 2 + 2 + CRS_SIZE + 5 + 1 + PRT_LENGTH)
#define KBD_CRS_SIZE (8 + 8 + 3 + 2)
#define KBD_LENGTH (2 + 4 + 10 + 5 + 1 + 2 + 2 + KBD_CRS_SIZE)
#define SB_LENGTH (2 + 5 + 2 + PCI0_LENGTH)

static const uint8_t aml[] = {
	/* Name (_S5_, Package { SLEEP_TYPE_OFF, SLEEP_TYPE_OFF, 0, 0 }) */
	0x08, '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, SLEEP_TYPE_OFF, 0x0a, SLEEP_TYPE_OFF, 0, 0,
	/* Scope (\_SB_) { Device (KBD_) { Name (_HID, EisaId ("PNP0303")), ports 0x60 and 0x64, IRQ 1 */
	0x10, PKG(KBD_LENGTH + 9), '\\', '_', 'S', 'B', '_', 0x5b, 0x82, PKG(KBD_LENGTH), 'K', 'B',
	'D', '_', 0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x03, 0x03, 0x08, '_', 'C', 'R', 'S',
	0x11, PKG(2 + 2 + KBD_CRS_SIZE), 0x0a, KBD_CRS_SIZE, 0x47, 1, WORD(0x60), WORD(0x60), 1, 1,
	0x47, 1, WORD(0x64), WORD(0x64), 1, 1, 0x22, WORD(1 << 1), 0x79, 0,
	/* Scope (\_SB_) { Device (PCI0) { Name (_HID, EisaId ("PNP0A03")) */
	0x10, PKG(SB_LENGTH), '\\', '_', 'S', 'B', '_', 0x5b, 0x82, PKG(PCI0_LENGTH), 'P', 'C', 'I',
	'0', 0x08, '_', 'H', 'I', 'D', 0x0c, 0x41, 0xd0, 0x0a, 0x03,
	/* Name (_CRS, ResourceTemplate: bus 0, 0xcf8 for itself, the ports around it, memory) */
	0x08, '_', 'C', 'R', 'S', 0x11, PKG(2 + 2 + CRS_SIZE), 0x0a, CRS_SIZE,
	RANGE_WORD(2, 0, 0, 0), 0x47, 1, WORD(0xcf8), WORD(0xcf8), 1, 8, RANGE_WORD(1, 3, 0, 0xcf7),
	RANGE_WORD(1, 3, 0xd00, 0xffff), RANGE_DWORD(0, 1, PCI_WINDOW, PCI_WINDOW_END - 1), 0x79, 0,
	/* Name (_PRT, Package { what put_dsdt() adds }) */
	0x08, '_', 'P', 'R', 'T', 0x12, PKG(PRT_LENGTH), PRT_ENTRIES
};

#define VIRTIO_CRS_SIZE (12 + 9 + 2)
#define VIRTIO_LENGTH (2 + 4 + 15 + 7 + 5 + 1 + 2 + 2 + VIRTIO_CRS_SIZE)
#define VIRTIO_SIZE (10 + VIRTIO_LENGTH)

static void put_virtio(uint8_t *e, uint8_t i, const struct mmio_place *p)
{
	const uint8_t device[VIRTIO_SIZE] = {
		/* Scope (\_SB_) { Device (VR0A) { Name (_HID, "LNRO0005"), Name (_UID, i), _CRS: */
		0x10, PKG(VIRTIO_SIZE - 1), '\\', '_', 'S', 'B', '_', 0x5b, 0x82,
		PKG(VIRTIO_LENGTH), 'V', 'R', '0', 'A' + i, 0x08, '_', 'H', 'I', 'D', 0x0d, 'L',
		'N', 'R', 'O', '0', '0', '0', '5', 0, 0x08, '_', 'U', 'I', 'D', 0x0a, i, 0x08, '_',
		'C', 'R', 'S', 0x11, PKG(2 + 2 + VIRTIO_CRS_SIZE), 0x0a, VIRTIO_CRS_SIZE,
		/* its registers, for reading and writing; an interrupt, level and active high */
		0x86, WORD(9), 1, DWORD(p->at), DWORD(MMIO_SIZE), 0x89, WORD(6), 1, 1,
		DWORD(p->irq), 0x79, 0
	};

	memcpy(e, device, sizeof(device));
}

/* For each slot Package { slot << 16 | 0xffff, pin A, 0, line }: the line is fixed. */
static uint64_t put_dsdt(struct low *l)
{
	struct mmio_place places[MMIO_MAX];
	const unsigned int devices = virtio_mmio_places(places);
	const size_t n = 36 + sizeof(aml) + PRT_ENTRIES * PRT_SIZE + devices * VIRTIO_SIZE;
	uint64_t at;
	uint8_t *t = begin_table(l, "DSDT", 2, n, &at), *e = t + 36 + sizeof(aml);

	memcpy(t + 36, aml, sizeof(aml));
	for (unsigned int slot = 1; slot <= PRT_ENTRIES; slot++, e += PRT_SIZE) {
		const uint8_t entry[PRT_SIZE] = { 0x12, PRT_SIZE - 1,  4, 0x0c, 0xff,
						  0xff, slot,          0, 0,    0,
						  0x0a, PCI_LINE(slot) };

		memcpy(e, entry, PRT_SIZE);
	}
	for (unsigned int i = 0; i < devices; i++, e += VIRTIO_SIZE)
		put_virtio(e, i, &places[i]);
	set_checksum(t, n, 9);
	return at;
}

static uint64_t put_fadt(struct low *l)
{
	const size_t n = 244;
	uint64_t dsdt = put_dsdt(l), at;
	uint8_t *t = begin_table(l, "FACP", 3, n, &at);

	put(t + 40, dsdt, 4);
	put(t + 46, IRQ_SCI, 2);
	put(t + 56, PORT_PM1_EVENT, 4);
	put(t + 64, PORT_PM1_CONTROL, 4);
	put(t + 76, PORT_PM_TIMER, 4);
	t[88] = 4; /* bytes of these three */
	t[89] = 2;
	t[91] = 4;
	put(t + 96, LATENCY_NONE, 2);
	put(t + 98, LATENCY_NONE, 2);
	t[108] = CMOS_CENTURY;
	put(t + 109, BOOT_LEGACY_DEVICES | BOOT_8042 | (l->m->vga ? 0 : BOOT_NO_VGA), 2);
	put(t + 112, FADT_WBINVD | FADT_NO_SLEEP_BUTTON | FADT_RESET_REGISTER, 4);
	t[116] = GAS_IO; /* the reset register: space, bits, offset, size of accesses, address */
	t[117] = 8;
	t[119] = 1;
	put(t + 120, PORT_RESET_CONTROL, 8);
	t[128] = RESET_CPU | 2;
	set_checksum(t, n, 9);
	return at;
}

uint64_t acpi_tables(struct low *l)
{
	uint64_t rsdp = low_take(l, 20), madt = put_madt(l), fadt = put_fadt(l), rsdt;
	uint8_t *t = begin_table(l, "RSDT", 1, 44, &rsdt);

	put(t + 36, fadt, 4);
	put(t + 40, madt, 4);
	set_checksum(t, 44, 9);
	t = l->m->ram + rsdp;
	memcpy(t, "RSD PTR ", 8);
	memcpy(t + 9, "DYAD  ", 6);
	put(t + 16, rsdt, 4);
	set_checksum(t, 20, 8);
	return rsdp;
}

/* ---- MP tables ---- */

enum { MP_PROCESSOR, MP_BUS, MP_IO_APIC, MP_IO_INTERRUPT, MP_LOCAL_INTERRUPT };
enum { MP_INT, MP_NMI, MP_SMI, MP_EXTINT };
enum { PCI_BUS = 0, ISA_BUS = 1, IO_APIC_ID = 0, ALL_LOCAL = 0xff };

/* One interrupt of a bus: from which of its lines, or slot and pin, to which input of the IOAPIC. */
static uint8_t *put_interrupt(uint8_t *e, int bus, int irq, int input)
{
	const uint8_t bytes[8] = { MP_IO_INTERRUPT, MP_INT, 0, 0, bus, irq, IO_APIC_ID, input };

	memcpy(e, bytes, sizeof(bytes));
	return e + sizeof(bytes);
}

/* What comes to the local APICs' own inputs. */
static uint8_t *put_local(uint8_t *e, int type, int input)
{
	const uint8_t bytes[8] = { MP_LOCAL_INTERRUPT, type, 0, 0, ISA_BUS, 0, ALL_LOCAL, input };

	memcpy(e, bytes, sizeof(bytes));
	return e + sizeof(bytes);
}

/* Its local APIC has version 0x14; enabled, the first one boots; family 6; FPU and APIC. */
static uint8_t *put_processor(uint8_t *e, unsigned int i)
{
	memcpy(e, (uint8_t[]){ MP_PROCESSOR, i, 0x14, i ? 1 : 3, 0, 6, 0, 0, 1, 2 }, 10);
	return e + 20;
}

static void mp_tables(struct low *l)
{
	const unsigned int slots = l->m->pci ? PRT_ENTRIES : 0;
	const unsigned int entries = l->m->cpus + 3 + ISA_INTERRUPTS - 1 + slots + 2;
	const size_t n = 44 + 20 * l->m->cpus + 8 * (entries - l->m->cpus);
	uint64_t pointer = low_take(l, 16), table = low_take(l, n);
	uint8_t *p = l->m->ram + pointer, *t = l->m->ram + table, *e = t + 44;

	memcpy(p, "_MP_", 4);
	put(p + 4, table, 4);
	p[8] = 1; /* paragraph */
	p[9] = 4; /* version 1.4 */
	set_checksum(p, 16, 10);
	memcpy(t, "PCMP", 4);
	put(t + 4, n, 2);
	t[6] = 4;
	memcpy(t + 8, "DYAD    VM          ", 20);
	put(t + 34, entries, 2);
	put(t + 36, LOCAL_APIC, 4);
	for (unsigned int i = 0; i < l->m->cpus; i++)
		e = put_processor(e, i);
	memcpy(e, (uint8_t[8]){ MP_BUS, PCI_BUS, 'P', 'C', 'I', ' ', ' ', ' ' }, 8);
	memcpy(e + 8, (uint8_t[8]){ MP_BUS, ISA_BUS, 'I', 'S', 'A', ' ', ' ', ' ' }, 8);
	memcpy(e + 16, (uint8_t[4]){ MP_IO_APIC, IO_APIC_ID, 0x11, 1 }, 4);
	put(e + 20, IO_APIC, 4);
	e += 24;
	for (int i = 0; i < ISA_INTERRUPTS; i++)
		if (i != TIMER_INPUT)
			e = put_interrupt(e, ISA_BUS, i, i ?: TIMER_INPUT);
	for (unsigned int slot = 1; slot <= slots; slot++)
		e = put_interrupt(e, PCI_BUS, slot << 2, PCI_LINE(slot)); /* pin A */
	e = put_local(e, MP_EXTINT, 0);
	put_local(e, MP_NMI, 1);
	set_checksum(t, n, 7);
}

/* What a BIOS leaves at 0x400 for those who ask nobody: ports, where conventional memory ends, and the screen. */
static void bios_data(struct machine *m)
{
	const struct {
		uint16_t serial[4], parallel[3], end_segment, equipment;
		uint8_t post;
		uint16_t memory_kib;
		uint8_t not_used[0x34], video_mode; /* at 0x449 */
		uint16_t columns, page_size, page_start, cursors[8], cursor_lines;
		uint8_t page;
		uint16_t crtc_port;
		uint8_t neither[0x10], disks, nor[0xe], last_row; /* at 0x475; at 0x484 */
	} __attribute__((packed)) data = { .serial = { 0x3f8, 0x2f8 },
					   .end_segment = LOW_MEMORY_END >> 4,
					   .equipment = EQUIPMENT,
					   .memory_kib = LOW_MEMORY_END >> 10,
					   .video_mode = 3,
					   .columns = 80,
					   .page_size = PAGE,
					   .crtc_port = 0x3d4,
					   .disks = !!ide_cylinders(0) + !!ide_cylinders(1),
					   .last_row = 24 };

	memcpy(m->ram + BIOS_DATA, &data, sizeof(data));
	part_add("BIOS data", NULL, BIOS_DATA, BIOS_DATA + sizeof(data));
}

uint64_t firmware_tables(struct machine *m)
{
	struct low acpi = { .m = m, .at = ACPI_AREA, .end = BIOS_AREA };
	struct low mp = { .m = m, .at = MP_AREA, .end = TABLES_END };
	uint64_t rsdp;

	bios_data(m);
	mp_tables(&mp);
	rsdp = acpi_tables(&acpi);
	part_add("ACPI tables", NULL, ACPI_AREA, acpi.at);
	part_add("MP tables", NULL, MP_AREA, mp.at);
	return rsdp;
}
