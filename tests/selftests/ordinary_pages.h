/* SPDX-License-Identifier: MIT */
/* For a KVM selftest that asks for huge pages without need: compiled before its own text. */
#include "test_util.h"
#define VM_MEM_SRC_ANONYMOUS_THP VM_MEM_SRC_ANONYMOUS
