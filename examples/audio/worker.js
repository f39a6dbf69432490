/** A worker: takes half of the levels out of the map, and is busy beside that; or supplies the processor. */
import { Arena } from "../../dist/index.js";

/** Takes what is there of one half, then keeps the map busy with keys of its own, for a while. */
function work(map, totals, half, state) {
  for (let rounds = 0; rounds < 200; rounds++) {
    for (; map.has(state.next); state.next += 2) {
      map.delete(state.next);
      state.taken++;
    }
    for (let key = 0; key < 100; key++) {
      const own = 0x80000000 + half * 1000 + key;
      map.update(own, key);
      map.delete(own);
    }
  }
  totals.update(half, { taken: BigInt(state.taken), rounds: BigInt(state.rounds++) });
}

addEventListener(
  "message",
  async ({ data: { handle, name, task } }) => {
    // Held until this thread is gone: that is how the page knows.
    await new Promise((locked) => navigator.locks.request(name, () => new Promise(() => locked(undefined))));
    const arena = await Arena.attach(handle);
    if (task.serve) arena.serve();
    postMessage("attached");
    if (task.serve) return;
    const map = arena.openMap("levels");
    const totals = arena.openMap("totals");
    const state = { next: task.half, taken: 0, rounds: 0 };
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      work(map, totals, task.half, state);
      channel.port2.postMessage(0);
    };
    channel.port2.postMessage(0);
  },
  { once: true },
);
