/* SPDX-License-Identifier: MIT */
/*
 * Classic BPF for seccomp(2): the check, then the interpreter that trusts it. What the check promises:
 * every jump lands inside the program and forward, the last instruction returns, loads are of whole
 * words inside struct seccomp_data, and no word of memory is read that is not written before on every
 * way there. So a run reads nothing outside and takes at most n steps.
 * Read next: seccomp.c.
 */
#include "lib/bpf.h"

/* Is it in the classic set, without what is for packets, mod, and returning the index? */
static bool is_known(u16 code)
{
	static const u8 known[] = { BPF_LD | BPF_W | BPF_ABS,
				    BPF_LD | BPF_W | BPF_LEN,
				    BPF_LDX | BPF_W | BPF_LEN,
				    BPF_LD | BPF_IMM,
				    BPF_LDX | BPF_IMM,
				    BPF_LD | BPF_MEM,
				    BPF_LDX | BPF_MEM,
				    BPF_ST,
				    BPF_STX,
				    BPF_MISC | BPF_TAX,
				    BPF_MISC | BPF_TXA,
				    BPF_RET | BPF_K,
				    BPF_RET | BPF_A,
				    BPF_ALU | BPF_NEG,
				    BPF_JMP | BPF_JA };

	u16 kind = code & ~BPF_X;

	/* first the most: the operations on a constant or the index */
	if ((BPF_CLASS(kind) == BPF_ALU && kind <= (BPF_ALU | BPF_XOR) && BPF_OP(kind) != BPF_NEG &&
	     BPF_OP(kind) != BPF_MOD) ||
	    (BPF_CLASS(kind) == BPF_JMP && kind <= (BPF_JMP | BPF_JSET) && BPF_OP(kind) != BPF_JA))
		return true;
	for (unsigned int i = 0; i < ARRAY_SIZE(known); i++)
		if (code == known[i])
			return true;
	return false;
}

/* One instruction by itself; left: how many come after it. */
static bool is_sound(const struct sock_filter *i, unsigned int left)
{
	if (i->code == (BPF_JMP | BPF_JEQ | BPF_K)) /* what filters mostly consist of */
		return i->jt < left && i->jf < left;
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
	bool reads = false;

	if (!n || n > BPF_MAXINSNS)
		return -EINVAL;
	for (unsigned int i = 0; i < n; i++) {
		if (!is_sound(&prog[i], n - i - 1))
			return -EINVAL;
		reads |= BPF_MODE(prog[i].code) == BPF_MEM; /* or a jump that looks so */
	}
	if (BPF_CLASS(prog[n - 1].code) != BPF_RET)
		return -EINVAL;
	return !reads || memory_is_sound(prog, n, scratch) ? 0 : -EINVAL;
}

u32 bpf_classic_run(const struct sock_filter *i, const struct seccomp_data *data, bool *looked)
{
	u32 a = 0, x = 0, mem[BPF_MEMWORDS] = { 0 }, v;

	for (;; i++) {
		if (i->code == (BPF_JMP | BPF_JEQ | BPF_K)) { /* what filters mostly consist of */
			i += a == i->k ? i->jt : i->jf;
			continue;
		}
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
		case BPF_LDX:
			v = BPF_MODE(i->code) == BPF_ABS   ? ((const u32 *)data)[i->k / 4]
			    : BPF_MODE(i->code) == BPF_LEN ? sizeof(*data)
			    : BPF_MODE(i->code) == BPF_MEM ? mem[i->k]
							   : i->k;
			*(BPF_CLASS(i->code) == BPF_LD ? &a : &x) = v;
			*looked |= BPF_MODE(i->code) == BPF_ABS &&
				   i->k > offsetof(struct seccomp_data, arch);
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
			a = bpf_alu(BPF_OP(i->code), a, v, false);
			break;
		case BPF_JMP:
			v = BPF_SRC(i->code) == BPF_X ? x : i->k;
			if (i->code == (BPF_JMP | BPF_JA))
				i += i->k;
			else
				i += bpf_holds(BPF_OP(i->code), a, v, false) ? i->jt : i->jf;
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
