/* SPDX-License-Identifier: MIT */
/* sources: kernel/lib/bpf_classic.c kernel/lib/ebpf.c */
/* Programs for seccomp(2) and bpf(2), on any input: what the check lets pass stays inside and ends. */
#include <stdlib.h>
#include <string.h>

#include "lib/bpf.h"

static void *copy_of(const void *p, size_t n)
{
	void *copy = malloc(n); /* of that size exactly, for the sanitizer */

	memcpy(copy, p, n);
	return copy;
}

/* Makes most instructions sound ones, so that many programs pass. */
static void tame(struct sock_filter *i, unsigned int left)
{
	static const u8 codes[] = { 0x20, 0x80, 0x81, 0x00, 0x01, 0x60, 0x61, 0x02, 0x03, 0x07,
				    0x87, 0x06, 0x16, 0x84, 0x05, 0x04, 0x0c, 0x14, 0x24, 0x34,
				    0x3c, 0x54, 0x5c, 0x44, 0xa4, 0x64, 0x6c, 0x74, 0x7c, 0x15,
				    0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d };

	if (i->code >> 8 & 3)
		i->code = codes[(i->code & 0xff) % sizeof(codes)];
	if (i->code == 0x20)
		i->k = i->k % 17 * 4; /* one too far */
	else if (i->k & 0x80000000)
		i->k = (i->k >> 8) % (BPF_MEMWORDS + 1);
	if (i->jt & 1 && left)
		i->jt %= left;
	if (i->jf & 1 && left)
		i->jf %= left;
}

/* The same for a program of bpf(2): registers that are there, offsets and numbers that are small. */
static void tame_insn(struct bpf_insn *i, unsigned int left)
{
	static const u8 codes[] = { 0x61, 0x69, 0x71, 0x79, 0x62, 0x6a, 0x72, 0x7a, 0x63, 0x6b,
				    0x73, 0x7b, 0x18, 0x00, 0xb7, 0xbf, 0xb4, 0xbc, 0x07, 0x0f,
				    0x17, 0x27, 0x37, 0x3f, 0x47, 0x57, 0x67, 0x6f, 0x77, 0x7f,
				    0x87, 0x97, 0x9f, 0xa7, 0xc7, 0xcf, 0x04, 0x54, 0x64, 0xc4,
				    0x05, 0x15, 0x1d, 0x25, 0x35, 0x45, 0x55, 0x65, 0x75, 0xa5,
				    0xb5, 0xc5, 0xd5, 0x16, 0x56, 0x95, 0x95 };
	u8 class;

	i->code = codes[i->code % sizeof(codes)];
	class = BPF_CLASS(i->code);
	i->dst_reg %= 11;
	i->src_reg %= 11;
	if (i->imm & 1)
		i->imm = i->imm >> 1 & 1;
	if (class == BPF_JMP || class == BPF_JMP32)
		i->off = left ? (u16)i->off % left : 0;
	else
		i->off = class == BPF_LDX || class == BPF_ST || class == BPF_STX ? i->off % 520 : 0;
	if (class <= BPF_LDX || (class != BPF_ST && i->code & BPF_X))
		i->imm = i->code == 0x18 ? i->imm : 0;
	else if (class != BPF_STX)
		i->src_reg = 0;
	if (i->code == 0x95)
		*i = (struct bpf_insn){ .code = 0x95 };
	if (!i->code)
		i->dst_reg = i->src_reg = 0;
}

static void try_program(const uint8_t *data, size_t n, bool packet)
{
	struct bpf_insn *prog = copy_of(data + sizeof(struct seccomp_data), n * sizeof(*prog));
	struct __sk_buff skb = { .len = data[0], .family = data[1], .remote_ip4 = data[2] };
	void *ctx = packet ? copy_of(&skb, sizeof(skb))
			   : copy_of(data, sizeof(struct bpf_cgroup_dev_ctx));
	u64 *states = malloc(n * sizeof(*states));
	struct bpf_complaint why;

	for (size_t i = 0; i < n; i++)
		tame_insn(&prog[i], n - i - 1);
	if (!bpf_check(prog, n, packet ? &bpf_packet : &bpf_device, states, &why))
		bpf_run(prog, ctx);
	free(prog);
	free(ctx);
	free(states);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data *call;
	struct sock_filter *prog;
	bool looked = false;
	u16 *scratch;
	size_t n;

	if (size < sizeof(*call) + sizeof(*prog))
		return 0;
	n = (size - sizeof(*call)) / sizeof(*prog);
	if (data[63] & 1) {
		try_program(data, n, data[63] & 2);
		return 0;
	}
	call = copy_of(data, sizeof(*call));
	prog = copy_of(data + sizeof(*call), n * sizeof(*prog));
	scratch = malloc(n * sizeof(*scratch));
	for (size_t i = 0; i < n; i++)
		tame(&prog[i], n - i - 1);
	if (!bpf_classic_check(prog, n, scratch))
		bpf_classic_run(prog, call, &looked);
	free(prog);
	free(call);
	free(scratch);
	return 0;
}
