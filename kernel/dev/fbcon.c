/* SPDX-License-Identifier: MIT */
/*
 * Text on the boot loader's framebuffer, 32 bits a pixel. The font is GRUB's Unifont, taken from the
 * host at build time (tools/mkfont).
 */
#include "dev/vt.h"
#include "x86/x86.h"

#include "font8x16.h"

#define GLYPH_WIDTH 8
#define GLYPH_HEIGHT 16
/* As much as vt.c keeps cells for without asking for much memory: 2048 x 2048 dots. */
#define MAX_COLS 256
#define MAX_ROWS 128

static volatile u8 *pixels;

static void fb_draw(unsigned int x, unsigned int y, cell_t cell)
{
	/* The sixteen colours of text mode, 0xRRGGBB. */
	static const u32 palette[16] = {
		0x000000, 0x0000aa, 0x00aa00, 0x00aaaa, 0xaa0000, 0xaa00aa, 0xaa5500, 0xaaaaaa,
		0x555555, 0x5555ff, 0x55ff55, 0x55ffff, 0xff5555, 0xff55ff, 0xffff55, 0xffffff,
	};
	u32 fg = palette[cell >> 8 & 15], bg = palette[cell >> 12];
	unsigned int glyph = (cell & 0xff) - FONT_FIRST;
	const unsigned char *rows = font[glyph < FONT_COUNT ? glyph : '?' - FONT_FIRST];

	for (unsigned int dy = 0; dy < GLYPH_HEIGHT; dy++) {
		volatile u32 *p = (volatile u32 *)(pixels + (u64)(y * GLYPH_HEIGHT + dy) *
								    boot_info.fb.pitch) +
				  x * GLYPH_WIDTH;
		u8 dots = rows[dy];

		for (unsigned int dx = 0; dx < GLYPH_WIDTH; dx++, dots <<= 1)
			p[dx] = dots & 0x80 ? fg : bg;
	}
}

const struct screen *fb_screen(void)
{
	static struct screen screen;

	if (!FONT_COUNT || !boot_info.fb.addr || boot_info.fb.bpp != 32)
		return NULL;
	screen = (struct screen){
		.cols = min(boot_info.fb.width / GLYPH_WIDTH, (u32)MAX_COLS),
		.rows = min(boot_info.fb.height / GLYPH_HEIGHT, (u32)MAX_ROWS),
		.draw = fb_draw,
	};
	if (!screen.cols || !screen.rows)
		return NULL;
	pixels = ioremap(boot_info.fb.addr, (size_t)boot_info.fb.pitch * boot_info.fb.height, true);
	return &screen;
}
