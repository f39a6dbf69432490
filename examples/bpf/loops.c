// SPDX-License-Identifier: Apache-2.0
/* The loops of loops.h for this machine: prints, for each, its name, what it returned and nanoseconds a turn. */
#include <stdio.h>
#include <time.h>

typedef unsigned int __u32;
typedef unsigned long long __u64;
#include "loops.h"

enum { RUNS = 100 };

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1e9 + time.tv_nsec;
}

#define FUNCTION(name)                                                                                                       \
	static __attribute__((noinline)) __u64 run_##name(const __u64 *context)                                              \
	{                                                                                                                    \
		return name(context);                                                                                        \
	}

LOOPS(FUNCTION)

static void measure(const char *name, __u64 (*run)(const __u64 *), const __u64 *context)
{
	volatile __u64 result = run(context);
	double begin = now();

	for (int count = 0; count < RUNS; count++)
		result = run(context);
	printf("%s %llu %f\n", name, result, (now() - begin) / ((double)RUNS * TURNS));
}

int main(void)
{
	static const __u64 context[21] = {1, 2, 3, 4};

#define MEASURE(name) measure(#name, run_##name, context);
	LOOPS(MEASURE)
	return 0;
}
