/**
 * TypeScript with everything blanked that is not code, so that plain patterns find code alone.
 *
 * @module
 */

const LEXEME = /\/\/.*|\/\*[^]*?\*\/|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'|[`{}/]/g;
const TEMPLATE_TEXT = /(?:\\[^]|\$(?!\{)|[^`\\$])*/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/y;
const BEFORE_REGEX =
  /(?:^|[=(,:;[!&|?{}+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;

/**
 * Gives source of the same length and the same lines, in which comments are blanks and the
 * contents of strings, templates and regular expressions are underscores. Code within `${…}`
 * stays.
 */
export function mask(source: string): string {
  return new Masker(source).run();
}

/** The number of the line on which an offset lies, from 1. */
export function lineOf(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}

function blank(text: string, fill: string): string {
  return text.replace(/[^\n]/g, fill);
}

class Masker {
  readonly #source: string;
  readonly #nesting: ("block" | "template")[] = [];
  #masked = "";

  constructor(source: string) {
    this.#source = source;
  }

  run(): string {
    let lexeme = this.#nextLexeme();
    while (lexeme !== undefined) {
      this.#take(lexeme);
      lexeme = this.#nextLexeme();
    }
    return this.#masked + this.#source.slice(this.#masked.length);
  }

  /** Copies code up to the next thing that is more than code. */
  #nextLexeme(): string | undefined {
    LEXEME.lastIndex = this.#masked.length;
    const found = LEXEME.exec(this.#source);
    if (found === null) return undefined;
    this.#masked += this.#source.slice(this.#masked.length, found.index);
    return found[0];
  }

  #take(lexeme: string): void {
    if (lexeme === "`") this.#template(lexeme);
    else if (lexeme === "{") this.#open(lexeme, "block");
    else if (lexeme === "}") this.#close();
    else if (lexeme === "/") this.#slash();
    else if (lexeme.startsWith("/")) this.#masked += blank(lexeme, " ");
    else this.#masked += lexeme[0] + blank(lexeme.slice(1, -1), "_") + lexeme[0];
  }

  #open(text: string, kind: "block" | "template"): void {
    this.#masked += text;
    this.#nesting.push(kind);
  }

  #close(): void {
    if (this.#nesting.pop() === "template") this.#template("}");
    else this.#masked += "}";
  }

  /** Takes the text of a template up to its end or to the code in it. */
  #template(start: string): void {
    this.#masked += start;
    this.#masked += blank(this.#match(TEMPLATE_TEXT), "_");
    if (this.#source.startsWith("${", this.#masked.length)) this.#open("${", "template");
    else this.#masked += this.#source.charAt(this.#masked.length);
  }

  #slash(): void {
    const regex = BEFORE_REGEX.test(this.#masked.slice(-80)) ? this.#match(REGEX) : "";
    this.#masked += regex === "" ? "/" : `/${blank(regex.slice(1, -1), "_")}/`;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#masked.length;
    return pattern.exec(this.#source)?.[0] ?? "";
  }
}
