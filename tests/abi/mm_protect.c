/* SPDX-License-Identifier: MIT */
/* Changing areas: mprotect(2), mremap(2), madvise(2), protection keys, holes in the middle. */
#include "mm.h"

#define RW (PROT_READ | PROT_WRITE)

/* The calls themselves: the C library has opinions about their arguments. */
#define mprotect(...) syscall(SYS_mprotect, __VA_ARGS__)
#define mremap(...) ((char *)syscall(SYS_mremap, __VA_ARGS__, 0))

/* How many lines of /proc/self/maps lie in [p, p + pages). */
static int areas(const char *p, size_t pages)
{
	unsigned long from, to, lo = (unsigned long)p, hi = lo + pages * PAGE;
	int n = 0;

	for (const char *line = slurp("/proc/self/maps"); line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && from < hi && to > lo)
			n++;
	return n;
}

/* An area with nothing beside it that it could join. */
static char *island(size_t pages, int prot)
{
	char *p = anon(pages + 2, PROT_NONE);

	mprotect(p + PAGE, pages * PAGE, prot);
	return p + PAGE;
}

static void split_and_merge(void)
{
	char *p = island(8, RW);

	write_pages(p, 8);
	say("%d area", areas(p, 8));
	R(mprotect(p + 2 * PAGE, 2 * PAGE, PROT_READ));
	say("%d areas", areas(p, 8));
	R(mprotect(p + 5 * PAGE, PAGE, PROT_READ));
	say("%d areas", areas(p, 8));
	R(mprotect(p + 4 * PAGE, PAGE, PROT_READ));
	say("%d areas", areas(p, 8));
	R(mprotect(p, 8 * PAGE, RW));
	say("%d area", areas(p, 8));
	YES(p[7 * PAGE] == 'w' && p[2 * PAGE] == 'w');
}

static void neighbours_merge(void)
{
	char *p = island(8, RW);

	write_pages(p, 8);
	R(munmap(p + 3 * PAGE, PAGE));
	say("%d areas", areas(p, 8));
	YES(mmap(p + 3 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	    p + 3 * PAGE);
	YES(p[3 * PAGE] == 0 && p[4 * PAGE] == 'w');
}

static void protect_over_holes(void)
{
	char *p = island(6, RW);

	write_pages(p, 6);
	munmap(p + 3 * PAGE, PAGE);
	R(mprotect(p, 6 * PAGE, PROT_READ)); /* what lies before the hole is done */
	touch("before", p + 2 * PAGE, true, p);
	touch("behind", p + 4 * PAGE, true, p);
	R(mprotect(p + 3 * PAGE, PAGE, PROT_READ));
	R(mprotect(p + 3 * PAGE, 2 * PAGE, PROT_READ));
	touch("behind, asked from the hole", p + 4 * PAGE, true, p);
}

static void protect_errors(void)
{
	char *p = island(2, RW);

	R(mprotect(p + 1, PAGE, PROT_READ));
	R(mprotect(p, -1UL, PROT_READ));
	R(mprotect(p, 1UL << 62, PROT_READ));
	R(mprotect(p, 0, PROT_READ));
	R(mprotect(p, PAGE, 0x100000));
	R(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP));
	R(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	R(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
	R(mprotect((void *)(-PAGE), 2 * PAGE, PROT_READ));
	R(mprotect(wild(0xffff800000000000UL), PAGE, PROT_READ));
	R(mprotect(p, 1, PROT_READ)); /* rounded up */
	touch("whole page", p + PAGE - 1, true, p);
	touch("next page", p + PAGE, true, p);
}

static void protect_files(void)
{
	int rd, rw;
	char *p;

	make_file("f", "abc");
	rd = open("f", O_RDONLY);
	rw = open("f", O_RDWR);
	p = map(1, PROT_READ, MAP_SHARED, rd);
	R(mprotect(p, PAGE, RW));
	R(mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	p = map(1, PROT_READ, MAP_PRIVATE, rd);
	R(mprotect(p, PAGE, RW));
	p[0] = 'P';
	p = map(1, PROT_READ, MAP_SHARED, rw);
	close(rw);
	R(mprotect(p, PAGE, RW));
	p[0] = 'S';
	p = map(2, PROT_NONE, MAP_SHARED, rd);
	R(mprotect(p, PAGE, PROT_READ));
	say("%c", p[0]);
	touch("other page", p + PAGE, false, p);
}

static void none_keeps_content(void)
{
	char *p = island(4, RW);

	write_pages(p, 3);
	R(mprotect(p, 4 * PAGE, PROT_NONE));
	touch("none", p, false, p);
	R(mprotect(p, 4 * PAGE, PROT_READ));
	say("%c %c %d", p[0], p[2 * PAGE], p[3 * PAGE]);
	touch("read-only", p, true, p);
	R(mprotect(p, 4 * PAGE, RW));
	write_pages(p, 4);
	say("child %s", ended(reap(fork()
					   ?: (mprotect(p, PAGE, PROT_NONE),
					       write_pages(p + PAGE, 3), _exit(0), 0))));
	say("%c", p[0]);
}

static void write_only_is_readable(void)
{
	char *p = island(2, PROT_WRITE);

	touch("read of -w-", p, false, p);
	touch("write to -w-", p, true, p);
	/* --x is readable or not: Linux uses a protection key where the CPU has them */
	R(mprotect(p, PAGE, PROT_EXEC));
}

static void cow_after_protect(void)
{
	char *p = island(2, RW);
	int link[2];

	write_pages(p, 2);
	pipe(link);
	if (fork() == 0) {
		char c;

		close(link[1]);
		read(link[0], &c, 1);
		_exit(p[0] == 'w' && p[PAGE] == 'w' ? 0 : 1);
	}
	mprotect(p, 2 * PAGE, PROT_READ);
	mprotect(p, 2 * PAGE, RW);
	memset(p, 'x', 2 * PAGE);
	close(link[1]);
	int status;
	wait(&status);
	say("the child saw its own: %s", ended(status));
}

static void syscalls_honour_protection(void)
{
	char *p = island(3, RW);
	int link[2];

	write_pages(p, 3);
	pipe(link);
	mprotect(p + PAGE, PAGE, PROT_READ);
	mprotect(p + 2 * PAGE, PAGE, PROT_NONE);
	R(write(link[1], p + PAGE, 4));
	R(read(link[0], p + PAGE, 4));
	R(write(link[1], p + 2 * PAGE, 4));
	R(write(link[1], p + 2 * PAGE - 2, 4)); /* as far as it goes */
	R(read(link[0], p + PAGE - 2, 4));
}

/* ---- mremap ---- */

static void grow_in_place(void)
{
	char *p = anon(16, PROT_NONE);

	munmap(p, 12 * PAGE);
	YES(mmap(p, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	write_pages(p, 4);
	YES(mremap(p, 4 * PAGE, 12 * PAGE, 0) == p);
	say("%d", p[11 * PAGE]);
	O(mremap(p, 12 * PAGE, 13 * PAGE, 0));
	O(mremap(p, 4 * PAGE, 5 * PAGE, 0)); /* the middle of an area */
	YES(mremap(p, 12 * PAGE, 12 * PAGE, 0) == p);
	YES(mremap(p, 12 * PAGE, 100, 0) == p);
	touch("shrunk", p + PAGE, false, p);
}

static void move_the_middle(void)
{
	char *p = island(9, RW), *q;

	for (int i = 0; i < 9; i++)
		p[i * PAGE] = 'a' + i;
	q = mremap(p + 3 * PAGE, 3 * PAGE, 40 * PAGE, MREMAP_MAYMOVE);
	YES(q != MAP_FAILED && q != p + 3 * PAGE);
	say("%c %c %c %d", q[0], q[PAGE], q[2 * PAGE], q[3 * PAGE]);
	say("%c %c", p[2 * PAGE], p[6 * PAGE]);
	touch("where it was", p + 4 * PAGE, false, p);
}

static void move_to_fixed(void)
{
	char *p = island(4, RW), *to = island(8, PROT_READ);

	write_pages(p, 4);
	YES(mremap(p, 4 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
	say("%c %c %d", to[0], to[PAGE], to[2 * PAGE]);
	touch("cut", p + 3 * PAGE, false, p);
	touch("moved", p, false, p);
	O(mremap(to, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + PAGE)); /* overlap */
	O(mremap(to, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 100));
	O(mremap(to, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		 wild(0xffff800000000000UL)));
	O(mremap(to, 2 * PAGE, 2 * PAGE, MREMAP_FIXED, p));
	O(mremap(to, 2 * PAGE, 2 * PAGE, 0x100));
}

static void dontunmap(void)
{
	char *p = island(3, RW), *q;

	write_pages(p, 3);
	q = mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);
	YES(q != MAP_FAILED && q != p);
	if (q == MAP_FAILED)
		return;
	say("new %c%c%c, old %d%d%d", q[0], q[PAGE], q[2 * PAGE], p[0], p[PAGE], p[2 * PAGE]);
	write_pages(p, 3);
	q[0] = 'q';
	say("apart: %c %c", p[0], q[0]);
	O(mremap(p, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	O(mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_DONTUNMAP));
	q = mremap(p, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, q);
	say("fixed: %c %d", q[0], p[0]);
}

static void old_size_zero(void)
{
	char *p = map(2, RW, MAP_SHARED | MAP_ANONYMOUS, -1), *q;

	p[0] = 'a';
	q = mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE); /* a second view of shared memory */
	YES(q != MAP_FAILED && q != p);
	if (q == MAP_FAILED)
		return;
	q[1] = 'b';
	say("%c%c", q[0], p[1]);
	O(mremap(p, 0, 2 * PAGE, 0));
	p = island(2, RW);
	O(mremap(p, 0, 2 * PAGE, MREMAP_MAYMOVE)); /* private memory has one view only */
}

static void remap_errors(void)
{
	char *p = island(4, RW);

	munmap(p + 2 * PAGE, PAGE);
	O(mremap(p, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE)); /* over a hole */
	O(mremap(p, 4 * PAGE, 6 * PAGE, 0));
	O(mremap(p + 2 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE));
	O(mremap(p + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	O(mremap(p, PAGE, 1UL << 62, MREMAP_MAYMOVE));
	O(mremap(p, PAGE, -1UL, MREMAP_MAYMOVE));
	O(mremap(wild(0xffff800000000000UL), PAGE, PAGE, MREMAP_MAYMOVE));
	mprotect(p, PAGE, PROT_READ);
	O(mremap(p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE)); /* two areas */
}

static void remap_of_a_file(void)
{
	int fd = open("f", O_CREAT | O_RDWR, 0600);
	char *p, *q;

	ftruncate(fd, 3 * PAGE);
	pwrite(fd, "0", 1, 0);
	pwrite(fd, "1", 1, PAGE);
	pwrite(fd, "2", 1, 2 * PAGE);
	p = map(1, RW, MAP_SHARED, fd);
	q = mremap(p, PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	YES(q != MAP_FAILED);
	say("%c%c%c", q[0], q[PAGE], q[2 * PAGE]);
	touch("past the end", q + 3 * PAGE, false, q);
	q[PAGE] = 'x';
	char c;
	pread(fd, &c, 1, PAGE);
	say("%c", c);
}

/* ---- madvise ---- */

/* A page of a file, private and shared, and a shared one of none. */
static void map_sorts(char **f, char **s, char **sh)
{
	int fd;

	make_file("f", "file");
	fd = open("f", O_RDWR);
	*f = map(1, RW, MAP_PRIVATE, fd);
	*s = map(1, RW, MAP_SHARED, fd);
	*sh = map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
}

static void dontneed_sorts(void)
{
	char *a = island(2, RW), *f, *s, *sh;

	map_sorts(&f, &s, &sh);
	write_pages(a, 2);
	f[0] = 'P';
	s[1] = 'S';
	sh[0] = 'A';
	R(madvise(a, 2 * PAGE, MADV_DONTNEED));
	R(madvise(f, PAGE, MADV_DONTNEED));
	R(madvise(s, PAGE, MADV_DONTNEED));
	R(madvise(sh, PAGE, MADV_DONTNEED));
	say("anon %d, private %.4s, shared %.4s, shared anonymous %c", a[0], f, s, sh[0]);
}

static void madv_free(void)
{
	char *p = island(3, RW);
	int fd;

	write_pages(p, 3);
	R(madvise(p, 2 * PAGE, MADV_FREE));
	YES(p[0] == 0 || p[0] == 'w');
	p[PAGE] = 'n'; /* written again: stays */
	YES(p[PAGE] == 'n' && p[2 * PAGE] == 'w');
	make_file("f", "abc");
	fd = open("f", O_RDWR);
	R(madvise(map(1, RW, MAP_SHARED, fd), PAGE, MADV_FREE));
	R(madvise(map(1, RW, MAP_PRIVATE, fd), PAGE, MADV_FREE));
	R(madvise(map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1), PAGE, MADV_FREE));
}

static void madv_remove(void)
{
	int fd = memfd_create("m", 0);
	char *p, *a = island(1, RW);

	ftruncate(fd, 3 * PAGE);
	p = map(3, RW, MAP_SHARED, fd);
	write_pages(p, 3);
	R(madvise(p + PAGE, PAGE, MADV_REMOVE));
	say("%c %d %c", p[0], p[PAGE], p[2 * PAGE]);
	char c = 'x';
	R(pread(fd, &c, 1, PAGE));
	say("%d", c);
	struct stat st;
	fstat(fd, &st);
	say("%ld pages, blocks for %ld", (long)(st.st_size / PAGE), (long)(st.st_blocks / 8));
	R(madvise(a, PAGE, MADV_REMOVE));
	p = map(1, RW, MAP_PRIVATE, fd);
	R(madvise(p, PAGE, MADV_REMOVE));
	p = map(1, PROT_READ, MAP_SHARED, fd);
	R(madvise(p, PAGE, MADV_REMOVE)); /* may be written: the file is open for it */
}

static void advice_for_fork(void)
{
	char *p = island(6, RW);
	pid_t pid;

	write_pages(p, 6);
	R(madvise(p + PAGE, PAGE, MADV_DONTFORK));
	R(madvise(p + 2 * PAGE, PAGE, MADV_WIPEONFORK));
	R(madvise(p + 3 * PAGE, PAGE, MADV_DONTFORK));
	R(madvise(p + 3 * PAGE, PAGE, MADV_DOFORK));
	R(madvise(p + 4 * PAGE, PAGE, MADV_WIPEONFORK));
	R(madvise(p + 4 * PAGE, PAGE, MADV_KEEPONFORK));
	pid = fork();
	if (pid == 0) {
		touch("child: don't fork", p + PAGE, false, p);
		say("child: %c, wiped %d, %c %c %c", p[0], p[2 * PAGE], p[3 * PAGE], p[4 * PAGE],
		    p[5 * PAGE]);
		p[2 * PAGE] = 'c';
		pid = fork(); /* the mark stays */
		if (pid == 0) {
			say("grandchild: wiped %d", p[2 * PAGE]);
			_exit(0);
		}
		reap(pid);
		_exit(0);
	}
	reap(pid);
	say("parent: %c %c", p[PAGE], p[2 * PAGE]);
}

static void wipe_is_for_private_memory(void)
{
	int fd;

	make_file("f", "abc");
	fd = open("f", O_RDWR);
	R(madvise(map(1, RW, MAP_SHARED | MAP_ANONYMOUS, -1), PAGE, MADV_WIPEONFORK));
	R(madvise(map(1, RW, MAP_PRIVATE, fd), PAGE, MADV_WIPEONFORK));
	R(madvise(map(1, RW, MAP_PRIVATE, fd), PAGE, MADV_KEEPONFORK));
	R(madvise(map(1, RW, MAP_PRIVATE, fd), PAGE, MADV_DONTFORK));
}

static void advice_known(void)
{
	char *p = island(4, RW);

	R(madvise(p, PAGE, MADV_NORMAL));
	R(madvise(p, PAGE, MADV_RANDOM));
	R(madvise(p, PAGE, MADV_SEQUENTIAL));
	R(madvise(p, PAGE, MADV_WILLNEED));
	R(madvise(p, PAGE, MADV_DONTDUMP));
	R(madvise(p, PAGE, MADV_DODUMP));
	R(madvise(p, PAGE, MADV_COLD));
	R(madvise(p, PAGE, MADV_PAGEOUT));
	R(madvise(p, PAGE, MADV_POPULATE_READ));
	R(madvise(p, PAGE, MADV_POPULATE_WRITE));
	R(madvise(p, PAGE, -1));
	R(madvise(p, PAGE, 6));
	R(madvise(p, PAGE, 7));
	R(madvise(p, PAGE, 1000));
	R(madvise(p + 1, PAGE, MADV_NORMAL));
	R(madvise(p, -1UL, MADV_NORMAL));
	R(madvise(p, -PAGE, MADV_NORMAL));
	R(madvise(p, 0, 1000));
	R(madvise(p, 0, MADV_NORMAL));
	R(madvise(p, 100, MADV_DONTNEED));
}

static void advice_over_holes(void)
{
	char *p = island(5, RW);

	write_pages(p, 5);
	munmap(p + 2 * PAGE, PAGE);
	R(madvise(p, 5 * PAGE, MADV_WILLNEED));
	R(madvise(p, 5 * PAGE, MADV_DONTFORK));
	R(madvise(p + 2 * PAGE, PAGE, MADV_NORMAL));
	R(madvise(p + 2 * PAGE, 2 * PAGE, MADV_DONTNEED));
	say("%c %d %c", p[PAGE], p[3 * PAGE], p[4 * PAGE]);
	say("child %s", ended(reap(fork() ?: (read_pages(p + 4 * PAGE, 1), _exit(0), 0))));
}

static void populate_advice(void)
{
	char *p = island(4, RW);
	unsigned char vec[4];

	R(madvise(p, 2 * PAGE, MADV_POPULATE_WRITE));
	mincore(p, 4 * PAGE, vec);
	say("%d%d%d%d", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
	R(madvise(p + 3 * PAGE, PAGE, MADV_POPULATE_WRITE));
	R(madvise(p + 3 * PAGE, PAGE, MADV_POPULATE_READ));
	mprotect(p + 3 * PAGE, PAGE, PROT_NONE);
	R(madvise(p + 3 * PAGE, PAGE, MADV_POPULATE_READ));
	munmap(p + 2 * PAGE, PAGE);
	R(madvise(p, 4 * PAGE, MADV_POPULATE_READ));
}

/* ---- huge pages ---- */

#define HUGE (2UL << 20)

/* Two pieces of 2 MiB on a boundary, with a page of address space before and behind. */
static char *two_pieces(void)
{
	char *p = anon(4 * HUGE / PAGE, PROT_NONE);

	p += HUGE - ((unsigned long)p & (HUGE - 1));
	mprotect(p, 2 * HUGE, RW);
	return p;
}

static void huge_advice(void)
{
	char *p = island(3, RW), *f, *s, *sh;

	map_sorts(&f, &s, &sh);
	for (int advice = MADV_HUGEPAGE; advice <= MADV_NOHUGEPAGE; advice++) {
		R(madvise(p, 3 * PAGE, advice));
		R(madvise(p + 1, PAGE, advice));
		R(madvise(p, 0, advice));
		R(madvise(f, PAGE, advice));
		R(madvise(s, PAGE, advice));
		R(madvise(sh, PAGE, advice));
	}
	munmap(p + PAGE, PAGE);
	R(madvise(p, 3 * PAGE, MADV_HUGEPAGE));
	R(madvise(p, 3 * PAGE, MADV_NOHUGEPAGE));
}

static void huge_areas_split_and_join(void)
{
	char *p = island(4, RW);

	madvise(p + PAGE, PAGE, MADV_HUGEPAGE);
	say("%d areas", areas(p, 4));
	madvise(p, 4 * PAGE, MADV_HUGEPAGE);
	say("%d areas", areas(p, 4));
	madvise(p, 2 * PAGE, MADV_NOHUGEPAGE);
	say("%d areas", areas(p, 4));
	madvise(p, 4 * PAGE, MADV_NOHUGEPAGE);
	say("%d areas", areas(p, 4));
}

/* All is zeros at first; what is done to a page is done to that page. */
static void pages_of_a_huge_one(void)
{
	char *p = two_pieces();

	R(madvise(p, 2 * HUGE, MADV_HUGEPAGE));
	p[5 * PAGE] = 'a';
	YES(all_are(p, 5 * PAGE, 0) && all_are(p + 6 * PAGE, 2 * HUGE - 6 * PAGE, 0));
	memset(p, 'b', 2 * HUGE);
	R(madvise(p + 7 * PAGE, PAGE, MADV_DONTNEED));
	R(munmap(p + 9 * PAGE, PAGE));
	R(mprotect(p + 11 * PAGE, PAGE, PROT_READ));
	YES(all_are(p, 7 * PAGE, 'b') && all_are(p + 7 * PAGE, PAGE, 0));
	touch("what is behind a hole", p + 10 * PAGE, true, p);
	touch("the hole", p + 9 * PAGE, true, p);
	touch("what may not be written", p + 11 * PAGE, true, p);
	YES(mremap(p + 13 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 9 * PAGE) ==
	    p + 9 * PAGE);
	YES(all_are(p + 9 * PAGE, PAGE, 'b') && all_are(p + 14 * PAGE, 2 * HUGE - 14 * PAGE, 'b'));
	touch("what was moved away", p + 13 * PAGE, false, p);
	R(munmap(p, HUGE));
	YES(all_are(p + HUGE, HUGE, 'b'));
}

static void huge_pages_and_fork(void)
{
	char *p = two_pieces();
	int done[2];
	pid_t child;

	madvise(p, 2 * HUGE, MADV_HUGEPAGE);
	memset(p, 'p', 2 * HUGE);
	pipe(done);
	child = fork();
	if (!child) {
		char c;

		p[3 * PAGE] = 'c';
		close(done[1]);
		read(done[0], &c, 1); /* the parent has written */
		_exit(p[3 * PAGE] == 'c' && p[4 * PAGE] == 'p' && all_are(p + HUGE, HUGE, 'p'));
	}
	memset(p + HUGE, 'q', HUGE);
	p[4 * PAGE] = 'r';
	close(done[0]);
	close(done[1]);
	say("the child sees what it should: %s", ended(reap(child)));
	YES(p[3 * PAGE] == 'p' && all_are(p + HUGE, HUGE, 'q'));
}

/* ---- protection keys: the answers that do not depend on the CPU ---- */

static void protection_keys(void)
{
	char *p = island(1, RW);

	R(syscall(SYS_pkey_alloc, 1, 0));
	R(syscall(SYS_pkey_alloc, 0, 8));
	R(syscall(SYS_pkey_free, 15));
	R(syscall(SYS_pkey_free, 100));
	R(syscall(SYS_pkey_free, -1));
	R(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 15));
	R(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, 100));
	touch("as before", p, true, p);
	R(syscall(SYS_pkey_mprotect, p, PAGE, PROT_READ, -1));
	touch("read-only", p, true, p);
}

ABI_MAIN(CASE(split_and_merge), CASE(neighbours_merge), CASE(protect_over_holes),
	 CASE(protect_errors), CASE(protect_files), CASE(none_keeps_content),
	 CASE(write_only_is_readable), CASE(cow_after_protect), CASE(syscalls_honour_protection),
	 CASE(grow_in_place), CASE(move_the_middle), CASE(move_to_fixed), CASE(dontunmap),
	 CASE(old_size_zero), CASE(remap_errors), CASE(remap_of_a_file), CASE(dontneed_sorts),
	 CASE(madv_free), CASE(madv_remove), CASE(advice_for_fork),
	 CASE(wipe_is_for_private_memory), CASE(advice_known), CASE(advice_over_holes),
	 CASE(populate_advice), CASE(huge_advice), CASE(huge_areas_split_and_join),
	 CASE(pages_of_a_huge_one), CASE(huge_pages_and_fork), CASE(protection_keys))
