/* SPDX-License-Identifier: MIT */
/* Ports and device memory: every form of instruction, as the monitor sees it. */
#include "kvm.h"

#define DEVICE "0x10000000"

/* Says each access until the guest halts or gives up; reads find 0x8877665544332211. */
static void serve(struct guest *g)
{
	uint64_t answer = 0x8877665544332211, value;

	for (int i = 0; i < 20; i++) {
		struct kvm_run *r = g->run;

		value = 0;
		switch (go(g)) {
		case KVM_EXIT_IO:
			memcpy(&value, io_data(g), r->io.size);
			if (r->io.direction == KVM_EXIT_IO_OUT)
				say("out %x, size %u, count %u: %llx", r->io.port, r->io.size,
				    r->io.count, (unsigned long long)value);
			else
				say("in %x, size %u, count %u", r->io.port, r->io.size,
				    r->io.count);
			if (r->io.direction == KVM_EXIT_IO_IN)
				for (unsigned int n = 0; n < r->io.count; n++)
					memcpy((uint8_t *)io_data(g) + n * r->io.size, &answer,
					       r->io.size);
			break;
		case KVM_EXIT_MMIO:
			memcpy(&value, r->mmio.data, r->mmio.len);
			if (r->mmio.is_write)
				say("write %llx, %u: %llx", r->mmio.phys_addr, r->mmio.len,
				    (unsigned long long)value);
			else
				say("read %llx, %u", r->mmio.phys_addr, r->mmio.len);
			if (!r->mmio.is_write)
				memcpy(r->mmio.data, &answer, r->mmio.len);
			break;
		case KVM_EXIT_HLT:
			return;
		default:
			say("exit %u", r->exit_reason);
			return;
		}
	}
}

static void run_form(const uint8_t *code, const uint8_t *end)
{
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + START, code, end - code);
	memcpy(g.ram + 0x6000, "0123456789abcdef", 16);
	guest_long_mode(&g);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	r.rax = 0xa1a2a3a4a5a6a7a8;
	r.rbx = 0xb1b2b3b4b5b6b7b8;
	r.rdx = 0x510;
	r.rdi = r.rsi = 0x10000000;
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	serve(&g);
	if (g.run->exit_reason == KVM_EXIT_SHUTDOWN)
		return; /* AMD leaves the registers undefined (APM 2, 15.14.3) */
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	say("rax %llx rbx %llx rcx %llx rsi %llx rdi %llx flags %llx at +%lld", r.rax, r.rbx, r.rcx,
	    r.rsi, r.rdi, r.rflags & 0x4c1,
	    r.rip - START); /* DF SF ZF CF: AF, PF, OF may be undefined */
}

/* RAX, RBX are patterns, DX is a port, RDI and RSI point to the device, 0x6000 is memory. */
#define FORM(name, text)                                                                           \
	GUEST(code_##name, 64, text "; hlt");                                                      \
	static void name(void)                                                                     \
	{                                                                                          \
		run_form(code_##name, code_##name##_end);                                          \
	}

FORM(out_byte, "out %al, %dx; out %al, $0x42")
FORM(out_word, "out %ax, %dx; out %ax, $0x42")
FORM(out_long, "out %eax, %dx; out %eax, $0x42")
FORM(in_byte, "in %dx, %al; in $0x42, %al")
FORM(in_word, "in %dx, %ax; in $0x42, %ax")
FORM(in_long, "in %dx, %eax; in $0x42, %eax")
FORM(out_string, "mov $0x6000, %esi; outsb; outsl")
FORM(in_string, "mov $0x6000, %edi; insb; insl; mov 0x6000, %rbx")
FORM(out_repeated, "mov $0x6000, %esi; mov $4, %ecx; rep outsb")
FORM(out_across_pages, "mov $0x5ffd, %esi; mov $5, %ecx; rep outsw; std; mov $2, %ecx; rep outsw")
FORM(in_repeated, "mov $0x6000, %edi; mov $4, %ecx; rep insw; mov 0x6000, %rbx")
FORM(store_byte, "mov %al, (%rdi); mov %bh, 3(%rdi)")
FORM(store_word, "mov %ax, 2(%rdi)")
FORM(store_long, "mov %eax, 4(%rdi)")
FORM(store_quad, "mov %rax, 8(%rdi)")
FORM(store_immediate,
     "movb $0x12, (%rdi); movw $0x1234, (%rdi); movl $0x12345678, (%rdi); movq $-2, (%rdi)")
FORM(load_byte, "mov (%rsi), %al; mov 1(%rsi), %bh")
FORM(load_word, "mov (%rsi), %ax")
FORM(load_long, "mov (%rsi), %eax")
FORM(load_quad, "mov (%rsi), %rax")
FORM(load_zero_extended, "movzbl (%rsi), %eax; movzwl (%rsi), %ebx; movzbq (%rsi), %rcx")
FORM(load_sign_extended, "movsbq (%rsi), %rax; movswl (%rsi), %ebx; movslq (%rsi), %rcx")
FORM(load_high_register, "mov (%rsi), %r9; mov %r9, %rax; mov %r9d, 4(%rdi)")
FORM(absolute_address, "mov $" DEVICE ", %r12; movabs " DEVICE ", %eax; movabs %eax, " DEVICE)
FORM(scaled_address, "mov $4, %ecx; mov %eax, 0x10(%rdi,%rcx,8)")
FORM(segment_base, "mov %fs:(%rsi), %eax")
FORM(store_string, "stosl")
FORM(store_repeated, "mov $3, %ecx; rep stosb")
FORM(move_from_device, "mov $0x6000, %edi; movsl; mov 0x6000, %rbx")
FORM(move_to_device, "mov $0x6000, %esi; movsl")
FORM(move_repeated, "mov $0x6000, %edi; mov $3, %ecx; rep movsb; mov 0x6000, %rbx")
FORM(or_to_device, "orb $0x80, (%rdi)")
FORM(and_from_device, "and (%rsi), %eax")
FORM(add_to_device, "add %eax, (%rdi)")
FORM(compare_device, "cmpb $0x11, (%rsi); setz %bl")
FORM(test_device, "testl $0x80, (%rsi); setz %bl")
FORM(exchange_device, "xchg %eax, (%rdi)")
FORM(push_from_device, "push (%rsi); pop %rbx")
FORM(pop_to_device, "push %rax; pop (%rdi); pushw %ax; popw (%rdi)")
FORM(bit_test, "btl $4, (%rsi); setc %bl")
FORM(bit_change, "lock btsw $7, (%rdi); btrl $4, (%rdi); btcq $63, (%rdi); setc %bl")
FORM(bit_beyond, "mov $70, %ecx; bts %ecx, (%rdi); mov $-1, %rcx; btc %rcx, (%rdi); mov $-17, %cx; "
		 "bt %cx, (%rdi)")
FORM(store_non_temporal, "movnti %eax, (%rdi)")
FORM(in_to_device, "mov $3, %ecx; rep insw")
FORM(out_from_device, "mov $2, %ecx; rep outsw")
FORM(add_and_exchange,
     "xadd %eax, (%rdi); lock xadd %bl, 1(%rdi); xadd %bh, (%rdi); xadd %rdi, (%rdi)")
FORM(compare_and_exchange,
     "cmpxchg %ebx, (%rdi); cmpxchg %ebx, (%rdi); cmpxchg %bh, 1(%rdi); lock cmpxchg %rbx, (%rdi)")
FORM(one_operand, "notl (%rdi); negw 2(%rdi); stc; incb (%rdi); decq (%rdi)")
FORM(one_operand_locked,
     "lock notb (%rdi); lock negq (%rdi); stc; lock incw (%rdi); lock decl (%rdi)")
FORM(load_swapped, "movbe (%rsi), %eax; movbe (%rsi), %rcx; movbe (%rsi), %bx")
FORM(store_swapped, "movbe %ebx, (%rdi); movbe %rax, (%rdi); movbe %ax, (%rdi)")
FORM(compare_strings, "mov $0x6000, %edi; cmpsb; cmpsl; movabs $0x10000000, %rdi; cmpsw")
FORM(compare_strings_equal, "mov $5, %ecx; repe cmpsb")
FORM(compare_strings_unequal,
     "mov $0x6000, %edi; mov $5, %ecx; repe cmpsb; mov $2, %ecx; repne cmpsl")
FORM(compare_strings_down, "std; mov $0x6000, %esi; mov $3, %ecx; repne cmpsw")
FORM(scan_string, "scasb; mov $0x11, %al; scasb; movabs $0x8877665544332211, %rax; scasq")
FORM(scan_string_repeated, "mov $3, %ecx; repne scasl; mov $0x2211, %ax; mov $3, %ecx; repe scasw; "
			   "mov $3, %ecx; repne scasw")
FORM(scan_across_pages,
     "lea 0xffd(%rdi), %rdi; mov $2, %ecx; repne scasl; mov $0x6000, %esi; sub $2, %rdi; cmpsq")
FORM(compare_page_fault, "mov $0x7ffffffff000, %rdi; mov $1, %ecx; repe cmpsb")
FORM(lock_undefined, "lock; mov %eax, (%rdi)")
FORM(lock_undefined_compare, "lock; cmp %eax, (%rdi)")
FORM(sse_store, "movq %rax, %xmm0; movq %xmm0, (%rdi)")
FORM(across_pages, "mov %rax, 0xffc(%rdi)")
FORM(across_pages_load, "mov 0xffb(%rsi), %rax; mov $0x1ff, %ecx; mov 6(%rsi,%rcx,8), %ebx")
FORM(across_pages_relative, "mov 0x0ffffff8(%rip), %eax") /* to 0xffe(%rdi) */
FORM(across_pages_changed, "add %eax, 0xffd(%rdi); xchg %bx, 0xfff(%rdi)")
FORM(across_pages_string, "lea 0xffd(%rsi), %rsi; mov $0x6000, %edi; movsq; mov 0x6000, %rbx")
FORM(across_memory_and_device, "mov $0x0fffff, %ecx; mov %ax, (%rcx); mov 0x0ffff8, %rbx")
FORM(across_memory_and_device_load, "mov $0x0ffffd, %ecx; movb $0x99, (%rcx); mov (%rcx), %rax")

#define CASE(name)                                                                                 \
	{                                                                                          \
#name, name                                                                        \
	}
static const struct test_case cases[] = {
	CASE(out_byte),
	CASE(out_word),
	CASE(out_long),
	CASE(in_byte),
	CASE(in_word),
	CASE(in_long),
	CASE(out_string),
	CASE(in_string),
	CASE(out_repeated),
	CASE(out_across_pages),
	CASE(in_repeated),
	CASE(store_byte),
	CASE(store_word),
	CASE(store_long),
	CASE(store_quad),
	CASE(store_immediate),
	CASE(load_byte),
	CASE(load_word),
	CASE(load_long),
	CASE(load_quad),
	CASE(load_zero_extended),
	CASE(load_sign_extended),
	CASE(load_high_register),
	CASE(absolute_address),
	CASE(scaled_address),
	CASE(segment_base),
	CASE(store_string),
	CASE(store_repeated),
	CASE(move_from_device),
	CASE(move_to_device),
	CASE(move_repeated),
	CASE(or_to_device),
	CASE(and_from_device),
	CASE(add_to_device),
	CASE(compare_device),
	CASE(test_device),
	CASE(exchange_device),
	CASE(push_from_device),
	CASE(pop_to_device),
	CASE(bit_test),
	CASE(bit_change),
	CASE(bit_beyond),
	CASE(store_non_temporal),
	CASE(in_to_device),
	CASE(out_from_device),
	CASE(add_and_exchange),
	CASE(compare_and_exchange),
	CASE(one_operand),
	CASE(one_operand_locked),
	CASE(load_swapped),
	CASE(store_swapped),
	CASE(compare_strings),
	CASE(compare_strings_equal),
	CASE(compare_strings_unequal),
	CASE(compare_strings_down),
	CASE(scan_string),
	CASE(scan_string_repeated),
	CASE(scan_across_pages),
	CASE(compare_page_fault),
	CASE(lock_undefined),
	CASE(lock_undefined_compare),
	CASE(sse_store),
	CASE(across_pages),
	CASE(across_pages_load),
	CASE(across_pages_relative),
	CASE(across_pages_changed),
	CASE(across_pages_string),
	CASE(across_memory_and_device),
	CASE(across_memory_and_device_load),
};
MAIN(cases)
