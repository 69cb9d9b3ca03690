/** `crypto share nginx` and `crypto network nginx`. */
import { dropAllPermissions } from "../platform/permissions.ts";
import { type FrontFlags, printedFront, readFront } from "./front.ts";
import { type NginxFlags, readSite } from "./options.ts";
import { siteText } from "./site.ts";

/** What the program hands to its subcommands. */
export interface NginxContext {
  readonly print: (text: string) => void;
}

/** Prints the configuration for a share server. @throws {CryptoError} `usage` */
export function printSite({ print }: NginxContext, flags: NginxFlags): void {
  dropAllPermissions();
  print(siteText(readSite(flags)));
}

/** Prints the configuration for the network mode. @throws {CryptoError} `usage` */
export function printFront({ print }: NginxContext, flags: FrontFlags): void {
  dropAllPermissions();
  print(printedFront(readFront(flags)));
}
