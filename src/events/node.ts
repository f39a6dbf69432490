/** Event sources that need Node: files and folders. */
export { readTrace } from "./file.ts";
export { loadFormats } from "./load-formats.ts";
