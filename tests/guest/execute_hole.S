/* SPDX-License-Identifier: MIT */
/* A guest that jumps to where there is no memory. */
#include "guest.inc"
start:
	mov $0xd0000000, %eax
	jmp *%eax
