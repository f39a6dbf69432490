/**
 * How the core gets to a thread that creates an arena: compiled already, as bytes, from a URL, or, if nothing is given, out of
 * the package itself. The package has it as text in a module that is imported when it is needed: so there is one way for every
 * runtime and bundler, without a file system and without a server that knows the type of `.wasm` (docs/decisions/0015).
 */
import { AnyctxError } from "../error.ts";
import type { CoreModule, CoreSource } from "./types.ts";

/** Compiles the core. @throws {AnyctxError} BAD_ARENA: it cannot be had, or it is no WebAssembly */
export async function compileCore(source?: CoreSource): Promise<CoreModule> {
  if (source === undefined) return compile(await packagedBytes(), "the package");
  if (tagOf(source) === "WebAssembly.Module") return source as CoreModule;
  if (tagOf(source) === "ArrayBuffer" || ArrayBuffer.isView(source))
    return compile(source as ArrayBuffer | ArrayBufferView, "the bytes given");
  const { href } = Object(source) as { readonly href?: unknown };
  if (typeof href !== "string")
    throw new AnyctxError("EINVAL", "The option core is a WebAssembly.Module, its bytes or a URL");
  return compile(await bytesAt(href), href);
}

/** What another realm made is no instance of this one's class, but it has the tag. */
function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

async function compile(bytes: ArrayBuffer | ArrayBufferView, from: string): Promise<CoreModule> {
  try {
    return await WebAssembly.compile(bytes as BufferSource);
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", `Cannot load the core from ${from}: it does not compile`, { cause });
  }
}

async function packagedBytes(): Promise<Uint8Array> {
  try {
    const { default: base64 } = await import("../../build/core-bytes.js");
    return decode(base64);
  } catch (cause) {
    throw new AnyctxError(
      "BAD_ARENA",
      "Cannot load the core from the package: give Arena.create the option core, or, in a checkout, run `npm run build`",
      { cause },
    );
  }
}

function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/**
 * Whole, and not streamed: a server may give the file any type. Node's `fetch` reads no files; its file system is asked for by a
 * way that bundlers for browsers do not see.
 */
async function bytesAt(href: string): Promise<ArrayBuffer | ArrayBufferView> {
  try {
    const files = href.startsWith("file:") ? nodeFiles() : undefined;
    if (files !== undefined) return files.readFileSync(new URL(href));
    const response = await fetch(href);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    return await response.arrayBuffer();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnyctxError("BAD_ARENA", `Cannot load the core from ${href}: ${why}`, { cause });
  }
}

function nodeFiles(): typeof import("node:fs") | undefined {
  return typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:fs");
}
