/**
 * The annotations of Linux's own selftests for its verifier: `npm run selftests -- [FOLDER]`. What has to load and what has to be refused,
 * as `__success` and `__failure` say it. FOLDER is a kernel's source; without it Debian's linux-source and bpftool are fetched. The
 * tests are compiled by clang against the types of the running kernel. Prints counts, then every disagreement with its reason; exit
 * code 1 where one has none.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readObject } from "../../src/bpf/object/object.ts";
import type { ObjectSpec } from "../../src/bpf/object/spec.ts";
import { verifyOne } from "../../src/load/verify.ts";
import { type Annotation, annotationsIn } from "./annotations.ts";
import { LOADED_HERE, REFUSED_HERE, reasonFor, STRUCTURE } from "./selftest-reasons.ts";

const SOURCE_PACKAGE = "linux-source-6.12";
const PACKAGES = [SOURCE_PACKAGE, "bpftool"];
const TREE = [
  "tools/testing/selftests/bpf",
  "tools/lib/bpf",
  "tools/include",
  "include/uapi/linux/bpf.h",
  "scripts/bpf_doc.py",
];
const SECONDS = 600;

function run(folder: string, command: string, ...args: string[]): Buffer {
  return execFileSync(command, args, {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: SECONDS * 1000,
    maxBuffer: 1 << 28,
  });
}

/** Debian's packages, unpacked as far as they are needed. @returns the kernel's source */
function fetchSource(folder: string): string {
  run(folder, "apt-get", "download", ...PACKAGES);
  for (const name of readdirSync(folder).filter((each) => each.endsWith(".deb")))
    run(folder, "dpkg-deb", "--extract", name, "packages");
  const members = TREE.map((path) => `${SOURCE_PACKAGE}/${path}`);
  run(folder, "tar", "xf", `packages/usr/src/${SOURCE_PACKAGE}.tar.xz`, ...members);
  return join(folder, SOURCE_PACKAGE);
}

/** Types of the running kernel and prototypes of its helpers, as headers. */
function makeHeaders(folder: string, source: string): void {
  const packed = join(folder, "packages/usr/sbin/bpftool");
  const bpftool = existsSync(packed) ? packed : "bpftool";
  writeFileSync(
    join(folder, "vmlinux.h"),
    run(folder, bpftool, "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"),
  );
  const helpers = run(source, "python3", "scripts/bpf_doc.py", "--header", "--filename", "include/uapi/linux/bpf.h");
  mkdirSync(join(folder, "bpf"), { recursive: true });
  writeFileSync(join(folder, "bpf/bpf_helper_defs.h"), helpers);
}

function compile(folder: string, source: string, file: string): Uint8Array | undefined {
  const tests = join(source, "tools/testing/selftests/bpf");
  const target = join(folder, "object.o");
  const includes = [folder, join(folder, "bpf"), tests, join(source, "tools/include/uapi"), join(source, "tools/lib")];
  const flags = ["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86", "-Wno-everything"];
  const machine = ["-idirafter", "/usr/include/x86_64-linux-gnu", "-idirafter", "/usr/include"];
  const clang = ["clang", "clang-19", "clang-16"].find((name) => existsSync(`/usr/bin/${name}`)) ?? "clang";
  try {
    run(
      folder,
      clang,
      ...flags,
      ...includes.map((each) => `-I${each}`),
      ...machine,
      "-c",
      join(tests, "progs", file),
      "-o",
      target,
    );
    return readFileSync(target);
  } catch {
    return undefined;
  }
}

const counts = { accepted: 0, falselyRefused: 0, refused: 0, accepting: 0, unsupported: 0, uncompiled: 0 };
const disagreements: string[] = [];
let unexplained = 0;

function disagree(file: string, { program, section }: Annotation, said: string, why: string | undefined): void {
  if (why === undefined) unexplained++;
  disagreements.push(`${file} ${program} (${section}): ${said}: ${why ?? "NO REASON KNOWN"}`);
}

function judge(file: string, object: ObjectSpec, annotation: Annotation): void {
  const program = object.programs.find(({ name }) => name === annotation.program);
  const verdict = program === undefined ? undefined : verifyOne(object, program);
  const said = `${verdict?.category}: ${verdict?.message}`;
  const isStructure = verdict?.category === "unsupported" && STRUCTURE.test(said);
  if (verdict === undefined || (verdict.category === "unsupported" && !isStructure)) counts.unsupported++;
  else if (annotation.expected === "accepted") {
    if (verdict.verdict === "accepted") counts.accepted++;
    else {
      counts.falselyRefused++;
      disagree(file, annotation, said, reasonFor(REFUSED_HERE, said));
    }
  } else if (verdict.verdict === "rejected") counts.refused++;
  else {
    counts.accepting++;
    const [message = ""] = annotation.messages;
    disagree(file, annotation, message, reasonFor(LOADED_HERE, message));
  }
}

function judgeAll(folder: string, source: string): void {
  const tests = join(source, "tools/testing/selftests/bpf/progs");
  for (const file of readdirSync(tests).filter((name) => name.endsWith(".c"))) {
    const annotations = annotationsIn(readFileSync(join(tests, file), "utf8"));
    const bytes = annotations.length === 0 ? undefined : compile(folder, source, file);
    if (bytes === undefined) counts.uncompiled += annotations.length;
    else for (const annotation of annotations) judge(file, readObject(bytes, file), annotation);
  }
}

const folder = mkdtempSync(join(tmpdir(), "selftests-"));
try {
  const source = process.argv[2] ?? fetchSource(folder);
  makeHeaders(folder, source);
  judgeAll(folder, source);
  const share = (good: number, bad: number): string =>
    `${good}/${good + bad} (${((100 * good) / Math.max(1, good + bad)).toFixed(1)} %)`;
  console.log(disagreements.join("\n"));
  console.log(`must load: ${share(counts.accepted, counts.falselyRefused)} accepted`);
  console.log(`must be refused: ${share(counts.refused, counts.accepting)} refused`);
  console.log(`not tried: ${counts.unsupported} need what is not here, ${counts.uncompiled} were not compiled`);
  if (unexplained > 0) process.exitCode = 1;
} catch (error) {
  console.log(`selftests: skipped: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
