/**
 * What a scenario has to reach: lines of the core, by function and text so that they may move, and what its bodies say
 * they saw. A scenario that is about something and never gets there proves nothing; so each place has a count.
 */
import type { SiteTable } from "./core.ts";

/** A line of the core: an access to memory in this function, in a line that has this text; left out, in any line. */
export interface Line {
  readonly in: string;
  readonly text?: string;
}

/** A line, or what `World.saw` is told. */
export type Place = Line | string;

export function placeName(place: Place): string {
  if (typeof place === "string") return place;
  return place.text === undefined ? `${place.in}()` : `${place.in}(): ${place.text}`;
}

/** Counts of what schedules reached: preparing a world and checking it at rest do not count. */
export class Reached {
  /** Accesses by site. */
  readonly sites: Float64Array;
  readonly seen: Map<string, number> = new Map();
  readonly #table: SiteTable;

  constructor(table: SiteTable) {
    this.#table = table;
    this.sites = new Float64Array(table.kinds.length);
  }

  /** How often a place was reached. 0 as well where the core has no such line: it is gone or has another name. */
  count(place: Place): number {
    if (typeof place === "string") return this.seen.get(place) ?? 0;
    const { functionOf, textOf, texts } = this.#table;
    const isThere = (site: number): boolean =>
      functionOf[site] === place.in &&
      (place.text === undefined || texts[textOf[site] as number]?.includes(place.text) === true);
    return this.sites.reduce((sum, count, site) => (count > 0 && isThere(site) ? sum + count : sum), 0);
  }

  add(other: Reached): void {
    for (const [site, count] of other.sites.entries()) this.sites[site] = (this.sites[site] as number) + count;
    for (const [what, count] of other.seen) this.see(what, count);
  }

  see(what: string, count = 1): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + count);
  }
}
