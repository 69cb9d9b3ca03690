/** The methods of the daemon and what each takes, as docs/protocol.md describes them. */
import type { Bytes } from "./bytes.ts";

/** What a parameter's type is in JSON, and what it becomes here. A `?` makes it optional. */
interface ParamTypes {
  /** A string of valid Unicode. */
  text: string;
  /** A string of base64url without padding. */
  bytes: Bytes;
  /** A whole number from 0 to 2^53 - 1. */
  size: number;
}
/** The name of a type. */
export type ParamType = keyof ParamTypes;

/** What a mac is of, and under which key. */
const OF_MAC = {
  key: "text?",
  text: "text?",
  data: "bytes?",
  digest: "bytes?",
  size: "size?",
  context: "text?",
  contextData: "bytes?",
} as const;

/** Every method and its parameters. */
export const METHODS = {
  "status": {},
  "unseal": { sealingKey: "bytes" },
  "encrypt": {
    key: "text?",
    kind: "text?",
    text: "text?",
    data: "bytes?",
    context: "text?",
    contextData: "bytes?",
  },
  "decrypt": {
    message: "text",
    key: "text?",
    as: "text?",
    context: "text?",
    contextData: "bytes?",
  },
  "envelope.create": { key: "text?", size: "size?" },
  "envelope.open": { envelope: "bytes", key: "text?", size: "size?" },
  "envelope.rewrap": { envelope: "bytes", key: "text?" },
  "rewrap": { message: "text", key: "text?", context: "text?", contextData: "bytes?" },
  "mac.create": OF_MAC,
  "mac.verify": { mac: "text", ...OF_MAC },
  "random": { length: "size?" },
  "key.list": {},
  "key.create": { name: "text", purpose: "text?" },
  "key.rotate": { name: "text" },
  "key.import": { name: "text", purpose: "text?", material: "bytes" },
  "key.set": { name: "text", rotateAfter: "size?", minVersion: "size?" },
  "key.retire": { name: "text", version: "size" },
  "key.disable": { name: "text", version: "size?" },
  "key.enable": { name: "text", version: "size?" },
  "key.destroy": { name: "text", version: "size", after: "size?" },
  "key.restore": { name: "text", version: "size" },
} as const satisfies Record<string, Record<string, ParamType | `${ParamType}?`>>;

/** A method's name. */
export type Method = keyof typeof METHODS;

type Required<S> = { readonly [K in keyof S as S[K] extends ParamType ? K : never]: TypeOf<S[K]> };
type Optional<S> = {
  readonly [K in keyof S as S[K] extends ParamType ? never : K]?: TypeOf<S[K]> | undefined;
};
type TypeOf<T> = T extends ParamType ? ParamTypes[T]
  : T extends `${infer U extends ParamType}?` ? ParamTypes[U]
  : never;

/** The parameters of a method, read. */
export type Params<M extends Method> =
  & Required<(typeof METHODS)[M]>
  & Optional<(typeof METHODS)[M]>;
