/** The table: what its settings should be, as pure functions of what AWS says, and asking for them. */
import {
  type BackupSummary,
  type ContinuousBackupsDescription,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  ListBackupsCommand,
  type TableDescription,
  type TimeToLiveDescription,
} from "@aws-sdk/client-dynamodb";
import type { Check } from "./check.ts";
import { type Problem, quoted, warning, wrong } from "./finding.ts";

/** The attribute by which DynamoDB removes items. */
const TTL_ATTRIBUTE = "deleteAt";

/** That it has the key that records are found by. */
export function judgeKey(table: TableDescription): Problem[] {
  const { TableStatus, KeySchema = [], AttributeDefinitions = [] } = table;
  if (TableStatus !== "ACTIVE" && TableStatus !== "UPDATING") {
    return [wrong(`it is ${TableStatus}`, "wait until it is ACTIVE")];
  }
  const keys = KeySchema.map(({ AttributeName, KeyType }) => {
    const type = AttributeDefinitions.find((one) => one.AttributeName === AttributeName);
    return `${AttributeName} ${KeyType} ${type?.AttributeType}`;
  });
  if (keys.join() === "id HASH S") return [];
  const remedy =
    "use another table: a key cannot be changed. The partition key is id, a string (S), " +
    "and there is no sort key";
  return [wrong(`its key is ${keys.join(", ")}`, remedy)];
}

/** That no peak of requests is refused. */
export function judgeBilling({ TableName, BillingModeSummary }: TableDescription): Problem[] {
  if (BillingModeSummary?.BillingMode === "PAY_PER_REQUEST") return [];
  const remedy =
    `aws dynamodb update-table --table-name ${TableName} --billing-mode PAY_PER_REQUEST`;
  return [warning("it has a provisioned capacity, above which requests fail", remedy)];
}

/** That nothing of an item goes elsewhere, and there is one place where it is decided who takes. */
export function judgeCopies(table: TableDescription): Problem[] {
  const { TableName, StreamSpecification, Replicas = [] } = table;
  const update = `aws dynamodb update-table --table-name ${TableName}`;
  const stream = StreamSpecification?.StreamEnabled
    ? [wrong(
      "its stream keeps for a day what was erased",
      `${update} --stream-specification StreamEnabled=false`,
    )]
    : [];
  const replicas = Replicas.map(({ RegionName }) => {
    const remedy = `${update} --replica-updates '[{"Delete":{"RegionName":"${RegionName}"}}]'`;
    return wrong(`it has a replica in ${RegionName}: one secret could be taken in both`, remedy);
  });
  return [...stream, ...replicas];
}

/** That DynamoDB removes what is over. */
export function judgeTtl(table: string, ttl: TimeToLiveDescription | undefined): Problem[] {
  const { TimeToLiveStatus: status = "DISABLED", AttributeName: attribute } = ttl ?? {};
  const isOn = status === "ENABLED" || status === "ENABLING";
  if (isOn && attribute === TTL_ATTRIBUTE) return [];
  const command = `aws dynamodb update-time-to-live --table-name ${table} ` +
    "--time-to-live-specification ";
  const on = `${command}Enabled=true,AttributeName=${TTL_ATTRIBUTE}`;
  if (!isOn) return [wrong("it is off: what is over stays in the table", on)];
  const off = command + quoted(`Enabled=false,AttributeName=${attribute}`);
  const what = `it goes by ${attribute}, which no item has: AWS lets it be changed an hour after`;
  return [wrong(what, off)];
}

/** That what was erased cannot be restored. */
export function judgeRecovery(
  table: string,
  backups: ContinuousBackupsDescription | undefined,
): Problem[] {
  const status = backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  if (status !== "ENABLED") return [];
  const remedy = `aws dynamodb update-continuous-backups --table-name ${table} ` +
    "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=false";
  return [wrong("what was erased can be restored for up to 35 days", remedy)];
}

/** The same of backups that somebody made. */
export function judgeBackups(backups: readonly BackupSummary[]): Problem[] {
  return backups.map(({ BackupArn, BackupName }) => {
    const remedy = `aws dynamodb delete-backup --backup-arn ${quoted(BackupArn ?? "")}`;
    return wrong(`the backup ${BackupName} keeps what was erased since`, remedy);
  });
}

/** What is looked at. */
export function tableChecks(client: DynamoDBClient, TableName: string): Check[] {
  const of = { TableName };
  const describe = async () => (await client.send(new DescribeTableCommand(of))).Table ?? {};
  const described = (name: string, fine: string, judge: (table: TableDescription) => Problem[]) => {
    const look = async () => judge(await describe());
    return { name, fine, right: "dynamodb:DescribeTable", look };
  };
  return [
    described("table: key", "the partition key is id, a string", judgeKey),
    described("table: billing", "on demand", judgeBilling),
    described("table: copies", "no stream and no replica", judgeCopies),
    {
      name: "table: TTL",
      fine: `on, by ${TTL_ATTRIBUTE}`,
      right: "dynamodb:DescribeTimeToLive",
      async look() {
        const answer = await client.send(new DescribeTimeToLiveCommand(of));
        return judgeTtl(TableName, answer.TimeToLiveDescription);
      },
    },
    {
      name: "table: point-in-time recovery",
      fine: "off",
      right: "dynamodb:DescribeContinuousBackups",
      async look() {
        const answer = await client.send(new DescribeContinuousBackupsCommand(of));
        return judgeRecovery(TableName, answer.ContinuousBackupsDescription);
      },
    },
    {
      name: "table: backups",
      fine: "none",
      right: "dynamodb:ListBackups",
      async look() {
        const command = new ListBackupsCommand({ ...of, BackupType: "ALL" });
        return judgeBackups((await client.send(command)).BackupSummaries ?? []);
      },
    },
  ];
}
