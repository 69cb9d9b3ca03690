/** Loading the system's own libraries, by absolute path only. */

/** Where Linux distributions with glibc keep their libraries, per processor, and other systems. */
const DIRECTORIES: Readonly<Record<string, readonly string[]>> = {
  "linux x86_64": ["/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"],
  "linux aarch64": ["/lib/aarch64-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"],
  "darwin x86_64": ["/usr/lib"],
  "darwin aarch64": ["/usr/lib"],
  // In these nobody but administrators writes. The second is where OpenSSL's usual installer puts it.
  "windows x86_64": ["C:/Windows/System32", "C:/Program Files/OpenSSL-Win64/bin"],
};

/** What the libraries of OpenSSL 3 are called. */
const OPENSSL = {
  linux: { ssl: "libssl.so.3", crypto: "libcrypto.so.3" },
  windows: { ssl: "libssl-3-x64.dll", crypto: "libcrypto-3-x64.dll" },
} as const;

/** The same for this system. */
export function opensslNames(): { readonly ssl: string; readonly crypto: string } {
  return IS_WINDOWS ? OPENSSL.windows : OPENSSL.linux;
}

/** OPENSSL_init_crypto(3); a structure of one number is passed as that number: see `INT`. */
const INIT = {
  OPENSSL_init_crypto: { parameters: [{ struct: ["u64"] }, "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
const OPENSSL_INIT_NO_ATEXIT = 0x80000n;

/** Whether this program runs under Deno, and not, as the client library may, under Node. */
export function isDeno(): boolean {
  return "Deno" in globalThis;
}

/** Whether this is Windows, as far as that can be told. */
export const IS_WINDOWS: boolean = isDeno() && Deno.build.os === "windows";

/**
 * Loads the first library that is there.
 * A bare name would be looked up in the current directory, so only absolute paths are tried.
 */
export function openLibrary<S extends Deno.ForeignLibraryInterface>(
  file: string,
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] | undefined {
  if (!isDeno()) return undefined;
  for (const directory of DIRECTORIES[`${Deno.build.os} ${Deno.build.arch}`] ?? []) {
    try {
      return Deno.dlopen(`${directory}/${file}`, symbols).symbols;
    } catch (error) {
      // Not there, or without a symbol: the next one. No permission is a different matter.
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  return undefined;
}

/**
 * Loads libcrypto, and keeps it from cleaning up when the process ends. A worker's thread that ends
 * in the same moment would clean up after itself with what is being freed: the process then died of
 * a corrupted heap, with all of its work done.
 */
export function openLibcrypto<S extends Deno.ForeignLibraryInterface>(
  symbols: S,
): Deno.DynamicLibrary<S>["symbols"] | undefined {
  const { crypto } = opensslNames();
  const options = new Uint8Array(BigUint64Array.of(OPENSSL_INIT_NO_ATEXIT).buffer);
  // It counts in the first call of the library only, which every other function makes by itself.
  if (openLibrary(crypto, INIT)?.OPENSSL_init_crypto(options, null) !== 1) return undefined;
  return openLibrary(crypto, symbols);
}
