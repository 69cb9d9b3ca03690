/** The command line of the share server: a flag for each setting. What it needs is loaded later. */
import { buildCommand, type Command, type CommandContext } from "../core/command.ts";
import type { ServeFlags } from "./prepare.ts";
import type { ServeContext } from "./serve.ts";
import { type Setting, SETTING_NAMES, type SettingName, SETTINGS } from "./settings.ts";

type Context = ServeContext & CommandContext;

/** An optional flag with a text. */
function textFlag(placeholder: string, brief: string) {
  return { kind: "parsed", parse: String, optional: true, placeholder, brief } as const;
}

function settingFlag(name: SettingName) {
  const { default: standard, range, meaning }: Setting = SETTINGS[name];
  if (typeof standard === "boolean") return switchFlag(meaning);
  const otherwise = standard === undefined || standard === "" ? "" : ` (${standard})`;
  return textFlag(range ? "number" : "text", meaning + otherwise);
}

function switchFlag(brief: string) {
  return { kind: "boolean", optional: true, withNegated: false, brief } as const;
}

type Flags = {
  [N in SettingName]: (typeof SETTINGS)[N] extends { default: boolean }
    ? ReturnType<typeof switchFlag>
    : ReturnType<typeof textFlag>;
};
const settingFlags = Object.fromEntries(SETTING_NAMES.map((name) => [name, settingFlag(name)]));

/** `crypto share serve` */
export const serveCommand: Command<Context> = buildCommand({
  async loader() {
    const { serve } = await import("./serve.ts");
    return function (this: Context, flags: ServeFlags) {
      return serve(this, flags);
    };
  },
  parameters: {
    flags: {
      ...settingFlags as Flags,
      config: textFlag("path", "file with settings; else crypto/share.toml in XDG_CONFIG_HOME"),
    },
  },
  docs: {
    brief: "Run a share server",
    fullDescription: [
      "Run a share server until SIGTERM or SIGINT. It stores what it cannot read.",
      "",
      "Each setting is also a line of the file, and a variable of the environment: max_ttl and",
      "CRYPTO_SHARE_MAX_TTL. A flag goes before the environment, that before the file.",
    ].join("\n"),
    customUsage: [
      { input: "", brief: "for a look: on this machine alone" },
      { input: "--origin https://share.example.org --proxies 127.0.0.1", brief: "behind a proxy" },
    ],
  },
});
