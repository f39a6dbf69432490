/** A progress bar on stderr, where a person is looking at it. */
import { SingleBar } from "cli-progress";

export interface ProgressBar {
  update(value: number): void;
  /** Prints a line above the bar. */
  line(text: string): void;
  stop(): void;
}

const NO_BAR: ProgressBar = {
  update: () => undefined,
  line: (text) => process.stderr.write(`${text}\n`),
  stop: () => undefined,
};

/**
 * @param total what `update` counts up to; without it there is nothing to draw
 * @param wanted false where only a document is to be written
 */
export function progressBar(label: string, total: number | undefined, wanted: boolean): ProgressBar {
  if (!wanted || total === undefined || process.stderr.isTTY !== true) return NO_BAR;
  const bar = new SingleBar({
    format: `${label} {bar} {percentage}%  {eta_formatted} left`,
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 40,
    hideCursor: false,
    clearOnComplete: true,
    gracefulExit: false,
    stream: process.stderr,
  });
  bar.start(total, 0);
  return {
    update: (value) => bar.update(Math.min(value, total)),
    line: (text) => {
      process.stderr.write(`\r\x1b[K${text}\n`);
      bar.render();
    },
    stop: () => bar.stop(),
  };
}
