/* SPDX-License-Identifier: MIT */
/* State of a vCPU beyond its general and control registers: debug registers, XCR0, the XSAVE area. */
#include "kvm.h"

#define NO_XSAVE "no XSAVE here"

static void load64(struct guest *g, const uint8_t *code, size_t n)
{
	guest_make(g, false);
	memcpy(g->ram + START, code, n);
	guest_long_mode(g);
}
#define LOAD64(g, name) load64(g, name, name##_end - name)

/* ---- debug registers ---- */

static void show_debugregs(struct guest *g, const char *what)
{
	struct kvm_debugregs d = { .flags = 9 };

	CHECK(ioctl(g->vcpu, KVM_GET_DEBUGREGS, &d) == 0);
	say("%s: %llx %llx %llx %llx dr6 %llx dr7 %llx flags %llx", what, d.db[0], d.db[1], d.db[2],
	    d.db[3], d.dr6, d.dr7, d.flags);
}

static void debugregs_new(void)
{
	struct guest g;

	guest_make(&g, false);
	show_debugregs(&g, "new");
	SHOW(ioctl(g.vcpu, KVM_GET_DEBUGREGS, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_DEBUGREGS, NULL));
}

static void debugregs_refused(void)
{
	struct kvm_debugregs d = { .dr6 = 0xffff0ff0, .dr7 = 0x400, .flags = 1 };
	struct guest g;

	guest_make(&g, false);
	SHOW(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d));
	d.flags = 0;
	d.dr6 |= 1UL << 32;
	SHOW(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d));
	d.dr6 = 0xffff0ff0;
	d.dr7 |= 1UL << 32;
	SHOW(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d));
	d.dr7 = 0x400;
	SHOW(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d));
	show_debugregs(&g, "after them");
}

/* Adds 1 to each of DR0 to DR3 and gives the old ones. */
GUEST(touch_debug, 64,
      "mov %db0, %rax; out %al, $0x10; inc %rax; mov %rax, %db0\n"
      "mov %db1, %rax; out %al, $0x10; inc %rax; mov %rax, %db1\n"
      "mov %db2, %rax; out %al, $0x10; inc %rax; mov %rax, %db2\n"
      "mov %db3, %rax; out %al, $0x10; inc %rax; mov %rax, %db3\n"
      "mov %db7, %rax; out %al, $0x10; hlt");
static void debugregs_of_the_guest(void)
{
	struct kvm_debugregs d = { .db = { 0x10, 0x21, 0x32, 0x43 },
				   .dr6 = 0xffff0ff0,
				   .dr7 = 0x400 };
	struct guest g;

	LOAD64(&g, touch_debug);
	CHECK(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d) == 0);
	show_debugregs(&g, "set");
	for (int i = 0; i < 4; i++) {
		EQUAL(take_out(&g, 0x10), d.db[i]);
		show_debugregs(&g, "read");
	}
	EQUAL(take_out(&g, 0x10), 0);
	show_debugregs(&g, "all");
}

/* A breakpoint that the monitor has put there is the guest's: #DB by its own table. */
GUEST(breakpoint, 16, "nop; nop; nop; mov $1, %al; out %al, $0x10; hlt");
GUEST(on_debug, 16, "mov $2, %al; out %al, $0x10; hlt");
static void debugregs_break(void)
{
	struct kvm_debugregs d = { .db = { START + 2 }, .dr6 = 0xffff0ff0, .dr7 = 0x402 };
	struct guest g;

	guest_make(&g, false);
	memcpy(g.ram + 0x2000, on_debug, on_debug_end - on_debug);
	g.ram[5] = 0x20; /* vector 1: 0000:2000 */
	guest_code(&g, breakpoint);
	CHECK(ioctl(g.vcpu, KVM_SET_DEBUGREGS, &d) == 0);
	say("out %u", take_out(&g, 0x10));
	show_debugregs(&g, "then");
}

/* ---- XCR0 ---- */

static bool has_xsave(struct guest *g)
{
	if (ioctl(g->kvm, KVM_CHECK_EXTENSION, KVM_CAP_XCRS) > 0)
		return true;
	say(NO_XSAVE);
	return false;
}

static int set_xcr0(struct guest *g, uint64_t value)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs = { { .value = value } } };

	return ioctl(g->vcpu, KVM_SET_XCRS, &x);
}

static void show_xcrs(struct guest *g, const char *what)
{
	struct kvm_xcrs x = { .flags = 7 };

	CHECK(ioctl(g->vcpu, KVM_GET_XCRS, &x) == 0);
	say("%s: %u, flags %u, xcr%u %llx", what, x.nr_xcrs, x.flags, x.xcrs[0].xcr,
	    x.xcrs[0].value);
}

static void xcrs_refused(void)
{
	struct kvm_xcrs x = { .nr_xcrs = 1, .flags = 1, .xcrs = { { .value = 1 } } };
	struct guest g;

	guest_make(&g, false);
	if (!has_xsave(&g))
		return;
	show_xcrs(&g, "new");
	SHOW(ioctl(g.vcpu, KVM_SET_XCRS, &x));
	x.flags = 0;
	x.nr_xcrs = KVM_MAX_XCRS + 1;
	SHOW(ioctl(g.vcpu, KVM_SET_XCRS, &x));
	x.nr_xcrs = 0;
	SHOW(ioctl(g.vcpu, KVM_SET_XCRS, &x));
	x.nr_xcrs = 1;
	x.xcrs[0].xcr = 1; /* not there: no matter */
	SHOW(ioctl(g.vcpu, KVM_SET_XCRS, &x));
	SHOW(set_xcr0(&g, 3)); /* its CPUID does not show it */
	guest_long_mode(&g);
	SHOW(set_xcr0(&g, 3));
	SHOW(set_xcr0(&g, 0));
	SHOW(set_xcr0(&g, 2));
	SHOW(set_xcr0(&g, 5));
	SHOW(set_xcr0(&g, 1UL << 63 | 1));
	show_xcrs(&g, "after them");
	SHOW(ioctl(g.vcpu, KVM_GET_XCRS, NULL));
}

/* With CR4.OSXSAVE: gives XCR0, then sets it to 1. */
GUEST(xcr0, 64,
      "mov %cr4, %rax; or $0x40000, %rax; mov %rax, %cr4; xor %ecx, %ecx; xgetbv; out %al, $0x10\n"
      "mov $1, %eax; xsetbv; out %al, $0x10; hlt");
static void xcrs_of_the_guest(void)
{
	struct guest g;

	LOAD64(&g, xcr0);
	if (!has_xsave(&g))
		return;
	CHECK(set_xcr0(&g, 3) == 0);
	EQUAL(take_out(&g, 0x10), 3);
	show_xcrs(&g, "as it was set");
	EQUAL(take_out(&g, 0x10), 1);
	show_xcrs(&g, "as the guest has set it");
}

/* ---- the XSAVE area ---- */

static void xsave_new(void)
{
	struct kvm_xsave x, y;
	struct guest g;

	guest_make(&g, false);
	memset(&x, 0x55, sizeof(x));
	CHECK(ioctl(g.vcpu, KVM_GET_XSAVE, &x) == 0);
	say("fcw %x mxcsr %x", x.region[0] & 0xffff, x.region[6]);
	for (unsigned int i = 130; i < 144; i++)
		EQUAL(x.region[i], 0); /* the header behind XSTATE_BV */
	EQUAL(ioctl(g.kvm, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2), sizeof(y));
	memset(&y, 0x66, sizeof(y));
	CHECK(ioctl(g.vcpu, KVM_GET_XSAVE2, &y) == 0);
	CHECK(memcmp(&x, &y, sizeof(x)) == 0);
	SHOW(ioctl(g.vcpu, KVM_GET_XSAVE, NULL));
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, NULL));
}

static void xsave_refused(void)
{
	struct kvm_xsave x;
	struct guest g;

	guest_make(&g, false);
	CHECK(ioctl(g.vcpu, KVM_GET_XSAVE, &x) == 0);
	x.region[128] = 3;
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
	x.region[6] |= 1U << 31; /* MXCSR */
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
	x.region[6] = 0x1f80;
	x.region[129] = 1U << 30; /* XSTATE_BV, 62 */
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
	x.region[129] = 0;
	if (!has_xsave(&g))
		return;
	x.region[131] = 1U << 31; /* compacted */
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
	x.region[131] = 0;
	x.region[140] = 1;
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
	x.region[140] = 0;
	SHOW(ioctl(g.vcpu, KVM_SET_XSAVE, &x));
}

/* Gives the low byte of XMM3 and sets it anew; pushes 1 to the x87 stack. */
GUEST(vectors, 64,
      "movd %xmm3, %eax; out %al, $0x10; mov $0x77, %eax; movd %eax, %xmm3; fninit; fld1\n"
      "out %al, $0x10; movd %xmm3, %eax; out %al, $0x10; hlt");
static void xsave_of_the_guest(void)
{
	struct kvm_xsave x;
	struct kvm_fpu f;
	struct guest g;

	LOAD64(&g, vectors);
	CHECK(ioctl(g.vcpu, KVM_GET_XSAVE, &x) == 0);
	x.region[128] |= 3;
	x.region[40 + 3 * 4] = 0x1234; /* XMM3 */
	CHECK(ioctl(g.vcpu, KVM_SET_XSAVE, &x) == 0);
	CHECK(ioctl(g.vcpu, KVM_GET_FPU, &f) == 0);
	EQUAL(f.xmm[3][0], 0x34);
	EQUAL(f.xmm[3][1], 0x12);
	EQUAL(take_out(&g, 0x10), 0x34);
	take_out(&g, 0x10);
	memset(&x, 0, sizeof(x));
	CHECK(ioctl(g.vcpu, KVM_GET_XSAVE, &x) == 0);
	EQUAL(x.region[40 + 3 * 4], 0x77);
	EQUAL(x.region[128] & 3, 3);
	EQUAL(x.region[8 + 1], 0x80000000); /* ST0 is 1.0 */
	EQUAL(x.region[8 + 2] & 0xffff, 0x3fff);
	x.region[128] &= ~2U; /* SSE as after reset */
	CHECK(ioctl(g.vcpu, KVM_SET_XSAVE, &x) == 0);
	EQUAL(take_out(&g, 0x10), 0);
}

/* ---- the mask of signals ---- */

static volatile int handled;
static void count(int sig)
{
	handled++;
}
GUEST(forever, 16, "1: jmp 1b");
/* A signal that is blocked outside, and let in by the mask; without the mask it would not end KVM_RUN. */
static void mask_lets_in(void)
{
	struct sigaction sa = { .sa_handler = count };
	struct {
		struct kvm_signal_mask head;
		uint64_t set;
	} m = { .head.len = 8 };
	struct guest g;
	sigset_t usr1;

	guest_make(&g, false);
	guest_code(&g, forever);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	CHECK(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m) == 0);
	raise(SIGUSR1);
	for (int i = 0; i < 2; i++) {
		SHOW(ioctl(g.vcpu, KVM_RUN, 0));
		say("exit %u, handled %d", g.run->exit_reason, handled);
	}
	CHECK(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, NULL) == 0);
	m.head.len = 9;
	SHOW(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m));
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	say("handled %d", handled);
}

static const struct test_case cases[] = {
	{ "debugregs-new", debugregs_new },
	{ "debugregs-refused", debugregs_refused },
	{ "debugregs-of-the-guest", debugregs_of_the_guest },
	{ "debugregs-break", debugregs_break },
	{ "xcrs-refused", xcrs_refused },
	{ "xcrs-of-the-guest", xcrs_of_the_guest },
	{ "xsave-new", xsave_new },
	{ "xsave-refused", xsave_refused },
	{ "xsave-of-the-guest", xsave_of_the_guest },
	{ "mask-lets-in", mask_lets_in },
};
MAIN(cases)
