/* SPDX-License-Identifier: MIT */
/* The face of lib/: everything freestanding. It stands at the bottom and includes nothing of the kernel. */
#pragma once
#include "lib/alloc.h"
#include "lib/cred.h"
#include "lib/init.h"
#include "lib/kasan.h"
#include "lib/list.h"
#include "lib/lockdep.h"
#include "lib/ns.h"
#include "lib/printk.h"
#include "lib/radix.h"
#include "lib/rbtree.h"
#include "lib/refcount.h"
#include "lib/res_counter.h"
#include "lib/string.h"
#include "lib/types.h"
