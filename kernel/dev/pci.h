/* SPDX-License-Identifier: MIT */
/* PCI as drivers see it: a function's configuration space, its memory, its interrupts. */
#pragma once
#include "mm/mm.h"

struct pci_dev {
	u8 bus, slot, fn;
	u16 vendor, device;
	volatile u32 *msix; /* its MSI-X table, once pci_msix_init() has found it */
	unsigned int nr_msix; /* entries there */
};
#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 2U
#define PCI_COMMAND_MASTER 4U
#define PCI_COMMAND_NO_INTX 0x400U
#define PCI_INTERRUPT_LINE 0x3c
#define PCI_CAP_VENDOR 0x09
#define PCI_CAP_MSIX 0x11

/* size: 1, 2 or 4 bytes at reg, which is aligned to it. */
u32 pci_read(const struct pci_dev *d, unsigned int reg, unsigned int size);
void pci_write(const struct pci_dev *d, unsigned int reg, unsigned int size, u32 v);
/* The offset of the capability id behind the one at after (0: from the start); 0: there is none. */
unsigned int pci_capability(const struct pci_dev *d, unsigned int id, unsigned int after);
/* Maps len bytes at off of memory BAR number bar (0-5), uncached. NULL: not there, or ports. */
volatile void *pci_map(const struct pci_dev *d, unsigned int bar, u32 off, u32 len);
/* Switches MSI-X on, all entries masked. 0; -ENODEV: the function has none. */
int pci_msix_init(struct pci_dev *d);
void pci_msix_off(struct pci_dev *d); /* it has its line instead */
/* Entry n of the table interrupts handler(arg) from now on. 0; -ENOSPC. */
int pci_msix_request(struct pci_dev *d, unsigned int n, void (*handler)(void *arg), void *arg);
/* Calls probe for each function of the machine with a copy of its own to keep; none uses its interrupt
 * line until its driver allows it: what nobody answers would hold a line for all on it. */
void pci_scan(void (*probe)(const struct pci_dev *d));

/* virtio.c: finds the devices; virtio_blk.c, virtio_net.c drive them. */
void virtio_init(void);
