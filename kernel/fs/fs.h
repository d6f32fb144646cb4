/* SPDX-License-Identifier: MIT */
/*
 * The face of fs/: the VFS (inodes, cached names, mounts, open files, descriptors), path walk, and
 * what every file system and device file needs. tmpfs, EROFS, overlay, pipes, eventfd, epoll and the
 * initramfs loader stand behind it. Layouts and errors are Linux's (inode(7), path_resolution(7)).
 *
 *	struct super   one mounted file system instance
 *	struct inode   a file's attributes and content; struct dentry  a name that leads to an inode
 *	struct mount   a super's tree attached to a place; struct path   (mount, dentry): a place
 *	struct file    an open file description; struct files  a process's descriptor table
 *
 * Reference counts keep objects alive; inode->lock (mutex) guards a directory's entries and a
 * file's size; rename_lock serialises renames of directories; mount_lock guards the mount trees.
 */
#pragma once
#include "mm/mm.h"

#include <asm/poll.h>
#include <asm/stat.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <linux/uio.h>

#define NAME_MAX 255
#define PATH_MAX 4096

struct dentry;
struct inode;
struct file;
struct super;
struct mount;
struct mnt_ns;

/* ---- a transfer: a user or kernel buffer, in pieces, consumed as it goes ---- */
struct uio {
	const struct iovec *iov; /* in kernel memory; the bases are user or kernel addresses */
	unsigned int nr;
	size_t done_in_first; /* bytes of iov[0] already used */
	size_t left; /* bytes still to go in all */
	bool kernel; /* the bases are kernel addresses */
	bool nowait, append; /* as if the file were O_NONBLOCK (a pipe), O_APPEND: RWF_* */
};
void uio_init_user(struct uio *u, struct iovec *iov, void __user *buf, size_t n);
void uio_init_kernel(struct uio *u, struct iovec *iov, void *buf, size_t n);
/* Moves up to n bytes between the uio and a kernel buffer: bytes moved, or -EFAULT when none could. */
ssize_t uio_put(struct uio *u, const void *src, size_t n); /* to the reader */
ssize_t uio_get(struct uio *u, void *dst, size_t n); /* from the writer */
ssize_t uio_put_zeros(struct uio *u, size_t n);

/* ---- inode ---- */
struct kattr { /* for setattr: which of the ATTR_* are set */
	u32 valid;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	u64 size;
	s64 atime_ns, mtime_ns;
};
#define ATTR_MODE 1U
#define ATTR_UID 2U
#define ATTR_GID 4U
#define ATTR_SIZE 8U
#define ATTR_ATIME 16U
#define ATTR_MTIME 32U
#define ATTR_FORCE 64U /* permissions were checked */
#define ATTR_KILL 128U /* chown(2): whatever else, the set-user-id bits of a file go */

struct path;
struct inode_ops { /* any may be NULL: the errno Linux gives without it */
	/* dir's lock held in all that take a dir. New dentries are negative until the op fills them. */
	/* Finds dentry's name in dir: d_set_inode() when there; 0 also when not there. -errno */
	int (*lookup)(struct inode *dir, struct dentry *d);
	int (*create)(struct inode *dir, struct dentry *d, mode_t mode); /* regular file */
	int (*mkdir)(struct inode *dir, struct dentry *d, mode_t mode);
	int (*mknod)(struct inode *dir, struct dentry *d, mode_t mode, dev_t rdev);
	int (*symlink)(struct inode *dir, struct dentry *d, const char *target);
	/* O_TMPFILE: d is no name in dir and stays none. */
	int (*tmpfile)(struct inode *dir, struct dentry *d, mode_t mode);
	int (*link)(struct dentry *old, struct inode *dir, struct dentry *d);
	int (*unlink)(struct inode *dir, struct dentry *d); /* rmdir when d is a directory */
	int (*rename)(struct inode *odir, struct dentry *old, struct inode *ndir, struct dentry *d,
		      unsigned int flags);
	/* The link's text into buf (size PATH_MAX), NUL-terminated. Length or -errno. */
	int (*readlink)(struct inode *inode, char *buf, size_t size);
	/* A magic link of /proc: jumps to a place instead of text. A reference in *to. */
	int (*follow)(struct inode *inode, struct path *to);
	int (*setattr)(struct inode *inode, const struct kattr *attr);
	/* Refreshes size, mode ... before stat, for file systems whose attributes live elsewhere. */
	int (*getattr)(struct inode *inode);
	/* value NULL: the size only. Length, -ENODATA, -ERANGE, -EOPNOTSUPP */
	ssize_t (*getxattr)(struct inode *inode, const char *name, void *value, size_t size);
	int (*setxattr)(struct inode *inode, const char *name, const void *value, size_t size,
			int flags); /* value NULL: remove */
	ssize_t (*listxattr)(struct inode *inode, char *list, size_t size);
	/* Extra permission rule instead of the mode bits; NULL: mode bits and capabilities. */
	int (*permission)(struct inode *inode, int may);
	/* A page about to be written or mapped, holes filled. NULL: mapping_get(create). */
	struct frame *(*get_page)(struct inode *inode, u64 index);
};

struct file_ops;
struct inode {
	ref_t refs;
	/* constant */
	u64 ino;
	struct super *sb;
	const struct inode_ops *ops;
	const struct file_ops *fops; /* for open; device files get theirs at open */
	dev_t rdev; /* (major << 8 | minor) in the kernel's own encoding MKDEV() */
	void *priv; /* the file system's own */
	/* guarded by lock */
	struct mutex lock;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	u32 nlink;
	u64 size;
	s64 atime_ns, mtime_ns, ctime_ns, btime_ns; /* btime: 0 where it is not known */
	struct mapping mapping;
	struct file_locks *locks; /* flock and fcntl locks: fs/lock.c; NULL: never any */
	struct pipe *fifo; /* S_IFIFO, while open */
	bool file_caps; /* has security.capability: kept by a file system that is written to */
	bool linkable; /* made by O_TMPFILE: link(2) may give it its first name */
	s32 writers; /* atomic: files open for writing, or minus those being executed */
};
/* A new inode of sb with one reference, times now, ids of the current thread. NULL without memory. */
struct inode *inode_new(struct super *sb, mode_t mode);
static inline void inode_get(struct inode *i)
{
	ref_get(&i->refs);
}
void inode_setattr_common(struct inode *inode, const struct kattr *attr); /* all but a size */
void inode_put(struct inode *i); /* the last: super_ops->evict, pages dropped */
s64 fs_now(void); /* what new timestamps are: ns since 1970 */

#define MKDEV(ma, mi) ((dev_t)((ma) << 20 | (mi)))
#define MAJOR(d) ((unsigned int)((d) >> 20))
#define MINOR(d) ((unsigned int)((d)&0xfffff))
u64 dev_encode(dev_t d); /* as stat(2) shows it */
dev_t dev_decode(u64 v); /* as mknod(2) takes it */

/* ---- names ---- */
#define DNAME_INLINE 40
struct dentry {
	ref_t refs; /* 0: cached only */
	spinlock_t lock; /* guards children, and the children's way from 0 references and back */
	struct dentry *parent; /* itself at a root; a reference is held */
	struct inode *inode; /* NULL: negative, the name is known not to exist */
	struct super *sb;
	struct rb_root children; /* by hash and name */
	struct rb_node rb;
	struct list_head lru; /* cached ones, guarded by the lru lock of fs/dentry.c */
	u64 fsdata; /* the file system's own (tmpfs: place in the directory) */
	u32 nr_mounts; /* mounts that sit on it, in any namespace; guarded by mount_lock */
	bool unhashed; /* no longer found by name (deleted) */
	char *name; /* iname when it fits */
	u32 name_len, hash;
	char iname[DNAME_INLINE];
};
static inline struct dentry *dget(struct dentry *d)
{
	ref_get(&d->refs);
	return d;
}
void dput(struct dentry *d);
/* lookup/create give the name its inode (the reference moves here). */
void d_set_inode(struct dentry *d, struct inode *inode);
/* The cached or looked-up child of parent (parent->inode->lock held). Negative ones are returned. */
struct dentry *d_lookup(struct dentry *parent, const char *name, size_t len);
void d_drop(struct dentry *d); /* forget the name: next lookup asks the file system */
struct dentry *d_make_root(struct super *sb, struct inode *inode);
/* Makes inode the root of sb; NULL is an inode there was no memory for. The reference moves: -ENOMEM. */
int sb_set_root(struct super *sb, struct inode *inode);
/* Drops names that nobody uses, at most n; reclaim: as mm_shrink_hook. Returns how many went. */
u64 dentry_shrink(u64 n, bool reclaim, const struct res_counter *res);

/* ---- file systems ---- */
struct super_ops {
	void (*evict)(struct inode *inode); /* the last reference went: free inode->priv */
	void (*put_super)(struct super *sb);
	int (*statfs)(struct super *sb, struct statfs *st);
	int (*remount)(struct super *sb, const char *data); /* new options; NULL: none are taken */
	/* Is a cached name (negative ones too) still true? false: it is dropped and asked for again,
	 * unless something is mounted on it. NULL: always true. Must not sleep. */
	bool (*revalidate)(struct dentry *d);
	/* Options for /proc/mounts, each with a leading comma. */
	void (*show_options)(struct super *sb, struct strbuf *out);
	/* mountinfo's root field, when it is not d's path from the root; may be NULL. */
	void (*show_path)(struct dentry *d, struct strbuf *out);
};
struct fs_type {
	const char *name;
	bool nodev; /* "nodev" in /proc/filesystems */
	bool reclaim; /* evict() takes no lock that may be held in a fault: names may go at any time */
	bool userns_mount; /* CAP_SYS_ADMIN over owner() is enough */
	bool userns_visible; /* ... where another of the type shows all of it already */
	/* To whom a new instance belongs; NULL: to the mounter's user namespace. */
	struct user_ns *(*owner)(void);
	/* Makes sb->root. source may be NULL; data: the options' text or NULL. 0 or -errno. */
	int (*fill)(struct super *sb, const char *source, unsigned long flags, const char *data);
	/* Of a type whose instances are shared: options of each mount. -EINVAL; NULL: they do not count. */
	int (*options)(const char *data);
	/* An instance to share instead of a new one, with a reference (super_share()), or NULL. */
	struct super *(*existing)(const char *source);
	/* What a new mount of sb shows, with a reference, when it is not sb->root (cgroup2 in a cgroup
	 * namespace); may be NULL. */
	struct dentry *(*mount_root)(struct super *sb);
	struct list_head link;
};
struct super {
	ref_t refs; /* mounts */
	const struct fs_type *type;
	const struct super_ops *ops;
	struct dentry *root;
	u64 magic;
	dev_t dev; /* the block device it is on, or a number of its own of major 0 */
	/* set by fill: its objects begin with an inode; NULL: they are one */
	struct kmem_cache *inode_cache;
	bool pins_names; /* set by fill: a name is cached as long as it exists, as in tmpfs */
	bool uncached; /* set by fill: a name that nobody uses any more is forgotten at once (/proc) */
	char *source; /* what was first mounted, or NULL; mounts share it */
	bool read_only; /* can never be written: no remount changes that */
	u32 flags; /* SB_RDONLY = MS_RDONLY ... */
	struct user_ns *user_ns; /* who rules it, a reference; NULL: the first */
	bool no_devices; /* made by who may not make devices: they cannot be opened, and nothing says so */
	struct list_head mounts; /* guarded by mount_lock */
	u64 next_ino; /* atomic */
	u32 writers; /* atomic: files open for writing */
	struct mutex rename_lock; /* one rename between directories at a time */
	unsigned int
		depth; /* file systems below it (erofs on a file, overlay): at most SUPER_MAX_DEPTH */
	struct res_counter *charge; /* the group that mounted it pays for what lookups find */
	void *priv;
};
#define SUPER_MAX_DEPTH 4
static inline struct super *super_share(struct super *sb)
{
	ref_get(&sb->refs);
	return sb;
}
void fs_register(struct fs_type *type);
void fs_types_show(struct strbuf *out); /* /proc/filesystems */
void super_put(struct super *sb);
/* An instance for the kernel's own use, in no namespace and at no place (nsfs). ERR_PTR. */
struct mount *kern_mount(struct fs_type *type);
void mount_put(struct mount *m);
/* Takes "name" or "name=value" off the options *opts (changed in place); *value NULL without one.
 * The next option's name, or NULL at the end. */
char *fs_next_option(char **opts, char **value);

/* ---- places and mounts ---- */
struct path {
	struct mount *mnt;
	struct dentry *dentry;
};
void path_get(const struct path *p);
void path_put(const struct path *p);

struct mount {
	ref_t refs;
	int id; /* mountinfo's number */
	struct super *sb;
	struct dentry *root; /* what of the super it shows */
	struct mount *parent; /* itself at a tree's root */
	struct dentry *mountpoint; /* in the parent */
	u32 flags; /* MNT_* */
	u32 writers; /* atomic: files open for writing through it */
	char *source;
	struct mnt_ns *ns;
	/* guarded by mount_lock; changed only with the mount mutex of fs/mount.c held, too */
	struct list_head children, child_link; /* in the order they were mounted */
	struct rb_root child_tree; /* the children by mountpoint */
	struct rb_node child_rb;
	/* propagation (mount_namespaces(7)); guarded by the mount mutex */
	int peer_group; /* 0: not shared */
	struct list_head peers;
	struct mount *master;
	struct list_head slaves, slave_link;
	u64 mark; /* the last propagation that came by */
	u32 locked; /* of flags, what was set above and stays as it is: MNT_RESTRICT, MNT_ATIME */
	struct list_head sb_link; /* in sb->mounts; guarded by mount_lock */
	struct list_head doomed; /* while an umount(2) looks at it: MNT_DOOMED */
};
#define MNT_RDONLY 1U
#define MNT_NOSUID 2U
#define MNT_NODEV 4U
#define MNT_NOEXEC 8U
#define MNT_NOATIME 16U
#define MNT_LOCKED 32U
#define MNT_UNBINDABLE 64U
#define MNT_NODIRATIME 128U
#define MNT_RELATIME 256U
#define MNT_NOSYMFOLLOW 1024U
#define MNT_EXPIRING 2048U /* umount2(MNT_EXPIRE) found it unused, and nobody has used it since */
#define MNT_USERNS                                                                                 \
	2048U /* new, by who may not make devices: they cannot be opened, and nothing says so */

#define MNT_DOOMED 4096U

struct mnt_ns {
	struct ns_common ns;
	struct mount *root;
	u64 nr_mounts, seq; /* seq: older ones have smaller numbers */
	u64 event; /* counts changes: poll on /proc/N/mounts */
	struct waitq wait;
	struct list_head contexts; /* fs_contexts in it; guarded by mount_lock */
};
extern struct mnt_ns init_mnt_ns;
extern const struct ns_ops mnt_ns_ops;
/* A copy of the tree of old for owner; fs is moved into the copy: root, cwd and ns. ERR_PTR. */
struct mnt_ns *mnt_ns_copy(struct mnt_ns *old, struct user_ns *owner, struct fs_context *fs);
/* setns(2): fs's root and cwd become ns's root. */
void mnt_ns_enter(struct mnt_ns *ns, struct fs_context *fs);

/* mount(2), umount2(2), pivot_root(2); arguments already in kernel memory (data may be NULL). */
int do_mount(const char *source, const char *target, const char *type, unsigned long flags,
	     const char *data);
int do_umount(const char *target, int flags);
extern u64 mount_max; /* /proc/sys/fs/mount-max: mounts of one namespace */
bool may_mount(void); /* in its mount namespace */
int do_pivot_root(const char *new_root, const char *put_old);
/* The lines of /proc/N/mounts, mountinfo, mountstats as seen from root. */
enum mounts_file { MOUNTS_TABLE, MOUNTS_INFO, MOUNTS_STATS };
void mounts_show(struct strbuf *out, struct mnt_ns *ns, const struct path *root,
		 enum mounts_file which);

/* Where a thread stands. Shared by CLONE_FS. */
struct fs_context {
	ref_t refs;
	spinlock_t lock; /* guards the rest */
	struct path root, cwd;
	mode_t umask;
	struct mnt_ns *ns; /* where it mounts: the same as its tasks' nsproxy->mnt; a reference */
	struct list_head ns_link; /* in ns->contexts; guarded by mount_lock */
};
struct fs_context *fs_context_copy(struct fs_context *old); /* NULL without memory */
void fs_context_put(struct fs_context *fs);
void fs_get_root(struct path *out); /* the current thread's, with references */
void fs_get_cwd(struct path *out);
void fs_set_root(const struct path *p); /* takes references of its own */
void fs_set_cwd(const struct path *p);

/* ---- path walk ---- */
#define LOOKUP_FOLLOW 1U /* follow a symlink at the end */
#define LOOKUP_DIRECTORY 2U /* -ENOTDIR unless a directory */
#define LOOKUP_PARENT 4U /* internal */
#define LOOKUP_EMPTY 8U /* AT_EMPTY_PATH: "" is dirfd itself */
#define LOOKUP_NO_XDEV 16U /* openat2(2)'s RESOLVE_* */
#define LOOKUP_NO_MAGICLINKS 32U
#define LOOKUP_NO_SYMLINKS 64U
#define LOOKUP_BENEATH 128U
#define LOOKUP_IN_ROOT 256U
#define LOOKUP_SCOPED (LOOKUP_BENEATH | LOOKUP_IN_ROOT)
#define LOOKUP_CACHED 512U /* -EAGAIN where a file system would have to be asked */
#define LOOKUP_CREATE                                                                              \
	1024U /* for a name to be made: one that is there is -EEXIST, whatever it is */
/* proc(5): /proc/sys/fs/protected_symlinks and protected_hardlinks; off, as the kernel alone has them. */
extern int fs_protected_symlinks, fs_protected_hardlinks;
/* Resolves name (kernel memory) from dirfd (AT_FDCWD, descriptor). A reference in *out, or -errno. */
int path_lookup(int dirfd, const char *name, unsigned int flags, struct path *out);
/*
 * For names about to be made or taken away: the parent place in *parent, its inode locked, the last
 * component's dentry (maybe negative) in *d. End with path_unlock_parent(). -EEXIST for "." or "/".
 */
int path_lookup_parent(int dirfd, const char *name, unsigned int flags, struct path *parent,
		       struct dentry **d);
void path_unlock_parent(struct path *parent, struct dentry *d);
/* The name of p as seen from root: into buf, returned pointer lies inside it. " (deleted)" is added
 * for unhashed names; places outside root get their name in their own tree. ERR_PTR(-ENAMETOOLONG). */
char *path_name(const struct path *p, const struct path *root, char *buf, size_t size);
/* The same, with "(unreachable)" before places outside root (getcwd(2)). */
char *path_name_marked(const struct path *p, const struct path *root, char *buf, size_t size);

#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
int inode_permission(struct inode *inode, int may); /* current thread's fs ids; -EACCES */
int path_permission(const struct path *p,
		    int may); /* the same, and -EROFS where nothing is written */
bool in_group(const struct cred *c, gid_t gid); /* its own or a supplementary one */
/* Is the current thread the owner or has it CAP_FOWNER? */
bool inode_owner_or_capable(const struct inode *inode);
/*
 * user_namespaces(7)'s rules, set by proc/: has the current thread cap in ns (NULL: the first)?
 * Are both ids mapped in ns? Until then the capabilities of the cred alone decide.
 */
extern bool (*fs_ns_capable)(struct user_ns *ns, int cap);
extern bool (*fs_ids_mapped)(struct user_ns *ns, uid_t uid, gid_t gid);
/* security.capability, up to 24 bytes, to and from how it is stored: the new size or -errno. Set by proc/. */
struct vfs_ns_cap_data;
extern int (*fs_caps_to_store)(struct vfs_ns_cap_data *d, size_t n);
extern int (*fs_caps_to_show)(struct vfs_ns_cap_data *d, size_t n);
/* May the current task do that (BPF_DEVCG_ACC_*) to a device? 0 or -EPERM. */
extern int (*fs_device_allowed)(bool block, dev_t dev, u32 access);
/* Set by proc/: drops an open file's reference to its opener's cred. NULL: none is taken. */
extern void (*fs_cred_put)(const struct cred *cred);

/* The operations behind the system calls, on names in kernel memory: 0 or -errno. */
int vfs_mkdir(int dirfd, const char *name, mode_t mode);
int vfs_mknod(int dirfd, const char *name, mode_t mode, dev_t rdev);
/* The same; the place that was made, with references, in *made (may be NULL). */
int vfs_mknod_at(int dirfd, const char *name, mode_t mode, dev_t rdev, struct path *made);
int vfs_symlink(const char *target, int dirfd, const char *name);
int vfs_link(int odirfd, const char *old, int ndirfd, const char *new, int at_flags);
int vfs_unlink(int dirfd, const char *name, int at_flags);
int vfs_unlink_in(struct dentry *dir, const char *name); /* name is no path */
int vfs_rename(int odirfd, const char *old, int ndirfd, const char *new, unsigned int flags);
/* truncate, chmod, chown, utimes. ATTR_FORCE: for ftruncate, the open file gave the right. */
int vfs_setattr(const struct path *p, struct kattr *attr);
/* Ids in the results are kernel ids: syscall/ turns them into the caller's. */
int vfs_stat(const struct path *p, struct stat *st);
int vfs_statx(const struct path *p, struct statx *st);
int vfs_statfs(const struct path *p, struct statfs *st);
ssize_t vfs_readlink(const struct path *p, char *buf, size_t size);
/* Extended attributes, with the rules of xattr(7) about who may; value NULL as in struct inode_ops. */
ssize_t vfs_getxattr(const struct path *p, const char *name, void *value, size_t size);
int vfs_setxattr(const struct path *p, const char *name, const void *value, size_t size, int flags);
ssize_t vfs_listxattr(const struct path *p, char *list, size_t size);

/* ---- open files ---- */
struct dir_context { /* for iterate: emit returns false when the buffer is full */
	bool (*emit)(struct dir_context *ctx, const char *name, size_t len, u64 ino,
		     unsigned int dt_type);
	loff_t pos; /* cookie of the next entry; 0 and 1 are "." and ".." */
};
struct poll_table; /* fs/poll.c: collects the wait queues */
void poll_wait(struct file *f, struct waitq *wq, struct poll_table *pt);

struct file_ops { /* any may be NULL */
	int (*open)(struct inode *inode, struct file *f);
	void (*release)(struct file *f); /* last reference */
	void (*flush)(struct file *f); /* each close(2) */
	/* Bytes moved, or -errno. *pos is moved by the bytes; not called for O_PATH. */
	ssize_t (*read)(struct file *f, struct uio *to, loff_t *pos);
	ssize_t (*write)(struct file *f, struct uio *from, loff_t *pos);
	int (*iterate)(struct file *f, struct dir_context *ctx);
	loff_t (*llseek)(struct file *f, loff_t off, int whence); /* NULL: generic on inode->size */
	/* POLL* bits ready now; pt not NULL: poll_wait() on each queue that can change it. */
	u32 (*poll)(struct file *f, struct poll_table *pt);
	long (*ioctl)(struct file *f, unsigned int cmd, unsigned long arg); /* -ENOTTY: unknown */
	/* Sets vma->ops, priv and flags before it goes live. NULL: -ENODEV. */
	int (*mmap)(struct file *f, struct vma *vma);
	int (*fsync)(struct file *f);
	int (*fallocate)(struct file *f, int mode, loff_t off, loff_t len);
	void (*show_fdinfo)(struct file *f, struct strbuf *out);
	bool seekable_stream; /* pread on it is -ESPIPE when false and inode is no regular file */
};
struct file {
	ref_t refs;
	const struct file_ops *ops;
	struct path path;
	struct inode *inode; /* path.dentry->inode */
	struct mapping
		*mapping; /* where its pages are: inode's own, but for overlay the real one's */
	u32 flags; /* O_*; guarded by lock after open */
	bool can_read, can_write;
	s8 access; /* counted in inode->writers: 1 writes, -1 executes */
	struct mutex pos_lock;
	loff_t pos;
	spinlock_t lock;
	const struct cred *cred; /* of the opener */
	void *priv;
	struct list_head epolls; /* epoll entries that watch it; fs/epoll.c */
	pid_t owner; /* F_SETOWN */
	int sig;
};
/* open(2): a file with one reference, or ERR_PTR. flags: O_*; lookup: LOOKUP_* limits or 0. */
struct file *file_open(int dirfd, const char *name, int flags, mode_t mode, unsigned int lookup);
struct file *file_open_path(const struct path *p, int flags);
/* The same without any check: who calls has made it, or checked. */
struct file *file_open_real(const struct path *p, int flags);
/* For execve(2): a regular file that may be executed, readable or not. Nobody opens it for writing
 * until the last reference goes. -EACCES, -ELOOP for a symlink, -ETXTBSY: somebody writes it. */
struct file *file_open_exec(const struct path *p);
/* A file of no directory: pipes, sockets, eventfd, kvm ... name is "[eventfd]"; shows in /proc/N/fd. */
struct file *file_anon(const char *name, const struct file_ops *ops, void *priv, int flags);
static inline void file_get(struct file *f)
{
	ref_get(&f->refs);
}
void file_put(struct file *f);
/* read(2), write(2) with checks and position; pos NULL: the file's own. */
ssize_t file_read(struct file *f, struct uio *to, loff_t *pos);
ssize_t file_write(struct file *f, struct uio *from, loff_t *pos);
ssize_t kernel_read(struct file *f, void *buf, size_t n, loff_t pos);
ssize_t kernel_write(struct file *f, const void *buf, size_t n, loff_t pos);
loff_t generic_llseek(struct file *f, loff_t off, int whence);
/* getdents(2): calls ops->iterate from the file's position on, under the locks it needs. */
int file_iterate(struct file *f, struct dir_context *ctx);
/* ftruncate(2), fallocate(2) with all checks. */
int file_truncate(struct file *f, u64 size);
int file_fallocate(struct file *f, int mode, loff_t off, loff_t len);
/* flock(2); fcntl(2)'s F_GETLK F_SETLK F_SETLKW and the F_OFD_ kinds (fl in kernel memory). l_pid
 * (pid) comes in as the process number of the caller, in the first namespace, to be shown to others. */
int file_flock(struct file *f, int op, pid_t pid);
struct flock;
int file_lock(struct file *f, int cmd, struct flock *fl);
loff_t file_llseek(struct file *f, loff_t off, int whence); /* lseek(2): -ESPIPE, -EINVAL, -ENXIO */
int file_sync(struct file *f);
void file_locks_release(struct file *f,
			struct files *owner); /* owner NULL: f's last reference went */
/* /proc/locks; shown(): a process's number as the reader knows it, 0 when it does not. */
void file_locks_show(struct strbuf *out, pid_t (*shown)(pid_t pid));
/* Regular files whose pages are in inode->mapping. */
ssize_t generic_file_read(struct file *f, struct uio *to, loff_t *pos);
ssize_t generic_file_write(struct file *f, struct uio *from, loff_t *pos);
int generic_file_mmap(struct file *f, struct vma *vma);
extern const struct vm_ops file_vm_ops; /* what it gives the area */
extern const struct file_ops generic_ro_file_ops; /* read, mmap */
/*
 * mmap(2) of a file, for the system call and for exec: asks f->ops->mmap, then mm_mmap(). vm_flags:
 * VM_*, permissions against the open mode are checked here (-EACCES). The address, or -errno.
 */
u64 file_mmap(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed, struct file *f,
	      u64 pgoff);
/* Memory that forks share: the pages of a file without a name, as /dev/zero mapped shared. */
u64 file_mmap_anon(struct mm *mm, u64 addr, u64 len, u32 vm_flags, bool fixed);
u32 file_poll(struct file *f, struct poll_table *pt); /* always ready without ops->poll */
/* poll(2)'s wait over kernel-memory pollfds; deadline in clock_ns(). Count ready, 0, -ERESTARTNOHAND. */
struct pollfd;
int do_poll(struct pollfd *fds, unsigned int n, u64 deadline);

/* ---- descriptors ---- */
struct files {
	ref_t refs;
	spinlock_t lock;
	struct file **fd; /* NULL: free */
	u64 *cloexec; /* one bit each */
	unsigned int cap;
	unsigned int next; /* no free one below */
	unsigned int top; /* all are free from here on */
};
struct files *files_new(void);
struct files *files_copy(struct files *old); /* NULL without memory */
void files_put(struct files *files);
struct file *fd_get(int fd); /* the current thread's, with a reference; NULL: EBADF (O_PATH too) */
struct file *fd_get_path(int fd); /* O_PATH files as well */
struct file *files_get(struct files *files, int fd);
/* The lowest free descriptor >= min for f; the reference moves here, and is dropped on error: -EMFILE,
 * -EINVAL for a min that is over the limit, -ENOMEM. f may be an ERR_PTR, which is the answer then. */
int fd_install(struct file *f, unsigned int min, bool cloexec);
int fd_check(void); /* 0, or -EMFILE: fd_install() would say so now */
/* The same for any table, with the limit of its process. At a given fd: -EBADF over the limit; what was
 * open there is for the caller to close. */
int files_install(struct files *files, u64 limit, struct file *f, unsigned int min, bool cloexec);
int files_install_at(struct files *files, u64 limit, struct file *f, int fd, bool cloexec,
		     struct file **before);
void files_close(struct files *files, struct file *f); /* f was taken out */
int fd_close(int fd);
int fd_dup_at(int old, int new, bool cloexec); /* dup3 */
void fd_close_on_exec(void);
int fd_get_cloexec(int fd); /* 0, 1, -EBADF */
int fd_set_cloexec(int fd, bool on);
int fd_next(struct files *files, int from); /* the first open one >= from, or -1 */

/* ---- pipes, eventfd, epoll ... ---- */
int pipe_files(struct file *f[2], int flags); /* [0] reads, [1] writes */
/* Files of one reference, or ERR_PTR. flags: EFD_*, MFD_*, EPOLL_CLOEXEC. */
struct file *eventfd_file(unsigned int count, int flags);
struct eventfd;
struct eventfd *eventfd_get(int fd); /* the counter itself. -EBADF, -EINVAL: fd is none */
void eventfd_put(struct eventfd *e);
/* Adds 1, but to a counter that is full. Any context; not in a listener to e. */
void eventfd_signal(struct eventfd *e);
/* w->func hears POLLIN of signals and POLLHUP of the last descriptor, until waitq_del(). True: the
 * counter is not 0. */
bool eventfd_listen(struct eventfd *e, struct wait_entry *w);
u64 eventfd_take(struct eventfd *e); /* what read(2) would get, or 0; wakes no writer */
struct file *memfd_file(const char *name, unsigned int flags);
struct file *nameless_file(const char *shown, u64 size); /* shared memory of so many bytes */
struct file *epoll_file(int flags);
/* epoll_ctl(2), epoll_wait(2); -EINVAL when ep is no epoll file. */
struct epoll_event;
int epoll_control(struct file *ep, int op, int fd, struct file *target,
		  const struct epoll_event *ev);
int epoll_collect(struct file *ep, struct epoll_event __user *events, int max, u64 deadline);
extern const struct file_ops fifo_ops;
/* F_GETPIPE_SZ and F_SETPIPE_SZ: bytes, -EBADF when f is no pipe; set: -EINVAL over 64 KiB */
long pipe_size(struct file *f);
long pipe_set_size(struct file *f, unsigned long size);
/* splice(2): up to n bytes, at least one unless it is the end (0). SIGPIPE is the caller's business. */
bool file_is_pipe(const struct file *f);
ssize_t pipe_splice_out(struct file *in, struct file *out, loff_t *pos, size_t n, bool nonblock);
ssize_t pipe_splice_pipe(struct file *in, struct file *out, size_t n, bool nonblock,
			 bool keep); /* keep: tee(2) */
ssize_t pipe_vmsplice(struct file *f, struct uio *u, bool nonblock);
ssize_t pipe_room_for(struct file *f, bool nonblock); /* bytes, once there is any room */

/* F_ADD_SEALS and F_GET_SEALS: -EINVAL when f can have none. */
int memfd_add_seals(struct file *f, unsigned int seals);
int memfd_get_seals(struct file *f);

/* ---- device files ---- */
/* Registers the driver of major:minor and its node /dev/name (devtmpfs). */
void chrdev_register(const char *name, unsigned int major, unsigned int minor, mode_t mode,
		     const struct file_ops *ops);
/* Any minor of the major. */
void chrdev_register_major(unsigned int major, const struct file_ops *ops);

/* ---- block devices ---- */
#define BIO_PAGES 32
enum bio_op { BIO_READ, BIO_WRITE, BIO_FLUSH, BIO_ID };
struct bio { /* one transfer between a device and memory */
	enum bio_op op;
	int err; /* when it is done */
	u64 sector; /* of 512 bytes, where it begins */
	u32 bytes; /* a multiple of the device's block size; the pages but the last are full */
	struct frame *page[BIO_PAGES];
	void (*done)(struct bio *bio); /* called once. Any context */
	struct blkdev *dev;
	u64 began; /* clock_ns() */
	bool over; /* for those who wait */
	struct list_head link; /* the driver's */
};
struct blkdev {
	/* the driver's, constant */
	char name[8];
	char serial[24];
	dev_t rdev;
	u64 sectors; /* of 512 bytes */
	u32 block_size; /* bytes: what a transfer's place and length are a multiple of */
	u32 max_pages; /* of one bio, 1 to BIO_PAGES */
	bool read_only, flushes;
	void (*submit)(struct blkdev *bd, struct bio *bio); /* may sleep for room */
	/* Until bio is over, at boot: nothing can sleep yet. Ends all that the device does not answer. */
	void (*poll)(struct blkdev *bd, const struct bio *bio);
	/* blkdev.c's */
	struct inode *inode; /* whose pages are the cache */
	struct blkdev *next;
	unsigned int nr; /* of its disk: 0, 1 ... in the order of registration */
	struct blkdev *whole; /* the disk of which this is a partition; NULL: it is one */
	u64 start; /* sector of the disk where the partition begins */
	struct mutex write_lock; /* one writes back at a time: the others' pages are written, too */
	int write_error; /* which the next fsync tells */
	u32 opens;
	bool written; /* since the flusher last came by */
	struct { /* pages that follow each other, as they were asked for: read-ahead */
		u64 next;
		u32 pages;
	} streams[4];
	u32 last_stream;
	/* atomics: for /proc/diskstats, by enum bio_op */
	u64 requests[BIO_ID], sectors_done[BIO_ID], ns[BIO_ID], in_flight;
};
/* bd, which never goes, and its partitions: nodes /dev/name, /sys/block/name; numbers from bd->rdev on.
 * Before other CPUs run. 0, -ENOMEM. */
int blkdev_register(struct blkdev *bd);
int blkdev_sync_all(
	void); /* sync(2): dirty pages of all devices, and their caches. The first error */
/* A disk, no partition: that of rdev, or NULL; after NULL the first, after the last NULL. */
struct blkdev *blkdev_find(dev_t rdev);
struct blkdev *blkdev_next(const struct blkdev *bd);
/* /proc/partitions, /proc/diskstats */
void blkdev_show_sizes(struct strbuf *out);
void blkdev_show_stats(struct strbuf *out);

/* ---- 9P: what carries messages to a server of files, and back ---- */
struct p9_request { /* all of its memory is in the direct map */
	u8 *out, *in; /* the message, and room for the answer */
	u32 out_size, in_size;
	void *data; /* sent behind the message, or (data_in) room for more of the answer */
	u32 data_size;
	bool data_in;
	s64 answer; /* bytes that came, or -EIO */
	void (*done)(struct p9_request *r); /* called once. Any context */
	struct list_head link; /* the channel's */
};
struct p9_channel {
	char tag[64]; /* what is mounted by it */
	bool busy; /* atomic: it is */
	void (*submit)(struct p9_channel *ch, struct p9_request *r); /* does not sleep */
	struct list_head link;
};
void p9_channel_register(struct p9_channel *ch); /* ch never goes. Before other CPUs run */

/* ---- what a group of threads does on block devices, and how much of it it may (io_group.c) ---- */
enum io_limit { IO_RBPS, IO_WBPS, IO_RIOPS, IO_WIOPS, IO_LIMITS }; /* bytes, transfers a second */
struct io_use { /* of one device */
	u64 bytes[BIO_FLUSH], ios[BIO_FLUSH]; /* by enum bio_op; atomic */
	u64 limit[IO_LIMITS]; /* at least 1; RES_NO_LIMIT */
	u64 paid[IO_LIMITS]; /* clock_ns() when all that was done is within the limit; the group's lock */
};
struct io_group {
	struct io_group
		*parent; /* constant; NULL: below the root, which has neither limits nor counts */
	spinlock_t lock;
	unsigned int n;
	struct io_use *use; /* n, by blkdev.nr; the owner frees them. NULL without devices */
};
int io_group_init(struct io_group *g, struct io_group *parent); /* -ENOMEM */
/* bio begins, now: counted in g (may be NULL) and those above. True: one of them is beyond a limit. */
bool io_group_charge(struct io_group *g, const struct bio *bio, u64 now);
/* clock_ns() when g and those above are within their limits; ops: 1 << BIO_READ, BIO_WRITE. 0: they are. */
u64 io_group_paid(struct io_group *g, unsigned int ops);
/* From now on; what is not paid is forgiven. */
void io_group_set_limits(struct io_group *g, unsigned int nr, const u64 limit[IO_LIMITS]);
/* Set by who has groups: the group that pays for a page; and sleeping, with no lock held, until the
 * current thread's group is within its limits for the thread.io_owes, or the thread is killed. */
extern struct io_group *(*io_group_hook)(struct res_counter *charge);
extern void (*io_wait_hook)(void);
/* Where a long system call holds no lock: the same, when the thread owes something. */
static inline void io_pause(void)
{
	if (unlikely(READ_ONCE(current_thread()->work) & THREAD_WORK_IO))
		io_wait_hook();
}

/* ---- pseudo files: a tree of text made on demand (/sys, parts of /proc, cgroup2) ---- */
struct pseudo_file {
	const char *name;
	mode_t mode;
	/* The whole text for a reader; a reader sees one consistent text from its first read on. */
	int (*show)(struct strbuf *out, void *priv);
	/* NULL, or: makes what show gets in place of priv, and the open file owns until release. */
	int (*open)(void *priv, void **own);
	void (*release)(void *own);
	/* buf is NUL-terminated; n bytes taken or -errno. */
	ssize_t (*write)(void *priv, char *buf, size_t n);
	/* POLLPRI events: the queue to wait on and a counter of changes; NULL without. */
	struct waitq *(*wait)(void *priv, u64 *events);
	/* Who may write it, whatever the mode says of that; NULL: the mode alone decides. */
	bool (*may_write)(void);
	bool poll_takes; /* an event is seen by one poll, else by all until the text is read */
	/* For writing that depends on who opened the file: a reference to what is kept of that, its end, and
	 * what is called instead of write. NULL without. */
	void *(*opened)(void);
	void (*closed)(void *opener);
	ssize_t (*write_by)(struct file *f, void *opener, char *buf, size_t n);
	void (*put)(void *priv); /* the inode goes, no file of it is open any more; may be NULL */
};
struct pseudo { /* the priv of such an inode */
	const struct pseudo_file *pf;
	void *priv;
};
/* A regular file inode that serves pf with priv; the caller gives it a name. Its super must have no
 * evict of its own, or call pseudo_evict() there. NULL without memory (priv is the caller's then). */
void pseudo_evict(struct inode *inode); /* does nothing for inodes that are not pseudo_inode()s */
struct inode *pseudo_inode(struct super *sb, const struct pseudo_file *pf, void *priv);

/* /sys: a directory path below its root ("fs/cgroup"), made with its parents; a file in one. */
void sysfs_mkdir(const char *path);
void sysfs_cpus(void); /* every CPU has started: a folder for each */
void sysfs_add(const char *dir, const struct pseudo_file *pf, void *priv);
void sysfs_link(const char *path, const char *target);

extern struct fs_type sysfs_type; /* proc/ sets its owner */
void fs_init(void); /* rootfs mounted, built-in types registered */
/* Unpacks the cpio (newc) of boot module 0 into the root, adopts page-aligned data in place, and puts
 * every further module at the path its name says. A bad archive: one log line, what came before stays. */
void initramfs_load(void);
