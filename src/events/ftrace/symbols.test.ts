import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createSymbols } from "./symbols.ts";

/** Fixed: keys of maps in saved results are such addresses. */
const FPUT = 0xffff_e7a4_3f0c_0141n;

test("a symbol has the same address on every run", () => {
  const symbols = createSymbols();
  assert.equal(symbols.addressOf("__fput+0x141/0x2a0"), FPUT);
  assert.equal(createSymbols().addressOf("__fput+0x141"), FPUT);
  assert.equal(symbols.addressOf("__fput+0x142/0x2a0"), FPUT + 1n);
  assert.equal(symbols.nameOf(FPUT), "__fput+0x141");
});

test("modules, plain names, numbers and far offsets", () => {
  const symbols = createSymbols();
  const back = (text: string): string => symbols.nameOf(symbols.addressOf(text) ?? 0n);
  assert.equal(back("nf_hook+0x10/0x40 [nf_tables]"), "nf_hook+0x10 [nf_tables]");
  assert.notEqual(symbols.addressOf("nf_hook+0x10/0x40"), symbols.addressOf("nf_hook+0x10/0x40 [nf_tables]"));
  assert.equal(back("getname_flags.part.0"), "getname_flags.part.0+0x0");
  assert.equal(back("big+0x12345/0x20000"), "big+0x12345");
  assert.equal(symbols.addressOf("0xffffffff81000000"), 0xffffffff81000000n);
  assert.equal(symbols.nameOf(0x1234n), "0x1234");
  for (const text of ["", "two words", "a+b", "a+0x", "a+0x1/"]) assert.equal(symbols.addressOf(text), undefined, text);
});

test("property: name and offset come back, and two places never share an address", () => {
  const symbol = fc.record({ name: fc.stringMatching(/^[a-z_.]{1,12}$/), offset: fc.nat(1 << 20) });
  fc.assert(
    fc.property(fc.array(symbol, { maxLength: 50 }), (list) => {
      const symbols = createSymbols();
      const places = new Map<bigint, string>();
      for (const { name, offset } of list) {
        const text = `${name}+0x${offset.toString(16)}`;
        const address = symbols.addressOf(text) ?? 0n;
        assert.equal(symbols.nameOf(address), text);
        assert.equal(places.get(address) ?? text, text);
        places.set(address, text);
      }
    }),
  );
});

test("symbols that meet get different slots, in order of appearance, and are listed", () => {
  const symbols = createSymbols();
  const addresses = new Set<bigint>();
  const count = 120_000;
  for (let index = 0; index < count; index++) addresses.add(symbols.addressOf(`symbol_${index}`) ?? 0n);
  assert.equal(addresses.size, count);
  assert.ok(symbols.collisions.length > 0 && symbols.collisions.length < 20, `${symbols.collisions.length} collisions`);
  for (const name of symbols.collisions) assert.equal(symbols.nameOf(symbols.addressOf(name) ?? 0n), `${name}+0x0`);
});
