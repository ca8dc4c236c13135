/** @file The architectures by name. */
import { lenet5 } from "./architecture/lenet5";
import { lenet5Wide } from "./architecture/lenet5Wide";
import { mlp } from "./architecture/mlp";
import { softmaxRegression } from "./architecture/softmaxRegression";
import type { Architecture } from "./options";

/** The architectures by name; a config's `architecture` is a key. */
export const architectures = { lenet5, lenet5Wide, mlp, softmaxRegression } as const satisfies Record<
  string,
  Architecture
>;

/** An architecture's name. */
export type ArchitectureName = keyof typeof architectures;
