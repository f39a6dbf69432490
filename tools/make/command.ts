/**
 * Bundles the command line: its files, the packages that they use and what they import of the library become one file, so that who
 * installs the library installs no package of anybody else's, and a command does not begin by reading hundreds of files
 * (docs/decisions/0016).
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { build, type Plugin } from "esbuild";

const ENTRY = "src/cli/main.ts";
const OUT = "dist/cli/main.js";
const LICENSES = "dist/cli/LICENSES.txt";

/** Modules that hold nothing but data, and are imported only where it is needed: they stay outside, beside the bundle. */
const DATA = /^(?:build|src\/bpf\/shipped)\//;

const dataOutside: Plugin = {
  name: "data outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      const file = relative("", join(resolveDir, path));
      if (kind !== "dynamic-import" || !DATA.test(file)) return undefined;
      const made = file.replace(/^src\/(.*)\.ts$/, "dist/$1.js");
      return { path: relative(dirname(OUT), made), external: true };
    });
  },
};

/** The folder of the package that a file is of. */
function packageOf(file: string): string | undefined {
  return /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

/** The licence of a package, with its name and version. */
function licenseOf(folder: string): string {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<
    string,
    string
  >;
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  // Some name their licence and do not bring its text.
  if (file === undefined && license === undefined) throw new Error(`${name} cannot be bundled: it has no licence`);
  const text = file === undefined ? `${license}, ${author}` : readFileSync(join(folder, file), "utf8").trim();
  return `${name} ${version}\n\n${text}\n`;
}

export async function bundleCommand(): Promise<void> {
  rmSync(dirname(OUT), { recursive: true, force: true });
  const { metafile } = await build({
    entryPoints: [ENTRY],
    outfile: OUT,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    plugins: [dataOutside],
    minifyWhitespace: true,
    minifySyntax: true,
    // The packages are CommonJS and require modules of Node.
    banner: { js: 'import { createRequire } from "node:module";\nconst require = createRequire(import.meta.url);' },
    metafile: true,
    logLevel: "warning",
  });
  const folders = new Set(Object.keys(metafile.inputs).flatMap((file) => packageOf(file) ?? []));
  const text = [...folders]
    .sort()
    .map(licenseOf)
    .join(`\n${"-".repeat(80)}\n\n`);
  writeFileSync(LICENSES, text);
}
