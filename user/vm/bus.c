/* SPDX-License-Identifier: MIT */
/*
 * How devices are reached: by the vCPUs, through the two address spaces of a PC, ports and memory; and
 * by the world outside, through descriptors that the first thread waits for. One lock is around all of
 * it: while a device runs, no other does, and none has a lock of its own.
 */
#include <sys/eventfd.h>

#include "vm.h"

#define WATCHES_MAX 64

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void bus_lock(void)
{
	pthread_mutex_lock(&lock);
}

void bus_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

/* ---- the address spaces ---- */

static struct region *regions[2]; /* by enum space; of two that overlap, the smaller one counts */

void bus_add(struct machine *m, struct region *r)
{
	r->next = regions[r->space];
	regions[r->space] = r;
}

void bus_add_ports(struct machine *m, const char *name, uint64_t start, uint64_t size,
		   unsigned int irq, access_fn *access, void *device)
{
	struct region *r = allocate(sizeof(*r));

	*r = (struct region){ .name = name, .start = start, .size = size, .irq = irq };
	r->access = access;
	r->device = device;
	bus_add(m, r);
}

static struct region *find(enum space space, uint64_t at)
{
	struct region *found = NULL;

	for (struct region *r = regions[space]; r; r = r->next)
		if (r->start != NOWHERE && at - r->start < r->size &&
		    (!found || r->size < found->size))
			found = r;
	return found;
}

void bus_access(struct machine *m, enum space space, uint64_t at, bool in, uint8_t *data,
		unsigned int size, unsigned int count)
{
	struct region *r;

	if (in)
		memset(data, 0xff, size * count); /* where nobody drives the bus */
	bus_lock();
	r = find(space, at);
	for (unsigned int i = 0; r && i < count; i++) {
		uint64_t offset = at - r->start, left = r->size - offset;

		r->accesses++;
		r->access(m, r->device, offset, in, data + i * size, size < left ? size : left);
	}
	if (r && r->done)
		r->done(m, r->device);
	pthread_mutex_unlock(&lock);
}

void bus_each(void (*fn)(const struct region *r))
{
	for (int space = PORTS; space <= MEMORY; space++)
		for (const struct region *r = regions[space]; r; r = r->next)
			fn(r);
}

/* ---- the descriptors ---- */

static struct watch *watches;
static int wake = -1; /* eventfd: look at everything again */

void watch_init(void)
{
	wake = eventfd(0, EFD_CLOEXEC);
	if (wake < 0)
		die(STATUS_FAILED, "cannot wait for events: %s", strerror(errno));
}

void watch_wake(void)
{
	uint64_t one = 1;

	if (write(wake, &one, sizeof(one)) < 0)
		return; /* only when the counter is full: then it is awake */
}

void watch_add(struct watch *w)
{
	w->next = watches;
	watches = w;
}

void watch_set(struct watch *w, short events)
{
	if (w->events == events)
		return;
	w->events = events;
	w->polled &= events != 0;
	watch_wake();
}

/* What is to be waited for: how many, the first is `wake`. */
static unsigned int collect(struct pollfd *fds, struct watch **of)
{
	unsigned int n = 1;

	fds[0] = (struct pollfd){ .fd = wake, .events = POLLIN };
	for (struct watch *w = watches; w && n < WATCHES_MAX; w = w->next)
		if (w->events) {
			w->polled = true;
			of[n] = w;
			fds[n++] = (struct pollfd){ .fd = w->fd, .events = w->events };
		}
	return n;
}

void watch_once(struct machine *m)
{
	struct pollfd fds[WATCHES_MAX];
	struct watch *of[WATCHES_MAX];
	unsigned int n;
	uint64_t count;

	pthread_mutex_lock(&lock);
	n = collect(fds, of);
	pthread_mutex_unlock(&lock);
	if (poll(fds, n, -1) < 0) {
		if (errno != EINTR)
			die(STATUS_FAILED, "poll: %s", strerror(errno));
		return;
	}
	if (fds[0].revents && read(wake, &count, sizeof(count)) < 0)
		die(STATUS_FAILED, "eventfd: %s", strerror(errno));
	pthread_mutex_lock(&lock);
	for (unsigned int i = 1; i < n; i++)
		if (fds[i].revents && of[i]->polled) /* not let go of or given anew meanwhile */
			of[i]->fn(m, of[i]->device, fds[i].revents);
	pthread_mutex_unlock(&lock);
}
