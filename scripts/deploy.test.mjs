/** @file What the containers of scripts/deploy start, with stand-ins for what they start it with. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { at } from "./steps/common.mjs";

const root = mkdtempSync(join(tmpdir(), "deploy-"));
after(() => rmSync(root, { recursive: true, force: true }));

/** Says what it was started with: arguments, standard input, address. */
const standIn = '#!/bin/sh\necho "started $*"\ncat\necho "engine $CURIOUS_ENGINE"\n';
for (const name of ["docker-entrypoint.sh", "node"]) {
  writeFileSync(join(root, name), standIn);
  chmodSync(join(root, name), 0o755);
}

/** The shell scripts of compose.yaml as a container's shell gets them. */
function commands() {
  const yaml = readFileSync(at("scripts", "deploy", "compose.yaml"), "utf8");
  const blocks = [...yaml.matchAll(/^ {6}- \|\n((?: {8}.*\n)+)/gm)].map(([, block]) => block.replace(/^ {8}/gm, ""));
  assert.equal(blocks.length, 2);
  const [redis, worker] = blocks.map((block) =>
    block
      .replaceAll("${REDIS_HOST:-redis}", "redis")
      .replaceAll("$$", "$")
      .replaceAll("/run/secrets/redis_password", join(root, "secret")),
  );
  return { redis, worker };
}

/** Runs a container's script with that password file; null: there is none. */
function run(script, secret) {
  rmSync(join(root, "secret"), { force: true });
  if (secret !== null) writeFileSync(join(root, "secret"), secret);
  const env = { PATH: `${root}:${process.env.PATH}` };
  return spawnSync("sh", ["-c", script], { env, input: "", encoding: "utf8" });
}

const good = "0123456789abcdefGHIJ";

test("compose.yaml: Redis begins with a password, which no argument shows", () => {
  for (const secret of [good, `${good}\n`]) {
    const { status, stdout } = run(commands().redis, secret);
    assert.equal(status, 0);
    assert.match(stdout, /^started redis-server -$/m);
    assert.match(stdout, new RegExp(`^requirepass ${good}$`, "m"));
  }
});

test("compose.yaml: Redis does not begin without a password, or with one that is short or would be read as something else", () => {
  for (const secret of [
    null,
    "",
    "\n",
    "  \n",
    '""',
    "short",
    `${good} ${good}`,
    `${good}\nprotected-mode no`,
    `"${good}"`,
  ]) {
    const { status, stdout, stderr } = run(commands().redis, secret);
    assert.equal(status, 1, String(secret));
    assert.equal(stdout, "");
    assert.match(stderr, /redis_password: needs at least 16 letters and digits/);
  }
});

test("compose.yaml: a worker takes the password, and does not begin without", () => {
  const { status, stdout } = run(commands().worker, good);
  assert.equal(status, 0);
  assert.match(stdout, new RegExp(`^started scripts/worker.mjs\nengine redis://:${good}@redis:6379$`, "m"));
  for (const secret of [null, "", "\n"]) {
    const refused = run(commands().worker, secret);
    assert.deepEqual([refused.status, refused.stdout], [1, ""]);
    assert.match(refused.stderr, /redis_password: needs the password/);
  }
});
