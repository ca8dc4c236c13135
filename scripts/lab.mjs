/** @file npm run lab: JupyterLab on this machine only, in notebooks/, with the project's kernel. Further arguments go to JupyterLab. */
import { spawn } from "node:child_process";
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { jupyterEnvironment, notebooksFolder } from "./notebooks.mjs";
import { setup } from "./setup.mjs";
import { at, writeAtomic } from "./steps/common.mjs";
import "./steps/parent.cjs";

/** Starts JupyterLab with the project's Python. It finds a free port itself, and asks nobody on the network. */
export function startLab(python, args = [], { folder = notebooksFolder, profile, stdio = "inherit" } = {}) {
  const env = jupyterEnvironment(profile && { CURIOUS_PROFILE: profile });
  const settings = {
    // A double click on NN_name.ts opens the notebook that it is, not its text.
    "@jupyterlab/docmanager-extension:plugin": { defaultViewers: { typescript: "Jupytext Notebook" } },
  };
  const labconfig = join(env.JUPYTER_CONFIG_DIR, "labconfig");
  writeAtomic(join(labconfig, "default_setting_overrides.json"), JSON.stringify(settings));
  const fixed = [
    "--ServerApp.ip=127.0.0.1",
    `--ServerApp.root_dir=${folder}`,
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
    ...(process.getuid?.() === 0 ? ["--allow-root"] : []), // containers
  ];
  return spawn(python, [at("scripts", "parent.py"), "jupyterlab.labapp", ...fixed, ...args], { env, stdio });
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1])) {
  const lab = startLab((await setup()).python, process.argv.slice(2));
  process.on("SIGINT", () => {}); // JupyterLab asks whether to stop, and its answer is ours
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => lab.kill(signal));
  lab.on("close", (code) => (process.exitCode = code ?? 1));
}
