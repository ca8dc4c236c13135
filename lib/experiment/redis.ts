/** @file The Redis that jobs go through: how to reach it, what lies where in it, and how long anything waits. */
import { Redis } from "ioredis";
import { refuse } from "../core/errors";

/** The name of the queue; all keys of BullMQ begin with `bull:` and it. */
export const queueName = "curious-inside";

/** Waiting times in milliseconds, and how often a job is tried. */
export interface QueueTiming {
  readonly lock: number; // a worker that says nothing for so long has lost its job
  readonly stalled: number; // between two looks for jobs whose worker was lost
  readonly retry: number; // before a failed job is tried again, doubled each time
  readonly attempts: number; // of a job whose process died or that failed for another reason than its config
  readonly losses: number; // workers that may be lost over one job before it counts as failed
  readonly look: number; // between two looks of the sweep at all its jobs, besides the events that it hears of
  readonly keepResult: number; // in Redis, when nobody collects it
  readonly keepCollected: number; // in Redis, for another sweep that waits for the same job
}

/** The waiting times outside of tests. */
export const queueTiming: QueueTiming = {
  lock: 60_000,
  stalled: 30_000,
  retry: 5_000,
  attempts: 3,
  losses: 3,
  look: 30_000,
  keepResult: 7 * 24 * 3_600_000,
  keepCollected: 120_000,
};

/**
 * Whether an engine is the address of a Redis.
 *
 * @param engine any
 * @returns whether it begins with redis:// or rediss:// (TLS)
 * @example
 * isRedis("rediss://example.org:6380"); // true
 * isRedis("local"); // false
 */
export function isRedis(engine: string): boolean {
  return /^rediss?:\/\//.test(engine);
}

/**
 * An address as messages may show it: only what cannot be a password, or a piece of one that was not percent-encoded.
 *
 *     scheme://[***@]host[:port][/database]
 *
 * @param url of a Redis; also one that cannot be read
 * @returns *** for user and password, for a database that is no number, for a query, and for all of what is no such address
 * @example
 * redacted("redis://user:secret@host:6379/0"); // "redis://***@host:6379/0"
 * redacted("redis://:pass/word@host"); // "***"; else it would show the piece before the slash as the host
 */
export function redacted(url: string): string {
  const parts = partsOf(url);
  if (parts === null) return "***";
  const { protocol, username, password, host, pathname, search, hash } = parts;
  const database = pathname.length <= 1 || /^\/\d+$/.test(pathname) ? pathname : "/***";
  return `${protocol}//${username || password ? "***@" : ""}${host}${database}${search || hash ? "?***" : ""}`;
}

/** An address in its parts; null where it is none, or where what should be its password reads as something else. */
function partsOf(url: string): URL | null {
  if (!URL.canParse(url)) return null;
  const parts = new URL(url);
  if (!/^([\w.-]+|\[[\da-f:.]+\])(:\d+)?$/i.test(parts.host) || /@/.test(parts.pathname + parts.search + parts.hash))
    return null;
  return parts;
}

/** Refuses an address that ioredis would misread, or pass on to Redis to be refused there. */
function checkAddress(fn: string, url: string): void {
  const parts = partsOf(url);
  const ask = (requirement: string, remedy?: string): never => refuse(fn, requirement, redacted(url), remedy);
  const encode = "percent-encode what is neither letter nor digit in user and password";
  if (parts === null || !isRedis(url)) return ask("needs an address like redis://user:password@host:6379", encode);
  if (!/^\/?\d*$/.test(parts.pathname)) ask("needs a database that is a number, as in redis://host:6379/0");
  // ioredis would take its own options from there.
  if (parts.search || parts.hash) ask("needs an address without ? and #", encode);
  try {
    decodeURIComponent(parts.username + parts.password);
  } catch {
    ask("needs user and password whose every % begins a code such as %40", encode);
  }
}

/**
 * Where a result waits to be collected.
 *
 * @param key of the result in the store
 * @returns a key of Redis
 * @example
 * resultKey("abc"); // "curious-inside:result:abc"
 */
export function resultKey(key: string): string {
  return `${queueName}:result:${key}`;
}

/**
 * Connects to a Redis. It must answer now; later the connection comes back by itself however long Redis was away, and what was
 * asked meanwhile is asked then.
 *
 * @param fn name of the public function that was called
 * @param url redis://[user:password@]host[:port][/database], or rediss:// for TLS
 * @param onNotice hears when the connection is lost, and when it is back
 * @returns the connection, owned by the caller
 * @throws InputError when the address cannot be read, or Redis does not answer, or refuses user or password; without them
 * @example
 * const redis = await openRedis("sweep", "redis://127.0.0.1:6379", console.warn);
 * redis.disconnect();
 */
export async function openRedis(fn: string, url: string, onNotice: (text: string) => void): Promise<Redis> {
  checkAddress(fn, url);
  const place = redacted(url);
  let reason = "";
  const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  first.on("error", (error) => (reason ||= messageOf(error)));
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    refuse(fn, `needs a Redis that answers at ${place}`, reason || messageOf(error), remedyFor(reason));
  } finally {
    first.disconnect();
  }

  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(100 * 2 ** times, 5_000),
  });
  let isLost = false;
  redis.on("error", () => undefined); // what is to be said of it the two others say
  redis.on("reconnecting", () => {
    if (!isLost) onNotice(`lost the connection to ${place}, waiting for it`);
    isLost = true;
  });
  redis.on("ready", () => {
    if (isLost) onNotice(`connected to ${place} again`);
    isLost = false;
  });
  return redis;
}

/** Never the error itself: the command that it carries may be AUTH with its password. */
function messageOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || "no answer"; // of several addresses that all refuse only the code is told
}

function remedyFor(reason: string): string {
  if (/WRONGPASS|NOAUTH|NOPERM|invalid password/i.test(reason)) return "check user and password in the address";
  if (/certificate|self.signed|SSL|TLS/i.test(reason))
    return "use rediss:// where Redis speaks TLS, and NODE_EXTRA_CA_CERTS for an authority of your own";
  return "start it, or correct the address";
}
