/* SPDX-License-Identifier: MIT */
/*
 * Walks the frame pointers and names what it finds. The symbol table is made by the build from the
 * kernel's own symbols (tools/mksyms) and linked in last; without it the addresses stand alone.
 */
#include "x86/internal.h"

extern const u64 ksyms_count __attribute__((weak));
extern const s32 ksyms_addr[] __attribute__((weak)); /* the kernel lies in the last 2 GiB */
extern const char ksyms_names[] __attribute__((weak)); /* in the same order, each with its NUL */
extern const char __text_start[], __text_end[];

#define MAX_FRAMES 24

static u64 symbol_address(u64 i)
{
	return (s64)ksyms_addr[i];
}

/* Counted off from the first: a table of places would be a fifth of all, and nobody waits here. */
static const char *symbol_text(u64 i)
{
	const char *name = ksyms_names;

	while (i--)
		name += strlen(name) + 1;
	return name;
}

/* The function that holds addr, and where in it: NULL when there is no table or no such one. */
static const char *symbol_of(u64 addr, u64 *offset, u64 *size)
{
	u64 lo = 0, hi;

	if (!&ksyms_count || !ksyms_count || addr < symbol_address(0))
		return NULL;
	/* LAB 00: begin
	 * symbol_address(i) is where function i starts; they rise with i, and there are ksyms_count
	 * of them. Find the last one that is not above addr: some thousand entries, so halve the range
	 * [lo, hi) until one is left. Leave its index in lo.
	 * starter: hi = ksyms_count;
	 * starter: if (hi) // not written yet: no address has a name
	 * starter: 	return NULL;
	 */
	hi = ksyms_count;
	while (hi - lo > 1) {
		u64 mid = (lo + hi) / 2;

		if (symbol_address(mid) <= addr)
			lo = mid;
		else
			hi = mid;
	}
	/* LAB 00: end */
	*offset = addr - symbol_address(lo);
	*size = (lo + 1 < ksyms_count ? symbol_address(lo + 1) : (u64)__text_end) -
		symbol_address(lo);
	return symbol_text(lo);
}

const char *symbol_name(u64 addr)
{
	u64 offset, size;
	const char *name = symbol_of(addr - 1, &offset, &size);

	return name ? name : "?";
}

static bool is_text(u64 addr)
{
	return addr >= (u64)__text_start && addr < (u64)__text_end;
}

/*
 * back: 1 for a return address. It stands behind the call, and where the call was the last of its
 * function that is the next one: the name is looked up one byte before.
 */
static void print_one(u64 addr, u64 back)
{
	u64 offset = 0, size = 0;
	const char *name = symbol_of(addr - back, &offset, &size);

	if (name)
		printk_bare("  [<0x%llx>] %s+0x%llx/0x%llx", (unsigned long long)addr, name,
			    (unsigned long long)(offset + back), (unsigned long long)size);
	else
		printk_bare("  [<0x%llx>]", (unsigned long long)addr);
}

void backtrace_print(u64 rbp, u64 rip)
{
	u64 base = rbp;

	if (rip)
		print_one(rip, 0);
	/* LAB 00: begin
	 * Every function begins with `push %rbp; mov %rsp, %rbp`. So rbp points at the caller's rbp,
	 * and the word above it is the address to which this function returns. Print that address
	 * (print_one, with back 1), go on with the caller's rbp, and so on, at most MAX_FRAMES times.
	 * A stack may be damaged when this runs: before you read through rbp, see that it is a kernel
	 * address (DIRECT_BASE and above), aligned to 8, not below base and not more than 64 KiB above
	 * it; and stop at a return address that is not in the kernel's text (is_text).
	 * starter: if (!is_text(base)) // base is on the stack
	 * starter: 	printk_bare("  lab 00: the walk up the stack is not written yet");
	 */
	/* A stack is one small piece of the direct map or of the image: leave when it jumps. */
	for (int i = 0; i < MAX_FRAMES; i++) {
		u64 *frame = (u64 *)rbp;

		if (rbp < DIRECT_BASE || (rbp & 7) || rbp < base || rbp - base > 65536)
			return;
		if (!is_text(frame[1]))
			return;
		print_one(frame[1], 1);
		rbp = frame[0];
	}
	/* LAB 00: end */
}
