/**
 * WebAssembly's types where there may be none: the public API names them, and whoever compiles against it may have neither
 * the DOM library nor another one that declares them. With one they are its types.
 */

/** A shared `WebAssembly.Memory`. */
export type SharedMemory = typeof globalThis extends { WebAssembly: { Memory: { prototype: infer Memory } } }
  ? Memory
  : { readonly buffer: ArrayBufferLike; grow(pages: number): number };

/** A compiled `WebAssembly.Module`. */
export type CoreModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer Module } } }
  ? Module
  : object;

/** What an instance exports, by name. */
export type CoreExports = typeof globalThis extends {
  WebAssembly: { Instance: { prototype: { exports: infer Exports } } };
}
  ? Exports
  : Readonly<Record<string, unknown>>;

/**
 * Where the core comes from: a compiled module, its bytes (`anyctx/core.wasm`), or a URL of them, which is a `URL` or anything
 * else with an `href`.
 */
export type CoreSource = CoreModule | ArrayBuffer | ArrayBufferView | { readonly href: string };
