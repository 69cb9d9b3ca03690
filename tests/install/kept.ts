/**
 * A program that keeps one connection of the client library, and encrypts and decrypts over it
 * until a file is there. Prints how often. Arguments: that file, and one for the count so far.
 */
import { connect } from "../../client/mod.ts";

const [enough, counter] = Deno.args as [string, string];

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const service = await connect();
let count = 0;
while (!isThere(enough)) {
  const message = await service.encrypt(`${count}`);
  if (await service.decryptText(message) !== `${count}`) throw new Error("it came back otherwise");
  count++;
  Deno.writeTextFileSync(counter, `${count}\n`);
}
service.close();
console.log(count);
