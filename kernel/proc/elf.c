/* SPDX-License-Identifier: MIT */
/*
 * ELF64 programs: segments of the program and of its interpreter mapped from the page cache, and
 * the initial stack as the x86-64 psABI (3.4.1) and Linux's auxiliary vector (getauxval(3)) have it.
 * Every number of the file is hostile until it was checked; what is wrong gives -ENOEXEC.
 *
 * Layout, from the top: stack, a gap for it to grow, mappings downwards (interpreter first), a
 * position-independent program at two thirds of the space, the break behind it.
 */
#include "proc/internal.h"

#include <linux/auxvec.h>
#include <linux/elf.h>

#define PIE_BASE 0x555555554000UL
#define STACK_INITIAL (128UL << 10) /* mapped beyond what the strings need; it grows by faults */
#define STACK_GAP_MIN (128UL << 20)
#define MAX_PHDRS (65536 / sizeof(struct elf64_phdr))
#define AT_MAX 48
#define AT_RANDOM_BYTES 16

static u64 random_pages(struct exec *x, unsigned int bits)
{
	u64 lot;

	if (x->drawn % 64 + bits > 64)
		x->drawn = ALIGN_UP(x->drawn, 64);
	lot = x->random[2 + x->drawn / 64] >> x->drawn % 64;
	x->drawn += bits;
	return x->no_aslr ? 0 : (lot & (BIT(bits) - 1)) << PAGE_SHIFT;
}

static bool header_ok(const struct elf64_hdr *h)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_ident[EI_DATA] == ELFDATA2LSB && h->e_machine == EM_X86_64 &&
	       (h->e_type == ET_EXEC || h->e_type == ET_DYN) &&
	       h->e_phentsize == sizeof(struct elf64_phdr) && h->e_phnum && h->e_phnum <= MAX_PHDRS;
}

static struct elf64_phdr *read_phdrs(struct file *f, const struct elf64_hdr *h)
{
	size_t size = h->e_phnum * sizeof(struct elf64_phdr);
	struct elf64_phdr *ph;
	ssize_t n;

	if (h->e_phoff > INT64_MAX - size)
		return ERR_PTR(-ENOEXEC);
	ph = kmalloc(size);
	if (!ph)
		return ERR_PTR(-ENOMEM);
	n = kernel_read(f, ph, size, h->e_phoff);
	if (n != (ssize_t)size) {
		kfree(ph);
		return ERR_PTR(n < 0 ? n : -ENOEXEC);
	}
	return ph;
}

static bool segment_ok(const struct elf64_phdr *p)
{
	return p->p_filesz <= p->p_memsz && p->p_memsz < USER_END &&
	       p->p_vaddr < USER_END - p->p_memsz && (p->p_vaddr - p->p_offset) % PAGE_SIZE == 0 &&
	       p->p_offset < INT64_MAX - USER_END;
}

/* [*low, *high): what the loadable segments cover, in pages. False: none, or a bad one. */
static bool span(const struct elf64_phdr *ph, unsigned int n, u64 *low, u64 *high)
{
	*low = ~0UL;
	*high = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz)
			continue;
		if (!segment_ok(&ph[i]))
			return false;
		*low = min(*low, (u64)ALIGN_DOWN(ph[i].p_vaddr, PAGE_SIZE));
		*high = max(*high, (u64)ALIGN_UP(ph[i].p_vaddr + ph[i].p_memsz, PAGE_SIZE));
	}
	return *low < *high;
}

/* Where a program of ET_DYN begins, for a draw of it: aligned as its segments ask. */
static u64 aligned_base(const struct elf64_phdr *ph, unsigned int n, u64 base)
{
	u64 align = PAGE_SIZE;

	for (unsigned int i = 0; i < n; i++)
		if (ph[i].p_type == PT_LOAD && !(ph[i].p_align & (ph[i].p_align - 1)) &&
		    ph[i].p_align < PIE_BASE) /* more is nonsense */
			align = max(align, (u64)ph[i].p_align);
	return ALIGN_DOWN(base, align);
}

static u32 segment_flags(const struct elf64_phdr *p)
{
	return (p->p_flags & PF_R ? VM_READ : 0) | (p->p_flags & PF_W ? VM_WRITE : 0) |
	       (p->p_flags & PF_X ? VM_EXEC : 0) | VM_MAYWRITE;
}

/* An error of mm_mmap() comes back as its value. */
static int map_error(u64 r)
{
	return IS_ERR((void *)r) ? (int)r : 0;
}

static int map_file(struct mm *mm, struct file *f, u64 addr, u64 len, u32 flags, u64 pgoff)
{
	struct vma v = {
		.start = addr, .end = addr + len, .flags = flags, .pgoff = pgoff, .file = f
	};
	int err = f->ops && f->ops->mmap ? f->ops->mmap(f, &v) : -ENOEXEC;

	if (err)
		return err;
	return map_error(mm_mmap(mm, addr, len, v.flags, true, f, pgoff, v.ops, v.priv));
}

static int map_segment(struct mm *mm, struct file *f, const struct elf64_phdr *p, u64 bias)
{
	u64 start = bias + p->p_vaddr, page = ALIGN_DOWN(start, PAGE_SIZE);
	u64 file_end = start + p->p_filesz, end = ALIGN_UP(start + p->p_memsz, PAGE_SIZE);
	u64 mapped = page;
	u32 flags = segment_flags(p);
	int err;

	if (p->p_filesz) {
		mapped = ALIGN_UP(file_end, PAGE_SIZE);
		err = map_file(mm, f, page, mapped - page, flags, p->p_offset >> PAGE_SHIFT);
		if (err)
			return err;
	}
	if (mapped < end) {
		err = map_error(
			mm_mmap(mm, mapped, end - mapped, flags, true, NULL, 0, NULL, NULL));
		if (err)
			return err;
	}
	/* The rest of the last file page belongs to .bss: zeros, not what follows in the file. */
	if (p->p_filesz && p->p_memsz > p->p_filesz && (flags & VM_WRITE) && file_end < mapped &&
	    mm_access(mm, file_end, NULL, mapped - file_end, true) < 0)
		return -ENOMEM;
	return 0;
}

static int map_segments(struct mm *mm, struct file *f, const struct elf64_phdr *ph, unsigned int n,
			u64 bias)
{
	int err = 0;

	for (unsigned int i = 0; !err && i < n; i++)
		if (ph[i].p_type == PT_LOAD && ph[i].p_memsz)
			err = map_segment(mm, f, &ph[i], bias);
	return err;
}

/* Maps the interpreter where there is room, and makes its entry the program's. */
static int load_interpreter(struct exec *x, struct file *f)
{
	struct elf64_hdr h;
	struct elf64_phdr *ph;
	u64 low, high, at;
	int err = -ENOEXEC;
	ssize_t n = kernel_read(f, &h, sizeof(h), 0);

	if (n != sizeof(h) || !header_ok(&h))
		return n < 0 ? n : -ELIBBAD;
	ph = read_phdrs(f, &h);
	if (IS_ERR(ph))
		return PTR_ERR(ph);
	if (!span(ph, h.e_phnum, &low, &high))
		goto out;
	if (h.e_type == ET_DYN) {
		at = mm_mmap(x->mm, 0, high - low, 0, false, NULL, 0, NULL, NULL);
		err = map_error(at);
		if (err)
			goto out;
		x->base = at - low;
	}
	err = map_segments(x->mm, f, ph, h.e_phnum, x->base);
	x->entry = x->base + h.e_entry;
out:
	kfree(ph);
	return err;
}

/* The interpreter that PT_INTERP names: NULL without one, or ERR_PTR. */
static struct file *open_interpreter(struct exec *x, const struct elf64_phdr *ph, unsigned int n)
{
	const struct elf64_phdr *p = ph;
	struct file *f;
	char *name;

	while (p < ph + n && p->p_type != PT_INTERP)
		p++;
	if (p == ph + n)
		return NULL;
	if (p->p_filesz < 2 || p->p_filesz > PATH_MAX || p->p_offset > INT64_MAX)
		return ERR_PTR(-ENOEXEC);
	name = kmalloc(p->p_filesz);
	if (!name)
		return ERR_PTR(-ENOMEM);
	if (kernel_read(x->file, name, p->p_filesz, p->p_offset) != (ssize_t)p->p_filesz ||
	    name[p->p_filesz - 1])
		f = ERR_PTR(-ENOEXEC);
	else
		f = exec_open(AT_FDCWD, name, LOOKUP_FOLLOW);
	kfree(name);
	return f;
}

/* Where the program lies, for /proc/N/stat, and the break behind it. */
static void note_layout(struct exec *x, const struct elf64_phdr *ph, unsigned int n, u64 bias)
{
	struct mm_layout *l = &x->mm->layout;
	u64 end = 0;

	l->start_code = ~0UL;
	for (unsigned int i = 0; i < n; i++) {
		u64 at = bias + ph[i].p_vaddr;

		if (ph[i].p_type != PT_LOAD || !ph[i].p_memsz)
			continue;
		if (ph[i].p_flags & PF_X) {
			l->start_code = min(l->start_code, at);
			l->end_code = max(l->end_code, at + ph[i].p_filesz);
		}
		l->start_data = max(l->start_data, at);
		l->end_data = max(l->end_data, at + ph[i].p_filesz);
		end = max(end, at + ph[i].p_memsz);
	}
	l->start_brk = ALIGN_UP(end, PAGE_SIZE) + random_pages(x, 13);
	l->brk = l->start_brk;
}

/* The headers' own address, which AT_PHDR tells: the segment that holds them, or PT_PHDR. */
static u64 find_phdr(const struct elf64_hdr *h, const struct elf64_phdr *ph, u64 bias)
{
	for (unsigned int i = 0; i < h->e_phnum; i++)
		if (ph[i].p_type == PT_PHDR)
			return bias + ph[i].p_vaddr;
	for (unsigned int i = 0; i < h->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && h->e_phoff >= ph[i].p_offset &&
		    h->e_phoff - ph[i].p_offset < ph[i].p_filesz)
			return bias + ph[i].p_vaddr + (h->e_phoff - ph[i].p_offset);
	return 0;
}

static void choose_layout(struct exec *x)
{
	u64 stack = READ_ONCE(current->proc->rlim[RLIMIT_STACK].rlim_cur);
	u64 gap = min(max(stack, STACK_GAP_MIN), USER_END / 6 * 5);

	x->stack_top = USER_END - random_pages(x, 22);
	x->mm->layout.mmap_base =
		x->stack_top - ALIGN_UP(gap, PAGE_SIZE) - (1UL << 20) - random_pages(x, 28);
	if (x->mm->layout.mmap_base > x->stack_top) /* the gap of a huge limit left no room */
		x->mm->layout.mmap_base = USER_END / 3;
}

int elf_load(struct exec *x)
{
	struct elf64_hdr h;
	struct elf64_phdr *ph;
	struct file *interp;
	u64 low, high, bias = 0;
	int err = -ENOEXEC;

	memcpy(&h, x->head, sizeof(h));
	if (!header_ok(&h))
		return -ENOEXEC;
	ph = read_phdrs(x->file, &h);
	if (IS_ERR(ph))
		return PTR_ERR(ph);
	interp = open_interpreter(x, ph, h.e_phnum);
	if (IS_ERR(interp)) {
		err = PTR_ERR(interp);
		goto out;
	}
	if (!span(ph, h.e_phnum, &low, &high))
		goto out_interp;
	if (h.e_type == ET_DYN)
		bias = aligned_base(ph, h.e_phnum, PIE_BASE + random_pages(x, 28)) - low;
	if (bias + high >= USER_END - (1UL << 40) && h.e_type == ET_DYN)
		goto out_interp;
	for (unsigned int i = 0; i < h.e_phnum; i++)
		if (ph[i].p_type == PT_GNU_STACK)
			x->exec_stack = ph[i].p_flags & PF_X;
	choose_layout(x);
	err = map_segments(x->mm, x->file, ph, h.e_phnum, bias);
	if (err)
		goto out_interp;
	note_layout(x, ph, h.e_phnum, bias);
	x->entry = x->start = bias + h.e_entry;
	x->phdr = find_phdr(&h, ph, bias);
	x->phnum = h.e_phnum;
	if (interp)
		err = load_interpreter(x, interp);
	if (!err && x->entry >= USER_END)
		err = -ENOEXEC;
out_interp:
	if (interp)
		file_put(interp);
out:
	kfree(ph);
	return err;
}

/* ---- the initial stack ---- */

/* Copies the strings to their place at `at`. */
static int put_strings(struct exec *x, u64 at, size_t total)
{
	for (size_t off = 0; off < total;) {
		size_t n;
		char *s = exec_strings(x, off, &n);

		if (mm_access(x->mm, at + off, s, n, true) != (ssize_t)n)
			return -ENOMEM;
		off += n;
	}
	return 0;
}

/* Stores the addresses of the next count strings, *off moves behind them. */
static void put_pointers(struct exec *x, u64 *vec, unsigned int count, u64 at, size_t *off,
			 size_t total)
{
	for (unsigned int i = 0; i < count; i++) {
		vec[i] = at + *off;
		while (*off < total) {
			size_t n;
			char *s = exec_strings(x, *off, &n), *nul = memchr(s, 0, n);

			*off += nul ? (size_t)(nul - s + 1) : n;
			if (nul)
				break;
		}
	}
	vec[count] = 0;
}

static unsigned int put_auxv(struct exec *x, u64 *av, u64 execfn, u64 platform, u64 random)
{
	struct user_ns *ns = x->cred->user_ns;
	const u64 entries[][2] = {
		{ AT_HWCAP, cpuid(1, 0).edx },
		{ AT_PAGESZ, PAGE_SIZE },
		{ AT_CLKTCK, 100 },
		{ AT_PHDR, x->phdr },
		{ AT_PHENT, sizeof(struct elf64_phdr) },
		{ AT_PHNUM, x->phnum },
		{ AT_BASE, x->base },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, x->start },
		{ AT_UID, uid_to_ns(ns, x->cred->uid) },
		{ AT_EUID, uid_to_ns(ns, x->cred->euid) },
		{ AT_GID, gid_to_ns(ns, x->cred->gid) },
		{ AT_EGID, gid_to_ns(ns, x->cred->egid) },
		{ AT_SECURE, x->secure },
		{ AT_RANDOM, random },
		{ AT_HWCAP2, read_cr4() & CR4_FSGSBASE ? 2 : 0 },
		{ AT_EXECFN, execfn },
		{ AT_PLATFORM, platform },
		{ AT_NULL, 0 },
	};

	memcpy(av, entries, sizeof(entries));
	return ARRAY_SIZE(entries) * 2;
}

static int map_stack(struct exec *x, size_t need)
{
	u64 size = ALIGN_UP(need + STACK_INITIAL, PAGE_SIZE);
	u32 flags = VM_READ | VM_WRITE | VM_MAYWRITE | VM_GROWSDOWN | VM_STACK |
		    (x->exec_stack ? VM_EXEC : 0);

	return map_error(
		mm_mmap(x->mm, x->stack_top - size, size, flags, true, NULL, 0, NULL, NULL));
}

int elf_stack(struct exec *x)
{
	static const char platform[] = "x86_64";
	size_t total = x->prefix.len + x->len - x->skip, fn_len = strlen(x->execfn) + 1, off = 0;
	size_t words = 1 + x->argc + 1 + x->envc + 1;
	u64 fn = x->stack_top - 8 - fn_len, strings = fn - total, random, plat, *vec;
	struct mm *mm = x->mm;
	unsigned int nav;
	int err;

	if (total + fn_len + words * sizeof(u64) > x->limit + 2 * PAGE_SIZE)
		return -E2BIG;
	err = map_stack(x, total + fn_len + words * sizeof(u64) + PAGE_SIZE);
	if (err)
		return err;
	plat = ALIGN_DOWN(strings, 16) - 16 - random_pages(x, 8) / PAGE_SIZE * 16;
	random = plat - AT_RANDOM_BYTES;
	vec = kmalloc((words + AT_MAX) * sizeof(u64));
	if (!vec)
		return -ENOMEM;
	vec[0] = x->argc;
	put_pointers(x, vec + 1, x->argc, strings, &off, total);
	mm->layout.arg_start = strings;
	mm->layout.arg_end = mm->layout.env_start = strings + off;
	put_pointers(x, vec + 2 + x->argc, x->envc, strings, &off, total);
	mm->layout.env_end = strings + off;
	nav = put_auxv(x, vec + words, fn, plat, random);
	memcpy(mm->layout.auxv, vec + words, nav * sizeof(u64));
	x->sp = ALIGN_DOWN(random - (words + nav) * sizeof(u64), 16);
	mm->layout.start_stack = x->sp;

	err = put_strings(x, strings, total);
	if (!err && (mm_access(mm, fn, (void *)x->execfn, fn_len, true) < 0 ||
		     mm_access(mm, plat, (void *)platform, sizeof(platform), true) < 0 ||
		     mm_access(mm, random, x->random, AT_RANDOM_BYTES, true) < 0 ||
		     mm_access(mm, x->sp, vec, (words + nav) * sizeof(u64), true) !=
			     (ssize_t)((words + nav) * sizeof(u64))))
		err = -ENOMEM;
	kfree(vec);
	return err;
}
