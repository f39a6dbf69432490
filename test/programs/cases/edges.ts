import type { ProgramCase, Run } from "../case.ts";
import { otherPacket } from "../packets.ts";

const [E2BIG, EINVAL] = [-7n, -22n];
const NUMBERS = 16;
const PACKET: Run = { packet: otherPacket() };

/** A run on its own, and what is under the numbers behind it. */
function edge(
  program: string,
  doc: string,
  answers: readonly bigint[],
  { run = PACKET, packet }: { readonly run?: Run; readonly packet?: Uint8Array } = {},
): ProgramCase {
  return {
    ...{ object: "edges", program, doc, runs: [run] },
    answers: [{ result: 0, ...(packet !== undefined && { packet }) }],
    maps: { answers: Array.from({ length: NUMBERS }, (_, number) => [number, answers[number] ?? 0n]) },
  };
}

/** The packet with four bytes put into it at its beginning and 8 bytes on. */
function written(): Uint8Array {
  const packet = otherPacket().slice();
  for (const at of [0, 8]) packet.set([0x44, 0x33, 0x22, 0x11], at);
  return packet;
}

const LEAST = -(2n ** 31n);

export const EDGES: readonly ProgramCase[] = [
  edge("part_of_record", "a record is given back by a dynptr to a part of it", [
    ...[0n, 0n, E2BIG, 0n, 8n, 0n, 0n, 0x08070605n],
    ...[24n, EINVAL],
  ]),
  edge("packet_by_dynptr", "a packet is no memory to a dynptr", [0n, 0n, 0n, 0n, EINVAL, E2BIG], { packet: written() }),
  edge("least_numbers", "numbers from the least one on", [0n, 2n * LEAST + 1n, 2n]),
  edge("too_many_turns", "a loop of more turns than there may be", [8n, 2n ** 32n + E2BIG, EINVAL]),
  edge("recent_entries", "entries of a map that makes room are gone through", [4n, 618n]),
  edge("stack_flags", "stacks that are asked for wrongly", [EINVAL, EINVAL, EINVAL, EINVAL, EINVAL], {
    run: { args: [0n] },
  }),
  edge("timer_again", "timers that were cancelled, or whose value was replaced", [
    ...[EINVAL, 0n, EINVAL, 0n, 0n, 1n, EINVAL],
    ...[0n, 0n, 0n, EINVAL],
  ]),
];
