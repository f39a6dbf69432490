/** Values of the options of `anyctx advise`. */
import { InvalidArgumentError } from "commander";
import type { UserInserts } from "../../explore/advise/user-space.ts";

const INSERTS_FORM = "MAP=N[,batch=K][,cpu=C]";
const MOST_INSERTS = 2 ** 24;
const SIZES: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** `basename_approvers=1000,batch=64,cpu=1`; repeatable. */
export function userInserts(text: string, before: readonly UserInserts[] = []): readonly UserInserts[] {
  const [first = "", ...rest] = text.split(",");
  const [, map = "", count = ""] = /^(.+)=(\d+)$/.exec(first) ?? [];
  const settings = new Map(rest.map((part) => [part.replace(/=.*/s, ""), part.replace(/^[^=]*=?/, "")]));
  const isWrong = [...settings].some(([name, value]) => !["batch", "cpu"].includes(name) || !/^\d{1,9}$/.test(value));
  if (map === "" || isWrong) throw new InvalidArgumentError(`It should have the form ${INSERTS_FORM}.`);
  const number = Number(count);
  const batch = Number(settings.get("batch") ?? 1);
  if (number < 1 || number > MOST_INSERTS || batch < 1)
    throw new InvalidArgumentError(`There should be 1 to ${MOST_INSERTS} inserts, and a batch of at least 1.`);
  return [...before, { map, count: number, batch, cpu: Number(settings.get("cpu") ?? 0) }];
}

/** A number of bytes, `2097152` or `2M`. */
export function byteCount(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,15})([kmg]?)(?:ib)?$/i.exec(text) ?? [];
  const bytes = Number(digits) * (SIZES[unit.toLowerCase()] ?? 1);
  if (digits === "" || bytes < 1) throw new InvalidArgumentError("It should be a number of bytes, as 2097152 or 2M.");
  return bytes;
}

/** What makes the command end with exit code 4. */
export interface FailOn {
  readonly enomem: boolean;
  readonly bytes?: number;
}

/** `enomem`, `bytes=N`; repeatable. */
export function failOn(text: string, before: FailOn = { enomem: false }): FailOn {
  if (text === "enomem") return { ...before, enomem: true };
  if (!text.startsWith("bytes=")) throw new InvalidArgumentError("It should be enomem or bytes=N.");
  return { ...before, bytes: byteCount(text.slice("bytes=".length)) };
}
