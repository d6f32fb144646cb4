/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF for seccomp(2): the check, then the interpreter that trusts it. What the check promises:
 * every jump lands inside the program and forward, the last instruction returns, loads are of whole
 * words inside struct seccomp_data, and no word of memory is read that is not written before on every
 * way there. So a run reads nothing outside and takes at most n steps.
 * Read next: seccomp.c.
 */
#include "container/bpf.h"

/* The instructions that a seccomp filter may use; of the classic set this leaves out packets and mod. */
static bool is_known(u16 code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_NEG:
	case BPF_JMP | BPF_JA:
		return true;
	}
	switch (code & ~BPF_SRC(0xff)) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

/* One instruction by itself; left: how many come after it. */
static bool is_sound(const struct sock_filter *i, unsigned int left)
{
	if (!is_known(i->code))
		return false;
	switch (i->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		return i->k < sizeof(struct seccomp_data) && !(i->k & 3);
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return i->k < BPF_MEMWORDS;
	case BPF_ALU | BPF_DIV | BPF_K:
		return i->k;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return i->k < 32;
	case BPF_JMP | BPF_JA:
		return i->k < left;
	}
	return BPF_CLASS(i->code) != BPF_JMP || (i->jt < left && i->jf < left);
}

/*
 * Is memory written before it is read? written[i]: the words that are so on every way to instruction i.
 * Since all jumps go forward, all ways to i are known when i's turn comes.
 */
static bool memory_is_sound(const struct sock_filter *prog, unsigned int n, u16 *written)
{
	u16 now = 0;

	for (unsigned int i = 0; i < n; i++)
		written[i] = 0xffff;
	for (unsigned int i = 0; i < n; i++) {
		const struct sock_filter *in = &prog[i];

		now &= written[i];
		switch (in->code) {
		case BPF_ST:
		case BPF_STX:
			now |= 1 << in->k;
			break;
		case BPF_LD | BPF_MEM:
		case BPF_LDX | BPF_MEM:
			if (!(now & 1 << in->k))
				return false;
			break;
		case BPF_JMP | BPF_JA:
			written[i + 1 + in->k] &= now;
			now = 0xffff; /* nobody falls through */
			break;
		default:
			if (BPF_CLASS(in->code) != BPF_JMP)
				break;
			written[i + 1 + in->jt] &= now;
			written[i + 1 + in->jf] &= now;
			now = 0xffff;
		}
	}
	return true;
}

int bpf_classic_check(const struct sock_filter *prog, unsigned int n, u16 *scratch)
{
	if (!n || n > BPF_MAXINSNS)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++)
		if (!is_sound(&prog[i], n - i - 1))
			return -EINVAL;
	if (BPF_CLASS(prog[n - 1].code) != BPF_RET)
		return -EINVAL;
	return memory_is_sound(prog, n, scratch) ? 0 : -EINVAL;
}

static u32 alu(u16 code, u32 a, u32 b)
{
	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default: /* BPF_NEG */
		return -a;
	}
}

static bool holds(u16 code, u32 a, u32 b)
{
	switch (BPF_OP(code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

u32 bpf_classic_run(const struct sock_filter *i, const struct seccomp_data *data)
{
	u32 a = 0, x = 0, mem[BPF_MEMWORDS] = { 0 }, v;

	for (;; i++) {
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
		case BPF_LDX:
			v = BPF_MODE(i->code) == BPF_ABS   ? ((const u32 *)data)[i->k / 4]
			    : BPF_MODE(i->code) == BPF_LEN ? sizeof(*data)
			    : BPF_MODE(i->code) == BPF_MEM ? mem[i->k]
							   : i->k;
			*(BPF_CLASS(i->code) == BPF_LD ? &a : &x) = v;
			break;
		case BPF_ST:
			mem[i->k] = a;
			break;
		case BPF_STX:
			mem[i->k] = x;
			break;
		case BPF_ALU:
			v = BPF_SRC(i->code) == BPF_X ? x : i->k;
			if (BPF_OP(i->code) == BPF_DIV && !v)
				return 0; /* and with that, SECCOMP_RET_KILL_THREAD */
			a = alu(i->code, a, v);
			break;
		case BPF_JMP:
			v = BPF_SRC(i->code) == BPF_X ? x : i->k;
			i += BPF_OP(i->code) == BPF_JA ? i->k
			     : holds(i->code, a, v)    ? i->jt
						       : i->jf;
			break;
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? a : i->k;
		default: /* BPF_MISC */
			if (BPF_MISCOP(i->code) == BPF_TAX)
				x = a;
			else
				a = x;
		}
	}
}
