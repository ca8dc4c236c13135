/** @file npm run sweep and npm run worker, as processes: a file of plans, a queue, real measurements. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { findRedis, startRedis } from "./redis.mjs";
import { at } from "./steps/common.mjs";

const root = mkdtempSync(join(tmpdir(), "sweep-"));
after(() => rmSync(root, { recursive: true, force: true }));

const plan = {
  federation: {
    ...{ dataset: "strokes", architecture: "softmaxRegression", partition: "iid" },
    ...{ numClients: 3, rounds: 3, evaluationImages: 30 },
  },
  attacker: { prior: "pixel", labels: "inferred", autoencoderSteps: 2, steps: 5 },
  seeds: [1, 2],
  probeRounds: [0, 2],
  probeBatchSize: 2,
  trajectoryRounds: [1],
};

/** Starts a script; `said(pattern)` waits for a line, `ended` is its exit code. */
function start(t, script, args, env = {}) {
  const child = spawn(process.execPath, [at("scripts", script), ...args], {
    env: { ...process.env, CURIOUS_ENGINE: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const heard = new Set();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text) => {
      printed += text;
      for (const listener of heard) listener();
    });
  const ended = new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const said = (pattern) =>
    new Promise((resolve, reject) => {
      const listener = () => pattern.test(printed) && resolve();
      heard.add(listener);
      listener();
      void ended.then(() => reject(new Error(`${script} ended without ${pattern}:\n${printed}`)));
    });
  return { ended, said, printed: () => printed, kill: (signal) => child.kill(signal) };
}

async function run(t, script, args, env) {
  const { ended, printed } = start(t, script, args, env);
  return { code: await ended, printed: printed() };
}

function fileOf(name, content) {
  const file = join(root, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

test("sweep: computes what is missing here, reports what fails with its config, and reads the rest from the store", async (t) => {
  const bad = { ...plan, seeds: [1], federation: { ...plan.federation, batchSize: 99_999 } };
  const file = fileOf("plans.json", { good: plan, bad });
  const env = { CURIOUS_STORE: join(root, "local"), CURIOUS_WORKERS: "2" };
  const first = await run(t, "sweep.mjs", [file], env);
  assert.equal(first.code, 1, first.printed);
  assert.match(first.printed, /✔ good, seed 1 .*\n/);
  assert.match(first.printed, /2 computed, 0 from store, 1 failed/);
  assert.match(
    first.printed,
    /✖ bad, seed 1: partition: needs 3 clients x 99999 = 299997 images, .*\n +\{.*"batchSize":99999/,
  );
  const second = await run(t, "sweep.mjs", [fileOf("good.json", { good: plan })], env);
  assert.equal(second.code, 0, second.printed);
  assert.match(second.printed, /2 jobs, stored: good, seed 1; good, seed 2\n0 computed, 2 from store, 0 failed/);
});

const skip = findRedis() ? false : "no redis-server (node scripts/setup.mjs redis)";
test("sweep, worker: measure through a queue, without showing its password", { skip }, async (t) => {
  mkdirSync(join(root, "redis"));
  const redis = await startRedis(join(root, "redis"), "hush-hush");
  t.after(redis.kill);
  const env = { CURIOUS_ENGINE: redis.url, CURIOUS_STORE: join(root, "worker") };
  const worker = start(t, "worker.mjs", ["--workers", "1"], env);
  await worker.said(/1 at a time, waiting for jobs at redis:\/\/\*\*\*@127\.0\.0\.1:\d+\n/);
  const sweep = await run(t, "sweep.mjs", [fileOf("queue.json", { good: plan }), "--engine", redis.url], {
    CURIOUS_STORE: join(root, "sweep"),
  });
  assert.equal(sweep.code, 0, sweep.printed);
  assert.match(sweep.printed, /✔ good, seed 2 +0:\d\d +\S+:\d+\n/); // where it was computed
  assert.match(sweep.printed, /2 computed, 0 from store, 0 failed/);
  worker.kill("SIGTERM");
  assert.equal(await worker.ended, 0, worker.printed());
  assert.match(worker.printed(), /✔ [0-9a-f]{8} {2}\d+\.\d s/);
  assert.ok(!`${sweep.printed}${worker.printed()}`.includes("hush-hush"));
});

test("sweep: refuses a file that is not as it should be, naming file or place", async (t) => {
  const cases = [
    [[], /sweep: needs one FILE, got 0/],
    [["redis://:secret@host"], /sweep: needs a FILE, got an address; give it to --engine/],
    [[fileOf("text.json", "{")], /sweep: .*text\.json: needs JSON, got/],
    [
      [fileOf("typo.json", { a: { ...plan, sedes: [1] } })],
      /sweep: readPlans: needs only known names at a, got sedes; did you mean seeds/,
    ],
    [
      [fileOf("twice.json", { a: { ...plan, seeds: [7, 7, 7] } })],
      /sweep: measureLeakage: needs seeds that differ, got 7 again/,
    ],
    [[fileOf("proto.json", `{"__proto__":${JSON.stringify(plan)}}`)], /sweep: readPlans: .*, got __proto__/],
    [
      [fileOf("ok.json", { a: plan }), "--engine", "http://:secret@x"],
      /sweep: needs an engine of local, .*\/\/\*\*\*@x/,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, printed } = await run(t, "sweep.mjs", args, { CURIOUS_STORE: join(root, "never") });
    assert.equal(code, 2, printed);
    assert.match(printed, message);
    assert.ok(!printed.includes("secret"));
  }
});

test("sweep, worker: say how they are used", async (t) => {
  for (const script of ["sweep.mjs", "worker.mjs"]) {
    const { code, printed } = await run(t, script, ["--help"]);
    assert.equal(code, 0);
    assert.match(printed, /--engine/);
  }
  assert.equal((await run(t, "worker.mjs", [])).code, 2);
});
