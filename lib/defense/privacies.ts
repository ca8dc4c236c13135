/** @file The privacy mechanisms by name. */
import { dpSgd } from "./privacy/dpSgd";
import { localDpMechanism as localDp } from "./privacy/localDp";
import type { Privacy } from "./privacy/privacy";

/** The privacy mechanisms by name; a config's `privacy` is a key, or "none". */
export const privacies = { localDp, dpSgd } as const satisfies Record<string, Privacy>;

/** A privacy mechanism's name. */
export type PrivacyName = keyof typeof privacies;
