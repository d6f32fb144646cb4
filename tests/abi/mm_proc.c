/* SPDX-License-Identifier: MIT */
/*
 * What /proc and getrusage(2) say of memory, to the page: each case touches a known number of pages
 * and prints by how much the figures moved.
 */
#include <sys/resource.h>
#include <sys/utsname.h>

#include "mm.h"

#define RW (PROT_READ | PROT_WRITE)
#define N 100

/* In pages, but for the sizes of page tables (kB) and the faults. */
struct figures {
	long anon, file, size, data, pte, minflt;
};

/* Linux before 6.16 counts resident pages on each CPU first: status is late by a few dozens there. */
static bool late(void)
{
	struct utsname u;
	int major = 0, minor = 0;

	uname(&u);
	sscanf(u.release, "%d.%d", &major, &minor);
	return access("/proc/dyad", F_OK) < 0 && (major < 6 || (major == 6 && minor < 16));
}

static struct figures figures(void)
{
	struct figures f;
	struct rusage ru;
	const char *s;

	getrusage(RUSAGE_SELF, &ru);
	s = slurp("/proc/self/status");
	f.anon = field(s, "RssAnon") / 4;
	f.file = (field(s, "RssFile") + field(s, "RssShmem")) / 4;
	f.size = field(s, "VmSize") / 4;
	f.data = field(s, "VmData") / 4;
	f.pte = field(s, "VmPTE");
	f.minflt = ru.ru_minflt;
	return f;
}

/* Everything that the measuring itself needs is there before it begins. */
static struct figures warm(void)
{
	extern char __executable_start, etext;

	read_pages(&__executable_start, (&etext - &__executable_start) / PAGE + 1);
	memset(proc_text, 1, sizeof(proc_text));
	say("begin");
	figures();
	return figures();
}

static void moved(const char *what, struct figures *before, long anon, long file)
{
	struct figures now = figures();
	long da = now.anon - before->anon, df = now.file - before->file;

	if (late() && labs(da - anon) <= 128 && labs(df - file) <= 128)
		da = anon, df = file;
	say("%s: anon %+ld, file %+ld", what, da, df);
	*before = figures();
}

static char *small_pages(char *p, size_t pages)
{
	madvise(p, pages * PAGE, MADV_NOHUGEPAGE);
	return p;
}

static int file_of(const char *name, size_t pages)
{
	static char page[PAGE];
	int fd = open(name, O_CREAT | O_RDWR, 0600);

	for (size_t i = 0; i < pages; i++)
		write(fd, page, PAGE);
	return fd;
}

static void rss_anonymous(void)
{
	char *p = small_pages(anon(N, RW), N);
	struct figures f = warm();

	read_pages(p, N); /* the page of zeros is nobody's */
	moved("read", &f, 0, 0);
	write_pages(p, N);
	moved("written", &f, N, 0);
	mprotect(p, N * PAGE, PROT_NONE);
	moved("out of reach", &f, 0, 0);
	mprotect(p, N * PAGE, RW);
	madvise(p, 10 * PAGE, MADV_DONTNEED);
	moved("given back", &f, -10, 0);
	p = mremap(p, N * PAGE, 2 * N * PAGE, MREMAP_MAYMOVE);
	small_pages(p, 2 * N);
	moved("moved", &f, 0, 0);
	write_pages(p + N * PAGE, N);
	moved("more", &f, N, 0);
	munmap(p + 50 * PAGE, 100 * PAGE);
	moved("a hole of 100", &f, -100, 0);
	munmap(p, 2 * N * PAGE);
	moved("unmapped", &f, -90, 0);
}

static void rss_private_file(void)
{
	int fd = file_of("f", N);
	char *p = map(N, RW, MAP_PRIVATE, fd);
	struct figures f = warm();

	read_pages(p, N);
	moved("read", &f, 0, N);
	write_pages(p, 40);
	moved("40 written", &f, 40, -40);
	madvise(p, N * PAGE, MADV_DONTNEED);
	moved("given back", &f, -40, -60);
	write_pages(p + 10 * PAGE, 5);
	read_pages(p, N);
	moved("again", &f, 5, N - 5);
	munmap(p, N * PAGE);
	moved("unmapped", &f, -5, -(N - 5));
}

static void rss_shared_file(void)
{
	int fd = file_of("f", N);
	char *p = map(N, RW, MAP_SHARED, fd);
	struct figures f = warm();

	write_pages(p, N);
	moved("written", &f, 0, N);
	char *q = map(N, PROT_READ, MAP_SHARED, fd);
	read_pages(q, N);
	moved("mapped twice", &f, 0, N);
	ftruncate(fd, 30 * PAGE);
	moved("truncated to 30", &f, 0, -140);
	munmap(p, N * PAGE);
	moved("unmapped once", &f, 0, -30);
}

static void rss_shared_anonymous(void)
{
	char *p = map(N, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	struct figures f = warm();
	const char *s = slurp("/proc/self/status");
	long shmem = field(s, "RssShmem"), file = field(s, "RssFile");

	read_pages(p, 30);
	moved("read", &f, 0, 30);
	write_pages(p, N);
	moved("written", &f, 0, 70);
	s = slurp("/proc/self/status");
	if (late())
		say("RssShmem +400 kB, RssFile +0 kB");
	else
		say("RssShmem %+ld kB, RssFile %+ld kB", field(s, "RssShmem") - shmem,
		    field(s, "RssFile") - file);
	madvise(p, N * PAGE, MADV_DONTNEED);
	moved("let go", &f, 0, -N);
	read_pages(p, N);
	moved("there again", &f, 0, N);
	munmap(p, N * PAGE);
	moved("unmapped", &f, 0, -N);
}

static void rss_memfd(void)
{
	int fd = memfd_create("m", 0);
	struct figures f = warm();
	char *p, c = 1;

	ftruncate(fd, N * PAGE);
	pwrite(fd, &c, 1, 3 * PAGE);
	moved("written by write(2)", &f, 0, 0);
	p = map(N, RW, MAP_SHARED, fd);
	p[3 * PAGE] = 2;
	moved("one page", &f, 0, 1);
	p = mmap(NULL, N * PAGE, RW, MAP_PRIVATE, fd, 0);
	write_pages(p, N);
	moved("private", &f, N, 0);
}

static void rss_populated(void)
{
	int fd = file_of("f", N);
	struct figures f = warm();
	char *p = small_pages(map(N, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1), N);

	moved("anonymous", &f, N, 0);
	munmap(p, N * PAGE);
	p = map(N, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	moved("anonymous, read-only, and without the first", &f, -N, 0);
	munmap(p, N * PAGE);
	p = map(N, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd);
	moved("file, to read", &f, 0, N);
	munmap(p, N * PAGE);
	p = map(N, RW, MAP_PRIVATE | MAP_POPULATE, fd);
	moved("file, to write, instead", &f, N, -N);
	munmap(p, N * PAGE);
	p = map(N, RW, MAP_SHARED | MAP_POPULATE, fd);
	moved("file, shared, instead", &f, -N, N);
	munmap(p, N * PAGE);
	p = map(N, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);
	moved("nothing to populate", &f, 0, -N);
}

static void rss_mlocked(void)
{
	char *p = small_pages(anon(N, RW), N);
	struct figures f = warm();

	mlock(p, 20 * PAGE);
	moved("20 locked", &f, 20, 0);
	munlock(p, 20 * PAGE);
	moved("unlocked", &f, 0, 0);
	mlock2(p, N * PAGE, MLOCK_ONFAULT);
	moved("on fault", &f, 0, 0);
}

static void sizes(void)
{
	struct figures a = warm(), b;
	char *p;

#define SIZES(what)                                                                                \
	b = figures();                                                                             \
	say("%s: size %+ld, data %+ld", what, b.size - a.size, b.data - a.data);                   \
	a = figures()
	p = anon(N, RW);
	SIZES("private");
	mprotect(p, N * PAGE, PROT_READ);
	SIZES("read-only");
	mprotect(p, 30 * PAGE, RW | PROT_EXEC);
	SIZES("30 rwx");
	munmap(p + 20 * PAGE, 20 * PAGE);
	SIZES("20 of them gone");
	anon(N, PROT_NONE);
	SIZES("none");
	map(N, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	SIZES("shared");
	p = mremap(p, 20 * PAGE, 80 * PAGE, MREMAP_MAYMOVE);
	SIZES("grown by 60");
	syscall(SYS_brk, syscall(SYS_brk, 0) + 50 * PAGE);
	SIZES("heap");
	map(N, RW, MAP_PRIVATE, file_of("f", 1));
	SIZES("file, writable");
	map(N, PROT_READ, MAP_PRIVATE, open("f", O_RDONLY));
	SIZES("file, not writable");
}

static void peaks(void)
{
	struct figures f = warm();
	long size = status_kb("VmPeak"), rss = status_kb("VmHWM");
	char *p = small_pages(anon(4000, RW), 4000);

	write_pages(p, 1000);
	munmap(p, 4000 * PAGE);
	YES(status_kb("VmPeak") >= size + 3900 * 4);
	YES(status_kb("VmSize") < size + 200 * 4);
	YES(status_kb("VmHWM") >= rss + 800 * 4);
	YES(status_kb("VmRSS") < rss + 200 * 4);
	moved("all back", &f, 0, 0);
	say("child %s",
	    ended(reap(fork()
			       ?: (_exit(status_kb("VmPeak") < size + 200 * 4 &&
							 status_kb("VmHWM") < rss + 200 * 4
						 ? 0
						 : 1),
				   0))));
}

static void page_tables(void)
{
	const size_t gb = 1UL << 30;
	char *p = mmap(NULL, 8 * gb, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *q = (char *)(((unsigned long)p + gb - 1) & ~(gb - 1));
	struct figures a, b;

	small_pages(p, 8 * gb / PAGE);
	q[0] = 1; /* whatever stands above */
	a = warm();
	q[gb] = 1;
	b = figures();
	say("a page, alone in its gigabyte: %+ld kB", b.pte - a.pte);
	q[gb + PAGE] = 1;
	q[gb + 511 * PAGE] = 1;
	b = figures();
	say("beside it: %+ld kB", b.pte - a.pte);
	q[gb + 512 * PAGE] = 1;
	b = figures();
	say("in the next 2 MB: %+ld kB", b.pte - a.pte);
	munmap(q + gb / 2, 2 * gb);
	b = figures();
	say("unmapped: %+ld kB", b.pte - a.pte);
}

static void statm(void)
{
	long a[7], b[7];
	char *p = small_pages(anon(N, RW), N), *s;

	warm();
#define STATM(v)                                                                                   \
	sscanf(slurp("/proc/self/statm"), "%ld %ld %ld %ld %ld %ld %ld", v, v + 1, v + 2, v + 3,   \
	       v + 4, v + 5, v + 6)
	STATM(a);
	write_pages(p, N);
	s = map(N, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	write_pages(s, 50);
	STATM(b);
	if (late())
		b[1] = a[1] + 150, b[2] = a[2] + 50;
	say("size %+ld, resident %+ld, shared %+ld, text %+ld, lib %+ld, data %+ld, dt %+ld",
	    b[0] - a[0], b[1] - a[1], b[2] - a[2], b[3] - a[3], b[4] - a[4], b[5] - a[5],
	    b[6] - a[6]);
	const char *t = NULL;
	for (int i = 0; i < 2; i++) { /* the first time may touch something new */
		STATM(b);
		t = slurp("/proc/self/status");
	}
	YES(b[0] == field(t, "VmSize") / 4);
	YES(b[5] == (field(t, "VmData") + field(t, "VmStk")) / 4);
	YES(b[3] == field(t, "VmExe") / 4);
	if (!late())
		YES(b[1] == field(t, "VmRSS") / 4);
	YES(field(t, "VmRSS") == field(t, "RssAnon") + field(t, "RssFile") + field(t, "RssShmem"));
	say("VmExe %ld, VmSwap %ld, VmPin %ld", field(t, "VmExe"), field(t, "VmSwap"),
	    field(t, "VmPin"));
}

/* ---- maps ---- */

/* The lines of a file of /proc/self that begin inside [p, p + pages). */
static void show_lines(const char *path, const char *p, size_t pages)
{
	unsigned long from, to, off, ino, lo = (unsigned long)p;
	unsigned int major, minor;
	char prot[8], name[256], *slash;

	for (const char *line = slurp(path); line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %lx %x:%x %lu%*[ ]%255[^\n]", &from, &to, prot, &off,
			   &major, &minor, &ino, name) < 7)
			continue;
		if (to <= lo || from >= lo + pages * PAGE)
			continue;
		slash = strrchr(name, '/');
		say("%ld pages %s at %lx, inode %s, '%s'", (long)((to - from) / PAGE), prot, off,
		    ino ? "some" : "none",
		    slash && strncmp(name, "/memfd", 6) && strncmp(name, "/dev", 4) ? slash + 1
										    : name);
	}
}

static char *island(size_t pages)
{
	char *p = anon(pages + 2, PROT_NONE);

	munmap(p + PAGE, pages * PAGE);
	return p + PAGE;
}

static void maps_lines(void)
{
	int fd = file_of("name", 8), m = memfd_create("mem", 0);
	char *p = island(16);

	ftruncate(m, 8 * PAGE);
	mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(p + PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(p + 2 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 3 * PAGE);
	mmap(p + 4 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	mmap(p + 6 * PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, m, PAGE);
	mmap(p + 8 * PAGE, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(p + 10 * PAGE, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show_lines("/proc/self/maps", p, 16);
	mprotect(p + 4 * PAGE, PAGE, RW);
	mprotect(p + 9 * PAGE, PAGE, PROT_READ);
	unlink("name");
	say("then");
	show_lines("/proc/self/maps", p, 16);
}

static void maps_join(void)
{
	char *p = island(12);

	for (int i = 0; i < 12; i += 2)
		mmap(p + i * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	for (int i = 1; i < 12; i += 2)
		mmap(p + i * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	show_lines("/proc/self/maps", p, 12);
	int fd = file_of("f", 4);
	mmap(p, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(p + PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE); /* goes on */
	mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, PAGE); /* does not */
	show_lines("/proc/self/maps", p, 3);
}

static void maps_of_a_program(void)
{
	char *brk = (char *)syscall(SYS_brk, 0), here;
	static int data = 1;
	const char *s;

	syscall(SYS_brk, brk + 4 * PAGE);
	s = slurp("/proc/self/maps");
	YES(strstr(s, "[heap]\n") != NULL);
	YES(strstr(s, "[stack]\n") != NULL);
	show_lines("/proc/self/maps", brk, 1);
	show_lines("/proc/self/maps", (char *)((unsigned long)&data & ~(PAGE - 1)), 1);
	char line[32];
	snprintf(line, sizeof(line), "%lx", (unsigned long)&here >> 24);
	YES(strstr(slurp("/proc/self/maps"), line) != NULL);
}

/* ---- smaps ---- */

/* One value of the area that begins at p, in kB. */
static long smaps(const char *p, const char *name)
{
	char head[32];
	const char *s;

	snprintf(head, sizeof(head), "%lx-", (unsigned long)p);
	s = strstr(slurp("/proc/self/smaps"), head);
	s = s ? strchr(s, '\n') : NULL;
	return s ? field(s + 1, name) : -2;
}

static void show_smaps(const char *what, const char *p)
{
	say("%s: Size %ld Rss %ld Pss %ld shared %ld private %ld Anonymous %ld Locked %ld Swap %ld",
	    what, smaps(p, "Size"), smaps(p, "Rss"), smaps(p, "Pss"),
	    smaps(p, "Shared_Clean") + smaps(p, "Shared_Dirty"),
	    smaps(p, "Private_Clean") + smaps(p, "Private_Dirty"), smaps(p, "Anonymous"),
	    smaps(p, "Locked"), smaps(p, "Swap"));
}

static void smaps_of_sorts(void)
{
	int fd = file_of("f", 20);
	char *p = small_pages(
		mmap(island(20), 20 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		20);
	char *q = mmap(island(20), 20 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0), *r;

	warm();
	show_smaps("untouched", p);
	read_pages(p, 10);
	write_pages(p + 10 * PAGE, 5);
	show_smaps("anonymous", p);
	say("page sizes %ld %ld", smaps(p, "KernelPageSize"), smaps(p, "MMUPageSize"));
	read_pages(q, 20);
	write_pages(q, 8);
	show_smaps("file", q);
	r = mmap(island(20), 20 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	read_pages(r, 20);
	show_smaps("file, mapped twice", r);
	show_smaps("the first one now", q);
	mlock(p, 20 * PAGE);
	show_smaps("locked", p);
}

static void smaps_after_fork(void)
{
	char *p = small_pages(
		mmap(island(20), 20 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
		20);
	int go[2], done[2];
	char c;

	pipe(go);
	pipe(done);
	write_pages(p, 20);
	warm();
	show_smaps("alone", p);
	if (fork() == 0) {
		show_smaps("child", p);
		write_pages(p, 5);
		show_smaps("child, 5 written", p);
		write(done[1], "x", 1);
		read(go[0], &c, 1);
		_exit(0);
	}
	read(done[0], &c, 1);
	show_smaps("parent", p);
	write(go[1], "x", 1);
	wait(NULL);
	show_smaps("alone again", p);
}

static void smaps_flags(void)
{
	static const char *const wanted[] = { "rd", "wr", "ex", "sh", "mr", "mw", "me",
					      "gd", "lo", "nr", "dc", "wf", "hg", "nh" };
	char *base = island(40), *p = base, line[64], out[64];
	int fd = file_of("f", 4), ro;

	ro = open("f", O_RDONLY);
	mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
	mmap(p + 4 * PAGE, PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0);
	mmap(p + 6 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
	     0);
	mmap(p + 8 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED, -1, 0);
	mmap(p + 10 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	madvise(p + 10 * PAGE, PAGE, MADV_DONTFORK);
	mmap(p + 12 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	madvise(p + 12 * PAGE, PAGE, MADV_WIPEONFORK);
	mmap(p + 14 * PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
	     -1, 0);
	mmap(p + 16 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1,
	     0);
	for (int i = 18; i <= 20; i += 2) {
		mmap(p + i * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		madvise(p + i * PAGE, PAGE, i == 18 ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	}
	for (int i = 0; i <= 20; i += 2, p += 2 * PAGE) {
		const char *s;

		snprintf(line, sizeof(line), "%lx-", (unsigned long)p);
		s = strstr(slurp("/proc/self/smaps"), line);
		s = s ? strstr(s, "VmFlags:") : NULL;
		if (!s) {
			say("page %d: no VmFlags", i);
			continue;
		}
		out[0] = 0;
		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++) {
			char word[8];

			snprintf(word, sizeof(word), " %s ", wanted[k]);
			const char *hit = strstr(s, word);
			if (hit && hit < strchr(s, '\n'))
				strcat(out, word + (out[0] ? 1 : 0));
		}
		say("page %d:%s", i, out);
	}
}

static void rollup_is_the_sum(void)
{
	static const char *const names[] = { "Rss", "Anonymous", "Locked", "Swap" };
	long sums[4] = { 0 };
	const char *s, *t;

	mlock(small_pages(anon(30, RW), 30), 10 * PAGE);
	warm();
	s = slurp("/proc/self/smaps");
	for (int i = 0; i < 4; i++)
		for (const char *line = s; line && *line;
		     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
			if (!strncmp(line, names[i], strlen(names[i])) &&
			    line[strlen(names[i])] == ':')
				sums[i] += strtol(line + strlen(names[i]) + 1, NULL, 10);
	t = slurp("/proc/self/smaps_rollup");
	YES(strstr(t, "[rollup]\n") != NULL);
	for (int i = 0; i < 4; i++)
		say("%s: %s", names[i], field(t, names[i]) == sums[i] ? "the sum" : "NOT the sum");
	say("Locked %ld", field(t, "Locked"));
}

/* ---- others' memory ---- */

static void another_process(void)
{
	int go[2], done[2], status;
	char path[64], c;
	long a, b;
	pid_t pid;

	pipe(go);
	pipe(done);
	pid = fork();
	if (pid == 0) {
		char *p = small_pages(anon(500, RW), 500);

		write(done[1], "x", 1);
		read(go[0], &c, 1);
		write_pages(p, 500);
		write(done[1], "x", 1);
		read(go[0], &c, 1);
		_exit(0);
	}
	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	read(done[0], &c, 1);
	sscanf(slurp(path), "%*d %ld", &a);
	write(go[1], "x", 1);
	read(done[0], &c, 1);
	sscanf(slurp(path), "%*d %ld", &b);
	say("%+ld", late() ? 500 : b - a);
	write(go[1], "x", 1);
	siginfo_t si;
	waitid(P_PID, pid, &si, WEXITED | WNOWAIT);
	say("zombie: %s", slurp(path));
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	say("zombie: VmSize %ld", field(slurp(path), "VmSize"));
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	say("zombie: maps '%s'", slurp(path));
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pid);
	say("zombie: rollup '%s'", slurp(path));
	waitpid(pid, &status, 0);
}

/* ---- getrusage ---- */

static long minflt(void)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	return ru.ru_minflt;
}

static void minor_faults(void)
{
	char *p = small_pages(anon(N, RW), N);
	long n;
	int link[2];

	warm();
	minflt();
	n = minflt();
	read_pages(p, N);
	say("read %ld", minflt() - n);
	n = minflt();
	write_pages(p, N);
	say("written %ld", minflt() - n);
	n = minflt();
	write_pages(p, N);
	say("written again %ld", minflt() - n);
	madvise(p, N * PAGE, MADV_DONTNEED);
	pipe(link);
	write(link[1], "12345678", 8);
	n = minflt();
	read(link[0], p, 8);
	say("by a system call %ld", minflt() - n);
	n = minflt();
	madvise(p, N * PAGE, MADV_POPULATE_WRITE);
	say("populated, fewer: %s", minflt() - n <= N ? "yes" : "NO");
	pid_t pid = fork();
	if (pid == 0) {
		minflt();
		read_pages(p, N);
		n = minflt();
		write_pages(p, N);
		_exit(minflt() - n);
	}
	say("child's copies: %s", ended(reap(pid)));
	n = minflt();
	write_pages(p, N); /* alone again: no copy, but a fault */
	say("parent's %ld", minflt() - n);
}

static void faults_in_vain(void)
{
	char *p = anon(2, PROT_NONE);
	volatile int i;
	volatile long n = 0;

	warm();
	catch_faults();
	for (i = 0; i < 2; i++) {
		n = minflt();
		for (volatile int k = 0; k < 10; k++)
			if (!sigsetjmp(back, 1))
				p[0] = 1;
	}
	say("10 signals, %ld faults", minflt() - n);
}

static void major_faults(void)
{
	struct rusage a, b;
	char *p = small_pages(anon(N, RW), N), *q = map(N, RW, MAP_SHARED | MAP_ANONYMOUS, -1);

	getrusage(RUSAGE_SELF, &a);
	write_pages(p, N);
	write_pages(q, N);
	getrusage(RUSAGE_SELF, &b);
	say("%ld major", b.ru_majflt - a.ru_majflt);
}

static void maxrss(void)
{
	struct rusage a, b;
	char *p;

	getrusage(RUSAGE_SELF, &a);
	p = small_pages(anon(2000, RW), 2000);
	write_pages(p, 2000);
	munmap(p, 2000 * PAGE);
	getrusage(RUSAGE_SELF, &b);
	YES(b.ru_maxrss - a.ru_maxrss > 1700 * 4 && b.ru_maxrss - a.ru_maxrss < 2100 * 4);
	getrusage(RUSAGE_CHILDREN, &a);
	say("children before: %ld", a.ru_maxrss);
	for (int pages = 500; pages <= 3000; pages += 2500)
		if (fork() == 0) {
			write_pages(small_pages(anon(pages, RW), pages), pages);
			_exit(0);
		}
	while (wait(NULL) > 0)
		;
	getrusage(RUSAGE_CHILDREN, &b); /* of the largest, not the sum */
	YES(b.ru_maxrss > 2900 * 4 && b.ru_maxrss < 3500 * 4);
}

/* ---- mincore ---- */

static void in_core(const char *what, char *p, size_t pages)
{
	unsigned char vec[32];
	char text[33];

	if (mincore(p, pages * PAGE, vec) < 0) {
		say("%s: %s", what, errno_name(errno));
		return;
	}
	for (size_t i = 0; i < pages; i++)
		text[i] = '0' + (vec[i] & 1);
	text[pages] = 0;
	say("%s: %s", what, text);
}

static void mincore_sorts(void)
{
	char *p = small_pages(anon(8, RW), 8), *q;
	int fd = memfd_create("m", 0);

	p[0] = p[2 * PAGE] = 1;
	read_pages(p + 4 * PAGE, 1);
	in_core("anonymous", p, 8);
	mprotect(p, 2 * PAGE, PROT_NONE);
	in_core("out of reach", p, 8);
	ftruncate(fd, 8 * PAGE);
	pwrite(fd, "x", 1, 3 * PAGE);
	q = map(8, RW, MAP_SHARED, fd);
	in_core("file, not touched here", q, 8);
	q[5 * PAGE] = 1;
	in_core("file", q, 8);
	q = map(8, RW, MAP_PRIVATE, fd);
	in_core("file, private", q, 8);
	in_core("a part", q + 3 * PAGE, 3);
	munmap(p + 6 * PAGE, PAGE);
	in_core("with a hole", p, 8);
}

/* ---- who is killed first ---- */

static int adj_fd;

static void adjust(const char *text)
{
	ssize_t n = pwrite(adj_fd, text, strlen(text), 0);

	say("write '%s' = %s, now %d", text, n < 0 ? errno_name(errno) : "ok",
	    atoi(slurp("/proc/self/oom_score_adj")));
}

static void oom_scores(void)
{
	static const char *const values[] = { "0", "500", "1000", "250" };

	adj_fd = open("/proc/self/oom_score_adj", O_RDWR);
	for (int i = 0; i < 4; i++) {
		adjust(values[i]);
		/* A small program: a few of a thousandth. */
		say("about %d", atoi(slurp("/proc/self/oom_score")) / 60);
	}
}

static void oom_adjustments(void)
{
	adj_fd = open("/proc/self/oom_score_adj", O_RDWR);
	adjust("300");
	adjust("\t301");
	adjust("1001");
	adjust("-1001");
	adjust("abc");
	adjust("");
	adjust("12x");
	say("child %s",
	    ended(reap(fork() ?: (_exit(atoi(slurp("/proc/self/oom_score_adj")) / 10), 0))));
	be_nobody();
	adjust("400");
	adjust("350"); /* back, but not below what a mighty one set */
	adjust("-1");
}

ABI_MAIN(CASE(rss_anonymous), CASE(rss_private_file), CASE(rss_shared_file),
	 CASE(rss_shared_anonymous), CASE(rss_memfd), CASE(rss_populated), CASE(rss_mlocked),
	 CASE(sizes), CASE(peaks), CASE(page_tables), CASE(statm), CASE(maps_lines),
	 CASE(maps_join), CASE(maps_of_a_program), CASE(smaps_of_sorts), CASE(smaps_after_fork),
	 CASE(smaps_flags), CASE(rollup_is_the_sum), CASE(another_process), CASE(minor_faults),
	 CASE(faults_in_vain), CASE(major_faults), CASE(maxrss), CASE(mincore_sorts),
	 CASE(oom_scores), CASE(oom_adjustments))
