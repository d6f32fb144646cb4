/* SPDX-License-Identifier: MIT */
/* Events that the monitor gives to a guest, signals that it gets itself, and waiting. */
#include "kvm.h"

/*
 * Real mode, interrupts by the table at 0: vectors 2, 6, 13, 0x30 and 0x31 say their number. The main
 * program says 1, then 0x55 for ever, with interrupts on (handlers) or off (deaf).
 */
#define HANDLERS                                                                                   \
	"cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss\n"                                          \
	"movw $0x1100, 2 * 4; movw $0, 2 * 4 + 2; movw $0x1110, 6 * 4; movw $0, 6 * 4 + 2\n"       \
	"movw $0x1120, 13 * 4; movw $0, 13 * 4 + 2; movw $0x1130, 0x30 * 4; movw $0, 0x30 * 4 + "  \
	"2\n"                                                                                      \
	"movw $0x1140, 0x31 * 4; movw $0, 0x31 * 4 + 2; mov $1, %al; out %al, $0x10\n"
#define AT(name, offset) ".skip " #offset " - (. - " #name ")\n"
#define SAYER(name, offset, vector) AT(name, offset) "mov $" #vector ", %al; out %al, $0x10; iret\n"
#define SAYERS(name)                                                                               \
	SAYER(name, 0x100, 2)                                                                      \
	SAYER(name, 0x110, 6)                                                                      \
	SAYER(name, 0x120, 13) SAYER(name, 0x130, 0x30) SAYER(name, 0x140, 0x31)
GUEST(listens, 16, HANDLERS "sti; 1: mov $0x55, %al; out %al, $0x10; jmp 1b\n" SAYERS(listens));
GUEST(deaf, 16, HANDLERS "1: mov $0x55, %al; out %al, $0x10; jmp 1b\n" SAYERS(deaf));
GUEST(sleeps, 16, HANDLERS "sti; hlt; mov $0x77, %al; out %al, $0x10; cli; hlt\n" SAYERS(sleeps));

static void start(struct guest *g, const uint8_t *code, const uint8_t *end)
{
	guest_make(g, false);
	memcpy(g->ram + START, code, end - code);
	start_at(g->vcpu, START);
	EQUAL(take_out(g, 0x10), 1);
}
#define START_GUEST(g, name) start(g, name, name##_end)

static int interrupt(struct guest *g, unsigned int vector)
{
	struct kvm_interrupt i = { .irq = vector };

	return ioctl(g->vcpu, KVM_INTERRUPT, &i);
}

static void say_next(struct guest *g, int n)
{
	while (n--)
		say("guest: %x", take_out(g, 0x10));
}

static void interrupt_open(void)
{
	struct guest g;

	START_GUEST(&g, listens);
	say_next(&g, 1);
	say("ready %u, if %u", g.run->ready_for_interrupt_injection, g.run->if_flag);
	SHOW(interrupt(&g, 0x30));
	say_next(&g, 3);
}

static void interrupt_twice(void)
{
	struct guest g;

	START_GUEST(&g, listens);
	say_next(&g, 1);
	SHOW(interrupt(&g, 0x30));
	SHOW(interrupt(&g, 0x31));
	say_next(&g, 3);
	SHOW(interrupt(&g, 0x31));
	say_next(&g, 2);
}

static void interrupt_to_deaf(void)
{
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	say("ready %u, if %u", g.run->ready_for_interrupt_injection, g.run->if_flag);
}

static void window_requested(void)
{
	struct guest g;

	START_GUEST(&g, listens);
	say_next(&g, 1);
	g.run->request_interrupt_window = 1;
	say("exit %u, ready %u", go(&g), g.run->ready_for_interrupt_injection);
	g.run->request_interrupt_window = 0;
	say_next(&g, 1);
}

static void window_closed(void)
{
	struct guest g;

	START_GUEST(&g, deaf);
	g.run->request_interrupt_window = 1;
	say_next(&g, 2);
}

static void interrupt_wakes(void)
{
	struct guest g;

	START_GUEST(&g, sleeps);
	say("exit %u, ready %u", go(&g), g.run->ready_for_interrupt_injection);
	SHOW(interrupt(&g, 0x30));
	say_next(&g, 2);
	say("exit %u", go(&g));
}

/* Without chips a HLT is the monitor's: it goes on when it is run again. */
static void halt_and_on(void)
{
	struct guest g;

	START_GUEST(&g, sleeps);
	say("exit %u", go(&g));
	say_next(&g, 1);
	say("exit %u", go(&g));
}

static void events_interrupt(void)
{
	struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x31 } };
	struct guest g;

	START_GUEST(&g, listens);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 2);
}

/* What is injected goes in whether the guest listens or not; VT-x refuses to enter a guest that does not. */
static void events_interrupt_deaf(void)
{
	struct kvm_vcpu_events e = { .interrupt = { .injected = 1, .nr = 0x31 } };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	if (has_vmx())
		EQUAL(go(&g), KVM_EXIT_FAIL_ENTRY);
	else
		say_next(&g, 2);
}

static void events_exception(void)
{
	struct kvm_vcpu_events e = { .exception = { .injected = 1, .nr = 6 } };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 2);
	CHECK(ioctl(g.vcpu, KVM_GET_VCPU_EVENTS, &e) == 0);
	EQUAL(e.exception.injected, 0);
}

/* Real mode pushes no error code. */
static void events_exception_with_error(void)
{
	struct kvm_vcpu_events e = { .exception = {
					     .injected = 1, .nr = 13, .has_error_code = 1 } };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 2);
}

static void events_nmi(void)
{
	struct kvm_vcpu_events e = { .nmi = { .injected = 1 } };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 2);
}

static void events_nmi_pending(void)
{
	struct kvm_vcpu_events e = { .nmi = { .pending = 1 },
				     .flags = KVM_VCPUEVENT_VALID_NMI_PENDING };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 2);
}

/* Without the flag what is said of a pending NMI does not count. */
static void events_nmi_without_flag(void)
{
	struct kvm_vcpu_events e = { .nmi = { .pending = 1 } };
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_SET_VCPU_EVENTS, &e) == 0);
	say_next(&g, 1);
}

static void nmi(void)
{
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	SHOW(ioctl(g.vcpu, KVM_NMI));
	say_next(&g, 2);
}

/* An exit in the middle of things: the monitor moves the guest elsewhere. */
static void moved_by_monitor(void)
{
	struct kvm_regs r;
	struct guest g;

	START_GUEST(&g, deaf);
	say_next(&g, 1);
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	r.rip = START + 0x130;
	CHECK(ioctl(g.vcpu, KVM_SET_REGS, &r) == 0);
	say_next(&g, 1);
}

GUEST(spins, 16, "sti; 1: jmp 1b");
static void handler(int sig)
{
}

/* A signal that is there before the call. */
static void signal_pending(void)
{
	struct sigaction sa = { .sa_handler = handler };
	sigset_t all, none;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, spins);
	sigaction(SIGUSR1, &sa, NULL);
	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &all, NULL);
	raise(SIGUSR1);
	struct {
		struct kvm_signal_mask head;
		uint64_t set;
	} m = { .head.len = 8 };
	SHOW(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m));
	m.head.len = 4;
	SHOW(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m));
	m.head.len = 16;
	SHOW(ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m));
	sigprocmask(SIG_SETMASK, &none, NULL); /* now it comes, and the next one by a timer */
	sa.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 20000); /* again and again: the first may come too early */
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	say("exit %u", g.run->exit_reason);
}

/* The mask of KVM_SET_SIGNAL_MASK counts while the guest runs; the signal stays for later. */
static volatile int handled;
static void count_signal(int sig)
{
	handled++;
}
static void signal_mask(void)
{
	struct sigaction sa = { .sa_handler = count_signal };
	struct {
		struct kvm_signal_mask head;
		uint64_t set;
	} m = { .head.len = 8 };
	sigset_t usr1;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, spins);
	sigaction(SIGUSR1, &sa, NULL);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	if (ioctl(g.vcpu, KVM_SET_SIGNAL_MASK, &m)) {
		say("no mask: %s", strerror(errno));
		return;
	}
	raise(SIGUSR1);
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	say("exit %u, handled %d", g.run->exit_reason, handled);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	say("handled %d", handled);
}

static void immediate_exit_in_loop(void)
{
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, spins);
	g.run->immediate_exit = 1;
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	say("exit %u", g.run->exit_reason);
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	say("rip +%llu", (unsigned long long)rip_of(&g) - START);
}

/* An answer that is due is taken up even when the guest does not run. */
GUEST(asks, 16, "in $0x10, %al; hlt");
static void immediate_exit_completes(void)
{
	struct kvm_regs r;
	struct guest g;

	guest_make(&g, false);
	guest_code(&g, asks);
	say("exit %u", go(&g));
	*(uint8_t *)io_data(&g) = 0x66;
	g.run->immediate_exit = 1;
	SHOW(ioctl(g.vcpu, KVM_RUN, 0));
	CHECK(ioctl(g.vcpu, KVM_GET_REGS, &r) == 0);
	say("al %llx rip +%llu", r.rax & 0xff, r.rip - START);
}

/* A vCPU that waits for INIT comes back when it is there, and says so. */
static void waits_for_init(void)
{
	struct kvm_mp_state mp = { KVM_MP_STATE_INIT_RECEIVED };
	struct guest g, second;

	guest_make(&g, true);
	second = g;
	second.vcpu = ioctl(g.vm, KVM_CREATE_VCPU, 1);
	second.run = mmap(NULL, g.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, second.vcpu, 0);
	second.run->immediate_exit = 1;
	SHOW(ioctl(second.vcpu, KVM_RUN, 0));
	SHOW(ioctl(second.vcpu, KVM_SET_MP_STATE, &mp));
	SHOW(ioctl(second.vcpu, KVM_RUN, 0));
}

static const struct test_case cases[] = {
	{ "interrupt-open", interrupt_open },
	{ "interrupt-twice", interrupt_twice },
	{ "interrupt-to-deaf", interrupt_to_deaf },
	{ "window-requested", window_requested },
	{ "window-closed", window_closed },
	{ "interrupt-wakes", interrupt_wakes },
	{ "halt-and-on", halt_and_on },
	{ "events-interrupt", events_interrupt },
	{ "events-interrupt-deaf", events_interrupt_deaf },
	{ "events-exception", events_exception },
	{ "events-exception-with-error", events_exception_with_error },
	{ "events-nmi", events_nmi },
	{ "events-nmi-pending", events_nmi_pending },
	{ "events-nmi-without-flag", events_nmi_without_flag },
	{ "nmi", nmi },
	{ "moved-by-monitor", moved_by_monitor },
	{ "signal-pending", signal_pending },
	{ "signal-mask", signal_mask },
	{ "immediate-exit-in-loop", immediate_exit_in_loop },
	{ "immediate-exit-completes", immediate_exit_completes },
	{ "waits-for-init", waits_for_init },
};
MAIN(cases)
