/* SPDX-License-Identifier: MIT */
/* The machine as a whole: its name, memory, log, randomness, and its end. */
#include "syscall/syscall.h"

#include <linux/capability.h>
#include <linux/personality.h>
#include <linux/random.h>
#include <linux/reboot.h>

SYSCALL1(uname, struct new_utsname __user *, uname)
{
	struct new_utsname u = { 0 };

	do_uname(&u);
	if ((current->personality & PER_MASK) == PER_LINUX32)
		strscpy(u.machine, "i686", sizeof(u.machine));
	return put_user(u, uname);
}

SYSCALL1(sysinfo, struct sysinfo __user *, usi)
{
	struct sysinfo si = { 0 };

	do_sysinfo(&si);
	return put_user(si, usi);
}

SYSCALL3(getrandom, char __user *, ubuf, size_t, n, unsigned int, flags)
{
	/* LAB 02: begin
	 * getrandom(2): n random bytes to ubuf; returns how many. -EINVAL for a flag other than GRND_NONBLOCK,
	 * GRND_RANDOM and GRND_INSECURE, or for the last two together. No more than 0x1ffffff bytes a call.
	 * n is the program's to choose, a kernel stack is small: random_bytes() fills a buffer of 256 bytes,
	 * and each is copied out before the next. When a copy fails, what was given out before counts:
	 * the call returns that, and -EFAULT only when it is nothing.
	 * A call that goes on for long must stop when its thread has a signal (thread_interrupted(), once a
	 * page is done) and let others run (cond_resched()).
	 * starter: pr_err("lab 02: getrandom() is not written yet");
	 * starter: return -ENOSYS;
	 */
	u8 buf[256];
	size_t done = 0;

	if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
	    (flags & GRND_RANDOM && flags & GRND_INSECURE))
		return -EINVAL;
	n = min(n, 0x1ffffffUL); /* random(4): the most that one call gives */
	while (done < n) {
		size_t part = min(n - done, sizeof(buf));

		random_bytes(buf, part);
		if (copy_to_user(ubuf + done, buf, part))
			return done ? (long)done : -EFAULT;
		done += part;
		if (done >= PAGE_SIZE && thread_interrupted())
			break;
		cond_resched();
	}
	return done;
	/* LAB 02: end */
}

/* ---- syslog(2): actions have numbers only, they are in no uapi header ---- */
enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_SIZE_UNREAD,
	SYSLOG_SIZE_BUFFER,
};

static u64 syslog_next; /* READ's place */
static u64 syslog_clear; /* what CLEAR hides from READ_ALL */

/* Copies log text from *pos on. Bytes, or -EFAULT. */
static long syslog_copy(u64 *pos, char __user *ubuf, size_t n)
{
	char buf[256];
	size_t done = 0, got;

	while (done < n && (got = klog_read(pos, buf, min(n - done, sizeof(buf))))) {
		if (copy_to_user(ubuf + done, buf, got))
			return -EFAULT;
		done += got;
	}
	return done;
}

/*
 * Waits for text. printk() may run anywhere, with any lock held, so it wakes nobody: the reader
 * looks ten times a second.
 */
static long syslog_wait(void)
{
	struct waitq never;

	waitq_init(&never);
	while (syslog_next == klog_end()) {
		int err = wait_event_until(&never, false, clock_ns() + 100 * NSEC_PER_MSEC);

		if (err == -ERESTARTSYS)
			return err;
	}
	return 0;
}

SYSCALL3(syslog, int, action, char __user *, ubuf, int, n)
{
	u64 pos;
	long ret;

	if (action != SYSLOG_READ_ALL && action != SYSLOG_SIZE_BUFFER && !capable(CAP_SYSLOG) &&
	    !capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (action < SYSLOG_CLOSE || action > SYSLOG_SIZE_BUFFER)
		return -EINVAL;
	if (action >= SYSLOG_READ && action <= SYSLOG_READ_CLEAR && (!ubuf || n < 0))
		return -EINVAL;
	switch (action) {
	case SYSLOG_READ:
		if (!n)
			return 0;
		return syslog_wait() ?: syslog_copy(&syslog_next, ubuf, n);
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
		/* The last n bytes. */
		pos = max(max(klog_begin(), syslog_clear), klog_end() - min(klog_end(), (u64)n));
		ret = syslog_copy(&pos, ubuf, n);
		if (action == SYSLOG_READ_CLEAR && ret >= 0)
			syslog_clear = pos;
		return ret;
	case SYSLOG_CLEAR:
		syslog_clear = klog_end();
		return 0;
	case SYSLOG_CONSOLE_LEVEL:
		return n < 1 || n > 8 ? -EINVAL : 0;
	case SYSLOG_SIZE_UNREAD:
		return klog_end() - max(syslog_next, klog_begin());
	case SYSLOG_SIZE_BUFFER:
		return klog_end() - klog_begin();
	}
	return 0;
}

/* ---- the end ---- */

/* "exit=N": the status the machine ends with, for emulators; see machine_exit(). */
static long restart_with(const char __user *uarg)
{
	char *arg = user_string(uarg, 256);
	u64 status;
	long err = -EINVAL;

	if (IS_ERR_OR_NULL(arg))
		return arg ? PTR_ERR(arg) : -EFAULT;
	if (!strncmp(arg, "exit=", 5))
		err = parse_u64(arg + 5, 10, &status);
	kfree(arg);
	if (err)
		machine_reboot();
	machine_exit(status & 0xff);
}

/* In a pid namespace the call ends the namespace, not the machine (pid_namespaces(7)). */
static long reboot_pid_ns(struct pid_ns *ns, unsigned int cmd)
{
	int sig;

	switch (cmd) {
	case LINUX_REBOOT_CMD_RESTART:
	case LINUX_REBOOT_CMD_RESTART2:
		sig = SIGHUP;
		break;
	case LINUX_REBOOT_CMD_HALT:
	case LINUX_REBOOT_CMD_POWER_OFF:
		sig = SIGINT;
		break;
	default:
		return -EINVAL;
	}
	if (ns->init && ns->init->proc != current->proc) {
		send_signal_process(SIGKILL, NULL, ns->init);
		do_exit(0);
	}
	do_group_exit(sig);
}

SYSCALL4(reboot, unsigned int, magic1, unsigned int, magic2, unsigned int, cmd, const char __user *,
	 uarg)
{
	struct pid_ns *ns = task_pid_ns(current);

	if (!ns_capable(ns->ns.owner, CAP_SYS_BOOT))
		return -EPERM;
	if (magic1 != LINUX_REBOOT_MAGIC1 ||
	    (magic2 != LINUX_REBOOT_MAGIC2 && magic2 != LINUX_REBOOT_MAGIC2A &&
	     magic2 != LINUX_REBOOT_MAGIC2B && magic2 != LINUX_REBOOT_MAGIC2C))
		return -EINVAL;
	if (ns != &init_pid_ns)
		return reboot_pid_ns(ns, cmd);
	switch (cmd) {
	case LINUX_REBOOT_CMD_CAD_ON:
	case LINUX_REBOOT_CMD_CAD_OFF:
		return 0; /* Ctrl-Alt-Del is a key like others here */
	case LINUX_REBOOT_CMD_POWER_OFF:
	case LINUX_REBOOT_CMD_HALT:
		machine_exit(0);
	case LINUX_REBOOT_CMD_RESTART:
		machine_reboot();
	case LINUX_REBOOT_CMD_RESTART2:
		return restart_with(uarg);
	}
	return -EINVAL;
}

/* ---- small things ---- */

#define PER_QUERY 0xffffffffU
SYSCALL1(personality, unsigned int, persona)
{
	u32 old = current->personality;

	if (persona != PER_QUERY)
		current->personality = persona;
	return old;
}
