/**
 * Who imports whom: the rules that make the folders the architecture.
 *
 * @module
 */
import { posix } from "node:path";
import { lineOf, mask } from "./mask.ts";

/** Something in a source file that a rule of the project forbids. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

interface Reference {
  readonly specifier: string;
  readonly offset: number;
}

/** Folders that are no part of the program. */
const FREE = ["tests", "bench", "tools"];
/** Folders that everybody may import, lowest first: each may import those before it. */
const SHARED = ["core", "platform"];

const STRING = String.raw`(["'])(_*)\1`;
const REFERENCES = [
  new RegExp(String.raw`(?<![.\w$])(?:import|export)\b[^;"'${"`"}()=]*?\bfrom\s*${STRING}`, "dg"),
  new RegExp(String.raw`(?<![.\w$])import\s*${STRING}`, "dg"),
  new RegExp(String.raw`(?<![.\w$])import\s*(?:\.\s*\w+\s*)?\(\s*${STRING}`, "dg"),
  new RegExp(String.raw`\bimport\s*\.\s*meta\s*\.\s*resolve\s*\(\s*${STRING}`, "dg"),
  new RegExp(String.raw`\bURL\s*\(\s*${STRING}\s*,\s*import\s*\.\s*meta\s*\.\s*url`, "dg"),
];
const CALLS = /(?<![.\w$])import\s*(?:\.\s*(?:defer|source)\s*)?\(\s*/g;
const LITERAL_ARGUMENT = /(["'])_*\1\s*[,)]/y;
const LOADERS = /\bcreateRequire\b/g;

/** Everything that a source file of the project imports where it may not, or how it may not. */
export function importViolations(path: string, source: string): Violation[] {
  const folder = folderOf(path);
  if (FREE.includes(folder)) return [];
  const code = mask(source);
  const violations = computedImports(code).map((offset) => ({
    path,
    line: lineOf(source, offset),
    message: "imports a computed path; a compiled program looks for it in a world-writable folder",
  }));
  for (const { specifier, offset } of references(source, code)) {
    const message = path === "main.ts" ? schemeFault(specifier) : fault(path, folder, specifier);
    if (message !== undefined) violations.push({ path, line: lineOf(source, offset), message });
  }
  return violations;
}

function folderOf(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

function references(source: string, code: string): Reference[] {
  return REFERENCES.flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => {
      const [start, end] = match.indices?.[2] ?? [0, 0];
      return { specifier: source.slice(start, end), offset: match.index };
    })
  );
}

function computedImports(code: string): number[] {
  const computed = [...code.matchAll(CALLS)].filter((call) => {
    LITERAL_ARGUMENT.lastIndex = call.index + call[0].length;
    return !LITERAL_ARGUMENT.test(code);
  });
  return [...computed, ...code.matchAll(LOADERS)].map((match) => match.index);
}

function fault(path: string, folder: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) {
    if (folder === "core" && specifier.startsWith("node:")) return `core imports ${specifier}`;
    return schemeFault(specifier);
  }
  const resolved = posix.join(posix.dirname(path), specifier);
  const target = folderOf(resolved);
  if (target === folder || lowerFolders(folder).includes(target)) return undefined;
  return `${folder || path} imports ${resolved}`;
}

function lowerFolders(folder: string): string[] {
  const rank = SHARED.indexOf(folder);
  return rank === -1 ? SHARED : SHARED.slice(0, rank);
}

/** Packages are named in deno.json alone; anything else with a scheme is code from elsewhere. */
function schemeFault(specifier: string): string | undefined {
  if (!/^[a-z][a-z+.-]*:|^\//i.test(specifier) || specifier.startsWith("node:")) return undefined;
  return `imports ${specifier}; name it in deno.json`;
}

const EXIT =
  /\b(?:Deno|process)\s*\??\.\s*exit\b|\bimport\s*\{[^}]*\bexit\b[^}]*\}\s*from\s*["']_+["']/g;

/** Every place that ends the process, which only `main.ts` may. */
export function exitViolations(path: string, source: string): Violation[] {
  if (path === "main.ts" || FREE.includes(folderOf(path))) return [];
  return [...mask(source).matchAll(EXIT)]
    .filter((match) => {
      const text = source.slice(match.index, match.index + match[0].length);
      return !text.startsWith("import") || /["'](?:node:)?process["']$/.test(text);
    })
    .map((match) => ({ path, line: lineOf(source, match.index), message: "ends the process" }));
}
