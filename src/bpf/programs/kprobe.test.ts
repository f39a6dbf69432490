import { KPROBE } from "./kprobe.ts";
import { testProgramType } from "./testing.ts";

testProgramType(KPROBE, {
  sections: {
    "kprobe/do_exit": { function: "do_exit" },
    "kretprobe/do_exit": { function: "do_exit" },
    "kprobe.multi/do_exit": { function: "do_exit" },
    "kretprobe.multi/do_exit": { function: "do_exit" },
    "kprobe.session/do_exit": { function: "do_exit" },
    "ksyscall/do_exit": { function: "do_exit" },
    "kretsyscall/do_exit": { function: "do_exit" },
    "uprobe.s/do_exit": { function: "do_exit" },
    "uretprobe/do_exit": { function: "do_exit" },
    "uretprobe.s/do_exit": { function: "do_exit" },
    "uprobe.multi/do_exit": { function: "do_exit" },
    "uretprobe.multi/do_exit": { function: "do_exit" },
    "usdt.s/do_exit": { function: "do_exit" },
    "uprobe//usr/bin/bash:readline": { function: "/usr/bin/bash:readline" },
    usdt: { function: "" },
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { "kprobe/do_exit": [], kprobe: [] },
});
