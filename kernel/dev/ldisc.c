/* SPDX-License-Identifier: MIT */
/*
 * The line discipline (termios(3)): what happens to characters between a driver and a program.
 *
 *	tail          line           head
 *	 | finished lines | being edited |            canonical mode
 *	 | everything may be read        |            raw mode: line is not used
 *
 * A bit in line_end marks a character that ends a line; the end-of-file character is stored as NUL
 * with its bit set, and is never handed out. Input and echo run under tty->lock, in interrupt
 * handlers mostly; signals that a character stands for are sent after it was dropped.
 */
#include "dev/tty.h"

#define I(flag) (t->tio.c_iflag & (flag))
#define O(flag) (t->tio.c_oflag & (flag))
#define L(flag) (t->tio.c_lflag & (flag))
#define DISABLED '\0' /* _POSIX_VDISABLE: this control character is switched off */
#define TAB_WIDTH 8
#define WRITE_CHUNK 256

static bool is_cc(const struct tty *t, unsigned int which, u8 c)
{
	return t->tio.c_cc[which] != DISABLED && t->tio.c_cc[which] == c;
}

static char *in_at(struct tty *t, u32 pos)
{
	return &t->in[pos % TTY_BUF];
}

static bool ends_line(const struct tty *t, u32 pos)
{
	return t->line_end[pos % TTY_BUF / 64] >> (pos % 64) & 1;
}

static void mark_line_end(struct tty *t, u32 pos, bool on)
{
	u64 *word = &t->line_end[pos % TTY_BUF / 64];

	*word = on ? *word | BIT(pos % 64) : *word & ~BIT(pos % 64);
}

void ldisc_init(struct tty *t)
{
	t->tio = (struct termios2){
		.c_iflag = ICRNL | IXON,
		.c_oflag = OPOST | ONLCR,
		.c_cflag = B115200 | CS8 | CREAD | HUPCL | CLOCAL,
		.c_lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
		.c_cc = { [VINTR] = 3,
			  [VQUIT] = 28,
			  [VERASE] = 127,
			  [VKILL] = 21,
			  [VEOF] = 4,
			  [VMIN] = 1,
			  [VSTART] = 17,
			  [VSTOP] = 19,
			  [VSUSP] = 26,
			  [VREPRINT] = 18,
			  [VDISCARD] = 15,
			  [VWERASE] = 23,
			  [VLNEXT] = 22 },
		.c_ispeed = 115200,
		.c_ospeed = 115200,
	};
	waitq_init(&t->read_wait);
	waitq_init(&t->write_wait);
}

void ldisc_flush_input(struct tty *t)
{
	t->tail = t->line = t->head;
	t->lines = 0;
	t->literal = false;
	memset(t->line_end, 0, sizeof(t->line_end));
	if (t->drv->flush)
		t->drv->flush(t, true);
}

void ldisc_flush_output(struct tty *t)
{
	if (t->drv->flush)
		t->drv->flush(t, false);
}

/* Entering canonical mode, what was typed ahead counts by its newlines. */
void ldisc_set_termios(struct tty *t, const struct termios2 *tio)
{
	bool was_canonical = L(ICANON);

	t->tio = *tio;
	if (was_canonical || !L(ICANON)) {
		if (was_canonical && !L(ICANON))
			t->line = t->head;
	} else {
		memset(t->line_end, 0, sizeof(t->line_end));
		t->lines = 0;
		t->line = t->tail;
		for (u32 pos = t->tail; pos != t->head; pos++) {
			if (*in_at(t, pos) != '\n')
				continue;
			mark_line_end(t, pos, true);
			t->lines++;
			t->line = pos + 1;
		}
		t->line_column = t->column;
	}
	if (!I(IXON))
		t->stopped = false;
}

/* ---- output ---- */

static void put(struct tty *t, const char *s, size_t n)
{
	n = min(n, t->drv->room(t));
	if (n)
		t->drv->write(t, s, n);
}

/* Output processing of one character: its bytes into out (TAB_WIDTH at most), and their number. */
static unsigned int post_process(struct tty *t, char c, char *out)
{
	unsigned int n = 1;

	out[0] = c;
	if (!O(OPOST))
		return 1;
	switch (c) {
	case '\n':
		if (O(ONLCR)) {
			out[0] = '\r';
			out[1] = '\n';
			n = 2;
		}
		if (O(ONLCR | ONLRET))
			t->column = 0;
		break;
	case '\r':
		if (O(ONOCR) && !t->column)
			return 0;
		if (O(OCRNL))
			out[0] = '\n';
		if (!O(OCRNL) || O(ONLRET))
			t->column = 0;
		break;
	case '\t':
		n = TAB_WIDTH - t->column % TAB_WIDTH;
		t->column += n;
		if ((t->tio.c_oflag & TABDLY) != XTABS)
			return 1;
		memset(out, ' ', n);
		break;
	case '\b':
		t->column -= t->column > 0;
		break;
	default:
		if ((u8)c >= ' ' && c != 127 && !(I(IUTF8) && ((u8)c & 0xc0) == 0x80))
			t->column++;
	}
	return n;
}

/* The most bytes that n characters can become. */
static size_t worst_case(const struct tty *t, size_t n)
{
	if (!O(OPOST))
		return n;
	return n * ((t->tio.c_oflag & TABDLY) == XTABS ? TAB_WIDTH : 2);
}

static bool room_for(struct tty *t, size_t chars)
{
	return !t->stopped && t->drv->room(t) >= worst_case(t, chars);
}

bool ldisc_writable(struct tty *t)
{
	return room_for(t, WRITE_CHUNK);
}

/* Sends all n characters if there is room for the worst case; else nothing, and false. */
static bool write_chunk(struct tty *t, const char *s, size_t n, u32 generation)
{
	char out[128];
	unsigned int fill = 0;
	bool ok;

	spin_lock(&t->lock);
	ok = room_for(t, n) || t->generation != generation;
	for (size_t i = 0; ok && i < n; i++) {
		fill += post_process(t, s[i], out + fill);
		if (fill > sizeof(out) - TAB_WIDTH || i == n - 1) {
			put(t, out, fill);
			fill = 0;
		}
	}
	spin_unlock(&t->lock);
	return ok;
}

/* Pieces of up to WRITE_CHUNK characters go out as a whole: lines of several writers stay whole. */
ssize_t ldisc_write(struct tty *t, struct uio *from, bool nonblock, u32 generation)
{
	char buf[WRITE_CHUNK];
	ssize_t done = 0;

	while (from->left) {
		struct uio before = *from;
		ssize_t n = uio_get(from, buf, sizeof(buf));
		int err = 0;

		if (n <= 0)
			return done ? done : n;
		while (!write_chunk(t, buf, n, generation)) {
			err = nonblock ? -EAGAIN
				       : wait_event(&t->write_wait,
						    room_for(t, n) || t->generation != generation);
			if (err)
				break;
		}
		if (!err && t->generation != generation)
			err = -EIO;
		if (err) {
			*from = before;
			return done ? done : err;
		}
		done += n;
	}
	return done;
}

/* ---- echo ---- */

static bool is_control(u8 c)
{
	return c < ' ' || c == 127;
}

static bool shown_as_caret(const struct tty *t, u8 c)
{
	return L(ECHOCTL) && is_control(c) && c != '\t' && !(c == '\n' && L(ICANON));
}

static void echo(struct tty *t, u8 c)
{
	char out[TAB_WIDTH];
	unsigned int n;

	if (!L(ECHO) && !(c == '\n' && L(ECHONL) && L(ICANON)))
		return;
	if (shown_as_caret(t, c)) {
		out[0] = '^';
		out[1] = c ^ 0x40;
		n = 2;
		t->column += 2;
	} else {
		n = post_process(t, c, out);
	}
	put(t, out, n);
}

/* The column after the edited line's characters up to end. */
static u32 column_at(struct tty *t, u32 end)
{
	u32 col = t->line_column;

	for (u32 pos = t->line; pos != end; pos++) {
		u8 c = *in_at(t, pos);

		if (c == '\t')
			col = ALIGN_UP(col + 1, TAB_WIDTH);
		else if (shown_as_caret(t, c))
			col += 2;
		else if (!is_control(c) && !(I(IUTF8) && (c & 0xc0) == 0x80))
			col++;
	}
	return col;
}

/* Takes the last character of the edited line back, on the screen too. */
static void erase_char(struct tty *t)
{
	u32 before = column_at(t, t->head), after;
	bool was_tab;

	do {
		t->head--;
	} while (I(IUTF8) && t->head != t->line && ((u8)*in_at(t, t->head) & 0xc0) == 0x80);
	was_tab = *in_at(t, t->head) == '\t';
	if (!L(ECHO))
		return;
	if (!L(ECHOE)) {
		echo(t, t->tio.c_cc[VERASE]);
		return;
	}
	after = column_at(t, t->head);
	for (; before > after; before--)
		put(t, was_tab ? "\b" : "\b \b", was_tab ? 1 : 3);
	t->column = after;
}

static void erase_word(struct tty *t)
{
	bool in_word = false;

	while (t->head != t->line) {
		u8 c = *in_at(t, t->head - 1);
		bool blank = c == ' ' || c == '\t';

		if (in_word && blank)
			break;
		in_word |= !blank;
		erase_char(t);
	}
}

static void erase_line(struct tty *t)
{
	if (L(ECHO) && L(ECHOKE) && L(ECHOE)) {
		while (t->head != t->line)
			erase_char(t);
		return;
	}
	t->head = t->line;
	echo(t, t->tio.c_cc[VKILL]);
	if (L(ECHOK))
		echo(t, '\n');
}

/* ---- input ---- */

/* One place is kept for the character that ends a line. False: no room. */
static bool store(struct tty *t, u8 c, bool line_end)
{
	if (t->head - t->tail >= TTY_BUF - !line_end)
		return false;
	if (L(ICANON) && t->head == t->line)
		t->line_column = t->column;
	*in_at(t, t->head) = c;
	mark_line_end(t, t->head, line_end);
	t->head++;
	if (line_end) {
		t->line = t->head;
		t->lines++;
	}
	return true;
}

static int signal_of(const struct tty *t, u8 c)
{
	if (!L(ISIG))
		return 0;
	return is_cc(t, VINTR, c)   ? SIGINT
	       : is_cc(t, VQUIT, c) ? SIGQUIT
	       : is_cc(t, VSUSP, c) ? SIGTSTP
				    : 0;
}

/* Editing keys of canonical mode. True when c was one. */
static bool edit(struct tty *t, u8 c)
{
	bool any = t->head != t->line;

	if (is_cc(t, VERASE, c)) {
		if (any)
			erase_char(t);
	} else if (is_cc(t, VKILL, c)) {
		erase_line(t);
	} else if (L(IEXTEN) && is_cc(t, VWERASE, c)) {
		erase_word(t);
	} else if (L(IEXTEN) && is_cc(t, VREPRINT, c)) {
		echo(t, c);
		echo(t, '\n');
		for (u32 pos = t->line; pos != t->head; pos++)
			echo(t, *in_at(t, pos));
	} else if (is_cc(t, VEOF, c)) {
		store(t, DISABLED, true);
	} else {
		return false;
	}
	return true;
}

/* An ordinary character: echoed when there is room for it, else the bell. */
static void accept(struct tty *t, u8 c)
{
	bool line_end = L(ICANON) && (c == '\n' || is_cc(t, VEOL, c) || is_cc(t, VEOL2, c));
	u32 column = t->column;

	if (store(t, c, line_end && !t->literal)) {
		echo(t, c);
		return;
	}
	t->column = column;
	if (I(IMAXBEL))
		put(t, "\a", 1);
}

/* One character in. The signal it stands for, or 0. */
static int input_char(struct tty *t, u8 c)
{
	int sig;

	if (I(ISTRIP))
		c &= 0x7f;
	if (t->literal) {
		accept(t, c);
		t->literal = false;
		return 0;
	}
	if (I(IXON) && (is_cc(t, VSTART, c) || is_cc(t, VSTOP, c))) {
		t->stopped = is_cc(t, VSTOP, c);
		return 0;
	}
	if (I(IXON) && I(IXANY))
		t->stopped = false;
	sig = signal_of(t, c);
	if (sig) {
		if (!L(NOFLSH)) {
			ldisc_flush_input(t);
			ldisc_flush_output(t);
		}
		t->stopped = false;
		echo(t, c);
		return sig;
	}
	if (c == '\r') {
		if (I(IGNCR))
			return 0;
		if (I(ICRNL))
			c = '\n';
	} else if (c == '\n' && I(INLCR)) {
		c = '\r';
	}
	if (L(ICANON) && L(IEXTEN) && is_cc(t, VLNEXT, c)) {
		t->literal = true;
		if (L(ECHO) && L(ECHOCTL))
			put(t, "^\b", 2);
		return 0;
	}
	if (!L(ICANON) || !edit(t, c))
		accept(t, c);
	return 0;
}

size_t tty_input(struct tty *t, const char *buf, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		int sig;

		spin_lock(&t->lock);
		/* A full buffer waits for its reader, unless only a newline can make it readable. */
		if (t->head - t->tail >= TTY_BUF - 1 && (!L(ICANON) || t->lines) &&
		    !signal_of(t, buf[i])) {
			t->throttled = true;
			spin_unlock(&t->lock);
			break;
		}
		sig = input_char(t, buf[i]);
		spin_unlock(&t->lock);
		if (sig)
			tty_signal(t, sig);
	}
	if (i) {
		waitq_wake_all(&t->read_wait, POLLIN | POLLRDNORM);
		waitq_wake_all(&t->write_wait, POLLOUT | POLLWRNORM); /* ^Q */
	}
	return i;
}

/* ---- reading ---- */

bool ldisc_readable(const struct tty *t)
{
	if (L(ICANON))
		return t->lines;
	return t->head - t->tail >= (t->tio.c_cc[VTIME] ? 1 : max(t->tio.c_cc[VMIN], (cc_t)1));
}

size_t ldisc_available(const struct tty *t)
{
	return (L(ICANON) ? t->line : t->head) - t->tail;
}

/*
 * Takes up to n characters into buf; in canonical mode no further than the end of the line, whose
 * end-of-file mark is taken and not counted. *end: that was a whole line.
 */
static size_t take(struct tty *t, char *buf, size_t n, bool *end)
{
	size_t got = 0;

	spin_lock(&t->lock);
	*end = false;
	while (got < n && t->tail != (L(ICANON) ? t->line : t->head) && !*end) {
		u32 pos = t->tail++;
		char c = *in_at(t, pos);

		*end = ends_line(t, pos);
		if (*end) {
			mark_line_end(t, pos, false);
			t->lines -= t->lines > 0;
		}
		*end = *end && L(ICANON);
		if (!*end || c != DISABLED)
			buf[got++] = c;
	}
	/* A line that fits exactly: an end-of-file mark right behind it goes with it. */
	if (L(ICANON) && got == n && !*end && t->tail != t->line && ends_line(t, t->tail) &&
	    *in_at(t, t->tail) == DISABLED) {
		mark_line_end(t, t->tail++, false);
		t->lines -= t->lines > 0;
		*end = true;
	}
	if (t->throttled && t->head - t->tail < TTY_BUF / 2) {
		t->throttled = false;
		if (t->drv->unthrottle)
			t->drv->unthrottle(t);
	}
	spin_unlock(&t->lock);
	return got;
}

/* Waits until a read may go on: 0, or -errno; *eof: there will be nothing. */
static int wait_canonical(struct tty *t, bool nonblock, u32 generation)
{
	if (!t->lines && nonblock)
		return -EAGAIN;
	return wait_event(&t->read_wait, t->lines || !L(ICANON) || t->generation != generation);
}

/* termios(3), "Canonical and noncanonical mode": the four cases of VMIN and VTIME. */
static int wait_raw(struct tty *t, size_t n, bool nonblock, u32 generation)
{
	const size_t want = min((size_t)t->tio.c_cc[VMIN], n);
	const u64 time = t->tio.c_cc[VTIME] * (NSEC_PER_SEC / 10);
	u32 have;

	while ((have = t->head - t->tail) < max(want, (size_t)1)) {
		u64 deadline = ~0UL;
		int err;

		if (L(ICANON) || t->generation != generation || (!want && !time))
			return 0;
		if (nonblock)
			return have ? 0 : -EAGAIN;
		if (time && (!want || have))
			deadline = clock_ns() + time;
		err = wait_event_until(&t->read_wait,
				       t->head - t->tail != have || L(ICANON) ||
					       t->generation != generation,
				       deadline);
		if (err == -ETIMEDOUT)
			return 0;
		if (err)
			return t->head != t->tail ? 0 : err;
	}
	return 0;
}

ssize_t ldisc_read(struct tty *t, struct uio *to, bool nonblock, u32 generation)
{
	char buf[256];
	ssize_t done = 0;
	bool canonical, end = false;
	int err;

	if (!to->left)
		return 0;
again:
	canonical = L(ICANON);
	err = canonical ? wait_canonical(t, nonblock, generation)
			: wait_raw(t, to->left, nonblock, generation);
	if (err)
		return err;
	if (t->generation != generation)
		return 0;
	if (!!canonical != !!L(ICANON))
		goto again;
	while (to->left && !end) {
		size_t got = take(t, buf, min(to->left, sizeof(buf)), &end);
		ssize_t put_now;

		if (!got)
			break;
		put_now = uio_put(to, buf, got);
		if (put_now < 0)
			return done ? done : put_now;
		done += put_now;
	}
	if (!done && !end && (canonical || t->tio.c_cc[VMIN]))
		goto again; /* another reader was faster */
	return done;
}
