/* SPDX-License-Identifier: MIT */
/*
 * Second-level tables. A present leaf holds one reference to its frame; so does a hidden one, which
 * only this file can see: a page leaves the guest in two steps (hide, flush every CPU, release), so
 * that no frame is freed while a CPU may still have it in its TLB. A large leaf holds no reference and
 * goes in one step: its frames are the monitor's until memslot_invalidate() has returned. All calls are
 * made under vm->mmu_lock; the walk is by hardware meanwhile, so entries are written whole.
 */
#include "vmm/slat.h"

#define SLAT_ADDR 0x000ffffffffff000UL
#define SLAT_HIDDEN BIT(52) /* ignored by both formats: the frame is still ours to put */
#define LEVEL_SIZE(l) (1UL << (PAGE_SHIFT + 9 * (l)))

static u64 *table_of(u64 entry)
{
	return phys_to_virt(entry & SLAT_ADDR);
}

/* Does an entry above level 0 lead to a table? */
static bool leads_on(const struct slat *s, u64 entry)
{
	return (entry & s->fmt->present) && !(entry & SLAT_LARGE);
}

/* The entry of level 1 for gpa, or the one of a level above that does not lead there. */
static u64 *upper_entry(struct slat *s, u64 gpa)
{
	u64 *e = &s->root[pt_index(gpa, SLAT_TOP)];

	for (unsigned int level = SLAT_TOP - 1; level > 0 && leads_on(s, *e); level--)
		e = &table_of(*e)[pt_index(gpa, level)];
	return e;
}

static u64 *new_table(struct slat *s)
{
	struct frame *f = frame_alloc_zeroed(FRAME_SECOND_TABLE, s->charge);

	if (!f)
		return NULL;
	s->nr_tables++;
	return frame_va(f);
}

/* e, the leaf of gpa, becomes new. The CPU may mark it until then, and not afterwards. */
static void change_leaf(struct slat *s, u64 gpa, u64 *e, u64 new)
{
	if (__atomic_exchange_n(e, new, __ATOMIC_SEQ_CST) & s->fmt->dirty)
		s->written(s, gpa);
}

int slat_init(struct slat *s, const struct slat_format *fmt, struct res_counter *charge)
{
	s->fmt = fmt;
	s->charge = charge;
	s->root = new_table(s);
	return s->root ? 0 : -ENOMEM;
}

void slat_free(struct slat *s, u64 *table, unsigned int level)
{
	for (unsigned int i = 0; i < PT_ENTRIES; i++) {
		u64 e = table[i];

		s->nr_leaves -= level == 0 && e;
		if (level == 0 && e)
			frame_put(phys_frame(e & SLAT_ADDR));
		else if (e && leads_on(s, e))
			slat_free(s, table_of(e), level - 1);
	}
	s->nr_tables--;
	frame_put(va_frame(table));
}

u64 *slat_fold(struct slat *s, u64 gpa, struct frame *f)
{
	u64 *e = upper_entry(s, gpa), was = *e;

	if (!leads_on(s, was))
		return NULL;
	WRITE_ONCE(*e, frame_phys(f) | s->fmt->leaf | s->fmt->write | SLAT_LARGE);
	return table_of(was);
}

int slat_map(struct slat *s, u64 gpa, struct frame *f, bool write, struct frame **old)
{
	if (*upper_entry(s, gpa) & SLAT_LARGE) { /* another CPU was faster: f is there */
		*old = f;
		return 0;
	}
	/* LAB 10: begin
	 * Walk from s->root, level SLAT_TOP, down to level 0; pt_index(gpa, level) is the index at each. Where
	 * an entry has no bit of fmt->present there is no table yet: new_table() makes one (-ENOMEM without),
	 * and the entry becomes its physical address with fmt->table. Tables that were made stay, whatever
	 * happens further down.
	 * At level 0: *old is the frame of the entry, when it has one, hidden or not (each entry that is not 0
	 * holds a reference), else NULL; nr_leaves counts the entries that are not 0. The entry becomes the
	 * frame's address with fmt->leaf, and with fmt->write when write is set.
	 * The CPU walks while you write: an entry is written once, whole (WRITE_ONCE; a leaf by change_leaf(), as
	 * the CPU may have marked the one that gives way).
	 * starter: pr_err("lab 10: slat_map() is not written yet");
	 * starter: return -ENOSYS;
	 */
	u64 *table = s->root;
	u64 *e;

	for (unsigned int level = SLAT_TOP; level > 0; level--) {
		e = &table[pt_index(gpa, level)];
		if (!(*e & s->fmt->present)) {
			u64 *t = new_table(s);

			if (!t)
				return -ENOMEM;
			WRITE_ONCE(*e, virt_to_phys(t) | s->fmt->table);
		}
		table = table_of(*e);
	}
	e = &table[pt_index(gpa, 0)];
	*old = *e ? phys_frame(*e & SLAT_ADDR) : NULL;
	if (!*e)
		s->nr_leaves++;
	change_leaf(s, gpa, e, frame_phys(f) | s->fmt->leaf | (write ? s->fmt->write : 0));
	return 0;
	/* LAB 10: end */
}

/* Calls fn for each leaf entry that is not empty in [gpa, end); skips what has no table. */
static bool each_leaf(struct slat *s, u64 gpa, u64 end, bool (*fn)(struct slat *s, u64 gpa, u64 *e))
{
	/* LAB 10: begin
	 * Calls fn for each entry of level 0 in [gpa, end) that is not 0, in order, with its address; the result is whether any
	 * call was true. The range may be the 256 TiB of all addresses, and mostly there is nothing: where an
	 * entry above level 0 does not lead on (leads_on), go on behind all that it could have led to
	 * (LEVEL_SIZE(level)), not page by page. gpa need not be aligned to that size. Such an entry is 0, or
	 * a large leaf: fn is called for that, too.
	 * starter: pr_err("lab 10: each_leaf() is not written yet");
	 * starter: return false;
	 */
	bool any = false;

	while (gpa < end) {
		u64 *table = s->root;
		unsigned int level = SLAT_TOP;

		while (level > 0 && leads_on(s, table[pt_index(gpa, level)]))
			table = table_of(table[pt_index(gpa, level--)]);
		if (level > 0) {
			if (table[pt_index(gpa, level)])
				any |= fn(s, gpa, &table[pt_index(gpa, level)]);
			gpa = ALIGN_DOWN(gpa, LEVEL_SIZE(level)) + LEVEL_SIZE(level);
			continue;
		}
		do {
			u64 *e = &table[pt_index(gpa, 0)];

			if (*e)
				any |= fn(s, gpa, e);
			gpa += PAGE_SIZE;
		} while (gpa < end && pt_index(gpa, 0));
	}
	return any;
	/* LAB 10: end */
}

void slat_fill(struct slat *s, u64 gpa, struct frame **f, unsigned int n, u64 writable)
{
	u64 upper = *upper_entry(s, gpa);

	if (!leads_on(s, upper))
		return;
	for (u64 *e = &table_of(upper)[pt_index(gpa, 0)]; n--; e++, f++, writable >>= 1) {
		if (*e || !*f)
			continue;
		WRITE_ONCE(*e, frame_phys(*f) | s->fmt->leaf | (writable & 1 ? s->fmt->write : 0));
		s->nr_leaves++;
		*f = NULL;
	}
}

/* A hidden leaf has neither bit. */
static bool watch(struct slat *s, u64 gpa, u64 *e)
{
	u64 bit = s->fmt->dirty ?: s->fmt->write;

	if (!(*e & bit))
		return false;
	change_leaf(s, gpa, e, *e & ~bit);
	return true;
}

bool slat_watch(struct slat *s, u64 gpa, u64 end)
{
	return each_leaf(s, gpa, end, watch);
}

static bool hide(struct slat *s, u64 gpa, u64 *e)
{
	if (*e & SLAT_LARGE) {
		WRITE_ONCE(*e, 0);
		return true;
	}
	/* LAB 10: begin
	 * Step one of taking a page out. The CPU must see nothing any more: the entry keeps only the address
	 * of its frame, and SLAT_HIDDEN, by which we know it again (change_leaf()). The frame keeps its reference.
	 * False when the entry was hidden already.
	 * starter: return false; // hide() is not written yet
	 */
	if (*e & SLAT_HIDDEN)
		return false;
	change_leaf(s, gpa, e, (*e & SLAT_ADDR) | SLAT_HIDDEN);
	return true;
	/* LAB 10: end */
}

bool slat_hide(struct slat *s, u64 gpa, u64 end)
{
	return each_leaf(s, gpa, end, hide);
}

static bool release(struct slat *s, u64 gpa, u64 *e)
{
	/* LAB 10: begin
	 * Step two: no CPU has the page any more. A hidden entry becomes 0, is counted no longer, and its
	 * reference to the frame is given back (frame_put). What is not hidden stays: it was mapped since.
	 * starter: return false; // release() is not written yet
	 */
	struct frame *f = phys_frame(*e & SLAT_ADDR);

	if (!(*e & SLAT_HIDDEN))
		return false;
	WRITE_ONCE(*e, 0);
	s->nr_leaves--;
	frame_put(f);
	return true;
	/* LAB 10: end */
}

void slat_release_hidden(struct slat *s, u64 gpa, u64 end)
{
	each_leaf(s, gpa, end, release);
}
