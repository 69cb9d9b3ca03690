/** German. */
import type { Texts } from "./en.ts";

export const de: Texts = {
  locale: "de",
  language: "Deutsch",
  title: "crypto",
  skip: "Zum Inhalt",
  chooseLanguage: "Sprache",
  pages: "Seiten",
  footer:
    "Diese Seite kommt von Ihrem eigenen Rechner. Die Schlüssel bleiben beim Dienst; nur Links, die Sie senden, verlassen ihn.",

  key: "Schlüssel",
  keyVersion: (name, version) => `${name}, Version ${version}`,
  context: "An einen Kontext binden",
  contextLabel: "Kontext",
  contextHint:
    "Was mit einem verschlüsselt ist, öffnet sich nur mit demselben. Er ist kein Passwort.",
  again: "Noch etwas",
  saved: "Ihr Browser sichert, was entstanden ist.",

  chooser: {
    what: "Was es ist",
    text: "Text",
    files: "Dateien",
    drop: "Dateien hierher ziehen, einfügen oder",
    choose: "Dateien wählen",
    chosen: "Gewählte Dateien",
    remove: (name) => `${name} entfernen`,
    added: (count) => `${count} gewählt`,
    noFolders: "Ordner gehen nicht: Packen Sie ihn zuerst in ein Archiv.",
    nothing: "Es gibt noch nichts: Schreiben Sie einen Text oder wählen Sie Dateien.",
    badText: "Der Text enthält ein halbes Zeichen, das nicht geht. Entfernen Sie es.",
  },

  encrypt: {
    nav: "Verschlüsseln",
    title: "Verschlüsseln",
    lead: "Ein Text wird zu einer Zeile, eine Datei zu einer Datei, die auf .crypto endet.",
    textLabel: "Ihr Text",
    anyKey: "Der übliche Schlüssel",
    keyHint: "Von denen, die Sie benutzen dürfen.",
    submit: "Verschlüsseln",
    working: "Wird verschlüsselt …",
    textTitle: "Die Nachricht",
    filesTitle: "Verschlüsselt",
  },
  decrypt: {
    nav: "Entschlüsseln",
    title: "Entschlüsseln",
    lead: "Eine Zeile, die mit crypto:v1: beginnt, oder Dateien, die auf .crypto enden.",
    textLabel: "Die Nachricht",
    anyKey: "Der, mit dem es verschlüsselt ist",
    keyHint: "Wählen Sie einen nur, um Nachrichten anderer Schlüssel abzuweisen.",
    submit: "Entschlüsseln",
    working: "Wird entschlüsselt …",
    textTitle: "Der Text",
    filesTitle: "Entschlüsselt",
  },

  send: {
    nav: "Senden",
    title: "Als Link senden",
    lead:
      "Ein Text oder Dateien, hinter einem Link, der sich einmal öffnet. Der Server kann sie nicht lesen.",
    server: "Über",
    textLabel: "Ihr Text",
    ttl: "Lässt sich öffnen für",
    protect: "Was es öffnet",
    link: "Der Link allein",
    linkHint: "Wer den ganzen Link hat, kann es öffnen.",
    code: "Der Link und ein Code aus vier Wörtern",
    codeHint:
      "Am besten für Mail und Chat: Auch Programme öffnen dort Links. Den Code teilen Sie auf anderem Weg mit.",
    submit: "Link erzeugen",
    working: "Wird verschlüsselt und gesendet …",
  },
  sent: {
    title: "Der Link ist fertig",
    until: (when) => `Öffnet einmal, bis ${when}.`,
    link: "Link",
    code: "Code",
    codeHint: "Teilen Sie ihn auf anderem Weg mit als den Link: am Telefon, persönlich.",
    mailHint:
      "Geht der Link per Mail oder Chat, kann ihn dort ein Programm vor dem Empfänger öffnen. Ein Code verhindert das.",
    receipt: "Quittung, nur für Sie",
    receiptHint:
      "Zeigt, ob es geöffnet wurde, und nimmt es zurück: crypto share status, crypto share revoke. Sie wird nirgends aufbewahrt.",
  },

  copy: (what) => `Kopieren: ${what}`,
  copyShort: "Kopieren",
  copied: "Kopiert",
  copyFailed: "Das Kopieren ging nicht: Markieren und kopieren Sie es selbst.",

  keys: {
    nav: "Schlüssel",
    title: "Schlüssel",
    lead:
      "Die, die Sie benutzen dürfen. Die neueste Version verschlüsselt; ältere entschlüsseln noch.",
    version: "Version",
    state: "Stand",
    states: {
      encrypts: "Verschlüsselt",
      active: "Entschlüsselt",
      retired: "Entschlüsselt",
      disabled: "Abgeschaltet",
      outdated: "Veraltet",
      scheduled: "Wird vernichtet",
      destroyed: "Vernichtet",
    },
    id: "Kennung",
    created: "Erzeugt",
    purposes: {
      seal: "Ver- und entschlüsselt Texte und Dateien jeder Größe",
      fernet: "Ver- und entschlüsselt wie ein älterer Dienst, bis 512 KiB",
      mac: "Beglaubigt, was nicht verschlüsselt wird: crypto mac auf der Befehlszeile",
    },
    refresh: "Noch einmal nachsehen",
  },

  history: {
    nav: "Verlauf",
    title: "Verlauf",
    lead: "Was von dieser Seite aus getan wurde, ohne Inhalt. Mit der Seite ist es vergessen.",
    empty: "Von dieser Seite aus wurde noch nichts getan.",
    when: "Wann",
    what: "Was",
    content: "Wovon",
    deeds: { encrypt: "Verschlüsselt", decrypt: "Entschlüsselt", send: "Gesendet" },
    forget: "Vergessen",
  },

  closed: {
    title: "Dieses Fenster ist zu",
    lead:
      "Es wurde anderswo geöffnet oder eine Weile nicht benutzt. Starten Sie crypto gui noch einmal.",
  },

  problems: {
    decryption_failed:
      "Es ließ sich nicht entschlüsseln: Schlüssel oder Kontext sind andere, oder es wurde verändert oder abgeschnitten. Eine begonnene Datei ist nichts wert.",
    denied: "Diesen Schlüssel gibt es für Sie nicht, oder Sie dürfen das mit ihm nicht.",
    malformed: "Das ist keine Nachricht von crypto. Prüfen Sie, ob alles kopiert ist.",
    invalid_text: "Darin ist kein Text: Legen Sie es in eine Datei und entschlüsseln Sie die.",
    too_large: "Das ist zu lang für einen Text oder für diesen Schlüssel: Nehmen Sie eine Datei.",
    key_disabled: "Der Schlüssel, oder diese Version, ist nicht in Gebrauch. Fragen Sie nach.",
    key_destroyed: "Diese Version des Schlüssels ist vernichtet: Niemand entschlüsselt es mehr.",
    quota_exceeded: "Ihr Kontingent ist aufgebraucht. Versuchen Sie es später.",
    wrong_purpose: "Der Schlüssel ist für einen anderen Zweck.",
    no_passphrase: "Es steht unter einem Kennwort: Nehmen Sie crypto decrypt auf der Befehlszeile.",
    sealed: "Die Schlüssel sind versiegelt, bis jemand sie öffnet, der das darf.",
    unavailable: "Der Dienst ist nicht erreichbar. Prüfen Sie, ob er läuft.",
    too_many_requests: "Zu viel auf einmal. Warten Sie eine Minute.",
    io: "Eine Datei ließ sich nicht bis zum Ende lesen oder sichern. Wählen Sie sie neu.",
    share_unreachable: "Der Share-Server ist nicht erreichbar. Prüfen Sie, ob er läuft.",
    share_storage:
      "Der Speicher des Share-Servers antwortet nicht. Versuchen Sie es in einer Minute wieder.",
    share_refused:
      "Der Share-Server nimmt das nicht an: Wählen Sie eine kürzere Zeit oder weniger Daten.",
    share_full: "Der Share-Server hat keinen Platz. Versuchen Sie es später.",
    bad_answer:
      "Die Antwort des Share-Servers ist unverständlich. War er nicht erreichbar, als dieses Fenster aufging, starten Sie crypto gui noch einmal.",
    gui_refused: "Dieses Fenster ist zu. Starten Sie crypto gui noch einmal.",
    closed: "Dieses Fenster ist zu. Starten Sie crypto gui noch einmal.",
    internal: "Etwas ging schief. Versuchen Sie es noch einmal, oder nehmen Sie die Befehlszeile.",
  },
};
