/** @file Which TensorFlow computes: the native library where setup could build its binding, else the wasm backend. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import util from "node:util";
import type * as TensorFlow from "@tensorflow/tfjs";
import { refuse } from "./errors";
import { paths } from "./paths";

/** A tensor of the engine; it never crosses a public boundary. */
export type Tensor = TensorFlow.Tensor;

/** "tensorflow" (native) or "wasm": setup's choice in .setup/backend.json, or the environment's CURIOUS_BACKEND. */
export const backend: { readonly name: "tensorflow" | "wasm"; readonly version: string } = choose();

/** The tfjs namespace on the chosen backend. */
export const tf: typeof TensorFlow = backend.name === "tensorflow" ? loadNative() : loadWasm();

/**
 * Waits until the backend can compute. Every asynchronous public entry that uses tensors awaits this first.
 *
 * @returns the backend's name and version as stamped on figures, e.g. "tensorflow 2.18.1"
 * @throws Error when the wasm backend cannot start
 * @example
 * await backendReady(); // `${backend.name}…`
 */
export async function backendReady(): Promise<string> {
  if (backend.name === "wasm" && tf.getBackend() !== "wasm") await tf.setBackend("wasm");
  await tf.ready();
  return backend.version === "" ? backend.name : `${backend.name} ${backend.version}`;
}

/**
 * Runs a computation and frees every tensor it made except those it returns, however deep in arrays and plain objects.
 *
 * @returns what compute returned; its tensors belong to the caller, or to the tidy around this one
 * @throws whatever compute throws; nothing leaks then either
 */
export function tidy<T>(compute: () => T): T {
  return tf.tidy(compute as unknown as () => TensorFlow.TensorContainer) as T;
}

/** Frees the tensors in arrays and plain objects, however deep. */
export function dispose(tensors: object): void {
  tf.dispose(tensors as TensorFlow.TensorContainer);
}

function choose(): typeof backend {
  const record = join(paths.setup, "backend.json");
  const written = existsSync(record) ? read(record) : { backend: "tensorflow" };
  const name = process.env["CURIOUS_BACKEND"] || written.backend;
  if (name === "wasm") return { name, version: "" };
  if (name === "tensorflow") return { name, version: written.version ?? "" };
  return refuse("backend", 'needs "tensorflow" or "wasm"', name, "unset CURIOUS_BACKEND, or run setup again");
}

function read(record: string): { backend: string; version?: string } {
  const text = readFileSync(record, "utf8");
  try {
    return JSON.parse(text) as { backend: string; version?: string };
  } catch {
    return refuse("backend", `needs JSON in ${record}`, text === "" ? "an empty file" : text, "run setup again");
  }
}

function loadNative(): typeof TensorFlow {
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "2"; // the start-up notes of TensorFlow are noise in a notebook
  process.env["TF_ENABLE_ONEDNN_OPTS"] ??= "1"; // its default on recent processors only; convolution.ts needs it to be fast
  // tfjs-node 4.22 calls two helpers that Node 23 removed, and that warn of it in Node 22.
  const helpers = util as unknown as Record<string, unknown>;
  helpers["isNullOrUndefined"] = (value: unknown) => value === null || value === undefined;
  helpers["isArray"] = Array.isArray;
  return require("@tensorflow/tfjs-node") as typeof TensorFlow;
}

function loadWasm(): typeof TensorFlow {
  const wasm = require("@tensorflow/tfjs") as typeof TensorFlow;
  require("@tensorflow/tfjs-backend-wasm");
  // danfojs-node requires tfjs-node by name; without a binding that would fail, so it gets this one instead.
  const native = require.resolve("@tensorflow/tfjs-node");
  require.cache[native] = { exports: wasm, loaded: true, id: native, filename: native } as unknown as NodeModule;
  return wasm;
}
