/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries and the map of the kernel's half (SDM 3A 4.5):
 *
 *	0xffff888000000000  direct map: all RAM at its physical address + DIRECT_BASE, NX, never user
 *	0xffffc00000000000  ioremap(): device memory, uncached
 *	0xffffffff80000000  the kernel's image: text r-x, rodata r--, data rw-
 *
 * The kernel's half (256 PML4 entries) is the same in every address space and made once at boot.
 */
#pragma once
#include "lib/types.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define LARGE_PAGE_SIZE (2UL << 20)
#define LARGE_PAGE_ORDER 9

#define DIRECT_BASE 0xffff888000000000UL
#define IOREMAP_BASE 0xffffc00000000000UL
#define KERNEL_BASE 0xffffffff80000000UL
#define USER_END 0x00007ffffffff000UL /* first address that is not user's */

typedef u64 pte_t;
#define PTE_P BIT(0)
#define PTE_W BIT(1)
#define PTE_U BIT(2)
#define PTE_PWT BIT(3)
#define PTE_PCD BIT(4)
#define PTE_A BIT(5)
#define PTE_D BIT(6)
#define PTE_PS BIT(7)
#define PTE_G BIT(8)
#define PTE_SOFT_COW BIT(9) /* ignored by the CPU: write means copy */
#define PTE_SOFT_SPECIAL BIT(10) /* ignored by the CPU: the frame is not counted (device memory) */
#define PTE_NX BIT(63)
#define PTE_ADDR 0x000ffffffffff000UL
#define PT_ENTRIES 512

/* Direct-map address of RAM, and back. */
static inline void *phys_to_virt(paddr_t p)
{
	return (void *)(p + DIRECT_BASE);
}
static inline paddr_t virt_to_phys(const void *v)
{
	u64 a = (u64)v;
	return a >= KERNEL_BASE ? a - KERNEL_BASE : a - DIRECT_BASE;
}
static inline unsigned int pt_index(u64 va, unsigned int level) /* level 0: PTE ... 3: PML4 */
{
	return (va >> (PAGE_SHIFT + 9 * level)) & (PT_ENTRIES - 1);
}
static inline void tlb_flush_page(u64 va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

extern pte_t *kernel_pml4; /* direct-map address; entries 256..511 are copied into each new space */

/*
 * An address space as the CPU sees it. A CPU's bit in active is set while it may use the space: these
 * are the CPUs that a flush must reach. A CPU that runs a kernel thread meanwhile keeps the space
 * loaded and has its bit in lazy instead; when it comes back it flushes if there were flushes.
 */
struct addr_space {
	paddr_t cr3;
	u64 active, lazy; /* cpumask_t, atomic */
	u64 flushes; /* counts them; atomic */
};
/* Loads space (NULL: the kernel's own) on this CPU; nothing to do when it is loaded. Interrupts off. */
void space_switch(struct addr_space *space);
/* A thread that needs no space runs on this CPU now: what is loaded may stay. Interrupts off. */
void space_idle(void);
/*
 * Forgets [start, end) of space in every CPU's TLB and waits for it. Interrupts must be on when
 * other CPUs may have it loaded. Large ranges flush the whole space.
 */
void space_flush(struct addr_space *space, u64 start, u64 end);
/* CPUs that keep space loaded without need load the kernel's own: before its tables are freed. */
void space_drop_lazy(struct addr_space *space);
