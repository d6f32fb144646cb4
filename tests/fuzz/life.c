/* SPDX-License-Identifier: MIT */
/*
 * One iteration: a container of its own (pid, mount, UTS, cgroup namespaces; a root of tmpfs), in it,
 * one after the other, processes with some threads that make calls, and what these start.
 *
 * The first process of the namespace, the nanny, builds the container, sends the caller signals and
 * ends after a while; with it ends all that is left. It runs fuzzed calls never, so that it can be
 * relied on. The callers use no libc function that has state: their thread pointer may be gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "fuzz.h"

#define ROOT "/run/fuzz/root"
#define NANNY_MS 1500 /* an iteration's time */
#define LIVES 4 /* callers in it, one after the other */
#define FPU_ROOM 4096UL

struct pool pool;
static struct rng life_rng;
static struct ring *rings; /* of this slot */
static u64 life_seed;
static u32 births;
static unsigned int theme; /* enum group, or NR_GROUPS: all alike */
static struct call callers[THREADS];
static u8 frame_seen[40 + 256 + 128 + 8],
	fpu_seen[FPU_ROOM]; /* a ucontext as the kernel makes it */
static bool have_fpu;

/* ---- the stubs ---- */

__asm__(".globl stub_call\n"
	"stub_call:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rdi, %rax; mov %rsi, %rbx; mov %rdx, %r12\n"
	"	mov (%rbx), %rdi; mov 8(%rbx), %rsi; mov 16(%rbx), %rdx\n"
	"	mov 24(%rbx), %r10; mov 32(%rbx), %r8; mov 40(%rbx), %r9\n"
	"	mov %rsp, %rbp\n"
	"	syscall\n"
	"	cmp %rsp, %rbp\n"
	"	jne 1f\n"
	"	test %r12, %r12\n"
	"	jz 2f\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"2:	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"1:	and $-16, %rsp\n" /* a new process or thread; this stack may be its parent's too */
	"	call newborn\n"
	".globl stub_sigreturn\n"
	"stub_sigreturn:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, 160(%rdi)\n"
	"	lea 1f(%rip), %rax\n"
	"	mov %rax, 168(%rdi)\n"
	"	mov %rdi, %rsp\n"
	"	mov $15, %eax\n"
	"	syscall\n"
	"1:	cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".globl stub_restorer\n"
	"stub_restorer:\n"
	"	mov $15, %eax\n"
	"	syscall\n");

static long call0(long nr, u64 a, u64 b, u64 c, u64 d, u64 e)
{
	u64 args[6] = { a, b, c, d, e, 0 };

	return stub_call(nr, args, 0);
}

void on_signal(int sig)
{
}

/* ---- rt_sigreturn with a frame that is nearly right ---- */

static void see_frame(int sig, siginfo_t *info, void *p)
{
	ucontext_t *uc = p;

	memcpy(frame_seen, uc, 304);
	if (uc->uc_mcontext.fpregs) {
		const u8 *fpu = (const u8 *)uc->uc_mcontext.fpregs;
		u32 magic, size;

		memcpy(&magic, fpu + 464, 4); /* FP_XSTATE_MAGIC1, then the size of all */
		memcpy(&size, fpu + 468, 4);
		if (magic != 0x46505853 || size > FPU_ROOM)
			size = 512;
		memcpy(fpu_seen, fpu, size);
		have_fpu = true;
	}
}

long sigreturn_odd(struct call *c)
{
	u8 *uc = c->scratch, *fpu = c->scratch + PAGE;
	u64 v;

	memcpy(uc, frame_seen, sizeof(frame_seen));
	memcpy(fpu, fpu_seen, FPU_ROOM);
	v = have_fpu ? (u64)fpu : 0;
	memcpy(uc + 224, &v, 8);
	for (u64 n = below(&c->rng, 3); n; n--) {
		static const u16 at[] = { 0,   8,   16,  24,  32,  40,  96,
					  176, 184, 188, 190, 192, 224, 296 };
		unsigned int i = below(&c->rng, ARRAY_SIZE(at));

		v = once_in(&c->rng, 2) ? rnd(&c->rng) : below(&c->rng, 64);
		memcpy(uc + at[i], &v, at[i] >= 184 && at[i] < 192 ? 2 : 8);
	}
	for (u64 n = below(&c->rng, 4); n; n--) {
		v = rnd(&c->rng);
		memcpy(fpu + (below(&c->rng, 2) ? below(&c->rng, FPU_ROOM - 8)
						: 464 + below(&c->rng, 120)),
		       &v, 1 + below(&c->rng, 8));
	}
	stub_sigreturn(uc);
	return 0;
}

/* ---- making calls ---- */

void pool_add(enum fd_kind kind, long value)
{
	if (value < 0)
		return;
	if (kind == GOT_PID)
		pool.pid[pool.nr_pids++ % 16] = value;
	else
		pool.fd[kind][pool.nr[kind]++ % 16] = value;
}

static const struct row *choose(struct call *c)
{
	for (;;) {
		const struct row *row = &rows[below(&c->rng, nr_rows)];

		if (theme != NR_GROUPS && row->group != theme && !once_in(&c->rng, 6))
			continue;
		if (row->rare && !once_in(&c->rng, row->rare))
			continue;
		if (row->birth && c->depth > 1)
			continue;
		return row;
	}
}

static void count(const struct row *row, long ret)
{
	struct row_stat *s = &shared->stat[row - rows];

	__atomic_fetch_add(&s->calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&shared->calls, 1, __ATOMIC_RELAXED);
	if (ret >= 0 || ret < -191)
		__atomic_fetch_add(&s->ok, 1, __ATOMIC_RELAXED);
	else
		__atomic_fetch_or(&s->errors[-ret / 64], 1UL << (-ret % 64), __ATOMIC_RELAXED);
}

static void one_call(struct call *c)
{
	static const u8 odds[] = { 0, 0, 0, 6, 6, 2 };
	const struct row *row = choose(c);
	struct ring_entry *e = &c->ring->entry[c->ring->next % ARRAY_SIZE(c->ring->entry)];
	u64 a[6];

	c->at = c->scratch;
	c->out = NULL;
	c->out_size = 0;
	c->edge_used = false;
	c->len = c->count = 0;
	c->odd = odds[below(&c->rng, ARRAY_SIZE(odds))];
	for (int i = 0; i < 6; i++)
		a[i] = draw(c, &row->a[i]);
	if (row->mend)
		row->mend(a);
	e->row = row - rows;
	memcpy(e->a, a, sizeof(a));
	e->ret = NOT_DONE;
	__atomic_fetch_add(&c->ring->next, 1, __ATOMIC_RELEASE);
	e->ret = row->instead ? row->instead(c) : stub_call(row->nr, a, row->birth);
	count(row, e->ret);
	if (e->ret >= 0 && row->result)
		pool_add(row->result, e->ret);
	if (e->ret == 0 && c->out_size)
		keep_out(c);
}

static struct call *caller(unsigned int n, unsigned int depth, u64 seed)
{
	struct call *c = &callers[n];

	*c = (struct call){ .rng.state = seed,
			    .thread = n,
			    .depth = depth,
			    .ring = &rings[n],
			    .scratch = (u8 *)SCRATCH_BASE + n * SCRATCH_STRIDE };
	return c;
}

/* Where what a call gave birth to begins: a few calls, and the end in one of several ways. */
void newborn(void) __attribute__((noreturn, used));
void newborn(void)
{
	u32 n = __atomic_add_fetch(&births, 1, __ATOMIC_RELAXED);
	struct call *c = caller(4 + n % 4, n < 4 ? 1 : 2, mix(life_seed, 1000 + n));

	for (u64 calls = below(&c->rng, 12); calls; calls--)
		one_call(c);
	switch (below(&c->rng, 4)) {
	case 0:
		call0(SYS_pause, 0, 0, 0, 0, 0);
		break;
	case 1:
		call0(SYS_exit_group, 0, 0, 0, 0, 0);
		break;
	}
	for (;;)
		call0(SYS_exit, below(&c->rng, 256), 0, 0, 0, 0);
}

/* Changes what the others' calls point to, while they run. */
static void scribble(struct call *c)
{
	for (u64 n = below(&c->rng, 4000); n; n--) {
		unsigned int other = below(&c->rng, THREADS - 4);
		u64 *p = (u64 *)(SCRATCH_BASE + other * SCRATCH_STRIDE) + below(&c->rng, 64);
		u64 old = *(volatile u64 *)p;

		*(volatile u64 *)p =
			once_in(&c->rng, 2) ? rnd(&c->rng) : old ^ 1UL << below(&c->rng, 64);
		for (u64 wait = below(&c->rng, 50); wait; wait--)
			__asm__ volatile("pause");
		*(volatile u64 *)p = old;
	}
}

static int thread_main(void *arg)
{
	struct call *c = arg;
	bool scribbler = c->thread == 3;

	for (u64 n = 40 + below(&c->rng, 120); n; n--) {
		if (scribbler)
			scribble(c);
		one_call(c);
	}
	for (;;)
		call0(SYS_exit, 0, 0, 0, 0, 0);
	return 0;
}

/* ---- what a life begins with ---- */

static void write_file(const char *path, const void *data, size_t n)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);

	if (fd >= 0 && write(fd, data, n) < 0)
		fd = fd; /* a smaller file is a file, too */
	close(fd);
}

/* Programs of a few bytes: one that runs, and three that are damaged. */
static void make_programs(struct rng *r)
{
	static const u8 code[] = { 0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05 }; /* exit(0) */
	static const u64 header[] = {
		0x00010102464c457f,
		0,
		0x00000001003e0002,
		0x4000b0,
		64,
		0,
		0x0038004000000000,
		0x0000000000000002,
		/* two segments: text, and a bss */
		0x0000000500000001,
		0,
		0x400000,
		0x400000,
		0xb9,
		0xb9,
		0x1000,
		0x0000000600000001,
		0,
		0x402000,
		0x402000,
		0,
		0x3000,
		0x1000,
	};
	u8 image[sizeof(header) + sizeof(code)];
	char name[] = "bad0";

	memcpy(image, header, sizeof(header));
	memcpy(image + sizeof(header), code, sizeof(code));
	write_file("prog", image, sizeof(image));
	for (; name[3] < '3'; name[3]++) {
		u8 bad[sizeof(image)];

		memcpy(bad, image, sizeof(bad));
		for (u64 n = 1 + below(r, 3); n; n--) {
			u64 v = once_in(r, 2) ? rnd(r) : 1UL << below(r, 64);

			memcpy(bad + 16 + below(r, sizeof(header) - 24), &v, 1UL << below(r, 4));
		}
		write_file(name, bad, sizeof(bad));
	}
	write_file("script", "#!prog x\n", 9);
	write_file("loop", "#!loop\n", 7);
}

static void make_files(struct rng *r)
{
	int fd;

	mkdir("d0", 0755);
	mkdir("d1", 0755);
	mkdir("d2", 0755);
	write_file("f0", "0123456789abcdef", 16);
	setxattr("f0", "trusted.x", "value", 5, 0);
	write_file("f1", "", 0);
	write_file("d0/f0", "text\n", 5);
	fd = open("f2", O_CREAT | O_RDWR, 0644);
	if (ftruncate(fd, 20000) < 0)
		return;
	close(fd);
	if (symlink("f0", "l0") || symlink("d0", "l1") || symlink("loop0", "loop0"))
		return;
	mkfifo("p0", 0644);
	make_programs(r);
}

static void add_open(enum fd_kind kind, const char *path, int flags)
{
	pool_add(kind, open(path, flags));
}

static void make_sockets(void)
{
	static const int types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };
	int fds[2];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (socketpair(AF_UNIX, types[i] | SOCK_NONBLOCK, 0, fds) < 0)
			continue;
		pool_add(F_SOCKET, fds[0]);
		pool_add(F_SOCKET, fds[1]);
	}
}

/* A loopback device that is up, and both ends of a connection over it. */
static void make_inet(void)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = 0x1000,
				 .sin_addr = { 0x0100007f } };
	int l = socket(AF_INET, SOCK_STREAM, 0),
	    c = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	ioctl(l, SIOCSIFFLAGS, &ifr);
	if (!bind(l, (struct sockaddr *)&a, sizeof(a)) && !listen(l, 2))
		connect(c, (struct sockaddr *)&a, sizeof(a));
	fcntl(l, F_SETFL, O_NONBLOCK);
	pool_add(F_SOCKET, accept4(l, NULL, NULL, SOCK_NONBLOCK));
	pool_add(F_SOCKET, l);
	pool_add(F_SOCKET, c);
}

static void make_kvm(void)
{
	struct kvm_userspace_memory_region region = { .memory_size = 8 * PAGE,
						      .userspace_addr = ARENA_BASE };
	int kvm = open("/dev/kvm", O_RDWR), vm, vcpu;

	if (kvm < 0)
		return;
	pool_add(F_KVM, kvm);
	vm = ioctl(kvm, KVM_CREATE_VM, 0);
	pool_add(F_VM, vm);
	ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
	if (once_in(&life_rng, 2))
		ioctl(vm, KVM_CREATE_IRQCHIP, 0);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	pool_add(F_VCPU, vcpu);
	if (once_in(&life_rng, 2)) { /* a guest in real mode at the start of its memory */
		struct kvm_regs regs = { .rflags = 2 };
		struct kvm_sregs sregs;

		ioctl(vcpu, KVM_GET_SREGS, &sregs);
		sregs.cs.base = sregs.cs.selector = 0;
		ioctl(vcpu, KVM_SET_SREGS, &sregs);
		ioctl(vcpu, KVM_SET_REGS, &regs);
		memcpy((void *)ARENA_BASE, "\xe4\x80\xe7\x10\xa1\x00\xf0\x0f\xa2\xf4\xeb\xf4", 12);
	}
}

static void make_pool(void)
{
	sigset_t set;
	int p[2];

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGCHLD);
	add_open(F_FILE, "f0", O_RDWR);
	add_open(F_FILE, "f1", O_RDWR | O_APPEND);
	add_open(F_FILE, "f2", O_RDONLY);
	add_open(F_FILE, "/image/bin/busybox", O_RDONLY);
	add_open(F_FILE, "/ov/etc/passwd", O_RDWR);
	add_open(F_FILE, "/dev/zero", O_RDWR);
	add_open(F_FILE, "/dev/full", O_RDWR);
	add_open(F_DIR, ".", O_RDONLY | O_DIRECTORY);
	add_open(F_DIR, "d0", O_PATH);
	add_open(F_DIR, "/proc/self", O_RDONLY | O_DIRECTORY);
	add_open(F_DIR, "/ov", O_RDONLY | O_DIRECTORY);
	add_open(F_PIPE, "p0", O_RDWR | O_NONBLOCK);
	if (!pipe(p)) {
		pool_add(F_PIPE, p[0]);
		pool_add(F_PIPE, p[1]);
	}
	pool_add(F_EVENT, eventfd(1, EFD_NONBLOCK));
	pool_add(F_EVENT, eventfd(0, EFD_SEMAPHORE));
	pool_add(F_EPOLL, epoll_create1(0));
	pool_add(F_EPOLL, epoll_create1(0));
	pool_add(F_TIMER, timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK));
	pool_add(F_SIGNAL, signalfd(-1, &set, SFD_NONBLOCK));
	pool_add(F_PID, syscall(SYS_pidfd_open, getpid(), 0));
	pool_add(F_PID, syscall(SYS_pidfd_open, 1, 0));
	pool_add(F_MEM, memfd_create("m", MFD_ALLOW_SEALING));
	add_open(F_TTY, "/dev/ptmx", O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (pool.nr[F_TTY]) {
		int zero = 0;

		ioctl(pool.fd[F_TTY][0], TIOCSPTLCK, &zero);
		add_open(F_TTY, "/dev/pts/0", O_RDWR | O_NONBLOCK);
	}
	add_open(F_PROC, "/proc/self/maps", O_RDONLY);
	add_open(F_PROC, "/proc/self/oom_score_adj", O_RDWR);
	add_open(F_CGROUP, "/sys/fs/cgroup", O_RDONLY | O_DIRECTORY);
	add_open(F_CGROUP, "/sys/fs/cgroup/cgroup.procs", O_RDWR);
	add_open(F_CGROUP, "/sys/fs/cgroup/cgroup.freeze", O_RDWR);
	add_open(F_NS, "/proc/self/ns/mnt", O_RDONLY);
	add_open(F_NS, "/proc/self/ns/user", O_RDONLY);
	if (theme == SOCKETS || once_in(&life_rng, 4))
		make_sockets();
	if (theme == SOCKETS || once_in(&life_rng, 4))
		make_inet();
	if (theme == KVM || once_in(&life_rng, 4))
		make_kvm();
}

static void map_at(u64 at, size_t size, int prot, int flags)
{
	mmap((void *)at, size, prot, MAP_FIXED | MAP_ANONYMOUS | flags, -1, 0);
}

static void make_memory(void)
{
	for (u64 n = 0; n < THREADS; n++)
		map_at(SCRATCH_BASE + n * SCRATCH_STRIDE, SCRATCH_PAGES * PAGE,
		       PROT_READ | PROT_WRITE, MAP_PRIVATE);
	/* the futex words, which processes share */
	map_at(SCRATCH_BASE + THREADS * SCRATCH_STRIDE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	map_at(ARENA_BASE, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	map_at(ARENA_BASE + 34 * PAGE, 4 * PAGE, PROT_NONE, MAP_PRIVATE);
	map_at(ARENA_BASE + 40 * PAGE, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	map_at(STACKS_BASE, 9 * STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
}

/* A rootless container: user 1000 as root of a user namespace, or left without a map. */
static void enter_user_ns(struct rng *r)
{
	if (unshare(CLONE_NEWUSER | (once_in(r, 2) ? CLONE_NEWNS : 0)))
		return;
	if (once_in(r, 4))
		return;
	write_file("/proc/self/setgroups", "deny", 4);
	write_file("/proc/self/uid_map", "0 1000 1", 8);
	write_file("/proc/self/gid_map", "0 1000 1", 8);
}

static void limit(int what, u64 n)
{
	struct rlimit r = { n, n };

	setrlimit(what, &r);
}

/* The caller: a user, files, memory, threads, calls. */
static void live(void)
{
	struct sigaction sa = { .sa_sigaction = see_frame, .sa_flags = SA_SIGINFO };
	unsigned int threads = 1 + below(&life_rng, 4);
	unsigned int who = below(&life_rng, 4);

	umask(0);
	make_files(&life_rng);
	limit(RLIMIT_NOFILE, 128);
	limit(RLIMIT_FSIZE, 64 << 20);
	limit(RLIMIT_CORE, 0);
	if (who >= 2) {
		setresgid(1000, 1000, 1000);
		setresuid(1000, 1000, 1000);
	}
	if (who == 3)
		enter_user_ns(&life_rng);
	prctl(PR_SET_DUMPABLE, 1);
	sigaction(SIGUSR2, &sa, NULL);
	raise(SIGUSR2);
	sa = (struct sigaction){ .sa_handler = on_signal };
	sigaction(SIGALRM, &sa, NULL);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGPIPE, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
	if (once_in(&life_rng, 2))
		setsid();
	make_memory();
	pool_add(GOT_PID, getpid());
	make_pool();
	for (unsigned int n = 1; n < threads; n++) {
		u64 args[6] = { CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
				CLONE_SYSVSEM };

		pool_add(GOT_PID, clone(thread_main, (void *)(STACKS_BASE + STACK_SIZE * n),
					args[0], caller(n, 0, mix(life_seed, n))));
	}
	thread_main(caller(0, 0, mix(life_seed, 0)));
}

/* ---- the container ---- */

static int mount_at(const char *source, const char *target, const char *type, unsigned long flags,
		    const char *data)
{
	mkdir(target, 0755);
	return mount(source, target, type, flags, data);
}

/* The start of an image with some bytes changed: what a file system is told by an enemy. */
static void make_bad_image(void)
{
	static u8 image[24 * PAGE];
	int from = open("/images/busybox.erofs", O_RDONLY);
	ssize_t n = from < 0 ? 0 : read(from, image, sizeof(image));

	for (u64 changes = below(&life_rng, 30); changes && n > 4096; changes--) {
		/* the superblock is at 1024; behind it inodes and names */
		u64 at = once_in(&life_rng, 3) ? 1024 + below(&life_rng, 128)
					       : below(&life_rng, n - 8);
		u64 v = once_in(&life_rng, 2) ? rnd(&life_rng) : 1UL << below(&life_rng, 64);

		memcpy(image + at, &v, 1UL << below(&life_rng, 4));
	}
	close(from);
	write_file("bad.erofs", image, n);
	if (truncate("bad.erofs", 2 << 20))
		return;
}

static void make_root(void)
{
	static const struct {
		const char *name;
		unsigned int major, minor;
	} devices[] = { { "null", 1, 3 },    { "zero", 1, 5 }, { "full", 1, 7 },
			{ "urandom", 1, 9 }, { "tty", 5, 0 },  { "kvm", 10, 232 } };

	mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	mount("tmpfs", ROOT, "tmpfs", 0, "size=16m,nr_inodes=2000");
	if (chdir(ROOT))
		_exit(3);
	mount_at("/images/busybox.erofs", "image", "erofs", MS_RDONLY, NULL);
	mount_at("proc", "proc", "proc", 0, NULL);
	mount_at("sysfs", "sys", "sysfs", 0, NULL);
	mount_at("cgroup2", "sys/fs/cgroup", "cgroup2", 0, NULL);
	mkdir("dev", 0755);
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		char name[16] = "dev/";

		strcat(name, devices[i].name);
		mknod(name, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor));
		chmod(name, 0666);
	}
	mount_at("devpts", "dev/pts", "devpts", 0, "newinstance,ptmxmode=666,mode=666");
	if (symlink("pts/ptmx", "dev/ptmx"))
		_exit(3);
	if (once_in(&life_rng, 4))
		make_bad_image();
	mkdir("upper", 0777);
	mkdir("workdir", 0777);
	mount_at("overlay", "ov", "overlay", 0, "lowerdir=image,upperdir=upper,workdir=workdir");
	mkdir("old", 0755);
	mkdir("work", 0777);
	mkdir("tmp", 0777);
	chmod("work", 0777);
	if (syscall(SYS_pivot_root, ".", "old") || umount2("/old", MNT_DETACH) || chdir("/work"))
		_exit(4);
}

static void sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Until pid has ended, or the time is over: signals for it, and an end for all zombies. */
static int watch(pid_t pid, int ms)
{
	static const u8 sent[] = { SIGALRM, SIGALRM, SIGUSR1, SIGCONT, SIGCONT };

	for (; ms < NANNY_MS; ms += 10) {
		sleep_ms(ms % 100 ? 10 : 2);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (kill(pid, 0) && errno == ESRCH)
			break;
		kill(pid, sent[ms / 10 % ARRAY_SIZE(sent)]);
	}
	return ms;
}

static void set_group(unsigned int slot, const char *name, const char *value)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/cgroup/fuzz/%u/it/%s", slot, name);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		_exit(5);
	close(fd);
}

void nanny(unsigned int slot, u64 iteration)
{
	pid_t pid;
	int fd;

	life_seed = mix(mix(options.seed, slot), iteration);
	life_rng.state = life_seed;
	theme = below(&life_rng, NR_GROUPS * 2);
	if (theme > NR_GROUPS)
		theme = NR_GROUPS;
	rings = shared->ring[slot];
	for (int n = 0; n < THREADS; n++) {
		rings[n].iteration = iteration;
		rings[n].next = 0;
	}
	setsid(); /* kill(0) reaches a whole process group, in all namespaces */
	if (once_in(&life_rng,
		    4)) /* memory is short, and processes: what fails half-way is undone */
		set_group(slot, "memory.max", once_in(&life_rng, 2) ? "3M" : "6M");
	if (once_in(&life_rng, 4))
		set_group(slot, "pids.max", "6");
	set_group(slot, "cgroup.procs", "0");
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET | CLONE_NEWIPC))
		_exit(6);
	make_root();
	fd = open("/dev/null", O_RDWR);
	for (int n = 0; n < 3; n++)
		dup2(fd, n);
	syscall(SYS_close_range, 3, -1, 0);
	for (int n = 0, ms = 0; n < LIVES && ms < NANNY_MS; n++) {
		pid = fork();
		if (pid == 0) {
			life_seed = mix(life_seed, n);
			life_rng.state = life_seed;
			write_file("/proc/self/oom_score_adj", "500", 3);
			live();
		}
		ms = watch(pid, ms);
	}
	_exit(0);
}
