/** Functions of this thread as a source: fentry and kprobe run before them, fexit and kretprobe after. */
import { refuse, show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { PreparedProgram } from "../prepared.ts";
import type { ProgramSource } from "../typed-object.ts";
import { type Listening, type LiveLink, type LiveOptions, type LiveSourceKind, liveSource, runOn } from "./link.ts";

export const METHODS: LiveSourceKind = {
  name: "method",
  doc: "A function that is a property of something: before it is called, and after it has returned or its promise is settled.",
  programs: ["tracing", "kprobe"],
};

export interface MethodOptions extends LiveOptions {
  /** Arguments in front of the result, for programs that run after it: by default as many as the function declares. */
  readonly parameters?: number;
}

type AnyFunction = (this: unknown, ...args: readonly unknown[]) => unknown;

interface Probe {
  readonly program: PreparedProgram;
  readonly isOn: () => boolean;
  readonly take: LiveOptions["take"];
  readonly parameters: number;
}

/** What stands in a function's place, and who looks on. */
interface Hook {
  readonly original: AnyFunction;
  readonly replaced: AnyFunction;
  /** The property as it was: undefined where it was inherited. */
  readonly before: PropertyDescriptor | undefined;
  readonly entries: Probe[];
  readonly exits: Probe[];
}

/** By the object and the property's name: several programs look on at one place. */
const hooks = new WeakMap<object, Map<PropertyKey, Hook>>();

/** What a call that threw, or whose promise was refused, has as its result: -1, as functions of the kernel have an error. */
const FAILED = -1;

function fireEntries(probes: readonly Probe[], args: readonly unknown[]): void {
  for (const { program, isOn, take } of probes) {
    if (!isOn()) continue;
    runOn(program, take === undefined ? args : take(...(args as never[])));
  }
}

function fireExits(probes: readonly Probe[], args: readonly unknown[], returned: unknown): void {
  for (const { program, isOn, take, parameters } of probes) {
    if (!isOn()) continue;
    const given = take === undefined ? args : take(...(args as never[]));
    for (let index = 0; index < parameters; index++) program.setArgument(index, given[index]);
    program.setReturned(parameters, returned);
    program.run();
  }
}

function hooked(original: AnyFunction, entries: readonly Probe[], exits: readonly Probe[]): AnyFunction {
  function replaced(this: unknown, ...args: unknown[]): unknown {
    if (entries.length > 0) fireEntries(entries, args);
    const constructs = new.target === replaced ? original : new.target;
    if (exits.length === 0)
      return constructs === undefined ? original.apply(this, args) : Reflect.construct(original, args, constructs);
    let returned: unknown;
    try {
      returned = constructs === undefined ? original.apply(this, args) : Reflect.construct(original, args, constructs);
    } catch (error) {
      fireExits(exits, args, FAILED);
      throw error;
    }
    if (!(returned instanceof Promise)) {
      fireExits(exits, args, returned);
      return returned;
    }
    return returned.then(
      (value) => {
        fireExits(exits, args, value);
        return value;
      },
      (error: unknown) => {
        fireExits(exits, args, FAILED);
        throw error;
      },
    );
  }
  for (const key of ["name", "length"] as const)
    Object.defineProperty(replaced, key, { value: original[key], configurable: true });
  Object.setPrototypeOf(replaced, original);
  replaced.prototype = original.prototype;
  return replaced;
}

function hookOn(owner: object, name: PropertyKey): Hook {
  const known = hooks.get(owner)?.get(name);
  if (known !== undefined) return known;
  const original: unknown = Reflect.get(owner, name);
  if (typeof original !== "function") throw new AnyctxError("EINVAL", `${String(name)} is no function there`);
  const before = Object.getOwnPropertyDescriptor(owner, name);
  const [entries, exits]: [Probe[], Probe[]] = [[], []];
  const replaced = hooked(original as AnyFunction, entries, exits);
  const after = before === undefined ? { configurable: true, enumerable: false, writable: true } : descriptorOf(before);
  if (!Reflect.defineProperty(owner, name, { ...after, value: replaced }))
    throw new AnyctxError("EINVAL", `${String(name)} cannot be replaced: its object is frozen, or a module`);
  const hook = { original: original as AnyFunction, replaced, before, entries, exits };
  const ofOwner = hooks.get(owner) ?? new Map<PropertyKey, Hook>();
  ofOwner.set(name, hook);
  hooks.set(owner, ofOwner);
  return hook;
}

const descriptorOf = ({
  configurable = true,
  enumerable = true,
  writable = true,
}: PropertyDescriptor): PropertyDescriptor => ({
  ...{ configurable, enumerable, writable },
});

/** The last program has gone: the function is as it was, unless somebody else has put another in its place since. */
function unhook(owner: object, name: PropertyKey, hook: Hook): void {
  if (hook.entries.length + hook.exits.length > 0) return;
  hooks.get(owner)?.delete(name);
  if (Reflect.get(owner, name) !== hook.replaced) return;
  if (hook.before === undefined) Reflect.deleteProperty(owner, name);
  else Reflect.defineProperty(owner, name, hook.before);
}

function runsAtExit({ type, target }: PreparedProgram): boolean {
  const at = target["at"] ?? "";
  return type === "kprobe" ? at === "return" : /^fexit/.test(at);
}

/**
 * A function that is a property: calls that go through that property are seen, from now on and until the link is closed.
 * @param owner whose property it is: an object, a class's prototype; what is exported of a module cannot be replaced
 * @throws {AnyctxError} EINVAL: what is given is none of that; when a program is attached: there is no function, or it cannot be replaced
 */
export function method<Owner extends object>(
  owner: Owner,
  name: keyof Owner & PropertyKey,
  options: MethodOptions = {},
): ProgramSource<LiveLink> {
  if ((typeof owner !== "object" && typeof owner !== "function") || owner === null)
    throw new AnyctxError("EINVAL", `method needs an object that has the function, not ${show(owner)}`);
  const { parameters } = options;
  if (parameters !== undefined && !(Number.isInteger(parameters) && parameters >= 0))
    refuse("method", "a whole number", "parameters", parameters);
  return liveSource(METHODS, options, ["take", "parameters"], (program, isOn): Listening => {
    const hook = hookOn(owner, name);
    const probes = runsAtExit(program) ? hook.exits : hook.entries;
    const probe = { program, isOn, take: options.take, parameters: parameters ?? hook.original.length };
    probes.push(probe);
    return {
      stop() {
        probes.splice(probes.indexOf(probe), 1);
        unhook(owner, name, hook);
      },
    };
  });
}
