/* SPDX-License-Identifier: MIT */
/*
 * A kernel without an operating system (multiboot 1): says on COM1 what its loader tells it and what the first
 * sector of the second and the fourth IDE disk holds, of the latter by DMA, too, which copies it to the second one, and the second one of a SATA disk, if its interrupt comes, then ends the machine with the sum of what it counted: 1 for the magic
 * number, 2 for a module, 4 for a map of memory with 3 ranges, 8 for ACPI's and 16 for MP's pointer where
 * firmware has them, with the PCI bus first, 32 for that disk, 64 for a cursor of the screen and the PCI bus's lines as levels, 128 for the clock's interrupt at the PIC and
 * the timer's at input 2 of the IOAPIC. Without the disk it switches the machine off, as kernels do that have no ACPI, or those for Bochs.
 */
#define MAGIC 0x1badb002
#define FLAGS 3 /* modules at pages, tell of memory */
#define COM1 0x3f8
#define PORT_EXIT 0xf4
#define PORT_SHUTDOWN 0x8900
#define PORT_IDE 0x1f0 /* and 0x170: data; COUNT sectors, which of them, of which disk, command and status */
#define COUNT 2
#define DISK 6
#define COMMAND 7
#define SECOND_DISK 0xf0 /* and by sector number */
#define READ_MULTIPLE 0xc4 /* without SET MULTIPLE before: xv6 does so */
#define READ_DMA_EXT 0x25
#define WRITE_DMA 0xca
#define PIECES 0x61000
#define HALF (SECTOR / 2)
#define PIIX3_IDE 0x70108086
#define MASTER_BASE 0x20 /* there, of the second channel from 8 on: command, status, table */
#define MASTER_STATUS 2
#define MASTER_TABLE 4
#define TO_MEMORY 8
#define SECTOR 512
#define BUFFER 0x70000
#define PORT_CRTC 0x3d4
#define PORT_CMOS 0x70 /* index; data behind it */
#define CLOCK_B 0x0b
#define CLOCK_PERIODIC 0x42 /* and 24 hours */
#define CLOCK_C 0x0c /* the interrupts that there were */
#define PORT_PIC2 0xa0 /* interrupts from 8 on, which is the clock's */
#define READ_REQUESTS 0x0a
#define PORT_LEVELS 0x4d1 /* of the second PIC */
#define PORT_TIMER 0x40
#define IOAPIC 0xfec00000 /* index; data behind it */
#define IOAPIC_INPUT_2 0x14
#define LAPIC 0xfee00000
#define VECTOR 0x40
#define PORT_PCI 0xcf8 /* address; data behind it */
#define PCI_ENABLE 0x80000000
#define PIIX4_PM 0x71138086
#define ICH9_AHCI 0x29228086
#define PCI_COMMAND 4
#define MEMORY_AND_MASTER 6
#define AHCI_BASE 0x24 /* there: global control, and a port's list of commands, place for answers, ... */
#define AHCI_CONTROL 4
#define LIST 0x100
#define ANSWERS 0x108
#define INTERRUPTS 0x114
#define PORT_RUNS 0x118
#define ACTIVE 0x134
#define ISSUE 0x138
#define COMMAND_LIST 0x60000
#define COMMAND_TABLE 0x62000
#define PM_BASE 0x40
#define PM_CONTROL 4
#define SLEEP 0x2000 /* of the type 0 */
#define CURSOR 14 /* its place, the upper half */
	.section .text
	.code32
	.globl start
	.balign 4
	.long MAGIC, FLAGS, -(MAGIC + FLAGS)
start:
	mov $0x80000, %esp
	xor %ebp, %ebp
	cmp $0x2badb002, %eax
	jne 1f
	or $1, %ebp
1:	mov 16(%ebx), %esi /* cmdline */
	call say
	mov 20(%ebx), %ecx /* mods_count */
	jecxz 1f
	or $2, %ebp
	mov 24(%ebx), %edi
2:	mov (%edi), %esi /* the module's text, and its name */
	call say
	mov 8(%edi), %esi
	call say
	add $16, %edi
	loop 2b
1:	cmpl $72, 44(%ebx) /* mmap_length */
	jne 1f
	or $4, %ebp
1:	mov $0xe0000, %edi
2:	cmpl $0x20445352, (%edi) /* "RSD " */
	jne 1f
	or $8, %ebp
1:	cmpl $0x5f504d5f, (%edi) /* "_MP_" */
	jne 1f
	mov 4(%edi), %esi /* its table: a head, the processor, buses with a number and a name */
	cmpl $0x49435000, 44 + 20 + 1(%esi)
	jne 1f
	or $16, %ebp
1:	add $16, %edi
	cmp $0x100000, %edi
	jb 2b
	mov $PORT_IDE, %ebx
2:	lea DISK(%ebx), %edx
	mov $SECOND_DISK, %al
	out %al, %dx
	inc %dx
	in %dx, %al
	dec %al /* nothing there is 0, or all ones */
	cmp $0xfe, %al
	jae 1f
	or $32, %ebp
	call sector
1:	sub $0x80, %ebx
	cmp $PORT_IDE - 0x80, %ebx
	je 2b
	call direct
	call sata
	mov $PORT_CRTC, %dx
	mov $CURSOR, %al
	out %al, %dx
	inc %dx
	in %dx, %al
	cmp $0xff, %al
	je 1f
	mov $PORT_LEVELS, %dx
	in %dx, %al
	cmp $0x0c, %al /* 10 and 11 */
	jne 1f
	or $64, %ebp
1:	mov $CLOCK_B, %al
	out %al, $PORT_CMOS
	mov $CLOCK_PERIODIC, %al
	out %al, $PORT_CMOS + 1
	mov $CLOCK_C, %al
	out %al, $PORT_CMOS
	in $PORT_CMOS + 1, %al /* that before is told */
	mov $READ_REQUESTS, %al
	out %al, $PORT_PIC2
	mov $1000000, %ecx
2:	in $PORT_PIC2, %al
	test $1, %al
	loopz 2b
	jz 1f
	in $PORT_CMOS + 1, %al
	cmp $0xc0, %al
	jne 1f
	movl $IOAPIC_INPUT_2, IOAPIC
	movl $VECTOR, IOAPIC + 0x10
	mov $0x34, %al
	out %al, $PORT_TIMER + 3 /* counter 0 again and again from 0x1010 */
	mov $0x10, %al
	out %al, $PORT_TIMER
	out %al, $PORT_TIMER
	mov $20000, %ecx
2:	testl $1 << (VECTOR % 32), LAPIC + 0x200 + VECTOR / 32 * 16 /* requested */
	loopz 2b
	jz 1f
	or $128, %ebp
1:	test $32, %ebp
	jz off
	mov %ebp, %eax
	out %al, $PORT_EXIT
3:	hlt
	jmp 3b

/* By the PCI function that knows where ACPI's ports are. */
off:	mov $PIIX4_PM, %edi
	call function
	jc 2f
	lea PM_BASE(%ecx), %eax
	call pci
	and $0xffc0, %eax
	lea PM_CONTROL(%eax), %edx
	mov $SLEEP, %ax
	out %ax, %dx
	jmp 3b

2:	mov $word, %esi
	mov $PORT_SHUTDOWN, %dx
	mov $8, %ecx
	rep outsb
	jmp 3b
word:	.ascii "Shutdown"

pci:	mov $PORT_PCI, %dx
	out %eax, %dx
	add $4, %dx
	in %dx, %eax
	ret

/* ECX: where the PCI function is that EDI names; or carry. */
function: mov $PCI_ENABLE, %ecx
1:	add $0x100, %ecx
	test $0x10000, %ecx
	stc
	jnz 1f
	mov %ecx, %eax
	call pci
	cmp %edi, %eax
	jne 1b
1:	ret

/* Sector 0 of the fourth disk, which is selected, by DMA into two pieces of memory, and from there to sector 1. */
direct:	mov $PORT_IDE - 0x80, %ebx
	lea COMMAND(%ebx), %edx
	in %dx, %al
	cmp $0x50, %al
	jne 2f
	mov $PIIX3_IDE, %edi
	call function
	jc 2f
	lea MASTER_BASE(%ecx), %eax
	call pci
	and $0xfffc, %eax
	lea 8(%eax), %edi
	lea MASTER_TABLE(%edi), %edx
	mov $PIECES, %eax
	out %eax, %dx
	movl $BUFFER + SECTOR, PIECES
	movl $HALF, PIECES + 4
	movl $BUFFER + SECTOR + HALF, PIECES + 8
	movl $0x80000000 + HALF, PIECES + 12
	mov $0, %cl
	call place
	lea COMMAND(%ebx), %edx
	mov $READ_DMA_EXT, %al
	out %al, %dx
	mov $TO_MEMORY, %al
	call master
	call moved
	mov $BUFFER + SECTOR, %esi
	call say
	mov $1, %cl
	call place
	mov $0, %al
	call master /* before the command */
	lea COMMAND(%ebx), %edx
	mov $WRITE_DMA, %al
	out %al, %dx

/* The bus master at EDI is stopped when it has said so by its interrupt, without an error. */
moved:	lea MASTER_STATUS(%edi), %edx
	mov $1000, %ecx
1:	in %dx, %al
	and $7, %al
	cmp $4, %al
	loopne 1b
	mov %edi, %edx
	mov $0, %al
	out %al, %dx
2:	ret

/* It forgets the last interrupt, and starts in the direction in AL. */
master:	mov %al, %ah
	lea MASTER_STATUS(%edi), %edx
	mov $4, %al
	out %al, %dx
	mov %edi, %edx
	mov %ah, %al
	out %al, %dx
	or $1, %al
	out %al, %dx
	ret

/* Sector 1 of the first SATA disk, by a queued command and with its interrupt. */
sata:	mov $ICH9_AHCI, %edi
	call function
	jc 1f
	lea AHCI_BASE(%ecx), %eax
	call pci
	mov %eax, %ebx
	lea PCI_COMMAND(%ecx), %eax
	call pci
	mov $MEMORY_AND_MASTER, %ax
	out %ax, %dx
	movl $COMMAND_LIST, LIST(%ebx)
	movl $COMMAND_LIST + 0x1000, ANSWERS(%ebx)
	movl $8, INTERRUPTS(%ebx)
	movl $0x11, PORT_RUNS(%ebx)
	orl $2, AHCI_CONTROL(%ebx)
	movl $0x10005, COMMAND_LIST /* five words, one piece of memory */
	movl $COMMAND_TABLE, COMMAND_LIST + 8
	movl $0x01608027, COMMAND_TABLE /* one sector; READ FPDMA QUEUED */
	movl $0x40000001, COMMAND_TABLE + 4
	movl $BUFFER, COMMAND_TABLE + 0x80
	movl $SECTOR - 1, COMMAND_TABLE + 0x8c
	movl $1, ACTIVE(%ebx)
	movl $1, ISSUE(%ebx)
	cmpl $0, ACTIVE(%ebx)
	jne 1f
	mov $READ_REQUESTS, %al
	out %al, $PORT_PIC2
	in $PORT_PIC2, %al
	test $0xc, %al /* 10 or 11 */
	jz 1f
	mov $BUFFER, %esi
	jmp say
1:	ret

/* Sector 0 of the selected disk at EBX, without interrupts. */
sector:	mov $0, %cl
	call place
	lea COMMAND(%ebx), %edx
	mov $READ_MULTIPLE, %al
	out %al, %dx
2:	in %dx, %al
	and $0xc8, %al
	cmp $0x48, %al /* ready, with data, and not busy */
	jne 2b
	mov %ebx, %edx
	mov $BUFFER, %edi
	mov $SECTOR / 4, %ecx
	cld
	rep insl
	mov $BUFFER, %esi

say:	mov $COM1, %dx
1:	lodsb
	test %al, %al
	jz 1f
	out %al, %dx
	jmp 1b
1:	mov $'\n', %al
	out %al, %dx
	ret

/* One sector, CL, is what the next command moves. */
place:	lea COUNT(%ebx), %edx
	mov $0, %al /* of the older values, for commands of 48 bits */
	out %al, %dx
	mov $1, %al
	out %al, %dx
	mov %cl, %al
	inc %dx
	out %al, %dx
	mov $0, %al
	inc %dx
	out %al, %dx
	inc %dx
	out %al, %dx
	ret
