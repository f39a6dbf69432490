/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/*
 * What programs do without maps and helpers, as six loops: one source for BPF and for the machine's own compiler. Divisors are not known
 * when it is compiled, and what is volatile stays in memory, so that both do the same.
 */
#ifndef LOOPS_H
#define LOOPS_H

enum { TURNS = 10000, WORDS = 16 };

#define LOOP(name) static inline __attribute__((always_inline)) __u64 name(const volatile __u64 *context)

LOOP(xorshift)
{
	__u64 state = context[0] | 1;

	for (int turn = 0; turn < TURNS; turn++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
	}
	return state;
}

/* Add, rotate, xor, in 32 bits. */
LOOP(rotate)
{
	__u32 a = context[0], b = context[1];

	for (int turn = 0; turn < TURNS; turn++) {
		a += b;
		b = (b << 7 | b >> 25) ^ a;
		a = (a << 11 | a >> 21) + (__u32)turn;
	}
	return (__u64)a << 32 | b;
}

LOOP(divide)
{
	__u64 state = context[0] + 1, sum = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		sum += state / (sum | 1) + state % (__u64)(turn + 1);
	}
	return sum;
}

LOOP(scalars)
{
	volatile __u64 a = context[0], b = context[1], sum = 0;

	for (int turn = 0; turn < TURNS; turn++) {
		a = b + turn;
		b = a ^ sum;
		sum = sum + a;
	}
	return sum;
}

LOOP(indexed)
{
	volatile __u64 words[WORDS] = {};
	__u64 state = context[0];

	for (int turn = 0; turn < TURNS; turn++) {
		words[state % WORDS] = words[(state >> 8) % WORDS] + state;
		state += words[turn % WORDS] | 1;
	}
	return state;
}

LOOP(reads)
{
	__u64 sum = 0;

	for (int turn = 0; turn < TURNS; turn++)
		sum = (sum ^ context[0]) + context[1] + (context[2] ^ context[3]);
	return sum;
}

#define LOOPS(each) each(xorshift) each(rotate) each(divide) each(scalars) each(indexed) each(reads)

#endif
