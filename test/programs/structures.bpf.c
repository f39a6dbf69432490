/* What is kept in order: lists, trees, queues, stacks, objects in maps, and two numbers under a lock. */
#include "programs.h"

extern void *bpf_obj_new_impl(__u64 type, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 offset) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node,
			       _Bool(less)(struct bpf_rb_node *a, const struct bpf_rb_node *b), void *meta, __u64 offset) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;

#define container_of(pointer, type, member) ((type *)((void *)(pointer) - __builtin_offsetof(type, member)))
#define new(type) ((type *)bpf_obj_new_impl(__builtin_btf_type_id(*(type *)0, 0), 0))

struct waiting {
	struct bpf_list_node node;
	__u32 number;
};

#define private(name) SEC(".data." #name) __attribute__((visibility("hidden"))) __attribute__((aligned(8)))
private(list) struct bpf_spin_lock list_lock;
private(list) struct bpf_list_head list __contains(waiting, node);

/* `mark` not 0 waits in line; 0 gives who has waited longest, -1 if nobody has. */
SEC("tc") int line(struct __sk_buff *skb)
{
	struct bpf_list_node *node;
	struct waiting *waiting;
	__u32 number = skb->mark;

	if (number) {
		waiting = new(struct waiting);
		if (!waiting)
			return -2;
		waiting->number = number;
		spin_lock(&list_lock);
		bpf_list_push_back_impl(&list, &waiting->node, 0, 0);
		spin_unlock(&list_lock);
		return 0;
	}
	spin_lock(&list_lock);
	node = bpf_list_pop_front(&list);
	spin_unlock(&list_lock);
	if (!node)
		return -1;
	waiting = container_of(node, struct waiting, node);
	number = waiting->number;
	bpf_obj_drop_impl(waiting, 0);
	return number;
}

struct due {
	struct bpf_rb_node node;
	__u32 at;
};

private(tree) struct bpf_spin_lock tree_lock;
private(tree) struct bpf_rb_root tree __contains(due, node);

static _Bool earlier(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container_of(a, struct due, node)->at < container_of(b, struct due, node)->at;
}

/* `mark` not 0 is due at that time; 0 gives what is due first, -1 if nothing is. */
SEC("tc") int calendar(struct __sk_buff *skb)
{
	struct bpf_rb_node *node;
	struct due *due;
	__u32 at = skb->mark;

	if (at) {
		due = new(struct due);
		if (!due)
			return -2;
		due->at = at;
		spin_lock(&tree_lock);
		bpf_rbtree_add_impl(&tree, &due->node, earlier, 0, 0);
		spin_unlock(&tree_lock);
		return 0;
	}
	spin_lock(&tree_lock);
	node = bpf_rbtree_first(&tree);
	if (!node) {
		spin_unlock(&tree_lock);
		return -1;
	}
	node = bpf_rbtree_remove(&tree, node);
	spin_unlock(&tree_lock);
	if (!node)
		return -3;
	due = container_of(node, struct due, node);
	at = due->at;
	bpf_obj_drop_impl(due, 0);
	return at;
}

struct {
	__uint(type, MAP_QUEUE);
	__uint(max_entries, 8);
	__type(value, __u32);
} queue SEC(".maps");
struct {
	__uint(type, MAP_STACK);
	__uint(max_entries, 8);
	__type(value, __u32);
} stack SEC(".maps");

/* `mark` not 0 is pushed to both; 0 pops both: first in, first out, and last in. */
SEC("tc") int both_ends(struct __sk_buff *skb)
{
	__u32 number = skb->mark, first = 0, last = 0;

	if (number)
		return map_push(&queue, &number, ANY) | map_push(&stack, &number, ANY);
	if (map_pop(&queue, &first) || map_pop(&stack, &last))
		return -1;
	return first << 16 | last;
}

struct account {
	struct bpf_spin_lock lock;
	__u32 moves;
	__s64 balance[2];
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct account);
} accounts SEC(".maps");

/* Moves `mark` from one number to the other under a lock; what they add up to stays. */
SEC("tc") int move(struct __sk_buff *skb)
{
	__u32 key = skb->mark & 1, amount = skb->mark >> 1;
	struct account *account = map_lookup(&accounts, &key);
	__s64 sum;

	if (!account)
		return -1;
	spin_lock(&account->lock);
	account->balance[0] -= amount;
	account->balance[1] += amount;
	account->moves++;
	sum = account->balance[0] + account->balance[1];
	spin_unlock(&account->lock);
	return sum;
}

struct note {
	__u32 number;
};
struct kept {
	struct note __kptr *note;
};
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct kept);
} places SEC(".maps");

/* Leaves a new object in a place of a map, and says what the one before it had. */
SEC("tc") int exchange(struct __sk_buff *skb)
{
	__u32 key = skb->mark & 3, number;
	struct kept *kept = map_lookup(&places, &key);
	struct note *note;

	if (!kept)
		return -1;
	note = new(struct note);
	if (!note)
		return -2;
	note->number = skb->mark >> 2;
	note = kptr_xchg(&kept->note, note);
	if (!note)
		return 0;
	number = note->number;
	bpf_obj_drop_impl(note, 0);
	return number;
}
