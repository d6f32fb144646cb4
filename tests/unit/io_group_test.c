/* SPDX-License-Identifier: MIT */
/* sources: kernel/fs/io_group.c */
/*
 * Limits of groups on a disk, in simulated time: a reader that waits until its group has paid, as
 * io_wait() does, gets what the limit says, to the byte and the nanosecond.
 */
#include "fs/fs.h"
#include "host.h"

#define KIB 1024UL
#define SLICE (100 * NSEC_PER_MSEC) /* what an idle group may have saved up */

static struct blkdev disks[2] = { { .next = &disks[1] }, { .nr = 1 } };
static struct io_group top, a, b; /* a and b are below top */
static u64 now;

struct blkdev *blkdev_next(const struct blkdev *bd)
{
	return bd ? bd->next : disks;
}

static void limit(struct io_group *g, enum io_limit which, u64 n)
{
	u64 limits[IO_LIMITS];

	memcpy(limits, g->use[0].limit, sizeof(limits));
	limits[which] = n;
	io_group_set_limits(g, 0, limits);
}

static int setup(void **state)
{
	static const u64 none[IO_LIMITS] = { RES_NO_LIMIT, RES_NO_LIMIT, RES_NO_LIMIT,
					     RES_NO_LIMIT };
	struct io_group *all[] = { &top, &a, &b };

	now = 1000 * NSEC_PER_SEC;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(io_group_init(all[i], i ? &top : NULL), 0);
		io_group_set_limits(all[i], 0, none);
		io_group_set_limits(all[i], 1, none);
	}
	return 0;
}

static int teardown(void **state)
{
	free(top.use);
	free(a.use);
	free(b.use);
	return 0;
}

static bool transfer(struct io_group *g, enum bio_op op, u32 bytes)
{
	struct bio bio = { .op = op, .bytes = bytes, .dev = &disks[0] };

	return io_group_charge(g, &bio, now);
}

/* n transfers, each when the one before is paid. Nanoseconds. */
static u64 run(struct io_group *g, enum bio_op op, u32 bytes, int n)
{
	u64 began = now;

	while (n--)
		if (transfer(g, op, bytes)) {
			u64 paid = io_group_paid(g, 1U << op);

			assert_true(paid > now);
			now = paid;
		}
	return now - began;
}

static void counts(void **state)
{
	run(&a, BIO_READ, 4096, 3);
	run(&b, BIO_READ, 8192, 2);
	run(&b, BIO_WRITE, 512, 1);
	assert_int_equal(a.use[0].bytes[BIO_READ], 3 * 4096);
	assert_int_equal(b.use[0].bytes[BIO_READ], 2 * 8192);
	assert_int_equal(top.use[0].bytes[BIO_READ], 3 * 4096 + 2 * 8192);
	assert_int_equal(top.use[0].ios[BIO_READ], 5);
	assert_int_equal(top.use[0].bytes[BIO_WRITE], 512);
	assert_int_equal(top.use[0].ios[BIO_WRITE], 1);
	assert_int_equal(top.use[1].ios[BIO_READ], 0);
}

static void without_limit(void **state)
{
	assert_int_equal(run(&a, BIO_READ, 128 * KIB, 1000), 0);
	assert_int_equal(io_group_paid(&a, ~0U), 0);
}

static void bytes(void **state)
{
	limit(&a, IO_RBPS, 1024 * KIB);
	assert_int_equal(run(&a, BIO_READ, 128 * KIB, 80), 10 * NSEC_PER_SEC - SLICE);
	assert_int_equal(run(&a, BIO_READ, 128 * KIB, 80), 10 * NSEC_PER_SEC);
	assert_int_equal(run(&a, BIO_WRITE, 128 * KIB, 80), 0);
}

static void transfers(void **state)
{
	limit(&a, IO_WIOPS, 50);
	assert_int_equal(run(&a, BIO_WRITE, 128 * KIB, 500), 10 * NSEC_PER_SEC - SLICE);
	assert_int_equal(run(&a, BIO_READ, 128 * KIB, 500), 0);
}

/* The least of all limits on the way up holds, and the group above is shared. */
static void nested(void **state)
{
	limit(&top, IO_RBPS, 1024 * KIB);
	limit(&a, IO_RBPS, 512 * KIB);
	assert_int_equal(run(&a, BIO_READ, 64 * KIB, 80), 10 * NSEC_PER_SEC - SLICE);
	assert_int_equal(run(&b, BIO_READ, 64 * KIB, 160), 10 * NSEC_PER_SEC - SLICE);
	for (int i = 0; i < 10; i++) { /* a second's worth at once, by both */
		transfer(&a, BIO_READ, 64 * KIB);
		transfer(&b, BIO_READ, 64 * KIB);
	}
	assert_int_equal(io_group_paid(&b, 1U << BIO_READ) - now, 1250 * NSEC_PER_MSEC);
}

/* Time in which nothing was done gives a slice, no more; a new limit forgives. */
static void idle(void **state)
{
	limit(&a, IO_RBPS, 1024 * KIB);
	run(&a, BIO_READ, 128 * KIB, 8);
	now += 3600 * NSEC_PER_SEC;
	assert_int_equal(run(&a, BIO_READ, 128 * KIB, 8), NSEC_PER_SEC - SLICE);
	transfer(&a, BIO_READ, 1024 * KIB);
	limit(&a, IO_RBPS, 2048 * KIB);
	assert_true(io_group_paid(&a, 1U << BIO_READ) <= now);
	limit(&a, IO_RBPS, 1);
	transfer(&a, BIO_READ, 128 * KIB);
	limit(&a, IO_RBPS, RES_NO_LIMIT);
	assert_int_equal(io_group_paid(&a, ~0U), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts, setup, teardown),
		cmocka_unit_test_setup_teardown(without_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(transfers, setup, teardown),
		cmocka_unit_test_setup_teardown(nested, setup, teardown),
		cmocka_unit_test_setup_teardown(idle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
