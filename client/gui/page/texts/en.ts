/** English, and by its type what every language says. */
export const en = {
  /** BCP 47. */
  locale: "en",
  language: "English",
  title: "crypto",
  skip: "Skip to the content",
  chooseLanguage: "Language",
  pages: "Pages",
  footer:
    "This page comes from your own machine. The keys stay with the daemon; only links that you send leave it.",

  key: "Key",
  keyVersion: (name: string, version: number) => `${name}, version ${version}`,
  context: "Bind it to a context",
  contextLabel: "Context",
  contextHint: "What is encrypted with one opens only with the same. It is no password.",
  again: "Something else",
  saved: "Your browser saves what was made.",

  chooser: {
    what: "What it is",
    text: "Text",
    files: "Files",
    drop: "Drop files here, paste them, or",
    choose: "Choose files",
    chosen: "Chosen files",
    remove: (name: string) => `Remove ${name}`,
    added: (count: string) => `${count} chosen`,
    noFolders: "Folders cannot be taken: pack one into an archive first.",
    nothing: "There is nothing yet: write a text or choose files.",
    badText: "The text holds half a character that cannot be used. Remove it and try again.",
  },

  encrypt: {
    nav: "Encrypt",
    title: "Encrypt",
    lead: "A text becomes one line; a file becomes a file that ends in .crypto.",
    textLabel: "Your text",
    anyKey: "The default key",
    keyHint: "Of the keys that you may use.",
    submit: "Encrypt",
    working: "Encrypting…",
    textTitle: "The message",
    filesTitle: "Encrypted",
  },
  decrypt: {
    nav: "Decrypt",
    title: "Decrypt",
    lead: "A line that begins with crypto:v1:, or files that end in .crypto.",
    textLabel: "The message",
    anyKey: "The key that it was made with",
    keyHint: "Choose one only to refuse messages of others.",
    submit: "Decrypt",
    working: "Decrypting…",
    textTitle: "The text",
    filesTitle: "Decrypted",
  },

  send: {
    nav: "Send",
    title: "Send as a link",
    lead: "A text or files, behind a link that opens once. The server cannot read them.",
    server: "Through",
    textLabel: "Your text",
    ttl: "It can be opened for",
    protect: "What opens it",
    link: "The link alone",
    linkHint: "Whoever has the whole link can open it.",
    code: "The link and a code of four words",
    codeHint: "Best for mail and chat: programs there open links, too. Tell the code another way.",
    submit: "Make the link",
    working: "Encrypting and sending…",
  },
  sent: {
    title: "The link is ready",
    until: (when: string) => `Opens once, until ${when}.`,
    link: "Link",
    code: "Code",
    codeHint: "Tell it another way than the link: by phone, in person.",
    mailHint:
      "If the link goes by mail or chat, a program there may open it before its reader does. A code prevents that.",
    receipt: "Receipt, for you alone",
    receiptHint:
      "Shows whether it was opened, and takes it back: crypto share status, crypto share revoke. It is not kept anywhere.",
  },

  copy: (what: string) => `Copy: ${what}`,
  copyShort: "Copy",
  copied: "Copied",
  copyFailed: "It could not be copied: select it and copy it yourself.",

  keys: {
    nav: "Keys",
    title: "Keys",
    lead: "Those that you may use. The newest version encrypts; older ones still decrypt.",
    version: "Version",
    state: "State",
    states: {
      encrypts: "Encrypts",
      active: "Decrypts",
      retired: "Decrypts",
      disabled: "Disabled",
      outdated: "Outdated",
      scheduled: "To be destroyed",
      destroyed: "Destroyed",
    },
    id: "Id",
    created: "Made",
    purposes: {
      seal: "Encrypts and decrypts texts and files of any size",
      fernet: "Encrypts and decrypts what an older service does, up to 512 KiB",
      mac: "Authenticates what is not encrypted: crypto mac on the command line",
    } as Readonly<Record<string, string>>,
    refresh: "Look again",
  },

  history: {
    nav: "History",
    title: "History",
    lead: "What was done from this page, without any content. It is forgotten with the page.",
    empty: "Nothing was done from this page yet.",
    when: "When",
    what: "What",
    content: "Of",
    deeds: { encrypt: "Encrypted", decrypt: "Decrypted", send: "Sent" },
    forget: "Forget it",
  },

  closed: {
    title: "This window is closed",
    lead:
      "It was opened elsewhere, or was not used for a while. Start crypto gui again for a new one.",
  },

  /** By the code of an error. */
  problems: {
    decryption_failed:
      "It could not be decrypted: the key or the context is another, or it was changed or cut. A file that was begun is worth nothing.",
    denied: "There is no such key for you, or you may not do this with it.",
    malformed: "This is not a message of crypto. See that all of it was copied.",
    invalid_text: "What is inside is no text: put it into a file and decrypt that.",
    too_large: "This is too long for a text, or for this key: use a file.",
    key_disabled: "The key, or this version of it, is not in use. Ask its administrator.",
    key_destroyed: "This version of the key was destroyed: nobody can decrypt it any more.",
    quota_exceeded: "Your quota is used up. Try again later.",
    wrong_purpose: "The key was made for another purpose.",
    no_passphrase: "It is under a passphrase: use crypto decrypt on the command line.",
    sealed: "The keys are sealed until an administrator opens them.",
    unavailable: "The daemon cannot be reached. See that it runs, and try again.",
    too_many_requests: "Too much at once. Wait a minute and try again.",
    io: "A file could not be read or saved to the end. Choose it again.",
    share_unreachable: "The share server cannot be reached. See that it runs, and try again.",
    share_storage: "The share server's storage cannot be used. Try again in a minute.",
    share_refused: "The share server does not take this: choose a shorter time or less data.",
    share_full: "The share server has no room. Try again later, or ask whoever runs it.",
    bad_answer:
      "The share server's answer is not understood. If it could not be reached when this window was opened, start crypto gui again.",
    gui_refused: "This window is closed. Start crypto gui again.",
    closed: "This window is closed. Start crypto gui again.",
    internal: "Something went wrong. Try again, or use the command line.",
  },
};

/** What every language says. */
export type Texts = typeof en;
