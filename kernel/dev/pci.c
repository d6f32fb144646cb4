/* SPDX-License-Identifier: MIT */
/*
 * PCI (Local Bus Specification 3.0): configuration space through the ports 0xcf8 and 0xcfc, the
 * functions behind it, their memory and MSI-X. The firmware has numbered the buses and placed the
 * BARs; nothing is moved. A machine without PCI costs two port accesses.
 *
 * pci_lock makes address and data one access.
 */
#include "dev/pci.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc
#define CONFIG_ENABLE 0x80000000U

#define PCI_VENDOR 0x00
#define PCI_DEVICE 0x02
#define PCI_STATUS 0x06
#define STATUS_CAPABILITIES 0x10U
#define PCI_HEADER 0x0e
#define HEADER_MULTI 0x80U /* more than function 0 */
#define HEADER_BRIDGE 1U
#define PCI_BAR0 0x10
#define BAR_IO 1U
#define BAR_64 4U
#define PCI_SECONDARY_BUS 0x19
#define PCI_CAPABILITIES 0x34
#define CAPABILITIES_MAX 48 /* as many as fit: a list that goes round ends */

#define MSIX_CONTROL 2 /* offsets in the capability */
#define MSIX_TABLE 4
#define MSIX_ENABLE 0x8000U
#define MSIX_SIZE 0x7ffU /* entries, less one */
#define MSIX_BIR 7U
#define MSIX_ENTRY 4 /* words: address, its upper half, data, control */
#define MSIX_MASKED 1U

static spinlock_t pci_lock;

static void select(const struct pci_dev *d, unsigned int reg)
{
	outl(CONFIG_ADDRESS,
	     CONFIG_ENABLE | d->bus << 16 | d->slot << 11 | d->fn << 8 | (reg & 0xfc));
}

u32 pci_read(const struct pci_dev *d, unsigned int reg, unsigned int size)
{
	u32 v;

	spin_lock(&pci_lock);
	select(d, reg);
	v = inl(CONFIG_DATA);
	spin_unlock(&pci_lock);
	return (u64)v >> 8 * (reg & 3) & (BIT(8 * size) - 1);
}

void pci_write(const struct pci_dev *d, unsigned int reg, unsigned int size, u32 v)
{
	u16 port = CONFIG_DATA + (reg & 3);

	spin_lock(&pci_lock);
	select(d, reg);
	if (size == 1)
		outb(port, v);
	else if (size == 2)
		outw(port, v);
	else
		outl(port, v);
	spin_unlock(&pci_lock);
}

unsigned int pci_capability(const struct pci_dev *d, unsigned int id, unsigned int after)
{
	unsigned int at = after ? pci_read(d, after + 1, 1) : pci_read(d, PCI_CAPABILITIES, 1);

	if (!(pci_read(d, PCI_STATUS, 2) & STATUS_CAPABILITIES))
		return 0;
	for (unsigned int n = 0; n < CAPABILITIES_MAX && at >= 0x40; n++) {
		at &= 0xfc;
		if (pci_read(d, at, 1) == id)
			return at;
		at = pci_read(d, at + 1, 1);
	}
	return 0;
}

volatile void *pci_map(const struct pci_dev *d, unsigned int bar, u32 off, u32 len)
{
	unsigned int reg = PCI_BAR0 + 4 * bar;
	paddr_t base;
	u32 low;

	if (bar > 5)
		return NULL;
	low = pci_read(d, reg, 4);
	base = low & ~15UL;
	if (low & BAR_64 && bar < 5)
		base |= (u64)pci_read(d, reg + 4, 4) << 32;
	if (low & BAR_IO || !base) /* ports, or not placed by the firmware */
		return NULL;
	return ioremap(base + off, len, false);
}

int pci_msix_init(struct pci_dev *d)
{
	unsigned int cap = pci_capability(d, PCI_CAP_MSIX, 0);
	u32 control, table;

	if (!cap)
		return -ENODEV;
	control = pci_read(d, cap + MSIX_CONTROL, 2);
	table = pci_read(d, cap + MSIX_TABLE, 4);
	d->nr_msix = (control & MSIX_SIZE) + 1;
	d->msix = pci_map(d, table & MSIX_BIR, table & ~MSIX_BIR, d->nr_msix * MSIX_ENTRY * 4);
	if (!d->msix)
		return -ENODEV;
	pci_write(d, cap + MSIX_CONTROL, 2, control | MSIX_ENABLE);
	return 0; /* after a reset every entry is masked: 6.8.2.9 */
}

void pci_msix_off(struct pci_dev *d)
{
	unsigned int cap = pci_capability(d, PCI_CAP_MSIX, 0);

	if (cap)
		pci_write(d, cap + MSIX_CONTROL, 2,
			  pci_read(d, cap + MSIX_CONTROL, 2) & ~MSIX_ENABLE);
}

int pci_msix_request(struct pci_dev *d, unsigned int n, void (*handler)(void *arg), void *arg)
{
	struct irq_message msg;
	int err = n < d->nr_msix ? irq_request_message(handler, arg, &msg) : -ENOSPC;

	if (err)
		return err;
	d->msix[n * MSIX_ENTRY] = msg.addr;
	d->msix[n * MSIX_ENTRY + 1] = 0;
	d->msix[n * MSIX_ENTRY + 2] = msg.data;
	d->msix[n * MSIX_ENTRY + 3] &= ~MSIX_MASKED;
	return 0;
}

/* Each function of the bus, and of those behind its bridges, which the firmware numbered upwards. */
static void scan_bus(unsigned int bus, void (*probe)(const struct pci_dev *d))
{
	for (unsigned int n = 0; n < 256; n++) { /* slot and function, as on the wire */
		struct pci_dev d = { .bus = bus, .slot = n >> 3, .fn = n & 7 };
		u32 header, below;

		d.vendor = pci_read(&d, PCI_VENDOR, 2);
		if (d.vendor == 0xffff) {
			n |= d.fn ? 0 : 7;
			continue;
		}
		d.device = pci_read(&d, PCI_DEVICE, 2);
		header = pci_read(&d, PCI_HEADER, 1);
		pci_write(&d, PCI_COMMAND, 2, pci_read(&d, PCI_COMMAND, 2) | PCI_COMMAND_NO_INTX);
		probe(&d);
		below = pci_read(&d, PCI_SECONDARY_BUS, 1);
		if ((header & ~HEADER_MULTI) == HEADER_BRIDGE && below > bus)
			scan_bus(below, probe);
		if (!d.fn && !(header & HEADER_MULTI))
			n |= 7;
	}
}

void pci_scan(void (*probe)(const struct pci_dev *d))
{
	outl(CONFIG_ADDRESS, CONFIG_ENABLE);
	if (inl(CONFIG_ADDRESS) == CONFIG_ENABLE)
		scan_bus(0, probe);
}
