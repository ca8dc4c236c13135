// yauzl ships no types: what the library uses of it.
declare module "yauzl" {
  export interface Entry {
    readonly fileName: string;
    readonly fileNameRaw: Buffer;
    readonly fileNameLength: number;
    readonly extraFieldLength: number;
    readonly fileCommentLength: number;
    readonly generalPurposeBitFlag: number;
    readonly compressionMethod: number;
    readonly compressedSize: number;
    readonly uncompressedSize: number;
    readonly crc32: number;
    isEncrypted(): boolean;
  }
  export interface LocalFileHeader {
    readonly fileDataStart: number;
    readonly fileName: Buffer;
    readonly compressionMethod: number;
    readonly compressedSize: number;
    readonly uncompressedSize: number;
    readonly crc32: number;
  }
  export interface ZipFile {
    readonly comment: string;
    eachEntry(): AsyncIterable<Entry>;
    readLocalFileHeaderPromise(entry: Entry): Promise<LocalFileHeader>;
  }
  export function fromBufferPromise(bytes: Buffer, options: { readonly strictFileNames: boolean }): Promise<ZipFile>;
}
