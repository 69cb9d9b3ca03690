/**
 * Getting Deno's runtime back out of a program that `deno compile` made.
 *
 * Since Deno 2.9 such a program is the untouched runtime, then a copy of its program headers, a
 * section table with two more entries and a note with the payload; four fields of the ELF header
 * point there. Putting those fields back and cutting behind the old section table gives the
 * runtime, byte for byte.
 *
 * @module
 */
import { Buffer } from "node:buffer";

const HEADER = 64;
const PROGRAM_ENTRY = 56;
const SECTION_ENTRY = 64;
const PAGE = 4096;
/** How many program headers, and how many sections, compiling adds. */
const ADDED_HEADERS = 2;
const ADDED_NAMES = new TextEncoder().encode(".note.sui\0.sui.phdrs\0");

/** Bytes that are read with every offset checked. */
class Image {
  readonly bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  slice(at: number, length: number): Uint8Array {
    const end = at + length;
    if (at < 0 || length < 0 || !Number.isSafeInteger(end) || end > this.bytes.length) {
      throw malformed(`${length} bytes at ${at} are outside the file`);
    }
    return this.bytes.subarray(at, end);
  }

  u16(at: number): number {
    this.slice(at, 2);
    return this.#view.getUint16(at, true);
  }

  /** A 64-bit offset or size; beyond the end of the file it can only be wrong. */
  u64(at: number): number {
    this.slice(at, 8);
    const value = this.#view.getBigUint64(at, true);
    if (value > BigInt(this.bytes.length)) throw malformed(`offset ${value} is outside the file`);
    return Number(value);
  }
}

interface Header {
  readonly programs: number;
  readonly programCount: number;
  readonly sections: number;
  readonly sectionCount: number;
  readonly namesIndex: number;
}

interface Section {
  readonly offset: number;
  readonly size: number;
}

function malformed(why: string): Error {
  return new Error(`not a program that Deno 2.9 compiled: ${why}`);
}

function readHeader(image: Image): Header {
  const magic = image.slice(0, HEADER);
  const elf64LittleEndian = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
  if (elf64LittleEndian.some((byte, at) => magic[at] !== byte)) {
    throw malformed("no 64-bit little-endian ELF header");
  }
  if (image.u16(0x36) !== PROGRAM_ENTRY || image.u16(0x3a) !== SECTION_ENTRY) {
    throw malformed("unexpected entry sizes");
  }
  const header = {
    programs: image.u64(0x20),
    programCount: image.u16(0x38) - ADDED_HEADERS,
    sections: image.u64(0x28),
    sectionCount: image.u16(0x3c) - ADDED_HEADERS,
    namesIndex: image.u16(0x3e),
  };
  checkHeader(header);
  image.slice(header.programs, (header.programCount + ADDED_HEADERS) * PROGRAM_ENTRY);
  image.slice(header.sections, (header.sectionCount + ADDED_HEADERS) * SECTION_ENTRY);
  return header;
}

function checkHeader(header: Header): void {
  if (header.programs === HEADER) throw malformed("its program headers were never moved");
  if (header.programCount < 1 || header.sectionCount < 1) throw malformed("too few headers");
  if (header.namesIndex >= header.sectionCount) throw malformed("the section names are missing");
}

function section(image: Image, table: number, index: number): Section {
  const at = table + index * SECTION_ENTRY;
  image.slice(at, SECTION_ENTRY);
  return { offset: image.u64(at + 24), size: image.u64(at + 32) };
}

/** The section names of the runtime: those of the program without the two that were added. */
function runtimeNames(image: Image, header: Header): Uint8Array {
  const { offset, size } = section(image, header.sections, header.namesIndex);
  const names = image.slice(offset, size);
  const kept = names.length - ADDED_NAMES.length;
  if (kept < 1 || !sameBytes(names.subarray(kept), ADDED_NAMES)) {
    throw malformed("the two added sections are missing");
  }
  return names.subarray(0, kept);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

/** The runtime's own names lie in its last section, just before what was added. */
function findNames(image: Image, names: Uint8Array, end: number): number {
  const before = Buffer.from(image.bytes.buffer, image.bytes.byteOffset, end);
  const at = before.lastIndexOf(names);
  if (at < HEADER) throw malformed("the runtime's section names are missing");
  return at;
}

/** The program's table repeats the runtime's, but for where the names are. */
function checkSections(image: Image, header: Header, table: number, names: Section): void {
  for (let index = 0; index < header.sectionCount; index++) {
    const old = image.slice(table + index * SECTION_ENTRY, SECTION_ENTRY);
    const now = image.slice(header.sections + index * SECTION_ENTRY, SECTION_ENTRY);
    if (index !== header.namesIndex) {
      if (!sameBytes(old, now)) throw malformed(`section ${index} is not the runtime's`);
      continue;
    }
    const found = section(image, table, index);
    if (found.offset !== names.offset || found.size !== names.size) {
      throw malformed("the runtime's section table names another place");
    }
  }
}

function restore(image: Image, header: Header, table: number): Uint8Array {
  const runtime = image.bytes.slice(0, table + header.sectionCount * SECTION_ENTRY);
  const view = new DataView(runtime.buffer);
  view.setBigUint64(0x20, BigInt(HEADER), true);
  view.setBigUint64(0x28, BigInt(table), true);
  view.setUint16(0x38, header.programCount, true);
  view.setUint16(0x3c, header.sectionCount, true);
  return runtime;
}

/**
 * Gives back the runtime that a program compiled by Deno 2.9 for Linux was made of.
 *
 * @throws {Error} when the bytes are not such a program
 */
export function recoverRuntime(compiled: Uint8Array): Uint8Array {
  const image = new Image(compiled);
  const header = readHeader(image);
  const names = runtimeNames(image, header);
  const offset = findNames(image, names, header.programs);
  const table = Math.ceil((offset + names.length) / 8) * 8;
  const end = table + header.sectionCount * SECTION_ENTRY;
  if (Math.ceil(end / PAGE) * PAGE > header.programs) {
    throw malformed("the runtime runs into what was added");
  }
  checkSections(image, header, table, { offset, size: names.length });
  return restore(image, header, table);
}
