/* SPDX-License-Identifier: MIT */
/*
 * The set of namespaces a task lives in, and the first instance of each kind that proc/ owns. An
 * nsproxy is constant while shared. unshare(2) and setns(2) begin here; what new namespaces are
 * made of, and who may, is the container layer's business.
 */
#include "proc/internal.h"

#include <linux/capability.h>

#define CLONE_NS_FLAGS                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

static const struct ns_ops init_uts_ns_ops = { .name = "uts", .clone_flag = CLONE_NEWUTS };
static const struct ns_ops init_time_ns_ops = { .name = "time", .clone_flag = CLONE_NEWTIME };
struct time_ns init_time_ns = { .frozen = true };
static const struct ns_ops init_ipc_ns_ops = { .name = "ipc", .clone_flag = CLONE_NEWIPC };
struct ipc_ns init_ipc_ns;
struct uts_ns init_uts_ns = { .hostname = "(none)", .domainname = "(none)" };
struct nsproxy init_nsproxy;

/* A /sys shows the network devices of one namespace: whoever owns that may mount it. */
static struct user_ns *sys_owner(void)
{
	return current->ns->net ? current->ns->net->owner : &init_user_ns;
}

void nsproxy_init(void)
{
	sysfs_type.owner = sys_owner;
	ns_init(&init_uts_ns.ns, &init_uts_ns_ops, &init_user_ns, 0xeffffffe);
	init_mnt_ns.ns.owner = &init_user_ns; /* fs/ could not name it */
	ns_get(&init_user_ns.ns);
	ref_init(&init_nsproxy.refs);
	init_nsproxy.uts = &init_uts_ns;
	init_nsproxy.mnt = &init_mnt_ns;
	init_nsproxy.pid_for_children = &init_pid_ns;
	/* These first instances are never freed; each has one reference of its own. */
	ns_get(&init_uts_ns.ns);
	ns_get(&init_mnt_ns.ns);
	ns_get(&init_pid_ns.ns);
	ipc_ns_setup(&init_ipc_ns);
	ns_init(&init_ipc_ns.ns, &init_ipc_ns_ops, &init_user_ns, 0xefffffff);
	init_nsproxy.ipc = &init_ipc_ns.ns;
	ns_init(&init_time_ns.ns, &init_time_ns_ops, &init_user_ns, 0xeffffffa);
	ns_get(&init_time_ns.ns);
	init_nsproxy.time = init_nsproxy.time_for_children = &init_time_ns.ns;
}

static struct ns_common **kinds(struct nsproxy *p, unsigned int i)
{
	struct ns_common **const at[] = { &p->net, &p->ipc, &p->cgroup, &p->time,
					  &p->time_for_children };

	return i < ARRAY_SIZE(at) ? at[i] : NULL;
}

void nsproxy_put(struct nsproxy *p)
{
	struct ns_common **ns;

	if (!p || !ref_put(&p->refs))
		return;
	ns_put(&p->uts->ns);
	ns_put(&p->mnt->ns);
	ns_put(&p->pid_for_children->ns);
	for (unsigned int i = 0; (ns = kinds(p, i)); i++)
		ns_put(*ns);
	kfree(p);
}

struct nsproxy *nsproxy_copy(const struct nsproxy *old)
{
	struct nsproxy *p = kmemdup(old, sizeof(*old));
	struct ns_common **ns;

	if (!p)
		return NULL;
	ref_init(&p->refs);
	ns_get(&p->uts->ns);
	ns_get(&p->mnt->ns);
	ns_get(&p->pid_for_children->ns);
	for (unsigned int i = 0; (ns = kinds(p, i)); i++)
		if (*ns)
			ns_get(*ns);
	return p;
}

int nsproxy_enter_time(struct nsproxy **nsp)
{
	struct ns_common *time = (*nsp)->time_for_children;
	struct nsproxy *ns;

	if ((*nsp)->time == time)
		return 0;
	ns = nsproxy_copy(*nsp);
	if (!ns)
		return -ENOMEM;
	ns_get(time);
	ns_put(ns->time);
	ns->time = time;
	WRITE_ONCE(container_of(time, struct time_ns, ns)->frozen, true);
	nsproxy_put(*nsp);
	*nsp = ns;
	return 0;
}

void task_ns_install(struct nsproxy *ns)
{
	struct task *t = current;
	struct nsproxy *old = t->ns;

	spin_lock(&t->proc->siglock);
	t->ns = ns;
	spin_unlock(&t->proc->siglock);
	nsproxy_put(old);
}

/* unshare(2)'s rules about flags that need each other. */
static int unshare_flags(u64 *flags)
{
	struct task *t = current;

	if (*flags & CLONE_NEWUSER)
		*flags |= CLONE_THREAD | CLONE_FS;
	if (*flags & CLONE_NEWPID)
		*flags |= CLONE_THREAD;
	if (*flags & CLONE_VM)
		*flags |= CLONE_SIGHAND;
	if (*flags & CLONE_SIGHAND)
		*flags |= CLONE_THREAD;
	if (*flags & CLONE_NEWNS)
		*flags |= CLONE_FS;
	if (*flags & ~(u64)(CLONE_NS_FLAGS | CLONE_THREAD | CLONE_FS | CLONE_VM | CLONE_SIGHAND |
			    CLONE_FILES | CLONE_SYSVSEM))
		return -EINVAL;
	if ((*flags & CLONE_NS_FLAGS) && !layer.make_ns)
		return -EINVAL;
	if ((*flags & (CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)) && t->proc->nr_live > 1)
		return -EINVAL;
	if ((*flags & CLONE_SIGHAND) && ref_read(&t->sighand->refs) > 1)
		return -EINVAL;
	if ((*flags & CLONE_VM) && ref_read(&t->thread.mm->users) > 1)
		return -EINVAL;
	return 0;
}

int do_unshare(u64 flags)
{
	struct task *t = current;
	struct fs_context *fs = t->thread.fs, *new_fs = NULL;
	struct files *files = NULL;
	struct nsproxy *ns = t->ns;
	const struct cred *cred = t->thread.cred;
	int err = unshare_flags(&flags);

	if (err)
		return err;
	if ((flags & CLONE_FS) && ref_read(&fs->refs) > 1) {
		fs = new_fs = fs_context_copy(fs);
		if (!fs)
			return -ENOMEM;
	}
	if ((flags & CLONE_FILES) && ref_read(&t->thread.files->refs) > 1) {
		files = files_copy(t->thread.files);
		if (!files) {
			err = -ENOMEM;
			goto out;
		}
	}
	nsproxy_get(ns);
	cred_get(cred);
	if (flags & CLONE_NS_FLAGS) {
		err = layer.make_ns(flags & CLONE_NS_FLAGS, &ns, &cred, fs);
		if (err) {
			nsproxy_put(ns);
			cred_put(cred);
			goto out;
		}
	}
	if (flags & (CLONE_NEWIPC | CLONE_SYSVSEM))
		sem_undo_leave(t);
	task_ns_install(ns);
	cred_install((struct cred *)cred);
	spin_lock(&t->proc->siglock);
	if (new_fs) {
		new_fs = t->thread.fs;
		t->thread.fs = fs;
	}
	if (files) {
		struct files *old = t->thread.files;

		t->thread.files = files;
		files = old;
	}
	spin_unlock(&t->proc->siglock);
out: /* what was replaced, or the copies that are not needed after all */
	if (files)
		files_put(files);
	if (new_fs)
		fs_context_put(new_fs);
	return err;
}

/* setns(2) with a pidfd: all the kinds that flags name, as that process has them, or none. */
static int enter_all(struct pid *pid, int flags)
{
	static const struct {
		int flag;
		const char *name;
	} order[] = {
		/* user first: it gives the right to enter the rest */
		{ CLONE_NEWUSER, "user" }, { CLONE_NEWNS, "mnt" },    { CLONE_NEWUTS, "uts" },
		{ CLONE_NEWIPC, "ipc" },   { CLONE_NEWPID, "pid" },   { CLONE_NEWCGROUP, "cgroup" },
		{ CLONE_NEWNET, "net" },   { CLONE_NEWTIME, "time" },
	};
	struct ns_common *targets[ARRAY_SIZE(order)];
	struct task *t = pid_task(pid, PID_PROCESS);
	struct nsproxy *living = t ? task_ns_get(t) : NULL; /* not of a zombie */
	int err = !living ? -ESRCH : ptrace_may_access(t, false) ? 0 : -EPERM;
	unsigned int n = 0;

	nsproxy_put(living);
	for (int i = 0; !err && i < ARRAY_SIZE(order); i++) {
		if (!(flags & order[i].flag))
			continue;
		targets[n] = layer.task_ns(t, order[i].name);
		if (targets[n])
			n++;
		else
			err = -ESRCH; /* it has ended since */
	}
	err = err ?: layer.enter_ns(targets, n, current);
	while (n)
		ns_put(targets[--n]);
	task_put(t);
	return err;
}

int do_setns(int fd, int flags)
{
	struct file *f = fd_get(fd);
	struct ns_common *ns;
	struct pid *pid;
	int err = -EINVAL;

	if (!f)
		return -EBADF;
	ns = layer.file_ns ? layer.file_ns(f) : NULL;
	if (ns) {
		if (!flags || flags == (int)ns->ops->clone_flag)
			err = layer.enter_ns(&ns, 1, current);
	} else if (layer.enter_ns && layer.task_ns && flags && !(flags & ~CLONE_NS_FLAGS)) {
		pid = pidfd_pid(fd);
		if (!IS_ERR(pid)) {
			err = enter_all(pid, flags);
			pid_put(pid);
		}
	}
	file_put(f);
	return err;
}

/* ---- names of the system ---- */

static int set_name(char *to, const char *name, size_t n)
{
	struct uts_ns *uts = current->ns->uts;

	if (!ns_capable(uts->ns.owner, CAP_SYS_ADMIN))
		return -EPERM;
	if (n > 64)
		return -EINVAL;
	spin_lock(&uts->lock);
	memset(to, 0, 65);
	memcpy(to, name, n);
	spin_unlock(&uts->lock);
	return 0;
}

int do_sethostname(const char *name, size_t n)
{
	return set_name(current->ns->uts->hostname, name, n);
}

int do_setdomainname(const char *name, size_t n)
{
	return set_name(current->ns->uts->domainname, name, n);
}

/* The name is Linux's, because programs look at it; the release says what it really is. */
void do_uname(struct new_utsname *u)
{
	struct uts_ns *uts = current->ns->uts;

	memset(u, 0, sizeof(*u));
	strscpy(u->sysname, "Linux", sizeof(u->sysname));
	strscpy(u->release, UTS_RELEASE, sizeof(u->release));
	strscpy(u->version, UTS_VERSION, sizeof(u->version));
	strscpy(u->machine, "x86_64", sizeof(u->machine));
	spin_lock(&uts->lock);
	memcpy(u->nodename, uts->hostname, sizeof(u->nodename));
	memcpy(u->domainname, uts->domainname, sizeof(u->domainname));
	spin_unlock(&uts->lock);
}
