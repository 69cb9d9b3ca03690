/** `crypto share nginx`. */
import { dropAllPermissions } from "../platform/permissions.ts";
import { type NginxFlags, readSite } from "./options.ts";
import { siteText } from "./site.ts";

/** What the program hands to its subcommand. */
export interface NginxContext {
  readonly print: (text: string) => void;
}

/** Prints a configuration. @throws {CryptoError} `usage` */
export function printSite({ print }: NginxContext, flags: NginxFlags): void {
  dropAllPermissions();
  print(siteText(readSite(flags)));
}
