/** @file Whoever computes ends with whoever asked for it, however that ended: kernels, their processes, Lab. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { startLab } from "./lab.mjs";
import { jupyterEnvironment } from "./notebooks.mjs";
import { setup } from "./setup.mjs";
import { at } from "./steps/common.mjs";
import { isRunning } from "./steps/lock.mjs";

const { python } = await setup();

/** Waits until `condition` holds, for at most a minute: a machine may be busy. */
async function until(condition, what) {
  for (let i = 0; i < 600 && !(await condition()); i++) await wait(100);
  assert.ok(await condition(), what);
}

/** A notebook whose second cell computes for ever, with two processes that do, too; they leave their pids in a file. */
function writeNotebook(t, name) {
  const folder = at("build", "test-processes", name); // below the project, as the kernel looks for node_modules above
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const pids = join(folder, "pids");
  const busy = [
    'import { fork } from "node:child_process";',
    'import { writeFileSync } from "node:fs";',
    `const openPool: any = require(${JSON.stringify(at("lib", "dist", "jobs", "pool.js"))}).openPool;`,
    'const pool = await openPool("pool.fixture.js", 1);',
    "const waiting: any = await pool.run({ job: 0 });",
    "void pool.run({ job: 1, milliseconds: 3600000 });",
    `const blocked = fork(${JSON.stringify(join(folder, "blocked.cjs"))});`,
    `writeFileSync(${JSON.stringify(pids)}, [process.pid, waiting.pid, blocked.pid].join());`,
    "await new Promise((resolve) => setTimeout(resolve, 200));",
    "while (true) {}",
  ];
  writeFileSync(join(folder, "blocked.cjs"), "while (true) {}");
  const header = readFileSync(at("notebooks", "02_passive_listener.ts"), "utf8").split("// %%")[0];
  writeFileSync(join(folder, "00_busy.ts"), [header, "1 + 1;\n", `${busy.join("\n")}\n`].join("// %%\n"));
  return { folder, started: () => existsSync(pids) && readFileSync(pids, "utf8").split(",").map(Number) };
}

/** What npm start does with a notebook, in a process of its own. */
function startRun(t, folder, through = []) {
  const code = `
    import { runNotebooks } from ${JSON.stringify(at("scripts", "notebooks.mjs"))};
    import ${JSON.stringify(at("scripts", "steps", "parent.cjs"))};
    const options = { names: ["00_busy"], profile: "smoke", folder: ${JSON.stringify(folder)}, out: ${JSON.stringify({ notebooks: folder, figures: folder })} };
    await runNotebooks(${JSON.stringify(python)}, options);`;
  const script = join(folder, "run.mjs");
  writeFileSync(script, code);
  const [command, ...args] = [...through, process.execPath, script];
  const child = spawn(command, args, { stdio: "ignore", env: { ...process.env, npm_lifecycle_event: "start" } });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

for (const signal of ["SIGKILL", "SIGHUP"]) {
  test(`npm start: a ${signal} ends kernel and processes, and what was finished is kept`, async (t) => {
    const { folder, started } = writeNotebook(t, signal.toLowerCase());
    const child = startRun(t, folder);
    await until(started, "the notebook does not compute");
    const pids = started();
    assert.ok(pids.every(isRunning));
    child.kill(signal);
    await until(() => !pids.some(isRunning), `left: ${pids.filter(isRunning)} of ${pids}`);
    await until(() => readFileSync(join(folder, "00_busy.ipynb"), "utf8").includes("interrupted"), "no copy");
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "00_busy.ipynb"), "utf8")).cells[0].execution_count, 1);
  });
}

test("npm start: ends with the npm that started it", async (t) => {
  const { folder, started } = writeNotebook(t, "npm");
  const script = "const { spawn } = require('child_process'); spawn(process.argv[1], process.argv.slice(2));";
  const npm = startRun(t, folder, [process.execPath, "-e", script]);
  await until(started, "the notebook does not compute");
  const pids = started();
  npm.kill("SIGKILL");
  await until(() => !pids.some(isRunning), `left: ${pids.filter(isRunning)} of ${pids}`);
});

for (const signal of ["SIGKILL", "SIGHUP"]) {
  test(`npm run lab: a ${signal} of JupyterLab ends the kernel and its processes`, async (t) => {
    const { folder, started } = writeNotebook(t, `lab-${signal.toLowerCase()}`);
    const port = await freePort();
    const token = "a-test-on-this-machine";
    const options = ["--no-browser", `--ServerApp.port=${port}`, `--IdentityProvider.token=${token}`];
    const lab = startLab(python, options, { folder, profile: "smoke", stdio: "ignore" });
    t.after(() => lab.kill("SIGKILL"));
    const ask = (path, init) =>
      fetch(`http://127.0.0.1:${port}/api/${path}`, { headers: { Authorization: `token ${token}` }, ...init });
    await until(() => ask("status").then(({ ok }) => ok, () => false), "JupyterLab does not answer"); // prettier-ignore
    const { id } = await (await ask("kernels", { method: "POST", body: '{"name": "tslab"}' })).json();
    const { JUPYTER_RUNTIME_DIR } = jupyterEnvironment();
    const script = `
import sys
from jupyter_client import BlockingKernelClient
client = BlockingKernelClient(connection_file=sys.argv[1])
client.load_connection_file()
client.start_channels(hb=False)
client.kernel_info(reply=True, timeout=60)
client.execute(sys.argv[2])
client.shell_channel.socket.close(linger=5000)`;
    const code = readFileSync(join(folder, "00_busy.ts"), "utf8").split("// %%\n").at(-1);
    const asked = spawnSync(python, ["-c", script, join(JUPYTER_RUNTIME_DIR, `kernel-${id}.json`), code]);
    assert.equal(asked.status, 0, String(asked.stderr));
    await until(started, "the kernel does not compute");
    const pids = started();
    lab.kill(signal);
    await until(() => !pids.some(isRunning), `left: ${pids.filter(isRunning)} of ${pids}`);
  });
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
