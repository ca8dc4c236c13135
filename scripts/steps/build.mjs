/** @file Step "library": TypeScript to lib/dist. */
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { at, digest, digestFiles, filesUnder, isStamped, remove, run, setupDir, stamp } from "./common.mjs";

const DIST = at("lib", "dist");
const sources = () => filesUnder(at("lib"), ["dist", "node_modules"]).filter((file) => /\.(ts|json)$/.test(file));
const inputs = () => digestFiles([...sources(), at("tsconfig.json"), at("package-lock.json")]);
const outputs = () => digestFiles(filesUnder(DIST).filter((file) => /\.(js|json)$/.test(file)));

export const build = {
  name: "build",
  title: "library",
  needs: ["npm"],

  fresh: () => isStamped("build", digest(inputs(), outputs())),

  async run() {
    const made = inputs();
    // Compiled aside and moved in: no output of a deleted source stays, and lib/dist is never half written.
    const part = join(setupDir, "dist.part");
    const old = join(setupDir, "dist.old");
    remove(part);
    const aside = ["--outDir", part, "--incremental", "false", "--tsBuildInfoFile", "null"];
    await run(
      process.execPath,
      [at("node_modules", "typescript", "bin", "tsc"), "-p", at("lib", "tsconfig.json"), ...aside],
      {
        remedy: "Mend the type errors in lib/ and run the same command again.",
      },
    );
    remove(old);
    if (existsSync(DIST)) renameSync(DIST, old);
    renameSync(part, DIST);
    remove(old);
    stamp("build", digest(made, outputs()));
  },
};
