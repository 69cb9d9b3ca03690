/** Whether this machine's clock is AWS's: signatures, lifetimes and addresses of a minute need it. */
import { CryptoError } from "../../core/errors.ts";
import { judged, unchecked } from "./check.ts";
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

/** Examines it by a service's. @throws {CryptoError} `share_unreachable` */
export async function* examineClock(origin: string): AsyncGenerator<Finding> {
  const check = `clock: ${new URL(origin).host}`;
  const times = await timesOf(origin);
  if (Number.isNaN(times.told)) yield unchecked(check, "without a time");
  else yield* judged(check, "this machine's agrees", judgeClock(times));
}

/** Asks a service for the time, which it says whatever it answers. */
async function timesOf(origin: string): Promise<Times> {
  const asked = Date.now();
  try {
    const response = await fetch(origin, { signal: AbortSignal.timeout(PATIENCE) });
    const answered = Date.now();
    await response.body?.cancel();
    return { told: Date.parse(response.headers.get("date") ?? ""), asked, answered };
  } catch (cause) {
    const hint = "look at AWS_REGION, the endpoint and the network";
    throw new CryptoError("share_unreachable", { subject: origin, hint, cause });
  }
}
