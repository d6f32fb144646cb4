/* SPDX-License-Identifier: MIT */
/* Doubly linked circular lists: a head and its nodes are the same struct; an empty list points at itself. */
#pragma once
#include "lib/types.h"

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_INIT(name)                                                                            \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void list_init(struct list_head *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}
static inline void list_insert(struct list_head *n, struct list_head *prev, struct list_head *next)
{
	n->prev = prev;
	n->next = next;
	prev->next = n;
	next->prev = n;
}
/* Puts n first. */
static inline void list_add(struct list_head *n, struct list_head *head)
{
	list_insert(n, head, head->next);
}
/* Puts n last. */
static inline void list_add_tail(struct list_head *n, struct list_head *head)
{
	list_insert(n, head->prev, head);
}
/* Takes n out and leaves it an empty list, so that taking it out twice is harmless. */
static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
static inline void list_move_tail(struct list_head *n, struct list_head *head)
{
	list_del(n);
	list_add_tail(n, head);
}
/* Moves all of from to the end of to; from is empty afterwards. */
static inline void list_splice_tail(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member) list_entry((head)->prev, type, member)
/* Takes the first out. NULL: there is none. */
#define list_pop(head, type, member)                                                               \
	({                                                                                         \
		struct list_head *head_ = (head), *first_ = head_->next;                           \
                                                                                                   \
		if (first_ != head_)                                                               \
			list_del(first_);                                                          \
		first_ != head_ ? list_entry(first_, type, member) : NULL;                         \
	})
#define list_for_each(pos, head, member)                                                           \
	for (pos = list_entry((head)->next, __typeof__(*pos), member); &pos->member != (head);     \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
/* The first for which cond, an expression of pos, holds; NULL: there is none. */
#define list_find(pos, head, member, cond)                                                         \
	({                                                                                         \
		list_for_each(pos, head, member)                                                   \
			if (cond)                                                                  \
				break;                                                             \
		&pos->member == (head) ? NULL : pos;                                               \
	})
/* The body may take pos out of the list. */
#define list_for_each_safe(pos, tmp, head, member)                                                 \
	for (pos = list_entry((head)->next, __typeof__(*pos), member),                             \
	    tmp = list_entry(pos->member.next, __typeof__(*pos), member);                          \
	     &pos->member != (head);                                                               \
	     pos = tmp, tmp = list_entry(tmp->member.next, __typeof__(*tmp), member))
