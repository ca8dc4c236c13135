/** @file reader.mjs FOLDER: the child of inputs.mjs. Makes the input of each trial that it is sent, reads it, and says what came of it. */
import { serialize } from "node:v8";
import { kinds } from "./kinds.mjs";
import { randomOf } from "./mutate.mjs";

const folder = process.argv[2];
for (const { load } of Object.values(kinds)) load?.(); // what modules take is not the input's
process.on("disconnect", () => process.exit());
process.on("message", async ({ kind, name }) => {
  let input;
  try {
    const { make, read, finish } = kinds[kind];
    input = make(randomOf(name));
    if (finish) input = await finish(input, folder, randomOf);
    process.send({ name, stage: "made", memory: process.memoryUsage.rss() });
    const outcome = await read(input, folder);
    process.send({ name, outcome });
  } catch (error) {
    const text = `${error.constructor?.name}: ${error.message}`.slice(0, 500);
    process.send({ name, outcome: "failed", error: text, input: bytesOf(input).toString("base64") });
  }
});

/** What to keep of an input that failed: bytes as they are, else JSON where it can be. */
function bytesOf(input) {
  if (input?.bytes) return input.bytes.subarray(0, 1e6);
  try {
    return Buffer.from(JSON.stringify(input, null, 1));
  } catch {
    return serialize(String(input));
  }
}
