/**
 * @file The two loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (x: number, y: number, stride: number, length: number, out: number) => void;
}

interface GrowingMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

// The part of the global that is needed here: its types belong to browsers' libraries.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: object };
};

/** kernels.wat, compiled by wabt 1.0.39. */
export const compiled =
  "AGFzbQEAAAABEAJgBH9/f38AYAV/f39/fwADAwIAAQUDAQABBx0DBm1lbW9yeQIABHNvcnQAAAlkaXN0YW5jZXMAAQrRAwLpAQIDfwJ7A0AgAiEEA0AgACAEKAIA" +
  "aiEFIAAgBCgCBGohBiAF/QAEACEHIAb9AAQAIQggBSAHIAj96gH9CwQAIAYgByAI/esB/QsEACAF/QAEECEHIAb9AAQQIQggBSAHIAj96gH9CwQQIAYgByAI/esB" +
  "/QsEECAF/QAEICEHIAb9AAQgIQggBSAHIAj96gH9CwQgIAYgByAI/esB/QsEICAF/QAEMCEHIAb9AAQwIQggBSAHIAj96gH9CwQwIAYgByAI/esB/QsEMCAEQQhq" +
  "IQQgBCADSQ0ACyAAQcAAaiEAIAAgAUkNAAsL4wECBH8GeyAAIANqIQUgASACaiEGIAYgAmohByAHIAJqIQgDQCAA/QAEACEJIAkgAf0ABAD98QEhCiALIAogCv3y" +
  "Af3wASELIAkgBv0ABAD98QEhCiAMIAogCv3yAf3wASEMIAkgB/0ABAD98QEhCiANIAogCv3yAf3wASENIAkgCP0ABAD98QEhCiAOIAogCv3yAf3wASEOIAFBEGoh" +
  "ASAGQRBqIQYgB0EQaiEHIAhBEGohCCAAQRBqIQAgACAFSQ0ACyAEIAv9CwQAIAQgDP0LBBAgBCAN/QsEICAEIA79CwQwCw==";

const pageBytes = 65536;
let instance: Kernels | undefined;

/**
 * The kernels, with a memory of at least that size. There is one memory: its content lasts until the next call.
 *
 * @param bytes needed
 * @returns the kernels; views on memory.buffer made before are no longer valid
 * @throws InputError when that much memory cannot be had
 * @example
 * kernels(1e6).memory.buffer.byteLength >= 1e6; // true
 */
export function kernels(bytes: number): Kernels {
  const module = () => new WebAssembly.Module(Buffer.from(compiled, "base64"));
  instance ??= new WebAssembly.Instance(module()).exports as Kernels;
  const memory = instance.memory as GrowingMemory;
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / pageBytes);
  ensure(missing <= 32768, "aggregate", "needs at most 2 GB for its sorting and distances", `${bytes} bytes`);
  if (missing > 0) memory.grow(missing);
  return instance;
}
