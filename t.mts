import {loadSimCore} from "./src/sim/core.ts"; import {stage,runSeed} from "./src/sim/scenario.ts"; 
import {SCENARIOS} from "./src/sim/scenarios/index.ts"; import {RaceDetector} from "./src/sim/checks/races.ts"; 
const core=await loadSimCore(process.env.CORE); const all=new Map<string,number>();
for(const sc of SCENARIOS){ if(sc.cpus<2)continue;
const s=stage(core,sc); const d=new RaceDetector(s.machine); s.machine.observers.push(d);
let t=performance.now(),steps=0,n=0;
for(let i=1;performance.now()-t<1500;i++){d.begin(); const o=runSeed(s,i);n++;steps+=o.steps; if(o.finding?.kind==="data race"){const k=o.finding.message.replace(/CPU \d/g,"CPU");all.set(k,(all.get(k)??0)+1);} }
console.log(sc.name,n,(steps/(performance.now()-t)/1000).toFixed(2));}
for(const [k,v] of [...all].sort()) console.log(v,k);
