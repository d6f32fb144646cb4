/* SPDX-License-Identifier: MIT */
/*
 * Copies to and from the user memory of the current space. The range must lie below USER_END; then the
 * copy just runs. A page that is not there is brought by the page-fault path like any other; one that
 * cannot be had makes the faulting instruction go on at its fix-up (EX_TABLE, x86/trap.c), and the
 * copy fails. With SMAP, ring 0 may touch user pages only between stac and clac (SDM 3A 4.6.1).
 */
#include "mm/internal.h"

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
static inline bool user_range(const void *p, size_t n)
{
	return (u64)p <= USER_END && n <= USER_END - (u64)p;
}

/* The bytes not copied: 0 is success. */
static inline size_t copy_raw(void *dst, const void *src, size_t n)
{
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
	kasan_write(dst, n);
	return user_range(src, n) ? copy(dst, src, n) : -EFAULT;
}

int copy_to_user(void __user *dst, const void *src, size_t n)
{
	kasan_read(src, n);
	return user_range(dst, n) ? copy(dst, src, n) : -EFAULT;
}

int clear_user(void __user *dst, size_t n)
{
	size_t words = n / 8, bytes = n % 8;

	if (!user_range(dst, n))
		return -EFAULT;
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
}

ssize_t strncpy_from_user(char *dst, const char __user *src, size_t size)
{
	const char *from = src;
	size_t left, room;
	u64 c = 0;
	int fault = 0;

	if ((u64)src >= USER_END)
		return -EFAULT;
	left = room = min(size, USER_END - (u64)src);
	if (!left)
		return -ENAMETOOLONG;
	kasan_write(dst, left);
	user_begin();
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
	user_end();
	if (fault)
		return -EFAULT;
	if (left) /* stopped at the NUL */
		return room - left;
	return room < size ? -EFAULT : -ENAMETOOLONG;
}

int user_read32(const u32 __user *addr, u32 *v)
{
	if ((u64)addr & 3)
		return -EFAULT;
	return copy_from_user(v, addr, sizeof(*v));
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
