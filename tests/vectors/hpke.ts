/** HPKE (RFC 9180) by Node's primitives alone: X25519, HKDF-SHA256, export-only, base mode. */
import { Buffer } from "node:buffer";
import { createHmac, createPrivateKey, createPublicKey, diffieHellman } from "node:crypto";

const HPKE_SUITE = Buffer.from("HPKE\0\x20\0\x01\xff\xff", "latin1");
const KEM_SUITE = Buffer.from("KEM\0\x20", "latin1");
const u16 = (value: number) => Buffer.of(value >> 8, value & 0xff);

/** LabeledExtract of RFC 9180, section 4. */
function extract(suite: Buffer, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer {
  const labelledIkm = Buffer.concat([Buffer.from("HPKE-v1"), suite, Buffer.from(label), ikm]);
  return createHmac("sha256", salt).update(labelledIkm).digest();
}

/** LabeledExpand of RFC 9180 for 32 bytes, which are one block. */
function expand256(suite: Buffer, key: Uint8Array, label: string, info: Uint8Array): Buffer {
  const labelledInfo = [u16(32), Buffer.from("HPKE-v1"), suite, Buffer.from(label), info];
  return createHmac("sha256", key).update(Buffer.concat([...labelledInfo, Buffer.of(1)])).digest();
}

const NONE = Buffer.alloc(0);
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI = Buffer.from("302a300506032b656e032100", "hex");

/** DeriveKeyPair of RFC 9180, section 7.1.3. */
export function deriveKeyPair(ikm: Buffer) {
  const secret = expand256(KEM_SUITE, extract(KEM_SUITE, NONE, "dkp_prk", ikm), "sk", NONE);
  const der = { format: "der", type: "pkcs8" } as const;
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), ...der });
  const exported = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { privateKey, publicKey: exported.subarray(SPKI.length) };
}

/** HPKE in base mode with the export-only AEAD, by whoever holds the ephemeral key pair. */
export function hpkeExport(
  { publicKey, ephemeral, info, exporterContext }: Readonly<
    Record<"publicKey" | "ephemeral" | "info" | "exporterContext", Buffer>
  >,
): { encapsulated: Buffer; exported: Buffer } {
  const own = deriveKeyPair(ephemeral);
  const der = { format: "der", type: "spki" } as const;
  const other = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), ...der });
  const shared = diffieHellman({ privateKey: own.privateKey, publicKey: other });
  const kemContext = Buffer.concat([own.publicKey, publicKey]);
  const eae = extract(KEM_SUITE, NONE, "eae_prk", shared);
  const secret = expand256(KEM_SUITE, eae, "shared_secret", kemContext);
  const hashes = [
    extract(HPKE_SUITE, NONE, "psk_id_hash", NONE),
    extract(HPKE_SUITE, NONE, "info_hash", info),
  ];
  const schedule = Buffer.concat([Buffer.of(0), ...hashes]);
  const exporter = extract(HPKE_SUITE, secret, "secret", NONE);
  const exporterSecret = expand256(HPKE_SUITE, exporter, "exp", schedule);
  const exported = expand256(HPKE_SUITE, exporterSecret, "sec", exporterContext);
  return { encapsulated: own.publicKey, exported };
}
