/* SPDX-License-Identifier: MIT */
/*
 * Messages of 9P: see p9.h. A message has a reference of who made it and one of the channel that it is on its
 * way by, so a killed thread leaves at once and the server's late answer goes into memory that is still there.
 * What such a thread asked for the server may have done all the same; a fid that it made then is forgotten
 * with the mount. A clunk lies in its fid and is waited for by nobody: a file can be closed by who is killed.
 *
 * channels is complete before other CPUs run.
 */
#include "fs/p9.h"

static struct list_head channels = LIST_INIT(channels);

void p9_channel_register(struct p9_channel *ch)
{
	list_add_tail(&ch->link, &channels);
}

struct p9_channel *p9_channel_take(const char *tag)
{
	struct p9_channel *ch;

	list_for_each(ch, &channels, link)
		if (!strcmp(ch->tag, tag))
			return __atomic_exchange_n(&ch->busy, true, __ATOMIC_ACQUIRE)
				       ? ERR_PTR(-EBUSY)
				       : ch;
	return ERR_PTR(-ENOENT);
}

int p9_nonsense(struct p9_client *c)
{
	if (!__atomic_exchange_n(&c->told, true, __ATOMIC_RELAXED))
		pr_err("9p: %s: the server's answer makes no sense", c->channel->tag);
	return -EIO;
}

/* ---- requests ---- */

static void put(u8 **to, u64 v, unsigned int n)
{
	memcpy(*to, &v, n);
	*to += n;
}

/* The bytes of the arguments; to not NULL: writes them there. */
static u32 arguments(u8 *to, const char *fmt, va_list ap)
{
	u32 size = 0;

	for (; *fmt; fmt++) {
		const char *text = *fmt == 's' ? va_arg(ap, const char *) : NULL;
		u32 n = text ? strlen(text) : *fmt - '0';
		u64 v = text ? n : n == 8 ? va_arg(ap, u64) : va_arg(ap, u32);

		if (to)
			put(&to, v, text ? 2 : n);
		if (to && text) {
			memcpy(to, text, n);
			to += n;
		}
		size += text ? 2 + n : n;
	}
	return size;
}

struct p9_msg *p9_msg(struct p9_client *c, u8 type, u32 room, const char *fmt, ...)
{
	struct p9_msg *m;
	va_list ap;
	u32 size;
	u8 *to;

	va_start(ap, fmt);
	size = P9_HEAD + arguments(NULL, fmt, ap);
	va_end(ap);
	m = kzalloc(sizeof(*m) + size + room);
	if (!m)
		return NULL;
	ref_init(&m->refs);
	waitq_init(&m->wait);
	m->c = c;
	m->r.out = to = m->bytes;
	m->r.out_size = size;
	m->r.in = m->bytes + size;
	m->r.in_size = room;
	put(&to, size, 4);
	put(&to, type, 1);
	put(&to,
	    type == P9_VERSION ? 0xffff : __atomic_fetch_add(&c->next_tag, 1, __ATOMIC_RELAXED), 2);
	va_start(ap, fmt);
	arguments(to, fmt, ap);
	va_end(ap);
	return m;
}

void p9_msg_put(struct p9_msg *m)
{
	if (!m || !ref_put(&m->refs))
		return;
	if (m->data)
		frame_put(m->data);
	kfree(m);
}

static void answered(struct p9_request *r)
{
	struct p9_msg *m = (struct p9_msg *)r;

	__atomic_store_n(&m->over, true, __ATOMIC_RELEASE);
	waitq_wake_all(&m->wait, 0);
	p9_msg_put(m);
}

/* Is it the answer to that request, and no error? */
static int check_answer(struct p9_msg *m)
{
	u32 size, error;
	u8 type;

	if (m->r.answer < 0)
		return m->r.answer;
	m->end = min((u32)m->r.answer, m->r.in_size);
	size = p9_get(m, 4);
	type = p9_get(m, 1);
	if (p9_get(m, 2) != (m->r.out[5] | m->r.out[6] << 8) || m->bad || size > m->r.answer)
		return p9_nonsense(m->c);
	m->end = min(m->end, size);
	if (type == m->r.out[4] + 1)
		return 0;
	error = p9_get(m, 4);
	if (type != P9_LERROR + 1 || m->bad || !error || error >= EHWPOISON)
		return p9_nonsense(m->c);
	return -(int)error;
}

int p9_send(struct p9_msg *m)
{
	if (!m)
		return -ENOMEM;
	ref_get(&m->refs);
	m->r.done = answered;
	m->c->channel->submit(m->c->channel, &m->r);
	wait_event_uninterruptible(&m->wait,
				   __atomic_load_n(&m->over, __ATOMIC_ACQUIRE) || thread_killed());
	return __atomic_load_n(&m->over, __ATOMIC_ACQUIRE) ? check_answer(m) : -EINTR;
}

int p9_send_data(struct p9_msg *m, struct frame *data, u32 n, bool in)
{
	u32 size;

	if (!m)
		return -ENOMEM;
	frame_get(data);
	m->data = data;
	m->r.data = frame_va(data);
	m->r.data_size = n;
	m->r.data_in = in;
	size = m->r.out_size + (in ? 0 : n);
	memcpy(m->r.out, &size, 4);
	return p9_send(m);
}

int p9_done(struct p9_msg *m)
{
	int err = p9_send(m);

	p9_msg_put(m);
	return err;
}

/* ---- answers ---- */

u64 p9_get(struct p9_msg *m, unsigned int n)
{
	u64 v = 0;

	if (n > m->end - m->at) {
		m->bad = true;
		return 0;
	}
	memcpy(&v, m->r.in + m->at, n);
	m->at += n;
	return v;
}

const char *p9_get_text(struct p9_msg *m, u32 *n)
{
	const char *text;

	*n = p9_get(m, 2);
	text = (const char *)m->r.in + m->at;
	if (m->bad || *n > m->end - m->at || memchr(text, 0, *n)) {
		m->bad = true;
		return NULL;
	}
	m->at += *n;
	return text;
}

/* ---- fids ---- */

struct p9_fid *p9_fid_new(struct p9_client *c)
{
	struct p9_fid *f = kzalloc(sizeof(*f));

	if (!f)
		return NULL;
	ref_init(&f->refs);
	f->channel = c->channel;
	f->id = __atomic_fetch_add(&c->next_fid, 1, __ATOMIC_RELAXED);
	return f;
}

static void clunked(struct p9_request *r)
{
	kfree(r);
}

void p9_fid_put(struct p9_fid *f)
{
	u8 *to;

	if (!f || !ref_put(&f->refs))
		return;
	to = f->out;
	put(&to, sizeof(f->out), 4);
	put(&to, P9_CLUNK, 1);
	put(&to, 0, 2);
	put(&to, f->id, 4);
	f->clunk = (struct p9_request){ .out = f->out,
					.out_size = sizeof(f->out),
					.in = f->in,
					.in_size = sizeof(f->in),
					.done = clunked };
	f->channel->submit(f->channel, &f->clunk);
}

void p9_fid_unused(struct p9_fid *f)
{
	kfree(f);
}
