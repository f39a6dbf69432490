import { SYSCALL } from "./syscall.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SYSCALL, {
  sections: {
    syscall: {},
  },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { syscall: [] },
});
