/* SPDX-License-Identifier: MIT */
/* sources: container/bpf_classic.c container/bpf_device.c */
/* Programs for seccomp(2), on any call: what the check lets pass reads nothing outside and ends. */
#include <stdlib.h>
#include <string.h>

#include "container/bpf.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seccomp_data *call;
	struct sock_filter *prog;
	u16 *scratch;
	size_t n;

	if (size < sizeof(*call) + sizeof(*prog))
		return 0;
	n = (size - sizeof(*call)) / sizeof(*prog);
	call = copy_of(data, sizeof(*call));
	prog = copy_of(data + sizeof(*call), n * sizeof(*prog));
	scratch = malloc(n * sizeof(*scratch));
	for (size_t i = 0; i < n; i++)
		tame(&prog[i], n - i - 1);
	if (!bpf_classic_check(prog, n, scratch))
		bpf_classic_run(prog, call);
	free(prog);
	free(call);
	free(scratch);
	return 0;
}
