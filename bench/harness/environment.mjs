/**
 * @file The Python environment that the benchmarks compare with, .venv-bench: made on first use, for the bench and examples/flower.
 *
 * PyTorch's only wheel for Linux on PyPI is the one for GPUs. Its libraries name NVIDIA's, gigabytes that a CPU never calls but that
 * the loader wants to find. requirements.txt leaves them out (left-out.txt), and empty libraries of the same names stand in; the CPU's
 * kernels (MKL, oneDNN, OpenMP) lie inside PyTorch's own and are untouched.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  at,
  digest,
  digestFiles,
  isStamped,
  remove,
  root,
  run,
  setupDir,
  SetupError,
  stamp,
  unstamp,
  which,
  writeAtomic,
} from "../../scripts/steps/common.mjs";
import { withLock } from "../../scripts/steps/lock.mjs";
import { canMakeEnvironment, makeEnvironment } from "../../scripts/steps/python.mjs";

const FOLDER = at(".venv-bench");
const PYTHON = join(FOLDER, "bin", "python");
const REQUIREMENTS = at("bench", "requirements.txt");
const LEAST = [3, 11]; // PyTorch 2.15 needs it
const AGAIN = "then run the same command again.";

/** The libraries that left-out.txt leaves out: the version node that PyTorch asks for, and the one variable it reads while it is loaded. */
const GPU_LIBRARIES = {
  "libcublas.so.13": "libcublas.so.13",
  "libcublasLt.so.13": "libcublasLt.so.13",
  "libcudnn.so.9": "libcudnn.so.9",
  "libcufft.so.12": "libcufft.so.12",
  "libcufile.so.0": null,
  "libcupti.so.13": "libcupti.so.13",
  "libcusparse.so.12": "libcusparse.so.12",
  "libcusparseLt.so.0": null,
  "libnccl.so.2": null,
  "libnvrtc.so.13": "libnvrtc.so.13",
  "libnvshmem_host.so.3": "NVSHMEM",
};
const SOURCE = "int nvshmem_selected_device_transport;\n";
// Functions of those libraries are looked up when they are called, which is never.
const LAZY = "import os, sys\n\nsys.setdlopenflags(os.RTLD_LAZY)\n";

const key = () => digest(digestFiles([REQUIREMENTS]), JSON.stringify(GPU_LIBRARIES), SOURCE, LAZY, root);
const fresh = () => isStamped("bench", key()) && existsSync(PYTHON);

/**
 * The Python that has PyTorch, byzfl and Flower, after making its environment where it is missing.
 * @returns its path
 * @throws SetupError
 */
export async function benchPython() {
  if (!fresh()) await withLock(join(setupDir, "lock"), async () => fresh() || (await make()));
  return PYTHON;
}

async function make() {
  if (!canMakeEnvironment(LEAST))
    throw new SetupError(
      `The benchmarks need Python ${LEAST.join(".")} or newer with its venv module.`,
      `Debian/Ubuntu \`apt-get install python3 python3-venv\`, ${AGAIN}`,
    );
  process.stderr.write("… PyTorch for the benchmarks: a download of 700 MB, once\n");
  unstamp("bench");
  await makeEnvironment(FOLDER, REQUIREMENTS, { least: LEAST, flags: ["--no-deps"] });
  if (process.platform === "linux") await standIn();
  const version = await run(PYTHON, ["-c", "import torch, byzfl, flwr; torch.ones(1) + 1; print(torch.__version__)"]);
  stamp("bench", key());
  process.stderr.write(`✓ PyTorch ${version.trim()}\n`);
}

/** Empty libraries beside PyTorch's own, where its loader looks. */
async function standIn() {
  const compiler = which("gcc", "clang", "cc");
  if (!compiler)
    throw new SetupError("The benchmarks need a C compiler.", `Debian/Ubuntu \`apt-get install gcc\`, ${AGAIN}`);
  const python = readdirSync(join(FOLDER, "lib")).find((name) => name.startsWith("python"));
  const packages = join(FOLDER, "lib", python, "site-packages");
  const part = join(setupDir, "bench.part");
  writeAtomic(join(part, "empty.c"), SOURCE);
  for (const [name, version] of Object.entries(GPU_LIBRARIES)) {
    const flags = ["-shared", "-fPIC", `-Wl,-soname,${name}`];
    if (version !== null) {
      writeAtomic(join(part, "versions"), `${version} { *; };\n`);
      flags.push(`-Wl,--version-script=${join(part, "versions")}`);
    }
    await run(compiler, [...flags, "-o", join(packages, "torch", "lib", name), join(part, "empty.c")]);
  }
  remove(part);
  writeAtomic(join(packages, "sitecustomize.py"), LAZY);
}
