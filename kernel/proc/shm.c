/* SPDX-License-Identifier: MIT */
/*
 * System V shared memory (shmget(2), shmop(2), shmctl(2)): a segment is a tmpfs file without a name,
 * the same as MAP_SHARED | MAP_ANONYMOUS has. Each area that maps it counts as an attachment and holds
 * the namespace. A segment that is to go (SHM_DEST) goes with its last attachment.
 */
#include "proc/ipc.h"

#include <asm/shmbuf.h>
#include <linux/shm.h>

#define SHM_DEST 01000U /* bits of the mode that IPC_STAT shows (shmctl(2)); in no uapi header */
#define SHM_LOCKED 02000U

struct shm {
	struct ipc_object o;
	struct file *file; /* constant; its priv leads back here */
	u64 nattch;
	u64 atime, dtime;
	struct pid *creator, *last;
};

static struct shm *shm_of(struct ipc_object *o)
{
	return container_of(o, struct shm, o);
}

static u64 shm_pages(const struct ipc_object *o)
{
	return DIV_ROUND_UP(o->size, PAGE_SIZE);
}

static struct ipc_object *shm_make(struct ipc_ns *ns, int key, u64 size, int flags)
{
	u64 pages = size / PAGE_SIZE + !!(size & ~PAGE_MASK);
	char name[sizeof("/SYSV") + 8];
	struct shm *s;

	if (!size || size > ns->limit[SHM_MAX] || flags & SHM_HUGETLB)
		return ERR_PTR(-EINVAL);
	if (pages << PAGE_SHIFT < size || ns->shm_pages + pages > ns->limit[SHM_ALL])
		return ERR_PTR(-ENOSPC);
	if (!(flags & SHM_NORESERVE) && mm_too_much(size))
		return ERR_PTR(-ENOMEM);
	s = kzalloc(sizeof(*s));
	if (!s)
		return ERR_PTR(-ENOMEM);
	snprintf(name, sizeof(name), "/SYSV%08x", key);
	s->file = nameless_file(name, size);
	if (IS_ERR(s->file)) {
		struct file *err = s->file;

		kfree(s);
		return (struct ipc_object *)err;
	}
	s->file->priv = s;
	ipc_stamp(&s->creator);
	return &s->o;
}

static void shm_added(struct ipc_object *o, bool add)
{
	o->ns->shm_pages += add ? shm_pages(o) : -shm_pages(o);
	shm_of(o)->file->inode->ino = o->id; /* as /proc/N/maps shows it */
}

static void shm_free(struct ipc_object *o)
{
	struct shm *s = shm_of(o);

	file_put(s->file);
	pid_put(s->creator);
	pid_put(s->last);
	kfree(s);
}

static void shm_show(struct strbuf *out, struct ipc_object *o)
{
	struct shm *s = shm_of(o);
	typedef unsigned long long ull;

	sb_printf(out, "%21llu %5u %5u  %5llu", (ull)o->size, ipc_pid(s->creator), ipc_pid(s->last),
		  (ull)s->nattch);
	ipc_show_ids(out, o);
	sb_printf(out, " %10llu %10llu %10llu %21llu %21u\n", (ull)s->atime, (ull)s->dtime,
		  (ull)o->ctime, (ull)(s->file->inode->mapping.nr_pages * PAGE_SIZE), 0);
}

const struct ipc_ops shm_ops = {
	.max = SHM_MNI,
	.make = shm_make,
	.added = shm_added,
	.free = shm_free,
	.show = shm_show,
};

/* ---- attachments ---- */

/* One less; the last of a segment that is to go takes it along. The namespace's reference goes. */
static void shm_drop(struct shm *s)
{
	struct ipc_ns *ns = s->o.ns;
	bool last;

	mutex_lock(&ns->lock);
	last = !--s->nattch && s->o.mode & SHM_DEST;
	if (last)
		ipc_remove(IPC_SHM, &s->o);
	mutex_unlock(&ns->lock);
	if (last)
		shm_free(&s->o);
	ns_put(&ns->ns);
}

static void shm_vma_open(struct vma *vma)
{
	struct shm *s = vma->file->priv;

	file_vm_ops.open(vma);
	ns_get(&s->o.ns->ns);
	mutex_lock(&s->o.ns->lock);
	s->nattch++;
	s->atime = ipc_now();
	ipc_stamp(&s->last);
	mutex_unlock(&s->o.ns->lock);
}

static void shm_vma_close(struct vma *vma)
{
	struct shm *s = vma->file->priv;

	file_vm_ops.close(vma);
	mutex_lock(&s->o.ns->lock);
	s->dtime = ipc_now();
	ipc_stamp(&s->last);
	mutex_unlock(&s->o.ns->lock);
	shm_drop(s);
}

static struct frame *shm_vma_fault(struct vma *vma, u64 pgoff, bool write)
{
	return file_vm_ops.fault(vma, pgoff, write);
}

static const struct vm_ops shm_vm_ops = {
	.open = shm_vma_open,
	.close = shm_vma_close,
	.fault = shm_vma_fault,
};

/* The segment, held as by an attachment. ERR_PTR */
static struct shm *shm_hold(int id, int mode)
{
	struct ipc_ns *ns = current_ipc();
	struct ipc_object *o;
	int err = 0;

	mutex_lock(&ns->lock);
	o = ipc_find(ns, IPC_SHM, id);
	if (!IS_ERR(o))
		err = ipc_permitted(o, mode);
	if (!IS_ERR(o) && !err) {
		shm_of(o)->nattch++;
		ns_get(&ns->ns);
	}
	mutex_unlock(&ns->lock);
	return err ? ERR_PTR(err) : IS_ERR(o) ? (struct shm *)o : shm_of(o);
}

long do_shmat(int id, u64 addr, int flags)
{
	u32 vm = VM_READ | VM_SHARED | (flags & SHM_REMAP ? 0 : VM_NOREPLACE);
	int mode = S_IRUGO;
	struct shm *s;
	long ret;

	if (addr & ~PAGE_MASK && !(flags & SHM_RND))
		return -EINVAL;
	addr &= PAGE_MASK;
	if (id < 0 || (!addr && flags & SHM_REMAP))
		return -EINVAL;
	if (!(flags & SHM_RDONLY)) {
		vm |= VM_WRITE | VM_MAYWRITE;
		mode |= S_IWUGO;
	}
	if (flags & SHM_EXEC) {
		vm |= VM_EXEC;
		mode |= S_IXUGO;
	}
	s = shm_hold(id, mode);
	if (IS_ERR(s))
		return PTR_ERR(s);
	ret = mm_mmap(current_thread()->mm, addr, s->o.size, vm, addr, s->file, 0, &shm_vm_ops,
		      s->file->mapping);
	shm_drop(s);
	return ret == -EEXIST ? -EINVAL : ret;
}

/* The first area in [addr, end) that shows file (NULL: any segment) as one attached at base would. */
static struct vma *find_attached(struct mm *mm, u64 base, u64 addr, u64 end, struct file *file)
{
	struct vma *vma = mm_find_vma(mm, addr);

	while (vma && vma->start < end &&
	       (vma->ops != &shm_vm_ops || vma->start - base != vma->pgoff << PAGE_SHIFT ||
		(file && vma->file != file)))
		vma = vma_next(vma);
	return vma && vma->start < end ? vma : NULL;
}

long do_shmdt(u64 addr)
{
	struct mm *mm = current_thread()->mm;
	struct file *file = NULL;
	u64 from = addr, to = USER_END;
	int err = addr & ~PAGE_MASK || addr >= USER_END ? -EINVAL : 0;

	while (!err) {
		struct vma *vma;

		mutex_lock(&mm->lock);
		vma = find_attached(mm, addr, from, file ? addr + file->inode->size : to, file);
		if (vma && !file) {
			file = vma->file;
			file_get(file);
		}
		from = vma ? vma->start : 0;
		to = vma ? vma->end : 0;
		mutex_unlock(&mm->lock);
		if (!vma)
			break;
		err = mm_munmap(mm, from, to - from);
		from = to;
	}
	if (!err && !file)
		err = -EINVAL;
	if (file)
		file_put(file);
	return err;
}

/* ---- shmctl(2) ---- */

static long shm_info(struct ipc_ns *ns, int cmd, void __user *buf)
{
	struct shminfo64 limits = {
		.shmmax = ns->limit[SHM_MAX],
		.shmmin = SHMMIN,
		.shmmni = ns->limit[SHM_MNI],
		.shmseg = ns->limit[SHM_MNI],
		.shmall = ns->limit[SHM_ALL],
	};
	struct shm_info used = { 0 };
	struct ipc_object *o;
	long ret;

	mutex_lock(&ns->lock);
	used.used_ids = ns->table[IPC_SHM].in_use;
	used.shm_tot = ns->shm_pages;
	for (u64 at = 0; (o = radix_next(&ns->table[IPC_SHM].by_index.tree, &at)); at++)
		used.shm_rss += shm_of(o)->file->inode->mapping.nr_pages;
	ret = ipc_max_index(ns, IPC_SHM);
	mutex_unlock(&ns->lock);
	return (cmd == IPC_INFO ? copy_to_user(buf, &limits, sizeof(limits))
				: copy_to_user(buf, &used, sizeof(used)))
		       ?: ret;
}

static long shm_stat(struct ipc_ns *ns, int id, enum ipc_want want, struct shmid64_ds __user *buf)
{
	struct shmid64_ds ds;
	struct ipc_object *o;
	struct shm *s;

	mutex_lock(&ns->lock);
	o = ipc_find_for(ns, IPC_SHM, id, want);
	if (IS_ERR(o)) {
		mutex_unlock(&ns->lock);
		return PTR_ERR(o);
	}
	s = shm_of(o);
	ds = (struct shmid64_ds){
		.shm_perm = ipc_perm_of(o),
		.shm_segsz = o->size,
		.shm_atime = s->atime,
		.shm_dtime = s->dtime,
		.shm_ctime = o->ctime,
		.shm_cpid = ipc_pid(s->creator),
		.shm_lpid = ipc_pid(s->last),
		.shm_nattch = s->nattch,
	};
	id = want == IPC_BY_ID ? 0 : o->id;
	mutex_unlock(&ns->lock);
	return put_user(ds, buf) ?: id;
}

/* SHM_LOCK: nothing is ever swapped out anyway; what is left is who may, and the bit. */
static int shm_lock(struct ipc_object *o, bool lock)
{
	uid_t euid = current_thread()->cred->euid;

	if (!ns_capable(o->ns->ns.owner, CAP_IPC_LOCK)) {
		if (euid != o->uid && euid != o->cuid)
			return -EPERM;
		if (lock && !thread_rlimit(RLIMIT_MEMLOCK))
			return -EPERM;
	}
	o->mode = lock ? o->mode | SHM_LOCKED : o->mode & ~SHM_LOCKED;
	return 0;
}

/* IPC_RMID. A segment that is attached keeps its id for those who know it, and loses its key. */
static int shm_destroy(struct ipc_object *o, struct ipc_object **dead)
{
	if (!shm_of(o)->nattch) {
		ipc_remove(IPC_SHM, o);
		*dead = o;
		return 0;
	}
	o->mode |= SHM_DEST;
	if (o->key != IPC_PRIVATE)
		radix_erase(&o->ns->table[IPC_SHM].by_key, (u32)o->key);
	o->key = IPC_PRIVATE;
	return 0;
}

static long shm_change(struct ipc_ns *ns, int id, int cmd, const struct ipc64_perm *perm)
{
	bool lock = cmd == SHM_LOCK || cmd == SHM_UNLOCK;
	struct ipc_object *o, *dead = NULL;
	long err;

	mutex_lock(&ns->lock);
	o = lock ? ipc_find(ns, IPC_SHM, id) : ipc_find_for(ns, IPC_SHM, id, IPC_OWNED);
	err = IS_ERR(o)         ? PTR_ERR(o)
	      : lock            ? shm_lock(o, cmd == SHM_LOCK)
	      : cmd == IPC_RMID ? shm_destroy(o, &dead)
				: ipc_set_perm(o, perm);
	mutex_unlock(&ns->lock);
	if (dead)
		shm_free(dead);
	return err;
}

long do_shmctl(int id, int cmd, void __user *buf)
{
	struct ipc_ns *ns = current_ipc();
	struct shmid64_ds ds = { 0 };

	if (id < 0 || cmd < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
	case SHM_INFO:
		return shm_info(ns, cmd, buf);
	case IPC_STAT:
		return shm_stat(ns, id, IPC_BY_ID, buf);
	case SHM_STAT:
		return shm_stat(ns, id, IPC_BY_INDEX, buf);
	case SHM_STAT_ANY:
		return shm_stat(ns, id, IPC_BY_INDEX_ANY, buf);
	case IPC_SET:
		if (copy_from_user(&ds, buf, sizeof(ds)))
			return -EFAULT;
		/* fallthrough */
	case IPC_RMID:
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_change(ns, id, cmd, &ds.shm_perm);
	}
	return -EINVAL;
}
