/* SPDX-License-Identifier: MIT */
/*
 * A kernel without an operating system (multiboot 1) that has the hardware switch tasks: by far jumps to another
 * one and back with paging off, then by a call and an IRET, the other one with page tables and segments of its own.
 * It ends the machine with what the other one has added to EBX, 5 and twice 2, and 16 when CR0.TS is set
 * after a switch, 32 when the other task is not busy any more and was called by this one, and 64 when it read by its local table.
 */
#define PORT_EXIT 0xf4
#define CODE 8
#define DATA 16
#define FIRST 24
#define SECOND 32
#define LOCAL 40
#define LARGE 0x200000 /* a page directory of one large page; one with a table of small ones */
#define SMALL 0x201000
#define TABLE 0x202000
#define CR3 28
#define EBX 52
	.macro base symbol, selector
	mov $\symbol, %eax
	mov %ax, gdt + \selector + 2
	shr $16, %eax
	mov %al, gdt + \selector + 4
	.endm
	.section .text
	.code32
	.globl start
	.balign 4
	.long 0x1badb002, 0, -0x1badb002
start:
	mov $0x90000, %esp
	base first, FIRST
	base second, SECOND
	base local, LOCAL
	lgdt gdtr
	ljmp $CODE, $1f
1:	mov $DATA, %ax
	mov %ax, %ds
	mov %ax, %es
	mov %ax, %ss
	mov $FIRST, %ax
	ltr %ax
	movl $0x12345678, 0x8e000
	mov $5, %ebx
	ljmp $SECOND, $0
	movl $0x83, LARGE
	movl $TABLE + 3, SMALL
	mov $3, %eax
	mov $TABLE, %edi
1:	stosl
	add $0x1000, %eax
	cmp $TABLE + 0x1000, %edi
	jb 1b
	movl $LARGE, first + CR3
	mov $LARGE, %eax
	mov %eax, %cr3
	mov %cr4, %eax
	or $0x10, %eax
	mov %eax, %cr4
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	clts
	lcall *target
	smsw %ax
	and $8, %eax
	lea (%ebx, %eax, 2), %ebx
	mov gdt + SECOND + 5, %al
	cmp $0x89, %al
	jne 1f
	cmpw $FIRST, second
	jne 1f
	add $32, %ebx
1:	mov %cr3, %eax
	cmp $LARGE, %eax
	jne 1f
	cmpl $0x12345678, value
	jne 1f
	add $64, %ebx
1:	mov %ebx, %eax
	out %al, $PORT_EXIT
	hlt
target:	.long 0
	.word SECOND

other:	addl $2, first + EBX
	ljmp $FIRST, $0
	mov %fs:0, %eax
	mov %eax, value
	addl $2, first + EBX
	iret

	.balign 16
gdt:	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
	.quad 0x0000890000000067, 0x0000890000000067, 0x0000820000000007
gdtr:	.word . - gdt - 1
	.long gdt
local:	.quad 0x00cf9308e000ffff /* data, from 0x8e000 on */
value:	.long 0
	.balign 128
first:	.fill 104, 1, 0
	.balign 128
second:	.fill 7, 4, 0
	.long SMALL, other, 2, 0, 0, 0, 0, 0x8f000, 0, 0, 0
	.long DATA, CODE, DATA, DATA, 4, DATA, LOCAL, 0x680000
