/**
 * @file Ends this process when its parent is gone: a kernel whose Jupyter was killed, a command whose npm was. Required for its
 * effect; the kernel's own child processes inherit it.
 */
const { isMainThread, parentPort, Worker, workerData } = require("node:worker_threads");

const LOOK = 500; // ms

if (isMainThread) {
  // A command in a shell may outlive it (nohup), a kernel or a script of npm's may not.
  if (process.env.JPY_PARENT_PID || process.env.npm_lifecycle_event) {
    // A thread of its own looks also while this one computes. It is not kept alive, and keeps nothing alive.
    new Worker(module.filename, { workerData: process.ppid, execArgv: [] }).unref();
  }
} else if (parentPort !== null && typeof workerData === "number") {
  setInterval(() => {
    if (process.ppid !== workerData || isGone(Number(process.env.JPY_PARENT_PID))) process.kill(process.pid, "SIGTERM");
  }, LOOK);
}

/** Only where there is such a pid: the kernel may have started just after its parent's end. */
function isGone(pid) {
  try {
    return pid > 0 && !process.kill(pid, 0);
  } catch (error) {
    return error.code === "ESRCH";
  }
}
