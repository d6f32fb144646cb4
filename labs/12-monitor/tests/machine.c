/* SPDX-License-Identifier: MIT */
/*
 * The pieces of user/monitor.c by themselves: `machine NAME` runs one test. None of these needs /dev/kvm: what
 * the monitor asks of it is written down here. `machine kernel` writes a kernel of a few instructions, as a
 * bzImage, to stdout; that one is for the monitor itself.
 */
#include <sys/ioctl.h>

static int ioctl_here(int fd, unsigned long request, unsigned long argument);

#define ioctl(fd, request, argument) ioctl_here(fd, request, (unsigned long)(argument))
#define main monitor_main
#include "../../../user/monitor.c"
#undef main

static int failed;

static void equal(const char *what, unsigned long long got, unsigned long long expected)
{
	if (got == expected)
		return;
	printf("FAIL %s: expected 0x%llx, got 0x%llx\n", what, expected, got);
	failed = 1;
}

/* ---- what the monitor asks of KVM ---- */

static int slots, lines, level = -1;
static struct kvm_userspace_memory_region last_slot;

static int ioctl_here(int fd, unsigned long request, unsigned long argument)
{
	if (request == KVM_SET_USER_MEMORY_REGION) {
		slots++;
		last_slot = *(struct kvm_userspace_memory_region *)argument;
	} else if (request == KVM_IRQ_LINE) {
		struct kvm_irq_level *l = (void *)argument;

		lines++;
		level = l->irq == 4 ? l->level : 99;
	} else if (request == KVM_GET_REGS) {
		((struct kvm_regs *)argument)->rip = 0x1234;
	}
	return 0;
}

/* ---- memory ---- */

static void make_memory(void)
{
	memory_size = 64UL << 20;
	memory =
		mmap(NULL, memory_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void slot(void)
{
	memory_size = 48UL << 20;
	add_memory();
	equal("slots", slots, 1);
	equal("number of the slot", last_slot.slot, 0);
	equal("flags", last_slot.flags, 0);
	equal("address for the guest", last_slot.guest_phys_addr, 0);
	equal("size", last_slot.memory_size, 48 << 20);
	equal("address for the monitor", last_slot.userspace_addr, (uintptr_t)memory);
	memory[0] = memory[memory_size - 1] = 1;
	equal("a byte nobody wrote", memory[4096], 0);
}

static void check_map(const struct boot_params *p)
{
	equal("e820 entries", p->e820_entries, 2);
	equal("first range", p->e820_table[0].addr, 0);
	equal("its size", p->e820_table[0].size, 0x9f000);
	equal("its type", p->e820_table[0].type, 1);
	equal("second range", p->e820_table[1].addr, 0x100000);
	equal("its size", p->e820_table[1].size, 63 << 20);
	equal("its type", p->e820_table[1].type, 1);
}

/* A file full of 0xcc, so that too much shows; its header ends before the last members of the struct. */
static void boot_params(void)
{
	const struct boot_params *p;
	struct file kernel = { .path = "kernel", .size = 8192 };
	static uint8_t data[8192];

	memset(data, 0xcc, sizeof(data));
	data[0x201] = 0x62;
	kernel.data = data;
	make_memory();
	p = (struct boot_params *)(memory + 0x7000);
	fill_boot_params(&kernel, 0x3000000, 0x1234);
	equal("the byte before the header", ((uint8_t *)p)[0x1f0], 0);
	equal("header: setup_sects", p->hdr.setup_sects, 0xcc);
	equal("header: init_size, its last member here", p->hdr.init_size, 0xcccccccc);
	equal("what is behind the header", p->hdr.handover_offset, 0);
	equal("type_of_loader", p->hdr.type_of_loader, 0xff);
	equal("cmd_line_ptr", p->hdr.cmd_line_ptr, 0x20000);
	equal("ramdisk_image", p->hdr.ramdisk_image, 0x3000000);
	equal("ramdisk_size", p->hdr.ramdisk_size, 0x1234);
	check_map(p);
	data[0x201] = 0xff; /* a later version's header: longer than the struct */
	fill_boot_params(&kernel, 0x3000000, 0x1234);
	equal("a long header: its last member", p->hdr.kernel_info_offset, 0xcccccccc);
	equal("a long header: what is behind the struct", p->_pad7[0], 0);
}

/* ---- as a CPU sees it ---- */

/* Walks the tables; 0: not mapped. Bit 0 of the result is a writable page of 2 MiB. */
static uint64_t translate(uint64_t address)
{
	uint64_t table = 0x9000, entry = 0;

	for (int shift = 39; shift >= 21; shift -= 9) {
		if (table >= memory_size)
			return 0;
		entry = ((uint64_t *)(memory + table))[address >> shift & 511];
		if ((entry & 3) != 3)
			return 0;
		if (shift > 21 && (entry & 0x80))
			return 0;
		table = entry & 0xffffffffff000;
	}
	return entry & 0x80 ? (entry & 0xfffffffe00000) | (address & 0x1fffff) | 1 : 0;
}

static void page_tables(void)
{
	static const uint64_t some[] = {
		0,          0x100200,   0x1ffffe,   0x200000,   0x12345678,
		0x3ffffffe, 0x40000000, 0xbffffffe, 0xfee00300, 0xfffffffe
	};

	make_memory();
	make_page_tables();
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++)
		equal("translation of an address", translate(some[i]), some[i] | 1);
	equal("4 GiB", translate(1UL << 32), 0);
	equal("512 GiB", translate(1UL << 39), 0);
}

static void check_segment(const char *name, const struct kvm_segment *s, bool code)
{
	printf("%s\n", name);
	equal("base", s->base, 0);
	equal("limit", s->limit, 0xffffffff);
	equal("selector", s->selector, code ? 0x10 : 0x18);
	equal("type", s->type, code ? 11 : 3);
	equal("present", s->present, 1);
	equal("dpl", s->dpl, 0);
	equal("db", s->db, !code);
	equal("l", s->l, code);
	equal("s", s->s, 1);
	equal("g", s->g, 1);
	equal("unusable", s->unusable, 0);
}

static void long_mode(void)
{
	struct kvm_sregs s = { .cr0 = 0x10, .tr = { .type = 11, .present = 1, .limit = 0xffff } };
	struct kvm_regs r = { 0 };

	s.cs = (struct kvm_segment){ .base = 0xffff0000, .limit = 0xffff, .selector = 0xf000 };
	set_long_mode(&s, &r);
	check_segment("cs", &s.cs, true);
	check_segment("ds", &s.ds, false);
	check_segment("es", &s.es, false);
	check_segment("fs", &s.fs, false);
	check_segment("gs", &s.gs, false);
	check_segment("ss", &s.ss, false);
	equal("gdt base", s.gdt.base, 0x8000);
	equal("gdt limit", s.gdt.limit, 31);
	equal("cr0", s.cr0, 0x80000011);
	equal("cr3", s.cr3, 0x9000);
	equal("cr4", s.cr4, 0x20);
	equal("efer", s.efer, 0x500);
	equal("tr limit", s.tr.limit, 0xffff);
	equal("rip", r.rip, 0x100200);
	equal("rsi", r.rsi, 0x7000);
	equal("rflags", r.rflags, 2);
}

/* ---- exits ---- */

static void port_exit(uint16_t port, bool in, unsigned int size, unsigned int count)
{
	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.port = port;
	run->io.size = size;
	run->io.count = count;
	run->io.data_offset = 0x800;
	handle_exit();
}

static void exits(void)
{
	static uint64_t page[512];
	uint8_t *data = (uint8_t *)page + 0x800;

	run = (struct kvm_run *)page;
	memcpy(data, "rep outsb\n", 10);
	port_exit(0x3f8, false, 1, 10);
	memset(data, 0, 16);
	port_exit(0x80, true, 4, 2);
	equal("in from nowhere", page[256], ~0ULL);
	equal("what is behind it", page[257], 0);
	data[0] = 0x5a;
	port_exit(0x3ff, false, 1, 1);
	data[0] = 0;
	port_exit(0x3ff, true, 1, 1);
	equal("in from the scratch register", data[0], 0x5a);
	run->exit_reason = KVM_EXIT_INTR;
	handle_exit();
	run->exit_reason = KVM_EXIT_MMIO;
	run->mmio.is_write = 0;
	run->mmio.len = 4;
	memset(run->mmio.data, 0, 8);
	handle_exit();
	equal("a load from nowhere", *(uint32_t *)run->mmio.data, 0xffffffff);
	run->mmio.is_write = 1;
	memset(run->mmio.data, 0x11, 8);
	handle_exit();
	equal("a store to nowhere", run->mmio.data[0], 0x11);
	if (failed)
		return;
	puts("ok exits, and now the end:");
	run->exit_reason = KVM_EXIT_SHUTDOWN;
	handle_exit();
}

/* ---- the serial port ---- */

static uint8_t in(unsigned int reg)
{
	uint8_t v = 0xff;

	uart_access(reg, true, &v);
	return v;
}

static void out(unsigned int reg, uint8_t v)
{
	uart_access(reg, false, &v);
}

static void registers(void)
{
	equal("LSR, idle", in(UART_LSR), 0x60);
	equal("MSR", in(UART_MSR), 0xb0);
	equal("RX, nothing came", in(UART_RX), 0);
	equal("IIR, no FIFO", in(UART_IIR), 1);
	out(UART_FCR, 1);
	equal("IIR, FIFO", in(UART_IIR), 0xc1);
	out(UART_IER, 0xff);
	equal("IER has four bits", in(UART_IER), 0xf);
	out(UART_IER, UART_IER_RDI);
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_LCR, 0x83);
	out(UART_DLL, 12);
	out(UART_DLM, 34);
	equal("DLL", in(UART_DLL), 12);
	equal("DLM", in(UART_DLM), 34);
	uart_input('a');
	equal("DLL is not RX", in(UART_DLL), 12);
	out(UART_LCR, 3);
	equal("LCR", in(UART_LCR), 3);
	equal("IER", in(UART_IER), 1);
	equal("LSR, one came", in(UART_LSR), 0x61);
	equal("RX", in(UART_RX), 'a');
	equal("LSR, it was read", in(UART_LSR), 0x60);
	out(UART_SCR, 0xa5);
	equal("SCR", in(UART_SCR), 0xa5);
	out(UART_MCR, 0xb);
	equal("MCR", in(UART_MCR), 0xb);
}

static int cause(void)
{
	return in(UART_IIR)&0xf;
}

static void line(void)
{
	out(UART_MCR, UART_MCR_OUT2);
	out(UART_IER, UART_IER_RDI);
	equal("calls, no cause", lines, 0);
	uart_input('a');
	equal("line, received", level, 1);
	equal("cause, received", cause(), UART_IIR_RDI);
	equal("calls, received", lines, 1);
	out(UART_IER, UART_IER_RDI | UART_IER_THRI);
	equal("cause, both: the first", cause(), UART_IIR_RDI);
	in(UART_RX);
	equal("line, one cause is left", level, 1);
	equal("calls, it stayed up", lines, 1);
	equal("cause, the transmitter", cause(), UART_IIR_THRI);
	equal("line, told", level, 0);
	equal("cause, told", cause(), UART_IIR_NO_INT);
	out(UART_TX, '\n');
	equal("line, a character is gone", level, 1);
	out(UART_IER, 0);
	equal("line, nothing is allowed", level, 0);
	equal("calls in all", lines, 4);
}

/* ---- a kernel: says its command line and its initial file system, then does as the last letter says ---- */

#define FILE_SETUP 1024 /* the boot sector and one more */

asm(".pushsection .rodata\n"
    "tiny: mov $0x3f8, %edx; cld\n"
    "mov %rsi, %rbx; mov 0x228(%rbx), %esi\n" /* cmd_line_ptr */
    "1: lodsb; test %al, %al; jz 2f; out %al, %dx; mov %al, %cl; jmp 1b\n"
    "2: mov %cl, %bpl; mov $'\\n', %al; out %al, %dx\n"
    "mov 0x218(%rbx), %esi; mov 0x21c(%rbx), %ecx; rep outsb\n" /* ramdisk_image, ramdisk_size */
    "cmp $'c', %bpl; je 3f; cmp $'k', %bpl; je 4f; cmp $'t', %bpl; je 5f; cmp $'i', %bpl; je 6f\n"
    /* the last page, a port and an address where nothing is, all it was told of: 42 */
    "mov 0x2d0+20(%rbx), %rdi; add 0x2d0+28(%rbx), %rdi; mov $2, %cl; mov %cl, -1(%rdi)\n"
    "add -1(%rdi), %cl; in $0x80, %al; sub %al, %cl; mov $0xd0000000, %edi; sub (%rdi), %cl\n"
    "lea 36(%rcx), %eax; out %al, $0xf4\n"
    "3: mov $0xcf9, %edx; mov $6, %al; out %al, %dx\n"
    "4: mov $0xfe, %al; out %al, $0x64\n"
    "5: push $0; push $0; lidt (%rsp); ud2\n"
    "6: mov $0x3fc, %edx; mov $8, %al; out %al, %dx\n" /* OUT2 */
    "mov $0x3f9, %edx; mov $1, %al; out %al, %dx\n" /* IER; then until a new line */
    "7: mov $0x3fd, %edx; in %dx, %al; test $1, %al; jz 7b; mov $0x3f8, %edx; in %dx, %al; out "
    "%al, %dx\n"
    "cmp $'\\n', %al; jne 7b; mov $7, %al; out %al, $0xf4\n"
    "tiny_end: .popsection\n");
extern const uint8_t tiny[], tiny_end[];

static void write_kernel(void)
{
	static uint8_t file[8192];
	struct setup_header *h = (void *)(file + offsetof(struct boot_params, hdr));

	h->setup_sects = 1;
	h->boot_flag = 0xaa55;
	h->header = 0x53726448;
	h->version = 0x20f;
	file[0x201] = 0x6a;
	h->xloadflags = XLF_KERNEL_64;
	h->cmdline_size = 255;
	h->initrd_addr_max = 0x7fffffff;
	h->pref_address = 0x100000;
	h->init_size = 0x100000;
	memcpy(file + FILE_SETUP + 0x200, tiny, tiny_end - tiny);
	fwrite(file, 1, sizeof(file), stdout);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*function)(void);
	} tests[] = {
		{ "slot", slot },
		{ "boot-params", boot_params },
		{ "page-tables", page_tables },
		{ "long-mode", long_mode },
		{ "exits", exits },
		{ "registers", registers },
		{ "line", line },
	};
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "kernel")) {
		write_kernel();
		return 0;
	}
	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		if (strcmp(name, tests[i].name))
			continue;
		tests[i].function();
		if (!failed)
			printf("ok %s\n", name);
		return failed;
	}
	return 2;
}
