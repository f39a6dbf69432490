/** Programs in maps of programs: what a tail call goes on in, on whatever host the one that calls runs. */
import type { ProgramHost, RunProgram } from "../bpf/host.ts";
import { instantiateImage, type ProgramImage, type Tail } from "./load.ts";

/** The places of programs as their objects have them. */
function declaredTails(images: readonly ProgramImage[]): readonly Tail[] {
  return [...new Set(images.map(({ tails }) => tails))].flat();
}

/** Whether all programs that go on by a map are of a type: one of another would take their context for its own. */
export function mayGoOnIn(images: readonly ProgramImage[], map: number, { kind: { type } }: ProgramImage): boolean {
  return images.every(({ kind, linked }) => kind.type === type || !linked.maps.some(({ address }) => address === map));
}

/**
 * A host with the programs of objects in their places. Each is made ready when it is first called.
 * @param tails the places, of which later ones count; by default as the objects have them
 */
export function withTails(
  host: ProgramHost,
  images: readonly ProgramImage[],
  tails?: () => readonly Tail[],
): ProgramHost {
  const declared = declaredTails(images);
  const ready = new Map<string, RunProgram>();
  const programOf = (map: number, name: string): RunProgram | undefined => {
    const image = images.find(({ linked }) => linked.name === name);
    if (image === undefined || !mayGoOnIn(images, map, image)) return undefined;
    const run = ready.get(name) ?? instantiateImage(image, whole);
    ready.set(name, run);
    return run;
  };
  const whole: ProgramHost = {
    ...host,
    tail: (map, index) => {
      const found = (tails?.() ?? declared).findLast((tail) => tail.map === map && tail.index === index);
      return found === undefined ? undefined : programOf(map, found.program);
    },
  };
  return whole;
}
