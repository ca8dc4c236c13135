/** @file guard.mjs COMMAND ARGS…: runs a command that ends when setup does, however that ends. The IPC channel closes even on kill -9. */
import { spawn } from "node:child_process";

const [command, ...args] = process.argv.slice(2);
// A process group of its own, so the children of the command end with it.
const child = spawn(command, args, { stdio: ["ignore", "inherit", "inherit"], detached: true });

function stop() {
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
  process.exit(1);
}

child.on("error", (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on("exit", (code, signal) => {
  if (signal) console.error(`ended by ${signal}`);
  process.exit(code ?? 1);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);
process.on("disconnect", stop);
if (!process.connected) stop();
