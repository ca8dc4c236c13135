/**
 * @file One setup at a time: a lock file with its owner's identity. An owner on this machine is asked for by pid and start time,
 * so one that is stopped is never taken for dead, and another program with the pid of a dead one never for it. Of one that
 * cannot be seen from here (another container or machine that shares the folder) the lock's age tells: it touches it.
 */
import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, readFileSync, readlinkSync, statSync, unlinkSync, utimes, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { digest, readText, remove } from "./common.mjs";

const BEAT = 1000; // ms between two touches of the lock
const SILENCE = 30_000; // ms after which a lock of elsewhere that nobody touches is stale

/** Runs `work` while holding the lock; `onWait(pid)` is called once where another process holds it. */
export async function withLock(file, work, onWait = () => {}) {
  mkdirSync(dirname(file), { recursive: true });
  for (let told = false; !acquire(file); await sleep(200)) {
    const owner = readText(file);
    if (!told && owner !== null) onWait(Number(owner.split(" ")[0]));
    told ||= owner !== null;
  }
  const beat = setInterval(() => utimes(file, new Date(), new Date(), () => {}), BEAT);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if (readText(file) === me()) remove(file);
  }
}

/** Whether the lock is ours now. Linking is atomic and fails where the lock is there, so it never is there without its owner. */
function acquire(file) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, me());
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  } finally {
    unlinkSync(mine);
  }
  const owner = readText(file);
  if (owner !== null && isStale(file, owner)) retire(file, owner);
  return false;
}

/**
 * Removes the lock of that dead owner and no other's: only who holds the lock on doing so may, and it looks again. An owner is
 * one process, so what nobody else may remove cannot be another's by then.
 */
function retire(file, owner) {
  const right = `${file}.${digest(owner).slice(0, 16)}`;
  if (!acquire(right)) return;
  if (readText(file) === owner) remove(file);
  remove(right);
}

function isStale(file, owner) {
  const [pid, place, start] = owner.split(" ");
  if (place === here()) return startOf(pid) !== start;
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
  return Date.now() - touched > SILENCE;
}

let mine;
const me = () => (mine ??= `${process.pid} ${here()} ${startOf(process.pid)}`);

/** Where a pid and a start time name one process: this boot of this machine, this container. */
function here() {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
    return digest(boot, readlinkSync("/proc/self/ns/pid")).slice(0, 16);
  } catch {
    return digest(hostname()).slice(0, 16); // no Linux
  }
}

/** When a process started, in the system's own words; null where there is none, or it has ended and nobody asked how. */
function startOf(pid) {
  if (process.platform === "linux") {
    const fields = readText(`/proc/${pid}/stat`)?.split(") ").at(-1).split(" "); // the name before may hold anything
    return !fields || /[ZX]/.test(fields[0]) ? null : fields[19];
  }
  const { stdout } = spawnSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
    encoding: "utf8",
    env: { ...process.env, LC_ALL: "C", TZ: "UTC" },
  });
  const [state, ...start] = (stdout ?? "").trim().split(/\s+/);
  return !state || state.startsWith("Z") ? null : start.join("-");
}

/** Whether a process is there and has not ended; one that is stopped is. */
export const isRunning = (pid) => startOf(pid) !== null;
