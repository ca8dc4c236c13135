/** @file Whether a privacy mechanism, by its name, can run with parameters. */
import { ensure } from "../../core/errors";
import { privacies, type PrivacyName } from "../privacies";
import { checkParameters, type PrivacyParameters } from "./privacy";

/**
 * Refuses a mechanism that there is not, or parameters that it cannot run with.
 *
 * @param fn name of the public function that was called
 * @param privacy the mechanism
 * @param parameters its parameters
 * @throws InputError naming the parameter, what it needs and what it got
 * @example
 * checkPrivacy("train", "dpSgd", { ...defaultPrivacy, clipNorm: 0 }); // throws "train: needs a finite clipNorm > 0, got 0"
 */
export function checkPrivacy(fn: string, privacy: PrivacyName, parameters: PrivacyParameters): void {
  const known = Object.keys(privacies);
  ensure(known.includes(privacy), fn, `needs a privacy mechanism of ${known.join(", ")}`, privacy);
  checkParameters(fn, privacies[privacy], parameters);
}
