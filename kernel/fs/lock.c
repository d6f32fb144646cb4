/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: flock(2) on a whole file, owned by the open file; fcntl(2)'s record locks, owned
 * by a process (its descriptor table) or, the F_OFD_ kinds, by the open file. The two families do
 * not see each other. An inode gets its struct file_locks with the first lock and keeps it.
 *
 * file_locks->lock guards the list. Allocation happens before it is taken, so a change never fails
 * half way.
 */
#include "fs/internal.h"

#define LOCK_SH 1 /* flock(2) */
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
#define RANGE_END ((u64)~0UL >> 1)

struct file_lock {
	struct list_head link;
	const void *owner;
	bool whole; /* flock's */
	bool write;
	u64 start, end; /* both included */
	pid_t pid;
};
struct file_locks {
	spinlock_t lock;
	struct list_head held;
	struct waitq wait;
};

static struct file_locks *locks_of(struct inode *inode)
{
	struct file_locks *l = __atomic_load_n(&inode->locks, __ATOMIC_ACQUIRE), *none = NULL;

	if (l)
		return l;
	l = kzalloc(sizeof(*l));
	if (!l)
		return NULL;
	spin_init(&l->lock);
	list_init(&l->held);
	waitq_init(&l->wait);
	if (!__atomic_compare_exchange_n(&inode->locks, &none, l, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE)) {
		kfree(l);
		l = none;
	}
	return l;
}

void locks_free(struct inode *inode)
{
	kfree(inode->locks); /* empty: the files that held locks are gone */
}

/* The first lock of somebody else that stands against want. */
static struct file_lock *conflict(struct file_locks *ls, const struct file_lock *want)
{
	struct file_lock *l;

	list_for_each(l, &ls->held, link)
		if (l->whole == want->whole && l->owner != want->owner &&
		    (l->write || want->write) && l->start <= want->end && l->end >= want->start)
			return l;
	return NULL;
}

static bool conflict_now(struct file_locks *ls, const struct file_lock *want)
{
	bool yes;

	spin_lock(&ls->lock);
	yes = conflict(ls, want) != NULL;
	spin_unlock(&ls->lock);
	return yes;
}

/*
 * Takes want's range away from its owner's locks. A lock that is cut in two needs *spare for its
 * second part. Then, with add, want's range becomes want's own.
 */
static void apply(struct file_locks *ls, const struct file_lock *want, struct file_lock **add,
		  struct file_lock **spare)
{
	struct file_lock *l, *tmp;

	list_for_each_safe(l, tmp, &ls->held, link) {
		if (l->whole != want->whole || l->owner != want->owner || l->start > want->end ||
		    l->end < want->start)
			continue;
		if (l->start < want->start && l->end > want->end) {
			struct file_lock *second = *spare;

			*spare = NULL;
			*second = *l;
			second->start = want->end + 1;
			l->end = want->start - 1;
			list_add(&second->link, &l->link);
		} else if (l->start < want->start) {
			l->end = want->start - 1;
		} else if (l->end > want->end) {
			l->start = want->end + 1;
		} else {
			list_del(&l->link);
			kfree(l);
		}
	}
	if (add) {
		list_add_tail(&(*add)->link, &ls->held);
		*add = NULL;
	}
}

/* Gets want (unlock: gives its range up). wait false: -EAGAIN instead of sleeping. */
static int lock_range(struct inode *inode, const struct file_lock *want, bool unlock, bool wait)
{
	struct file_locks *ls = locks_of(inode);
	struct file_lock *add = kmemdup(want, sizeof(*want));
	struct file_lock *spare = kmalloc(sizeof(*spare));
	bool done = false;
	int err = 0;

	if (!ls || !add || !spare)
		err = -ENOMEM;
	while (!err && !done) {
		spin_lock(&ls->lock);
		if (unlock || !conflict(ls, want)) {
			apply(ls, want, unlock ? NULL : &add, &spare);
			done = true;
		}
		spin_unlock(&ls->lock);
		if (!done)
			err = wait ? wait_event(&ls->wait, !conflict_now(ls, want)) : -EAGAIN;
	}
	if (done)
		waitq_wake_all(&ls->wait, 0);
	kfree(add);
	kfree(spare);
	return err;
}

int file_flock(struct file *f, int op)
{
	int type = op & ~LOCK_NB;
	struct file_lock want = {
		.owner = f, .whole = true, .end = RANGE_END, .write = type == LOCK_EX
	};

	if (type != LOCK_UN && type != LOCK_EX && type != LOCK_SH)
		return -EINVAL;
	if (!f)
		return -EBADF;
	return lock_range(f->inode, &want, type == LOCK_UN, type != LOCK_UN && !(op & LOCK_NB));
}

/* struct flock's range as [start, end]; -EINVAL, -EOVERFLOW as fcntl(2) says. */
static int flock_range(struct file *f, const struct flock *fl, struct file_lock *l)
{
	s64 start = fl->l_start, len = fl->l_len;

	if (fl->l_whence == SEEK_CUR)
		start += f->pos;
	else if (fl->l_whence == SEEK_END)
		start += f->inode->size;
	else if (fl->l_whence != SEEK_SET)
		return -EINVAL;
	if (len < 0) {
		start += len;
		len = -len;
	}
	if (start < 0)
		return -EINVAL;
	l->start = start;
	l->end = len ? (u64)start + len - 1 : RANGE_END;
	return l->end > RANGE_END ? -EOVERFLOW : 0;
}

static int get_conflict(struct file *f, const struct file_lock *want, struct flock *fl)
{
	struct file_locks *ls = locks_of(f->inode);
	struct file_lock *l;

	if (!ls)
		return -ENOMEM;
	spin_lock(&ls->lock);
	l = conflict(ls, want);
	if (l) {
		fl->l_type = l->write ? F_WRLCK : F_RDLCK;
		fl->l_whence = SEEK_SET;
		fl->l_start = l->start;
		fl->l_len = l->end == RANGE_END ? 0 : l->end - l->start + 1;
		fl->l_pid = l->pid;
	} else {
		fl->l_type = F_UNLCK;
	}
	spin_unlock(&ls->lock);
	return 0;
}

int file_lock(struct file *f, int cmd, struct flock *fl)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	struct file_lock want = { .pid = ofd ? -1 : fl->l_pid };
	int err;

	want.owner = ofd ? (void *)f : (void *)current_thread()->files;
	want.write = fl->l_type == F_WRLCK;
	if (fl->l_type != F_RDLCK && fl->l_type != F_WRLCK && fl->l_type != F_UNLCK)
		return -EINVAL;
	err = flock_range(f, fl, &want);
	if (err)
		return err;
	if (cmd == F_GETLK || cmd == F_OFD_GETLK)
		return fl->l_type == F_UNLCK ? -EINVAL : get_conflict(f, &want, fl);
	if ((fl->l_type == F_RDLCK && !f->can_read) || (fl->l_type == F_WRLCK && !f->can_write))
		return -EBADF;
	return lock_range(f->inode, &want, fl->l_type == F_UNLCK,
			  cmd == F_SETLKW || cmd == F_OFD_SETLKW);
}

void file_locks_release(struct file *f, struct files *owner)
{
	struct file_locks *ls = f->inode->locks;
	const void *who = owner ? (void *)owner : (void *)f;
	struct file_lock *l, *tmp;

	if (likely(!ls))
		return;
	spin_lock(&ls->lock);
	list_for_each_safe(l, tmp, &ls->held, link)
		if (l->owner == who) {
			list_del(&l->link);
			kfree(l);
		}
	spin_unlock(&ls->lock);
	waitq_wake_all(&ls->wait, 0);
}
