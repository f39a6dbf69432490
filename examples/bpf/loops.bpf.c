// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/* The loops of loops.h as programs: their context is the registers of a function that is called. */
#include "anyctx.h"
#include "loops.h"

char LICENSE[] SEC("license") = "GPL";

#define PROGRAM(name)                                                                                                        \
	SEC("kprobe/" #name)                                                                                                 \
	__u64 run_##name(const __u64 *context)                                                                               \
	{                                                                                                                    \
		return name(context);                                                                                        \
	}

LOOPS(PROGRAM)
