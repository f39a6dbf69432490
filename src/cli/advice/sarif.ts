/** Advice as SARIF 2.1.0, which services that show findings beside a change read. A result for each hash that should change or fails. */

import { totalMisses } from "../../arena/caches.ts";
import type { MapAdvice } from "../../explore/advise/advice.ts";
import type { Verdict } from "../../explore/advise/verdict.ts";
import { count } from "../text.ts";
import { version } from "../version.ts";
import { type AdviceDocument, kernelName, missText, warnings } from "./document.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const HOME = "https://www.npmjs.com/package/anyctx";

interface Rule {
  readonly id: string;
  readonly doc: string;
  readonly level: "error" | "warning" | "note";
}

const ENOMEM: Rule = {
  id: "update-fails",
  doc: "Updates of a dynamic hash fail with -ENOMEM on the recorded events.",
  level: "error",
};

/** What a verdict is called where it asks for a change. */
const RULES: Readonly<Record<Exclude<Verdict, "no advice" | "keep dynamic">, Rule>> = {
  "keep preallocated": {
    id: "preallocate",
    doc: "A dynamic hash should be preallocated, or a preallocated one have fewer entries.",
    level: "warning",
  },
  "raise the limit": { id: "raise-limit", doc: "A memory cgroup holds a hash in no way.", level: "warning" },
  "lower max_entries": { id: "lower-max-entries", doc: "A hash has far more room than it needs.", level: "warning" },
  "go dynamic": { id: "go-dynamic", doc: "A hash takes much less memory when it is dynamic.", level: "warning" },
};

const NOT_COUNTED: Rule = { id: "not-counted", doc: "Something of the recording is in no figure.", level: "note" };

const ALL_RULES = [ENOMEM, ...Object.values(RULES), NOT_COUNTED];

export function adviceSarif(document: AdviceDocument): string {
  const { maps } = document;
  const results = [
    ...maps.flatMap((map) => [...failingResults(map, document), ...changeResults(map, document)]),
    ...warnings(document).map((text) => result(NOT_COUNTED, text, document)),
  ];
  const rules = ALL_RULES.map(({ id, doc, level }) => ({
    id,
    shortDescription: { text: doc },
    defaultConfiguration: { level },
  }));
  const driver = { name: "anyctx", version: version(), informationUri: HOME, rules };
  return JSON.stringify({ $schema: SCHEMA, version: "2.1.0", runs: [{ tool: { driver }, results }] }, null, 2);
}

function failingResults(map: MapAdvice, document: AdviceDocument): object[] {
  const { dynamic, kernels = [] } = map;
  if (!dynamic) return [];
  return kernels
    .filter((kernel) => totalMisses(kernel.misses) > 0)
    .map((kernel) => {
      const text = `${missText(kernel)} of ${count(kernel.updates)} updates fail with -ENOMEM (${kernelName(kernel)}).`;
      return result(ENOMEM, text, document, map);
    });
}

function changeResults(map: MapAdvice, document: AdviceDocument): object[] {
  const { advice, patch = [] } = map;
  if (advice === undefined || advice.verdict === "no advice" || advice.verdict === "keep dynamic" || patch.length === 0)
    return [];
  const text = `${advice.verdict}: ${advice.reason}.\n${patch.join("\n")}`;
  return [result(RULES[advice.verdict], text, document, map)];
}

/** Files that something is said of: those of the objects that a map is of, or all. */
function filesOf({ object, files }: AdviceDocument, map: MapAdvice | undefined): string[] {
  if (files === undefined) return [object];
  return map === undefined ? Object.values(files) : (map.objects ?? []).flatMap((label) => files[label] ?? []);
}

/** Where in its source a map is defined an object does not say: the object is the place, the map its part. */
function result({ id, level }: Rule, text: string, document: AdviceDocument, map?: MapAdvice): object {
  const logicalLocations = map === undefined ? [] : [{ name: map.name, kind: "variable" }];
  return {
    ruleId: id,
    ruleIndex: ALL_RULES.findIndex((rule) => rule.id === id),
    level,
    message: { text },
    locations: filesOf(document, map).map((file) => ({
      physicalLocation: { artifactLocation: { uri: encodeURI(file) } },
      ...(map === undefined ? {} : { logicalLocations }),
    })),
  };
}
