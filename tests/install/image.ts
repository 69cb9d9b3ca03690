/** A directory that `--root` prepares, and what is in it. */
import type { Wish } from "../../install/role.ts";
import { compiledProgram } from "../support/process.ts";

/** An empty image, removed at the end. */
export class Image implements Disposable {
  readonly root: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "cti-" }));

  constructor() {
    Deno.chmodSync(this.root, 0o755);
    for (const path of ["usr/local/bin", "usr/local/share", "etc/systemd/system", "var/lib"]) {
      Deno.mkdirSync(`${this.root}/${path}`, { recursive: true });
    }
    Deno.writeTextFileSync(`${this.root}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
    Deno.writeTextFileSync(`${this.root}/etc/group`, "root:x:0:\n");
  }

  /** What is wished for it, as the main thread would say. */
  wish(goal: Wish["goal"], program: string = compiledProgram()): Wish {
    const asker = { root: this.root, version: "0.1.0", uid: 0, program, freeBytes: 1e9 };
    return { goal, asker, dryRun: false };
  }

  /** Every path with its type, mode, owner and size; of texts the text. */
  contents(): Record<string, string> {
    return Object.fromEntries(
      list(this.root).filter(([path]) => !UNSTABLE.test(path)).map(([path, what]) => {
        return [path.slice(this.root.length), what];
      }),
    );
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** Backups and locks of the programs that change /etc/passwd, and its shadow, made if missing. */
const UNSTABLE = /\/etc\/(passwd-|group-|g?shadow-?|\.pwd\.lock|sub[ug]id-?)$/;

function list(directory: string): [path: string, what: string][] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
  return names.flatMap((name) => {
    const path = `${directory}/${name}`;
    const info = Deno.lstatSync(path);
    const type = info.isDirectory ? "directory" : info.isSymlink ? "link" : `file ${info.size}`;
    const text = /\/etc\/(passwd|group)$/.test(path) ? Deno.readTextFileSync(path) : "";
    const what = `${type} ${(info.mode! & 0o7777).toString(8)} ${info.uid}:${info.gid} ${text}`;
    const inside = info.isDirectory ? list(path) : [];
    return [[path, what.trim()], ...inside];
  });
}
