/* SPDX-License-Identifier: MIT */
/* A guest that halts for good: no interrupt can come. */
#include "guest.inc"
start:
	cli
1:	hlt
	jmp 1b
