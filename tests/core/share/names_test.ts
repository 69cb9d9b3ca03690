import assert from "node:assert/strict";
import { utf8 } from "../../../core/bytes.ts";
import { numberedName, safeName } from "../../../core/share/names.ts";

const CASES: readonly (readonly [name: string, safe: string])[] = [
  ["report.pdf", "report.pdf"],
  ["Grüße an 東京.txt", "Grüße an 東京.txt"],
  ["../x", "x"],
  ["../../etc/passwd", "passwd"],
  ["/etc/x", "x"],
  ["C:\\windows\\x", "x"],
  ["C:x", "C_x"],
  ["x:stream", "x_stream"],
  ["a\0b", "ab"],
  ["a\r\nb", "ab"],
  ["\u001b[31mred", "[31mred"],
  ["gpj.\u202Eexe", "gpj.exe"],
  ["a\u200Bb\u2066c", "abc"],
  [".bashrc", "bashrc"],
  ["...", "file"],
  [".", "file"],
  ["..", "file"],
  ["", "file"],
  ["///", "file"],
  ["\u202E", "file"],
  ["name. ", "name"],
  ["CON", "_CON"],
  ["nul.txt", "_nul.txt"],
  ["com1", "_com1"],
  ["console", "console"],
  ["a\ud800b", "ab"],
  ["-rf", "-rf"],
];

Deno.test("a name becomes one that is safe in its directory", () => {
  for (const [name, safe] of CASES) assert.equal(safeName(name), safe, JSON.stringify(name));
});

Deno.test("a long name keeps its extension and whole characters", () => {
  for (const stem of ["a", "ü", "東", "😀"]) {
    const safe = safeName(`${stem.repeat(300)}.pdf`);
    assert.ok(utf8(safe).length <= 255 && utf8(safe).length > 250, safe);
    assert.ok(safe.endsWith(`${stem}.pdf`));
  }
});

Deno.test("a number goes before the extension and still fits", () => {
  assert.equal(numberedName("a.txt", 2), "a (2).txt");
  assert.equal(numberedName("a", 2), "a (2)");
  const long = numberedName(safeName("a".repeat(300) + ".txt"), 2);
  assert.equal(utf8(long).length, 255);
  assert.ok(long.endsWith("a (2).txt"));
});

Deno.test("a safe name is safe to the same rule again", () => {
  for (const [name] of CASES) assert.equal(safeName(safeName(name)), safeName(name));
});
