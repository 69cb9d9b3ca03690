/** The share page and the command line hand things to each other, over the compiled server. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { DatabaseSync } from "node:sqlite";
import { randomBytes } from "../../../core/bytes.ts";
import { deriveLinkProof } from "../../../core/share/keys.ts";
import { parseLink } from "../../../core/share/link.ts";
import { ShareApi } from "../../../share/client/api.ts";
import { crypto, fails, Folder, prints, sameBytes, sample, text } from "../../cli/support.ts";
import { eventually } from "../../support/wait.ts";
import { endsWithTests, env, pageTest, server, type Visit } from "./support.ts";

endsWithTests();
const api = new ShareApi(server.url);

/** Opens on the command line. */
async function opened(link: string, code = ""): Promise<string> {
  if (code === "") return text((await crypto(["share", "open", link], { env })).stdout);
  using folder = new Folder();
  await Deno.writeTextFile(folder.at("code"), `${code}\n`);
  return await prints(["share", "open", link, "--passphrase-file", folder.at("code")], { env });
}

/** Sends on the command line. */
async function sent(args: readonly string[], stdin?: string | Uint8Array) {
  const options = stdin === undefined ? { env } : { env, stdin };
  return JSON.parse(await prints(["share", "send", "--json", ...args], options)) as Record<
    "link" | "receipt" | "code",
    string
  >;
}

/** What somebody is told of what they have opened before. */
async function tellsWhen(visit: Visit): Promise<void> {
  await visit.reads("It has been opened before");
  await visit.page.getByText(/^Since .*20\d\d.*\d:\d\d/).waitFor();
}

await pageTest(
  "a text from the page is opened on the command line, byte for byte",
  async (visit) => {
    const texts = ['{"file_name":"x"}', "a&lt;b <i>x</i>  \n\ttab Grüße 🔑 \u202e\u200b "];
    for (const secret of texts) assert.equal(await opened((await visit.send(secret)).link), secret);
  },
);

await pageTest("with a code the link alone opens nothing", async (visit) => {
  const { link, code } = await visit.send("by phone", "The link and a code of four words");
  assert.match(code, /^[a-z]+(-[a-z]+){3}$/);
  await fails("no_passphrase", ["share", "open", link], { env });
  assert.equal(await opened(link, code.toUpperCase().replaceAll("-", " ")), "by phone");
});

await pageTest(
  "with a passphrase, too, as the page and the command line spell it",
  async (visit) => {
    await visit.to("/#send");
    await visit.page.getByLabel("Your text").fill("agreed");
    await visit.page.getByLabel("The link and a passphrase").check();
    await visit.press("Make the link");
    await visit.page.getByText("Type a passphrase").waitFor();
    await visit.page.getByLabel("Passphrase", { exact: true }).fill("Straße ﬁn");
    assert.equal(await opened((await visit.submit()).link, "Straße fin"), "agreed");
  },
);

await pageTest(
  "a text from the command line is shown once; back and refresh tell that it was opened, and when",
  async (visit) => {
    const { link, receipt } = await sent([], "for your eyes");
    await visit.to(link);
    await visit.reads("A secret for you");
    const before = JSON.parse(await prints(["share", "status", "--json", receipt], { env }));
    assert.equal(before.state, "live", "looking takes nothing");
    await visit.press("Open it");
    await visit.reads("The secret");
    assert.equal(await visit.page.locator("pre").textContent(), "for your eyes");
    const after = JSON.parse(await prints(["share", "status", "--json", receipt], { env }));
    assert.equal(after.taken[0].acknowledged, true);
    await visit.to("/#send");
    await visit.page.goBack();
    await tellsWhen(visit);
    await visit.page.reload();
    await tellsWhen(visit);
    assert.equal(await visit.page.getByText("for your eyes").count(), 0);
  },
);

await pageTest("two links in one tab, one after the other", async (visit) => {
  for (const secret of ["one", "two"]) {
    const { link } = await sent([], secret);
    await visit.to(link);
    await visit.press("Open it");
    await visit.page.locator("pre", { hasText: secret }).waitFor();
  }
});

await pageTest("files by button, drop and paste come back on the command line", async (visit) => {
  const { page } = visit;
  const large = sample(5_000_000);
  await visit.to("/#send");
  await page.getByLabel("Files", { exact: true }).check();
  const file = { name: "large.bin", mimeType: "application/pdf", buffer: Buffer.from(large) };
  await page.getByLabel("Choose files").setInputFiles(file);
  await page.evaluate(DROP_AND_PASTE);
  assert.equal(await page.locator("ul.files li").count(), 4);
  await page.getByRole("button", { name: "Remove unwanted.txt" }).click();
  // Of the second piece, the first time, nothing is answered.
  let pieces = 0;
  await page.context().route("**/api/upload", (route) => {
    return ++pieces === 2 ? route.abort() : route.continue();
  });
  const { link } = await visit.submit();
  assert.equal(pieces, 3, "in two pieces, and one of them again");
  using folder = new Folder();
  const { code, stderr } = await crypto(["share", "open", link, "--output", folder.path], { env });
  assert.equal(code, 0, stderr);
  sameBytes(await Deno.readFile(folder.at("large.bin")), large);
  assert.equal(await Deno.readTextFile(folder.at("dropped.txt")), "dropped");
  assert.equal(await Deno.readTextFile(folder.at("pasted.txt")), "pasted");
  assert.equal([...Deno.readDirSync(folder.path)].length, 3);
});

/** As a browser tells of files that somebody drops and pastes. */
const DROP_AND_PASTE = `{
  const files = (...names) => {
    const transfer = new DataTransfer();
    for (const name of names) transfer.items.add(new File([name.slice(0, -4)], name));
    return transfer;
  };
  const dropped = { dataTransfer: files("dropped.txt", "unwanted.txt"), bubbles: true };
  document.body.dispatchEvent(new DragEvent("drop", dropped));
  const pasted = { clipboardData: files("pasted.txt"), bubbles: true };
  document.body.dispatchEvent(new ClipboardEvent("paste", pasted));
}`;

await pageTest("a receipt shows what became of it, revokes, and unlocks", async (visit) => {
  const { page } = visit;
  const { receipt } = await visit.send("regretted");
  await visit.press("See whether it was opened");
  await page.getByText("Not opened yet").waitFor();
  await visit.press("Revoke");
  await visit.press("Keep it");
  await visit.press("Revoke");
  await visit.press("Revoke it for good");
  await page.locator("dd", { hasText: "Revoked" }).waitFor();
  assert.equal(
    JSON.parse(await prints(["share", "status", "--json", receipt], { env })).state,
    "revoked",
  );

  const locked = await sent(["--code"], "guarded");
  await visit.to(locked.link);
  await page.getByLabel("Code or passphrase").fill("acid acorn acre acts");
  await visit.press("Open it");
  await page.getByText("Attempts left: 9.").waitFor();
  const claim = {
    ...await deriveLinkProof(parseLink(locked.link).secret),
    claimToken: randomBytes(32),
  };
  for (let left = 9; left > 0; left--) {
    const wrong = api.call("take", { ...claim, passphraseProof: randomBytes(32) });
    await assert.rejects(wrong, { code: "wrong_passphrase" });
  }
  await page.reload();
  await visit.reads("It is locked");
  await visit.to("/#receipt");
  await page.getByLabel("Receipt or own link").fill(locked.receipt);
  await visit.press("Look");
  await page.getByText("Locked after ten wrong").waitFor();
  await visit.press("Unlock");
  await page.getByText("Not opened yet").waitFor();
});

await pageTest("why something cannot be shown is told in plain words", async (visit) => {
  const { page } = visit;
  const revoked = await sent([], "x");
  await crypto(["share", "revoke", revoked.receipt], { env });
  await visit.to(revoked.link);
  await visit.reads("It was revoked");
  await visit.to(revoked.link.slice(0, -2));
  await visit.reads("This is not a whole link or receipt");
  await visit.to(`/s#${"A".repeat(43)}`);
  await visit.reads("There is nothing here for you");
  const { link } = await sent([], "later");
  await visit.to("/#send");
  await visit.reads("Share a secret");
  await page.context().route("**/api/**", (route) => route.abort());
  await visit.to(link);
  await visit.reads("The server cannot be reached");
  await page.context().unroute("**/api/**");
  await visit.press("Try again");
  await visit.press("Open it");
  await page.locator("pre", { hasText: "later" }).waitFor();
});

await pageTest("what has expired says so, and since when", async (visit) => {
  const { link } = await sent([], "over");
  const { id } = await deriveLinkProof(parseLink(link).secret);
  // Nobody can move the server's clock: the end is moved in its store.
  using store = new DatabaseSync(`${server.directory}/share.db`);
  store.prepare("UPDATE secrets SET ends = created WHERE id = ?").run(id);
  await visit.to(link);
  await visit.reads("It has expired");
  await visit.page.getByText(/^Since .*20\d\d/).waitFor();
});

await pageTest("a taker whose answer was lost asks again, and gets it", async (visit) => {
  const { link } = await sent([], "twice asked");
  let takes = 0;
  await visit.page.context().route("**/api/take", async (route) => {
    if (++takes > 1) return await route.continue();
    await route.fetch();
    await route.abort();
  });
  await visit.to(link);
  await visit.press("Open it");
  await visit.page.locator("pre", { hasText: "twice asked" }).waitFor();
  assert.equal(takes, 2);
});

await pageTest("a damaged link is repaired, and its reader told what that means", async (visit) => {
  const { link } = await sent([], "seen on the way");
  for (const damaged of [link.replace("#", "%2523"), link.replace("#", "%23")]) {
    await visit.to(damaged);
    await visit.page.getByText("has seen the whole key").waitFor();
    assert.equal(visit.page.url(), link, "a refresh sends the key to nobody");
  }
  await visit.press("Open it");
  await visit.page.locator("pre", { hasText: "seen on the way" }).waitFor();
});

await pageTest(
  "files go straight into a folder where the browser can write there",
  async (visit) => {
    const { page } = visit;
    using folder = new Folder();
    const large = sample(3_000_000);
    await Deno.writeFile(folder.at("large.bin"), large);
    await Deno.writeFile(folder.at("empty"), new Uint8Array());
    const { link } = await sent([folder.at("large.bin"), folder.at("empty")]);
    // A folder of the browser's own in place of the one that somebody would choose in a dialog.
    await page.addInitScript("window.showDirectoryPicker = () => navigator.storage.getDirectory()");
    await visit.to(link);
    await visit.press("Open it into a folder…");
    await page.getByText("They are in the folder").waitFor();
    const written = await page.evaluate(`(async () => {
    const files = [];
    for await (const [name, handle] of (await navigator.storage.getDirectory()).entries()) {
      const bytes = await (await handle.getFile()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      files.push([name, bytes.byteLength, [...hash].join()]);
    }
    return files.sort();
  })()`);
    const hash = async (bytes: Uint8Array<ArrayBuffer>) => {
      return [...new Uint8Array(await globalThis.crypto.subtle.digest("SHA-256", bytes))].join();
    };
    assert.deepEqual(written, [
      ["empty", 0, await hash(new Uint8Array())],
      ["large.bin", 3_000_000, await hash(large)],
    ]);
  },
);

await pageTest(
  "a request is made and read in the page, and answered on the command line",
  async (visit) => {
    await visit.to("/#request");
    await visit.press("Make the links");
    await visit.reads("The links are ready");
    const [link, own] = [
      await visit.value("Link to give away"),
      await visit.value("Your own link: keep it"),
    ];
    await visit.to(own);
    await visit.reads("Nobody has answered yet");
    const answer = await crypto(["share", "send", "--to", link], { env, stdin: "the answer" });
    assert.equal(answer.code, 0, answer.stderr);
    await visit.press("Try again");
    await visit.press("Open it");
    await visit.page.locator("pre", { hasText: "the answer" }).waitFor();
    await visit.to(link);
    await visit.reads("It has been answered already");
  },
);

await pageTest(
  "a request of the command line's is answered in the page, with files",
  async (visit) => {
    const { page } = visit;
    const made = JSON.parse(await prints(["share", "request", "--json"], { env }));
    const large = sample(1_000_000);
    await visit.to(made.link);
    await visit.reads("You are asked for a secret");
    await page.getByLabel("Files", { exact: true }).check();
    const file = { name: "scan.pdf", mimeType: "application/pdf", buffer: Buffer.from(large) };
    await page.getByLabel("Choose files").setInputFiles(file);
    await visit.press("Send the answer");
    await visit.reads("The answer is sent");
    using folder = new Folder();
    await crypto(["share", "open", made.ownLink, "--output", folder.path], { env });
    sameBytes(await Deno.readFile(folder.at("scan.pdf")), large);
    await visit.press("See whether it was opened");
    await eventually("the answerer sees it", async () => {
      return await page.locator("dd", { hasText: "received whole" }).count() === 1;
    });
  },
);
