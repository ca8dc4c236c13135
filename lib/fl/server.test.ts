import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { backendReady } from "../core/backend";
import { createRng } from "../core/rng";
import { tinyDataset } from "../data/tiny.fixture";
import { aggregators, type AggregatorName } from "../defense/aggregators";
import { preAggregations, type PreAggregationName } from "../defense/preAggregations";
import { checkConfig, defaultFederation, type FederationConfig } from "./config";
import { setUp } from "./federation";
import { aggregateRound, type Served } from "./server";

before(backendReady);

const base: FederationConfig = {
  ...defaultFederation,
  architecture: "softmaxRegression",
  partition: "iid",
  batchSize: 1,
  evaluationImages: 3,
  rootImages: 3,
};
const size = 3 * 16 + 3; // of the model

/** A vector of the model's size. */
const filled = (value: number): Float32Array => new Float32Array(size).fill(value);

function serveOnce(change: Partial<FederationConfig>, sent: readonly Float32Array[]): Served {
  const federation = setUp({ ...base, numClients: sent.length, ...change }, tinyDataset);
  return aggregateRound(federation, sent, { weights: new Float32Array(size), memory: {}, rng: createRng(1) });
}

const infinite = filled(Infinity);

test("aggregateRound: whom a rule trusts stays who it is when another client is left out", () => {
  // Client 2 is trusted and its neighbours are 4, at distance 0, and 3: not 3 and its neighbours, who would stand third.
  const sent = [infinite, filled(-9), filled(1), filled(5), filled(1), filled(30)];
  const moNna = { aggregator: "moNna", assumedMalicious: 2, aggregatorParameters: { trusted: 2 } } as const;
  const { kept, update, dropped, skipped } = serveOnce(moNna, sent);
  assert.deepEqual([kept, dropped, skipped], [[1, 2, 3, 4], [0], null]); // of five that are left, 5 - (2 - 1) nearest to 1
  assert.deepEqual(update, filled((-9 + 1 + 5 + 1) / 4));
});

test("aggregateRound: a trusted client that is left out itself leaves no step, and says so", () => {
  const sent = [filled(1), filled(2), infinite, filled(4)];
  const moNna = { aggregator: "moNna", aggregatorParameters: { trusted: 2 } } as const;
  const { kept, update, effectiveParticipants, dropped, skipped } = serveOnce(moNna, sent);
  assert.deepEqual([kept, effectiveParticipants, dropped], [[], 0, [2]]);
  assert.deepEqual(update, filled(0));
  assert.equal(skipped, "moNna: needs trusted, the index of a client in 0..2, got none (without client 2)");
});

test("aggregateRound: each client left out is one malicious client less for the rule", () => {
  const five = [infinite, filled(1), filled(2), filled(4), filled(8)];
  const krum = serveOnce({ aggregator: "krum", assumedMalicious: 1 }, five); // with f = 1 four would be too few
  assert.deepEqual([krum.kept, krum.skipped], [[2], null]); // f = 0: two neighbours; 1 scores 1 + 9, 2 scores 1 + 4
  const three = [filled(1), infinite, filled(3)];
  const median = serveOnce({ aggregator: "median", assumedMalicious: 1 }, three); // with f = 1 two would be half
  assert.deepEqual([median.update, median.skipped], [filled(2), null]);
  const trimmed = serveOnce({ aggregator: "trimmedMean", assumedMalicious: 2 }, [...five, filled(16)]);
  assert.deepEqual(trimmed.update, filled((2 + 4 + 8) / 3)); // of five, one off each end
});

test("aggregateRound: too few that are left make no step", () => {
  const { update, skipped } = serveOnce({ aggregator: "krum" }, [filled(1), infinite, filled(3)]);
  assert.deepEqual(update, filled(0));
  assert.equal(skipped, "krum: needs n >= 2f + 3 updates, got n = 2, f = 0 (without client 1)");
  const none = serveOnce({}, [infinite, filled(NaN)]);
  assert.equal(none.skipped, "mean: needs n >= 1 updates, got 0 (without client 0, 1)");
});

test("aggregateRound: FLTrust with nobody to trust makes no step", () => {
  const federation = setUp({ ...base, numClients: 2, aggregator: "flTrust" }, tinyDataset);
  const round = { weights: new Float32Array(size), memory: {}, rng: createRng(1) };
  const zeros = aggregateRound(federation, [filled(0), filled(0)], round);
  assert.equal(zeros.skipped, "flTrust: needs an update that points where rootUpdate does, got none");
  assert.deepEqual([zeros.update, zeros.kept, zeros.effectiveParticipants], [filled(0), [], 0]);
});

test("aggregateRound: DnC whose iterations keep nobody in common makes no step", () => {
  // Each client stands out in its own coordinates, of which an iteration looks at one.
  const sent = [0, 1, 2].map((client) => filled(0).map((_, k) => (k % 3 === client ? 9 : 0)));
  const dnc = {
    aggregator: "dnc",
    assumedMalicious: 1,
    aggregatorParameters: { subsampleSize: 1, iterations: 30 },
  } as const;
  const { skipped, update } = serveOnce(dnc, sent);
  assert.equal(skipped, "dnc: needs an update that every iteration keeps, got none; lower iterations");
  assert.deepEqual(update, filled(0));
});

test("aggregateRound: a skipped step leaves the last aggregate as it was, and FoolsGold remembers all that was received", () => {
  const clipping = setUp({ ...base, numClients: 2, aggregator: "centeredClipping" }, tinyDataset);
  const round = { weights: new Float32Array(size), rng: createRng(1) };
  const previous = filled(3);
  const skipped = aggregateRound(clipping, [infinite, infinite], { ...round, memory: { previous } });
  assert.equal(skipped.memory.previous, previous);
  const fools = setUp({ ...base, numClients: 3, aggregator: "foolsGold" }, tinyDataset);
  const history = [filled(1), filled(2), filled(3e38)];
  const { memory, dropped } = aggregateRound(fools, [filled(1), infinite, filled(3e38)], {
    ...round,
    memory: { history },
  });
  assert.deepEqual(dropped, [1, 2]); // 3e38 + 3e38 is beyond float32, and would end the next round
  assert.deepEqual(memory.history, [filled(2), filled(2), filled(3e38)]);
});

test("aggregateRound: under secure aggregation an honest client that cannot encode its update sends none; a poisoner's wraps", () => {
  const secure = { secureAggregation: true, maliciouslyCuriousClient: 2 } as const;
  const beyond = [filled(1), filled(3), filled(2 ** 16 + 5)]; // the ring holds (-2^15 / 3, 2^15 / 3) of each
  const honest = serveOnce(secure, beyond);
  assert.deepEqual([honest.dropped, honest.kept, honest.update], [[2], [0, 1], filled(2)]);
  const poisoned = serveOnce({ ...secure, poisoning: "signFlip" }, beyond);
  assert.deepEqual([poisoned.dropped, poisoned.kept, poisoned.update], [[], [0, 1, 2], filled(3)]); // 2^16 + 5 is 5
  const infinitely = serveOnce({ ...secure, poisoning: "infinity" }, [filled(1), filled(3), infinite]);
  assert.deepEqual([infinitely.dropped, infinitely.update], [[2], filled(2)]); // no element at all
  const lone = serveOnce({ ...secure, maliciouslyCuriousClient: 1, poisoning: "infinity" }, [filled(1), infinite]);
  assert.match(
    lone.skipped!,
    /^maskUpdates: needs at least 2 updates, as nothing hides a lone client, got 1 \(without/,
  );
  assert.throws(
    () => serveOnce({ ...secure, nonFinite: "stop" }, beyond),
    /needs finite updates, got another from client 2/,
  );
});

/** What a client may send instead of its update. */
const hostile: Readonly<Record<string, (own: Float32Array, all: readonly Float32Array[]) => Float32Array>> = {
  NaN: (own) => own.map((x, k) => (k === 0 ? NaN : x)),
  infinity: () => infinite,
  minusInfinity: (own) => own.map((x, k) => (k === 3 ? -Infinity : x)),
  huge: () => filled(1e38),
  largest: (own) => own.map((_, k) => (k % 2 === 0 ? 1 : -1) * (2 - 2 ** -23) * 2 ** 127),
  oneHuge: (own) => own.map((x, k) => (k === 1 ? 3e38 : x)),
  scaled: (own) => own.map((x) => 1e20 * x),
  tiny: (own) => own.map((x) => 1e-42 * x),
  zeros: () => filled(0),
  copy: (_, all) => all.at(-1)!.slice(),
  short: (own) => own.slice(1),
};

test("aggregateRound: nothing that one client sends ends a run, whatever the rule, or makes a step that is not finite", () => {
  const names = Object.keys(preAggregations) as PreAggregationName[];
  const setting = fc.record({
    aggregator: fc.constantFrom(...(Object.keys(aggregators) as AggregatorName[])),
    preAggregations: fc.array(fc.constantFrom(...names), { maxLength: 2 }),
    numClients: fc.integer({ min: 2, max: 10 }),
    f: fc.nat({ max: 4 }),
    how: fc.constantFrom(...Object.keys(hostile)),
    poisons: fc.boolean(),
    subsampleSize: fc.constantFrom(5, 10_000),
  });
  let [served, skips] = [0, 0];
  const property = ({
    aggregator,
    numClients,
    f,
    how,
    poisons,
    subsampleSize,
    ...rest
  }: SettingOf<typeof setting>): void => {
    const parameters = {
      ...(aggregator === "moNna" && { trusted: numClients - 1 }),
      ...(aggregator === "dnc" && { subsampleSize }),
    };
    const config: FederationConfig = { ...base, ...rest, aggregator, numClients, assumedMalicious: f, poisoning: poisons ? "signFlip" : "none", aggregatorParameters: parameters }; // prettier-ignore
    try {
      checkConfig(config);
    } catch {
      return; // too few clients for the rule, which is known before the run
    }
    const federation = setUp(config, tinyDataset);
    let memory = {};
    for (let round = 0; round < 3; round++) {
      const rng = createRng("round").split("round", round);
      const own = Array.from({ length: numClients }, (_, i) => rng.split("update", i).normals(size).map((x) => x + 0.5)); // prettier-ignore
      const sent = own.map((update, client) => (client === 0 ? hostile[how]!(update, own) : update));
      const result = aggregateRound(federation, sent, { weights: new Float32Array(size), memory, rng });
      const { update, kept, dropped, skipped, effectiveParticipants } = result;
      memory = result.memory;
      assert.ok(update.length === size && update.every(Number.isFinite));
      assert.ok(kept.every((client) => client < numClients && !dropped.includes(client)));
      assert.deepEqual(dropped, /NaN|nfinity|short/.test(how) || (round > 0 && dropped.length > 0) ? [0] : []);
      if (skipped !== null) assert.deepEqual([update, kept, effectiveParticipants], [filled(0), [], 0]);
      else assert.ok(effectiveParticipants > 0);
      if (aggregator === "moNna" && skipped === null) assert.ok(kept.includes(numClients - 1));
      served++;
      skips += skipped === null ? 0 : 1;
    }
  };
  fc.assert(fc.property(setting, property), { numRuns: 1500 });
  assert.ok(served > 1000 && skips > 0, `${served} rounds, ${skips} skipped`);
});

type SettingOf<A> = A extends fc.Arbitrary<infer T> ? T : never;

test("checkConfig: refuses a server that could not make a step before the first round, whatever rules meet", () => {
  const refused: readonly [Partial<FederationConfig>, RegExp][] = [
    [{ aggregator: "krum", assumedMalicious: 4 }, /^InputError: krum: needs n >= 2f \+ 3 updates, got n = 10, f = 4$/],
    [
      { aggregator: "bulyan", assumedMalicious: 2 },
      /^InputError: bulyan: needs n >= 4f \+ 3 updates, got n = 10, f = 2$/,
    ],
    [{ aggregator: "moNna" }, /^InputError: moNna: needs trusted, the index of a client in 0..9, got none$/],
    [{ aggregator: "moNna", aggregatorParameters: { trusted: 10 } }, /in 0..9, got 10$/],
    [
      { aggregator: "median", preAggregations: ["bucketing"], assumedMalicious: 3 },
      /^InputError: median: needs f < n\/2, got n = 5, f = 3$/,
    ],
    [
      { aggregator: "oracle", preAggregations: ["bucketing"] },
      /^InputError: oracle: needs to know who is malicious, got none/,
    ],
    [{ aggregator: "foolsGold", numClients: 1 }, /^InputError: foolsGold: needs n >= 2 updates, got 1$/],
    [
      { aggregator: "centeredClipping", aggregatorParameters: { clipNorm: 0 } },
      /^InputError: centeredClipping: needs a finite clipNorm > 0, got 0$/,
    ],
    [{ secureAggregation: true, numClients: 1 }, /^InputError: maskUpdates: needs at least 2 updates/],
  ];
  for (const [change, message] of refused) assert.throws(() => checkConfig({ ...base, ...change }), message);
  for (const aggregator of Object.keys(aggregators) as AggregatorName[]) {
    if (aggregator !== "moNna") checkConfig({ ...base, aggregator, assumedMalicious: 1 });
  }
});
