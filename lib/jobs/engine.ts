/** @file What computes the jobs of a sweep: this machine, or any number of machines behind a Redis. */
import type { Dataset } from "../core/types";
import type { Job } from "./job";

/** A job that is to be computed, and the key of its result. */
export interface Task {
  readonly key: string;
  readonly job: Job;
}

/** How a job ended. Its result is in the store unless it failed. */
export type Outcome =
  | { readonly status: "computed"; readonly seconds: number } // that it took
  | { readonly status: "failed"; readonly error: Error };

/** What is heard of a job under way. */
export interface TaskProgress {
  readonly key: string;
  readonly share: number; // of the job that is done, 0..1
  readonly note: string; // what is being done
  readonly outcome?: Outcome; // when it has ended
}

/** What every engine is given besides tasks, all of different keys. */
export interface EngineOptions {
  readonly workers?: number; // child processes on this machine, see workerCount
  readonly dataset?: Dataset; // of the jobs, if it is at hand
  readonly onProgress: (progress: TaskProgress) => void;
  readonly onNotice: (text: string) => void; // what the reader should know meanwhile: a lost connection, no worker
}
