/** @file What a sweep is made of: a run as plain JSON, which any process with the same library and dataset can compute. */
import { z } from "zod";
import { checkShape } from "./schema";
import { libraryHashOf, type Run } from "./store";

/** A run to be computed. Equal jobs have equal keys (see keyOf). */
export interface Job {
  readonly kind: string; // what is computed, see JobKind
  readonly code: string; // the module that computes it, see Run
  readonly plan: unknown; // JSON: what the kind asks for
  readonly dataset: { readonly name: string; readonly hash: string };
  readonly backend: string; // as backendReady gives it
  readonly force: boolean | string; // see StoreOptions
}

/** A job on its way to another process, with the hash of the code that its result depends on. */
export interface Payload extends Job {
  readonly libraryHash: string;
}

/** This process cannot compute the job, another one may: it has another library, dataset or backend. */
export class UnfitError extends Error {
  override readonly name = "UnfitError";
}

/**
 * What a job's result is stored under.
 *
 * @param job any
 * @returns the run whose value is the job's result
 * @example
 * runOf(job).config; // { backend: job.backend, plan: job.plan }
 */
export function runOf({ kind, code, plan, dataset, backend }: Job): Run {
  return { kind, code, config: { backend, plan }, datasetHash: dataset.hash };
}

/**
 * A job made ready to be sent.
 *
 * @param job any
 * @returns the job with this library's hash
 * @example
 * packJob(job).libraryHash; // libraryHashOf(runOf(job))
 */
export function packJob(job: Job): Payload {
  return { ...job, libraryHash: libraryHashOf(runOf(job)) };
}

const sha256 = z.hash("sha256");
const payload = z.strictObject({
  kind: z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/),
  code: z.string().regex(/^\w+(\/\w+)*$/),
  plan: z.json(),
  dataset: z.strictObject({ name: z.string(), hash: sha256 }),
  backend: z.string(),
  force: z.union([z.boolean(), z.iso.datetime()]),
  libraryHash: sha256,
});

/**
 * Reads a job that came from elsewhere.
 *
 * @param value whatever came
 * @returns the job
 * @throws InputError naming the place that is not as it should be; UnfitError when the job was made by another library
 * @example
 * unpackJob(packJob(job)).plan; // job.plan
 * unpackJob({ ...packJob(job), kind: 7 }); // throws "unpackJob: needs a string at kind, got 7"
 */
export function unpackJob(value: unknown): Job {
  const { libraryHash: asked, ...job } = checkShape("unpackJob", payload, value);
  const own = hashHere(job);
  if (asked !== own)
    throw new UnfitError(
      `this worker has library hash ${own}, the job asks for ${asked}; ` +
        "bring both machines to the same commit, build, and start the worker again",
    );
  return job;
}

function hashHere(job: Job): string {
  try {
    return libraryHashOf(runOf(job));
  } catch {
    return `none (it has no ${job.code})`;
  }
}
