/**
 * Every way in which this program can fail: one class, one closed set of codes, one table from a
 * code to what a person, a shell, a JSON-RPC client and an HTTP client are told.
 */

/** What one code means to each kind of reader. */
export interface ErrorKind {
  /** Exit status, after BSD's sysexits.h. */
  readonly exit: number;
  /** JSON-RPC 2.0 error code: the standard's own below -32099, ours from -32001. */
  readonly rpc: number;
  /** HTTP status code. */
  readonly http: number;
  /** What happened, in one sentence without a full stop. */
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
}

/** Codes to their meanings. `docs/protocol.md` and `docs/errors.md` are checked against it. */
export const ERRORS = {
  usage: {
    exit: 64,
    rpc: -32602,
    http: 400,
    message: "the command line is not understood",
    hint: "see `crypto --help`",
  },
  parse_error: {
    exit: 76,
    rpc: -32700,
    http: 400,
    message: "the line is not JSON in UTF-8",
    hint: "send one JSON value a line",
  },
  invalid_request: {
    exit: 76,
    rpc: -32600,
    http: 400,
    message: "the value is not a JSON-RPC 2.0 request with an id",
    hint: 'send {"jsonrpc":"2.0","id":1,"method":"status"}',
  },
  unknown_method: {
    exit: 76,
    rpc: -32601,
    http: 404,
    message: "there is no such method",
    hint: "see docs/protocol.md for the methods",
  },
  invalid_params: {
    exit: 64,
    rpc: -32602,
    http: 400,
    message: "the parameters do not fit the method",
    hint: "see docs/protocol.md for its parameters",
  },
  malformed: {
    exit: 65,
    rpc: -32001,
    http: 400,
    message: "this is not a message that crypto can read",
    hint: "check that it was copied whole, and that it was made by crypto",
  },
  invalid_text: {
    exit: 65,
    rpc: -32002,
    http: 400,
    message: "the text is not valid Unicode",
    hint: "send bytes as data instead of text",
  },
  decryption_failed: {
    exit: 65,
    rpc: -32003,
    http: 400,
    message: "decryption failed",
    hint: "the key, the context or the passphrase is another, or the message was changed or cut",
  },
  verification_failed: {
    exit: 65,
    rpc: -32056,
    http: 400,
    message: "this mac does not fit",
    hint: "the key or the context is another, or the data or the mac were changed or cut",
  },
  denied: {
    exit: 77,
    rpc: -32004,
    http: 403,
    message: "there is no such key for you, or you may not do this with it",
    hint: "ask the administrator for access, or see `crypto key list`",
  },
  no_identity: {
    exit: 77,
    rpc: -32005,
    http: 403,
    message: "the kernel does not know who is calling",
    hint: "call from the user namespace in which the daemon runs",
  },
  key_exists: {
    exit: 73,
    rpc: -32006,
    http: 409,
    message: "a key with this name or this material is there already",
    hint: "choose another name, or see `crypto key list`",
  },
  key_disabled: {
    exit: 69,
    rpc: -32050,
    http: 409,
    message: "the key, or this version of it, is not in use",
    hint: "see `crypto key list` for its state",
  },
  key_destroyed: {
    exit: 69,
    rpc: -32051,
    http: 410,
    message: "this version of the key was destroyed",
    hint: "what is under it cannot be read any more, unless a backup of the keys has it",
  },
  no_such_version: {
    exit: 64,
    rpc: -32059,
    http: 404,
    message: "the key has no version of this number",
    hint: "see `crypto key list` for its versions",
  },
  key_in_use: {
    exit: 65,
    rpc: -32052,
    http: 409,
    message: "no newer version of the key encrypts, so this one is still needed",
    hint: "make a newer one with `crypto key rotate`",
  },
  file_changed: {
    exit: 75,
    rpc: -32058,
    http: 409,
    message: "the file was changed meanwhile by somebody else",
    hint: "it was left alone as it is now: run the same again",
  },
  rewrap_incomplete: {
    exit: 65,
    rpc: -32053,
    http: 409,
    message: "some files were not rewrapped",
    hint: "see what is said of each; run the same again when that is mended",
  },
  wrong_purpose: {
    exit: 65,
    rpc: -32007,
    http: 400,
    message: "the key was made for another purpose",
    hint: "see `crypto key list` for the purpose of each key",
  },
  too_large: {
    exit: 65,
    rpc: -32008,
    http: 413,
    message: "the input is larger than the limit",
    hint: "encrypt it as a file or stream, which has no limit",
  },
  line_too_long: {
    exit: 76,
    rpc: -32009,
    http: 413,
    message: "a request line is longer than 1 MiB",
    hint: "use an envelope for large data: only its header crosses the socket",
  },
  batch_too_large: {
    exit: 76,
    rpc: -32010,
    http: 413,
    message: "a batch holds more than 1,024 requests",
    hint: "send several smaller batches",
  },
  too_many_connections: {
    exit: 75,
    rpc: -32011,
    http: 429,
    message: "too many connections are open",
    hint: "keep connections open and reuse them, or try again later",
  },
  too_many_requests: {
    exit: 75,
    rpc: -32012,
    http: 429,
    message: "too many requests",
    hint: "read answers before sending more requests, or wait a minute and try again",
  },
  quota_exceeded: {
    exit: 75,
    rpc: -32055,
    http: 429,
    message: "your quota is used up",
    hint: "come back later, or ask the administrator for more",
  },
  idle_timeout: {
    exit: 75,
    rpc: -32013,
    http: 408,
    message: "the connection was silent for too long",
    hint: "connect again when there is something to ask",
  },
  line_timeout: {
    exit: 75,
    rpc: -32014,
    http: 408,
    message: "a request line took too long to arrive",
    hint: "send each request whole",
  },
  stopping: {
    exit: 75,
    rpc: -32015,
    http: 503,
    message: "the daemon is stopping",
    hint: "connect again in a moment",
  },
  log_unavailable: {
    exit: 75,
    rpc: -32016,
    http: 503,
    message: "the audit log cannot be written, so nothing is answered",
    hint:
      "the daemon's own messages say why: the disk is full, or its file was removed or replaced",
  },
  log_broken: {
    exit: 65,
    rpc: -32057,
    http: 500,
    message: "the audit log is not what was written",
    hint:
      "see where above; keep these files and the journal as they are, and find out who could write them",
  },
  ring_not_saved: {
    exit: 74,
    rpc: -32017,
    http: 503,
    message: "the key ring cannot be written; nothing was changed",
    hint: "the administrator must make the state directory writable and free space",
  },
  unavailable: {
    exit: 69,
    rpc: -32018,
    http: 503,
    message: "the daemon cannot be reached",
    hint: "start it with `crypto serve`, or name its socket with --socket or CRYPTO_SOCKET",
  },
  tls_refused: {
    exit: 77,
    rpc: -32046,
    http: 403,
    message: "the daemon does not accept the certificate",
    hint: "it is missing, expired, revoked or of another authority: the daemon's log says what",
  },
  untrusted_server: {
    exit: 76,
    rpc: -32047,
    http: 502,
    message: "the server does not prove to be the one that was named",
    hint: "check its name, the identity's ca.pem, and whether its certificate has expired",
  },
  outcome_unknown: {
    exit: 69,
    rpc: -32040,
    http: 502,
    message: "the daemon hung up before it answered; whether this was done is not known",
    hint: "see `crypto key list` before you try again",
  },
  unsafe_path: {
    exit: 78,
    rpc: -32019,
    http: 500,
    message: "others could have tampered with this path",
    hint: "correct its owner and mode",
  },
  already_running: {
    exit: 75,
    rpc: -32020,
    http: 500,
    message: "another process is using this",
    hint: "stop it first, or use another --socket and another state directory",
  },
  ring_unreadable: {
    exit: 78,
    rpc: -32021,
    http: 500,
    message: "the key ring cannot be opened",
    hint: "restore ring and sealing key from the same backup; they belong together",
  },
  config: {
    exit: 78,
    rpc: -32022,
    http: 500,
    message: "the set-up is incomplete or wrong",
    hint: "see `crypto serve --help`",
  },
  file_exists: {
    exit: 73,
    rpc: -32023,
    http: 409,
    message: "the output file exists",
    hint: "use --force to replace it, or --output for another name",
  },
  terminal_output: {
    exit: 64,
    rpc: -32024,
    http: 400,
    message: "binary output is not written to a terminal",
    hint: "use --output FILE, --armor, or a pipe",
  },
  no_passphrase: {
    exit: 64,
    rpc: -32026,
    http: 400,
    message: "there is no usable passphrase",
    hint: "type it at the terminal, or use --passphrase-file FILE",
  },
  io: {
    exit: 74,
    rpc: -32025,
    http: 500,
    message: "reading or writing failed",
    hint: "check the path, its permissions and the free space",
  },
  program_failed: {
    exit: 71,
    rpc: -32030,
    http: 500,
    message: "a program of the system failed",
    hint: "see what it said, and the journal",
  },
  sealed: {
    exit: 75,
    rpc: -32036,
    http: 503,
    message: "the key ring is sealed under a passphrase that nobody has typed yet",
    hint: "root, or the user that the daemon runs as, opens it with `crypto unseal`",
  },
  not_root: {
    exit: 77,
    rpc: -32031,
    http: 403,
    message: "only root can do this",
    hint: "run it with sudo; --dry-run shows to anybody what would be done",
  },
  no_systemd: {
    exit: 69,
    rpc: -32032,
    http: 500,
    message: "systemd does not run here",
    hint: "install on a system that systemd started, or prepare an image with --root DIR",
  },
  occupied: {
    exit: 73,
    rpc: -32033,
    http: 409,
    message: "something that crypto did not make is in the way",
    hint: "move it away, then try again",
  },
  not_proven: {
    exit: 70,
    rpc: -32034,
    http: 500,
    message: "the service does not do what it should",
    hint: "see `journalctl --unit crypto.service`",
  },
  not_confirmed: {
    exit: 64,
    rpc: -32035,
    http: 400,
    message: "it was not confirmed, so nothing was changed",
    hint: "type what is asked for, or use --yes in a script",
  },
  bad_link: {
    exit: 65,
    rpc: -32060,
    http: 400,
    message: "this is no link or receipt that can be used here",
    hint: "copy all of it, with what comes after the #",
  },
  share_unavailable: {
    exit: 69,
    rpc: -32061,
    http: 404,
    message: "there is nothing for you behind this",
    hint: "it never existed, is over, or the link or receipt is another: ask the sender",
  },
  share_opened: {
    exit: 69,
    rpc: -32062,
    http: 410,
    message: "the secret has been opened before",
    hint: "if that was not you, tell the sender",
  },
  share_expired: {
    exit: 69,
    rpc: -32063,
    http: 410,
    message: "the secret has expired",
    hint: "ask the sender for a new one",
  },
  share_revoked: {
    exit: 69,
    rpc: -32064,
    http: 410,
    message: "the sender has revoked the secret",
    hint: "ask the sender why",
  },
  share_locked: {
    exit: 77,
    rpc: -32065,
    http: 423,
    message: "the secret is locked after too many wrong passphrases",
    hint: "the sender can unlock it with the receipt, or revoke it",
  },
  share_uploading: {
    exit: 75,
    rpc: -32066,
    http: 409,
    message: "the secret is still being uploaded",
    hint: "try again when the sender is done",
  },
  passphrase_needed: {
    exit: 77,
    rpc: -32067,
    http: 403,
    message: "the secret needs a passphrase or code besides the link",
    hint: "ask the sender for it, over another channel",
  },
  wrong_passphrase: {
    exit: 77,
    rpc: -32068,
    http: 403,
    message: "this is not the passphrase or code",
    hint: "type it again; after ten wrong ones the secret is locked",
  },
  share_exists: {
    exit: 73,
    rpc: -32069,
    http: 409,
    message: "there is, or was, a secret with this id",
    hint: "make a new link",
  },
  share_refused: {
    exit: 65,
    rpc: -32070,
    http: 422,
    message: "the share server does not take secrets like this",
    hint: "ask for a shorter lifetime, fewer views or less data",
  },
  share_empty: {
    exit: 65,
    rpc: -32082,
    http: 400,
    message: "there is nothing to send",
    hint: "give a text with something in it; an empty file can be sent as a file",
  },
  share_full: {
    exit: 75,
    rpc: -32071,
    http: 507,
    message: "the share server has no room",
    hint: "try again later, or ask its operator",
  },
  share_waiting: {
    exit: 75,
    rpc: -32074,
    http: 409,
    message: "nobody has answered the request yet",
    hint: "try again when somebody has; keep your own link until then",
  },
  share_answered: {
    exit: 69,
    rpc: -32075,
    http: 410,
    message: "the request has been answered already",
    hint: "if that was not you, tell the person who asked; only the first answer counts",
  },
  share_failed: {
    exit: 69,
    rpc: -32083,
    http: 502,
    message: "the share server failed",
    hint: "try again later, or tell its operator",
  },
  share_unreachable: {
    exit: 69,
    rpc: -32072,
    http: 503,
    message: "the share server cannot be reached",
    hint: "start one with `crypto share serve`, or name it with --server or CRYPTO_SHARE_SERVER",
  },
  share_storage: {
    exit: 69,
    rpc: -32084,
    http: 503,
    message: "the share server's storage cannot be used",
    hint: "try again in a minute; if it lasts, tell the server's operator",
  },
  bad_answer: {
    exit: 76,
    rpc: -32073,
    http: 502,
    message: "the server's answer is not understood",
    hint: "see that the address is that of a share server, and of this version",
  },
  share_opening: {
    exit: 75,
    rpc: -32081,
    http: 409,
    message: "another process of yours is opening this secret",
    hint: "wait for it, or end it and try again: what it has done is not lost",
  },
  attack_succeeded: {
    exit: 70,
    rpc: -32080,
    http: 500,
    message: "the share server did not withstand them",
    hint: "see the table; report it privately to the maintainers, and stop the server until then",
  },
  share_unsound: {
    exit: 78,
    rpc: -32090,
    http: 500,
    message: "what the share server has on AWS is not as it should be",
    hint: "each finding has its remedy: do that, and run this again",
  },
  share_unchecked: {
    exit: 77,
    rpc: -32091,
    http: 500,
    message: "not all could be looked at",
    hint: "nothing that was looked at is wrong; see the findings for who may look at the rest",
  },
  gui_refused: {
    exit: 77,
    rpc: -32092,
    http: 403,
    message: "this window answers only the page that it was opened with",
    hint: "start `crypto gui` again",
  },
  internal: {
    exit: 70,
    rpc: -32603,
    http: 500,
    message: "an unexpected error occurred",
    hint: "this is a bug in crypto: please report it",
  },
} as const satisfies Record<string, ErrorKind>;

/** The closed set of codes. */
export type ErrorCode = keyof typeof ERRORS;

/** What may be added to an error: to what it happened, and a better hint than the table's. */
export interface ErrorDetail {
  /** The thing it happened to: a path, a key's name. Never a secret. */
  readonly subject?: string | undefined;
  /** Replaces the table's hint. */
  readonly hint?: string | undefined;
  /** Seconds after which the same may succeed. */
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** The only error this program throws on purpose. */
export class CryptoError extends Error {
  override readonly name = "CryptoError";
  readonly code: ErrorCode;
  readonly subject: string | undefined;
  readonly hint: string;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, { subject, hint, retryAfter, cause }: ErrorDetail = {}) {
    super(subject ? `${subject}: ${ERRORS[code].message}` : ERRORS[code].message, { cause });
    this.code = code;
    this.subject = subject;
    this.hint = hint ?? ERRORS[code].hint;
    this.retryAfter = retryAfter;
  }

  /** What the table says of this error's code. */
  get kind(): ErrorKind {
    return ERRORS[this.code];
  }
}

/** Whether a text is one of the codes: for what comes from the other side of a wire. */
export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === "string" && Object.hasOwn(ERRORS, text);
}

/** Any thrown value as a CryptoError; what is not one becomes `internal`. */
export function asCryptoError(thrown: unknown): CryptoError {
  return thrown instanceof CryptoError ? thrown : new CryptoError("internal", { cause: thrown });
}

/** An error of something that has a name; what names something already stays, and so does a bug. */
export function about(subject: string, thrown: unknown): CryptoError {
  const error = asCryptoError(thrown);
  const { code, hint, cause } = error;
  if (error.subject !== undefined || code === "internal") return error;
  return new CryptoError(code, { subject, hint, cause });
}
