/* SPDX-License-Identifier: MIT */
/* The memory devices of major 1 (null(4), full(4), random(4)) and /dev/kmsg. */
#include "dev/tty.h"

#include <linux/major.h>

static loff_t mem_llseek(struct file *f, loff_t off, int whence)
{
	return f->pos = 0;
}

static ssize_t null_read(struct file *f, struct uio *to, loff_t *pos)
{
	return 0;
}

static ssize_t null_write(struct file *f, struct uio *from, loff_t *pos)
{
	ssize_t n = from->left;

	from->left = 0;
	return n;
}

static ssize_t zero_read(struct file *f, struct uio *to, loff_t *pos)
{
	ssize_t done = 0;

	while (to->left) {
		ssize_t n = uio_put_zeros(to, min(to->left, 16 * PAGE_SIZE));

		if (n <= 0)
			return done ? done : n;
		done += n;
		if (thread_interrupted())
			break;
		cond_resched();
	}
	return done;
}

/* Anonymous memory, private or shared: file_mmap() knows it by the missing operations. */
static int zero_mmap(struct file *f, struct vma *vma)
{
	vma->ops = NULL;
	return 0;
}

static ssize_t full_write(struct file *f, struct uio *from, loff_t *pos)
{
	return -ENOSPC;
}

static ssize_t random_read(struct file *f, struct uio *to, loff_t *pos)
{
	u8 buf[256];
	ssize_t done = 0;

	while (to->left) {
		size_t n = min(to->left, sizeof(buf));
		ssize_t put;

		random_bytes(buf, n);
		put = uio_put(to, buf, n);
		if (put <= 0)
			return done ? done : put;
		done += put;
		if (thread_interrupted())
			break;
		cond_resched();
	}
	return done;
}

static ssize_t random_write(struct file *f, struct uio *from, loff_t *pos)
{
	u8 buf[256];
	ssize_t done = 0, n;

	while (from->left) {
		n = uio_get(from, buf, sizeof(buf));
		if (n <= 0)
			return done ? done : n;
		random_mix(buf, n);
		done += n;
	}
	return done;
}

/* A line into the kernel log; "<N>" before it is its level. */
static ssize_t kmsg_write(struct file *f, struct uio *from, loff_t *pos)
{
	char line[256];
	int level = LOG_INFO;
	size_t n = from->left;
	ssize_t got = uio_get(from, line, min(n, sizeof(line) - 1));
	char *text = line;

	if (got < 0)
		return got;
	line[got] = '\0';
	if (line[0] == '<' && line[1] >= '0' && line[1] <= '7' && line[2] == '>') {
		level = line[1] - '0';
		text += 3;
	}
	if (got && line[got - 1] == '\n')
		line[got - 1] = '\0';
	printk(level, "%s", text);
	from->left = 0;
	return n;
}

/* clang-format off */
static const struct file_ops null_ops = {
	.read = null_read, .write = null_write, .llseek = mem_llseek, .seekable_stream = true,
};
static const struct file_ops zero_ops = {
	.read = zero_read, .write = null_write, .llseek = mem_llseek, .seekable_stream = true,
	.mmap = zero_mmap,
};
static const struct file_ops full_ops = {
	.read = zero_read, .write = full_write, .llseek = mem_llseek, .seekable_stream = true,
};
static const struct file_ops random_ops = {
	.read = random_read, .write = random_write, .llseek = mem_llseek, .seekable_stream = true,
};
/* clang-format on */
static const struct file_ops kmsg_ops = { .write = kmsg_write };

void mem_init(void)
{
	chrdev_register("null", MEM_MAJOR, 3, 0666, &null_ops);
	chrdev_register("zero", MEM_MAJOR, 5, 0666, &zero_ops);
	chrdev_register("full", MEM_MAJOR, 7, 0666, &full_ops);
	chrdev_register("random", MEM_MAJOR, 8, 0666, &random_ops);
	chrdev_register("urandom", MEM_MAJOR, 9, 0666, &random_ops);
	chrdev_register("kmsg", MEM_MAJOR, 11, 0644, &kmsg_ops);
}
