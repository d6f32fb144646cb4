/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from the user memory of the current space. The range must lie below USER_END; then the
 * copy just runs. A page that is not there is brought by the page-fault path like any other; one that
 * cannot be had makes the faulting instruction go on at its fix-up (EX_TABLE, x86/trap.c), and the
 * copy fails. With SMAP, ring 0 may touch user pages only between stac and clac (SDM 3A 4.6.1).
 */
#include "mm/internal.h"

/* LAB 02: begin
 * With SMAP the CPU faults when ring 0 touches a page that has PTE_U, unless RFLAGS.AC is set: so that
 * a wild pointer of the kernel's own does not end in memory that a program has prepared. stac sets AC,
 * clac clears it; on a CPU without SMAP both are invalid opcodes. The compiler must not move an access
 * across either ("memory").
 * starter: static inline void user_begin(void)
 * starter: {
 * starter: 	panic("lab 02: user_begin() is not written yet");
 * starter: }
 * starter: static inline void user_end(void)
 * starter: {
 * starter: 	panic("lab 02: user_end() is not written yet");
 * starter: }
 */
static inline void user_begin(void)
{
	if (cpu_has_smap)
		__asm__ volatile("stac" ::: "memory");
}
static inline void user_end(void)
{
	if (cpu_has_smap)
		__asm__ volatile("clac" ::: "memory");
}
/* LAB 02: end */

/* Does [p, p + n) lie below USER_END? */
static inline bool user_range(const void *p, size_t n)
{
	/* LAB 02: begin
	 * Both are the program's to choose: any 64 bits. p + n may wrap around to a small number. A range of
	 * no bytes is good up to USER_END itself.
	 * starter: panic("lab 02: user_range() is not written yet");
	 */
	return (u64)p <= USER_END && n <= USER_END - (u64)p;
	/* LAB 02: end */
}

/* The bytes not copied: 0 is success. */
static inline size_t copy_raw(void *dst, const void *src, size_t n)
{
	/* LAB 02: begin
	 * Copy n bytes between user_begin() and user_end(). Either pointer may be the user's, and any access
	 * to it may fault for good. rep movsb takes the count from rcx, the addresses from rsi and rdi, and
	 * leaves in them how far it came; EX_TABLE(1b, 3b) says: when the instruction at label 1 faults, go on
	 * at label 3. The bytes before the fault stay copied. rep movsq moves eight bytes at a time: use it for
	 * all but the last n % 8. COPY_ONE below shows the form.
	 * starter: panic("lab 02: copy_raw() is not written yet");
	 */
	size_t words = n / 8, bytes = n % 8;

	user_begin();
	__asm__ volatile("1:	rep movsq\n"
			 "	mov %[bytes], %%rcx\n"
			 "2:	rep movsb\n"
			 "	jmp 4f\n"
			 "3:	mov $1, %%ecx\n"
			 "4:\n" EX_TABLE(1b, 3b) EX_TABLE(2b, 3b)
			 : "+D"(dst), "+S"(src), "+&c"(words)
			 : [bytes] "r"(bytes)
			 : "memory");
	user_end();
	return words;
	/* LAB 02: end */
}

/* One aligned or unaligned load or store of a common size: no string instruction to start. */
#define COPY_ONE(type, dst, src)                                                                   \
	({                                                                                         \
		u64 _v = 0;                                                                        \
		int _err = 0;                                                                      \
		user_begin();                                                                      \
		__asm__ volatile("1:	mov %[s], %" type "[v]\n"                                  \
				 "2:	mov %" type "[v], %[d]\n"                                  \
				 "	jmp 4f\n"                                                       \
				 "3:	mov $1, %[err]\n"                                             \
				 "4:\n" EX_TABLE(1b, 3b) EX_TABLE(2b, 3b)                          \
				 : [v] "+&r"(_v), [err] "+&r"(_err), [d] "=m"(*(char *)(dst))      \
				 : [s] "m"(*(const char *)(src))                                   \
				 : "memory");                                                      \
		user_end();                                                                        \
		_err;                                                                              \
	})

static inline int copy(void *dst, const void *src, size_t n)
{
	bool failed;

	if (n == 8)
		failed = COPY_ONE("q", dst, src);
	else if (n == 4)
		failed = COPY_ONE("k", dst, src);
	else
		failed = copy_raw(dst, src, n);
	return failed ? -EFAULT : 0;
}

int copy_from_user(void *dst, const void __user *src, size_t n)
{
	lockdep_might_sleep();
	kasan_write(dst, n);
	return user_range(src, n) ? copy(dst, src, n) : -EFAULT;
}

int copy_to_user(void __user *dst, const void *src, size_t n)
{
	lockdep_might_sleep();
	kasan_read(src, n);
	return user_range(dst, n) ? copy(dst, src, n) : -EFAULT;
}

int clear_user(void __user *dst, size_t n)
{
	/* LAB 02: begin
	 * n zeros to dst: as copy_to_user(), with rep stosq and rep stosb, which store rax.
	 * starter: panic("lab 02: clear_user() is not written yet");
	 */
	size_t words = n / 8, bytes = n % 8;

	if (!user_range(dst, n))
		return -EFAULT;
	lockdep_might_sleep();
	user_begin();
	__asm__ volatile("1:	rep stosq\n"
			 "	mov %[bytes], %%rcx\n"
			 "2:	rep stosb\n"
			 "	jmp 4f\n"
			 "3:	mov $1, %%ecx\n"
			 "4:\n" EX_TABLE(1b, 3b) EX_TABLE(2b, 3b)
			 : "+D"(dst), "+&c"(words)
			 : [bytes] "r"(bytes), "a"(0UL)
			 : "memory");
	user_end();
	return words ? -EFAULT : 0;
	/* LAB 02: end */
}

#define ONES 0x0101010101010101UL

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	/* LAB 02: begin
	 * Copies up to and with the NUL, at most size bytes, and returns the length without it. -EFAULT for a
	 * string that begins or goes on where nothing can be read, -ENAMETOOLONG when size bytes hold no NUL.
	 * Behind the NUL only the rest of its page may be read: the next may not be there. Each byte is read
	 * once: another thread may change the string meanwhile, and the result must still have its NUL where
	 * its length says. A string that runs into USER_END has ended there: -EFAULT; nothing is read beyond.
	 * starter: panic("lab 02: strncpy_from_user() is not written yet");
	 */
	const char *from = src;
	size_t left, room;
	u64 c = 0, ends, rest;
	int fault = 0;

	if ((u64)src >= USER_END)
		return -EFAULT;
	left = room = min(size, USER_END - (u64)src);
	if (!left)
		return -ENAMETOOLONG;
	lockdep_might_sleep();
	kasan_write(dst, left);
	user_begin();
	for (; left > 8 && ((u64)from & ~PAGE_MASK) <= PAGE_SIZE - 8; left -= 8) {
		__asm__ volatile("1:	mov (%[from]), %[c]\n"
				 "	jmp 4f\n"
				 "3:	mov $1, %[fault]\n"
				 "4:\n" EX_TABLE(1b, 3b)
				 : [c] "+r"(c), [fault] "+r"(fault)
				 : [from] "r"(from)
				 : "memory");
		if (fault)
			goto out;
		ends = (c - ONES) & ~c & (ONES << 7); /* the lowest bit is the first NUL's */
		if (ends) {
			left -= __builtin_ctzl(ends) / 8;
			/* all bits of what is copied: what stands behind it stays */
			ends ^= ends - 1;
			memcpy(&rest, dst, 8);
			c = (c & ends) | (rest & ~ends);
			memcpy(dst, &c, 8);
			goto out;
		}
		memcpy(dst, &c, 8);
		from += 8;
		dst += 8;
	}
	__asm__ volatile("1:	movzbl (%[from]), %k[c]\n"
			 "	mov %b[c], (%[dst])\n"
			 "	test %b[c], %b[c]\n"
			 "	jz 4f\n"
			 "	inc %[from]\n"
			 "	inc %[dst]\n"
			 "	dec %[left]\n"
			 "	jnz 1b\n"
			 "	jmp 4f\n"
			 "3:	mov $1, %[fault]\n"
			 "4:\n" EX_TABLE(1b, 3b)
			 : [from] "+r"(from), [dst] "+r"(dst), [left] "+r"(left), [c] "+q"(c),
			   [fault] "+r"(fault)
			 :
			 : "memory");
out:
	user_end();
	if (fault)
		return -EFAULT;
	if (left) /* stopped at the NUL */
		return room - left;
	return room < size ? -EFAULT : -ENAMETOOLONG;
	/* LAB 02: end */
}

int user_read32(const u32 __user *addr, u32 *v)
{
	if ((u64)addr & 3)
		return -EFAULT;
	return user_range(addr, sizeof(*v)) ? copy(v, addr, sizeof(*v)) : -EFAULT;
}

int user_cmpxchg32(u32 __user *addr, u32 old, u32 new, u32 *seen)
{
	int fault = 0;

	if ((u64)addr & 3 || !user_range(addr, sizeof(*addr)))
		return -EFAULT;
	user_begin();
	__asm__ volatile("1:	lock cmpxchgl %[new], %[mem]\n"
			 "	jmp 4f\n"
			 "3:	mov $1, %[fault]\n"
			 "4:\n" EX_TABLE(1b, 3b)
			 : [mem] "+m"(*addr), "+a"(old), [fault] "+r"(fault)
			 : [new] "r"(new)
			 : "memory", "cc");
	user_end();
	*seen = old;
	return fault ? -EFAULT : 0;
}
