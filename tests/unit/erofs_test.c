/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/erofs_disk.c */
/*
 * The EROFS reader over images that mkfs.erofs makes of a small tree, in each layout it knows, and
 * over the same images with bytes changed: every answer is data or an errno, never a wild read.
 */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/erofs_disk.h"
#include "host.h"

struct host_image {
	struct erofs_image img; /* first */
	u8 *data;
};
static u8 scratch[4096];

static int host_read(struct erofs_image *img, u64 off, void *buf, size_t n)
{
	struct host_image *h = (struct host_image *)img;

	assert_true(off <= img->size && n <= img->size - off);
	memcpy(buf, h->data + off, n);
	return 0;
}

static char dir[64];

static void sh(const char *fmt, ...) __printf(1, 2);
static void sh(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		fail_msg("%s", cmd);
}

static int make_tree(void **state)
{
	strcpy(dir, "/tmp/erofs-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	sh("cd %s && mkdir -p t/many && printf 'hello\\n' >t/small && "
	   "seq 30000 >t/large && head -c 8192 t/large >t/even && ln -s many/7 t/link && "
	   "for i in $(seq 400); do echo $i >t/many/$i; done && mkfifo t/fifo && ln t/small t/hard "
	   "&& "
	   "chmod 4751 t/even",
	   dir);
	return 0;
}

static int drop_tree(void **state)
{
	sh("rm -rf %s", dir);
	return 0;
}

static void load(struct host_image *h, const char *options)
{
	char path[128];
	struct stat st;
	FILE *f;

	sh("cd %s && mkfs.erofs %s i t >/dev/null 2>&1", dir, options);
	snprintf(path, sizeof(path), "%s/i", dir);
	assert_int_equal(stat(path, &st), 0);
	memset(h, 0, sizeof(*h));
	h->data = malloc(st.st_size);
	h->img.size = st.st_size;
	h->img.read = host_read;
	f = fopen(path, "r");
	assert_int_equal(fread(h->data, 1, st.st_size, f), st.st_size);
	fclose(f);
}

static int find(struct host_image *h, u64 dir_nid, const char *name, struct erofs_inode *out)
{
	struct erofs_inode d;
	u64 nid;
	int err = erofs_read_inode(&h->img, dir_nid, &d);

	if (!err)
		err = erofs_find(&h->img, &d, name, strlen(name), scratch, &nid);
	return err ? err : erofs_read_inode(&h->img, nid, out);
}

static void same_as_file(struct host_image *h, const char *name, const struct erofs_inode *ino)
{
	char path[128], *got = malloc(ino->size + 1), *want = malloc(ino->size + 1);
	FILE *f;

	snprintf(path, sizeof(path), "%s/t/%s", dir, name);
	f = fopen(path, "r");
	assert_int_equal(fread(want, 1, ino->size + 1, f), ino->size);
	fclose(f);
	assert_int_equal(erofs_read_data(&h->img, ino, 0, got, ino->size), 0);
	assert_memory_equal(got, want, ino->size);
	free(got);
	free(want);
}

static void check_tree(struct host_image *h)
{
	static const char *const files[] = { "small", "large", "even" };
	struct erofs_inode ino, many, hard;
	struct erofs_dirent de;
	u64 pos = 0, have = ~0UL;
	unsigned int seen = 0;
	char name[8];
	int ret;

	assert_int_equal(erofs_read_super(&h->img), 0);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		assert_int_equal(find(h, h->img.root_nid, files[i], &ino), 0);
		assert_int_equal(ino.mode >> 12, 8);
		same_as_file(h, files[i], &ino);
	}
	assert_int_equal(ino.mode & 07777, 04751);
	assert_int_equal(find(h, h->img.root_nid, "hard", &hard), 0);
	assert_int_equal(hard.nlink, 2);
	assert_int_equal(find(h, h->img.root_nid, "link", &ino), 0);
	assert_int_equal(ino.size, 6);
	assert_int_equal(erofs_read_data(&h->img, &ino, 0, name, 6), 0);
	assert_memory_equal(name, "many/7", 6);
	assert_int_equal(find(h, h->img.root_nid, "fifo", &ino), 0);
	assert_int_equal(ino.mode >> 12, 1);
	assert_int_equal(find(h, h->img.root_nid, "many", &many), 0);
	for (int i = 1; i <= 400; i++) {
		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(find(h, many.nid, name, &ino), 0);
	}
	assert_int_equal(find(h, many.nid, "0", &ino), -ENOENT);
	assert_int_equal(find(h, many.nid, "401", &ino), -ENOENT);
	assert_int_equal(find(h, many.nid, "zzz", &ino), -ENOENT);
	while ((ret = erofs_dirent(&h->img, &many, pos, scratch, &have, &de)) > 0) {
		pos = de.next;
		seen++;
	}
	assert_int_equal(ret, 0);
	assert_int_equal(seen, 402);
}

static void reads_every_layout(void **state)
{
	static const char *const options[] = {
		"", "-E noinline_data", "-E force-inode-extended", "-E force-inode-compact", "-x-1",
	};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct host_image h;

		load(&h, options[i]);
		check_tree(&h);
		free(h.data);
	}
}

static int count_xattr(void *arg, const char *name, u64 value, size_t n)
{
	assert_true(strlen(name) < 300);
	++*(unsigned int *)arg;
	return 0;
}

/* Reads all there is, as a hostile image's mounter would make the kernel do. */
static void walk(struct host_image *h, u64 nid, int depth)
{
	struct erofs_inode ino;
	struct erofs_dirent de;
	u8 block[4096], buf[512];
	u64 pos = 0, have = ~0UL, off;
	unsigned int xattrs = 0, entries = 0;

	if (erofs_read_inode(&h->img, nid, &ino))
		return;
	erofs_each_xattr(&h->img, &ino, count_xattr, &xattrs);
	if (ino.mode >> 12 != 4) {
		for (int i = 0; ino.size && i < 16; i++) {
			off = rnd_below(ino.size);
			erofs_read_data(&h->img, &ino, off, buf, min(ino.size - off, sizeof(buf)));
		}
		return;
	}
	erofs_find(&h->img, &ino, "7", 1, block, &off);
	while (entries++ < 1000 && erofs_dirent(&h->img, &ino, pos, block, &have, &de) > 0) {
		assert_true(de.next > pos);
		pos = de.next;
		if (depth < 2 && de.nid != nid)
			walk(h, de.nid, depth + 1);
	}
}

static void survives_damage(void **state)
{
	static const char *const options[] = { "", "-E noinline_data", "-E force-inode-extended" };

	for (size_t o = 0; o < ARRAY_SIZE(options); o++) {
		struct host_image h;
		u8 *sound;
		u64 whole;

		load(&h, options[o]);
		whole = h.img.size;
		sound = malloc(whole);
		memcpy(sound, h.data, whole);
		for (int round = 0; round < 400; round++) {
			memcpy(h.data, sound, whole);
			h.img.size = rnd_below(8) ? whole : rnd_below(whole);
			h.data[1024 + 8] &= ~1; /* no checksum: the damage is to be met */
			for (u64 n = rnd_below(40) + 1; n; n--)
				h.data[rnd_below(2) ? rnd_below(whole) : 1024 + rnd_below(8192)] =
					rnd_below(2)   ? rnd()
					: rnd_below(2) ? 0xff
						       : 0;
			if (!erofs_read_super(&h.img))
				walk(&h, h.img.root_nid, 0);
		}
		free(sound);
		free(h.data);
	}
}

static void checks_the_sum(void **state)
{
	struct host_image h;

	load(&h, "");
	assert_int_equal(erofs_read_super(&h.img), 0);
	h.data[1024 + 64] ^= 1; /* the volume's name */
	assert_int_equal(erofs_read_super(&h.img), -EUCLEAN);
	h.data[1024] ^= 1;
	assert_int_equal(erofs_read_super(&h.img), -EINVAL);
	h.img.size = 1000;
	assert_int_equal(erofs_read_super(&h.img), -EINVAL);
	free(h.data);
	load(&h, "--chunksize=4096"); /* a kind that is not read */
	assert_int_equal(erofs_read_super(&h.img), -EINVAL);
	free(h.data);
	assert_int_equal(erofs_crc32c(~0U, "123456789", 9), ~0xe3069283U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_layout),
		cmocka_unit_test(checks_the_sum),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, make_tree, drop_tree);
}
