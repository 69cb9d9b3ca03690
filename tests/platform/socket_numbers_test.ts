/**
 * Addresses of sockets as each system has them. The bytes are laid out by hand: those of Linux after
 * unix(7) and ip(7), those of macOS after Darwin's headers (sys/un.h, netinet/in.h).
 */
import assert from "node:assert/strict";
import { concat, utf8 } from "../../core/bytes.ts";
import {
  AF_INET,
  DARWIN,
  familyOf,
  LINUX,
  startOfAddress,
  unixAddress,
} from "../../platform/socket_numbers.ts";
import { failsWith } from "../core/support.ts";

const bytes = (...values: number[]) => new Uint8Array(values);

Deno.test("a path is an address with its family first on Linux, on macOS after its length", () => {
  const path = concat(utf8("/tmp/s"), bytes(0));
  assert.deepEqual(unixAddress("/tmp/s", LINUX), concat(bytes(1, 0), path));
  assert.deepEqual(unixAddress("/tmp/s", DARWIN), concat(bytes(9, 1), path));
});

Deno.test("a path fills sun_path with its zero byte, and one byte more is refused", () => {
  for (const [numbers, room] of [[LINUX, 108], [DARWIN, 104]] as const) {
    const longest = `/${"p".repeat(room - 2)}`;
    assert.equal(unixAddress(longest, numbers).length, 2 + room);
    failsWith("config", () => unixAddress(`${longest}p`, numbers));
    // A character may be more than one byte.
    failsWith("config", () => unixAddress(`/${"é".repeat(room / 2)}`, numbers));
  }
  failsWith("io", () => unixAddress("/tmp/a\0b", DARWIN));
});

Deno.test("the families of the internet are read as they are written", () => {
  assert.deepEqual(startOfAddress(AF_INET, 16, DARWIN), bytes(16, 2));
  assert.deepEqual(startOfAddress(DARWIN.AF_INET6, 28, DARWIN), bytes(28, 30));
  assert.deepEqual(startOfAddress(LINUX.AF_INET6, 28, LINUX), bytes(10, 0));
  for (const numbers of [LINUX, DARWIN]) {
    for (const family of [AF_INET, numbers.AF_INET6]) {
      assert.equal(familyOf(startOfAddress(family, 28, numbers), numbers), family);
    }
  }
});
