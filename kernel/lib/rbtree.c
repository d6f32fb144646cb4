/* SPDX-License-Identifier: MIT */
/*
 * Red-black tree. What always holds between calls: the root is black; a red node has no red
 * child; every way from the root down to a missing child passes the same number of black nodes.
 * So no way is more than twice as long as another. A missing child counts as black. Each repair
 * step below moves the one fault up the tree or ends it; left and right cases are one piece of
 * code, told apart by `side`.
 */
#include "lib/rbtree.h"

static struct rb_node **child(struct rb_node *node, bool right)
{
	return right ? &node->right : &node->left;
}

static bool is_red(const struct rb_node *node)
{
	return node && node->red;
}

/* Puts `with` (or nothing) where `old` hangs. */
static void replace(struct rb_root *root, struct rb_node *old, struct rb_node *with)
{
	struct rb_node *parent = old->parent;

	if (!parent)
		root->node = with;
	else if (parent->left == old)
		parent->left = with;
	else
		parent->right = with;
	if (with)
		with->parent = parent;
}

/* node's child on the side opposite to `right` rises above it; node goes down to side `right`. */
static void rotate(struct rb_root *root, struct rb_node *node, bool right)
{
	struct rb_node *up = *child(node, !right), *inner = *child(up, right);

	replace(root, node, up);
	*child(up, right) = node;
	node->parent = up;
	*child(node, !right) = inner;
	if (inner)
		inner->parent = node;
}

void rb_insert(struct rb_root *root, struct rb_node *node, struct rb_node *parent,
	       struct rb_node **link)
{
	*node = (struct rb_node){ .parent = parent, .red = true };
	*link = node;
	/* The only possible fault: node and its parent are both red. */
	while ((parent = node->parent) && parent->red) {
		struct rb_node *grand = parent->parent; /* there: a red node is never the root */
		bool side = parent == grand->right;
		struct rb_node *uncle = *child(grand, !side);

		if (is_red(uncle)) {
			parent->red = uncle->red = false;
			grand->red = true;
			node = grand;
			continue;
		}
		if (node == *child(parent, !side)) { /* inner: make it the outer case */
			rotate(root, parent, side);
			parent = node;
		}
		parent->red = false;
		grand->red = true;
		rotate(root, grand, !side);
		break;
	}
	root->node->red = false;
}

/* The ways through parent's child `node` (may be NULL) have one black node too few. */
static void repair_erase(struct rb_root *root, struct rb_node *node, struct rb_node *parent)
{
	while (parent && !is_red(node)) {
		bool side = node == parent->right; /* a missing node has a brother */
		struct rb_node *brother = *child(parent, !side);

		if (brother->red) {
			brother->red = false;
			parent->red = true;
			rotate(root, parent, side);
			brother = *child(parent, !side);
		}
		if (!is_red(brother->left) && !is_red(brother->right)) {
			brother->red = true;
			node = parent;
			parent = node->parent;
			continue;
		}
		if (!is_red(*child(brother,
				   !side))) { /* the red nephew is the near one: make it the far */
			(*child(brother, side))->red = false;
			brother->red = true;
			rotate(root, brother, !side);
			brother = *child(parent, !side);
		}
		brother->red = parent->red;
		parent->red = false;
		(*child(brother, !side))->red = false;
		rotate(root, parent, side);
		return;
	}
	if (node)
		node->red = false;
}

void rb_erase(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *orphan, *parent;
	bool lost_red;

	if (node->left && node->right) {
		/* The next in order has no left child: it leaves its place and takes over node's. */
		struct rb_node *next = rb_next(node);

		orphan = next->right;
		lost_red = next->red;
		parent = next->parent == node ? next : next->parent;
		replace(root, next, orphan);
		next->red = node->red;
		next->left = node->left;
		next->right = node->right;
		next->left->parent = next;
		if (next->right)
			next->right->parent = next;
		replace(root, node, next);
	} else {
		orphan = node->left ? node->left : node->right;
		lost_red = node->red;
		parent = node->parent;
		replace(root, node, orphan);
	}
	if (!lost_red)
		repair_erase(root, orphan, parent);
}

static struct rb_node *outermost(struct rb_node *node, bool right)
{
	while (node && *child(node, right))
		node = *child(node, right);
	return node;
}

/* The neighbour in order: down the inner side, or up to the first turn. */
static struct rb_node *neighbour(const struct rb_node *node, bool right)
{
	struct rb_node *n = (struct rb_node *)node, *parent;

	if (*child(n, right))
		return outermost(*child(n, right), !right);
	while ((parent = n->parent) && n == *child(parent, right))
		n = parent;
	return parent;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	return outermost(root->node, false);
}
struct rb_node *rb_last(const struct rb_root *root)
{
	return outermost(root->node, true);
}
struct rb_node *rb_next(const struct rb_node *node)
{
	return neighbour(node, true);
}
struct rb_node *rb_prev(const struct rb_node *node)
{
	return neighbour(node, false);
}
