/** @file kill -9 of a sweep or of one of its child processes, at any moment: the same command again completes it, once. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isRunning } from "../steps/lock.mjs";
import { randomOf } from "./mutate.mjs";
import { childrenOf, makeJobs, startSweep, within, wrongIn } from "./sweeping.mjs";

export async function run({ count = 100, seed, folder, isOver, report }) {
  for (let i = 0; i < count && !isOver(); i++) {
    const random = randomOf(`kills ${seed} ${i}`);
    const store = join(folder, String(i));
    mkdirSync(store);
    const jobs = makeJobs(`kill ${i}`, 6, { milliseconds: 40, bytes: 400_000 });
    const whom = ["parent", "child"][i % 2];
    const sweep = startSweep(jobs, "local", store);
    await wait(100 + random(1200));
    const children = childrenOf(sweep.pid);
    if (whom === "parent") sweep.killOne("SIGKILL");
    else if (children.length > 0) process.kill(children[random(children.length)], "SIGKILL");
    let wrong = await within(60, sweep.ended, "the sweep");
    for (let looks = 0; looks < 50 && children.some(isRunning); looks++) await wait(100);
    if (children.some(isRunning)) wrong ??= "a child outlived its parent by 5 s";
    sweep.kill("SIGKILL");
    wrong ??= await within(60, startSweep(jobs, "local", store).ended, "the second sweep");
    report(`kill of ${whom}`, wrong ?? (await wrongIn(store, jobs)));
  }
}
