/** Stores on the services of AWS that the tests have started. */
import { CreateTableCommand, DynamoDBClient, ScanCommand } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import type { Bytes } from "../../../core/bytes.ts";
import { awsClients } from "../../../share/aws/clients.ts";
import { awsPlace } from "../../../share/aws/place.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import type { AwsServices } from "../../support/aws.ts";
import { type Subject, TEST_QUOTAS } from "../contract_support.ts";
import { filesHold } from "../support.ts";

/** Hundreds of requests at once take DynamoDB Local its time on a busy machine. */
const UNHURRIED = { connectionTimeout: 30_000, requestTimeout: 60_000 };

/** What a server may do with the objects under its prefix. */
export const RIGHTS = [
  "s3:AbortMultipartUpload",
  "s3:DeleteObject",
  "s3:GetObject",
  "s3:ListMultipartUploadParts",
  "s3:PutObject",
];

let made = 0;

/** A table and a bucket of their own, and a store on them. */
export class OnAws implements Subject {
  private constructor(
    readonly services: AwsServices,
    readonly name: string,
    readonly clients: ReturnType<typeof awsClients>,
    readonly store: AwsStore,
  ) {}

  /** @param clientBytes what one client may bring in a day */
  static async open(
    services: AwsServices,
    clientBytes: number = TEST_QUOTAS.perClient,
  ): Promise<OnAws> {
    const name = `store-${++made}`;
    const clients = awsClients(placeOf(services, name), UNHURRIED);
    await makeTable(clients.dynamodb, name);
    await clients.s3.send(new CreateBucketCommand({ Bucket: name }));
    const store = new AwsStore({ table: name, bucket: name, clientBytes, ...clients });
    return new OnAws(services, name, clients, store);
  }

  /** What `--store` is given. */
  get address(): string {
    return addressOf(this.name);
  }

  /** All items, as DynamoDB has them. */
  async items() {
    const command = new ScanCommand({ TableName: this.name, ConsistentRead: true });
    return (await this.clients.dynamodb.send(command)).Items ?? [];
  }

  async holds(bytes: Bytes): Promise<boolean> {
    const needle = latin1(bytes);
    const inTable = (await this.items()).some((item) => {
      return Object.values(item).some(({ B }) => B !== undefined && latin1(B).includes(needle));
    });
    return inTable || filesHold(`${this.services.buckets}/${this.name}`, bytes);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.clients.dynamodb.destroy();
    this.clients.s3.destroy();
    return Promise.resolve();
  }
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

function addressOf(name: string): string {
  return `dynamodb://${name}?bucket=${name}`;
}

/** A place on services, which may be reached over another line. */
export function placeOf({ env }: Pick<AwsServices, "env">, name: string) {
  return awsPlace(addressOf(name), (variable) => env[variable]);
}

/** A second process's store over the same table and bucket; `more` of its environment. */
export function second(subject: OnAws, more: Readonly<Record<string, string>> = {}) {
  const place = placeOf({ env: { ...subject.services.env, ...more } }, subject.name);
  const clients = awsClients(place);
  return {
    store: new AwsStore({ ...place, clientBytes: 1e9, ...clients }),
    [Symbol.dispose]() {
      clients.dynamodb.destroy();
      clients.s3.destroy();
    },
  };
}

/** Makes a table as a store needs it. */
export async function makeTable(client: DynamoDBClient, TableName: string): Promise<void> {
  const command = new CreateTableCommand({
    TableName,
    AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
    KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
    BillingMode: "PAY_PER_REQUEST",
  });
  await client.send(command);
}
