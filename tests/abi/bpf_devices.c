/* SPDX-License-Identifier: MIT */
/*
 * bpf(2) with programs that decide about devices (BPF_PROG_TYPE_CGROUP_DEVICE): what is accepted, how
 * they attach to groups down the hierarchy, and what they forbid. As root, with a cgroup2 of its own.
 */
#include "bpf.h"

#define TYPE BPF_PROG_TYPE_CGROUP_DEVICE
#define LOAD_PROG(...) LOAD_TYPED(TYPE, 0, __VA_ARGS__)
#define attach(group, prog, flags, replace)                                                        \
	attach_as(BPF_CGROUP_DEVICE, group, prog, flags, replace)
#define detach(group, prog) detach_as(BPF_CGROUP_DEVICE, group, prog)

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>

#define TRY(...)                                                                                   \
	do {                                                                                       \
		int fd_ = LOAD_PROG(__VA_ARGS__);                                                  \
		say("%s: %s", #__VA_ARGS__, fd_ < 0 ? errno_name(errno) : "ok");                   \
		close(fd_);                                                                        \
	} while (0)

static char log_text[65536];

/* ---- loading ---- */

static void attributes(void)
{
	struct bpf_insn yes[] = { MOV(0, 1), EXIT };
	union bpf_attr a;

	R(syscall(SYS_bpf, -1, NULL, 0));
	R(syscall(SYS_bpf, 9999, &a, 0));
	R(syscall(SYS_bpf, BPF_PROG_LOAD, &a, 1 << 20));
	R(syscall(SYS_bpf, BPF_PROG_LOAD, wild(8), 48));
	memset(&a, 0, sizeof(a));
	R(bpf(BPF_PROG_LOAD, &a) == -1);
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.license = (uintptr_t) "GPL";
	a.insns = (uintptr_t)yes;
	R(bpf(BPF_PROG_LOAD, &a));
	a.insn_cnt = 2;
	O(bpf(BPF_PROG_LOAD, &a));
	YES(fcntl(3, F_GETFD) == FD_CLOEXEC);
	a.license = 8;
	R(bpf(BPF_PROG_LOAD, &a));
	a.license = (uintptr_t) "Apache-2.0";
	O(bpf(BPF_PROG_LOAD, &a));
	a.insns = 8;
	R(bpf(BPF_PROG_LOAD, &a));
	a.insns = (uintptr_t)yes;
	a.prog_flags = 1U << 31;
	R(bpf(BPF_PROG_LOAD, &a));
	a.prog_flags = 0;
	a.prog_type = 9999;
	R(bpf(BPF_PROG_LOAD, &a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	strcpy(a.prog_name, "a_name.1");
	O(bpf(BPF_PROG_LOAD, &a));
	R(LOAD_PROG(EXIT, EXIT) == -1);
}

static void logs(void)
{
	struct bpf_insn yes[] = { MOV(0, 1), EXIT }, no[] = { EXIT };
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.license = (uintptr_t) "GPL";
	a.insns = (uintptr_t)yes;
	a.insn_cnt = 2;
	a.log_buf = (uintptr_t)log_text;
	R(bpf(BPF_PROG_LOAD, &a));
	a.log_size = sizeof(log_text);
	a.log_level = 1;
	O(bpf(BPF_PROG_LOAD, &a));
	YES(strstr(log_text, "processed 2 insns"));
	a.log_level = 1 << 10;
	R(bpf(BPF_PROG_LOAD, &a));
	a.log_level = 1;
	a.log_buf = 0;
	R(bpf(BPF_PROG_LOAD, &a));
	a.log_buf = (uintptr_t)log_text;
	a.insns = (uintptr_t)no;
	a.insn_cnt = 1;
	R(bpf(BPF_PROG_LOAD, &a));
	YES(strstr(log_text, "R0 !read_ok"));
}

static void drop(int cap)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct d[2];

	syscall(SYS_capget, &h, d);
	d[cap / 32].effective &= ~(1U << cap % 32);
	syscall(SYS_capset, &h, d);
}

static void who_may(void)
{
	drop(CAP_SYS_ADMIN);
	TRY(MOV(0, 1), EXIT);
	drop(CAP_NET_ADMIN);
	TRY(MOV(0, 1), EXIT);
	drop(CAP_BPF);
	TRY(MOV(0, 1), EXIT);
	TRY(EXIT);
	R(syscall(SYS_bpf, BPF_PROG_QUERY, &(union bpf_attr){ 0 }, sizeof(union bpf_attr)));
	R(syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &(union bpf_attr){ .prog_id = 1 },
		  sizeof(union bpf_attr)));
}

static void flow(void)
{
	TRY(MOV(0, 0), EXIT);
	TRY(MOV(0, 1));
	TRY(MOV(0, 1), GOTO(0));
	TRY(MOV(0, 1), GOTO(0), EXIT);
	TRY(MOV(0, 1), GOTO(1), EXIT);
	TRY(MOV(0, 1), GOTO(-1), EXIT);
	TRY(MOV(0, 1), GOTO(-3), EXIT);
	TRY(MOV(0, 1), GOTO(32767), EXIT);
	TRY(MOV(0, 1), GOTO(1), MOV(0, 0), EXIT);
	TRY(MOV(0, 1), EXIT, EXIT);
	TRY(MOV(0, 1), JUMP(BPF_JEQ, 0, 1, 1), MOV(0, 0), EXIT);
	TRY(MOV(0, 1), JUMP(BPF_JEQ, 0, 1, 2), MOV(0, 0), EXIT);
	TRY(INSN(BPF_JMP | BPF_CALL, 0, 0, 0, 9999), EXIT);
	TRY(MOV(0, 1), INSN(BPF_JMP | BPF_EXIT, 1, 0, 0, 0));
	TRY(MOV(0, 1), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 1));
	TRY(MOV(0, 1), INSN(BPF_JMP | 0xf0, 0, 0, 0, 0), EXIT);
	TRY(MOV(0, 1), INSN(BPF_JMP32 | BPF_EXIT, 0, 0, 0, 0), EXIT);
	TRY(MOV(0, 1), JUMP32(BPF_JLT, 0, 5, 0), EXIT);
}

static void registers(void)
{
	TRY(EXIT);
	TRY(MOVR(0, 2), EXIT);
	TRY(MOVR(0, 1), EXIT);
	TRY(MOV(10, 1), MOV(0, 1), EXIT);
	TRY(MOV(11, 1), MOV(0, 1), EXIT);
	TRY(MOVR(0, 12), EXIT);
	TRY(MOV(0, 2), EXIT);
	TRY(MOV(0, -1), EXIT);
	TRY(MOV(1, 5), MOV(0, 1), EXIT);
	TRY(ALU(BPF_ADD, 2, 1), MOV(0, 1), EXIT);
	TRY(JUMP(BPF_JEQ, 2, 1, 0), MOV(0, 1), EXIT);
	TRY(LOAD(BPF_W, 2, 1, 4), JUMP(BPF_JEQ, 2, 1, 1), MOV(3, 1), MOVR(0, 3), EXIT);
	TRY(LOAD(BPF_W, 2, 1, 4), JUMP(BPF_JEQ, 2, 1, 2), MOV(3, 1), GOTO(1), MOV(3, 0), MOVR(0, 3),
	    EXIT);
	TRY(LOAD(BPF_W, 0, 1, 4), EXIT);
	TRY(LOAD(BPF_W, 0, 1, 4), ALU(BPF_AND, 0, 1), EXIT);
	TRY(LOAD(BPF_W, 0, 1, 4), ALU(BPF_AND, 0, 3), EXIT);
	TRY(MOVR(6, 1), LOAD(BPF_W, 2, 6, 0), MOV(0, 1), EXIT);
}

static void context(void)
{
	for (int size = BPF_W; size <= BPF_DW; size += 8)
		for (int off = -4; off <= 12; off++) {
			int fd = LOAD_PROG(INSN(BPF_LDX | size | BPF_MEM, 2, 1, off, 0), MOV(0, 1),
					   EXIT);

			say("size %#x at %d: %s", size, off, fd < 0 ? errno_name(errno) : "ok");
			close(fd);
		}
	TRY(MOV(2, 1), STORE(BPF_W, 1, 2, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), LOAD(BPF_W, 3, 2, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_W, 2, 2, 0), MOV(0, 1), EXIT);
}

static void stack(void)
{
	TRY(MOV(2, 1), STORE(BPF_DW, 10, 2, -8), LOAD(BPF_DW, 0, 10, -8), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_DW, 10, 2, -512), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_DW, 10, 2, -520), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_DW, 10, 2, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_DW, 10, 2, -4), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), STORE(BPF_W, 10, 2, -4), LOAD(BPF_W, 3, 10, -4), MOV(0, 1), EXIT);
	TRY(STORE(BPF_DW, 10, 3, -8), MOV(0, 1), EXIT);
	TRY(INSN(BPF_ST | BPF_DW | BPF_MEM, 10, 0, -16, 7), MOV(0, 1), EXIT);
}

static void operations(void)
{
	TRY(MOV(0, 1), ALU(BPF_DIV, 0, 0), EXIT);
	TRY(MOV(2, 1), ALU(BPF_MOD, 2, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), ALU(BPF_LSH, 2, 63), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), ALU(BPF_LSH, 2, 64), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), ALU32(BPF_RSH, 2, 32), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), ALU(BPF_ARSH, 2, -1), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), INSN(BPF_ALU64 | BPF_ADD | BPF_K, 2, 1, 0, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), INSN(BPF_ALU64 | BPF_ADD | BPF_X, 2, 2, 0, 1), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), INSN(BPF_ALU64 | 0xe0, 2, 0, 0, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), INSN(BPF_ALU64 | BPF_NEG, 2, 0, 0, 0), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), INSN(BPF_ALU64 | BPF_NEG, 2, 0, 0, 1), MOV(0, 1), EXIT);
	TRY(MOV(2, 1), ALUR(BPF_MUL, 2, 2), MOV(0, 1), EXIT);
	TRY(INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, 1), INSN(0, 0, 0, 0, 1), MOV(0, 1), EXIT);
	TRY(INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, 1), MOV(0, 1), EXIT);
	TRY(INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, 1));
	TRY(INSN(BPF_LD | BPF_IMM | BPF_W, 2, 0, 0, 1), MOV(0, 1), EXIT);
	TRY(INSN(0xff, 0, 0, 0, 0), MOV(0, 1), EXIT);
	TRY(INSN(0, 0, 0, 0, 0), MOV(0, 1), EXIT);
}

/* ---- groups ---- */

static void query(int group, unsigned int flags, unsigned int room)
{
	unsigned int ids[70] = { 0 }, n = 0;
	union bpf_attr a;
	int r;

	memset(&a, 0, sizeof(a));
	a.query.target_fd = groups[group];
	a.query.attach_type = BPF_CGROUP_DEVICE;
	a.query.query_flags = flags;
	a.query.prog_ids = room ? (uintptr_t)ids : 0;
	a.query.prog_cnt = room;
	r = bpf(BPF_PROG_QUERY, &a);
	while (n < 70 && ids[n])
		n++;
	say("query %d: %s, flags %u, %u programs, %u told", group, r ? errno_name(errno) : "ok",
	    flags ? 0 : a.query.attach_flags, a.query.prog_cnt, n);
}

#define MULTI BPF_F_ALLOW_MULTI
#define OVERRIDE BPF_F_ALLOW_OVERRIDE
#define REPLACE BPF_F_REPLACE

static void attaching(void)
{
	int p = LOAD_PROG(MOV(0, 1), EXIT), q = LOAD_PROG(MOV(0, 1), EXIT),
	    r = LOAD_PROG(MOV(0, 1), EXIT);

	if (!group_tree())
		return;
	query(1, 0, 0);
	R(attach(1, p, 1 << 10, 0));
	R(attach(1, p, MULTI | OVERRIDE, 0));
	R(attach(1, p, REPLACE, p));
	R(attach(1, groups[0], 0, 0));
	R(attach(1, 99, 0, 0));
	R(detach(1, p));
	R(attach(1, p, MULTI, 0));
	R(attach(1, p, MULTI, 0));
	R(attach(1, q, 0, 0));
	R(attach(1, q, OVERRIDE, 0));
	R(attach(1, q, MULTI, 0));
	query(1, 0, 0);
	query(1, 0, 1);
	query(1, 0, 64);
	query(2, 0, 64);
	query(2, BPF_F_QUERY_EFFECTIVE, 64);
	R(attach(1, r, MULTI | REPLACE, r));
	R(attach(1, r, MULTI | REPLACE, p));
	R(attach(1, r, MULTI | REPLACE, 99));
	query(1, 0, 64);
	R(detach(1, p));
	R(detach(1, 99));
	R(detach(1, r));
	R(detach(1, q));
	R(detach(1, q));
	query(1, 0, 64);
	groups[1] = open("/", O_RDONLY);
	R(attach(1, p, MULTI, 0));
	groups[1] = 99;
	R(attach(1, p, MULTI, 0));
	no_groups();
}

static void hierarchy(void)
{
	int p = LOAD_PROG(MOV(0, 1), EXIT), q = LOAD_PROG(MOV(0, 1), EXIT);

	if (!group_tree())
		return;
	R(attach(1, p, 0, 0));
	R(attach(1, q, 0, 0));
	query(1, 0, 64);
	R(attach(2, q, 0, 0));
	R(attach(3, q, MULTI, 0));
	query(3, BPF_F_QUERY_EFFECTIVE, 64);
	R(detach(1, 99));
	R(attach(1, p, OVERRIDE, 0));
	R(attach(2, q, OVERRIDE, 0));
	query(3, BPF_F_QUERY_EFFECTIVE, 64);
	R(attach(3, q, MULTI, 0));
	query(3, BPF_F_QUERY_EFFECTIVE, 64);
	R(detach(3, q));
	R(detach(2, q));
	R(attach(2, q, 0, 0));
	R(attach(3, p, 0, 0));
	R(detach(2, q));
	R(detach(1, p));
	R(attach(1, p, MULTI, 0));
	R(attach(2, q, 0, 0));
	R(attach(3, p, OVERRIDE, 0));
	query(3, BPF_F_QUERY_EFFECTIVE, 64);
	no_groups();
}

static void by_number(void)
{
	unsigned int ids[2] = { 0 };
	struct bpf_prog_info info;
	union bpf_attr a;
	int p = LOAD_PROG(MOV(0, 1), EXIT), fd;

	if (!group_tree())
		return;
	R(attach(1, p, MULTI, 0));
	close(p);
	memset(&a, 0, sizeof(a));
	a.query.target_fd = groups[1];
	a.query.attach_type = BPF_CGROUP_DEVICE;
	a.query.prog_ids = (uintptr_t)ids;
	a.query.prog_cnt = 2;
	R(bpf(BPF_PROG_QUERY, &a));
	memset(&a, 0, sizeof(a));
	a.prog_id = ids[0];
	fd = bpf(BPF_PROG_GET_FD_BY_ID, &a);
	outcome("by id", fd);
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uintptr_t)&info;
	memset(&info, 0, sizeof(info));
	R(bpf(BPF_OBJ_GET_INFO_BY_FD, &a));
	YES(info.type == BPF_PROG_TYPE_CGROUP_DEVICE && info.id == ids[0] && info.gpl_compatible);
	R(detach(1, fd));
	close(fd);
	memset(&a, 0, sizeof(a));
	a.prog_id = 0x7ffffff0;
	R(bpf(BPF_PROG_GET_FD_BY_ID, &a));
	no_groups();
}

/* ---- what is forbidden ---- */

static void look(const char *when)
{
	mode_t mask = umask(0);

	say("%s", when);
	O(open("/dev/null", O_RDONLY));
	O(open("/dev/null", O_WRONLY));
	O(open("/dev/null", O_RDWR));
	O(open("/dev/null", O_PATH));
	O(open("/dev/zero", O_RDONLY));
	R(access("/dev/null", R_OK));
	R(access("/dev/null", W_OK));
	R(access("/dev/null", F_OK));
	R(mknod("c13", S_IFCHR | 0666, makedev(1, 3)));
	R(mknod("c99", S_IFCHR | 0666, makedev(99, 300)));
	R(mknod("b99", S_IFBLK | 0666, makedev(99, 1)));
	R(mknod("fifo", S_IFIFO | 0666, 0));
	R(mknod("whiteout", S_IFCHR | 0666, 0));
	unlink("c13");
	unlink("c99");
	unlink("b99");
	unlink("fifo");
	unlink("whiteout");
	umask(mask);
}

static void forbidden(void)
{
	int no = LOAD_PROG(MOV(0, 0), EXIT), yes = LOAD_PROG(MOV(0, 1), EXIT);
	/* reading of 1:3, and making 99:300 */
	int some = LOAD_PROG(LOAD(BPF_W, 2, 1, 0), MOVR(3, 2), ALU32(BPF_RSH, 3, 16),
			     ALU32(BPF_AND, 2, 0xffff), LOAD(BPF_W, 4, 1, 4), LOAD(BPF_W, 5, 1, 8),
			     MOV(0, 1), JUMP(BPF_JNE, 2, BPF_DEVCG_DEV_CHAR, 6),
			     JUMP(BPF_JNE, 4, 1, 2), JUMP(BPF_JNE, 5, 3, 1),
			     JUMP(BPF_JEQ, 3, BPF_DEVCG_ACC_READ, 4), JUMP(BPF_JNE, 4, 99, 2),
			     JUMP(BPF_JNE, 5, 300, 1), JUMP(BPF_JEQ, 3, BPF_DEVCG_ACC_MKNOD, 1),
			     MOV(0, 0), EXIT);

	if (!group_tree())
		return;
	join(3);
	look("free");
	R(attach(1, no, MULTI, 0));
	look("nothing");
	R(attach(1, some, MULTI | REPLACE, no));
	look("some");
	R(attach(3, yes, MULTI, 0));
	look("yes here, some above");
	R(attach(3, no, MULTI, 0));
	look("no here");
	R(detach(3, no));
	R(detach(3, yes));
	R(detach(1, some));
	R(attach(1, no, OVERRIDE, 0));
	look("no above");
	R(attach(3, yes, OVERRIDE, 0));
	look("overridden");
	join(0);
	look("outside");
	no_groups();
}

/* What runs: the sum of all kinds of instructions decides. */
#define VERDICT_OF(...)                                                                            \
	do {                                                                                       \
		int fd_ = LOAD_PROG(__VA_ARGS__);                                                  \
		if (fd_ < 0)                                                                       \
			say("%s: %s", #__VA_ARGS__, errno_name(errno));                            \
		else if (attach(1, fd_, 0, 0))                                                     \
			say("no attach: %s", errno_name(errno));                                   \
		close(fd_);                                                                        \
		fd_ = open("/dev/null", O_RDONLY);                                                 \
		say("%s: %s", #__VA_ARGS__, fd_ < 0 ? "no" : "yes");                               \
		close(fd_);                                                                        \
	} while (0)
/* 1 when register 2 is v */
#define IS(v) MOV(0, 1), JUMP(BPF_JEQ, 2, v, 1), MOV(0, 0), EXIT
#define TAKEN(jump) MOV(0, 0), jump, EXIT, MOV(0, 1), EXIT

static void computed(void)
{
	if (!group_tree())
		return;
	join(1);
	VERDICT_OF(MOV(2, 7), ALU(BPF_ADD, 2, -9), IS(-2));
	VERDICT_OF(MOV(2, 7), ALU32(BPF_SUB, 2, 9), IS(-2));
	VERDICT_OF(MOV(2, -1), ALU(BPF_RSH, 2, 60), IS(15));
	VERDICT_OF(MOV(2, -16), ALU(BPF_ARSH, 2, 2), IS(-4));
	VERDICT_OF(MOV(2, -16), ALU32(BPF_ARSH, 2, 2), ALU(BPF_RSH, 2, 4), IS(0xfffffff));
	VERDICT_OF(MOV(2, 3), ALU(BPF_LSH, 2, 40), ALU(BPF_RSH, 2, 38), IS(12));
	VERDICT_OF(MOV(2, 100), MOV(3, 7), ALUR(BPF_DIV, 2, 3), IS(14));
	VERDICT_OF(MOV(2, 100), MOV(3, 0), ALUR(BPF_DIV, 2, 3), IS(0));
	VERDICT_OF(MOV(2, 100), MOV(3, 0), ALUR(BPF_MOD, 2, 3), IS(100));
	VERDICT_OF(MOV(2, 100), ALU(BPF_MOD, 2, 7), ALU(BPF_MUL, 2, 5), IS(10));
	VERDICT_OF(MOV(2, 12), ALU(BPF_OR, 2, 3), ALU(BPF_XOR, 2, 5), IS(10));
	VERDICT_OF(MOV(2, 5), INSN(BPF_ALU64 | BPF_NEG, 2, 0, 0, 0), IS(-5));
	VERDICT_OF(INSN(BPF_LD | BPF_IMM | BPF_DW, 2, 0, 0, 5), INSN(0, 0, 0, 0, 7),
		   ALU(BPF_RSH, 2, 32), IS(7));
	VERDICT_OF(MOV(2, 0x12345678), STORE(BPF_DW, 10, 2, -8), LOAD(BPF_H, 2, 10, -6),
		   IS(0x1234));
	VERDICT_OF(INSN(BPF_ST | BPF_DW | BPF_MEM, 10, 0, -8, -3), LOAD(BPF_B, 2, 10, -1),
		   IS(0xff));
	VERDICT_OF(LOAD(BPF_H, 2, 1, 0), IS(BPF_DEVCG_DEV_CHAR));
	VERDICT_OF(LOAD(BPF_H, 2, 1, 2), IS(BPF_DEVCG_ACC_READ));
	VERDICT_OF(LOAD(BPF_W, 2, 1, 4), IS(1));
	VERDICT_OF(LOAD(BPF_W, 2, 1, 8), IS(3));
	VERDICT_OF(MOV(2, -1), TAKEN(JUMP(BPF_JGT, 2, 5, 1)));
	VERDICT_OF(MOV(2, -1), TAKEN(JUMP(BPF_JSGT, 2, 5, 1)));
	VERDICT_OF(MOV(2, -1), TAKEN(JUMP(BPF_JSLT, 2, 5, 1)));
	VERDICT_OF(MOV(2, 5), TAKEN(JUMP(BPF_JLE, 2, 5, 1)));
	VERDICT_OF(MOV(2, 6), TAKEN(JUMP(BPF_JSET, 2, 2, 1)));
	VERDICT_OF(MOV(2, -1), ALU(BPF_LSH, 2, 32), TAKEN(JUMP32(BPF_JEQ, 2, 0, 1)));
	VERDICT_OF(MOV(2, 9), MOV(3, 9), TAKEN(JUMPR(BPF_JGE, 2, 3, 1)));
	detach(1, 99);
	no_groups();
}

ABI_MAIN(CASE(attributes), CASE(logs), CASE(who_may), CASE(flow), CASE(registers), CASE(context),
	 CASE(stack), CASE(operations), CASE(attaching), CASE(hierarchy), CASE(by_number),
	 CASE(forbidden), CASE(computed))
