/* SPDX-License-Identifier: MIT */
/*
 * The ports of the machine, but for the interrupt chips, which the kernel plays. There is little: a
 * clock, the ways to end the machine, and a bus on which nobody answers (all ones) everywhere else:
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
#define PORT_RESET_CONTROL 0xcf9
#define RESET_CPU 0x04

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
	case 0x32:
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

void port_access(struct machine *m, uint16_t port, bool in, void *data, unsigned int size)
{
	uint8_t *byte = data;

	if (in) {
		memset(data, 0xff, size);
		*byte = read_byte(m, port);
	} else {
		write_byte(m, port, *byte);
	}
}
