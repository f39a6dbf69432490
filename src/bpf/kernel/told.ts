/** Objects of the kernel's by what events tell of them (`include/trace/events/`, Linux 6.18): a row each. */
import { taskAddress } from "./addresses.ts";
import { type EventReader, type KernelObject, type Told, viewsOf } from "./object.ts";

const number =
  (field: string) =>
  (event: EventReader): Told =>
    event.number(field);
const text =
  (field: string) =>
  (event: EventReader): Told =>
    event.text(field);
const bytes =
  (field: string) =>
  (event: EventReader): Told =>
    event.bytes(field);

/** What is known of a task once its beginning was recorded. */
const LIFELONG = ["start_time", "start_boottime", "real_start_time"] as const;
const begins: KernelObject["tells"] = Object.fromEntries(LIFELONG.map((name) => [name, (event) => event.time]));

const PARENTS = ["real_parent", "real_parent.pid", "real_parent.tgid"] as const;

/** `CLONE_PARENT | CLONE_THREAD`: the parent is another than the task that makes it. */
const NO_CHILD = 0x18000n;

/** What is told of the parent where a task is made by the current one. */
const byCurrent =
  (tell: (event: EventReader) => bigint) =>
  (event: EventReader): Told => {
    const flags = event.number("clone_flags");
    return flags === undefined || (flags & NO_CHILD) !== 0n ? undefined : tell(event);
  };

/** A task by the fields that have its number, its name and more. */
function task(pid: string, comm: string, more: KernelObject["tells"] = {}): KernelObject {
  return {
    structs: ["task_struct"],
    identity: (event) => ({ task: Number(event.number(pid) ?? 0n) }),
    tells: { pid: number(pid), comm: text(comm), ...more },
    keeps: ["comm", "prio", ...LIFELONG, ...PARENTS],
    // As everywhere: a task of whom only the thread is known is a process of its own.
    otherwise: { tgid: number(pid) },
  };
}

/** The state as sched_switch records it has a bit for tasks that were preempted, which would run on. */
export const PREEMPTED = 0x100n;

const stateBefore = (event: EventReader): Told => {
  const recorded = event.number("prev_state");
  return recorded === undefined ? undefined : recorded & ~PREEMPTED;
};

/** An object that lies at an address that was recorded. */
function recorded(struct: string, field: string, tells: KernelObject["tells"] = {}): KernelObject {
  return {
    structs: [struct],
    identity: (event) => {
      const address = event.number(field);
      return address === undefined ? undefined : { address: BigInt.asUintN(64, address) };
    },
    tells,
  };
}

/** Operations of `enum req_op`, and flags, by the letters that stand for them (`blk_fill_rwbs`); `N` stands for several. */
const OPERATIONS: readonly (readonly [letters: string, operation: bigint])[] = [
  ...([
    ["DE", 5n],
    ["ZA", 7n],
  ] as const),
  ...([
    ["R", 0n],
    ["W", 1n],
    ["F", 2n],
    ["D", 3n],
  ] as const),
];
const FLAGS: Readonly<Record<string, bigint>> = {
  ...{ S: 1n << 11n, M: 1n << 12n, F: 1n << 17n, A: 1n << 19n, U: 1n << 27n },
};
const PREFLUSH = 1n << 18n;

function flagsAfter(letters: string): bigint | undefined {
  const operation = OPERATIONS.find(([each]) => letters.startsWith(each));
  if (operation === undefined) return undefined;
  let flags = operation[1];
  for (const letter of letters.slice(operation[0].length)) {
    const flag = FLAGS[letter];
    if (flag === undefined) return undefined;
    flags |= flag;
  }
  return flags;
}

/** `cmd_flags` of a request as `rwbs` prints it. An `F` in front is a flush before something else, or all there is. */
export function requestFlags(letters: string): bigint | undefined {
  const rest = letters.startsWith("F") ? flagsAfter(letters.slice(1)) : undefined;
  return rest === undefined ? flagsAfter(letters) : rest | PREFLUSH;
}

const SECTOR_BYTES = 512n;
const MINOR_BITS = 20n;
const MINORS = (1n << MINOR_BITS) - 1n;

const major = (event: EventReader): Told => {
  const device = event.number("dev");
  return device === undefined ? undefined : device >> MINOR_BITS;
};
const minor = (event: EventReader): Told => {
  const device = event.number("dev");
  return device === undefined ? undefined : device & MINORS;
};

/** A request is told from others by where on which disk it is: the same from its insertion to its end. */
const REQUEST: KernelObject = {
  structs: ["request"],
  identity: (event) => `${event.number("dev")} ${event.number("sector")}`,
  tells: {
    __sector: number("sector"),
    __data_len: (event) => event.number("bytes") ?? (event.number("nr_sector") ?? 0n) * SECTOR_BYTES,
    cmd_flags: (event) => requestFlags(event.text("rwbs") ?? "?"),
    ioprio: number("ioprio"),
    // The disk, where one kernel has it and where another.
    ...{ "q.disk.major": major, "q.disk.first_minor": minor },
    ...{ "rq_disk.major": major, "rq_disk.first_minor": minor },
    ...{ "part.bd_dev": number("dev") },
  },
};

/** Of a struct sock: addresses and ports in network order, but its own port. */
const swapped = (event: EventReader, field: string): Told => {
  const port = event.number(field);
  return port === undefined ? undefined : ((port & 0xffn) << 8n) | (port >> 8n);
};
const SOCKET_TELLS: KernelObject["tells"] = {
  "__sk_common.skc_family": number("family"),
  "__sk_common.skc_num": number("sport"),
  "__sk_common.skc_dport": (event) => swapped(event, "dport"),
  "__sk_common.skc_rcv_saddr": bytes("saddr"),
  "__sk_common.skc_daddr": bytes("daddr"),
  "__sk_common.skc_v6_rcv_saddr.in6_u.u6_addr8": bytes("saddr_v6"),
  "__sk_common.skc_v6_daddr.in6_u.u6_addr8": bytes("daddr_v6"),
  inet_sport: (event) => swapped(event, "sport"),
  sk_protocol: number("protocol"),
  "__sk_common.skc_state": (event) => event.number("oldstate") ?? event.number("state"),
};

/** A socket without an address that was recorded is told from others by both its ends. */
const SOCKET: KernelObject = {
  structs: viewsOf("sock"),
  identity: (event) => {
    const address = event.number("skaddr");
    if (address !== undefined) return { address: BigInt.asUintN(64, address) };
    const ends = [event.bytes("saddr"), event.bytes("daddr"), event.bytes("saddr_v6"), event.bytes("daddr_v6")];
    return `${event.number("sport")} ${event.number("dport")} ${ends.map((end) => end?.join(".")).join(" ")}`;
  },
  tells: SOCKET_TELLS,
};

function packet(device: string): KernelObject {
  return recorded("sk_buff", "skbaddr", {
    ...{ len: number("len"), data_len: number("data_len"), "dev.name": text(device) },
    protocol: (event) => swapped(event, "protocol"),
  });
}

const DEVICE: KernelObject = {
  structs: ["net_device"],
  identity: (event) => event.text("name"),
  tells: { name: text("name") },
};

/** The registers that hold a system call's arguments, and those where old programs look for them. */
const CALL_REGISTERS = ["di", "si", "dx", "r10", "r8", "r9"] as const;

const argument =
  (index: number) =>
  (event: EventReader): Told => {
    const all = event.bytes("args");
    return all === undefined ? undefined : new DataView(all.buffer).getBigUint64(index * 8, true);
  };

type ObjectName =
  | "previous"
  | "next"
  | "task"
  | "boosted"
  | "renamed"
  | "executing"
  | "parent"
  | "child"
  | "made"
  | "binary"
  | "request"
  | "socket"
  | "packet"
  | "device"
  | "action"
  | "cache"
  | "signal"
  | "timer"
  | "highResolutionTimer"
  | "work"
  | "entryRegisters"
  | "exitRegisters";

export const OBJECTS: Readonly<Record<ObjectName, KernelObject>> = {
  previous: task("prev_pid", "prev_comm", { prio: number("prev_prio"), __state: stateBefore, state: stateBefore }),
  next: task("next_pid", "next_comm", { prio: number("next_prio") }),
  task: task("pid", "comm", { prio: number("prio") }),
  boosted: task("pid", "comm", { prio: number("oldprio") }),
  renamed: task("pid", "oldcomm"),
  executing: task("pid", "comm"),
  parent: task("parent_pid", "parent_comm"),
  child: task("child_pid", "child_comm", begins),
  made: task("pid", "comm", {
    ...begins,
    real_parent: byCurrent((event) => taskAddress(event.current, event.cpu)),
    "real_parent.pid": byCurrent((event) => BigInt(event.current)),
    "real_parent.tgid": byCurrent((event) => BigInt(event.process)),
  }),
  binary: {
    structs: ["linux_binprm"],
    identity: (event) => event.text("filename"),
    tells: { filename: text("filename") },
  },
  request: REQUEST,
  socket: SOCKET,
  packet: packet("name"),
  device: DEVICE,
  action: {
    structs: ["irqaction"],
    identity: (event) => `${event.number("irq")}`,
    tells: { name: text("name"), irq: number("irq") },
    keeps: ["name"],
  },
  cache: { structs: ["kmem_cache"], identity: (event) => event.text("name"), tells: { name: text("name") } },
  signal: {
    structs: ["kernel_siginfo"],
    identity: (event) => `${event.number("sig")} ${event.number("errno")} ${event.number("code")}`,
    tells: { si_signo: number("sig"), si_errno: number("errno"), si_code: number("code") },
  },
  timer: recorded("timer_list", "timer", {
    ...{ function: number("function"), expires: number("expires"), flags: number("flags") },
  }),
  highResolutionTimer: recorded("hrtimer", "hrtimer", {
    ...{ function: number("function"), "node.expires": number("expires"), _softexpires: number("softexpires") },
  }),
  work: recorded("work_struct", "work", { func: number("function") }),
  entryRegisters: {
    structs: ["pt_regs"],
    identity: (event) => `${event.cpu}`,
    tells: {
      ...Object.fromEntries(CALL_REGISTERS.map((name, index) => [name, argument(index)])),
      orig_ax: number("id"),
    },
  },
  exitRegisters: {
    structs: ["pt_regs"],
    identity: (event) => `${event.cpu}`,
    tells: { ax: number("ret"), orig_ax: number("id") },
  },
};
