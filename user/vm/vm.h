/* SPDX-License-Identifier: MIT */
/*
 * vm: virtual machines, from an image and a kernel to the exit status. There is no daemon: `vm run`
 * is the machine, an ordinary process in a cgroup of its own that asks the kernel for a virtual CPU
 * (/dev/kvm) and plays the devices itself.
 *
 *	main.c     verbs and their help
 *	run.c      one machine's life: name, cgroup, threads, terminal, end
 *	machine.c  the KVM side: memory slots, registers, and what to do at an exit
 *	boot.c     what a PVH loader puts into memory: kernel, modules, command line, ACPI tables
 *	devices.c  the bus: clock, exit port, and everything that is not there
 *	uart.c     two serial ports: the console and the command's output
 *	list.c     ps
 */
#pragma once
#include <pthread.h>
#include <stdint.h>
#include <linux/kvm.h>

#include "common.h"

#define MAX_CPUS 16
#define PAGE 4096UL
#define ALIGN_UP(x, a) (((x) + (a)-1) & ~((a)-1))

struct machine {
	/* what was asked for */
	const char *image, *kernel; /* paths */
	char **argv; /* the command, the image's without one, or NULL: a shell on the console */
	const char *append, *name;
	struct image_config config; /* what the image says about running it */
	uint64_t memory;
	unsigned int cpus;
	bool console; /* the guest's console goes to stderr */

	int kvm, vm, vcpu[MAX_CPUS];
	struct kvm_run *run[MAX_CPUS];
	size_t run_size;
	uint32_t tsc_khz;
	uint8_t *ram; /* guest-physical 0 */
	uint64_t ram_size;
	uint64_t image_size; /* in whole pages; it lies right behind the RAM */
	uint64_t entry, start_info; /* guest-physical */
};

/* boot.c: fills guest memory. Dies with a message when something does not fit or is not a kernel. */
void boot_load(struct machine *m);

/* machine.c */
void machine_create(struct machine *m);
/* Runs vCPU i until the machine ends; then machine_end() has been called by somebody. */
void machine_run(struct machine *m, unsigned int i);
void irq_line(struct machine *m, unsigned int irq, bool level);

/* run.c: the machine is over; the first status counts. Any thread; returns, the caller may go on. */
void machine_end(int status);
/* Wakes the thread that reads the terminal: the UART has taken all of its input. */
void want_input(void);

/* devices.c: one access of 1, 2 or 4 bytes */
void port_access(struct machine *m, uint16_t port, bool in, void *data, unsigned int size);

/* uart.c */
void uart_init(struct machine *m);
bool uart_owns(uint16_t port);
uint8_t uart_read(struct machine *m, uint16_t port);
void uart_write(struct machine *m, uint16_t port, uint8_t v);
/* Bytes that COM1 takes from the terminal now, and giving them to it. */
size_t uart_room(void);
void uart_input(struct machine *m, const uint8_t *buf, size_t n);

extern const struct opt run_options[];
int run_verb(int argc, char **argv);
int ps_verb(int argc, char **argv), images_verb(int argc, char **argv);
