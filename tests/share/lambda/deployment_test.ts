/** What `crypto share-lambda` writes, by the compiled program. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { inflateRawSync } from "node:zlib";
import { bodyLength } from "../../../core/share/body.ts";
import { UPLOAD_HEADER } from "../../../core/share/wire.ts";
import { LARGEST_BODY } from "../../../share/aws/limits.ts";
import { lambdaConfig } from "../../../share/lambda/config.ts";
import { fails, Folder, prints } from "../../cli/support.ts";
import { LAMBDA_PYTHON } from "../../support/lambda.ts";
import { must, plainEnvironment } from "../../support/process.ts";
import { pythonWith } from "../../support/python.ts";
import { filesIn } from "../support.ts";
import { type Json, policyStatements, SAME, Template, Terraform } from "./templates.ts";

const NAMES = [
  "README.md",
  "main.tf",
  "page/icon.svg",
  "page/index.html",
  "page/page.css",
  "page/page.js",
  "page/worker.js",
  "policy.json",
  "share-lambda.zip",
  "template.yaml",
];
const MEGABYTE = 1_000_000;
const RESOURCES = [
  "arn:PARTITION:dynamodb:REGION:ACCOUNT:table/TABLE",
  "arn:PARTITION:s3:::BUCKET/share/*",
  "arn:PARTITION:logs:REGION:ACCOUNT:log-group:/aws/lambda/FUNCTION:*",
];
/** Its own script names the interpreter by a path that was another when it was installed. */
const LINT = "import sys; from cfnlint.runner import main; sys.exit(main())";

const PLACE: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_REGION: "eu-central-1",
  DYNAMODB_TABLE: "table",
  S3_BUCKET: "bucket",
  CRYPTO_SHARE_ORIGIN: "https://share.example",
};
const LARGE = { name: "large", size: 5_000_000_000, type: "application/octet-stream" };

const folder = new Folder();
Deno.test.afterAll(() => folder[Symbol.dispose]());
const printed = await prints(["share-lambda", "--output", folder.at("out")]);

function read(name: string): string {
  return Deno.readTextFileSync(folder.at(`out/${name}`));
}

Deno.test("the program alone writes all that is needed, the same each time", async () => {
  const env = { ...plainEnvironment(), TZ: "Asia/Tokyo" };
  await prints(["share-lambda", "-o", folder.at("again")], { cwd: "/", env });
  const [one, two] = ["out", "again"].map((name) => {
    const files = filesIn(folder.at(name)).sort();
    return files.map((path) => {
      const hash = createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
      return [path.slice(folder.at(name).length + 1), hash];
    });
  });
  assert.deepEqual(one?.map(([name]) => name), NAMES);
  assert.deepEqual(one, two);
});

Deno.test("the zip holds one script of less than a megabyte, whose hash is printed", () => {
  const zip = Deno.readFileSync(folder.at("out/share-lambda.zip"));
  const view = new DataView(zip.buffer);
  const end = zip.length - 22;
  assert.equal(view.getUint32(end, true), 0x06054b50);
  assert.equal(view.getUint16(end + 10, true), 1);
  const central = view.getUint32(end + 16, true);
  const [packed, size] = [20, 24].map((at) => view.getUint32(central + at, true));
  const nameLength = view.getUint16(central + 28, true);
  const name = new TextDecoder().decode(zip.subarray(central + 46, central + 46 + nameLength));
  const start = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  const script = inflateRawSync(zip.subarray(start, start + packed!));
  const hash = createHash("sha256").update(script).digest("hex");
  assert.deepEqual([name, script.length], ["index.mjs", size]);
  assert.ok(script.length < MEGABYTE, `${script.length} bytes`);
  assert.equal(view.getUint32(central + 38, true) >>> 16, 0o644);
  assert.equal(printed, `${hash}  index.mjs\n`);
  assert.ok(read("README.md").includes(`\`${hash}\``));
});

Deno.test("a directory with something in it is left as it is", async () => {
  Deno.mkdirSync(folder.at("full"));
  Deno.writeTextFileSync(folder.at("full/mine"), "mine");
  await fails("file_exists", ["share-lambda", "--output", folder.at("full")]);
  await fails("file_exists", ["share-lambda", "--output", folder.at("full/mine")]);
  assert.deepEqual(filesIn(folder.at("full")), [folder.at("full/mine")]);
  await fails("file_exists", ["share-lambda", "--output", folder.at("full/mine/in")]);
  const left = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
  assert.deepEqual(left.filter((name) => name.startsWith(".")), []);
  Deno.mkdirSync(folder.at("empty"));
  for (const name of ["empty", "not/there"]) {
    await prints(["share-lambda", "--output", folder.at(name)]);
  }
});

Deno.test("an empty directory stays the one that it is, with its mode and its owner", async () => {
  const path = folder.at("mine");
  Deno.mkdirSync(path);
  const owner = Deno.uid() === 0 ? 12_345 : Deno.uid()!;
  Deno.chownSync(path, owner, null);
  Deno.chmodSync(path, 0o2700);
  const stat = () => {
    const { ino, mode, uid, gid } = Deno.statSync(path);
    return { ino, mode, uid, gid };
  };
  const before = stat();
  await prints(["share-lambda", "--output", "."], { cwd: path });
  assert.deepEqual(stat(), before);
  const written = (name: string) =>
    filesIn(folder.at(name)).map((file) => {
      return file.slice(folder.at(name).length + 1);
    }).sort();
  assert.deepEqual(written("mine"), NAMES);
  assert.equal(Deno.statSync(`${path}/page`).mode! & 0o777, 0o755);
});

Deno.test("the page finds the API where --origin says, and nothing but an origin is one", async () => {
  const args = ["share-lambda", "--output", folder.at("elsewhere"), "--origin"];
  const wrong = [
    ...["http://share.example", "https://share.example/x", "share.example"],
    ...["https://*", "https://*.example", "https://a;b", "https://a'b"],
    'https://evil.example";alert(1)',
  ];
  for (const origin of wrong) await fails("usage", [...args, origin]);
  await prints([...args, "https://share.example"]);
  const html = Deno.readTextFileSync(folder.at("elsewhere/page/index.html"));
  assert.ok(html.includes('<meta name="share-api" content="https://share.example">'));
  const readme = Deno.readTextFileSync(folder.at("elsewhere/README.md"));
  assert.match(readme, /connect-src 'self' https:\/\/share\.example https:\/\/BUCKET\.s3\./);
  assert.ok(read("page/index.html").includes('<meta name="share-api" content="">'));
});

Deno.test("the policy allows eleven actions on one table, one prefix and one log", () => {
  const statements = policyStatements(JSON.parse(read("policy.json")));
  assert.deepEqual(statements.map(({ actions }) => (actions as readonly Json[]).length), [4, 5, 2]);
  for (const { effect, actions, resource } of statements) {
    assert.equal(effect, "Allow");
    for (const action of actions as readonly string[]) {
      assert.match(action, /^[a-z0-9]+:[A-Za-z]+$/);
    }
    assert.ok(RESOURCES.includes(resource), resource);
  }
});

const python = await pythonWith(...LAMBDA_PYTHON);
if (typeof python !== "string") {
  console.log(`SKIP: the CloudFormation and Terraform files: ${python.skip}`);
} else {
  Deno.test("CloudFormation's own checker has nothing to say", async () => {
    await must([`${python}/python`, "-c", LINT, folder.at("out/template.yaml")]);
  });

  const parsed = async () => {
    const script = fileURLToPath(new URL("templates.py", import.meta.url));
    const files = ["template.yaml", "main.tf"].map((name) => folder.at(`out/${name}`));
    const lines = (await must([`${python}/python`, script, ...files])).split("\n");
    const [first, second] = lines.slice(0, 2).map((line) => JSON.parse(line) as Json);
    return { template: new Template(first!), terraform: new Terraform(second!) };
  };

  Deno.test("CloudFormation, Terraform and the policy say the same", async () => {
    const { template, terraform } = await parsed();
    for (const [one, other] of SAME) {
      assert.deepEqual(terraform.at(other), template.at(one), one.join(" "));
    }
    for (const what of ["parameters", "policy", "variables"] as const) {
      assert.deepEqual(terraform[what], template[what]);
    }
    assert.deepEqual(template.policy, policyStatements(JSON.parse(read("policy.json"))));
    const days = Array.from({ length: 30 }, (_, i) => [`${i + 1}`, i + 2]);
    assert.deepEqual(template.lifetimes, days);
    const removal = ["rule", 0, "expiration", 0, "days"];
    const path = ["aws_s3_bucket_lifecycle_configuration", "bucket", ...removal];
    assert.equal(terraform.at(path), "${var.ttl_days + 1}");
    const source = read("main.tf");
    for (const [name, pattern] of template.patterns) {
      assert.ok(source.includes(`regex("${pattern}", var.${name})`), name);
    }
    // Of what is the same: that it is right.
    const cors = ["Api", "CorsConfiguration", "Fn::If", 1, "AllowHeaders"];
    assert.deepEqual(template.at(cors), ["content-type", UPLOAD_HEADER]);
    const blocks = Object.values(template.at(["Bucket", "PublicAccessBlockConfiguration"]) ?? {});
    assert.deepEqual(blocks, [true, true, true, true]);
  });

  Deno.test("what the templates take as a parameter, the function takes, too", async () => {
    const { template } = await parsed();
    const env = { ...template.environment, ...PLACE };
    const { allowed, clientBytes } = lambdaConfig((name) => env[name]);
    // A file of 5 GB, and what encryption adds to it.
    const size = bodyLength({ kind: "files", files: [LARGE] }, LARGE.size);
    assert.ok(size <= allowed.size && size + 512 <= clientBytes, `${size}`);
    assert.deepEqual([allowed.size, allowed.ttl], [LARGEST_BODY, 5 * 86_400]);
    const patterns = Object.fromEntries(template.patterns);
    for (const name of ["a.b", "A-b", "a", "-ab", "a_b"]) {
      assert.ok(!new RegExp(patterns.bucket_name!).test(name), name);
    }
    for (const origin of ["https://*", "https://*.example", "https://a;b", "https://a."]) {
      for (const name of ["origin", "page_origin"]) {
        assert.ok(!new RegExp(patterns[name]!).test(origin), origin);
      }
    }
  });
}
