/** @file Step "Jupyter": the project's own Python environment, from hashed requirements. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { at, digest, digestSizes, isStamped, readText, root, stamp, unstamp, venv } from "./common.mjs";
import { canMakeEnvironment, findPython, makeEnvironment } from "./python.mjs";

const REQUIREMENTS = at("scripts", "requirements.txt");
// The commands in a venv hold its absolute path, so a moved project gets a new one.
const key = () => digest(readText(REQUIREMENTS), root);
// What we start and what it says of itself; not all files, as the reader may install more.
const outputs = () => digestSizes(["python", "jupyter-lab", "jupyter-book"].map((name) => join(venv, "bin", name)));

export const jupyter = {
  name: "jupyter",
  title: "Jupyter",
  needs: [],

  fresh: () => isStamped("jupyter", digest(key(), outputs())) && existsSync(join(venv, "bin", "python")),

  prerequisites() {
    if (canMakeEnvironment()) return [];
    const python = findPython();
    const remedy =
      "Debian/Ubuntu `apt-get install python3 python3-venv`, Fedora `dnf install python3`, macOS `brew install python`.";
    return [{ what: python ? `${python} has no venv module.` : "Python 3.10 or newer was not found.", remedy }];
  },

  async run() {
    unstamp("jupyter");
    await makeEnvironment(venv, REQUIREMENTS);
    stamp("jupyter", digest(key(), outputs()));
  },
};
