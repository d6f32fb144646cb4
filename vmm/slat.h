/* SPDX-License-Identifier: MIT */
/*
 * Second-level page tables: guest-physical to host-physical, four levels. EPT (SDM 3C 29.3) and NPT
 * (APM 2 15.25) differ in bits only, which struct slat_format names.
 */
#pragma once
#include "mm/mm.h"

#define SLAT_LARGE BIT(7) /* of an entry of level 1, in both formats: it is a leaf of 2 MiB */
#define SLAT_TOP 3 /* level of the root; level 0 holds 4 KiB leaves */

struct slat_format {
	u64 table; /* bits of an entry that points to a table */
	u64 leaf; /* bits of a readable, executable leaf; write is added to it */
	u64 write;
	u64 present; /* any of these set: the CPU walks on */
	u64 dirty; /* set by the CPU in a leaf that it writes through; 0: this one does not tell */
};

struct slat {
	const struct slat_format *fmt;
	struct res_counter *charge; /* who pays for the tables */
	u64 *root;
	u64 nr_tables, nr_leaves; /* leaves: those of 4 KiB */
	/* The CPU wrote to the page at gpa, and its leaf does not say so any more. Lock held; set by the owner. */
	void (*written)(struct slat *s, u64 gpa);
};

#define SLAT_LIMIT (1UL << 48) /* first guest-physical address that the tables cannot hold */

int slat_init(struct slat *s, const struct slat_format *fmt, struct res_counter *charge);
/* Drops a table of that level and all that it leads to: no CPU may use it any more. */
void slat_free(struct slat *s, u64 *table, unsigned int level);
/*
 * gpa (page-aligned) leads to f; its reference moves here. A leaf that is there already gives way,
 * *old gets its frame: the caller flushes if it differs, then puts it. 0, -ENOMEM. Lock held.
 */
int slat_map(struct slat *s, u64 gpa, struct frame *f, bool write, struct frame **old);
/*
 * Where there is no leaf among the n pages from gpa on, hidden ones included, there is now the frame of f, if it has
 * one, whose place there becomes NULL: its reference moves here. writable: a bit for each. The pages are in one table
 * (2 MiB), and if that is not there (any more) nothing happens.
 */
void slat_fill(struct slat *s, u64 gpa, struct frame **f, unsigned int n, u64 writable);
/*
 * The table of 4 KiB leaves for gpa, if there is one, gives way to a large leaf, of the 512 frames from f on, which
 * may be written and holds no references: it must be taken out before one of them goes. After a flush on all CPUs the
 * table that was there is the caller's to free. NULL: there was none, or a large leaf already.
 */
u64 *slat_fold(struct slat *s, u64 gpa, struct frame *f);
/*
 * After a flush on all CPUs the next write to each page in [gpa, end) is noticed: the CPU marks its leaf again, and what
 * was marked is told (written); or, where CPUs do not, it may not write. True: some leaf changed.
 */
bool slat_watch(struct slat *s, u64 gpa, u64 end);
/*
 * Makes the leaves in [gpa, end) invisible to the CPU; their frames stay referenced. A large one goes whole, though
 * only a part of it is meant. True: there were some.
 */
bool slat_hide(struct slat *s, u64 gpa, u64 end);
/* After a flush on all CPUs: lets go of what slat_hide() left. */
void slat_release_hidden(struct slat *s, u64 gpa, u64 end);
