/* SPDX-License-Identifier: MIT */
/*
 * A SATA disk at the first port of an ICH9's controller (Serial ATA AHCI 1.3.1; ATA8-ACS). Commands lie in a list in
 * the guest's memory; each is done by the time the write that issues it ends, so nothing is ever under
 * way. What is written there of the disk's answer is its status alone.
 */
#include "pci.h"

#define VENDOR_INTEL 0x8086
#define ICH9_AHCI 0x2922
#define CLASS_AHCI 0x010601
#define BAR 5
#define SLOTS 32
#define SECTOR 512

/* Registers of 32 bits: the controller's, and from PORT on its port's. */
enum { CAP, GHC, IS, PORTS_THERE, VERSION, PORT = 64 };
enum { CLB = PORT, FB = PORT + 2, PORT_IS = PORT + 4, IE, CMD, TFD = PORT + 8, SIGNATURE, SSTS };
enum { SCTL = SSTS + 1, SERR, SACT, CI, REGISTERS = 1024 };
#define CAPABILITIES (1U << 31 | 1 << 30 | 1 << 20 | (SLOTS - 1) << 8) /* 64 bits, NCQ */
#define GHC_ENABLE (1U << 31)
#define GHC_INTERRUPTS (1U << 1)
enum { IS_REGISTERS = 1, IS_BITS = 8, IS_ERROR = 1 << 30 }; /* which kind of answer came */
enum { CMD_START = 1, CMD_FIS = 0x10, CMD_SETTABLE = 0x17 }; /* both are told of at bit 15, 14 */
enum { CLB_SETTABLE = ~0x3ff, FB_SETTABLE = ~0xff }; /* their places are aligned */
enum { SSTS_ACTIVE = 0x113, TFD_GOOD = 0x50, TFD_ABORTED = 0x451, SIGNATURE_DISK = 0x101 };
enum { FIS_REGISTERS = 0x40, FIS_KIND = 0x4034 }; /* where an answer is put; how it begins */

/* commands; the last two have their count where others have features */
enum { READ_EXT = 0x25, WRITE_EXT = 0x35, FLUSH = 0xe7, FLUSH_EXT = 0xea, IDENTIFY = 0xec };
enum { READ_DMA = 0xc8, WRITE_DMA = 0xca, SET_FEATURES = 0xef, READ_QUEUED = 0x60, WRITE_QUEUED };

struct header {
	uint16_t flags, pieces; /* of memory, at 0x80 of the table */
	uint32_t moved; /* nobody looks there who is told of errors */
	uint64_t table, reserved[2];
};
struct piece {
	uint64_t at;
	uint32_t reserved, last; /* byte, in 22 bits */
};

static uint32_t regs[REGISTERS];
static struct {
	int fd;
	bool read_only;
	uint64_t sectors;
} disk;
static struct pci_function ahci = { .name = "SATA controller" };

static uint64_t address(unsigned int reg)
{
	return regs[reg] | (uint64_t)regs[reg + 1] << 32;
}

/* Something of the guest's memory, once; zeros where there is none. */
static void fetch(struct machine *m, uint64_t at, void *to, size_t n)
{
	const void *p = guest_memory(m, at, n, false);

	p ? memcpy(to, p, n) : memset(to, 0, n);
}

/* The pieces of memory of a command, one after another, to or from the disk, or from data; false: an error. */
static bool move(struct machine *m, struct header *h, const uint8_t *data, uint64_t at,
		 uint64_t size, bool in)
{
	struct piece p;
	void *to;

	for (uint64_t n, next = h->table + 0x80; size; at += n, size -= n, next += sizeof(p)) {
		fetch(m, next, &p, sizeof(p));
		n = (p.last & 0x3fffff) + 1;
		n = n < size ? n : size;
		to = guest_memory(m, p.at, n, in);
		if (!to || !h->pieces--)
			return false;
		if (data)
			memcpy(to, data + at, n);
		else if ((in ? pread(disk.fd, to, n, at) : pwrite(disk.fd, to, n, at)) !=
			 (ssize_t)n)
			return false;
	}
	return true;
}

/* Other than of an IDE disk: there are queues. */
static bool identify(struct machine *m, struct header *h)
{
	uint16_t words[SECTOR / 2];

	ata_identify((uint8_t *)words, disk.sectors, 0);
	words[75] = SLOTS - 1;
	words[76] = 0x106;
	return move(m, h, (uint8_t *)words, 0, SECTOR, true);
}

/* False: it is none, or failed. */
static bool command(struct machine *m, struct header *h, const uint8_t *fis)
{
	uint64_t sector = fis[4] | fis[5] << 8 | fis[6] << 16 | (uint64_t)fis[8] << 24 |
			  (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
	uint32_t n = fis[12] | fis[13] << 8;
	bool in = fis[2] == READ_DMA || fis[2] == READ_QUEUED || fis[2] == READ_EXT;

	switch (fis[2]) {
	case IDENTIFY:
		return identify(m, h);
	case SET_FEATURES:
		return true;
	case FLUSH:
	case FLUSH_EXT:
		return !fsync(disk.fd) || errno == EINVAL;
	case READ_DMA:
	case WRITE_DMA:
		sector = (sector & 0xffffff) | (fis[7] & 15) << 24;
		n = fis[12] ? fis[12] : 256;
		break;
	case READ_QUEUED:
	case WRITE_QUEUED:
		n = fis[3] | fis[11] << 8;
		break;
	case READ_EXT:
	case WRITE_EXT:
		break;
	default:
		return false;
	}
	n = n ? n : 65536;
	return (in || !disk.read_only) && sector < disk.sectors && n <= disk.sectors - sector &&
	       move(m, h, NULL, sector * SECTOR, (uint64_t)n * SECTOR, in);
}

static void run_slot(struct machine *m, unsigned int slot)
{
	uint32_t *answer = guest_memory(m, address(FB) + FIS_REGISTERS, sizeof(*answer), true);
	struct header h;
	uint8_t fis[16];
	bool queued, good;

	fetch(m, address(CLB) + slot * sizeof(h), &h, sizeof(h));
	fetch(m, h.table, fis, sizeof(fis));
	queued = fis[2] == READ_QUEUED || fis[2] == WRITE_QUEUED;
	good = command(m, &h, fis);
	regs[TFD] = good ? TFD_GOOD : TFD_ABORTED;
	regs[PORT_IS] |= (queued ? IS_BITS : IS_REGISTERS) | (good ? 0 : IS_ERROR);
	if (answer && !queued)
		*answer = FIS_KIND | regs[TFD] << 16;
	if (good) { /* else it stands until the guest starts the port anew */
		regs[CI] &= ~(1U << slot);
		regs[SACT] &= ~(1U << slot);
	}
}

static void write_register(struct machine *m, unsigned int reg, uint32_t v)
{
	if (reg == GHC) {
		regs[GHC] = GHC_ENABLE | (v & GHC_INTERRUPTS);
	} else if (reg == IS || reg == PORT_IS || reg == SERR) { /* ones clear */
		regs[reg] &= ~v;
	} else if (reg == CMD) {
		regs[CMD] = (v & CMD_SETTABLE) | (v & CMD_FIS) << 10 | (v & CMD_START) << 15;
		if (!(v & CMD_START))
			regs[CI] = regs[SACT] = 0;
	} else if (reg == SACT || reg == CI) {
		regs[reg] |= v;
		for (unsigned int i = 0; i < SLOTS && regs[CMD] & CMD_START && reg == CI; i++)
			if (v >> i & 1)
				run_slot(m, i);
	} else if ((reg >= CLB && reg < TFD) || reg == SCTL) {
		regs[reg] = v & (reg == CLB ? CLB_SETTABLE : reg == FB ? FB_SETTABLE : ~0U);
	}
	if (regs[PORT_IS] & regs[IE])
		regs[IS] = 1;
	pci_interrupt(m, &ahci, regs[GHC] & GHC_INTERRUPTS && regs[IS]);
}

static void ahci_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
			unsigned int size)
{
	uint32_t *v = data;

	for (unsigned int i = 0; i < size / 4 && !(offset % 4); i++)
		if (in)
			v[i] = regs[offset / 4 + i];
		else
			write_register(m, offset / 4 + i, v[i]);
}

bool ahci_disk(struct machine *m, const char *option)
{
	size_t n = strlen(option);
	const char *path;

	if (n < 6 || strcmp(option + n - 5, ",sata"))
		return false;
	if (disk.sectors)
		die(STATUS_USAGE, "--disk %s: there is one SATA disk at most", option);
	path = copy_text(option, n - 5);
	disk.read_only = access(path, W_OK) < 0;
	disk.fd = disk_open(path, disk.read_only, &disk.sectors);
	disk.sectors /= SECTOR;
	regs[CAP] = CAPABILITIES;
	regs[GHC] = GHC_ENABLE;
	regs[PORTS_THERE] = 1;
	regs[VERSION] = 0x10300;
	regs[SSTS] = SSTS_ACTIVE;
	regs[TFD] = TFD_GOOD;
	regs[SIGNATURE] = SIGNATURE_DISK;
	ahci.behind = path;
	ahci.bar[BAR] = (struct region){ .space = MEMORY, .size = PAGE, .access = ahci_access };
	pci_identify(&ahci, VENDOR_INTEL, ICH9_AHCI, CLASS_AHCI);
	ahci.config[PCI_INTERRUPT_PIN] = 1;
	pci_add(m, &ahci, PCI_FREE_SLOT);
	snapshot_cannot("it has a SATA disk");
	return true;
}
