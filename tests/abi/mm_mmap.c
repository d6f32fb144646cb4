/* SPDX-License-Identifier: MIT */
/* Address spaces: mmap and its relatives, faults and the signals they become, the stack. */
#include "mm.h"

static void anonymous_is_zero(void)
{
	char *p = anon(16, PROT_READ | PROT_WRITE);

	YES(all_are(p, 16 * PAGE, 0));
	memset(p, 7, 16 * PAGE);
	YES(all_are(p, 16 * PAGE, 7));
	R(munmap(p, 16 * PAGE));
}

static void errors(void)
{
	int rd = open("/proc/self/exe", O_RDONLY), wr = open("w", O_CREAT | O_WRONLY, 0600);

	O(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 999, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, wr, 0));
	O(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, rd, 0));
	O(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, rd, 0));
	say("unaligned offset: %s",
	    syscall(SYS_mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, rd, 5) == -1 ? errno_name(errno)
									       : "ok");
	O(mmap((void *)1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	O(mmap(NULL, 1UL << 62, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	say("length that wraps: %s",
	    syscall(SYS_mmap, NULL, -1UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1
		    ? errno_name(errno)
		    : "ok");
	O(mmap((void *)(1UL << 57), PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
	       0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("/tmp", O_RDONLY), 0));
	R(munmap((void *)1, PAGE));
	R(munmap((void *)(16 * PAGE), 0));
	R(syscall(SYS_mprotect, 1, PAGE, PROT_READ));
	R(mprotect((void *)(16 * PAGE), PAGE, PROT_READ)); /* nothing is mapped there */
	R(mprotect((void *)(16 * PAGE), 0, PROT_READ));
}

static void hints_and_fixed(void)
{
	char *p = anon(4, PROT_READ | PROT_WRITE), *q;

	memset(p, 1, 4 * PAGE);
	q = mmap(p + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0);
	YES(q == p + PAGE);
	say("bytes %d %d %d", p[0], p[PAGE], p[2 * PAGE]);
	O(mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
	R(munmap(p + PAGE, PAGE));
	q = mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		 0);
	YES(q == p + PAGE);
	q = mmap(p, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* a hint that is taken */
	YES(q != p && q != MAP_FAILED);
	YES(p[0] == 1);
}

static void faults(void)
{
	char *p = anon(4, PROT_READ | PROT_WRITE);

	memset(p, 1, 4 * PAGE);
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
	munmap(p + 3 * PAGE, PAGE);
	touch("read of r--", p + PAGE + 5, false, p);
	touch("write to r--", p + PAGE + 5, true, p);
	touch("read of ---", p + 2 * PAGE + 6, false, p);
	touch("write to ---", p + 2 * PAGE + 6, true, p);
	touch("read of a hole", p + 3 * PAGE + 7, false, p);
	touch("null", NULL, false, NULL);
	touch("page zero's end", (char *)PAGE - 1, true, NULL);
	touch("kernel", (char *)0xffffffff80000000UL, false, (char *)0xffffffff80000000UL);
	touch("not canonical", (char *)0x1234567800000000UL, false, NULL);
	mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
	touch("write again", p + PAGE, true, p);
}

static void no_execution_of_data(void)
{
	unsigned char *p = (void *)anon(1, PROT_READ | PROT_WRITE);

	p[0] = 0xc3; /* ret */
	catch_faults();
	if (sigsetjmp(back, 1)) {
		say("rw-: signal %d code %d, address of the page: %s", fault.si_signo,
		    fault.si_code, fault.si_addr == p ? "yes" : "NO");
	} else {
		((void (*)(void))p)();
		say("rw-: ran");
	}
	R(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	((void (*)(void))p)();
	say("r-x: ran");
}

static void splits(void)
{
	char *p = anon(9, PROT_READ | PROT_WRITE);

	memset(p, 3, 9 * PAGE);
	for (int i = 1; i < 9; i += 2)
		R(mprotect(p + i * PAGE, PAGE, PROT_READ));
	R(munmap(p + 4 * PAGE, PAGE));
	R(mprotect(p, 9 * PAGE, PROT_READ | PROT_WRITE)); /* a hole in the middle */
	touch("before the hole", p + 3 * PAGE, true, p);
	touch("behind the hole", p + 5 * PAGE, true, p);
	R(munmap(p, 20 * PAGE)); /* more than is there */
	touch("all gone", p + 8 * PAGE, false, p);
}

static void file_private(void)
{
	int fd;
	char *p, c;

	make_file("f", "abcdefgh");
	fd = open("f", O_RDWR);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say("%.8s, then %d", p, p[8]);
	p[0] = 'X';
	R(pread(fd, &c, 1, 0));
	say("file %c, map %c", c, p[0]);
	R(pwrite(fd, "YZ", 2, 4)); /* a page already copied does not follow */
	say("%.8s", p);
}

static void file_shared(void)
{
	char *p, *q, buf[9] = "";
	int fd;

	make_file("f", "abcdefgh");
	fd = open("f", O_RDWR);
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	p[0] = 'X';
	fd = open("f", O_RDWR);
	R(read(fd, buf, 8));
	say("read %s, other map %.8s", buf, q);
	R(pwrite(fd, "YZ", 2, 4));
	say("map %.8s", p);
	R(msync(p, PAGE, MS_SYNC));
	R(msync(p, PAGE, MS_SYNC | MS_ASYNC));
	R(msync(p + 1, PAGE, MS_SYNC));
	say("child %s", ended(reap(fork() ?: (p[1] = 'C', _exit(0), 0))));
	say("map %.8s", q);
}

static void past_the_end_of_a_file(void)
{
	int fd;
	char *p;

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	touch("same page", p + 4000, true, p);
	touch("next page", p + PAGE, false, p);
	R(ftruncate(fd, 2 * PAGE));
	touch("after growing", p + PAGE, true, p);
	R(ftruncate(fd, PAGE));
	touch("after shrinking", p + PAGE, false, p);
	R(ftruncate(fd, 2 * PAGE));
	say("grown again: %d", p[PAGE]);
}

static void offset_in_a_file(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *p;

	R(pwrite(fd, "second", 6, PAGE));
	p = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE);
	say("%.6s", p);
	R(munmap(p, 1)); /* rounded up */
	touch("unmapped", p, false, p);
}

static void shared_anonymous(void)
{
	int *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	p[0] = 1;
	say("child: %s", ended(reap(fork() ?: (p[0] = 2, p[100] = 3, _exit(0), 0))));
	say("%d %d", p[0], p[100]);
}

static void copy_on_write(void)
{
	char *p = anon(4, PROT_READ | PROT_WRITE);
	pid_t pid;

	memset(p, 'a', 2 * PAGE); /* two pages there, two not yet */
	pid = fork();
	if (pid == 0) {
		bool same = all_are(p, 2 * PAGE, 'a') && all_are(p + 2 * PAGE, 2 * PAGE, 0);

		memset(p, 'b', 4 * PAGE);
		_exit(same && all_are(p, 4 * PAGE, 'b') ? 0 : 1);
	}
	say("child: %s", ended(reap(pid)));
	YES(all_are(p, 2 * PAGE, 'a'));
	YES(all_are(p + 2 * PAGE, 2 * PAGE, 0));
}

static void remap(void)
{
	char *p = anon(8, PROT_READ | PROT_WRITE), *q;

	memset(p, 'm', 8 * PAGE);
	munmap(p + 4 * PAGE, 4 * PAGE);
	q = mremap(p, 4 * PAGE, 6 * PAGE, 0); /* room behind */
	YES(q == p);
	YES(all_are(p, 4 * PAGE, 'm') && all_are(p + 4 * PAGE, 2 * PAGE, 0));
	q = mremap(p, 6 * PAGE, 2 * PAGE, 0);
	YES(q == p);
	touch("cut off", p + 2 * PAGE, false, p);
	mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	O(mremap(p, 2 * PAGE, 4 * PAGE, 0)); /* no room now */
	q = mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	YES(q != MAP_FAILED && q != p && all_are(q, 2 * PAGE, 'm'));
	touch("old place", p, false, p);
	p = anon(3, PROT_READ);
	YES(mremap(q, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE) == p + PAGE);
	YES(p[PAGE] == 'm');
	O(mremap(p, PAGE, 0, MREMAP_MAYMOVE));
	O(mremap(p + 1, PAGE, PAGE, MREMAP_MAYMOVE));
	O(mremap((void *)(16 * PAGE), PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	O(mremap(p, PAGE, PAGE, MREMAP_FIXED, p));
}

static void heap_end(void)
{
	char *start = (char *)syscall(SYS_brk, 0), *p;

	p = (char *)syscall(SYS_brk, start + 3 * PAGE);
	YES(p == start + 3 * PAGE);
	YES(all_are(start, 3 * PAGE, 0));
	memset(start, 1, 3 * PAGE);
	p = (char *)syscall(SYS_brk, start);
	YES(p == start);
	p = (char *)syscall(SYS_brk, start + 2 * PAGE);
	YES(p == start + 2 * PAGE && all_are(p - PAGE, PAGE - 8, 0)); /* fresh again */
	YES((char *)syscall(SYS_brk, 1) == p); /* refused: stays */
	YES((char *)syscall(SYS_brk, 1UL << 62) == p);
}

static void advice(void)
{
	char *p = anon(6, PROT_READ | PROT_WRITE);

	memset(p, 1, 6 * PAGE);
	R(madvise(p + PAGE, PAGE, MADV_DONTNEED));
	say("%d %d %d", p[0], p[PAGE], p[2 * PAGE]);
	R(madvise(p, 4 * PAGE, MADV_NORMAL));
	R(madvise(p, 4 * PAGE, MADV_WILLNEED));
	R(madvise(p + 1, PAGE, MADV_DONTNEED));
	R(madvise(p, PAGE, 9999));
	R(madvise(p, 0, MADV_DONTNEED));
	munmap(p + 2 * PAGE, PAGE);
	munmap(p + 4 * PAGE, PAGE);
	R(madvise(p, 6 * PAGE, MADV_DONTNEED)); /* the holes are told, the rest done */
	say("%d %d %d", p[0], p[3 * PAGE], p[5 * PAGE]);
}

static void residence(void)
{
	char *p = anon(4, PROT_READ | PROT_WRITE);
	unsigned char vec[4];

	p[PAGE] = 1;
	R(mincore(p, 4 * PAGE, vec));
	say("%d%d%d%d", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
	R(mincore(p + 1, PAGE, vec));
	R(mincore((void *)(16 * PAGE), PAGE, vec));
	R(mincore(p, PAGE, NULL));
}

static int __attribute__((noinline)) deep(int n)
{
	volatile char frame[4096];

	frame[0] = (char)n;
	return n ? deep(n - 1) + frame[0] * 0 + 1 : 0;
}

static int __attribute__((noinline)) endless(volatile char *p)
{
	volatile char frame[8192];

	frame[0] = *p;
	return *p == 'e' ? 0 : endless(frame) + frame[1];
}

static void stack_grows(void)
{
	say("1000 frames: %d", deep(1000));
}

static void stack_has_an_end(void)
{
	static char alt[65536];
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) };

	R(sigaltstack(&ss, NULL));
	catch_faults();
	if (sigsetjmp(back, 1)) {
		say("overflow: signal %d code %d", fault.si_signo, fault.si_code);
		return;
	}
	say("no overflow: %d", endless(alt));
}

static void big_and_sparse(void)
{
	size_t size = 1UL << 34; /* far more than there is memory; only what is touched counts */
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	YES(p != MAP_FAILED);
	for (size_t at = 0; at < size; at += size / 16)
		p[at] = (char)(at / (size / 16) + 1);
	say("%d %d", p[size / 16 * 15], p[size / 2]);
	R(munmap(p, size));
}

static void memfds(void)
{
	int fd = syscall(SYS_memfd_create, "dyad", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char link[64] = "", path[32];
	struct stat st;
	char *p;

	YES(fd >= 0);
	R(ftruncate(fd, 2 * PAGE));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGE);
	p[0] = 'k';
	R(pread(fd, link, 1, PAGE));
	say("%c", link[0]);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	O(readlink(path, link, sizeof(link) - 1));
	say("%s", link);
	R(fstat(fd, &st));
	say("mode %o size %ld nlink %d", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	R(fcntl(fd, F_GET_SEALS));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)); /* mapped writable */
	munmap(p, PAGE);
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK));
	R(write(fd, "x", 1));
	R(ftruncate(fd, 0));
	R(ftruncate(fd, 3 * PAGE));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
	R(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
	R(syscall(SYS_memfd_create, "x", 0x8000));
}

/* ---- flags and places ---- */

static void below_2g(void)
{
	const size_t size = 16UL << 20;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT | MAP_NORESERVE;
	char *p[4];
	bool low = true, apart = true;

	for (int i = 0; i < 4; i++) {
		p[i] = mmap(NULL, size, PROT_READ, flags, -1, 0);
		low &= (unsigned long)p[i] + size <= 1UL << 31;
		apart &= !i || p[i] != p[i - 1];
	}
	YES(low && apart);
	p[0] = mmap((void *)(1UL << 40), PAGE, PROT_READ, flags, -1, 0); /* a hint too high */
	YES((unsigned long)p[0] < 1UL << 31);
	p[0] = mmap(p[1], PAGE, PROT_READ, flags, -1, 0); /* a hint that is taken */
	YES((unsigned long)p[0] < 1UL << 31);
	O(mmap(NULL, 3UL << 30, PROT_READ, flags, -1, 0));
	p[0] = anon(1, PROT_READ);
	YES(mmap(p[0], PAGE, PROT_READ, flags | MAP_FIXED, -1, 0) == p[0]);
}

static void no_replacement(void)
{
	char *p = anon(8, PROT_NONE);
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;

	munmap(p + 2 * PAGE, 4 * PAGE);
	O(mmap(p + PAGE, 2 * PAGE, PROT_READ, flags, -1, 0));
	O(mmap(p + 5 * PAGE, 2 * PAGE, PROT_READ, flags, -1, 0));
	O(mmap(p + 2 * PAGE, 5 * PAGE, PROT_READ, flags, -1, 0));
	O(mmap(p + 3 * PAGE, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0));
	O(mmap(p + 3 * PAGE, PAGE, PROT_READ, flags | MAP_FIXED, -1, 0));
	O(mmap(p + 4 * PAGE + 1, PAGE, PROT_READ, flags, -1, 0));
	O(mmap(p + 4 * PAGE, 2 * PAGE, PROT_READ, flags, -1, 0));
	touch("the hole that is left", p + 2 * PAGE, false, p);
}

static void hints(void)
{
	char *p = anon(8, PROT_NONE), *q;
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	munmap(p, 8 * PAGE);
	q = mmap(p + 4 * PAGE, PAGE, PROT_READ, flags, -1, 0);
	YES(q == p + 4 * PAGE);
	q = mmap(p + 2 * PAGE + 123, PAGE, PROT_READ, flags, -1, 0); /* to a page's start */
	YES(((unsigned long)q & (PAGE - 1)) == 0);
	q = mmap((void *)PAGE, PAGE, PROT_READ, flags, -1, 0);
	YES(q != MAP_FAILED && q >= (char *)PAGE);
	q = mmap((void *)-PAGE, PAGE, PROT_READ, flags, -1, 0);
	YES(q != MAP_FAILED && (unsigned long)q < 1UL << 47);
	q = mmap((void *)(1UL << 60), PAGE, PROT_READ, flags, -1, 0);
	YES(q != MAP_FAILED && (unsigned long)q < 1UL << 47);
}

static void ends_of_the_space(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	O(mmap(wild(0x7fffffffe000), PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(0x7ffffffff000), PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(0x7fffffffe000), 2 * PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(0x800000000000), PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(0xffff800000000000), PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(-PAGE), PAGE, PROT_READ, flags, -1, 0));
	O(mmap(wild(0x7fffffffe001), PAGE, PROT_READ, flags, -1, 0));
	R(munmap(wild(0x7fffffffe000), PAGE));
	R(munmap(wild(0x7fffffffe000), 2 * PAGE));
	R(munmap(wild(0x800000000000), PAGE));
	R(munmap(wild(-PAGE), PAGE));
	R(munmap(wild(16 * PAGE), -1UL));
	be_nobody();
	O(mmap(NULL, PAGE, PROT_READ, flags, -1, 0));
}

static void types(void)
{
	int fd, odd = 0x400000; /* no flag there */

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE, fd, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | odd, fd, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED | odd, fd, 0)); /* not looked at */
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
	O(mmap(NULL, PAGE, PROT_READ, 0, fd, 0));
	O(mmap(NULL, PAGE, PROT_READ, 0xc, fd, 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, fd, 0)); /* fd not looked at */
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 5 * PAGE));
	O(mmap(NULL, PAGE, 0xff0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	O(mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_DENYWRITE | MAP_EXECUTABLE |
		       MAP_NONBLOCK | MAP_NORESERVE,
	       -1, 0));
	O(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, 1L << 62));
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, LONG_MAX & ~(PAGE - 1)));
	O(mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, -PAGE));
}

static void what_cannot_be_mapped(void)
{
	int p[2];

	pipe(p);
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, p[0], 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, p[1], 0)); /* not readable either */
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open(".", O_RDONLY), 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDWR), 0));
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open(".", O_PATH), 0));
	make_file("f", "abc");
	O(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, open("f", O_PATH), 0));
	O(mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, open("f", O_WRONLY), 0));
	O(mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, open("f", O_RDONLY), 0));
	O(mmap(NULL, 0, PROT_READ, MAP_SHARED, open("f", O_RDONLY), 0));
}

static void populated(void)
{
	unsigned char vec[4];
	int fd;
	char *p;

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	p = map(3, PROT_READ, MAP_SHARED | MAP_POPULATE, fd); /* beyond the end: no harm */
	say("%.3s", p);
	touch("beyond", p + PAGE, false, p);
	p = map(3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	mincore(p, 3 * PAGE, vec);
	say("%d%d%d", vec[0] & 1, vec[1] & 1, vec[2] & 1);
	p = map(3, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_POPULATE, fd);
	p[0] = 'X';
	char c;
	pread(fd, &c, 1, 0);
	say("%c %c", c, p[0]);
}

static void holes(void)
{
	char *p = anon(16, PROT_READ | PROT_WRITE);

	write_pages(p, 16);
	for (int i = 1; i < 16; i += 2)
		R(munmap(p + i * PAGE, PAGE));
	say("kept: %d", p[0] == 'w' && p[2 * PAGE] == 'w' && p[14 * PAGE] == 'w');
	touch("a hole", p + 7 * PAGE, false, p);
	R(munmap(p + 7 * PAGE, PAGE)); /* again */
	R(munmap(p + 3 * PAGE, 6 * PAGE)); /* over holes and pages */
	touch("gone", p + 4 * PAGE, false, p);
	touch("left", p + 10 * PAGE, false, p);
	R(munmap(p + 1, PAGE));
	R(munmap(p, 16 * PAGE));
}

static void stack_far_below(void)
{
	char here, *p = (char *)(((unsigned long)&here & ~(PAGE - 1)) - (4UL << 20));

	touch("4 MB below, at once", p, true, p);
	touch("between", p + (2UL << 20), false, p);
	YES(all_are(p + (1UL << 20), 4096, 0));
}

static void executed_from_files(void)
{
	unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
	int fd = open("f", O_CREAT | O_RDWR, 0700);
	char *p;

	write(fd, code, sizeof(code));
	p = map(1, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd);
	say("%d", ((int (*)(void))p)());
	pwrite(fd, "\x2b", 1, 1); /* the page that runs is the file's */
	say("%d", ((int (*)(void))p)());
	p = map(1, PROT_EXEC, MAP_SHARED, fd);
	say("%d", ((int (*)(void))p)());
}

static void many_areas(void)
{
	char *p = anon(2000, PROT_READ | PROT_WRITE);
	int bad = 0;

	for (int i = 0; i < 2000; i += 2)
		bad += mprotect(p + i * PAGE, PAGE, PROT_READ) != 0;
	for (int i = 1; i < 2000; i += 2)
		p[i * PAGE] = (char)i;
	for (int i = 1; i < 2000; i += 2)
		bad += p[i * PAGE] != (char)i;
	say("bad %d, child %s", bad,
	    ended(reap(fork() ?: (_exit(p[1999 * PAGE] != (char)1999), 0))));
	R(mprotect(p, 2000 * PAGE, PROT_READ));
	R(munmap(p, 2000 * PAGE));
}

static void too_many_areas(void)
{
	char *p = map(140000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		      -1);
	long i;

	for (i = 0; i < 140000; i += 2)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ) < 0)
			break;
	say("stopped with %s, at some 65530 areas: %s", errno_name(errno),
	    i > 65000 && i < 65540 ? "yes" : "NO");
	O(mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	R(munmap(p, 2 * PAGE)); /* there is room again */
}

ABI_MAIN(CASE(anonymous_is_zero), CASE(errors), CASE(hints_and_fixed), CASE(faults),
	 CASE(no_execution_of_data), CASE(splits), CASE(file_private), CASE(file_shared),
	 CASE(past_the_end_of_a_file), CASE(offset_in_a_file), CASE(shared_anonymous),
	 CASE(copy_on_write), CASE(remap), CASE(heap_end), CASE(advice), CASE(residence),
	 CASE(stack_grows), CASE(stack_has_an_end), CASE(big_and_sparse), CASE(memfds),
	 CASE(below_2g), CASE(no_replacement), CASE(hints), CASE(ends_of_the_space), CASE(types),
	 CASE(what_cannot_be_mapped), CASE(populated), CASE(holes), CASE(stack_far_below),
	 CASE(executed_from_files), CASE(many_areas), CASE(too_many_areas))
