/* SPDX-License-Identifier: MIT */
/*
 * Inodes, the table of file system types, and instances of them (supers). An inode lives while
 * something refers to it: names, open files, the file system itself. Nothing finds inodes by
 * number here: a file system that must (EROFS) keeps its own table.
 *
 * fs_types_lock guards the list of types. Read next: dentry.c.
 */
#include "fs/internal.h"

#include <linux/bpf.h>

bool (*fs_ns_capable)(struct user_ns *ns, int cap);
bool (*fs_ids_mapped)(struct user_ns *ns, uid_t uid, gid_t gid);
static int everything_allowed(bool block, dev_t dev, u32 access)
{
	return 0;
}
int (*fs_device_allowed)(bool block, dev_t dev, u32 access) = everything_allowed;
void (*fs_cred_put)(const struct cred *cred);

static struct kmem_cache *inode_cache;
static spinlock_t fs_types_lock;
static struct list_head fs_types = LIST_INIT(fs_types);
static u32 next_dev;

s64 fs_now(void)
{
	return clock_wall_ns();
}

/* ---- permissions ---- */

static bool cred_capable(struct user_ns *ns, int cap)
{
	const struct cred *c = current_thread()->cred;

	if (!c) /* the boot thread before proc/ is up, kernel threads */
		return true;
	if (fs_ns_capable)
		return fs_ns_capable(ns, cap);
	return c->cap_effective & BIT(cap);
}

bool fs_capable(int cap)
{
	return cred_capable(NULL, cap);
}

static struct user_ns *type_owner(const struct fs_type *t)
{
	const struct cred *c = current_thread()->cred;

	return t->owner ? t->owner() : c ? c->user_ns : NULL;
}

bool fs_type_may_mount(const struct fs_type *t)
{
	return cred_capable(t->userns_mount ? type_owner(t) : NULL, CAP_SYS_ADMIN);
}

bool super_capable(const struct super *sb, int cap)
{
	return cred_capable(sb->user_ns, cap);
}

bool inode_capable(const struct inode *inode, int cap)
{
	const struct cred *c = current_thread()->cred;

	if (!c)
		return true;
	if (fs_ids_mapped && !fs_ids_mapped(c->user_ns, inode->uid, inode->gid))
		return false;
	return cred_capable(c->user_ns, cap);
}

bool in_group(const struct cred *c, gid_t gid)
{
	if (c->fsgid == gid)
		return true;
	for (u32 i = 0; c->groups && i < c->groups->n; i++)
		if (c->groups->gids[i] == gid)
			return true;
	return false;
}

static int mode_permission(struct inode *inode, int may)
{
	const struct cred *c = current_thread()->cred;
	mode_t mode = READ_ONCE(inode->mode);
	unsigned int bits;

	if (inode->ops && inode->ops->permission)
		return inode->ops->permission(inode, may);
	if (!c)
		return 0;
	if (c->fsuid == inode->uid)
		bits = mode >> 6;
	else if (in_group(c, inode->gid))
		bits = mode >> 3;
	else
		bits = mode;
	if (!(may & ~bits & 7))
		return 0;
	if (S_ISDIR(mode)) {
		if (!(may & MAY_WRITE) && inode_capable(inode, CAP_DAC_READ_SEARCH))
			return 0;
		return inode_capable(inode, CAP_DAC_OVERRIDE) ? 0 : -EACCES;
	}
	if (may == MAY_READ && inode_capable(inode, CAP_DAC_READ_SEARCH))
		return 0;
	/* Root executes only what somebody may execute (capabilities(7)). */
	if ((!(may & MAY_EXEC) || mode & 0111) && inode_capable(inode, CAP_DAC_OVERRIDE))
		return 0;
	return -EACCES;
}

int inode_permission(struct inode *inode, int may)
{
	int err = mode_permission(inode, may);

	if (err || likely(!inode->rdev)) /* no device, or a whiteout */
		return err;
	return fs_device_allowed(S_ISBLK(inode->mode), inode->rdev,
				 (may & MAY_READ ? BPF_DEVCG_ACC_READ : 0) |
					 (may & MAY_WRITE ? BPF_DEVCG_ACC_WRITE : 0));
}

bool inode_owner_or_capable(const struct inode *inode)
{
	const struct cred *c = current_thread()->cred;

	return !c || c->fsuid == inode->uid || inode_capable(inode, CAP_FOWNER);
}

/* ---- inodes ---- */

struct inode *inode_new(struct super *sb, mode_t mode)
{
	const struct cred *c = current_thread()->cred;
	struct inode *i;

	if (!inode_cache)
		inode_cache = kmem_cache_create("inode", sizeof(struct inode), false);
	i = kmem_cache_zalloc(sb->inode_cache ?: inode_cache);
	if (!i)
		return NULL;
	ref_init(&i->refs);
	i->ino = __atomic_add_fetch(&sb->next_ino, 1, __ATOMIC_RELAXED);
	i->sb = sb;
	mutex_init(&i->lock);
	i->mode = mode;
	i->nlink = 1;
	if (c) {
		i->uid = c->fsuid;
		i->gid = c->fsgid;
	}
	i->atime_ns = i->mtime_ns = i->ctime_ns = fs_now();
	mapping_init(&i->mapping, NULL, i);
	return i;
}

struct inode *inode_new_in(struct super *sb, const struct inode *dir, mode_t mode)
{
	struct inode *i = inode_new(sb, mode);

	if (i && dir && dir->mode & S_ISGID) {
		i->gid = dir->gid;
		if (S_ISDIR(mode))
			i->mode |= S_ISGID;
	}
	return i;
}

void inode_put(struct inode *i)
{
	struct super *sb;

	if (!i || !ref_put(&i->refs))
		return;
	sb = i->sb;
	if (sb->ops && sb->ops->evict)
		sb->ops->evict(i);
	else
		pseudo_evict(i);
	mapping_free(&i->mapping);
	locks_free(i);
	kmem_cache_free(sb->inode_cache ?: inode_cache, i);
}

/* Linux's "huge" encoding in stat(2) and mknod(2): minor in bits 0-7 and 20-43, major 8-19. */
u64 dev_encode(dev_t d)
{
	u64 ma = MAJOR(d), mi = MINOR(d);

	return (mi & 0xff) | (ma & 0xfff) << 8 | (mi & ~0xffUL) << 12 | (ma & ~0xfffUL) << 32;
}

dev_t dev_decode(u64 v)
{
	return MKDEV((v >> 8) & 0xfff, (v & 0xff) | ((v >> 12) & 0xfff00));
}

struct frame *inode_page(struct inode *inode, u64 index, bool create)
{
	if (create && inode->ops && inode->ops->get_page)
		return inode->ops->get_page(inode, index);
	return mapping_get(&inode->mapping, index, create);
}

void inode_zero(struct inode *inode, u64 from, u64 to)
{
	struct frame *f =
		from < to ? mapping_get(&inode->mapping, from >> PAGE_SHIFT, false) : NULL;

	if (IS_ERR_OR_NULL(f))
		return;
	memset((char *)frame_va(f) + (from & ~PAGE_MASK), 0, to - from);
	frame_put(f);
}

void inode_truncate_pages(struct inode *inode, u64 size)
{
	if (size <= inode->size) { /* what fallocate(2) put behind it goes as well */
		inode->size = size;
		inode_zero(inode, size, ALIGN_UP(size, PAGE_SIZE));
		mapping_truncate(&inode->mapping, DIV_ROUND_UP(size, PAGE_SIZE));
	}
	inode->size = size;
	inode_touch(inode);
}

/* ---- types and instances ---- */

void fs_register(struct fs_type *type)
{
	spin_lock(&fs_types_lock);
	list_add_tail(&type->link, &fs_types);
	spin_unlock(&fs_types_lock);
}

struct fs_type *fs_type_find(const char *name)
{
	struct fs_type *t, *found = NULL;

	spin_lock(&fs_types_lock);
	list_for_each(t, &fs_types, link)
		if (*t->name == *name && !strcmp(t->name, name)) {
			found = t;
			break;
		}
	spin_unlock(&fs_types_lock);
	return found;
}

void fs_types_show(struct strbuf *out)
{
	struct fs_type *t;

	spin_lock(&fs_types_lock);
	list_for_each(t, &fs_types, link)
		sb_printf(out, "%s\t%s\n", t->nodev ? "nodev" : "", t->name);
	spin_unlock(&fs_types_lock);
}

struct super *super_new(const struct fs_type *type, unsigned long flags)
{
	struct super *sb = kzalloc(sizeof(*sb));

	if (!sb)
		return NULL;
	ref_init(&sb->refs);
	mutex_init(&sb->rename_lock);
	sb->type = type;
	sb->flags = flags & SUPER_FLAGS;
	sb->dev = __atomic_add_fetch(&next_dev, 1, __ATOMIC_RELAXED);
	sb->user_ns = type_owner(type);
	if (sb->user_ns)
		ns_get((struct ns_common *)sb->user_ns);
	sb->no_devices = !user_ns_is_first(sb->user_ns);
	list_init(&sb->mounts);
	sb->charge = mem_payer_of(sb);
	return sb;
}

struct super *super_get(struct fs_type *type, const char *source, unsigned long flags,
			const char *data)
{
	int err = type->options ? type->options(data) : 0;
	struct super *sb = type->existing && !err ? type->existing(source) : NULL;

	if (err)
		return ERR_PTR(err);
	if (sb)
		return sb;
	sb = super_new(type, flags);
	if (!sb)
		return ERR_PTR(-ENOMEM);
	sb->source = source ? kstrdup(source) : NULL;
	err = source && !sb->source ? -ENOMEM : type->fill(sb, source, flags, data);
	LOCKDEP_CLASS_AT(&sb->rename_lock, "rename_lock",
			 sb->depth); /* an overlay's is the outer one */
	if (err) {
		super_put(sb);
		return ERR_PTR(err);
	}
	return sb;
}

void super_put(struct super *sb)
{
	if (!ref_put(&sb->refs))
		return;
	if (sb->root)
		d_kill_tree(sb->root);
	if (sb->ops && sb->ops->put_super)
		sb->ops->put_super(sb);
	ns_put((struct ns_common *)sb->user_ns);
	kfree(sb->source);
	kfree(sb);
}

char *fs_next_option(char **opts, char **value)
{
	char *opt = *opts, *end;

	*value = NULL;
	while (opt && *opt == ',')
		opt++;
	if (!opt || !*opt)
		return NULL;
	end = strchr(opt, ',');
	if (end)
		*end++ = '\0';
	*opts = end;
	*value = strchr(opt, '=');
	if (*value)
		*(*value)++ = '\0';
	return opt;
}
