/**
 * @file The five loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (x: number, y: number, stride: number, length: number, out: number) => void;
  readonly combine: (
    row: number,
    end: number,
    stride: number,
    weights: number,
    last: number,
    scale: number,
    out: number,
  ) => void;
  readonly length: (x: number, end: number, out: number) => void;
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
  "AGFzbQEAAAABIARgBH9/f38AYAV/f39/fwBgB39/f39/fH8AYAN/f38AAwYFAAECAwAFAwEAAQc7BgZtZW1vcnkCAARzb3J0AAAJZGlzdGFuY2VzAAEH" +
  "Y29tYmluZQACBmxlbmd0aAADCGRpc3RhbmNlAAQK4AgF6QECA38CewNAIAIhBANAIAAgBCgCAGohBSAAIAQoAgRqIQYgBf0ABAAhByAG/QAEACEIIAUg" +
  "ByAI/eoB/QsEACAGIAcgCP3rAf0LBAAgBf0ABBAhByAG/QAEECEIIAUgByAI/eoB/QsEECAGIAcgCP3rAf0LBBAgBf0ABCAhByAG/QAEICEIIAUgByAI" +
  "/eoB/QsEICAGIAcgCP3rAf0LBCAgBf0ABDAhByAG/QAEMCEIIAUgByAI/eoB/QsEMCAGIAcgCP3rAf0LBDAgBEEIaiEEIAQgA0kNAAsgAEHAAGohACAA" +
  "IAFJDQALC+MBAgR/BnsgACADaiEFIAEgAmohBiAGIAJqIQcgByACaiEIA0AgAP0ABAAhCSAJIAH9AAQA/fEBIQogCyAKIAr98gH98AEhCyAJIAb9AAQA" +
  "/fEBIQogDCAKIAr98gH98AEhDCAJIAf9AAQA/fEBIQogDSAKIAr98gH98AEhDSAJIAj9AAQA/fEBIQogDiAKIAr98gH98AEhDiABQRBqIQEgBkEQaiEG" +
  "IAdBEGohByAIQRBqIQggAEEQaiEAIAAgBUkNAAsgBCAL/QsEACAEIAz9CwQQIAQgDf0LBCAgBCAO/QsEMAusAgICfwZ7IAX9FCEKA0AgACEHIAMhCP0M" +
  "AAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAAAAAAIQz9DAAAAAAAAAAAAAAAAAAAAAAhDf0MAAAAAAAAAAAAAAAAAAAAACEOA0AgCP0KAwAh" +
  "CSALIAkgB/1dAwD9X/3yAf3wASELIAwgCSAH/V0DCP1f/fIB/fABIQwgDSAJIAf9XQMQ/V/98gH98AEhDSAOIAkgB/1dAxj9X/3yAf3wASEOIAcgAmoh" +
  "ByAIQQhqIQggCCAESQ0ACyAGIAsgCv3yAf1e/VsDAAAgBiAMIAr98gH9Xv1bAwgAIAYgDSAK/fIB/V79WwMQACAGIA4gCv3yAf1e/VsDGAAgBkEgaiEG" +
  "IABBIGohACAAIAFJDQALC5UBAQV7A0AgAP1dAwD9XyEDIAQgAyAD/fIB/fABIQQgAP1dAwj9XyEDIAUgAyAD/fIB/fABIQUgAP1dAxD9XyEDIAYgAyAD" +
  "/fIB/fABIQYgAP1dAxj9XyEDIAcgAyAD/fIB/fABIQcgAEEgaiEAIAAgAUkNAAsgAiAE/QsEACACIAX9CwQQIAIgBv0LBCAgAiAH/QsEMAvIAQEFewNA" +
  "IAD9XQMA/V8gAv1dAwD9X/3xASEEIAUgBCAE/fIB/fABIQUgAP1dAwj9XyAC/V0DCP1f/fEBIQQgBiAEIAT98gH98AEhBiAA/V0DEP1fIAL9XQMQ/V/9" +
  "8QEhBCAHIAQgBP3yAf3wASEHIAD9XQMY/V8gAv1dAxj9X/3xASEEIAggBCAE/fIB/fABIQggAkEgaiECIABBIGohACAAIAFJDQALIAMgBf0LBAAgAyAG" +
  "/QsEECADIAf9CwQgIAMgCP0LBDAL";

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
