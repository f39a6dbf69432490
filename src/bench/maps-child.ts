/** One row of `bench maps` in a process of its own: tells its parent what each round took. */
import { Arena } from "../arena/arena.ts";
import { type Loops, makeSides } from "./maps-sides.ts";
import { WORKLOADS } from "./maps-workloads.ts";

/** Rounds before those that count: the engine compiles what is hot, and memory is touched for the first time. */
const WARM_UP = 3;

/** A copy of the loops for one side: what V8 learns of one kind of map is not for the other. */
async function loopsFor(side: string): Promise<Loops> {
  return (await import(new URL(`./maps-loops.js?${side}`, import.meta.url).href)) as Loops;
}

/** Waits until the parent has it; when the parent is gone this throws, and the process ends. */
function tell(message: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    process.send?.(message, (error: Error | null) => (error === null ? resolve() : reject(error)));
  });
}

const [, , name, rounds] = process.argv;
const workload = WORKLOADS.find((each) => each.name === name);
if (workload === undefined || process.send === undefined) throw new Error("This is run by bench maps, not by hand");
const arena = await Arena.create({ maximumBytes: 1 << 29, cpus: 4 });
const loops = { arena: await loopsFor("arena"), other: await loopsFor("other") };
const sides = makeSides(arena, workload, loops);
for (let round = 0; round < WARM_UP + Number(rounds); round++) {
  const taken = sides.run(round);
  if (round >= WARM_UP) await tell(taken);
}
process.disconnect();
