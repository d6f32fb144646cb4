/* SPDX-License-Identifier: MIT */
/* io_setup(2), io_submit(2), io_getevents(2), io_destroy(2): what libaio calls. */
#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "vfs.h"

static aio_context_t ctx;
static struct io_event done[8];
static char buf[32];
static int f;

static void start(unsigned int places)
{
	begin();
	make_file("f", "0123456789");
	f = open("f", O_RDWR);
	ctx = 0;
	R(syscall(SYS_io_setup, places, &ctx));
	say("context %s", ctx ? "given" : "none");
}

static struct iocb request(int op, uint64_t data, int fd, void *p, size_t n, off_t at)
{
	return (struct iocb){ .aio_lio_opcode = op,
			      .aio_data = data,
			      .aio_fildes = fd,
			      .aio_buf = (uint64_t)p,
			      .aio_nbytes = n,
			      .aio_offset = at };
}

static long submit(struct iocb *cb)
{
	return syscall(SYS_io_submit, ctx, 1, &cb);
}

static void collect(long least, long most, struct timespec *t)
{
	long n = syscall(SYS_io_getevents, ctx, least, most, done, t);

	if (n < 0)
		say("events: %s", errno_name(errno));
	for (long i = 0; i < n; i++)
		say("event %llu: %lld", (long long)done[i].data, (long long)done[i].res);
	say("%ld events", n);
}

static void reads_and_writes(void)
{
	struct timespec now = { 0 };
	struct iovec v[2] = { { buf + 8, 2 }, { buf + 12, 3 } };
	struct iocb a, *all[2], b;

	start(4);
	a = request(IOCB_CMD_PREAD, 11, f, buf, 4, 3);
	b = request(IOCB_CMD_PWRITE, 12, f, "xyz", 3, 8);
	all[0] = &a;
	all[1] = &b;
	collect(0, 8, &now);
	R(syscall(SYS_io_submit, ctx, 2, all));
	collect(2, 8, NULL);
	say("%.4s %s", buf, done[0].obj == (uint64_t)&a ? "its own" : "another's");
	a = request(IOCB_CMD_PREADV, 13, f, v, 2, 7);
	R(submit(&a));
	collect(1, 1, NULL);
	say("%.2s %.3s", buf + 8, buf + 12);
	a = request(IOCB_CMD_FSYNC, 14, f, NULL, 0, 0);
	R(submit(&a));
	collect(1, 1, NULL);
	collect(0, 1, &now);
	R(syscall(SYS_io_destroy, ctx));
	R(syscall(SYS_io_destroy, ctx));
	R(submit(&a));
}

static void tells_an_eventfd(void)
{
	int e = eventfd(0, EFD_NONBLOCK);
	uint64_t n = 0;
	struct iocb a;

	start(8);
	a = request(IOCB_CMD_PREAD, 1, f, buf, 4, 0);
	a.aio_flags = IOCB_FLAG_RESFD;
	a.aio_resfd = e;
	R(submit(&a));
	R(submit(&a));
	R(read(e, &n, sizeof(n)));
	say("%d", (int)n);
	a.aio_resfd = f;
	R(submit(&a));
	a.aio_resfd = -1;
	R(submit(&a));
	collect(0, 8, NULL);
}

static void refusals(void)
{
	struct timespec soon = { .tv_nsec = 20000000 };
	struct iocb a, *none = NULL;
	int rd;

	start(2);
	rd = open("f", O_RDONLY);
	R(syscall(SYS_io_setup, 2, &ctx)); /* not 0 */
	ctx = 0;
	R(syscall(SYS_io_setup, 0, &ctx));
	R(syscall(SYS_io_setup, 2, NULL));
	R(syscall(SYS_io_setup, 2, &ctx));
	a = request(IOCB_CMD_PREAD, 1, 99, buf, 4, 0);
	R(submit(&a));
	a = request(IOCB_CMD_PWRITE, 1, rd, buf, 4, 0);
	R(submit(&a));
	a = request(99, 1, f, buf, 4, 0);
	R(submit(&a));
	a = request(IOCB_CMD_PREAD, 1, f, buf, 4, -1);
	R(submit(&a));
	R(syscall(SYS_io_submit, ctx, 1, &none));
	R(syscall(SYS_io_submit, ctx, -1, &none));
	R(syscall(SYS_io_submit, ctx, 0, &none));
	R(syscall(SYS_io_getevents, ctx, 2, 1, done, NULL));
	R(syscall(SYS_io_getevents, ctx, -1, 1, done, NULL));
	R(syscall(SYS_io_getevents, buf, 0, 1, done, NULL));
	collect(1, 1, &soon);
}

static void *later(void *arg)
{
	usleep(20000);
	submit(arg);
	return NULL;
}

static void waits_for_another(void)
{
	pthread_t t;
	struct iocb a;

	start(4);
	a = request(IOCB_CMD_PREAD, 5, f, buf, 4, 0);
	pthread_create(&t, NULL, later, &a);
	collect(1, 4, NULL);
	pthread_join(t, NULL);
}

static void *destroy(void *arg)
{
	usleep(20000);
	syscall(SYS_io_destroy, ctx);
	return NULL;
}

static void who_waits_hears_of_the_end(void)
{
	pthread_t t;

	start(4);
	pthread_create(&t, NULL, destroy, NULL);
	collect(1, 4, NULL);
	pthread_join(t, NULL);
	R(syscall(SYS_io_destroy, ctx));
}

static void a_child_has_none(void)
{
	struct iocb a;

	start(4);
	a = request(IOCB_CMD_PREAD, 5, f, buf, 4, 0);
	if (fork() == 0) {
		R(submit(&a));
		exit(0);
	}
	wait(NULL);
	R(submit(&a));
}

ABI_MAIN(CASE(reads_and_writes), CASE(tells_an_eventfd), CASE(refusals), CASE(waits_for_another),
	 CASE(who_waits_hears_of_the_end), CASE(a_child_has_none))
