/* SPDX-License-Identifier: MIT */
/*
 * Random bytes for keys, stack canaries (AT_RANDOM), /dev/urandom and getrandom(2): ChaCha20
 * (RFC 8439, 2.3) with a key that is replaced after every use, so that what was given out cannot be
 * computed later ("fast key erasure"). The CPU's RDSEED and RDRAND and the time stamp counter go
 * into the key at each use; without them (old emulators) the time stamps of uses are all there is.
 *
 * `lock` guards the key. Any context.
 */
#include "x86/x86.h"

static struct {
	spinlock_t lock;
	u32 key[8];
	u64 uses;
} pool = { .lock = SPINLOCK_INIT };

#define ROTL(v, n) ((v) << (n) | (v) >> (32 - (n)))
#define QUARTER(a, b, c, d)                                                                        \
	do {                                                                                       \
		a += b;                                                                            \
		d = ROTL(d ^ a, 16);                                                               \
		c += d;                                                                            \
		b = ROTL(b ^ c, 12);                                                               \
		a += b;                                                                            \
		d = ROTL(d ^ a, 8);                                                                \
		c += d;                                                                            \
		b = ROTL(b ^ c, 7);                                                                \
	} while (0)

/* One 64-byte block of key stream: block number n of the pool's current use. */
static void chacha_block(const u32 key[8], u64 use, u64 n, u32 out[16])
{
	u32 in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 }; /* "expand 32-byte k" */

	memcpy(&in[4], key, 32);
	memcpy(&in[12], &n, 8);
	memcpy(&in[14], &use, 8);
	memcpy(out, in, 64);
	for (int round = 0; round < 10; round++) {
		QUARTER(out[0], out[4], out[8], out[12]);
		QUARTER(out[1], out[5], out[9], out[13]);
		QUARTER(out[2], out[6], out[10], out[14]);
		QUARTER(out[3], out[7], out[11], out[15]);
		QUARTER(out[0], out[5], out[10], out[15]);
		QUARTER(out[1], out[6], out[11], out[12]);
		QUARTER(out[2], out[7], out[8], out[13]);
		QUARTER(out[3], out[4], out[9], out[14]);
	}
	for (int i = 0; i < 16; i++)
		out[i] += in[i];
}

/* One word from the CPU (SDM 1, 7.3.17); false when it has none to give. */
static bool cpu_random(u64 *v)
{
	static int can_seed = -1, can_rand;
	bool ok = false;

	if (can_seed < 0) {
		can_rand = cpuid(1, 0).ecx >> 30 & 1;
		can_seed = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ebx >> 18 & 1 : 0;
	}
	if (can_seed)
		__asm__ volatile("rdseed %0; setc %1" : "=r"(*v), "=qm"(ok)::"cc");
	if (!ok && can_rand)
		__asm__ volatile("rdrand %0; setc %1" : "=r"(*v), "=qm"(ok)::"cc");
	return ok;
}

/* Lock held. The first use takes a full key's worth from the CPU, later ones a word. */
static void stir(void)
{
	int words = pool.uses ? 1 : 4;
	u64 v;

	for (int i = 0; i < words; i++) {
		int at = (pool.uses * 2 + i * 2) & 7;

		v = 0;
		cpu_random(&v);
		v ^= rdtsc() * 0x9e3779b97f4a7c15UL;
		pool.key[at] ^= v;
		pool.key[at + 1] ^= v >> 32;
	}
	pool.uses++;
}

void random_bytes(void *buf, size_t n)
{
	u32 key[8], block[16];
	size_t part = min(n, sizeof(key));
	u8 *out = buf;
	u64 use;

	spin_lock(&pool.lock);
	stir();
	use = pool.uses;
	memcpy(key, pool.key, sizeof(key));
	chacha_block(key, use, 0, block);
	memcpy(pool.key, block, sizeof(pool.key));
	spin_unlock(&pool.lock);
	memcpy(out, block + 8, part); /* what is not the next key */
	for (u64 i = 1; n -= part; i++) {
		out += part;
		part = min(n, sizeof(block));
		chacha_block(key, use, i, block);
		memcpy(out, block, part);
	}
}

void random_mix(const void *buf, size_t n)
{
	const u8 *in = buf;

	for (size_t i = 0; i < n;) {
		u32 block[16];

		spin_lock(&pool.lock);
		for (int k = 0; k < 32 && i < n; k++, i++)
			((u8 *)pool.key)[k] ^= in[i];
		chacha_block(pool.key, pool.uses++, 0, block);
		memcpy(pool.key, block, sizeof(pool.key));
		spin_unlock(&pool.lock);
	}
}
