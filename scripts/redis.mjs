/** @file A Redis server of its own for tests and benchmarks: on this machine only, with a password, gone afterwards. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { setupDir, which } from "./steps/common.mjs";

/** The server that setup has found or fetched, or null. */
export function findRedis() {
  const fetched = join(setupDir, "redis", "redis-server");
  return existsSync(fetched) ? fetched : which("redis-server");
}

/** A port of this machine that nobody listens on. */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/**
 * Starts a server that writes everything it is told to a file in `folder`.
 * @returns port, url (with the password), and kill(): ends it at once; restart(): starts it again with what it had written
 */
export async function startRedis(folder, password = "a-test-on-this-machine") {
  const port = await freePort();
  const args = [
    ...["--port", port, "--bind", "127.0.0.1", "--requirepass", password, "--dir", folder],
    ...["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"],
  ];
  let server;
  async function restart() {
    server = spawn(findRedis(), args.map(String), { stdio: "ignore" });
    while (!(await answers(port))) await wait(20);
  }
  async function kill() {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
  }
  await restart();
  return { port, url: `redis://:${password}@127.0.0.1:${port}`, restart, kill };
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => (socket.destroy(), resolve(true)));
    socket.on("error", () => resolve(false));
  });
}
