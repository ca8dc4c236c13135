/** @file Python environments inside the project, from hashed requirements, with uv where it is installed and else with pip. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { remove, run, setupDir, succeeds, which } from "./common.mjs";

const REMEDY = "See that the Python package index can be reached, then run the same command again.";
const VENV = "import venv, ensurepip"; // Debian keeps the second in a package of its own
const NAMES = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/** The first Python on the PATH that is at least `least` ([major, minor]) and can run `imports`, or null. */
export function findPython(imports = "", least = [3, 10]) {
  const test = `import sys; assert sys.version_info >= (${least.join(", ")}); ${imports}`;
  return NAMES.map((name) => which(name)).find((path) => path && succeeds(path, ["-c", test])) ?? null;
}

/** True where an environment can be made. */
export const canMakeEnvironment = (least) =>
  findPython("", least) !== null && (which("uv") !== null || findPython(VENV, least) !== null);

/** Makes the environment anew, whatever was there; `flags` go to the installer. */
export async function makeEnvironment(folder, requirements, { least, flags = [] } = {}) {
  const uv = which("uv");
  const python = findPython(VENV, least);
  const install = ["install", "--quiet", "--require-hashes", "--only-binary", ":all:", ...flags, "-r", requirements];
  try {
    await (uv ? withUv(uv, findPython("", least), folder, install) : withPip(python, folder, install));
  } catch (error) {
    // uv and pip find mirrors and certificates in different places: where one fails the other may get through.
    if (!uv || !python) throw error;
    await withPip(python, folder, install);
  }
}

async function withUv(uv, python, folder, install) {
  remove(folder);
  await run(uv, ["venv", "--quiet", "--python", python, folder], { remedy: REMEDY });
  await run(uv, ["pip", ...install, "--python", join(folder, "bin", "python")], { remedy: REMEDY });
}

async function withPip(python, folder, install) {
  remove(folder);
  // pip unpacks below TMPDIR. The system's one may be small, and what an interrupted run leaves there nobody removes.
  const tmp = join(setupDir, "tmp");
  remove(tmp);
  mkdirSync(tmp, { recursive: true });
  const options = { env: { TMPDIR: tmp }, remedy: REMEDY };
  await run(python, ["-m", "venv", folder], options);
  await run(join(folder, "bin", "python"), ["-m", "pip", ...install], options);
  remove(tmp);
}
