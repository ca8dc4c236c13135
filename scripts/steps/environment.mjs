/** @file The CURIOUS_… variables that there are: a misspelt one would change nothing and be thought to. */
import { SetupError } from "./common.mjs";

/** By name what a value has to look like where that is a closed set; the library checks the others where it reads them. */
export const known = {
  CURIOUS_BACKEND: /^(tensorflow|wasm)$/,
  CURIOUS_BROWSER: /./, // a path
  CURIOUS_DATA: /./, // a folder
  CURIOUS_ENGINE: /./, // local, or the address of a Redis
  CURIOUS_FIGURES: /./, // a folder: where figures and records are written
  CURIOUS_FORCE: /^[01]$/,
  CURIOUS_MEMORY: /^\d/,
  CURIOUS_PROFILE: /^(smoke|quick|paper)$/,
  CURIOUS_STORE: /./, // a folder
  CURIOUS_WORKERS: /^[1-9]\d*$/,
};

/** Throws a SetupError for an unknown name, blanks around a value, or a value that cannot be; an empty one counts as absent. */
export function checkEnvironment(environment) {
  const names = Object.keys(environment).filter((name) => name.startsWith("CURIOUS_"));
  for (const name of names) {
    if (!Object.hasOwn(known, name))
      throw new SetupError(
        `${name} is no variable of this project.`,
        `There are ${Object.keys(known).join(", ")}: correct its name, or unset it.`,
      );
    const value = environment[name];
    if (value === "") continue;
    if (value !== value.trim() || !known[name].test(value))
      // An engine's address holds a password.
      throw new SetupError(
        `${name} cannot be ${name === "CURIOUS_ENGINE" ? "what it is: blanks stand around it" : JSON.stringify(value)}.`,
        "Correct it, or unset it.",
      );
  }
}
