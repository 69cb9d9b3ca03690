/** The window's page in a real Chromium: what goes in, what comes out, and who else is there. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { BrowserContextOptions, Download } from "playwright-core";
import { crypto, Folder, prints, sameBytes, sample, succeeds } from "../../cli/support.ts";
import { browserTest, closeBrowser, newContext, WatchedPage } from "../../support/browser.ts";
import { startDaemon } from "../../support/daemon.ts";
import { startShareServer } from "../../support/share.ts";
import { type GuiWindow, openPage, startWindow } from "./support.ts";

const daemon = await startDaemon();
const share = await startShareServer();
const env = { ...daemon.env, CRYPTO_SHARE_SERVER: share.origin };
await succeeds(["key", "create", "invoices"], { env });
await succeeds(["key", "rotate", "invoices"], { env });
await succeeds(["key", "create", "stamps", "--purpose", "mac"], { env });
Deno.test.afterAll(async () => {
  await closeBrowser();
  await share[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** A test with a page, which asks its own server alone and keeps to its policy. */
function windowTest(
  name: string,
  act: (visit: WatchedPage, gui: GuiWindow) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  return browserTest(name, async () => {
    await using gui = await startWindow({ env });
    const visit = await openPage(gui, options);
    try {
      await act(visit, gui);
      const own = [`${gui.origin}/`, `file://${gui.handoff}`];
      const elsewhere = visit.asked.filter(({ url }) =>
        !own.some((start) => url.startsWith(start))
      );
      assert.deepEqual(elsewhere, []);
      assert.ok(visit.asked.every(({ url }) => !url.includes(gui.token)));
      assert.deepEqual(visit.faults, []);
    } finally {
      await visit.context.close();
    }
  });
}

/** What a browser saved. */
async function saved(download: Download): Promise<Uint8Array<ArrayBuffer>> {
  return Deno.readFileSync(await download.path());
}

/** Puts files into the form and presses its button. */
async function pass(visit: WatchedPage, way: "Encrypt" | "Decrypt", path: string) {
  const { page } = visit;
  await page.getByRole("link", { name: way, exact: true }).click();
  await visit.reads(way);
  await page.locator(".segments input").nth(1).check();
  await page.locator("input[type=file]").setInputFiles(path);
  const download = page.waitForEvent("download");
  await visit.press(way);
  return await download;
}

await windowTest(
  "a text is encrypted for the command line, and one from there is read",
  async (visit) => {
    const { page } = visit;
    await page.getByLabel("Your text").fill("grüße\n<b>");
    const key = page.getByLabel("Key", { exact: true });
    await key.selectOption("invoices");
    assert.deepEqual(await key.locator("option").allTextContents(), [
      "The default key",
      "default, version 1",
      "invoices, version 2",
    ]);
    await page.getByText("Bind it to a context").click();
    await page.getByLabel("Context", { exact: true }).fill("customer/42");
    await visit.press("Encrypt");
    await visit.reads("The message");
    const message = await page.locator("pre").textContent();
    await visit.press("Copy: The message");
    await page.getByRole("button", { name: "Copy: The message" }).getByText("Copied").waitFor();
    assert.equal(await page.evaluate("navigator.clipboard.readText()"), message);
    const options = { env, stdin: message! };
    const flags = ["--key", "invoices", "--context", "customer/42"];
    assert.equal(await prints(["decrypt", ...flags], options), "grüße\n<b>");
    const stdin = "from the command line";
    const line = await prints(["encrypt", "--armor"], { env, stdin });
    await page.getByRole("link", { name: "Decrypt" }).click();
    await visit.reads("Decrypt");
    await page.getByLabel("The message").fill(line);
    await visit.press("Decrypt");
    await visit.reads("The text");
    assert.equal(await page.locator("pre").textContent(), stdin);
    await page.getByRole("link", { name: "History" }).click();
    const rows = await page.locator("tbody tr").allTextContents();
    assert.match(rows[0]!, /Decrypted.*Text/);
    assert.match(rows[1]!, /Encrypted \(invoices\)Text, 11 bytes$/);
    assert.ok(!(await page.locator("body").textContent())!.includes("grüße"));
  },
);

await windowTest("files come in by button, drop and paste, and go to the disk", async (visit) => {
  const { page } = visit;
  using folder = new Folder();
  const path = folder.write("a b.bin", sample(5_000_000));
  const encrypted = await pass(visit, "Encrypt", path);
  assert.equal(encrypted.suggestedFilename(), "a b.bin.crypto");
  folder.write("back.crypto", await saved(encrypted));
  await succeeds(["decrypt", "--quiet", "back.crypto"], { env, cwd: folder.path });
  sameBytes(folder.read("back"), sample(5_000_000));
  const decrypted = await pass(visit, "Decrypt", folder.at("back.crypto"));
  assert.equal(decrypted.suggestedFilename(), "back");
  sameBytes(await saved(decrypted), sample(5_000_000));
  await visit.reads("Decrypted");
  await page.getByRole("link", { name: "Encrypt", exact: true }).click();
  await visit.reads("Encrypt");
  await page.evaluate(`{
    const transfer = (name) => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], name));
      return data;
    };
    const dropped = { bubbles: true, cancelable: true, dataTransfer: transfer("dropped.txt") };
    document.body.dispatchEvent(new DragEvent("drop", dropped));
    const pasted = { bubbles: true, cancelable: true, clipboardData: transfer("pasted.png") };
    document.body.dispatchEvent(new ClipboardEvent("paste", pasted));
  }`);
  assert.deepEqual(await page.locator(".files .name").allTextContents(), [
    "dropped.txt",
    "pasted.png",
  ]);
  const names: string[] = [];
  page.on("download", (download) => names.push(download.suggestedFilename()));
  await visit.press("Encrypt");
  await visit.reads("Encrypted");
  assert.deepEqual(names, ["dropped.txt.crypto", "pasted.png.crypto"]);
  // No size: that of what went in is not that of what was made.
  assert.deepEqual(await page.locator(".files li").allTextContents(), names);
});

await windowTest("what was changed or cut is no file, and the page says so", async (visit) => {
  const { page } = visit;
  using folder = new Folder();
  folder.write("whole", sample(9_000_000));
  await succeeds(["encrypt", "--quiet", "whole"], { env, cwd: folder.path });
  const whole = folder.read("whole.crypto");
  const cut = folder.write("cut.crypto", whole.subarray(0, 8_000_000));
  const begun = await pass(visit, "Decrypt", cut);
  assert.notEqual(await begun.failure(), null);
  await page.getByRole("alert").getByText("It could not be decrypted").waitFor();
  let downloads = 0;
  page.on("download", () => downloads++);
  const changed = whole.map((byte, i) => i === 60 ? byte ^ 1 : byte);
  await page.locator("input[type=file]").setInputFiles(folder.write("changed.crypto", changed));
  await visit.press("Remove cut.crypto");
  await visit.press("Decrypt");
  await page.getByRole("alert").getByText("It could not be decrypted").waitFor();
  assert.equal(downloads, 0);
});

await windowTest(
  "keys are shown with their versions and what these do",
  async (visit) => {
    const { page } = visit;
    await page.getByRole("link", { name: "Keys" }).click();
    await page.locator("table").nth(1).waitFor();
    assert.deepEqual(await page.locator("h2").allTextContents(), ["default", "invoices", "stamps"]);
    const table = page.getByRole("table").nth(1);
    assert.deepEqual(await table.locator("tbody td:first-child").allTextContents(), ["2", "1"]);
    const states = await table.locator("td:nth-child(2)").allTextContents();
    assert.deepEqual(states, ["Encrypts", "Decrypts"]);
    const [, { versions }] = JSON.parse(await prints(["key", "list", "--json"], { env }));
    const ids = versions.map(({ id }: { readonly id: string }) => id).reverse();
    assert.deepEqual(await table.locator("code").allTextContents(), ids);
  },
);

await windowTest(
  "a text and files are sent as links, which the command line opens",
  async (visit) => {
    const { page } = visit;
    using folder = new Folder();
    const send = async () => {
      await visit.press("Make the link");
      await visit.reads("The link is ready");
      return await visit.value("Link");
    };
    await page.getByRole("link", { name: "Send" }).click();
    await page.getByText(share.origin).waitFor();
    await page.getByLabel("Your text").fill("a secret, späte");
    const link = await send();
    assert.equal(await prints(["share", "open", link], { env }), "a secret, späte");
    const receipt = await visit.value("Receipt, for you alone");
    assert.match(await prints(["share", "status", receipt], { env }), /opened/);
    await visit.press("Something else");
    await page.locator(".segments input").nth(1).check();
    const large = { name: "b.bin", mimeType: "", buffer: Buffer.from(sample(700_000)) };
    const small = { name: "a.txt", mimeType: "text/plain", buffer: Buffer.from("short") };
    await page.locator("input[type=file]").setInputFiles([small, large]);
    await page.getByLabel("The link and a code of four words").check();
    const second = await send();
    const code = folder.write("code", await visit.value("Code"));
    const args = ["--output", folder.path, "--passphrase-file", code, second];
    assert.equal((await crypto(["share", "open", ...args], { env })).code, 0);
    assert.deepEqual(new TextDecoder().decode(folder.read("a.txt")), "short");
    sameBytes(folder.read("b.bin"), sample(700_000));
  },
);

await windowTest(
  "loaded again, the page goes on; a copy of its address is nothing",
  async (visit, gui) => {
    const { page } = visit;
    await page.reload();
    await page.getByLabel("Your text").fill("again");
    await visit.press("Encrypt");
    await visit.reads("The message");
    assert.equal(page.url(), `${gui.origin}/`);
    const other = new WatchedPage(...await newTab());
    await other.page.goto(page.url());
    await other.reads("This window is closed");
    await other.page.goto("about:blank");
    await other.page.setContent(
      `<form method="post" action="${gui.origin}/open"><input name="token" value="${gui.token}">` +
        "</form>",
    );
    await other.page.evaluate("document.forms[0].submit()");
    await other.page.waitForURL(/127/);
    await other.reads("This window is closed");
    await other.context.close();
  },
);

/** A tab of another browser. */
async function newTab() {
  const context = await newContext({});
  return [context, await context.newPage()] as const;
}

await windowTest(
  "no page of another port, to which browsers send the cookie, is answered",
  async (visit, gui) => {
    const { origin } = gui;
    let cookies = "";
    const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
    const attacker = Deno.serve(options, (request) => {
      cookies += request.headers.get("cookie") ?? "";
      return new Response("<!doctype html><title>x</title>", {
        headers: { "content-type": "text/html" },
      });
    });
    const page = await visit.context.newPage();
    // From the page itself, so that the cookie comes with it: ports are one site.
    await page.goto(`${origin}/`);
    await page.evaluate(`location.href = "http://127.0.0.1:${attacker.addr.port}/"`);
    await page.waitForURL(/\/$/);
    await page.waitForFunction(`location.port === "${attacker.addr.port}"`);
    assert.ok(cookies.includes("crypto-gui-"), "ports no longer share cookies: the reason is gone");
    const before = daemon.log().length;
    const outcomes = await page.evaluate(`(async () => {
    const headers = { "x-crypto-session": "A".repeat(43) };
    const body = '{"do":"encrypt","text":"x"}';
    const asked = [
      ["/text", { method: "POST", body }],
      ["/text", { method: "POST", body, mode: "no-cors" }],
      ["/text", { method: "POST", body, headers }],
      ["/about", { method: "POST", body: "{}", mode: "no-cors" }],
      ["/life", { method: "POST", mode: "no-cors" }],
      ["/", {}],
      ["/page.js", { mode: "no-cors" }],
    ].map(([path, options]) => {
      return fetch("${origin}" + path, { credentials: "include", ...options }).then(() => path);
    });
    return (await Promise.allSettled(asked)).flatMap(({ value }) => value ?? []);
  })()`);
    assert.deepEqual(outcomes, []);
    assert.equal(daemon.log().length, before);
    await page.evaluate(`new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.src = "${origin}/";
    frame.onload = resolve;
    document.body.append(frame);
  })`);
    const frame = page.frames().find((one) => one !== page.mainFrame())!;
    assert.equal(await frame.locator("main").count(), 0);
    await page.close();
    await attacker.shutdown();
    visit.asked.splice(0);
  },
);
