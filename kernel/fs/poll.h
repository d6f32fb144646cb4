/* SPDX-License-Identifier: MIT */
/* What is behind poll_wait(): whoever polls says how a wait queue is added to what it waits on. */
#pragma once
#include "fs/internal.h"

struct poll_table {
	void (*add)(struct poll_table *pt, struct file *f, struct waitq *wq);
};
