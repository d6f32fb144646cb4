/* SPDX-License-Identifier: MIT */
/*
 * futex(2): sleeping on a word of user memory. Sleepers hang in hashed buckets by the word's key:
 * the space and address when only this process can see it, else the page-cache page behind it. A
 * sleeper compares the word with its bucket locked, and so does whoever changes it and then wakes:
 * none of the two can be missed. With the bucket locked a fault cannot be mended; then the lock is
 * dropped, the page brought in, and all begins again.
 */
#include "proc/internal.h"

#include <linux/futex.h>

#define BUCKETS 256
#define ROBUST_LIST_LIMIT 2048 /* entries walked at exit, against circles (get_robust_list(2)) */

struct futex_key {
	u64 object, offset; /* mm and address | kind, or mapping and byte in the file | kind */
};
struct bucket {
	spinlock_t lock;
	struct list_head waiters;
};
struct waiter {
	struct list_head link; /* guarded by bucket's lock */
	struct futex_key key;
	u32 bitset;
	struct bucket *bucket; /* where it is queued; NULL once woken */
	struct thread *thread;
};

static struct bucket buckets[BUCKETS];

/* An address is a multiple of 4, so the low bits tell the kinds apart: they never wake each other. */
enum { KEY_PRIVATE, KEY_FILE, KEY_OWN_PAGE /* shared by the flag only: the page is no file's */ };

static int get_key(u32 __user *uaddr, bool private, struct futex_key *key)
{
	struct mm *mm = current_thread()->mm;
	u64 addr = (u64)uaddr;
	struct frame *f;

	if (addr % 4)
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	key->object = (u64)mm;
	key->offset = addr | KEY_PRIVATE;
	if (private)
		return 0;
	key->offset = addr | KEY_OWN_PAGE;
	f = mm_get_frame(mm, addr, true);
	if (IS_ERR(f))
		f = mm_get_frame(mm, addr, false); /* a read-only mapping can be waited on, too */
	if (IS_ERR(f))
		return -EFAULT;
	if (f->kind == FRAME_CACHE && f->mapping) {
		key->object = (u64)f->mapping;
		key->offset = (f->index << PAGE_SHIFT) | addr % PAGE_SIZE | KEY_FILE;
	}
	frame_put(f);
	return 0;
}

static struct bucket *bucket_of(const struct futex_key *k)
{
	u64 h = (k->object ^ k->offset * 0x9e3779b97f4a7c15UL) * 0xbf58476d1ce4e5b9UL;
	struct bucket *b = &buckets[h >> 56];

	LOCKDEP_CLASS(&b->lock, "futex bucket"); /* all are one class */
	if (unlikely(!b->waiters.next)) { /* first use */
		spin_lock(&b->lock);
		if (!b->waiters.next)
			list_init(&b->waiters);
		spin_unlock(&b->lock);
	}
	return b;
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->object == b->object && a->offset == b->offset;
}

/* Bucket locked. The waiter may be gone as soon as it sees bucket NULL: that comes last. */
static void wake_waiter(struct waiter *w)
{
	list_del(&w->link);
	thread_wake(w->thread);
	__atomic_store_n(&w->bucket, NULL, __ATOMIC_RELEASE);
}

static int wake_key(const struct futex_key *key, int nr, u32 bitset)
{
	struct bucket *b = bucket_of(key);
	struct waiter *w, *next;
	int n = 0;

	if (list_empty(&b->waiters) && nr) {
		/* The waker changed the word before it looks here; a sleeper does it the other way. */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		if (list_empty(&b->waiters) && !READ_ONCE(b->lock.locked))
			return 0;
	}
	/* LAB 04: begin
	 * Wakes up to nr of the waiters in b->waiters, the first ones first, with b->lock held: those that wait
	 * for the same() key and have a bit of bitset in their own. The bucket has waiters for other words, too.
	 * wake_waiter() takes one off the list, and it may be gone then: list_for_each_safe().
	 * Returns how many were woken.
	 * starter: (void)w, (void)next, (void)n, (void)same, (void)wake_waiter;
	 * starter: pr_err("lab 04: wake_key() is not written yet");
	 * starter: return 0;
	 */
	spin_lock(&b->lock);
	list_for_each_safe(w, next, &b->waiters, link) {
		if (n >= nr)
			break;
		if (!same(&w->key, key) || !(w->bitset & bitset))
			continue;
		wake_waiter(w);
		n++;
	}
	spin_unlock(&b->lock);
	return n;
	/* LAB 04: end */
}

int futex_wake(u32 __user *uaddr, int nr)
{
	struct futex_key key;
	int n, err = get_key(uaddr, true, &key);

	if (err)
		return err;
	n = wake_key(&key, nr, FUTEX_BITSET_MATCH_ANY);
	if (n < nr && !get_key(uaddr, false, &key))
		n += wake_key(&key, nr - n, FUTEX_BITSET_MATCH_ANY);
	return n;
}

/* ---- waiting ---- */

/* Locks the bucket that w is on (a requeue may have moved it). NULL: it has been woken. */
static struct bucket *lock_bucket_of(struct waiter *w)
{
	struct bucket *b;

	while ((b = __atomic_load_n(&w->bucket, __ATOMIC_ACQUIRE))) {
		spin_lock(&b->lock);
		if (w->bucket == b)
			return b;
		spin_unlock(&b->lock);
	}
	return NULL;
}

/* Queues w when *uaddr is val, ready to sleep: 0, -EAGAIN, -EFAULT. */
static int queue_if(struct waiter *w, u32 __user *uaddr, u32 val)
{
	struct bucket *b = bucket_of(&w->key);
	u32 now;

	/* LAB 04: begin
	 * With b->lock held, read the word: user_read32(uaddr, &now) is 0, or -EFAULT when its page is not
	 * there, for a fault cannot be mended now. Then unlock, read once more, which mends it (or fails for
	 * good: -EFAULT), and begin again: the word must be compared under the lock that a waker takes.
	 * If it is val, w goes to the end of b->waiters, w->bucket says where it is, and w->thread->state becomes
	 * THREAD_INTERRUPTIBLE (WRITE_ONCE), all before the unlock. 0; -EAGAIN when it is not val.
	 * starter: (void)b, (void)now;
	 * starter: pr_err("lab 04: queue_if() is not written yet");
	 * starter: return -ENOSYS;
	 */
	for (;;) {
		int err;

		spin_lock(&b->lock);
		err = user_read32(uaddr, &now);
		if (!err)
			break;
		spin_unlock(&b->lock);
		err = user_read32(uaddr, &now); /* brings the page in */
		if (err)
			return err;
	}
	if (now == val) {
		w->bucket = b;
		list_add_tail(&w->link, &b->waiters);
		WRITE_ONCE(w->thread->state, THREAD_INTERRUPTIBLE);
	}
	spin_unlock(&b->lock);
	return now == val ? 0 : -EAGAIN;
	/* LAB 04: end */
}

static long wait_on(u32 __user *uaddr, bool private, u32 val, u32 bitset, u64 deadline)
{
	struct waiter w = { .bitset = bitset, .thread = current_thread() };
	struct bucket *b;
	bool in_time;
	int err;

	if (!bitset)
		return -EINVAL;
	err = get_key(uaddr, private, &w.key);
	if (err)
		return err;
	err = queue_if(&w, uaddr, val);
	if (err)
		return err;
	for (;;) {
		in_time = schedule_until(deadline); /* at once when interrupted */
		b = lock_bucket_of(&w);
		if (!b)
			return 0;
		if (!in_time || thread_interrupted())
			break;
		WRITE_ONCE(w.thread->state, THREAD_INTERRUPTIBLE); /* it was not for us */
		spin_unlock(&b->lock);
	}
	list_del(&w.link);
	spin_unlock(&b->lock);
	return in_time ? -ERESTARTSYS : -ETIMEDOUT;
}

/* restart_arg: address, value, bitset and kind, deadline. */
static long wait_restart(struct task *t)
{
	u64 *a = t->restart_arg;
	long r = wait_on((u32 __user *)a[0], a[2] >> 32, a[1], a[2], a[3]);

	if (r != -ERESTARTSYS)
		return r;
	t->restart_fn = wait_restart;
	return -ERESTART_RESTARTBLOCK;
}

static long do_wait(u32 __user *uaddr, int op, u32 val, const struct __kernel_timespec *timeout,
		    u32 bitset)
{
	bool private = op & FUTEX_PRIVATE_FLAG, absolute = (op & FUTEX_CMD_MASK) != FUTEX_WAIT;
	struct task *t = current;
	u64 deadline = ~0UL, ns;
	int clock = op & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;

	if (!timeout)
		return wait_on(uaddr, private, val, bitset, deadline);
	if (timespec_to_ns(timeout, &ns) || clock_deadline(clock, absolute, ns, &deadline))
		return -EINVAL;
	t->restart_arg[0] = (u64)uaddr;
	t->restart_arg[1] = val;
	t->restart_arg[2] = (u64) private << 32 | bitset;
	t->restart_arg[3] = deadline;
	return wait_restart(t);
}

/* ---- many words: futex_waitv() ---- */

/* Has one been woken? One that is woken later, by who takes its bucket's lock after us, wakes the thread. */
static bool any_woken(struct waiter *w, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct bucket *b = lock_bucket_of(&w[i]);

		if (!b)
			return true;
		spin_unlock(&b->lock);
	}
	return false;
}

/* Takes all off their queues: the index of the last one that was woken before, -1. */
static int unqueue_all(struct waiter *w, unsigned int nr)
{
	int woken = -1;

	for (unsigned int i = 0; i < nr; i++) {
		struct bucket *b = lock_bucket_of(&w[i]);

		if (!b) {
			woken = i;
			continue;
		}
		list_del(&w[i].link);
		spin_unlock(&b->lock);
	}
	return woken;
}

static long wait_on_many(struct waiter *w, const struct futex_waitv *v, unsigned int nr,
			 u64 deadline)
{
	struct thread *t = current_thread();
	unsigned int queued;
	int err = 0, woken;

	for (unsigned int i = 0; i < nr; i++) {
		w[i].bitset = FUTEX_BITSET_MATCH_ANY;
		w[i].thread = t;
		err = get_key((u32 __user *)v[i].uaddr, v[i].flags & FUTEX_PRIVATE_FLAG, &w[i].key);
		if (err)
			return err;
	}
	for (queued = 0; queued < nr && !err; queued += !err)
		err = queue_if(&w[queued], (u32 __user *)v[queued].uaddr, v[queued].val);
	while (!err) {
		WRITE_ONCE(t->state, THREAD_INTERRUPTIBLE);
		if (any_woken(w, nr))
			break;
		if (!schedule_until(deadline))
			err = -ETIMEDOUT;
		else if (thread_interrupted())
			err = -ERESTARTSYS;
	}
	WRITE_ONCE(t->state, THREAD_RUNNABLE);
	woken = unqueue_all(w, queued);
	return woken >= 0 ? woken : err;
}

long do_futex_waitv(const struct futex_waitv *v, unsigned int nr,
		    const struct __kernel_timespec *timeout, int clock)
{
	u64 deadline = ~0UL, ns;
	struct waiter *w;
	long r;

	if (timeout && ((clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME) ||
			timespec_to_ns(timeout, &ns) || clock_deadline(clock, true, ns, &deadline)))
		return -EINVAL;
	for (unsigned int i = 0; i < nr; i++)
		if (v[i].flags & ~(FUTEX_32 | FUTEX_PRIVATE_FLAG) || v[i].__reserved ||
		    !(v[i].flags & FUTEX_32))
			return -EINVAL;
	w = kmalloc(nr * sizeof(*w));
	if (!w)
		return -ENOMEM;
	r = wait_on_many(w, v, nr, deadline);
	kfree(w);
	return r;
}

/* ---- two words ---- */

static void lock_two(struct bucket *a, struct bucket *b)
{
	spin_lock(&min(a, b)->lock);
	if (a != b)
		spin_lock_nested(&max(a, b)->lock, LOCK_SECOND);
}

static void unlock_two(struct bucket *a, struct bucket *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* FUTEX_REQUEUE, FUTEX_CMP_REQUEUE: wakes some, moves the rest to the second word. */
static long requeue(u32 __user *uaddr, bool private, int nr_wake, int nr_move, u32 __user *uaddr2,
		    bool compare, u32 val)
{
	struct futex_key k1, k2;
	struct bucket *b1, *b2;
	struct waiter *w, *next;
	int n = 0, err;
	u32 now;

	if (nr_wake < 0 || nr_move < 0)
		return -EINVAL;
	err = get_key(uaddr, private, &k1);
	if (!err)
		err = get_key(uaddr2, private, &k2);
	if (err)
		return err;
	b1 = bucket_of(&k1);
	b2 = bucket_of(&k2);
	for (;;) {
		lock_two(b1, b2);
		err = compare ? user_read32(uaddr, &now) : 0;
		if (!err)
			break;
		unlock_two(b1, b2);
		err = user_read32(uaddr, &now);
		if (err)
			return err;
	}
	if (compare && now != val) {
		unlock_two(b1, b2);
		return -EAGAIN;
	}
	list_for_each_safe(w, next, &b1->waiters, link) {
		if (!same(&w->key, &k1))
			continue;
		if (n < nr_wake) {
			wake_waiter(w);
		} else if (n - nr_wake < nr_move) {
			if (b1 != b2)
				list_move_tail(&w->link, &b2->waiters);
			w->key = k2;
			WRITE_ONCE(w->bucket, b2);
		} else {
			break;
		}
		n++;
	}
	unlock_two(b1, b2);
	return n;
}

/* What FUTEX_WAKE_OP's code makes of the value old: 0 or -ENOSYS. */
static int op_result(u32 code, u32 old, u32 *new)
{
	u32 arg = (s32)(code << 8) >> 20; /* 12 bits with a sign, as the comparison's below */
	unsigned int op = code >> 28 & 7;

	if (code & (u32)FUTEX_OP_OPARG_SHIFT << 28)
		arg = 1U << (arg & 31);
	const u32 results[] = {
		[FUTEX_OP_SET] = arg,         [FUTEX_OP_ADD] = old + arg, [FUTEX_OP_OR] = old | arg,
		[FUTEX_OP_ANDN] = old & ~arg, [FUTEX_OP_XOR] = old ^ arg,
	};

	if (op >= ARRAY_SIZE(results))
		return -ENOSYS;
	*new = results[op];
	return 0;
}

/* Is old what the code asks for? 1, 0 or -ENOSYS. */
static int op_compare(u32 code, s32 old)
{
	s32 arg = (s32)(code << 20) >> 20;
	const bool holds[] = {
		[FUTEX_OP_CMP_EQ] = old == arg,
		[FUTEX_OP_CMP_NE] = old != arg,
		[FUTEX_OP_CMP_LT] =
			old<arg, [FUTEX_OP_CMP_LE] = old <= arg, [FUTEX_OP_CMP_GT] = old> arg,
		[FUTEX_OP_CMP_GE] = old >= arg,
	};
	unsigned int cmp = code >> 24 & 15;

	return cmp < ARRAY_SIZE(holds) ? holds[cmp] : -ENOSYS;
}

/* FUTEX_WAKE_OP: changes the second word, wakes on the first and, if its old value was so, on both. */
static long wake_op(u32 __user *uaddr, bool private, int nr, int nr2, u32 __user *uaddr2, u32 code)
{
	struct futex_key k1, k2;
	u32 old, new, seen;
	int err = get_key(uaddr, private, &k1) ?: get_key(uaddr2, private, &k2), n;

	if (!err)
		err = user_read32(uaddr2, &old);
	while (!err && !(err = op_result(code, old, &new))) {
		err = user_cmpxchg32(uaddr2, old, new, &seen);
		if (err || seen == old)
			break;
		old = seen;
	}
	if (!err)
		err = op_compare(code, old);
	if (err < 0)
		return err;
	n = wake_key(&k1, max(nr, 1), FUTEX_BITSET_MATCH_ANY);
	return err ? n + wake_key(&k2, max(nr2, 1), FUTEX_BITSET_MATCH_ANY) : n;
}

long do_futex(u32 __user *uaddr, int op, u32 val, const struct __kernel_timespec *timeout, u32 val2,
	      u32 __user *uaddr2, u32 val3)
{
	bool private = op & FUTEX_PRIVATE_FLAG;
	int cmd = op & FUTEX_CMD_MASK, err;
	struct futex_key key;

	if ((op & FUTEX_CLOCK_REALTIME) && cmd != FUTEX_WAIT_BITSET)
		return -ENOSYS;
	switch (cmd) {
	case FUTEX_WAIT:
		return do_wait(uaddr, op, val, timeout, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAIT_BITSET:
		return do_wait(uaddr, op, val, timeout, val3);
	case FUTEX_WAKE:
		val3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAKE_BITSET:
		if (!val3)
			return -EINVAL;
		err = get_key(uaddr, private, &key);
		return err ? err : wake_key(&key, max((int)val, 1), val3);
	case FUTEX_REQUEUE:
		return requeue(uaddr, private, val, val2, uaddr2, false, 0);
	case FUTEX_CMP_REQUEUE:
		return requeue(uaddr, private, val, val2, uaddr2, true, val3);
	case FUTEX_WAKE_OP:
		return wake_op(uaddr, private, val, val2, uaddr2, val3);
	default:
		return -ENOSYS;
	}
}

/* ---- robust lists: set_robust_list(2) ---- */

/*
 * The owner died: marks the word and wakes one waiter. pending: it may have died just after it set
 * the word free and before it woke the next.
 */
static int owner_died(u32 __user *uaddr, u32 tid, bool pending)
{
	u32 old, seen;

	if ((u64)uaddr % 4 || user_read32(uaddr, &old))
		return -EFAULT;
	if (pending && !old)
		futex_wake(uaddr, 1);
	while ((old & FUTEX_TID_MASK) == tid) {
		if (user_cmpxchg32(uaddr, old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, &seen))
			return -EFAULT;
		if (seen == old) {
			if (old & FUTEX_WAITERS)
				futex_wake(uaddr, 1);
			break;
		}
		old = seen;
	}
	return 0;
}

void futex_exit_robust(struct task *t)
{
	struct robust_list_head __user *head = t->robust_list;
	u32 tid = task_tid_in(t, task_pid_ns(t));
	struct robust_list_head h;
	struct robust_list __user *e;

	t->robust_list = NULL;
	if (!head || get_user(h, head))
		return;
	e = h.list.next;
	for (int i = 0; i < ROBUST_LIST_LIMIT; i++) {
		struct robust_list __user *at = (void *)((u64)e & ~1UL); /* bit 0: a PI futex */
		struct robust_list next;

		if (at == &head->list)
			break;
		if (get_user(next, at))
			return;
		if (at != h.list_op_pending &&
		    owner_died((void __user *)((u64)at + h.futex_offset), tid, false))
			return;
		e = next.next;
		cond_resched();
	}
	if (h.list_op_pending)
		owner_died((void __user *)(((u64)h.list_op_pending & ~1UL) + h.futex_offset), tid,
			   true);
}
