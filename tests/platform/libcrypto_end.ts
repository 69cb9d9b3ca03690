/** A process that dies when it ends, if libcrypto then cleans up. */
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { opensslNames } from "../../platform/library.ts";

if (!loadLibcrypto()) throw new Error("there is no libcrypto");
const { symbols: { OPENSSL_atexit } } = Deno.dlopen(opensslNames().crypto, {
  OPENSSL_atexit: { parameters: ["pointer"], result: "i32" },
});
const { symbols: { abort } } = Deno.dlopen("libc.so.6", { abort: { type: "pointer" } });
if (OPENSSL_atexit(abort) !== 1) throw new Error("libcrypto does not take it");
Deno.exit(0);
