/** What the page asks its worker, and what it is answered: plain values, which cross between them. */
import type { ErrorCode } from "../../../core/errors.ts";
import type { Chosen } from "../../../core/page/chooser.ts";
import type { Moved } from "../../../core/page/form.ts";
import type { LinkKind } from "../../../core/share/link.ts";
import type { Answer } from "../../../core/share/wire.ts";
import type { Limits } from "../../client/limits.ts";
import type { Requested, RequestTerms, SeenRequest } from "../../client/request.ts";
import type { Seen } from "../../client/open.ts";

/** The questions, by what is to be done. */
export interface Questions {
  /** A new code. */
  readonly code: object;
  /** What the server takes, as it is known already or the server tells. */
  readonly limits: { readonly known: Limits | undefined };
  /** What an address is the link of. */
  readonly read: { readonly link: string };
  readonly send: Chosen & {
    /** What the link begins with. */
    readonly origin: string;
    /** Seconds. */
    readonly ttl: number;
    readonly views: number;
    readonly passphrase?: string | undefined;
  };
  readonly look: { readonly link: string };
  readonly open: {
    readonly link: string;
    readonly passphrase?: string | undefined;
    /** Where files go as they come; else they are kept until they are saved. */
    readonly folder?: FileSystemDirectoryHandle | undefined;
  };
  readonly manage: {
    readonly call: "status" | "revoke" | "unlock";
    /** A receipt, or a requester's own link. */
    readonly holder: string;
  };
  readonly request: RequestTerms & { readonly origin: string };
  /** Looks at somebody's request. */
  readonly asked: { readonly link: string };
  readonly answer: Chosen & { readonly link: string };
}

/** A file that was opened. */
export interface OpenedFile {
  /** Safe to show, and for a file system. */
  readonly name: string;
  readonly size: number;
  /** Its bytes; absent where they are in a folder already. */
  readonly blob?: Blob | undefined;
}

/** What was inside. */
export interface Opened {
  readonly text?: string | undefined;
  readonly files: readonly OpenedFile[];
  /** Whether the server has confirmed that it erases it. */
  readonly erased: boolean;
}

/** What an answerer, or a sender, may show later. Times are milliseconds since 1970. */
export interface Kept {
  readonly receipt: string;
  readonly expires: number;
}

/** The answers. */
export interface Results {
  readonly code: string;
  readonly limits: Limits & {
    /** Bytes of content that the answer to a request may have. */
    readonly room: number;
  };
  readonly read: { readonly kind: LinkKind; readonly exposed: boolean };
  readonly send: Kept & { readonly link: string };
  readonly look: Seen;
  readonly open: Opened;
  readonly manage: Answer<"status">;
  readonly request: Pick<Requested, "expires"> & Readonly<Record<"link" | "ownLink", string>>;
  /** `room`: bytes of content. */
  readonly asked: Pick<SeenRequest, "expires"> & { readonly room: number };
  readonly answer: Kept;
}

/** What is to be done. */
export type Deed = keyof Questions;

/** A question as it crosses. */
export type Question = {
  [D in Deed]: { readonly id: number; readonly do: D; readonly asked: Questions[D] };
}[Deed];

/** Why something could not be done. */
export interface Failure {
  readonly code: ErrorCode;
  /** Since when, in milliseconds since 1970, where the server says. */
  readonly since?: number | undefined;
}

/** What comes back. */
export type Reply =
  | { readonly id: number; readonly result: Results[Deed] }
  | { readonly id: number; readonly failure: Failure }
  | { readonly id: number; readonly moved: Moved };
