/** @file sweeper.mjs JOBS ENGINE: computes jobs here (ENGINE "local") or through a Redis, into the store of its environment. */
import { createRequire } from "node:module";
import { at } from "../steps/common.mjs";

const require = createRequire(at("lib", "dist", "jobs", "sweep.js"));
const { runOf } = require("./job.js");
const { isStored, keyOf } = require("./store.js");
const { default: fixture } = require("./jobs.fixture.js");
const fixtures = { kinds: [], file: "jobs.fixture.js" };
const [jobs, engine, timing] = process.argv.slice(2).map((text) => JSON.parse(text));
const tasks = jobs.map((job) => ({ key: keyOf(runOf(job)), job })).filter(({ job }) => !isStored(runOf(job)));
const options = { onProgress: () => console.log("under way"), onNotice: () => undefined };
// A single job is computed in this process, by the kinds that the library knows.
const [only] = tasks;
const outcomes =
  engine === "local" && tasks.length === 1
    ? await fixture(only.job).then(({ seconds }) => [{ status: "computed", seconds }])
    : engine === "local"
      ? await require("./localEngine.js").runLocally(tasks, fixtures, { ...options, workers: 2 })
      : await require("./redisEngine.js").runOnRedis(engine, tasks, fixtures.kinds, { ...options, timing });
process.exit(outcomes.every(({ status }) => status === "computed") ? 0 : 1);
