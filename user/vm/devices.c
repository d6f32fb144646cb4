/* SPDX-License-Identifier: MIT */
/*
 * Small devices: a clock with a memory that tells of the machine, a port for messages, and the ways to end
 * the machine: an exit port, ACPI, two resets. The interrupt chips are the kernel's.
 */
#include <sys/timerfd.h>
#include <time.h>

#include "vm.h"

#define PORT_CMOS 0x70 /* index; data behind it */
#define IRQ_CLOCK 8
enum { CLOCK_A = 0x0a, CLOCK_B, CLOCK_C }; /* registers of the clock */
#define CLOCK_RATE 15 /* of A */
#define CLOCK_DIVIDER 0x20 /* it runs */
#define CLOCK_UPDATES 0x80 /* of A: the last of a second's 2 ms, when registers may be half new */
#define CLOCK_24_HOURS 2 /* of B, as the next */
#define CLOCK_BINARY 4
#define CLOCK_SECOND 0x10 /* as CLOCK_PERIODIC: a new second has begun */
#define CLOCK_PERIODIC 0x40 /* of B: interrupts are wanted; of C: there was one */
#define CLOCK_INTERRUPT 0x80 /* of C */
#define CLOCK_HZ 32768
#define PORT_SYSTEM_CONTROL 0x92 /* A20, which is always on, and a reset */
#define SYSTEM_RESET 1
#define SYSTEM_A20 2
#define PORT_DEBUG 0xe9 /* of Bochs: text for who debugs a kernel */
#define PORT_DEBUG_BIOS 0x402 /* SeaBIOS's */
#define PORT_PARALLEL 0x378 /* data alone; what follows reads as ones: the printer is ready */
#define PORT_SHUTDOWN 0x8900 /* of Bochs, as the next: the word "Shutdown", ACPI's PM1 control */
#define PORT_PM1_BOCHS 0xb004
#define PORT_EXIT 0xf4 /* the guest's exit status */
#define SLEEP_ENABLE (1 << 13) /* of PM1 control; the type is in the bits below */
#define SLEEP_TYPE(v) ((v) >> 10 & 7)
#define SCI_ENABLE 1
#define PM1_POWER_BUTTON (1 << 8) /* of status and of what to tell */
#define PM_TIMER_HZ 3579545ULL
enum { BOOT_DISK = 2, BOOT_CD = 3 };

static struct {
	uint8_t index; /* of the last write */
	uint8_t reg[128];
} cmos;

static uint8_t bcd(int v)
{
	return cmos.reg[CLOCK_B] & CLOCK_BINARY ? v : v / 10 % 10 << 4 | v % 10;
}

/* MC146818: the clock's registers, in BCD or binary and 24 hours, UTC; it runs, whatever is written there. */
static uint8_t cmos_read(uint8_t index)
{
	struct timespec now;
	struct tm t;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &t);
	cmos.reg[0x00] = bcd(t.tm_sec);
	cmos.reg[0x02] = bcd(t.tm_min);
	cmos.reg[0x04] = bcd(t.tm_hour);
	cmos.reg[0x06] = t.tm_wday + 1;
	cmos.reg[0x07] = bcd(t.tm_mday);
	cmos.reg[0x08] = bcd(t.tm_mon + 1);
	cmos.reg[0x09] = bcd(t.tm_year % 100);
	cmos.reg[CMOS_CENTURY] = bcd((t.tm_year + 1900) / 100);
	cmos.reg[0x0d] = 0x80; /* battery good */
	if (index == CLOCK_A && now.tv_nsec >= 998000000)
		return cmos.reg[CLOCK_A] | CLOCK_UPDATES;
	return cmos.reg[index];
}

static struct watch periodic = { .events = POLLIN };

static void clock_tick(struct machine *m, void *device, short events)
{
	static uint8_t before;
	uint64_t count;
	uint8_t second = cmos_read(0), wanted = cmos.reg[CLOCK_B] & CLOCK_PERIODIC;

	if (read(periodic.fd, &count, sizeof(count)) < 0)
		return;
	if (second != before)
		wanted |= cmos.reg[CLOCK_B] & CLOCK_SECOND;
	before = second;
	if (!wanted)
		return;
	cmos.reg[CLOCK_C] |= CLOCK_INTERRUPT | wanted;
	irq_line(m, IRQ_CLOCK, true);
}

/* Its interrupts, CLOCK_HZ >> (rate - 1) a second, as the registers A and B say. */
static void clock_program(void)
{
	unsigned int rate = cmos.reg[CLOCK_A] & CLOCK_RATE;
	bool wanted = cmos.reg[CLOCK_B] & CLOCK_PERIODIC && rate;
	long ns = wanted ? (1000000000L << (rate - 1)) / CLOCK_HZ : 0;
	struct itimerspec every = { { 0, ns }, { 0, ns } };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!wanted && cmos.reg[CLOCK_B] & CLOCK_SECOND)
		every = (struct itimerspec){ { 1, 0 }, { 0, 1000000000 - (now.tv_nsec ?: 1) } };
	timerfd_settime(periodic.fd, 0, &every, NULL);
}

static const char *clock_restored(struct machine *m, struct kept *k)
{
	clock_program();
	return cmos.index < sizeof(cmos.reg) ? NULL : "the clock is damaged";
}

static void cmos_put(unsigned int index, uint64_t v, uint64_t most)
{
	v = v < most ? v : most;
	cmos.reg[index] = v;
	cmos.reg[index + 1] = v >> 8;
}

/* What firmware finds there (Ralf Brown's CMOS list; from 0x34 on as QEMU and Bochs have it). */
static void cmos_init(struct machine *m)
{
	cmos.reg[CLOCK_A] = CLOCK_DIVIDER | 6; /* 1024 a second, not wanted yet */
	cmos.reg[CLOCK_B] = CLOCK_24_HOURS;
	/* types of hard disks: those below */
	cmos.reg[0x12] = (ide_cylinders(0) ? 0xf0 : 0) | (ide_cylinders(1) ? 0x0f : 0);
	cmos.reg[0x19] = cmos.reg[0x1a] = 47;
	cmos.reg[0x14] = 0x06; /* equipment: an FPU, a mouse port, VGA */
	cmos_put(0x15, 640, 640); /* KiB */
	cmos_put(0x17, (m->ram_size - HIGH_MEMORY) >> 10, 0xffff);
	cmos_put(0x30, (m->ram_size - HIGH_MEMORY) >> 10, 0xffff);
	if (m->ram_size > 16UL << 20) /* pieces of 64 KiB */
		cmos_put(0x34, (m->ram_size - (16UL << 20)) >> 16, 0xffff);
	cmos.reg[0x3d] = m->cdrom ? BOOT_CD | BOOT_DISK << 4 : BOOT_DISK;
	cmos.reg[0x5f] = m->cpus - 1;
}

static void cmos_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			unsigned int size)
{
	uint8_t *v = data;

	if (!in && reg == 0)
		cmos.index = *v & 0x7f;
	else if (reg == 1 && in)
		*v = cmos_read(cmos.index);
	else if (reg == 1)
		cmos.reg[cmos.index] = *v;
	if (reg == 1 && in && cmos.index == CLOCK_C) {
		cmos.reg[CLOCK_C] = 0;
		irq_line(m, IRQ_CLOCK, false);
	} else if (reg == 1 && !in && (cmos.index == CLOCK_A || cmos.index == CLOCK_B)) {
		cmos.reg[CLOCK_A] = CLOCK_DIVIDER | (cmos.reg[CLOCK_A] & CLOCK_RATE);
		cmos.reg[CLOCK_B] =
			CLOCK_24_HOURS |
			(cmos.reg[CLOCK_B] & (CLOCK_PERIODIC | CLOCK_SECOND | CLOCK_BINARY));
		clock_program();
	}
}

static void end_panicked(void)
{
	uart_panicked();
	machine_end(STATUS_FAILED);
}

/* The port that takes the guest's exit status. A Dyad that panics has the status of a command that may end so too. */
static void exit_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			unsigned int size)
{
	uint8_t *status = data;

	if (!in && *status == STATUS_FAILED && uart_heard("PANIC: "))
		end_panicked();
	else if (!in)
		machine_end(*status);
}

void machine_reset(struct machine *m)
{
	if (linux_panicked(m))
		end_panicked();
	machine_end(0);
}

static void reset_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			 unsigned int size)
{
	if (!in && (*(uint8_t *)data & RESET_CPU))
		machine_reset(m);
}

static void control_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			   unsigned int size)
{
	if (in)
		*(uint8_t *)data = SYSTEM_A20;
	else if (*(uint8_t *)data & SYSTEM_RESET)
		machine_reset(m);
}

/* Says by its number that it is there; its text goes where the console goes with --console. */
static void debug_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			 unsigned int size)
{
	if (in)
		*(uint8_t *)data = PORT_DEBUG;
	else if (m->console)
		write_all(2, data, 1);
}

/*
 * ACPI's fixed registers (ACPI 6.4, 4.8.3): the one event is the power button, the one way to sleep is for
 * good, and a timer of 24 bits counts.
 */
static struct {
	uint16_t status, enable;
	uint32_t timer; /* when the snapshot was taken */
} pm;
static uint32_t timer_ahead; /* of the host's clock */

static void update_sci(struct machine *m)
{
	irq_line(m, IRQ_SCI, pm.status & pm.enable);
}

void press_power_button(struct machine *m)
{
	pm.status |= PM1_POWER_BUTTON;
	update_sci(m);
}

static uint32_t pm_timer(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * PM_TIMER_HZ + t.tv_nsec * PM_TIMER_HZ / 1000000000 + timer_ahead;
}

static uint32_t pm_read(uint16_t port)
{
	return port == PORT_PM1_EVENT       ? pm.status | pm.enable << 16
	       : port == PORT_PM1_EVENT + 2 ? pm.enable
	       : port == PORT_PM1_CONTROL   ? SCI_ENABLE
	       : port == PORT_PM_TIMER      ? pm_timer() & 0xffffff
					    : 0;
}

static void pm_write(struct machine *m, uint16_t port, uint32_t v)
{
	if (port == PORT_PM1_EVENT)
		pm.status &= ~v; /* ones clear */
	else if (port == PORT_PM1_EVENT + 2)
		pm.enable = v;
	else if (port == PORT_PM1_CONTROL && (v & SLEEP_ENABLE) && SLEEP_TYPE(v) == SLEEP_TYPE_OFF)
		machine_end(0);
	if (port < PORT_PM1_CONTROL)
		update_sci(m);
}

static void pm_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
		      unsigned int size)
{
	uint16_t port = (uintptr_t)device + reg; /* of PORT_PM1_EVENT ... */
	uint32_t v = in ? pm_read(port) : 0;

	size = size < sizeof(v) ? size : sizeof(v);
	memcpy(in ? data : &v, in ? (void *)&v : data, size);
	if (!in)
		pm_write(m, port, v);
}

static void shutdown_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			    unsigned int size)
{
	static const char word[] = "Shutdown", *next = word;

	if (in)
		return;
	next = *(char *)data == *next ? next + 1 : word;
	if (!*next)
		machine_end(0);
}

static const char *pm_saving(struct kept *k)
{
	pm.timer = pm_timer();
	return NULL;
}

/* The timer goes on where it was. */
static const char *pm_restored(struct machine *m, struct kept *k)
{
	timer_ahead += pm.timer - pm_timer();
	if (pm.status & pm.enable)
		update_sci(m);
	return NULL;
}

void devices_init(struct machine *m)
{
	cmos_init(m);
	periodic.fn = clock_tick;
	periodic.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (periodic.fd < 0)
		die(STATUS_FAILED, "cannot have a timer for the clock");
	watch_add(&periodic);
	bus_add_ports(m, "CMOS, clock", PORT_CMOS, 2, IRQ_CLOCK, cmos_access, NULL);
	bus_add_ports(m, "system control", PORT_SYSTEM_CONTROL, 1, 0, control_access, NULL);
	bus_add_ports(m, "debug text", PORT_DEBUG, 1, 0, debug_access, NULL);
	bus_add_ports(m, "debug text", PORT_DEBUG_BIOS, 1, 0, debug_access, NULL);
	bus_add_ports(m, "printer", PORT_PARALLEL, 1, 0, debug_access, NULL);
	bus_add_ports(m, "Bochs's power switch", PORT_SHUTDOWN, 1, 0, shutdown_access, NULL);
	bus_add_ports(m, "Bochs's ACPI", PORT_PM1_BOCHS, 2, 0, pm_access, (void *)PORT_PM1_CONTROL);
	bus_add_ports(m, "exit status", PORT_EXIT, 1, 0, exit_access, NULL);
	bus_add_ports(m, "ACPI", PORT_PM1_EVENT, 12, IRQ_SCI, pm_access, (void *)PORT_PM1_EVENT);
	bus_add_ports(m, "reset", PORT_RESET_CONTROL, 1, 0, reset_access, NULL);
	snapshot_keep(.id = "cmos", .data = &cmos, .size = sizeof(cmos),
		      .restored = clock_restored);
	snapshot_keep(.id = "pm", .data = &pm, .size = sizeof(pm), .saving = pm_saving,
		      .restored = pm_restored);
}
