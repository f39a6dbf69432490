/** Messages between threads as a source: a program runs on each that comes. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { ProgramSource } from "../typed-object.ts";
import { type LiveLink, type LiveOptions, type LiveSourceKind, liveSource, runOn } from "./link.ts";

export const MESSAGES: LiveSourceKind = {
  name: "messages",
  doc: "A worker or a port: each message that comes from it. Its argument is the message: a number, a text, or how long it is.",
  programs: ["tracing", "kprobe", "raw_tracepoint"],
};

/** What Node's workers and ports have, and what those of the web have. */
export type MessageSource =
  | {
      on(event: "message", listener: (message: unknown) => void): unknown;
      off(event: "message", listener: (message: unknown) => void): unknown;
    }
  | {
      addEventListener(event: "message", listener: (event: { readonly data: unknown }) => void): void;
      removeEventListener(event: "message", listener: (event: { readonly data: unknown }) => void): void;
    };

/** @throws {AnyctxError} EINVAL */
export function messages(from: MessageSource, options: LiveOptions = {}): ProgramSource<LiveLink> {
  const take = options.take as ((message: unknown) => readonly unknown[]) | undefined;
  if (typeof from !== "object" || from === null || !("on" in from || "addEventListener" in from))
    throw new AnyctxError("EINVAL", `messages needs a worker or a port, not ${show(from)}`);
  return liveSource(MESSAGES, options, ["take"], (program, isOn) => {
    const see = (message: unknown): void => {
      if (isOn()) runOn(program, take?.(message) ?? [message]);
    };
    if ("on" in from) {
      from.on("message", see);
      return { stop: () => void from.off("message", see) };
    }
    const listener = ({ data }: { readonly data: unknown }): void => see(data);
    from.addEventListener("message", listener);
    return { stop: () => from.removeEventListener("message", listener) };
  });
}
