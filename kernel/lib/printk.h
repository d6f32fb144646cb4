/* SPDX-License-Identifier: MIT */
/*
 * The kernel log. Lines go into a ring (dmesg reads it) and to every registered console.
 * printk() may be called anywhere, interrupt handlers and panics included.
 */
#pragma once
#include "lib/types.h"

#define LOG_EMERG 0
#define LOG_ERR 3
#define LOG_WARN 4
#define LOG_INFO 6
#define LOG_DEBUG 7

/* One whole line, without the newline. level: LOG_*, as in syslog(2). */
void printk(int level, const char *fmt, ...) __printf(2, 3);
#define pr_err(...) printk(LOG_ERR, __VA_ARGS__)
#define pr_info(...) printk(LOG_INFO, __VA_ARGS__)
#define pr_debug(...) printk(LOG_DEBUG, __VA_ARGS__)

/*
 * Prints the line with file (NULL: without a place), line, and a backtrace; the run goes on, but a
 * test run fails.
 */
void warn_at(const char *file, int line, const char *fmt, ...) __printf(3, 4);
#define WARN_ON(cond)                                                                              \
	({                                                                                         \
		bool _c = (cond);                                                                  \
		if (unlikely(_c))                                                                  \
			warn_at(__FILE__, __LINE__, "%s", #cond);                                  \
		_c;                                                                                \
	})

/* Stops every CPU, prints "PANIC: FILE:LINE: text" and a backtrace, ends the emulator. */
void __noreturn panic_at(const char *file, int line, const char *fmt, ...) __printf(3, 4);
#define panic(...) panic_at(__FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(cond)                                                                               \
	do {                                                                                       \
		if (unlikely(cond))                                                                \
			panic("%s", #cond);                                                        \
	} while (0)

/* One more console for log lines (a screen): write() gets text with newlines, in any context. */
void printk_add_console(void (*write)(const char *text, size_t n));

/* Copies log text from byte *pos of all ever logged on, moves *pos. 0 at the end. Kernel buffer. */
size_t klog_read(u64 *pos, char *buf, size_t size);
/* Position of the oldest text still held, and of the end. */
u64 klog_begin(void);
u64 klog_end(void);

/* A line that is always shown on the consoles, without a time: what tools look for. */
void printk_bare(const char *fmt, ...) __printf(1, 2);
/* Consoles show lines of this level and below (more urgent); "quiet" sets LOG_WARN. */
void printk_set_level(int level);
/* One more console for the log; called with interrupts off, must not sleep. At most 4. */
void printk_add_console(void (*write)(const char *s, size_t n));
extern u64 kernel_warnings; /* WARNs so far */
