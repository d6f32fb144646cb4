/* SPDX-License-Identifier: MIT */
/*
 * The kernel log: a ring of text that keeps the newest KLOG_SIZE bytes, the consoles that show it,
 * warnings and panics. log_lock guards ring and consoles. Every line in the ring begins with
 * "<level>[seconds.micros] ", as dmesg(1) expects; consoles see it without the level.
 * The first console is COM1, polled: it works before anything else does.
 */
#include "x86/internal.h"

#define KLOG_SIZE 32768
#define COM1 0x3f8
#define UART_LSR 5
#define LSR_THR_EMPTY 0x20
#define LSR_ALL_SENT 0x40
#define MAX_CONSOLES 4

static char ring[KLOG_SIZE];
static u64 ring_end; /* bytes ever logged */
static spinlock_t log_lock;
static void (*consoles[MAX_CONSOLES])(const char *s, size_t n);
static bool serial_there;
static int console_level = LOG_INFO;
u64 kernel_warnings;

void early_serial_init(void)
{
	outb(COM1 + 1, 0); /* no interrupts */
	outb(COM1 + 3, 0x80); /* divisor latch */
	outb(COM1 + 0, 1); /* 115200 baud */
	outb(COM1 + 1, 0);
	outb(COM1 + 3, 3); /* 8 bits, no parity */
	outb(COM1 + 2, 7); /* FIFOs on and empty */
	outb(COM1 + 4, 3); /* DTR, RTS */
	serial_there = inb(COM1 + UART_LSR) != 0xff;
}

static void serial_wait(u8 bits)
{
	for (int i = 0; i < 1000000 && !(inb(COM1 + UART_LSR) & bits); i++)
		cpu_relax();
}

static void serial_write(const char *s, size_t n)
{
	if (!serial_there)
		return;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n') {
			serial_wait(LSR_THR_EMPTY);
			outb(COM1, '\r');
		}
		serial_wait(LSR_THR_EMPTY);
		outb(COM1, s[i]);
	}
}

void early_serial_drain(void)
{
	if (serial_there)
		serial_wait(LSR_ALL_SENT);
}

void printk_set_level(int level)
{
	console_level = level;
}

void printk_add_console(void (*write)(const char *s, size_t n))
{
	spin_lock(&log_lock);
	for (int i = 0; i < MAX_CONSOLES; i++) {
		if (consoles[i])
			continue;
		consoles[i] = write;
		break;
	}
	spin_unlock(&log_lock);
}

static void emit(const char *s, size_t n, size_t skip, bool show)
{
	for (size_t i = 0; i < n; i++)
		ring[(ring_end + i) % KLOG_SIZE] = s[i];
	ring_end += n;
	if (!show)
		return;
	serial_write(s + skip, n - skip);
	for (int i = 0; i < MAX_CONSOLES && consoles[i]; i++)
		consoles[i](s + skip, n - skip);
}

/* In a panic the lock may be held by a CPU that is stopped: then it is not waited for. */
static bool log_enter(void)
{
	if (!smp_stopping) {
		spin_lock(&log_lock);
		return true;
	}
	return false;
}

static void vprintk(int level, bool always, const char *fmt, va_list ap)
{
	u64 us = tsc_khz ? clock_ns() / 1000 : 0;
	char line[320];
	int skip, n;
	bool locked;

	skip = snprintf(line, sizeof(line), "<%d>", level);
	n = skip + snprintf(line + skip, sizeof(line) - skip, "[%5u.%06u] ",
			    (unsigned int)(us / 1000000), (unsigned int)(us % 1000000));
	if (always) /* whole lines that tools look for begin without a time */
		n = skip;
	n += vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	if (n > (int)sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	locked = log_enter();
	emit(line, n, skip, always || level <= console_level);
	if (locked)
		spin_unlock(&log_lock);
}

void printk(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(level, false, fmt, ap);
	va_end(ap);
}

void printk_bare(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintk(LOG_EMERG, true, fmt, ap);
	va_end(ap);
}

u64 klog_end(void)
{
	return READ_ONCE(ring_end);
}

u64 klog_begin(void)
{
	u64 end = klog_end();

	return end > KLOG_SIZE ? end - KLOG_SIZE : 0;
}

size_t klog_read(u64 *pos, char *buf, size_t size)
{
	size_t n = 0;

	/* LAB 00: begin
	 * ring_end counts the bytes ever logged; byte number i is ring[i % KLOG_SIZE] as long as it is
	 * one of the newest KLOG_SIZE. Copy text from byte *pos on to buf, at most size bytes, and move
	 * *pos behind what was copied; n counts it. A reader that came too late goes on with the oldest
	 * byte that is still there (klog_begin()). Other CPUs log at the same time: hold log_lock.
	 * starter: static bool told;
	 * starter:
	 * starter: if (!told)
	 * starter: 	pr_err("lab 00: klog_read() is not written yet");
	 * starter: told = true;
	 */
	spin_lock(&log_lock);
	if (*pos < klog_begin())
		*pos = klog_begin();
	while (n < size && *pos < ring_end)
		buf[n++] = ring[(*pos)++ % KLOG_SIZE];
	spin_unlock(&log_lock);
	/* LAB 00: end */
	return n;
}

void warn_at(const char *file, int line, const char *fmt, ...)
{
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	__atomic_fetch_add(&kernel_warnings, 1, __ATOMIC_RELAXED);
	if (file)
		printk_bare("WARNING: %s:%d: %s", file, line, text);
	else
		printk_bare("WARNING: %s", text);
	backtrace_print((u64)__builtin_frame_address(0), 0);
}

void panic_at(const char *file, int line, const char *fmt, ...)
{
	static u32 once;
	char text[200];
	va_list ap;

	irq_disable();
	if (__atomic_exchange_n(&once, 1, __ATOMIC_SEQ_CST))
		for (;;)
			__asm__ volatile("cli; hlt");
	smp_stop_others();
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	printk_bare("PANIC: %s:%d: %s", file, line, text);
	backtrace_print((u64)__builtin_frame_address(0), 0);
	machine_exit(125);
}
