/* SPDX-License-Identifier: MIT */
/*
 * A boot sector: asks the firmware to read the second sector of the disk it came from, to write that to
 * the third one, and on the screen what stands there; then ends the machine with DL, the number of the disk,
 * one higher when the firmware's memory can be written, two when MP tables are there, four when the first IDE disk
 * has another second sector, eight when its size is not told. The printer has a line, too.
 */
#define PORT_EXIT 0xf4
#define SECOND 0x8000
#define BY_PORTS 0x8200
#define PARAMETERS 0x8400 /* size, flags, cylinders, heads, sectors of a track, of the disk, bytes of one */
#define AT(x) (x - start + 0x7c00)
#define PORT_IDE 0x1f0
#define PORT_PRINTER 0x378 /* data; status and control behind it */
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
	mov $0x0301, %ax /* write it; vm's own firmware can if the disk has an option of its own */
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
7:	push %dx
	xor %ax, %ax
	mov %ax, %es
	mov $PORT_IDE + 1, %dx /* sector 1 of the master */
	mov $AT(ide), %si
	mov $7, %cx
	cld
1:	outsb
	inc %dx
	loop 1b
	dec %dx
1:	in %dx, %al
	and $0xc8, %al
	cmp $0x48, %al /* ready, with data, and not busy */
	loopne 1b /* which cx is 0 for */
	mov $PORT_IDE, %dx
	mov $BY_PORTS, %di
	mov $256, %cx
	rep insw
	mov $AT(printed), %si
	mov $end - printed, %cx
1:	mov $PORT_PRINTER + 1, %dx
	in %dx, %al
	test %al, %al
	jns 1b
	dec %dx
	outsb
	loop 1b
	pop %dx
	mov $SECOND, %si
	mov $BY_PORTS, %di
	mov $256, %cx
	repe cmpsw
	je 1f
	add $4, %dl
1:	mov $0x4800, %ax
	mov $PARAMETERS, %si
	movw $26, (%si)
	push %dx
	mov $0x80, %dl
	int $0x13
	pop %dx
	jc 1f
	cmpl $3, 16(%si)
	jb 1f
	cmpw $512, 24(%si)
	je 8f
1:	add $8, %dl
8:	mov %dl, %al
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b
ide:	.byte 0, 1, 1, 0, 0, 0xe0, 0x20 /* features, count, sector by number, READ */
printed: .ascii "printed\n"
end:
	.org 510
	.word 0xaa55
	.asciz "read by the firmware\r\n"
	.org 1024
