/* SPDX-License-Identifier: MIT */
/*
 * PCI (Local Bus Specification 3.0) as a device sees it: one function on bus 0. The device fills ids
 * and BARs, adds capabilities, and calls pci_add(); from then on pci.c keeps the configuration space.
 */
#pragma once
#include <linux/pci_regs.h>

#include "vm.h"

#define PCI_BARS 6
#define PCI_FREE_SLOT 0xff
#define PCI_DEVFN(slot, fn) ((slot) << 3 | (fn))
#define PCI_LINE(slot) (((slot)-1) & 2 ? 11 : 10) /* as SeaBIOS connects the pins A */
#define MSIX_MAX 8

struct pci_function {
	/* what the guest reads, little-endian, and MSI-X: of the machine's state, up to `writable` */
	uint8_t config[256];
	uint32_t msix[MSIX_MAX][4]; /* address, its upper half, data, control */
	uint8_t pending; /* bits: vectors that were signalled while masked */
	uint8_t writable[256]; /* bits of config that the guest may write */
	struct region bar[PCI_BARS]; /* size: a power of two, or 0 for none; start is pci.c's */
	const char *name, *behind; /* for `vm explain`; behind: or NULL */
	const uint64_t *requests; /* or NULL */
	void (*written)(struct machine *m, struct pci_function *f); /* something was; or NULL */
	void (*moved)(struct machine *m,
		      struct pci_function *f); /* a BAR has a new start; or NULL */
	/* pci.c's own */
	uint8_t devfn, next_capability, msix_at;
	bool level; /* of its interrupt, before the guest's "disable"; its device's to restore */
	unsigned int vectors; /* of MSI-X */
	struct pci_function *next;
};

/* The bus, and its host bridge in slot 0; comes with the first function, too. */
struct pci_function *pci_init(struct machine *m);
void pci_set(struct pci_function *f, unsigned int reg, unsigned int size, uint32_t v);
uint32_t pci_get(const struct pci_function *f, unsigned int reg, unsigned int size);
/* class: base, sub, interface. */
void pci_identify(struct pci_function *f, uint16_t vendor, uint16_t device, uint32_t class);
/* A capability of size bytes, the first two are filled in; where it is. */
uint8_t pci_add_capability(struct pci_function *f, uint8_t id, uint8_t size);
/* MSI-X with n vectors, in a BAR of its own; before pci_add(). */
void pci_add_msix(struct pci_function *f, unsigned int bar, unsigned int n);
/* devfn: PCI_DEVFN(), or PCI_FREE_SLOT. */
void pci_add(struct machine *m, struct pci_function *f, uint8_t devfn);
/* The function wants its interrupt line (pin A) up or down. */
void pci_interrupt(struct machine *m, struct pci_function *f, bool level);
void pci_each(void (*fn)(const struct pci_function *f)); /* by slot and number */
bool pci_msix_on(const struct pci_function *f);
void pci_msix_signal(struct machine *m, struct pci_function *f, unsigned int vector);
