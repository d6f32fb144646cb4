/* SPDX-License-Identifier: MIT */
/*
 * The ports of the machine, but for the interrupt chips, which the kernel plays. There is little: a
 * clock, the ways to end the machine (an exit port, ACPI, two resets), and a bus on which nobody answers (all ones) everywhere else:
 * no PCI device, no keyboard, no screen.
 */
#include <string.h>
#include <time.h>

#include "vm.h"

#define PORT_CMOS_INDEX 0x70
#define PORT_CMOS_DATA 0x71
#define PORT_KBD_COMMAND 0x64
#define KBD_RESET_CPU 0xfe
#define PORT_EXIT 0xf4 /* the guest's exit status */
#define SLEEP_ENABLE (1 << 13) /* of PM1 control; the type is in the bits below */
#define SLEEP_TYPE(v) ((v) >> 10 & 7)
#define SCI_ENABLE 1
#define PM_TIMER_HZ 3579545ULL

static uint8_t bcd(int v)
{
	return v / 10 % 10 << 4 | v % 10;
}

/* MC146818: the clock's registers, in BCD and 24 hours, UTC. */
static uint8_t cmos_read(uint8_t index)
{
	time_t now = time(NULL);
	struct tm t;

	gmtime_r(&now, &t);
	switch (index) {
	case 0x00:
		return bcd(t.tm_sec);
	case 0x02:
		return bcd(t.tm_min);
	case 0x04:
		return bcd(t.tm_hour);
	case 0x06:
		return t.tm_wday + 1;
	case 0x07:
		return bcd(t.tm_mday);
	case 0x08:
		return bcd(t.tm_mon + 1);
	case 0x09:
		return bcd(t.tm_year % 100);
	case CMOS_CENTURY:
		return bcd((t.tm_year + 1900) / 100);
	case 0x0a: /* divider runs, no update under way */
		return 0x26;
	case 0x0b: /* 24 hours */
		return 0x02;
	case 0x0d: /* battery good */
		return 0x80;
	default:
		return 0;
	}
}

static uint8_t
	cmos_index; /* of the last write; the guest's vCPUs take turns with a lock of theirs */

static uint16_t pm1_enable;

static uint8_t read_byte(struct machine *m, uint16_t port)
{
	if (uart_owns(port))
		return uart_read(m, port);
	if (port == PORT_CMOS_DATA)
		return cmos_read(cmos_index);
	return 0xff;
}

static void write_byte(struct machine *m, uint16_t port, uint8_t v)
{
	if (uart_owns(port))
		uart_write(m, port, v);
	else if (port == PORT_CMOS_INDEX)
		cmos_index = v & 0x7f;
	else if (port == PORT_EXIT)
		machine_end(v);
	else if (port == PORT_KBD_COMMAND && v == KBD_RESET_CPU)
		machine_end(0); /* a reboot: there is nothing to come back to */
	else if (port == PORT_RESET_CONTROL && (v & RESET_CPU))
		machine_end(0);
}

/*
 * ACPI's fixed registers (ACPI 6.4, 4.8.3): no event ever comes, the one way to sleep is for good, and a
 * timer of 24 bits counts.
 */
static uint32_t pm_read(uint16_t port)
{
	struct timespec t;

	switch (port) {
	case PORT_PM1_EVENT + 2:
		return pm1_enable;
	case PORT_PM1_CONTROL:
		return SCI_ENABLE;
	case PORT_PM_TIMER:
		clock_gettime(CLOCK_MONOTONIC, &t);
		return (t.tv_sec * PM_TIMER_HZ + t.tv_nsec * PM_TIMER_HZ / 1000000000) & 0xffffff;
	default:
		return 0;
	}
}

static void pm_write(uint16_t port, uint32_t v)
{
	if (port == PORT_PM1_EVENT + 2)
		pm1_enable = v;
	else if (port == PORT_PM1_CONTROL && (v & SLEEP_ENABLE) && SLEEP_TYPE(v) == SLEEP_TYPE_OFF)
		machine_end(0);
}

static void pm_access(uint16_t port, bool in, void *data, unsigned int size)
{
	uint32_t v = in ? pm_read(port) : 0;

	memcpy(in ? data : &v, in ? (void *)&v : data, size);
	if (!in)
		pm_write(port, v);
}

void port_access(struct machine *m, uint16_t port, bool in, void *data, unsigned int size)
{
	uint8_t *byte = data;

	if (port >= PORT_PM1_EVENT && port < PORT_PM_TIMER + 4) {
		pm_access(port, in, data, size);
	} else if (in) {
		memset(data, 0xff, size);
		*byte = read_byte(m, port);
	} else {
		write_byte(m, port, *byte);
	}
}
