/* SPDX-License-Identifier: MIT */
/* System V IPC (sysvipc(7)) and POSIX message queues (mq_overview(7)): the objects are proc/'s. */
#include "syscall/syscall.h"

#include <linux/mqueue.h>
#include <linux/sem.h>

SYSCALL_IS(shmget, do_ipc_get(IPC_SHM, _1, _2, _3))
SYSCALL_IS(semget, do_ipc_get(IPC_SEM, _1, (int)_2, _3))
SYSCALL_IS(msgget, do_ipc_get(IPC_MSG, _1, 0, _2))
SYSCALL_IS(shmat, do_shmat(_1, _2, _3))
SYSCALL_IS(shmdt, do_shmdt(_1))
SYSCALL_IS(shmctl, do_shmctl(_1, _2, (void __user *)_3))
SYSCALL_IS(semctl, do_semctl(_1, _2, _3, _4))
SYSCALL_IS(msgsnd, do_msgsnd(_1, (const void __user *)_2, _3, _4))
SYSCALL_IS(msgrcv, do_msgrcv(_1, (void __user *)_2, _3, _4, _5))
SYSCALL_IS(msgctl, do_msgctl(_1, _2, (void __user *)_3))

SYSCALL4(semtimedop, int, id, const struct sembuf __user *, uops, unsigned int, n,
	 const struct __kernel_timespec __user *, uts)
{
	struct __kernel_timespec ts = { 0 };
	struct sembuf small[4], *ops = small;
	u64 ns = 0;
	long err;

	if (uts && get_user(ts, uts))
		return -EFAULT;
	if (n > semop_max())
		return -E2BIG;
	if (!n)
		return -EINVAL;
	if (n > ARRAY_SIZE(small))
		ops = kmalloc(n * sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	err = copy_from_user(ops, uops, n * sizeof(*ops)) ?: timespec_to_ns(&ts, &ns);
	if (!err)
		err = do_semop(id, ops, n, uts ? deadline_after(ns) : ~0UL);
	if (ops != small)
		kfree(ops);
	return err;
}

SYSCALL_ALIAS(semop, semtimedop, _1, _2, _3)

/* ---- message queues of POSIX ---- */

SYSCALL4(mq_open, const char __user *, uname, int, flags, mode_t, mode,
	 const struct mq_attr __user *, uattr)
{
	struct mq_attr attr;
	USER_PATH(name, uname);

	if (uattr && get_user(attr, uattr))
		return -EFAULT;
	return name.err ?: do_mq_open(name.name, flags, mode, uattr ? &attr : NULL);
}

SYSCALL1(mq_unlink, const char __user *, uname)
{
	USER_PATH(name, uname);

	return name.err ?: do_mq_unlink(name.name);
}

/* When the wall's clock shows *uts, as a deadline; NULL: never. */
static int mq_deadline(const struct __kernel_timespec __user *uts, u64 *deadline)
{
	u64 ns;

	*deadline = ~0UL;
	return !uts ? 0 : user_timespec(&ns, uts) ?: clock_deadline(CLOCK_REALTIME, true, ns, deadline);
}

SYSCALL5(mq_timedsend, int, fd, const void __user *, text, size_t, size, unsigned int, prio,
	 const struct __kernel_timespec __user *, uts)
{
	u64 deadline;

	return mq_deadline(uts, &deadline) ?: do_mq_send(fd, text, size, prio, deadline);
}

SYSCALL5(mq_timedreceive, int, fd, void __user *, text, size_t, size, unsigned int __user *, uprio,
	 const struct __kernel_timespec __user *, uts)
{
	u64 deadline;

	return mq_deadline(uts, &deadline) ?: do_mq_receive(fd, text, size, uprio, deadline);
}

SYSCALL2(mq_notify, int, fd, const struct sigevent __user *, uev)
{
	struct sigevent ev;

	return uev && get_user(ev, uev) ? -EFAULT : do_mq_notify(fd, uev ? &ev : NULL);
}

SYSCALL3(mq_getsetattr, int, fd, const struct mq_attr __user *, unew, struct mq_attr __user *, uold)
{
	struct mq_attr new, old;
	int err;

	if (unew && get_user(new, unew))
		return -EFAULT;
	err = do_mq_getsetattr(fd, unew ? &new : NULL, &old);
	return err ?: uold ? put_user(old, uold) : 0;
}
