/** An arena as programs need it. */
import type { ObjectAllocator } from "../arena/allocator.ts";
import type { Arena } from "../arena/arena.ts";
import type { CoreFunction, ProgramHost } from "../bpf/host.ts";
import { LAYOUT } from "../wasm/face.ts";

/** @param print receives one line per `bpf_trace_printk` call, without a newline at its end */
export function programHost(arena: Arena, print: (line: string) => void): ProgramHost {
  let objects: ObjectAllocator | undefined;
  let copies: ObjectAllocator | undefined;
  return {
    objects: () => {
      objects ??= arena.createAllocator({ any: true, name: "programs" });
      return objects.address;
    },
    copies: () => {
      copies ??= arena.createAllocator({ any: true, perCpu: true, name: "programs, per CPU" });
      return { allocator: copies.address, cpus: arena.cpus };
    },
    memory: arena.memory,
    core: arena.instance.functions as unknown as Readonly<Record<string, CoreFunction>>,
    layout: { id: LAYOUT.CpuArea.id, task: LAYOUT.CpuArea.task, random: LAYOUT.CpuArea.random },
    print,
  };
}
