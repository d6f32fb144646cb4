/* SPDX-License-Identifier: MIT */
/* sources: user/vm/ide.c user/vm/ahci.c user/vm/disk.c user/vm/i8042.c user/vm/devices.c user/vm/pci.c user/vm/vga.c user/vm/bus.c */
/*
 * The PC's own devices in vm, in the hands of a hostile guest: accesses to their ports and registers of any size and order,
 * commands for its SATA disk, what is typed meanwhile, and what the firmware is asked for. RAM is a buffer with nothing around it; the disks must not
 * grow, and the CD must stay what it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the registers of a vCPU are, the input says. */
static int fake_ioctl(int fd, unsigned long request, void *arg);
#define ioctl fake_ioctl
#include "../../user/vm/task.c"
#undef ioctl
#define access(path, mode) 0
#include "../../user/vm/firmware.c"
#undef access
#include "fuzz_vm.h"

#define RAM 0x110000
#define DISK (11 * 512) /* a seed writes the last sector */
#define SLAVE (3 * 512)
#define CD (70 * 2048)
#define SATA (5 * 512)
#define SATA_REGISTERS 0xfebf0000U /* where the guest has put them */
#define SATA_COMMAND 0x118 /* of the port */
#define BUS_MASTER 0xc000 /* ports of the IDE disks' */

static struct machine machine = { .vm = -1, .ram_size = RAM, .cpus = 2, .firmware = "rom" };
static uint8_t *cd, copy[CD];
static int disk, slave, sata;
static bool over; /* as the guest sees it, the machine ends here */

static int fake_ioctl(int fd, unsigned long request, void *arg)
{
	struct kvm_regs *r = arg;
	struct kvm_sregs *s = arg;

	if (request == KVM_GET_REGS)
		*r = (struct kvm_regs){ .rax = take_input(4),
					.rbx = take_input(4),
					.rcx = take_input(4),
					.rdx = take_input(4),
					.rsi = take_input(2),
					.rdi = take_input(2),
					.rsp = take_input(4),
					.rip = take_input(2) };
	if (request == KVM_GET_SREGS)
		*s = (struct kvm_sregs){
			.tr = { .base = take_input(4), .selector = take_input(2) },
			.gdt = { .base = take_input(4), .limit = 0xffff },
			.ldt = { .base = take_input(4), .limit = take_input(1) },
			.cr0 = take_input(1) & 1 ? CR0_PG : 0,
			.cr3 = take_input(4),
		};
	return 0;
}

/* ---- what the devices stand on ---- */

void machine_end(int status)
{
	over = true;
}

void multiboot_load(struct machine *m)
{
}

bool uart_heard(const char *text)
{
	return false;
}

void uart_panicked(void)
{
}

bool linux_panicked(struct machine *m)
{
	return false;
}

void memory_slot(struct machine *m, unsigned int slot, uint64_t at, void *host, uint64_t size,
		 unsigned int flags)
{
	if (size && (at > RAM || size > RAM - at || host != m->ram + at))
		abort();
}

void *guest_memory(struct machine *m, uint64_t at, uint64_t n, bool write)
{
	return at <= RAM && n <= RAM - at ? m->ram + at : NULL;
}

void part_add(const char *what, const char *file, uint64_t start, uint64_t end)
{
}

uint64_t acpi_tables(struct low *l)
{
	l->at += 64; /* with sums to take out */
	return 0;
}

void file_map(struct file *f, const char *path)
{
	*f = (struct file){ .path = path, .size = SHADOW, .data = allocate(SHADOW) };
}

bool join(char *buf, size_t size, ...)
{
	*buf = 0;
	return true;
}

void print(const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
}

bool flush(void)
{
	return true;
}

bool write_all(int fd, const char *data, size_t n)
{
	return true;
}

void warn(const char *fmt, ...)
{
}

/* ---- the guest ---- */

static uint16_t port(void)
{
	static const struct {
		uint16_t first, n;
	} ports[] = { { 0x1f0, 8 }, { 0x170, 8 },  { 0x3f6, 1 }, { 0x376, 1 },
		      { 0x60, 5 },  { 0x70, 2 },   { 0x510, 2 }, { 0x3c0, 32 },
		      { 0xcf8, 8 }, { 0x600, 12 }, { 0x92, 1 },  { 0x1f7, 1 },
		      { 0x177, 1 }, { 0x1f0, 1 },  { 0x170, 1 }, { BUS_MASTER, 16 } };
	uint8_t v = take_input(1);

	return ports[v % 16].first + v / 16 % ports[v % 16].n;
}

/* As REP INS and REP OUTS do, too. */
static void touch(uint16_t at, bool in, unsigned int size, unsigned int count)
{
	uint8_t *data = calloc(count, size);

	memset(data, take_input(1), size * count);
	for (unsigned int i = 0; !in && i < size * count && i < 16; i++)
		data[i] = take_input(1);
	bus_access(&machine, PORTS, at, in, data, size, count);
	free(data);
}

/* What a driver writes for a command, from a channel's first port on. */
static void command(uint16_t base)
{
	for (unsigned int i = 1; i < 8; i++)
		touch(base + i, false, 1, 1);
}

/* A register, or what the disk finds in memory: lists of commands, commands, pieces of memory. */
static void sata_step(bool in, unsigned int size)
{
	uint64_t v = take_input(size);
	uint8_t data[8];
	uint16_t at = take_input(2);

	memcpy(data, &v, sizeof(data));
	if (at < 0x200)
		bus_access(&machine, MEMORY, SATA_REGISTERS + at, in, data, size, 1);
	else
		for (unsigned int i = 0; i < 32; i++)
			machine.ram[at + i] = take_input(1);
}

static void step(void)
{
	uint8_t choice = take_input(1), typed[16];
	unsigned int size = 1 << (choice >> 4) % 3;

	if (choice == RESTORE) {
		restore(&machine);
		return;
	}
	switch (choice % 8) {
	case 0:
		touch(port(), true, size, 1);
		break;
	case 1:
		touch(port(), false, size, 1);
		break;
	case 2: /* blocks */
		touch(choice & 0x80 ? 0x170 : 0x1f0, choice & 8, size, take_input(2) & 0xfff);
		break;
	case 3:
		command(choice & 0x80 ? 0x170 : 0x1f0);
		break;
	case 4:
		task_switch(&machine, 0, EXIT_TASK_SWITCH | take_input(6) << 16);
		break;
	case 5:
		for (unsigned int i = 0; i < sizeof(typed); i++)
			typed[i] = take_input(1);
		keyboard_input(&machine, typed, choice >> 4 & 7 ? keyboard_room() : sizeof(typed));
		break;
	case 6:
		keyboard_tick();
		break;
	default:
		if (choice & 8) {
			sata_step(choice & 0x80, 1 << (choice >> 4) % 4);
			break;
		}
		machine.ram[0xb8000 + (take_input(2) & 0x7fff)] = choice;
	}
}

static int drive(char path[32], off_t size, const char *words)
{
	int fd = memfd_create("drive", 0);

	if (fd < 0 || ftruncate(fd, size) < 0)
		abort();
	format(path, 32, "/proc/self/fd/%d%s", fd, words);
	return fd;
}

/* What firmware does for the SATA and the IDE controller: their registers get an address, and answer. */
static void place(const struct pci_function *f)
{
	bool is_sata = !strcmp(f->name, "SATA controller");
	uint32_t values[][2] = { { is_sata ? PCI_BASE_ADDRESS_5 : PCI_BASE_ADDRESS_4,
				   is_sata ? SATA_REGISTERS : BUS_MASTER },
				 { PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_IO } };

	if (!is_sata && strcmp(f->name, "IDE controller"))
		return;
	for (int i = 0; i < 2; i++) {
		uint32_t where = 1U << 31 | f->devfn << 8 | values[i][0], value = values[i][1];

		bus_access(&machine, PORTS, 0xcf8, false, (uint8_t *)&where, 4, 1);
		bus_access(&machine, PORTS, 0xcfc, false, (uint8_t *)&value, 4, 1);
	}
}

static void create(void)
{
	static char paths[4][32]; /* the devices keep them */
	int fd = drive(paths[0], CD, "");

	machine.ram = calloc(1, RAM);
	firmware_load(&machine);
	devices_init(&machine);
	i8042_init(&machine);
	firmware_init(&machine);
	vga_init(&machine);
	cd = mmap(NULL, CD, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (unsigned int i = 0; i < CD; i++)
		copy[i] = cd[i] = i / 2048;
	ide_cdrom(&machine, paths[0]);
	disk = drive(paths[1], DISK, ",ide");
	ide_disk(&machine, paths[1]);
	slave = drive(paths[2], SLAVE, ",ide");
	ide_disk(&machine, paths[2]);
	sata = drive(paths[3], SATA, ",sata");
	ahci_disk(&machine, paths[3]);
	pci_each(place);
}

/* As after a reset. */
static void begin(void)
{
	static const uint16_t control[] = { 0x3f6, 0x376 };

	for (unsigned int i = 0; i < 4; i++)
		bus_access(&machine, PORTS, control[i / 2], false, &(uint8_t){ i % 2 ? 0 : 4 }, 1,
			   1);
	bus_access(&machine, MEMORY, SATA_REGISTERS + SATA_COMMAND, false, (uint8_t[4]){ 0 }, 4, 1);
	memset(machine.ram, 0, RAM);
	as_created(&machine);
	over = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct stat st, st2, st3;

	if (!machine.ram)
		create();
	begin();
	input = data;
	input_end = data + n;
	for (int steps = 0; input < input_end && !over && steps < 4096; steps++)
		step();
	if (n && data[n - 1] % 64 == 1) /* it takes its time */
		vga_end(&machine);
	if (fstat(disk, &st) < 0 || st.st_size != DISK || fstat(slave, &st2) < 0 ||
	    st2.st_size != SLAVE || fstat(sata, &st3) < 0 || st3.st_size != SATA ||
	    memcmp(cd, copy, CD))
		abort();
	return 0;
}
