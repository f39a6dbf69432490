/** The command line is documented, in its own help and in README.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Command } from "commander";
import { quoted } from "./prose.ts";
import { filesBelow, read } from "./sources.ts";

/** The commands as `src/cli/` defines them: each in a file that exports its row. */
async function commands(): Promise<Command[]> {
  const files = filesBelow("src/cli").filter((path) => /export const \w+: CommandRow/.test(read(path)));
  const rows = await Promise.all(
    files.map(async (path) => {
      const module = (await import(`../../${path}`)) as Record<
        string,
        { name: string; define: (command: Command) => void }
      >;
      return Object.entries(module).flatMap(([name, row]) => (name.endsWith("Command") ? [row] : []));
    }),
  );
  return rows.flat().map(({ name, define }) => {
    const command = new Command(name);
    define(command);
    return command;
  });
}

test("commands, their arguments and options are documented, in their help and in README.md", async () => {
  const all = await commands();
  assert.deepEqual(all.map((command) => command.name()).sort(), [
    "advise",
    "bench",
    "check",
    "contexts",
    "events",
    "inspect",
    "run",
    "test",
    "types",
    "verify",
  ]);
  const readme = read("README.md");
  for (const command of all) {
    assert.ok(command.description().length > 0 && command.summary().length > 0, command.name());
    assert.ok(readme.includes(`anyctx ${command.name()}`), `README.md shows anyctx ${command.name()}`);
    for (const argument of command.registeredArguments) assert.ok(argument.description.length > 0, argument.name());
    for (const { long, description } of command.options) {
      assert.ok(description.length > 0, `${command.name()} ${long}`);
      assert.ok(readme.includes(`\`${long}`), `README.md explains ${command.name()} ${long}`);
    }
  }
  const flags = new Set(all.flatMap((command) => command.options.map(({ long }) => long)));
  const named = quoted("README.md").flatMap((text) => (/^(--[a-z-]+)/.exec(text) ?? []).slice(1));
  assert.deepEqual(
    named.filter((flag) => !flags.has(flag)),
    [],
    "README.md names no option that is not there",
  );
});
