/**
 * How user space prints events of which it has an idea of its own: the plugins of libtraceevent, which trace-cmd and perf use. In the
 * syntax of a `print fmt`; `%ps` stands for what they print as a symbol.
 */
import type { FtraceFormat } from "./format.ts";

/**
 * The letters of a state as libtraceevent has them, which are not the kernel's. An `R` is a task that runs or one that was preempted:
 * that the kernel's number for these differs cannot be seen.
 */
const STATE =
  '__print_flags(REC->prev_state, "|", { 1, "S" }, { 2, "D" }, { 4, "T" }, { 8, "t" }, { 16, "Z" }, { 32, "X" }, { 64, "x" }, { 128, "W" }, { RUNNING, "R" })';

const WAKEUP = '"%s:%d [%d] CPU:%03d", REC->comm, REC->pid, REC->prio, REC->target_cpu';

/** By category and name. */
export const PLUGIN_PRINTS: Readonly<Record<string, string>> = {
  "sched/sched_switch": `"%s:%d [%d] %s ==> %s:%d [%d]", REC->prev_comm, REC->prev_pid, REC->prev_prio, ${STATE}, REC->next_comm, REC->next_pid, REC->next_prio`,
  "sched/sched_wakeup": WAKEUP,
  "sched/sched_wakeup_new": WAKEUP,
  "timer/hrtimer_expire_entry": '"hrtimer=%p now=%llu function=%ps/0x0", REC->hrtimer, REC->now, REC->function',
  "timer/hrtimer_start":
    '"hrtimer=%p function=%ps/0x0 expires=%llu softexpires=%llu", REC->hrtimer, REC->function, REC->expires, REC->softexpires',
};

/**
 * Flags that libtraceevent prints where they are not, by the events' category: of `writeback` formats do not tell their numbers, and the first
 * one is what it prints of none; in `timer_start` it takes their mask for a part of the value.
 */
const UNSURE_FLAGS: Readonly<Record<string, RegExp>> = {
  writeback: /\{\s*(?:0x[0-9a-f]+|\d+)\s*,\s*"(I_[A-Z_]+)"\s*\}/g,
  timer: /\{\s*(?:0x[0-9a-f]+|\d+)\s*,\s*"([MDPI])"\s*\}/g,
};

/** An event with those words only that can be believed where tools of user space print them. */
export function asToolsKnow(format: FtraceFormat): FtraceFormat {
  const unsure = UNSURE_FLAGS[format.category];
  const print = unsure === undefined ? format.print : format.print.replace(unsure, '{$1, "$1"}');
  return print === format.print ? format : { ...format, print };
}

/** Events of which the plugins print the caller in front of the rest. */
const WITH_CALLER = /^kmem\/(kmalloc|kmalloc_node|kmem_cache_alloc|kmem_cache_alloc_node|kfree)$/;

/** How libtraceevent's plugins print an event, if otherwise than the kernel. */
export function pluginPrint(event: string, print: string): string | undefined {
  const known = PLUGIN_PRINTS[event];
  if (known !== undefined || !WITH_CALLER.test(event)) return known;
  return print.replace(/^"([^"]*)"/, '"(%ps) $1", REC->call_site');
}
