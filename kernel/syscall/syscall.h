/* SPDX-License-Identifier: MIT */
/*
 * The face of syscall/: the table of what ring 0 does when it is entered, for x86/; and, for the
 * files of this folder, the words system calls are written in. A call is defined once:
 *
 *	SYSCALL2(mkdir, const char __user *, upath, mode_t, mode)
 *	{
 *		USER_PATH(path, upath);
 *
 *		return path.err ?: vfs_mkdir(AT_FDCWD, path.name, mode);
 *	}
 *
 * and named once in the list of table.c. It returns a value or a negative errno. What it was given
 * is hostile: pointers are only touched by the copies of mm/mm.h, counts are checked first.
 */
#pragma once
#include "proc/proc.h"

extern const struct entry_ops dyad_entry_ops; /* for entry_ops_set() */

#define NR_SYSCALLS 512
extern const syscall_fn syscall_table[NR_SYSCALLS];

/*
 * The registers are taken as longs and narrowed to the declared types, as the C library's wrapper
 * widened them: the upper half of an int argument is garbage and must not be looked at.
 */
/* clang-format off */
#define SYSCALL_HEAD(name) \
	long sys_##name(long _1, long _2, long _3, long _4, long _5, long _6); \
	long sys_##name(long _1, long _2, long _3, long _4, long _5, long _6)
#define SYSCALL_DEFINE(name, params, args) \
	static long call_##name params; \
	SYSCALL_HEAD(name) { return call_##name args; } \
	static long call_##name params
#define SYSCALL0(name) SYSCALL_DEFINE(name, (void), ())
#define SYSCALL1(name, t1, a1) SYSCALL_DEFINE(name, (t1 a1), ((t1)_1))
#define SYSCALL2(name, t1, a1, t2, a2) \
	SYSCALL_DEFINE(name, (t1 a1, t2 a2), ((t1)_1, (t2)_2))
#define SYSCALL3(name, t1, a1, t2, a2, t3, a3) \
	SYSCALL_DEFINE(name, (t1 a1, t2 a2, t3 a3), ((t1)_1, (t2)_2, (t3)_3))
#define SYSCALL4(name, t1, a1, t2, a2, t3, a3, t4, a4) \
	SYSCALL_DEFINE(name, (t1 a1, t2 a2, t3 a3, t4 a4), ((t1)_1, (t2)_2, (t3)_3, (t4)_4))
#define SYSCALL5(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5) \
	SYSCALL_DEFINE(name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5), \
		       ((t1)_1, (t2)_2, (t3)_3, (t4)_4, (t5)_5))
#define SYSCALL6(name, t1, a1, t2, a2, t3, a3, t4, a4, t5, a5, t6, a6) \
	SYSCALL_DEFINE(name, (t1 a1, t2 a2, t3 a3, t4 a4, t5 a5, t6 a6), \
		       ((t1)_1, (t2)_2, (t3)_3, (t4)_4, (t5)_5, (t6)_6))
/* A call that is a function below with the same arguments: its prototype narrows the registers. */
#define SYSCALL_IS(name, call) \
	SYSCALL_HEAD(name) { return call; }
/* An older call that is another one, defined before it, with some arguments fixed. */
#define SYSCALL_ALIAS(name, of, ...) \
	SYSCALL_HEAD(name) { return SIX_ARGS(sys_##of, __VA_ARGS__, 0, 0, 0, 0, 0); }
#define SIX_ARGS(fn, a, b, c, d, e, f, ...) \
	fn((long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* clang-format on */

/* ---- arguments that need more than a register (args.c) ---- */

/* A path copied from user space, given back at the end of the block. Short ones need no heap. */
struct user_path {
	char *name;
	int err; /* 0, -EFAULT, -ENAMETOOLONG, -ENOMEM */
	char small[160];
};
void user_path_get(struct user_path *p, const char __user *uname);
void user_path_put(struct user_path *p);
#define USER_PATH(var, uname)                                                                      \
	struct user_path var __attribute__((cleanup(user_path_put)));                              \
	user_path_get(&var, uname)
/* The same of any text up to PATH_MAX; NULL gives NULL. */
void user_text_get(struct user_path *p, const char __user *utext);
#define USER_TEXT(var, utext)                                                                      \
	struct user_path var __attribute__((cleanup(user_path_put)));                              \
	user_text_get(&var, utext)

/* Does [p, p + n) lie in the user's half? Nothing is said about what is mapped there. */
static inline bool user_range_ok(const void __user *p, size_t n)
{
	return n <= USER_END && (u64)p <= USER_END - n;
}

/* n, what writing or a new size came to; a broken pipe and RLIMIT_FSIZE send their signal as well. */
ssize_t write_result(ssize_t n);

/* Both files become descriptors, told to the user at ufds. Their references move: 0, or -errno with
 * neither installed. */
int fd_install_pair(struct file *const f[2], bool cloexec, int __user *ufds);

/* An open file of the caller for the rest of the block; NULL: -EBADF. */
void scoped_file_put(struct file **f);
#define SCOPED_FILE(var, get) struct file *var __attribute__((cleanup(scoped_file_put))) = (get)

/* The place of a descriptor, or of a name from dirfd (AT_* flags): a reference in *out. */
int place_of_fd(int fd, bool o_path, struct path *out);
int place_of_name(int dirfd, const char __user *uname, int at_flags, struct path *out);

/* A string on the heap: to be kfree()d, or ERR_PTR. NULL gives NULL. */
char *user_string(const char __user *s, size_t max);

/* The pieces of readv(2) and its kin; small vectors need no heap. */
struct user_iov {
	struct iovec *vec;
	struct iovec small[8];
};
/* Bytes in all, at most MAX_RW_COUNT; -EINVAL, -EFAULT, -ENOMEM. End with user_iov_put(). */
ssize_t user_iov_get(struct user_iov *v, struct uio *u, const struct iovec __user *uvec, long n);
void user_iov_put(struct user_iov *v);
#define MAX_RW_COUNT (0x7fffffffUL & PAGE_MASK)

/*
 * A structure whose size the caller tells (clone3, openat2): shorter ones are filled up with zeros,
 * longer ones must be zero beyond what is known here, so that old and new programs meet.
 * 0, -EFAULT, -E2BIG, -EINVAL for less than min_size.
 */
int user_struct(void *dst, size_t size, size_t min_size, const void __user *src, size_t usize);

/* Times: nanoseconds; -EINVAL for what is no normalized time. */
int user_timespec(u64 *ns, const struct __kernel_timespec __user *ts);
int put_timespec(struct __kernel_timespec __user *ts, u64 ns);
/* "From now" as a deadline in clock_ns(); never wraps. */
static inline u64 deadline_after(u64 ns)
{
	u64 now = clock_ns();

	return ns > ~0UL - now ? ~0UL : now + ns;
}
/* A signal mask argument of exactly 8 bytes: -EINVAL for another size. mask NULL: left alone. */
int user_sigmask(ksigset_t *set, const ksigset_t __user *mask, size_t size);
