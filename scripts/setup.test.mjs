import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { checkNode, choose } from "./setup.mjs";
import { digest, lastLines, run, SetupError, which, writeAtomic } from "./steps/common.mjs";
import { isRunning, withLock } from "./steps/lock.mjs";
import { installed, lockMatches } from "./steps/npm.mjs";

const folder = mkdtempSync(join(tmpdir(), "setup-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Waits until `condition` holds, for at most five seconds. */
async function until(condition) {
  for (let i = 0; i < 100 && !condition(); i++) await sleep(50);
  assert.ok(condition());
}

test("checkNode: accepts what package.json's engines accept and names the version otherwise", () => {
  for (const version of ["20.19.0", "20.20.2", "22.12.0", "24.1.0"]) checkNode(version);
  for (const version of ["18.20.4", "20.18.3", "21.7.0", "22.11.0", "23.1.0", "25.0.0"])
    assert.throws(() => checkNode(version), new RegExp(`this is ${version}`));
});

test("choose: adds what a step needs, in running order", () => {
  const names = (only) => choose(only).map((step) => step.name);
  assert.deepEqual(names(["build"]), ["npm", "build"]);
  assert.deepEqual(names(["browser", "kernel"]), ["npm", "jupyter", "kernel", "browser"]);
  assert.deepEqual(names(), ["npm", "build", "jupyter", "tensorflow", "kernel", "browser"]);
  assert.deepEqual(names(["redis"]), ["jupyter", "redis"]);
  assert.throws(() => choose(["jupiter"]), SetupError);
});

test("digest: differs when text moves from one part to the next", () => {
  assert.notEqual(digest("ab", "c"), digest("a", "bc"));
  assert.equal(digest("ab", "c"), digest("ab", "c"));
});

test("lastLines: keeps the end of the output, with carriage returns as line ends", () => {
  assert.equal(lastLines("1\n2\n\n3\r4\n", 2), "    3\n    4");
});

test("which: finds what is on the PATH, takes an absolute path as it is, null for what is missing", () => {
  assert.equal(which("no-such-command-here", process.execPath), process.execPath);
  assert.match(which("sh"), /^\/.*\/sh$/);
  assert.equal(which("no-such-command-here"), null);
});

test("writeAtomic: leaves the file and nothing beside it", () => {
  const file = join(folder, "deep", "file.json");
  writeAtomic(file, "1");
  writeAtomic(file, "2");
  assert.equal(readFileSync(file, "utf8"), "2");
  assert.deepEqual(readdirSync(join(folder, "deep")), ["file.json"]);
});

const lock = {
  packages: {
    "": { dependencies: { a: "1.0.0" }, devDependencies: { b: "2.0.0" } },
    lib: { dependencies: { c: "3.0.0" } },
    "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
    "node_modules/lib": { link: true },
    "node_modules/other-system": { version: "1.0.0", integrity: "sha512-o", optional: true },
  },
};

test("installed: holds when the record has every package as locked, but for optional ones", () => {
  const { "node_modules/a": a, "node_modules/lib": link } = lock.packages;
  const record = (packages) => ({ packages });
  assert.equal(installed(lock, record({ "node_modules/a": a, "node_modules/lib": link })), true);
  assert.equal(installed(lock, record({ "node_modules/a": a })), false);
  assert.equal(
    installed(lock, record({ "node_modules/a": { ...a, version: "1.0.1" }, "node_modules/lib": link })),
    false,
  );
  assert.equal(installed(lock, null), false);
});

test("lockMatches: fails when a manifest asks for something else than the lock file", () => {
  const manifests = {
    "": { dependencies: { a: "1.0.0" }, devDependencies: { b: "2.0.0" } },
    lib: { dependencies: { c: "3.0.0" } },
  };
  assert.equal(lockMatches(lock, manifests), true);
  assert.equal(lockMatches(lock, { ...manifests, lib: { dependencies: { c: "3.0.1" } } }), false);
  assert.equal(lockMatches(lock, { ...manifests, lib: { dependencies: { c: "3.0.0", d: "1.0.0" } } }), false);
  assert.equal(lockMatches(lock, { ...manifests, lib: {} }), false);
  assert.equal(lockMatches(null, manifests), false);
});

test("run: resolves to standard output; a failure carries the last lines and the remedy", async () => {
  assert.equal(await run("sh", ["-c", "echo out; echo err >&2"]), "out\n");
  await assert.rejects(run("sh", ["-c", "echo why >&2; exit 3"], { remedy: "do this" }), (error) => {
    assert.ok(error instanceof SetupError);
    assert.match(error.message, /why/);
    assert.equal(error.remedy, "do this");
    return true;
  });
  await assert.rejects(run("no-such-command-here", []), /ENOENT/);
  await assert.rejects(run("sleep", ["60"], { seconds: 0.3 }), /did not end within 0.3 s/);
});

test("run: the command and its children end when the calling process is killed", async () => {
  const pids = join(folder, "pids");
  const script = `import { run } from ${JSON.stringify(new URL("steps/common.mjs", import.meta.url).href)};
    await run("sh", ["-c", 'sleep 60 & echo $! $$ > "$0.part"; mv "$0.part" "$0"; wait', ${JSON.stringify(pids)}]);`;
  const caller = spawn(process.execPath, ["--input-type=module", "-e", script]);
  await until(() => existsSync(pids));
  const started = readFileSync(pids, "utf8").trim().split(" ").map(Number);
  assert.ok(started.every(isRunning));
  caller.kill("SIGKILL");
  await until(() => !started.some(isRunning));
});

test("withLock: one at a time, and released after an error", async () => {
  const file = join(folder, "lock");
  const events = [];
  const work = (name) => async () => {
    events.push(`${name} begins`);
    await sleep(50);
    events.push(`${name} ends`);
  };
  const waited = [];
  await Promise.all([withLock(file, work("first")), withLock(file, work("second"), (pid) => waited.push(pid))]);
  assert.deepEqual(events, ["first begins", "first ends", "second begins", "second ends"]);
  assert.deepEqual(waited, [process.pid]);
  await assert.rejects(
    withLock(file, () => Promise.reject(new Error("oh"))),
    /oh/,
  );
  assert.equal(existsSync(file), false);
});

/** A process that holds the lock until it is killed. */
async function holder(t, file) {
  const script = `import { isRunning, withLock } from ${JSON.stringify(new URL("steps/lock.mjs", import.meta.url).href)};
    await withLock(${JSON.stringify(file)}, () => new Promise((resolve) => setTimeout(resolve, 3600_000)));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  t.after(() => child.kill("SIGKILL"));
  await until(() => existsSync(file));
  return child;
}
const longAgo = new Date(Date.now() - 600_000);

test("withLock: waits for a process that is stopped however long, and takes over at once when it is killed", async (t) => {
  const file = join(folder, "stopped");
  const child = await holder(t, file);
  const written = readFileSync(file, "utf8");
  child.kill("SIGSTOP");
  await sleep(200); // a touch under way
  utimesSync(file, longAgo, longAgo);
  let taken = false;
  const waited = [];
  const taking = withLock(file, () => (taken = true), (pid) => waited.push(pid)); // prettier-ignore
  await sleep(1000);
  assert.deepEqual([taken, waited, readFileSync(file, "utf8")], [false, [child.pid], written]);
  child.kill("SIGKILL");
  await taking;
  assert.equal(taken, true);
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith("stopped")), []); // prettier-ignore
});

test("withLock: takes over from a dead process whose pid another program has now", async (t) => {
  const file = join(folder, "reused");
  const child = await holder(t, file);
  const [, place, start] = readFileSync(file, "utf8").split(" ");
  child.kill("SIGKILL");
  await once(child, "exit");
  writeFileSync(file, `${process.pid} ${place} ${start}`); // touched just now
  assert.equal(await withLock(file, () => "taken"), "taken");
});

test("withLock: of another machine or container the lock's age tells", async () => {
  const file = join(folder, "elsewhere");
  writeFileSync(file, `${process.pid} elsewhere 1`);
  let taken = false;
  const taking = withLock(file, () => (taken = true));
  await sleep(500);
  assert.equal(taken, false);
  utimesSync(file, longAgo, longAgo);
  await taking;
});

test("withLock: of many that find a dead one's lock, each works alone", async () => {
  const file = join(folder, "many");
  const log = join(folder, "many.log");
  const script = `import { appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    import { isRunning, withLock } from ${JSON.stringify(new URL("steps/lock.mjs", import.meta.url).href)};
    await withLock(${JSON.stringify(file)}, async () => {
      appendFileSync(${JSON.stringify(log)}, "begin ");
      await sleep(20);
      appendFileSync(${JSON.stringify(log)}, "end ");
      if (process.argv[1] === "die") process.kill(process.pid, "SIGKILL");
    });`;
  const start = (i) => spawn(process.execPath, ["--input-type=module", "-e", script, i % 2 ? "die" : "live"]);
  await Promise.all(Array.from({ length: 8 }, (_, i) => once(start(i), "exit")));
  assert.equal(readFileSync(log, "utf8"), "begin end ".repeat(8));
});
