/** Texts of configurations, and what is filled in there. */

/** Where a text has something to be filled in: a value, or lines of their own. */
export type Values = Readonly<Record<string, string | readonly string[]>>;

/** Fills a text in. Lines take the indentation of their place, and none leave no empty line. */
export function fill(text: string, values: Values): string {
  const withLines = text.replaceAll(/^( *)\{(\w+)\}\n/gm, (_, indent: string, name: string) => {
    const value = values[name] ?? [];
    const lines = typeof value === "string" ? [value] : value;
    return lines.map((line) => `${indent}${line}\n`).join("");
  });
  return withLines.replaceAll(/\{([a-zA-Z]\w*)\}/g, (_, name) => String(values[name]));
}
