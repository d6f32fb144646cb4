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

static int failed;

static void equal(const char *what, int got, int expected)
{
	if (got == expected)
		return;
	printf("FAIL %s: expected %d, got %d\n", what, expected, got);
	failed = 1;
}

static int iir(void)
{
	return uart_read(&machine, 0x3f8 + UART_IIR) & 0xf;
}

/* A character comes in: the line is up until it has been read. */
static void receives(void)
{
	uart_input(&machine, (const uint8_t *)"a", 1);
	equal("calls, nothing is allowed", calls, 0);
	equal("cause, nothing is allowed", iir(), UART_IIR_NO_INT);
	uart_write(&machine, 0x3f8 + UART_IER, UART_IER_RDI);
	equal("line, received and allowed", line, 1);
	uart_input(&machine, (const uint8_t *)"b", 1);
	equal("calls, a second character", calls, 1);
	equal("cause", iir(), UART_IIR_RDI);
	equal("the first", uart_read(&machine, 0x3f8), 'a');
	equal("line, one is left", line, 1);
	equal("the second", uart_read(&machine, 0x3f8), 'b');
	equal("line, all read", line, 0);
	equal("calls in all", calls, 2);
}

/* The transmitter is empty: told once, by IIR, and again after each character. */
static void transmits(void)
{
	uart_write(&machine, 0x3f8 + UART_IER, UART_IER_THRI);
	equal("line, empty and allowed", line, 1);
	equal("cause", iir(), UART_IIR_THRI);
	equal("line, told", line, 0);
	equal("cause, told", iir(), UART_IIR_NO_INT);
	uart_write(&machine, 0x3f8, 'x');
	equal("line, a character is gone", line, 1);
	uart_write(&machine, 0x3f8 + UART_IER, 0);
	equal("line, not allowed any more", line, 0);
	equal("calls in all", calls, 4);
}

/* Both at once: the received character first. */
static void both(void)
{
	uart_write(&machine, 0x3f8 + UART_IER, UART_IER_RDI | UART_IER_THRI);
	uart_input(&machine, (const uint8_t *)"a", 1);
	equal("cause, both", iir(), UART_IIR_RDI);
	uart_read(&machine, 0x3f8);
	equal("line, one reason is left", line, 1);
	equal("cause, one is left", iir(), UART_IIR_THRI);
	equal("line, none", line, 0);
	equal("calls in all", calls, 2);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	if (!strcmp(name, "receives"))
		receives();
	else if (!strcmp(name, "transmits"))
		transmits();
	else if (!strcmp(name, "both"))
		both();
	else
		return 2;
	if (!failed)
		printf("ok %s\n", name);
	return failed;
}
