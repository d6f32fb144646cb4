/* SPDX-License-Identifier: MIT */
/*
 * Two IDE channels at the ports that PCs always had them (ATA/ATAPI-6, INCITS 361; MMC-3 for the CD), each with
 * one disk or two, or the second with a CD. The registers are the channel's: two disks would have each its own,
 * but all are written at once, and read of the one that is selected. Data goes by PIO, through a buffer of a
 * channel: a block of it is ready, or wanted, whenever DRQ is set; a disk's by DMA, too (Bus Master IDE Controller 1.0,
 * Intel 1994), all at once when both the command and the bus master's start have come. On the PCI bus they are a PIIX3's
 * function, which is how newer firmware finds them. Another function of that chip leads kernels that read no
 * ACPI tables to the port that switches the machine off.
 */
#include "pci.h"

#define VENDOR_INTEL 0x8086
#define PIIX3_ISA 0x7000
#define PIIX3_IDE 0x7010
#define PIIX4_PM 0x7113
#define PM_BASE 0x40 /* of it: where ACPI's ports are, and 1 */
#define PM_ACTIVE 0x58
#define PM_ACTIVE_APMC (1 << 25) /* nothing is left to do in system management mode */
#define CLASS_ISA_BRIDGE 0x060100
#define CLASS_BRIDGE_OTHER 0x068000
#define CLASS_IDE 0x010180 /* at the old ports, with a bus master, whose ports BAR 4 places: */
#define MASTER_BAR 4
#define MASTER_PORTS 8 /* of each channel */
#define DECODES 0x40 /* of each channel 16 bits of timing; the highest: it is on */

#define SECTOR 512
#define CD_SECTOR 2048
#define MULTIPLE 16 /* sectors of a block of READ MULTIPLE at most */
#define LBA28_END (1UL << 28)
#define CD_BYTES_MOST 0xf000 /* of one PIO block, should the guest not say */
#define BUFFER 0x10000 /* of a channel: more than any block */
#define PACKET 12

enum { DATA, ERROR, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS, REGISTERS };
enum { ERR = 1, DRQ = 8, DSC = 0x10, DRDY = 0x40 }; /* status */
enum { ABORT = 4, NOT_FOUND = 0x10 }; /* error */
enum { DEVICE_SLAVE = 0x10, DEVICE_LBA = 0x40, DEVICE_ONES = 0xa0 };
enum { CONTROL_NO_IRQ = 2, CONTROL_RESET = 4, CONTROL_HIGH = 0x80 };
enum { REASON_COMMAND = 1, REASON_TO_HOST = 2 }; /* ATAPI: what COUNT says of the transfer */

/* the bus master's registers, the last of 32 bits; start is of the command, and told of by the status while it lasts */
enum { MASTER_COMMAND, MASTER_STATUS = 2, MASTER_TABLE = 4 };
enum { MASTER_START = 1, MASTER_ERROR = 2, MASTER_INTERRUPT = 4 };
enum { MASTER_SETTABLE = 9, MASTER_DRIVES = 0x60 }; /* direction and start; the firmware's notes */

struct piece { /* of memory, in the table */
	uint32_t at;
	uint16_t size, last; /* 0: 64 KiB; its highest bit */
};

/* commands */
enum { READ_DMA = 0xc8, READ_DMA_EXT = 0x25, WRITE_DMA = 0xca, WRITE_DMA_EXT = 0x35 };
enum { DEVICE_RESET = 0x08, DIAGNOSE = 0x90, PACKET_COMMAND = 0xa0, IDENTIFY_PACKET = 0xa1 };
enum { READ = 0x20, READ_EXT = 0x24, READ_MULTIPLE = 0xc4, READ_MULTIPLE_EXT = 0x29 };
enum { WRITE = 0x30, WRITE_EXT = 0x34, WRITE_MULTIPLE = 0xc5, WRITE_MULTIPLE_EXT = 0x39 };
enum { VERIFY = 0x40, VERIFY_EXT = 0x42, FLUSH = 0xe7, FLUSH_EXT = 0xea, IDENTIFY = 0xec };
enum {
	RECALIBRATE = 0x10,
	SEEK = 0x70,
	INIT_PARAMETERS = 0x91,
	SET_MULTIPLE = 0xc6,
	STANDBY_NOW = 0xe0, /* then IDLE IMMEDIATE, STANDBY and IDLE: the disk has one state */
	IDLE_TIMER = 0xe3,
	CHECK_POWER = 0xe5,
	SLEEP = 0xe6,
	SET_FEATURES = 0xef
};
/* packets to the CD (MMC-3, SPC-3), and what REQUEST_SENSE says of the last one */
enum { TEST_UNIT_READY = 0x00, REQUEST_SENSE = 0x03, INQUIRY = 0x12, START_STOP = 0x1b };
enum { PREVENT_REMOVAL = 0x1e, READ_CAPACITY = 0x25, READ_TOC = 0x43, READ_10 = 0x28 };
enum { READ_12 = 0xa8, SENSE_ILLEGAL = 5, ASC_COMMAND = 0x20, ASC_LBA = 0x21, ASC_FIELD = 0x24 };

struct drive {
	/* of the machine's state, up to `fd` */
	unsigned int multiple;
	uint8_t heads, track; /* for who asks by cylinder, head and sector of a track */
	uint8_t sense, asc;
	int fd; /* or -1: there is none */
	bool cd, read_only;
	unsigned int sector_size;
	uint64_t sectors;
};

struct channel {
	/*
	 * Of the machine's state, up to `command`: the task file; hob: what each register had before its last
	 * write, for 48-bit commands.
	 */
	uint8_t reg[REGISTERS], hob[REGISTERS], device_control, master[MASTER_PORTS];

	/* the transfer: a block of `filled` bytes in buf, of which `at` are through; then `left` more */
	enum { IDLE, TO_GUEST, FROM_GUEST, FROM_GUEST_PACKET, DMA_TO_GUEST, DMA_FROM_GUEST } phase;
	uint8_t buf[BUFFER];
	unsigned int at, filled, block; /* block: sectors that go at once */
	uint64_t next, left; /* sectors on the medium */

	struct region command, control; /* ports; command knows the interrupt line, too */
	struct drive drives[2], *drive; /* master, slave; the one that is selected */
};

static struct channel channels[2];

static void interrupt(struct machine *m, struct channel *c)
{
	if (c->device_control & CONTROL_NO_IRQ)
		return;
	c->master[MASTER_STATUS] |= MASTER_INTERRUPT;
	/* an edge for each block, even if the guest has not read the status since the last, as Minix does not */
	irq_line(m, c->command.irq, false);
	irq_line(m, c->command.irq, true);
}

static void finish(struct machine *m, struct channel *c, uint8_t error)
{
	c->phase = IDLE;
	c->reg[ERROR] = error;
	c->reg[STATUS] = DRDY | DSC | (error ? ERR : 0);
	if (c->drive->cd)
		c->reg[COUNT] = REASON_COMMAND | REASON_TO_HOST;
	interrupt(m, c);
}

/* A block of n bytes is to go through the data port. */
static void begin_block(struct channel *c, int phase, unsigned int n)
{
	c->phase = phase;
	c->at = 0;
	c->filled = n;
	c->reg[STATUS] = DRDY | DSC | DRQ;
}

/* n bytes are in buf for the guest. */
static void offer(struct machine *m, struct channel *c, unsigned int n)
{
	begin_block(c, TO_GUEST, n);
	if (c->drive->cd) {
		c->reg[COUNT] = REASON_TO_HOST;
		c->reg[LBA_MID] = n;
		c->reg[LBA_HIGH] = n >> 8;
	}
	interrupt(m, c);
}

/* ---- reading and writing ---- */

static unsigned int next_block(const struct channel *c)
{
	return (c->left < c->block ? c->left : c->block) * c->drive->sector_size;
}

/* n bytes of buf went to the medium or came from there; as many as `done`, if all is well. */
static bool moved(struct machine *m, struct channel *c, ssize_t done, unsigned int n, uint8_t error)
{
	if (done != (ssize_t)n) {
		finish(m, c, error);
		return false;
	}
	c->next += n / c->drive->sector_size;
	c->left -= n / c->drive->sector_size;
	return true;
}

static void read_block(struct machine *m, struct channel *c)
{
	unsigned int n = next_block(c);
	ssize_t done;

	memset(c->buf, 0, n); /* the last sector may be there in part */
	done = pread(c->drive->fd, c->buf, n, c->next * c->drive->sector_size);
	if (moved(m, c, done > 0 ? n : -1, n, NOT_FOUND))
		offer(m, c, n);
}

static void write_block(struct machine *m, struct channel *c)
{
	ssize_t done = pwrite(c->drive->fd, c->buf, c->filled, c->next * c->drive->sector_size);

	if (!moved(m, c, done, c->filled, ABORT))
		return;
	if (!c->left) {
		finish(m, c, 0);
		return;
	}
	begin_block(c, FROM_GUEST, next_block(c));
	interrupt(m, c);
}

/* What the disk is to move, it moves now, if the bus master was started; to or from pieces of memory. */
static void move_directly(struct machine *m, struct channel *c)
{
	bool in = c->phase == DMA_TO_GUEST;
	uint64_t at = c->next * SECTOR, left = c->left * SECTOR;
	struct piece piece = { .last = 0 }, *p;
	ssize_t n, done;
	uint32_t table, first;
	void *memory;

	if (c->phase < DMA_TO_GUEST || !(c->master[MASTER_STATUS] & MASTER_START))
		return;
	memcpy(&table, c->master + MASTER_TABLE, sizeof(table));
	/* the table does not cross a border of 64 KiB, which bounds how long this lasts */
	for (first = table; left && !(piece.last >> 15) && first >> 16 == table >> 16;
	     at += n, left -= n, table += sizeof(piece)) {
		p = guest_memory(m, table & ~3U, sizeof(piece), false);
		if (!p)
			break;
		piece = *p;
		n = piece.size ? piece.size : 0x10000;
		n = (uint64_t)n < left ? n : (ssize_t)left;
		memory = guest_memory(m, piece.at & ~1U, n, in);
		if (!memory)
			break;
		if (in)
			memset(memory, 0, n); /* the last sector may be there in part */
		done = in ? pread(c->drive->fd, memory, n, at)
			  : pwrite(c->drive->fd, memory, n, at);
		if (in ? done < 0 : done != n)
			break;
	}
	c->master[MASTER_STATUS] &= ~MASTER_START;
	c->master[MASTER_STATUS] |= left ? MASTER_ERROR : 0;
	finish(m, c, left ? ABORT : 0);
}

/* Geometry, until the guest wants another one. */
enum { HEADS = 16, SECTORS = 63 };

static uint64_t first_sector(const struct channel *c, bool ext)
{
	const uint8_t *r = c->reg, *h = c->hob;
	uint64_t low = r[LBA_LOW] | r[LBA_MID] << 8 | r[LBA_HIGH] << 16;

	if (ext)
		return low | (uint64_t)h[LBA_LOW] << 24 | (uint64_t)h[LBA_MID] << 32 |
		       (uint64_t)h[LBA_HIGH] << 40;
	if (r[DEVICE] & DEVICE_LBA)
		return low | (uint64_t)(r[DEVICE] & 15) << 24;
	return ((low >> 8) * c->drive->heads + (r[DEVICE] & 15)) * c->drive->track + (low & 0xff) -
	       1;
}

/* The commands that move sectors: 6.16 on. Those with 1 behind them are the same without retries. */
enum { MOVES = 1, TO_DISK = 2, EXT = 4, BLOCKS = 8, NO_DATA = 16, DIRECT = 32 };
static const uint8_t moves[256] = {
	[READ] = MOVES,
	[READ + 1] = MOVES,
	[READ_EXT] = MOVES | EXT,
	[READ_MULTIPLE] = MOVES | BLOCKS,
	[READ_MULTIPLE_EXT] = MOVES | BLOCKS | EXT,
	[WRITE] = MOVES | TO_DISK,
	[WRITE + 1] = MOVES | TO_DISK,
	[WRITE_EXT] = MOVES | TO_DISK | EXT,
	[WRITE_MULTIPLE] = MOVES | TO_DISK | BLOCKS,
	[WRITE_MULTIPLE_EXT] = MOVES | TO_DISK | BLOCKS | EXT,
	[VERIFY] = MOVES | NO_DATA,
	[VERIFY + 1] = MOVES | NO_DATA,
	[VERIFY_EXT] = MOVES | NO_DATA | EXT,
	[READ_DMA] = MOVES | DIRECT,
	[READ_DMA + 1] = MOVES | DIRECT,
	[READ_DMA_EXT] = MOVES | DIRECT | EXT,
	[WRITE_DMA] = MOVES | DIRECT | TO_DISK,
	[WRITE_DMA + 1] = MOVES | DIRECT | TO_DISK,
	[WRITE_DMA_EXT] = MOVES | DIRECT | TO_DISK | EXT,
};

static void move(struct machine *m, struct channel *c, uint8_t how)
{
	uint64_t n = c->reg[COUNT] | (how & EXT ? c->hob[COUNT] << 8 : 0);

	c->next = first_sector(c, how & EXT);
	c->left = n ? n : how & EXT ? 65536 : 256;
	c->block = how & BLOCKS ? c->drive->multiple : 1;
	if (!c->block || (how & TO_DISK && c->drive->read_only))
		finish(m, c, ABORT);
	else if (c->next >= c->drive->sectors || c->left > c->drive->sectors - c->next)
		finish(m, c, NOT_FOUND);
	else if (how & NO_DATA)
		finish(m, c, 0);
	else if (how & DIRECT)
		begin_block(c, how & TO_DISK ? DMA_FROM_GUEST : DMA_TO_GUEST, SECTOR);
	else if (how & TO_DISK)
		begin_block(c, FROM_GUEST, next_block(c));
	else
		read_block(m, c);
	move_directly(m, c);
}

/* ---- IDENTIFY ---- */

static void put_word(uint8_t *buf, unsigned int word, uint16_t v)
{
	memcpy(buf + 2 * word, &v, 2);
}

/* Characters lie in their words the other way round; blanks fill the rest. */
static void put_text(uint8_t *buf, unsigned int word, unsigned int words, const char *text)
{
	for (unsigned int i = 0; i < 2 * words; i++)
		buf[2 * word + (i ^ 1)] = *text ? *text++ : ' ';
}

static void identify_any(uint8_t *buf, uint16_t kind, const char *model)
{
	memset(buf, 0, SECTOR);
	put_word(buf, 0, kind);
	put_text(buf, 10, 10, "1");
	put_text(buf, 23, 4, "1");
	put_text(buf, 27, 20, model);
	put_word(buf, 49, 1 << 9); /* LBA */
	put_word(buf, 53, 3); /* words 54 to 58 and 64 to 70 are there: PIO modes 3 and 4 */
	put_word(buf, 64, 3);
	put_word(buf, 80, 0x7e); /* ATA-1 to 6 */
}

static unsigned int cylinders_of(uint64_t sectors)
{
	uint64_t n = (sectors + HEADS * SECTORS - 1) / (HEADS * SECTORS);

	return n < 16383 ? n : 16383;
}

unsigned int ide_cylinders(int i)
{
	return cylinders_of(channels[0].drives[i].sectors);
}

void ata_identify(uint8_t *buf, uint64_t n, unsigned int multiple)
{
	uint64_t small = n < LBA28_END ? n : LBA28_END - 1;
	uint16_t cylinders = cylinders_of(n), track = SECTOR * SECTORS;
	uint32_t chs = cylinders * HEADS * SECTORS;

	identify_any(buf, 0x0040, "DYAD DISK");
	/* the geometry and, as old disks told, bytes of a track and a sector; the current one */
	memcpy(buf + 2 * 1, (uint16_t[]){ cylinders, 0, HEADS, track, SECTOR, SECTORS }, 12);
	memcpy(buf + 2 * 54, (uint16_t[]){ cylinders, HEADS, SECTORS, chs, chs >> 16 }, 10);
	put_word(buf, 47, 0x8000 | MULTIPLE);
	put_word(buf, 49, 3 << 8); /* DMA, too; its modes are in 63 and 88, Ultra DMA 5 is chosen */
	put_word(buf, 53, 7);
	put_word(buf, 63, 7);
	put_word(buf, 88, 0x203f);
	put_word(buf, 59, multiple ? 0x100 | multiple : 0);
	memcpy(buf + 2 * 60, &small, 4);
	put_word(buf, 83, 1 << 14 | 1 << 13 | 1 << 12 | 1 << 10); /* 48 bits, FLUSH */
	put_word(buf, 86, 1 << 13 | 1 << 12 | 1 << 10);
	memcpy(buf + 2 * 100, &n, 8);
}

static void identify(struct machine *m, struct channel *c)
{
	if (c->drive->cd)
		identify_any(c->buf, 0x8580, "DYAD CD"); /* removable, packets of 12 bytes */
	else
		ata_identify(c->buf, c->drive->sectors, c->drive->multiple);
	c->left = 0;
	offer(m, c, SECTOR);
}

/* ---- the CD's packets ---- */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, 4);
}

static void fail_packet(struct machine *m, struct channel *c, uint8_t asc)
{
	c->drive->sense = SENSE_ILLEGAL;
	c->drive->asc = asc;
	finish(m, c, SENSE_ILLEGAL << 4 | ABORT);
}

/* An answer of n bytes, cut to what the packet allows. */
static void answer_packet(struct machine *m, struct channel *c, unsigned int n, unsigned int most)
{
	n = n < most ? n : most;
	c->left = 0;
	if (n)
		offer(m, c, n);
	else
		finish(m, c, 0);
}

/* A block is as many sectors as fit the byte count that the guest gave. */
static void read_cd(struct machine *m, struct channel *c, uint32_t first, uint32_t n)
{
	unsigned int most = c->reg[LBA_MID] | c->reg[LBA_HIGH] << 8;

	if (first > c->drive->sectors || n > c->drive->sectors - first) {
		fail_packet(m, c, ASC_LBA);
		return;
	}
	if (!most || most > CD_BYTES_MOST)
		most = CD_BYTES_MOST;
	c->block = most / CD_SECTOR ? most / CD_SECTOR : 1;
	c->next = first;
	c->left = n;
	if (n)
		read_block(m, c);
	else
		finish(m, c, 0);
}

/* One track that is data, and the lead-out behind it; msf: minute, second, frame. */
static void read_toc(struct machine *m, struct channel *c, const uint8_t *packet)
{
	bool msf = packet[1] & 2;
	uint32_t f = c->drive->sectors + 150;

	if (packet[2] & 15 || packet[9] >> 6) {
		fail_packet(m, c, ASC_FIELD);
		return;
	}
	memcpy(c->buf, (uint8_t[]){ 0, 18, 1, 1, 0, 0x14, 1 }, 7);
	memcpy(c->buf + 12, (uint8_t[]){ 0, 0x14, 0xaa }, 3);
	put_be32(c->buf + 8, msf ? 0x200 : 0);
	put_be32(c->buf + 16, msf ? f / 4500 << 16 | f / 75 % 60 << 8 | f % 75 : f - 150);
	answer_packet(m, c, 20, packet[7] << 8 | packet[8]);
}

static void run_packet(struct machine *m, struct channel *c)
{
	uint8_t p[PACKET];

	memcpy(p, c->buf, sizeof(p));
	memset(c->buf, 0, 64);
	switch (p[0]) {
	case TEST_UNIT_READY:
	case START_STOP:
	case PREVENT_REMOVAL:
		finish(m, c, 0);
		break;
	case REQUEST_SENSE:
		c->buf[0] = 0x70; /* current */
		c->buf[2] = c->drive->sense;
		c->buf[7] = 10;
		c->buf[12] = c->drive->asc;
		c->drive->sense = c->drive->asc = 0;
		answer_packet(m, c, 18, p[4]);
		break;
	case INQUIRY:
		memcpy(c->buf, (uint8_t[]){ 5, 0x80, 0, 0x21, 31 }, 5); /* CD, removable, ATAPI */
		memcpy(c->buf + 8, "DYAD    CD              1   ", 28);
		answer_packet(m, c, 36, p[4]);
		break;
	case READ_CAPACITY:
		put_be32(c->buf, c->drive->sectors - 1);
		put_be32(c->buf + 4, CD_SECTOR);
		answer_packet(m, c, 8, 8);
		break;
	case READ_10:
		read_cd(m, c, be32(p + 2), p[7] << 8 | p[8]);
		break;
	case READ_12:
		read_cd(m, c, be32(p + 2), be32(p + 6));
		break;
	case READ_TOC:
		read_toc(m, c, p);
		break;
	default:
		fail_packet(m, c, ASC_COMMAND);
	}
}

/* ---- commands ---- */

/* What a drive shows of itself after a reset: all registers say which kind it is (9.12). */
static void set_signature(struct channel *c)
{
	c->drive = c->drives;
	c->phase = IDLE;
	c->reg[ERROR] = c->reg[COUNT] = c->reg[LBA_LOW] = 1;
	c->reg[LBA_MID] = c->drive->cd ? 0x14 : 0;
	c->reg[LBA_HIGH] = c->drive->cd ? 0xeb : 0;
	c->reg[DEVICE] = 0;
	c->reg[STATUS] = c->drive->cd ? 0 : DRDY | DSC;
}

static void command_cd(struct machine *m, struct channel *c, uint8_t v)
{
	switch (v) {
	case DEVICE_RESET:
		set_signature(c);
		break;
	case IDENTIFY_PACKET:
		identify(m, c);
		break;
	case PACKET_COMMAND:
		begin_block(c, FROM_GUEST_PACKET, PACKET);
		c->reg[COUNT] = REASON_COMMAND;
		break;
	case SET_FEATURES:
		finish(m, c, 0);
		break;
	case READ: /* a disk's: they are how a host learns that this is none */
	case IDENTIFY:
		set_signature(c);
		finish(m, c, ABORT);
		c->reg[COUNT] = 1;
		break;
	default:
		finish(m, c, ABORT);
	}
}

static void command_disk(struct machine *m, struct channel *c, uint8_t v)
{
	uint8_t n = c->reg[COUNT];

	switch (v) {
	case SET_MULTIPLE:
		if (n <= MULTIPLE && !(n & (n - 1)))
			c->drive->multiple = n;
		finish(m, c, c->drive->multiple == n ? 0 : ABORT);
		break;
	case FLUSH:
	case FLUSH_EXT:
		finish(m, c, fsync(c->drive->fd) < 0 && errno != EINVAL ? ABORT : 0);
		break;
	case IDENTIFY:
		identify(m, c);
		break;
	case INIT_PARAMETERS:
		c->drive->heads = (c->reg[DEVICE] & 15) + 1;
		c->drive->track = n;
		finish(m, c, n ? 0 : ABORT);
		break;
	case CHECK_POWER:
		c->reg[COUNT] = 0xff; /* it runs */
		finish(m, c, 0);
		break;
	case RECALIBRATE:
	case SEEK:
	case SET_FEATURES:
	case STANDBY_NOW ... IDLE_TIMER:
	case SLEEP:
		finish(m, c, 0);
		break;
	default:
		if (moves[v])
			move(m, c, moves[v]);
		else
			finish(m, c, ABORT);
	}
}

static void run_command(struct machine *m, struct channel *c, uint8_t v)
{
	if (v == DIAGNOSE) {
		set_signature(c);
		interrupt(m, c);
	} else if (c->drive->cd) {
		command_cd(m, c, v);
	} else {
		command_disk(m, c, v);
	}
}

/* ---- ports ---- */

static void block_through(struct machine *m, struct channel *c)
{
	if (c->phase == FROM_GUEST_PACKET) {
		run_packet(m, c);
	} else if (c->phase == FROM_GUEST) {
		write_block(m, c);
	} else if (c->left) {
		read_block(m, c);
	} else if (c->drive->cd) {
		finish(m, c, 0);
	} else {
		c->phase = IDLE;
		c->reg[STATUS] = DRDY | DSC;
	}
}

static void data_access(struct machine *m, struct channel *c, bool in, void *data,
			unsigned int size)
{
	if (c->phase == IDLE || c->phase >= DMA_TO_GUEST || in != (c->phase == TO_GUEST))
		return;
	if (size > c->filled - c->at)
		size = c->filled - c->at;
	memcpy(in ? data : c->buf + c->at, in ? c->buf + c->at : data, size);
	c->at += size;
	if (c->at == c->filled)
		block_through(m, c);
}

/* What one drive has not finished, the other does not go on with. */
static void select_drive(struct channel *c, bool slave)
{
	if (c->drive != &c->drives[slave] && c->phase != IDLE) {
		c->phase = IDLE;
		c->reg[STATUS] = DRDY | DSC;
	}
	c->drive = &c->drives[slave];
}

/* A drive that is not there has no status, and the signature of none, as QEMU's. */
static uint8_t read_register(struct channel *c, unsigned int reg)
{
	if (c->drive->fd < 0)
		return reg == LBA_MID || reg == LBA_HIGH ? 0xff : 0;
	if (reg == DEVICE)
		return c->reg[DEVICE] | DEVICE_ONES;
	return c->device_control & CONTROL_HIGH && reg >= COUNT && reg <= LBA_HIGH ? c->hob[reg]
										   : c->reg[reg];
}

static void write_register(struct machine *m, struct channel *c, unsigned int reg, uint8_t v)
{
	c->device_control &= ~CONTROL_HIGH;
	if (reg == DEVICE)
		select_drive(c, v & DEVICE_SLAVE);
	if (reg == STATUS && c->drive->fd >= 0) {
		run_command(m, c, v);
	} else if (reg != STATUS && reg != ERROR) { /* which are commands and features, written */
		c->hob[reg] = c->reg[reg];
		c->reg[reg] = v;
	}
}

static void command_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			   unsigned int size)
{
	struct channel *c = device;
	uint8_t *v = data;

	if (reg == STATUS)
		irq_line(m, c->command.irq, false);
	if (reg == DATA)
		data_access(m, c, in, data, size);
	else if (in)
		*v = read_register(c, reg);
	else
		write_register(m, c, reg, *v);
}

/* Device control; read, it is the status without a word to the interrupt. */
static void control_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			   unsigned int size)
{
	struct channel *c = device;
	uint8_t *v = data;

	if (in) {
		*v = read_register(c, STATUS);
		return;
	}
	if (*v & ~c->device_control & CONTROL_RESET)
		set_signature(c);
	c->device_control = *v;
	if (*v & CONTROL_NO_IRQ)
		irq_line(m, c->command.irq, false);
}

static void write_master(struct machine *m, struct channel *c, unsigned int reg, uint8_t v)
{
	uint8_t *command = &c->master[MASTER_COMMAND], *status = &c->master[MASTER_STATUS];

	if (reg == MASTER_COMMAND) {
		if ((v ^ *command) & MASTER_START)
			*status = (*status & ~MASTER_START) | (v & MASTER_START);
		*command = v & MASTER_SETTABLE;
		move_directly(m, c);
	} else if (reg == MASTER_STATUS) { /* ones clear what came */
		*status = (*status & ~(v & (MASTER_ERROR | MASTER_INTERRUPT)) & ~MASTER_DRIVES) |
			  (v & MASTER_DRIVES);
	} else if (reg >= MASTER_TABLE) {
		c->master[reg] = v;
	}
}

static void master_access(struct machine *m, void *device, uint64_t offset, bool in, void *data,
			  unsigned int size)
{
	uint8_t *v = data;

	for (unsigned int i = 0; i < size; i++, offset++) {
		struct channel *c = &channels[offset / MASTER_PORTS % 2];

		if (in)
			v[i] = c->master[offset % MASTER_PORTS];
		else
			write_master(m, c, offset % MASTER_PORTS, v[i]);
	}
}

/* ---- */

/* What is moved lies in the buffer and on the medium. */
static const char *restored(struct machine *m, struct kept *k)
{
	struct channel *c = k->device;
	const struct drive *d = c->drive = &c->drives[!!(c->reg[DEVICE] & DEVICE_SLAVE)];
	bool sound = c->phase == IDLE ||
		     (d->fd >= 0 && c->at < c->filled && c->filled <= BUFFER &&
		      c->block <= BUFFER / d->sector_size && c->next <= d->sectors &&
		      c->left <= d->sectors - c->next &&
		      (c->phase != FROM_GUEST || c->filled <= c->left * d->sector_size));

	if (c->phase == IDLE) /* what a command that failed asked for */
		c->next = c->left = 0;
	return sound ? NULL : "an IDE drive is damaged";
}

static const char *drive_restored(struct machine *m, struct kept *k)
{
	const struct drive *d = k->device;

	return d->multiple <= MULTIPLE ? NULL : "an IDE drive is damaged";
}

/* The IDE controller is its function 1. */
static struct pci_function isa = { .name = "ISA bridge" };

void ide_init(struct machine *m)
{
	static struct pci_function f = { .name = "IDE controller" },
				   pm = { .name = "power management" };

	if (isa.config[0])
		return;
	for (int i = 0; i < 2; i++) {
		struct channel *c = &channels[i];

		c->drive = c->drives;
		c->drives[0].fd = c->drives[1].fd = -1;
		c->command.irq = 14 + i;
		c->command.start = 0x1f0 - 0x80 * i;
		c->control.start = 0x3f6 - 0x80 * i;
		c->command.name = "IDE, command";
		c->control.name = "IDE, control";
		c->command.size = REGISTERS;
		c->control.size = 1;
		c->command.access = command_access;
		c->control.access = control_access;
		c->command.device = c->control.device = c;
		bus_add(m, &c->command);
		bus_add(m, &c->control);
		snapshot_keep(.id = "ide", .index = i, KEPT_PART(c, reg, command),
			      .restored = restored, .device = c);
	}
	pci_identify(&isa, VENDOR_INTEL, PIIX3_ISA, CLASS_ISA_BRIDGE);
	pci_add(m, &isa, PCI_FREE_SLOT);
	pci_identify(&f, VENDOR_INTEL, PIIX3_IDE, CLASS_IDE);
	pci_set(&f, DECODES, 4, 1U << 31 | 1 << 15);
	f.bar[MASTER_BAR] = (struct region){ .space = PORTS,
					     .size = 2 * MASTER_PORTS,
					     .access = master_access };
	pci_add(m, &f, isa.devfn + 1);
	pci_identify(&pm, VENDOR_INTEL, PIIX4_PM, CLASS_BRIDGE_OTHER);
	pci_set(&pm, PM_BASE, 4, PORT_PM1_EVENT | 1);
	pci_set(&pm, PM_ACTIVE, 4, PM_ACTIVE_APMC);
	pci_add(m, &pm, isa.devfn + 3);
}

/* The next place that is free; the CD has a channel of its own. */
static void plug(struct machine *m, const char *path, bool read_only, bool cd)
{
	struct channel *c = channels;
	struct drive *d;
	uint64_t size;

	ide_init(m);
	if (cd || c->drives[1].sectors)
		c++;
	d = &c->drives[c->drives[0].sectors > 0];
	if (d->sectors || c->drives[0].cd || (cd && d != c->drives))
		die(STATUS_USAGE, "--disk %s: there are four IDE disks at most, with a CD two",
		    path);
	*(d == c->drives ? &c->command.behind : &c->control.behind) = path;
	if (m->kernel && !strcmp(path, m->kernel)) { /* a boot sector's file */
		static char name[64];

		format(name, sizeof(name), "/pci@i0cf8/ide@%x,1/drive@%x/disk@%x\n", isa.devfn >> 3,
		       (unsigned int)(c - channels), d != c->drives);
		m->boots = name;
	}
	d->cd = cd;
	d->sector_size = cd ? CD_SECTOR : SECTOR;
	d->heads = HEADS;
	d->track = SECTORS;
	d->multiple =
		cd ? 0 : MULTIPLE; /* without a word, as QEMU's: there are kernels that say none */
	d->read_only = read_only || access(path, W_OK) < 0;
	d->fd = disk_open(path, d->read_only, &size);
	d->sectors = (size + d->sector_size - 1) / d->sector_size;
	if (!d->sectors)
		die(STATUS_FAILED, "%s: not a sector of a %s", path, cd ? "CD" : "disk");
	set_signature(c);
	snapshot_keep(.id = "drive", .index = 2 * (c - channels) + (d - c->drives),
		      KEPT_PART(d, multiple, fd), .restored = drive_restored, .device = d);
}

bool ide_disk(struct machine *m, const char *disk)
{
	size_t n = strlen(disk);
	bool read_only;

	if (n < 5 || strcmp(disk + n - 4, ",ide"))
		return false;
	read_only = n > 7 && !memcmp(disk + n - 7, ",ro", 3);
	plug(m, copy_text(disk, n - (read_only ? 7 : 4)), read_only, false);
	return true;
}

void ide_cdrom(struct machine *m, const char *path)
{
	plug(m, path, true, true);
}
