/* SPDX-License-Identifier: MIT */
/*
 * The monitor's side of the agent (common/agent.h): who connects to the socket "agent" in the machine's
 * folder gets a channel, and what passes by it are packets as those of a keeper (life.h), cut into frames.
 * The machine's own command may have a channel too, whose other end is our stdio.
 *
 * Everything runs under the devices' lock. The guest is not trusted: what it says beside the protocol is not
 * heard, and it cannot make more of our memory fill than a packet a channel.
 */
#include <sys/socket.h>
#include <sys/timerfd.h>

#include "agent.h"
#include "vm.h"

#define QUEUE 4096 /* bytes: more than what all channels may have on their way */

struct channel {
	struct watch watch; /* of the client; main: of stdin */
	bool used, hung; /* hung: it has left, the guest's EXIT is waited for */
	bool ended; /* there is no more input */
	bool waits; /* for TAKEN */
	bool said; /* the guest has heard of this client */
	char packet[1 + PACKET_SIZE]; /* of the client, its letter first; */
	size_t n, at; /* n 0: none; what of it has gone */
	char reply[1 + AGENT_REPLY]; /* that the client has no room for */
	size_t nr_reply;
};

static struct channel channels[AGENT_CHANNELS];
static struct {
	/* of the machine's state, up to `listener` */
	uint8_t here; /* HELLO has come */
	uint8_t queue[QUEUE]; /* to the guest */
	size_t head, tail; /* counted up for ever */
	uint8_t frame[AGENT_HEAD + AGENT_REPLY]; /* from it */
	size_t n;
	uint8_t used[AGENT_CHANNELS], waits[AGENT_CHANNELS]; /* in a snapshot: of the channels */
	struct watch listener;
	unsigned char resized; /* the terminal has another size: how many are still to be told */
} agent;

/* ---- to the guest ---- */

size_t agent_take(uint8_t *buf, size_t n, size_t least)
{
	size_t i = 0;

	while (agent.here && i < n && agent.tail != agent.head)
		buf[i++] = agent.queue[agent.tail++ % QUEUE];
	while (i && i < least)
		buf[i++] = AGENT_FILL;
	return i;
}

static void queue(const void *data, size_t n)
{
	for (size_t i = 0; i < n && agent.head - agent.tail < QUEUE; i++)
		agent.queue[agent.head++ % QUEUE] = ((const uint8_t *)data)[i];
}

static void tell(struct machine *m, int i, char letter, const void *data, size_t n)
{
	uint8_t head[AGENT_HEAD] = { i, letter, n, n >> 8 };

	queue(head, sizeof(head));
	queue(data, n);
	channels[i].waits |= letter != AGENT_TAKEN && letter != AGENT_HANG_UP;
	uart_kick(m);
}

/* The next piece of what the client said; when there is none, it may say more. */
static void tell_more(struct machine *m, int i)
{
	struct channel *c = &channels[i];
	size_t n = c->n - c->at < AGENT_PIECE ? c->n - c->at : AGENT_PIECE;
	struct winsize size;

	if (c->waits)
		return;
	if (i <= AGENT_MAIN && agent.resized) {
		agent.resized--;
		if (!ioctl(0, TIOCGWINSZ, &size)) {
			size.ws_row += agent.resized; /* first one more, as attach_verb() does */
			tell(m, i, PACKET_SIZE_IS, &size, sizeof(size));
		}
		return;
	}
	if (c->n) {
		tell(m, i, c->packet[0], c->packet + c->at, n);
		c->said = true;
		c->at += n;
		if (c->at == c->n)
			c->n = 0;
	} else if (c->used && !c->hung && !c->ended) {
		watch_set(&c->watch, (c->watch.events & POLLOUT) | POLLIN);
	}
}

/* ---- from the clients ---- */

static void set_free(int i)
{
	struct channel *c = &channels[i];

	watch_set(&c->watch, 0);
	if (!c->hung)
		close(c->watch.fd);
	c->used = c->hung = c->waits = c->said = false;
	c->n = c->nr_reply = 0;
}

/* The client has read the reply, or it is lost: the guest may say more. After EXIT the channel is free. */
static void replied(struct machine *m, int i)
{
	struct channel *c = &channels[i];

	c->nr_reply = 0;
	if (c->reply[0] == PACKET_EXIT)
		set_free(i);
	else if (c->reply[0] != PACKET_STARTED)
		tell(m, i, AGENT_TAKEN, NULL, 0);
}

static void hang_up(struct machine *m, int i)
{
	struct channel *c = &channels[i];

	watch_set(&c->watch, 0);
	close(c->watch.fd);
	c->hung = true;
	c->n = 0;
	if (c->nr_reply)
		replied(m, i);
	if (c->used && !c->said)
		set_free(i);
	else if (c->used)
		tell(m, i, AGENT_HANG_UP, NULL, 0);
}

static void reply(struct machine *m, int i)
{
	struct channel *c = &channels[i];

	if (c->hung || send(c->watch.fd, c->reply, c->nr_reply, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		replied(m, i);
	else if (errno == EAGAIN)
		watch_set(&c->watch, c->watch.events | POLLOUT);
	else
		hang_up(m, i);
}

static void hear_client(struct machine *m, void *device, short events)
{
	struct channel *c = device;
	int i = c - channels;
	ssize_t n;

	if (c->nr_reply && events & POLLOUT) {
		watch_set(&c->watch, c->watch.events & ~POLLOUT);
		reply(m, i);
		return;
	}
	if (!(events & POLLIN) || !(c->watch.events & POLLIN)) {
		if (events & (POLLHUP | POLLERR))
			hang_up(m, i);
		return;
	}
	n = recv(c->watch.fd, c->packet, sizeof(c->packet), MSG_DONTWAIT);
	if (n < 1) {
		if (!n || errno != EAGAIN)
			hang_up(m, i);
		return;
	}
	if (!memchr("iwcg", c->packet[0], 4)) /* INPUT, SIZE_IS, COMMAND, START */
		return;
	c->n = n;
	c->at = 1;
	watch_set(&c->watch, (c->watch.events & ~POLLIN) | POLLRDHUP);
	tell_more(m, i);
}

static void refuse(int fd)
{
	static const char text[] = "vm: the machine runs as many commands as it can\n";
	int status = STATUS_FAILED;

	client_send(fd, PACKET_STARTED, "", 1);
	client_send(fd, PACKET_ERRORS, text, strlen(text));
	client_send(fd, PACKET_EXIT, &status, sizeof(status));
	close(fd);
}

static void accept_client(struct machine *m, void *device, short events)
{
	int fd = accept4(agent.listener.fd, NULL, NULL, SOCK_CLOEXEC), i = AGENT_FIRST;

	if (fd < 0)
		return;
	while (i < AGENT_CHANNELS && channels[i].used)
		i++;
	if (i == AGENT_CHANNELS) {
		refuse(fd);
		return;
	}
	channels[i].used = true;
	channels[i].watch.fd = fd;
	watch_set(&channels[i].watch, POLLIN);
}

/* ---- from the guest ---- */

static void take_reply(struct machine *m, int i, char letter, const uint8_t *data, size_t n)
{
	struct channel *c = &channels[i];

	if (!c->used || c->nr_reply || !memchr("soex", letter, 4))
		return; /* not in turn */
	if (i == AGENT_MAIN) {
		machine_output(letter == PACKET_ERRORS ? 2 : 1, data, n);
		tell(m, i, AGENT_TAKEN, NULL, 0);
		return;
	}
	if (letter == PACKET_EXIT)
		snapshot_learn(m);
	c->reply[0] = letter;
	memcpy(c->reply + 1, data, n);
	c->nr_reply = 1 + n;
	reply(m, i);
}

/* From init: an agent will come, perhaps in place of one that has died with all that it knew. */
static void hear_hello(struct machine *m)
{
	for (int i = AGENT_FIRST; agent.here && i < AGENT_CHANNELS; i++)
		if (channels[i].used)
			set_free(i);
	agent.here = true;
	uart_kick(m);
}

static void take_frame(struct machine *m, int i, char letter, const uint8_t *data, size_t n)
{
	if (letter == AGENT_HELLO) {
		hear_hello(m);
	} else if (letter == AGENT_TAKEN) {
		channels[i].waits = false;
		tell_more(m, i);
	} else {
		take_reply(m, i, letter, data, n);
	}
}

void agent_hear(struct machine *m, uint8_t c)
{
	size_t size;

	agent.frame[agent.n++] = c;
	if (agent.n < AGENT_HEAD)
		return;
	size = agent.frame[2] | agent.frame[3] << 8;
	if (agent.frame[0] >= AGENT_CHANNELS || size > AGENT_REPLY)
		agent.n = 0; /* no agent speaks so */
	if (agent.n < AGENT_HEAD + size)
		return;
	agent.n = 0;
	take_frame(m, agent.frame[0], agent.frame[1], agent.frame + AGENT_HEAD, size);
}

/* ---- the command's own channel ---- */

static void hear_stdin(struct machine *m, void *device, short events)
{
	struct channel *c = &channels[AGENT_MAIN];
	ssize_t n = read(0, c->packet + 1, PACKET_SIZE);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	watch_set(&c->watch, 0);
	c->ended = n <= 0;
	c->packet[0] = PACKET_INPUT;
	c->n = 1 + (n > 0 ? n : 0);
	c->at = 1;
	tell_more(m, AGENT_MAIN);
}

void agent_resize(struct machine *m)
{
	agent.resized = 2;
	tell_more(m, m->interactive ? AGENT_MAIN : AGENT_MACHINE);
}

void agent_stop(struct machine *m)
{
	if (!channels[AGENT_MACHINE].waits)
		tell(m, AGENT_MACHINE, AGENT_STOP, NULL, 0);
}

/* ---- the end of a machine that nobody uses ---- */

static void second_passed(struct machine *m, void *device, short events)
{
	static uint64_t idle;
	struct watch *timer = device;
	uint64_t seconds;

	if (read(timer->fd, &seconds, sizeof(seconds)) != sizeof(seconds))
		return;
	idle += seconds;
	for (int i = AGENT_FIRST; i < AGENT_CHANNELS; i++)
		if (channels[i].used)
			idle = 0;
	if (idle >= m->idle)
		machine_end(0);
}

static void watch_idleness(void)
{
	static struct watch timer = { .events = POLLIN, .fn = second_passed, .device = &timer };
	const struct itimerspec every = { { 1, 0 }, { 1, 0 } };

	timer.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (timer.fd < 0 || timerfd_settime(timer.fd, 0, &every, NULL) < 0)
		die(STATUS_FAILED, "--idle: cannot have a timer: %s", strerror(errno));
	watch_add(&timer);
}

/* ---- in a snapshot: the line, and who had a channel; nobody has one of them after that ---- */

static const char *saving(struct kept *k)
{
	for (int i = 0; i < AGENT_CHANNELS; i++) {
		agent.used[i] = channels[i].used && channels[i].said;
		agent.waits[i] = channels[i].waits;
	}
	return NULL;
}

static const char *restored(struct machine *m, struct kept *k)
{
	if (agent.head - agent.tail > QUEUE || agent.n >= sizeof(agent.frame))
		return "the agent's line is damaged";
	for (int i = 0; i < AGENT_CHANNELS; i++) {
		channels[i].waits = agent.waits[i];
		if (i < AGENT_FIRST || !agent.used[i])
			continue;
		channels[i].used = channels[i].hung = true;
		tell(m, i, AGENT_HANG_UP, NULL, 0);
	}
	return NULL;
}

void agent_init(struct machine *m)
{
	snapshot_keep(.id = "agent", KEPT_PART(&agent, here, listener), .saving = saving,
		      .restored = restored);
	for (int i = AGENT_FIRST; i < AGENT_CHANNELS; i++) {
		channels[i].watch = (struct watch){ .fn = hear_client, .device = &channels[i] };
		watch_add(&channels[i].watch);
	}
	agent.listener = (struct watch){ .fd = listen_at(m->name, "agent"),
					 .events = POLLIN,
					 .fn = accept_client };
	watch_add(&agent.listener);
	if (m->idle)
		watch_idleness();
	if (!m->interactive)
		return;
	channels[AGENT_MAIN].used = true;
	channels[AGENT_MAIN].watch = (struct watch){ .fd = 0, .events = POLLIN, .fn = hear_stdin };
	watch_add(&channels[AGENT_MAIN].watch);
}
