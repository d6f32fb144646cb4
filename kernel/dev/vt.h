/* SPDX-License-Identifier: MIT */
/* Inside dev/: the screen as a grid of cells, and what can show one. */
#pragma once
#include "lib/types.h"

/* Character in the low byte; colours as in VGA text mode: foreground, background << 4, in the high. */
typedef u16 cell_t;

struct screen {
	unsigned int cols, rows;
	void (*draw)(unsigned int x, unsigned int y, cell_t cell);
	/* Moves the cursor; x == cols hides it. NULL: vt.c draws one, a cell with its colours swapped. */
	void (*cursor)(unsigned int x, unsigned int y);
};
/* NULL when the machine has none. */
const struct screen *vga_screen(void);
const struct screen *fb_screen(void);

/* The console of screen and keyboard, /dev/tty0; nothing on a machine without a screen. */
void vt_init(void);
/* What the keyboard says, into /dev/tty0. */
void vt_keys(const char *s, size_t n);
void keyboard_init(void);
