/** What a printed line consists of: fixed text, and values with the fields that they belong to. */
import type { EventField } from "../../event.ts";
import type { Inverse } from "./inverse.ts";
import type { WordSet } from "./words.ts";

/** Another field in a printed sum, which an earlier item tells. */
export interface Beside {
  readonly field: EventField;
  /** It is added, or taken away. */
  readonly sign: 1n | -1n;
}

/** Blanks around a text that is narrower than its column: in front of it, or behind it up to so many columns. */
export interface Padding {
  readonly padded: boolean;
  readonly columns: number;
}

interface Padded {
  readonly padding?: Padding | undefined;
}

export type PrintItem =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "number";
      readonly base: 8 | 10 | 16;
      readonly padded: boolean;
      /** `%-5d`: blanks follow up to so many columns. */
      readonly columns: number;
      /** `%08x`: at least so many digits, and no blanks; 0: any number of them. */
      readonly digits: number;
      /** `%#x`: in front of the digits stands `0x`, unless they are 0. */
      readonly prefixed: boolean;
      readonly field: EventField;
      readonly index: number;
      readonly inverse: Inverse;
      /** Bits of the field that the number tells. */
      readonly covers: bigint;
      /** It is added to what another item tells of the field. */
      readonly isSummand?: boolean;
      readonly beside?: Beside;
    }
  | { readonly kind: "pointer"; readonly field: EventField; readonly index: number }
  | ({ readonly kind: "symbol"; readonly field: EventField; readonly index: number } & Padded)
  | ({
      readonly kind: "string";
      readonly field: EventField;
      /** `%.4s`: a text of so many letters may be the beginning of a longer one. 0: all is printed. */
      readonly most: number;
    } & Padded)
  | ({ readonly kind: "words"; readonly field: EventField; readonly sets: readonly WordSet[] } & Padded)
  /** One character. */
  | { readonly kind: "character"; readonly field: EventField; readonly set: WordSet | undefined }
  /** A text that is bytes in another form: an address, bytes in hex. */
  | ({
      readonly kind: "bytes";
      readonly field: EventField;
      readonly read: (text: string) => Uint8Array | undefined;
      /** All bytes of the field are printed, and not only the first ones. */
      readonly whole: boolean;
    } & Padded)
  /** What is not understood, or not needed. `fields`: what it would have told; `texts`: all that it may be. */
  | { readonly kind: "ignored"; readonly fields: readonly EventField[]; readonly texts?: readonly string[] };
