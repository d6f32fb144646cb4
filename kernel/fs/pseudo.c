/* SPDX-License-Identifier: MIT */
/*
 * Pseudo files: regular files whose text a function makes when they are read and takes when they
 * are written (/proc, /sys, cgroup2). One open file sees one text: it is made at a read from the
 * start and kept until the next such read, so that short reads put together are consistent.
 */
#include "fs/internal.h"

#define WRITE_MAX 65536 /* the longest text one write(2) may carry */

struct pseudo_open { /* of an open file */
	struct mutex lock; /* guards the rest */
	struct strbuf text;
	bool made;
	u64 events; /* as of the text */
	void *opener; /* constant */
	void *priv; /* show's: the inode's, or of the file alone. Constant */
};
static const struct file_ops pseudo_fops;

static int pseudo_open(struct inode *inode, struct file *f)
{
	struct pseudo *p = inode->priv;
	struct pseudo_open *o;
	int err;

	/* of sysctl(8) and in /sys, what cannot be written refuses it at once, to root as well */
	if (!p->pf->write && (f->flags & O_ACCMODE) != O_RDONLY &&
	    (inode->sb->magic == SYSFS_MAGIC || !strncmp(p->pf->name, "sys/", 4)))
		return -EACCES;
	o = kzalloc(sizeof(*o));
	if (!o)
		return -ENOMEM;
	mutex_init(&o->lock);
	if (p->pf->wait)
		p->pf->wait(p->priv, &o->events);
	o->priv = p->priv;
	err = p->pf->open ? p->pf->open(p->priv, &o->priv) : 0;
	if (err) {
		kfree(o);
		return err;
	}
	if (p->pf->opened)
		o->opener = p->pf->opened();
	f->priv = o;
	return 0;
}

static void pseudo_release(struct file *f)
{
	const struct pseudo *p = f->inode->priv;
	struct pseudo_open *o = f->priv;

	if (o->opener)
		p->pf->closed(o->opener);
	if (p->pf->release)
		p->pf->release(o->priv);
	sb_free(&o->text);
	kfree(o);
}

static int pseudo_make(struct pseudo *p, struct pseudo_open *o)
{
	int err;

	sb_free(&o->text);
	o->text = (struct strbuf){ 0 };
	o->made = false;
	if (p->pf->wait && !p->pf->poll_takes)
		p->pf->wait(p->priv, &o->events);
	err = p->pf->show(&o->text, o->priv);
	if (!err && o->text.failed)
		err = -ENOMEM;
	o->made = !err;
	return err;
}

static ssize_t pseudo_read(struct file *f, struct uio *to, loff_t *pos)
{
	struct pseudo *p = f->inode->priv;
	struct pseudo_open *o = f->priv;
	ssize_t n = 0;

	if (!p->pf->show)
		return -EINVAL;
	mutex_lock(&o->lock);
	if (!*pos || !o->made)
		n = pseudo_make(p, o);
	if (!n && *pos < o->text.len) {
		n = uio_put(to, o->text.data + *pos, o->text.len - *pos);
		if (n > 0)
			*pos += n;
	}
	mutex_unlock(&o->lock);
	return n;
}

static ssize_t pseudo_write(struct file *f, struct uio *from, loff_t *pos)
{
	struct pseudo *p = f->inode->priv;
	struct pseudo_open *o = f->priv;
	size_t n = min(from->left, (size_t)WRITE_MAX);
	char *buf;
	ssize_t ret;

	if (!p->pf->write && !p->pf->write_by)
		return f->inode->sb->magic == PROC_SUPER_MAGIC ? -EIO : -EINVAL;
	buf = kmalloc(n + 1);
	if (!buf)
		return -ENOMEM;
	ret = uio_get(from, buf, n);
	if (ret >= 0 && ret != n)
		ret = -EFAULT;
	if (ret >= 0) {
		buf[n] = '\0';
		ret = p->pf->write_by ? p->pf->write_by(f, o->opener, buf, n)
				      : p->pf->write(p->priv, buf, n);
	}
	kfree(buf);
	if (ret > 0)
		*pos += ret;
	return ret;
}

static u32 pseudo_poll(struct file *f, struct poll_table *pt)
{
	u32 mask = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	struct pseudo *p = f->inode->priv;
	struct pseudo_open *o = f->priv;
	u64 events;

	if (!p->pf->wait)
		return mask;
	poll_wait(f, p->pf->wait(p->priv, &events), pt);
	p->pf->wait(p->priv, &events);
	if (events != READ_ONCE(o->events))
		mask |= POLLERR | POLLPRI;
	if (p->pf->poll_takes)
		WRITE_ONCE(o->events, events);
	return mask;
}

static const struct file_ops pseudo_fops = {
	.open = pseudo_open,
	.release = pseudo_release,
	.read = pseudo_read,
	.write = pseudo_write,
	.poll = pseudo_poll,
};

/* Owner and mode may be changed (delegation of cgroups); a size is taken and ignored (O_TRUNC). */
static int pseudo_setattr(struct inode *inode, const struct kattr *attr)
{
	inode_setattr_common(inode, attr);
	return 0;
}

static int pseudo_permission(struct inode *inode, int may)
{
	const struct pseudo *p = inode->priv;

	return !(may & MAY_EXEC) && (!(may & MAY_WRITE) || p->pf->may_write()) ? 0 : -EACCES;
}

static const struct inode_ops pseudo_iops = { .setattr = pseudo_setattr };
static const struct inode_ops checked_iops = { .setattr = pseudo_setattr,
					       .permission = pseudo_permission };

struct inode *pseudo_inode(struct super *sb, const struct pseudo_file *pf, void *priv)
{
	struct pseudo *p = kmalloc(sizeof(*p));
	struct inode *i = p ? inode_new(sb, S_IFREG | pf->mode) : NULL;

	if (!i) {
		kfree(p);
		return NULL;
	}
	p->pf = pf;
	p->priv = priv;
	i->priv = p;
	i->ops = pf->may_write ? &checked_iops : &pseudo_iops;
	i->fops = &pseudo_fops;
	return i;
}

void pseudo_evict(struct inode *inode)
{
	struct pseudo *p = inode->priv;

	if (inode->fops != &pseudo_fops || !p)
		return;
	if (p->pf->put)
		p->pf->put(p->priv);
	kfree(p);
	inode->priv = NULL;
}
