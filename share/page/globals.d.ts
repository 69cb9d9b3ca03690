/** What browsers have and the compiler does not know yet. Both are absent in some. */
declare global {
  /** https://w3c.github.io/trusted-types/ */
  var trustedTypes: {
    createPolicy(name: string, rules: { createScriptURL(text: string): string }): {
      createScriptURL(text: string): unknown;
    };
  } | undefined;
  /** https://wicg.github.io/file-system-access/ */
  var showDirectoryPicker:
    | ((options: { readonly mode: "readwrite" }) => Promise<FileSystemDirectoryHandle>)
    | undefined;
}

export {};
