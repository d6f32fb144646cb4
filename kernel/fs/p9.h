/* SPDX-License-Identifier: MIT */
/*
 * A 9P2000.L client (diod's protocol.md): p9.c is the file system, p9_client.c sends its messages and takes
 * the answers by a struct p9_channel (fs.h). A server is no more believed than a device: what makes no sense
 * is -EIO, and the first time a line of the log.
 */
#pragma once
#include "fs/internal.h"

#define P9_HEAD 7U /* of each message: size[4] type[1] tag[2] */
#define P9_ROOM 192U /* for an answer that is neither data nor text */

/* Types of requests; that of the reply is one more. */
enum {
	P9_LERROR = 6,
	P9_STATFS = 8,
	P9_LOPEN = 12,
	P9_LCREATE = 14,
	P9_SYMLINK = 16,
	P9_MKNOD = 18,
	P9_READLINK = 22,
	P9_GETATTR = 24,
	P9_SETATTR = 26,
	P9_READDIR = 40,
	P9_FSYNC = 50,
	P9_LINK = 70,
	P9_MKDIR = 72,
	P9_RENAMEAT = 74,
	P9_UNLINKAT = 76,
	P9_VERSION = 100,
	P9_ATTACH = 104,
	P9_WALK = 110,
	P9_READ = 116,
	P9_WRITE = 118,
	P9_CLUNK = 120,
};

struct p9_client { /* of one mount: the super's priv */
	struct p9_channel *channel;
	u32 msize, chunk; /* bytes of a message, and of data in one */
	u32 next_fid; /* atomic */
	u16 next_tag; /* atomic */
	bool told; /* that the server answers nonsense */
};

/* A request and its answer. While the server has it, it stays, even if nobody waits any more. */
struct p9_msg {
	struct p9_request r; /* first: its done() gets it */
	ref_t refs;
	struct p9_client *c;
	struct waitq wait;
	bool over, bad; /* bad: the answer was shorter than what was asked of it */
	u32 at, end; /* of the answer that was read, and in all */
	struct frame *data; /* whose content goes along, or NULL; a reference */
	u8 bytes[]; /* of the request, then of the answer */
};

/* A number by which the server knows a file; the last reference tells it that it can forget it. */
struct p9_fid {
	struct p9_request clunk; /* first */
	ref_t refs;
	u32 id;
	struct p9_channel *channel;
	u8 out[P9_HEAD + 4], in[P9_ROOM];
};

/* The channel of that tag, for one mount alone. ERR_PTR: -ENOENT, -EBUSY */
struct p9_channel *p9_channel_take(const char *tag);
/* A request: fmt's letters 1 4 8 are numbers of so many bytes (u32; 8: u64), s a text. NULL: no memory. */
struct p9_msg *p9_msg(struct p9_client *c, u8 type, u32 room, const char *fmt, ...);
/* Sends and waits, for a fatal signal too (-EINTR). Data goes out, or comes in, n bytes of frame. */
int p9_send(struct p9_msg *m);
int p9_send_data(struct p9_msg *m, struct frame *data, u32 n, bool in);
void p9_msg_put(struct p9_msg *m);
/* What comes next in the answer: 1, 2, 4 or 8 bytes; 0 behind its end. */
u64 p9_get(struct p9_msg *m, unsigned int n);
const char *p9_get_text(struct p9_msg *m, u32 *n); /* not ended by NUL; NULL behind the end */
int p9_nonsense(struct p9_client *c); /* -EIO */
/* p9_msg(), p9_send() of what has no answer; takes -ENOMEM of either. */
int p9_done(struct p9_msg *m);

struct p9_fid *p9_fid_new(struct p9_client *c); /* the server has yet to learn of it. NULL */
void p9_fid_put(struct p9_fid *f); /* NULL is fine. Does not sleep */
void p9_fid_unused(struct p9_fid *f); /* of p9_fid_new(), which the server never learnt of */
static inline struct p9_fid *p9_fid_get(struct p9_fid *f)
{
	ref_get(&f->refs);
	return f;
}
