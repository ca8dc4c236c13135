/** @file How much to compute: the profile of this run, read from the environment. */
import { refuse } from "./errors";

/** smoke tests the wiring, quick gives numbers with intervals (indicative), paper has the paper's scale and enough seeds to decide. */
export type Profile = "smoke" | "quick" | "paper";

const profiles: readonly string[] = ["smoke", "quick", "paper"] satisfies readonly Profile[];

/**
 * The profile of this run: the environment variable CURIOUS_PROFILE.
 *
 * @param environment where to read it; the process's own unless a test says otherwise
 * @returns "quick" where the variable is absent or empty
 * @throws InputError when it is anything but smoke, quick or paper
 * @example
 * currentProfile({ CURIOUS_PROFILE: "paper" }); // "paper"
 */
export function currentProfile(environment: NodeJS.ProcessEnv = process.env): Profile {
  const value = environment["CURIOUS_PROFILE"] || "quick";
  if (!profiles.includes(value)) refuse("currentProfile", "needs CURIOUS_PROFILE smoke, quick or paper", value);
  return value as Profile;
}

/**
 * Whether stored results are to be ignored: the environment variable CURIOUS_FORCE.
 *
 * @param environment where to read it; the process's own unless a test says otherwise
 * @returns true for "1", false where the variable is absent, empty or "0"
 * @throws InputError when it is anything else
 * @example
 * isForced({ CURIOUS_FORCE: "1" }); // true
 */
export function isForced(environment: NodeJS.ProcessEnv = process.env): boolean {
  const value = environment["CURIOUS_FORCE"] || "0";
  if (value !== "0" && value !== "1") refuse("isForced", "needs CURIOUS_FORCE 0 or 1", value);
  return value === "1";
}

/**
 * Picks the value of the current profile; made for parameter cells.
 *
 * @param values one value per profile
 * @param profile the profile; that of this run unless given
 * @returns values[profile]
 * @example
 * byProfile({ smoke: 1, quick: 3, paper: 30 }, "quick"); // 3
 */
export function byProfile<T>(values: Readonly<Record<Profile, T>>, profile: Profile = currentProfile()): T {
  return values[profile];
}
