/** @file Step "Jupyter": the project's own Python environment, from hashed requirements. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  digest,
  isStamped,
  readText,
  remove,
  root,
  run,
  setupDir,
  stamp,
  succeeds,
  unstamp,
  venv,
  which,
} from "./common.mjs";

const REQUIREMENTS = at("scripts", "requirements.txt");
const VENV = "import venv, ensurepip"; // Debian keeps the second in a package of its own
// The commands in a venv hold its absolute path, so a moved project gets a new one.
const key = () => digest(readText(REQUIREMENTS), root);

export const jupyter = {
  name: "jupyter",
  title: "Jupyter",
  needs: [],

  fresh: () =>
    isStamped("jupyter", key()) &&
    existsSync(join(venv, "bin", "python")) &&
    existsSync(join(venv, "bin", "jupyter-lab")),

  prerequisites() {
    const python = findPython();
    if (python && (which("uv") || findPython(VENV))) return [];
    const remedy =
      "Debian/Ubuntu `apt-get install python3 python3-venv`, Fedora `dnf install python3`, macOS `brew install python`.";
    return [{ what: python ? `${python} has no venv module.` : "Python 3.10 or newer was not found.", remedy }];
  },

  async run() {
    unstamp("jupyter");
    const uv = which("uv");
    const python = findPython(VENV);
    try {
      await (uv ? withUv(uv, findPython()) : withPip(python));
    } catch (error) {
      // uv and pip find mirrors and certificates in different places: where one fails the other may get through.
      if (!uv || !python) throw error;
      await withPip(python);
    }
    stamp("jupyter", key());
  },
};

const REMEDY = "See that the Python package index can be reached, then run the same command again.";
const INSTALL = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS];
const VENV_PYTHON = join(venv, "bin", "python");

async function withUv(uv, python) {
  remove(venv);
  await run(uv, ["venv", "--quiet", "--python", python, venv], { remedy: REMEDY });
  await run(uv, ["pip", ...INSTALL, "--python", VENV_PYTHON], { remedy: REMEDY });
}

async function withPip(python) {
  remove(venv);
  // pip unpacks below TMPDIR. The system's one may be small, and what an interrupted run leaves there nobody removes.
  const tmp = join(setupDir, "tmp");
  remove(tmp);
  mkdirSync(tmp, { recursive: true });
  const options = { env: { TMPDIR: tmp }, remedy: REMEDY };
  await run(python, ["-m", "venv", venv], options);
  await run(VENV_PYTHON, ["-m", "pip", ...INSTALL], options);
  remove(tmp);
}

/** The first Python ≥ 3.10 on the PATH, of those that can run `imports`. */
function findPython(imports = "") {
  const names = ["python3", "python3.13", "python3.12", "python3.11", "python3.10", "python"];
  const test = `import sys; assert sys.version_info >= (3, 10); ${imports}`;
  return names.map((name) => which(name)).find((path) => path && succeeds(path, ["-c", test])) ?? null;
}
