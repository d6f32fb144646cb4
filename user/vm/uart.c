/* SPDX-License-Identifier: MIT */
/*
 * Three 16750 serial ports, which are 16550s (National Semiconductor PC16550D; linux/serial_reg.h names the
 * registers) until a guest asks for larger FIFOs (Texas Instruments TL16C750).
 * COM1 is the guest's console: the terminal in an interactive machine, else nowhere or stderr.
 * COM2 is what the command writes: stdout. COM3 is the agent's (agent.c). A character leaves at once, or with those
 * that the same instruction has, so the transmitter is always empty.
 *
 * Who knows that UART_IIR_RDI means the FIFO's trigger level, and fewer are told by another cause, may read so
 * many without a look at the status for each, which makes an exit of so many. COM3 gives as many at once, filled up,
 * to who has seen that other cause: the first byte comes alone.
 */
#include <linux/serial_reg.h>

#include "vm.h"

#define LAST_LINES 48 /* of Linux, a trace of registers and functions is behind the reason */
#define FIFO 16
#define FIFO_LARGE 64
#define IIR_LARGE UART_FCR7_64BYTE /* the same bit */

struct uart {
	/* what belongs to the machine's state: up to `ports` */
	uint8_t ier, lcr, mcr, scr, fcr, dll, dlm;
	uint8_t thr_interrupt; /* "transmitter empty" has not been told since the last character */
	uint8_t rx[FIFO_LARGE];
	unsigned int rx_len;
	uint8_t level; /* of the interrupt line, as the kernel knows it */
	uint8_t exact; /* the guest has read UART_IIR_RX_TIMEOUT */
	struct region ports;
	unsigned int irq;
	int out; /* descriptor, or -1 */
	uint8_t leaving[FIFO_LARGE]; /* to it, when the access is over */
	unsigned int nr_leaving;
};

static struct uart uarts[3] = {
	{ .ports = { .start = 0x3f8 }, .irq = 4 },
	{ .ports = { .start = 0x2f8 }, .irq = 3 },
	{ .ports = { .start = 0x3e8 }, .irq = 4 },
};

/* How many characters interrupt at once. */
static unsigned int trigger(const struct uart *u)
{
	static const uint8_t levels[2][4] = { { 1, 4, 8, 14 }, { 1, 16, 32, 56 } };
	bool large = u->fcr & UART_FCR7_64BYTE;

	return u->fcr & UART_FCR_ENABLE_FIFO ? levels[large][u->fcr >> 6] : 1;
}

static unsigned int depth(const struct uart *u)
{
	return u->fcr & UART_FCR7_64BYTE ? FIFO_LARGE : FIFO;
}

/* The cause for characters that have been received; fewer come after a time-out, which here is over at once. */
static uint8_t received(const struct uart *u)
{
	return u->rx_len >= trigger(u) ? UART_IIR_RDI : UART_IIR_RX_TIMEOUT;
}

/* What the interrupt is for, by priority (data sheet, table IV). */
static uint8_t cause(const struct uart *u)
{
	/* LAB 11: begin
	 * There are two reasons, each with a bit in IER that allows it: a character has been received
	 * (UART_IER_RDI; received() is the cause), and, below it, the transmitter is empty and nobody has been told
	 * (UART_IER_THRI, UART_IIR_THRI). Without a reason: UART_IIR_NO_INT.
	 * starter: (void)received;
	 * starter: return UART_IIR_NO_INT;
	 */
	if ((u->ier & UART_IER_RDI) && u->rx_len)
		return received(u);
	if ((u->ier & UART_IER_THRI) && u->thr_interrupt)
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
	/* LAB 11: end */
}

static void update_line(struct machine *m, struct uart *u)
{
	/* LAB 11: begin
	 * The line is up as long as there is a reason, and down else. Call irq_line() when that changed, and
	 * only then: each call is a system call. u->level is what the kernel was told last.
	 * starter: return;
	 */
	bool level = cause(u) != UART_IIR_NO_INT;

	if (level != u->level)
		irq_line(m, u->irq, level);
	u->level = level;
	/* LAB 11: end */
}

/* The end of what the guest has written to COM1; a 0 is behind it. */
static char last_words[8192];
static size_t nr_words;

static void remember(char c)
{
	if (nr_words == sizeof(last_words) - 1) {
		nr_words /= 2;
		memcpy(last_words, last_words + sizeof(last_words) - 1 - nr_words, nr_words);
	}
	last_words[nr_words++] = c ?: ' ';
	last_words[nr_words] = 0;
}

bool uart_heard(const char *text)
{
	return strstr(last_words, text);
}

void uart_panicked(void)
{
	const char *from = last_words + nr_words;

	if (uarts[0].out >= 0) {
		warn("the guest's kernel panicked");
		return;
	}
	for (int lines = 0; from > last_words && lines <= LAST_LINES;)
		lines += *--from == '\n';
	from += *from == '\n';
	warn("the guest's kernel panicked; the last lines of its console:");
	write_all(2, from, last_words + nr_words - from);
}

static void leave(struct uart *u)
{
	if (u->nr_leaving && !machine_output(u->out, u->leaving, u->nr_leaving))
		u->out = -1;
	u->nr_leaving = 0;
}

static void transmit(struct machine *m, struct uart *u, uint8_t c)
{
	if (u == &uarts[0])
		remember(c);
	if (u->mcr & UART_MCR_LOOP) {
		if (u->rx_len < depth(u))
			u->rx[u->rx_len++] = c;
	} else if (u == &uarts[2]) {
		agent_hear(m, c);
	} else if (u->out >= 0) {
		u->leaving[u->nr_leaving++] = c;
		if (u->nr_leaving == sizeof(u->leaving))
			leave(u);
	}
	u->thr_interrupt = true;
}

static uint8_t receive(struct uart *u)
{
	uint8_t c = u->rx[0];

	if (!u->rx_len)
		return 0;
	memmove(u->rx, u->rx + 1, --u->rx_len);
	if (!u->rx_len && u == &uarts[0])
		want_input();
	return c;
}

static uint8_t read_cause(struct uart *u)
{
	uint8_t v = cause(u);

	if (v == UART_IIR_THRI)
		u->thr_interrupt = false; /* told */
	u->exact |= v == UART_IIR_RX_TIMEOUT;
	return v | (u->fcr & UART_FCR_ENABLE_FIFO ? 0xc0 | (u->fcr & IIR_LARGE) : 0);
}

/* In loopback the modem's lines are the port's own. */
static uint8_t modem_status(const struct uart *u)
{
	if (!(u->mcr & UART_MCR_LOOP))
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	return (u->mcr & UART_MCR_DTR) << 5 | (u->mcr & UART_MCR_RTS) << 3 |
	       (u->mcr & (UART_MCR_OUT1 | UART_MCR_OUT2)) << 4;
}

static uint8_t read_register(struct uart *u, uint64_t reg)
{
	bool divisor = u->lcr & UART_LCR_DLAB;

	switch (reg) {
	case UART_RX:
		return divisor ? u->dll : receive(u);
	case UART_IER:
		return divisor ? u->dlm : u->ier;
	case UART_IIR:
		return read_cause(u);
	case UART_LCR:
		return u->lcr;
	case UART_MCR:
		return u->mcr;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE | (u->rx_len ? UART_LSR_DR : 0);
	case UART_MSR:
		return modem_status(u);
	default:
		return u->scr;
	}
}

static void write_register(struct machine *m, struct uart *u, uint64_t reg, uint8_t v)
{
	bool divisor = u->lcr & UART_LCR_DLAB;

	if (reg == UART_TX && divisor) {
		u->dll = v;
	} else if (reg == UART_TX) {
		transmit(m, u, v);
	} else if (reg == UART_IER && divisor) {
		u->dlm = v;
	} else if (reg == UART_IER) {
		u->thr_interrupt |= (v & ~u->ier & UART_IER_THRI) != 0;
		u->ier = v & 0xf;
	} else if (reg == UART_FCR) {
		u->fcr = divisor ? v : (v & ~UART_FCR7_64BYTE) | (u->fcr & UART_FCR7_64BYTE);
		if (v & UART_FCR_CLEAR_RCVR)
			u->rx_len = 0;
	} else if (reg == UART_LCR) {
		u->lcr = v;
	} else if (reg == UART_MCR) {
		u->mcr = v & 0x1f;
	} else if (reg == UART_SCR) {
		u->scr = v;
	}
}

/* The next characters come when the guest has seen that the FIFO is empty. */
static void fetch(struct uart *u)
{
	unsigned int n = trigger(u);

	if (u == &uarts[2] && !u->rx_len)
		u->rx_len = agent_take(u->rx, u->exact ? n : 1, u->exact ? n : 0);
}

/* Behind each change. COM1 and COM3 share a line: what one lets down, the other may want up. */
static void settle(struct machine *m, struct uart *u)
{
	bool was = u->level;

	update_line(m, u);
	if (was && !u->level)
		for (int i = 0; i < 3; i++)
			if (uarts[i].irq == u->irq && uarts[i].level)
				irq_line(m, u->irq, true);
}

static void uart_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			unsigned int size)
{
	struct uart *u = device;
	uint8_t *v = data;

	if (in)
		*v = read_register(u, reg);
	else
		write_register(m, u, reg, *v);
	if (reg != UART_RX)
		fetch(u);
}

static void uart_done(struct machine *m, void *device)
{
	leave(device);
	settle(m, device);
}

static const char *restored(struct machine *m, struct kept *k)
{
	struct uart *u = k->device;

	return u->rx_len > sizeof(u->rx) ? "a serial port is damaged" : NULL;
}

void uart_init(struct machine *m)
{
	uarts[0].out = m->console ? 2 : m->argv || m->vga ? -1 : 1;
	uarts[1].out = 1;
	uarts[0].ports.behind = m->console         ? "the console: stderr"
				: uarts[0].out < 0 ? "the console: nowhere"
						   : "the console: stdin, stdout";
	uarts[1].ports.behind = "the command's output: stdout";
	uarts[2].ports.behind = "the agent's commands (`vm exec`)";
	for (int i = 0; i < (m->image ? 3 : 2); i++) {
		uarts[i].ports.name = "serial port";
		uarts[i].ports.irq = uarts[i].irq;
		uarts[i].ports.size = 8;
		uarts[i].ports.access = uart_access;
		uarts[i].ports.done = uart_done;
		uarts[i].ports.device = &uarts[i];
		bus_add(m, &uarts[i].ports);
		snapshot_keep(.id = "com", .index = i + 1, KEPT_PART(&uarts[i], ier, ports),
			      .restored = restored, .device = &uarts[i]);
	}
}

size_t uart_room(void)
{
	unsigned int n = depth(&uarts[0]);

	return n > uarts[0].rx_len ? n - uarts[0].rx_len : 0;
}

void uart_input(struct machine *m, const uint8_t *buf, size_t n)
{
	struct uart *u = &uarts[0];

	for (size_t i = 0; i < n && u->rx_len < depth(u); i++)
		u->rx[u->rx_len++] = buf[i];
	settle(m, u);
}

void uart_kick(struct machine *m)
{
	fetch(&uarts[2]);
	settle(m, &uarts[2]);
}
