import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createRng } from "../core/rng";
import { jobs, runOf, sharedBy } from "./resume.fixture";
import { keyOf, computeOnce } from "./store";

const root = mkdtempSync(join(tmpdir(), "resume-"));
after(() => rmSync(root, { recursive: true, force: true }));

const own = jobs.map(({ i }) => runOf("own", i));
const shared = jobs.filter(({ i }) => i % sharedBy === 0).map(({ i }) => runOf("shared", i / sharedBy));
const entries = [...own, ...shared].map((run) => `${run.kind}-${keyOf(run)}.run`);
/** A line of the log, "own 3", as the entry that it is about. */
const entryOf = (line: string): string => {
  const [kind, i] = line.split(" ") as ["own" | "shared", string];
  const run = runOf(kind, Number(i));
  return `${kind}-${keyOf(run)}.run`;
};
const numbersIn = (folder: string): Promise<Buffer[]> =>
  Promise.all(
    own.map(async (run) => {
      const { value } = await computeOnce<Float32Array>(run, () => assert.fail("is not stored"), { folder });
      return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }),
  );

/** The same command each time: all jobs in two processes. It writes down what it computes, in a log of its own. */
function start(store: string, log: string) {
  const script = `require(${JSON.stringify(join(__dirname, "pool.js"))})
    .openPool("resume.fixture.js", 2)
    .then(async (pool) => {
      const settled = await Promise.allSettled(${JSON.stringify(jobs)}.map((job) => pool.run(job)));
      await pool.close();
      process.exitCode = settled.some(({ status }) => status === "rejected") ? 1 : 0;
    });`;
  const env = { ...process.env, CURIOUS_STORE: store, RESUME_LOG: log };
  const command = spawn(process.execPath, ["-e", script], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    detached: true, // a process group, so it can be killed with its workers
  });
  let errors = "";
  command.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const lines = (): string[] => (existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : []);
  const workers = (): number[] =>
    lines().flatMap((line) => (line.startsWith("worker") ? [Number(line.split(" ")[1])] : []));
  return {
    pid: command.pid!,
    exit: once(command, "exit"),
    errors: () => errors,
    workers,
    computed: () => lines().filter((line) => !line.startsWith("worker")),
  };
}

/** Waits until none of the processes does anything; one that nobody took note of may stay in the list as a zombie. */
async function gone(pids: readonly number[]): Promise<void> {
  const isAlive = (): boolean =>
    pids.length > 0 &&
    /^[^Z\s]/m.test(spawnSync("ps", ["-o", "stat=", "-p", pids.join(",")], { encoding: "utf8" }).stdout);
  for (let tries = 0; tries < 200 && isAlive(); tries++) await wait(20);
  assert.ok(!isAlive(), "a worker outlived its parent");
}

/** kill -9 of everything at once, of the command alone, or of one of its workers. */
async function kill(victim: "all" | "command" | "worker", { pid, exit, workers }: ReturnType<typeof start>) {
  const target = victim === "all" ? -pid : victim === "worker" ? (workers().at(-1) ?? pid) : pid;
  try {
    process.kill(target, "SIGKILL");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH"); // it ended by itself at this moment
  }
  await exit; // without one worker the command goes on
  await gone([...new Set(workers())]);
}

test("computeOnce in a pool: kill -9 at 24 random moments repeats no completed work, duplicates and loses nothing", async (t) => {
  const began = performance.now();
  const undisturbed = join(root, "undisturbed");
  const first = start(undisturbed, join(root, "undisturbed.log"));
  assert.deepEqual(await first.exit, [0, null]);
  const duration = performance.now() - began;
  assert.deepEqual(readdirSync(undisturbed).sort(), [...entries].sort());
  const expected = await numbersIn(undisturbed);

  const rng = createRng("kills");
  const victims = ["all", "command", "worker"] as const;
  let [kills, stores, cutOff] = [0, 0, 0];
  let store = "";
  for (let runs = 0; kills < 24 || store !== ""; runs++) {
    assert.ok(runs < 150, `only ${kills} kills in ${runs} runs`);
    if (store === "") mkdirSync((store = join(root, String(stores++))));
    const whole = new Set(readdirSync(store).filter((name) => name.endsWith(".run")));
    const command = start(store, join(root, `${runs}.log`));
    const disturbed =
      kills < 24 &&
      whole.size < entries.length &&
      (await Promise.race([command.exit.then(() => false), wait(rng.uniform() * duration).then(() => true)]));
    if (disturbed) await kill(victims[kills++ % 3]!, command);
    else assert.deepEqual(await command.exit, [0, null]);

    assert.doesNotMatch(command.errors(), /damaged/);
    const again = command.computed().map(entryOf);
    assert.deepEqual(
      again.filter((entry) => whole.has(entry)),
      [],
      "completed work was repeated",
    );
    const left = readdirSync(store);
    assert.ok(left.filter((name) => name.endsWith(".tmp")).length <= 2); // what each of two workers was writing
    cutOff += again.filter((entry) => !left.includes(entry)).length;
    if (disturbed) continue;
    assert.deepEqual(left.sort(), [...entries].sort());
    assert.deepEqual(await numbersIn(store), expected);
    store = "";
  }
  t.diagnostic(
    `${kills} kills over ${stores} stores, a run takes ${duration.toFixed(0)} ms; ${cutOff} computations ended and were not yet stored`,
  );
});
