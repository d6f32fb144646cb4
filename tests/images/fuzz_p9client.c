/* SPDX-License-Identifier: MIT */
/* sources: tests/unit/host.c */
/*
 * The kernel's 9P client in the hands of a hostile server: answers of any kind, mostly of the right form, some
 * of which come after the thread that waited was killed. All memory is given back, names and counts are what
 * they may be, and nobody waits for an answer that has come.
 */
#define S_IFMT 00170000 /* as the kernel has them */
#define S_IFREG 0100000
#define S_ISGID 0002000
#define S_ISDIR(m) (((m)&S_IFMT) == 0040000)
#define S_ISLNK(m) (((m)&S_IFMT) == 0120000)
#define S_ISREG(m) (((m)&S_IFMT) == S_IFREG)

#include <asm/prctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define printk count_line
#include "../../kernel/fs/p9.c"
#include "../../kernel/fs/p9_client.c"
#undef printk
#include "host.h"

#define RAM_AT 0x200000000000UL /* phys_to_virt(RAM_PHYS) */
#define RAM_PHYS (RAM_AT - DIRECT_BASE)
#define RAM_FRAMES 64UL
#define NODES 4
#define LATE 8

struct frame *frames;
static bool frame_used[RAM_FRAMES]; /* by its first frame */
static struct thread thread;
static void *cpu[8]; /* what gs points to */
static struct super sb;
static struct p9_request *late[LATE]; /* whose answers are still to come */
static unsigned int nr_late, lines; /* of the log */
static const u8 *input, *input_end;

static u64 take(unsigned int n)
{
	u64 v = 0;

	for (unsigned int i = 0; i < n && input < input_end; i++)
		v |= (u64)*input++ << 8 * i;
	return v;
}

static void check(bool ok)
{
	if (!ok)
		abort();
}

/* ---- what the client stands on ---- */

void count_line(int level, const char *fmt, ...)
{
	check(!lines++);
}

int parse_u64(const char *s, unsigned int base, u64 *out)
{
	return -EINVAL;
}

struct frame *frame_alloc(unsigned int order, enum frame_kind kind)
{
	for (u64 i = 0; i < RAM_FRAMES;
	     i += 16) /* of the largest size, each with nothing behind it */
		if (!frame_used[i] && order < 5) {
			frame_used[i] = true;
			ref_init(&frames[(RAM_PHYS >> PAGE_SHIFT) + i].refs);
			return &frames[(RAM_PHYS >> PAGE_SHIFT) + i];
		}
	return NULL;
}

struct frame *frame_alloc_zeroed(enum frame_kind kind, struct res_counter *res)
{
	return frame_alloc(0, kind);
}

void frame_put(struct frame *f)
{
	if (ref_put(&f->refs))
		frame_used[f - frames - (RAM_PHYS >> PAGE_SHIFT)] = false;
}

struct inode *inode_new(struct super *s, mode_t mode)
{
	struct inode *i = kzalloc(sizeof(*i));

	if (!i)
		return NULL;
	ref_init(&i->refs);
	i->sb = s;
	return i;
}

void inode_put(struct inode *i)
{
	if (!i || !ref_put(&i->refs))
		return;
	i->sb->ops->evict(i);
	kfree(i);
}

void d_set_inode(struct dentry *d, struct inode *inode)
{
	check(!d->inode);
	d->inode = inode;
}

int sb_set_root(struct super *s, struct inode *inode)
{
	static struct dentry root;

	root.inode = inode;
	s->root = &root;
	return 0;
}

ssize_t uio_put(struct uio *u, const void *src, size_t n)
{
	static u8 sink[CHUNK_MOST];

	check(n <= u->left);
	memcpy(sink, src, n);
	u->left -= n;
	return n;
}

ssize_t uio_get(struct uio *u, void *dst, size_t n)
{
	check(n <= u->left);
	memset(dst, 'x', n);
	u->left -= n;
	return n;
}

char *fs_next_option(char **opts, char **value)
{
	return NULL;
}

loff_t generic_llseek(struct file *f, loff_t off, int whence)
{
	return off;
}

int generic_file_mmap(struct file *f, struct vma *vma)
{
	return 0;
}

void inode_truncate_pages(struct inode *inode, u64 size)
{
}

void mapping_punch(struct mapping *m, u64 index, u64 n)
{
}

void mapping_set_reclaim(struct mapping *m)
{
}

dev_t dev_decode(u64 v)
{
	return v;
}

u64 thread_rlimit(unsigned int resource)
{
	return ~0UL;
}

void sb_printf(struct strbuf *out, const char *fmt, ...)
{
}

void mutex_lock(struct mutex *m)
{
}

void mutex_unlock(struct mutex *m)
{
}

void waitq_init(struct waitq *wq)
{
}

void waitq_prepare(struct waitq *wq, struct wait_entry *w, enum thread_state state)
{
}

void waitq_finish(struct wait_entry *w)
{
}

void waitq_wake_all(struct waitq *wq, u32 key)
{
}

void schedule(void)
{
	abort(); /* it has its answer, or was killed */
}

/* ---- the server ---- */

/* A body that makes sense, or begins to; what is not said here is any bytes. */
static void body(struct p9_request *r, u8 *at, u32 room)
{
	static const u32 modes[] = { 0040755, 0100644, 0120777, 0020666, 0010600, 0 };
	u32 mode = modes[take(1) % ARRAY_SIZE(modes)], len = take(1) % 16;

	if (r->out[4] == P9_VERSION)
		memcpy(at,
		       "\0\x40\0\0\x08\0"
		       "9P2000.L",
		       14);
	else if (r->out[4] == P9_WALK)
		at[0] = r->out[P9_HEAD + 8];
	else if (r->out[4] == P9_GETATTR)
		memcpy(at + 21, &mode, 4);
	else if (r->out[4] == P9_READLINK)
		memcpy(at, &(u16){ take(1) * 20 }, 2);
	else if (r->out[4] == P9_READDIR) {
		memcpy(at, &(u32){ DIRENT_HEAD + len }, 4);
		memcpy(at + 4 + DIRENT_HEAD - 2, &(u16){ len }, 2);
	} else if (r->out[4] == P9_READ || r->out[4] == P9_WRITE)
		memcpy(at, r->out + P9_HEAD + 12, 4);
}

static void answer(struct p9_request *r)
{
	static const u8 fills[] = { 0, 1, '/', 'a', 0xff };
	u32 room = r->in_size + (r->data_in ? r->data_size : 0), size, choice = take(1);
	u32 n = min((u32)take(1), r->in_size - P9_HEAD);

	memset(r->in, fills[take(1) % ARRAY_SIZE(fills)], r->in_size);
	for (u32 i = 0; i < n; i++)
		r->in[P9_HEAD + i] = take(1);
	if (take(1) < 200)
		body(r, r->in + P9_HEAD, r->in_size - P9_HEAD);
	size = choice & 1 ? min(P9_HEAD + n, room) : room;
	size = choice < 250 ? size : take(4);
	r->in[4] = choice < 190 ? r->out[4] + 1 : choice < 210 ? P9_LERROR + 1 : take(1);
	memcpy(r->in, &size, 4);
	memcpy(r->in + 5, r->out + 5, choice < 245 ? 2 : 1);
	r->answer = min(size, room);
	if (choice == 244)
		r->answer = -EIO;
	r->done(r);
}

static void submit(struct p9_channel *ch, struct p9_request *r)
{
	u32 size;

	memcpy(&size, r->out, 4);
	check(size == r->out_size + (r->data_in ? 0 : r->data_size));
	if (nr_late < LATE && take(1) > 250) {
		late[nr_late++] = r;
		thread.work = THREAD_WORK_KILLED;
	} else {
		answer(r);
	}
}

static void answer_late(void)
{
	while (nr_late)
		answer(late[--nr_late]);
}

/* ---- the file system, used ---- */

static bool emit(struct dir_context *ctx, const char *name, size_t len, u64 ino, unsigned int dt)
{
	check(len && len <= NAME_MAX && !memchr(name, '/', len) && !memchr(name, 0, len));
	return take(1) < 240;
}

static void use_file(struct inode *inode)
{
	struct file f = { .inode = inode, .flags = take(1) & O_ACCMODE };
	struct uio u = { .left = take(2) % 40000 };
	struct dir_context ctx = { .emit = emit };
	struct vma vma = { .flags = take(1) };
	struct frame *page;
	loff_t pos = take(1), before, room;

	if (!inode->fops || inode->fops->open(inode, &f))
		return;
	if (S_ISDIR(inode->mode)) {
		inode->fops->iterate(&f, &ctx);
	} else {
		inode->fops->read(&f, &u, &pos);
		u.left = 1 + take(2) % 40000;
		before = pos;
		room = u.left;
		inode->fops->write(&f, &u, &pos);
		check(pos >= before && pos - before <= room);
		if (!inode->fops->mmap(&f, &vma)) {
			inode->mapping.owner = inode;
			page = inode->mapping.ops->read_page(&inode->mapping, take(1));
			if (!IS_ERR(page))
				frame_put(page);
		}
		inode->fops->llseek(&f, 0, SEEK_END);
	}
	inode->fops->fsync(&f);
	inode->fops->release(&f);
}

static void change_names(struct inode *dir, struct dentry *d, struct dentry *other)
{
	u8 choice = take(1);
	int err = -1;

	if (d->inode && choice % 3 == 0)
		dir->ops->unlink(dir, d);
	else if (d->inode && choice % 3 == 1)
		dir->ops->rename(dir, d, dir, other, choice & 4);
	else if (d->inode && !other->inode && !S_ISDIR(d->inode->mode))
		dir->ops->link(d, dir, other);
	if (d->inode)
		return;
	switch (choice % 4) {
	case 0:
		err = dir->ops->create(dir, d, S_IFREG | 0400);
		break;
	case 1:
		err = dir->ops->mkdir(dir, d, 0755);
		break;
	case 2:
		err = dir->ops->mknod(dir, d, 0010644, 0);
		break;
	case 3:
		err = dir->ops->symlink(dir, d, "target");
	}
	check(err || d->inode);
}

static void use(struct dentry *nodes)
{
	struct dentry *d = &nodes[take(1) % NODES], *other = &nodes[take(1) % NODES];
	struct kattr attr = { .valid = take(1), .atime_ns = -take(4) };
	struct inode *root = sb.root->inode;
	struct statfs st;
	char link[PATH_MAX];

	thread.work = 0;
	switch (take(1) % 6) {
	case 0:
		inode_put(d->inode);
		d->inode = NULL;
		root->ops->lookup(root, d);
		break;
	case 1:
		if (d->inode)
			use_file(d->inode);
		break;
	case 2:
		use_file(root);
		break;
	case 3:
		change_names(root, d, other);
		break;
	case 4:
		if (d->inode && d->inode->ops->readlink) {
			int n = d->inode->ops->readlink(d->inode, link, sizeof(link));

			check(n < (int)sizeof(link) && (n < 0 || !link[n]));
		}
		if (d->inode && !d->inode->ops->setattr(d->inode, &attr))
			d->inode->ops->getattr(d->inode);
		break;
	case 5:
		answer_late();
		sb.ops->statfs(&sb, &st);
	}
}

static void set_up(void)
{
	void *ram = mmap((void *)RAM_AT, 2 * RAM_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	static struct p9_channel channel = { .tag = "share0", .submit = submit };

	check(ram == (void *)RAM_AT);
	frames = (struct frame *)(RAM_AT + RAM_FRAMES * PAGE_SIZE) - (RAM_PHYS >> PAGE_SHIFT);
	cpu[0] = cpu;
	cpu[3] = &thread;
	check(!syscall(SYS_arch_prctl, ARCH_SET_GS, cpu));
	p9_channel_register(&channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct dentry nodes[NODES];
	long live;

	if (!frames)
		set_up();
	live = host_live;
	input = data;
	input_end = data + n;
	thread.work = lines = 0;
	sb = (struct super){ .type = &p9_type };
	for (int i = 0; i < NODES; i++)
		nodes[i] = (struct dentry){ .name = "name" };
	if (!p9_type.fill(&sb, "share0", 0, NULL))
		while (input < input_end)
			use(nodes);
	for (int i = 0; i < NODES; i++)
		inode_put(nodes[i].inode);
	if (sb.root)
		inode_put(sb.root->inode);
	if (sb.ops)
		sb.ops->put_super(&sb);
	answer_late();
	check(host_live == live);
	for (u64 i = 0; i < RAM_FRAMES; i++)
		check(!frame_used[i]);
	return 0;
}
