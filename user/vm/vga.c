/* SPDX-License-Identifier: MIT */
/*
 * A VGA card's text mode (IBM PS/2 Video Subsystem reference; the FreeVGA project's pages). The cells are
 * RAM of the guest at 0xb8000, which no access to stops at; what is shown is found by looking at them many times a
 * second. On a terminal the cells that changed are drawn where they are, with their colours. Else
 * the screen becomes lines: a row is printed when it has come to rest, and what is left
 * at the end. The registers are kept as they are written, for firmware that reads them back;
 * graphics are not shown.
 */
#include <sys/timerfd.h>
#include <uchar.h>

#include "vm.h"

#define TEXT_MEMORY 0xb8000UL
#define TEXT_CELLS 0x4000 /* of 2 bytes: 32 KiB, in which the screen may begin anywhere */
#define COLUMNS 80
#define ROWS_MAX 50
#define SCAN_LINES 400
#define LOOK_NS 40000000 /* between two looks */
#define REST 3 /* looks that find a row unchanged */

#define PORT_VGA 0x3c0
enum { ATTRIBUTE, MISC = 2, SEQUENCER = 4, DAC = 6, MISC_READ = 12, GRAPHICS = 14, CRTC = 20 };
enum { STATUS = 26 };
#define PAIRS (1 << ATTRIBUTE | 1 << SEQUENCER | 1 << GRAPHICS | 1 << CRTC)
#define RETRACE 9 /* of the status: vertical retrace, and not in the picture; they come and go */
enum { CRTC_CHAR_HEIGHT = 9, CRTC_CURSOR = 10, CRTC_START = 12, CRTC_CURSOR_AT = 14 };
#define CURSOR_OFF 0x20
#define GRAPHICS_MISC 6 /* bit 0: graphics */

/* ---- registers ---- */

static struct {
	struct { /* pairs of an index and a data port */
		uint8_t index, reg[32];
	} sets[CRTC + 1];
	uint8_t misc, status;
	uint8_t attribute_data; /* the next write to ATTRIBUTE is data */
} vga;

/* The register that a port leads to: an index, or what the index chooses; NULL: another kind of port. */
static uint8_t *pair(unsigned int port, bool data)
{
	unsigned int first = port & ~1;

	if (!(PAIRS >> first & 1))
		return NULL;
	return data ? &vga.sets[first].reg[vga.sets[first].index & 31] : &vga.sets[first].index;
}

static uint8_t vga_read(unsigned int port)
{
	const uint8_t *reg = pair(port, port & 1);

	if (port == STATUS) {
		vga.attribute_data = false;
		return vga.status ^= RETRACE;
	}
	return reg ? *reg : port == MISC_READ ? vga.misc : port == DAC ? 0xff : 0;
}

/* The attribute controller has both at one port, in turns. */
static void vga_write(unsigned int port, uint8_t v)
{
	uint8_t *reg = pair(port, port == ATTRIBUTE ? vga.attribute_data : port & 1);

	if (port == ATTRIBUTE)
		vga.attribute_data = !vga.attribute_data;
	if (port == MISC)
		vga.misc = v;
	else if (reg && port != ATTRIBUTE + 1)
		*reg = v;
}

/* A word to an index port is the index, and the data behind it. */
static void vga_access(struct machine *m, void *device, uint64_t port, bool in, void *data,
		       unsigned int size)
{
	uint8_t *v = data;

	for (unsigned int i = 0; i < size; i++)
		if (in)
			v[i] = vga_read(port + i);
		else
			vga_write(port + i, v[i]);
}

/* ---- the screen ---- */

struct screen {
	unsigned int rows, cursor; /* cursor: a cell, or one that there is not */
	uint16_t cell[ROWS_MAX][COLUMNS]; /* attribute, character */
};

static uint16_t crtc_word(unsigned int reg)
{
	return vga.sets[CRTC].reg[reg] << 8 | vga.sets[CRTC].reg[reg + 1];
}

/* What is on the screen now; false in a graphics mode. */
static bool look(struct machine *m, struct screen *s)
{
	const uint16_t *memory = (const uint16_t *)(m->ram + TEXT_MEMORY);
	unsigned int start = crtc_word(CRTC_START);

	s->rows = SCAN_LINES / ((vga.sets[CRTC].reg[CRTC_CHAR_HEIGHT] & 0x1f) + 1);
	s->rows = s->rows > ROWS_MAX ? ROWS_MAX : s->rows;
	for (unsigned int i = 0; i < s->rows * COLUMNS; i++)
		s->cell[i / COLUMNS][i % COLUMNS] = memory[(start + i) % TEXT_CELLS];
	s->cursor = (crtc_word(CRTC_CURSOR_AT) - start) % TEXT_CELLS;
	if (vga.sets[CRTC].reg[CRTC_CURSOR] & CURSOR_OFF)
		s->cursor = TEXT_CELLS;
	return !(vga.sets[GRAPHICS].reg[GRAPHICS_MISC] & 1);
}

/* ---- output ---- */

/* Code page 437 in UTF-8 (Unicode's VENDORS/MICSFT/PC/CP437.TXT). */
static void out_char(uint8_t c)
{
	static const char16_t low[] = u" ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
	static const char16_t high[] = u"⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»"
				       u"░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
				       u"αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";
	uint16_t u = c < 0x20 ? low[c] : c < 0x7f ? c : high[c - 0x7f];
	char text[4] = { u };

	if (u >= 0x800) {
		text[0] = 0xe0 | u >> 12;
		text[1] = 0x80 | (u >> 6 & 0x3f);
		text[2] = 0x80 | (u & 0x3f);
	} else if (u >= 0x80) {
		text[0] = 0xc0 | u >> 6;
		text[1] = 0x80 | (u & 0x3f);
	}
	print("%s", text);
}

/* ---- on a terminal ---- */

static void out_at(unsigned int cell)
{
	print("\033[%u;%uH", cell / COLUMNS + 1, cell % COLUMNS + 1);
}

static void out_colours(uint8_t attribute)
{
	static const uint8_t ansi[] = { 0, 4, 2, 6, 1, 5, 3, 7 }; /* has red and blue swapped */

	print("\033[0;%d;%dm", (attribute & 8 ? 90 : 30) + ansi[attribute & 7],
	      40 + ansi[attribute >> 4 & 7]);
}

static void draw(const struct screen *s)
{
	static struct screen shown;
	const uint16_t *new = s->cell[0];
	uint16_t *old = shown.cell[0];
	unsigned int at = TEXT_CELLS; /* where the terminal's cursor is */
	int attribute = -1;

	if (s->rows != shown.rows) { /* the first time, too */
		shown = (struct screen){ .rows = s->rows };
		print("\033[0m\033[2J");
	}
	for (unsigned int i = 0; i < s->rows * COLUMNS; i++) {
		if (new[i] == old[i])
			continue;
		if (at != i)
			out_at(i);
		if (attribute != new[i] >> 8)
			out_colours(attribute = new[i] >> 8);
		out_char(new[i]);
		old[i] = new[i];
		at = (i + 1) % COLUMNS ? i + 1 : TEXT_CELLS;
	}
	if (at != TEXT_CELLS || attribute >= 0 || shown.cursor != s->cursor)
		out_at(s->cursor < s->rows * COLUMNS ? s->cursor : s->rows * COLUMNS - 1);
	shown.cursor = s->cursor;
	flush();
}

/* ---- as lines ---- */

static unsigned int row_length(const uint16_t *row)
{
	unsigned int n = COLUMNS;

	while (n && ((row[n - 1] & 0xff) == ' ' || !(row[n - 1] & 0xff)))
		n--;
	return n;
}

static bool same_text(const uint16_t *a, const uint16_t *b)
{
	for (unsigned int i = 0; i < COLUMNS; i++)
		if ((a[i] ^ b[i]) & 0xff)
			return false;
	return true;
}

static void print_row(const uint16_t *row)
{
	unsigned int n = row_length(row);

	for (unsigned int i = 0; i < n; i++)
		out_char(row[i]);
	if (n)
		print("\n");
}

/* By how many rows `new` is `old` moved up; 0: it is not. */
static unsigned int scrolled(const struct screen *old, const struct screen *new)
{
	for (unsigned int by = 0; by + 1 < new->rows; by++) {
		unsigned int i = 0, text = 0;

		while (i + by + 1 < new->rows && same_text(new->cell[i], old->cell[i + by]))
			text += row_length(new->cell[i++]);
		if (i + by + 1 >= new->rows && text)
			return by;
	}
	return 0;
}

static void print_lines(const struct screen *s, bool last)
{
	static struct screen told, before; /* rows that were printed; the screen of the last look */
	static uint8_t looks[ROWS_MAX]; /* that found a row as the one before did */
	unsigned int by = scrolled(&before, s), left = ROWS_MAX - by, i;

	for (i = 0; i < by; i++)
		if (!same_text(before.cell[i], told.cell[i]))
			print_row(before.cell[i]);
	if (by) {
		memmove(told.cell[0], told.cell[by], left * sizeof(told.cell[0]));
		memmove(before.cell[0], before.cell[by], left * sizeof(told.cell[0]));
		memmove(looks, looks + by, left);
		memset(told.cell[left], 0, by * sizeof(told.cell[0]));
	}
	for (i = 0; i < s->rows; i++) {
		looks[i] = same_text(s->cell[i], before.cell[i]) ? looks[i] + (looks[i] < REST) : 0;
		if ((looks[i] < REST && !last) || same_text(s->cell[i], told.cell[i]))
			continue;
		print_row(s->cell[i]);
		memcpy(told.cell[i], s->cell[i], sizeof(told.cell[i]));
	}
	before = *s;
	flush();
}

/* ---- */

static struct watch timer = { .events = POLLIN };
static struct screen screen;
static bool on_terminal;

/* False: there is nothing to be shown. */
static bool show(struct machine *m, bool last)
{
	if (!look(m, &screen))
		return false;
	if (on_terminal)
		draw(&screen);
	else
		print_lines(&screen, last);
	return true;
}

static void tick(struct machine *m, void *device, short events)
{
	uint64_t count;

	if (read(timer.fd, &count, sizeof(count)) < 0)
		return;
	keyboard_tick();
	show(m, false);
}

void vga_end(struct machine *m)
{
	if (!m->vga || !show(m, true) || !on_terminal)
		return;
	out_at((screen.rows - 1) * COLUMNS);
	print("\033[0m\r\n");
	flush();
}

void vga_init(struct machine *m)
{
	const struct itimerspec every = { { 0, LOOK_NS }, { 0, LOOK_NS } };

	m->card |= m->vga || m->load == multiboot_load; /* those look for no card, but use it */
	if (!m->card)
		return;
	bus_add_ports(m, "VGA", PORT_VGA, 32, 0, vga_access, NULL);
	snapshot_keep(.id = "vga", .data = &vga, .size = sizeof(vga));
	vga.sets[CRTC].reg[CRTC_CHAR_HEIGHT] = 15;
	vga.misc = 0x67; /* as the BIOS leaves it: registers at 0x3d4, not 0x3b4 */
	if (!m->vga)
		return;
	on_terminal = isatty(1);
	timer.fn = tick;
	timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer.fd < 0 || timerfd_settime(timer.fd, 0, &every, NULL) < 0)
		die(STATUS_FAILED, "cannot have a timer for the screen");
	watch_add(&timer);
}
