/** @file A worker for resume.test.ts: a job draws numbers from its own and from shared ones, and leaves a line for each computation. */
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { createRng } from "../core/rng";
import { computeOnce, type Run } from "./store";

// Without its parent a worker has nobody to work for.
process.on("disconnect", () => process.exit());

export const jobs = Array.from({ length: 36 }, (_, i) => ({ i }));
export const sharedBy = 6; // jobs that use one shared run, as settings share an autoencoder

/** The runs of the fixture: "own" of job i, "shared" of jobs i, i + 1, ... */
export function runOf(kind: "own" | "shared", i: number): Run {
  return { kind, code: "core/rng", config: { i }, datasetHash: "" };
}

export default async function work({ i }: { readonly i: number }): Promise<void> {
  note(`worker ${process.pid}`);
  const draw = async (kind: "own" | "shared", index: number, milliseconds: number): Promise<Float32Array> => {
    await wait(milliseconds);
    const numbers = createRng(kind).split("numbers", index).normals(3000);
    note(`${kind} ${index}`);
    return numbers;
  };
  const s = Math.floor(i / sharedBy);
  await computeOnce(runOf("own", i), async () => {
    const shared = await computeOnce(runOf("shared", s), () => draw("shared", s, 15));
    const own = await draw("own", i, 5);
    return own.map((x, k) => x + shared.value[k]!);
  });
}

function note(line: string): void {
  appendFileSync(process.env["RESUME_LOG"]!, `${line}\n`);
}
