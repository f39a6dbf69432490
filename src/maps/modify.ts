/**
 * Read-modify-write: what is read, changed and written back, so that nobody's change in between is lost. `get` and then `set` loses
 * it. Numbers are changed by the core under the bucket's lock; other values by a comparison with what was read, again and again
 * until nobody was faster.
 */
import { checkFunction } from "../arguments.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS } from "../wasm/face.ts";
import type { Accessor, Codec } from "./codec/accessor.ts";
import { sumOutOfRange, writeAmount } from "./codec/amount.ts";
import { hasOtherForms } from "./codec/codec.ts";
import { type NumberPlace, numberPlaceOf } from "./codec/number-place.ts";
import { refusalOf } from "./codec/refusal.ts";
import { SCALARS } from "./codec/scalar.ts";
import { MapEntries, type OpenMap } from "./entries.ts";
import { mapFailure } from "./failure.ts";
import type { MapHost } from "./host.ts";
import type { NumberRoom } from "./transfer/transfer.ts";

const { EXCHANGES } = CONSTANTS;
const { EAGAIN, EEXIST, EINVAL, ENOENT, ERANGE } = ERRNO;

/** Names of a struct's fields that are numbers. */
export type NumberField<V> = V extends readonly unknown[] | Uint8Array
  ? never
  : { [Name in keyof V]: V[Name] extends number | bigint ? Name : never }[keyof V] & string;

/** A number of the values, bound to where the core takes and leaves it: the number to be, and the expected one. */
interface BoundNumber extends NumberPlace {
  readonly room: NumberRoom;
  readonly result: Accessor<number | bigint>;
  readonly expected: Accessor<number | bigint>;
}

export class ModifiedEntries<K, V> extends MapEntries<K, V> {
  readonly #codec: Codec<V>;
  readonly #hasOtherForms: boolean;
  /** Keys whose changes are being asked for: by `compute` within `compute`. */
  readonly #computed: K[] = [];
  readonly #numbers = new Map<string | undefined, BoundNumber>();
  /** What is added, as the core takes it: magnitude or float. */
  readonly #amountBytes: Uint8Array = new Uint8Array(8);
  readonly #amount: DataView = new DataView(this.#amountBytes.buffer);

  /** @internal */
  constructor(host: MapHost, open: OpenMap, keyCodec: Codec<K>, valueCodec: Codec<V>) {
    super(host, open, keyCodec, valueCodec);
    this.#codec = valueCodec;
    this.#hasOtherForms = hasOtherForms(valueCodec.description);
  }

  /**
   * Adds to a number: the value, or a field of it. An entry that is not there begins as zeroes. Of threads that add at once none is
   * lost.
   * @param amount of an integer any that JavaScript has exactly, bigint for `u64` and `i64`; of a float any number
   * @returns the new number
   * @throws {AnyctxError} ERANGE: the codec cannot hold the sum, and nothing has changed; EINVAL: no number, no amount, or a
   * per-CPU map or a queue; otherwise as `set`
   */
  add(key: K, amount: V & (number | bigint)): V;
  add<F extends NumberField<V>>(key: K, field: F, amount: V[F]): V[F];
  add(key: K, ...given: readonly unknown[]): unknown {
    const [field, amount] = given.length > 1 ? [given[0] as string, given[1]] : [undefined, given[0]];
    const number = this.#numberOf(field);
    const subtracts = writeAmount(this.#amount, number.name, amount, this.info.name);
    const at = this.transfer.place(key);
    this.checkOpen("change an entry of", "mayChange");
    number.room.put(this.#amountBytes);
    this.#change(at, number, number.kind | subtracts, amount);
    return number.result.read();
  }

  /**
   * Replaces a value, or a number of it, if it is `expected`, byte by byte, but for what lies between fields and behind texts.
   * `undefined` stands for no entry: expected, the entry is created; to be put in its place, it is deleted.
   * @returns whether it was as expected
   * @throws {AnyctxError} as `set`; EINVAL: a per-CPU map or a queue, or an array's value that is no number
   */
  compareExchange(key: K, expected: V | undefined, value: V | undefined): boolean;
  compareExchange<F extends NumberField<V>>(key: K, field: F, expected: V[F], value: V[F]): boolean;
  compareExchange(key: K, ...given: readonly unknown[]): boolean {
    if (given.length > 2) return this.#exchangeNumber(key, given[0] as string | undefined, given[1], given[2]);
    this.#checkWhole();
    const [expected, value] = given as readonly (V | undefined)[];
    if (expected === undefined) return this.replace(key, undefined, value);
    const before = this.bytesIf(key, expected);
    return before !== undefined && this.replace(key, before, value);
  }

  /** The bytes that an entry has if its value is `expected`; undefined: it is known to have another one. */
  protected bytesIf(key: K, expected: V): Uint8Array | undefined {
    const { transfer } = this;
    const bytes = transfer.encode(expected);
    if (!this.#hasOtherForms) return bytes;
    const there = this.find(key);
    if (there === undefined) return undefined;
    const same = transfer.encode(transfer.decode(there));
    return same.every((byte, index) => byte === bytes[index]) ? there : undefined;
  }

  /**
   * The value under a key; one that is not there is created.
   * @param value the value, or what makes it: called only if there is none. What it made is dropped if another thread was faster
   * @throws {AnyctxError} as `get` and `set`
   */
  getOrInsert(key: K, value: V | ((key: K) => V)): V {
    while (true) {
      const there = this.get(key);
      if (there !== undefined) return there;
      const made = typeof value === "function" ? (value as (key: K) => V)(key) : value;
      const result = this.insert(key, made);
      if (result === 0) return made;
      if (result !== -EEXIST) throw mapFailure(this.info, result, "set an entry of");
    }
  }

  /** As `getOrInsert` with a function: the name that `Map` has for it. */
  getOrInsertComputed(key: K, make: (key: K) => V): V {
    checkFunction("getOrInsertComputed", "make", make);
    // As Map, which gives the key that it keeps.
    return this.getOrInsert((Object.is(key, -0) ? 0 : key) as K, make);
  }

  /**
   * Changes an entry as a whole: what `change` makes of its value takes its place if it still has that value; otherwise `change` is
   * asked again. `undefined` stands for no entry.
   * @returns the value that is there now
   * @throws {AnyctxError} as `compareExchange`; what `change` throws, and nothing has changed; EINVAL: `change` computes this very
   * entry, and would always find itself to have been faster. It must not write it in another way either
   */
  compute(key: K, change: (value: V | undefined, key: K) => V | undefined): V | undefined {
    checkFunction("compute", "change", change);
    this.#checkWhole();
    if (this.#computed.includes(key))
      throw new AnyctxError("EINVAL", `The change of an entry of map "${this.info.name}" computes that entry itself`);
    this.#computed.push(key);
    try {
      while (true) {
        const before = this.find(key);
        const next = change(before === undefined ? undefined : this.transfer.decode(before), key);
        if (this.replace(key, before, next)) return next;
      }
    } finally {
      this.#computed.pop();
    }
  }

  /**
   * Adds a value to a queue, a stack or a bloom filter.
   * @returns 0; -E2BIG: there is no room; -EINVAL: what can be no value, or a map of another kind; otherwise as `update`
   */
  push(value: V): number {
    const isPushed = this.info.kind.program.push !== undefined;
    return this.isOpen && !isPushed ? -EINVAL : this.update(undefined as K, value);
  }

  /**
   * Takes the next value off a queue or a stack; undefined: there is none.
   * @throws {AnyctxError} EINVAL for another kind; otherwise as `take`
   */
  pop(): V | undefined {
    this.#checkPopped("take a value off");
    return this.take(undefined as K);
  }

  /**
   * The next value of a queue or a stack, which stays; undefined: there is none.
   * @throws {AnyctxError} EINVAL for another kind; otherwise as `get`
   */
  peek(): V | undefined {
    this.#checkPopped("look at a value of");
    return this.get(undefined as K);
  }

  #checkPopped(what: string): void {
    this.checkOpen(what);
    if (this.info.kind.program.pop === undefined) throw mapFailure(this.info, -EINVAL, what);
  }

  /**
   * Whether a bloom filter may have a value: false, it was never put in; true, it was, or is taken for one that was.
   * @throws {AnyctxError} EINVAL for another kind; EBADF, EPERM
   */
  mayHave(value: V): boolean {
    const what = "look for a value in";
    const { has } = this.info.kind.system;
    this.checkOpen(what, "mayRead");
    if (has === undefined) throw mapFailure(this.info, -EINVAL, what);
    this.transfer.write(undefined as K, value);
    // To read a value may run code, which may have closed the map.
    this.checkOpen(what);
    return this.core[has](this.info.address, this.transfer.valueAddress) === 0;
  }

  /** Whether values can be compared and replaced as a whole: of a map without locks only those that are one word. */
  #checkWhole(): void {
    this.checkOpen("change an entry of", "mayChange");
    const { modify } = this.info.kind;
    if (modify === undefined || (modify.compareUpdate === undefined && this.#wordKind === undefined))
      throw mapFailure(this.info, -EINVAL, "change an entry of");
  }

  /** The kind of number that a value's bytes are, if they are as many as one has. */
  get #wordKind(): number | undefined {
    const kind = [1, 2, 4, 8].indexOf(this.info.valueSize);
    return kind < 0 ? undefined : kind;
  }

  /** One attempt: whether it was as expected. @param before the value's bytes; undefined: there is no entry */
  protected replace(key: K, before: Uint8Array | undefined, value: V | undefined): boolean {
    const result = before === undefined ? this.#create(key, value) : this.#swap(key, before, value);
    if (result === -EEXIST || result === -EAGAIN || result === -ENOENT) return false;
    if (result !== 0) throw mapFailure(this.info, result, "change an entry of");
    return true;
  }

  #create(key: K, value: V | undefined): number {
    if (value === undefined) return this.has(key) ? -EEXIST : 0;
    return this.insert(key, value);
  }

  #swap(key: K, before: Uint8Array, value: V | undefined): number {
    const { kind, address } = this.info;
    const after = value === undefined ? undefined : this.transfer.encode(value);
    const at = this.transfer.place(key);
    // What was asked for key and value may have closed the map.
    this.checkOpen("change an entry of", "mayChange");
    const { change, compareUpdate, compareDelete } = kind.modify ?? {};
    if (compareUpdate === undefined || compareDelete === undefined)
      return change === undefined || after === undefined ? -EINVAL : this.#swapWord(at, before, after);
    const to = this.transfer.placePair(before, after ?? before);
    const { valueAddress } = this.transfer;
    if (after === undefined) return this.core[compareDelete](address, at, valueAddress);
    return this.core[compareUpdate](address, at, valueAddress, to);
  }

  /** Of a map without locks: values that are one word are exchanged as one. */
  #swapWord(at: number, before: Uint8Array, after: Uint8Array): number {
    const words = new Uint8Array(16);
    words.set(after, 0);
    words.set(before, 8);
    const { numbers } = this.transfer;
    if (numbers === undefined) return -EINVAL;
    numbers.put(words);
    return this.#changeAt(at, numbers.address, 0, (this.#wordKind ?? 0) | EXCHANGES);
  }

  #numberOf(field: string | undefined): BoundNumber {
    this.checkOpen("change an entry of", "mayChange");
    const { numbers } = this.transfer;
    if (this.info.kind.modify?.change === undefined || numbers === undefined)
      throw mapFailure(this.info, -EINVAL, "change a number of");
    const known = this.#numbers.get(field);
    if (known !== undefined) return known;
    const place = numberPlaceOf(this.#codec.description, field, this.info.name);
    const codec = SCALARS[place.name] as Codec<number | bigint>;
    const { address } = numbers;
    const { buffer } = this.host.memory;
    const bound = {
      ...{ ...place, room: numbers },
      ...{ result: codec.bind(buffer, address), expected: codec.bind(buffer, address + 8) },
    };
    this.#numbers.set(field, bound);
    return bound;
  }

  #exchangeNumber(key: K, field: string | undefined, expected: unknown, value: unknown): boolean {
    const number = this.#numberOf(field);
    const at = this.transfer.place(key);
    this.checkOpen("change an entry of", "mayChange");
    number.room.put(new Uint8Array(16));
    try {
      number.result.write(value as number);
      number.expected.write(expected as number);
    } catch (cause) {
      const part = field === undefined ? "number" : `field ${field}`;
      throw refusalOf(`The ${part} of map "${this.info.name}" is refused`, cause);
    }
    return this.#change(at, number, number.kind | EXCHANGES, value);
  }

  /** Whether the number was as expected, or is there to be added to. */
  #change(at: number, { name, offset, room }: BoundNumber, change: number, amount: unknown): boolean {
    const result = this.#changeAt(at, room.address, offset, change);
    if (result === -ERANGE) throw sumOutOfRange(name, amount, this.info.name);
    if (result === -EAGAIN || (result === -ENOENT && (change & EXCHANGES) !== 0)) return false;
    if (result !== 0) throw mapFailure(this.info, result, "change an entry of");
    return true;
  }

  #changeAt(at: number, room: number, offset: number, change: number): number {
    const { kind, address } = this.info;
    if (kind.modify?.change === undefined) return -EINVAL;
    return this.core[kind.modify.change](address, at, offset, change, room);
  }
}
