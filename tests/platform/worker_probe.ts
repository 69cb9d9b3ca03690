/** A program with one role, which does as it is asked, to try what crosses from a worker. */
import { CryptoError } from "../../core/errors.ts";
import { RoleWorker, runRole } from "../../platform/worker.ts";

type Ask = "echo" | "fail" | "bug" | "die" | "tell" | "read" | "run" | "run another";

const READABLE = "/etc/passwd";
const run = (path: string) => new Deno.Command(path).output().then(({ code }) => `${code}`);

const ACTS: Record<Exclude<Ask, "tell">, () => unknown> = {
  "echo": () => "echo",
  "fail": () => {
    throw new CryptoError("file_exists", { subject: "/a", hint: "b" });
  },
  "bug": () => {
    throw new TypeError("a bug");
  },
  "die": () => void setTimeout(() => Promise.reject(new Error("out of reach"))),
  "read": () => Deno.readTextFileSync(READABLE).length > 0,
  "run": () => run("/usr/bin/true"),
  "run another": () => run("/usr/bin/false"),
};

async function act(ask: Ask, tell: (event: string) => void): Promise<unknown> {
  if (ask === "tell") return ["one", "two"].forEach(tell);
  if (ask === "die") {
    ACTS.die();
    return await new Promise(() => {});
  }
  return await ACTS[ask]();
}

/** What came of each question, as text. */
async function main(): Promise<void> {
  const events: string[] = [];
  const role = await RoleWorker.start<Ask, unknown, string>({
    script: import.meta.url,
    name: "probe",
    permissions: { read: [READABLE, "/usr/bin/true"], run: ["/usr/bin/true", "/usr/bin/nothing"] },
    onEvent: (event) => events.push(event),
  });
  const outcome = (ask: Ask) => role.ask(ask).then(String, describe);
  const asked: Ask[] = ["echo", "tell", "fail", "bug", "read", "run", "run another"];
  const results = await Promise.all(asked.map(outcome));
  const own = await Promise.resolve().then(() => Deno.readTextFileSync(READABLE)).catch(describe);
  const died = await outcome("die");
  const outcomes = Object.fromEntries(asked.map((ask, i) => [ask, results[i]]));
  console.log(JSON.stringify({ ...outcomes, events, own, died }));
  role.terminate();
}

function describe(error: unknown): string {
  if (!(error instanceof CryptoError)) return (error as Error).name;
  const { code, subject, hint, cause } = error;
  const frame = /at \w+/.exec(String(cause))?.[0];
  return [code, subject, hint, frame].filter(Boolean).join("|");
}

if (globalThis.name === "probe") runRole(act);
else await main();
