/** @file Files for the readers' tests: those that numpy and safetensors wrote, and some written here, sound or not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { projectRoot } from "../core/paths";

/** Path of a file that testdata/make.py wrote. */
export const pathOf = (name: string): string => join(projectRoot, "lib", "files", "testdata", name);
/** Its bytes. */
export const bytesIn = (name: string): Buffer => readFileSync(pathOf(name));

/** A .npy file of version 1.0. */
export function npyOf(descr: string, shape: string, data: Uint8Array, fortranOrder = "False"): Buffer {
  return npyWith(`{'descr': ${descr}, 'fortran_order': ${fortranOrder}, 'shape': ${shape}, }`, data);
}

/** A .npy file with any header. */
export function npyWith(header: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(`${header}\n`, "latin1");
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  return Buffer.concat([Buffer.from("\x93NUMPY\x01\0", "latin1"), length, text, data]);
}

/** The bytes of float32, little-endian. */
export const floats = (...values: number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

/** What an entry says of itself, where that is to be another thing than what it is. */
export interface EntrySpec {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  readonly packed?: Uint8Array;
  readonly flags?: number;
  readonly method?: number;
  readonly crc?: number;
  readonly size?: number;
}

/** A zip archive that says of its entries what it is told to. */
export function zipOf(entries: readonly EntrySpec[], count = entries.length): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, content, deflate = false, flags = 0, ...told } of entries) {
    const packed = told.packed ?? (deflate ? deflateRawSync(content) : content);
    const shared = Buffer.alloc(26); // what local header and directory have in common
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(flags, 2);
    shared.writeUInt16LE(told.method ?? (deflate ? 8 : 0), 4);
    shared.writeUInt32LE(told.crc ?? crc32(content), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(told.size ?? content.length, 18);
    shared.writeUInt16LE(Buffer.byteLength(name), 22);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    const local = [Buffer.from("PK\x03\x04"), shared, Buffer.from(name), packed];
    directory.push(Buffer.from("PK\x01\x02\x14\0"), shared, rest, Buffer.from(name));
    locals.push(...local.map((part) => Buffer.from(part)));
    at += local.reduce((sum, part) => sum + part.length, 0);
  }
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

/** A .safetensors file with any header. */
export function safetensorsOf(header: unknown, data: Uint8Array = new Uint8Array(0), size?: bigint): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(size ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}
