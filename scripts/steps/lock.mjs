/** @file One setup at a time: a lock file with the owner's pid, kept fresh by its owner. */
import { linkSync, mkdirSync, renameSync, statSync, unlinkSync, utimes, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readText, remove } from "./common.mjs";

const BEAT = 1000; // ms between two touches of the lock
const SILENCE = 30_000; // ms after which a lock nobody touches is stale: its pid then belongs to another program

/** Runs `work` while holding the lock; `onWait(pid)` is called once where another process holds it. */
export async function withLock(file, work, onWait = () => {}) {
  mkdirSync(dirname(file), { recursive: true });
  for (let told = false; !acquire(file); await sleep(200)) {
    if (isStale(file)) takeAway(file);
    else if (!told) {
      told = true;
      onWait(owner(file));
    }
  }
  const beat = setInterval(() => utimes(file, new Date(), new Date(), () => {}), BEAT);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    remove(file);
  }
}

const owner = (file) => Number(readText(file));

/** Linking is atomic and fails where the lock is there, so that it never is there without its pid. */
function acquire(file) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, String(process.pid));
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(mine);
  }
}

function isStale(file) {
  const pid = owner(file);
  const touched = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  if (!pid || touched === undefined) return false; // released meanwhile
  return !isAlive(pid) || Date.now() - touched > SILENCE;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Of several processes that see the stale lock, one succeeds in renaming it. */
function takeAway(file) {
  const taken = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, taken);
    // Another process may have put its own lock there since we looked: then it goes back.
    const pid = owner(taken);
    if (pid && isAlive(pid) && Date.now() - statSync(taken).mtimeMs < SILENCE) linkSync(taken, file);
  } catch {
    // Somebody else was faster.
  } finally {
    remove(taken);
  }
}
