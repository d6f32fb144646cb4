/* SPDX-License-Identifier: MIT */
/*
 * A boot sector as tutorials have them: clears the screen, reads from the first floppy disk what is behind a side's
 * 18 sectors, and zeros behind it; shows that where it puts the cursor, and each key that is pressed, until Q ends the
 * machine with its scan code. What else the firmware and the machine's chips have for kernels that stay in real mode is
 * asked before, and the first answer that is wrong ends the machine with its number.
 */
#define PORT_EXIT 0xf4
#define TEXT 0xa000
#define AT(x) (x - start + 0x7c00)
#define VECTOR_TICK 0x1c
#define VECTOR_DISK 0x41
#define PORT_IDE 0x1f0
#define VECTOR_IDE 0x76
#define PORT_PIC1 0x20
#define PORT_PIC2 0xa0
#define PORT_CONTROL 0x3f6
#define TICKS 0x46c
#define EQUIPMENT 0x410
#define PORT_CMOS 0x70 /* index; data behind it */
#define CLOCK_A 0x0a
#define CLOCK_B 0x0b
#define CLOCK_C 0x0c
#define CLOCK_YEAR 9
#define SECONDS_BINARY 0x16 /* of B: interrupts for them, and 24 hours */
#define DISKS 0x475
#define PORT_LEVELS 0x4d0
	.macro wrong condition, number
	movw $\number << 8, answer - start + 0x7c00
	\condition bad
	.endm
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
	mov $0x0203, %ax /* the rest of this program: sectors 2 to 4 */
	mov $0x7e00, %bx
	mov $2, %cx
	xor %dx, %dx
	mov %dx, %es
	int $0x13
	jc 2f
	call bios
4:	mov $0x0100, %ax /* what the firmware took for keys */
	int $0x16
	jz 4f
	xor %ax, %ax
	int $0x16
	jmp 4b
4:	xor %ax, %ax
	mov %ax, %es
	mov $0x0300, %ax /* where is the cursor? */
	int $0x10
	mov $0x1301, %ax /* a string there, and the cursor behind it */
	mov $7, %bx
	mov $9, %cx
	mov $TEXT, %bp
	int $0x10
	xor %ax, %ax /* the first is waited for there */
	int $0x16
	jmp 3f
1:	mov $0x0100, %ax /* is there a key? */
	int $0x16
	jz 1b
	xor %ax, %ax
	int $0x16
3:	cmp $'q', %al
	je 2f
	mov $0x0e, %ah
	int $0x10
	jmp 1b
2:	mov %ah, %al
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b
bad:	mov answer - start + 0x7c00, %ax
	jmp 2b

	.org 510
	.word 0xaa55

/* Interrupts are let through at the beginning, and the timer's lead to what hangs behind it. */
bios:	pushf
	pop %ax
	test $0x200, %ax
	wrong jz, 1
	movw $AT(tick), 4 * VECTOR_TICK
	movw %ds, 4 * VECTOR_TICK + 2
1:	hlt
	cmpb $3, AT(count)
	jb 1b
	xor %ax, %ax /* ticks since midnight */
	int $0x1a
	test %al, %al
	wrong jnz, 2
	cmp TICKS, %dx
	wrong jne, 3
	mov %dx, %bp
	mov $0x8600, %ax /* waits 120 ms */
	mov $120000 >> 16, %cx
	mov $120000 & 0xffff, %dx
	int $0x15
	wrong jc, 4
	xor %ax, %ax
	int $0x1a
	sub %bp, %dx
	cmp $2, %dx
	wrong jb, 5
	mov $0x0400, %ax /* the date: century */
	int $0x1a
	cmp $0x20, %ch
	wrong jne, 6
	int $0x11
	cmp EQUIPMENT, %ax
	wrong jne, 7
	mov $0x0301, %ax /* what is written stays in memory */
	mov $TEXT, %bx
	mov $0x4f12, %cx
	xor %dx, %dx
	mov %dx, %es
	int $0x13
	wrong jc, 8
	mov $0x0200, %ax /* what stands at row 2, column 4 */
	xor %bx, %bx
	mov $0x0204, %dx
	int $0x10
	mov $0x0800, %ax
	int $0x10
	cmp $'>', %al
	wrong jne, 9
	mov $0x0200, %ax /* back to where it was */
	inc %dx
	int $0x10
	mov $AT(up), %di /* two words to 1 MiB, and back to somewhere else */
1:	mov %di, %si
	mov $0x8700, %ax
	mov $2, %cx
	int $0x15
	wrong jc, 10
	add $down - up, %di
	cmp $AT(down), %di
	je 1b
	mov 0x7c00, %eax
	cmp 0x9000, %eax
	wrong jne, 11
	mov $0xd4, %al /* a reset of the mouse: its answer, and whose it is */
	out %al, $0x64
	mov $0xff, %al
	out %al, $0x60
	in $0x64, %al
	and $0x21, %al
	cmp $0x21, %al
	wrong jne, 12
	in $0x60, %al
	mov %al, %bl
	in $0x60, %al
	mov %al, %bh
	cmp $0xaafa, %bx
	wrong jne, 13
	in $0x60, %al
	in $0x64, %al
	test $1, %al
	wrong jnz, 14
	mov $0x12, %al /* there is a hard disk: its table, and what it does for Linux 0.11 */
	out %al, $PORT_CMOS
	in $PORT_CMOS + 1, %al
	cmp $0xff, %al /* there are two: this file is the first */
	wrong jne, 15
	cmpb $2, DISKS
	wrong jne, 23
	les 4 * (VECTOR_DISK + 5), %bx
	cmpw $1, %es:(%bx)
	wrong jne, 24
	les 4 * VECTOR_DISK, %bx
	cmpw $1, %es:(%bx)
	wrong jne, 16
	cmpb $63, %es:14(%bx)
	wrong jne, 17
	mov %ds, %ax
	mov %ax, %es
	mov $AT(commands), %si
1:	mov $PORT_IDE + 2, %dx
	mov $6, %cx
2:	outsb
	inc %dx
	loop 2b
	dec %dx
	in %dx, %al
	test $1, %al /* an error */
	wrong jnz, 18
	test $8, %al
	jz 1b
	mov $PORT_IDE, %dx
	mov $0x9000, %di
	mov $256, %cx
	rep insw
	cmpl $0x646e6f63, 0x9000 /* "cond" */
	wrong jne, 19
	movw $AT(ready), 4 * VECTOR_IDE /* an interrupt for each sector, even if none has been answered by a look at the status */
	movw %ds, 4 * VECTOR_IDE + 2
	mov $PORT_CONTROL, %dx /* the firmware does without interrupts */
	xor %al, %al
	out %al, %dx
	mov $0xbf, %al
	out %al, $PORT_PIC2 + 1
	nop
	movb $0, AT(interrupts) /* what has waited there */
	mov $PORT_IDE + 2, %dx
	mov $6, %cx
1:	outsb
	inc %dx
	loop 1b
	mov $PORT_IDE, %dx
	mov $0x9000, %di
	mov $512, %cx
	rep insw
	mov $0xff, %al
	out %al, $PORT_PIC2 + 1
	cmpb $2, AT(interrupts)
	wrong jne, 30
	mov $PORT_IDE + 7, %dx /* what it says of itself: bytes of a sector, sectors by geometry (16 heads of 63) */
	mov $0xec, %al
	out %al, %dx
	mov $PORT_IDE, %dx
	mov $0x9000, %di
	mov $256, %cx
	rep insw
	cmpw $512, 0x9000 + 2 * 5
	wrong jne, 20
	cmpl $16 * 63, 0x9000 + 2 * 57
	wrong jne, 21
	mov $PORT_LEVELS + 1, %dx /* the PCI bus's lines are levels */
	in %dx, %al
	cmp $0x0c, %al
	wrong jne, 22
	mov $0x1a00, %ax /* which screen */
	int $0x10
	cmp $0x1a, %al
	wrong jne, 23
	cmp $8, %bl
	wrong jne, 24
	mov $0x1500, %ax /* which kind of disk: the floppy's, and the other's, which there is none of here */
	xor %dx, %dx
	int $0x13
	wrong jc, 25
	dec %ah
	wrong jnz, 26
	mov $0x0402, %ax /* looks for two sectors */
	mov $1, %cx
	xor %dx, %dx
	int $0x13
	wrong jc, 27
	cmp $2, %al
	wrong jne, 28
	mov $0x0100 | '!', %ax /* to COM1 */
	xor %dx, %dx
	int $0x14
	test %ah, %ah
	wrong js, 30
	mov $0x2403, %ax
	int $0x15
	wrong jc, 31
	test %ah, %ah
	wrong jnz, 32
	mov $0xec00, %ax
	int $0x15
	wrong jnc, 33
	cmp $0x86, %ah
	wrong jne, 34
	mov $CLOCK_A, %al
	out %al, $PORT_CMOS
1:	in $PORT_CMOS + 1, %al /* once a second it is being updated */
	test %al, %al
	jns 1b
	mov $CLOCK_YEAR, %al
	out %al, $PORT_CMOS
	in $PORT_CMOS + 1, %al
	mov %al, %bl
	mov $CLOCK_B, %al
	out %al, $PORT_CMOS
	mov $SECONDS_BINARY, %al
	out %al, $PORT_CMOS + 1
	mov $CLOCK_YEAR, %al
	out %al, $PORT_CMOS
	in $PORT_CMOS + 1, %al
	cmp %bl, %al
	wrong je, 25
	aam /* the tens to AH */
	shl $4, %ah
	or %ah, %al
	cmp %bl, %al
	wrong jne, 26
	mov $CLOCK_C, %al
	out %al, $PORT_CMOS
	movb $0, AT(count)
1:	in $PORT_CMOS + 1, %al
	cmp $0x90, %al
	je 1f
	cmpb $55, AT(count) /* three seconds */
	jb 1b
	wrong jmp, 27
1:	mov $0xd4, %al /* the mouse's status: where it has come from, and three bytes */
	out %al, $0x64
	mov $0xe9, %al
	out %al, $0x60
	mov $4, %cx
1:	in $0x64, %al
	and $0x21, %al
	cmp $0x21, %al
	wrong jne, 28
	in $0x60, %al
	loop 1b
	mov $0xf0, %al /* the keyboard's set of codes is 2, which the controller translates, too */
	out %al, $0x60
	in $0x60, %al
	xor %al, %al
	out %al, $0x60
	in $0x60, %al
	in $0x60, %al
	cmp $0x41, %al
	wrong jne, 29
	ret
tick:	incb %cs:AT(count)
	iret
ready:	push %ax
	incb %cs:AT(interrupts)
	mov $0x20, %al /* has come to its end */
	out %al, $PORT_PIC2
	out %al, $PORT_PIC1
	pop %ax
	iret
count:	.byte 0
interrupts: .byte 0
answer:	.word 0
	/* tables of descriptors: the third is from where, the fourth is to where; limit, base, rights */
	/* of the slave: count, sector, cylinder, head, command: RECALIBRATE; 4 heads of 38 sectors; READ head 1, sector 1 */
/* before that STANDBY IMMEDIATE and CHECK POWER MODE */
commands: .byte 0, 0, 0, 0, 0xb0, 0x10
	.byte 0, 0, 0, 0, 0xb0, 0xe0
	.byte 0, 0, 0, 0, 0xb0, 0xe5
	.byte 38, 0, 0, 0, 0xb3, 0x91
	.byte 1, 1, 0, 0, 0xb1, 0x20
	.byte 2, 1, 0, 0, 0xb0, 0x20 /* and two sectors */
up:	.quad 0, 0, 0x93007c00ffff, 0x93100000ffff, 0, 0
down:	.quad 0, 0, 0x93100000ffff, 0x93009000ffff, 0, 0
	.org 18 * 512
	.ascii "sector 18"
	.org 19 * 512 - 1
	.byte 0
