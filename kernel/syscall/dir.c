/* SPDX-License-Identifier: MIT */
/*
 * Names: making, removing, renaming and listing them, and where the process stands in the tree.
 * The calls without "at" are the others with AT_FDCWD.
 */
#include "syscall/syscall.h"

#include <linux/capability.h>
#include <linux/fs.h>

/* ---- make and remove ---- */

SYSCALL3(mkdirat, int, dirfd, const char __user *, uname, mode_t, mode)
{
	USER_PATH(path, uname);

	return path.err ?: vfs_mkdir(dirfd, path.name, mode);
}

SYSCALL_ALIAS(mkdir, mkdirat, AT_FDCWD, _1, _2)

SYSCALL4(mknodat, int, dirfd, const char __user *, uname, mode_t, mode, unsigned int, dev)
{
	USER_PATH(path, uname);

	return path.err ?: vfs_mknod(dirfd, path.name, mode, dev_decode(dev));
}

SYSCALL_ALIAS(mknod, mknodat, AT_FDCWD, _1, _2, _3)

SYSCALL3(unlinkat, int, dirfd, const char __user *, uname, int, flags)
{
	USER_PATH(path, uname);

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	return path.err ?: vfs_unlink(dirfd, path.name, flags);
}

SYSCALL_ALIAS(unlink, unlinkat, AT_FDCWD, _1, 0)
SYSCALL_ALIAS(rmdir, unlinkat, AT_FDCWD, _1, AT_REMOVEDIR)

SYSCALL3(symlinkat, const char __user *, utarget, int, dirfd, const char __user *, uname)
{
	USER_PATH(target, utarget);
	USER_PATH(path, uname);

	return target.err ?: path.err ?: vfs_symlink(target.name, dirfd, path.name);
}

SYSCALL_ALIAS(symlink, symlinkat, _1, AT_FDCWD, _2)

SYSCALL5(linkat, int, odirfd, const char __user *, uold, int, ndirfd, const char __user *, unew,
	 int, flags)
{
	USER_PATH(old, uold);
	USER_PATH(new, unew);

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	return old.err ?: new.err ?: vfs_link(odirfd, old.name, ndirfd, new.name, flags);
}

SYSCALL_ALIAS(link, linkat, AT_FDCWD, _1, AT_FDCWD, _2, 0)

SYSCALL5(renameat2, int, odirfd, const char __user *, uold, int, ndirfd, const char __user *, unew,
	 unsigned int, flags)
{
	USER_PATH(old, uold);
	USER_PATH(new, unew);

	return old.err ?: new.err ?: vfs_rename(odirfd, old.name, ndirfd, new.name, flags);
}

SYSCALL_ALIAS(renameat, renameat2, _1, _2, _3, _4, 0)
SYSCALL_ALIAS(rename, renameat2, AT_FDCWD, _1, AT_FDCWD, _2, 0)

/* ---- list ---- */

/*
 * getdents64(2)'s record; the C library's dirent64 has the same layout. getdents(2)'s, which the sanitizers
 * of gcc and clang read, is as long: its name begins where the type is here, and its last byte is the type.
 */
struct dirent_k {
	u64 ino;
	s64 off; /* cookie of the next entry */
	u16 reclen;
	u8 type;
	char name[];
};

/*
 * Records are gathered and copied out some at a time. The offset of a record is known only with the
 * next one, so `last` stays open until then.
 */
struct getdents_context {
	struct dir_context ctx;
	char __user *buf; /* where the gathered ones go */
	size_t left; /* room behind them */
	size_t held;
	loff_t next; /* the cookie of what comes behind all that was copied out */
	struct dirent_k *last;
	int err;
	bool old; /* getdents(2) */
	char batch[1024] __attribute__((aligned(8)));
};

/* Copies out what is gathered; next: the cookie of what follows. False: -EFAULT, it is read again. */
static bool getdents_flush(struct getdents_context *g, loff_t next)
{
	if (!g->last)
		return true;
	g->last->off = next;
	if (copy_to_user(g->buf, g->batch, g->held)) {
		g->err = -EFAULT;
		g->left += g->held;
		g->ctx.pos = g->next;
		return false;
	}
	g->buf += g->held;
	g->held = 0;
	g->last = NULL;
	g->next = next;
	return true;
}

static bool getdents_emit(struct dir_context *ctx, const char *name, size_t len, u64 ino,
			  unsigned int dt_type)
{
	struct getdents_context *g = container_of(ctx, struct getdents_context, ctx);
	size_t head = offsetof(struct dirent_k, name);
	u16 reclen = ALIGN_UP(head + len + 1, sizeof(u64));
	struct dirent_k *d;

	if (reclen > g->left) {
		g->err = -EINVAL; /* counts when nothing was copied */
		return false;
	}
	if (g->held + reclen > sizeof(g->batch) && !getdents_flush(g, ctx->pos))
		return false;
	if (g->last)
		g->last->off = ctx->pos;
	d = g->last = (struct dirent_k *)(g->batch + g->held);
	((u64 *)d)[reclen / sizeof(u64) - 1] = 0; /* what the name does not fill */
	d->ino = ino;
	d->reclen = reclen;
	memcpy(g->old ? (char *)&d->type : d->name, name, len);
	*(g->old ? (u8 *)d + reclen - 1 : &d->type) = dt_type;
	g->held += reclen;
	g->left -= reclen;
	return true;
}

static long do_getdents(int fd, void __user *buf, unsigned int n, bool old)
{
	SCOPED_FILE(f, fd_get(fd));
	struct getdents_context g;
	int err;

	if (!f)
		return -EBADF;
	memset(&g, 0, offsetof(struct getdents_context, batch));
	g.ctx.emit = getdents_emit;
	g.buf = buf;
	g.left = n;
	g.old = old;
	g.next = f->pos;
	err = file_iterate(f, &g.ctx);
	if (!getdents_flush(&g, g.ctx.pos))
		file_llseek(f, g.next, SEEK_SET);
	return n - g.left ?: err ?: g.err;
}

SYSCALL3(getdents64, int, fd, void __user *, buf, unsigned int, n)
{
	return do_getdents(fd, buf, n, false);
}

SYSCALL3(getdents, int, fd, void __user *, buf, unsigned int, n)
{
	return do_getdents(fd, buf, n, true);
}

/* ---- where the process stands ---- */

static long change_place(const struct path *p, void (*set)(const struct path *))
{
	int err = inode_permission(p->dentry->inode, MAY_EXEC);

	if (!err && set == fs_set_root &&
	    !ns_capable(current->thread.cred->user_ns, CAP_SYS_CHROOT))
		err = -EPERM;
	if (!err)
		set(p);
	return err;
}

static long change_place_by_name(const char __user *uname, void (*set)(const struct path *))
{
	USER_PATH(path, uname);
	struct path p;
	long err =
		path.err ?: path_lookup(AT_FDCWD, path.name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = change_place(&p, set);
	path_put(&p);
	return err;
}

SYSCALL1(chdir, const char __user *, uname)
{
	return change_place_by_name(uname, fs_set_cwd);
}

SYSCALL1(fchdir, int, fd)
{
	SCOPED_FILE(f, fd_get_path(fd));

	if (!f)
		return -EBADF;
	if (!f->inode || (f->inode->mode & S_IFMT) != S_IFDIR)
		return -ENOTDIR;
	return change_place(&f->path, fs_set_cwd);
}

SYSCALL1(chroot, const char __user *, uname)
{
	return change_place_by_name(uname, fs_set_root);
}

SYSCALL2(getcwd, char __user *, ubuf, size_t, size)
{
	/* LAB 02: begin
	 * getcwd(2): the path of the working directory, with its NUL, to ubuf; returns the length with the
	 * NUL, which must not be more than size (-ERANGE). -ENOENT when the directory was removed: its dentry
	 * is unhashed. The pieces: fs_get_root() and fs_get_cwd() give a struct path each, with a reference;
	 * path_name_marked() writes the name of one as seen from the other into a buffer of PATH_MAX bytes (too
	 * large for the stack) and returns where in it the name begins, or an ERR_PTR. Whatever way the call
	 * ends, it has given back what it took.
	 * starter: pr_err("lab 02: getcwd() is not written yet");
	 * starter: return -ENOSYS;
	 */
	char *buf = kmalloc(PATH_MAX), *name;
	struct path root, cwd;
	long len;

	if (!buf)
		return -ENOMEM;
	fs_get_root(&root);
	fs_get_cwd(&cwd);
	if (cwd.dentry->unhashed) {
		len = -ENOENT;
		goto out;
	}
	name = path_name_marked(&cwd, &root, buf, PATH_MAX);
	if (IS_ERR(name)) {
		len = PTR_ERR(name);
		goto out;
	}
	len = strlen(name) + 1;
	if ((size_t)len > size)
		len = -ERANGE;
	else if (copy_to_user(ubuf, name, len))
		len = -EFAULT;
out:
	path_put(&cwd);
	path_put(&root);
	kfree(buf);
	return len;
	/* LAB 02: end */
}

SYSCALL1(umask, mode_t, mask)
{
	struct fs_context *fs = current->thread.fs;
	mode_t old;

	spin_lock(&fs->lock);
	old = fs->umask;
	fs->umask = mask & 0777;
	spin_unlock(&fs->lock);
	return old;
}
