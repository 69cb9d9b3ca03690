/**
 * Stands before the program in a build of its own, and takes the log away: what is left is the daemon
 * to measure the log against. Answers wait for nothing.
 */
import { AuditLog } from "../server/audit/log.ts";

AuditLog.prototype.write = () => Promise.resolve(true);
