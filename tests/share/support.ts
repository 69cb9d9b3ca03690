/** What the tests of the sharing service share. */

/** All files below a directory. */
export function filesIn(directory: string): string[] {
  return Array.from(Deno.readDirSync(directory)).flatMap(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    return isDirectory ? filesIn(path) : [path];
  });
}

/** Whether any file below a directory holds these bytes, whatever its name. */
export function filesHold(directory: string, bytes: Uint8Array): boolean {
  const needle = new TextDecoder("latin1").decode(bytes);
  return filesIn(directory).some((path) => {
    return new TextDecoder("latin1").decode(Deno.readFileSync(path)).includes(needle);
  });
}
