import assert from "node:assert/strict";
import { test } from "node:test";
import { createRng } from "../core/rng";
import type { Batch } from "../core/types";
import { stampTrigger } from "./backdoor";
import { own, round } from "./context.fixture";
import type { Poisoning, PoisoningContext, PoisoningParameters } from "./poisoning";
import { poisonings, type PoisoningName } from "./poisonings";

const rules = Object.entries(poisonings) as [PoisoningName, Poisoning][];
const aggregate = ([first]: readonly Float32Array[]): Float32Array => first!;
const context: PoisoningContext = { ...round, aggregate };
const freshBatch = (): Batch => ({
  images: createRng(2).uniforms(3 * 16),
  labels: Int32Array.of(0, 1, 2),
  size: 3,
});
const send = (name: PoisoningName, parameters: PoisoningParameters = {}, more: Partial<PoisoningContext> = {}) =>
  poisonings[name].poisonUpdate!(own, { ...context, ...more, parameters }, createRng(1));

test("poisonings: hold each rule under its own name, with a source and something to poison", () => {
  for (const [name, rule] of rules) {
    assert.equal(rule.name, name);
    assert.ok(rule.label.length > 0);
    assert.ok(rule.source.length > 0);
    assert.ok("poisonBatch" in rule || "poisonUpdate" in rule, name);
  }
});

test("poisonings: each rule's defaults are of parameters that it reads, and are what it does without parameters", () => {
  for (const [name, { reads, defaults = {} }] of rules)
    for (const parameter of Object.keys(defaults))
      assert.ok(reads.includes(parameter as keyof PoisoningParameters), name);
  for (const name of [
    "signFlip",
    "gaussianNoise",
    "backdoor",
    "omniscientSignFlip",
    "innerProductManipulation",
  ] as const)
    assert.deepEqual(send(name, poisonings[name].defaults), send(name), name);
});

test("poisonings: change with every parameter that they read, and refuse every other", () => {
  const values: Required<PoisoningParameters> = {
    ...{ scale: 0.7, noiseStd: 0.3, noiseMode: "replacing", fraction: 1, targetLabel: 2, triggerSize: 2 },
    ...{ triggerValue: 0.5, boost: 7, mimicked: 2, direction: "minus" },
  };
  const outcome = (rule: Poisoning, parameters: PoisoningParameters): unknown => [
    rule.poisonBatch?.(freshBatch(), { ...context, inputShape: [1, 4, 4], parameters }, createRng(5)),
    rule.poisonUpdate?.(own, { ...context, aggregate: (all) => all.at(-1)!, parameters }, createRng(5)),
  ];
  for (const [name, rule] of rules) {
    const usual = outcome(rule, {});
    for (const [parameter, value] of Object.entries(values)) {
      const given = { [parameter]: parameter === "direction" && name === "minMax" ? "plus" : value };
      const place = `${name} ${parameter}`;
      if (rule.reads.includes(parameter as keyof PoisoningParameters))
        assert.notDeepEqual(outcome(rule, given), usual, place);
      else
        assert.throws(() => outcome(rule, given), {
          name: "InputError",
          message: new RegExp(`^${name}: needs only known names in parameters, got ${parameter}; `),
        });
    }
  }
  assert.throws(() => outcome(poisonings.signFlip, { kappa: 10 } as PoisoningParameters), {
    message: "signFlip: needs only known names in parameters, got kappa; known are: scale",
  });
  assert.throws(() => stampTrigger(freshBatch().images, [1, 4, 4], { trigerSize: 1 } as PoisoningParameters), {
    message: "stampTrigger: needs only known names in parameters, got trigerSize; did you mean triggerSize?",
  });
});

test("poisonings: give vectors and batches of their own, leave their input, and repeat themselves on the same stream", () => {
  for (const [name, rule] of rules) {
    const given = { own: own.slice(), honestUpdates: round.honestUpdates.map((update) => update.slice()) };
    const vector = (): Float32Array | undefined =>
      rule.poisonUpdate?.(given.own, { ...context, honestUpdates: given.honestUpdates }, createRng(5));
    const first = vector();
    assert.deepEqual(vector(), first, name);
    if (first) {
      assert.equal(first.length, own.length);
      assert.ok(first instanceof Float32Array);
      assert.ok(
        [given.own, ...given.honestUpdates].every((vector) => vector !== first),
        name,
      );
    }
    assert.deepEqual(given, { own, honestUpdates: round.honestUpdates }, name);

    const batch = freshBatch();
    const poisoned = rule.poisonBatch?.(batch, context, createRng(5));
    assert.deepEqual(rule.poisonBatch?.(batch, context, createRng(5)), poisoned, name);
    assert.deepEqual(batch, freshBatch(), name);
    if (poisoned) assert.equal(poisoned.size, batch.size);
  }
});

test("poisonings: that know the honest updates give each malicious client the same", () => {
  for (const [name, rule] of rules.filter(([, { knows }]) => knows === "honest")) {
    const another = rule.poisonUpdate!(Float32Array.of(100, 7), context, createRng(9));
    assert.deepEqual(another, rule.poisonUpdate!(own, context, createRng(1)), name);
  }
});

test("poisonings: that know the honest updates refuse when they are missing, of another length, or not finite", () => {
  for (const [name, { reads }] of rules.filter(([, { knows }]) => knows === "honest")) {
    const parameters = reads.includes("scale") ? { scale: 1 } : {};
    const least = ["alie", "minMax"].includes(name) ? 2 : 1;
    assert.throws(() => send(name, parameters, { honestUpdates: [] }), {
      name: "InputError",
      message: new RegExp(
        `^${name}: needs the updates of at least ${least} honest clients, got 0; give them in context.honestUpdates$`,
      ),
    });
    const two = [Float32Array.of(1, 2), Float32Array.of(1, 2, 3)];
    assert.throws(() => send(name, parameters, { honestUpdates: two }), {
      message: `${name}: needs honest updates as long as its own (2), got 3 in honest update 1`,
    });
    const broken = [Float32Array.of(1, 2), Float32Array.of(1, NaN)];
    assert.throws(() => send(name, parameters, { honestUpdates: broken }), {
      message: `${name}: needs finite numbers in honest update 1, got NaN at index 1`,
    });
  }
});

test("omniscientSignFlip, innerProductManipulation: are the honest mean times -scale, each with its own default", () => {
  assert.deepEqual(send("omniscientSignFlip"), Float32Array.of(-3, -6)); // mean (2, 4)
  assert.deepEqual(send("omniscientSignFlip", { scale: 1 }), Float32Array.of(-2, -4));
  assert.deepEqual(send("innerProductManipulation"), Float32Array.of(-0.2, -0.4));
  assert.deepEqual(send("innerProductManipulation", { scale: 1 }), Float32Array.of(-2, -4));
  for (const name of ["omniscientSignFlip", "innerProductManipulation"] as const)
    assert.throws(() => send(name, { scale: NaN }), { message: `${name}: needs a finite scale, got NaN` });
});

test("mimic: copies the honest client that is named, the first by default", () => {
  assert.deepEqual(send("mimic"), Float32Array.of(1, 2));
  assert.deepEqual(send("mimic", { mimicked: 2 }), Float32Array.of(3, 2));
  for (const mimicked of [3, -1, 0.5])
    assert.throws(() => send("mimic", { mimicked }), { message: `mimic: needs mimicked in 0..2, got ${mimicked}` });
});

test("infinity: sends nothing but infinities", () => {
  assert.deepEqual(send("infinity"), Float32Array.of(Infinity, Infinity));
});

test("optimalAlie, optimalInnerProductManipulation: go as far as moves the server's aggregate most", () => {
  // the server takes the last update where its first coordinate is at most 30 in size, else the honest mean (2, 4)
  const honestOr30 = (updates: readonly Float32Array[]): Float32Array =>
    Math.abs(updates.at(-1)![0]!) <= 30 ? updates.at(-1)! : Float32Array.of(2, 4);
  const [pulled] = send("optimalInnerProductManipulation", {}, { aggregate: honestOr30 }); // -2 s
  const [shifted] = send("optimalAlie", {}, { aggregate: honestOr30 }); // 2 + s
  assert.ok(pulled! >= -30 && pulled! < -25, `${pulled}`);
  assert.ok(shifted! <= 30 && shifted! > 25, `${shifted}`);
  assert.ok(send("optimalAlie", { direction: "minus" }, { aggregate: honestOr30 })[0]! < -25);
});
