/** The command line of sharing. What it needs is loaded when it runs. */
import { buildRouteMap } from "@stricli/core";
import { serveCommand } from "./serve_command.ts";

/** `crypto share` */
export const shareRoutes = buildRouteMap({
  routes: { serve: serveCommand },
  docs: { brief: "Share a text or a file once" },
});
