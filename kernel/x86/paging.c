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
			kasan_map(va, va + GIB);
			start += GIB;
			continue;
		}
		if (!(pdpt[pt_index(va, 2)] & PTE_PS)) {
			pd = table_below(pdpt, pt_index(va, 2));
			pd[pt_index(va, 1)] = start | bits;
			kasan_map(va, va + LARGE_PAGE_SIZE);
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
	kasan_init();
	/* Firmware tables lie in the first MiB or in what the loader calls ACPI memory. */
	direct_map(0, 1UL << 20);
	for (unsigned int i = 0; i < boot_info.nr_ram; i++)
		direct_map(boot_info.ram[i].start, boot_info.ram[i].end);
	for (unsigned int i = 0; i < boot_info.nr_firmware; i++)
		direct_map(boot_info.firmware[i].start, boot_info.firmware[i].end);
	map_image();
	kasan_map((u64)__text_start, (u64)__image_end);
	make_ioremap_window();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr3(kernel_cr3);
	kasan_start();
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
	kasan_map(va + (phys - first), va + (phys - first) + size);
	return (void *)(va + (phys - first));
}

/* ---- which space this CPU has loaded ---- */

static void mask_set(u64 *mask, u64 bit)
{
	__atomic_fetch_or(mask, bit, __ATOMIC_SEQ_CST);
}
static void mask_clear(u64 *mask, u64 bit)
{
	__atomic_fetch_and(mask, ~bit, __ATOMIC_SEQ_CST);
}

void space_switch(struct addr_space *space)
{
	struct cpu *c = this_cpu();
	struct addr_space *old = c->space;
	u64 bit = BIT(c->id), flushes;

	if (space == old && !c->space_lazy)
		return;
	/* In the mask before the count and CR3 are read: a flush that comes now reaches us. */
	if (space) {
		mask_set(&space->active, bit);
		flushes = __atomic_load_n(&space->flushes, __ATOMIC_SEQ_CST);
		if (space != old || flushes != c->space_flushes)
			write_cr3(space->cr3);
		c->space_flushes = flushes;
	} else {
		write_cr3(kernel_cr3);
	}
	c->space = space;
	if (old && c->space_lazy)
		mask_clear(&old->lazy, bit);
	else if (old)
		mask_clear(&old->active, bit);
	c->space_lazy = false;
}

void space_idle(void)
{
	struct cpu *c = this_cpu();

	if (!c->space || c->space_lazy)
		return;
	c->space_lazy = true;
	mask_set(&c->space->lazy, BIT(c->id));
	mask_clear(&c->space->active, BIT(c->id));
}

struct flush {
	struct addr_space *space;
	u64 start, end;
	u64 number; /* the count after this one */
};

static void flush_here(void *arg)
{
	struct flush *f = arg;
	struct cpu *c = this_cpu();

	if (c->space != f->space)
		return;
	/* With another one still on its way the count stays behind, and the next switch flushes all. */
	if (c->space_flushes + 1 == f->number)
		c->space_flushes = f->number;
	if ((f->end - f->start) >> PAGE_SHIFT > FLUSH_ALL_PAGES) {
		write_cr3(f->space->cr3);
		return;
	}
	for (u64 va = f->start; va < f->end; va += PAGE_SIZE)
		tlb_flush_page(va);
}

void space_flush(struct addr_space *space, u64 start, u64 end)
{
	struct flush f = { space, start, end, 0 };
	u64 active, self;

	f.number = __atomic_add_fetch(&space->flushes, 1, __ATOMIC_SEQ_CST);
	irq_push();
	self = BIT(this_cpu()->id);
	flush_here(&f);
	irq_pop();
	active = __atomic_load_n(&space->active, __ATOMIC_SEQ_CST) & ~self;
	if (active)
		smp_call(active, flush_here, &f);
}

static void drop_here(void *space)
{
	if (this_cpu()->space == space && this_cpu()->space_lazy)
		space_switch(NULL);
}

void space_drop_lazy(struct addr_space *space)
{
	u64 lazy = __atomic_load_n(&space->lazy, __ATOMIC_SEQ_CST);

	if (!lazy)
		return;
	irq_push();
	drop_here(space);
	irq_pop();
	lazy &= ~BIT(this_cpu()->id);
	if (lazy)
		smp_call(lazy, drop_here, space);
}
