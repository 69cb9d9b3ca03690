/** English, and by its type what every language says. */
export const en = {
  /** BCP 47. */
  locale: "en",
  language: "English",
  title: "crypto share",
  skip: "Skip to the content",
  chooseLanguage: "Language",
  pages: "Pages",
  footer: "Encrypted and decrypted in your browser. The server cannot read what is shared.",
  theNetwork: "It loads nothing from anywhere else and stores nothing in your browser.",

  /** How often. */
  times: (count: number) => count === 1 ? "once" : `${count} times`,

  send: {
    nav: "Send",
    title: "Share a secret",
    lead: "A text or files, behind a link that opens once.",
    text: "Text",
    files: "Files",
    what: "What to share",
    textLabel: "Your text",
    drop: "Drop files here, paste them, or",
    choose: "Choose files",
    chosen: "Chosen files",
    remove: (name: string) => `Remove ${name}`,
    added: (count: string) => `${count} chosen`,
    noFolders:
      "Folders cannot be sent from here: pack one into an archive first, or use the command line.",
    ttl: "It can be opened for",
    views: "Times it can be opened",
    protect: "What opens it",
    link: "The link alone",
    linkHint: "Whoever has the whole link can open it.",
    code: "The link and a code of four words",
    codeHint: "Best for mail and chat: programs there open links, too. Tell the code another way.",
    passphrase: "The link and a passphrase",
    passphraseHint: "One that you have agreed on.",
    passphraseLabel: "Passphrase",
    submit: "Make the link",
    working: "Encrypting and sending…",
    nothing: "There is nothing to share yet: write a text or choose files.",
    noPassphrase: "Type a passphrase of at most 4,096 characters.",
    badText: "The text holds half a character that cannot be sent. Remove it and try again.",
    badViews: (most: number) =>
      most === 1 ? "This server takes only 1." : `Give a number from 1 to ${most}.`,
    tooLarge: (size: string) => `This is more than the ${size} that the server takes.`,
  },

  sent: {
    title: "The link is ready",
    link: "Link",
    code: "Code",
    codeHint: "Tell it another way than the link: by phone, in person.",
    mailHint:
      "If the link goes by mail or chat, a program there may open it before its reader does. A code prevents that: make a new link with one.",
    qr: "The link as a QR code",
    until: (views: string, when: string) => `Opens ${views}, until ${when}.`,
    receipt: "Receipt, for you alone",
    receiptHint:
      "Shows whether and when it was opened, and takes it back. It is not kept anywhere: copy it if you will want it.",
    look: "See whether it was opened",
    again: "Share something else",
  },

  copy: (what: string) => `Copy: ${what}`,
  copyShort: "Copy",
  copied: "Copied",
  copyFailed: "It could not be copied: select it and copy it yourself.",

  reveal: {
    title: "A secret for you",
    looking: "Looking…",
    seen: (size: string, when: string) => `${size}, encrypted. It can be opened until ${when}.`,
    once: "It opens once, and is then erased. Looking at this page opens nothing.",
    many: (views: string) => `It opens ${views} in all. Looking at this page opens nothing.`,
    codeLabel: "Code or passphrase",
    codeHint: "Its sender has told it to you another way.",
    attempts: (left: string) => `Attempts left: ${left}.`,
    wrong: "This is not the code or passphrase.",
    empty: "Type the code or passphrase.",
    open: "Open it",
    folder: "Open it into a folder…",
    folderHint:
      "Straight onto the disk: for what is large. Otherwise this browser keeps all of it until you save it.",
    browserHint: "This browser keeps all of it until you save it: above 2 GB use the command line.",
    working: "Fetching and decrypting…",
    exposed:
      "This link arrived damaged: its # was written as %23. It still works. But whatever changed it has seen the whole key, and so has this server. Tell the sender; what is inside should be changed if it is a password.",
  },

  opened: {
    text: "The secret",
    files: "The files",
    content: "Content",
    keepText: "Copy it now if you need it: only this page has it, while it is open.",
    keepFiles: "Save them now: they are gone when this page is closed.",
    inFolder: "They are in the folder that you chose.",
    invisible:
      "Some of its characters are not visible or change the direction of writing. What you see may not be what you copy.",
    save: "Save",
    saveFile: (name: string) => `Save ${name}`,
    saved: "Saved",
    nameHint:
      "Files are only ever saved, never shown. Their names are as the sender says; be careful with what you did not expect.",
    erased: "The server has been told that you have it.",
    notErased:
      "The server has not confirmed that you have it. It counts as opened, and ends by itself within a day.",
    empty: "The text is empty.",
  },

  receipt: {
    nav: "Receipt",
    title: "What became of it",
    lead: "With the receipt of something that you have shared, or with your own link of a request.",
    label: "Receipt or own link",
    submit: "Look",
    state: "State",
    states: {
      waiting: "Waits for an answer",
      uploading: "Still being uploaded",
      live: "Not opened yet",
      locked: "Locked after ten wrong codes or passphrases",
      used: "Opened",
      revoked: "Revoked",
      expired: "Expired",
    },
    partly: "Opened, and can be opened again",
    since: "Since",
    created: "Made",
    expires: "Expires",
    size: "Size, encrypted",
    views: "Times it can be opened",
    openings: "Opened at",
    never: "Never",
    received: "received whole",
    notReceived: "receipt not confirmed",
    attempts: "Attempts left",
    refresh: "Look again",
    revoke: "Revoke",
    revokeSure: "Revoke it for good",
    revokeHint: "It is erased at once and nobody can open it any more.",
    keep: "Keep it",
    revoked: "It is revoked.",
    unlock: "Unlock",
    unlocked: "It is unlocked: ten attempts again.",
    updated: "This is how it is now.",
    empty: "Paste a receipt. It begins with crypto:receipt:v1:",
  },

  request: {
    nav: "Request",
    title: "Ask for a secret",
    lead:
      "Make a link by which somebody hands a text or files to you. Only you can read the answer.",
    ttl: "It can be answered for",
    size: "Largest answer",
    submit: "Make the links",
    working: "Making the links…",
    madeTitle: "The links are ready",
    link: "Link to give away",
    linkHint: "Whoever has it can answer, once. Nobody can read an answer with it.",
    ownLink: "Your own link: keep it",
    ownLinkHint:
      "It alone reads the answer, and it is not kept anywhere. Store it where you keep passwords; do not give it away.",
    until: (when: string) => `It can be answered until ${when}.`,
    again: "Ask for something else",
  },

  answer: {
    title: "You are asked for a secret",
    lead: (when: string) =>
      `What you put in here can be read only by the one who made this link. It can be answered once, until ${when}.`,
    limit: (size: string) => `At most ${size}.`,
    warning: "The link does not tell who made it. Answer only if you know from whom you have it.",
    submit: "Send the answer",
    doneTitle: "The answer is sent",
    done: (when: string) => `The one who asked can read it until ${when}.`,
    tooLarge: (size: string) => `This is more than the ${size} that the request takes.`,
  },

  own: {
    title: "The answer to your request",
    once: "It opens once, and is then erased. Looking at this page opens nothing.",
  },

  problem: {
    since: (when: string) => `Since ${when}.`,
    retry: "Try again",
    home: "Share something yourself",
  },
  /** By the code of an error: what happened, and what to do. */
  problems: {
    share_opened: [
      "It has been opened before",
      "It was opened as often as it could be. If that was not you, tell the sender at once: somebody else has it.",
    ],
    share_expired: [
      "It has expired",
      "Its time is over and it is erased. Ask the sender for a new one.",
    ],
    share_revoked: ["It was revoked", "Whoever sent or asked for it has taken it back. Ask them."],
    share_locked: [
      "It is locked",
      "There were too many wrong codes or passphrases. It is not lost: the sender can unlock it with the receipt.",
    ],
    share_uploading: [
      "It is still on its way",
      "The sender has not finished uploading. Try again in a little while.",
    ],
    share_waiting: [
      "Nobody has answered yet",
      "Keep your own link and look again later: this page tells when the answer is there.",
    ],
    share_answered: [
      "It has been answered already",
      "Only the first answer counts. If that was not you, tell the one who asked.",
    ],
    share_unavailable: [
      "There is nothing here for you",
      "It never existed, ended a while ago, or the link or receipt is not whole. See that all of it was copied, or ask the sender.",
    ],
    bad_link: [
      "This is not a whole link or receipt",
      "Copy all of it, with everything after the #.",
    ],
    share_refused: [
      "The server does not take this",
      "Choose a shorter time, fewer openings or less data.",
    ],
    share_full: ["The server has no room", "Try again later, or ask whoever runs it."],
    share_failed: ["The server failed", "Try again later, or tell whoever runs it."],
    share_storage: [
      "Where the server keeps secrets does not answer",
      "Nothing is lost. Try again in a minute, or tell whoever runs it.",
    ],
    share_unreachable: [
      "The server cannot be reached",
      "Nothing is lost. See that you are online, and try again.",
    ],
    too_many_requests: ["Too many requests came from here", "Wait a minute and try again."],
    too_large: ["That is too much at once", "Send fewer files, or pack them into one archive."],
    io: [
      "A file could not be read or written",
      "It may have been changed or moved, or the disk is full. Choose it again.",
    ],
    decryption_failed: [
      "It could not be decrypted",
      "What came is not what was sent: it was changed on the way or at the server. Tell the sender.",
    ],
    malformed: [
      "What is inside cannot be read",
      "It was made by a program that this page does not understand. Ask the sender.",
    ],
    bad_answer: [
      "The server's answer is not understood",
      "Something between here and the server may have changed it. Try again, or ask whoever runs it.",
    ],
    internal: [
      "Something went wrong in this page",
      "Your browser may be too old for this: use a current one, or the command line.",
    ],
    insecure: [
      "This page needs https",
      "Without it browsers offer no cryptography. Open it by https, or on the machine that serves it.",
    ],
  },
};

/** What every language says. */
export type Texts = typeof en;
