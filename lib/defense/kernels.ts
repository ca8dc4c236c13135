/**
 * @file The five loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (rows: number, stride: number, length: number, sums: number, out: number) => void;
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
  "Y29tYmluZQACBmxlbmd0aAADCGRpc3RhbmNlAAQKoQwF6QECA38CewNAIAIhBANAIAAgBCgCAGohBSAAIAQoAgRqIQYgBf0ABAAhByAG/QAEACEIIAUg" +
  "ByAI/eoB/QsEACAGIAcgCP3rAf0LBAAgBf0ABBAhByAG/QAEECEIIAUgByAI/eoB/QsEECAGIAcgCP3rAf0LBBAgBf0ABCAhByAG/QAEICEIIAUgByAI" +
  "/eoB/QsEICAGIAcgCP3rAf0LBCAgBf0ABDAhByAG/QAEMCEIIAUgByAI/eoB/QsEMCAGIAcgCP3rAf0LBDAgBEEIaiEEIAQgA0kNAAsgAEHAAGohACAA" +
  "IAFJDQALC6QFAgp/DHsDQCAFIAFqIQYgBSACaiEHA0AgBSEJIAkgAWohCiAGIQsgCyABaiEMIAwgAWohDSANIAFqIQ79DAAAAAAAAAAAAAAAAAAAAAAh" +
  "E/0MAAAAAAAAAAAAAAAAAAAAACEU/QwAAAAAAAAAAAAAAAAAAAAAIRX9DAAAAAAAAAAAAAAAAAAAAAAhFv0MAAAAAAAAAAAAAAAAAAAAACEX/QwAAAAA" +
  "AAAAAAAAAAAAAAAAIRj9DAAAAAAAAAAAAAAAAAAAAAAhGf0MAAAAAAAAAAAAAAAAAAAAACEaA0AgCf0ABAAhDyAK/QAEACEQIAv9AAQAIREgDyAR/eUB" +
  "IRIgEyASIBL95gH95AEhEyAQIBH95QEhEiAXIBIgEv3mAf3kASEXIAz9AAQAIREgDyAR/eUBIRIgFCASIBL95gH95AEhFCAQIBH95QEhEiAYIBIgEv3m" +
  "Af3kASEYIA39AAQAIREgDyAR/eUBIRIgFSASIBL95gH95AEhFSAQIBH95QEhEiAZIBIgEv3mAf3kASEZIA79AAQAIREgDyAR/eUBIRIgFiASIBL95gH9" +
  "5AEhFiAQIBH95QEhEiAaIBIgEv3mAf3kASEaIAtBEGohCyAMQRBqIQwgDUEQaiENIA5BEGohDiAKQRBqIQogCUEQaiEJIAkgB0kNAAsgAyAT/QsEACAD" +
  "IBT9CwQQIAMgFf0LBCAgAyAW/QsEMCADIBf9CwRAIAMgGP0LBFAgAyAZ/QsEYCADIBr9CwRwQQAhCANAIAQgBP0ABAAgAyAIav1dAwD9XyADIAhq/V0D" +
  "CP1f/fAB/fAB/QsEACAEQRBqIQQgCEEQaiEIIAhBgAFJDQALIAYgAUECdGohBiAGIABJDQALIAUgAUEBdGohBSAFIAFqIABJDQALC6wCAgJ/BnsgBf0U" +
  "IQoDQCAAIQcgAyEI/QwAAAAAAAAAAAAAAAAAAAAAIQv9DAAAAAAAAAAAAAAAAAAAAAAhDP0MAAAAAAAAAAAAAAAAAAAAACEN/QwAAAAAAAAAAAAAAAAA" +
  "AAAAIQ4DQCAI/QoDACEJIAsgCSAH/V0DAP1f/fIB/fABIQsgDCAJIAf9XQMI/V/98gH98AEhDCANIAkgB/1dAxD9X/3yAf3wASENIA4gCSAH/V0DGP1f" +
  "/fIB/fABIQ4gByACaiEHIAhBCGohCCAIIARJDQALIAYgCyAK/fIB/V79WwMAACAGIAwgCv3yAf1e/VsDCAAgBiANIAr98gH9Xv1bAxAAIAYgDiAK/fIB" +
  "/V79WwMYACAGQSBqIQYgAEEgaiEAIAAgAUkNAAsLlQEBBXsDQCAA/V0DAP1fIQMgBCADIAP98gH98AEhBCAA/V0DCP1fIQMgBSADIAP98gH98AEhBSAA" +
  "/V0DEP1fIQMgBiADIAP98gH98AEhBiAA/V0DGP1fIQMgByADIAP98gH98AEhByAAQSBqIQAgACABSQ0ACyACIAT9CwQAIAIgBf0LBBAgAiAG/QsEICAC" +
  "IAf9CwQwC8gBAQV7A0AgAP1dAwD9XyAC/V0DAP1f/fEBIQQgBSAEIAT98gH98AEhBSAA/V0DCP1fIAL9XQMI/V/98QEhBCAGIAQgBP3yAf3wASEGIAD9" +
  "XQMQ/V8gAv1dAxD9X/3xASEEIAcgBCAE/fIB/fABIQcgAP1dAxj9XyAC/V0DGP1f/fEBIQQgCCAEIAT98gH98AEhCCACQSBqIQIgAEEgaiEAIAAgAUkN" +
  "AAsgAyAF/QsEACADIAb9CwQQIAMgB/0LBCAgAyAI/QsEMAs=";

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
