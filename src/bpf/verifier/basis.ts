/**
 * What was decided by a number. Two states that differ in numbers by which nothing was decided are as good as the same, so each number
 * remembers what it was made of: when an access, a size or a branch relies on it, it has relied on all of that.
 */
export class Basis {
  relied = false;
  /** It goes into a turn of a loop that was not looked at by itself: whatever it is there, it has to stay within what was looked at. */
  kept = false;
  /** A path ended where another had been with another number here: it did not matter there, whoever relies on it elsewhere. */
  ignored = false;
  #left: Basis | undefined;
  #right: Basis | undefined;

  constructor(left?: Basis, right?: Basis) {
    this.#left = left;
    this.#right = right;
  }

  /** The number, and all that it is made of, counts where states are compared, although nothing is decided by it. */
  keep(): void {
    const open: Basis[] = [this];
    for (let basis = open.pop(); basis !== undefined; basis = open.pop()) {
      if (basis.kept) continue;
      basis.kept = true;
      if (basis.#left !== undefined) open.push(basis.#left);
      if (basis.#right !== undefined) open.push(basis.#right);
    }
  }

  /** Something is decided by the number. */
  rely(): void {
    const open: Basis[] = [this];
    for (let basis = open.pop(); basis !== undefined; basis = open.pop()) {
      if (basis.relied) continue;
      basis.relied = true;
      basis.kept = true;
      if (basis.#left !== undefined) open.push(basis.#left);
      if (basis.#right !== undefined) open.push(basis.#right);
      basis.#left = undefined;
      basis.#right = undefined;
    }
  }
}

/** Of numbers of which nothing is known: there is nothing to rely on. */
export const NO_BASIS: Basis = new Basis();
NO_BASIS.rely();
