/* SPDX-License-Identifier: MIT */
/*
 * The keyboard and its controller (Intel 8042; IBM PS/2 technical reference, keyboard and controller). What
 * is typed on the terminal becomes key strokes of scan code set 1, which is what the controller makes
 * of the keyboard's set 2 while it translates; a kernel may have it stop. The mouse answers who asks for one, and nobody
 * moves it.
 */
#include "vm.h"

#define PORT_DATA 0x60
#define PORT_COMMAND 0x64
#define IRQ 1
#define IRQ_MOUSE 12
#define QUEUE 64
#define FROM_MOUSE 0x100
#define SEQUENCE_MOST 5 /* bytes that a terminal sends for one key */

/* full: there is a byte; mouse: from there */
enum { STATUS_FULL = 1, STATUS_SYSTEM = 4, STATUS_UNLOCKED = 0x10, STATUS_MOUSE = 0x20 };
enum {
	CONFIG_IRQ = 1,
	CONFIG_MOUSE_IRQ = 2,
	CONFIG_SYSTEM = 4,
	CONFIG_OFF = 0x10,
	CONFIG_MOUSE_OFF = 0x20,
	CONFIG_TRANSLATE = 0x40
};
enum { OUTPUT_RUN = 1, OUTPUT_A20 = 2 }; /* of the output port; run: the CPU is not reset */

/* Commands to the controller. */
enum { READ_CONFIG = 0x20, WRITE_CONFIG = 0x60, MOUSE_OFF = 0xa7, MOUSE_ON = 0xa8 };
enum { TEST_MOUSE = 0xa9, TEST = 0xaa };
enum { TEST_KEYBOARD = 0xab, KEYBOARD_OFF = 0xad, KEYBOARD_ON = 0xae, READ_OUTPUT = 0xd0 };
enum {
	WRITE_OUTPUT = 0xd1,
	ECHO_KEYBOARD = 0xd2,
	ECHO_MOUSE = 0xd3,
	TO_MOUSE = 0xd4,
	RESET = 0xfe
};
/* Commands to the keyboard, and its answers. */
enum { SET_LEDS = 0xed, ECHO = 0xee, SET_CODES = 0xf0, IDENTIFY = 0xf2, SET_RATE = 0xf3 };
enum { KEYBOARD_RESET = 0xff, ACK = 0xfa, PASSED = 0xaa, RELEASED = 0xf0 };
enum { MOUSE_STATUS = 0xe9, MOUSE_MOVES = 0xeb };
/* Keys; home is the first of those that older keyboards have on the number pad alone. */
enum { KEY_CTRL = 0x1d, KEY_SHIFT = 0x2a, KEY_HOME = 0x47, RELEASE = 0x80, EXTENDED = 0xe0 };

static struct {
	uint8_t config, code_set;
	uint8_t command, keyboard_command; /* that wait for a byte more, or 0 */
	uint16_t queue[QUEUE]; /* bytes, with FROM_MOUSE */
	uint8_t last; /* that was taken from there */
	unsigned int queued;
} i8042 = { .config = CONFIG_IRQ | CONFIG_SYSTEM | CONFIG_TRANSLATE, .code_set = 2 };

static bool from_mouse(void)
{
	return i8042.queued && i8042.queue[0] & FROM_MOUSE;
}

/* The line falls and rises for each byte: the controller's interrupt is an edge. */
static void signal_next(struct machine *m)
{
	irq_line(m, IRQ, false);
	if (i8042.config & CONFIG_MOUSE_IRQ)
		irq_line(m, IRQ_MOUSE, from_mouse());
	if (i8042.queued && !from_mouse() && (i8042.config & CONFIG_IRQ))
		irq_line(m, IRQ, true);
}

static void answer(struct machine *m, uint16_t v)
{
	if (i8042.queued == QUEUE)
		return;
	i8042.queue[i8042.queued++] = v;
	if (i8042.queued == 1)
		signal_next(m);
}

static uint8_t take(struct machine *m)
{
	if (i8042.queued) {
		i8042.last = i8042.queue[0];
		memmove(i8042.queue, i8042.queue + 1, sizeof(*i8042.queue) * --i8042.queued);
		signal_next(m);
	}
	return i8042.last;
}

static bool translates(void)
{
	return i8042.config & CONFIG_TRANSLATE;
}

static void to_keyboard(struct machine *m, uint8_t v)
{
	uint8_t before = i8042.keyboard_command;

	i8042.keyboard_command = 0;
	i8042.config &= ~CONFIG_OFF;
	answer(m, v == ECHO && !before ? ECHO : ACK);
	if (before == SET_CODES && v) {
		i8042.code_set = v;
	} else if (before == SET_CODES) {
		answer(m, translates() ? "\x43\x41\x3f"[(i8042.code_set - 1) % 3] : i8042.code_set);
	} else if (before) {
		return;
	} else if (v == SET_LEDS || v == SET_CODES || v == SET_RATE) {
		i8042.keyboard_command = v;
	} else if (v == IDENTIFY) {
		answer(m, 0xab); /* an MF2 keyboard */
		answer(m, translates() ? 0x41 : 0x83);
	} else if (v == KEYBOARD_RESET) {
		answer(m, PASSED);
	}
}

/* It is one without a wheel, whose number is 0. */
static void to_mouse(struct machine *m, uint8_t v)
{
	answer(m, FROM_MOUSE | ACK);
	if (v == KEYBOARD_RESET)
		answer(m, FROM_MOUSE | PASSED);
	if (v == KEYBOARD_RESET || v == IDENTIFY)
		answer(m, FROM_MOUSE | 0);
	/* flags, 4 counts a millimetre, 100 times a second; or no button, and no way */
	for (int i = 0; i < 3; i++)
		if (v == MOUSE_STATUS || v == MOUSE_MOVES)
			answer(m, FROM_MOUSE | (v == MOUSE_STATUS ? "\0\2\x64" : "\x8\0\0")[i]);
}

static void write_data(struct machine *m, uint8_t v)
{
	uint8_t before = i8042.command;

	i8042.command = 0;
	if (before == WRITE_CONFIG) {
		i8042.config = v;
		signal_next(m);
	} else if (before == WRITE_OUTPUT && !(v & OUTPUT_RUN)) {
		machine_reset(m);
	} else if (before == ECHO_KEYBOARD || before == ECHO_MOUSE) {
		answer(m, v | (before == ECHO_MOUSE ? FROM_MOUSE : 0));
	} else if (before == TO_MOUSE) {
		to_mouse(m, v);
	} else if (!before) {
		to_keyboard(m, v);
	}
}

static void write_command(struct machine *m, uint8_t v)
{
	i8042.command = 0;
	switch (v) {
	case READ_CONFIG:
		answer(m, i8042.config);
		break;
	case TEST:
		answer(m, 0x55);
		break;
	case TEST_KEYBOARD:
	case TEST_MOUSE:
		answer(m, 0);
		break;
	case KEYBOARD_OFF:
	case KEYBOARD_ON:
		i8042.config = (i8042.config & ~CONFIG_OFF) | (v == KEYBOARD_OFF ? CONFIG_OFF : 0);
		break;
	case MOUSE_OFF:
	case MOUSE_ON:
		i8042.config &= ~CONFIG_MOUSE_OFF;
		i8042.config |= v == MOUSE_OFF ? CONFIG_MOUSE_OFF : 0;
		break;
	case READ_OUTPUT:
		answer(m, OUTPUT_RUN | OUTPUT_A20);
		break;
	case RESET:
		machine_reset(m);
		break;
	case WRITE_CONFIG:
	case WRITE_OUTPUT ... TO_MOUSE:
		i8042.command = v;
		break;
	}
}

/* The ports between the two are others'. */
static void i8042_access(struct machine *m, void *device, uint64_t reg, bool in, void *data,
			 unsigned int size)
{
	uint8_t *v = data;

	if (reg == PORT_COMMAND - PORT_DATA && in)
		*v = STATUS_SYSTEM | STATUS_UNLOCKED | (i8042.queued ? STATUS_FULL : 0) |
		     (from_mouse() ? STATUS_MOUSE : 0);
	else if (reg == PORT_COMMAND - PORT_DATA)
		write_command(m, *v);
	else if (reg == 0 && in)
		*v = take(m);
	else if (reg == 0)
		write_data(m, *v);
}

/* ---- from characters to keys ---- */

/* The place of a character is its key's scan code. */
static const char plain[] =
	"\0\0331234567890-=\b\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shift[] = "\0\0!@#$%^&*()_+\0\0QWERTYUIOP{}\0\0ASDFGHJKL:\"~\0|ZXCVBNM<>?";

/* The keys' codes in set 2. */
static const uint8_t set2[] =
	"\0\x76\x16\x1e\x26\x25\x2e\x36\x3d\x3e\x46\x45\x4e\x55\x66\x0d\x15\x1d\x24\x2d\x2c"
	"\x35\x3c\x43\x44\x4d\x54\x5b\x5a\x14\x1c\x1b\x23\x2b\x34\x33\x3b\x42\x4b\x4c\x52\x0e"
	"\x12\x5d\x1a\x22\x21\x2a\x32\x31\x3a\x41\x49\x4a\x59\x7c\x11\x29\x58\x05\x06\x04\x0c"
	"\x03\x0b\x83\x0a\x01\x09\x77\x7e\x6c\x75\x7d\x7b\x6b\x73\x74\x79\x69\x72\x7a\x70\x71";

static void move_key(struct machine *m, uint8_t key, bool up)
{
	bool raw = !translates() && i8042.code_set == 2;

	if (raw && up)
		answer(m, RELEASED);
	answer(m, raw ? set2[key] : key | (up ? RELEASE : 0));
}

static void press(struct machine *m, const uint8_t *keys, unsigned int n, bool extended)
{
	for (unsigned int i = 0; i < 2 * n; i++) { /* down in this order, up in the other */
		if (extended)
			answer(m, EXTENDED);
		move_key(m, i < n ? keys[i] : keys[2 * n - 1 - i], i >= n);
	}
}

static void type(struct machine *m, char c)
{
	const char *at;

	if (c == '\n')
		c = '\r';
	if (c == 0x7f)
		c = '\b';
	at = c ? memchr(plain, c, sizeof(plain) - 1) : NULL;
	if (at) {
		press(m, (uint8_t[]){ at - plain }, 1, false);
	} else if (c && (at = memchr(shift, c, sizeof(shift) - 1))) {
		press(m, (uint8_t[]){ KEY_SHIFT, at - shift }, 2, false);
	} else if (c > 0 && c < 27) {
		at = memchr(plain, c + 'a' - 1, sizeof(plain) - 1);
		press(m, (uint8_t[]){ KEY_CTRL, at - plain }, 2, false);
	}
}

/* What a terminal sends for a key without a character (ECMA-48, xterm): bytes that it takes, or 0. */
static size_t type_sequence(struct machine *m, const uint8_t *buf, size_t n)
{
	static const struct {
		const char *text; /* behind ESC */
		uint8_t key;
	} keys[] = {
		{ "[A", 0x48 },   { "[B", 0x50 },   { "[C", 0x4d },   { "[D", 0x4b },
		{ "[H", 0x47 },   { "[F", 0x4f },   { "[2~", 0x52 },  { "[3~", 0x53 },
		{ "[5~", 0x49 },  { "[6~", 0x51 },  { "OP", 0x3b },   { "OQ", 0x3c },
		{ "OR", 0x3d },   { "OS", 0x3e },   { "[15~", 0x3f }, { "[17~", 0x40 },
		{ "[18~", 0x41 }, { "[19~", 0x42 }, { "[20~", 0x43 }, { "[21~", 0x44 },
	};

	for (size_t i = 0; i < LENGTH(keys); i++) {
		size_t len = strlen(keys[i].text);

		if (n > len && buf[0] == '\033' && !memcmp(buf + 1, keys[i].text, len)) {
			press(m, &keys[i].key, 1, keys[i].key >= KEY_HOME);
			return 1 + len;
		}
	}
	return 0;
}

/*
 * Nobody types faster than a BIOS reads, which keeps 15 keys: what comes from a file waits for the next
 * look at the screen.
 */
static bool typed;

void keyboard_tick(void)
{
	typed = false;
	want_input();
}

size_t keyboard_room(void)
{
	return typed || i8042.queued || (i8042.config & CONFIG_OFF) ? 0 : SEQUENCE_MOST;
}

void keyboard_input(struct machine *m, const uint8_t *buf, size_t n)
{
	typed = true;
	while (n) {
		size_t took = type_sequence(m, buf, n);

		if (!took) {
			type(m, *buf);
			took = 1;
		}
		buf += took;
		n -= took;
	}
}

static const char *restored(struct machine *m, struct kept *k)
{
	return i8042.queued > QUEUE ? "the keyboard is damaged" : NULL;
}

void i8042_init(struct machine *m)
{
	const uint64_t size = PORT_COMMAND - PORT_DATA + 1;

	bus_add_ports(m, "keyboard", PORT_DATA, size, IRQ, i8042_access, NULL);
	snapshot_keep(.id = "i8042", .data = &i8042, .size = sizeof(i8042), .restored = restored);
}
