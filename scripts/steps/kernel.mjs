/** @file Step "kernel": the tslab kernel, registered in the project's .venv and nowhere else. */
import { join } from "node:path";
import { at, readText, stepFile, venv, writeAtomic } from "./common.mjs";

/** The files of this step and what has to stand in them. */
function files() {
  const kernel = {
    // The connection file has to be an argument of its own (as tslab's installer writes it).
    argv: [
      process.execPath,
      "--require",
      stepFile("parent.cjs"),
      "--require",
      stepFile("tslab-shorthand.cjs"),
      at("node_modules", "tslab", "bin", "tslab"),
      "kernel",
      "--config-path",
      "{connection_file}",
    ],
    display_name: "TypeScript (curious-inside)",
    language: "typescript",
    env: { TF_CPP_MIN_LOG_LEVEL: "2" },
  };
  // JupyterLab otherwise asks the network for news and for extensions.
  const page = {
    disabledExtensions: {
      "@jupyterlab/apputils-extension:announcements": true,
      "@jupyterlab/extensionmanager-extension": true,
    },
  };
  return [
    [join(venv, "share", "jupyter", "kernels", "tslab", "kernel.json"), kernel],
    [join(venv, "etc", "jupyter", "labconfig", "page_config.json"), page],
  ].map(([file, content]) => [file, JSON.stringify(content, null, 2) + "\n"]);
}

export const kernel = {
  name: "kernel",
  title: "notebook kernel",
  needs: ["npm", "jupyter"],
  fresh: () => files().every(([file, text]) => readText(file) === text),
  run() {
    for (const [file, text] of files()) writeAtomic(file, text);
  },
};
