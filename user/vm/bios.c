/* SPDX-License-Identifier: MIT */
/*
 * What a Linux kernel's 16-bit setup code or a boot sector asks of a PC's firmware (Ralf Brown's interrupt list).
 * Every interrupt vector leads to a stub of its own, `out %al, $PORT_BIOS; iret`: the exit comes here,
 * the address of the stub says which interrupt it was, the answer goes into the registers and into
 * the flags on the guest's stack. Those of the timer and the keyboard come too, at the vectors that a BIOS gives the
 * PICs; the PICs end them by themselves, so that no stub has to.
 */
#include <time.h>
#include <asm/bootparam.h>

#include "vm.h"

#define STUBS BIOS_AREA
#define STUB_SIZE 4
#define FLAG_CARRY 1
#define FLAG_ZERO 0x40
#define TEXT_MEMORY 0xb8000UL
#define COLUMNS 80U
#define ROWS 25U
#define WAIT_STUB (256 * STUB_SIZE) /* behind the others: INT 16h again, after an interrupt */
#define NO_SERVICE 0x86 /* AH of INT 15h */
#define PORT_COM1 0x3f8
#define SMAP 0x534d4150 /* "SMAP" */
#define PIT_HZ 1193182ULL
#define PIT_PERIOD 0x10000ULL
#define TICKS 0x46c /* of 18.2 a second, since midnight: 32 bits of the BIOS's data */
#define EQUIPMENT 0x410
#define VECTOR_DISK 0x41 /* no interrupt: the first hard disk's table, 5 on the second's */
#define DISK_TABLE (WAIT_STUB + 16) /* where the two are */
#define VECTOR_TICK 0x1c /* what programs hang behind the timer's interrupt */
#define VECTORS_HIGH 0x70 /* of the second PIC; those of the first: */
enum { VECTORS_LOW = 8, TIMER = VECTORS_LOW };

/* The timer runs; its interrupt and the keyboard's are let through. */
static void interrupts_load(struct machine *m)
{
	struct kvm_irqchip low = { .chip_id = KVM_IRQCHIP_PIC_MASTER }, high = { .chip_id = 1 };
	struct kvm_pit_state2 pit;

	ioctl(m->vm, KVM_GET_IRQCHIP, &low);
	ioctl(m->vm, KVM_GET_IRQCHIP, &high);
	low.chip.pic.auto_eoi = high.chip.pic.auto_eoi = 1;
	low.chip.pic.irq_base = VECTORS_LOW;
	high.chip.pic.irq_base = VECTORS_HIGH;
	low.chip.pic.imr = 0xf8; /* timer, keyboard, the other PIC */
	high.chip.pic.imr = 0xff;
	high.chip.pic.elcr = 3 << 2; /* 10 and 11 are PCI's: levels */
	ioctl(m->vm, KVM_SET_IRQCHIP, &low);
	ioctl(m->vm, KVM_SET_IRQCHIP, &high);
	ioctl(m->vm, KVM_GET_PIT2, &pit);
	pit.channels[0].rw_mode = pit.channels[0].mode = 3;
	pit.channels[0].count = PIT_PERIOD;
	ioctl(m->vm, KVM_SET_PIT2, &pit);
}

void bios_load(struct machine *m)
{
	static const uint8_t stub[STUB_SIZE] = { 0xe6, PORT_BIOS, 0xcf };
	struct {
		uint16_t cylinders;
		uint8_t heads, none[5], control, no[3];
		uint16_t parked;
		uint8_t sectors, unused;
	} __attribute__((packed)) table = { .heads = 16,
					    .control = 8, /* that there are more than 8 heads */
					    .sectors = 63 };
	/* where a CPU begins, a jump to the stub of INT 19h; its date, and that it is an AT's firmware */
	static const uint8_t reset[] = "\xea\x64\0\0\xf0"
				       "01/01/92\0\xfc";
	/* sti; hlt; cli, and a stub */
	static const uint8_t wait[] = { 0xfb, 0xf4, 0xfa, 0xe6, PORT_BIOS, 0xcf };

	for (unsigned int i = 0; i < 256; i++) {
		uint16_t vector[2] = { i * STUB_SIZE, STUBS >> 4 };

		memcpy(m->ram + 4 * i, vector, sizeof(vector));
		memcpy(m->ram + STUBS + STUB_SIZE * i, stub, STUB_SIZE);
	}
	for (int i = 0; i < 2; i++) {
		uint16_t at = DISK_TABLE + i * sizeof(table);

		table.cylinders = ide_cylinders(i);
		if (!table.cylinders)
			continue;
		memcpy(m->ram + STUBS + at, &table, sizeof(table));
		memcpy(m->ram + 4 * (VECTOR_DISK + 5 * i), (uint16_t[]){ at, STUBS >> 4 }, 4);
	}
	memcpy(m->ram + STUBS + WAIT_STUB, wait, sizeof(wait));
	memcpy(m->ram + HIGH_MEMORY - sizeof(reset), reset, sizeof(reset));
	part_add("interrupt vectors", NULL, 0, 256 * 4);
	part_add("firmware's stubs", NULL, STUBS, STUBS + WAIT_STUB + sizeof(wait));
	interrupts_load(m);
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

static uint32_t descriptor_base(const uint8_t *d)
{
	return d[2] | d[3] << 8 | d[4] << 16 | (uint32_t)d[7] << 24;
}

/* CX words, from and to what the third and the fourth descriptor of a table at ES:SI tell. */
static bool move_block(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	const uint8_t *table = guest_memory(m, s->es.base + (uint16_t)r->rsi, 32, false);
	size_t n = 2 * (uint16_t)r->rcx;
	void *from = table ? guest_memory(m, descriptor_base(table + 16), n, false) : NULL;
	void *to = table ? guest_memory(m, descriptor_base(table + 24), n, true) : NULL;

	if (!from || !to)
		return false;
	memmove(to, from, n);
	set16(&r->rax, 0);
	return true;
}

/* Advanced power management: it is there (version 1.2), and can switch the machine off. */
static bool power_service(struct kvm_regs *r)
{
	enum { CHECK, CONNECT, SET_STATE = 7, DRIVER_VERSION = 0xe, OFF = 3 };
	uint8_t service = r->rax;

	if (service == SET_STATE && (uint16_t)r->rcx == OFF)
		machine_end(0);
	if (service != SET_STATE)
		set16(&r->rax, 0x0102);
	if (service == CHECK) {
		set16(&r->rbx, 'P' << 8 | 'M');
		set16(&r->rcx, 0);
	}
	return service == CHECK || service == CONNECT || service == SET_STATE ||
	       service == DRIVER_VERSION;
}

static bool system_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
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
	case 0x2401: /* A20 is always on */
	case 0x2402:
		set16(&r->rax, 1);
		return true;
	case 0x2403: /* and could be switched by port 0x92 and the keyboard's controller */
		set16(&r->rax, 3);
		set16(&r->rbx, 3);
		return true;
	}
	switch (r->rax >> 8 & 0xff) {
	case 0x53:
		return power_service(r);
	case 0x86: /* waits: microseconds */
		usleep((uint32_t)(uint16_t)r->rcx << 16 | (uint16_t)r->rdx);
		return true;
	case 0x87:
		return move_block(m, r, s);
	case 0x88:
		set16(&r->rax, kib < 0xffff ? kib : 0xffff);
		return true;
	default:
		set16(&r->rax, NO_SERVICE << 8 | (r->rax & 0xff));
		return false;
	}
}

/* ---- INT 8 and INT 1Ah: the time ---- */

static uint32_t count_ticks(struct machine *m)
{
	struct timespec t;
	uint32_t ticks;

	clock_gettime(CLOCK_REALTIME, &t);
	ticks = (t.tv_sec % 86400 * 1000 + t.tv_nsec / 1000000) * PIT_HZ / PIT_PERIOD / 1000;
	memcpy(m->ram + TICKS, &ticks, sizeof(ticks));
	return ticks;
}

/* Those who hang behind it find the stack as the interrupt left it. */
static void timer_interrupt(struct machine *m, int vcpu, struct kvm_regs *r, struct kvm_sregs *s)
{
	uint16_t vector[2];

	count_ticks(m);
	memcpy(vector, m->ram + 4 * VECTOR_TICK, sizeof(vector));
	if (vector[1] == STUBS >> 4)
		return;
	s->cs.selector = vector[1];
	s->cs.base = vector[1] << 4;
	r->rip = vector[0];
	ioctl(vcpu, KVM_SET_SREGS, s);
	ioctl(vcpu, KVM_SET_REGS, r);
}

static uint16_t clock_pair(unsigned int high, unsigned int low)
{
	uint16_t pair;

	bus_lock();
	pair = cmos_read(high) << 8 | cmos_read(low);
	bus_unlock();
	return pair;
}

static bool time_service(struct machine *m, struct kvm_regs *r)
{
	uint32_t ticks = count_ticks(m);

	switch (r->rax >> 8 & 0xff) {
	case 0x00: /* AL: midnight has passed */
		set16(&r->rcx, ticks >> 16);
		set16(&r->rdx, ticks);
		r->rax &= ~0xffULL;
		return true;
	case 0x02: /* hours, minutes; seconds */
		set16(&r->rcx, clock_pair(4, 2));
		set16(&r->rdx, clock_pair(0, 0) & 0xff00);
		return true;
	case 0x04: /* century, year; month, day */
		set16(&r->rcx, clock_pair(CMOS_CENTURY, 9));
		set16(&r->rdx, clock_pair(8, 7));
		return true;
	default:
		return false;
	}
}

/*
 * ---- INT 13h: the file of a flat image, with zeros behind it, is what it was booted as, and the floppy disk. As far
 * as the file goes it can be written if it is a disk with an option of its own, too ----
 */

#define SECTOR 512
#define ERROR_PARAMETER 1
#define ERROR_READ_ONLY 3
#define ERROR_NOT_FOUND 4

static const struct geometry {
	unsigned int cylinders, heads, sectors; /* of a track */
	unsigned int type; /* of a floppy disk's drive, or 0 */
} fixed_disk = { 1024, 16, 63, 0 }, floppy_disks[] = {
	{ 80, 2, 18, 4 }, { 40, 2, 9, 1 }, { 80, 2, 15, 2 }, { 80, 2, 9, 3 }, { 80, 2, 36, 5 },
};

static const struct geometry *floppy_of(uint64_t size)
{
	for (const struct geometry *g = floppy_disks; g < floppy_disks + LENGTH(floppy_disks); g++)
		if (g->cylinders * g->heads * g->sectors * SECTOR == size)
			return g;
	return NULL;
}

bool bios_is_floppy(uint64_t size)
{
	return floppy_of(size);
}

struct disk_packet { /* of the extended read */
	uint16_t size, sectors, offset, segment;
	uint64_t first;
};

/* By its geometry, or what the file has more. */
static uint64_t disk_sectors(const struct machine *m, const struct geometry *g)
{
	uint64_t n = g->cylinders * g->heads * g->sectors,
		 have = (m->flat.size + SECTOR - 1) / SECTOR;

	return n > have ? n : have;
}

/* Sectors of a disk and memory, by service: 02h reads, 03h writes, 04h only looks. AH: 0, or the error. */
static unsigned int disk_move(struct machine *m, const struct geometry *g, uint8_t service,
			      uint64_t first, unsigned int n, uint64_t to)
{
	uint64_t size = n * SECTOR, have = m->flat.size, at = first * SECTOR;
	uint64_t end = disk_sectors(m, g);
	int fd;

	if (first > end || n > end - first)
		return ERROR_NOT_FOUND;
	if (service == 0x04)
		return 0;
	if (to > LOW_MEMORY_END || size > LOW_MEMORY_END - to)
		return ERROR_PARAMETER;
	if (service == 0x03) {
		fd = ide_writable(m->flat.path);
		return fd < 0 || at > have || size > have - at ||
				       pwrite(fd, m->ram + to, size, at) != (ssize_t)size
			       ? ERROR_READ_ONLY
			       : 0;
	}
	memset(m->ram + to, 0, size);
	if (at < have)
		memcpy(m->ram + to, m->flat.data + at, size < have - at ? size : have - at);
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
	return disk_move(m, &fixed_disk, r->rax >> 8 & 7, p.first, p.sectors,
			 (p.segment << 4) + p.offset);
}

/* Answer of the extended question for parameters, of EDD's version 1. */
static unsigned int disk_parameters(struct machine *m, const struct kvm_regs *r,
				    const struct kvm_sregs *s)
{
	const struct geometry *g = &fixed_disk;
	struct {
		uint16_t size, flags;
		uint32_t cylinders, heads, sectors;
		uint64_t total;
		uint16_t sector_size;
	} __attribute__((packed))
	p = { sizeof(p),    2, /* the geometry is valid */
	      g->cylinders, g->heads, g->sectors, disk_sectors(m, g), SECTOR };
	uint64_t at = s->ds.base + (uint16_t)r->rsi;

	if (at > LOW_MEMORY_END - sizeof(p))
		return ERROR_PARAMETER;
	memcpy(m->ram + at, &p, sizeof(p));
	return 0;
}

static bool disk_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint8_t sector = r->rcx & 63, head = r->rdx >> 8, service = r->rax >> 8, disk = r->rdx;
	uint8_t moved = 0; /* sectors */
	unsigned int cylinder = (r->rcx >> 8 & 0xff) | (r->rcx & 0xc0) << 2, error = 0;
	const struct geometry *floppy = floppy_of(m->flat.size) ?: floppy_disks;
	const struct geometry *g = disk == FLOPPY_DISK ? floppy : &fixed_disk;

	if (!m->flat.data || (disk != FLOPPY_DISK && disk != m->boot_disk))
		return false;
	if (g->type && service > 0x40)
		service = 0xff; /* floppy disks have no extensions */
	switch (service) {
	case 0x00: /* reset */
		break;
	case 0x02:
	case 0x03:
	case 0x04:
		moved = r->rax;
		error = !sector || sector > g->sectors || head >= g->heads
				? ERROR_PARAMETER
				: disk_move(m, g, service,
					    (cylinder * g->heads + head) * g->sectors + sector - 1,
					    moved, s->es.base + (uint16_t)r->rbx);
		break;
	case 0x15: /* which kind it is: a floppy disk, whose drive tells of no change, or how many sectors */
		set16(&r->rax, (g->type ? 1 : 3) << 8);
		if (g->type)
			return true;
		set16(&r->rcx, disk_sectors(m, g) >> 16);
		set16(&r->rdx, disk_sectors(m, g));
		return true;
	case 0x08: /* the highest numbers there are; how many disks */
		set16(&r->rbx, g->type);
		set16(&r->rcx,
		      ((g->cylinders - 1) & 0xff) << 8 | (g->cylinders - 1) >> 8 << 6 | g->sectors);
		set16(&r->rdx, (g->heads - 1) << 8 | 1);
		break;
	case 0x41: /* extensions: version 1, those that read by sector number */
		set16(&r->rbx, 0xaa55);
		set16(&r->rcx, 1);
		error = 1;
		break;
	case 0x42:
	case 0x43:
	case 0x44:
		error = disk_extended(m, r, s);
		break;
	case 0x48:
		error = disk_parameters(m, r, s);
		break;
	default:
		error = ERROR_PARAMETER;
	}
	set16(&r->rax, error << 8 | (error ? 0 : moved));
	return !error || service == 0x41;
}

/* ---- INT 10h: the text screen, of 25 rows ---- */

/* Rows of a window go up by n, or all are cleared. */
static void scroll(uint16_t *cells, const struct kvm_regs *r)
{
	uint8_t top = r->rcx >> 8, bottom = r->rdx >> 8, n = r->rax;

	for (unsigned int row = top; row <= bottom && row < ROWS; row++)
		for (unsigned int x = r->rcx & 0xff; x <= (r->rdx & 0xff) && x < COLUMNS; x++)
			cells[row * COLUMNS + x] = n && row + n <= bottom && row + n < ROWS
							   ? cells[(row + n) * COLUMNS + x]
							   : (r->rbx & 0xff00) | ' ';
}

static void write_string(struct machine *m, const struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint64_t from = s->es.base + (uint16_t)r->rbp;
	unsigned int before = vga_cursor();
	unsigned int step = r->rax & 2 ? 2 : 1; /* 2: each has its attribute */

	if (from > LOW_MEMORY_END)
		return;
	vga_set_cursor((r->rdx >> 8 & 0xff) * COLUMNS + (r->rdx & 0xff));
	for (unsigned int i = 0; i < (uint16_t)r->rcx; i++)
		vga_type(m, m->ram[from + i * step]);
	if (!(r->rax & 1))
		vga_set_cursor(before);
}

static void video_service(struct machine *m, struct kvm_regs *r, const struct kvm_sregs *s)
{
	uint16_t *cells = (uint16_t *)(m->ram + TEXT_MEMORY);
	unsigned int at = vga_cursor();
	uint8_t service = r->rax >> 8;

	switch (service) {
	case 0x00: /* a mode: there is one, and it begins cleared */
		scroll(cells, &(struct kvm_regs){ .rbx = 0x700, .rdx = 0xffff });
		vga_set_cursor(0);
		break;
	case 0x02:
		vga_set_cursor((r->rdx >> 8 & 0xff) * COLUMNS + (r->rdx & 0xff));
		break;
	case 0x03:
		set16(&r->rcx, 0x0607); /* its first and last line */
		set16(&r->rdx, at / COLUMNS << 8 | at % COLUMNS);
		break;
	case 0x06:
	case 0x07:
		scroll(cells, r);
		break;
	case 0x08: /* what is there */
		set16(&r->rax, at < ROWS * COLUMNS ? cells[at] : 0);
		break;
	case 0x09: /* many times, with attribute; 0ah: without */
	case 0x0a:
		for (unsigned int i = at; i < at + (uint16_t)r->rcx && i < ROWS * COLUMNS; i++)
			cells[i] = (service == 0x09 ? r->rbx << 8 : cells[i] & 0xff00) |
				   (r->rax & 0xff);
		break;
	case 0x0e:
		vga_type(m, r->rax);
		break;
	case 0x0f: /* mode 3, page 0 */
		set16(&r->rax, COLUMNS << 8 | 3);
		set16(&r->rbx, r->rbx & 0xff);
		break;
	case 0x12: /* of an EGA, by 10h: with colours, 256 KiB; switches */
		if ((uint8_t)r->rbx == 0x10) {
			set16(&r->rbx, 3);
			set16(&r->rcx, 9);
		}
		break;
	case 0x13:
		write_string(m, r, s);
		break;
	case 0x1a: /* a VGA with colours */
		set16(&r->rax, service << 8 | service);
		set16(&r->rbx, 8);
	}
}

/* ---- INT 14h: COM1, to which nothing waits to be read; AH is the line's status, ready; AL the modem's ---- */

static bool serial_service(struct machine *m, struct kvm_regs *r)
{
	enum { WRITE = 1, READ = 2, READY = 0x60, TIMEOUT = 0x80, MODEM = 0xb0 };
	uint8_t service = r->rax >> 8, c = r->rax;

	if ((uint16_t)r->rdx)
		return false;
	if (service == WRITE)
		bus_access(m, PORTS, PORT_COM1, false, &c, 1, 1);
	set16(&r->rax, (service == READ ? TIMEOUT : READY) << 8 | (service == WRITE ? c : MODEM));
	return true;
}

/* ---- INT 16h: a key is its scan code and its character ---- */

/* One that is waited for and not there has the guest wait for an interrupt, and ask again. */
static void key_service(struct machine *m, struct kvm_regs *r, uint16_t *flags)
{
	uint8_t service = r->rax >> 8 & 0xf; /* 10h to 12h: of longer keyboards */
	uint16_t key = service > 1 ? 0 : keyboard_key(m, !service);

	if (!key && !service) {
		r->rip = WAIT_STUB;
		return;
	}
	set16(&r->rax, key);
	*flags = key ? *flags & ~FLAG_ZERO : *flags | FLAG_ZERO;
}

/* False: no such service, or no such device. */
static bool serve(struct machine *m, unsigned int vector, struct kvm_regs *r,
		  const struct kvm_sregs *s, uint16_t *flags)
{
	switch (vector) {
	case 0x10:
		video_service(m, r, s);
		return true;
	case 0x11:
		set16(&r->rax, m->ram[EQUIPMENT] | m->ram[EQUIPMENT + 1] << 8);
		return true;
	case 0x12: /* KiB of conventional memory */
		set16(&r->rax, LOW_MEMORY_END >> 10);
		return true;
	case 0x13:
		return disk_service(m, r, s);
	case 0x14:
		return serial_service(m, r);
	case 0x15:
		return system_service(m, r, s);
	case 0x16:
	case WAIT_STUB / STUB_SIZE... WAIT_STUB / STUB_SIZE + 1:
		key_service(m, r, flags);
		return true;
	case 0x18:
		warn("the boot sector found nothing to start");
		machine_end(STATUS_FAILED);
		return true;
	case 0x19: /* boots again */
		machine_reset(m);
		return true;
	case 0x1a:
		return time_service(m, r);
	default:
		return false;
	}
}

void bios_call(struct machine *m, int vcpu)
{
	unsigned int vector;
	struct kvm_sregs s;
	struct kvm_regs r;
	uint16_t flags;
	uint64_t at;

	if (ioctl(vcpu, KVM_GET_REGS, &r) < 0 || ioctl(vcpu, KVM_GET_SREGS, &s) < 0)
		return;
	vector = (uint16_t)r.rip / STUB_SIZE;
	at = s.ss.base + (uint16_t)(r.rsp + 4); /* IRET takes IP, CS, FLAGS */
	if (s.cs.base != STUBS || at + sizeof(flags) > m->ram_size)
		return;
	if (vector == TIMER)
		timer_interrupt(m, vcpu, &r, &s);
	if ((vector & ~7U) == VECTORS_LOW || (vector & ~7U) == VECTORS_HIGH)
		return; /* it may come anywhere, and changes nothing */
	memcpy(&flags, m->ram + at, sizeof(flags));
	flags |= FLAG_CARRY;
	if (serve(m, vector, &r, &s, &flags))
		flags &= ~FLAG_CARRY;
	memcpy(m->ram + at, &flags, sizeof(flags));
	ioctl(vcpu, KVM_SET_REGS, &r);
}
