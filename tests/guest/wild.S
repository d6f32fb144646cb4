/* SPDX-License-Identifier: MIT */
/* A guest that touches ports and addresses where nothing is, and says 5 at the end if it came through. */
#include "guest.inc"
start:
	mov $0x1234, %dx
	in %dx, %al
	out %al, %dx
	in %dx, %eax
	out %eax, %dx
	mov $0xffff, %dx
	in %dx, %ax
	out %al, $0x80
	mov 0xd0000000, %eax
	mov %eax, 0xd0000010
	movb $1, 0xe0001003
	mov 0xfffffff0, %eax
	mov $5, %al
	out %al, $PORT_EXIT
1:	hlt
	jmp 1b
