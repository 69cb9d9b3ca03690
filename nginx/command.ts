/** The command lines of the configurations for nginx. What they need is loaded when they run. */
import {
  buildCommand,
  buildRouteMap,
  type Command,
  type CommandContext,
  type RouteMap,
} from "../core/command.ts";
import type { FrontFlags } from "./front.ts";
import type { NginxFlags } from "./options.ts";
import type { NginxContext } from "./run.ts";

type NginxCommandContext = NginxContext & CommandContext;

function text<const P extends string>(placeholder: P, brief: string) {
  return { kind: "parsed", parse: String, placeholder, brief } as const;
}

function optionalText<const P extends string>(placeholder: P, brief: string) {
  return { ...text(placeholder, brief), optional: true } as const;
}

/** `crypto share nginx` */
export const nginxCommand: Command<NginxCommandContext> = buildCommand({
  async loader() {
    const { printSite } = await import("./run.ts");
    return function (this: NginxCommandContext, flags: NginxFlags) {
      return printSite(this, flags);
    };
  },
  parameters: {
    flags: {
      domain: text("name", "Where people reach the share server"),
      profile: optionalText("name", "modern: TLS 1.3 (default); intermediate: TLS 1.2 too"),
      upstream: optionalText(
        "address",
        "The share server: unix:PATH (default /run/crypto-share/share.sock), 127.0.0.1:PORT, https://HOST " +
          "(a function URL, to which all who come this way are one client)",
      ),
      certificate: optionalText("path", "Its certificate and chain; else where certbot puts it"),
      certificateKey: optionalText("path", "The key of that"),
      ocspChain: optionalText("path", "Staple OCSP answers, checked by these CA certificates"),
      page: optionalText("path", "Folder of a static page, to be served instead of the server's"),
      storage: optionalText("origin", "With --page: the bucket of a share server on AWS"),
      maxBytes: optionalText("number", "The share server's setting of that name"),
      requestsPerMinute: optionalText("number", "The share server's setting of that name"),
      resolver: optionalText("address", "Name server, for an https upstream and for OCSP"),
      nginx: optionalText("version", "The nginx that will read it (1.26)"),
      openssl: optionalText("version", "The OpenSSL that nginx uses (3.5)"),
    },
  },
  docs: {
    brief: "Print an nginx configuration that stands before a share server",
    fullDescription: [
      "Print an nginx configuration for a share server: TLS after Mozilla's guideline 6.0, limits,",
      "nothing of a secret in a log or a temporary file. See docs/operations.md for what else it takes.",
    ].join("\n"),
    customUsage: [
      {
        input: "--domain share.example.org > /etc/nginx/conf.d/crypto-share.conf",
        brief: "Debian 13",
      },
      { input: "--domain share.example.org --nginx 1.22 --openssl 3.0", brief: "Debian 12" },
    ],
  },
});

const frontCommand: Command<NginxCommandContext> = buildCommand({
  async loader() {
    const { printFront } = await import("./run.ts");
    return function (this: NginxCommandContext, flags: FrontFlags) {
      return printFront(this, flags);
    };
  },
  parameters: {
    flags: {
      domain: text("name", "The name by which clients reach the daemon"),
      upstream: optionalText(
        "address",
        "Where the daemon listens, ADDRESS:PORT (default 127.0.0.1:7401)",
      ),
      port: optionalText("number", "Where nginx listens (default 7400)"),
      connections: optionalText("number", "How many a client may have open (default 64)"),
    },
  },
  docs: {
    brief: "Print an nginx configuration that stands before a daemon on the network",
    fullDescription: [
      "Print an nginx configuration for a daemon on the network: connections are counted and timed,",
      "and TLS passes through, so that the daemon goes on knowing each client by its certificate.",
      "See docs/network.md for what else it takes.",
    ].join("\n"),
    customUsage: [
      "--domain keys.example.org > /etc/nginx/modules-enabled/90-crypto-network.conf",
      "--domain keys.example.org --upstream 10.0.0.2:7400",
    ],
  },
});

/** `crypto network …` */
export const networkRoutes: RouteMap<NginxCommandContext> = buildRouteMap({
  routes: { nginx: frontCommand },
  docs: {
    brief: "Put nginx before a daemon that listens on the network",
    fullDescription: [
      "Put nginx before a daemon that listens on the network.",
      "",
      "  $ crypto network nginx --domain keys.example.org",
    ].join("\n"),
  },
});
