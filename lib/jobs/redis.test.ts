import assert from "node:assert/strict";
import test from "node:test";
import fc from "fast-check";
import { openRedis, redacted } from "./redis";

test("redacted: shows host, port and database alone", () => {
  const cases = [
    ["redis://:p@host:1/2", "redis://***@host:1/2"],
    ["rediss://user:secret@host", "rediss://***@host"],
    ["redis://secret@host:6379", "redis://***@host:6379"],
    ["redis://:p@ss:word@[::1]:6379", "redis://***@[::1]:6379"],
    ["redis://host:6379?password=secret", "redis://host:6379?***"],
    ["redis://host:6379/secret", "redis://host:6379/***"],
    ["redis://host:6379#secret", "redis://host:6379?***"],
    [" redis://:secret@host", "redis://***@host"],
    ["redis://host:6379/0", "redis://host:6379/0"],
    ["redis://:pass/word@host", "***"],
    ["redis:/:secret@host", "***"],
    ['"redis://:secret@host"', "***"],
    ["secret", "***"],
    ["", "***"],
  ] as const;
  for (const [url, expected] of cases) assert.equal(redacted(url), expected, url);
});

const characters = fc.constantFrom(...":/@?#%[]\\\"' \t\n=&.-_~!$é🎯".split(""), ..."QXZ");

/** Passwords whose letters stand nowhere else in an address. */
const passwords = fc.array(characters, { minLength: 1, maxLength: 12 }).map((list) => `Q${list.join("")}Z`);

/** How a password gets into an address: as it should, and as it is mistyped. */
const addresses: readonly ((password: string) => string)[] = [
  (password) => `redis://:${password}@host:6379/0`,
  (password) => `redis://user:${password}@host`,
  (password) => `rediss://${password}@host`,
  (password) => `redis://host?password=${password}`,
  (password) => `redis://host/0?password=${password}&db=1`,
  (password) => `redis://host/${password}@y`,
  (password) => ` redis://:${password}@host`,
  (password) => `\tredis://:${password}@host `,
  (password) => `"redis://:${password}@host"`,
  (password) => `'redis://:${password}@host:6379'`,
  (password) => `redis:/:${password}@host:6379`,
  (password) => `redis::${password}@host:6379`,
  (password) => `redis:///:${password}@host:6379`,
  (password) => `//:${password}@host:6379`,
  (password) => `:${password}@host:6379`,
  (password) => `${password}@host`,
  (password) => `redis://:${password.replaceAll("@", "")}:6379`, // else what follows the @ is the host
  (password) => `http://:${password}@host`,
  (password) => `http:/:${password}@host`,
  (password) => `CURIOUS_ENGINE=redis://:${password}@host`,
  (password) => password,
];

test("redacted: shows no letter of a password, however the address is written", () => {
  fc.assert(
    fc.property(fc.constantFrom(...addresses), passwords, (address, password) => {
      assert.doesNotMatch(redacted(address(password)), /[QXZ]/i);
    }),
    { numRuns: 3000 },
  );
});

test("openRedis: refuses an address that cannot be read before it asks anybody, without a letter of its password", async () => {
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...addresses), passwords, async (address, password) => {
      const url = address(`${password}/@%`); // in no place can that be a password
      await assert.rejects(openRedis("sweep", url, assert.fail), (error: Error) => {
        assert.equal(error.name, "InputError");
        assert.doesNotMatch(error.message.slice(error.message.indexOf(", got")), /[QXZ]/i);
        return true;
      });
    }),
  );
});
