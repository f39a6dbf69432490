/** Channels of `node:diagnostics_channel` as a source: a program runs on each message. */
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

export function channel(on: Channel, options: LiveOptions = {}): ProgramSource<LiveLink> {
  const take = options.take as ((message: unknown) => readonly unknown[]) | undefined;
  return liveSource(CHANNELS, options, (program, isOn) => {
    const listener = (message: unknown): void => {
      if (isOn()) runOn(program, (take ?? valuesOf)(message));
    };
    on.subscribe(listener);
    return { stop: () => on.unsubscribe(listener) };
  });
}
