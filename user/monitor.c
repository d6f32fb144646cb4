/* SPDX-License-Identifier: MIT */
/*
 * monitor: a virtual machine monitor as small as it can be (lab 12). It boots a stock Linux kernel on
 * /dev/kvm, Linux's or Dyad's, and needs nothing else.
 *
 *   monitor [-m SIZE] KERNEL [INITRD [WORD...]]
 *
 * KERNEL is a bzImage, as in /boot; INITRD its initial file system ("" for none); the WORDs go onto its
 * command line. SIZE: memory of the guest, as 96M or 1G (128M without). The guest's serial port is
 * stdin and stdout; on a terminal, Ctrl-A x ends the machine. The exit status is what the guest writes to
 * port 0xf4, 0 when it resets the machine, 125 when something failed, 2 for a wrong command line.
 *
 * The kernel below (KVM) runs the guest and plays its interrupt chips and timer. The rest of the
 * machine is here: one vCPU, one piece of memory, one 16550 serial port, two ways to end. There is no
 * firmware: the guest begins at the kernel's 64-bit entry, with memory filled by the 64-bit boot protocol
 * (Linux's Documentation/x86/boot.rst). Guest memory, upwards:
 *
 *	0x7000		struct boot_params
 *	0x8000		GDT
 *	0x9000		page tables
 *	0x20000		the command line
 *	0x9f000		end of the memory that a PC has below 1 MiB
 *	0x100000	the kernel, which unpacks itself to where it wants to be
 *	at the end	the initial file system
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include <asm/bootparam.h>
#include <linux/kvm.h>
#include <linux/serial_reg.h>

#define FAILED 125
#define USAGE 2
#define BOOT_PARAMS 0x7000UL
#define GDT 0x8000UL
#define PAGE_TABLES 0x9000UL
#define COMMAND_LINE 0x20000UL
#define LOW_MEMORY_END 0x9f000UL
#define HIGH_MEMORY 0x100000UL
#define MEMORY_MOST (3UL << 30) /* above are the APICs, and what KVM wants for itself */
#define TSS_PAGES 0xfffbd000UL /* 3 pages that KVM needs on Intel's CPUs, out of the memory's way */
#define ENTRY_64 0x200 /* of the kernel, from its begin */
#define DEFAULT_WORDS "console=ttyS0 reboot=pci panic=-1"

/* boot.rst */
#define HEADER_MAGIC 0x53726448 /* "HdrS" */
#define HEADER_JUMP 0x201 /* in the file: how far behind 0x202 the header goes */
#define VERSION_64 0x20c /* the first version that tells of a 64-bit entry */
#define LOADER_UNDEFINED 0xff
#define E820_RAM 1

/* AMD64 Architecture Programmer's Manual volume 2, or Intel SDM volume 3 */
#define PTE_PRESENT 1UL
#define PTE_WRITE 2UL
#define PTE_LARGE 0x80UL
#define CR0_PE 1UL
#define CR0_PG (1UL << 31)
#define CR4_PAE (1UL << 5)
#define EFER_LME (1UL << 8)
#define EFER_LMA (1UL << 10)
#define RFLAGS_ONE 2UL /* the bit that is always set */
#define LEAF1_ECX_HYPERVISOR (1U << 31)

#define PORT_COM1 0x3f8
#define IRQ_COM1 4
#define PORT_EXIT 0xf4
#define PORT_KEYBOARD 0x64 /* the PC's keyboard controller also holds the reset wire */
#define KEYBOARD_RESET 0xfe
#define PORT_RESET 0xcf9
#define RESET_CPU 4

static int kvm, vm, vcpu; /* descriptors */
static struct kvm_run *run; /* of the vCPU, shared with the kernel */
static uint8_t *memory; /* the guest's, from its address 0 */
static uint64_t memory_size = 128UL << 20;

static _Noreturn void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "monitor: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(FAILED);
}

static int try(int result, const char *what)
{
	if (result < 0)
		die("%s: %s", what, strerror(errno));
	return result;
}

/* ---- the machine ---- */

static void add_memory(void)
{
	/* LAB 12: begin
	 * Give the guest memory_size bytes of memory from its address 0: map anonymous memory (mmap(2), readable
	 * and writable; MAP_NORESERVE, for most guests never touch all of it), let `memory` point there,
	 * and tell KVM with KVM_SET_USER_MEMORY_REGION, an ioctl on vm: slot 0, where it is for the guest, how
	 * large it is, where it is for us. try(call, "what") ends the monitor when a call fails.
	 * starter: die("lab 12: add_memory() is not written yet");
	 */
	struct kvm_userspace_memory_region slot = { .slot = 0, .memory_size = memory_size };

	memory = mmap(NULL, memory_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		die("no memory for the guest: %s", strerror(errno));
	slot.userspace_addr = (uintptr_t)memory;
	try(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &slot), "KVM_SET_USER_MEMORY_REGION");
	/* LAB 12: end */
}

static void create_machine(void)
{
	struct kvm_pit_config pit = { 0 };

	kvm = try(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	if (ioctl(kvm, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
		die("/dev/kvm: another version of the interface");
	vm = try(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	try(ioctl(vm, KVM_SET_TSS_ADDR, TSS_PAGES), "KVM_SET_TSS_ADDR");
	try(ioctl(vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
	try(ioctl(vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
	add_memory();
}

/* ---- what a boot loader does ---- */

struct file {
	const char *path;
	uint8_t *data;
	size_t size;
};

static struct file map_file(const char *path)
{
	int fd = try(open(path, O_RDONLY | O_CLOEXEC), path);
	struct file f = { .path = path };
	struct stat st;

	try(fstat(fd, &st), path);
	f.size = st.st_size;
	if (!f.size)
		die("%s: empty", path);
	f.data = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (f.data == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	close(fd);
	return f;
}

/* Of the 16-bit code at the begin of the file, which asks firmware that is not there. */
static size_t setup_size(const struct setup_header *h)
{
	return ((h->setup_sects ? h->setup_sects : 4) + 1) * 512UL;
}

/* The header of a kernel that can be started here. */
static struct setup_header check_kernel(const struct file *kernel)
{
	struct setup_header h = { 0 };

	if (kernel->size >= sizeof(struct boot_params))
		memcpy(&h, kernel->data + offsetof(struct boot_params, hdr), sizeof(h));
	if (h.header != HEADER_MAGIC)
		die("%s: not a Linux kernel (bzImage)", kernel->path);
	if (h.version < VERSION_64 || !(h.xloadflags & XLF_KERNEL_64))
		die("%s: has no 64-bit entry", kernel->path);
	if (setup_size(&h) >= kernel->size)
		die("%s: cut off", kernel->path);
	if (h.pref_address > memory_size || h.init_size > memory_size - h.pref_address ||
	    kernel->size > memory_size - HIGH_MEMORY)
		die("%s: does not fit into the guest's memory (-m)", kernel->path);
	return h;
}

static void load_kernel(const struct file *kernel, const struct setup_header *h)
{
	memcpy(memory + HIGH_MEMORY, kernel->data + setup_size(h), kernel->size - setup_size(h));
}

/* Puts the initial file system at the end of memory, where the kernel does not unpack itself: its address. */
static uint64_t load_initrd(const struct file *initrd, const struct setup_header *h)
{
	uint64_t least = h->pref_address + h->init_size, end = memory_size, at;

	if (end > h->initrd_addr_max + 1UL)
		end = h->initrd_addr_max + 1UL;
	if (end < least || initrd->size > end - least)
		die("%s: does not fit into the guest's memory (-m)", initrd->path);
	at = (end - initrd->size) & ~4095UL;
	if (at < least)
		die("%s: does not fit into the guest's memory (-m)", initrd->path);
	memcpy(memory + at, initrd->data, initrd->size);
	return at;
}

static void write_command_line(char **words, const struct setup_header *h)
{
	size_t room = LOW_MEMORY_END - COMMAND_LINE - 1, n = strlen(DEFAULT_WORDS);
	char *line = (char *)memory + COMMAND_LINE;

	if (room > h->cmdline_size)
		room = h->cmdline_size;
	memcpy(line, DEFAULT_WORDS, n + 1);
	for (; *words; words++) {
		if (strlen(*words) + 1 > room - n)
			die("the kernel takes a command line of at most %zu bytes", room);
		n += sprintf(line + n, " %s", *words);
	}
}

/* What the kernel is told: struct boot_params. The initial file system may be NULL, with 0 bytes. */
static void fill_boot_params(const struct file *kernel, uint64_t initrd, uint64_t initrd_size)
{
	struct boot_params *p = (struct boot_params *)(memory + BOOT_PARAMS);

	/* LAB 12: begin
	 * Memory is zeroed, so p is. Its member hdr is the header at the same offset of the kernel's file, and
	 * goes there: from offsetof(struct boot_params, hdr) up to, not including, byte 0x202 + N, where N is
	 * the byte at HEADER_JUMP of the file; at most sizeof(p->hdr) bytes. What follows is code. Then the loader's
	 * own entries: type_of_loader (LOADER_UNDEFINED), cmd_line_ptr, ramdisk_image, ramdisk_size.
	 * And the memory map, e820_table with its length e820_entries: two ranges of type E820_RAM,
	 * from 0 to LOW_MEMORY_END and from HIGH_MEMORY to the end of memory.
	 * starter: die("lab 12: fill_boot_params() is not written yet: %p %p %d", p, kernel->data,
	 * starter:     initrd + initrd_size > 0);
	 */
	size_t from = offsetof(struct boot_params, hdr);
	size_t n = HEADER_JUMP + 1 + kernel->data[HEADER_JUMP] - from;

	memcpy(&p->hdr, kernel->data + from, n < sizeof(p->hdr) ? n : sizeof(p->hdr));
	p->hdr.type_of_loader = LOADER_UNDEFINED;
	p->hdr.cmd_line_ptr = COMMAND_LINE;
	p->hdr.ramdisk_image = initrd;
	p->hdr.ramdisk_size = initrd_size;
	p->e820_table[0] = (struct boot_e820_entry){ 0, LOW_MEMORY_END, E820_RAM };
	p->e820_table[1] =
		(struct boot_e820_entry){ HIGH_MEMORY, memory_size - HIGH_MEMORY, E820_RAM };
	p->e820_entries = 2;
	/* LAB 12: end */
}

/* ---- the state in which a 64-bit kernel begins ---- */

/* The first 4 GiB, each address at itself. */
static void make_page_tables(void)
{
	uint64_t *tables = (uint64_t *)(memory + PAGE_TABLES);

	/* LAB 12: begin
	 * Six tables of 512 entries stand one behind the other at PAGE_TABLES. The first (PML4) has one entry,
	 * which points to the second (PDPT). That has four, which point to the others (page directories).
	 * Their 4 x 512 entries are pages of 2 MiB (PTE_LARGE), the n-th one at n x 2 MiB. All are
	 * PTE_PRESENT and PTE_WRITE. Entries hold the guest's addresses, not ours.
	 * starter: die("lab 12: make_page_tables() is not written yet: %p", tables);
	 */
	const uint64_t flags = PTE_PRESENT | PTE_WRITE;

	tables[0] = (PAGE_TABLES + 4096) | flags;
	for (uint64_t i = 0; i < 4; i++)
		tables[512 + i] = (PAGE_TABLES + 4096 * (2 + i)) | flags;
	for (uint64_t n = 0; n < 4 * 512; n++)
		tables[1024 + n] = n << 21 | PTE_LARGE | flags;
	/* LAB 12: end */
}

/* 0x10: code of 64 bits, 0x18: data; both cover everything. */
static const uint64_t gdt[] = { 0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff };

static void set_long_mode(struct kvm_sregs *s, struct kvm_regs *r)
{
	/* LAB 12: begin
	 * What boot.rst asks of a 64-bit loader, in registers. In s, which holds the state after a reset: CS and the
	 * others (DS, ES, FS, GS, SS) as the descriptors of gdt[] have them, from base 0 to limit 0xffffffff, present,
	 * with s and g set; selector 0x10, type 11 (code, accessed) and l for CS, selector 0x18, type 3 (data,
	 * accessed) and db for the others. The GDT's base and limit, the last byte's offset. CR3; PAE in CR4; PE and
	 * PG in CR0; LME and LMA in EFER: KVM takes the state as it is, and does not switch modes. In r: rip is
	 * ENTRY_64 behind the kernel's begin, rsi is where boot_params are, rflags is RFLAGS_ONE: no interrupts.
	 * starter: die("lab 12: set_long_mode() is not written yet: %p %p %zu", s, r, sizeof(gdt));
	 */
	struct kvm_segment flat = { .limit = 0xffffffff, .present = 1, .s = 1, .g = 1 };

	s->cs = flat;
	s->cs.selector = 0x10;
	s->cs.type = 11;
	s->cs.l = 1;
	flat.selector = 0x18;
	flat.type = 3;
	flat.db = 1;
	s->ds = s->es = s->fs = s->gs = s->ss = flat;
	s->gdt.base = GDT;
	s->gdt.limit = sizeof(gdt) - 1;
	s->cr3 = PAGE_TABLES;
	s->cr4 |= CR4_PAE;
	s->cr0 |= CR0_PE | CR0_PG;
	s->efer |= EFER_LME | EFER_LMA;
	r->rip = HIGH_MEMORY + ENTRY_64;
	r->rsi = BOOT_PARAMS;
	r->rflags = RFLAGS_ONE;
	/* LAB 12: end */
}

/* The guest sees the features of this CPU that KVM can give it, as those of CPU 0 of 1 under a hypervisor. */
static void set_cpuid(void)
{
	enum { MOST = 256 };
	static uint64_t
		room[(sizeof(struct kvm_cpuid2) + MOST * sizeof(struct kvm_cpuid_entry2)) / 8];
	struct kvm_cpuid2 *c = (struct kvm_cpuid2 *)room;

	c->nent = MOST;
	try(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, c), "KVM_GET_SUPPORTED_CPUID");
	for (unsigned int i = 0; i < c->nent; i++) {
		struct kvm_cpuid_entry2 *e = &c->entries[i];

		if (e->function == 1) {
			e->ebx = (e->ebx & 0xffff) | 1 << 16; /* APIC id 0 */
			e->ecx |= LEAF1_ECX_HYPERVISOR;
		} else if (e->function == 0xb || e->function == 0x1f) {
			e->edx = 0; /* the APIC id again */
		}
	}
	try(ioctl(vcpu, KVM_SET_CPUID2, c), "KVM_SET_CPUID2");
}

static void create_vcpu(void)
{
	int size = try(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	struct kvm_regs regs = { 0 };
	struct kvm_sregs sregs;

	vcpu = try(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run == MAP_FAILED)
		die("the vCPU's page: %s", strerror(errno));
	set_cpuid();
	make_page_tables();
	memcpy(memory + GDT, gdt, sizeof(gdt));
	try(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	set_long_mode(&sregs, &regs);
	try(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	try(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* ---- the serial port: a 16550 (data sheet PC16550D; linux/serial_reg.h has the names) ---- */

static struct {
	pthread_mutex_t lock; /* the vCPU and the reader of stdin meet here */
	pthread_cond_t ready; /* for another character: ask uart_ready() */
	uint8_t reg[8]; /* what was written last */
	uint8_t divisor[2]; /* in the place of registers 0 and 1 while DLAB is set */
	bool received; /* a character waits in rbr */
	uint8_t rbr;
	bool sent; /* the transmitter is empty, and the guest has not been told */
	bool level; /* of the interrupt line, as KVM was told */
} uart = { .lock = PTHREAD_MUTEX_INITIALIZER, .ready = PTHREAD_COND_INITIALIZER };

/* What the interrupt is for, by priority. */
static uint8_t uart_cause(void)
{
	if ((uart.reg[UART_IER] & UART_IER_RDI) && uart.received)
		return UART_IIR_RDI;
	if ((uart.reg[UART_IER] & UART_IER_THRI) && uart.sent)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void uart_update_line(void)
{
	/* LAB 12: begin
	 * The line of IRQ_COM1 is up as long as uart_cause() has a cause, and down else. Tell KVM (KVM_IRQ_LINE,
	 * an ioctl on vm, takes a struct kvm_irq_level) when that has changed, and only then.
	 * starter: uart.level = uart_cause() != UART_IIR_NO_INT;
	 */
	struct kvm_irq_level line = { .irq = IRQ_COM1, .level = uart_cause() != UART_IIR_NO_INT };

	if (line.level != uart.level)
		ioctl(vm, KVM_IRQ_LINE, &line);
	uart.level = line.level;
	/* LAB 12: end */
}

/*
 * Input that comes before the driver listens would be lost. It listens when it allows the interrupt, and lets
 * it through to the PC's wire by OUT2; looking for the port, it tries all bits of IER, too.
 */
static bool uart_ready(void)
{
	return !uart.received && (uart.reg[UART_IER] & UART_IER_RDI) &&
	       (uart.reg[UART_MCR] & UART_MCR_OUT2);
}

static bool is_divisor(unsigned int reg)
{
	return reg < 2 && (uart.reg[UART_LCR] & UART_LCR_DLAB);
}

static uint8_t uart_read(unsigned int reg)
{
	uint8_t v = is_divisor(reg) ? uart.divisor[reg] : uart.reg[reg];

	/* LAB 12: begin
	 * v is right for the registers that give back what was written, and for the divisor. Four others do not
	 * (linux/serial_reg.h has the names):
	 * UART_RX, when it is not the divisor: the character that came (rbr), or 0 without one; it is taken out.
	 * UART_IIR: uart_cause(), with 0xc0 beside it when UART_FCR_ENABLE_FIFO was written to UART_FCR: the
	 * mark of a 16550A. If it is UART_IIR_THRI, the guest has now been told (sent).
	 * UART_LSR: a transmitter that is always empty (UART_LSR_TEMT and UART_LSR_THRE), and UART_LSR_DR when
	 * a character waits.
	 * UART_MSR: somebody listens (UART_MSR_DCD, UART_MSR_DSR, UART_MSR_CTS).
	 * starter: v = uart.received ? uart.rbr : v;
	 */
	switch (reg) {
	case UART_RX:
		if (is_divisor(reg))
			break;
		v = uart.received ? uart.rbr : 0;
		uart.received = false;
		break;
	case UART_IIR:
		v = uart_cause() | (uart.reg[UART_FCR] & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
		if (uart_cause() == UART_IIR_THRI)
			uart.sent = false;
		break;
	case UART_LSR:
		v = UART_LSR_TEMT | UART_LSR_THRE | (uart.received ? UART_LSR_DR : 0);
		break;
	case UART_MSR:
		v = UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
		break;
	}
	/* LAB 12: end */
	return v;
}

static void uart_write(unsigned int reg, uint8_t v)
{
	if (is_divisor(reg)) {
		uart.divisor[reg] = v;
		return;
	}
	if (reg == UART_TX) {
		if (write(1, &v, 1) < 0)
			die("stdout: %s", strerror(errno));
		uart.sent = true;
	} else if (reg == UART_IER) {
		v &= 0xf;
		if (v & ~uart.reg[UART_IER] & UART_IER_THRI)
			uart.sent = true; /* who allows it is told at once */
	} else if (reg == UART_MCR) {
		v &= 0x1f;
	}
	uart.reg[reg] = v;
}

static void uart_access(unsigned int reg, bool in, uint8_t *v)
{
	pthread_mutex_lock(&uart.lock);
	if (in)
		*v = uart_read(reg);
	else
		uart_write(reg, *v);
	uart_update_line();
	if (uart_ready())
		pthread_cond_signal(&uart.ready);
	pthread_mutex_unlock(&uart.lock);
}

static void uart_input(uint8_t c)
{
	pthread_mutex_lock(&uart.lock);
	while (!uart_ready())
		pthread_cond_wait(&uart.ready, &uart.lock);
	uart.rbr = c;
	uart.received = true;
	uart_update_line();
	pthread_mutex_unlock(&uart.lock);
}

/* ---- stdin, and the terminal that it may be ---- */

#define ESCAPE 1 /* Ctrl-A */

static struct termios old_terminal;

static void restore_terminal(void)
{
	tcsetattr(0, TCSAFLUSH, &old_terminal);
}

static void make_raw(void)
{
	struct termios raw;

	if (tcgetattr(0, &old_terminal) < 0)
		return; /* not a terminal */
	raw = old_terminal;
	cfmakeraw(&raw);
	tcsetattr(0, TCSAFLUSH, &raw);
	atexit(restore_terminal);
}

static void *read_input(void *terminal)
{
	bool escaped = false;
	uint8_t c;

	while (read(0, &c, 1) == 1) {
		if (terminal && escaped && c == 'x')
			exit(0);
		escaped = terminal && !escaped && c == ESCAPE;
		if (!escaped)
			uart_input(c);
	}
	return NULL;
}

/* ---- what the guest's exits want ---- */

/* One access of `size` bytes. Nobody answers at most ports: then a read gives ones, as on a PC. */
static void access_port(uint16_t port, bool in, uint8_t *data, unsigned int size)
{
	if (in)
		memset(data, 0xff, size);
	if (port >= PORT_COM1 && port < PORT_COM1 + 8)
		uart_access(port - PORT_COM1, in, data);
	if (in)
		return;
	if (port == PORT_EXIT)
		exit(*data);
	if ((port == PORT_KEYBOARD && *data == KEYBOARD_RESET) ||
	    (port == PORT_RESET && (*data & RESET_CPU)))
		exit(0);
}

static unsigned long long guest_rip(void)
{
	struct kvm_regs regs = { 0 };

	ioctl(vcpu, KVM_GET_REGS, &regs);
	return regs.rip;
}

static void handle_exit(void)
{
	/* LAB 12: begin
	 * Do what the exit in *run asks for (KVM's Documentation/virt/kvm/api.rst, "The kvm_run structure"):
	 * KVM_EXIT_IO: call access_port() run->io.count times (a string instruction does several), with data that
	 * begins run->io.data_offset bytes behind run itself, run->io.size bytes further each time.
	 * KVM_EXIT_MMIO: there is no device in memory; a read gives run->mmio.len bytes 0xff at run->mmio.data.
	 * KVM_EXIT_INTR: a signal came; nothing. KVM_EXIT_SHUTDOWN: the guest's triple fault; die("the guest
	 * shut down (triple fault) at rip 0x%llx", guest_rip()). Anything else: die() with its number, in the
	 * same way.
	 * starter: uint8_t nothing = 0;
	 * starter:
	 * starter: access_port(0, false, &nothing, 1);
	 * starter: die("lab 12: handle_exit() is not written yet: exit %u at rip 0x%llx", run->exit_reason,
	 * starter:     guest_rip());
	 */
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		for (unsigned int i = 0; i < run->io.count; i++, data += run->io.size)
			access_port(run->io.port, run->io.direction == KVM_EXIT_IO_IN, data,
				    run->io.size);
		break;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, run->mmio.len);
		break;
	case KVM_EXIT_INTR:
		break;
	case KVM_EXIT_SHUTDOWN:
		die("the guest shut down (triple fault) at rip 0x%llx", guest_rip());
	default:
		die("unexpected exit %u at rip 0x%llx", run->exit_reason, guest_rip());
	}
	/* LAB 12: end */
}

static _Noreturn void run_guest(void)
{
	for (;;) {
		if (ioctl(vcpu, KVM_RUN, 0) < 0 && errno != EINTR && errno != EAGAIN)
			die("KVM_RUN: %s at rip 0x%llx", strerror(errno), guest_rip());
		handle_exit();
	}
}

/* ---- the command line ---- */

static uint64_t size_of(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (!strcmp(end, "G"))
		n <<= 10;
	else if (strcmp(end, "M"))
		n = 0;
	if (n < 2 || n > MEMORY_MOST >> 20) {
		fprintf(stderr, "monitor: -m %s: a size from 2M to 3G\n", text);
		exit(USAGE);
	}
	return n << 20;
}

int main(int argc, char **argv)
{
	struct file kernel, initrd = { 0 };
	struct setup_header header;
	uint64_t initrd_at = 0;
	pthread_t reader;
	int opt;

	while ((opt = getopt(argc, argv, "+m:")) == 'm')
		memory_size = size_of(optarg);
	argv += optind;
	if (opt != -1 || !argv[0]) {
		fprintf(stderr, "usage: monitor [-m SIZE] KERNEL [INITRD [WORD...]]\n");
		return USAGE;
	}
	kernel = map_file(argv[0]);
	header = check_kernel(&kernel);
	if (argv[1] && *argv[1])
		initrd = map_file(argv[1]);
	create_machine();
	load_kernel(&kernel, &header);
	if (initrd.data)
		initrd_at = load_initrd(&initrd, &header);
	write_command_line(argv[1] ? argv + 2 : argv + 1, &header);
	fill_boot_params(&kernel, initrd_at, initrd.size);
	create_vcpu();
	make_raw();
	if (pthread_create(&reader, NULL, read_input, isatty(0) ? &reader : NULL))
		die("no thread for the input");
	run_guest();
}
