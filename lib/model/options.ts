/** @file What every architecture may be told. */
import type { ActivationName } from "./layers/activation";
import type { PoolingName } from "./layers/pooling";

/** Options of an architecture; one without the part in question ignores it. */
export interface ArchitectureOptions {
  /** Default "relu". */
  readonly activation?: ActivationName;
  /** Default "max". */
  readonly pooling?: PoolingName;
}
