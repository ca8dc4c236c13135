/**
 * @file The four loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (x: number, y: number, stride: number, length: number, out: number) => void;
  readonly combine: (row: number, end: number, stride: number, weights: number, last: number, out: number) => void;
  readonly distance: (x: number, end: number, origin: number, out: number) => void;
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
  "AGFzbQEAAAABGQNgBH9/f38AYAV/f39/fwBgBn9/f39/fwADBQQAAQIABQMBAAEHMgUGbWVtb3J5AgAEc29ydAAACWRpc3RhbmNlcwABB2NvbWJp" +
  "bmUAAghkaXN0YW5jZQADCrQIBOkBAgN/AnsDQCACIQQDQCAAIAQoAgBqIQUgACAEKAIEaiEGIAX9AAQAIQcgBv0ABAAhCCAFIAcgCP3qAf0LBAAg" +
  "BiAHIAj96wH9CwQAIAX9AAQQIQcgBv0ABBAhCCAFIAcgCP3qAf0LBBAgBiAHIAj96wH9CwQQIAX9AAQgIQcgBv0ABCAhCCAFIAcgCP3qAf0LBCAg" +
  "BiAHIAj96wH9CwQgIAX9AAQwIQcgBv0ABDAhCCAFIAcgCP3qAf0LBDAgBiAHIAj96wH9CwQwIARBCGohBCAEIANJDQALIABBwABqIQAgACABSQ0A" +
  "CwvjAQIEfwZ7IAAgA2ohBSABIAJqIQYgBiACaiEHIAcgAmohCANAIAD9AAQAIQkgCSAB/QAEAP3xASEKIAsgCiAK/fIB/fABIQsgCSAG/QAEAP3x" +
  "ASEKIAwgCiAK/fIB/fABIQwgCSAH/QAEAP3xASEKIA0gCiAK/fIB/fABIQ0gCSAI/QAEAP3xASEKIA4gCiAK/fIB/fABIQ4gAUEQaiEBIAZBEGoh" +
  "BiAHQRBqIQcgCEEQaiEIIABBEGohACAAIAVJDQALIAQgC/0LBAAgBCAM/QsEECAEIA39CwQgIAQgDv0LBDALtwICAn8GewNAIAAhBiADIQf9DAAA" +
  "AAAAAAAAAAAAAAAAAAAhCv0MAAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAAAAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDQNAIAf9CgMA" +
  "IQggBv0ABAAhCSAKIAggCf1f/fIB/fABIQogCSAJ/Q0ICQoLDA0ODwgJCgsMDQ4PIQkgCyAIIAn9X/3yAf3wASELIAb9AAQQIQkgDCAIIAn9X/3y" +
  "Af3wASEMIAkgCf0NCAkKCwwNDg8ICQoLDA0ODyEJIA0gCCAJ/V/98gH98AEhDSAGIAJqIQYgB0EIaiEHIAcgBEkNAAsgBSAK/QsEACAFIAv9CwQQ" +
  "IAUgDP0LBCAgBSAN/QsEMCAFQcAAaiEFIABBIGohACAAIAFJDQALC6gCAQd7A0AgAP0ABAAhBCAC/QAEACEFIAT9XyAF/V/98QEhBiAHIAYgBv3y" +
  "Af3wASEHIAQgBP0NCAkKCwwNDg8ICQoLDA0ODyEEIAUgBf0NCAkKCwwNDg8ICQoLDA0ODyEFIAT9XyAF/V/98QEhBiAIIAYgBv3yAf3wASEIIAD9" +
  "AAQQIQQgAv0ABBAhBSAE/V8gBf1f/fEBIQYgCSAGIAb98gH98AEhCSAEIAT9DQgJCgsMDQ4PCAkKCwwNDg8hBCAFIAX9DQgJCgsMDQ4PCAkKCwwN" +
  "Dg8hBSAE/V8gBf1f/fEBIQYgCiAGIAb98gH98AEhCiACQSBqIQIgAEEgaiEAIAAgAUkNAAsgAyAH/QsEACADIAj9CwQQIAMgCf0LBCAgAyAK/QsE" +
  "MAs=";

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
