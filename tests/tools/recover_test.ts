import assert from "node:assert/strict";
import { recoverRuntime } from "../../tools/recover.ts";

const NAMES = "\0.text\0.shstrtab\0";
const ADDED = ".note.sui\0.sui.phdrs\0";
const BODY = 512;
const ADDED_AT = 4096;

function header(programs: number, sections: number, added: number): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setBigUint64(0x20, BigInt(programs), true);
  view.setBigUint64(0x28, BigInt(sections), true);
  [56, 1 + added, 64, 3 + added, 2].forEach((value, at) => {
    view.setUint16(0x36 + 2 * at, value, true);
  });
  return bytes;
}

function table(namesAt: number, namesSize: number, added: number): Uint8Array {
  const bytes = new Uint8Array(64 * (3 + added));
  const view = new DataView(bytes.buffer);
  view.setBigUint64(64 + 24, 64n, true);
  view.setBigUint64(128 + 24, BigInt(namesAt), true);
  view.setBigUint64(128 + 32, BigInt(namesSize), true);
  return bytes;
}

function join(...parts: [at: number, bytes: Uint8Array][]): Uint8Array {
  const bytes = new Uint8Array(Math.max(...parts.map(([at, part]) => at + part.length)));
  for (const [at, part] of parts) bytes.set(part, at);
  return bytes;
}

const text = (value: string) => new TextEncoder().encode(value);
const tableAt = Math.ceil((BODY + NAMES.length) / 8) * 8;

/** The smallest file that has what a runtime has. */
function runtime(): Uint8Array {
  const code = new Uint8Array(BODY - 64).fill(7);
  const names: [number, Uint8Array] = [BODY, text(NAMES)];
  const sections: [number, Uint8Array] = [tableAt, table(BODY, NAMES.length, 0)];
  return join([0, header(64, tableAt, 0)], [64, code], names, sections);
}

/** What `deno compile` makes of it. */
function program(): Uint8Array {
  const namesAt = ADDED_AT + 200;
  const names = NAMES + ADDED;
  const sections = table(namesAt, names.length, 2);
  const end = namesAt + 100 + sections.length;
  return join(
    [0, runtime()],
    [0, header(ADDED_AT, namesAt + 100, 2)],
    [namesAt, text(names)],
    [namesAt + 100, sections],
    [end, text("the payload")],
  );
}

Deno.test("the runtime comes out of a compiled program byte for byte", () => {
  assert.deepEqual(recoverRuntime(program()), runtime());
});

Deno.test("a program that starts inside a larger buffer is read from its start", () => {
  const padded = join([24, program()]).subarray(24);
  assert.deepEqual(recoverRuntime(padded), runtime());
});

Deno.test("a runtime that was never compiled is refused", () => {
  assert.throws(() => recoverRuntime(runtime()), /program headers were never moved/);
});

Deno.test("something that is no program is refused", () => {
  for (const bytes of [new Uint8Array(), text("#!/bin/sh\n".repeat(100)), new Uint8Array(5000)]) {
    assert.throws(() => recoverRuntime(bytes), /not a program that Deno 2.9 compiled/);
  }
});

Deno.test("a program cut off before its section table ends is refused with a clear error", () => {
  const whole = program();
  for (let end = 0; end < whole.length - "the payload".length; end++) {
    assert.throws(() => recoverRuntime(whole.subarray(0, end)), /not a program that Deno 2.9/);
  }
});

Deno.test("a header with a wrong byte gives a clear error or no other runtime", () => {
  for (let at = 0; at < 64; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = program();
      bytes[at] = value;
      const result = recovered(bytes);
      if (result instanceof Error) assert.match(result.message, /not a program that Deno 2.9/);
      else assert.equal(result.length, runtime().length);
    }
  }
});

function recovered(bytes: Uint8Array): Uint8Array | Error {
  try {
    return recoverRuntime(bytes);
  } catch (error) {
    return error as Error;
  }
}

Deno.test("a runtime whose sections differ from the program's is refused", () => {
  const bytes = program();
  bytes[tableAt + 70] = 1;
  assert.throws(() => recoverRuntime(bytes), /section 1 is not the runtime's/);
});
