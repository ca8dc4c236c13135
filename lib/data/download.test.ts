import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { download, saveWhole, type DownloadProgress } from "./download";

const content = randomBytes(300_000); // several chunks
const official = { file: "x.gz", bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") };

type Answer = (response: ServerResponse) => void;
const whole: Answer = (response) => response.end(content);
const status =
  (code: number): Answer =>
  (response) =>
    response.writeHead(code).end("no");
/** Promises everything, sends a part, breaks the connection. */
const cut: Answer = (response) => {
  response.writeHead(200, { "content-length": content.length });
  response.write(content.subarray(0, 1000), () => response.destroy());
};

/** Runs with a server on the loopback that gives these answers in turn, the last one for ever. */
async function serving<T>(
  answers: readonly Answer[],
  run: (mirror: string, asked: string[]) => Promise<T>,
): Promise<T> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    answers[Math.min(asked.length, answers.length) - 1]!(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const quick = { retryDelay: 1 };

test("download: gives the bytes and tells of each when the first answer is right", async () => {
  const told: DownloadProgress[] = [];
  const outcome = await serving([whole], async (mirror, asked) => {
    const result = await download(official, [mirror], { ...quick, onProgress: (progress) => told.push(progress) });
    assert.deepEqual(asked, ["/x.gz"]);
    return result;
  });
  assert.ok(outcome.kind === "fetched" && content.equals(outcome.bytes));
  assert.ok(told.length > 1 && told.every((progress, i) => i === 0 || progress.done > told[i - 1]!.done));
  assert.deepEqual(told.at(-1), { label: "x.gz", done: 300_000, total: 300_000 });
});

test("download: tries again when the server is busy, or breaks off, or sends other bytes", async () => {
  const other = Buffer.from(content);
  other[7]! ^= 1;
  const answers = [status(503), cut, (response: ServerResponse) => response.end(other), whole];
  await serving(answers, async (mirror, asked) => {
    assert.equal((await download(official, [mirror], quick)).kind, "fetched");
    assert.equal(asked.length, 4);
  });
});

test("download: waits longer before each further attempt", async () => {
  const at: number[] = [];
  const busy: Answer = (response) => {
    at.push(performance.now());
    status(503)(response);
  };
  await serving([busy], (mirror) => download(official, [mirror], { retryDelay: 40 }));
  const waits = at.slice(1).map((time, i) => time - at[i]!);
  // timers may fire a millisecond early
  assert.ok(waits[0]! >= 38 && waits[1]! >= 78 && waits[2]! >= 158, waits.join());
});

test("download: refuses with both hashes or lengths when every answer is wrong", async () => {
  const wrong: readonly [answer: Answer, message: RegExp][] = [
    [
      cut,
      /^download: needs x\.gz with 300000 bytes and SHA-256 [0-9a-f]{64}, got http:.*x\.gz: \d+ of 300000 bytes, then /,
    ],
    [
      (response) => response.end(content.subarray(1)),
      /got http:\/\/127\.0\.0\.1:\d+\/x\.gz: 299999 of 300000 bytes; try again/,
    ],
    [(response) => response.end(Buffer.concat([content, content])), /x\.gz: more than 300000 bytes/],
    [
      (response) => response.end(Buffer.alloc(300_000)),
      /got http.*x\.gz: SHA-256 [0-9a-f]{64}; try again, or bring the file/,
    ],
  ];
  for (const [answer, message] of wrong) {
    await serving([answer], async (mirror, asked) => {
      await assert.rejects(download(official, [mirror], quick), { name: "InputError", message });
      assert.equal(asked.length, 4);
    });
  }
});

test("download: takes the next mirror when the first is gone, and says why when all are", async () => {
  const gone = await serving([whole], (mirror) => Promise.resolve(mirror)); // closed by now
  await serving([whole], async (mirror) => {
    assert.equal((await download(official, [gone, mirror], quick)).kind, "fetched");
  });
  await serving([status(404)], async (mirror, asked) => {
    const outcome = await download(official, [gone, mirror], quick);
    assert.ok(outcome.kind === "unreachable");
    assert.match(outcome.reason, /^http.*x\.gz: connect ECONNREFUSED .*; http.*x\.gz: HTTP 404$/);
    assert.equal(asked.length, 2);
  });
});

test("saveWhole: makes the folder, replaces the file, and leaves nothing beside it", () => {
  const folder = mkdtempSync(join(tmpdir(), "curious-save-"));
  const file = join(folder, "deep", "x.gz");
  saveWhole(file, Buffer.from("old"));
  saveWhole(file, Buffer.from("new"));
  assert.equal(readFileSync(file, "utf8"), "new");
  mkdirSync(join(folder, "deep", "taken"));
  assert.throws(() => saveWhole(join(folder, "deep", "taken"), Buffer.from("x"))); // a folder has that name
  assert.deepEqual(readdirSync(join(folder, "deep")).sort(), ["taken", "x.gz"]);
  rmSync(folder, { recursive: true });
});
