/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables (ACPI 6.4, 5.2): the processors and the interrupt controllers (MADT), and how to
 * switch the machine off and to reset it (FADT, and a DSDT that has nothing but _S5_).
 */
#include <string.h>

#include "vm.h"

#define SCI 9 /* the interrupt line of ACPI events; there are none */
#define LATENCY_NONE 0xffff /* of the sleep states C2 and C3: not there */
#define BOOT_LEGACY_DEVICES (1 << 0) /* and no 8042 (bit 1) */
#define BOOT_NO_VGA (1 << 2)
#define FADT_WBINVD (1 << 0)
#define FADT_NO_BUTTONS (3 << 4)
#define FADT_RESET_REGISTER (1 << 10)
#define GAS_IO 1

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
	size_t n = 44 + 8 * l->m->cpus + 12;
	uint64_t at;
	uint8_t *t = begin_table(l, "APIC", 5, n, &at), *e = t + 44;

	put(t + 36, 0xfee00000, 4); /* local APICs */
	put(t + 40, 1, 4); /* and two 8259s */
	for (unsigned int i = 0; i < l->m->cpus; i++, e += 8) {
		e[0] = 0; /* local APIC: processor, APIC id, enabled */
		e[1] = 8;
		e[2] = e[3] = i;
		e[4] = 1;
	}
	e[0] = 1; /* IOAPIC: id, address, first interrupt */
	e[1] = 12;
	put(e + 4, 0xfec00000, 4);
	set_checksum(t, n, 9);
	return at;
}

/* Name (_S5_, Package { SLEEP_TYPE_OFF, SLEEP_TYPE_OFF, 0, 0 }) */
static uint64_t put_dsdt(struct low *l)
{
	static const uint8_t aml[] = {
		0x08,           '_', 'S', '5', '_', 0x12, 8, 4, 0x0a, SLEEP_TYPE_OFF, 0x0a,
		SLEEP_TYPE_OFF, 0,   0
	};
	uint64_t at;
	uint8_t *t = begin_table(l, "DSDT", 2, 36 + sizeof(aml), &at);

	memcpy(t + 36, aml, sizeof(aml));
	set_checksum(t, 36 + sizeof(aml), 9);
	return at;
}

static uint64_t put_fadt(struct low *l)
{
	const size_t n = 244;
	uint64_t dsdt = put_dsdt(l), at;
	uint8_t *t = begin_table(l, "FACP", 3, n, &at);

	put(t + 40, dsdt, 4);
	put(t + 46, SCI, 2);
	put(t + 56, PORT_PM1_EVENT, 4);
	put(t + 64, PORT_PM1_CONTROL, 4);
	put(t + 76, PORT_PM_TIMER, 4);
	t[88] = 4; /* bytes of these three */
	t[89] = 2;
	t[91] = 4;
	put(t + 96, LATENCY_NONE, 2);
	put(t + 98, LATENCY_NONE, 2);
	t[108] = CMOS_CENTURY;
	put(t + 109, BOOT_LEGACY_DEVICES | BOOT_NO_VGA, 2);
	put(t + 112, FADT_WBINVD | FADT_NO_BUTTONS | FADT_RESET_REGISTER, 4);
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
	uint64_t rsdp = low_take(l, 36), madt = put_madt(l), fadt = put_fadt(l), xsdt;
	uint8_t *t = begin_table(l, "XSDT", 1, 52, &xsdt);

	put(t + 36, fadt, 8);
	put(t + 44, madt, 8);
	set_checksum(t, 52, 9);
	t = l->m->ram + rsdp;
	memcpy(t, "RSD PTR ", 8);
	memcpy(t + 9, "DYAD  ", 6);
	t[15] = 2;
	put(t + 20, 36, 4);
	put(t + 24, xsdt, 8);
	set_checksum(t, 20, 8);
	set_checksum(t, 36, 32);
	return rsdp;
}
