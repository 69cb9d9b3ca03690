/**
 * File names out of a manifest are anybody's choice. They are data, kept byte for byte, and made
 * safe only where a file gets one.
 */
const MAX_BYTES = 255;
const FALLBACK = "file";
// Names that some systems take for devices, with any extension.
const RESERVED = /^(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?=\.|$)/i;
// Controls, what is not shown and what turns the direction of writing, and half characters.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const encoder = new TextEncoder();

/** A name that stays in its directory, shows what it is, and fits every common file system. */
export function safeName(name: string): string {
  const last = name.split(/[/\\]/).filter((part) => part !== "").at(-1) ?? "";
  const plain = last.replace(INVISIBLE, "").replace(/[<>:"|?*]/g, "_")
    .replace(/^[\s.]+/, "").replace(/[\s.]+$/, "");
  const named = plain.replace(RESERVED, "_$1");
  return shorten(named || FALLBACK, MAX_BYTES);
}

/** The same name with a number before its extension: for one that is taken. */
export function numberedName(name: string, number: number): string {
  const { stem, extension } = split(name);
  const end = ` (${number})${extension}`;
  return shorten(stem, MAX_BYTES - encoder.encode(end).length) + end;
}

/** At most `limit` bytes of UTF-8; the extension is kept where it is a short one. */
function shorten(name: string, limit: number): string {
  if (encoder.encode(name).length <= limit) return name;
  const { stem, extension } = split(name);
  const room = limit - encoder.encode(extension).length;
  let [kept, bytes] = ["", 0];
  for (const character of stem) {
    if ((bytes += encoder.encode(character).length) > room) break;
    kept += character;
  }
  return kept + extension;
}

function split(name: string): { stem: string; extension: string } {
  const [extension = ""] = /\.[^.]{1,16}$/.exec(name.slice(1)) ?? [];
  return { stem: name.slice(0, name.length - extension.length), extension };
}
