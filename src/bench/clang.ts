/** Clang, by the names that it has where there are several versions. */
export const CLANGS: readonly string[] = ["clang", ...[21, 20, 19, 18, 17, 16].map((version) => `clang-${version}`)];
