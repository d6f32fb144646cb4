/* SPDX-License-Identifier: MIT */
/*
 * linux.seccomp as classic BPF: a chain of rules, each testing the call's number, then arguments, and
 * falling through to the next; and linux.resources.devices as a program for the group (bpf(2)), whose
 * last rule that fits says what happens. The names of calls are Linux's own, taken when this is built.
 */
#include <sys/utsname.h>
#include <linux/audit.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>

#include "oci.h"

/* ---- seccomp ---- */

/* Each ended by NUL; "" for a number without a call. */
static const char calls[] =
#include "syscalls.inc"
	;

static int call_number(const char *name)
{
	int number = 0;

	for (const char *p = calls; *name && p < calls + sizeof(calls) - 1;
	     p += strlen(p) + 1, number++)
		if (!strcmp(p, name))
			return number;
	return -1;
}

static struct sock_filter program[BPF_MAXINSNS];
static int length;

static void emit(const struct json *j, unsigned int code, unsigned int k, int yes, int no)
{
	if (length == BPF_MAXINSNS)
		refuse(j, "more than 4096 instructions of a filter");
	program[length++] = (struct sock_filter){ code, yes, no, k };
}

static unsigned int action_of(const struct json *j, const char *key, int64_t err)
{
	static const char names[] =
		"SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_TRAP SCMP_ACT_KILL_THREAD "
		"SCMP_ACT_LOG SCMP_ACT_KILL_PROCESS SCMP_ACT_TRACE";
	static const unsigned int actions[] = { SECCOMP_RET_ALLOW,        SECCOMP_RET_ERRNO,
						SECCOMP_RET_KILL_THREAD,  SECCOMP_RET_TRAP,
						SECCOMP_RET_KILL_THREAD,  SECCOMP_RET_LOG,
						SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_TRACE };
	unsigned int action = actions[index_at(j, key, names)];

	if (action == SECCOMP_RET_ERRNO || action == SECCOMP_RET_TRACE)
		action |= err & SECCOMP_RET_DATA;
	return action;
}

/* A comparison that fails leads to the end of its rule, whose place is not yet known. */
#define NEXT 255
static void test(const struct json *j, unsigned int code, unsigned int k, bool wanted)
{
	emit(j, BPF_JMP | BPF_K | code, k, wanted ? 0 : NEXT, wanted ? NEXT : 0);
}

static void load(const struct json *j, unsigned int offset)
{
	emit(j, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

/* One argument, 64 bits by halves: equal, greater than value or equal to it, and the opposites. */
static void test_argument(const struct json *a)
{
	static const char names[] = "SCMP_CMP_EQ SCMP_CMP_MASKED_EQ SCMP_CMP_NE SCMP_CMP_GT "
				    "SCMP_CMP_GE SCMP_CMP_LE SCMP_CMP_LT";
	static const struct comparison {
		unsigned int code;
		bool wanted;
	} ops[] = { { BPF_JEQ, true }, { BPF_JEQ, true },  { BPF_JEQ, false }, { BPF_JGT, true },
		    { BPF_JGE, true }, { BPF_JGT, false }, { BPF_JGE, false } };
	int op = name_index(names, text_at(a, "op", ""), false);
	const struct comparison *o = ops + (op < 0 ? 0 : op);
	uint64_t value = number_at(a, "value", 0), mask = value;
	unsigned int at = offsetof(struct seccomp_data, args) + 8 * number_at(a, "index", 0);
	bool masked = op == 1;

	if (number_at(a, "index", 0) > 5)
		refuse(field(a, "index"), "more than 5");
	if (op < 0)
		refuse(field(a, "op"), "not a comparison of libseccomp's");
	if (masked)
		value = number_at(a, "valueTwo", 0);
	load(a, at + 4); /* the high half decides, unless it is equal */
	if (masked)
		emit(a, BPF_ALU | BPF_AND | BPF_K, mask >> 32, 0, 0);
	if (o->code != BPF_JEQ)
		emit(a, BPF_JMP | BPF_JGT | BPF_K, value >> 32, o->wanted ? 3 : NEXT, 0);
	emit(a, BPF_JMP | BPF_JEQ | BPF_K, value >> 32, 0, o->wanted ? NEXT : 2);
	load(a, at);
	if (masked)
		emit(a, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	test(a, o->code, value, o->wanted);
}

/* The arguments `only` (NULL: all of the rule's) of the call `number`. */
static void add_rule(const struct json *rule, int number, const struct json *only,
		     unsigned int action)
{
	int start = length;

	test(rule, BPF_JEQ, number, true);
	for_each_in(a, rule, "args")
		if (!only || only == a)
			test_argument(a);
	emit(rule, BPF_RET | BPF_K, action, 0, 0);
	for (int i = start; i < length; i++) {
		if (BPF_CLASS(program[i].code) != BPF_JMP)
			continue;
		if (program[i].jt == NEXT)
			program[i].jt = length - i - 1;
		if (program[i].jf == NEXT)
			program[i].jf = length - i - 1;
	}
	if (length > start + 2)
		load(rule, offsetof(struct seccomp_data, nr));
}

/* An argument that is there twice makes alternatives of all, as with libseccomp. */
static bool has_twins(const struct json *rule)
{
	unsigned int seen = 0;

	for_each_in(a, rule, "args") {
		unsigned int bit = 1U << (number_at(a, "index", 0) & 31);

		if (seen & bit)
			return true;
		seen |= bit;
	}
	return false;
}

static void add_rules(const struct json *rule, unsigned int action, const char *name)
{
	int number = call_number(name);

	if (number < 0)
		return; /* what x86-64 does not have is left out, as other runtimes do */
	if (!has_twins(rule))
		add_rule(rule, number, NULL, action);
	else
		for_each_in(a, rule, "args")
			add_rule(rule, number, a, action);
}

static bool has_text(const struct json *j, const char *path, const char *text)
{
	for_each_in(m, j, path)
		if (!strcmp(m->text, text))
			return true;
	return false;
}

/* "4.8" as a number that grows with the version. */
static uint64_t version(const char *text)
{
	char *minor;
	uint64_t major = to_number(text, &minor, 10);

	return major << 16 | (*minor == '.' ? to_number(minor + 1, &minor, 10) : 0);
}

/* Whether a profile's rule is meant for a container with these capabilities, here. */
static bool applies(const struct json *rule, uint64_t capabilities)
{
	struct utsname u;

	for_each_in(c, rule, "includes.caps")
		if (!(capabilities & capability_bit(c->text)))
			return false;
	for_each_in(c, rule, "excludes.caps")
		if (capabilities & capability_bit(c->text))
			return false;
	uname(&u);
	return (!field(rule, "includes.arches") || has_text(rule, "includes.arches", "amd64")) &&
	       !has_text(rule, "excludes.arches", "amd64") &&
	       version(text_at(rule, "includes.minKernel", "0")) <= version(u.release);
}

/* A filter is for x86-64's calls; one of any other ABI kills, whether that is listed or not. */
static void check_architectures(const struct json *s)
{
	static const char x86[] = "SCMP_ARCH_X86_64";
	const struct json *list = field(s, "architectures");
	bool listed = has_text(list, "", x86);

	for_each_in(a, list, "")
		if (strncmp(a->text, x86, strlen("SCMP_ARCH_")))
			refuse(a, "not an architecture");
	for_each_in(m, s, "archMap")
		listed |= !strcmp(text_at(m, "architecture", ""), x86);
	if (!listed && ((list && list->child) || field(s, "archMap")))
		refuse(s, "not for SCMP_ARCH_X86_64");
}

static unsigned int read_flags(const struct json *s)
{
	static const char flags[] = /* in the order of their bits */
		"SECCOMP_FILTER_FLAG_TSYNC SECCOMP_FILTER_FLAG_LOG SECCOMP_FILTER_FLAG_SPEC_ALLOW";
	unsigned int set = 0;

	for_each_in(f, s, "flags")
		set |= 1 << index_at(f, "", flags);
	return set & ~SECCOMP_FILTER_FLAG_TSYNC; /* there is one thread */
}

const struct sock_fprog *compile_seccomp(const struct json *s, const uint64_t *capabilities,
					 unsigned int *flags)
{
	static struct sock_fprog prog = { .filter = program };
	unsigned int otherwise;

	if (!s)
		return NULL;
	otherwise = action_of(s, "defaultAction", number_at(s, "defaultErrnoRet", EPERM));
	*flags = read_flags(s);
	check_architectures(s);
	load(s, offsetof(struct seccomp_data, arch));
	emit(s, BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
	emit(s, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load(s, offsetof(struct seccomp_data, nr));
	emit(s, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1); /* x32, whose numbers are others */
	emit(s, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	for_each_in(rule, s, "syscalls") {
		unsigned int action = action_of(rule, "action", number_at(rule, "errnoRet", EPERM));

		if (capabilities && !applies(rule, *capabilities))
			continue;
		for_each_in(name, rule, "names")
			if (action != otherwise)
				add_rules(rule, action, name->text);
	}
	emit(s, BPF_RET | BPF_K, otherwise, 0, 0);
	prog.len = length;
	return &prog;
}

/* ---- devices ---- */

struct device_rule {
	bool allow;
	char type; /* a: all */
	int64_t major, minor; /* -1: any */
	const char *access;
};

/* What every container has, unless the configuration says otherwise behind it. */
static const struct device_rule always[] = {
	{ true, 'c', -1, -1, "m" },    { true, 'b', -1, -1, "m" }, { true, 'c', 1, 3, "rwm" },
	{ true, 'c', 1, 5, "rwm" },    { true, 'c', 1, 7, "rwm" }, { true, 'c', 1, 8, "rwm" },
	{ true, 'c', 1, 9, "rwm" },    { true, 'c', 5, 0, "rwm" }, { true, 'c', 5, 2, "rwm" },
	{ true, 'c', 136, -1, "rwm" },
};
#define ALWAYS (LENGTH(always))
#define MAX_RULES 256
#define RULE_SIZE 9

static struct bpf_insn insns[MAX_RULES * RULE_SIZE + 8];

static int nr_insns;

static void put(int code, int dst, int src, int off, int imm)
{
	insns[nr_insns++] = (struct bpf_insn){ code, dst, src, off, imm };
}

/* r2 type, r3 access, r4 major, r5 minor. Jumps lead behind the rule, RULE_SIZE on at most. */
static void put_rule(const struct device_rule *r)
{
	int bits = (strchr(r->access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0) |
		   (strchr(r->access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
		   (strchr(r->access, 'w') ? BPF_DEVCG_ACC_WRITE : 0);
	int start = nr_insns;

	if (r->type != 'a')
		put(BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0,
		    r->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (bits != 7) {
		put(BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
		put(BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, r->allow ? 7 & ~bits : bits);
		/* All that is wanted must be allowed; one that is denied is enough. */
		put(BPF_JMP | (r->allow ? BPF_JNE : BPF_JEQ) | BPF_K, 1, 0, 0, 0);
	}
	if (r->major >= 0)
		put(BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, r->major);
	if (r->minor >= 0)
		put(BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, r->minor);
	put(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, r->allow);
	put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	for (int i = start; i < nr_insns - 1; i++)
		if (BPF_CLASS(insns[i].code) == BPF_JMP)
			insns[i].off = nr_insns - i - 1;
}

static bool fits_all(const struct device_rule *r)
{
	return r->type == 'a' && r->major < 0 && r->minor < 0 && strlen(r->access) >= 3;
}

static int device_rules(const struct bundle *b, struct device_rule *rules)
{
	int n = 0;

	for_each_in(d, b->config, "linux.resources.devices") {
		const struct json *type = field(d, "type");
		const char *access = text_at(d, "access", "rwm");

		if (type && (!strchr("abcu", *type->text) || strlen(type->text) != 1))
			refuse(type, "not a, b or c");
		if (access[strspn(access, "rwm")])
			refuse(field(d, "access"), "not of r, w and m");
		if (n == MAX_RULES - (int)ALWAYS)
			refuse(d, "too many");
		rules[n++] = (struct device_rule){
			true_at(d, "allow"),
			type ? *type->text : 'a',
			number_at(d, "major", -1),
			number_at(d, "minor", -1),
			access,
		};
		if (rules[n - 1].type == 'u')
			rules[n - 1].type = 'c';
	}
	return n;
}

void attach_devices(const struct bundle *b, int cgroup)
{
	static struct device_rule rules[MAX_RULES];
	int count = device_rules(b, rules), fd;
	bool all = false;
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE };

	if (!count)
		return;
	if (cgroup < 0)
		refuse(field(b->config, "linux.resources.devices"), "no cgroup2 here");
	put(BPF_LDX | BPF_MEM | BPF_W, 2, 1, offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	put(BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	put(BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	put(BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	put(BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	put(BPF_LDX | BPF_MEM | BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
	/* The last that fits decides: it is asked first. What fits all comes after what is always there. */
	for (int i = count - 1; i >= 0 && !fits_all(rules + i); i--, count--)
		put_rule(rules + i);
	for (size_t i = 0; i < ALWAYS; i++)
		put_rule(always + i);
	for (int i = count - 1; i >= 0 && !all; i--) {
		/* nothing may stand behind it: it would never be reached */
		all = fits_all(rules + i);
		put_rule(rules + i);
	}
	if (!all)
		put_rule(&(struct device_rule){ false, 'a', -1, -1, "rwm" });
	attr.insns = (uintptr_t)insns;
	attr.insn_cnt = nr_insns;
	attr.license = (uintptr_t) "GPL";
	fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd >= 0) {
		memset(&attr, 0, sizeof(attr));
		attr.target_fd = cgroup;
		attr.attach_bpf_fd = fd;
		attr.attach_type = BPF_CGROUP_DEVICE;
		if (!syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr))) {
			close(fd);
			return;
		}
	}
	refuse(field(b->config, "linux.resources.devices"), strerror(errno));
}
