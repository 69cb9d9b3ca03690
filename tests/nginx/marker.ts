/** Texts that are sent, and looked for afterwards in all that was written. */
import assert from "node:assert/strict";
import { exec } from "../support/process.ts";
import type { Machine } from "./machine.ts";

/** A text that is like what a link holds, and is nowhere else. */
export function newMarker(): string {
  return `MARK${crypto.randomUUID().replaceAll("-", "")}`;
}

/** Where a marker could have been left: all files of the machine that are not those of its release. */
export async function filesWith(machine: Machine, marker: string): Promise<string[]> {
  const options = ["--recursive", "--text", "--devices=skip", "--files-with-matches"];
  const command = ["grep", ...options, "--ignore-case", marker, machine.written];
  const { code, stdout, stderr } = await exec(command);
  assert.ok(code < 2, stderr);
  return new TextDecoder().decode(stdout).split("\n").filter((path) => path !== "");
}
