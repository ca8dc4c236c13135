/**
 * @file The eight loops whose speed matters, as SIMD WebAssembly: JavaScript has no instruction for several numbers at once, and a
 * scalar sort takes up to ten times as long. Their source is kernels.wat; a test compiles it again and compares.
 */
import { ensure } from "../core/errors";

/** The loops over a memory of their own; addresses are bytes. kernels.wat says what each does. */
export interface Kernels {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly sort: (row: number, end: number, pairs: number, last: number) => void;
  readonly distances: (rows: number, stride: number, length: number, sums: number, out: number) => void;
  readonly products: Kernels["distances"];
  readonly subtract: (rows: number, stride: number, length: number, from: number) => void;
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
  "AGFzbQEAAAABJgVgBH9/f38AYAV/f39/fwBgB39/f39/fH8AYAN/f3wAYAN/f38AAwkIAAEBAAIDBAAFAwEAAQdZCQZtZW1vcnkCAARzb3J0AAAJZGlz" +
  "dGFuY2VzAAEIcHJvZHVjdHMAAghzdWJ0cmFjdAADB2NvbWJpbmUABAVzY2FsZQAFBmxlbmd0aAAGCGRpc3RhbmNlAAcKvxII6QECA38CewNAIAIhBANA" +
  "IAAgBCgCAGohBSAAIAQoAgRqIQYgBf0ABAAhByAG/QAEACEIIAUgByAI/eoB/QsEACAGIAcgCP3rAf0LBAAgBf0ABBAhByAG/QAEECEIIAUgByAI/eoB" +
  "/QsEECAGIAcgCP3rAf0LBBAgBf0ABCAhByAG/QAEICEIIAUgByAI/eoB/QsEICAGIAcgCP3rAf0LBCAgBf0ABDAhByAG/QAEMCEIIAUgByAI/eoB/QsE" +
  "MCAGIAcgCP3rAf0LBDAgBEEIaiEEIAQgA0kNAAsgAEHAAGohACAAIAFJDQALC6QFAgp/DHsDQCAFIAFqIQYgBSACaiEHA0AgBSEJIAkgAWohCiAGIQsg" +
  "CyABaiEMIAwgAWohDSANIAFqIQ79DAAAAAAAAAAAAAAAAAAAAAAhE/0MAAAAAAAAAAAAAAAAAAAAACEU/QwAAAAAAAAAAAAAAAAAAAAAIRX9DAAAAAAA" +
  "AAAAAAAAAAAAAAAhFv0MAAAAAAAAAAAAAAAAAAAAACEX/QwAAAAAAAAAAAAAAAAAAAAAIRj9DAAAAAAAAAAAAAAAAAAAAAAhGf0MAAAAAAAAAAAAAAAA" +
  "AAAAACEaA0AgCf0ABAAhDyAK/QAEACEQIAv9AAQAIREgDyAR/eUBIRIgEyASIBL95gH95AEhEyAQIBH95QEhEiAXIBIgEv3mAf3kASEXIAz9AAQAIREg" +
  "DyAR/eUBIRIgFCASIBL95gH95AEhFCAQIBH95QEhEiAYIBIgEv3mAf3kASEYIA39AAQAIREgDyAR/eUBIRIgFSASIBL95gH95AEhFSAQIBH95QEhEiAZ" +
  "IBIgEv3mAf3kASEZIA79AAQAIREgDyAR/eUBIRIgFiASIBL95gH95AEhFiAQIBH95QEhEiAaIBIgEv3mAf3kASEaIAtBEGohCyAMQRBqIQwgDUEQaiEN" +
  "IA5BEGohDiAKQRBqIQogCUEQaiEJIAkgB0kNAAsgAyAT/QsEACADIBT9CwQQIAMgFf0LBCAgAyAW/QsEMCADIBf9CwRAIAMgGP0LBFAgAyAZ/QsEYCAD" +
  "IBr9CwRwQQAhCANAIAQgBP0ABAAgAyAIav1dAwD9XyADIAhq/V0DCP1f/fAB/fAB/QsEACAEQRBqIQQgCEEQaiEIIAhBgAFJDQALIAYgAUECdGohBiAG" +
  "IABJDQALIAUgAUEBdGohBSAFIAFqIABJDQALC9YEAgp/C3sDQCAFIQYgBSACaiEHA0AgBSEJIAkgAWohCiAGIQsgCyABaiEMIAwgAWohDSANIAFqIQ79" +
  "DAAAAAAAAAAAAAAAAAAAAAAhEv0MAAAAAAAAAAAAAAAAAAAAACET/QwAAAAAAAAAAAAAAAAAAAAAIRT9DAAAAAAAAAAAAAAAAAAAAAAhFf0MAAAAAAAA" +
  "AAAAAAAAAAAAACEW/QwAAAAAAAAAAAAAAAAAAAAAIRf9DAAAAAAAAAAAAAAAAAAAAAAhGP0MAAAAAAAAAAAAAAAAAAAAACEZA0AgCf0ABAAhDyAK/QAE" +
  "ACEQIAv9AAQAIREgEiAPIBH95gH95AEhEiAWIBAgEf3mAf3kASEWIAz9AAQAIREgEyAPIBH95gH95AEhEyAXIBAgEf3mAf3kASEXIA39AAQAIREgFCAP" +
  "IBH95gH95AEhFCAYIBAgEf3mAf3kASEYIA79AAQAIREgFSAPIBH95gH95AEhFSAZIBAgEf3mAf3kASEZIAtBEGohCyAMQRBqIQwgDUEQaiENIA5BEGoh" +
  "DiAKQRBqIQogCUEQaiEJIAkgB0kNAAsgAyAS/QsEACADIBP9CwQQIAMgFP0LBCAgAyAV/QsEMCADIBb9CwRAIAMgF/0LBFAgAyAY/QsEYCADIBn9CwRw" +
  "QQAhCANAIAQgBP0ABAAgAyAIav1dAwD9XyADIAhq/V0DCP1f/fAB/fAB/QsEACAEQRBqIQQgCEEQaiEIIAhBgAFJDQALIAYgAUECdGohBiAGIABJDQAL" +
  "IAUgAUEBdGohBSAFIABJDQALC1EBBH8DQCAEIQcgAyEFIAQgAmohBgNAIAcgB/0ABAAgBf0ABAD95QH9CwQAIAdBEGohByAFQRBqIQUgByAGSQ0ACyAE" +
  "IAFqIQQgBCAASQ0ACwusAgICfwZ7IAX9FCEKA0AgACEHIAMhCP0MAAAAAAAAAAAAAAAAAAAAACEL/QwAAAAAAAAAAAAAAAAAAAAAIQz9DAAAAAAAAAAA" +
  "AAAAAAAAAAAhDf0MAAAAAAAAAAAAAAAAAAAAACEOA0AgCP0KAwAhCSALIAkgB/1dAwD9X/3yAf3wASELIAwgCSAH/V0DCP1f/fIB/fABIQwgDSAJIAf9" +
  "XQMQ/V/98gH98AEhDSAOIAkgB/1dAxj9X/3yAf3wASEOIAcgAmohByAIQQhqIQggCCAESQ0ACyAGIAsgCv3yAf1e/VsDAAAgBiAMIAr98gH9Xv1bAwgA" +
  "IAYgDSAK/fIB/V79WwMQACAGIA4gCv3yAf1e/VsDGAAgBkEgaiEGIABBIGohACAAIAFJDQALC3MBAXsgAv0UIQMDQCAAIAD9XQMA/V8gA/3yAf1e/VsD" +
  "AAAgACAA/V0DCP1fIAP98gH9Xv1bAwgAIAAgAP1dAxD9XyAD/fIB/V79WwMQACAAIAD9XQMY/V8gA/3yAf1e/VsDGAAgAEEgaiEAIAAgAUkNAAsLlQEB" +
  "BXsDQCAA/V0DAP1fIQMgBCADIAP98gH98AEhBCAA/V0DCP1fIQMgBSADIAP98gH98AEhBSAA/V0DEP1fIQMgBiADIAP98gH98AEhBiAA/V0DGP1fIQMg" +
  "ByADIAP98gH98AEhByAAQSBqIQAgACABSQ0ACyACIAT9CwQAIAIgBf0LBBAgAiAG/QsEICACIAf9CwQwC8gBAQV7A0AgAP1dAwD9XyAC/V0DAP1f/fEB" +
  "IQQgBSAEIAT98gH98AEhBSAA/V0DCP1fIAL9XQMI/V/98QEhBCAGIAQgBP3yAf3wASEGIAD9XQMQ/V8gAv1dAxD9X/3xASEEIAcgBCAE/fIB/fABIQcg" +
  "AP1dAxj9XyAC/V0DGP1f/fEBIQQgCCAEIAT98gH98AEhCCACQSBqIQIgAEEgaiEAIAAgAUkNAAsgAyAF/QsEACADIAb9CwQQIAMgB/0LBCAgAyAI/QsE" +
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
