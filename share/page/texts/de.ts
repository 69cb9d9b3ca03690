/** German. */
import type { Texts } from "./en.ts";

export const de: Texts = {
  locale: "de",
  language: "Deutsch",
  title: "crypto share",
  skip: "Zum Inhalt",
  chooseLanguage: "Sprache",
  pages: "Seiten",
  footer: "Ver- und entschlüsselt in Ihrem Browser. Der Server kann nicht lesen, was geteilt wird.",
  theNetwork: "Diese Seite lädt nichts von anderswo und speichert nichts in Ihrem Browser.",

  times: (count) => count === 1 ? "einmal" : `${count}-mal`,

  send: {
    nav: "Senden",
    title: "Ein Geheimnis teilen",
    lead: "Ein Text oder Dateien, hinter einem Link, der sich einmal öffnen lässt.",
    text: "Text",
    files: "Dateien",
    what: "Was Sie teilen",
    textLabel: "Ihr Text",
    drop: "Dateien hierher ziehen, einfügen oder",
    choose: "Dateien wählen",
    chosen: "Gewählte Dateien",
    remove: (name) => `${name} entfernen`,
    added: (count) => `${count} gewählt`,
    noFolders:
      "Ordner lassen sich von hier nicht senden: Packen Sie ihn in ein Archiv, oder nehmen Sie die Befehlszeile.",
    ttl: "Lässt sich öffnen für",
    views: "Wie oft es sich öffnen lässt",
    protect: "Was es öffnet",
    link: "Der Link allein",
    linkHint: "Wer den ganzen Link hat, kann es öffnen.",
    code: "Der Link und ein Code aus vier Wörtern",
    codeHint:
      "Am besten für Mail und Chat: Auch Programme öffnen dort Links. Den Code teilen Sie auf anderem Weg mit.",
    passphrase: "Der Link und ein Kennwort",
    passphraseHint: "Eines, das Sie vereinbart haben.",
    passphraseLabel: "Kennwort",
    submit: "Link erzeugen",
    working: "Wird verschlüsselt und gesendet …",
    nothing: "Es gibt noch nichts zu teilen: Schreiben Sie einen Text oder wählen Sie Dateien.",
    noPassphrase: "Geben Sie ein Kennwort mit höchstens 4.096 Zeichen ein.",
    badText: "Der Text enthält ein halbes Zeichen, das sich nicht senden lässt. Entfernen Sie es.",
    badViews: (most) =>
      most === 1 ? "Dieser Server nimmt nur 1 an." : `Geben Sie eine Zahl von 1 bis ${most} ein.`,
    tooLarge: (size) => `Das sind mehr als die ${size}, die der Server annimmt.`,
  },

  sent: {
    title: "Der Link ist fertig",
    link: "Link",
    code: "Code",
    codeHint: "Teilen Sie ihn auf anderem Weg mit als den Link: am Telefon, persönlich.",
    mailHint:
      "Geht der Link per Mail oder Chat, kann ihn dort ein Programm vor dem Empfänger öffnen. Ein Code verhindert das: Erzeugen Sie dann einen neuen Link mit Code.",
    qr: "Der Link als QR-Code",
    until: (views, when) => `Öffnet ${views}, bis ${when}.`,
    receipt: "Quittung, nur für Sie",
    receiptHint:
      "Zeigt, ob und wann es geöffnet wurde, und nimmt es zurück. Sie wird nirgends aufbewahrt: Kopieren Sie sie, wenn Sie sie brauchen werden.",
    look: "Nachsehen, ob es geöffnet wurde",
    again: "Noch etwas teilen",
  },

  copy: (what) => `Kopieren: ${what}`,
  copyShort: "Kopieren",
  copied: "Kopiert",
  copyFailed: "Das Kopieren ging nicht: Markieren und kopieren Sie es selbst.",

  reveal: {
    title: "Ein Geheimnis für Sie",
    looking: "Wird nachgesehen …",
    seen: (size, when) => `${size}, verschlüsselt. Lässt sich öffnen bis ${when}.`,
    once: "Es öffnet sich einmal und wird dann gelöscht. Diese Seite anzusehen öffnet nichts.",
    many: (views) => `Es öffnet sich insgesamt ${views}. Diese Seite anzusehen öffnet nichts.`,
    codeLabel: "Code oder Kennwort",
    codeHint: "Der Absender hat es Ihnen auf anderem Weg mitgeteilt.",
    attempts: (left) => `Verbleibende Versuche: ${left}.`,
    wrong: "Das ist nicht der Code oder das Kennwort.",
    empty: "Geben Sie den Code oder das Kennwort ein.",
    open: "Öffnen",
    folder: "In einen Ordner öffnen …",
    folderHint:
      "Direkt auf die Platte: für alles Große. Sonst behält dieser Browser alles, bis Sie es sichern.",
    browserHint:
      "Dieser Browser behält alles, bis Sie es sichern: Nehmen Sie über 2 GB die Befehlszeile.",
    working: "Wird geholt und entschlüsselt …",
    exposed:
      "Dieser Link kam beschädigt an: Sein # war als %23 geschrieben. Er geht trotzdem. Aber was ihn verändert hat, kennt den ganzen Schlüssel, und dieser Server auch. Sagen Sie es dem Absender; ein Passwort darin sollte geändert werden.",
  },

  opened: {
    text: "Das Geheimnis",
    files: "Die Dateien",
    content: "Inhalt",
    keepText:
      "Kopieren Sie es jetzt, wenn Sie es brauchen: Nur diese Seite hat es, solange sie offen ist.",
    keepFiles: "Sichern Sie sie jetzt: Wenn diese Seite zu ist, sind sie weg.",
    inFolder: "Sie liegen in dem Ordner, den Sie gewählt haben.",
    invisible:
      "Einige Zeichen darin sind unsichtbar oder ändern die Schreibrichtung. Was Sie sehen, ist vielleicht nicht, was Sie kopieren.",
    save: "Sichern",
    saveFile: (name) => `${name} sichern`,
    saved: "Gesichert",
    nameHint:
      "Dateien werden nur gesichert, nie angezeigt. Die Namen stammen vom Absender; Vorsicht mit dem, was Sie nicht erwarten.",
    erased: "Der Server weiß, dass Sie es haben.",
    notErased:
      "Der Server hat nicht bestätigt, dass Sie es haben. Es gilt als geöffnet und endet von selbst binnen eines Tages.",
    empty: "Der Text ist leer.",
  },

  receipt: {
    nav: "Quittung",
    title: "Was daraus wurde",
    lead:
      "Mit der Quittung von etwas, das Sie geteilt haben, oder mit Ihrem eigenen Link einer Anfrage.",
    label: "Quittung oder eigener Link",
    submit: "Nachsehen",
    state: "Stand",
    states: {
      waiting: "Wartet auf Antwort",
      uploading: "Wird noch hochgeladen",
      live: "Noch nicht geöffnet",
      locked: "Gesperrt nach zehn falschen Codes oder Kennwörtern",
      used: "Geöffnet",
      revoked: "Widerrufen",
      expired: "Abgelaufen",
    },
    partly: "Geöffnet, lässt sich noch einmal öffnen",
    since: "Seit",
    created: "Erzeugt",
    expires: "Läuft ab",
    size: "Größe, verschlüsselt",
    views: "Wie oft es sich öffnen lässt",
    openings: "Geöffnet am",
    never: "Nie",
    received: "vollständig empfangen",
    notReceived: "Empfang nicht bestätigt",
    attempts: "Verbleibende Versuche",
    refresh: "Noch einmal nachsehen",
    revoke: "Widerrufen",
    revokeSure: "Endgültig widerrufen",
    revokeHint: "Es wird sofort gelöscht, und niemand kann es mehr öffnen.",
    keep: "Behalten",
    revoked: "Es ist widerrufen.",
    unlock: "Entsperren",
    unlocked: "Es ist entsperrt: wieder zehn Versuche.",
    updated: "So steht es jetzt.",
    empty: "Fügen Sie eine Quittung ein. Sie beginnt mit crypto:receipt:v1:",
  },

  request: {
    nav: "Anfragen",
    title: "Um ein Geheimnis bitten",
    lead:
      "Erzeugen Sie einen Link, über den Ihnen jemand einen Text oder Dateien gibt. Nur Sie können die Antwort lesen.",
    ttl: "Lässt sich beantworten für",
    size: "Größte Antwort",
    submit: "Links erzeugen",
    working: "Die Links werden erzeugt …",
    madeTitle: "Die Links sind fertig",
    link: "Link zum Weitergeben",
    linkHint: "Wer ihn hat, kann einmal antworten. Lesen kann man damit keine Antwort.",
    ownLink: "Ihr eigener Link: behalten Sie ihn",
    ownLinkHint:
      "Nur er liest die Antwort, und er wird nirgends aufbewahrt. Legen Sie ihn zu Ihren Passwörtern, geben Sie ihn nicht weiter.",
    until: (when) => `Lässt sich beantworten bis ${when}.`,
    again: "Um noch etwas bitten",
  },

  answer: {
    title: "Sie werden um ein Geheimnis gebeten",
    lead: (when) =>
      `Was Sie hier hineingeben, kann nur lesen, wer diesen Link erzeugt hat. Er lässt sich einmal beantworten, bis ${when}.`,
    limit: (size) => `Höchstens ${size}.`,
    warning:
      "Der Link sagt nicht, wer ihn erzeugt hat. Antworten Sie nur, wenn Sie wissen, von wem Sie ihn haben.",
    submit: "Antwort senden",
    doneTitle: "Die Antwort ist gesendet",
    done: (when) => `Wer gefragt hat, kann sie lesen bis ${when}.`,
    tooLarge: (size) => `Das ist mehr als die ${size}, die die Anfrage annimmt.`,
  },

  own: {
    title: "Die Antwort auf Ihre Anfrage",
    once: "Sie öffnet sich einmal und wird dann gelöscht. Diese Seite anzusehen öffnet nichts.",
  },

  problem: {
    since: (when) => `Seit ${when}.`,
    retry: "Noch einmal versuchen",
    home: "Selbst etwas teilen",
  },
  problems: {
    share_opened: [
      "Es wurde schon geöffnet",
      "Es wurde so oft geöffnet, wie es ging. Waren Sie das nicht, sagen Sie es gleich dem Absender: Jemand anders hat es.",
    ],
    share_expired: [
      "Es ist abgelaufen",
      "Seine Zeit ist um, und es ist gelöscht. Bitten Sie den Absender um ein neues.",
    ],
    share_revoked: [
      "Es wurde widerrufen",
      "Wer es gesendet oder darum gebeten hat, hat es zurückgenommen. Fragen Sie dort nach.",
    ],
    share_locked: [
      "Es ist gesperrt",
      "Es gab zu viele falsche Codes oder Kennwörter. Verloren ist es nicht: Der Absender kann es mit der Quittung entsperren.",
    ],
    share_uploading: [
      "Es ist noch unterwegs",
      "Der Absender hat es noch nicht ganz hochgeladen. Versuchen Sie es in einer Weile wieder.",
    ],
    share_waiting: [
      "Noch hat niemand geantwortet",
      "Behalten Sie Ihren eigenen Link und sehen Sie später nach: Diese Seite sagt, wann die Antwort da ist.",
    ],
    share_answered: [
      "Es ist schon beantwortet",
      "Nur die erste Antwort zählt. War das nicht Ihre, sagen Sie es dem, der gefragt hat.",
    ],
    share_unavailable: [
      "Hier ist nichts für Sie",
      "Es gab es nie, es ist schon länger zu Ende, oder der Link oder die Quittung ist nicht ganz. Prüfen Sie, ob alles kopiert ist, oder fragen Sie den Absender.",
    ],
    bad_link: [
      "Das ist kein ganzer Link und keine Quittung",
      "Kopieren Sie alles, auch was nach dem # kommt.",
    ],
    share_refused: [
      "Der Server nimmt das nicht an",
      "Wählen Sie eine kürzere Zeit, weniger Öffnungen oder weniger Daten.",
    ],
    share_full: [
      "Der Server hat keinen Platz",
      "Versuchen Sie es später, oder fragen Sie den Betreiber.",
    ],
    share_failed: [
      "Beim Server ist etwas fehlgeschlagen",
      "Versuchen Sie es später, oder sagen Sie es dem Betreiber.",
    ],
    share_storage: [
      "Wo der Server Geheimnisse ablegt, antwortet niemand",
      "Verloren ist nichts. Versuchen Sie es in einer Minute, oder sagen Sie es dem Betreiber.",
    ],
    share_unreachable: [
      "Der Server ist nicht erreichbar",
      "Verloren ist nichts. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.",
    ],
    too_many_requests: [
      "Von hier kamen zu viele Anfragen",
      "Warten Sie eine Minute und versuchen Sie es dann wieder.",
    ],
    too_large: [
      "Das ist zu viel auf einmal",
      "Senden Sie weniger Dateien, oder packen Sie sie in ein Archiv.",
    ],
    io: [
      "Eine Datei ließ sich nicht lesen oder schreiben",
      "Sie wurde vielleicht geändert oder verschoben, oder die Platte ist voll. Wählen Sie sie neu.",
    ],
    decryption_failed: [
      "Es ließ sich nicht entschlüsseln",
      "Was kam, ist nicht, was gesendet wurde: Es wurde unterwegs oder am Server verändert. Sagen Sie es dem Absender.",
    ],
    malformed: [
      "Der Inhalt lässt sich nicht lesen",
      "Ein Programm hat ihn erzeugt, das diese Seite nicht versteht. Fragen Sie den Absender.",
    ],
    bad_answer: [
      "Die Antwort des Servers ist unverständlich",
      "Vielleicht hat sie unterwegs etwas verändert. Versuchen Sie es noch einmal, oder fragen Sie den Betreiber.",
    ],
    internal: [
      "In dieser Seite ging etwas schief",
      "Vielleicht ist Ihr Browser zu alt: Nehmen Sie einen neuen, oder die Befehlszeile.",
    ],
    insecure: [
      "Diese Seite braucht https",
      "Ohne https bieten Browser keine Kryptographie. Öffnen Sie sie mit https oder auf dem Rechner, der sie ausliefert.",
    ],
  },
};
