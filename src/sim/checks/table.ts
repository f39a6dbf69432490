/** What holds of a hash's table while nobody is at it. */
import { CONSTANTS } from "../../wasm/face.ts";
import { tableSegments } from "../../wasm/table.ts";
import { Finding } from "../finding.ts";
import type { World } from "../world.ts";

interface Bucket {
  readonly address: number;
  readonly index: number;
  readonly isDead: boolean;
}

/** The buckets of a hash that exist now. */
export function bucketsOf(world: World, map: number): Bucket[] {
  return tableSegments((at) => world.memory.load(at) >>> 0, map).flatMap(({ address, index, buckets }) =>
    Array.from({ length: buckets }, (_, each) => {
      const bucket = address + each * CONSTANTS.BUCKET_BYTES;
      const isDead = (world.memory.load(bucket) & Number(CONSTANTS.DEAD)) !== 0;
      return { address: bucket, index: index + each, isDead };
    }),
  );
}

/**
 * Alive are as many buckets as the root says, the first ones: the next migrator goes by that, and takes away segments that the
 * root does not need.
 */
export function checkTable(world: World, map: number): void {
  const root = world.field(map, "MapHeader", "root");
  const wrong = bucketsOf(world, map).find(({ index, isDead }) => isDead === index < root);
  if (wrong !== undefined)
    throw new Finding("table", `of ${root} buckets, bucket ${wrong.index} is ${wrong.isDead ? "dead" : "alive"}`);
}
