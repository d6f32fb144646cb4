/* SPDX-License-Identifier: MIT */
/* A guest that resets: an exception with no interrupt table. */
#include "guest.inc"
start:
	lidt none
	ud2
none:
	.long 0, 0
