/**
 * Refusals at even times. A store across a network takes longer to refuse what is there than what
 * is not: somebody with an address alone could tell the two apart, and states from each other. So
 * who shows no proof is refused at a multiple of a fixed time only.
 *
 * What remains is a store that takes longer than that time now and then: how often tells a little,
 * far less than the time itself did.
 */
import { setImmediate } from "node:timers";
import { CryptoError } from "../core/errors.ts";

/** In milliseconds; DynamoDB seldom takes so long. */
export const EVEN_TIME = 25;
/**
 * Timers end at whole milliseconds since they were set, up to two too late: what the store took
 * would show in the fraction. The last milliseconds pass in turns of the event loop.
 */
const TURNS = 2;

/**
 * Does something whose refusal is to tell nothing.
 * @param act what begins when all of the request is there: who sends it slowly moves no boundary
 */
export async function refuseEvenly<T>(act: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await act();
  } catch (error) {
    const tells = error instanceof CryptoError && error.code === "share_unavailable";
    if (tells) await until(began + evenTime(performance.now() - began));
    throw error;
  }
}

/** The time, in milliseconds since it was asked, at which a refusal that took so long is answered. */
export function evenTime(taken: number): number {
  return Math.max(1, Math.ceil(taken / EVEN_TIME)) * EVEN_TIME;
}

async function until(end: number): Promise<void> {
  const whole = Math.floor(end - performance.now()) - TURNS;
  if (whole > 0) await new Promise((resolve) => setTimeout(resolve, whole));
  while (performance.now() < end) await new Promise<void>((resolve) => setImmediate(resolve));
}
