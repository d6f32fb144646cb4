/* SPDX-License-Identifier: MIT */
/*
 * The io controller: what a group and those below read from and write to disks (io.stat), and limits of
 * that in bytes and in transfers a second (io.max), by the io_groups of fs/. A transfer is the group's
 * that is charged for its first page: so reading is of who first wants the page, writing back of who
 * brought it in, and not of who happens to write it back. Who is beyond a limit sleeps here, before its
 * next transfer or return to ring 3, until it is within again, its limits or its group change, or it is killed.
 */
#include "container/cgroup.h"

static struct waitq changed = WAITQ_INIT(changed); /* who is beyond a limit sleeps here */

void cg_io_moved(void)
{
	waitq_wake_all(&changed, 0);
}

/* io_group_hook */
static struct io_group *group_of(struct res_counter *charge)
{
	return charge ? &container_of(charge, struct cgroup, mem)->io : NULL;
}

/* io_wait_hook */
static void io_wait(void)
{
	struct thread *t = current_thread();
	struct wait_entry w = { 0 };

	list_init(&w.link);
	for (;;) {
		struct cgroup *cg;
		u64 until;

		waitq_prepare(&changed, &w, THREAD_UNINTERRUPTIBLE);
		cg = task_cgroup_get(current);
		until = io_group_paid(&cg->io, t->io_owes);
		cgroup_put(cg);
		if (until <= clock_ns() || thread_killed())
			break;
		schedule_until(until);
		waitq_finish(&w);
	}
	waitq_finish(&w);
	t->io_owes = 0;
	thread_clear_work(t, THREAD_WORK_IO);
}

/* ---- io.stat ---- */

static int stat_show(struct strbuf *out, void *priv)
{
	const struct cgroup *cg = priv;

	for (const struct blkdev *bd = blkdev_next(NULL); bd; bd = blkdev_next(bd)) {
		struct io_use u = { 0 };

		for (enum bio_op op = BIO_READ; !cg->parent && op <= BIO_WRITE; op++) {
			u.bytes[op] = bd->sectors_done[op] << 9;
			u.ios[op] = bd->requests[op];
		}
		if (cg->parent)
			u = cg->io.use[bd->nr];
		if (u.ios[BIO_READ] || u.ios[BIO_WRITE])
			sb_printf(out,
				  "%u:%u rbytes=%lu wbytes=%lu rios=%lu wios=%lu dbytes=0 dios=0\n",
				  MAJOR(bd->rdev), MINOR(bd->rdev), u.bytes[BIO_READ],
				  u.bytes[BIO_WRITE], u.ios[BIO_READ], u.ios[BIO_WRITE]);
	}
	return 0;
}

/* ---- io.max: "MAJ:MIN rbps=N wbps=N riops=N wiops=N", in any order, "max" for none ---- */

static const char *const names[IO_LIMITS] = { "rbps", "wbps", "riops", "wiops" };

static int max_show(struct strbuf *out, void *priv)
{
	const struct cgroup *cg = priv;

	for (const struct blkdev *bd = blkdev_next(NULL); bd; bd = blkdev_next(bd)) {
		struct io_use u = cg->io.use[bd->nr];

		if ((u.limit[0] & u.limit[1] & u.limit[2] & u.limit[3]) == RES_NO_LIMIT)
			continue;
		sb_printf(out, "%u:%u", MAJOR(bd->rdev), MINOR(bd->rdev));
		for (unsigned int i = 0; i < IO_LIMITS; i++) {
			sb_printf(out, " %s=", names[i]);
			if (u.limit[i] == RES_NO_LIMIT)
				sb_printf(out, "max");
			else
				sb_printf(out, "%lu", u.limit[i]);
		}
		sb_putc(out, '\n');
	}
	return 0;
}

/* The next word of *s, which moves behind it; empty at the end. */
static char *next_word(char **s)
{
	char *word = *s, *end;

	while (*word == ' ' || *word == '\t')
		word++;
	for (end = word; *end && *end != ' ' && *end != '\t';)
		end++;
	*s = *end ? end + 1 : end;
	*end = 0;
	return word;
}

/* "MAJ:MIN": -EINVAL, -ENODEV */
static struct blkdev *parse_disk(char *word)
{
	char *colon = strchr(word, ':');
	struct blkdev *bd;
	u64 major, minor;

	if (colon)
		*colon = 0;
	if (!colon || parse_u64(word, 10, &major) || parse_u64(colon + 1, 10, &minor))
		return ERR_PTR(-EINVAL);
	bd = (major | minor) >> 20 ? NULL : blkdev_find(MKDEV(major, minor));
	return bd ? bd : ERR_PTR(-ENODEV);
}

#define WORD_MAX 26 /* as Linux reads it */

/* "NAME=N" into its place; what follows the digits does not count, as on Linux. -EINVAL, -ERANGE for 0 */
static int parse_limit(char *word, u64 limit[IO_LIMITS])
{
	char *value = strchr(word, '=');
	u64 n = 0;

	if (!value || strlen(word) > WORD_MAX)
		return -EINVAL;
	*value++ = 0;
	if (!strcmp(value, "max"))
		n = RES_NO_LIMIT;
	else if (*value < '0' || *value > '9')
		return -EINVAL;
	else
		while (*value >= '0' && *value <= '9')
			n = n * 10 + (*value++ - '0');
	if (n <= 1)
		return n ? -EINVAL : -ERANGE;
	for (unsigned int i = 0; i < IO_LIMITS; i++)
		if (!strcmp(word, names[i])) {
			limit[i] = i >= IO_RIOPS && n >= ~0U ? RES_NO_LIMIT : n;
			return 0;
		}
	return -EINVAL;
}

static ssize_t max_write(void *priv, char *buf, size_t n)
{
	struct cgroup *cg = priv;
	u64 limit[IO_LIMITS];
	struct blkdev *bd;
	int err = 0;

	cg_chomp(buf);
	bd = parse_disk(next_word(&buf));
	if (IS_ERR(bd))
		return PTR_ERR(bd);
	mutex_lock(&cgroup_mutex);
	memcpy(limit, cg->io.use[bd->nr].limit, sizeof(limit));
	if (cg->removed)
		err = -ENODEV;
	for (char *word; !err && *(word = next_word(&buf));)
		err = parse_limit(word, limit);
	if (!err)
		io_group_set_limits(&cg->io, bd->nr, limit);
	mutex_unlock(&cgroup_mutex);
	cg_io_moved();
	return err ?: (ssize_t)n;
}

static void reset(struct cgroup *cg)
{
	static const u64 none[IO_LIMITS] = { RES_NO_LIMIT, RES_NO_LIMIT, RES_NO_LIMIT,
					     RES_NO_LIMIT };

	for (unsigned int i = 0; i < cg->io.n; i++) {
		cg->io.use[i] = (struct io_use){ 0 };
		io_group_set_limits(&cg->io, i, none);
	}
	cg_io_moved();
}

static const struct cg_file files[] = {
	CG_CHILD_FILE("io.max", 0644, .show = max_show, .write = max_write),
	CG_FILE("io.stat", 0444, .show = stat_show),
	{ .pf = { .name = NULL } },
};
const struct cg_controller cg_io = { "io", CG_IO, files, reset };

void cg_io_start(void)
{
	io_group_hook = group_of;
	io_wait_hook = io_wait;
}
