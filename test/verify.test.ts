/** `anyctx verify`, and `anyctx run` with the verifier before it and without. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { anyctx, file, firstLines, MEMLEAK } from "./command-line.ts";

const REFUSED = "src/bpf/fixtures/refused.bpf.o";

interface Row {
  readonly program: string;
  readonly section: string;
  readonly verdict: "accepted" | "rejected";
  readonly category?: string;
  readonly message?: string;
  readonly at?: { readonly instruction: number; readonly file: string; readonly line: number };
  readonly path: readonly { readonly instruction: number; readonly what: string }[];
  readonly states: number;
  readonly instructions: number;
  readonly counterexample?: { readonly steps: readonly unknown[]; readonly fault: string };
}

async function rowsOf(...args: string[]): Promise<{ code: number | null; rows: readonly Row[] }> {
  const { code, stdout } = await anyctx(["verify", ...args, "--json"]);
  return { code, rows: JSON.parse(stdout) };
}

test("all accepted: exit code 0", async () => {
  const { code, rows } = await rowsOf(MEMLEAK);
  assert.equal(code, 0);
  assert.deepEqual(
    rows.map(({ verdict }) => verdict),
    ["accepted", "accepted", "accepted", "accepted"],
  );
  for (const { instructions, path } of rows) assert.ok(instructions > 0 && path.length === 0);
});

test("some refused: exit code 5, each with its reason, none hides the others", async () => {
  const { code, rows } = await rowsOf(REFUSED);
  assert.equal(code, 5);
  assert.deepEqual(
    rows.map(({ program, category = "accepted" }) => `${program} ${category}`),
    ["missing null", "outside bounds", "forgotten reference", "packet bounds", "right accepted"],
  );
  const source = readFileSync("src/bpf/fixtures/refused.bpf.c", "utf8").split("\n");
  const lines = rows.map(({ at }) => (at === undefined ? undefined : source[at.line - 1]?.trim()));
  assert.deepEqual(lines, ["*count += 1;", "table[index] += 1;", "}", "return data[12] == 8;", undefined]);
  const [missing] = rows;
  assert.match(
    missing?.message ?? "",
    /^it reads 8 bytes through `count`, a value of map counts \(from line \d+\), which is NULL where/,
  );
  assert.match(missing?.path[0]?.what ?? "", /^the branch is (not )?taken$/);
});

test("an input for each refused access faults where it is replayed", async () => {
  const path = file("found.json", "");
  const { rows } = await rowsOf(REFUSED, "--steps", path);
  const found = rows.filter(({ counterexample }) => counterexample !== undefined).map(({ program }) => program);
  assert.deepEqual(found, ["missing", "outside", "packet"]);
  const replayed = await anyctx(["test", REFUSED, "--steps", path]);
  assert.equal(replayed.code, 0, replayed.stdout + replayed.stderr);
  assert.match(replayed.stdout, /3 steps as expected, 0 not/);
  const steps = JSON.parse(readFileSync(path, "utf8")) as { expect: { error: string } }[];
  const other = file(
    "other.json",
    JSON.stringify(steps.map((step) => ({ ...step, expect: { error: "something else" } }))),
  );
  assert.equal((await anyctx(["test", REFUSED, "--steps", other])).code, 1);
});

test("for people: what is wrong, where, how it gets there, what would help and an input", async () => {
  const { code, stdout } = await anyctx(["verify", REFUSED]);
  assert.equal(code, 5);
  for (const text of [
    /missing {2}tp\/kmem\/kfree\n {2}\.\/refused\.bpf\.c:\d+ {2}\*count \+= 1;\n {2}null: it reads 8 bytes through `count`/,
    /how it gets there\n {4}line \d+ {2}the branch is (not )?taken {2}if \(key < 77\)/,
    /what would help: Compare it with NULL first: if \(!count\) return 0;/,
    /instruction \d+: r1 = \*\(u64 \*\)\(r0 \+ 0\)\n {4}r0 +a value of map counts, or NULL/,
    /an input with which it goes wrong: program missing, instruction \d+/,
    /1 program accepted, 4 refused\n$/,
  ])
    assert.match(stdout, text);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 100, line);
});

test("how much is said", async () => {
  const brief = await anyctx(["verify", REFUSED, "--log-level", "0", "--no-counterexample"]);
  assert.ok(!brief.stdout.includes("how it gets there"));
  const long = await anyctx(["verify", MEMLEAK, "--log-level", "2"]);
  assert.match(long.stdout, /on_kfree {2}what is known at each instruction\n +0: .* r1 context \+ 0/);
});

test("a kernel's rules besides: a dynamic hash for a perf event", async () => {
  const verdict = async (policy: string): Promise<string | undefined> => {
    const { rows } = await rowsOf(REFUSED, "--policy", policy, "--no-counterexample");
    return rows.find(({ program }) => program === "right")?.category ?? "accepted";
  };
  assert.equal(await verdict("linux-6.0"), "policy");
  assert.equal(await verdict("linux-6.1"), "accepted");
  assert.equal((await anyctx(["verify", REFUSED, "--policy", "linux-5.0"])).code, 2);
});

test("no object: exit code 1", async () => {
  const { code, stderr } = await anyctx(["verify", "nothing.bpf.o"]);
  assert.equal(code, 1);
  assert.match(stderr, /cannot read nothing\.bpf\.o: there is no such file/);
});

test("a run leaves out what is refused, and says so; --no-verify runs it", async () => {
  const trace = file("kfree.trace", firstLines(400));
  const run = async (expected: number, ...args: string[]) => {
    const { code, stdout, stderr } = await anyctx([
      "run",
      REFUSED,
      "--events",
      trace,
      "--no-headline",
      "--json",
      ...args,
    ]);
    assert.equal(code, expected, stderr);
    const { programs, skippedPrograms } = JSON.parse(stdout);
    return { ran: programs.map(({ name }: { name: string }) => name), skipped: skippedPrograms };
  };
  const verified = await run(0);
  assert.deepEqual(verified.ran, ["right"]);
  const [missing] = verified.skipped as { name: string; reason: string }[];
  assert.match(
    missing?.reason ?? "",
    /^the verifier refuses it \(null\) at \.\/refused\.bpf\.c:\d+: it reads 8 bytes through/,
  );
  const unverified = await run(3, "--no-verify", "--interpreter");
  assert.deepEqual(unverified.ran, ["missing", "outside", "forgotten", "packet", "right"]);
});
