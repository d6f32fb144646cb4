/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables. files->lock guards the arrays; a file found there is returned with a reference
 * of its own, so closing in one thread does not take it from another. The table grows by doubling,
 * never shrinks, and a copy is only as large as the highest descriptor in use asks for.
 */
#include "fs/internal.h"

#define FD_MIN 64U /* a multiple of 64: cloexec is in whole words */
#define FD_MAX 65536U

static int files_alloc(struct files *fs, unsigned int cap)
{
	fs->fd = kzalloc(cap * sizeof(*fs->fd));
	fs->cloexec = kzalloc(cap / 8);
	if (!fs->fd || !fs->cloexec) {
		kfree(fs->fd);
		kfree(fs->cloexec);
		return -ENOMEM;
	}
	fs->cap = cap;
	return 0;
}

static struct files *files_make(unsigned int cap)
{
	struct files *fs = kzalloc(sizeof(*fs));

	if (!fs)
		return NULL;
	ref_init(&fs->refs);
	spin_init(&fs->lock);
	if (files_alloc(fs, cap)) {
		kfree(fs);
		return NULL;
	}
	return fs;
}

struct files *files_new(void)
{
	return files_make(FD_MIN);
}

/* How large a table must be to hold all that is open; files->lock held. */
static unsigned int files_need(struct files *fs)
{
	unsigned int cap = FD_MIN;

	while (fs->top && !fs->fd[fs->top - 1])
		fs->top--;
	while (cap < fs->top)
		cap *= 2;
	return cap;
}

struct files *files_copy(struct files *old)
{
	struct files *fs;
	unsigned int cap;

	spin_lock(&old->lock);
	cap = files_need(old);
	spin_unlock(&old->lock);
	for (;;) {
		unsigned int need;

		fs = files_make(cap);
		if (!fs)
			return NULL;
		spin_lock(&old->lock);
		need = files_need(old);
		if (need <= cap)
			break;
		spin_unlock(&old->lock);
		files_put(fs);
		cap = need;
	}
	fs->top = old->top;
	for (unsigned int i = 0; i < fs->top; i++) {
		fs->fd[i] = old->fd[i];
		if (fs->fd[i])
			file_get(fs->fd[i]);
	}
	memcpy(fs->cloexec, old->cloexec, min(cap, old->cap) / 8);
	fs->next = min(old->next, cap);
	spin_unlock(&old->lock);
	return fs;
}

/* What close(2) does to a file on top of dropping it. */
void files_close(struct files *fs, struct file *f)
{
	if (f->ops->flush)
		f->ops->flush(f);
	file_locks_release(f, fs);
	file_put(f);
}

void files_put(struct files *fs)
{
	if (!fs || !ref_put(&fs->refs))
		return;
	for (unsigned int i = 0; i < fs->top; i++)
		if (fs->fd[i])
			files_close(fs, fs->fd[i]);
	kfree(fs->fd);
	kfree(fs->cloexec);
	kfree(fs);
}

struct file *files_get(struct files *fs, int fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if ((unsigned int)fd < fs->cap) {
		f = fs->fd[fd];
		if (f)
			file_get(f);
	}
	spin_unlock(&fs->lock);
	return f;
}

struct file *fd_get_path(int fd)
{
	struct files *fs = current_thread()->files;

	return fs ? files_get(fs, fd) : NULL;
}

struct file *fd_get(int fd)
{
	struct file *f = fd_get_path(fd);

	if (f && f->flags & O_PATH) {
		file_put(f);
		return NULL;
	}
	return f;
}

/* Makes room for descriptor fd. Lock held, dropped meanwhile. */
static int files_grow(struct files *fs, unsigned int fd)
{
	struct files bigger = { 0 };
	unsigned int cap = FD_MIN;

	while (cap <= fd)
		cap *= 2;
	while (fs->cap <= fd) {
		spin_unlock(&fs->lock);
		if (files_alloc(&bigger, cap)) {
			spin_lock(&fs->lock);
			return -ENOMEM;
		}
		spin_lock(&fs->lock);
		if (fs->cap < cap) {
			struct file **old_fd = fs->fd;
			u64 *old_bits = fs->cloexec;

			memcpy(bigger.fd, old_fd, fs->cap * sizeof(*old_fd));
			memcpy(bigger.cloexec, old_bits, fs->cap / 8);
			fs->fd = bigger.fd;
			fs->cloexec = bigger.cloexec;
			fs->cap = cap;
			bigger.fd = old_fd;
			bigger.cloexec = old_bits;
		}
		kfree(bigger.fd);
		kfree(bigger.cloexec);
	}
	return 0;
}

static void set_cloexec(struct files *fs, unsigned int fd, bool on)
{
	if (on)
		fs->cloexec[fd / 64] |= BIT(fd % 64);
	else
		fs->cloexec[fd / 64] &= ~BIT(fd % 64);
}

static void put(struct files *fs, unsigned int fd, struct file *f, bool cloexec)
{
	fs->fd[fd] = f;
	fs->top = max(fs->top, fd + 1);
	set_cloexec(fs, fd, cloexec);
}

static unsigned int lowest_free(const struct files *fs, unsigned int fd)
{
	fd = max(fd, fs->next);
	while (fd < fs->cap && fs->fd[fd])
		fd++;
	return fd;
}

int fd_check(void)
{
	struct files *fs = current_thread()->files;
	unsigned int fd;

	spin_lock(&fs->lock);
	fd = lowest_free(fs, 0);
	spin_unlock(&fs->lock);
	return fd < min(thread_rlimit(RLIMIT_NOFILE), (u64)FD_MAX) ? 0 : -EMFILE;
}

int files_install(struct files *fs, u64 limit, struct file *f, unsigned int min_fd, bool cloexec)
{
	unsigned int fd;
	int err;

	if (IS_ERR(f))
		return PTR_ERR(f);
	limit = min(limit, (u64)FD_MAX);
	if (min_fd && min_fd >= limit) { /* F_DUPFD */
		file_put(f);
		return -EINVAL;
	}
	spin_lock(&fs->lock);
	for (;;) {
		fd = lowest_free(fs, min_fd);
		if (fd >= limit) {
			err = -EMFILE;
			goto out;
		}
		if (fd < fs->cap)
			break;
		err = files_grow(fs, fd);
		if (err)
			goto out;
	}
	put(fs, fd, f, cloexec);
	if (min_fd <= fs->next)
		fs->next = fd + 1;
	err = fd;
out:
	spin_unlock(&fs->lock);
	if (err < 0)
		file_put(f);
	return err;
}

int fd_install(struct file *f, unsigned int min_fd, bool cloexec)
{
	return files_install(current_thread()->files, thread_rlimit(RLIMIT_NOFILE), f, min_fd,
			     cloexec);
}

/* Takes fd out of the table: its file, or NULL. */
static struct file *fd_take(struct files *fs, int fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if ((unsigned int)fd < fs->cap) {
		f = fs->fd[fd];
		fs->fd[fd] = NULL;
		if (f && fd < fs->next)
			fs->next = fd;
	}
	spin_unlock(&fs->lock);
	return f;
}

int fd_close(int fd)
{
	struct files *fs = current_thread()->files;
	struct file *f = fd_take(fs, fd);

	if (!f)
		return -EBADF;
	files_close(fs, f);
	return 0;
}

int files_install_at(struct files *fs, u64 limit, struct file *f, int fd, bool cloexec,
		     struct file **before)
{
	int err = -EBADF;

	spin_lock(&fs->lock);
	if ((unsigned int)fd < min(limit, (u64)FD_MAX))
		err = files_grow(fs, fd);
	if (!err) {
		*before = fs->fd[fd];
		put(fs, fd, f, cloexec);
		err = fd;
	}
	spin_unlock(&fs->lock);
	if (err < 0)
		file_put(f);
	return err;
}

int fd_dup_at(int old, int new, bool cloexec)
{
	struct files *fs = current_thread()->files;
	struct file *f, *before = NULL;
	int err;

	if (old == new)
		return -EINVAL;
	f = fd_get_path(old);
	if (!f)
		return -EBADF;
	err = files_install_at(fs, thread_rlimit(RLIMIT_NOFILE), f, new, cloexec, &before);
	if (before)
		files_close(fs, before);
	return err;
}

void fd_close_on_exec(void)
{
	struct files *fs = current_thread()->files;

	for (unsigned int w = 0; w < READ_ONCE(fs->cap) / 64; w++) {
		spin_lock(&fs->lock);
		u64 bits = fs->cloexec[w];
		fs->cloexec[w] = 0;
		spin_unlock(&fs->lock);
		for (; bits; bits &= bits - 1)
			fd_close(w * 64 + __builtin_ctzl(bits));
	}
}

int fd_get_cloexec(int fd)
{
	struct files *fs = current_thread()->files;
	int on = -EBADF;

	spin_lock(&fs->lock);
	if ((unsigned int)fd < fs->cap && fs->fd[fd])
		on = fs->cloexec[fd / 64] >> (fd % 64) & 1;
	spin_unlock(&fs->lock);
	return on;
}

int fd_set_cloexec(int fd, bool on)
{
	struct files *fs = current_thread()->files;
	int err = -EBADF;

	spin_lock(&fs->lock);
	if ((unsigned int)fd < fs->cap && fs->fd[fd]) {
		set_cloexec(fs, fd, on);
		err = 0;
	}
	spin_unlock(&fs->lock);
	return err;
}

int fd_next(struct files *fs, int from)
{
	int found = -1;

	if (from < 0)
		from = 0;
	spin_lock(&fs->lock);
	for (unsigned int fd = from; fd < fs->top && found < 0; fd++)
		if (fs->fd[fd])
			found = fd;
	spin_unlock(&fs->lock);
	return found;
}
