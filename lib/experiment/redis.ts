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
 * An address without its password, for messages.
 *
 * @param url of a Redis; also one that cannot be read
 * @returns the same with *** for the password
 * @example
 * redacted("redis://user:secret@host:6379/0"); // "redis://user:***@host:6379/0"
 * redacted("redis://host:6379"); // "redis://host:6379"
 */
export function redacted(url: string): string {
  return url.replace(/^(\w+:\/\/[^/:@]*):.*@/, "$1:***@").replace(/([?&]password=)[^&]*/, "$1***");
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
  const place = redacted(url);
  let reason = "";
  if (!URL.canParse(url)) refuse(fn, "needs an address like redis://user:password@host:6379", place);
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
