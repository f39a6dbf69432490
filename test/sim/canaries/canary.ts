/** What a canary is: a core with one guard taken out. */
export interface Edit {
  readonly file: string;
  /** The text as it is in the file, exactly once. */
  readonly guard: string;
  readonly without: string;
}

export interface Canary {
  readonly name: string;
  /** What is taken out, and what goes wrong then. */
  readonly doc: string;
  readonly edits: readonly Edit[];
  /** Name of the scenario that has to fail. */
  readonly scenario: string;
}
