/* SPDX-License-Identifier: MIT */
/*
 * What the three kinds of System V IPC have in common (ipc.c) for shm.c, sem.c and msg.c. Each object
 * begins with a struct ipc_object. Whoever has a namespace's lock may look at any object in its tables;
 * nobody else may, but for the areas that map a segment (shm.c). User memory is copied without the lock:
 * a fault takes mm->lock, inside which the lock is taken.
 */
#pragma once
#include "proc/internal.h"

#include <linux/capability.h>
#include <linux/ipc.h>

#define S_IRUGO 0444
#define S_IWUGO 0222
#define S_IXUGO 0111

struct ipc_object {
	struct ipc_ns *ns; /* without a reference */
	int id;
	int key;
	u64 size; /* bytes of a segment, semaphores of a set */
	uid_t uid, cuid;
	gid_t gid, cgid;
	mode_t mode; /* the permissions, and SHM_DEST, SHM_LOCKED */
	u64 ctime; /* these times are seconds since 1970 */
};

/* What a kind of object is made of. All with the namespace's lock held, but free(). */
struct ipc_ops {
	enum ipc_limit max; /* how many there may be */
	struct ipc_object *(*make)(struct ipc_ns *ns, int key, u64 size, int flags); /* ERR_PTR */
	/* It has an id now (add), or goes and wakes those who wait for it. May be NULL. */
	void (*added)(struct ipc_object *o, bool add);
	void (*free)(struct ipc_object *o); /* out of the table, no lock held */
	void (*show)(struct strbuf *out,
		     struct ipc_object *o); /* what is its own in /proc/sysvipc */
};
extern const struct ipc_ops sem_ops, msg_ops, shm_ops;

static inline struct ipc_ns *current_ipc(void)
{
	return container_of(current->ns->ipc, struct ipc_ns, ns);
}
static inline u64 ipc_now(void)
{
	return clock_wall_ns() / NSEC_PER_SEC;
}

/* Which object a control call means, and what it takes to have it. */
enum ipc_want { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY, IPC_OWNED };
/* The object of an id (or index). Lock held. ERR_PTR: -EINVAL, -EACCES, -EPERM */
struct ipc_object *ipc_find(struct ipc_ns *ns, enum ipc_kind kind, int id);
struct ipc_object *ipc_find_for(struct ipc_ns *ns, enum ipc_kind kind, int id, enum ipc_want want);
int ipc_permitted(const struct ipc_object *o, int mode); /* S_IRUGO, S_IWUGO ...: 0, -EACCES */
void ipc_remove(enum ipc_kind kind, struct ipc_object *o); /* out of the table; lock held */
/* The same with the control call IPC_RMID, whole: lock not held. */
long ipc_rmid(enum ipc_kind kind, int id);
int ipc_max_index(struct ipc_ns *ns, enum ipc_kind kind); /* 0 when there is none */
struct ipc64_perm ipc_perm_of(const struct ipc_object *o);
int ipc_set_perm(struct ipc_object *o, const struct ipc64_perm *perm); /* -EINVAL: ids unmapped */

void mqueue_ns_end(struct ipc_ns *ns); /* mqueue.c: queues that are open or mounted stay */
void ipc_show_ids(struct strbuf *out, const struct ipc_object *o); /* four of a line's columns */

/* "Who did it last": a struct pid with a reference. */
void ipc_stamp(struct pid **who);
pid_t ipc_pid(const struct pid *who); /* as the caller sees it; 0: nobody */

/* A sleeper, on a list of its object's. Lock held in both; ipc_sleep() lets it go meanwhile. */
#define IPC_WAITS 1
struct ipc_wait {
	struct list_head link;
	struct waitq wq;
	int status; /* IPC_WAITS, or how it ended */
};
/* The status it was woken with; -EINTR, -ETIMEDOUT at deadline (clock_ns()). */
int ipc_sleep(struct ipc_ns *ns, struct ipc_wait *w, struct list_head *on, u64 deadline);
void ipc_wake(struct ipc_wait *w, int status);
void ipc_wake_all(struct list_head *on, int status);
