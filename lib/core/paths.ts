/** @file Where things lie on disk. The library lies in <root>/lib/dist when it runs. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

/** The project's root: the nearest folder above the library that holds notebooks/ and lib/. */
export const projectRoot: string = findRoot(__dirname);

/** Paths inside the project. */
export const paths = {
  data: join(projectRoot, "data"),
  store: join(projectRoot, "data", "store"),
  setup: join(projectRoot, ".setup"),
} as const;

function findRoot(from: string): string {
  if (existsSync(join(from, "notebooks")) && existsSync(join(from, "lib"))) return from;
  const parent = dirname(from);
  if (parent === from) throw new Error("paths: needs a folder with notebooks/ and lib/ above the library, got none");
  return findRoot(parent);
}
