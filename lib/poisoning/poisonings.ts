/** @file The poisoning rules by name. */
import { alie } from "./alie";
import { backdoor } from "./backdoor";
import { gaussianNoise } from "./gaussianNoise";
import { infinity } from "./infinity";
import { innerProductManipulation } from "./innerProductManipulation";
import { labelFlip } from "./labelFlip";
import { mimic } from "./mimic";
import { minMax } from "./minMax";
import { omniscientSignFlip } from "./omniscientSignFlip";
import { optimalAlie } from "./optimalAlie";
import { optimalInnerProductManipulation } from "./optimalInnerProductManipulation";
import type { Poisoning } from "./poisoning";
import { signFlip } from "./signFlip";

/**
 * The poisoning rules by name, what a Byzantine client does; a config's `poisoning` is a key, or "none". The paper's three stand first.
 *
 * Names of the field: IPM, fall of empires -> innerProductManipulation; ALIE, a little is enough -> alie; SF, reversed gradient ->
 * signFlip; LF -> labelFlip; Gaussian -> gaussianNoise; AGR-agnostic -> minMax; model replacement -> backdoor with boost = numClients.
 */
export const poisonings = {
  signFlip,
  gaussianNoise,
  backdoor,
  labelFlip,
  omniscientSignFlip,
  innerProductManipulation,
  alie,
  minMax,
  mimic,
  infinity,
  optimalInnerProductManipulation,
  optimalAlie,
} as const satisfies Record<string, Poisoning>;

/** A poisoning rule's name. */
export type PoisoningName = keyof typeof poisonings;
