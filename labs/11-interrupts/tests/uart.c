/* SPDX-License-Identifier: MIT */
/*
 * The serial port of user/vm by itself: what it tells its interrupt line, and when. `uart NAME` runs
 * one test; it needs no virtual machine.
 */
#include <stdio.h>

#include "../../../user/vm/uart.c"

static int calls, line = -1; /* of irq_line(), and its last level */
static struct machine machine;

void irq_line(struct machine *m, unsigned int irq, bool level)
{
	calls++;
	line = irq == 4 ? level : -2;
}

void want_input(void)
{
}

void agent_hear(struct machine *m, uint8_t c)
{
}

size_t agent_take(uint8_t *buf, size_t n, size_t least)
{
	return 0;
}

void warn(const char *fmt, ...)
{
}

bool write_all(int fd, const char *data, size_t n)
{
	return true;
}

bool machine_output(int fd, const void *data, size_t n)
{
	return true;
}

static struct region *com1;

void bus_add(struct machine *m, struct region *r)
{
	if (r->start == 0x3f8)
		com1 = r;
}

void snapshot_add(const struct kept *k)
{
}

static uint8_t in(uint64_t reg)
{
	uint8_t v = 0xff;

	com1->access(&machine, com1->device, reg, true, &v, 1);
	com1->done(&machine, com1->device);
	return v;
}

static void out(uint64_t reg, uint8_t v)
{
	com1->access(&machine, com1->device, reg, false, &v, 1);
	com1->done(&machine, com1->device);
}

static int wrong;

static void equal(const char *what, int got, int expected)
{
	if (got == expected)
		return;
	printf("FAIL %s: expected %d, got %d\n", what, expected, got);
	wrong = 1;
}

static int iir(void)
{
	return in(UART_IIR)&0xf;
}

/* A character comes in: the line is up until it has been read. */
static void receives(void)
{
	uart_input(&machine, (const uint8_t *)"a", 1);
	equal("calls, nothing is allowed", calls, 0);
	equal("cause, nothing is allowed", iir(), UART_IIR_NO_INT);
	out(UART_IER, UART_IER_RDI);
	equal("line, received and allowed", line, 1);
	uart_input(&machine, (const uint8_t *)"b", 1);
	equal("calls, a second character", calls, 1);
	equal("cause", iir(), UART_IIR_RDI);
	equal("the first", in(UART_RX), 'a');
	equal("line, one is left", line, 1);
	equal("the second", in(UART_RX), 'b');
	equal("line, all read", line, 0);
	equal("calls in all", calls, 2);
	out(UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
	uart_input(&machine, (const uint8_t *)"1234567", 7);
	equal("cause, fewer than the FIFO's trigger", iir(), UART_IIR_RX_TIMEOUT);
	uart_input(&machine, (const uint8_t *)"8", 1);
	equal("cause, as many", iir(), UART_IIR_RDI);
}

/* The transmitter is empty: told once, by IIR, and again after each character. */
static void transmits(void)
{
	out(UART_IER, UART_IER_THRI);
	equal("line, empty and allowed", line, 1);
	equal("cause", iir(), UART_IIR_THRI);
	equal("line, told", line, 0);
	equal("cause, told", iir(), UART_IIR_NO_INT);
	out(UART_TX, 'x');
	equal("line, a character is gone", line, 1);
	out(UART_IER, 0);
	equal("line, not allowed any more", line, 0);
	equal("calls in all", calls, 4);
}

/* Both at once: the received character first. */
static void both(void)
{
	out(UART_IER, UART_IER_RDI | UART_IER_THRI);
	uart_input(&machine, (const uint8_t *)"a", 1);
	equal("cause, both", iir(), UART_IIR_RDI);
	in(UART_RX);
	equal("line, one reason is left", line, 1);
	equal("cause, one is left", iir(), UART_IIR_THRI);
	equal("line, none", line, 0);
	equal("calls in all", calls, 2);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	machine.argv = argv; /* a machine with a command: nobody reads its console */
	uart_init(&machine);
	if (!strcmp(name, "receives"))
		receives();
	else if (!strcmp(name, "transmits"))
		transmits();
	else if (!strcmp(name, "both"))
		both();
	else
		return 2;
	if (!wrong)
		printf("ok %s\n", name);
	return wrong;
}
