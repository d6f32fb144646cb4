/* SPDX-License-Identifier: MIT */
/*
 * A boot sector: asks the firmware to read the second sector of the disk it came from, to write that to
 * the third one, and on the screen what stands there; then ends the machine with DL, the number of the disk,
 * one higher when the firmware's memory can be written, two when MP tables are there.
 */
#define PORT_EXIT 0xf4
#define SECOND 0x8000
	.section .text
	.code16
	.globl start
start:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov $0x0201, %ax /* read one sector: cylinder 0, sector 2, head 0 */
	mov $SECOND, %bx
	mov $2, %cx
	xor %dh, %dh
	int $0x13
	jc 2f
	mov $0x0301, %ax /* write it; vm's own firmware cannot */
	mov $SECOND, %bx
	mov $3, %cx
	int $0x13
	mov $SECOND, %si
1:	lodsb
	test %al, %al
	jz 2f
	mov $0x0e, %ah
	mov $7, %bx
	int $0x10
	jmp 1b
2:	mov $0xf000, %ax /* the BIOS's memory: a write is lost, or DL one higher */
	mov %ax, %es
	mov %es:0x10, %al
	not %al
	mov %al, %es:0x10
	cmp %al, %es:0x10
	jne 4f
	inc %dx
4:	xor %di, %di
5:	cmpl $0x5f504d5f, %es:(%di) /* "_MP_" */
	je 6f
	add $16, %di
	jnz 5b
	jmp 7f
6:	add $2, %dl
7:	mov %dl, %al
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b
	.org 510
	.word 0xaa55
	.asciz "read by the firmware\r\n"
	.org 1024
