/* SPDX-License-Identifier: MIT */
/*
 * The console of screen and keyboard: a terminal as in console_codes(4), the part that shells,
 * editors and pagers use. What is to be seen is in cells[], what is on the screen in shown[]; after
 * each piece of output the difference is drawn, so that a screen full of lines that scroll by is
 * drawn once. vt.lock guards it all. The kernel log is shown here as well.
 */
#include "dev/tty.h"
#include "dev/vt.h"

#include <linux/major.h>

#define MAX_PARAMS 16
#define DEFAULT_ATTR 0x07
#define BLANK(attr) ((cell_t)((attr) << 8 | ' '))

enum parse_state { TEXT, ESCAPE, CSI, CSI_PRIVATE, CHARSET, OSC };

static struct {
	spinlock_t lock;
	const struct screen *screen;
	struct tty *tty;
	cell_t *cells, *shown;
	unsigned int cols, rows;
	unsigned int x, y; /* x may be cols: the next character wraps first */
	unsigned int top, bottom; /* lines that scroll: [top, bottom) */
	unsigned int saved_x, saved_y;
	u8 attr, saved_attr;
	bool bold, reverse, cursor_hidden;
	enum parse_state state;
	unsigned int params[MAX_PARAMS], nr_params;
	char reply[16]; /* to "where is the cursor?" */
	struct timer
		reply_timer; /* sends it: output runs with the tty's lock held, input takes it */
	unsigned int utf8_left;
} vt;

/* ---- the grid ---- */

static cell_t *cell(unsigned int x, unsigned int y)
{
	return &vt.cells[y * vt.cols + x];
}

static u8 attribute(void)
{
	u8 a = vt.attr | (vt.bold ? 0x08 : 0);

	return vt.reverse ? (a & 0x88) | (a & 0x07) << 4 | (a >> 4 & 0x07) : a;
}

static void clear(unsigned int x0, unsigned int y0, unsigned int x1, unsigned int y1)
{
	for (cell_t *c = cell(x0, y0); c < cell(x1, y1); c++)
		*c = BLANK(vt.attr);
}

/* Moves lines [from, bottom) down by n (up: negative) within [from, bottom), blank ones come in. */
static void scroll(unsigned int from, unsigned int bottom, int n)
{
	unsigned int lines = bottom - from, by = n < 0 ? -n : n;

	by = min(by, lines);
	if (n < 0) {
		memmove(cell(0, from), cell(0, from + by), (lines - by) * vt.cols * sizeof(cell_t));
		clear(0, bottom - by, 0, bottom);
	} else {
		memmove(cell(0, from + by), cell(0, from), (lines - by) * vt.cols * sizeof(cell_t));
		clear(0, from, 0, from + by);
	}
}

static void line_feed(void)
{
	if (vt.y + 1 == vt.bottom)
		scroll(vt.top, vt.bottom, -1);
	else if (vt.y + 1 < vt.rows)
		vt.y++;
}

static void put_char(char c)
{
	if (vt.x >= vt.cols) {
		vt.x = 0;
		line_feed();
	}
	*cell(vt.x++, vt.y) = attribute() << 8 | (u8)c;
}

static void move_to(int x, int y)
{
	vt.x = min(max(x, 0), (int)vt.cols - 1);
	vt.y = min(max(y, 0), (int)vt.rows - 1);
}

static void show_cursor(unsigned int x, unsigned int y)
{
	static unsigned int at_x = ~0U, at_y;

	if (vt.screen->cursor)
		return vt.screen->cursor(x, y);
	if (at_x < vt.cols && (at_x != x || at_y != y))
		vt.screen->draw(at_x, at_y, *cell(at_x, at_y));
	if (x < vt.cols) {
		cell_t c = *cell(x, y);

		vt.screen->draw(x, y, (c & 0xff) | (c >> 12) << 8 | (c >> 8 & 15) << 12);
	}
	at_x = x;
	at_y = y;
}

static void refresh(void)
{
	for (unsigned int y = 0, i = 0; y < vt.rows; y++) {
		for (unsigned int x = 0; x < vt.cols; x++, i++) {
			if (vt.cells[i] == vt.shown[i])
				continue;
			vt.shown[i] = vt.cells[i];
			vt.screen->draw(x, y, vt.cells[i]);
		}
	}
	show_cursor(vt.cursor_hidden ? vt.cols : min(vt.x, vt.cols - 1), vt.y);
}

/* ---- escape sequences ---- */

static unsigned int param(unsigned int i, unsigned int fallback)
{
	return i < vt.nr_params && vt.params[i] ? vt.params[i] : fallback;
}

/* SGR: colours. ANSI counts red 1, green 2, blue 4; VGA has blue 1, green 2, red 4. */
static void set_attributes(void)
{
	static const u8 vga[8] = { 0, 4, 2, 6, 1, 5, 3, 7 };

	for (unsigned int i = 0; i < max(vt.nr_params, 1U); i++) {
		unsigned int p = i < vt.nr_params ? vt.params[i] : 0;

		if (p == 0) {
			vt.attr = DEFAULT_ATTR;
			vt.bold = vt.reverse = false;
		} else if (p == 1) {
			vt.bold = true;
		} else if (p == 22) {
			vt.bold = false;
		} else if (p == 7 || p == 27) {
			vt.reverse = p == 7;
		} else if (p >= 30 && p <= 37) {
			vt.attr = (vt.attr & 0xf0) | vga[p - 30];
		} else if (p >= 40 && p <= 47) {
			vt.attr = (vt.attr & 0x0f) | vga[p - 40] << 4;
		} else if (p >= 90 && p <= 97) {
			vt.attr = (vt.attr & 0xf0) | vga[p - 90] | 0x08;
		} else if (p == 39) {
			vt.attr = (vt.attr & 0xf0) | DEFAULT_ATTR;
		} else if (p == 49) {
			vt.attr &= 0x0f;
		} else if (p == 38 || p == 48) { /* 256 colours, true colour: not shown */
			i += param(i + 1, 0) == 5 ? 2 : 4;
		}
	}
}

static void erase(unsigned int how, bool line)
{
	unsigned int x = min(vt.x, vt.cols - 1), end = line ? vt.y : vt.rows - 1;

	if (how == 0)
		clear(x, vt.y, vt.cols, end);
	else if (how == 1)
		clear(0, line ? vt.y : 0, x + 1, vt.y);
	else
		clear(0, line ? vt.y : 0, vt.cols, end);
}

/* Inserts (n > 0) or deletes (n < 0) characters at the cursor. */
static void shift_line(int n)
{
	unsigned int x = min(vt.x, vt.cols - 1),
		     by = min((unsigned int)(n < 0 ? -n : n), vt.cols - x);
	size_t kept = (vt.cols - x - by) * sizeof(cell_t);

	if (n > 0) {
		memmove(cell(x + by, vt.y), cell(x, vt.y), kept);
		clear(x, vt.y, x + by, vt.y);
	} else {
		memmove(cell(x, vt.y), cell(x + by, vt.y), kept);
		clear(vt.cols - by, vt.y, vt.cols, vt.y);
	}
}

static void save_cursor(bool restore)
{
	if (restore) {
		move_to(vt.saved_x, vt.saved_y);
		vt.attr = vt.saved_attr;
		return;
	}
	vt.saved_x = vt.x;
	vt.saved_y = vt.y;
	vt.saved_attr = vt.attr;
}

static void reset(void)
{
	vt.attr = DEFAULT_ATTR;
	vt.bold = vt.reverse = vt.cursor_hidden = false;
	vt.top = 0;
	vt.bottom = vt.rows;
	clear(0, 0, 0, vt.rows);
	move_to(0, 0);
}

static void set_region(void)
{
	unsigned int top = param(0, 1) - 1, bottom = min(param(1, vt.rows), vt.rows);

	if (top >= bottom)
		return;
	vt.top = top;
	vt.bottom = bottom;
	move_to(0, 0);
}

static void csi(char c)
{
	unsigned int n = min(param(0, 1), 4096U);

	switch (c) {
	case 'A':
		return move_to(vt.x, vt.y - n);
	case 'B':
	case 'e':
		return move_to(vt.x, vt.y + n);
	case 'C':
	case 'a':
		return move_to(vt.x + n, vt.y);
	case 'D':
		return move_to(min(vt.x, vt.cols - 1) - n, vt.y);
	case 'E':
		return move_to(0, vt.y + n);
	case 'F':
		return move_to(0, vt.y - n);
	case 'G':
	case '`':
		return move_to(n - 1, vt.y);
	case 'd':
		return move_to(vt.x, n - 1);
	case 'H':
	case 'f':
		return move_to(min(param(1, 1), 4096U) - 1, n - 1);
	case 'J':
		return erase(param(0, 0), false);
	case 'K':
		return erase(param(0, 0), true);
	case 'L':
	case 'M':
		if (vt.y >= vt.top && vt.y < vt.bottom)
			scroll(vt.y, vt.bottom, c == 'L' ? (int)n : -(int)n);
		return;
	case 'P':
		return shift_line(-(int)n);
	case '@':
		return shift_line(n);
	case 'X':
		n = min(n, vt.cols - min(vt.x, vt.cols));
		return clear(vt.x, vt.y, vt.x + n, vt.y);
	case 'S':
		return scroll(vt.top, vt.bottom, -(int)n);
	case 'T':
		return scroll(vt.top, vt.bottom, n);
	case 'm':
		return set_attributes();
	case 'r':
		return set_region();
	case 's':
	case 'u':
		return save_cursor(c == 'u');
	case 'n':
		if (n != 6)
			return;
		snprintf(vt.reply, sizeof(vt.reply), "\033[%u;%uR", vt.y + 1,
			 min(vt.x, vt.cols - 1) + 1);
		timer_start(&vt.reply_timer, clock_ns());
		return;
	}
}

static void escape(char c)
{
	vt.state = TEXT;
	switch (c) {
	case '[':
		vt.state = CSI;
		vt.nr_params = 0;
		memset(vt.params, 0, sizeof(vt.params));
		return;
	case ']':
		vt.state = OSC;
		return;
	case '(':
	case ')':
		vt.state = CHARSET;
		return;
	case 'D':
		return line_feed();
	case 'E':
		vt.x = 0;
		return line_feed();
	case 'M':
		if (vt.y == vt.top)
			scroll(vt.top, vt.bottom, 1);
		else
			move_to(vt.x, vt.y - 1);
		return;
	case '7':
	case '8':
		return save_cursor(c == '8');
	case 'c':
		return reset();
	}
}

static void csi_char(char c)
{
	if (c >= '0' && c <= '9') {
		unsigned int *p = &vt.params[max(vt.nr_params, 1U) - 1];

		vt.nr_params = max(vt.nr_params, 1U);
		*p = min(*p * 10 + (c - '0'), 9999U);
	} else if (c == ';') {
		vt.nr_params = min(max(vt.nr_params, 1U) + 1, (unsigned int)MAX_PARAMS);
	} else if (c == '?') {
		vt.state = CSI_PRIVATE;
	} else if (c >= '@') {
		if (vt.state == CSI)
			csi(c);
		else if (param(0, 0) == 25) /* DECTCEM */
			vt.cursor_hidden = c == 'l';
		vt.state = TEXT;
	}
}

/* Text is UTF-8; what is beyond ASCII shows as one question mark. */
static void text_char(u8 c)
{
	switch (c) {
	case '\033':
		vt.state = ESCAPE;
		return;
	case '\n':
	case '\v':
	case '\f':
		return line_feed();
	case '\r':
		vt.x = 0;
		return;
	case '\b':
		vt.x = min(vt.x, vt.cols - 1);
		vt.x -= vt.x > 0;
		return;
	case '\t':
		vt.x = min((vt.x / 8 + 1) * 8, vt.cols - 1);
		return;
	}
	if (c < ' ' || c == 127)
		return;
	if (c < 0x80)
		put_char(c);
	else if (c >= 0xc0)
		put_char('?');
}

static void emulate(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		switch (vt.state) {
		case TEXT:
			text_char(s[i]);
			break;
		case ESCAPE:
			escape(s[i]);
			break;
		case CSI:
		case CSI_PRIVATE:
			csi_char(s[i]);
			break;
		case CHARSET:
			vt.state = TEXT;
			break;
		case OSC: /* ends with BEL or ESC \ */
			if (s[i] == '\a')
				vt.state = TEXT;
			else if (s[i] == '\033')
				vt.state = CHARSET;
			break;
		}
	}
	refresh();
}

/* ---- terminal, log, keyboard ---- */

static void vt_write(struct tty *tty, const char *s, size_t n)
{
	spin_lock(&vt.lock);
	emulate(s, n);
	spin_unlock(&vt.lock);
}

static size_t vt_room(struct tty *tty)
{
	return 1UL << 20; /* drawn at once */
}

static const struct tty_driver vt_driver = {
	.write = vt_write,
	.room = vt_room,
};

/* A panic may have stopped the CPU that holds the lock: then the screen goes without the line. */
static void log_write(const char *s, size_t n)
{
	for (int spin = 0; !spin_trylock(&vt.lock); spin++) {
		if (spin > 1000000)
			return;
		cpu_relax();
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\n')
			text_char('\r');
		text_char(s[i]);
	}
	refresh();
	spin_unlock(&vt.lock);
}

static void send_reply(struct timer *timer)
{
	char text[sizeof(vt.reply)];

	spin_lock(&vt.lock);
	strscpy(text, vt.reply, sizeof(text));
	spin_unlock(&vt.lock);
	vt_keys(text, strlen(text));
}

void vt_keys(const char *s, size_t n)
{
	tty_input(vt.tty, s, n);
}

void vt_init(void)
{
	size_t bytes;

	vt.screen = fb_screen() ?: vga_screen();
	if (!vt.screen)
		return;
	vt.cols = vt.screen->cols;
	vt.rows = vt.screen->rows;
	bytes = vt.cols * vt.rows * sizeof(cell_t);
	vt.cells = page_alloc(2 * bytes);
	if (!vt.cells)
		panic("no memory for the screen");
	vt.shown = vt.cells + vt.cols * vt.rows; /* zero: no cell is like that, all get drawn */
	timer_init(&vt.reply_timer, send_reply);
	reset();
	vt.tty = tty_create("tty0", TTY_MAJOR, 0, &vt_driver, NULL);
	vt.tty->ws = (struct winsize){ .ws_row = vt.rows, .ws_col = vt.cols };
	printk_add_console(log_write);
	keyboard_init();
}
