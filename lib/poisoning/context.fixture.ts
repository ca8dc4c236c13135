/** @file A round small enough to work by hand. */
import type { PoisoningContext } from "./poisoning";

/** Four clients, one of them malicious; the honest mean is (2, 4), their standard deviation (1, sqrt(12)). */
export const round: PoisoningContext = {
  parameters: {},
  numClients: 4,
  numMalicious: 1,
  honestUpdates: [Float32Array.of(1, 2), Float32Array.of(2, 8), Float32Array.of(3, 2)],
  inputShape: [1, 4, 4],
  numClasses: 3,
};

/** The malicious client's own update in that round. */
export const own = Float32Array.of(1, -2);
