/** Sources of a running process: a row each. */
import { CHANNELS } from "./channels.ts";
import { METHODS } from "./functions.ts";
import type { LiveSourceKind } from "./link.ts";
import { MESSAGES } from "./messages.ts";
import { TIMERS } from "./timers.ts";

export const LIVE_SOURCES: readonly LiveSourceKind[] = [METHODS, CHANNELS, TIMERS, MESSAGES];
