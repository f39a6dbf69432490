/** Channels of `node:diagnostics_channel` as a source: a program runs on each message. */
import { checkFunction } from "../../arguments.ts";
import type { ProgramSource } from "../typed-object.ts";
import { type LiveLink, type LiveOptions, type LiveSourceKind, liveSource, runOn } from "./link.ts";

export const CHANNELS: LiveSourceKind = {
  name: "channel",
  doc: "A channel of `node:diagnostics_channel`: each message that is published. Its arguments are the message's values, in their order.",
  programs: ["tracing", "kprobe", "raw_tracepoint"],
};

/** What is needed of a channel, so that there may be others. */
export interface Channel {
  subscribe(listener: (message: unknown) => void): void;
  unsubscribe(listener: (message: unknown) => void): unknown;
}

/** An object's values, or the message itself. */
function valuesOf(message: unknown): readonly unknown[] {
  return typeof message === "object" && message !== null ? Object.values(message) : [message];
}

/** @throws {AnyctxError} EINVAL */
export function channel(on: Channel, options: LiveOptions = {}): ProgramSource<LiveLink> {
  const take = options.take as ((message: unknown) => readonly unknown[]) | undefined;
  for (const name of ["subscribe", "unsubscribe"] as const)
    checkFunction("channel", `${name} of what it listens to`, (on as Partial<Channel> | undefined)?.[name]);
  return liveSource(CHANNELS, options, ["take"], (program, isOn) => {
    const listener = (message: unknown): void => {
      if (isOn()) runOn(program, (take ?? valuesOf)(message));
    };
    on.subscribe(listener);
    return { stop: () => on.unsubscribe(listener) };
  });
}
