/** The page over a store on AWS: large bodies go between the browser and the bucket, by its CORS. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { PutBucketCorsCommand } from "@aws-sdk/client-s3";
import { sameBytes, sample } from "../../cli/support.ts";
import { startAws } from "../../support/aws.ts";
import { linuxTest } from "../../support/linux.ts";
import { startOnAws } from "../aws/attacks.ts";
import { OnAws } from "../aws/support.ts";
import { endsWithTests, Visit } from "./support.ts";

/** In one request to the bucket, and in two parts. */
const SIZES = [300_000, 5_300_000];

endsWithTests();
const services = await startAws();
if ("skip" in services) {
  console.log(`SKIP: the page over a store on AWS: ${services.skip}`);
} else {
  Deno.test.afterAll(async () => await services[Symbol.asyncDispose]());
  const name = "a browser sends large files past the server, and gets them so";
  await linuxTest(name, ["chromium"], async () => {
    await using subject = await OnAws.open(services);
    await using server = await startOnAws(subject);
    await allow(subject, server.url);
    const visit = await Visit.start({});
    try {
      for (const size of SIZES) await sendsAndOpens(visit, server.url, size);
      assert.deepEqual(visit.faults, []);
    } finally {
      await visit.context.close();
    }
    const asked = visit.asked.filter(({ url }) => !url.startsWith("blob:"));
    const origins = new Set(asked.map(({ url }) => new URL(url).origin));
    assert.deepEqual(origins, new Set([server.url, services.s3]));
    const toBucket = asked.filter(({ url }) => url.startsWith(services.s3));
    assert.ok(toBucket.length >= 5, "three parts, and a request for each of both");
  }, { sanitizeOps: false, sanitizeResources: false });
}

/** As the templates of `crypto share-lambda` have it. */
async function allow({ clients: { s3 }, name: Bucket }: OnAws, origin: string): Promise<void> {
  const rule = {
    AllowedOrigins: [origin],
    AllowedMethods: ["GET", "PUT"],
    AllowedHeaders: ["if-none-match", "range"],
  };
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
}

/** Sends in the page, which opens it again. */
async function sendsAndOpens(visit: Visit, url: string, size: number): Promise<void> {
  const { page } = visit;
  const content = sample(size);
  await page.goto(`${url}/#send`);
  await page.getByLabel("Files", { exact: true }).check();
  const file = { name: "large.bin", mimeType: "application/pdf", buffer: Buffer.from(content) };
  await page.getByLabel("Choose files").setInputFiles(file);
  const { link } = await visit.submit();
  await page.goto("about:blank");
  await page.goto(link);
  await visit.press("Open it");
  await visit.reads("The files");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    visit.press("Save large.bin"),
  ]);
  sameBytes(await Deno.readFile(await download.path()), content);
}
