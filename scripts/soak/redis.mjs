/** @file Sweeps through a Redis that is killed and comes back, whose connections are cut, and whose workers are killed: all end, with every result, once. */
import { mkdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { findRedis, startRedis } from "../redis.mjs";
import { at } from "../steps/common.mjs";
import { randomOf } from "./mutate.mjs";
import { makeJobs, start, startSweep, timing, within, wrongIn } from "./sweeping.mjs";

const { Redis } = createRequire(at("lib", "dist", "index.js"))("ioredis");

/** A gate before the server: its address, and cut(): all connections end now. */
async function openGate(port) {
  const sockets = new Set();
  const gate = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => (sockets.delete(socket), near.destroy(), far.destroy()));
      socket.on("error", () => undefined);
    }
    near.pipe(far).pipe(near);
  });
  await new Promise((resolve) => gate.listen(0, "127.0.0.1", resolve));
  const cut = () => [...sockets].forEach((socket) => socket.destroy());
  return { port: gate.address().port, cut, close: () => (cut(), gate.close()) };
}

const workerScript = (url) => `
  const { serveRedis } = require(${JSON.stringify(at("lib", "dist", "jobs", "redisWorker.js"))});
  serveRedis(${JSON.stringify(url)}, { file: "jobs.fixture.js" }, { workers: 2, timing: ${JSON.stringify(timing)} })
    .then(() => console.log("ready"));`;

export async function run({ count = 100, seed, folder, isOver, report }) {
  if (!findRedis()) return report("redis", "there is no redis-server");
  mkdirSync(join(folder, "redis"));
  const redis = await startRedis(join(folder, "redis"));
  const gate = await openGate(redis.port);
  const url = redis.url.replace(`:${redis.port}`, `:${gate.port}`);
  let stores = 0;
  const newStore = () => {
    const store = join(folder, String(stores++));
    mkdirSync(store);
    return store;
  };
  const startWorker = async () => {
    const worker = start(["-e", workerScript(redis.url)], newStore());
    await worker.ready; // a Redis has to answer whoever begins
    return worker;
  };
  let worker = await startWorker();
  const trouble = {
    async restart(random) {
      await redis.kill();
      await wait(random(800));
      await redis.restart();
    },
    async cut(random) {
      for (let times = 1 + random(10); times > 0; times--) {
        gate.cut();
        await wait(random(300));
      }
    },
    /** Only what listens for events, again and again: results are in before it can be back. */
    async "cut of the events"() {
      const client = new Redis(redis.url);
      for (const until = performance.now() + 4000; performance.now() < until; await wait(10)) {
        const listening = [...(await client.client("LIST")).matchAll(/^id=(\d+) .*cmd=xread/gm)];
        for (const [, id] of listening) await client.client("KILL", "ID", id).catch(() => undefined); // gone meanwhile
      }
      client.disconnect();
    },
    async "kill of the worker"() {
      worker.kill("SIGKILL");
      await worker.ended;
      worker = await startWorker();
    },
  };
  for (let i = 0; i < 4 * count && !isOver(); i++) {
    const random = randomOf(`redis ${seed} ${i}`);
    const [name, make] = Object.entries(trouble)[i % 4];
    const jobs = makeJobs(`redis ${i}`, 10, { milliseconds: 150 });
    const store = newStore();
    const sweep = startSweep(jobs, url, store);
    await sweep.ready;
    await wait(random(700));
    await make(random);
    const late = await within(60, sweep.ended, "the sweep");
    sweep.kill("SIGKILL");
    report(name, late ?? (await wrongIn(store, jobs)));
  }
  worker.kill("SIGKILL");
  gate.close();
  await redis.kill();
}
