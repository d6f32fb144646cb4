/* SPDX-License-Identifier: MIT */
/* System V IPC (sysvipc(7)) and POSIX message queues (mq_overview(7)): the objects are proc/'s. */
#include "syscall/syscall.h"

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
