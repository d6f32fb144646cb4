/* SPDX-License-Identifier: MIT */
/* The first C that runs: from the boot loader's state to one where kernel_main() can begin. */
#include "x86/internal.h"

void x86_start(u32 magic, u32 info);
void x86_start(u32 magic, u32 info)
{
	char value[16];

	early_serial_init();
	idt_init();
	cpu_init_this(&boot_cpu);
	boot_info_parse(magic, info);
	if (boot_param("quiet", value, sizeof(value)))
		printk_set_level(LOG_WARN);
	if (boot_param("loglevel", value, sizeof(value))) /* as Linux: what is below it is shown */
		printk_set_level(value[1] ? LOG_DEBUG : value[0] - '1');
	paging_init();
	acpi_init();
	kernel_main();
}

void x86_late_init(void)
{
	lapic_init_this();
	ioapic_init();
	fpu_init();
	clock_init();
}
