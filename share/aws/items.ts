/** Records as items of the table. */
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { INLINE_BYTES, type SecretKind } from "../../core/share/terms.ts";
import { type NewRow, refusalOf, type Row, type RowState } from "../rows.ts";
import { CLAIM_TIME, EXPIRED_MEMORY, type View } from "../store.ts";
import type { Item } from "./table.ts";

/** One who has taken it, by its token. */
export interface ItemClaim {
  readonly at: number;
  readonly until: number;
  readonly acknowledged: boolean;
}

/** A record with its claims, by the texts of their tokens' hashes, and what only items have. */
export interface ClaimedRow extends Row {
  readonly claims: ReadonlyMap<string, ItemClaim>;
  readonly uploadId: string | undefined;
  /** The last payment of an attempt. */
  readonly payment: string | undefined;
  /** The insertion that made it. */
  readonly made: string | undefined;
  /** Until when a request may be answered. */
  readonly answerable: number;
}

/** How long a claim to a body of some size stays open, in milliseconds. */
export function claimTime(size: number): number {
  return size > INLINE_BYTES ? CLAIM_TIME.large : CLAIM_TIME.inline;
}

/** The text by which bytes are named in an item. */
export function nameOf(bytes: Bytes): string {
  return toBase64Url(bytes);
}

/**
 * When nothing needs an item any more, for DynamoDB's TTL: in seconds. It removes them days late,
 * so every reading checks the times itself.
 */
export function deleteAt({ ends, expires, ttl }: Pick<Row, "ends" | "expires" | "ttl">): number {
  const end = Math.max(ends, expires) + Math.min(ttl * 1000, EXPIRED_MEMORY) + CLAIM_TIME.large;
  return Math.ceil(end / 1000);
}

/** A new record's item. */
export function itemOf({ id, forgotten: _, ...row }: NewRow, more: Item): Item {
  const answerable = row.state === "waiting" ? row.ends : undefined;
  const own = { id: nameOf(id), claims: {}, answerable, deleteAt: deleteAt(row) };
  const item = { ...row, ...more, ...own };
  return Object.fromEntries(Object.entries(item).filter(([, value]) => (value ?? null) !== null));
}

/** Reads a record. */
export function rowOf(item: Item, id: Bytes): ClaimedRow {
  const field = fieldsOf(item);
  const [size, views] = [field.number("size"), field.number("views")];
  const claims = claimsOf(item.claims as Item, size);
  const used = claims.size >= views && item.state === "live";
  const file = field.text("file") ?? null;
  const row = {
    ...{ id, size, views, claims, file, erased: file === null ? 1 : 0, taken: claims.size },
    linkProof: field.bytes("linkProof")!,
    passphraseProof: field.bytes("passphraseProof"),
    receipt: field.bytes("receipt")!,
    uploadToken: field.bytes("uploadToken"),
    writeProof: field.bytes("writeProof"),
    answerReceipt: field.bytes("answerReceipt"),
    kind: item.kind as SecretKind,
    ttl: field.number("ttl"),
    largest: field.number("largest"),
    created: field.number("created"),
    expires: field.number("expires"),
    ends: field.number("ends"),
    received: field.number("received"),
    attempts: field.number("attempts"),
    lockedAt: field.number("lockedAt"),
    answerable: field.number("answerable"),
    client: field.text("client") ?? "",
    uploadId: field.text("uploadId"),
    payment: field.text("payment"),
    made: field.text("made"),
    state: used ? "used" as const : item.state as RowState,
    since: used ? latest(claims) : field.number("since"),
  };
  return { ...row, forgotten: forgottenAt(row) };
}

function fieldsOf(item: Item) {
  return {
    number: (name: string) => Number(item[name] ?? 0),
    text: (name: string) => item[name] as string | undefined,
    bytes: (name: string) => {
      const bytes = item[name] as Uint8Array | undefined;
      return bytes === undefined ? null : new Uint8Array(bytes);
    },
  };
}

function claimsOf(claims: Item, size: number): ReadonlyMap<string, ItemClaim> {
  return new Map(
    Object.entries(claims).map(([token, claim]) => {
      const { at, acknowledged = false } = claim as { at: number; acknowledged?: boolean };
      return [token, { at, until: at + claimTime(size), acknowledged }];
    }),
  );
}

function latest(claims: ReadonlyMap<string, ItemClaim>): number {
  return Math.max(...Array.from(claims.values(), ({ at }) => at));
}

/** When nothing is remembered: not before the last claim ends. */
function forgottenAt(
  row: Pick<ClaimedRow, "state" | "ends" | "expires" | "answerable" | "ttl" | "claims">,
): number {
  const { state, ends, expires, answerable, ttl, claims } = row;
  const memory = Math.min(ttl * 1000, EXPIRED_MEMORY);
  const ended = state === "used" || state === "revoked";
  const end = ended ? expires : Math.max(ends, answerable) + memory;
  return Math.max(end, ...Array.from(claims.values(), ({ until }) => until));
}

/** Whether somebody may still read it under a claim. */
export function hasOpenClaim({ claims }: ClaimedRow, now: number): boolean {
  return [...claims.values()].some((claim) => isOpen(claim, now));
}

function isOpen({ acknowledged, until }: ItemClaim, now: number): boolean {
  return !acknowledged && until > now;
}

/**
 * When something happens to a body that is to stay for now.
 * @returns undefined if it is to go, or there is none
 */
export function nextTime(row: ClaimedRow, now: number): number | undefined {
  const { state = "live" } = refusalOf(row, now) ?? {};
  const stays = state === "live" || state === "locked" || state === "uploading";
  const claims = [...row.claims.values()].filter((claim) => isOpen(claim, now));
  const times = [...claims.map(({ until }) => until), ...stays ? [row.ends] : []];
  return times.length === 0 ? undefined : Math.min(...times);
}

/** Who has taken it, in order. */
export function viewsOf({ claims }: ClaimedRow): View[] {
  const views = Array.from(claims.values(), ({ at, acknowledged }) => ({ at, acknowledged }));
  return views.sort((a, b) => a.at - b.at);
}

const NAME_BYTES = 16;

/** A name for a body: random, so that nobody finds one. */
export function newName(): string {
  return toBase64Url(randomBytes(NAME_BYTES));
}

/** A record that fits nobody, compared where there is none, so that both take the same time. */
export const DECOY: ClaimedRow = rowOf(
  itemOf({
    ...{ id: randomBytes(NAME_BYTES), linkProof: randomBytes(32), receipt: randomBytes(32) },
    ...{ passphraseProof: randomBytes(32), uploadToken: randomBytes(32) },
    ...{ writeProof: randomBytes(32), kind: "secret", ttl: 3600, views: 1, size: 0, largest: 0 },
    ...{ created: 0, expires: 0, ends: 0, forgotten: 0, attempts: 0, received: 0 },
    ...{ state: "revoked", since: 0, file: null, client: "" },
  }, { answerReceipt: randomBytes(32) }),
  randomBytes(NAME_BYTES),
);
