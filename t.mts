import {loadSimCore} from "./src/sim/core.ts"; import {stage,runExhaustively,shrink,runSeed} from "./src/sim/scenario.ts"; import {formatSchedule} from "./src/sim/schedule.ts"; import {trace} from "./src/sim/trace.ts";
import {SCENARIOS} from "./src/sim/scenarios/index.ts";
const core=await loadSimCore(process.env.CORE); const only=process.argv.slice(2);
for(const sc of SCENARIOS){ if(only.length&&!only.includes(sc.name))continue;
try{
const s=stage(core,sc);
let t=performance.now(); let f:any;
const see=(o:any)=>{if(o.finding){f=o;return true} return false};
const r=runExhaustively(s,see,Number(process.env.MOST??20000));
console.log(sc.name.padEnd(20),s.length,`ex ${r.schedules}+${r.redundant} passes ${r.passes} ${r.complete} ${(r.steps/(performance.now()-t)/1000).toFixed(1)} M/s`,Math.round(performance.now()-t)+"ms", f?.finding?.kind??"",f?.finding?.message??"");
t=performance.now(); let steps=0,n=0; const st=new Set();
if(!f) for(let i=1;performance.now()-t<1000;i++){const o=runSeed(s,i); steps+=o.steps;n++;st.add(o.state); if(o.finding){f=o;console.log("seed",i,o.finding.kind,o.finding.message,o.decisions.length);break;}}
console.log("    seeds",n,(steps/(performance.now()-t)/1000).toFixed(1),"M/s states",st.size);
if(f){const x=shrink(s,f);console.log("   shrunk",formatSchedule(f.decisions).slice(0,60),"->",formatSchedule(x.decisions),x.finding?.message); if(only.length){console.log(f.finding.stack); console.log(trace(s,x).join("\n"));}}
}catch(e){console.log(sc.name,e)}
}
