/** @file A process that answers lines of JSON on standard input with lines of JSON on standard output. */
import { createInterface } from "node:readline";

/** Answers until standard input ends; operations: name -> function of the question's other fields. */
export async function serve(operations) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { op, ...details } = JSON.parse(line);
    const answer = await (async () => operations[op](details))().catch((error) => ({ error: error.stack }));
    process.stdout.write(JSON.stringify(answer) + "\n");
  }
}
