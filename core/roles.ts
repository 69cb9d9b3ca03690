/** The names of the workers that the program runs in, by which it knows that it is one. */

/** Changes and backs up the ring. */
export const ADMIN_WORKER = "crypto-admin";

/** Reads the audit log. */
export const AUDIT_WORKER = "crypto-audit";

/** The daemon. */
export const DAEMON_WORKER = "crypto-serve";

/** A certificate authority. */
export const PKI_WORKER = "crypto-pki";

/** Reaches a daemon on another machine. */
export const LINK_WORKER = "crypto-link";

/** The window that a browser shows. */
export const GUI_WORKER = "crypto-gui";

/** Opens the browser. */
export const BROWSER_WORKER = "crypto-browser";

/** Installs and removes. */
export const INSTALL_WORKER = "crypto-install";

/** Encrypts and decrypts beside the main thread. */
export const LANE_WORKER = "crypto-lane";

/** Rewraps files. */
export const REWRAP_WORKER = "crypto-rewrap";

/** A share server. */
export const SHARE_WORKER = "crypto-share";

/** Asks a share server. */
export const SHARE_CLIENT_WORKER = "crypto-share-client";

/** Attacks a share server. */
export const SHARE_ATTACK_WORKER = "crypto-share-attack";

/** Examines what a share server has on AWS. */
export const SHARE_DOCTOR_WORKER = "crypto-share-doctor";
