/** @file Fetching official files: verified before anything is written, and written all at once. */
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { refuse } from "../core/errors";
import type { OfficialFile } from "./spec";

/** How far a long step has come. */
export interface DownloadProgress {
  /** What is loaded. */
  readonly label: string;
  /** So much of it. */
  readonly done: number;
  /** In the unit of done. */
  readonly total: number;
}

export interface DownloadOptions {
  readonly retryDelay?: number | undefined; // milliseconds before the second attempt, doubled for each further one; 500
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined; // hears of the bytes
}

/** What a download came to: the file, or why no mirror could be reached. */
export type Download =
  { readonly kind: "fetched"; readonly bytes: Uint8Array } | { readonly kind: "unreachable"; readonly reason: string };

type Attempt = Download | { readonly kind: "damaged"; readonly reason: string };

const ATTEMPTS = 4;
const STALL = 30_000; // ms without a byte before an attempt is given up

/**
 * Fetches a file of known length and SHA-256 into memory: four attempts, mirrors in turn, a longer wait before each.
 *
 * @param official the file's name, length and SHA-256
 * @returns the verified bytes; or "unreachable" when no attempt found a server with the file (no connection, an HTTP error)
 */
export async function download(
  official: OfficialFile,
  mirrors: readonly string[],
  options: DownloadOptions = {},
): Promise<Download> {
  const { retryDelay = 500, onProgress } = options;
  const failures: { kind: string; reason: string }[] = [];
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await sleep(retryDelay * 2 ** (attempt - 1));
    const address = mirrors[attempt % mirrors.length]! + official.file;
    const outcome = await fetchOnce(address, official, onProgress);
    if (outcome.kind === "fetched") return outcome;
    failures.push({ kind: outcome.kind, reason: `${address}: ${outcome.reason}` });
  }
  const damaged = failures.filter((failure) => failure.kind === "damaged");
  if (damaged.length === 0) return { kind: "unreachable", reason: reasonsOf(failures) };
  const what = `needs ${official.file} with ${official.bytes} bytes and SHA-256 ${official.sha256}`;
  return refuse("download", what, reasonsOf(damaged), "try again, or bring the file in by hand (data/README.md)");
}

/**
 * Writes a file so that it is there whole or not at all: into a file beside it, which then takes its name.
 *
 * @throws the file system's error, leaving nothing behind
 */
export function saveWhole(path: string, bytes: Uint8Array): void {
  const part = `${path}.${process.pid}.part`;
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(part, bytes);
    renameSync(part, path);
  } finally {
    rmSync(part, { force: true });
  }
}

/** One attempt at one address: the official bytes, or why they are not there. */
async function fetchOnce(
  address: string,
  official: OfficialFile,
  onProgress: DownloadOptions["onProgress"],
): Promise<Attempt> {
  const stalled = new AbortController();
  const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${STALL / 1000} s`)), STALL);
  const total = official.bytes;
  let done = 0;
  let answered = false;
  try {
    // identity: a server that says "Content-Encoding: gzip" would have fetch unpack the file
    const response = await fetch(address, { signal: stalled.signal, headers: { "accept-encoding": "identity" } });
    if (!response.ok || !response.body) return { kind: "unreachable", reason: `HTTP ${response.status}` };
    answered = true;
    const bytes = new Uint8Array(total);
    const hash = createHash("sha256");
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      timer.refresh();
      if (done + chunk.length > total) return { kind: "damaged", reason: `more than ${total} bytes` };
      bytes.set(chunk, done);
      hash.update(chunk);
      done += chunk.length;
      onProgress?.({ label: official.file, done, total });
    }
    if (done < total) return { kind: "damaged", reason: `${done} of ${total} bytes` };
    const sha256 = hash.digest("hex");
    return sha256 === official.sha256 ? { kind: "fetched", bytes } : { kind: "damaged", reason: `SHA-256 ${sha256}` };
  } catch (error) {
    const reason = causeOf(error);
    return answered
      ? { kind: "damaged", reason: `${done} of ${total} bytes, then ${reason}` }
      : { kind: "unreachable", reason };
  } finally {
    clearTimeout(timer);
    stalled.abort(); // lets go of a body left unread
  }
}

function reasonsOf(failures: readonly { readonly reason: string }[]): string {
  return [...new Set(failures.map((failure) => failure.reason))].join("; ");
}

/** fetch says "fetch failed" and keeps what happened in its cause. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message;
}
