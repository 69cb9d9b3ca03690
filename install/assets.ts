/** The texts that install writes. */
import accounts from "./units/crypto.sysusers" with { type: "text" };
import config from "./units/crypto.toml" with { type: "text" };
import desktop from "./units/crypto.desktop" with { type: "text" };
import service from "./units/crypto.service" with { type: "text" };
import socketUnit from "./units/crypto.socket" with { type: "text" };
import type { Places } from "./places.ts";

/** A text and where it goes. */
export interface Asset {
  readonly id: "accounts" | "config" | "desktop" | "service" | "socket";
  readonly title: string;
  readonly path: string;
  readonly text: string;
  readonly sha256: string;
}

/** All of them. */
export async function assetsFor(places: Places): Promise<Asset[]> {
  const list = [
    {
      id: "accounts",
      title: "definition of user and group",
      path: places.accounts,
      text: accounts,
    },
    { id: "config", title: "configuration", path: places.config, text: config },
    { id: "desktop", title: "desktop entry", path: places.desktop, text: desktop },
    { id: "socket", title: "socket unit", path: places.socketUnit, text: socketUnit },
    { id: "service", title: "service unit", path: places.service, text: service },
  ] as const;
  return await Promise.all(list.map(async (asset) => {
    return { ...asset, sha256: await sha256(new TextEncoder().encode(asset.text)) };
  }));
}

/** SHA-256 in hexadecimal. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
