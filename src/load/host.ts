/** An arena as programs need it. */
import type { ObjectAllocator } from "../arena/allocator.ts";
import type { Arena } from "../arena/arena.ts";
import type { CoreFunction, ProgramHost } from "../bpf/host.ts";
import { LAYOUT } from "../wasm/face.ts";

interface Allocators {
  objects?: ObjectAllocator;
  copies?: ObjectAllocator;
}

/** Of all programs on a thread's place in an arena: what an object's programs allocate may outlive it in a map that is pinned. */
const allocators = new WeakMap<Arena, Allocators>();

function allocatorsOf(arena: Arena): Allocators {
  const found = allocators.get(arena) ?? {};
  allocators.set(arena, found);
  return found;
}

/** Whoever knows its name may have destroyed it, when nothing was allocated. */
const isThere = (allocator: ObjectAllocator | undefined): allocator is ObjectAllocator =>
  allocator !== undefined && allocator.address !== 0;

/** @param print receives one line per `bpf_trace_printk` call, without a newline at its end */
export function programHost(arena: Arena, print: (line: string) => void): ProgramHost {
  const own = allocatorsOf(arena);
  return {
    objects: () => {
      if (!isThere(own.objects)) own.objects = arena.createAllocator({ any: true, name: "programs" });
      return own.objects.address;
    },
    copies: () => {
      if (!isThere(own.copies))
        own.copies = arena.createAllocator({ any: true, perCpu: true, name: "programs, per CPU" });
      return { allocator: own.copies.address, cpus: arena.cpus };
    },
    memory: arena.memory,
    core: arena.instance.functions as unknown as Readonly<Record<string, CoreFunction>>,
    layout: { id: LAYOUT.CpuArea.id, task: LAYOUT.CpuArea.task, random: LAYOUT.CpuArea.random },
    print,
  };
}
