/** Programs in maps of programs: what a tail call goes on in, on whatever host the one that calls runs. */
import type { ProgramHost, RunProgram } from "../bpf/host.ts";
import { instantiateImage, type ProgramImage, type Tail } from "./load.ts";

/**
 * A host with the programs of an object in their places. Each is made ready when it is first called.
 * @param tails the places, of which later ones count; by default as the object has them
 */
export function withTails(
  host: ProgramHost,
  images: readonly ProgramImage[],
  tails: () => readonly Tail[] = () => images[0]?.tails ?? [],
): ProgramHost {
  const ready = new Map<string, RunProgram>();
  const programOf = (name: string): RunProgram | undefined => {
    const image = images.find((each) => each.name === name);
    if (image === undefined) return undefined;
    const run = ready.get(name) ?? instantiateImage(image, whole);
    ready.set(name, run);
    return run;
  };
  const whole: ProgramHost = {
    ...host,
    tail: (map, index) => {
      const found = tails().findLast((tail) => tail.map === map && tail.index === index);
      return found === undefined ? undefined : programOf(found.program);
    },
  };
  return whole;
}
