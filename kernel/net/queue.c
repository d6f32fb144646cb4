/* SPDX-License-Identifier: MIT */
/*
 * The queue of packets in a socket, and what sockets do alike that hand them out one by one: UDP, raw,
 * ping, packet and netlink sockets. (TCP reads the same queue as bytes; AF_UNIX has one of its own.)
 *
 * s->lock guards s->rx and s->rx_truesize. A packet in the queue begins (data) with what the program
 * reads; who only looks at it (MSG_PEEK) gets a clone, so that no lock is held while bytes are copied.
 */
#include "net/net.h"

#include <asm/ioctls.h>
#include <linux/sockios.h>

void queue_add(struct socket *s, struct pkt *p)
{
	spin_lock(&s->lock);
	list_add_tail(&p->link, &s->rx);
	s->rx_truesize += pkt_truesize(p);
	spin_unlock(&s->lock);
	waitq_wake_all(&s->rd, POLLIN | POLLRDNORM);
}

/* The first packet: taken off the queue, or another one on its bytes. NULL: none. */
static struct pkt *dequeue(struct socket *s, bool peek)
{
	struct pkt *p;

	SPIN_GUARD(&s->lock);
	if (peek)
		return list_empty(&s->rx) ? NULL : pkt_clone(list_first(&s->rx, struct pkt, link));
	p = list_pop(&s->rx, struct pkt, link);
	if (p)
		s->rx_truesize -= pkt_truesize(p);
	return p;
}

ssize_t queue_copy(struct net_msg *msg, const struct pkt *p)
{
	size_t n = min((size_t)pkt_len(p), msg->data.left);

	if (n < pkt_len(p))
		msg->out |= MSG_TRUNC;
	if (uio_put(&msg->data, p->data, n) != n)
		return -EFAULT;
	return msg->flags & MSG_TRUNC ? pkt_len(p) : n;
}

struct pkt *queue_next(struct socket *s, const struct net_msg *msg)
{
	u64 deadline = socket_deadline(s->rcvtimeo, msg->flags);
	struct pkt *p;
	int err;

	for (;;) {
		err = socket_error(s);
		if (err)
			return ERR_PTR(err);
		p = dequeue(s, msg->flags & MSG_PEEK);
		if (p || READ_ONCE(s->shutdown) & RCV_SHUTDOWN)
			return p;
		err = SOCKET_WAIT(&s->rd,
				  !list_empty(&s->rx) || READ_ONCE(s->error) ||
					  READ_ONCE(s->shutdown) & RCV_SHUTDOWN,
				  deadline);
		if (err)
			return ERR_PTR(err);
	}
}

ssize_t queue_recv(struct socket *s, struct net_msg *msg,
		   void (*tell)(struct socket *s, struct net_msg *msg, const struct pkt *p))
{
	struct pkt *p = queue_next(s, msg);
	ssize_t n;

	if (!p || IS_ERR(p))
		return PTR_ERR(p);
	n = queue_copy(msg, p);
	if (n >= 0)
		tell(s, msg, p);
	pkt_free(p);
	return n;
}

u32 queue_poll(struct socket *s, struct file *f, struct poll_table *pt)
{
	u32 mask = POLLOUT | POLLWRNORM | POLLWRBAND, shut;

	poll_wait(f, &s->rd, pt);
	shut = READ_ONCE(s->shutdown);
	if (READ_ONCE(s->error))
		mask |= POLLERR;
	if (shut & RCV_SHUTDOWN)
		mask |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (shut == (RCV_SHUTDOWN | SEND_SHUTDOWN))
		mask |= POLLHUP;
	if (!list_empty(&s->rx))
		mask |= POLLIN | POLLRDNORM;
	return mask;
}

long queue_ioctl(struct socket *s, unsigned int cmd, unsigned long arg)
{
	int n = 0;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ)
		return -ENOTTY;
	spin_lock(&s->lock);
	if (cmd == SIOCINQ && !list_empty(&s->rx))
		n = pkt_len(list_first(&s->rx, struct pkt, link));
	spin_unlock(&s->lock);
	return put_user(n, (int __user *)arg);
}
