/**
 * The parts of the documentation that follow from the code, and the examples in it.
 *
 * `deno run --allow-all tests/client/pages.ts` writes the tables anew.
 */
import { type ErrorCode, type ErrorKind, ERRORS } from "../../core/errors.ts";

const TABLE = Object.entries(ERRORS) as [ErrorCode, ErrorKind][];
const ERRORS_PAGE = new URL("../../docs/errors.md", import.meta.url);
export const PROTOCOL_PAGE = new URL("../../docs/protocol.md", import.meta.url);

/** What the daemon never sends: these come of the command line, or of starting the daemon. */
const NOT_SENT: ReadonlySet<ErrorCode> = new Set([
  "usage",
  "unavailable",
  "outcome_unknown",
  "untrusted_server",
  "unsafe_path",
  "already_running",
  "ring_unreadable",
  "log_broken",
  "config",
  "file_exists",
  "terminal_output",
  "no_passphrase",
  "io",
  "program_failed",
  "not_root",
  "no_systemd",
  "occupied",
  "not_proven",
  "not_confirmed",
  "file_changed",
  "rewrap_incomplete",
  "gui_refused",
  "bad_link",
  "bad_answer",
  "passphrase_needed",
  "wrong_passphrase",
  "attack_succeeded",
]);

/** Nor what a share server says. */
function isSent(code: ErrorCode): boolean {
  return !NOT_SENT.has(code) && !code.startsWith("share_");
}

const INTRODUCTION = `# Errors

Everything that can go wrong has a code. It is the name in a program, in an answer of the daemon
(\`data.code\`, see [protocol.md](protocol.md)) and in the audit log. A shell sees the exit status,
which is one of \`sysexits.h\`; an HTTP client the HTTP status. Go by the code: several codes share a
status. The words may change, the codes and numbers do not.

\`crypto\` ends with 0 when all was done. On standard error it says what happened and what to do:

    crypto: report.pdf.crypto: the output file exists
      hint: use --force to replace it, or --output for another name

The hint is often more precise than the one here. A program ended by a signal has no status of its
own; the shell shows 128 and the signal's number, such as 130 after Ctrl-C.

This table is the one in \`core/errors.ts\`; a test compares them.

`;

/** docs/errors.md as it must be. */
export function errorsPage(): string {
  const rows = TABLE.map(([code, { exit, rpc, http, message, hint }]) => {
    return `| \`${code}\` | ${exit} | ${rpc} | ${http} | ${message} | ${hint} |`;
  });
  const head = "| code | exit status | JSON-RPC code | HTTP status | meaning | hint |";
  return `${INTRODUCTION}${head}\n|---|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** The table of errors in docs/protocol.md. */
export function protocolErrors(): string {
  const rows = TABLE.filter(([code]) => isSent(code)).map(([code, { rpc, message }]) => {
    return `| \`${code}\` | ${rpc} | ${message} |`;
  });
  return `| \`data.code\` | \`code\` | \`message\` |\n|---|---|---|\n${rows.join("\n")}\n`;
}

const START = "<!-- errors: written by tests/client/pages.ts -->\n\n";
const END = "\n<!-- end of errors -->";

/** docs/protocol.md with its table as it must be. */
export function withProtocolErrors(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error("the page has no place for the table");
  return page.slice(0, start + START.length) + protocolErrors() + page.slice(end);
}

/** One line to the daemon and the line that came back. */
export interface Example {
  readonly request: string;
  readonly answer: string;
}

/** The examples of a page, in order. */
export function examplesOf(page: string): Example[] {
  const found = page.matchAll(/^→ (.*)\n← (.*)$/gm);
  return [...found].map(([, request, answer]) => ({ request: request!, answer: answer! }));
}

if (import.meta.main) {
  await Deno.writeTextFile(ERRORS_PAGE, errorsPage());
  await Deno.writeTextFile(
    PROTOCOL_PAGE,
    withProtocolErrors(await Deno.readTextFile(PROTOCOL_PAGE)),
  );
}
