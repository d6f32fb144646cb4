/* SPDX-License-Identifier: MIT */
/*
 * virtio-9p (device 9 of virtio 1.2; linux/virtio_9p.h): a folder of the host's, served by 9P2000.L (diod's
 * protocol.md) to a guest that is not believed. A request comes in a chain, its reply goes into the same one.
 *
 * A fid has a path below the folder, of names that the guest walked by: none is "..", none a symbolic link.
 * It is looked up each time by openat2(2), which neither leaves the folder nor follows a link; what is done
 * to a name is done in its parent, by a call that does not follow either. So the guest reaches what is in the
 * folder and nothing else, whatever links are there and whoever moves things meanwhile. Links are followed by
 * the guest, in its own tree.
 *
 * All is done as the user that vm is, without capabilities; owners are shown as they are. Only files and
 * folders are opened; the guest makes no set-uid files. What is not here is answered EOPNOTSUPP.
 */
#include <limits.h>
#include <stdio.h> /* renameat */
#include <dirent.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <linux/virtio_9p.h>

#include "virtio.h"

#define MSIZE_LEAST 4096
#define MSIZE_MOST (512 << 10)
/* of a request without what is to be written, and of a reply without what was read */
#define BUFFER 16384
#define FIDS_MAX 16384
#define BUCKETS 256
#define HEAD 7 /* of each message: size[4] type[1] tag[2] */
#define WALK_MOST 16
#define WRITE_HEAD 16 /* of Twrite, before what is to be written */

/* Types of requests that are told from others; calls[] has all. That of the reply is one more. */
enum {
	TLERROR = 6,
	TLOPEN = 12,
	TRENAME = 20,
	TATTACH = 104,
	TWALK = 110,
	TWRITE = 118,
	TREMOVE = 122
};
enum { QID_DIR = 0x80, QID_LINK = 0x02 };
#define GETATTR_BASIC 0x7ff
enum { SET_MODE = 1, SET_UID = 2, SET_GID = 4, SET_SIZE = 8, SET_ATIME = 16, SET_MTIME = 32 };
enum { ATIME_GIVEN = 128, MTIME_GIVEN = 256 }; /* else it is now */
enum { LOCK_SUCCESS = 0, LOCK_NONE = 2 };
#define OPEN_FLAGS (O_ACCMODE | O_TRUNC | O_APPEND | O_EXCL | O_DSYNC | O_SYNC | O_DIRECTORY)
#define FOLDER (O_PATH | O_DIRECTORY)

struct fid {
	struct fid *next;
	uint32_t id;
	int fd; /* of the file once it is open, else -1 */
	char *path; /* "": the folder */
};

struct p9 {
	struct virtio v;
	const struct share *share;
	struct { /* struct virtio_9p_config */
		uint16_t tag_len;
		char tag[SHARE_TAG];
	} config;
	struct fid *fids[BUCKETS];
	unsigned int nr_fids;
	/* the request at hand: its message, and its arguments as struct call has them */
	struct virtq_chain chain;
	uint8_t type, request[BUFFER], reply[BUFFER];
	size_t at, end, filled; /* read of it; its end; of the reply */
	size_t data; /* bytes behind the reply that are in guest memory */
	int error; /* of its arguments: 0, or a negative errno */
	struct fid *fid[2];
	int dir[2]; /* descriptors of folders */
	char name[2][NAME_MAX + 1], text[PATH_MAX];
	uint64_t n[10];
};

static int check(long result)
{
	return result < 0 ? -errno : 0;
}

/* ---- what a request says, and what the reply does ---- */

static void *take(struct p9 *p, size_t n)
{
	if (n > p->end - p->at) {
		p->error = -EINVAL;
		return NULL;
	}
	p->at += n;
	return p->request + p->at - n;
}

static uint64_t get(struct p9 *p, unsigned int n)
{
	const void *from = take(p, n);
	uint64_t v = 0;

	if (from)
		memcpy(&v, from, n);
	return v;
}

static void get_text(struct p9 *p, char *to, size_t size)
{
	size_t n = get(p, 2);
	const char *from = take(p, n);

	*to = 0;
	if (!from)
		return;
	if (n >= size || memchr(from, 0, n)) {
		p->error = n >= size ? -ENAMETOOLONG : -EINVAL;
		return;
	}
	memcpy(to, from, n);
	to[n] = 0;
}

/* One of a folder; ".." alone may be walked by. */
static void get_name(struct p9 *p, char to[NAME_MAX + 1])
{
	get_text(p, to, NAME_MAX + 1);
	if (!p->error && (!*to || strchr(to, '/') || !strcmp(to, ".") ||
			  (!strcmp(to, "..") && p->type != TWALK)))
		p->error = -EINVAL;
}

/* What fits into a reply is each caller's concern: all but a folder's content is small. */
static void put(struct p9 *p, unsigned int n, uint64_t v)
{
	memcpy(p->reply + p->filled, &v, n);
	p->filled += n;
}

/* Numbers of so many bytes as the digits say. */
static void put_all(struct p9 *p, const char *sizes, const uint64_t *v)
{
	for (; *sizes; sizes++)
		put(p, *sizes - '0', *v++);
}

static void put_text(struct p9 *p, const char *text, size_t n)
{
	put(p, 2, n);
	memcpy(p->reply + p->filled, text, n);
	p->filled += n;
}

static void put_qid(struct p9 *p, const struct stat *st)
{
	put(p, 1, S_ISDIR(st->st_mode) ? QID_DIR : S_ISLNK(st->st_mode) ? QID_LINK : 0);
	put(p, 4, st->st_mtim.tv_sec ^ st->st_mtim.tv_nsec ^ st->st_size << 8);
	put(p, 8, st->st_ino ^ st->st_dev << 40); /* what is mounted below it numbers anew */
}

/* ---- fids and paths ---- */

static struct fid **find_fid(struct p9 *p, uint32_t id)
{
	struct fid **f = &p->fids[id % BUCKETS];

	while (*f && (*f)->id != id)
		f = &(*f)->next;
	return f;
}

static int add_fid(struct p9 *p, uint32_t id, const char *path)
{
	struct fid **at = find_fid(p, id), *f;

	if (*at)
		return -EINVAL;
	if (p->nr_fids == FIDS_MAX || !(f = malloc(sizeof(*f))))
		return -ENOMEM;
	*f = (struct fid){ .id = id, .fd = -1, .path = strdup(path) };
	if (!f->path) {
		free(f);
		return -ENOMEM;
	}
	*at = f;
	p->nr_fids++;
	return 0;
}

static void drop_fid(struct p9 *p, struct fid **at)
{
	struct fid *f = *at;

	*at = f->next;
	close(f->fd);
	free(f->path);
	free(f);
	p->nr_fids--;
}

static int join_path(char to[PATH_MAX], const char *dir, const char *name)
{
	return join(to, PATH_MAX, dir, *dir ? "/" : "", name, NULL) ? 0 : -ENAMETOOLONG;
}

/* A descriptor, or a negative errno. */
static int open_path(struct p9 *p, const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = flags | O_CLOEXEC | O_NOFOLLOW,
				.mode = mode,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	int fd = syscall(SYS_openat2, p->share->fd, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* The folder that the path is in, and its last name there. */
static int open_parent(struct p9 *p, const char *path, char name[NAME_MAX + 1])
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];

	strcpy(name, slash ? slash + 1 : *path ? path : ".");
	strcpy(dir, path);
	dir[slash ? slash - path : 0] = 0;
	return open_path(p, dir, FOLDER, 0);
}

static int look(struct p9 *p, const char *path, struct stat *st)
{
	int fd = open_path(p, path, O_PATH, 0), err;

	if (fd < 0)
		return fd;
	err = check(fstat(fd, st));
	close(fd);
	return err;
}

/* No terminal and no FIFO is opened: this thread does not wait for anybody. */
static int open_file(struct p9 *p, const char *path, int flags, mode_t mode)
{
	struct stat st;
	int err = look(p, path, &st);

	if (err && (err != -ENOENT || !(flags & O_CREAT)))
		return err;
	if (!err && S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!err && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return -ENXIO;
	return open_path(p, path, flags | O_NONBLOCK | O_NOCTTY, mode);
}

static void set_path(struct fid *f, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return; /* the old one leads nowhere, or to what is there now */
	free(f->path);
	f->path = copy;
}

/* All that lies there has another path now. */
static void was_moved(struct p9 *p, const char *from, const char *to)
{
	size_t n = strlen(from);
	char path[PATH_MAX];

	for (unsigned int i = 0; i < BUCKETS; i++)
		for (struct fid *f = p->fids[i]; f; f = f->next)
			if (!strncmp(f->path, from, n) && (!f->path[n] || f->path[n] == '/') &&
			    join(path, sizeof(path), to, f->path + n, NULL))
				set_path(f, path);
}

/* ---- requests: 0, or a negative errno ---- */

static int do_version(struct p9 *p)
{
	const char *version = strcmp(p->text, "9P2000.L") ? "unknown" : "9P2000.L";

	if (p->n[0] < MSIZE_LEAST)
		return -EMSGSIZE;
	for (unsigned int i = 0; i < BUCKETS; i++)
		while (p->fids[i])
			drop_fid(p, &p->fids[i]);
	put(p, 4, p->n[0] < MSIZE_MOST ? p->n[0] : MSIZE_MOST);
	put_text(p, version, strlen(version));
	return 0;
}

/* Whoever it is, and whatever tree is asked for: there is one. */
static int do_attach(struct p9 *p)
{
	struct stat st;
	int err = look(p, "", &st) ?: add_fid(p, p->n[0], "");

	if (!err)
		put_qid(p, &st);
	return err;
}

static int step(char path[PATH_MAX], const char *name)
{
	char *slash = strrchr(path, '/'), from[PATH_MAX];

	if (!strcmp(name, "..")) {
		*(slash ? slash : path) = 0;
		return 0;
	}
	strcpy(from, path);
	return join_path(path, from, name);
}

static int do_walk(struct p9 *p)
{
	uint32_t id = p->n[0], n = p->n[1], walked;
	struct fid *f = p->fid[0];
	char path[PATH_MAX];
	struct stat st;
	int err = 0;

	if (n > WALK_MOST || (id != f->id && *find_fid(p, id)))
		return -EINVAL;
	strcpy(path, f->path);
	put(p, 2, n);
	for (walked = 0; walked < n; walked++) {
		get_name(p, p->name[0]);
		err = p->error ?: step(path, p->name[0]) ?: look(p, path, &st);
		if (err)
			break;
		put_qid(p, &st);
	}
	memcpy(p->reply + HEAD, &walked, 2);
	if (err)
		return walked ? 0 : err; /* a part of the way is an answer, and makes no fid */
	if (id == f->id && f->fd < 0)
		drop_fid(p, find_fid(p, id));
	return add_fid(p, id, path);
}

/* The fid is of the file that is open now, at fd unless that is an error. */
static int opened(struct p9 *p, struct fid *f, int fd)
{
	struct stat st;
	int err = fd < 0 ? fd : check(fstat(fd, &st));

	if (err)
		return err;
	f->fd = fd;
	put_qid(p, &st);
	put(p, 4, 0); /* as much at once as fits into a message */
	return 0;
}

static int do_lopen(struct p9 *p)
{
	int flags = p->n[0] & OPEN_FLAGS & ~O_EXCL;

	if (p->fid[0]->fd >= 0)
		return -EINVAL;
	if (p->share->read_only && ((flags & O_ACCMODE) != O_RDONLY || flags & O_TRUNC))
		return -EROFS;
	return opened(p, p->fid[0], open_file(p, p->fid[0]->path, flags, 0));
}

static bool set_uid(mode_t mode)
{
	return !S_ISDIR(mode) && mode & (S_ISUID | S_ISGID);
}

static int do_lcreate(struct p9 *p)
{
	struct fid *f = p->fid[0];
	int flags = (p->n[0] & OPEN_FLAGS & ~O_DIRECTORY) | O_CREAT, err;
	mode_t mode = p->n[1] & 07777;

	if (f->fd >= 0 || set_uid(mode))
		return f->fd >= 0 ? -EINVAL : -EPERM;
	err = join_path(p->text, f->path, p->name[0])
		      ?: opened(p, f, open_file(p, p->text, flags, mode));
	if (!err)
		set_path(f, p->text);
	return err;
}

/* What has been made there, unless that is an error. */
static int made(struct p9 *p, int err)
{
	struct stat st;

	err = err ?: check(fstatat(p->dir[0], p->name[0], &st, AT_SYMLINK_NOFOLLOW));
	if (!err)
		put_qid(p, &st);
	return err;
}

static int do_mkdir(struct p9 *p)
{
	return made(p, check(mkdirat(p->dir[0], p->name[0], p->n[0] & 07777)));
}

static int do_symlink(struct p9 *p)
{
	return made(p, check(symlinkat(p->text, p->dir[0], p->name[0])));
}

static int do_mknod(struct p9 *p)
{
	if (set_uid(p->n[0]))
		return -EPERM;
	return made(p, check(mknodat(p->dir[0], p->name[0], p->n[0], makedev(p->n[1], p->n[2]))));
}

static int do_link(struct p9 *p)
{
	return check(linkat(p->dir[1], p->name[0], p->dir[0], p->name[1], 0));
}

/* Trename and Trenameat: from the one place to the other. */
static int do_rename(struct p9 *p)
{
	char from[PATH_MAX], to[PATH_MAX];
	int err = join_path(to, p->fid[1]->path, p->name[1]);

	if (!err && p->type == TRENAME)
		strcpy(from, p->fid[0]->path);
	else if (!err)
		err = join_path(from, p->fid[0]->path, p->name[0]);
	err = err ?: check(renameat(p->dir[0], p->name[0], p->dir[1], p->name[1]));
	if (!err)
		was_moved(p, from, to);
	return err;
}

static int do_unlinkat(struct p9 *p)
{
	return check(unlinkat(p->dir[0], p->name[0], p->n[0] & AT_REMOVEDIR));
}

static int do_clunk(struct p9 *p)
{
	drop_fid(p, find_fid(p, p->fid[0]->id));
	return 0;
}

/* The fid goes in any case. */
static int do_remove(struct p9 *p)
{
	int dir = p->share->read_only ? -EROFS : open_parent(p, p->fid[0]->path, p->name[0]);
	int err = dir < 0 ? dir : check(unlinkat(dir, p->name[0], 0));

	if (err == -EISDIR)
		err = check(unlinkat(dir, p->name[0], AT_REMOVEDIR));
	p->dir[0] = dir;
	do_clunk(p);
	return err;
}

static int do_readlink(struct p9 *p)
{
	ssize_t n = readlinkat(p->dir[0], p->name[0], p->text, sizeof(p->text));

	if (n < 0)
		return -errno;
	put_text(p, p->text, n);
	return 0;
}

static int do_getattr(struct p9 *p)
{
	const struct fid *f = p->fid[0];
	struct stat st = { 0 };
	int err = f->fd >= 0 ? check(fstat(f->fd, &st)) : look(p, f->path, &st);

	/* the last four are birth, generation, version: not known */
	const uint64_t v[18] = { st.st_mode,         st.st_uid,         st.st_gid,
				 st.st_nlink,        st.st_rdev,        st.st_size,
				 st.st_blksize,      st.st_blocks,      st.st_atim.tv_sec,
				 st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec,
				 st.st_ctim.tv_sec,  st.st_ctim.tv_nsec };

	if (err)
		return err;
	put(p, 8, GETATTR_BASIC);
	put_qid(p, &st);
	put_all(p, "444888888888888888", v);
	return 0;
}

/* Of p->n, behind what of it counts. */
enum { NEW_MODE, NEW_UID, NEW_GID, NEW_SIZE, NEW_ATIME, NEW_MTIME = 6 };

/* By a descriptor: there is no fchmodat(2) that does not follow links. */
static int change_file(struct p9 *p, const struct fid *f, bool size)
{
	bool open = f->fd >= 0 && (!size || (fcntl(f->fd, F_GETFL) & O_ACCMODE) != O_RDONLY);
	int fd = open ? f->fd : open_file(p, f->path, size ? O_WRONLY : O_RDONLY, 0), err;
	mode_t mode = p->n[1 + NEW_MODE] & 07777;
	struct stat st;

	if (fd == -EACCES && !size)
		fd = open_file(p, f->path, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	err = check(size ? ftruncate(fd, p->n[1 + NEW_SIZE]) : fstat(fd, &st));
	if (!err && !size)
		err = set_uid((st.st_mode & S_IFMT) | mode) ? -EPERM : check(fchmod(fd, mode));
	if (!open)
		close(fd);
	return err;
}

static struct timespec new_time(const uint64_t *n, bool set, bool given)
{
	return (struct timespec){ n[0], !set ? UTIME_OMIT : given ? n[1] : UTIME_NOW };
}

static int do_setattr(struct p9 *p)
{
	const uint64_t what = p->n[0], *n = p->n + 1;
	struct timespec t[2] = {
		new_time(n + NEW_ATIME, what & SET_ATIME, what & ATIME_GIVEN),
		new_time(n + NEW_MTIME, what & SET_MTIME, what & MTIME_GIVEN),
	};
	int err = what & SET_SIZE ? change_file(p, p->fid[0], true) : 0;

	if (!err && what & (SET_UID | SET_GID))
		err = check(fchownat(p->dir[0], p->name[0], what & SET_UID ? n[NEW_UID] : -1,
				     what & SET_GID ? n[NEW_GID] : -1, AT_SYMLINK_NOFOLLOW));
	if (!err && what & SET_MODE)
		err = change_file(p, p->fid[0], false);
	if (!err && what & (SET_ATIME | SET_MTIME))
		err = check(utimensat(p->dir[0], p->name[0], t, AT_SYMLINK_NOFOLLOW));
	return err;
}

static int do_statfs(struct p9 *p)
{
	struct statfs s;

	if (fstatfs(p->share->fd, &s) < 0)
		return -errno;
	put_all(p, "448888884",
		(uint64_t[]){ V9FS_MAGIC, s.f_bsize, s.f_blocks, s.f_bfree, s.f_bavail, s.f_files,
			      s.f_ffree, 0, s.f_namelen });
	return 0;
}

static int do_fsync(struct p9 *p)
{
	return check(p->n[0] ? fdatasync(p->fid[0]->fd) : fsync(p->fid[0]->fd));
}

/* Nobody else's locks are known here, as in QEMU: the guest's kernel keeps its own. */
static int do_lock(struct p9 *p)
{
	put(p, 1, LOCK_SUCCESS);
	return 0;
}

static int do_getlock(struct p9 *p)
{
	put_all(p, "1884", (uint64_t[]){ LOCK_NONE, p->n[1], p->n[2], p->n[3] });
	put_text(p, p->text, strlen(p->text));
	return 0;
}

/* A request is over before the next is looked at. */
static int do_flush(struct p9 *p)
{
	return 0;
}

/* Straight between the file and the guest's memory, of which `skip` bytes are for the reply. */
static int transfer(struct p9 *p, const struct iovec *from, unsigned int nr, size_t skip, bool in)
{
	struct iovec copy[VIRTQ_SIZE], *iov = copy;
	uint8_t head[HEAD + 4];
	size_t left = p->n[1];
	ssize_t n;

	memcpy(copy, from, nr * sizeof(*copy));
	iov_copy(&iov, &nr, head, skip, true);
	for (unsigned int i = 0; i < nr; i++) {
		iov[i].iov_len = iov[i].iov_len < left ? iov[i].iov_len : left;
		left -= iov[i].iov_len;
	}
	n = in ? preadv(p->fid[0]->fd, iov, nr, p->n[0]) : pwritev(p->fid[0]->fd, iov, nr, p->n[0]);
	if (n < 0)
		return -errno;
	put(p, 4, n);
	p->data = in ? n : 0;
	return 0;
}

static int do_read(struct p9 *p)
{
	return transfer(p, p->chain.in, p->chain.nr_in, HEAD + 4, true);
}

static int do_write(struct p9 *p)
{
	if (p->n[1] > p->chain.out_size)
		return -EINVAL;
	return transfer(p, p->chain.out, p->chain.nr_out, 0, false);
}

static int do_readdir(struct p9 *p)
{
	/* of which the reply has no more than twice as many bytes */
	static _Alignas(struct dirent) uint8_t names[BUFFER / 2 - HEAD];
	size_t begin = HEAD + 4, room = p->n[1];
	const struct dirent *d;
	ssize_t n;

	if (lseek(p->fid[0]->fd, p->n[0], SEEK_SET) < 0)
		return -errno;
	n = syscall(SYS_getdents64, p->fid[0]->fd, names, sizeof(names));
	if (n < 0)
		return -errno;
	room = room < p->chain.in_size - begin ? room : p->chain.in_size - begin;
	put(p, 4, 0);
	for (ssize_t at = 0; at < n; at += d->d_reclen) {
		d = (struct dirent *)(names + at);
		if (p->filled - begin + 24 + strlen(d->d_name) > room)
			break;
		put_qid(p, &(struct stat){ .st_ino = d->d_ino, .st_mode = DTTOIF(d->d_type) });
		put(p, 8, d->d_off);
		put(p, 1, d->d_type);
		put_text(p, d->d_name, strlen(d->d_name));
	}
	room = p->filled - begin;
	memcpy(p->reply + HEAD, &room, 4);
	return n && !room ? -EINVAL : 0;
}

/*
 * Arguments: f a fid, F one that is open, d a folder's fid and p anything's, of which the folder, or the one
 * above and the name in it, are there to work in; n a name, t other text, 1 2 4 8 numbers of so many bytes.
 * 74 is Trenameat; of all other types the function has the name.
 */
static const struct call {
	uint8_t type;
	bool writes;
	const char *arguments;
	int (*fn)(struct p9 *p);
} calls[] = {
	{ 8, false, "f", do_statfs },           { TLOPEN, false, "f4", do_lopen },
	{ 14, true, "fn44", do_lcreate },       { 16, true, "dnt", do_symlink },
	{ 18, true, "dn444", do_mknod },        { TRENAME, true, "pdn", do_rename },
	{ 22, false, "p", do_readlink },        { 24, false, "f", do_getattr },
	{ 26, true, "p444488888", do_setattr }, { 40, false, "F84", do_readdir },
	{ 50, false, "F4", do_fsync },          { 52, false, "f", do_lock },
	{ 54, false, "f1884t", do_getlock },    { 70, true, "dpn", do_link },
	{ 72, true, "dn4", do_mkdir },          { 74, true, "dndn", do_rename },
	{ 76, true, "dn4", do_unlinkat },       { 100, false, "4t", do_version },
	{ TATTACH, false, "4", do_attach },     { 108, false, "", do_flush },
	{ TWALK, false, "f42", do_walk },       { 116, false, "F84", do_read },
	{ TWRITE, true, "F84", do_write },      { 120, false, "f", do_clunk },
	{ TREMOVE, false, "f", do_remove },
};

/* ---- the device ---- */

/* All of the request but what Twrite writes. */
static int take_request(struct p9 *p, uint32_t size)
{
	if (size < HEAD || size - HEAD > p->chain.out_size)
		return -EINVAL;
	p->end = p->type == TWRITE && size - HEAD > WRITE_HEAD ? WRITE_HEAD : size - HEAD;
	if (p->end > BUFFER)
		return -EMSGSIZE;
	chain_read(&p->chain, p->request, p->end);
	return 0;
}

static void get_fid(struct p9 *p, unsigned int i, char kind, unsigned int name)
{
	struct fid *f = p->fid[i] = *find_fid(p, get(p, 4));

	if (!p->error && (!f || (kind == 'F' && f->fd < 0)))
		p->error = -EBADF;
	if (p->error || (kind != 'd' && kind != 'p'))
		return;
	p->dir[i] = kind == 'd' ? open_path(p, f->path, FOLDER, 0)
				: open_parent(p, f->path, p->name[name]);
	if (p->dir[i] < 0)
		p->error = p->dir[i];
}

static int perform(struct p9 *p, const struct call *c)
{
	unsigned int fids = 0, names = 0, numbers = 0;
	int err;

	if (c->writes && p->share->read_only)
		return -EROFS;
	p->dir[0] = p->dir[1] = -1;
	for (const char *a = c->arguments; *a && !p->error; a++) {
		if (*a == 'n')
			get_name(p, p->name[names++]);
		else if (*a == 't')
			get_text(p, p->text, sizeof(p->text));
		else if (*a >= '1' && *a <= '8')
			p->n[numbers++] = get(p, *a - '0');
		else
			get_fid(p, fids++, *a, *a == 'p' ? names++ : 0);
	}
	err = p->error ?: c->fn(p);
	close(p->dir[0]);
	close(p->dir[1]);
	return err;
}

static int answer(struct p9 *p, uint32_t size)
{
	int err = take_request(p, size);

	for (size_t i = 0; !err && i < LENGTH(calls); i++)
		if (calls[i].type == p->type)
			return perform(p, &calls[i]);
	return err ? err : -EOPNOTSUPP;
}

/* The bytes of the answer; 0: there is no room for one, or nothing to answer to. */
static uint32_t serve(struct p9 *p)
{
	uint8_t head[HEAD];
	uint32_t size;
	int err;

	if (p->chain.in_size < HEAD + 4 || !chain_read(&p->chain, head, HEAD))
		return 0;
	memcpy(&size, head, 4);
	p->type = head[4];
	p->at = p->end = p->data = 0;
	p->error = 0;
	p->filled = HEAD;
	err = answer(p, size);
	if (!err && p->filled > p->chain.in_size)
		err = -EMSGSIZE;
	if (err) {
		p->type = TLERROR;
		p->filled = HEAD;
		p->data = 0;
		put(p, 4, -err);
	}
	size = p->filled + p->data;
	memcpy(p->reply, &size, 4);
	p->reply[4] = p->type + 1;
	memcpy(p->reply + 5, head + 5, 2);
	chain_write(&p->chain, p->reply, p->filled);
	return size;
}

static void p9_notify(struct virtio *v, struct virtq *q)
{
	struct p9 *p = (struct p9 *)v; /* its first member */
	uint32_t size;

	while (virtq_pop(q, &p->chain)) {
		virtio_unlock(v);
		size = serve(p);
		virtio_lock(v);
		if (!size) {
			virtio_break(v);
			return;
		}
		virtq_push(q, &p->chain, size);
	}
	virtq_signal(q);
}

/* Files that are open here cannot be in a file. */
static const char *saving(struct kept *k)
{
	const struct p9 *p = k->device;

	return p->nr_fids ? "a shared folder is mounted" : NULL;
}

void p9_add(struct machine *m, struct share *s)
{
	struct p9 *p = allocate(sizeof(*p));

	s->fd = open(s->path, FOLDER | O_CLOEXEC);
	if (s->fd < 0)
		die(STATUS_FAILED, "--share %s: %s", s->path, strerror(errno));
	p->share = s;
	p->config.tag_len = strlen(s->tag);
	memcpy(p->config.tag, s->tag, p->config.tag_len);
	p->v.behind = s->path;
	p->v.offers = VIRTIO_BIT(VIRTIO_9P_MOUNT_TAG);
	p->v.config = &p->config;
	p->v.config_size = sizeof(struct virtio_9p_config) + p->config.tag_len;
	virtio_add(m, &p->v, VIRTIO_ID_9P, "virtio folder", 1, p9_notify);
	snapshot_keep(.id = "p9", .saving = saving, .device = p);
}

/* DIR[:PATH][,ro] */
void share_parse(struct machine *m, const char *text)
{
	struct share *s = &m->shares[m->nr_shares];
	size_t n = strlen(text);
	const char *colon = strstr(text, ":/");
	char dir[PATH_MAX];

	if (m->nr_shares == SHARES_MAX)
		die(STATUS_USAGE, "--share: at most %d folders", SHARES_MAX);
	s->read_only = n > 3 && !strcmp(text + n - 3, ",ro");
	n -= s->read_only ? 3 : 0;
	if (!realpath(copy_text(text, colon ? colon - text : n), dir))
		die(STATUS_FAILED, "--share %s: %s", text, strerror(errno));
	s->path = copy_text(dir, strlen(dir));
	s->guest = colon ? copy_text(colon + 1, text + n - colon - 1) : s->path;
	if (!s->guest[strspn(s->guest, "/")])
		die(STATUS_USAGE, "--share %s: the guest's root cannot be shared", text);
	format(s->tag, sizeof(s->tag), "share%u", m->nr_shares++);
}
