/** As a text: V8 reads each expression of a script at every start, and looks these classes up. */
const INVISIBLE = String.raw`\p{Cc}|\p{Cf}`;

/** A text without the control characters that would drive a terminal. */
export function printable(text: string): string {
  const invisible = new RegExp(INVISIBLE, "gu");
  return text.replace(invisible, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}
