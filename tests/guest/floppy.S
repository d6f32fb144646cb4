/* SPDX-License-Identifier: MIT */
/*
 * A boot sector as tutorials have them: clears the screen, reads from the first floppy disk what is behind a side's
 * 18 sectors, and zeros behind the end of its file; shows that where it puts the cursor, and each key that is
 * pressed, until Q ends the machine with its scan code.
 */
#define PORT_EXIT 0xf4
#define TEXT 0x8000
	.section .text
	.code16
	.globl start
start:
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %es
	mov $3, %ax /* text, 80 columns */
	int $0x10
	mov $0x0200, %ax /* cursor: row 2, column 4 */
	xor %bx, %bx
	mov $0x0204, %dx
	int $0x10
	mov $0x0e00 | '>', %ax
	int $0x10
	mov $0x0202, %ax /* two sectors: cylinder 0, sector 1, head 1 */
	mov $TEXT, %bx
	mov $1, %cx
	mov $0x100, %dx
	int $0x13
	jc 2f
	cmpb $0, TEXT + 512
	jne 2f
	mov $0xe000, %ax /* in the firmware's memory the root of the tables of 32 bits; in its data the screen's ports */
	mov %ax, %es
	mov %es:16, %bx
	cmpl $0x54445352, %es:(%bx) /* "RSDT" */
	jne 2f
	cmpw $0x3d4, 0x463
	jne 2f
	xor %ax, %ax
	mov %ax, %es
	mov $0x0300, %ax /* where is the cursor? */
	int $0x10
	mov $0x1301, %ax /* a string there, and the cursor behind it */
	mov $7, %bx
	mov $9, %cx
	mov $TEXT, %bp
	int $0x10
1:	mov $0x0100, %ax /* is there a key? */
	int $0x16
	jz 1b
	xor %ax, %ax
	int $0x16
	cmp $'q', %al
	je 2f
	mov $0x0e, %ah
	int $0x10
	jmp 1b
2:	mov %ah, %al
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b
	.org 510
	.word 0xaa55
	.org 18 * 512
	.ascii "sector 18"
	.org 19 * 512 - 1
	.byte 0
