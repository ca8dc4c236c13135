import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { createRng } from "../core/rng";
import { sourceText, isStored, keyOf, readLibrary, computeOnce, StoreError, type Computed, type Run } from "./store";

const root = mkdtempSync(join(tmpdir(), "store-"));
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = (): string => join(root, String(folders++));
const run = (config: unknown, kind = "test"): Run => ({ kind, code: "fl/train", config, datasetHash: "d" });
const never = (): Promise<never> => Promise.reject(new Error("computed a stored run"));
const fileOf = (folder: string, of: Run): string => join(folder, `${of.kind}-${keyOf(of)}.run`);
const temporaries = (folder: string): string[] => readdirSync(folder).filter((name) => name.endsWith(".tmp"));

function silenceWarnings(t: TestContext): string[] {
  const warnings: string[] = [];
  t.mock.method(console, "warn", (message: string) => warnings.push(message));
  return warnings;
}

/** A child process that has the store, and does what the script says with its arguments. */
function child(script: string, ...args: readonly string[]): { process: ChildProcess; errors: () => string } {
  const code = `const { computeOnce } = require(${JSON.stringify(join(__dirname, "store.js"))}); ${script}`;
  const started = spawn(process.execPath, ["-e", code, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  started.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return { process: started, errors: () => errors };
}

test("computeOnce: computes once, then gives the stored value, typed arrays and all", async () => {
  const folder = newFolder();
  const value = {
    number: -0.1,
    text: "κ = 3\n",
    none: null,
    nested: [{ rmse: [0.1, NaN, Infinity] }, [], {}],
    floats: Float32Array.of(1, -0, NaN, 3e38),
    doubles: Float64Array.of(Math.PI),
    integers: Int32Array.of(-1, 2 ** 31 - 1),
    bytes: Uint8Array.of(0, 255),
    part: new Float32Array([1, 2, 3, 4]).subarray(1, 3),
    empty: new Float32Array(0),
  };
  const before = new Date().toISOString();
  const first = await computeOnce(run({ seed: 1 }), () => Promise.resolve(value), { folder });
  const again = await computeOnce<typeof value>(run({ seed: 1 }), never, { folder });
  assert.equal(first.status, "computed");
  assert.equal(first.value, value);
  assert.deepEqual(again, { ...first, status: "stored" });
  assert.ok(again.value.part instanceof Float32Array);
  assert.ok(first.seconds >= 0 && first.computedAt >= before && first.computedAt <= new Date().toISOString());
  assert.equal(first.key, keyOf(run({ seed: 1 })));
  assert.match(first.libraryHash, /^[0-9a-f]{64}$/);
  assert.deepEqual(readdirSync(folder), [`test-${first.key}.run`]);
});

test("computeOnce: random values come back as they were", async () => {
  const folder = newFolder();
  const leaf = fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.constant(null), fc.float32Array(), fc.uint8Array());
  const tree = fc.letrec((tie) => ({
    tree: fc.oneof(leaf, fc.array(tie("tree")), fc.dictionary(fc.string(), tie("tree"), { noNullPrototype: true })),
  })).tree;
  let count = 0;
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      const config = count++;
      await computeOnce(run(config), () => Promise.resolve(value), { folder });
      assert.deepEqual((await computeOnce<unknown>(run(config), never, { folder })).value, value);
    }),
    { numRuns: 50, seed: 2 },
  );
});

test("computeOnce: values and configs of another realm are kept like our own", async () => {
  const folder = newFolder();
  const config = runInNewContext("({ b: [1, { c: 'x' }], a: 1 })") as object;
  const value = runInNewContext("({ list: [1], floats: new Float32Array([1, 2]) })") as { floats: Float32Array };
  assert.equal(keyOf(run(config)), keyOf(run({ a: 1, b: [1, { c: "x" }] })));
  await computeOnce(run(config), () => Promise.resolve(value), { folder });
  const again = await computeOnce<typeof value>(run(config), never, { folder });
  assert.deepEqual(again.value, { list: [1], floats: Float32Array.of(1, 2) });
});

test("computeOnce: force computes again and replaces the entry", async () => {
  const folder = newFolder();
  await computeOnce(run(1), () => Promise.resolve("old"), { folder });
  assert.equal((await computeOnce(run(1), () => Promise.resolve("new"), { folder, force: true })).status, "computed");
  assert.equal((await computeOnce<string>(run(1), never, { folder })).value, "new");
});

test("computeOnce: force with a name computes once for it, whatever the clock says", async (t) => {
  const folder = newFolder();
  let computed = 0;
  const compute = (): Promise<number> => Promise.resolve(++computed);
  t.mock.timers.enable({ apis: ["Date"], now: Date.parse("2999-01-01T00:00:00Z") });
  await computeOnce(run(1), compute, { folder });
  t.mock.timers.reset();
  const statuses = [];
  for (const force of ["first", "first", "second", "second"])
    statuses.push((await computeOnce(run(1), compute, { folder, force })).status);
  assert.deepEqual(statuses, ["computed", "stored", "computed", "stored"]);
  assert.equal(computed, 3);
});

test("computeOnce: computes nothing where nothing can be stored", async () => {
  const folder = newFolder();
  writeFileSync(folder, "a file in its place");
  await assert.rejects(computeOnce(run(1), never, { folder }), {
    name: "StoreError",
    message:
      /^computeOnce: needs a store that can be written at .*, got E\w+: .*; make room or rights there, or name another/,
  });
});

test("computeOnce: makes its folder again when it was removed meanwhile", async () => {
  const folder = newFolder();
  const compute = (): Promise<number> => {
    rmSync(folder, { recursive: true });
    return Promise.resolve(7);
  };
  await computeOnce(run(1), compute, { folder });
  assert.equal((await computeOnce(run(1), never, { folder })).value, 7);
});

test("computeOnce: keeps what its folder does not take any more, and finds it again", async (t) => {
  const folder = newFolder();
  const other = join(tmpdir(), "curious-inside-rescued", `rescued-${keyOf(run(1, "rescued"))}.run`);
  t.after(() => rmSync(other, { force: true }));
  const compute = (): Promise<number> => {
    rmSync(folder, { recursive: true });
    writeFileSync(folder, "a file in its place");
    return Promise.resolve(7);
  };
  const error = await computeOnce(run(1, "rescued"), compute, { folder }).catch(
    (reason: unknown) => reason as StoreError,
  );
  assert.ok(error instanceof StoreError);
  assert.equal(error.value, 7);
  assert.ok(error.message.includes(`it lies in ${other}, where it is found again`), error.message);
  assert.equal((await computeOnce(run(1, "rescued"), never, { folder })).value, 7);
});

test("isStored: is false for what is cut short", async () => {
  const folder = newFolder();
  await computeOnce(run(1), () => Promise.resolve("whole"), { folder });
  assert.ok(isStored(run(1), { folder }));
  assert.ok(!isStored(run(2), { folder }));
  const file = fileOf(folder, run(1));
  for (const bytes of [40, 200, 0]) {
    truncateSync(file, bytes);
    assert.ok(!isStored(run(1), { folder }));
  }
});

test("computeOnce, isStored: an entry whose value is none of its kind counts as damaged", async (t) => {
  const folder = newFolder();
  const warnings = silenceWarnings(t);
  const check = (value: unknown): void => assert.ok(typeof value === "number", "needs a number");
  await computeOnce(run(1), () => Promise.resolve(null), { folder }); // with a right checksum
  assert.ok(isStored(run(1), { folder }) && !isStored(run(1), { folder, check }));
  assert.equal((await computeOnce<number | null>(run(1), () => Promise.resolve(7), { folder, check })).value, 7);
  assert.match(warnings[0]!, /is damaged \(needs a number\): computing it again/);
  assert.ok(isStored(run(1), { folder, check }));
});

test("computeOnce: refuses a file that is larger than any entry before it reads it", async () => {
  const folder = newFolder();
  mkdirSync(folder);
  const file = fileOf(folder, run(1));
  writeFileSync(file, "");
  truncateSync(file, 2 ** 31); // a hole, which takes no room
  await assert.rejects(computeOnce(run(1), never, { folder }), /has 2147483648 bytes, more than any entry: remove it/);
});

test("computeOnce: uses the folder of CURIOUS_STORE when no other is given", async () => {
  const before = process.env["CURIOUS_STORE"];
  const folder = newFolder();
  try {
    process.env["CURIOUS_STORE"] = folder;
    await computeOnce(run(1), () => Promise.resolve(1));
    assert.ok(existsSync(fileOf(folder, run(1))));
  } finally {
    if (before === undefined) delete process.env["CURIOUS_STORE"];
    else process.env["CURIOUS_STORE"] = before;
  }
});

test("computeOnce: calls at once for one run compute it once", async () => {
  const folder = newFolder();
  let computed = 0;
  const compute = async (): Promise<number> => {
    computed++;
    await wait(20);
    return computed;
  };
  const all = await Promise.all([1, 1, 2, 1].map((seed) => computeOnce(run({ seed }), compute, { folder })));
  assert.equal(computed, 2);
  assert.equal(all[0], all[1]);
  assert.equal(all[0], all[3]);
  assert.notEqual(all[0], all[2]);
});

test("computeOnce: a computation that fails leaves nothing behind and is tried again", async () => {
  const folder = newFolder();
  await assert.rejects(computeOnce(run(1), never, { folder }), /computed a stored run/);
  assert.deepEqual(readdirSync(folder), []);
  assert.equal((await computeOnce(run(1), () => Promise.resolve(5), { folder })).value, 5);
});

test("computeOnce: refuses what is no JSON in config and what the store cannot keep, naming the place", async () => {
  const folder = newFolder();
  const refused = async (config: unknown, message: RegExp): Promise<void> =>
    assert.rejects(computeOnce(run(config), never, { folder }), message);
  await refused({ a: [1, NaN] }, /^InputError: computeOnce: needs JSON at run\.config\.a\[1\], got NaN$/);
  await refused({ a: Infinity }, /run\.config\.a, got Infinity/);
  await refused({ a: new Date(0) }, /run\.config\.a, got a Date/);
  await refused({ a: Float32Array.of(1) }, /run\.config\.a, got a Float32Array/);
  await refused([undefined], /run\.config\[0\], got undefined/);
  await refused({ onRound: () => 1 }, /run\.config\.onRound/);
  await assert.rejects(
    computeOnce(run(1, "../escape"), never, { folder }),
    /needs a kind of letters, digits and hyphens/,
  );

  const unkept = async (value: unknown, message: RegExp): Promise<void> =>
    assert.rejects(
      computeOnce(run(1), () => Promise.resolve(value), { folder }),
      message,
    );
  await unkept({ at: [new Date(0)] }, /typed arrays, arrays or plain objects at value\.at\[0\], got a Date/);
  await unkept({ map: new Map() }, /value\.map, got a Map/);
  await unkept({ f: () => 1 }, /value\.f/);
  await unkept(new (class Tensor {})(), /at value, got a Tensor/);
  assert.deepEqual(readdirSync(folder), []);
});

test("keyOf: changes with kind, code, config, dataset and library, not with the order of properties", () => {
  const base: Run = { kind: "listen", code: "fl/train", config: { a: 1, b: { c: [1, 2], d: "x" } }, datasetHash: "d" };
  const same: Run = {
    datasetHash: "d",
    code: "fl/train",
    config: { b: { d: "x", c: [1, 2] }, a: 1, absent: undefined },
    kind: "listen",
  };
  assert.equal(keyOf(base), keyOf(same));
  assert.match(keyOf(base), /^[0-9a-f]{64}$/);
  const others = [
    keyOf({ ...base, kind: "train" }),
    keyOf({ ...base, datasetHash: "e" }),
    keyOf({ ...base, config: { a: 1, b: { c: [2, 1], d: "x" } } }),
    keyOf({ ...base, config: { a: "1", b: { c: [1, 2], d: "x" } } }),
    keyOf({ ...base, config: { a: 1, b: { c: [1, 2], d: "x" }, e: null } }),
    keyOf({ ...base, code: "fl/client" }),
    keyOf(base, { modules: new Map([["fl/train", ""]]), versionOf: () => "" }),
  ];
  assert.equal(new Set([keyOf(base), ...others]).size, 8);
});

test("keyOf: SHA-256 of the canonical JSON, with the hash of what the code reaches", () => {
  // tokens=$(printf '%s\n' f '(' 1 ')' ';' | sha256sum | cut -c1-64)
  // library=$(printf '%s\n' "core/a $tokens" | sha256sum | cut -c1-64)
  // printf '%s' '{"code":"core/a","config":{"a":[1,0.5],"b":"é"},"datasetHash":"d","kind":"k","libraryHash":"'$library'"}' | sha256sum
  const expected = "296ec4236ce77db60cb8f9ee3a936108ac1254bb08d99a5f455d209e82174491";
  const modules = new Map([["core/a", "f(1); // nothing"]]);
  const of: Run = { kind: "k", code: "core/a", config: { b: "é", a: [1, 0.5] }, datasetHash: "d" };
  assert.equal(keyOf(of, { modules, versionOf: () => "" }), expected);
});

test("keyOf: changes with the code that the run's module reaches, not with other code or comments", () => {
  const folder = newFolder();
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  write("fl/train.js", 'require("../core/a"); require("pack/part");');
  write("core/a.js", "f(1);");
  write("node_modules/pack/package.json", '{ "version": "1.0.0" }');
  const key = (): string => keyOf(run(1), readLibrary(folder));
  const before = key();
  write("core/a.js", "// one\nf(1); // and only");
  write("core/a.test.js", 'require("./a");');
  write("core/b.js", "f(2);");
  write("core/a.d.ts", "export {};");
  assert.equal(key(), before);
  write("core/a.js", "f(2);");
  const edited = key();
  write("node_modules/pack/package.json", '{ "version": "1.0.1" }');
  assert.equal(new Set([before, edited, key()]).size, 3);
  assert.deepEqual([...readLibrary(folder).modules.keys()].sort(), ["core/a", "core/b", "fl/train"]);
});

test("describe: says whether a value is fresh or stored, and since when", () => {
  const base: Omit<Computed<unknown>, "value" | "status"> = {
    key: "k",
    seconds: 412.3,
    computedAt: "2026-11-23T08:00:00.000Z",
    libraryHash: "abc1234def",
  };
  assert.equal(sourceText({ ...base, status: "computed" }), "computed in 412 s");
  assert.equal(sourceText({ ...base, seconds: 0.25, status: "computed" }), "computed in 0.3 s");
  assert.equal(
    sourceText({ ...base, status: "stored" }),
    "from store, computed on 2026-11-23 (412 s), lib hash abc1234",
  );
});

test("computeOnce: a damaged entry is reported by name and computed again", async (t) => {
  const warnings = silenceWarnings(t);
  const folder = newFolder();
  const value = { values: Float32Array.from({ length: 64 }, (_, i) => i) };
  const compute = (): Promise<typeof value> => Promise.resolve(value);
  await computeOnce(run(1), compute, { folder });
  const file = fileOf(folder, run(1));
  const whole = readFileSync(file);

  const damages: Buffer[] = [Buffer.alloc(0), Buffer.from("not an entry"), Buffer.concat([whole, Buffer.of(0)])];
  for (let length = 1; length < whole.length; length += 29) damages.push(whole.subarray(0, length));
  for (let at = 0; at < whole.length; at += 13) {
    const flipped = Buffer.from(whole);
    flipped[at]! ^= 1;
    damages.push(flipped);
  }
  for (const [i, damage] of damages.entries()) {
    writeFileSync(file, damage);
    assert.equal((await computeOnce(run(1), compute, { folder })).status, "computed", `damage ${i}`);
    assert.equal(warnings.length, i + 1);
    assert.ok(warnings[i]!.includes(file));
    assert.deepEqual((await computeOnce<typeof value>(run(1), never, { folder })).value, value);
  }
});

test("computeOnce: an entry under another run's name is not taken for it", async (t) => {
  const warnings = silenceWarnings(t);
  const folder = newFolder();
  await computeOnce(run(1), () => Promise.resolve("one"), { folder });
  copyFileSync(fileOf(folder, run(1)), fileOf(folder, run(2)));
  assert.equal((await computeOnce(run(2), () => Promise.resolve("two"), { folder })).value, "two");
  assert.equal(warnings.length, 1);
  assert.ok(warnings[0]!.includes("it is the entry of"));
});

test("computeOnce: removes temporary files of dead processes only", async () => {
  const folder = newFolder();
  mkdirSync(folder);
  const namespace = existsSync("/proc/self/ns/pid") ? /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0] : "";
  const boot = existsSync("/proc") ? readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8) : "";
  const machine = `${hostname()}-${boot}-${namespace}`.replace(/[^A-Za-z0-9-]/g, "_");
  const dead = spawn(process.execPath, ["-e", ""]);
  await once(dead, "exit");
  const names = [
    `a.run.${machine}.${dead.pid}.x.tmp`,
    `a.run.${machine}.${process.pid}.x.tmp`,
    `a.run.${machine}0.${dead.pid}.x.tmp`, // of another PID namespace
    "a.run.elsewhere.1.x.tmp",
  ];
  for (const name of [...names, "note.tmp"]) writeFileSync(join(folder, name), "");
  await computeOnce(run(1), () => Promise.resolve(1), { folder });
  assert.deepEqual(temporaries(folder).sort(), [...names.slice(1), "note.tmp"].sort());
});

test("computeOnce: kill -9 at 20 random moments of writing leaves entries whole or absent, and no work is repeated", async (t) => {
  const folder = newFolder();
  const log = join(root, "kills.log");
  writeFileSync(log, "");
  const script = `
    const { appendFileSync } = require("node:fs");
    const [folder, log] = process.argv.slice(1);
    void (async () => {
      for (let i = 0; ; i++) {
        await computeOnce({ kind: "big", code: "fl/train", config: { i }, datasetHash: "" }, async () => {
          appendFileSync(log, "computed " + i + "\\n");
          process.stdout.write("computing");
          return { i, values: new Float32Array(1e6).fill(i) };
        }, { folder });
        appendFileSync(log, "done " + i + "\\n");
      }
    })();`;
  const rng = createRng("kills");
  let torn = 0;
  for (let kill = 0; kill < 20; kill++) {
    const { process: writer, errors } = child(script, folder, log);
    const gone = once(writer, "exit");
    await once(writer.stdout!, "data");
    await wait(rng.uniform() * 60 * 1.15 ** kill); // up to a second: a busy machine needs long to write an entry
    writer.kill("SIGKILL");
    await gone;
    assert.equal(errors(), ""); // no warning of a damaged entry
    torn += temporaries(folder).length;
    assert.ok(temporaries(folder).length <= 1, "the next process has removed what the last one left");
  }

  const done = new Set<string>();
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const [what, i] = line.split(" ") as [string, string];
    if (what === "done") done.add(i);
    else assert.ok(!done.has(i), `run ${i} was computed after it was done`);
  }
  assert.ok(done.size > 0);
  for (let i = 0; i <= done.size; i++) {
    const big: Run = { kind: "big", code: "fl/train", config: { i }, datasetHash: "" };
    if (!existsSync(fileOf(folder, big))) {
      assert.ok(!done.has(String(i)), `run ${i} was done and is lost`);
      continue;
    }
    const { value } = await computeOnce<{ i: number; values: Float32Array }>(big, never, { folder });
    assert.ok(value.i === i && value.values.length === 1e6 && value.values.every((x) => x === i));
  }
  await computeOnce(run("last"), () => Promise.resolve(1), { folder });
  assert.deepEqual(temporaries(folder), []);
  t.diagnostic(`${torn} of 20 kills hit a write; ${done.size} entries`);
});

test("computeOnce: three processes with the same runs at once all finish, and no entry is torn", async () => {
  const folder = newFolder();
  const runs = 30;
  // The first two meet at every run; the third comes from the other end.
  const script = `
    const [folder, from, step] = process.argv.slice(1);
    void (async () => {
      for (let i = Number(from), n = 0; n < ${runs}; i += Number(step), n++) {
        const make = async () => new Float32Array(2e5).fill(i);
        const run = { kind: "all", code: "fl/train", config: { i }, datasetHash: "d" };
        const { value } = await computeOnce(run, make, { folder });
        if (value.length !== 2e5 || !value.every((x) => x === i)) throw new Error("torn");
      }
    })();`;
  const children = [
    child(script, folder, "0", "1"),
    child(script, folder, "0", "1"),
    child(script, folder, String(runs - 1), "-1"),
  ];
  const codes = await Promise.all(children.map(async ({ process: one }) => (await once(one, "exit"))[0] as number));
  assert.equal(children.map(({ errors }) => errors()).join(""), "");
  assert.deepEqual(codes, [0, 0, 0]);
  assert.equal(readdirSync(folder).length, runs);
  for (let i = 0; i < runs; i++) {
    const { value } = await computeOnce<Float32Array>(run({ i }, "all"), never, { folder });
    assert.ok(value.length === 2e5 && value.every((x) => x === i));
  }
});
