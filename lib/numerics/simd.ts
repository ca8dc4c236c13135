/**
 * @file The seven loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (rows: number, stride: number, length: number, sums: number, out: number) => void;
  readonly products: Kernels["distances"];
  readonly combine: (
    row: number,
    end: number,
    stride: number,
    weights: number,
    last: number,
    scale: number,
    out: number,
  ) => void;
  readonly scale: (x: number, end: number, factor: number) => void;
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
  "AGFzbQEAAAABJgVgBH9/f38AYAV/f39/fwBgB39/f39/fH8AYAN/f3wAYAN/f38AAwgHAAEBAgMEAAUDAQABB04IBm1lbW9yeQIABHNvcnQAAAlkaXN0YW5j" +
  "ZXMAAQhwcm9kdWN0cwACB2NvbWJpbmUAAwVzY2FsZQAEBmxlbmd0aAAFCGRpc3RhbmNlAAYK7REH6QECA38CewNAIAIhBANAIAAgBCgCAGohBSAAIAQoAgRq" +
  "IQYgBf0ABAAhByAG/QAEACEIIAUgByAI/eoB/QsEACAGIAcgCP3rAf0LBAAgBf0ABBAhByAG/QAEECEIIAUgByAI/eoB/QsEECAGIAcgCP3rAf0LBBAgBf0A" +
  "BCAhByAG/QAEICEIIAUgByAI/eoB/QsEICAGIAcgCP3rAf0LBCAgBf0ABDAhByAG/QAEMCEIIAUgByAI/eoB/QsEMCAGIAcgCP3rAf0LBDAgBEEIaiEEIAQg" +
  "A0kNAAsgAEHAAGohACAAIAFJDQALC6QFAgp/DHsDQCAFIAFqIQYgBSACaiEHA0AgBSEJIAkgAWohCiAGIQsgCyABaiEMIAwgAWohDSANIAFqIQ79DAAAAAAA" +
  "AAAAAAAAAAAAAAAhE/0MAAAAAAAAAAAAAAAAAAAAACEU/QwAAAAAAAAAAAAAAAAAAAAAIRX9DAAAAAAAAAAAAAAAAAAAAAAhFv0MAAAAAAAAAAAAAAAAAAAA" +
  "ACEX/QwAAAAAAAAAAAAAAAAAAAAAIRj9DAAAAAAAAAAAAAAAAAAAAAAhGf0MAAAAAAAAAAAAAAAAAAAAACEaA0AgCf0ABAAhDyAK/QAEACEQIAv9AAQAIREg" +
  "DyAR/eUBIRIgEyASIBL95gH95AEhEyAQIBH95QEhEiAXIBIgEv3mAf3kASEXIAz9AAQAIREgDyAR/eUBIRIgFCASIBL95gH95AEhFCAQIBH95QEhEiAYIBIg" +
  "Ev3mAf3kASEYIA39AAQAIREgDyAR/eUBIRIgFSASIBL95gH95AEhFSAQIBH95QEhEiAZIBIgEv3mAf3kASEZIA79AAQAIREgDyAR/eUBIRIgFiASIBL95gH9" +
  "5AEhFiAQIBH95QEhEiAaIBIgEv3mAf3kASEaIAtBEGohCyAMQRBqIQwgDUEQaiENIA5BEGohDiAKQRBqIQogCUEQaiEJIAkgB0kNAAsgAyAT/QsEACADIBT9" +
  "CwQQIAMgFf0LBCAgAyAW/QsEMCADIBf9CwRAIAMgGP0LBFAgAyAZ/QsEYCADIBr9CwRwQQAhCANAIAQgBP0ABAAgAyAIav1dAwD9XyADIAhq/V0DCP1f/fAB" +
  "/fAB/QsEACAEQRBqIQQgCEEQaiEIIAhBgAFJDQALIAYgAUECdGohBiAGIABJDQALIAUgAUEBdGohBSAFIAFqIABJDQALC9YEAgp/C3sDQCAFIQYgBSACaiEH" +
  "A0AgBSEJIAkgAWohCiAGIQsgCyABaiEMIAwgAWohDSANIAFqIQ79DAAAAAAAAAAAAAAAAAAAAAAhEv0MAAAAAAAAAAAAAAAAAAAAACET/QwAAAAAAAAAAAAA" +
  "AAAAAAAAIRT9DAAAAAAAAAAAAAAAAAAAAAAhFf0MAAAAAAAAAAAAAAAAAAAAACEW/QwAAAAAAAAAAAAAAAAAAAAAIRf9DAAAAAAAAAAAAAAAAAAAAAAhGP0M" +
  "AAAAAAAAAAAAAAAAAAAAACEZA0AgCf0ABAAhDyAK/QAEACEQIAv9AAQAIREgEiAPIBH95gH95AEhEiAWIBAgEf3mAf3kASEWIAz9AAQAIREgEyAPIBH95gH9" +
  "5AEhEyAXIBAgEf3mAf3kASEXIA39AAQAIREgFCAPIBH95gH95AEhFCAYIBAgEf3mAf3kASEYIA79AAQAIREgFSAPIBH95gH95AEhFSAZIBAgEf3mAf3kASEZ" +
  "IAtBEGohCyAMQRBqIQwgDUEQaiENIA5BEGohDiAKQRBqIQogCUEQaiEJIAkgB0kNAAsgAyAS/QsEACADIBP9CwQQIAMgFP0LBCAgAyAV/QsEMCADIBb9CwRA" +
  "IAMgF/0LBFAgAyAY/QsEYCADIBn9CwRwQQAhCANAIAQgBP0ABAAgAyAIav1dAwD9XyADIAhq/V0DCP1f/fAB/fAB/QsEACAEQRBqIQQgCEEQaiEIIAhBgAFJ" +
  "DQALIAYgAUECdGohBiAGIABJDQALIAUgAUEBdGohBSAFIABJDQALC6wCAgJ/BnsgBf0UIQoDQCAAIQcgAyEI/QwAAAAAAAAAAAAAAAAAAAAAIQv9DAAAAAAA" +
  "AAAAAAAAAAAAAAAhDP0MAAAAAAAAAAAAAAAAAAAAACEN/QwAAAAAAAAAAAAAAAAAAAAAIQ4DQCAI/QoDACEJIAsgCSAH/V0DAP1f/fIB/fABIQsgDCAJIAf9" +
  "XQMI/V/98gH98AEhDCANIAkgB/1dAxD9X/3yAf3wASENIA4gCSAH/V0DGP1f/fIB/fABIQ4gByACaiEHIAhBCGohCCAIIARJDQALIAYgCyAK/fIB/V79WwMA" +
  "ACAGIAwgCv3yAf1e/VsDCAAgBiANIAr98gH9Xv1bAxAAIAYgDiAK/fIB/V79WwMYACAGQSBqIQYgAEEgaiEAIAAgAUkNAAsLcwEBeyAC/RQhAwNAIAAgAP1d" +
  "AwD9XyAD/fIB/V79WwMAACAAIAD9XQMI/V8gA/3yAf1e/VsDCAAgACAA/V0DEP1fIAP98gH9Xv1bAxAAIAAgAP1dAxj9XyAD/fIB/V79WwMYACAAQSBqIQAg" +
  "ACABSQ0ACwuVAQEFewNAIAD9XQMA/V8hAyAEIAMgA/3yAf3wASEEIAD9XQMI/V8hAyAFIAMgA/3yAf3wASEFIAD9XQMQ/V8hAyAGIAMgA/3yAf3wASEGIAD9" +
  "XQMY/V8hAyAHIAMgA/3yAf3wASEHIABBIGohACAAIAFJDQALIAIgBP0LBAAgAiAF/QsEECACIAb9CwQgIAIgB/0LBDALyAEBBXsDQCAA/V0DAP1fIAL9XQMA" +
  "/V/98QEhBCAFIAQgBP3yAf3wASEFIAD9XQMI/V8gAv1dAwj9X/3xASEEIAYgBCAE/fIB/fABIQYgAP1dAxD9XyAC/V0DEP1f/fEBIQQgByAEIAT98gH98AEh" +
  "ByAA/V0DGP1fIAL9XQMY/V/98QEhBCAIIAQgBP3yAf3wASEIIAJBIGohAiAAQSBqIQAgACABSQ0ACyADIAX9CwQAIAMgBv0LBBAgAyAH/QsEICADIAj9CwQw" +
  "Cw==";

const pageBytes = 65536;
let instance: Kernels | undefined;

/**
 * The kernels, with a memory of at least that size. There is one memory: its content lasts until the next call, after which views
 * on memory.buffer made before may no longer be valid.
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
