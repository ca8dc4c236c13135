/** @file The Redis that jobs go through: how to reach it, what lies where in it, and how long anything waits. */
import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { InputError, refuse } from "../core/errors";
import { printable } from "./printable";

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
  readonly answer: number; // a Redis that says nothing for so long is taken for lost
  readonly close: number; // what uses a connection may take to end
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
  answer: 20_000,
  close: 5_000,
  keepResult: 7 * 24 * 3_600_000,
  keepCollected: 120_000,
};

/**
 * Whether an engine is the address of a Redis.
 *
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
 * @returns *** for user and password, for a database that is no number, for a query, and for all of what is no such address
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
 * @example
 * resultKey("abc"); // "curious-inside:result:abc"
 */
export function resultKey(key: string): string {
  return `${queueName}:result:${key}`;
}

/** A connection that comes back by itself, and what ends it. */
export interface RedisLink {
  readonly redis: Redis;
  /** Ends what uses the connection or a duplicate of it, then the connection; never waits long, whatever state they are in. */
  readonly close: (users: readonly { close: () => Promise<unknown> }[]) => Promise<void>;
}

/**
 * Connects to a Redis. It must answer now; later the connection comes back by itself however long Redis was away or silent, and
 * what was asked meanwhile is asked then.
 *
 * @param url redis://[user:password@]host[:port][/database], or rediss:// for TLS
 * @returns the connection and its close(), owned by the caller
 * @throws InputError when the address cannot be read, or Redis does not answer, or refuses user, password or database; without them
 */
export async function openRedis(
  fn: string,
  url: string,
  onNotice: (text: string) => void,
  { answer, close: patience }: Pick<QueueTiming, "answer" | "close"> = queueTiming,
): Promise<RedisLink> {
  checkAddress(fn, url);
  const place = redacted(url);
  let reason = "";
  const first = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 });
  first.on("error", (error) => (reason ||= messageOf(error)));
  try {
    const answered = first.connect().then(() => first.ping());
    if (!(await endsWithin(answered, answer))) reason ||= `silence for ${answer / 1000} s`;
    else await answered;
  } catch (error) {
    reason ||= messageOf(error);
  } finally {
    first.disconnect();
  }
  if (reason) refuse(fn, `needs a Redis that answers at ${place}`, reason, remedyFor(reason));

  let isClosed = false;
  const redis = new Redis(url, {
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (isClosed ? null : Math.min(100 * 2 ** times, 5_000)), // that of all duplicates as well
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
  /** A connection whose other end is gone without a word looks like a slow one: it is asked, and given up. */
  async function watch(): Promise<void> {
    while (!isClosed) {
      const answered = redis.ping();
      while (!(await endsWithin(answered, answer)) && !isClosed) redis.disconnect(true);
      await wait(answer, undefined, { ref: false });
    }
  }
  void watch();
  async function close(users: readonly { close: () => Promise<unknown> }[]): Promise<void> {
    // BullMQ waits for a connection's "end", which one that waits to be made again never says once it is told to end.
    await endsWithin(Promise.allSettled(users.map((user) => user.close())), patience);
    isClosed = true;
    redis.disconnect();
  }
  return { redis, close };
}

/**
 * Whether a promise is fulfilled or rejected in that time.
 *
 * @example
 * await endsWithin(Promise.resolve(), 1000); // true
 * await endsWithin(new Promise(() => undefined), 1); // false
 */
export async function endsWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const timer = new AbortController();
  const ended = promise.then(
    () => true,
    () => true,
  );
  const late = wait(milliseconds, false, { signal: timer.signal }).catch(() => false);
  const isInTime = await Promise.race([ended, late]);
  timer.abort();
  return isInTime;
}

/**
 * What Redis refuses, in words of ours.
 *
 * @example
 * const error = Object.assign(new Error("READONLY You can't write"), { name: "ReplyError" });
 * refusalOf("sweep", "redis://host", error).name; // "InputError"
 */
export function refusalOf(fn: string, url: string, error: unknown): Error {
  const { name, message } = error as Error;
  if (name !== "ReplyError") return error as Error;
  const remedy = remedyFor(message);
  return new InputError(
    `${fn}: needs a Redis at ${redacted(url)} that does what it is asked, got ${printable(message)}; ${remedy}`,
  );
}

/** Never the error itself: the command that it carries may be AUTH with its password. */
function messageOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return printable(message || code || "no answer"); // of several addresses that all refuse only the code is told
}

const remedies: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/WRONGPASS|NOAUTH|invalid password/i, "check user and password in the address"],
  [/NOPERM/, "let the user of the address do everything with the keys bull:* and curious-inside:*"],
  [
    /certificate|self.signed|SSL|TLS/i,
    "use rediss:// where Redis speaks TLS, and NODE_EXTRA_CA_CERTS for an authority of your own",
  ],
  [
    /\bOOM\b|maxmemory/,
    "give it more memory (maxmemory), or remove what others left in it, and start again: nothing computed is lost",
  ],
  [/DB index|invalid DB|SELECT/i, "name a database that this Redis has, such as /0"],
  [/MISCONF|No space/i, "make room on the disk of Redis"],
  [/READONLY|MASTERDOWN/, "name the primary's address: a replica takes nothing"],
  [/silence/, "check that a Redis listens there, and use rediss:// where it speaks TLS"],
  [/WRONGTYPE/, "use a database of its own, since another program's keys are in the way"],
];

function remedyFor(reason: string): string {
  return remedies.find(([pattern]) => pattern.test(reason))?.[1] ?? "start it, or correct the address";
}
