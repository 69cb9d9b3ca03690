/** Who is asking, for limits: an IPv4 address, or the /64 of an IPv6 address. */

/**
 * The client of a request.
 * @param peer the address that the connection comes from, or `unix`
 * @param proxies peers whose word about a forwarded address is taken
 */
export function clientOf(peer: string, headers: Headers, proxies: ReadonlySet<string>): string {
  if (proxies.size === 0 || !proxies.has(canonicalAddress(peer) ?? peer)) {
    return network(bare(peer));
  }
  // The last entry is the one the proxy itself has added; what stands before it, anybody wrote.
  const forwarded = headers.get("x-forwarded-for")?.split(",").at(-1)?.trim() ?? "";
  return network(canonicalAddress(forwarded) ?? bare(peer));
}

/** The one spelling of an address (RFC 5952); undefined for what is none, or has a zone. */
export function canonicalAddress(text: string): string | undefined {
  const address = bare(text);
  if (/^[\d.]+$/.test(address)) return hostOf(address) === address ? address : undefined;
  return /^[\da-f:.]+$/i.test(address) ? hostOf(`[${address}]`)?.slice(1, -1) : undefined;
}

/** What the rules for addresses of pages make of a host: they know every spelling. */
function hostOf(text: string): string | undefined {
  return URL.parse(`http://${text}`)?.hostname;
}

/** An IPv4 address as such, also where a socket for both shows it as an IPv6 one. */
function bare(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? address;
}

/** One customer of a provider has at least a /64: its addresses are one client. */
function network(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail = ""] = address.split("%")[0]!.toLowerCase().split("::");
  const groups = (text: string) => text === "" ? [] : text.split(":");
  const [left, right] = [groups(head), groups(tail)];
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill("0");
  const first = [...left, ...(address.includes("::") ? zeros : []), ...right].slice(0, 4);
  return `${first.map((group) => parseInt(group, 16).toString(16)).join(":")}::/64`;
}
