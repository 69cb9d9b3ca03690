/**
 * AWS's own DynamoDB Local and the S3 server versitygw, got from Maven's and Go's registries in
 * fixed versions, kept in the cache directory. DynamoDB Local listens on all addresses: it has a
 * network of its own, and is reached through a relay.
 */
import { fileURLToPath } from "node:url";
import { installed, NOT_ROOT } from "../cli/support.ts";
import { cached, type Skip } from "./cache.ts";
import { exec, plainEnvironment } from "./process.ts";
import { pass, relay } from "./relay.ts";
import { eventually } from "./wait.ts";

const DYNAMODB = { version: "3.3.1", jar: "DynamoDBLocal-3.3.1.jar" };
const DYNAMODB_SHA256 = "41a32e0a840a1fa375d7b3955e60d4b1db94c423ef9e14a43ee9b4cf9c2fb536";
const VERSITYGW = "github.com/versity/versitygw";
const VERSITYGW_VERSION = "v1.8.0";
/** Go's sum of the module's source, which is part of the program. */
const VERSITYGW_SUM = "h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=";
const FETCHING = 600_000;
const STARTING = 60_000;
const INNER_PORT = 8000;

/** Credentials that both services take. */
export const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "secretfortests" } as const;
export const REGION = "us-east-1";
/** Somebody of S3's whom only a bucket's policy gives rights; DynamoDB has tables of its own for it. */
const LIMITED = { access: "limited", secret: "secretfortests", role: "user" };

/** Both services, running. */
export interface AwsServices extends AsyncDisposable {
  /** Origin of DynamoDB. */
  readonly dynamodb: string;
  /** How DynamoDB is reached, for lines of the tests' own. */
  connect(): Promise<Deno.Conn>;
  /** Origin of S3. */
  readonly s3: string;
  /** Where S3 keeps its buckets, each a directory. */
  readonly buckets: string;
  /** Environment of programs that use both. */
  readonly env: Readonly<Record<string, string>>;
  /** The same for who is not the owner of the buckets. */
  readonly limited: Readonly<Record<string, string>>;
}

/** Starts both, or says why that can't be. */
export async function startAws(): Promise<AwsServices | Skip> {
  const skip = NOT_ROOT ?? await installed("java", "openjdk-17-jre-headless") ??
    await installed("mvn", "maven") ?? await installed("go", "golang-go") ??
    await installed("ip", "iproute2");
  if (skip !== undefined) return { skip };
  const dynamodb = await cached(`dynamodb-local-${DYNAMODB.version}`, getDynamodb);
  const versitygw = await cached(`versitygw-${VERSITYGW_VERSION}`, getVersitygw);
  if (typeof dynamodb !== "string") return dynamodb;
  if (typeof versitygw !== "string") return versitygw;
  return await start(dynamodb, `${versitygw}/versitygw`);
}

async function getDynamodb(directory: string): Promise<Skip | undefined> {
  const pom = fileURLToPath(new URL("dynamodb-local.pom.xml", import.meta.url));
  const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${directory}`];
  const problem = await fetched(["mvn", "-q", "-B", "--strict-checksums", "-f", pom, ...goal]);
  if (problem) return problem;
  const sum = await exec(["sha256sum", `${directory}/${DYNAMODB.jar}`]);
  const isIt = new TextDecoder().decode(sum.stdout).startsWith(DYNAMODB_SHA256);
  return isIt ? undefined : { skip: `${DYNAMODB.jar} is not what it was` };
}

async function getVersitygw(directory: string): Promise<Skip | undefined> {
  const source = `${VERSITYGW}/cmd/versitygw@${VERSITYGW_VERSION}`;
  const problem = await fetched(["go", "install", source], { GOBIN: directory });
  if (problem) return problem;
  const { stdout } = await exec(["go", "version", "-m", `${directory}/versitygw`]);
  const isIt = new TextDecoder().decode(stdout).includes(`${VERSITYGW_VERSION}\t${VERSITYGW_SUM}`);
  return isIt ? undefined : { skip: "versitygw is not what it was" };
}

/** Runs what gets something from a registry, with all of the environment: proxies stand there. */
async function fetched(command: readonly string[], more: Record<string, string> = {}) {
  const env = { ...Deno.env.toObject(), ...more };
  const { code, stderr } = await exec(command, { env, patience: FETCHING });
  const last = stderr.trim().split("\n").at(-1);
  return code === 0 ? undefined : { skip: `${command[0]} failed: ${last}` };
}

async function start(jars: string, versitygw: string): Promise<AwsServices> {
  const directory = await Deno.makeTempDir({ prefix: "cta-" });
  const buckets = `${directory}/buckets`;
  for (const name of ["buckets", "versions", "accounts"]) await Deno.mkdir(`${directory}/${name}`);
  const accounts = JSON.stringify({ accessAccounts: { [LIMITED.access]: LIMITED } });
  await Deno.writeTextFile(`${directory}/accounts/users.json`, accounts);
  const socket = `${directory}/dynamodb.sock`;
  const connect = () => Deno.connect({ transport: "unix" as const, path: socket });
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relaying = relay(listener, connect, pass).catch(() => {});
  const { port } = listener.addr;
  const children = [startDynamodb(jars, socket)];
  const s3 = await startVersitygw(versitygw, directory, children);
  const dynamodb = `http://127.0.0.1:${port}`;
  await eventually("DynamoDB Local answers", () => answers(dynamodb), STARTING);
  return {
    ...{ dynamodb, s3, buckets, connect },
    env: environment(dynamodb, s3),
    limited: {
      ...environment(dynamodb, s3),
      AWS_ACCESS_KEY_ID: LIMITED.access,
      AWS_SECRET_ACCESS_KEY: LIMITED.secret,
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await Promise.all(children.map(({ stdin }) => stdin.close()));
      await Promise.all([relaying, ...children.map(({ status }) => status)]);
      await Deno.remove(directory, { recursive: true });
    },
  };
}

function environment(dynamodb: string, s3: string): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_REGION: REGION,
    AWS_ENDPOINT_URL_DYNAMODB: dynamodb,
    AWS_ENDPOINT_URL_S3: s3,
  };
}

async function answers(origin: string): Promise<boolean> {
  try {
    const response = await fetch(origin);
    await response.body?.cancel();
    return true;
  } catch {
    return false;
  }
}

const IN_NAMESPACE = 'ip link set lo up && { java -cp "$1/*" ' +
  "software.amazon.dynamodb.services.local.main.ServerRunner -inMemory -disableTelemetry " +
  '-port "$2" & exec "$3" run --allow-all --no-config "$4" "$5" "$2"; }';

function startDynamodb(jars: string, socket: string): Deno.ChildProcess {
  const script = fileURLToPath(new URL("relay.ts", import.meta.url));
  const args = [jars, `${INNER_PORT}`, Deno.execPath(), script, socket];
  const alone = ["--net", "--pid", "--fork", "--kill-child=SIGKILL"];
  return new Deno.Command("unshare", {
    args: [...alone, "sh", "-ec", IN_NAMESPACE, "sh", ...args],
    cwd: jars,
    env: plainEnvironment(),
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Runs a program until it ends, or standard input does: with whoever started it. */
const UNTIL_END = 'exec 3<&0; "$0" "$@" & program=$!; ' +
  '{ cat <&3; kill -9 "$program"; } & wait "$program"';

/** Starts versitygw on a free port; on another, if somebody was quicker. */
async function startVersitygw(program: string, directory: string, children: Deno.ChildProcess[]) {
  const backend = ["posix", "--versioning-dir", `${directory}/versions`, `${directory}/buckets`];
  const options = ["--iam-dir", `${directory}/accounts`, ...backend];
  for (let tries = 1;; tries++) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const child = new Deno.Command("sh", {
      args: ["-c", UNTIL_END, program, "--port", `127.0.0.1:${port}`, ...options],
      env: {
        ...plainEnvironment(),
        ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId,
        ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey,
      },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
    }).spawn();
    children.push(child);
    let ended = false;
    void child.status.then(() => ended = true);
    const origin = `http://127.0.0.1:${port}`;
    await eventually("versitygw answers", async () => ended || await answers(origin), STARTING);
    if (!ended) return origin;
    if (tries === 3) throw new Error("versitygw does not start");
  }
}
