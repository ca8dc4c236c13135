/** @file npm run worker: computes jobs of sweeps from the queue of a Redis until it is stopped. */
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { setup } from "./setup.mjs";

const usage = `npm run worker -- [options]
  --engine ENGINE   redis://[user:password@]host:6379, or rediss:// for TLS. Without it CURIOUS_ENGINE, which a list of
                    processes does not show
  --workers N       jobs at a time (default CURIOUS_WORKERS, else one per processor)
  --help            this text
  stop              SIGINT or SIGTERM: the jobs under way go back to the queue. Twice: at once
  exit              0 stopped, 1 Redis was away when it was stopped, 2 the command is not as it should be`;

async function main(args) {
  let values;
  try {
    const text = { type: "string" };
    const options = { engine: text, workers: text, help: { type: "boolean", default: false } };
    ({ values } = parseArgs({ args, options }));
  } catch (error) {
    // Node quotes the argument, which may be an address with a password.
    const isArgument = error.code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL";
    return (console.error(`${usage}\nworker: ${isArgument ? "takes options alone" : error.message}`), 2);
  }
  if (values.help) return (console.log(usage), 0);
  const engine = values.engine ?? process.env.CURIOUS_ENGINE ?? "";

  await setup({ only: ["build", "tensorflow"] });
  const require = createRequire(import.meta.url);
  const { isRedis, redacted } = require("curious-inside/dist/jobs/redis.js");
  const { serveRedis } = require("curious-inside/dist/jobs/redisWorker.js");
  const { workerCount } = require("curious-inside/dist/jobs/pool.js");
  const { workshop } = require("curious-inside/dist/experiment/workshop.js");
  if (!isRedis(engine))
    return (console.error(`worker: needs --engine redis://host:port, got ${engine ? redacted(engine) : "none"}`), 2);

  const signs = { computed: "✔", failed: "✖", "given back": "↩", "left to others": "→", notice: "!" };
  const onEvent = ({ what, key, text }) => {
    if (what !== "started") console.log(`${signs[what]} ${[key.slice(0, 8), text || what].filter(Boolean).join("  ")}`);
  };
  let worker;
  let workers;
  try {
    workers = values.workers === undefined ? workerCount() : Number(values.workers);
    worker = await serveRedis(engine, workshop, { workers, onEvent });
  } catch (error) {
    if (error.name !== "InputError") throw error;
    return (console.error(error.message), 2);
  }
  console.log(`${workers} at a time, waiting for jobs at ${redacted(engine)}`);
  let isStopping = false;
  const stop = () => {
    if (isStopping) process.exit(130);
    isStopping = true;
    setTimeout(() => process.exit(1), 8000).unref(); // Redis is away: it finds out that the jobs are free
    void worker.close();
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  await worker.ended;
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
