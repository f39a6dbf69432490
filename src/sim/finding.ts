/** What the machine finds wrong. Thrown by checks and bodies; the machine catches it and adds the schedule. */
export class Finding extends Error {
  readonly kind: string;

  constructor(kind: string, message: string) {
    super(message);
    this.name = "Finding";
    this.kind = kind;
  }
}

/** Anything that was thrown while a schedule ran, as a finding. */
export function findingFrom(thrown: unknown): Finding {
  if (thrown instanceof Finding) return thrown;
  if (thrown instanceof WebAssembly.RuntimeError) return new Finding("trap", thrown.message);
  return new Finding("assertion", thrown instanceof Error ? thrown.message : String(thrown));
}
