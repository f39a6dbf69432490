/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Power-of-two histograms: slot 0 counts 0 and 1, slot n counts [2^n, 2^(n+1)), the last one everything above. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include "anyctx.h"

#define SLOTS 26

/* The slot of a value. A real call and a real loop: each runs at most SLOTS - 1 times round. */
static __noinline __u32 slot_of(__u64 value)
{
	__u32 slot = 0;

#pragma clang loop unroll(disable)
	for (; slot < SLOTS - 1 && value > 1; slot++)
		value >>= 1;
	return slot;
}

#endif
