/* SPDX-License-Identifier: MIT */
/*
 * Block devices as files. Each has an inode of its own whose pages are its page cache: every node with
 * its number, and every file system on it, reads and maps those. A page is read when it is first
 * wanted, with those behind it when pages were asked for in a row; a dirty one is written by fsync(2),
 * sync(2), BLKFLSBUF, the close of the last file, the flusher every few seconds, and when memory is
 * short.
 *
 * A partition is a device of its own, with pages of its own, as in Linux; its transfers are the disk's.
 *
 * The list of devices only grows (before other CPUs run). write_lock is inside every inode's lock and
 * mm->lock: writing back takes neither, and asks for no memory. A page may change while it is being
 * written: it is dirty again then.
 */
#include "fs/internal.h"
#include "fs/partition.h"

#include <linux/fs.h>

#define FLUSH_NS (5 * NSEC_PER_SEC) /* as Linux's dirty_writeback_centisecs */
#define AHEAD_MIN 4 /* pages, when nothing is known */
#define SOME_WRITES 8 /* when memory is short: transfers at a time */

static struct blkdev *blkdevs;
static const struct file_ops blk_fops;
static struct waitq flush_wait = WAITQ_INIT(flush_wait), sync_wait = WAITQ_INIT(sync_wait);
static bool flush_wanted; /* a device may have dirty pages */

static u64 size_of(const struct blkdev *bd)
{
	return bd->sectors << 9;
}

static void count(u64 *n, u64 by)
{
	__atomic_fetch_add(n, by, __ATOMIC_RELAXED);
}

/* ---- transfers ---- */

/* Who causes a transfer waits for it later, where it holds no lock: in io_pause(), or before ring 3. */
static void owe(enum bio_op op)
{
	struct thread *t = current_thread();

	if (!t->fpu || !io_wait_hook) /* a kernel thread: they work for all */
		return;
	t->io_owes |= 1U << op;
	thread_set_work(t, THREAD_WORK_IO);
}

static void begin(struct blkdev *bd, struct bio *bio, u64 index, unsigned int pages)
{
	bio->dev = bd;
	bio->sector = index << (PAGE_SHIFT - 9);
	bio->bytes = pages ? min((u64)pages << PAGE_SHIFT, size_of(bd) - (index << PAGE_SHIFT)) : 0;
	bio->began = clock_ns();
	if (bio->op <= BIO_WRITE && io_group_hook &&
	    io_group_charge(io_group_hook(bio->page[0]->charge), bio, bio->began))
		owe(bio->op);
	for (struct blkdev *at = bd; at; at = at->whole)
		count(&at->in_flight, 1);
	bd->submit(bd, bio);
}

static void account(struct bio *bio)
{
	for (struct blkdev *bd = bio->dev; bd; bd = bd->whole) {
		count(&bd->in_flight, -1UL);
		count(&bd->requests[bio->op], 1);
		count(&bd->sectors_done[bio->op], bio->bytes >> 9);
		count(&bd->ns[bio->op], clock_ns() - bio->began);
	}
}

static void read_done(struct bio *bio)
{
	account(bio);
	mapping_end_read(&bio->dev->inode->mapping, bio->page, DIV_ROUND_UP(bio->bytes, PAGE_SIZE),
			 !bio->err);
	kfree(bio);
}

/* Begins to read up to n pages from index on. *first: that page, with a reference, or NULL: it is
 * there, or on its way. 0 or -ENOMEM. */
static int start_read(struct blkdev *bd, u64 index, unsigned int n, struct frame **first)
{
	struct bio *bio = kzalloc(sizeof(*bio));
	u64 end = DIV_ROUND_UP(size_of(bd), PAGE_SIZE), tail = size_of(bd) & ~PAGE_MASK;
	int got;

	*first = NULL;
	if (!bio)
		return -ENOMEM;
	n = min((u64)min(n, bd->max_pages), end - index);
	got = mapping_begin_read(&bd->inode->mapping, index, n, bio->page);
	if (got <= 0) {
		kfree(bio);
		return got;
	}
	if (index + got == end && tail)
		memset((char *)frame_va(bio->page[got - 1]) + tail, 0, PAGE_SIZE - tail);
	*first = bio->page[0];
	frame_get(*first);
	bio->op = BIO_READ;
	bio->done = read_done;
	begin(bd, bio, index, got);
	return 0;
}

/* How many pages to read at index: more each time that a row of them goes on. Races cost a guess. */
static unsigned int ahead(struct blkdev *bd, u64 index)
{
	u32 n = AHEAD_MIN, i;

	for (i = 0; i < ARRAY_SIZE(bd->streams); i++)
		if (bd->streams[i].next == index)
			break;
	if (i < ARRAY_SIZE(bd->streams))
		n = min(4 * max(bd->streams[i].pages, 1U), (u32)BIO_PAGES);
	else
		i = bd->last_stream++ % ARRAY_SIZE(bd->streams);
	bd->streams[i].pages = n;
	bd->streams[i].next = index + n;
	return n;
}

static struct frame *blk_read_page(struct mapping *m, u64 index)
{
	struct inode *inode = m->owner;
	struct blkdev *bd = inode->priv;
	u64 end = DIV_ROUND_UP(size_of(bd), PAGE_SIZE);
	unsigned int n = index < end ? ahead(bd, index) : 0;

	while (n) {
		struct frame *f, *next;
		int err = start_read(bd, index, n, &f);

		if (err)
			return ERR_PTR(err);
		/* A long row: the device works on the next part meanwhile. */
		if (f && n == BIO_PAGES && index + 2 * n < end &&
		    !start_read(bd, index + n, n, &next) && next) {
			ahead(bd, index + n);
			frame_put(next);
		}
		if (!f) {
			f = mapping_find(m, index);
			if (!f) /* it was there, or on its way, and went */
				continue;
		}
		if (frame_wait(f))
			return f;
		frame_put(f);
		n = n > 1; /* one behind it may be the bad one */
	}
	return ERR_PTR(-EIO);
}

static void sync_done(struct bio *bio)
{
	account(bio);
	WRITE_ONCE(bio->over, true); /* from here on *bio is the waiter's */
	waitq_wake_all(&sync_wait, 0);
}

/* Does it and waits. 0 or -errno. */
static int transfer(struct blkdev *bd, struct bio *bio, u64 index, unsigned int pages)
{
	bio->done = sync_done;
	begin(bd, bio, index, pages);
	wait_event_uninterruptible(&sync_wait, READ_ONCE(bio->over));
	return bio->err;
}

static int write_back(struct blkdev *bd, bool all)
{
	struct mapping *m = &bd->inode->mapping;
	unsigned int n = bd->written;
	u64 index = 0;
	int err = 0;

	mutex_lock(&bd->write_lock);
	/* What is written to before this is dirty by now; what is written to later says so again. */
	WRITE_ONCE(bd->written, mapping_writable(m));
	for (unsigned int i = 0; n && (all || i < SOME_WRITES); i++) {
		struct bio bio = { .op = BIO_WRITE };

		n = mapping_take_dirty(m, &index, bd->max_pages, bio.page);
		if (n && transfer(bd, &bio, index, n))
			bd->write_error = err = bio.err;
		for (unsigned int k = 0; k < n; k++)
			frame_put(bio.page[k]);
		index += n;
	}
	if (n && !all)
		WRITE_ONCE(bd->written, true);
	mutex_unlock(&bd->write_lock);
	return err;
}

static int blk_write_pages(struct mapping *m, bool all)
{
	struct inode *inode = m->owner;

	return write_back(inode->priv, all);
}

static const struct mapping_ops blk_mapping_ops = {
	.read_page = blk_read_page,
	.write_pages = blk_write_pages,
};

static int sync_device(struct blkdev *bd)
{
	struct bio flush = { .op = BIO_FLUSH };
	int err;

	write_back(bd, true);
	err = __atomic_exchange_n(&bd->write_error, 0, __ATOMIC_RELAXED);
	if (bd->flushes)
		err = transfer(bd, &flush, 0, 0) ?: err;
	return err;
}

int blkdev_sync_all(void)
{
	int err = 0;

	for (struct blkdev *bd = blkdevs; bd; bd = bd->next)
		if (!bd->read_only)
			err = sync_device(bd) ?: err;
	return err;
}

static void flusher(void *arg)
{
	for (;;) {
		wait_event_uninterruptible(&flush_wait, READ_ONCE(flush_wanted));
		WRITE_ONCE(current_thread()->state, THREAD_UNINTERRUPTIBLE);
		schedule_until(clock_ns() + FLUSH_NS);
		WRITE_ONCE(flush_wanted, false);
		for (struct blkdev *bd = blkdevs; bd; bd = bd->next) {
			write_back(bd, true);
			if (READ_ONCE(bd->written))
				WRITE_ONCE(flush_wanted, true);
		}
	}
}

static void made_dirty(struct blkdev *bd)
{
	WRITE_ONCE(bd->written, true);
	if (READ_ONCE(flush_wanted))
		return;
	WRITE_ONCE(flush_wanted, true);
	waitq_wake_all(&flush_wait, 0);
}

/* ---- the file ---- */

struct blkdev *blkdev_next(const struct blkdev *bd)
{
	struct blkdev *next = bd ? bd->next : blkdevs;

	while (next && next->whole)
		next = next->next;
	return next;
}

static struct blkdev *find(dev_t rdev)
{
	struct blkdev *bd = blkdevs;

	while (bd && bd->rdev != rdev)
		bd = bd->next;
	return bd;
}

struct blkdev *blkdev_find(dev_t rdev)
{
	struct blkdev *bd = find(rdev);

	return bd && !bd->whole ? bd : NULL;
}

const struct file_ops *blkdev_ops(dev_t rdev)
{
	return find(rdev) ? &blk_fops : NULL;
}

struct blkdev *file_blkdev(const struct file *f)
{
	return f->ops == &blk_fops ? f->priv : NULL;
}

static int blk_open(struct inode *inode, struct file *f)
{
	struct blkdev *bd = find(inode->rdev);

	if (f->flags & O_DIRECT)
		return -EINVAL; /* every transfer goes through the page cache */
	f->priv = bd;
	f->mapping = &bd->inode->mapping;
	__atomic_fetch_add(&bd->opens, 1, __ATOMIC_RELAXED);
	return 0;
}

static void blk_release(struct file *f)
{
	struct blkdev *bd = f->priv;

	if (!__atomic_sub_fetch(&bd->opens, 1, __ATOMIC_ACQ_REL))
		write_back(bd, true);
}

static ssize_t blk_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct blkdev *bd = f->priv;
	ssize_t n;

	if (bd->read_only)
		return -EPERM;
	if (!from->left)
		return 0;
	/* What was written before, by whomever, is paid for before there is more to write. */
	owe(BIO_WRITE);
	io_pause();
	if ((u64)*pos >= size_of(bd) || f->flags & O_APPEND)
		return -ENOSPC;
	from->left = min(from->left, size_of(bd) - *pos);
	n = generic_file_write(f, from, pos);
	made_dirty(bd);
	if (n > 0 && f->flags & O_DSYNC)
		return sync_device(bd) ?: n;
	return n;
}

static int blk_mmap(struct file *f, struct vma *vma)
{
	struct blkdev *bd = f->priv;

	if (vma->flags & VM_SHARED && bd->read_only) {
		if (vma->flags & VM_WRITE)
			return -EACCES;
		vma->flags &= ~VM_MAYWRITE;
	}
	if (vma->flags & VM_SHARED && vma->flags & VM_MAYWRITE)
		made_dirty(bd);
	return generic_file_mmap(f, vma);
}

static int blk_fsync(struct file *f)
{
	return sync_device(f->priv);
}

/* The largest power of two, up to a page, that the size is a multiple of. */
static unsigned int soft_block_size(const struct blkdev *bd)
{
	unsigned int n = bd->block_size;

	while (n < PAGE_SIZE && !(size_of(bd) & n))
		n *= 2;
	return n;
}

static long blk_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct blkdev *bd = f->priv;

	switch (cmd) {
	case BLKGETSIZE64:
		return put_user(size_of(bd), (u64 __user *)arg);
	case BLKGETSIZE:
		return put_user(bd->sectors, (u64 __user *)arg);
	case BLKROGET:
		return put_user(bd->read_only, (int __user *)arg);
	case BLKBSZGET:
		return put_user(soft_block_size(bd), (u32 __user *)arg);
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		return put_user(bd->block_size, (u32 __user *)arg);
	case BLKIOOPT:
	case BLKALIGNOFF:
		return put_user(0, (u32 __user *)arg);
	case BLKRAGET:
		return put_user(BIO_PAGES * (PAGE_SIZE / 512), (u64 __user *)arg);
	case BLKFLSBUF:
		if (!fs_capable(CAP_SYS_ADMIN))
			return -EACCES;
		return sync_device(bd);
	}
	return -ENOTTY;
}

static const struct file_ops blk_fops = {
	.open = blk_open,
	.release = blk_release,
	.read = generic_file_read,
	.write = blk_write,
	.mmap = blk_mmap,
	.fsync = blk_fsync,
	.ioctl = blk_ioctl,
	.seekable_stream = true,
};

/* ---- what is told about them ---- */

typedef unsigned long long ull;

void blkdev_show_sizes(struct strbuf *out)
{
	if (blkdevs)
		sb_printf(out, "major minor  #blocks  name\n\n");
	for (struct blkdev *bd = blkdevs; bd; bd = bd->next)
		sb_printf(out, "%4u  %7u %10llu %s\n", MAJOR(bd->rdev), MINOR(bd->rdev),
			  (ull)bd->sectors / 2, bd->name);
}

/* The columns of Linux's Documentation/admin-guide/iostats.rst; nothing is merged or discarded. */
static int show_stat(struct strbuf *out, void *priv)
{
	struct blkdev *bd = priv;

	for (enum bio_op op = BIO_READ; op <= BIO_WRITE; op++)
		sb_printf(out, "%8llu %8llu %8llu %8llu ", (ull)bd->requests[op], 0ULL,
			  (ull)bd->sectors_done[op], (ull)(bd->ns[op] / NSEC_PER_MSEC));
	sb_printf(out, "%8llu %8llu %8llu %8u %8u %8u %8u %8llu %8llu\n", (ull)bd->in_flight,
		  (ull)((bd->ns[BIO_READ] + bd->ns[BIO_WRITE]) / NSEC_PER_MSEC),
		  (ull)((bd->ns[BIO_READ] + bd->ns[BIO_WRITE]) / NSEC_PER_MSEC), 0, 0, 0, 0,
		  (ull)bd->requests[BIO_FLUSH], (ull)(bd->ns[BIO_FLUSH] / NSEC_PER_MSEC));
	return 0;
}

void blkdev_show_stats(struct strbuf *out)
{
	for (struct blkdev *bd = blkdevs; bd; bd = bd->next) {
		sb_printf(out, "%4u %7u %s ", MAJOR(bd->rdev), MINOR(bd->rdev), bd->name);
		show_stat(out, bd);
	}
}

/* A file of /sys/block/NAME that says one thing of bd. */
#define SHOW(file, ...)                                                                            \
	static int show_##file(struct strbuf *out, void *priv)                                     \
	{                                                                                          \
		const struct blkdev *bd __attribute__((unused)) = priv;                            \
                                                                                                   \
		sb_printf(out, __VA_ARGS__);                                                       \
		return 0;                                                                          \
	}
#define FILE(file)                                                                                 \
	{                                                                                          \
#file, 0444, .show = show_##file                                                   \
	}
SHOW(size, "%llu\n", (ull)bd->sectors)
SHOW(ro, "%u\n", bd->read_only)
SHOW(dev, "%u:%u\n", MAJOR(bd->rdev), MINOR(bd->rdev))
SHOW(serial, "%s", bd->serial)
SHOW(start, "%llu\n", (ull)bd->start)
SHOW(partition, "%u\n", MINOR(bd->rdev) - MINOR(bd->whole->rdev))
SHOW(removable, "0\n")
SHOW(logical_block_size, "%u\n", bd->block_size)
SHOW(rotational, "1\n") /* as Linux: nothing says that it does not */
SHOW(read_ahead_kb, "%lu\n", BIO_PAGES *PAGE_SIZE / 1024)

/* clang-format off */
static const struct pseudo_file disk_files[] = {
	FILE(size), FILE(ro), FILE(dev), FILE(serial), FILE(removable), FILE(stat),
};
static const struct pseudo_file part_files[] = {
	FILE(size), FILE(ro), FILE(dev), FILE(start), FILE(partition), FILE(stat),
	{ "alignment_offset", 0444, .show = show_removable },
};
static const struct pseudo_file queue_files[] = {
	FILE(logical_block_size), FILE(rotational), FILE(read_ahead_kb),
	{ "physical_block_size", 0444, .show = show_logical_block_size },
	{ "hw_sector_size", 0444, .show = show_logical_block_size },
	{ "minimum_io_size", 0444, .show = show_logical_block_size },
	{ "optimal_io_size", 0444, .show = show_removable },
};
/* clang-format on */

static void add_files(const char *dir, const struct pseudo_file *files, size_t n, struct blkdev *bd)
{
	for (size_t i = 0; i < n; i++)
		sysfs_add(dir, &files[i], bd);
}

static void add_to_sysfs(struct blkdev *bd)
{
	char dir[32], link[32], target[48];

	snprintf(dir, sizeof(dir), "block/%s%s%s", bd->whole ? bd->whole->name : "",
		 bd->whole ? "/" : "", bd->name);
	snprintf(link, sizeof(link), "dev/block/%u:%u", MAJOR(bd->rdev), MINOR(bd->rdev));
	snprintf(target, sizeof(target), "../../%s", dir);
	sysfs_link(link, target);
	if (bd->whole)
		return add_files(dir, part_files, ARRAY_SIZE(part_files), bd);
	add_files(dir, disk_files, ARRAY_SIZE(disk_files), bd);
	snprintf(dir, sizeof(dir), "block/%s/queue", bd->name);
	add_files(dir, queue_files, ARRAY_SIZE(queue_files), bd);
}

/* ---- beginning ---- */

static int add_device(struct blkdev *bd)
{
	struct blkdev **last = &blkdevs;

	bd->inode = inode_new(anon_super, S_IFBLK | 0600);
	if (!bd->inode)
		return -ENOMEM;
	mutex_init(&bd->write_lock);
	bd->inode->priv = bd;
	bd->inode->size = size_of(bd);
	bd->inode->mapping.ops = &blk_mapping_ops;
	mapping_set_reclaim(&bd->inode->mapping);
	for (; *last; last = &(*last)->next)
		bd->nr += !bd->whole && !(*last)->whole;
	*last = bd;
	devtmpfs_add(bd->name, S_IFBLK | 0660, bd->rdev);
	add_to_sysfs(bd);
	pr_info("%s: %llu sectors of 512 bytes%s%s%s", bd->name, (ull)bd->sectors,
		bd->read_only ? ", read-only" : "", *bd->serial ? ", " : "", bd->serial);
	return 0;
}

static void part_submit(struct blkdev *bd, struct bio *bio)
{
	if (bio->bytes)
		bio->sector += bd->start;
	bd->whole->submit(bd->whole, bio);
}

static int add_partition(struct blkdev *whole, unsigned int n, u64 start, u64 sectors)
{
	struct blkdev *bd = kzalloc(sizeof(*bd));

	if (!bd)
		return -ENOMEM;
	snprintf(bd->name, sizeof(bd->name), "%s%u", whole->name, n);
	bd->rdev = whole->rdev + n;
	bd->block_size = whole->block_size;
	bd->max_pages = whole->max_pages;
	bd->read_only = whole->read_only;
	bd->flushes = whole->flushes;
	bd->submit = part_submit;
	bd->whole = whole;
	bd->nr = whole->nr;
	bd->start = start;
	bd->sectors = sectors;
	return add_device(bd);
}

struct scan {
	struct part_table table;
	struct blkdev *bd;
	struct frame *page; /* has the block at sector at; ~0: nothing */
	u64 at;
};

static void scan_done(struct bio *bio)
{
	WRITE_ONCE(bio->over, true);
}

static const u8 *scan_read(struct part_table *t, u64 n)
{
	struct scan *s = container_of(t, struct scan, table);
	u64 block = ALIGN_DOWN(n, (u64)t->unit);
	struct bio bio = { .op = BIO_READ,
			   .sector = block,
			   .bytes = t->unit << 9,
			   .page = { s->page },
			   .done = scan_done };

	if (n >= t->sectors)
		return NULL;
	if (s->at != block) {
		s->bd->submit(s->bd, &bio);
		s->bd->poll(s->bd, &bio);
		s->at = bio.err ? ~0UL : block;
	}
	return s->at == block ? (const u8 *)frame_va(s->page) + ((n - block) << 9) : NULL;
}

static int add_partitions(struct blkdev *bd)
{
	struct scan *s = kzalloc(sizeof(*s));
	char value[8];
	int err = -ENOMEM;

	if (!s)
		return err;
	s->table.read = scan_read;
	s->table.sectors = ALIGN_DOWN(bd->sectors, (u64)bd->block_size >> 9);
	s->table.unit = bd->block_size >> 9;
	s->table.use_backup = boot_param("gpt", value, sizeof(value)); /* as Linux */
	s->bd = bd;
	s->at = ~0UL;
	s->page = frame_alloc_zeroed(FRAME_KERNEL, NULL);
	if (s->page) {
		partitions_read(&s->table);
		frame_put(s->page);
		err = 0;
	}
	if (s->table.complaint)
		pr_err("%s: partitions: %s", bd->name, s->table.complaint);
	for (unsigned int n = 1; !err && n <= PARTITIONS_MAX; n++)
		if (s->table.part[n].sectors)
			err = add_partition(bd, n, s->table.part[n].start,
					    s->table.part[n].sectors);
	kfree(s);
	return err;
}

int blkdev_register(struct blkdev *bd)
{
	static struct thread flush_thread;
	bool first = !blkdevs;

	if (first && thread_init(&flush_thread, "flush", flusher, NULL, false))
		return -ENOMEM;
	if (first)
		thread_start(&flush_thread);
	return add_device(bd) ?: add_partitions(bd);
}
