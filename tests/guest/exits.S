/* SPDX-License-Identifier: MIT */
/* A guest that leaves for the hypervisor and for the monitor, again and again. */
#include "guest.inc"
start:
	cli
1:	cpuid
	in $0x80, %al
	jmp 1b
