/* What takes time: pairs of events, what is not given back, timers, and a log. */
#include "programs.h"

static long (*timer_init)(void *, void *, __u64) = (void *)169;
static long (*timer_set_callback)(void *, void *) = (void *)170;
static long (*timer_start)(void *, __u64, __u64) = (void *)171;

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} began SEC(".maps");
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, __u64);
} took SEC(".maps");

__u64 without_beginning;

/* What begins, by its number: the first argument. */
SEC("raw_tp/begin") int begins(__u64 *arguments)
{
	__u64 number = arguments[0], now = ktime_get_ns();

	map_update(&began, &number, &now, ANY);
	return 0;
}

/* How long it took, as a histogram of powers of two. */
SEC("raw_tp/end") int ends(__u64 *arguments)
{
	__u64 number = arguments[0], *since = map_lookup(&began, &number), *count, spent;
	__u32 slot = 0;

	if (!since) {
		without_beginning++;
		return -1;
	}
	spent = ktime_get_ns() - *since;
	map_delete(&began, &number);
	for (int bit = 1; bit < 32; bit++) {
		if (spent >> bit)
			slot = bit;
	}
	count = map_lookup(&took, &slot);
	if (count)
		add(count, 1);
	return slot;
}

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 64);
	__uint(map_flags, NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u64);
} held SEC(".maps");

__u64 held_bytes;
__u64 most_bytes;

/* Memory that is taken: an address and its bytes. */
SEC("raw_tp/take") int takes(__u64 *arguments)
{
	__u64 address = arguments[0], bytes = arguments[1];

	if (map_update(&held, &address, &bytes, NOEXIST))
		return -1;
	held_bytes += bytes;
	if (held_bytes > most_bytes)
		most_bytes = held_bytes;
	return 0;
}

/* And given back. */
SEC("raw_tp/give") int gives(__u64 *arguments)
{
	__u64 address = arguments[0], *bytes = map_lookup(&held, &address);

	if (!bytes)
		return -1;
	held_bytes -= *bytes;
	map_delete(&held, &address);
	return 0;
}

struct session {
	struct bpf_timer timer;
	__u64 packets;
};
struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u64);
	__type(value, struct session);
} sessions SEC(".maps");

#define IDLE 1000000

__u64 expired;

static int expire(void *map, __u64 *key, struct session *session)
{
	expired += session->packets;
	map_delete(map, key);
	return 0;
}

/* A session that ends a millisecond after its last packet. */
SEC("tc") int keep_session(struct __sk_buff *skb)
{
	struct session *session, first = {};
	__u64 key = skb->mark;

	if (map_update(&sessions, &key, &first, NOEXIST) == 0) {
		session = map_lookup(&sessions, &key);
		if (!session)
			return -1;
		if (timer_init(&session->timer, &sessions, 0))
			return -3;
		timer_set_callback(&session->timer, expire);
	} else {
		session = map_lookup(&sessions, &key);
		if (!session)
			return -2;
	}
	session->packets++;
	timer_start(&session->timer, IDLE, 0);
	return session->packets;
}

struct line {
	__u32 number;
	__u32 bytes;
	char text[24];
};
struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 65536);
} lines SEC(".maps");

/* A line of the log for each packet of at least `mark` bytes; others are taken back. */
SEC("tc") int log_packet(struct __sk_buff *skb)
{
	static __u32 numbers;
	struct line *line = reserve(&lines, sizeof(*line), 0);

	if (!line)
		return -1;
	line->number = ++numbers;
	line->bytes = skb->len;
	__builtin_memset(line->text, 0, sizeof(line->text));
	load_bytes(skb, 14, line->text, sizeof(line->text));
	if (skb->len < skb->mark) {
		discard(line, 0);
		return 0;
	}
	submit(line, 0);
	return 1;
}

struct tenant {
	__uint(type, MAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
};
struct tenant red SEC(".maps");
struct tenant blue SEC(".maps");
struct {
	__uint(type, MAP_ARRAY_OF_MAPS);
	__uint(max_entries, 3);
	__type(key, __u32);
	__array(values, struct tenant);
} tenants SEC(".maps") = {
	.values = { (void *)&red, (void *)&blue },
};

/* Counts for a tenant, the lowest byte of `mark`, in a map of its own. */
SEC("tc") int by_tenant(struct __sk_buff *skb)
{
	__u32 number = skb->mark & 0xff, what = skb->mark >> 8;
	void *counts = map_lookup(&tenants, &number);
	__u64 *count, first = 1;

	if (!counts)
		return -1;
	count = map_lookup(counts, &what);
	if (count)
		return add(count, 1), *count;
	return map_update(counts, &what, &first, NOEXIST) ? -2 : 1;
}
