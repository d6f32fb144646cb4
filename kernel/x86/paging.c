/* SPDX-License-Identifier: MIT */
/*
 * The kernel's half of every address space: built once, then the same 256 PML4 entries everywhere,
 * so that a change below them is seen by all. W^X holds: the image's text is r-x, its rodata r--, all
 * else rw- and never executable. Also which address space a CPU has loaded, and TLB shootdown.
 */
#include "x86/internal.h"

pte_t *kernel_pml4;
static paddr_t kernel_cr3;
static pte_t *ioremap_pd;
static u64 ioremap_next = IOREMAP_BASE;
static spinlock_t ioremap_lock;
static bool has_1g_pages;

extern const char __text_start[], __text_end[], __rodata_end[], __image_end[];

#define GIB (1UL << 30)
#define IOREMAP_SIZE GIB
#define FLUSH_ALL_PAGES 64 /* a longer range reloads CR3 instead */

/* The table that entry i of table points to, made when missing. */
static pte_t *table_below(pte_t *table, unsigned int i)
{
	if (!(table[i] & PTE_P))
		table[i] = boot_alloc(PAGE_SIZE) | PTE_P | PTE_W;
	return phys_to_virt(table[i] & PTE_ADDR);
}

/* Maps all of [start, end), rounded outwards to 2 MiB, into the direct map. */
static void direct_map(paddr_t start, paddr_t end)
{
	start = ALIGN_DOWN(start, LARGE_PAGE_SIZE);
	end = ALIGN_UP(end, LARGE_PAGE_SIZE);
	while (start < end) {
		u64 va = start + DIRECT_BASE;
		pte_t *pdpt = table_below(kernel_pml4, pt_index(va, 3)), *pd;
		pte_t bits = PTE_P | PTE_W | PTE_PS | PTE_G | PTE_NX;

		if (has_1g_pages && !(start & (GIB - 1)) && end - start >= GIB &&
		    !pdpt[pt_index(va, 2)]) {
			pdpt[pt_index(va, 2)] = start | bits;
			start += GIB;
			continue;
		}
		if (!(pdpt[pt_index(va, 2)] & PTE_PS)) {
			pd = table_below(pdpt, pt_index(va, 2));
			pd[pt_index(va, 1)] = start | bits;
		}
		start += LARGE_PAGE_SIZE;
	}
}

static void map_image(void)
{
	u64 va = (u64)__text_start;
	pte_t *pdpt = table_below(kernel_pml4, pt_index(va, 3));

	for (; va < (u64)__image_end; va += PAGE_SIZE) {
		pte_t *pd = table_below(pdpt, pt_index(va, 2));
		pte_t *pt = table_below(pd, pt_index(va, 1));
		pte_t bits = PTE_P | PTE_G;

		if (va >= (u64)__text_end)
			bits |= PTE_NX;
		if (va >= (u64)__rodata_end)
			bits |= PTE_W;
		pt[pt_index(va, 0)] = (va - KERNEL_BASE) | bits;
	}
}

/* Tables for the whole ioremap window, so that a later mapping is seen by every space. */
static void make_ioremap_window(void)
{
	pte_t *pdpt = table_below(kernel_pml4, pt_index(IOREMAP_BASE, 3));

	ioremap_pd = table_below(pdpt, pt_index(IOREMAP_BASE, 2));
}

void paging_init(void)
{
	struct cpuid_regs ext = cpuid(0x80000001, 0);

	has_1g_pages = ext.edx & BIT(26);
	kernel_cr3 = boot_alloc(PAGE_SIZE);
	kernel_pml4 = phys_to_virt(kernel_cr3);
	/* Firmware tables lie in the first MiB or in what the loader calls ACPI memory. */
	direct_map(0, 1UL << 20);
	for (unsigned int i = 0; i < boot_info.nr_ram; i++)
		direct_map(boot_info.ram[i].start, boot_info.ram[i].end);
	for (unsigned int i = 0; i < boot_info.nr_firmware; i++)
		direct_map(boot_info.firmware[i].start, boot_info.firmware[i].end);
	map_image();
	make_ioremap_window();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr3(kernel_cr3);
}

void *ioremap(paddr_t phys, size_t size, bool wc)
{
	paddr_t first = ALIGN_DOWN(phys, LARGE_PAGE_SIZE);
	u64 n = (ALIGN_UP(phys + size, LARGE_PAGE_SIZE) - first) / LARGE_PAGE_SIZE;
	/* The PAT as it is after reset: PWT alone is write-through, PCD and PWT uncached (SDM 3A 11.12) */
	pte_t bits = PTE_P | PTE_W | PTE_PS | PTE_G | PTE_NX | (wc ? PTE_PWT : PTE_PCD | PTE_PWT);
	u64 va;

	spin_lock(&ioremap_lock);
	va = ioremap_next;
	if (va + n * LARGE_PAGE_SIZE > IOREMAP_BASE + IOREMAP_SIZE)
		panic("ioremap window is full (0x%llx, %zu bytes)", (unsigned long long)phys, size);
	for (u64 i = 0; i < n; i++)
		ioremap_pd[pt_index(va, 1) + i] = (first + i * LARGE_PAGE_SIZE) | bits;
	ioremap_next += n * LARGE_PAGE_SIZE;
	spin_unlock(&ioremap_lock);
	return (void *)(va + (phys - first));
}

void space_switch(struct addr_space *space)
{
	struct cpu *c = this_cpu();
	struct addr_space *old = c->space;
	u64 bit = BIT(c->id);

	if (space == old)
		return;
	/* In the new mask before CR3 is read: a flush that comes now reaches us. */
	if (space)
		__atomic_fetch_or(&space->active, bit, __ATOMIC_SEQ_CST);
	c->space = space;
	write_cr3(space ? space->cr3 : kernel_cr3);
	if (old)
		__atomic_fetch_and(&old->active, ~bit, __ATOMIC_SEQ_CST);
}

struct flush {
	struct addr_space *space;
	u64 start, end;
};

static void flush_here(void *arg)
{
	struct flush *f = arg;

	if (this_cpu()->space != f->space)
		return;
	if ((f->end - f->start) >> PAGE_SHIFT > FLUSH_ALL_PAGES) {
		write_cr3(f->space->cr3);
		return;
	}
	for (u64 va = f->start; va < f->end; va += PAGE_SIZE)
		tlb_flush_page(va);
}

void space_flush(struct addr_space *space, u64 start, u64 end)
{
	struct flush f = { space, start, end };
	u64 active, self;

	irq_push();
	self = BIT(this_cpu()->id);
	flush_here(&f);
	irq_pop();
	active = __atomic_load_n(&space->active, __ATOMIC_SEQ_CST) & ~self;
	if (active)
		smp_call(active, flush_here, &f);
}
