/** The store on AWS, on AWS's own DynamoDB Local and an S3 server that checks signatures. */
import { startAws } from "../support/aws.ts";
import { againTests } from "./aws/again.ts";
import { attackTests } from "./aws/attacks.ts";
import { doctorTests } from "./aws/doctor.ts";
import { failingTests } from "./aws/failing.ts";
import { fileTests } from "./aws/files.ts";
import { forgettingTests } from "./aws/forgetting.ts";
import { presignedTests } from "./aws/presigned.ts";
import { retryTests } from "./aws/retries.ts";
import { OnAws } from "./aws/support.ts";
import { storeContract } from "./store_contract.ts";

const services = await startAws();
if ("skip" in services) {
  console.log(`SKIP: the store on AWS: ${services.skip}`);
} else {
  Deno.test.afterAll(async () => await services[Symbol.asyncDispose]());
  storeContract("aws", () => OnAws.open(services));
  retryTests(services);
  presignedTests(services);
  againTests(services);
  forgettingTests(services);
  failingTests(services);
  fileTests(services);
  doctorTests(services);
  await attackTests(services);
}
