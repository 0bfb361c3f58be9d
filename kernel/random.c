// SPDX-License-Identifier: MIT
/*
 * Random bytes: ChaCha20 (RFC 8439) under a key that is replaced by its own output with every request, so that what was given
 * out cannot be computed from what is left (Linux: drivers/char/random.c, "fast key erasure").
 *
 * The key begins with what the machine has of chance: the boot loader's seed (rng-seed, kaslr-seed), the CPU's generator, the counter as it
 * jitters between interrupts and cache misses; and the CPU's generator goes into every request. On a machine without either the key is
 * no better than the counter.
 *
 * Locking: random_lock, last.
 */
#include <quire/boot.h>
#include <quire/port.h>
#include <quire/spinlock.h>
#include <quire/string.h>
#include <quire/user.h>

#include "task.h"

static spinlock_t random_lock;
static u32 key[8];
static u64 requests;

static u32 rotate(u32 v, unsigned int n)
{
	return v << n | v >> (32 - n);
}

static void quarter_round(u32 *x, unsigned int a, unsigned int b, unsigned int c, unsigned int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

static void chacha20_block(const u32 k[8], u64 counter, u64 nonce, u32 out[16])
{
	const u32 start[16] = {
		0x61707865,   0x3320646e,
		0x79622d32,   0x6b206574,
		k[0],	      k[1],
		k[2],	      k[3],
		k[4],	      k[5],
		k[6],	      k[7],
		(u32)counter, (u32)(counter >> 32),
		(u32)nonce,   (u32)(nonce >> 32),
	};
	unsigned int i;

	memcpy(out, start, sizeof(start));
	for (i = 0; i < 10; i++) {
		quarter_round(out, 0, 4, 8, 12);
		quarter_round(out, 1, 5, 9, 13);
		quarter_round(out, 2, 6, 10, 14);
		quarter_round(out, 3, 7, 11, 15);
		quarter_round(out, 0, 5, 10, 15);
		quarter_round(out, 1, 6, 11, 12);
		quarter_round(out, 2, 7, 8, 13);
		quarter_round(out, 3, 4, 9, 14);
	}
	for (i = 0; i < 16; i++)
		out[i] += start[i];
}

/* Four more bytes of chance into the key. */
static void stir(u64 word)
{
	u32 block[16];

	key[0] ^= (u32)word;
	key[1] ^= (u32)(word >> 32);
	chacha20_block(key, 0, requests++, block);
	memcpy(key, block, sizeof(key));
	memset(block, 0, sizeof(block));
}

void get_random_bytes(void *buf, size_t n)
{
	u32 block[16], session[8];
	u64 word, counter = 1;

	spin_lock(&random_lock);
	if (port_random_word(&word))
		stir(word);
	stir(port_cycles());
	chacha20_block(key, 0, requests++, block);
	memcpy(key, block, sizeof(key));
	memcpy(session, block + 8, sizeof(session));
	spin_unlock(&random_lock);
	while (n) {
		size_t part = min(n, sizeof(block));

		chacha20_block(session, counter++, 0, block);
		memcpy(buf, block, part);
		buf = (char *)buf + part;
		n -= part;
	}
	memset(block, 0, sizeof(block));
	memset(session, 0, sizeof(session));
}

void random_init(void)
{
	u64 word;

	stir(boot_params.image.phys ^ boot_params.image.kva);
	stir(boot_params.memstart_seed);
	for (unsigned int i = 0; i < BOOT_SEED_WORDS; i++) {
		stir(boot_random_seed[i]);
		boot_random_seed[i] = 0;
	}
	for (unsigned int i = 0; i < 64; i++) {
		if (port_random_word(&word))
			stir(word);
		stir(port_cycles());
	}
}
