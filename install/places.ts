/** Where everything goes, below a root directory: "" is the running system. */
import {
  CREDENTIAL,
  CREDENTIAL_STORE,
  type Layout,
  moved,
  parent,
  SYSTEM_LAYOUT,
} from "../core/layout.ts";

/** The paths that installing writes. */
export interface Places {
  /** The directory of an image, or "". */
  readonly root: string;
  readonly program: string;
  /** The replaced program, until the new one has been proven. */
  readonly oldProgram: string;
  readonly accounts: string;
  readonly config: string;
  readonly manifest: string;
  readonly service: string;
  readonly socketUnit: string;
  /** By which desktops list `crypto gui`. */
  readonly desktop: string;
  /** The sealing key as an encrypted credential, if there is one. */
  readonly credential: string;
  /** The daemon's own. */
  readonly layout: Layout;
}

/** The places below a root directory, without a slash at its end. */
export function placesBelow(root: string): Places {
  const { configDirectory, stateDirectory, runtimeDirectory } = SYSTEM_LAYOUT;
  const below = [configDirectory, stateDirectory, runtimeDirectory].map((path) => root + path);
  const [config, state, runtime] = below as [string, string, string];
  return {
    root,
    program: `${root}/usr/local/bin/crypto`,
    oldProgram: `${root}/usr/local/bin/.crypto.old`,
    accounts: `${root}/etc/sysusers.d/crypto.conf`,
    config: `${config}/crypto.toml`,
    manifest: `${config}/install.json`,
    service: `${root}/etc/systemd/system/crypto.service`,
    socketUnit: `${root}/etc/systemd/system/crypto.socket`,
    desktop: `${root}/usr/local/share/applications/crypto.desktop`,
    credential: `${root}${CREDENTIAL_STORE}/${CREDENTIAL}`,
    layout: moved(SYSTEM_LAYOUT, config, state, runtime),
  };
}

/** The files that install writes and that the manifest lists. */
export function managedFiles(places: Places): string[] {
  const { program, accounts, config, service, socketUnit, desktop } = places;
  return [program, accounts, config, service, socketUnit, desktop];
}

/** The directories that these files are in, which install makes where they are missing. */
export function managedDirectories(places: Places): string[] {
  const { configDirectory, stateDirectory } = places.layout;
  return [...new Set([...managedFiles(places).map(parent), configDirectory, stateDirectory])];
}

/** The name under which a file is written until it is complete. */
export function unfinished(path: string): string {
  return `${parent(path)}/.${path.slice(path.lastIndexOf("/") + 1)}.new`;
}
