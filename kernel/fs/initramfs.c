/* SPDX-License-Identifier: MIT */
/*
 * The initramfs: the archive in boot module 0 becomes the first file system. Pages of file data that
 * lie on a page boundary in memory become the files' pages where they are; the rest of a file is
 * copied, and the frames of the archive that nobody adopted are given to the allocator. Further
 * modules become files, whole, at the places that their strings name.
 *
 * Runs once, at boot, on one CPU. A bad archive costs one log line; what came before it stays.
 */
#include "fs/cpio.h"
#include "fs/internal.h"

#define HARD_LINKS 64 /* files with several names that are remembered while their archive lasts */

struct unpack {
	const u8 *base;
	u64 size;
	paddr_t settled; /* frames of the module below it are adopted or released */
	paddr_t adopted_from, adopted_to; /* by the entry at hand */
	struct {
		u32 ino;
		char *name;
	} link[HARD_LINKS];
	unsigned int nr_links;
};

/* The directories above name, where they are missing. */
static void make_parents(const char *name)
{
	char *path = kstrdup(name), *slash;

	for (slash = path ? strchr(path + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		vfs_mkdir(AT_FDCWD, path, 0755);
		*slash = '/';
	}
	kfree(path);
}

/* The frames of the module up to end hold nothing any more, but for those that were adopted. */
static void settle(struct unpack *u, paddr_t end)
{
	paddr_t from = ALIGN_UP(u->settled, PAGE_SIZE), to = ALIGN_DOWN(end, PAGE_SIZE);

	if (u->adopted_to) {
		if (from < u->adopted_from)
			frame_release_range(from, u->adopted_from);
		from = u->adopted_to;
		u->adopted_to = 0;
	}
	if (from < to && to <= nr_frames << PAGE_SHIFT)
		frame_release_range(from, to);
	u->settled = max(from, to);
}

/* Makes the whole pages at data the first pages of f: how many bytes. */
static u64 adopt(struct unpack *u, struct file *f, const u8 *data, u64 size)
{
	paddr_t start = virt_to_phys(data), pa = start;
	struct inode *inode = f->inode;

	if (start & ~PAGE_MASK || start + size > nr_frames << PAGE_SHIFT)
		return 0;
	for (; pa + PAGE_SIZE <= start + size; pa += PAGE_SIZE) {
		struct frame *frame = phys_frame(pa);

		if (frame->kind != FRAME_RESERVED)
			break;
		if (mapping_adopt(&inode->mapping, (pa - start) >> PAGE_SHIFT, frame))
			break;
	}
	if (pa == start)
		return 0;
	if (u) {
		u->adopted_from = start;
		u->adopted_to = pa;
	}
	inode->size = pa - start;
	return pa - start;
}

/* A regular file at name with the size bytes at data. u NULL: data is a module of its own. */
static int make_file(struct unpack *u, const char *name, mode_t mode, const u8 *data, u64 size)
{
	struct file *f;
	u64 done;
	int err = 0;

	vfs_unlink(AT_FDCWD, name, 0); /* a later entry of the same name replaces the file */
	f = file_open(AT_FDCWD, name, O_CREAT | O_WRONLY | O_EXCL, mode, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	f->inode->mode = S_IFREG | (mode & 07777); /* whatever the umask */
	done = adopt(u, f, data, size);
	while (!err && done < size) {
		ssize_t n = kernel_write(f, data + done, min(size - done, 1UL << 20), done);

		if (n <= 0)
			err = n ? n : -EIO;
		else
			done += n;
	}
	file_put(f);
	return err;
}

static int set_owner(const struct cpio_entry *e)
{
	struct kattr attr = { .valid = ATTR_UID | ATTR_GID | ATTR_MTIME | ATTR_FORCE,
			      .uid = e->uid,
			      .gid = e->gid,
			      .mtime_ns = (s64)e->mtime * (s64)NSEC_PER_SEC };
	struct path p;
	int err = path_lookup(AT_FDCWD, e->name, 0, &p);

	if (err)
		return err;
	if (!S_ISLNK(e->mode)) {
		attr.valid |= ATTR_MODE;
		attr.mode = e->mode & 07777;
	}
	err = vfs_setattr(&p, &attr);
	path_put(&p);
	return err;
}

/* The second and further names of a file come before or with its data: all but the last are empty. */
static const char *linked_name(struct unpack *u, const struct cpio_entry *e)
{
	for (unsigned int i = 0; e->nlink > 1 && i < u->nr_links; i++)
		if (u->link[i].ino == e->ino)
			return u->link[i].name;
	return NULL;
}

static void remember_name(struct unpack *u, const struct cpio_entry *e)
{
	if (e->nlink < 2 || u->nr_links == HARD_LINKS)
		return;
	u->link[u->nr_links].ino = e->ino;
	u->link[u->nr_links].name = kstrdup(e->name);
	u->nr_links += u->link[u->nr_links].name != NULL;
}

static int make_regular(struct unpack *u, const struct cpio_entry *e)
{
	const char *first = linked_name(u, e);
	struct file *f;
	int err;

	if (!first) {
		err = make_file(u, e->name, e->mode, e->data, e->size);
		if (!err)
			remember_name(u, e);
		return err;
	}
	err = vfs_link(AT_FDCWD, first, AT_FDCWD, e->name, 0);
	if (err || !e->size)
		return err;
	f = file_open(AT_FDCWD, e->name, O_WRONLY, 0, 0);
	if (IS_ERR(f))
		return PTR_ERR(f);
	err = kernel_write(f, e->data, e->size, 0) == e->size ? 0 : -EIO;
	file_put(f);
	return err;
}

static int make_symlink(const struct cpio_entry *e)
{
	char *target = kzalloc(e->size + 1);
	int err;

	if (!target)
		return -ENOMEM;
	memcpy(target, e->data, e->size);
	err = vfs_symlink(target, AT_FDCWD, e->name);
	kfree(target);
	return err;
}

static int make_inode(struct unpack *u, const struct cpio_entry *e)
{
	int err;

	switch (e->mode & S_IFMT) {
	case S_IFREG:
		return make_regular(u, e);
	case S_IFDIR:
		err = vfs_mkdir(AT_FDCWD, e->name, 0755);
		return err == -EEXIST ? 0 : err;
	case S_IFLNK:
		return make_symlink(e);
	}
	return vfs_mknod(AT_FDCWD, e->name, e->mode, MKDEV(e->rdev_major, e->rdev_minor));
}

static int make_entry(struct unpack *u, const struct cpio_entry *e)
{
	int err;

	if (!*e->name || !strcmp(e->name, "."))
		return 0;
	err = make_inode(u, e);
	if (err == -ENOENT) { /* archives name directories first, but need not */
		make_parents(e->name);
		err = make_inode(u, e);
	}
	return err ? err : set_owner(e);
}

static void unpack(struct unpack *u, paddr_t start, paddr_t end)
{
	struct cpio_entry e;
	u64 pos = 0;
	int ret;

	u->base = phys_to_virt(start);
	u->size = end - start;
	u->settled = start;
	while ((ret = cpio_next(u->base, u->size, &pos, &e)) > 0) {
		int err;

		err = make_entry(u, &e);
		if (err)
			pr_err("initramfs: %s: error %d", e.name, err);
		settle(u, start + pos);
	}
	if (ret < 0)
		pr_err("initramfs: no cpio entry at byte %llu of %llu", (unsigned long long)pos,
		       (unsigned long long)u->size);
	settle(u, end);
	while (u->nr_links)
		kfree(u->link[--u->nr_links].name);
}

static void place_module(const struct boot_module *m)
{
	int err;

	if (!m->name || m->name[0] != '/') {
		pr_err("initramfs: a boot module without a path is left out");
		return;
	}
	make_parents(m->name);
	err = make_file(NULL, m->name, 0444, phys_to_virt(m->start), m->end - m->start);
	if (err)
		pr_err("initramfs: %s: error %d", m->name, err);
}

void initramfs_load(void)
{
	struct unpack *u;

	if (!boot_info.nr_modules) {
		pr_err("initramfs: the boot loader gave no module");
		return;
	}
	u = kzalloc(sizeof(*u));
	if (!u)
		panic("no memory to unpack the initramfs");
	unpack(u, boot_info.modules[0].start, boot_info.modules[0].end);
	kfree(u);
	for (unsigned int i = 1; i < boot_info.nr_modules; i++)
		place_module(&boot_info.modules[i]);
}
