/**
 * Where the fields of the core's structures lie, and its constants, read from its source: for the names in traces and
 * for checks that walk lists. The structures are `@unmanaged` classes of numbers, aligned as AssemblyScript aligns them.
 */

export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface Layout {
  readonly constants: Readonly<Record<string, number>>;
  readonly structures: Readonly<Record<string, readonly Field[]>>;
}

const BYTES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, i32: 4, usize: 4, u64: 8, i64: 8 };

function fieldsOf(body: string): Field[] {
  const fields: Field[] = [];
  let offset = 0;
  for (const [, name = "", type = ""] of body.matchAll(/^ {2}(\w+): (\w+);/gm)) {
    const bytes = BYTES[type];
    if (bytes === undefined) throw new Error(`layout: field ${name} is of unknown type ${type}`);
    offset = Math.ceil(offset / bytes) * bytes;
    fields.push({ name, offset, bytes });
    offset += bytes;
  }
  return fields;
}

/** A constant's value where it is a number, or sums, products and shifts of constants known so far. */
function evaluate(expression: string, known: Readonly<Record<string, number>>): number | undefined {
  const plain = expression.replace(/<\w+>/g, "").replace(/[A-Z_]\w*/g, (name) => String(known[name] ?? "?"));
  if (!/^[-\dxa-fA-F\s+*/()<]+$/.test(plain)) return undefined;
  const value: unknown = new Function(`return (${plain});`)();
  return typeof value === "number" && Number.isInteger(value) ? value : undefined;
}

/** @param sources texts of the core's files, in the order of their imports (bottom first) */
export function readLayout(sources: readonly string[]): Layout {
  const constants: Record<string, number> = {};
  const structures: Record<string, readonly Field[]> = {};
  for (const text of sources) {
    for (const [, name = "", expression = ""] of text.matchAll(/^(?:export )?const ([A-Z]\w*): \w+ = ([^;]+);/gm)) {
      const value = evaluate(expression, constants);
      if (value !== undefined) constants[name] = value;
    }
    for (const [, name = "", body = ""] of text.matchAll(/^@unmanaged\nexport class (\w+) \{\n(.*?)^\}/gms))
      structures[name] = fieldsOf(body);
  }
  return { constants, structures };
}
