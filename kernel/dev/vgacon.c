/* SPDX-License-Identifier: MIT */
/* VGA text mode: 80 x 25 cells in memory at 0xb8000, the cursor in CRTC registers 0x0e and 0x0f. */
#include "dev/vt.h"
#include "x86/x86.h"

#define VGA_MEMORY 0xb8000
#define VGA_COLS 80
#define VGA_ROWS 25
#define CRTC_INDEX 0x3d4
#define CRTC_DATA 0x3d5
#define CRTC_CURSOR_HIGH 0x0e
#define CRTC_CURSOR_LOW 0x0f

static volatile cell_t *memory;

static void crtc_write(u8 reg, u8 v)
{
	outb(CRTC_INDEX, reg);
	outb(CRTC_DATA, v);
}

static u8 crtc_read(u8 reg)
{
	outb(CRTC_INDEX, reg);
	return inb(CRTC_DATA);
}

static void vga_draw(unsigned int x, unsigned int y, cell_t cell)
{
	memory[y * VGA_COLS + x] = cell;
}

/* Behind the last cell it is not seen. */
static void vga_cursor(unsigned int x, unsigned int y)
{
	static unsigned int at = ~0U;
	unsigned int pos = x >= VGA_COLS ? VGA_COLS * VGA_ROWS : y * VGA_COLS + x;

	if (pos == at)
		return;
	at = pos;
	crtc_write(CRTC_CURSOR_HIGH, pos >> 8);
	crtc_write(CRTC_CURSOR_LOW, pos);
}

/* There is a VGA where the cursor register keeps its value. */
const struct screen *vga_screen(void)
{
	static const struct screen screen = { VGA_COLS, VGA_ROWS, vga_draw, vga_cursor };

	crtc_write(CRTC_CURSOR_LOW, 0x5a);
	if (crtc_read(CRTC_CURSOR_LOW) != 0x5a)
		return NULL;
	memory = ioremap(VGA_MEMORY, VGA_COLS * VGA_ROWS * sizeof(cell_t), true);
	return &screen;
}
