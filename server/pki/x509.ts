/** Making certificates and lists of revoked ones (RFC 5280) with keys for ECDSA on P-256. */
import { Integer, OctetString, Utf8String } from "asn1js";
import {
  AttributeTypeAndValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  CertificateRevocationList,
  Extension,
  Extensions,
  ExtKeyUsage,
  GeneralName,
  GeneralNames,
  GeneralSubtree,
  NameConstraints,
  RevokedCertificate,
  Time,
} from "pkijs";
import { type Bytes, randomBytes } from "../../core/bytes.ts";

const ECDSA = { name: "ECDSA", namedCurve: "P-256" } as const;
const HASH = "SHA-256";
const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  crlNumber: "2.5.29.20",
  nameConstraints: "2.5.29.30",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  clientAuth: "1.3.6.1.5.5.7.3.2",
} as const;
/** Bits of the key usage, from the first one on. */
const Usage = { SIGN: 0x80, SIGN_CERTIFICATES_AND_LISTS: 0x06 } as const;
const SERIAL_LENGTH = 16;
const KEY_ID_LENGTH = 20;
/** Clocks differ: what is made now is good on a machine that is a little behind. */
const CLOCK_SKEW = 300_000;
const GENERALIZED_FROM = 2050;

/** A name that a certificate is for. */
export type AltName =
  | { readonly kind: "DNS" | "URI"; readonly value: string }
  /** 4 or 16 bytes. */
  | { readonly kind: "IP"; readonly value: Bytes };

/** A certificate and its key. */
export interface Issued {
  /** In hexadecimal. */
  readonly serial: string;
  readonly certificate: Bytes;
  /** PKCS #8. */
  readonly key: Bytes;
}

/** How an authority is made. */
export interface AuthorityOptions {
  readonly name: string;
  readonly expires: Date;
  /** Domains that its certificates may be for, with what is below; if there are none, any. */
  readonly domains: readonly string[];
}

/** How a certificate is issued. */
export interface IssueOptions {
  readonly name: string;
  readonly expires: Date;
  readonly names: readonly AltName[];
  readonly purpose: "client" | "server";
}

/** Makes a self-signed authority that makes no others. */
export async function createAuthority(options: AuthorityOptions): Promise<Issued> {
  const pair = await newPair();
  const keyId = await keyIdOf(pair.publicKey);
  const limits = options.domains.length > 0 ? [constraints(options.domains)] : [];
  return await sign({ ...options, issuer: options.name }, pair, pair.privateKey, [
    extension(OID.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
    usage(Usage.SIGN_CERTIFICATES_AND_LISTS, 1),
    raw(OID.subjectKeyIdentifier, false, new OctetString({ valueHex: keyId })),
    ...limits,
  ]);
}

/** An authority, opened: what it signs with and as whom. */
export class Signer {
  private constructor(
    private readonly certificate: Certificate,
    private readonly key: CryptoKey,
    private readonly keyId: ArrayBuffer,
  ) {}

  /** @param key PKCS #8 */
  static async open(certificate: Bytes, key: Bytes): Promise<Signer> {
    const own = Certificate.fromBER(certificate.buffer);
    const secret = await crypto.subtle.importKey("pkcs8", key, ECDSA, false, ["sign"]);
    return new Signer(own, secret, await keyIdOf(await own.getPublicKey()));
  }

  /** Until when the authority itself is good. */
  get expires(): Date {
    return this.certificate.notAfter.value;
  }

  /** Issues a certificate for one purpose, and makes its key. */
  async issue({ name, expires, names, purpose }: IssueOptions): Promise<Issued> {
    const pair = await newPair();
    const extended = new ExtKeyUsage({
      keyPurposes: [purpose === "server" ? OID.serverAuth : OID.clientAuth],
    });
    const about = { name, expires, issuer: commonNameOf(this.certificate) };
    return await sign(about, pair, this.key, [
      extension(OID.basicConstraints, true, new BasicConstraints()),
      usage(Usage.SIGN, 7),
      extension(OID.extendedKeyUsage, false, extended),
      extension(OID.subjectAltName, false, new GeneralNames({ names: names.map(generalName) })),
      raw(
        OID.subjectKeyIdentifier,
        false,
        new OctetString({ valueHex: await keyIdOf(pair.publicKey) }),
      ),
      this.#issuerId(),
    ]);
  }

  /**
   * Makes the list of what was revoked, good as long as the authority is.
   * @param number greater than that of every list before
   */
  async list(revoked: readonly { serial: string; when: Date }[], number: number): Promise<Bytes> {
    const list = new CertificateRevocationList();
    list.version = 1;
    list.issuer = this.certificate.subject;
    list.thisUpdate = time(new Date(Date.now() - CLOCK_SKEW));
    list.nextUpdate = time(this.expires);
    if (revoked.length > 0) {
      list.revokedCertificates = revoked.map(({ serial, when }) => {
        const userCertificate = new Integer({ valueHex: Uint8Array.fromHex(serial).buffer });
        return new RevokedCertificate({ userCertificate, revocationDate: time(when) });
      });
    }
    const counted = raw(OID.crlNumber, false, new Integer({ value: number }));
    list.crlExtensions = new Extensions({ extensions: [this.#issuerId(), counted] });
    await list.sign(this.key, HASH);
    return new Uint8Array(list.toSchema(true).toBER());
  }

  #issuerId(): Extension {
    const keyIdentifier = new OctetString({ valueHex: this.keyId });
    return extension(
      OID.authorityKeyIdentifier,
      false,
      new AuthorityKeyIdentifier({ keyIdentifier }),
    );
  }
}

async function newPair(): Promise<CryptoKeyPair> {
  return await crypto.subtle.generateKey(ECDSA, true, ["sign", "verify"]);
}

async function sign(
  { name, issuer, expires }: {
    readonly name: string;
    readonly issuer: string;
    readonly expires: Date;
  },
  { publicKey, privateKey }: CryptoKeyPair,
  signer: CryptoKey,
  extensions: Extension[],
): Promise<Issued> {
  const serial = newSerial();
  const certificate = new Certificate();
  certificate.version = 2;
  certificate.serialNumber = new Integer({ valueHex: serial.buffer });
  certificate.issuer.typesAndValues.push(commonName(issuer));
  certificate.subject.typesAndValues.push(commonName(name));
  certificate.notBefore = time(new Date(Date.now() - CLOCK_SKEW));
  certificate.notAfter = time(expires);
  certificate.extensions = extensions;
  await certificate.subjectPublicKeyInfo.importKey(publicKey);
  await certificate.sign(signer, HASH);
  const key = new Uint8Array(await crypto.subtle.exportKey("pkcs8", privateKey));
  return {
    serial: serial.toHex(),
    certificate: new Uint8Array(certificate.toSchema(true).toBER()),
    key,
  };
}

/** Random, positive, and of one length: its first bits are 01. */
function newSerial(): Bytes {
  const serial = randomBytes(SERIAL_LENGTH);
  serial[0] = serial[0]! & 0x3f | 0x40;
  return serial;
}

/** The first 160 bits of the SHA-256 of a public key (RFC 7093). */
async function keyIdOf(publicKey: CryptoKey): Promise<ArrayBuffer> {
  const point = await crypto.subtle.exportKey("raw", publicKey);
  return (await crypto.subtle.digest(HASH, point)).slice(0, KEY_ID_LENGTH);
}

function commonName(value: string): AttributeTypeAndValue {
  return new AttributeTypeAndValue({ type: OID.commonName, value: new Utf8String({ value }) });
}

function commonNameOf({ subject }: Certificate): string {
  return String(subject.typesAndValues[0]?.value.valueBlock.value);
}

function time(value: Date): Time {
  const whole = new Date(Math.floor(value.getTime() / 1000) * 1000);
  return new Time({ type: value.getUTCFullYear() < GENERALIZED_FROM ? 0 : 1, value: whole });
}

/** @param unused bits at the end */
function usage(bits: number, unused: number): Extension {
  // A BIT STRING: tag, length, unused bits, bits.
  const value = new Uint8Array([0x03, 0x02, unused, bits]).buffer;
  return new Extension({ extnID: OID.keyUsage, critical: true, extnValue: value });
}

interface Encodable {
  toSchema(): { toBER(): ArrayBuffer };
}

function extension(extnID: string, critical: boolean, value: Encodable): Extension {
  return new Extension({ extnID, critical, extnValue: value.toSchema().toBER() });
}

function raw(extnID: string, critical: boolean, value: { toBER(): ArrayBuffer }): Extension {
  return new Extension({ extnID, critical, extnValue: value.toBER() });
}

const TYPES = { DNS: 2, URI: 6 } as const;

function generalName({ kind, value }: AltName): GeneralName {
  if (kind !== "IP") return new GeneralName({ type: TYPES[kind], value });
  return new GeneralName({ type: 7, value: new OctetString({ valueHex: value.buffer }) });
}

/** A domain and what is below it, for names and for the hosts of URIs; and no address. */
function constraints(domains: readonly string[]): Extension {
  const subtree = (kind: "DNS" | "URI", value: string) => {
    return new GeneralSubtree({ base: generalName({ kind, value }) });
  };
  const permittedSubtrees = domains.flatMap((domain) => [
    subtree("DNS", domain),
    subtree("URI", domain),
    subtree("URI", `.${domain}`),
  ]);
  // An address and its mask, all of zeros: every address of that family.
  const excludedSubtrees = [8, 32].map((length) => {
    return new GeneralSubtree({ base: generalName({ kind: "IP", value: new Uint8Array(length) }) });
  });
  const limits = new NameConstraints({ permittedSubtrees, excludedSubtrees });
  return extension(OID.nameConstraints, true, limits);
}
