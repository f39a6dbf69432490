/** Names of tasks, as perf's records tell them. */

const encode = (text: string): Uint8Array => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const UNKNOWN = encode("<...>");

export class TaskNames {
  readonly #names = new Map<number, Uint8Array>();

  /** A task takes a name, which ends at a NUL. */
  take(task: number, text: Uint8Array): void {
    const end = text.indexOf(0);
    this.#names.set(task, text.slice(0, end < 0 ? text.length : end));
  }

  /** A thread has the name of the one that made it, until it takes another. */
  inherit(task: number, parent: number): void {
    const name = this.#names.get(parent);
    if (name !== undefined) this.#names.set(task, name);
  }

  of(task: number, cpu: number): Uint8Array {
    return this.#names.get(task) ?? (task === 0 ? encode(`swapper/${cpu}`) : UNKNOWN);
  }
}
