/** An event loop that watches, and has nothing else to do. */
import type { Work } from "../../platform/eventloop.ts";

/** No work. */
export const IDLE: Work = { turn: () => false, waiting: false, working: false };
