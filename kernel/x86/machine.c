/* SPDX-License-Identifier: MIT */
/*
 * The end of the machine: power off with a status, and reset. The status matters under emulators,
 * each with its own door; on a PC the doors do nothing and ACPI switches the power off.
 */
#include "x86/internal.h"

#define PORT_DEBUG_EXIT 0xf4 /* QEMU isa-debug-exit, Dyad's own vm */
#define PORT_BOCHS_POWER 0x8900
#define PORT_KBD_COMMAND 0x64
#define KBD_RESET_CPU 0xfe
#define PORT_RESET_CONTROL 0xcf9 /* PCI chip sets: 6 resets */
#define ACPI_SLP_EN BIT(13)

void (*machine_drain)(void);

static void bochs_exit(void)
{
	/* The debugger's magic break: ends Bochs with status 0 when it runs with "q" in its rc file. */
	__asm__ volatile("xchgw %bx, %bx");
	for (const char *s = "Shutdown"; *s; s++)
		outb(PORT_BOCHS_POWER, *s);
}

static void acpi_power_off(void)
{
	if (!acpi.has_s5 || !acpi.pm1a_cnt)
		return;
	outw(acpi.pm1a_cnt, acpi.s5_typ_a << 10 | ACPI_SLP_EN);
	if (acpi.pm1b_cnt)
		outw(acpi.pm1b_cnt, acpi.s5_typ_b << 10 | ACPI_SLP_EN);
}

void machine_exit(int status)
{
	if (machine_drain && !smp_stopping)
		machine_drain();
	printk_bare("dyad: exit %d", status);
	irq_disable();
	early_serial_drain();
	udelay(1000);
	outb(PORT_DEBUG_EXIT, status);
	bochs_exit();
	acpi_power_off();
	for (;;)
		__asm__ volatile("cli; hlt");
}

void machine_reboot(void)
{
	if (machine_drain)
		machine_drain();
	printk_bare("dyad: reboot");
	irq_disable();
	early_serial_drain();
	if (acpi.reset_addr && acpi.reset_space == 1)
		outb(acpi.reset_addr, acpi.reset_value);
	outb(PORT_RESET_CONTROL, 2);
	outb(PORT_RESET_CONTROL, 6);
	outb(PORT_KBD_COMMAND, KBD_RESET_CPU);
	udelay(100000);
	/* The last resort: an empty IDT makes the next exception a triple fault. */
	struct {
		u16 limit;
		u64 base;
	} __packed none = { 0, 0 };
	__asm__ volatile("lidt %0; int3" ::"m"(none));
	__builtin_unreachable();
}
