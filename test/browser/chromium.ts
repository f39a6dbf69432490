/** Headless Chromium, where the machine has one: it is not installed here. */
import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

const PATHS = [process.env["CHROMIUM"], "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** Where Chromium is; undefined if there is none. */
export const CHROMIUM: string | undefined = PATHS.find((path) => path !== undefined && existsSync(path));

/** Why tests in a browser are skipped, false if they are not. */
export const NO_BROWSER: string | false =
  CHROMIUM === undefined ? "there is no Chromium here: install it, or say where it is by CHROMIUM" : false;

const FLAGS = [
  // A container has no user namespaces, and no click to begin with sound.
  ...["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"],
  // A closed network: what the browser asks for by itself is refused, and asked for again.
  ...["--disable-quic", "--no-first-run", "--disable-background-networking"],
  ...["--disable-component-update", "--disable-sync"],
];

export function launch(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error("there is no Chromium here");
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}
