/** Events as AWS documents them, for requests of the tests' own. */
import functionUrl2 from "./events/function-url-2.0.json" with { type: "json" };
import httpApi1 from "./events/http-api-1.0.json" with { type: "json" };
import httpApi2 from "./events/http-api-2.0.json" with { type: "json" };
import restApi1 from "./events/rest-api-1.0.json" with { type: "json" };

/** What is to be in an event. */
export interface Sent {
  readonly method?: string;
  /** As it is in the event. */
  readonly path: string;
  readonly query?: readonly (readonly [string, string])[];
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly body?: string | undefined;
  readonly isBase64Encoded?: boolean;
  /** Where the connection comes from; absent: as documented. */
  readonly peer?: string | undefined;
}

type Event = Readonly<Record<string, unknown>>;

function event1(documented: typeof httpApi1 | typeof restApi1, sent: Sent): Event {
  const { method = "POST", path, query = [], headers = {}, body, isBase64Encoded } = sent;
  const { requestContext } = documented;
  const { identity } = requestContext;
  const single = Object.entries(headers).map(([name, values]) => [name, values.at(-1)]);
  const names = [...new Set(query.map(([name]) => name))];
  const all = (name: string) => query.filter(([other]) => other === name).map(([, value]) => value);
  return {
    ...documented,
    ...{ httpMethod: method, path, body: body ?? null, isBase64Encoded },
    headers: Object.fromEntries(single),
    multiValueHeaders: headers,
    queryStringParameters: Object.fromEntries(query),
    multiValueQueryStringParameters: query.length === 0
      ? null
      : Object.fromEntries(names.map((name) => [name, all(name)])),
    requestContext: {
      ...requestContext,
      httpMethod: method,
      identity: { ...identity, sourceIp: sent.peer ?? identity.sourceIp },
    },
  };
}

function event2(documented: typeof httpApi2 | typeof functionUrl2, sent: Sent): Event {
  const { method = "POST", path, query = [], headers = {}, body, isBase64Encoded = false } = sent;
  const { requestContext } = documented;
  const { http } = requestContext;
  const joined = Object.entries(headers).map(([name, values]) => [name, values.join(",")]);
  const { body: _, ...rest } = documented;
  return {
    ...rest,
    ...{ rawPath: path, isBase64Encoded, ...body === undefined ? {} : { body } },
    rawQueryString: new URLSearchParams(query as [string, string][]).toString(),
    headers: Object.fromEntries(joined),
    requestContext: {
      ...requestContext,
      http: { ...http, method, path, sourceIp: sent.peer ?? http.sourceIp },
    },
  };
}

/** A request as an event of each kind, with the address that the documented one came from. */
export const KINDS = {
  "an HTTP API's, format 2.0": { make: (sent: Sent) => event2(httpApi2, sent), peer: "192.0.2.1" },
  "an HTTP API's, format 1.0": { make: (sent: Sent) => event1(httpApi1, sent), peer: "192.0.2.1" },
  "a function URL's": { make: (sent: Sent) => event2(functionUrl2, sent), peer: "123.123.123.123" },
  "a REST API's": { make: (sent: Sent) => event1(restApi1, sent), peer: "192.168.196.186" },
} as const;

/** The documented events themselves. */
export const DOCUMENTED = { functionUrl2, httpApi1, httpApi2, restApi1 };
