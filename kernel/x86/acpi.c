/* SPDX-License-Identifier: MIT */
/*
 * The few facts this kernel takes from ACPI: CPUs, IOAPICs and interrupt overrides (MADT), how to
 * reset and switch off (FADT, and the _S5_ package of the DSDT, found by its bytes instead of an AML
 * interpreter). Tables are firmware: checksums and lengths are checked, what is odd is left out.
 * Source: ACPI specification 6.4, 5.2.5 (RSDP), 5.2.9 (FADT), 5.2.12 (MADT).
 */
#include "x86/internal.h"

struct acpi_info acpi;

struct sdt {
	char signature[4];
	u32 length;
	u8 revision, checksum;
	char oem[6], oem_table[8];
	u32 oem_revision, creator, creator_revision;
} __packed;
struct rsdp {
	char signature[8];
	u8 checksum;
	char oem[6];
	u8 revision;
	u32 rsdt;
	u32 length;
	u64 xsdt;
} __packed;

#define MAX_TABLE (1UL << 20)

static bool sum_is_zero(const void *p, size_t n)
{
	u8 sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += ((const u8 *)p)[i];
	return sum == 0;
}

/* Is [p, p + n) in the direct map? */
static bool readable(paddr_t p, u64 n)
{
	const struct boot_info *b = &boot_info;

	if (p && p + n <= (1UL << 20))
		return true;
	for (unsigned int i = 0; i < b->nr_ram; i++)
		if (p >= b->ram[i].start && p + n <= b->ram[i].end)
			return true;
	for (unsigned int i = 0; i < b->nr_firmware; i++)
		if (p >= b->firmware[i].start && p + n <= b->firmware[i].end)
			return true;
	return false;
}

static const struct sdt *table_at(paddr_t p)
{
	const struct sdt *t = phys_to_virt(p);

	if (!readable(p, sizeof(*t)) || t->length < sizeof(*t) || t->length > MAX_TABLE ||
	    !readable(p, t->length) || !sum_is_zero(t, t->length))
		return NULL;
	return t;
}

static const struct rsdp *scan_rsdp(paddr_t from, paddr_t to)
{
	for (paddr_t p = from; p < to; p += 16) {
		const struct rsdp *r = phys_to_virt(p);

		if (!memcmp(r->signature, "RSD PTR ", 8) && sum_is_zero(r, 20))
			return r;
	}
	return NULL;
}

static const struct rsdp *find_rsdp(void)
{
	const struct rsdp *r = NULL;
	paddr_t ebda = (paddr_t) * (const u16 *)phys_to_virt(0x40e) << 4;

	if (boot_info.rsdp && readable(boot_info.rsdp, 20))
		return phys_to_virt(boot_info.rsdp);
	if (ebda >= 0x80000 && ebda < 0xa0000)
		r = scan_rsdp(ebda, ebda + 1024);
	return r ? r : scan_rsdp(0xe0000, 0x100000);
}

static const struct sdt *find_table(const char *signature)
{
	const struct rsdp *r = find_rsdp();
	bool wide;
	const struct sdt *root;

	if (!r)
		return NULL;
	wide = r->revision >= 2 && r->xsdt;
	root = table_at(wide ? r->xsdt : r->rsdt);
	if (!root)
		return NULL;
	for (u32 off = sizeof(*root); off + (wide ? 8 : 4) <= root->length; off += wide ? 8 : 4) {
		const char *e = (const char *)root + off;
		u64 p = 0;
		const struct sdt *t;

		memcpy(&p, e, wide ? 8 : 4);
		t = table_at(p);
		if (t && !memcmp(t->signature, signature, 4))
			return t;
	}
	return NULL;
}

static void add_cpu(u32 apic_id, u32 flags)
{
	if ((flags & 1) && acpi.nr_cpus < MAX_CPUS && apic_id < 255)
		acpi.apic_ids[acpi.nr_cpus++] = apic_id;
}

static void madt_entry(const u8 *e)
{
	u32 word;

	switch (e[0]) {
	case 0: /* local APIC */
		memcpy(&word, e + 4, 4);
		add_cpu(e[3], word);
		break;
	case 1: /* IOAPIC */
		if (acpi.nr_ioapics == MAX_IOAPICS || e[1] < 12)
			break;
		memcpy(&word, e + 4, 4);
		acpi.ioapics[acpi.nr_ioapics].addr = word;
		memcpy(&word, e + 8, 4);
		acpi.ioapics[acpi.nr_ioapics++].gsi_base = word;
		break;
	case 2: /* interrupt source override: ISA line e[3] arrives at another pin */
		if (e[1] < 10 || e[3] >= 16)
			break;
		memcpy(&word, e + 4, 4);
		acpi.isa[e[3]].gsi = word;
		acpi.isa[e[3]].active_low = (e[8] & 3) == 3;
		acpi.isa[e[3]].level = (e[8] >> 2 & 3) == 3;
		break;
	}
}

static void parse_madt(void)
{
	const struct sdt *t = find_table("APIC");
	u32 word;

	for (int i = 0; i < 16; i++)
		acpi.isa[i].gsi = i;
	acpi.lapic_addr = 0xfee00000;
	if (!t)
		return;
	memcpy(&word, (const char *)t + 36, 4);
	acpi.lapic_addr = word;
	for (u32 off = 44; off + 2 <= t->length;) {
		const u8 *e = (const u8 *)t + off;

		if (e[1] < 8 || off + e[1] > t->length)
			break;
		madt_entry(e);
		off += e[1];
	}
}

/* A small integer of AML: bytes for Zero, One, BytePrefix n. */
static u16 aml_small(const u8 **p)
{
	u8 op = *(*p)++;

	return op == 0x0a ? *(*p)++ : op;
}

static void parse_s5(const struct sdt *dsdt)
{
	const u8 *p = (const u8 *)dsdt, *end = p + dsdt->length - 12;

	for (p += sizeof(*dsdt); p < end; p++) {
		if (memcmp(p, "_S5_\x12", 5)) /* Name followed by PackageOp */
			continue;
		p += 5;
		p += (*p >> 6) + 1; /* package length */
		p++; /* number of elements */
		acpi.s5_typ_a = aml_small(&p);
		acpi.s5_typ_b = aml_small(&p);
		acpi.has_s5 = true;
		return;
	}
}

static void parse_fadt(void)
{
	const struct sdt *t = find_table("FACP"), *dsdt;
	const u8 *f = (const u8 *)t;
	u32 word;

	if (!t || t->length < 116)
		return;
	memcpy(&word, f + 64, 4);
	acpi.pm1a_cnt = word;
	memcpy(&word, f + 68, 4);
	acpi.pm1b_cnt = word;
	if (t->length >= 129) {
		acpi.reset_space = f[116];
		memcpy(&acpi.reset_addr, f + 120, 8);
		acpi.reset_value = f[128];
	}
	memcpy(&word, f + 40, 4);
	dsdt = table_at(word);
	if (dsdt)
		parse_s5(dsdt);
}

void acpi_init(void)
{
	parse_madt();
	parse_fadt();
	if (!acpi.nr_cpus)
		pr_info("acpi: no MADT, one CPU");
}
