/** One look of `bench verify` in a process of its own: tells its parent what it took. */
import { readFile } from "node:fs/promises";
import { readObject } from "../bpf/object/object.ts";
import { verifyProgram } from "../bpf/verifier/verify.ts";
import type { Look } from "./verify.ts";
import { programsOf } from "./verify-programs.ts";

const [, , object = "", wanted] = process.argv;
const found = programsOf(readObject(await readFile(object), object)).find(({ name }) => name === wanted);
if (found === undefined || process.send === undefined) throw new Error("This is run by bench verify, not by hand");
const begin = performance.now();
const { verdict, instructions, states } = verifyProgram(found.program);
const milliseconds = performance.now() - begin;
const look: Look = { verdict, instructions, states, milliseconds, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.send(look, () => process.disconnect());
