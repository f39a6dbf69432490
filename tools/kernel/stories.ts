/**
 * Compares advice with what a kernel did: `npm run stories -- FOLDER`. A line a recording, then how many are as near as asked
 * (test/stories/stories.ts); exit code 1 if one is not.
 */
import { isWithin, readStories } from "../../test/stories/stories.ts";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || rest.length > 0) {
  console.error("usage: npm run stories -- FOLDER");
  process.exit(2);
}

let [within, known] = [0, 0];
try {
  for await (const story of readStories(folder)) {
    const { name, fewest, most, kernel = "-", bytes, kernelBytes = "-" } = story;
    console.log(`${name} enomem ${fewest}..${most} kernel ${kernel} bytes ${bytes} kernel ${kernelBytes}`);
    const verdict = isWithin(story);
    if (verdict !== undefined) known++;
    if (verdict === true) within++;
  }
} catch (error) {
  console.error(`stories: ${folder}: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
console.log(`within ${within} of ${known}`);
process.exit(within === known ? 0 : 1);
