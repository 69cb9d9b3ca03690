/**
 * Stands before the program in a build of its own, and takes the log away: what is left is the daemon
 * to measure the log against. Answers wait for the end of the turn, as they do for a write.
 */
import { AuditLog } from "../server/audit/log.ts";

AuditLog.prototype.write = () => new Promise((settle) => setImmediate(() => settle(true)));
