/** What the kernel says about the use of processors, in seconds. */

/** Ticks in a second, in the figures of /proc. */
const TICKS = 100;

/** Since the machine started, all processors together, whoever used them. */
export async function busySeconds(): Promise<number> {
  const [first = ""] = (await Deno.readTextFile("/proc/stat")).split("\n");
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
    .split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq + steal) / TICKS;
}

/** Of a process and of its children that have ended. */
export async function processSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name before it may hold anything, spaces and parentheses too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / TICKS;
}
