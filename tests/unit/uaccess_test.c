/* SPDX-License-Identifier: MIT */
/* sources: kernel/mm/uaccess.c */
/*
 * Copies to and from user memory, in a program that plays the machine: its pages at USER are a program's,
 * SIGSEGV is the page fault that nobody can mend, and goes on as the exception table says. stac and clac
 * are invalid opcodes in ring 3: SIGILL runs them, and between clac and stac the pages of USER are out of
 * reach, as SMAP has it.
 *
 *	page	0     1     2      3           4
 *		rw    rw    hole   read-only   hole
 */
#define _GNU_SOURCE /* REG_RIP */
#include <elf.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "host.h"
#include "mm/internal.h"

#define USER 0x200000000000UL
#define P(page, offset) ((char *)(USER + (page)*PAGE_SIZE + (offset)))
#define KERNEL 0xffff888000001000UL

#define EQUAL(what, got, want)                                                                     \
	do {                                                                                       \
		long long _g = (long long)(got), _w = (long long)(want);                           \
		if (_g != _w)                                                                      \
			fail_msg("%s: expected %lld, got %lld", what, _w, _g);                     \
	} while (0)

/* ---- the machine ---- */

bool cpu_has_smap;
static bool ac; /* RFLAGS.AC: user pages may be touched */
static unsigned int faults, opcodes; /* page faults that nobody mended; stac and clac */
static const char *wrong; /* the first thing that a machine would not survive */
static const struct ex_entry *table, *table_end;

static void set_ac(bool on)
{
	ac = on;
	mprotect(P(0, 0), 2 * PAGE_SIZE, on ? PROT_READ | PROT_WRITE : PROT_NONE);
	mprotect(P(3, 0), PAGE_SIZE, on ? PROT_READ : PROT_NONE);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	u64 addr = (u64)info->si_addr;

	if (!ac && addr >= USER && addr < USER + 5 * PAGE_SIZE) {
		wrong = wrong ?: "user memory is touched before stac or after clac";
		set_ac(true);
		return;
	}
	faults++;
	for (const struct ex_entry *e = table; e < table_end; e++)
		if (e->insn == (u64)*rip) {
			*rip = e->fixup;
			return;
		}
	fail_msg("page fault at %p: expected a fix-up for the instruction, got none: PANIC",
		 info->si_addr);
}

static void on_opcode(int sig, siginfo_t *info, void *context)
{
	greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	const u8 *code = (const u8 *)*rip;

	if (code[0] != 0x0f || code[1] != 0x01 || (code[2] != 0xcb && code[2] != 0xca))
		fail_msg("invalid opcode %02x %02x %02x", code[0], code[1], code[2]);
	if (!cpu_has_smap)
		wrong = wrong ?: "stac or clac on a CPU that does not have them";
	opcodes++;
	set_ac(code[2] == 0xcb);
	*rip += 3;
}

/* The section of the exception table, as the file of this program has it. */
static int find_table(void **state)
{
	FILE *f = fopen("/proc/self/exe", "r");
	Elf64_Ehdr h;
	Elf64_Shdr s[64];
	static char names[65536];

	if (!f || fread(&h, sizeof(h), 1, f) != 1 || h.e_shnum > 64 ||
	    fseek(f, h.e_shoff, SEEK_SET) || fread(s, sizeof(*s), h.e_shnum, f) != h.e_shnum ||
	    s[h.e_shstrndx].sh_size > sizeof(names) ||
	    fseek(f, s[h.e_shstrndx].sh_offset, SEEK_SET) ||
	    fread(names, s[h.e_shstrndx].sh_size, 1, f) != 1)
		return -1;
	fclose(f);
	for (int i = 0; i < h.e_shnum; i++)
		if (!strcmp(names + s[i].sh_name, ".ex_table")) {
			table = (const struct ex_entry *)s[i].sh_addr;
			table_end = table + s[i].sh_size / sizeof(*table);
		}
	return mmap((void *)USER, 5 * PAGE_SIZE, PROT_NONE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)USER
		       ? 0
		       : -1;
}

/* cmocka has handlers of its own: each test begins with this. */
static void begin(bool smap)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sa.sa_sigaction = on_opcode;
	sigaction(SIGILL, &sa, NULL);
	cpu_has_smap = smap;
	wrong = NULL;
	faults = opcodes = 0;
	mprotect(P(3, 0), PAGE_SIZE, PROT_READ | PROT_WRITE);
	memset(P(3, 0), 0x33, PAGE_SIZE);
	set_ac(true);
	memset(P(0, 0), 0x55, 2 * PAGE_SIZE);
	set_ac(!smap);
}

/* After a call: nothing that would have been the end, AC as it was; then this test may look itself. */
static void end(const char *what, unsigned int want_faults)
{
	if (wrong)
		fail_msg("%s: %s", what, wrong);
	if (cpu_has_smap && ac)
		fail_msg("%s: expected AC clear afterwards, got it set", what);
	EQUAL(what, faults, want_faults);
	faults = 0;
	set_ac(true);
}

/* ---- the tests ---- */

/* What lies outside of user memory is refused before anything is touched. */
static void test_range(void **state)
{
	static const struct {
		u64 p, n;
	} bad[] = { { USER_END, 1 },
		    { USER_END - 8, 9 },
		    { USER_END - PAGE_SIZE, PAGE_SIZE + 1 },
		    { USER_END + 1, 0 },
		    { 0x800000000000, 8 },
		    { KERNEL, 4 },
		    { KERNEL, 8 },
		    { KERNEL, 100 },
		    { ~0UL, 1 },
		    { ~0UL - 7, 8 },
		    { USER, ~0UL },
		    { USER, ~0UL - USER + 1 },
		    { USER, ~0UL - USER + 9 },
		    { 0, USER_END + 1 },
		    { KERNEL, -KERNEL + 8 } };
	char buf[200], what[100];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		void *p = (void *)bad[i].p;

		begin(true);
		memset(buf, 1, sizeof(buf));
		snprintf(what, sizeof(what), "copy_from_user(0x%lx, 0x%lx)", bad[i].p, bad[i].n);
		EQUAL(what, copy_from_user(buf, p, bad[i].n), -EFAULT);
		snprintf(what, sizeof(what), "copy_to_user(0x%lx, 0x%lx)", bad[i].p, bad[i].n);
		EQUAL(what, copy_to_user(p, buf, bad[i].n), -EFAULT);
		snprintf(what, sizeof(what), "clear_user(0x%lx, 0x%lx)", bad[i].p, bad[i].n);
		EQUAL(what, clear_user(p, bad[i].n), -EFAULT);
		end("faults while a range is refused", 0);
	}
	begin(true);
	EQUAL("no bytes at USER_END", copy_from_user(buf, (void *)USER_END, 0), 0);
	EQUAL("no bytes at 0", copy_to_user(NULL, buf, 0), 0);
	EQUAL("the last 8 bytes, not mapped", copy_from_user(buf, (void *)(USER_END - 8), 8),
	      -EFAULT);
	end("faults", 1);
}

/* Every length and alignment, either way; nothing beside the range changes. */
static void test_copy(void **state)
{
	u8 in[160], out[160], want[160];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = rnd();
	for (int smap = 0; smap < 2; smap++)
		for (size_t n = 0; n < 70; n++)
			for (size_t at = 0; at < 9; at++) {
				char *u = P(0, PAGE_SIZE - 20 + at); /* most of them cross a page */

				begin(smap);
				EQUAL("copy_to_user", copy_to_user(u, in + at, n), 0);
				memset(out, 0xee, sizeof(out));
				EQUAL("copy_from_user", copy_from_user(out + 3, u, n), 0);
				end("faults in a copy of mapped pages", 0);
				memset(want, 0xee, sizeof(want));
				memcpy(want + 3, in + at, n);
				if (memcmp(out, want, sizeof(out)))
					fail_msg("%zu bytes at offset %zu: another content came "
						 "back",
						 n, at);
				if (u[-1] != 0x55 || u[n] != 0x55)
					fail_msg("%zu bytes at offset %zu: copy_to_user wrote "
						 "beside them",
						 n, at);
				if (!smap)
					EQUAL("stac and clac without SMAP", opcodes, 0);
			}
}

/* The range runs into a page that is not there: -EFAULT, what came before it is copied. */
static void test_fault(void **state)
{
	u8 in[200], out[200];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = 1 + i;
	for (size_t n = 1; n < 70; n++)
		for (size_t there = 0; there < n; there++) {
			char *u = P(2, 0) - there;
			size_t whole = n == 4 || n == 8 ? 0 : there / 8 * 8;

			begin(true);
			EQUAL("copy_to_user into a hole", copy_to_user(u, in, n), -EFAULT);
			end("faults in it", 1);
			if (memcmp(u, in, whole))
				fail_msg("copy of %zu, %zu of them mapped: the first %zu are not "
					 "copied",
					 n, there, whole);
			if (u[-1] != 0x55)
				fail_msg("copy of %zu: wrote in front of the range", n);
			begin(true);
			memset(out, 0, sizeof(out));
			EQUAL("copy_from_user from a hole", copy_from_user(out, u, n), -EFAULT);
			end("faults in it", 1);
			if (out[n])
				fail_msg("copy of %zu from a hole: wrote behind the buffer", n);
		}
	begin(true);
	EQUAL("8 bytes to a read-only page", copy_to_user(P(3, 8), in, 8), -EFAULT);
	EQUAL("50 bytes to a read-only page", copy_to_user(P(3, 8), in, 50), -EFAULT);
	EQUAL("50 bytes from it", copy_from_user(out, P(3, 8), 50), 0);
	EQUAL("50 bytes from NULL", copy_from_user(out, NULL, 50), -EFAULT);
	EQUAL("8 bytes from NULL", copy_from_user(out, NULL, 8), -EFAULT);
	end("faults", 4);
	EQUAL("content of the read-only page", *P(3, 8), 0x33);
}

static void test_clear(void **state)
{
	for (size_t n = 0; n < 70; n++)
		for (size_t at = 0; at < 9; at++) {
			char *u = P(0, PAGE_SIZE - 20 + at);

			begin(true);
			EQUAL("clear_user", clear_user(u, n), 0);
			end("faults in it", 0);
			for (size_t i = 0; i < n; i++)
				EQUAL("a byte that was cleared", u[i], 0);
			EQUAL("the byte before", u[-1], 0x55);
			EQUAL("the byte behind", u[n], 0x55);
		}
	begin(true);
	EQUAL("clear_user into a hole", clear_user(P(1, 3), 2 * PAGE_SIZE), -EFAULT);
	EQUAL("clear_user of a read-only page", clear_user(P(3, 0), 100), -EFAULT);
	end("faults", 2);
	EQUAL("a byte before the hole", *P(1, 100), 0);
}

static void test_string(void **state)
{
	static const struct {
		const char *what;
		u64 at; /* where the string begins */
		size_t length; /* its length; beyond the mapped pages: it has no end */
		size_t size;
		long want;
		unsigned int faults;
	} cases[] = {
		{ "short", USER, 5, 100, 5, 0 },
		{ "empty", USER, 0, 100, 0, 0 },
		{ "exactly fits", USER, 99, 100, 99, 0 },
		{ "one too long", USER, 100, 100, -ENAMETOOLONG, 0 },
		{ "no room at all", USER, 5, 0, -ENAMETOOLONG, 0 },
		{ "room for the NUL alone", USER, 0, 1, 0, 0 },
		{ "over a page border", USER + PAGE_SIZE - 5, 50, 100, 50, 0 },
		{ "its NUL is the last byte before a hole", USER + 2 * PAGE_SIZE - 8, 7, 100, 7,
		  0 },
		{ "size ends where the hole begins", USER + 2 * PAGE_SIZE - 8, 9, 8, -ENAMETOOLONG,
		  0 },
		{ "runs into a hole", USER + 2 * PAGE_SIZE - 8, 9, 100, -EFAULT, 1 },
		{ "begins in a hole", USER + 2 * PAGE_SIZE, 0, 100, -EFAULT, 1 },
		{ "NULL", 0, 0, 100, -EFAULT, 1 },
		{ "at USER_END", USER_END, 0, 100, -EFAULT, 0 },
		{ "of the kernel", KERNEL, 0, 100, -EFAULT, 0 },
		{ "at the top", ~0UL, 0, 100, -EFAULT, 0 },
	};
	char buf[128], what[100];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t n = cases[i].length;
		char *s = (char *)cases[i].at;
		long got;

		begin(true);
		set_ac(true);
		memset(P(0, 0), 'x', 2 * PAGE_SIZE);
		if (cases[i].at >= USER && cases[i].at + n < USER + 2 * PAGE_SIZE)
			s[n] = 0;
		set_ac(false);
		memset(buf, 1, sizeof(buf));
		got = strncpy_from_user(buf, s, cases[i].size);
		snprintf(what, sizeof(what), "a string, %s", cases[i].what);
		EQUAL(what, got, cases[i].want);
		snprintf(what, sizeof(what), "faults with a string, %s", cases[i].what);
		end(what, cases[i].faults);
		if (got >= 0 && (buf[got] || strlen(buf) != (size_t)got))
			fail_msg("a string, %s: expected its NUL at %ld, got another content",
				 cases[i].what, got);
		if (buf[cases[i].size] != 1 || (got >= 0 && buf[got + 1] != 1))
			fail_msg("a string, %s: wrote behind its end", cases[i].what);
	}
}

/* Somebody else moves the end of the string while it is copied. */
static void test_moving(void **state)
{
	pid_t parent = getpid(), pid;
	char buf[128];

	begin(false);
	memset(P(0, 0), 'x', PAGE_SIZE);
	*P(0, 60) = 0;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) /* it was faster, as a starter's panic is */
			_exit(1);
	}
	while (!pid) {
		*(volatile char *)P(0, 20) ^= 'x';
		*(volatile char *)P(0, 40) ^= 'x';
	}
	for (int i = 0; i < 300000 && !wrong; i++) {
		long n = strncpy_from_user(buf, P(0, 0), sizeof(buf));

		if (n != 20 && n != 40 && n != 60)
			wrong = "expected a length of 20, 40 or 60, got another";
		else if (memchr(buf, 0, 61) != buf + n)
			wrong = "expected the first NUL at the length that was returned, got it "
				"elsewhere";
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	if (wrong)
		fail_msg("a string that changes while it is copied: %s", wrong);
}

static void test_futex(void **state)
{
	u32 v = 0;

	begin(true);
	EQUAL("user_cmpxchg32, another value", user_cmpxchg32((u32 *)P(0, 4), 1, 2, &v), 0);
	EQUAL("what it saw", v, 0x55555555);
	EQUAL("user_cmpxchg32", user_cmpxchg32((u32 *)P(0, 4), v, 2, &v), 0);
	EQUAL("user_read32", user_read32((u32 *)P(0, 4), &v), 0);
	EQUAL("the new value", v, 2);
	EQUAL("not aligned", user_cmpxchg32((u32 *)P(0, 2), 1, 2, &v), -EFAULT);
	EQUAL("of the kernel", user_cmpxchg32((u32 *)KERNEL, 1, 2, &v), -EFAULT);
	end("faults", 0);
	begin(true);
	EQUAL("read-only", user_cmpxchg32((u32 *)P(3, 0), 1, 2, &v), -EFAULT);
	EQUAL("a hole", user_read32((u32 *)P(4, 0), &v), -EFAULT);
	end("faults", 2);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_range),  cmocka_unit_test(test_copy),
		cmocka_unit_test(test_fault),  cmocka_unit_test(test_clear),
		cmocka_unit_test(test_string), cmocka_unit_test(test_moving),
		cmocka_unit_test(test_futex),
	};

	return RUN_TESTS(argc, argv, tests, find_table);
}
