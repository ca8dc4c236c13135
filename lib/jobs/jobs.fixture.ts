/** @file A worker for sweep.test.ts, which does what its job's plan says and stores what comes out. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { refuse } from "../core/errors";
import { runOf, UnfitError, type Job } from "./job";
import type { JobProgress } from "./pool";
import { computeOnce, type Computed } from "./store";

/** What the worker shall do, in this order. */
export interface FixturePlan {
  readonly id: string; // which job
  readonly milliseconds?: number; // to take
  readonly until?: string; // a file that must be there before it goes on
  readonly refuse?: string; // what to be refused for
  readonly fail?: string; // what to fail with, perhaps not the next time
  readonly unfit?: string; // why another worker is needed
  readonly die?: boolean; // to end like a process that ran out of memory
  readonly bytes?: number; // length of the result
  readonly breakStore?: string; // a folder to put a file in the place of
}

export function fixtureJob(plan: FixturePlan, force: boolean | string = false): Job {
  const dataset = { name: "strokes", hash: "0".repeat(64) } as const;
  return { kind: "fixture", code: "jobs/job", plan, dataset, backend: "none", force };
}

/** The result of a job. */
export function resultOf({ id, bytes = 8 }: FixturePlan): { id: string; numbers: Float32Array } {
  return { id, numbers: Float32Array.from({ length: bytes / 4 }, (_, i) => i + id.length) };
}

process.on("disconnect", () => process.exit());

export default async function work(job: Job): Promise<Omit<Computed<unknown>, "value">> {
  const plan = job.plan as FixturePlan;
  const compute = async (): Promise<unknown> => {
    process.send?.({ share: 0.5, note: "half" } satisfies JobProgress);
    await wait(plan.milliseconds ?? 0);
    while (plan.until !== undefined && !existsSync(plan.until)) await wait(20);
    if (plan.refuse !== undefined) refuse("work", "needs another plan", plan.refuse);
    if (plan.fail !== undefined) throw new Error(plan.fail);
    if (plan.unfit !== undefined) throw new UnfitError(plan.unfit);
    if (plan.die === true) process.kill(process.pid, "SIGKILL");
    if (plan.breakStore !== undefined) {
      rmSync(plan.breakStore, { recursive: true, force: true });
      writeFileSync(plan.breakStore, "");
    }
    return resultOf(plan);
  };
  const { value, ...source } = await computeOnce(runOf(job), compute, { force: job.force });
  return source;
}
