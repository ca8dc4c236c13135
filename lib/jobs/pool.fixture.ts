/** @file A worker for pool.test.ts, which does what its job says. */
import { setTimeout as wait } from "node:timers/promises";
import { refuse } from "../core/errors";
import { memoryBudget } from "../core/memory";
import type { JobProgress } from "./pool";

/** What the worker shall do, in this order. */
export interface FixtureJob {
  readonly job: number; // its number
  readonly milliseconds?: number; // to take
  readonly refuse?: string; // what to be refused for
  readonly die?: boolean; // to end like a process that ran out of memory
}

/** What the worker did. */
export interface FixtureResult {
  readonly job: number;
  readonly pid: number;
  readonly from: number; // milliseconds since 1970
  readonly to: number;
  readonly threads: string | undefined; // of TensorFlow
  readonly memory: number; // bytes it may fill
}

export default async function work({ job, ...todo }: FixtureJob): Promise<FixtureResult> {
  const from = Date.now();
  const report = (share: number): void => void process.send?.({ share, note: `job ${job}` } satisfies JobProgress);
  report(0.5);
  await wait(todo.milliseconds ?? 0);
  if (todo.refuse !== undefined) refuse("work", "needs another job", todo.refuse);
  if (todo.die === true) process.kill(process.pid, "SIGKILL");
  report(1);
  return {
    job,
    pid: process.pid,
    from,
    to: Date.now(),
    threads: process.env["TF_NUM_INTRAOP_THREADS"],
    memory: memoryBudget(),
  };
}
