/* SPDX-License-Identifier: MIT */
/*
 * vm: virtual machines, from an image and a kernel to the exit status. There is no daemon: a
 * machine is an ordinary process in a cgroup of its own, the monitor, that asks the kernel for a virtual CPU
 * (/dev/kvm) and plays the devices itself: `vm run`, or a child of the keeper that this leaves behind. Its
 * life, from a name to the end, is as a container's (life.h).
 *
 *	main.c     verbs and their help
 *	run.c      one machine's life: name, cgroup, threads, terminal, end
 *	machine.c  the KVM side: memory slots, registers, and what to do at an exit
 *	task.c     tasks that the hardware switches
 *	loader.c   the kinds of kernels, and what their loaders share
 *	boot.c     what a PVH loader puts into memory: kernel, modules, command line
 *	linux.c    what a loader of Linux kernels puts there; multiboot.c  one of multiboot kernels
 *	initramfs.c  the initial file system of a guest with an image
 *	acpi.c     the ACPI and MP tables
 *	bus.c      how vCPUs and the world outside reach the devices
 *	devices.c  small ones: clock, ways to end the machine
 *	pci.c      the PCI bus
 *	virtio.c   what virtio devices share; virtq.c their queues, virtio_pci.c how they are on the bus,
 *	           virtio_mmio.c how they are without one
 *	disk.c     files as disks
 *	blk.c  net.c  rng.c  console.c  p9.c   virtio devices: disks, networks, random bytes, a terminal, folders
 *	ide.c      IDE disks and CD; ahci.c  SATA disks
 *	firmware.c SeaBIOS and what it asks; floppy disks are its own
 *	vga.c      text mode, shown in the terminal; i8042.c  the keyboard
 *	uart.c     serial ports: the console, the command's output, the agent's
 *	agent.c    commands inside the machine, by its agent; exec.c  who asks for one
 *	shared.c    containers that share a machine
 *	stats.c    exits, counted
 *	explain.c  what a machine is made of, drawn
 *	snapshot.c a machine in a file, and back; control.c  who asks a running one for it
 *	sandbox.c  walls around the monitor
 */
#pragma once
#include <pthread.h>
#include <sys/mman.h>
#include <linux/kvm.h>

#include "life.h"

#define MAX_CPUS 16
#define MEMORY_LEAST (4UL << 20)
#define MAX_CPUID 100
#define PAGE 4096UL
#define ALIGN_UP(x, a) (((x) + (a)-1) & ~((a)-1))
/* guest-physical memory below 1 MiB */
#define INFO_AREA 0x90000UL /* what a loader tells its kernel */
#define LOW_MEMORY_END 0x9f000UL /* of conventional memory; what is behind it is the firmware's */
#define ACPI_AREA 0xe0000UL
#define BIOS_AREA 0xf0000UL /* what kernels search for tables */
#define TABLES_END 0xf2000UL
#define HIGH_MEMORY 0x100000UL
#define PCI_WINDOW 0xc0000000UL /* memory of PCI devices; RAM and image end below it */
#define PCI_WINDOW_END 0xfec00000UL
#define MMIO_WINDOW 0xfec10000UL /* virtio devices that are on no bus */
#define IO_APIC 0xfec00000UL
#define IOAPIC_INPUTS 24
#define ISA_INTERRUPTS 16
#define TIMER_INPUT 2 /* of the IOAPIC; ISA's line 2 leads from PIC to PIC */
#define LOCAL_APIC 0xfee00000UL

#define WORDS_MAX 3600 /* bytes */
#define FILE_HEAD 8192 /* of a file: what its kind is known by */

/* ports that more than one file names */
#define PORT_HANDOFF 0xb4 /* the firmware has done its part: see handoff() */
#define PORT_PM1_EVENT 0x600 /* ACPI: 16 bits of status, 16 bits of what to tell */
#define PORT_PM1_CONTROL 0x604
#define PORT_PM_TIMER 0x608
#define SLEEP_TYPE_OFF 0 /* as QEMU has it, for kernels that read no ACPI */
#define IRQ_SCI 9 /* the interrupt line of ACPI events */
#define PORT_RESET_CONTROL 0xcf9
#define RESET_CPU 0x04
#define CMOS_CENTURY 0x32

/* A file, mapped whole and privately. */
struct file {
	const char *path;
	int fd;
	uint8_t *data;
	size_t size;
};

/* A folder that the guest shares, at PATH there. */
#define SHARES_MAX 8
#define SHARE_TAG 16
struct share {
	const char *path, *guest;
	char tag[SHARE_TAG]; /* its device's name, share0 */
	bool read_only;
	int fd;
};

struct machine {
	/* what was asked for */
	const char *image, *kernel; /* paths */
	char **argv; /* the command, the image's without one, or NULL: a shell on the console */
	const char *append, *name;
	char device_words[WORDS_MAX]; /* the options for its devices, a 0 behind each; last: "" */
	const char *initrd; /* of a Linux kernel; that has no image */
	bool boot16; /* it starts at its 16-bit entry, after the firmware */
	struct image_config config; /* what the image says about running it */
	uint64_t memory;
	unsigned int cpus;
	bool vga; /* the terminal is a screen and a keyboard, not COM1 */
	bool card; /* there is a VGA card */
	const char *firmware, *cdrom, *floppy; /* files */
	const char *boots; /* what the firmware boots first, by its name for it; or NULL */
	struct file rom; /* which is mapped below 4 GiB */
	bool console; /* the guest's console goes to stderr */
	bool devices; /* it has virtio devices */
	const char *address; /* of its eth0, on the bridge; NULL: it is not there */
	struct share shares[SHARES_MAX];
	unsigned int nr_shares;
	uint64_t idle; /* seconds without a command of the agent's, then it ends; 0: never */
	const char *ctr; /* a program that the guest has as SHARED_CTR, or NULL */
	bool interactive, terminal; /* the command's stdio is ours, by the agent; is a terminal */

	int kvm, vm, vcpu[MAX_CPUS];
	struct kvm_run *run[MAX_CPUS];
	size_t run_size;
	uint32_t tsc_khz;
	uint8_t *ram; /* guest-physical 0 */
	uint64_t ram_size;
	uint8_t *image_at;
	uint64_t image_size; /* in whole pages (Linux: LINUX_ALIGN); it lies right behind the RAM */
	bool restored; /* from a snapshot: there is nothing to load */
	bool watched; /* what its command writes is noted for the next one */
	bool pci; /* there is a bus */
	bool mmio; /* virtio devices are not on it */

	void (*load)(struct machine *m);
	uint64_t kernel_end; /* guest-physical, of its last segment */
	/* how the first vCPU begins; all guest-physical */
	enum { ENTER_PROTECTED, ENTER_LONG, ENTER_RESET } mode;
	uint64_t entry, start_info;
	uint32_t magic; /* protected mode: EAX */
	uint64_t gdt, gdt_size, page_tables; /* Linux; long mode */
	void (*handoff)(struct machine *m,
			int vcpu); /* reset: puts a kernel behind the firmware; or NULL */
};

/* loader.c: by what kind of file the kernel is. Dies when it is none. */
void loader_choose(struct machine *m);

void file_map(struct file *f, const char *path);
void file_unmap(struct file *f);
struct segment {
	uint64_t offset, filesz; /* in the file */
	uint64_t paddr, memsz;
};
void load_segment(struct machine *m, const struct file *f, const struct segment *s);
/* Puts a file of --initrd below `end` and the end of the RAM, not below `least`: its address. */
uint64_t load_initrd(struct machine *m, const char *path, uint64_t least, uint64_t end,
		     uint64_t *size);

/*
 * The loaders: is the file one of theirs, by its first FILE_HEAD bytes (or all n), and load() fills guest
 * memory. load() dies with a message when something does not fit or is not right.
 */
bool pvh_is(const uint8_t *head, size_t n), linux_is(const uint8_t *head, size_t n);
bool linux_is_16(const uint8_t *head); /* one of those that has no other entry */
bool multiboot_is(const uint8_t *head, size_t n);
void pvh_load(struct machine *m), linux_load(struct machine *m), multiboot_load(struct machine *m);
/* boot.c: loads the segments, sets m->entry to that of the file; returns that of a PVH note, or 0. */
uint64_t elf64_load(struct machine *m, const struct file *f);

bool linux_panicked(struct machine *m); /* asked when the guest resets the machine */
#define LINUX_ALIGN (2UL << 20) /* of the image: Linux takes memory that is added in such pieces */

/* virtio_mmio.c: where the devices are, which are there before a kernel is loaded; how many. */
#define MMIO_MAX 14
#define MMIO_SIZE 0x200 /* bytes of registers */
struct mmio_place {
	uint32_t at;
	uint8_t irq;
};
unsigned int virtio_mmio_places(struct mmio_place p[MMIO_MAX]);

/* The memory as firmware tells it: fills at most E820_ENTRIES of e. */
#define E820_ENTRIES 4
struct boot_e820_entry;
unsigned int e820_map(struct machine *m, struct boot_e820_entry *e);

/* initramfs.c: an archive in guest memory, from `start` on, which is at a page. */
struct archive {
	struct machine *m;
	uint64_t start, at;
};
void initramfs_build(struct archive *a);
/* Behind what there is, from a page on: the file `path`, itself an archive. */
void initramfs_append(struct archive *a, const char *path);
/* What /init reads on the kernel's command line, for `text` of INIT_WORDS_MAX bytes. */
#define INIT_WORDS_MAX 256
void init_words(struct machine *m, char *text);

/* A cursor in a part of guest memory for small things. */
struct low {
	struct machine *m;
	uint64_t at, end;
};
/* Room for n zeroed bytes, 16-byte aligned; its guest-physical address. */
uint64_t low_take(struct low *l, size_t n);
uint64_t low_string(struct low *l, const char *text);

/* acpi.c: the tables that firmware leaves in its memory; the address of the RSDP */
uint64_t firmware_tables(struct machine *m);
/* the ACPI ones alone; the RSDP is the first of what it takes */
uint64_t acpi_tables(struct low *l);

/* machine.c */
void machine_create(struct machine *m);
/* KVM's memory slot: 0 the RAM, 1 the image, 2 the ROM, from 3 on firmware.c's; size 0: none any more. */
void memory_slot(struct machine *m, unsigned int slot, uint64_t at, void *host, uint64_t size,
		 unsigned int flags);
/* task.c: the CPU leaves it to us. False: it cannot be done, or is no such exit. */
bool task_switch(struct machine *m, int vcpu, uint64_t reason);
/* Runs vCPU i until the machine ends; then machine_end() has been called by somebody. */
void machine_run(struct machine *m, unsigned int i);
void irq_line(struct machine *m, unsigned int irq, bool level);
/* The first thread, without the lock of the devices: no vCPU runs between the two. False: the machine is over. */
bool vcpus_stop(struct machine *m);
void vcpus_go_on(struct machine *m);

/* run.c: the machine is over; the first status counts. Any thread; returns, the caller may go on. */
void machine_end(int status);
/* False when it cannot be written; when that was to stdout, it is the end. */
bool machine_output(int fd, const void *data, size_t n);
bool machine_is_over(void);
/* The UART has taken all of its input, or the keyboard some, and may have more. */
void want_input(void);

/* Guest-physical memory, n bytes from at on; NULL: not all of it is RAM, or the image and only to be read. */
void *guest_memory(struct machine *m, uint64_t at, uint64_t n, bool write);

/* ---- bus.c: the lock of all devices is held by who calls them, and by nobody else ---- */
enum space { PORTS, MEMORY };
#define NOWHERE UINT64_MAX
/* One access, of at most 8 bytes, all in the region at `offset`. A read finds ones in data. */
typedef void access_fn(struct machine *m, void *device, uint64_t offset, bool in, void *data,
		       unsigned int size);
/* A device's registers: a range of one address space. */
struct region {
	enum space space;
	uint64_t start; /* may change at any time; NOWHERE: the device does not answer */
	uint64_t size;
	access_fn *access;
	void (*done)(struct machine *m, void *device); /* behind the last of a burst; or NULL */
	void *device;
	/* for `vm explain`: NULL: a BAR's, of whose function pci.c tells; 0: none; or NULL; so far */
	const char *name;
	unsigned int irq;
	const char *behind;
	uint64_t accesses;
	const uint64_t *requests; /* or NULL */
	struct region *next;
};
void bus_add(struct machine *m, struct region *r);
/* Ports of a device that there is once. */
void bus_add_ports(struct machine *m, const char *name, uint64_t start, uint64_t size,
		   unsigned int irq, access_fn *access, void *device);
void bus_each(void (*fn)(const struct region *r)); /* the lock is held */
/* For a vCPU's thread, without the lock: `count` times the same, each with the next bytes of data. */
void bus_access(struct machine *m, enum space space, uint64_t at, bool in, uint8_t *data,
		unsigned int size, unsigned int count);

/* For a device that is called: what it does in between may last, and is nobody else's concern. */
void bus_unlock(void);
void bus_lock(void);

/* A descriptor that a device waits for. */
struct watch {
	int fd;
	short events; /* of poll(2); 0: not now */
	void (*fn)(struct machine *m, void *device, short events);
	void *device;
	struct watch *next;
	bool polled; /* since it last was 0: what poll(2) says is of this descriptor */
};
void watch_init(void);
void watch_add(struct watch *w);
void watch_set(struct watch *w, short events);
/* The first thread, without the lock: waits, and calls who waited. Any thread may wake it. */
void watch_once(struct machine *m);
void watch_wake(void);

/* snapshot.c: memory of a device that belongs to the machine's state, a record of the file */
struct kept {
	const char *id; /* of at most 8 letters */
	void *data;
	size_t size;
	uint32_t index; /* of several with this id */
	/*
	 * Or NULL: fills data with what is to be kept; takes it back, and believes nothing of it. NULL, or what
	 * is wrong, in a sentence.
	 */
	const char *(*saving)(struct kept *k), *(*restored)(struct machine *m, struct kept *k);
	void *device;
};
/* Of the structure at s, what lies from one member up to another one. */
#define KEPT_PART(s, first, behind)                                                                \
	.data = &(s)->first, .size = offsetof(typeof(*(s)), behind) - offsetof(typeof(*(s)), first)
void snapshot_add(const struct kept *k);
#define snapshot_keep(...) snapshot_add(&(struct kept){ __VA_ARGS__ })
void snapshot_cannot(const char *why); /* there is something that cannot be kept */
const char *snapshot_save(struct machine *m, int fd); /* NULL, or what went wrong */
/* In this order; each dies naming the file when something is wrong. */
void snapshot_open(struct machine *m, const char *path);
void snapshot_memory(struct machine *m);
void snapshot_restore(struct machine *m);
void snapshot_learn(struct machine *m); /* a command has ended */
void snapshot_learnt(struct machine *m); /* the monitor, too */

/* control.c */
void control_open(const char *name);
void control_serve(struct machine *m); /* what was asked for, if anything */
/* Asks a machine for the file; seconds: until the answer, 0: any time. NULL, or what went wrong. */
const char *control_ask(const struct state *st, char letter, int file, int seconds);

/* sandbox.c: the process keeps what it has open and the shares, and little else. Dies when it cannot. */
void sandbox_enter(struct machine *m);

/* p9.c: one more share, of the text behind --share; dies when it makes no sense */
void share_parse(struct machine *m, const char *text);

/* devices.c */
void devices_init(struct machine *m);
void machine_reset(struct machine *m); /* a reboot: there is nothing to come back to */
void press_power_button(struct machine *m);

/* firmware.c: finds one, for whoever needs it; the loader, then what the machine has for it */
void firmware_choose(struct machine *m, const char *who);
bool firmware_has_floppy(uint64_t size); /* as many bytes as a kind of them has */
void firmware_load(struct machine *m), firmware_init(struct machine *m);

/*
 * disk.c: opens a file or a block device as a disk, locks it, and has snapshots know it; its size in bytes.
 * Dies when it is no such thing, or when another machine writes there.
 */
int disk_open(const char *path, bool read_only, uint64_t *size);
void file_keep(const char *path, int fd); /* a file that a restored machine must find unchanged */

/* ide.c: the controller, which comes with its first disk at the latest */
void ide_init(struct machine *m);
/* false when it is not for it, FILE[,ro],ide */
bool ide_disk(struct machine *m, const char *disk);
unsigned int ide_cylinders(int i); /* of disk 0 or 1, of 16 heads and 63 sectors; or 0 */
void ide_cdrom(struct machine *m, const char *path);
/* What a disk says of itself in 512 bytes; multiple: sectors of a block, or 0. */
void ata_identify(uint8_t *buf, uint64_t sectors, unsigned int multiple);
bool ahci_disk(struct machine *m, const char *disk); /* ahci.c: likewise, FILE,sata */

/* vga.c */
void vga_init(struct machine *m);
void vga_end(struct machine *m); /* shows what is still to be shown */

/* i8042.c */
void i8042_init(struct machine *m);
void keyboard_tick(void); /* some time has gone by */
size_t keyboard_room(void); /* as uart_room(), uart_input() */
void keyboard_input(struct machine *m, const uint8_t *buf, size_t n);

/* uart.c */
void uart_init(struct machine *m);
bool uart_heard(const char *text); /* has the guest written it to its console, lately? */
void uart_panicked(void); /* says so, with the console's last lines if they went nowhere */
/* Bytes that COM1 takes from the terminal now, and giving them to it. */
size_t uart_room(void);
void uart_input(struct machine *m, const uint8_t *buf, size_t n);

void uart_kick(struct machine *m); /* the agent has something to say to the guest */

/* agent.c: what COM3 sends, and what it receives: how many bytes */
void agent_init(struct machine *m);
void agent_hear(struct machine *m, uint8_t c);
size_t agent_take(uint8_t *buf, size_t n, size_t least); /* if there is any, filled up to `least` */
/* stdin's terminal has another size: the command's, or the console's */
void agent_resize(struct machine *m);
void agent_stop(struct machine *m); /* asks the guest to end */

/* exec.c: what a command runs in besides what the image says, which is in c */
void add_surroundings(struct image_config *c, const struct surroundings *s);

/*
 * Has the agent start a command with what the image (NULL: none) and around say; AGENT_TERMINAL ... of
 * agent.h. A socket for client_run(); -1, with errno: nobody took it, and it was not started.
 */
int exec_begin(const struct state *st, const char *image, const struct surroundings *around,
	       int flags, char **argv);
/* Runs a command in the machine, whose image has this path; its exit status. */
int exec_in(const struct state *st, const char *image, char **argv);

/* shared.c: a command in a container inside a machine that others share; start() starts that, detached */
#define SHARED_CTR "/lib/dyad/ctr" /* inside */
#define SHARED_IMAGE "root" /* what the image is called there */
#define SHARED_IDLE 30 /* seconds */
struct shared {
	const char *image, *kernel; /* kernel: linux, or NULL */
	struct surroundings around;
	bool terminal;
};
int shared_run(const struct shared *how, char **argv, int (*start)(const char *name));

/* stats.c: the TSC's ticks of one stay in the guest, and of what its end took */
void stats_init(struct machine *m);
void stats_exit(struct machine *m, unsigned int cpu, uint64_t inside, uint64_t outside);
#define STATS_HEAD " ENTRIES PORTS MMIO SIGNALS OTHER"
/* as struct tool has them */
void stats_show(const struct state *s, struct table *t);
void machine_inspect(const struct state *s);

/* The calling thread is vCPU i's; then which thread is, and how often it entered the guest; 0: not known. */
void stats_begin(unsigned int cpu);
pid_t stats_thread(const struct state *s, unsigned int cpu, uint64_t *entries);

/* explain.c */
/* A loader has put something there (file: or NULL). */
void part_add(const char *what, const char *file, uint64_t start, uint64_t end);
void explain_tell(struct machine *m, int fd); /* under the lock */

extern const struct opt restore_options[], snapshot_options[];
verb_fn restore_verb, snapshot_verb;
