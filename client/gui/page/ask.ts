/** Asking the server of this window. */
import type { Moved } from "../../../core/page/form.ts";
import type { FileJob, Questions, Results, SendJob, Sent } from "../wire.ts";
import { sessionHeaders } from "./session.ts";

/** Why something was not done: the code of an error. */
export class Failed extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** Asks. @throws {Failed} */
export async function ask<Q extends keyof Questions>(
  what: Q,
  question: Questions[Q],
): Promise<Results[Q]> {
  return await post(`/${what}`, JSON.stringify(question)) as Results[Q];
}

async function post(path: string, body?: BodyInit): Promise<unknown> {
  const headers = sessionHeaders();
  const options = { method: "POST", headers, ...body === undefined ? {} : { body } };
  const response = await fetch(path, options).catch(() => undefined);
  return resultOf(response?.ok, await response?.json().catch(() => undefined));
}

function resultOf(isFine: boolean | undefined, json: unknown): unknown {
  if (isFine && json !== undefined) return json;
  throw new Failed((json as { readonly error?: string } | undefined)?.error ?? "closed");
}

/**
 * Sends bytes, of which a browser reads those of files from the disk as they go. Only the older of
 * its two ways to ask tells how far it is.
 */
function upload(path: string, body: Blob, onMoved: (moved: Moved) => void): Promise<unknown> {
  const request = new XMLHttpRequest();
  request.open("POST", path);
  request.responseType = "json";
  for (const [name, value] of Object.entries(sessionHeaders())) {
    request.setRequestHeader(name, value);
  }
  request.upload.onprogress = ({ loaded, total }) => onMoved({ done: loaded, total });
  return new Promise((resolve, reject) => {
    request.onloadend = () => {
      try {
        resolve(resultOf(request.status === 200, request.response));
      } catch (error) {
        reject(error);
      }
    };
    request.send(body);
  });
}

/** Takes a file through: what comes out is saved by the browser as it comes. @throws {Failed} */
export async function passFile(
  job: FileJob,
  file: File,
  onMoved: (moved: Moved) => void,
): Promise<void> {
  const { id } = await ask("job", job);
  const begun = () => post(`/begun/${id}`);
  const passed = upload(`/input/${id}`, file, onMoved).catch(async (error) => {
    // Why it failed can be lost with what the browser still sends, but asked for.
    await begun();
    throw error;
  });
  await Promise.all([passed, begun().then(() => save(`/output/${id}`, job.name))]);
}

function save(href: string, name: string): void {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
}

/** Sends as a link. @throws {Failed} */
export async function sendBytes(
  job: SendJob,
  bytes: Blob,
  onMoved: (moved: Moved) => void,
): Promise<Sent> {
  const { id } = await ask("job", job);
  return await upload(`/input/${id}`, bytes, onMoved) as Sent;
}

/** Lets the server know that this page is open, until it is closed or the server ends. */
export async function stayOpen(): Promise<void> {
  const options = { method: "POST", headers: sessionHeaders() };
  const reader = (await fetch("/life", options)).body!.getReader();
  while (!(await reader.read()).done);
}
