/** Everything that deploys the service on AWS, as files: a function of what is asked alone. */
import { createHash } from "node:crypto";
import { zipSync } from "fflate";
import { type Bytes, utf8 } from "../../core/bytes.ts";
import {
  HSTS_HEADER,
  type PagePlace,
  pagePolicy,
  SECURITY_HEADERS,
} from "../../core/share/headers.ts";
import { pageFiles } from "../page.ts";
import readme from "./deploy/README.md" with { type: "text" };
import terraform from "./deploy/main.tf" with { type: "text" };
import policy from "./deploy/policy.json" with { type: "text" };
import template from "./deploy/template.yaml" with { type: "text" };

/** Files by their paths, and the SHA-256 of the function's one script, in hexadecimal. */
export interface Deployment {
  readonly files: ReadonlyMap<string, Bytes>;
  readonly hash: string;
}

/** The earliest time that a zip can hold, in every time zone. */
const TIME = new Date(1980, 0, 1);
const UNIX = 3;
/** Everybody may read it: Lambda runs it as a user of its own. */
const READABLE = 0o644 << 16;
/** Stands for the bucket, whose name nobody knows yet. */
const BUCKET = "https://BUCKET.s3.REGION.amazonaws.com";

/** @param api where the page finds the API; absent: where the page itself is */
export async function deployment(api: string | undefined): Promise<Deployment> {
  // Made when the program is compiled; nothing else of the sources needs it to be there.
  const { default: bundle } = await import("../assets/lambda.mjs", { with: { type: "bytes" } });
  const hash = createHash("sha256").update(bundle).digest("hex");
  const place = { origin: "", api, storage: BUCKET };
  const words = {
    hash,
    key: `share-lambda-${hash.slice(0, 16)}.zip`,
    headers: headersFor(place),
  };
  const texts = {
    "README.md": fill(readme, words),
    "main.tf": terraform,
    "policy.json": policy,
    "template.yaml": template,
    ...within("page/", pageFiles(place)),
  };
  const files = Object.entries(texts).map(([name, text]) => [name, utf8(text)] as const);
  return { files: new Map([...files, ["share-lambda.zip", zipped(bundle)]]), hash };
}

/** All that a server of the page sends, as the function does, in lines of their own. */
function headersFor(place: PagePlace): string {
  const headers = {
    ...SECURITY_HEADERS,
    ...HSTS_HEADER,
    "content-security-policy": pagePolicy(place),
  };
  return Object.entries(headers).map(([name, value]) => `      ${name}: ${value}`).join("\n");
}

function zipped(script: Bytes): Bytes {
  const options = { level: 9, mtime: TIME, os: UNIX, attrs: READABLE } as const;
  return new Uint8Array(zipSync({ "index.mjs": [script, options] }));
}

function within(folder: string, files: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [folder + name, text]));
}

function fill(text: string, words: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\{\{(\w+)\}\}/g, (_, word) => words[word] ?? "");
}
