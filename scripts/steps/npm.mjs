/** @file Step "npm packages": `npm ci`, with install scripts off (.npmrc). */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { at, readJson, readText, remove, run, SetupError, which } from "./common.mjs";

const LOCK = at("package-lock.json");
const HIDDEN_LOCK = at("node_modules", ".package-lock.json"); // npm's own record of what it installed, written last

export const npm = {
  name: "npm",
  title: "npm packages",
  needs: [],

  fresh() {
    const lock = readJson(LOCK);
    return (
      lockMatches(lock, manifests()) &&
      installed(lock, readJson(HIDDEN_LOCK)) &&
      Object.keys(lock.packages).every((path) => lock.packages[path].optional || readText(at(path, "package.json")))
    );
  },

  async run() {
    if (!lockMatches(readJson(LOCK), manifests()))
      throw new SetupError(
        "package-lock.json does not hold what package.json and lib/package.json ask for.",
        "npm install",
      );
    // Without it, what an interrupted npm leaves does not look complete.
    remove(HIDDEN_LOCK);
    const [command, ...args] = npmCommand();
    await run(command, [...args, "ci", "--include=dev"], {
      env: { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
      remedy: "See that the npm registry can be reached, then run the same command again.",
    });
  },
};

const manifests = () => ({ "": readJson(at("package.json")), lib: readJson(at("lib", "package.json")) });

/** True where the manifests ask for what the lock file holds. */
export function lockMatches(lock, manifests) {
  const same = (a = {}, b = {}) =>
    Object.keys({ ...a, ...b }).every((name) => a[name] !== undefined && a[name] === b[name]);
  return Object.entries(manifests).every(([path, manifest]) => {
    const locked = lock?.packages?.[path];
    return (
      locked && manifest && ["dependencies", "devDependencies"].every((kind) => same(locked[kind], manifest[kind]))
    );
  });
}

/** True where every package of the lock file is in npm's record of what is installed; optional ones may be for other systems. */
export function installed(lock, record) {
  return Object.entries(lock?.packages ?? {}).every(([path, wanted]) => {
    if (!path.includes("node_modules/")) return true;
    const there = record?.packages?.[path];
    if (!there) return wanted.optional === true;
    return there.version === wanted.version && there.integrity === wanted.integrity && there.link === wanted.link;
  });
}

/** npm of the running Node where there is one, else the one on the PATH. */
function npmCommand() {
  const own = join(dirname(process.execPath), "..", "lib", "node_modules", "npm", "bin", "npm-cli.js");
  if (existsSync(own)) return [process.execPath, own];
  const found = which("npm");
  if (!found)
    throw new SetupError(
      "npm was not found.",
      "It comes with Node: install Node from nodejs.org or your system's packages.",
    );
  return [found];
}
