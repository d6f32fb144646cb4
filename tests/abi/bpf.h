/* SPDX-License-Identifier: MIT */
/* For tests of bpf(2): instructions, loading, and a tree of groups to attach programs to. */
#pragma once
#include "abi.h"

#include <linux/bpf.h>
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>

#define INSN(c, d, s, o, i)                                                                        \
	((struct bpf_insn){ .code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i) })
#define MOV(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define MOVR(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define EXIT INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
#define LOAD(size, d, s, o) INSN(BPF_LDX | size | BPF_MEM, d, s, o, 0)
#define STORE(size, d, s, o) INSN(BPF_STX | size | BPF_MEM, d, s, o, 0)
#define ALU(op, d, i) INSN(BPF_ALU64 | op | BPF_K, d, 0, 0, i)
#define ALUR(op, d, s) INSN(BPF_ALU64 | op | BPF_X, d, s, 0, 0)
#define ALU32(op, d, i) INSN(BPF_ALU | op | BPF_K, d, 0, 0, i)
#define JUMP(op, d, i, o) INSN(BPF_JMP | op | BPF_K, d, 0, o, i)
#define JUMPR(op, d, s, o) INSN(BPF_JMP | op | BPF_X, d, s, o, 0)
#define JUMP32(op, d, i, o) INSN(BPF_JMP32 | op | BPF_K, d, 0, o, i)
#define GOTO(o) INSN(BPF_JMP | BPF_JA, 0, 0, o, 0)

static inline long bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static inline int load_n(unsigned int type, unsigned int attach_type, const struct bpf_insn *insns,
			 size_t n)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = type;
	a.expected_attach_type = attach_type;
	a.insns = (uintptr_t)insns;
	a.insn_cnt = n;
	a.license = (uintptr_t) "GPL";
	return bpf(BPF_PROG_LOAD, &a);
}
#define LOAD_TYPED(type, attach_type, ...)                                                         \
	load_n(type, attach_type, (struct bpf_insn[]){ __VA_ARGS__ },                              \
	       sizeof((struct bpf_insn[]){ __VA_ARGS__ }) / sizeof(struct bpf_insn))

static int groups[4]; /* the root, /abi, /abi/in, /abi/in/deep */

static inline bool group_tree(void)
{
	static const char *const names[] = { "cg", "cg/abi", "cg/abi/in", "cg/abi/in/deep" };

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mkdir("cg", 0755) || mount("cgroup2", "cg", "cgroup2", 0, NULL)) {
		say("no cgroup2: %s", errno_name(errno));
		return false;
	}
	for (int i = 0; i < 4; i++) {
		if (i && mkdir(names[i], 0755))
			say("mkdir: %s", errno_name(errno));
		groups[i] = open(names[i], O_RDONLY | O_DIRECTORY);
	}
	return true;
}

static inline void no_groups(void)
{
	int fd = openat(groups[0], "cgroup.procs", O_WRONLY);

	if (write(fd, "0", 1) != 1)
		say("leave: %s", errno_name(errno));
	if (rmdir("cg/abi/in/deep") || rmdir("cg/abi/in") || rmdir("cg/abi"))
		say("rmdir: %s", errno_name(errno));
	umount2("cg", MNT_DETACH);
}

static inline int attach_as(unsigned int type, int group, int prog, unsigned int flags, int replace)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.target_fd = groups[group];
	a.attach_bpf_fd = prog;
	a.attach_type = type;
	a.attach_flags = flags;
	a.replace_bpf_fd = replace;
	return bpf(BPF_PROG_ATTACH, &a);
}

static inline int detach_as(unsigned int type, int group, int prog)
{
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.target_fd = groups[group];
	a.attach_bpf_fd = prog;
	a.attach_type = type;
	return bpf(BPF_PROG_DETACH, &a);
}

static inline void join(int group)
{
	int fd = openat(groups[group], "cgroup.procs", O_WRONLY);

	if (write(fd, "0", 1) != 1)
		say("join: %s", errno_name(errno));
	close(fd);
}
