/**
 * Stands before the program in a build of its own, and takes the log away: what is left is the daemon
 * to measure the log against. Answers wait for the end of the turn, as they do for a write.
 */
import { AuditLog, type AuditLogOptions } from "../server/audit/log.ts";

const open = AuditLog.open;

AuditLog.open = (path: string, options: AuditLogOptions) => {
  const log = open(path, options);
  const { soon = setImmediate } = options;
  log.write = () => new Promise((settle) => soon(() => settle(true)));
  return log;
};
