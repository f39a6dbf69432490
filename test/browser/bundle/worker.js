import { Arena } from "anyctx";

onmessage = async ({ data }) => {
  const arena = await Arena.attach(data);
  const map = arena.openMap("map");
  for (let key = 1; key <= 100; key++) map.set(key, BigInt(key));
  arena.detach();
  postMessage("done");
};
