/** The processor: five new keys in each callback of 128 frames. It never waits, and nothing is tried again. */
import { Arena, ERRNO } from "../../dist/index.js";

const PARTS = 5;
/** New keys that are sure to be there before whoever supplies us has come the first time. */
const PREFILLED = 512;

class Levels extends AudioWorkletProcessor {
  #arena;
  #map;
  #key = 0;
  #counts = { callbacks: 0, inserted: 0, outOfMemory: 0, busy: 0, other: 0 };
  #running = true;

  constructor({ processorOptions }) {
    super();
    this.port.onmessage = () => this.#stop();
    this.#attach(processorOptions.handle).then(
      () => this.port.postMessage("attached"),
      (error) => this.port.postMessage(String(error)),
    );
  }

  async #attach(handle) {
    const arena = await Arena.attach(handle);
    const map = arena.openMap("levels");
    // Still a task: this takes memory. From now on another thread brings it.
    map.prefill(PREFILLED);
    arena.context("nmi");
    this.#arena = arena;
    this.#map = map;
  }

  #stop() {
    this.#running = false;
    this.#arena?.detach();
    this.port.postMessage(this.#counts);
  }

  #put(level) {
    const result = this.#map.update(this.#key, level);
    // Keys are without gaps: whoever takes them out knows which one is next.
    if (result === 0) this.#key++;
    if (result === 0) this.#counts.inserted++;
    else if (result === -ERRNO.ENOMEM) this.#counts.outOfMemory++;
    else if (result === -ERRNO.EBUSY) this.#counts.busy++;
    else this.#counts.other++;
  }

  process([[input]], [[output]]) {
    if (input === undefined || this.#map === undefined) return this.#running;
    if (!this.#running) return false;
    output.set(input);
    this.#counts.callbacks++;
    const frames = Math.floor(input.length / PARTS);
    for (let part = 0; part < PARTS; part++) {
      let sum = 0;
      for (let frame = part * frames; frame < (part + 1) * frames; frame++) sum += input[frame] * input[frame];
      // An f32 holds a number exactly or not at all.
      this.#put(Math.fround(Math.sqrt(sum / frames)));
    }
    return true;
  }
}

registerProcessor("levels", Levels);
