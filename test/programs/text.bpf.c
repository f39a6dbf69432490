/* Numbers and text: read, compared, written, counted over. */
#include "programs.h"

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;

struct request {
	char text[32];
	__u32 number;
};

/* What a program found out besides what it returns. */
__s64 answer;
char written[32];

/* The number that a text begins with, in base `number`; the bytes that it takes, or -errno. */
SEC("syscall") int read_number(struct request *request)
{
	char text[32];
	long number = 0;
	long taken;

	__builtin_memcpy(text, request->text, sizeof(text));
	taken = strtol(text, sizeof(text), request->number, &number);
	answer = number;
	return taken;
}

/* How a text stands to "linux" in its first five letters: -1, 0 or 1. */
SEC("syscall") int compare(struct request *request)
{
	char text[32];
	long order;

	__builtin_memcpy(text, request->text, sizeof(text));
	order = compare_text(text, 5, "linux");
	return order < 0 ? -1 : order > 0;
}

/* Writes a number in three ways; the bytes that the whole takes. */
SEC("syscall") int write_number(struct request *request)
{
	static const char format[] = "%d/%x/%u";
	__u64 numbers[3] = { request->number, request->number, request->number };
	char text[32] = {};
	long bytes = print_to(text, sizeof(text), format, numbers, sizeof(numbers));

	__builtin_memcpy(written, text, sizeof(text));
	return bytes;
}

/* The sum of the squares below a number, by an iterator; -1 above a hundred. */
SEC("syscall") int squares(struct request *request)
{
	struct bpf_iter_num it;
	__s64 sum = 0;
	int *each;

	if (request->number > 100)
		return -1;
	bpf_iter_num_new(&it, 0, request->number);
	while ((each = bpf_iter_num_next(&it)))
		sum += (__s64)*each * *each;
	bpf_iter_num_destroy(&it);
	answer = sum;
	return 0;
}

struct collatz {
	__u64 number;
	__u32 steps;
};

static long halve_or_triple(__u32 index, struct collatz *state)
{
	if (state->number == 1)
		return 1;
	state->number = state->number & 1 ? 3 * state->number + 1 : state->number / 2;
	state->steps++;
	return 0;
}

/* Steps from a number to 1 as Collatz has them, a thousand at most. */
SEC("syscall") int collatz(struct request *request)
{
	struct collatz state = { .number = request->number };

	loop(1000, halve_or_triple, &state, 0);
	answer = state.number;
	return state.steps;
}

/* A text's letters the other way round, as capitals. */
SEC("syscall") int shout(struct request *request)
{
	char text[32], turned[32] = {};
	__u32 length = 0;

	__builtin_memcpy(text, request->text, sizeof(text));
	for (int index = 0; index < 32; index++) {
		if (!text[index])
			break;
		length = index + 1;
	}
	for (__u32 index = 0; index < 32; index++) {
		char letter = text[(length - 1 - index) & 31];

		if (index >= length)
			break;
		turned[index] = letter >= 'a' && letter <= 'z' ? letter - 32 : letter;
	}
	__builtin_memcpy(written, turned, sizeof(turned));
	return length;
}
