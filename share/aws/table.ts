/** The one table: items by their ids, each operation one request, strongly consistent. */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";
import { ServiceFailure } from "./failure.ts";

/** What an item holds: texts, numbers, bytes, and maps of these. */
export type Item = Readonly<Record<string, unknown>>;

/** A conditional change. In expressions `#name` is an attribute and `:name` one of the values. */
export interface Change {
  /** Attributes and what they become; null removes one. */
  readonly set?: Item;
  /** More assignments. */
  readonly also?: readonly string[];
  readonly when: string;
  /** What `when` and `also` speak of. */
  readonly values?: Item;
  /** What names in them stand for, unless for themselves. */
  readonly names?: Readonly<Record<string, string>>;
}

/** The item as it was changed, or as it was found where the condition did not hold. */
export type Changed = { readonly changed: Item; readonly found?: undefined } | {
  readonly changed?: undefined;
  readonly found: Item | undefined;
};

/** A table whose partition key is the text `id`, without a sort key. */
export class Table {
  constructor(private readonly client: DynamoDBClient, private readonly name: string) {}

  async get(id: string): Promise<Item | undefined> {
    const command = new GetItemCommand({ ...this.#key(id), ConsistentRead: true });
    return read((await asked(this.client.send(command))).Item);
  }

  /** Puts an item where there is none. Gives what is there instead, if something is. */
  async insert(item: Item): Promise<Item | undefined> {
    const command = new PutItemCommand({
      TableName: this.name,
      Item: marshall(item),
      ConditionExpression: "attribute_not_exists(id)",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    return await conditional(asked(this.client.send(command)), () => undefined, read);
  }

  /** Changes an item in one conditional write. */
  async update(id: string, { set = {}, also = [], when, values = {}, names = {} }: Change) {
    const [assigned, removed] = [true, false].map((kept) => {
      return Object.keys(set).filter((name) => (set[name] ?? null) !== null === kept);
    }) as [string[], string[]];
    const assignments = [...assigned.map((name) => `#${name} = :${name}`), ...also];
    const update = [...clause("SET", assignments), ...clause("REMOVE", removed.map((n) => `#${n}`))]
      .join(" ");
    const kept = Object.fromEntries(assigned.map((name) => [name, set[name]]));
    const command = new UpdateItemCommand({
      ...this.#key(id),
      UpdateExpression: update,
      ConditionExpression: when,
      ExpressionAttributeNames: namesIn(`${update} ${when}`, names),
      ...valuesOf({ ...kept, ...values }),
      ReturnValues: "ALL_NEW",
      ReturnValuesOnConditionCheckFailure: "ALL_OLD",
    });
    return await conditional(
      asked(this.client.send(command)),
      ({ Attributes }): Changed => ({ changed: read(Attributes) ?? {} }),
      (item): Changed => ({ found: read(item) }),
    );
  }

  /** Removes an item, if it is there and has these values. */
  async remove(id: string, only: Item = {}): Promise<void> {
    const when = Object.keys(only).map((name) => `#${name} = :${name}`).join(" AND ");
    const condition = when && {
      ConditionExpression: when,
      ExpressionAttributeNames: namesIn(when, {}),
      ...valuesOf(only),
    };
    const command = new DeleteItemCommand({ ...this.#key(id), ...condition || {} });
    await conditional(asked(this.client.send(command)), () => {}, () => {});
  }

  /** Uses every right on it, to no effect. @throws {ServiceFailure} */
  async check(): Promise<void> {
    const id = "none";
    const never = "attribute_exists(#never)";
    await this.get(id);
    await this.update(id, { set: { never: 0 }, when: never });
    await this.remove(id, { never: 0 });
  }

  #key(id: string) {
    return { TableName: this.name, Key: { id: { S: id } } };
  }
}

type Marshalled = Record<string, AttributeValue>;

function read(item: Marshalled | undefined): Item | undefined {
  return item && unmarshall(item);
}

function clause(word: string, parts: readonly string[]): string[] {
  return parts.length === 0 ? [] : [`${word} ${parts.join(", ")}`];
}

/** Every name is an alias: many ordinary words are DynamoDB's own. */
function namesIn(expressions: string, names: Readonly<Record<string, string>>) {
  const used = Array.from(expressions.matchAll(/#(\w+)/g), ([, name = ""]) => name);
  return Object.fromEntries(used.map((name) => [`#${name}`, names[name] ?? name]));
}

function valuesOf(values: Item) {
  const entries = Object.entries(values).map(([name, value]) => [`:${name}`, value]);
  if (entries.length === 0) return {};
  return { ExpressionAttributeValues: marshall(Object.fromEntries(entries)) };
}

/** Whether a condition held is an answer, not a failure. */
async function conditional<T, A>(
  answer: Promise<A>,
  held: (answer: A) => T,
  failed: (item: Marshalled | undefined) => T,
): Promise<T> {
  try {
    return held(await answer);
  } catch (error) {
    const cause = error instanceof ServiceFailure ? error.cause : undefined;
    if (cause instanceof ConditionalCheckFailedException) return failed(cause.Item);
    throw error;
  }
}

/** What DynamoDB answers. @throws {ServiceFailure} whose cause is the SDK's error */
async function asked<A>(answer: Promise<A>): Promise<A> {
  try {
    return await answer;
  } catch (cause) {
    throw new ServiceFailure("DynamoDB", cause);
  }
}
