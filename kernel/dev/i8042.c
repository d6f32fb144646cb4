/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 keyboard (IBM PS/2 Technical Reference, keyboard controller): scan code set 1, which the
 * controller translates to, with a US layout. Keys become the characters and sequences of
 * console_codes(4).
 */
#include "dev/vt.h"
#include "x86/x86.h"

#define DATA 0x60
#define STATUS 0x64 /* read */
#define COMMAND 0x64 /* write */
#define STATUS_OUTPUT_FULL 0x01
#define STATUS_INPUT_FULL 0x02
#define STATUS_FROM_MOUSE 0x20
#define CMD_READ_CONFIG 0x20
#define CMD_WRITE_CONFIG 0x60
#define CONFIG_KEYBOARD_IRQ 0x01
#define CONFIG_KEYBOARD_OFF 0x10
#define CONFIG_TRANSLATE 0x40
#define KEYBOARD_GSI 1

#define SC_EXTENDED 0xe0
#define SC_RELEASE 0x80
enum { SC_CTRL = 0x1d, SC_LSHIFT = 0x2a, SC_RSHIFT = 0x36, SC_ALT = 0x38, SC_CAPS = 0x3a };

static const char plain[] =
	"\0\0331234567890-=\177\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] =
	"\0\033!@#$%^&*()_+\177\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static const struct {
	u8 code;
	const char *text;
} sequences[] = {
	{ 0x3b, "\033[[A" },  { 0x3c, "\033[[B" },  { 0x3d, "\033[[C" },  { 0x3e, "\033[[D" },
	{ 0x3f, "\033[[E" },  { 0x40, "\033[17~" }, { 0x41, "\033[18~" }, { 0x42, "\033[19~" },
	{ 0x43, "\033[20~" }, { 0x44, "\033[21~" }, { 0x57, "\033[23~" }, { 0x58, "\033[24~" },
	{ 0x47, "\033[1~" },  { 0x48, "\033[A" },   { 0x49, "\033[5~" },  { 0x4b, "\033[D" },
	{ 0x4d, "\033[C" },   { 0x4f, "\033[4~" },  { 0x50, "\033[B" },   { 0x51, "\033[6~" },
	{ 0x52, "\033[2~" },  { 0x53, "\033[3~" },
};

static struct {
	bool shift[2], ctrl, alt, caps, extended;
} keys;

static void send_key(u8 code)
{
	bool shift = keys.shift[0] || keys.shift[1];
	char c = 0, out[2];

	for (unsigned int i = 0; i < ARRAY_SIZE(sequences); i++)
		if (sequences[i].code == code)
			return vt_keys(sequences[i].text, strlen(sequences[i].text));
	if (code < sizeof(plain) - 1)
		c = (shift ? shifted : plain)[code];
	if (keys.caps && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
		c ^= 0x20;
	if (keys.ctrl && c >= '@' && c < 127)
		c &= 0x1f;
	else if (keys.ctrl && c == ' ')
		return vt_keys("", 1);
	if (!c)
		return;
	out[0] = '\033';
	out[1] = c;
	vt_keys(keys.alt ? out : out + 1, keys.alt ? 2 : 1);
}

static void scan_code(u8 sc)
{
	bool down = !(sc & SC_RELEASE);
	u8 code = sc & ~SC_RELEASE;

	if (sc == SC_EXTENDED) {
		keys.extended = true;
		return;
	}
	switch (code) {
	case SC_LSHIFT:
	case SC_RSHIFT:
		if (!keys.extended) /* the keypad sends these around its own codes */
			keys.shift[code == SC_RSHIFT] = down;
		break;
	case SC_CTRL:
		keys.ctrl = down;
		break;
	case SC_ALT:
		keys.alt = down;
		break;
	case SC_CAPS:
		keys.caps ^= down;
		break;
	default:
		if (down)
			send_key(code);
	}
	keys.extended = false;
}

static void keyboard_irq(void *arg)
{
	u8 status;

	while ((status = inb(STATUS)) & STATUS_OUTPUT_FULL) {
		u8 sc = inb(DATA);

		if (!(status & STATUS_FROM_MOUSE))
			scan_code(sc);
	}
}

/* Waits for bits of the status to be as asked; false: the controller does not answer. */
static bool wait_status(u8 mask, u8 value)
{
	for (int i = 0; i < 100000; i++) {
		if ((inb(STATUS) & mask) == value)
			return true;
		cpu_relax();
	}
	return false;
}

void keyboard_init(void)
{
	u8 config;

	if (inb(STATUS) == 0xff)
		return; /* no such controller */
	for (int i = 0; i < 16 && inb(STATUS) & STATUS_OUTPUT_FULL; i++)
		inb(DATA); /* what was typed before */
	outb(COMMAND, CMD_READ_CONFIG);
	if (!wait_status(STATUS_OUTPUT_FULL, STATUS_OUTPUT_FULL))
		return;
	config = (inb(DATA) | CONFIG_KEYBOARD_IRQ | CONFIG_TRANSLATE) & ~CONFIG_KEYBOARD_OFF;
	outb(COMMAND, CMD_WRITE_CONFIG);
	if (!wait_status(STATUS_INPUT_FULL, 0))
		return;
	outb(DATA, config);
	if (irq_request(KEYBOARD_GSI, false, keyboard_irq, NULL))
		pr_err("keyboard: no interrupt");
}
