/* SPDX-License-Identifier: MIT */
/* A guest that never ends, with interrupts off. */
#include "guest.inc"
start:
	cli
1:	jmp 1b
