/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing and mapping files. file_read() and file_write() are what the system calls use:
 * they check and keep the position. The generic_ functions serve files whose pages are in a
 * mapping: bytes go straight between the cached frames and the caller, and mmap shows the very
 * same frames.
 *
 * A file's size is changed with its inode locked. Page faults read it without: they come with
 * mm->lock held, which is inside the inode's lock (a write's user copy may fault).
 */
#include "fs/internal.h"

#include <linux/xattr.h>

#define MAX_RW 0x7ffff000UL /* read(2): the most one call moves */

/* Has f one position that all its readers share under pos_lock? Streams have none. */
static bool has_position(const struct file *f)
{
	return S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode) || f->ops->seekable_stream;
}

typedef ssize_t (*rw_fn)(struct file *f, struct uio *u, loff_t *pos);

static ssize_t do_rw(struct file *f, struct uio *u, loff_t *pos, rw_fn fn)
{
	loff_t none = 0;
	ssize_t n;

	u->left = min(u->left, MAX_RW);
	if (pos) {
		if (!has_position(f))
			return -ESPIPE;
		if (*pos < 0)
			return -EINVAL;
		return fn(f, u, pos);
	}
	if (!has_position(f))
		return fn(f, u, &none);
	mutex_lock(&f->pos_lock);
	n = fn(f, u, &f->pos);
	mutex_unlock(&f->pos_lock);
	return n;
}

ssize_t file_read(struct file *f, struct uio *to, loff_t *pos)
{
	if (!f->can_read)
		return -EBADF;
	if (S_ISDIR(f->inode->mode))
		return -EISDIR;
	if (!f->ops->read)
		return -EINVAL;
	return do_rw(f, to, pos, f->ops->read);
}

ssize_t file_write(struct file *f, struct uio *from, loff_t *pos)
{
	if (!f->can_write)
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	return do_rw(f, from, pos, f->ops->write);
}

ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t pos)
{
	struct iovec iov;
	struct uio u;

	uio_init_kernel(&u, &iov, buf, n);
	return file_read(f, &u, &pos);
}

ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t pos)
{
	struct iovec iov;
	struct uio u;

	uio_init_kernel(&u, &iov, (void *)buf, n);
	return file_write(f, &u, &pos);
}

/* ---- position ---- */

/* SEEK_DATA and SEEK_HOLE by the pages that are there; a file read on demand is all data. */
static loff_t seek_pages(struct inode *i, loff_t off, bool data)
{
	struct mapping *m = &i->mapping;
	u64 idx = off >> PAGE_SHIFT, at = idx;

	if (off < 0 || off >= i->size)
		return -ENXIO;
	if (m->ops && m->ops->read_page)
		return data ? off : (loff_t)i->size;
	spin_lock(&m->lock);
	if (data) {
		if (!radix_next(&m->pages, &at))
			at = ~0UL;
	} else {
		while (radix_get(&m->pages, at))
			at++;
	}
	spin_unlock(&m->lock);
	if (at == idx)
		return off;
	if (at >= DIV_ROUND_UP(i->size, PAGE_SIZE))
		return data ? -ENXIO : (loff_t)i->size;
	return at << PAGE_SHIFT;
}

loff_t generic_llseek(struct file *f, loff_t off, int whence)
{
	struct inode *i = f->mapping->owner;
	loff_t pos;

	mutex_lock(&f->pos_lock);
	switch (whence) {
	case SEEK_SET:
		pos = off;
		break;
	case SEEK_CUR:
		pos = f->pos + off;
		break;
	case SEEK_END:
		pos = i->size + off;
		break;
	case SEEK_DATA:
	case SEEK_HOLE:
		pos = seek_pages(i, off, whence == SEEK_DATA);
		if (pos < 0)
			goto out;
		break;
	default:
		pos = -EINVAL;
		goto out;
	}
	if (pos < 0)
		pos = -EINVAL;
	else
		f->pos = pos;
out:
	mutex_unlock(&f->pos_lock);
	return pos;
}

loff_t file_llseek(struct file *f, loff_t off, int whence)
{
	if (f->ops->llseek)
		return f->ops->llseek(f, off, whence);
	if (!(f->inode->mode & S_IFMT)) /* eventfd and its kin: a position that does not move */
		return 0;
	return has_position(f) ? generic_llseek(f, off, whence) : -ESPIPE;
}

/* ---- files in the page cache ---- */

static void update_atime(struct file *f)
{
	struct inode *i = f->mapping->owner;
	s64 now;

	if (f->flags & O_NOATIME || (f->path.mnt->flags & (MNT_NOATIME | MNT_RDONLY)) ||
	    i->sb->flags & MS_RDONLY)
		return;
	/* relatime: only when older than the last change, or than a day */
	if (i->atime_ns > i->mtime_ns && i->atime_ns > i->ctime_ns) {
		now = fs_now();
		if (now - i->atime_ns < 86400L * (s64)NSEC_PER_SEC)
			return;
	}
	i->atime_ns = fs_now();
}

ssize_t generic_file_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct mapping *m = f->mapping;
	struct inode *inode = m->owner;
	ssize_t done = 0, n = 0;

	while (to->left) {
		u64 size = READ_ONCE(inode->size), off = *pos & ~PAGE_MASK;
		struct frame *page;
		size_t len;

		if ((u64)*pos >= size)
			break;
		if (!to->kernel)
			io_pause();
		len = min(min(PAGE_SIZE - off, size - (u64)*pos), to->left);
		page = mapping_get(m, *pos >> PAGE_SHIFT, false);
		if (IS_ERR(page)) {
			n = PTR_ERR(page);
			break;
		}
		n = page ? uio_put(to, (char *)frame_va(page) + off, len) : uio_put_zeros(to, len);
		if (page)
			frame_put(page);
		if (n < 0)
			break;
		*pos += n;
		done += n;
		if (n < len)
			break;
		cond_resched();
	}
	if (done)
		update_atime(f);
	return done ? done : (n < 0 ? n : 0);
}

void inode_drop_caps(struct inode *i)
{
	if (unlikely(i->file_caps))
		i->ops->setxattr(i, XATTR_NAME_CAPS, NULL, 0, 0);
}

/* Writing takes the set-user-id bits and the file's capabilities away, as on Linux. */
static void drop_suid(struct inode *i)
{
	inode_drop_caps(i);
	if (unlikely(i->mode & (S_ISUID | S_ISGID)) && !inode_capable(i, CAP_FSETID))
		i->mode &= ~(i->mode & S_IXGRP ? S_ISUID | S_ISGID : S_ISUID);
}

static ssize_t write_pages(struct inode *inode, struct uio *from, loff_t *pos)
{
	ssize_t done = 0, n = 0;

	while (from->left) {
		u64 off = *pos & ~PAGE_MASK;
		size_t len = min(PAGE_SIZE - off, from->left);
		struct frame *page = inode_page(inode, *pos >> PAGE_SHIFT, true);

		if (IS_ERR(page)) {
			n = PTR_ERR(page);
			break;
		}
		n = uio_get(from, (char *)frame_va(page) + off, len);
		page->dirty = 1;
		frame_put(page);
		if (n < 0)
			break;
		*pos += n;
		done += n;
		if ((u64)*pos > inode->size)
			WRITE_ONCE(inode->size, *pos);
		if (n < len)
			break;
		cond_resched();
	}
	return done ? done : n;
}

ssize_t generic_file_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct inode *inode = f->mapping->owner;
	const u64 limit = thread_rlimit(RLIMIT_FSIZE);
	loff_t at;
	ssize_t n;

	if (!from->left)
		return 0;
	mutex_lock(&inode->lock);
	at = f->flags & O_APPEND || from->append ? (loff_t)inode->size : *pos;
	if (at > (loff_t)(~0UL >> 1) - (loff_t)from->left || (u64)at >= limit) {
		mutex_unlock(&inode->lock);
		return -EFBIG;
	}
	from->left = min(from->left, limit - at);
	drop_suid(inode);
	n = write_pages(inode, from, &at);
	if (n > 0) {
		inode_touch(inode);
		*pos = at;
	}
	mutex_unlock(&inode->lock);
	return n;
}

/* ---- mappings of files ---- */

static void file_vma_open(struct vma *vma)
{
	file_get(vma->file);
	mapping_attach(vma->priv, vma);
}

static void file_vma_close(struct vma *vma)
{
	mapping_detach(vma->priv, vma);
	file_put(vma->file);
}

static struct frame *file_vma_fault(struct vma *vma, u64 pgoff, bool write)
{
	struct mapping *m = vma->priv;
	struct inode *inode = m->owner;
	struct frame *page;

	if (pgoff >= DIV_ROUND_UP(READ_ONCE(inode->size), PAGE_SIZE))
		return ERR_PTR(-EIO);
	page = inode_page(inode, pgoff, true);
	if (PTR_ERR(page) == -ENOSPC)
		return ERR_PTR(-EIO); /* tmpfs is full: SIGBUS, as on Linux */
	if (!IS_ERR(page) && write) {
		page->dirty = 1;
		inode_touch(inode);
	}
	return page;
}

const struct vm_ops file_vm_ops = {
	.open = file_vma_open,
	.close = file_vma_close,
	.fault = file_vma_fault,
};

int generic_file_mmap(struct file *f, struct vma *vma)
{
	vma->ops = &file_vm_ops;
	vma->priv = f->mapping;
	update_atime(f);
	return 0;
}

const struct file_ops generic_ro_file_ops = {
	.read = generic_file_read,
	.mmap = generic_file_mmap,
};

u64 file_mmap(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed, struct file *f, u64 pgoff)
{
	struct vma vma = { .end = len, .flags = vm_flags, .pgoff = pgoff, .file = f, .mm = mm };
	s64 ret;

	if (!f->can_read)
		return -EACCES;
	if (vm_flags & VM_SHARED && vm_flags & VM_WRITE && !f->can_write)
		return -EACCES;
	if (!(vm_flags & VM_SHARED) || f->can_write)
		vma.flags |= VM_MAYWRITE;
	if (f->path.mnt->flags & MNT_NOEXEC && vm_flags & VM_EXEC)
		return -EPERM;
	if (pgoff > (~0UL / 2 - len) >> PAGE_SHIFT)
		return -EOVERFLOW;
	if (!f->ops->mmap)
		return -ENODEV;
	/* Seen by whoever seals the file now (memfd.c): either side finds the other. */
	if (f->mapping && vm_flags & VM_SHARED)
		__atomic_fetch_add(&f->mapping->coming, 1, __ATOMIC_SEQ_CST);
	ret = f->ops->mmap(f, &vma);
	/* Without operations it is anonymous memory (/dev/zero), which holds no reference to f. */
	if (!ret && !vma.ops && vm_flags & VM_SHARED)
		ret = file_mmap_anon(mm, addr, len, vm_flags, fixed);
	else if (!ret)
		ret = mm_mmap(mm, addr, len, vma.flags, fixed, vma.ops ? f : NULL, pgoff, vma.ops,
			      vma.priv);
	if (f->mapping && vm_flags & VM_SHARED)
		__atomic_fetch_sub(&f->mapping->coming, 1, __ATOMIC_SEQ_CST);
	return ret;
}

/* ---- the rest of what one does to an open file ---- */

int file_iterate(struct file *f, struct dir_context *ctx)
{
	struct inode *inode = f->inode;
	int err = -ENOENT;

	if (!S_ISDIR(inode->mode) || !f->ops->iterate)
		return -ENOTDIR;
	mutex_lock(&f->pos_lock);
	mutex_lock(&inode->lock);
	if (inode->nlink) {
		ctx->pos = f->pos;
		err = f->ops->iterate(f, ctx);
		f->pos = ctx->pos;
	}
	mutex_unlock(&inode->lock);
	mutex_unlock(&f->pos_lock);
	return err;
}

bool emit_dots(struct file *f, struct dir_context *ctx)
{
	if (ctx->pos == 0 && ctx->emit(ctx, ".", 1, f->inode->ino, DT_DIR))
		ctx->pos = 1;
	if (ctx->pos == 1) {
		struct dentry *parent = d_parent(f->path.dentry);

		if (ctx->emit(ctx, "..", 2, parent->inode->ino, DT_DIR))
			ctx->pos = 2;
		dput(parent);
	}
	return ctx->pos >= 2;
}

int file_truncate(struct file *f, u64 size)
{
	struct kattr attr = { .valid = ATTR_SIZE | ATTR_FORCE, .size = size };

	if (!f->can_write || !S_ISREG(f->inode->mode) || (s64)size < 0)
		return -EINVAL;
	return dentry_setattr(f->path.dentry, &attr);
}

int file_sync(struct file *f)
{
	if (f->ops->fsync)
		return f->ops->fsync(f);
	return S_ISREG(f->inode->mode) || S_ISDIR(f->inode->mode) ? 0 : -EINVAL;
}

int file_fallocate(struct file *f, int mode, loff_t off, loff_t len)
{
	if (off < 0 || len <= 0)
		return -EINVAL;
	if (!f->can_write)
		return -EBADF;
	if (S_ISFIFO(f->inode->mode))
		return -ESPIPE;
	if (!S_ISREG(f->inode->mode))
		return -ENODEV;
	if (off + len < off)
		return -EFBIG;
	return f->ops->fallocate ? f->ops->fallocate(f, mode, off, len) : -EOPNOTSUPP;
}
