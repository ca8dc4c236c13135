/** @file Ways to break an input. All take a random(n) -> integer in 0..n-1, so a seed and a number give an input again. */
import { createHash } from "node:crypto";

/** A generator for the trial of that name: SHA-256 in counter mode is slow enough not to matter and alike everywhere. */
export function randomOf(name) {
  let block = Buffer.alloc(0);
  let used = 0;
  let counter = 0;
  return (n) => {
    if (used + 4 > block.length) {
      block = createHash("sha256").update(`${name} ${counter++}`).digest();
      used = 0;
    }
    const value = block.readUInt32LE(used);
    used += 4;
    return Math.floor((value / 2 ** 32) * n);
  };
}

const pick = (random, list) => list[random(list.length)];
const cut = (random, bytes) => [random(bytes.length + 1), random(bytes.length + 1)].sort((a, b) => a - b);

/** Bytes with one to four of: a flipped bit, another byte, a cut end, a part left out, doubled, moved, huge numbers, noise. */
export function mutateBytes(bytes, random) {
  const ways = [
    (b) => (b.length && (b[random(b.length)] ^= 1 << random(8)), b),
    (b) => (b.length && (b[random(b.length)] = random(256)), b),
    (b) => b.subarray(0, random(b.length + 1)),
    (b) => ((([from, to]) => Buffer.concat([b.subarray(0, from), b.subarray(to)]))(cut(random, b))),
    (b) => ((([from, to]) => Buffer.concat([b.subarray(0, to), b.subarray(from)]))(cut(random, b))),
    (b) => ((([from, to]) => Buffer.concat([b.subarray(to), b.subarray(0, from)]))(cut(random, b))),
    (b) => (b.length >= 4 && b.writeUInt32BE(pick(random, [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 65536]), random(b.length - 3)), b),
    (b) => Buffer.concat([b, Buffer.from(Array.from({ length: random(64) }, () => random(256)))]),
    (b) => (b.length && b.fill(random(256), ...cut(random, b)), b),
  ]; // prettier-ignore
  let mutated = Buffer.from(bytes);
  for (let times = 1 + random(4); times > 0; times--) mutated = Buffer.from(pick(random, ways)(mutated));
  return mutated;
}

const odd = [
  ...[null, true, "", "0", "constructor", "__proto__", [], {}, [[]], -1, 0, 1, 2, 0.5, -0, 1e-300, 1e300, 2 ** 53, 1e9],
  ...[-1e308, "\u0000", " ", "x".repeat(1000), [null], { length: 1e9 }],
];

const clone = (value) => JSON.parse(JSON.stringify(value));

/** JSON with one to three of: a value of another type or size, a field left out, doubled under another name, a repeated entry. */
export function mutateJson(value, random) {
  const copy = clone({ root: value });
  for (let times = 1 + random(3); times > 0; times--) {
    const places = [];
    const visit = (holder) => {
      for (const key of Object.keys(holder)) {
        places.push([holder, key]);
        if (typeof holder[key] === "object" && holder[key] !== null) visit(holder[key]);
      }
    };
    visit(copy);
    const [holder, key] = pick(random, places);
    const way = random(5);
    if (way === 0 && key !== "root") Array.isArray(holder) ? holder.splice(Number(key), 1) : delete holder[key];
    else if (way === 1 && Array.isArray(holder)) holder.push(clone(holder[key]));
    else if (way === 1 && key !== "root") {
      const name = pick(random, [`${key}s`, key.slice(1), key.toUpperCase(), "constructor", "__proto__"]);
      Object.defineProperty(holder, name, { value: holder[key], enumerable: true, configurable: true, writable: true });
    } else if (way === 2 && typeof holder[key] === "number") holder[key] *= pick(random, [-1, 0, 1e9, 1e308, 0.5]);
    else if (way === 2 && typeof holder[key] === "string") {
      const bytes = mutateBytes(Buffer.from(holder[key]), random);
      holder[key] = bytes.toString("latin1");
    } else holder[key] = clone(pick(random, odd));
  }
  return copy.root;
}
