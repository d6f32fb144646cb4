/* SPDX-License-Identifier: MIT */
/*
 * Advisory locks: flock(2) on a whole file, owned by the open file; fcntl(2)'s record locks, owned
 * by a process (its descriptor table) or, the F_OFD_ kinds, by the open file. The two families do
 * not see each other. An inode gets its struct file_locks with the first lock and keeps it.
 *
 * An owner's record locks stand side by side in the list, sorted by their start; they never overlap,
 * and neighbours of one kind are one lock. Allocation happens before anything is changed, so a change
 * never fails half way. file_locks->lock guards an inode's list; all_lock, inside it, the list of all
 * locks (/proc/locks) and who waits for whom.
 */
#include "fs/internal.h"

#define LOCK_SH 1 /* flock(2) */
#define LOCK_EX 2
#define LOCK_NB 4
#define LOCK_UN 8
#define RANGE_END ((u64)~0UL >> 1)

struct file_lock {
	struct list_head link, all_link;
	const struct inode *inode;
	const void *owner;
	bool whole; /* flock's */
	bool write;
	u64 start, end; /* both included */
	pid_t pid; /* in the first pid namespace; -1: an open file's */
	struct res_counter *charge;
};
struct file_locks {
	spinlock_t lock;
	struct list_head held;
	struct waitq wait;
};
/* A process that waits for another's record lock: what deadlocks are found by. */
struct lock_waiter {
	struct list_head link;
	const void *owner, *holder;
};
static spinlock_t all_lock;
static struct list_head all_locks = LIST_INIT(all_locks);
static struct list_head waiters = LIST_INIT(waiters);

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

/* l comes into its inode's list before next, or leaves it; the list's lock is held. */
static void lock_insert(struct file_lock *l, struct list_head *next)
{
	list_add_tail(&l->link, next);
	spin_lock(&all_lock);
	list_add_tail(&l->all_link, &all_locks);
	spin_unlock(&all_lock);
}

static void lock_remove(struct file_lock *l)
{
	list_del(&l->link);
	spin_lock(&all_lock);
	list_del(&l->all_link);
	spin_unlock(&all_lock);
	kfree(l);
}

void locks_free(struct inode *inode)
{
	struct file_lock *l, *tmp;

	if (likely(!inode->locks))
		return;
	list_for_each_safe(l, tmp, &inode->locks->held, link)
		lock_remove(l);
	kfree(inode->locks);
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

/* Who holds the lock that stands against want; NULL: nobody. */
static const void *holder_now(struct file_locks *ls, const struct file_lock *want)
{
	struct file_lock *l;
	const void *who;

	spin_lock(&ls->lock);
	l = conflict(ls, want);
	who = l ? l->owner : NULL;
	spin_unlock(&ls->lock);
	return who;
}

/*
 * Takes add's range away from its owner's other locks, and what touches it and is of its kind into it;
 * a lock that is cut in two needs *spare for its second part. Then add is one of the list, or, to
 * unlock, freed.
 */
static void apply(struct file_locks *ls, struct file_lock *add, bool unlock,
		  struct file_lock **spare)
{
	struct list_head *at = NULL;
	struct file_lock *l, *tmp;

	list_for_each_safe(l, tmp, &ls->held, link) {
		bool same = !unlock && l->write == add->write;

		if (l->whole != add->whole || l->owner != add->owner) {
			if (at && at == &l->link)
				break;
			continue;
		}
		at = l->link.next;
		if (l->end + same < add->start)
			continue;
		if (l->start > add->end + same) {
			at = &l->link;
			break;
		}
		if (same) {
			add->start = min(add->start, l->start);
			add->end = max(add->end, l->end);
			lock_remove(l);
		} else if (l->start < add->start && l->end > add->end) {
			struct file_lock *second = *spare;

			*spare = NULL;
			*second = *l;
			second->start = add->end + 1;
			l->end = add->start - 1;
			lock_insert(second, at);
			at = &second->link;
			break;
		} else if (l->start < add->start) {
			l->end = add->start - 1;
		} else if (l->end > add->end) {
			l->start = add->end + 1;
			at = &l->link;
			break;
		} else {
			lock_remove(l);
		}
	}
	if (unlock)
		kfree(add);
	else
		lock_insert(add, at ?: &ls->held);
}

/* w's owner is about to wait: -EDEADLK when its holder waits, by others maybe, for that owner. */
static int wait_begin(struct lock_waiter *w, const void *holder)
{
	const void *who = holder;
	struct lock_waiter *o;

	spin_lock(&all_lock);
	w->holder = holder;
	for (unsigned int n = 0; n < 10; n++) { /* a chain that is longer is not followed */
		const void *next = NULL;

		list_for_each(o, &waiters, link)
			if (o->owner == who)
				next = o->holder;
		who = next;
		if (!who || who == w->owner)
			break;
	}
	if (who != w->owner)
		list_add(&w->link, &waiters);
	spin_unlock(&all_lock);
	return who == w->owner ? -EDEADLK : 0;
}

static void wait_end(struct lock_waiter *w)
{
	spin_lock(&all_lock);
	list_del(&w->link);
	spin_unlock(&all_lock);
}

/* Sleeps until holder does not stand against want any more. process: deadlocks are looked for. */
static int lock_wait(struct file_locks *ls, const struct file_lock *want, const void *holder,
		     bool process)
{
	struct lock_waiter w = { .owner = want->owner };
	int err = process ? wait_begin(&w, holder) : 0;

	if (err)
		return err;
	err = wait_event(&ls->wait, holder_now(ls, want) != holder);
	if (process)
		wait_end(&w);
	return err;
}

/* Gets want (unlock: gives its range up). wait false: -EAGAIN instead of sleeping. */
static int lock_range(struct inode *inode, const struct file_lock *want, bool unlock, bool wait)
{
	struct file_locks *ls = locks_of(inode);
	struct file_lock *add = kmemdup(want, sizeof(struct file_lock)),
			 *spare = kmemdup(want, sizeof(struct file_lock)), *l;
	bool done = false;
	int err = !ls || !add || !spare ? -ENOMEM : 0;

	while (!err && !done) {
		const void *holder = NULL;

		spin_lock(&ls->lock);
		l = unlock ? NULL : conflict(ls, want);
		if (l) {
			holder = l->owner;
		} else {
			apply(ls, add, unlock, &spare);
			add = NULL;
			done = true;
		}
		spin_unlock(&ls->lock);
		if (!done)
			err = wait ? lock_wait(ls, want, holder, !want->whole && want->pid >= 0)
				   : -EAGAIN;
	}
	if (done)
		waitq_wake_all(&ls->wait, 0);
	kfree(add);
	kfree(spare);
	return err;
}

int file_flock(struct file *f, int op, pid_t pid)
{
	int type = op & ~LOCK_NB, err;
	struct file_lock want = {
		.owner = f, .whole = true, .end = RANGE_END, .write = type == LOCK_EX, .pid = pid
	};

	if (type != LOCK_UN && type != LOCK_EX && type != LOCK_SH)
		return -EINVAL;
	if (!f)
		return -EBADF;
	want.inode = f->inode;
	/* One that changes its kind is given up first (flock(2)): it may be lost on the way. */
	err = lock_range(f->inode, &want, true, false);
	if (err || type == LOCK_UN)
		return err;
	return lock_range(f->inode, &want, false, !(op & LOCK_NB));
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
	struct file_lock want = { .inode = f->inode, .pid = ofd ? -1 : fl->l_pid };
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
		if (l->owner == who)
			lock_remove(l);
	spin_unlock(&ls->lock);
	waitq_wake_all(&ls->wait, 0);
}

void file_locks_show(struct strbuf *out, pid_t (*shown)(pid_t pid))
{
	struct file_lock *l;
	int n = 0;

	spin_lock(&all_lock);
	list_for_each(l, &all_locks, all_link) {
		pid_t pid = l->pid < 0 ? l->pid : shown(l->pid);

		n++;
		if (!pid || out->failed)
			continue;
		sb_printf(out, "%d: %s  ADVISORY  %s %d %02x:%02x:%llu %llu ", n,
			  l->whole  ? "FLOCK"
			  : pid < 0 ? "OFDLCK"
				    : "POSIX",
			  l->write ? "WRITE" : "READ ", pid, 0, l->inode->sb->dev,
			  (unsigned long long)l->inode->ino, (unsigned long long)l->start);
		if (l->end == RANGE_END)
			sb_printf(out, "EOF\n");
		else
			sb_printf(out, "%llu\n", (unsigned long long)l->end);
	}
	spin_unlock(&all_lock);
}
