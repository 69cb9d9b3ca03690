/** The installer's permissions, tried from inside, as root. */
import assert from "node:assert/strict";
import { linuxTest } from "../support/linux.ts";
import { must } from "../support/process.ts";
import { Image } from "./image.ts";

const PROBE = new URL("permissions_probe.ts", import.meta.url).pathname;

await linuxTest(
  "installing reads and writes its places and runs its programs, and no more, though it is root's",
  ["root", "sysusers"],
  async () => {
    using image = new Image();
    using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
    const command = [Deno.execPath(), "run", "--allow-all", "--no-prompt", "--quiet", PROBE];
    const output = await must([...command, image.root, `${server.addr.port}`], { env });
    const { worker, main } = JSON.parse(output) as Record<string, Record<string, string>>;
    for (const [name, result] of Object.entries(worker!)) {
      assert.equal(result, name.startsWith("own: ") ? "done" : "NotCapable", name);
    }
    assert.deepEqual(new Set(Object.values(main!)), new Set(["NotCapable"]));
  },
);
