/** What AssemblyScript's compiler is told of everything in core/: of the core, and of what tests compile from its inside. */
export const CORE_OPTIONS: readonly string[] = [
  ["--runtime", "stub", "--use", "abort="],
  ["--enable", "threads", "--enable", "simd", "--importMemory", "--sharedMemory"],
  ["--initialMemory", "4", "--maximumMemory", "65536"],
  // Addresses are 32 bits by design: usize and u32 mix freely.
  ["--noExportMemory", "--disableWarning", "201"],
].flat();
