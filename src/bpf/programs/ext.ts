/** Functions that take the place of a function of another program. */
import { givenContext, numbered, withoutEvents } from "./context.ts";
import type { ProgramType } from "./program-type.ts";

const WHAT = "A function of another program";
const EXAMPLE_BYTES = 256;

export const EXT: ProgramType<{ readonly place: string }> = {
  name: "ext",
  doc: "Takes the place of a global function of another program, whose arguments it gets; its context is given as it is.",
  prefixes: ["freplace"],
  section: "freplace/FUNCTION",
  parse: (rest) => ({ place: rest.join("/") }),
  describe: ({ place }) => `function of another program${place === "" ? "" : ` (${place})`}`,
  attaches: () => false,
  context: {
    ...withoutEvents(WHAT),
    example: (_, index) => numbered(EXAMPLE_BYTES, 0, index),
    direct: (given) => givenContext(WHAT, given),
  },
  caller: () => undefined,
  result: { ignored: false, doc: "What the function returns." },
};
