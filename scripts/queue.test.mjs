/** @file Sweeps on a real Redis with workers in processes of their own, and everything that can go wrong between them. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { after, before } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import { connect, createServer } from "node:net";
import { gzipSync } from "node:zlib";
import { findRedis, freePort, startRedis } from "./redis.mjs";
import { at } from "./steps/common.mjs";

const require = createRequire(at("lib", "dist", "jobs", "sweep.js"));
const { sweep } = require("../experiment/sweep.js");
const { workshop } = require("../experiment/workshop.js");
const { runOnRedis } = require("./redisEngine.js");
const { serveRedis } = require("./redisWorker.js");
const { packJob, runOf } = require("./job.js");
const { exportEntry, isStored, keyOf, computeOnce } = require("./store.js");
const { fixtureJob, resultOf } = require("./jobs.fixture.js");
const { defaultFederation } = require("../fl/config.js");
const { Queue, Worker } = require("bullmq");
const { Redis } = require("ioredis");

const skip = findRedis() ? false : "no redis-server (node scripts/setup.mjs redis)";
const root = mkdtempSync(join(tmpdir(), "queue-"));
const password = "hush-hush";
// Short enough to wait for, long enough for a busy machine.
const timing = { lock: 3000, stalled: 1000, retry: 100, look: 1000 };
let redis;
let engine;
before(async () => {
  if (skip) return;
  mkdirSync(join(root, "redis"));
  redis = await startRedis(join(root, "redis"), password);
  engine = redis.url;
});
after(async () => {
  await redis?.kill();
  rmSync(root, { recursive: true, force: true });
});

let folders = 0;
/** A store of its own for whoever sweeps or works. */
const newFolder = () => {
  const folder = join(root, String(folders++));
  mkdirSync(folder);
  return folder;
};

/** A process that works until it is stopped: its events, and everything it printed. */
async function startWorker(t, { url = engine, workers = 1, before = "", env = {}, detached = false } = {}) {
  const code = `
    ${before}
    const { serveRedis } = require("./lib/dist/jobs/redisWorker.js");
    (async () => {
      const onEvent = (event) => console.log(JSON.stringify(event));
      const worker = await serveRedis(${JSON.stringify(url)}, { file: "jobs.fixture.js" }, {
        workers: ${workers}, timing: ${JSON.stringify(timing)}, onEvent,
      });
      process.once("SIGTERM", () => void worker.close());
      console.log(JSON.stringify({ what: "ready" }));
      await worker.ended;
    })();`;
  const child = spawn(process.execPath, ["-e", code], {
    cwd: at(),
    env: { ...process.env, CURIOUS_STORE: newFolder(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached, // in a process group of its own
  });
  const events = [];
  let printed = "";
  const heard = new Set();
  createInterface({ input: child.stdout }).on("line", (line) => {
    printed += `${line}\n`;
    events.push(JSON.parse(line));
    for (const listener of heard) listener();
  });
  child.stderr.setEncoding("utf8").on("data", (text) => (printed += text));
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const worker = {
    events,
    pid: child.pid,
    printed: () => printed,
    ended,
    kill: (signal) => child.kill(signal),
    /** Resolves when it has said that; rejects when it ends without. */
    said: (what) =>
      new Promise((resolve, reject) => {
        const listener = () => {
          if (!events.some((event) => event.what === what)) return;
          heard.delete(listener);
          resolve();
        };
        heard.add(listener);
        listener();
        void ended.then(() => reject(new Error(`the worker ended without "${what}":\n${printed}`)));
      }),
  };
  await worker.said("ready");
  return worker;
}

/** Computes jobs through the queue into a store of its own. */
async function run(jobs, { store = newFolder(), url = engine, more = {} } = {}) {
  const heard = [];
  const notices = [];
  const tasks = jobs.map((job) => ({ key: keyOf(runOf(job)), job }));
  process.env.CURIOUS_STORE = store;
  const options = { onProgress: (progress) => heard.push(progress), onNotice: (text) => notices.push(text) };
  options.timing = { ...timing, ...more };
  const outcomes = await runOnRedis(url, tasks, workshop.kinds, options);
  return { outcomes, heard, notices, store };
}

/** What a store holds of a job; fails where it holds nothing. */
async function stored(job, folder) {
  const never = () => Promise.reject(new Error("not stored"));
  const { value } = await computeOnce(runOf(job), never, { folder });
  return { ...value, numbers: [...value.numbers] };
}
const expected = ({ plan }) => ({ ...resultOf(plan), numbers: [...resultOf(plan).numbers] });
const statuses = (outcomes) => outcomes.map(({ status }) => status);
const jobs = (name, count, plan = {}) =>
  Array.from({ length: count }, (_, i) => fixtureJob({ id: `${name} ${i}`, ...plan }));
const keysOf = (list) => list.map((job) => keyOf(runOf(job)));
const count = (workers, what, key) =>
  workers.flatMap(({ events }) => events).filter((event) => event.what === what && (!key || event.key === key)).length;
async function assertStored(list, folder) {
  for (const job of list) assert.deepEqual(await stored(job, folder), expected(job));
}

test(
  "sweep: brings results of two workers, who share no disk, into its own store, each computed once",
  { skip },
  async (t) => {
    const workers = [await startWorker(t), await startWorker(t)];
    const list = jobs("plain", 12, { milliseconds: 50, bytes: 40_000 });
    process.env.CURIOUS_STORE = newFolder();
    const heard = [];
    const reports = await sweep([...list, list[3]], { engine, onProgress: (progress) => heard.push(progress) });
    assert.deepEqual(statuses(reports), Array(13).fill("computed"));
    assert.deepEqual(
      reports.map(({ key }) => key),
      keysOf([...list, list[3]]),
    );
    await assertStored(list, process.env.CURIOUS_STORE);
    assert.equal(count(workers, "computed"), 12);
    for (const worker of workers) assert.ok(count([worker], "computed") > 0, "one worker did everything");
    assert.deepEqual([heard.at(-1).done, heard.at(-1).total], [12, 12]);
    assert.ok(heard.some(({ note }) => note.startsWith("half (")));

    const again = await sweep(list, { engine });
    assert.deepEqual(statuses(again), Array(12).fill("stored"));
    assert.equal(count(workers, "started"), 12);
  },
);

test("runOnRedis: computes a job once when two sweeps ask for it at once", { skip }, async (t) => {
  const workers = [await startWorker(t), await startWorker(t)];
  const list = jobs("twice", 8, { milliseconds: 100 });
  process.env.CURIOUS_STORE = newFolder();
  const both = await Promise.all([sweep(list, { engine }), sweep([...list].reverse(), { engine })]);
  for (const reports of both) assert.deepEqual(statuses(reports), Array(8).fill("computed"));
  await assertStored(list, process.env.CURIOUS_STORE);
  for (const key of keysOf(list)) assert.equal(count(workers, "started", key), 1);
});

test("runOnRedis: computes again what is forced, once", { skip }, async (t) => {
  const worker = await startWorker(t);
  const [job] = jobs("forced", 1);
  await run([job]);
  const anew = { ...job, force: new Date().toISOString() };
  for (let times = 0; times < 2; times++) assert.deepEqual(statuses((await run([anew])).outcomes), ["computed"]);
  assert.equal(count([worker], "started"), 2);
});

test(
  "runOnRedis: reports a job that always fails, tried again unless its config is at fault, and completes the others",
  { skip },
  async (t) => {
    const worker = await startWorker(t, { workers: 2 });
    const good = jobs("good", 4, { milliseconds: 20 });
    const bad = [
      fixtureJob({ id: "refused", refuse: "this one" }),
      fixtureJob({ id: "failing", fail: "no luck" }),
      fixtureJob({ id: "dying", die: true }),
    ];
    const { outcomes, store } = await run([bad[0], good[0], bad[1], good[1], bad[2], good[2], good[3]]);
    const [refused, failing, dying] = [0, 2, 4].map((i) => outcomes[i]);
    assert.deepEqual([refused.status, refused.error.name], ["failed", "InputError"]);
    assert.equal(refused.error.message, "work: needs another plan, got this one");
    assert.deepEqual([failing.status, failing.error.message], ["failed", "no luck"]);
    assert.deepEqual([dying.status, dying.error.name], ["failed", "LostProcessError"]);
    assert.match(dying.error.message, /ended by SIGKILL, perhaps for want of memory/);
    const starts = keysOf(bad).map((key) => count([worker], "started", key));
    assert.deepEqual([starts[0], starts[1]], [1, 3]);
    assert.ok(starts[2] >= 3); // a neighbour that waited in the dead process's place may have died with it
    await assertStored(good, store);

    const second = await run([bad[1]]); // a further sweep tries again
    assert.equal(second.outcomes[0].status, "failed");
    assert.equal(count([worker], "started", keysOf(bad)[1]), 6);
  },
);

test("runOnRedis: gives the job of a worker that was killed to another one", { skip }, async (t) => {
  const victim = await startWorker(t);
  const list = jobs("killed", 3, { milliseconds: 1500 });
  const running = run(list);
  await victim.said("started");
  victim.kill("SIGKILL");
  assert.equal(await victim.ended, "SIGKILL");
  const other = await startWorker(t);
  const { outcomes, store } = await running;
  assert.deepEqual(statuses(outcomes), Array(3).fill("computed"));
  await assertStored(list, store);
  assert.ok(other.events.some(({ text }) => /was lost by its worker/.test(text ?? "")));
});

test("runOnRedis: goes on when Redis was killed and came back, at both ends", { skip }, async (t) => {
  const workers = [await startWorker(t), await startWorker(t)];
  const list = jobs("restart", 10, { milliseconds: 300 });
  const running = run(list);
  await workers[0].said("computed");
  await redis.kill();
  await wait(700); // jobs end meanwhile
  await redis.restart();
  const { outcomes, notices, store } = await running;
  assert.deepEqual(statuses(outcomes), Array(10).fill("computed"));
  await assertStored(list, store);
  assert.ok(notices.some((text) => text.startsWith("lost the connection to redis://***@")));
  assert.ok(notices.some((text) => /^connected to .* again$/.test(text)));
  assert.ok(![...notices, ...workers.map(({ printed }) => printed())].join().includes(password));
});

test("serveRedis: gives back its jobs and ends when it is asked to, its processes too", { skip }, async (t) => {
  const first = await startWorker(t, { detached: true });
  const until = join(newFolder(), "go");
  const [job] = jobs("given back", 1, { until });
  const running = run([job]);
  await first.said("started");
  process.kill(-first.pid, "SIGTERM"); // as Ctrl-C does
  assert.equal(await first.ended, 0);
  await first.said("given back");
  assert.equal(count([first], "failed"), 0);
  writeFileSync(until, "");
  const second = await startWorker(t);
  const { outcomes } = await running;
  assert.deepEqual(statuses(outcomes), ["computed"]);
  assert.equal(count([second], "computed"), 1);
  assert.equal(count([second], "notice"), 0); // it did not have to be found out
});

test("runOnRedis: collects what a sweep that was killed had asked for, without a worker", { skip }, async (t) => {
  const worker = await startWorker(t);
  const list = jobs("collected", 3);
  const code = `
    const { runOnRedis } = require("./lib/dist/jobs/redisEngine.js");
    const { runOf } = require("./lib/dist/jobs/job.js");
    const { keyOf } = require("./lib/dist/jobs/store.js");
    const tasks = ${JSON.stringify(list)}.map((job) => ({ key: keyOf(runOf(job)), job }));
    const onProgress = () => process.kill(process.pid, "SIGKILL");
    runOnRedis(${JSON.stringify(engine)}, tasks, [], { onProgress, onNotice() {} });`;
  const store = newFolder();
  const { signal } = spawnSync(process.execPath, ["-e", code], {
    cwd: at(),
    env: { ...process.env, CURIOUS_STORE: store },
  });
  assert.equal(signal, "SIGKILL");
  while (count([worker], "computed") < 3) await wait(20);
  worker.kill("SIGTERM");
  await worker.ended;
  const { outcomes } = await run(list, { store });
  assert.deepEqual(statuses(outcomes), Array(3).fill("computed"));
  await assertStored(list, store);
  assert.equal(count([worker], "started"), 3);
});

test(
  "runOnRedis: asks again for a result that was damaged on its way, or that Redis kept no longer",
  { skip },
  async (t) => {
    const worker = await startWorker(t);
    const list = jobs("damaged", 2);
    await run(list);
    const client = new Redis(engine);
    const names = keysOf(list).map((key) => `curious-inside:result:${key}`);
    const ttl = await client.pttl(names[0]);
    assert.ok(ttl > 0 && ttl <= 120_000, `it is kept for ${ttl} ms`);
    const packed = await client.getBuffer(names[0]);
    await client.set(names[0], packed.subarray(0, packed.length - 9));
    await client.del(names[1]);
    client.disconnect();
    const { outcomes, store } = await run(list);
    assert.deepEqual(statuses(outcomes), ["computed", "computed"]);
    await assertStored(list, store);
    for (const key of keysOf(list)) assert.equal(count([worker], "started", key), 2); // the worker had them in its store
  },
);

test(
  "serveRedis: leaves a job of another library to workers that have it, and tells the sweep both hashes",
  { skip },
  async (t) => {
    const before = `require("./lib/dist/jobs/code.js").hashCode = () => "${"f".repeat(64)}";`;
    const stale = await startWorker(t, { before });
    const list = jobs("stale", 3);
    const running = run(list);
    await stale.said("left to others");
    const fresh = await startWorker(t);
    const { outcomes, notices, store } = await running;
    assert.deepEqual(statuses(outcomes), Array(3).fill("computed"));
    await assertStored(list, store);
    assert.equal(count([fresh], "computed"), 3);
    const { libraryHash } = packJob(list[0]);
    const said = notices.filter((text) => text.startsWith("a worker leaves jobs to others: "));
    assert.equal(said.length, 1); // equal code, equal words
    assert.ok(said[0].includes("f".repeat(64)) && said[0].includes(libraryHash));
    assert.match(said[0], /same commit/);
    assert.equal(count([stale], "left to others"), 1); // said once
    stale.kill("SIGTERM");
    assert.equal(await stale.ended, 0); // it was still there
  },
);

test(
  "serveRedis: leaves jobs of another dataset, and of code that there is nowhere, and goes on",
  { skip },
  async (t) => {
    const worker = await startWorker(t);
    const connection = new Redis(engine, { maxRetriesPerRequest: null });
    const queue = new Queue("curious-inside", { connection });
    t.after(async () => {
      await queue.close();
      connection.disconnect();
    });
    const unfit = "this worker's strokes has hash 1, the job asks for 2";
    const list = [
      fixtureJob({ id: "unfit", unfit }),
      ...jobs("nowhere", 3).map((job) => ({ ...job, code: "jobs/job" })),
    ];
    const payloads = list.map((job, i) => ({
      ...packJob(job),
      ...(i > 0 && { code: ["constructor", "__proto__", "fl/future"][i - 1] }),
    }));
    const keys = keysOf(list);
    for (const [i, payload] of payloads.entries()) await queue.add("fixture", payload, { jobId: keys[i] });
    for (const key of keys) while (!(await (await queue.getJob(key)).isDelayed())) await wait(20);
    const [good] = jobs("fit", 1);
    assert.deepEqual(statuses((await run([good])).outcomes), ["computed"]);
    assert.deepEqual([count([worker], "failed"), count([worker], "computed")], [0, 1]);
    for (const word of [unfit, "it has no constructor", "it has no __proto__", "it has no fl/future"])
      assert.ok(
        worker.events.some(({ what, text }) => what === "left to others" && text.includes(word)),
        word,
      );
    worker.kill("SIGTERM");
    assert.equal(await worker.ended, 0);
    for (const key of keys) await (await queue.getJob(key)).remove();
  },
);

test(
  "runOnRedis: stores no result that is none of its kind, though its checksum fits, and shows no control character",
  { skip },
  async (t) => {
    const attacker = { prior: "pixel", labels: "given", autoencoderSteps: 1 };
    const federation = { ...defaultFederation, rounds: 1 };
    const plan = { federation, attacker, seeds: [1], probeRounds: [], probeBatchSize: 1, trajectoryRounds: [] };
    const job = { ...fixtureJob({ id: "forged" }), kind: "leakage", plan };
    const key = keyOf(runOf(job));
    const connection = new Redis(engine, { maxRetriesPerRequest: null });
    const forger = new Worker(
      "curious-inside",
      async (queued) => {
        const folder = newFolder();
        await computeOnce(runOf(job), async () => forged, { folder });
        await connection.set(`curious-inside:result:${key}`, gzipSync(await exportEntry(runOf(job), { folder })));
        await queued.updateProgress({ share: 0.5, note: "\u001b[2Jhalf" });
        await queued.updateProgress({ share: "all", note: 7 });
        return returned;
      },
      { connection },
    );
    t.after(async () => {
      await forger.close();
      connection.disconnect();
    });
    let forged;
    let returned;
    const shares = {
      loss: 1,
      objectiveGap: 1,
      accuracy: 0,
      attackSuccess: null,
      effectiveParticipants: 9,
      skipped: null,
    };
    const rounds = [0, 1].map((round) => ({ round, ...shares, kept: [], dropped: [] }));
    const leak = { seed: 1, rounds, probe: [{ rmse: "\u001b[2J" }], trajectory: [] };
    for (const [value, done, message] of [
      [null, { seconds: 1, worker: "w" }, /^leakage: needs an object, got null$/],
      [leak, { seconds: 1, worker: "w" }, /^leakage: needs a number at probe\.0\.round, got undefined$/],
      [{ ...leak, seed: "\u001b[2J" }, { seconds: 1, worker: "w" }, /at seed, got \\u\{1b\}\[2J$/],
      [{ ...leak, probe: [], seed: 2 }, { seconds: 1, worker: "w" }, /at seed \(the plan's\), got 2$/],
      [
        { ...leak, probe: [], rounds: [] },
        { seconds: 1, worker: "w" },
        /at rounds \(all that were trained, and one more\)/,
      ],
      [{ ...leak, probe: [] }, { seconds: "long", worker: "w" }, /^sweep: needs a number at seconds, got long$/],
      [{ ...leak, probe: [] }, "done", /^sweep: needs an object, got done$/],
    ]) {
      [forged, returned] = [value, done];
      const { outcomes, heard, store } = await run([job]);
      assert.equal(outcomes[0].status, "failed");
      assert.match(outcomes[0].error.message, message);
      assert.equal(isStored(runOf(job), { folder: store }), false);
      assert.ok(heard.some(({ note }) => note === "\\u{1b}[2Jhalf"));
      assert.ok(heard.every(({ share }) => typeof share === "number"));
    }
    [forged, returned] = [
      { ...leak, probe: [] },
      { seconds: 1, worker: "\u001b[2Jw" },
    ];
    const { outcomes, heard } = await run([job]);
    assert.deepEqual(outcomes, [{ status: "computed", seconds: 1 }]);
    assert.equal(heard.at(-1).note, "\\u{1b}[2Jw");
  },
);

test("serveRedis: refuses a payload that is not as it should be, and goes on", { skip }, async (t) => {
  const worker = await startWorker(t);
  const connection = new Redis(engine, { maxRetriesPerRequest: null });
  const queue = new Queue("curious-inside", { connection });
  t.after(async () => {
    await queue.close();
    connection.disconnect();
  });
  const [job] = jobs("malformed", 1);
  const good = packJob(job);
  const cases = [
    [{ ...good, kind: 7 }, /^InputError: unpackJob: needs a string at kind, got 7$/],
    [
      { ...good, dataset: { name: "strokes", hash: "0" } },
      /^InputError: unpackJob: needs what fits at dataset\.hash .*, got 0$/,
    ],
    [{ ...good, extra: 1 }, /^InputError: unpackJob: needs only known names, got extra; known are: kind, /],
    ["nonsense", /^InputError: unpackJob: needs an object, got nonsense$/],
    [{ ...good, backend: "\u001b[2J", kind: "\u001b[2J\n✔" }, /^InputError: unpackJob: needs what fits at kind/],
    [good, /^InputError: worker: needs the job of key case-5, got [0-9a-f]{64}$/],
  ];
  for (const [i, [payload]] of cases.entries())
    await queue.add("fixture", payload, { jobId: `case-${i}`, attempts: 3 });
  for (const [i, [, message]] of cases.entries()) {
    let queued = await queue.getJob(`case-${i}`);
    while (!(await queued.isFailed())) await wait(20);
    queued = await queue.getJob(`case-${i}`);
    assert.match(queued.failedReason, message);
    assert.equal(queued.attemptsMade, 1);
    await queued.remove();
  }
  assert.deepEqual(statuses((await run([job])).outcomes), ["computed"]);
  assert.equal(count([worker], "computed"), 1);
  for (const { text } of worker.events) assert.doesNotMatch(text ?? "", /\p{Cc}/u);
  assert.ok(worker.events.some(({ text }) => text?.includes("\\u{1b}[2J\\u{a}✔")));
});

test("sweep: says when no worker is connected", { skip }, async (t) => {
  const [job] = jobs("lonely", 1);
  const running = run([job]);
  await wait(300);
  await startWorker(t);
  const { notices } = await running;
  assert.deepEqual(notices, ["no worker is connected; start one: npm run worker -- --engine …"]);
});

test("sweep: says what is wrong with an address, without its password", { skip }, async () => {
  const { port } = redis;
  const closed = await freePort();
  const cases = [
    [`redis://:wrong-word@127.0.0.1:${port}`, /WRONGPASS .*; check user and password in the address$/],
    [`redis://someone:wrong-word@127.0.0.1:${port}`, /redis:\/\/\*\*\*@127.* WRONGPASS/],
    [`redis://127.0.0.1:${port}`, /NOAUTH .*; check user and password in the address$/],
    [`redis://:wrong-word@127.0.0.1:${closed}`, /ECONNREFUSED .*; start it, or correct the address$/],
    [`redis://:wrong-word@[`, /needs an address like/],
    [`redis://:wrong-word@127.0.0.1:${port}/abc`, /needs a database that is a number.*\/\*\*\*$/],
    [`redis://127.0.0.1:${port}?password=wrong-word`, /needs an address without/],
    [`redis://:%wrong-word@127.0.0.1:${port}`, /every % begins a code/],
    [`redis://:wrong-word/x@127.0.0.1:${port}`, /needs an address like .*, got \*\*\*;/],
    [`http://:wrong-word@127.0.0.1`, /needs an engine of local, redis:.*, got http:\/\/\*\*\*@127/],
  ];
  for (const [address, message] of cases) {
    await assert.rejects(sweep(jobs("nowhere", 1), { engine: address }), (error) => {
      assert.equal(error.name, "InputError");
      assert.match(error.message, message);
      assert.ok(!error.message.includes("wrong-word"), error.message);
      return true;
    });
  }
});

/** A way to Redis on which connections can be refused, or go silent. */
async function startGate(t) {
  const pairs = new Set();
  const gate = { isShut: false };
  const server = createServer((near) => {
    if (gate.isShut) return near.destroy();
    const far = connect(redis.port, "127.0.0.1");
    near.pipe(far).pipe(near);
    pairs.add([near, far]);
    for (const socket of [near, far])
      socket.on("error", () => undefined).on("close", () => (near.destroy(), far.destroy()));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    server.close();
  });
  gate.url = engine.replace(/\d+$/, server.address().port);
  gate.connections = () => pairs.size;
  /** All that is connected now hears nothing any more, and is not told. */
  gate.silence = () => {
    for (const [near, far] of pairs) {
      near.unpipe();
      far.unpipe();
      for (const socket of [near, far]) socket.resume();
    }
  };
  return gate;
}

test(
  "runOnRedis: ends with all results in although the connection of its events cannot be made again",
  { skip, timeout: 30_000 },
  async (t) => {
    await startWorker(t);
    const gate = await startGate(t);
    const list = jobs("cut", 2, { milliseconds: 300 });
    const running = run(list, { url: gate.url, more: { close: 500 } });
    const admin = new Redis(engine);
    t.after(() => admin.disconnect());
    let events;
    while (!events) events = /^id=(\d+) .*cmd=xread/m.exec(await admin.client("LIST"));
    gate.isShut = true;
    await admin.client("KILL", "ID", events[1]);
    const { outcomes, store } = await running;
    assert.deepEqual(statuses(outcomes), ["computed", "computed"]);
    await assertStored(list, store);
  },
);

test(
  "runOnRedis: goes on when its connections went silent without being closed",
  { skip, timeout: 30_000 },
  async (t) => {
    await startWorker(t);
    const gate = await startGate(t);
    const list = jobs("silent", 2, { milliseconds: 500 });
    const running = run(list, { url: gate.url, more: { answer: 300, close: 500 } });
    while (gate.connections() < 3) await wait(5); // the first, which is closed, the queue's and the events'
    await wait(100);
    gate.silence();
    const { outcomes, notices, store } = await running;
    assert.deepEqual(statuses(outcomes), ["computed", "computed"]);
    assert.ok(notices.some((text) => text.startsWith("lost the connection")));
    await assertStored(list, store);
  },
);

test(
  "runOnRedis, serveRedis: refuse an address that takes connections and says nothing",
  { timeout: 30_000 },
  async (t) => {
    const sockets = [];
    const server = createServer((socket) => sockets.push(socket.on("error", () => undefined)));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    const url = `redis://:${password}@127.0.0.1:${server.address().port}`;
    const silent = {
      name: "InputError",
      message: /needs a Redis that answers at .*, got silence for 0\.3 s; check that/,
    };
    const timing = { answer: 300 };
    const options = { timing, onProgress: () => undefined, onNotice: () => undefined };
    await assert.rejects(runOnRedis(url, [], [], options), silent);
    await assert.rejects(serveRedis(url, workshop, { timing }), silent);
    assert.equal(sockets.length, 2);
  },
);

test("runOnRedis: says what Redis refuses, and what helps", { skip }, async (t) => {
  const admin = new Redis(engine);
  t.after(() => admin.disconnect());
  const [job] = jobs("full", 1);
  await assert.rejects(run([job], { url: `${engine}/99` }), {
    name: "InputError",
    message: /^sweep: needs a Redis .*\/99, got .*DB index.*; name a database/,
  });
  await admin.config("SET", "maxmemory", "1");
  const refused = { name: "InputError", message: /^sweep: needs a Redis .*, got .*OOM.*; give it more memory/ };
  await assert.rejects(run([job]), refused);
  await admin.config("SET", "maxmemory", "0");
});

test(
  "runOnRedis: refuses a store of its own that cannot be written before it asks anybody, and where that comes later loses nothing",
  { skip },
  async (t) => {
    const file = join(newFolder(), "file");
    writeFileSync(file, "");
    const list = jobs("unwritable", 3, { milliseconds: 400 });
    const message =
      /^sweep: needs a store that can be written at .*, got ENOTDIR: not a directory; make room or rights/;
    await assert.rejects(run(list, { store: join(file, "store") }), { name: "StoreError", message });
    const queue = new Queue("curious-inside", { connection: new Redis(engine, { maxRetriesPerRequest: null }) });
    t.after(() => queue.disconnect());
    assert.equal(await queue.getWaitingCount(), 0);

    process.env.TMPDIR = newFolder(); // where results go that the store does not take
    t.after(() => delete process.env.TMPDIR);
    const worker = await startWorker(t);
    const store = newFolder();
    const running = run(list, { store });
    await worker.said("started");
    rmSync(store, { recursive: true });
    writeFileSync(store, "");
    const { outcomes } = await running;
    for (const { status, error } of outcomes) {
      assert.deepEqual([status, error.name], ["failed", "StoreError"]);
      assert.match(
        error.message,
        /cannot be stored in .*; it lies in .*; what workers computed waits in Redis for 7 days$/,
      );
    }
    const second = await run(list);
    assert.deepEqual(statuses(second.outcomes), Array(3).fill("computed"));
    await assertStored(list, second.store);
    for (const key of keysOf(list)) assert.equal(count([worker], "computed", key), 1);
  },
);

test("serveRedis: leaves jobs to others while its own store cannot be written", { skip }, async (t) => {
  const file = join(newFolder(), "file");
  writeFileSync(file, "");
  const full = await startWorker(t, { env: { CURIOUS_STORE: join(file, "store") } });
  const [job] = jobs("left", 1);
  const running = run([job]);
  await full.said("left to others");
  assert.equal(count([full], "failed"), 0);
  const other = await startWorker(t);
  const { outcomes, notices } = await running;
  assert.deepEqual(statuses(outcomes), ["computed"]);
  assert.equal(count([other], "computed"), 1);
  assert.ok(
    notices.some((text) => /a worker leaves jobs to others: computeOnce: needs a store that can be written/.test(text)),
  );
});

test("serveRedis: says what Redis refuses, once, and goes on when it does not any more", { skip }, async (t) => {
  const admin = new Redis(engine);
  t.after(() => admin.disconnect());
  const worker = await startWorker(t);
  const list = jobs("refusing", 2, { milliseconds: 300 });
  const running = run(list);
  await worker.said("started");
  await admin.config("SET", "maxmemory", "1");
  await worker.said("notice");
  await wait(1000);
  await admin.config("SET", "maxmemory", "0");
  await running.catch(() => undefined); // the sweep may have been refused too
  const said = worker.events.filter(({ what }) => what === "notice").map(({ text }) => text);
  assert.equal(new Set(said).size, said.length);
  assert.match(said[0], /^worker: needs a Redis at .* that does what it is asked, got .*OOM.*; give it more memory/);
  assert.deepEqual(statuses((await run(list)).outcomes), ["computed", "computed"]);
});

const openssl = spawnSync("openssl", ["version"]).status === 0;
test(
  "sweep: reaches a Redis behind TLS, and refuses one whose certificate nobody vouches for",
  { skip: skip || (openssl ? false : "no openssl") },
  async (t) => {
    const [key, cert] = ["key.pem", "cert.pem"].map((name) => join(root, name));
    const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-keyout",
      key,
      "-out",
      cert,
      ...subject,
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    const gate = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (secure) => {
      const plain = connect(redis.port, "127.0.0.1");
      secure.pipe(plain).pipe(secure);
      for (const socket of [secure, plain]) socket.on("error", () => (secure.destroy(), plain.destroy()));
    });
    await new Promise((resolve) => gate.listen(0, "127.0.0.1", resolve));
    t.after(() => gate.close());
    gate.on("tlsClientError", () => undefined);
    const url = `rediss://:${password}@localhost:${gate.address().port}`;

    const [job] = jobs("tls", 1);
    await assert.rejects(sweep([job], { engine: url }), (error) => {
      assert.match(error.message, /certificate.*NODE_EXTRA_CA_CERTS/);
      return !error.message.includes(password);
    });
    const worker = await startWorker(t, { url, env: { NODE_EXTRA_CA_CERTS: cert } });
    assert.deepEqual(statuses((await run([job])).outcomes), ["computed"]);
    assert.equal(count([worker], "computed"), 1);
  },
);
