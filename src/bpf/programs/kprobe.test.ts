import { KPROBE } from "./kprobe.ts";
import { testProgramType } from "./testing.ts";

const NO_ARGUMENTS = { category: "probes", name: "", id: 0, fields: [], size: 8 };

testProgramType(KPROBE, {
  sections: {
    "kprobe/do_exit": { function: "do_exit", at: "entry" },
    "kretprobe/do_exit": { function: "do_exit", at: "return" },
    "kprobe.multi/do_exit": { function: "do_exit", at: "entry" },
    "kretprobe.multi/do_exit": { function: "do_exit", at: "return" },
    "kprobe.session/do_exit": { function: "do_exit", at: "both" },
    "ksyscall/do_exit": { function: "do_exit", at: "entry" },
    "kretsyscall/do_exit": { function: "do_exit", at: "return" },
    "uprobe.s/do_exit": { function: "do_exit", at: "entry" },
    "uretprobe/do_exit": { function: "do_exit", at: "return" },
    "uretprobe.s/do_exit": { function: "do_exit", at: "return" },
    "uprobe.multi/do_exit": { function: "do_exit", at: "entry" },
    "uretprobe.multi/do_exit": { function: "do_exit", at: "return" },
    "uprobe.multi.s/do_exit": { function: "do_exit", at: "entry" },
    "uretprobe.multi.s/do_exit": { function: "do_exit", at: "return" },
    "uprobe.session/do_exit": { function: "do_exit", at: "both" },
    "uprobe.session.s/do_exit": { function: "do_exit", at: "both" },
    "usdt.s/do_exit": { function: "do_exit", at: "entry" },
    "uprobe//usr/bin/bash:readline": { function: "/usr/bin/bash:readline", at: "entry" },
    usdt: { function: "", at: "entry" },
  },
  events: [
    {
      name: "p_do_exit",
      category: "probes",
      function: { name: "do_exit", offset: 0, at: "entry" },
      format: NO_ARGUMENTS,
    },
    {
      name: "p_inside",
      category: "probes",
      function: { name: "do_exit", offset: 16, at: "entry" },
      format: NO_ARGUMENTS,
    },
    {
      name: "r_do_exit",
      category: "probes",
      function: { name: "do_exit", offset: 0, at: "return" },
      format: NO_ARGUMENTS,
    },
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: {
    "kprobe/do_exit": ["probes:p_do_exit"],
    "kprobe/do_exit+0x10": ["probes:p_inside"],
    "kretprobe/do_exit": ["probes:r_do_exit"],
    "kprobe.session/do_*": ["probes:p_do_exit", "probes:r_do_exit"],
    "uprobe//usr/bin/bash:do_exit": ["probes:p_do_exit"],
    kprobe: [],
  },
});
