/* SPDX-License-Identifier: MIT */
/*
 * The kernel's table of contents: what comes up, in the order in which each part stands on the ones
 * before it. boot/boot.S and x86_start() have brought one CPU into 64-bit mode with the final page
 * tables; from here on it is C.
 */
#include "dev/dev.h"
#include "net/net.h"
#include "syscall/syscall.h"

extern const initcall_t __initcalls_start[], __initcalls_end[];

void run_layer_initcalls(void)
{
	for (const initcall_t *fn = __initcalls_start; fn < __initcalls_end; fn++)
		(*fn)();
}

void kernel_main(void)
{
	pr_info("Dyad, by %s: %s", boot_info.loader, boot_info.cmdline);
	/* clang-format off */
	mm_init();                             /* frames and slabs: memory can be had */
	x86_late_init();                       /* interrupts, clock, FPU */
	sched_init();                          /* this flow of control becomes the first thread */
	fs_init();                             /* an empty root, the built-in file systems */
	proc_init();                           /* task 0, pid numbers, /proc */
	entry_ops_set(&dyad_entry_ops);        /* system calls and faults have somewhere to go */
	net_init();                            /* sockets, the first network stack */
	dev_init();                            /* serial ports, consoles, memory devices */
	run_layer_initcalls();                 /* container/ and vmm/, when they are there */
	smp_start(sched_secondary);            /* all CPUs schedule */
	sysfs_cpus();                          /* /sys has a folder for each */
	initramfs_load();                      /* the first files */
	start_first_process("/init");          /* pid 1: everything else is a program */
	/* clang-format on */
	sched_idle();
}
