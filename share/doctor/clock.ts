/** Whether this machine's clock is AWS's: signatures, lifetimes and addresses of a minute need it. */
import { judged, unreached } from "./check.ts";
import { type Finding, type Problem, warning, wrong } from "./finding.ts";

/** The header tells whole seconds. */
const ROUNDING = 1_000;
const NOTICEABLE = 5_000;
const HARMFUL = 30_000;
const PATIENCE = 10_000;

/** What a service says the time is, and when it was asked and answered: milliseconds since 1970. */
export interface Times {
  readonly told: number;
  readonly asked: number;
  readonly answered: number;
}

/** How far the clock is wrong, in milliseconds, at least. Negative: it is behind. */
export function skewOf({ told, asked, answered }: Times): number {
  if (asked > told + ROUNDING) return asked - told - ROUNDING;
  return Math.min(0, answered - told);
}

/** That the clock is right. */
export function judgeClock(times: Times): Problem[] {
  const skew = skewOf(times);
  const seconds = Math.round(Math.abs(skew) / 1000);
  if (Math.abs(skew) < NOTICEABLE) return [];
  const what = `it is ${seconds} seconds ${skew > 0 ? "ahead" : "behind"}`;
  return [(Math.abs(skew) < HARMFUL ? warning : wrong)(what, "timedatectl set-ntp true")];
}

/** Examines it by a service's. @returns whether that can be reached */
export async function* examineClock(origin: string): AsyncGenerator<Finding, boolean> {
  const check = `clock: ${new URL(origin).host}`;
  try {
    const times = await timesOf(origin);
    if (Number.isNaN(times.told)) {
      const remedy = "see that the address is that of the service itself";
      yield { check, severity: "unknown", what: "the answer tells no time", remedy };
    } else yield* judged(check, "this machine's agrees", judgeClock(times));
    return true;
  } catch {
    const [what, remedy] = unreached(`no answer from ${origin}`);
    yield { check, severity: "unknown", what, remedy };
    return false;
  }
}

/** Asks a service for the time, which it says whatever it answers. */
async function timesOf(origin: string): Promise<Times> {
  const asked = Date.now();
  const response = await fetch(origin, { signal: AbortSignal.timeout(PATIENCE) });
  const answered = Date.now();
  await response.body?.cancel();
  return { told: Date.parse(response.headers.get("date") ?? ""), asked, answered };
}
