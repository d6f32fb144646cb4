/* SPDX-License-Identifier: MIT */
/* What bounds memory: resource limits, locked memory, overcommit, the stack's end, file sizes. */
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>

#include "mm.h"

#define RW (PROT_READ | PROT_WRITE)
#define MB (1UL << 20)

static void *big(size_t size, int prot, int flags)
{
	return mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0);
}

/* ---- RLIMIT_AS ---- */

static void address_space(void)
{
	unsigned long now = status_kb("VmSize") * 1024;
	char *p;

	limit(RLIMIT_AS, now + 8 * MB);
	p = big(6 * MB, RW, MAP_PRIVATE);
	YES(p != MAP_FAILED);
	O(big(6 * MB, RW, MAP_PRIVATE));
	O(big(6 * MB, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE));
	O(big(6 * MB, RW, MAP_SHARED));
	O(mremap(p, 6 * MB, 12 * MB, MREMAP_MAYMOVE));
	O(mmap(p, 6 * MB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)); /* in its place */
	R(munmap(p, 6 * MB));
	O(big(6 * MB, RW, MAP_PRIVATE));
}

static void address_space_and_heap(void)
{
	unsigned long now = status_kb("VmSize") * 1024, brk = syscall(SYS_brk, 0);

	limit(RLIMIT_AS, now + MB);
	YES((unsigned long)syscall(SYS_brk, brk + MB / 2) == brk + MB / 2);
	YES((unsigned long)syscall(SYS_brk, brk + 2 * MB) == brk + MB / 2);
	say("child: %s",
	    ended(reap(fork() ?: (_exit(syscall(SYS_brk, 0) == brk + MB / 2 ? 0 : 1), 0))));
}

/* ---- RLIMIT_DATA ---- */

static void data_and_mmap(void)
{
	unsigned long now = status_kb("VmData") * 1024;
	char *p;

	limit(RLIMIT_DATA, now + 4 * MB);
	O(big(6 * MB, RW, MAP_PRIVATE));
	O(big(6 * MB, RW, MAP_SHARED)); /* not counted: shared, not writable */
	p = big(6 * MB, PROT_READ, MAP_PRIVATE);
	YES(p != MAP_FAILED);
	R(mprotect(p, 6 * MB, RW));
	R(mprotect(p, 2 * MB, RW));
	O(mremap(p, 2 * MB, 8 * MB, MREMAP_MAYMOVE));
	O(big(3 * MB, RW, MAP_PRIVATE));
}

static void data_and_heap(void)
{
	unsigned long brk = syscall(SYS_brk, 0);

	limit(RLIMIT_DATA, 0);
	YES((unsigned long)syscall(SYS_brk, brk + MB) == brk);
	YES((unsigned long)syscall(SYS_brk, brk) == brk);
}

/* ---- RLIMIT_STACK ---- */

static int __attribute__((noinline)) endless(volatile char *p)
{
	volatile char frame[8192];

	frame[0] = *p;
	return *p == 'e' ? 0 : endless(frame) + frame[1];
}

static void stack_limit_at_once(void)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };
	struct rlimit r = { MB, MB };
	char here;

	sigaltstack(&ss, NULL);
	catch_faults();
	setrlimit(RLIMIT_STACK, &r);
	if (sigsetjmp(back, 1)) {
		long deep = &here - (char *)fault.si_addr;

		say("signal %d code %d", fault.si_signo, fault.si_code);
		YES(deep > (long)MB / 2 && deep < (long)(MB + MB / 16));
		return;
	}
	endless(alt);
}

static void stack_limit_of_a_program(void)
{
	limit(RLIMIT_STACK, 100 * 1024);
	pid_t pid = fork();
	if (pid == 0) {
		execl("/proc/self/exe", "self", "tiny_stack", NULL);
		_exit(98);
	}
	say("%s", ended(reap(pid)));
}

static void tiny_stack(void)
{
	struct rlimit r;

	R(getrlimit(RLIMIT_STACK, &r));
	say("small: %s", r.rlim_cur <= 100 * 1024 ? "a limit" : "no limit");
}

static void explicit_growsdown(void)
{
	char *base = anon(2048, PROT_NONE), *p;

	munmap(base, 2048 * PAGE);
	p = mmap(base + 2000 * PAGE, PAGE, RW,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	YES(p == base + 2000 * PAGE);
	touch("itself", p, true, p);
	touch("just below", p - 1, true, p);
	touch("far below", p - 600 * PAGE, true, p);
	touch("between", p - 300 * PAGE, false, p);
	O(mmap(base + 1000 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	touch("out of the guard gap", p - 740 * PAGE, true, p);
	touch("in the guard gap", p - 760 * PAGE, true, p);
	touch("the neighbour", p - 1000 * PAGE, true, p);
	touch("above", p + PAGE, true, p);
	limit(RLIMIT_STACK, 800 * PAGE);
	munmap(base + 1000 * PAGE, PAGE);
	touch("within the stack's limit", p - 798 * PAGE, true, p);
	touch("beyond the stack's limit", p - 801 * PAGE, true, p);
}

static void growsdown_flags(void)
{
	int fd;

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	O(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
	O(mmap(NULL, PAGE, RW, MAP_SHARED | MAP_GROWSDOWN, fd, 0));
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	YES(p != MAP_FAILED);
	R(mprotect(p + PAGE, PAGE, PROT_READ | PROT_GROWSDOWN)); /* from the area's start */
	touch("start of the area", p, true, p);
	touch("page named", p + PAGE, true, p);
	touch("page behind", p + 2 * PAGE, true, p);
}

/* ---- locked memory ---- */

static void mlock_errors(void)
{
	char *p = anon(4, RW);

	munmap(p + 2 * PAGE, PAGE);
	R(mlock(p, 2 * PAGE));
	R(mlock(p, 4 * PAGE)); /* a hole */
	R(mlock(p + 2 * PAGE, PAGE));
	R(munlock(p, 4 * PAGE));
	R(munlock(p, 2 * PAGE));
	R(munlock(p, 2 * PAGE));
	R(mlock(p + 100, 10)); /* made whole pages */
	R(mlock(p, -1UL));
	R(mlock(p, 0));
	R(munlock(p, 0));
	R(mlock2(p, PAGE, 0));
	R(mlock2(p, PAGE, MLOCK_ONFAULT));
	R(mlock2(p, PAGE, 2));
	R(mlockall(0));
	R(mlockall(8));
	R(mlockall(MCL_ONFAULT));
	R(munlockall());
}

static void locked_is_resident(void)
{
	char *p = anon(8, RW);
	unsigned char vec[8];
	long before = status_kb("VmLck");

	R(mlock(p + 2 * PAGE, 3 * PAGE));
	mincore(p, 8 * PAGE, vec);
	for (int i = 0; i < 8; i++)
		vec[i] = '0' + (vec[i] & 1);
	say("%.8s, VmLck %+ld kB", vec, status_kb("VmLck") - before);
	R(mlock(p + 4 * PAGE, 2 * PAGE)); /* one page twice */
	say("VmLck %+ld kB", status_kb("VmLck") - before);
	R(munlock(p + 3 * PAGE, PAGE));
	say("VmLck %+ld kB", status_kb("VmLck") - before);
	say("in the child %ld kB",
	    (reap(fork() ?: (_exit(status_kb("VmLck") / 4), 0)) >> 8) * 4L); /* not inherited */
	R(munmap(p, 5 * PAGE));
	say("VmLck %+ld kB", status_kb("VmLck") - before);
	R(munlockall());
	say("VmLck %+ld kB", status_kb("VmLck") - before);
}

static void locked_and_advice(void)
{
	char *p = anon(2, RW);

	write_pages(p, 2);
	mlock(p, PAGE);
	R(madvise(p, PAGE, MADV_DONTNEED));
	R(madvise(p, 2 * PAGE, MADV_DONTNEED));
	R(msync(p, PAGE, MS_INVALIDATE | MS_ASYNC));
	R(msync(p, PAGE, MS_SYNC));
	say("%c %c", p[0], p[PAGE]);
	munlock(p, PAGE);
	R(madvise(p, PAGE, MADV_DONTNEED));
	say("%d", p[0]);
}

static void lock_limit(void)
{
	char *p = anon(64, RW);

	limit(RLIMIT_MEMLOCK, 16 * PAGE);
	be_nobody();
	R(mlock(p, 16 * PAGE));
	R(mlock(p, 16 * PAGE)); /* the same pages again */
	R(mlock(p + 16 * PAGE, PAGE));
	R(munlock(p, 8 * PAGE));
	R(mlock(p + 20 * PAGE, 8 * PAGE));
	R(mlock(p + 40 * PAGE, PAGE));
	O(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
	R(mlockall(MCL_CURRENT));
	R(munlockall());
	O(mmap(NULL, 8 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
	O(mmap(NULL, 9 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
}

static void lock_limit_zero(void)
{
	char *p = anon(2, RW);

	limit(RLIMIT_MEMLOCK, 0);
	be_nobody();
	R(mlock(p, PAGE));
	R(mlock2(p, PAGE, MLOCK_ONFAULT));
	R(mlockall(MCL_CURRENT));
	R(mlockall(MCL_FUTURE));
	R(munlock(p, PAGE));
	R(munlockall());
	O(mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0));
}

static void lock_future(void)
{
	unsigned char vec[2] = { 0 };
	long before;
	char *p;

	R(mlockall(MCL_FUTURE));
	before = status_kb("VmLck");
	p = anon(2, RW);
	mincore(p, 2 * PAGE, vec);
	say("%d%d, VmLck %+ld kB", vec[0] & 1, vec[1] & 1, status_kb("VmLck") - before);
	R(mlockall(MCL_FUTURE | MCL_ONFAULT));
	p = anon(2, RW);
	mincore(p, 2 * PAGE, vec);
	say("on fault %d%d, VmLck %+ld kB", vec[0] & 1, vec[1] & 1, status_kb("VmLck") - before);
	R(munlockall());
	p = anon(2, RW);
	mincore(p, 2 * PAGE, vec);
	say("no more %d%d, VmLck %+ld kB", vec[0] & 1, vec[1] & 1, status_kb("VmLck"));
}

static void map_locked(void)
{
	char *p = map(2, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1);
	unsigned char vec[2];

	mincore(p, 2 * PAGE, vec);
	say("%d%d, VmLck %ld kB", vec[0] & 1, vec[1] & 1, status_kb("VmLck"));
	R(madvise(p, PAGE, MADV_DONTNEED));
	p = mremap(p, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE); /* stays locked, the new part, too */
	say("VmLck %ld kB", status_kb("VmLck"));
}

/* ---- overcommit, in the heuristic mode that is every system's first ---- */

static void obviously_too_much(void)
{
	struct sysinfo si;
	size_t ram, more;
	char *p;

	sysinfo(&si);
	ram = (si.totalram + si.totalswap) * si.mem_unit;
	more = (ram + 64 * MB) & ~(PAGE - 1);
	O(big(more, RW, MAP_PRIVATE));
	O(big(more, RW, MAP_SHARED));
	O(big(more, RW, MAP_PRIVATE | MAP_NORESERVE));
	O(big(more, RW, MAP_SHARED | MAP_NORESERVE));
	p = big(more, PROT_READ, MAP_PRIVATE);
	YES(p != MAP_FAILED);
	R(mprotect(p, more, RW));
	R(mprotect(p, 4 * PAGE, RW));
	p = big(4 * PAGE, RW, MAP_PRIVATE);
	O(mremap(p, 4 * PAGE, more, MREMAP_MAYMOVE));
	for (int i = 0; i < 4; i++) /* each by itself would fit */
		O(big(ram / 2, RW, MAP_PRIVATE));
	YES((long)syscall(SYS_brk, syscall(SYS_brk, 0) + more) == syscall(SYS_brk, 0));
}

static void overcommit_file(void)
{
	say("mode %.1s", slurp("/proc/sys/vm/overcommit_memory"));
}

/* ---- RLIMIT_FSIZE ---- */

static volatile int xfsz;

static void on_xfsz(int sig)
{
	xfsz++;
}

/* Only the soft limit is set, and lifted while a line is printed: the output may be a file. */
static void soft(unsigned long size)
{
	setrlimit(RLIMIT_FSIZE, &((struct rlimit){ size, RLIM_INFINITY }));
}

static void counted(const char *what, long ret, unsigned long size)
{
	int signals = xfsz;

	soft(RLIM_INFINITY);
	if (ret < 0)
		say("%s = %s, signals %d", what, errno_name(errno), signals);
	else
		say("%s = %ld, signals %d", what, ret, signals);
	xfsz = 0;
	soft(size);
}
#define C(call) counted(#call, (long)(call), 100)

static void file_size(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600), out, link[2];
	char buf[64] = "";
	loff_t off = 0;

	signal(SIGXFSZ, on_xfsz);
	pwrite(fd, buf, 64, 200); /* larger already */
	soft(100);
	C(pwrite(fd, buf, 50, 0));
	C(pwrite(fd, buf, 50, 80)); /* as far as the limit */
	C(pwrite(fd, buf, 50, 100));
	C(pwrite(fd, buf, 0, 100));
	C(pwritev(fd, (struct iovec[]){ { buf, 10 }, { buf, 10 } }, 2, 85));
	C(lseek(fd, 100, SEEK_SET));
	C(write(fd, buf, 1));
	C(ftruncate(fd, 300));
	C(ftruncate(fd, 264));
	C(ftruncate(fd, 150));
	C(ftruncate(fd, 100));
	C(ftruncate(fd, 101));
	C(truncate("f", 101));
	C(fallocate(fd, 0, 0, 101));
	out = open("g", O_CREAT | O_WRONLY, 0600);
	C(lseek(out, 90, SEEK_SET));
	C(sendfile(out, fd, &off, 50));
	C(sendfile(out, fd, &off, 50));
	pipe(link);
	C(write(link[1], buf, 64)); /* files only */
	memset(buf, 1, 64);
	fd = open("h", O_CREAT | O_WRONLY | O_APPEND, 0600);
	C(write(fd, buf, 64));
	C(write(fd, buf, 64));
	C(write(fd, buf, 64));
}

static void file_size_kills(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		limit(RLIMIT_CORE, 0);
		limit(RLIMIT_FSIZE, 10);
		pwrite(open("f", O_CREAT | O_RDWR, 0600), "x", 1, 10);
		_exit(0);
	}
	say("%s", ended(reap(pid)));
	signal(SIGXFSZ, SIG_IGN);
	soft(100);
	C(pwrite(open("f", O_CREAT | O_RDWR, 0600), "x", 1, 100));
	C(ftruncate(memfd_create("m", 0), 101)); /* memory is a file, too */
	char *p = map(1, RW, MAP_SHARED, open("f", O_RDWR));
	YES(p != MAP_FAILED);
	p = map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	p[0] = 1;
	soft(RLIM_INFINITY);
	say("shared anonymous memory is no file: %d", p[0]);
}

/* ---- the others ---- */

static void limits_are_kept(void)
{
	struct rlimit r;

	limit(RLIMIT_CORE, 12345);
	limit(RLIMIT_RSS, 54321);
	getrlimit(RLIMIT_CORE, &r);
	say("core %ld %ld", (long)r.rlim_cur, (long)r.rlim_max);
	getrlimit(RLIMIT_RSS, &r);
	say("rss %ld %ld", (long)r.rlim_cur, (long)r.rlim_max);
	say("child: %s",
	    ended(reap(fork() ?: (getrlimit(RLIMIT_CORE, &r), _exit(r.rlim_cur != 12345), 0))));
	R(setrlimit(RLIMIT_CORE, &((struct rlimit){ 2, 1 })));
	R(setrlimit(99, &((struct rlimit){ 1, 1 })));
	R(getrlimit(99, &r));
	R(syscall(SYS_prlimit64, 0, RLIMIT_CORE, wild(8), NULL));
	R(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, wild(8)));
	be_nobody();
	R(setrlimit(RLIMIT_CORE, &((struct rlimit){ 1, 20000 })));
	R(setrlimit(RLIMIT_CORE, &((struct rlimit){ 1, 10000 })));
	R(setrlimit(RLIMIT_CORE, &((struct rlimit){ 1, 12345 })));
}

static void open_files(void)
{
	int p[2], low = dup(0);

	close(low);
	limit(RLIMIT_NOFILE, low + 2);
	O(dup(0));
	R(pipe(p));
	O(dup(0));
	R(dup(0));
	R(open("/", O_RDONLY));
	R(dup2(0, low + 2));
	R(dup2(0, low + 100));
	R(fcntl(0, F_DUPFD, low + 2));
	R(fcntl(0, F_DUPFD, low));
	O(dup2(0, low));
	R(memfd_create("m", 0));
	close(low);
	R(pipe(p)); /* one place, two wanted */
	O(open("/", O_RDONLY)); /* and nothing leaked */
}

static void limits_file(void)
{
	const char *text;

	limit(RLIMIT_CORE, 12345);
	limit(RLIMIT_FSIZE, RLIM_INFINITY);
	text = slurp("/proc/self/limits");
	for (const char *line = text; line && *line; line = strchr(line, '\n') + 1)
		if (!strncmp(line, "Max core", 8) || !strncmp(line, "Max file size", 13) ||
		    !strncmp(line, "Limit", 5))
			say("%.*s|", (int)strcspn(line, "\n"), line);
}

static void not_there(void)
{
	R(syscall(SYS_userfaultfd, 0x10000000)); /* a flag nobody knows */
	O(syscall(SYS_membarrier, 0, 0, 0)); /* what there is */
	O(memfd_create("huge", MFD_HUGETLB));
}

ABI_MAIN(CASE(address_space), CASE(address_space_and_heap), CASE(data_and_mmap),
	 CASE(data_and_heap), CASE(stack_limit_at_once), CASE(stack_limit_of_a_program),
	 CASE(explicit_growsdown), CASE(growsdown_flags), CASE(mlock_errors),
	 CASE(locked_is_resident), CASE(locked_and_advice), CASE(lock_limit), CASE(lock_limit_zero),
	 CASE(lock_future), CASE(map_locked), CASE(obviously_too_much), CASE(overcommit_file),
	 CASE(file_size), CASE(file_size_kills), CASE(limits_are_kept), CASE(open_files),
	 CASE(limits_file), CASE(tiny_stack), CASE(not_there))
