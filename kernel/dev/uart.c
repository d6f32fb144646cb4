/* SPDX-License-Identifier: MIT */
/*
 * Serial ports: the 16550 (National Semiconductor PC16550D; linux/serial_reg.h names its registers), and the
 * 16750 with larger FIFOs (Texas Instruments TL16C750), as /dev/ttyS0 to ttyS2. Output goes into a ring; the FIFO is
 * filled as soon as it is empty, by the writer and then by the transmit interrupt, so that nobody spins. The
 * kernel log writes to COM1 by polling (x86/klog.c): both only ever fill an empty FIFO, and there is room for both.
 * COM1 and COM3 share an interrupt line, as PCs have it.
 *
 * Each access to a register is dear in a virtual machine. So what one has told is kept until it may have changed,
 * and bytes that are known to be there, or to have room, are moved by one instruction.
 *
 * uart->lock guards ring and registers. Order: tty->lock, uart->lock.
 */
#include "dev/tty.h"

#include <linux/major.h>
#include <linux/serial_reg.h>

#define TX_RING 4096
#define FIFO 16
#define FIFO_LARGE 64
#define LEFT_TO_LOG 2 /* of a FIFO to send */
#define IIR_LARGE 0x20 /* its FIFOs are large */
#define FIRST_MINOR 64

struct uart {
	u16 port;
	u8 gsi, ier, fifo;
	u8 trigger; /* received bytes that interrupt at once; fewer do a little later */
	bool tx_empty; /* the FIFO: so it was said last, and nobody but the log has written since */
	bool rx_waits; /* the tty took less than there was */
	bool rx_empty; /* so the line status said since a byte was read */
	bool rx_exact; /* UART_IIR_RDI means trigger bytes: for fewer, it has said UART_IIR_RX_TIMEOUT */
	bool quiet; /* when the line status was read last there was no reason to interrupt */
	spinlock_t lock;
	struct tty *tty;
	u32 head, tail; /* of the ring, counted up for ever */
	char ring[TX_RING];
};

static const struct {
	u16 port;
	u8 gsi;
} places[] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 } };
static struct uart uarts[ARRAY_SIZE(places)];

static void set_ier(struct uart *u, u8 bits, bool on)
{
	u8 ier = on ? u->ier | bits : u->ier & ~bits;

	if (ier != u->ier)
		outb(u->port + UART_IER, ier);
	u->ier = ier;
}

/* Lock held. */
static u8 line_status(struct uart *u)
{
	u8 lsr = inb(u->port + UART_LSR);

	u->tx_empty = lsr & UART_LSR_THRE;
	u->rx_empty |= !(lsr & UART_LSR_DR);
	u->quiet = !(lsr & UART_LSR_DR) && !(u->ier & UART_IER_THRI);
	return lsr;
}

/* Lock held. Moves the ring into the FIFO while that is empty; the interrupt goes on with the rest. */
static void transmit(struct uart *u)
{
	while (u->tail != u->head && (u->tx_empty || line_status(u) & UART_LSR_THRE)) {
		u32 at = u->tail % TX_RING, n = min(u->head - u->tail, TX_RING - at);

		n = min(n, u->fifo - LEFT_TO_LOG);
		outsb(u->port + UART_TX, u->ring + at, n);
		u->tail += n;
		u->tx_empty = false;
	}
	set_ier(u, UART_IER_THRI, u->tail != u->head);
}

static void uart_write(struct tty *tty, const char *buf, size_t n)
{
	struct uart *u = tty_priv(tty);

	spin_lock(&u->lock);
	for (size_t i = 0; i < n; i++)
		u->ring[u->head++ % TX_RING] = buf[i];
	transmit(u);
	spin_unlock(&u->lock);
}

static size_t uart_room(struct tty *tty)
{
	struct uart *u = tty_priv(tty);

	return TX_RING - (READ_ONCE(u->head) - READ_ONCE(u->tail));
}

static size_t uart_pending(struct tty *tty)
{
	struct uart *u = tty_priv(tty);

	return READ_ONCE(u->head) - READ_ONCE(u->tail);
}

static void uart_flush(struct tty *tty, bool input)
{
	struct uart *u = tty_priv(tty);

	if (input)
		return;
	spin_lock(&u->lock);
	u->tail = u->head;
	spin_unlock(&u->lock);
}

static void uart_unthrottle(struct tty *tty)
{
	struct uart *u = tty_priv(tty);

	spin_lock(&u->lock);
	u->rx_waits = false;
	set_ier(u, UART_IER_RDI, true); /* raises the interrupt when there is something */
	spin_unlock(&u->lock);
}

/*
 * Takes a piece of what is in the receive FIFO: bytes of buf. When the interrupt's cause says how many there are, that
 * is not asked for each. Only with a FIFO that was empty: Bochs's says UART_IIR_RDI until it is so again.
 */
static size_t take_piece(struct uart *u, u8 cause, char buf[FIFO_LARGE])
{
	size_t n = 0;

	SPIN_GUARD(&u->lock);
	u->rx_exact |= cause == UART_IIR_RX_TIMEOUT;
	if (cause == UART_IIR_RDI && u->rx_exact && u->rx_empty && !u->rx_waits) {
		insb(u->port + UART_RX, buf, n = u->trigger);
		u->rx_empty = false;
	}
	while (n < FIFO_LARGE && !u->rx_waits) {
		u8 lsr = line_status(u);

		if (!(lsr & UART_LSR_DR))
			break;
		buf[n++] = inb(u->port + UART_RX);
		u->rx_empty = false;
		if (lsr & (UART_LSR_BI | UART_LSR_FE | UART_LSR_PE))
			n--; /* a break or noise, no character */
	}
	return n;
}

/*
 * Takes what is in the receive FIFO. When the tty is full, reception stops until unthrottle(): the sender sees
 * the FIFO full. At most one piece is dropped then.
 */
static void receive(struct uart *u, u8 cause)
{
	char buf[FIFO_LARGE];
	size_t n;

	do {
		n = take_piece(u, cause, buf);
		cause = UART_IIR_NO_INT;
		if (n && tty_input(u->tty, buf, n) < n) {
			spin_lock(&u->lock);
			u->rx_waits = true;
			set_ier(u, UART_IER_RDI, false);
			spin_unlock(&u->lock);
		}
	} while (n == sizeof(buf));
}

/* False when the port had no reason to interrupt. */
static bool serve(struct uart *u)
{
	u8 iir = inb(u->port + UART_IIR);
	bool was_full, now_empty;

	u->quiet = false;
	if (iir & UART_IIR_NO_INT)
		return false;
	receive(u, iir & UART_IIR_ID);
	spin_lock(&u->lock);
	was_full = u->tail != u->head;
	transmit(u);
	now_empty = u->tail == u->head;
	spin_unlock(&u->lock);
	if (was_full && (now_empty || uart_room(u->tty) >= TX_RING / 2))
		tty_output_ready(u->tty);
	return true;
}

/*
 * A line that ports share goes down, and can come up again, which is what interrupts, when none of them has a
 * reason: when all in a row have none. It begins with the port that had the last one, which most often has the next.
 */
static void uart_irq(void *arg)
{
	static unsigned int at; /* all lines lead to one CPU */
	unsigned int idle = 0;

	while (idle < ARRAY_SIZE(uarts)) {
		struct uart *u = &uarts[at];
		bool had = u->tty && u->gsi == (uintptr_t)arg && serve(u);

		if (had)
			idle = 0;
		if (!had || u->quiet) {
			at = (at + 1) % ARRAY_SIZE(uarts);
			idle++;
		}
	}
}

static const struct tty_driver uart_driver = {
	.write = uart_write,
	.room = uart_room,
	.pending = uart_pending,
	.flush = uart_flush,
	.unthrottle = uart_unthrottle,
};

/* A register that keeps what is written is there (the scratch register; 0xff on an empty bus). */
static bool probe(u16 port)
{
	outb(port + UART_SCR, 0x5a);
	return inb(port + UART_SCR) == 0x5a && inb(port + UART_LSR) != 0xff;
}

/* While the divisor latch is open, which the bit for large FIFOs needs. */
static void set_fifo(struct uart *u)
{
	outb(u->port + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR7_64BYTE | UART_FCR_TRIGGER_14);
	outb(u->port + UART_LCR, UART_LCR_WLEN8);
	if (inb(u->port + UART_IIR) & IIR_LARGE) {
		u->fifo = FIFO_LARGE;
		u->trigger = 56;
	} else {
		outb(u->port + UART_FCR, UART_FCR_ENABLE_FIFO | UART_FCR_TRIGGER_8);
		u->fifo = FIFO;
		u->trigger = 8;
	}
}

/* machine_exit(): what the rings hold goes out, polled, before the machine ends. */
static void drain_all(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++) {
		struct uart *u = &uarts[i];

		if (!u->tty)
			continue;
		for (int spin = 0; spin < 10000000; spin++) {
			u8 lsr = inb(u->port + UART_LSR);

			if (lsr & UART_LSR_THRE && u->tail != u->head)
				outb(u->port + UART_TX, u->ring[u->tail++ % TX_RING]);
			else if (lsr & UART_LSR_TEMT && u->tail == u->head)
				break;
			cpu_relax();
		}
	}
}

void uart_init(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(uarts); i++) {
		struct uart *u = &uarts[i];
		char name[8];

		u->port = places[i].port;
		u->gsi = places[i].gsi;
		if (!probe(u->port))
			continue;
		snprintf(name, sizeof(name), "ttyS%u", i);
		u->tty = tty_create(name, TTY_MAJOR, FIRST_MINOR + i, &uart_driver, u);
		outb(u->port + UART_LCR, UART_LCR_DLAB);
		outb(u->port + UART_DLL, 1); /* 115200 baud */
		outb(u->port + UART_DLM, 0);
		set_fifo(u);
		outb(u->port + UART_MCR, UART_MCR_DTR | UART_MCR_RTS | UART_MCR_OUT2);
		if (irq_request(u->gsi, false, uart_irq, (void *)(uintptr_t)u->gsi))
			pr_err("%s: no interrupt %u", name, u->gsi);
		spin_lock(&u->lock);
		set_ier(u, UART_IER_RDI, true);
		spin_unlock(&u->lock);
	}
	machine_drain = drain_all;
}
