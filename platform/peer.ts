/** Who is at the other end of a Unix socket, as the kernel recorded it at connect. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/**
 * Asks who has connected, of a descriptor. It throws where the kernel says anything but that: the
 * caller then refuses the peer.
 */
export type AskPeer = (fd: number) => PeerCredentials;
