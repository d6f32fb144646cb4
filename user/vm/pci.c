/* SPDX-License-Identifier: MIT */
/*
 * The PCI bus: configuration space by mechanism 1 (PCI Local Bus Specification 3.0, 3.2.2.3.2), with
 * a host bridge in slot 0 that old systems know: Intel's 440FX. BARs are placed here, as firmware would,
 * in the window that the ACPI tables tell of; a guest may place them anew. Interrupts are pins A, on
 * lines 10 and 11 that functions share, or messages.
 */
#include "pci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE (1U << 31)
#define FIRST_PORT 0xc000
#define VENDOR_INTEL 0x8086
#define DEVICE_440FX 0x1237
#define CLASS_HOST_BRIDGE 0x060000
#define MSIX_PBA 0x800 /* in the BAR; the table is at 0 */
#define MSIX_ENTRY sizeof(((struct pci_function *)0)->msix[0])

static struct pci_function *functions;
static uint32_t address; /* what was written to CONFIG_ADDRESS */

/* ---- configuration space ---- */

void pci_set(struct pci_function *f, unsigned int reg, unsigned int size, uint32_t v)
{
	memcpy(f->config + reg, &v, size);
}

uint32_t pci_get(const struct pci_function *f, unsigned int reg, unsigned int size)
{
	uint32_t v = 0;

	memcpy(&v, f->config + reg, size);
	return v;
}

static unsigned int bar_register(unsigned int i)
{
	return PCI_BASE_ADDRESS_0 + 4 * i;
}

/* Regions answer where the BARs say, as far as the command register lets them. */
static void decode(struct machine *m, struct pci_function *f)
{
	uint16_t command = pci_get(f, PCI_COMMAND, 2);
	bool moved = false;

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct region *r = &f->bar[i];
		bool on = command & (r->space == PORTS ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY);
		uint64_t start = pci_get(f, bar_register(i), 4) & ~(r->size - 1);

		if (!r->size)
			continue;
		if (!on || !start)
			start = NOWHERE;
		moved |= start != r->start;
		r->start = start;
	}
	if (moved && f->moved)
		f->moved(m, f);
}

static struct pci_function *find(uint8_t devfn)
{
	for (struct pci_function *f = functions; f; f = f->next)
		if (f->devfn == devfn)
			return f;
	return NULL;
}

static void update_line(struct machine *m, struct pci_function *f);
static void deliver_pending(struct machine *m, struct pci_function *f);

static void config_write(struct machine *m, struct pci_function *f, unsigned int reg,
			 const uint8_t *data, unsigned int size)
{
	for (unsigned int i = reg; i < reg + size; i++)
		f->config[i] = (f->config[i] & ~f->writable[i]) | (data[i - reg] & f->writable[i]);
	if (f->written)
		f->written(m, f);
	decode(m, f);
	update_line(m, f);
	deliver_pending(m, f);
}

/* The address, whole, and behind it what it chooses; on bus 0 alone. */
static void config_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
			  unsigned int size)
{
	struct pci_function *f = find(address >> 8 & 0xff);
	unsigned int reg = (address & 0xfc) + offset % 4;

	if (offset < CONFIG_DATA - CONFIG_ADDRESS) {
		if (!offset && size == 4)
			memcpy(in ? data : &address, in ? &address : data, 4);
	} else if (f && address & CONFIG_ENABLE && !(address >> 16 & 0xff)) {
		if (in)
			memcpy(data, f->config + reg, size);
		else
			config_write(m, f, reg, data, size);
	}
}

/* ---- what a function is made of ---- */

void pci_identify(struct pci_function *f, uint16_t vendor, uint16_t device, uint32_t class)
{
	pci_set(f, PCI_VENDOR_ID, 2, vendor);
	pci_set(f, PCI_DEVICE_ID, 2, device);
	pci_set(f, PCI_CLASS_PROG, 3, class);
}

uint8_t pci_add_capability(struct pci_function *f, uint8_t id, uint8_t size)
{
	uint8_t at = f->next_capability ? f->next_capability : PCI_STD_HEADER_SIZEOF;

	f->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	f->config[at] = id;
	f->config[at + 1] = f->config[PCI_CAPABILITY_LIST];
	f->config[PCI_CAPABILITY_LIST] = at;
	f->next_capability = at + ((size + 3) & ~3);
	return at;
}

/* A place for each BAR, aligned as large as it is. */
static void place_bars(struct pci_function *f)
{
	static uint32_t next[] = { [PORTS] = FIRST_PORT, [MEMORY] = PCI_WINDOW };

	for (unsigned int i = 0; i < PCI_BARS; i++) {
		struct region *r = &f->bar[i];
		uint32_t mask = -r->size, *at = &next[r->space];

		if (!r->size)
			continue;
		*at = (*at + r->size - 1) & mask;
		pci_set(f, bar_register(i), 4, *at | (r->space == PORTS));
		memcpy(f->writable + bar_register(i), &mask, 4);
		*at += r->size;
		r->start = NOWHERE;
	}
}

/* Whatever it says: the guest reads it, and regions may be anywhere. */
static const char *restored(struct machine *m, struct kept *k)
{
	struct pci_function *f = k->device;

	if (f->written)
		f->written(m, f);
	decode(m, f);
	update_line(m, f);
	return NULL;
}

static uint8_t free_slot(void)
{
	for (unsigned int slot = 1; slot < 32; slot++)
		if (!find(PCI_DEVFN(slot, 0)))
			return PCI_DEVFN(slot, 0);
	die(STATUS_USAGE, "too many devices: a PCI bus has 31 slots");
}

void pci_add(struct machine *m, struct pci_function *f, uint8_t devfn)
{
	static const uint16_t command =
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE;
	struct pci_function *first;

	if (devfn)
		pci_init(m);
	f->devfn = devfn == PCI_FREE_SLOT ? free_slot() : devfn;
	f->next = functions;
	functions = f;
	first = find(f->devfn & ~7);
	if (f->devfn & 7 && first)
		first->config[PCI_HEADER_TYPE] |= 0x80; /* more functions than one */
	if (f->config[PCI_INTERRUPT_PIN])
		f->config[PCI_INTERRUPT_LINE] = PCI_LINE(f->devfn >> 3);
	memcpy(f->writable + PCI_COMMAND, &command, 2);
	f->writable[PCI_INTERRUPT_LINE] = f->writable[PCI_CACHE_LINE_SIZE] =
		f->writable[PCI_LATENCY_TIMER] = 0xff;
	place_bars(f);
	snapshot_keep(.id = "pci", .index = f->devfn, KEPT_PART(f, config, writable),
		      .restored = restored, .device = f);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		if (f->bar[i].size)
			bus_add(m, &f->bar[i]);
	if (m->firmware)
		return;
	pci_set(f, PCI_COMMAND, 2, PCI_COMMAND_IO | PCI_COMMAND_MEMORY); /* as firmware leaves it */
	decode(m, f);
}

struct pci_function *pci_init(struct machine *m)
{
	static struct pci_function bridge = { .name = "host bridge" };

	if (find(0))
		return &bridge; /* it is there */
	bus_add_ports(m, "PCI", CONFIG_ADDRESS, 8, 0, config_access, NULL);
	snapshot_keep(.id = "pciaddr", .data = &address, .size = sizeof(address));
	pci_identify(&bridge, VENDOR_INTEL, DEVICE_440FX, CLASS_HOST_BRIDGE);
	pci_add(m, &bridge, 0);
	return &bridge;
}

void pci_each(void (*fn)(const struct pci_function *f))
{
	for (int devfn = 0; devfn < PCI_FREE_SLOT; devfn++)
		if (find(devfn))
			fn(find(devfn));
}

/* ---- interrupts ---- */

static bool asserts(const struct pci_function *f)
{
	return f->level && !(pci_get(f, PCI_COMMAND, 2) & PCI_COMMAND_INTX_DISABLE);
}

/* A line is up as long as one of those that share it wants so. */
static void update_line(struct machine *m, struct pci_function *f)
{
	static uint16_t up; /* bits: lines, as the kernel knows them */
	unsigned int line = PCI_LINE(f->devfn >> 3);
	bool level = false;

	f->config[PCI_STATUS] &= ~PCI_STATUS_INTERRUPT;
	f->config[PCI_STATUS] |= f->level ? PCI_STATUS_INTERRUPT : 0;
	for (const struct pci_function *o = functions; o; o = o->next)
		level |= PCI_LINE(o->devfn >> 3) == line && asserts(o);
	if (level == !!(up & 1 << line))
		return;
	up ^= 1 << line;
	irq_line(m, line, level);
}

void pci_interrupt(struct machine *m, struct pci_function *f, bool level)
{
	f->level = level;
	update_line(m, f);
}

/* ---- MSI-X: 6.8.2 ---- */

static uint16_t msix_control(const struct pci_function *f)
{
	return f->msix_at ? pci_get(f, f->msix_at + PCI_MSIX_FLAGS, 2) : 0;
}

bool pci_msix_on(const struct pci_function *f)
{
	return msix_control(f) & PCI_MSIX_FLAGS_ENABLE;
}

static bool msix_masked(const struct pci_function *f, unsigned int vector)
{
	return msix_control(f) & PCI_MSIX_FLAGS_MASKALL ||
	       f->msix[vector][3] & PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

void pci_msix_signal(struct machine *m, struct pci_function *f, unsigned int vector)
{
	struct kvm_msi msi = { 0 };

	if (vector >= f->vectors || !pci_msix_on(f))
		return;
	if (msix_masked(f, vector)) {
		f->pending |= 1 << vector;
		return;
	}
	f->pending &= ~(1 << vector);
	msi.address_lo = f->msix[vector][0];
	msi.address_hi = f->msix[vector][1];
	msi.data = f->msix[vector][2];
	ioctl(m->vm, KVM_SIGNAL_MSI, &msi);
}

static void deliver_pending(struct machine *m, struct pci_function *f)
{
	for (unsigned int i = 0; i < f->vectors; i++)
		if (f->pending & 1 << i)
			pci_msix_signal(m, f, i);
}

static void msix_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
			unsigned int size)
{
	struct pci_function *f = device;
	uint8_t *table = (uint8_t *)f->msix;
	uint64_t pending = f->pending;

	if (offset + size <= f->vectors * MSIX_ENTRY) {
		memcpy(in ? data : table + offset, in ? table + offset : data, size);
		deliver_pending(m, f);
	} else if (in) {
		memset(data, 0, size);
		if (offset >= MSIX_PBA && offset + size <= MSIX_PBA + sizeof(pending))
			memcpy(data, (uint8_t *)&pending + offset - MSIX_PBA, size);
	}
}

void pci_add_msix(struct pci_function *f, unsigned int bar, unsigned int n)
{
	f->msix_at = pci_add_capability(f, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	pci_set(f, f->msix_at + PCI_MSIX_FLAGS, 2, n - 1);
	f->writable[f->msix_at + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	pci_set(f, f->msix_at + PCI_MSIX_TABLE, 4, bar);
	pci_set(f, f->msix_at + PCI_MSIX_PBA, 4, MSIX_PBA | bar);
	f->vectors = n;
	for (unsigned int i = 0; i < n; i++)
		f->msix[i][3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	f->bar[bar] = (struct region){
		.space = MEMORY, .size = PAGE, .access = msix_access, .device = f
	};
}
