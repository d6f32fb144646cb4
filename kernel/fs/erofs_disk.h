/* SPDX-License-Identifier: MIT */
/*
 * EROFS on disk, uncompressed (Linux Documentation/filesystems/erofs.rst): what an image says, as
 * plain values. Freestanding: the unit tests read images with it on the host. An image is hostile
 * until proven otherwise: every function checks what it reads and answers -EUCLEAN for nonsense.
 */
#pragma once
#include "lib/lib.h"

struct erofs_image {
	/* Exactly n bytes from byte off: 0 or -EIO. */
	int (*read)(struct erofs_image *img, u64 off, void *buf, size_t n);
	u64 size; /* bytes there are */
	/* filled in by erofs_read_super() */
	unsigned int block_bits;
	u64 blocks, inodes, meta, xattrs; /* the last two: byte offsets */
	u64 root_nid;
	s64 build_ns;
};

struct erofs_inode {
	u64 nid, size;
	u64 end; /* byte offset of what follows the inode and its xattrs: inline data */
	u32 xattr_size; /* bytes of inline xattrs, just before end */
	u32 mode, uid, gid, nlink;
	u32 layout; /* EROFS_* */
	u32 start; /* block or device number */
	s64 mtime_ns;
};

/* Checks and takes in the superblock. -EINVAL: no EROFS, or of a kind we do not read. -EUCLEAN */
int erofs_read_super(struct erofs_image *img);
int erofs_read_inode(struct erofs_image *img, u64 nid, struct erofs_inode *ino);
/* Where the bytes of ino from off on (below its size) lie; *len of them are contiguous. */
int erofs_map(struct erofs_image *img, const struct erofs_inode *ino, u64 off, u64 *pos, u64 *len);
/* n bytes of ino's data from off on, all below its size. */
int erofs_read_data(struct erofs_image *img, const struct erofs_inode *ino, u64 off, void *buf,
		    size_t n);
/* The inode that name leads to in dir: 0, -ENOENT, -EUCLEAN. block: scratch of one block. */
int erofs_find(struct erofs_image *img, const struct erofs_inode *dir, const char *name, size_t len,
	       void *block, u64 *nid);

struct erofs_dirent {
	const char *name; /* in the scratch block, without NUL */
	size_t len;
	u64 nid;
	unsigned int dt_type; /* as getdents(2) has it */
	u64 next; /* position of the one after it */
};
/* The entry at position pos of dir (0: the first): 1, 0 at the end, -EUCLEAN. block as above, its
 * number in *have (~0UL: empty at first). */
int erofs_dirent(struct erofs_image *img, const struct erofs_inode *dir, u64 pos, void *block,
		 u64 *have, struct erofs_dirent *de);

/* Calls fn for each xattr until it returns non-zero, which is returned. value: at byte off. */
int erofs_each_xattr(struct erofs_image *img, const struct erofs_inode *ino,
		     int (*fn)(void *arg, const char *name, u64 value, size_t size), void *arg);
u32 erofs_crc32c(u32 crc, const void *data, size_t n);
