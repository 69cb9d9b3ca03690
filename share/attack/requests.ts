/** Attacks on requests: a place for one answer that only its maker reads. */
import { toBase64Url } from "../../core/base64.ts";
import { randomBytes } from "../../core/bytes.ts";
import { type Attack, expect, type Target } from "./attack.ts";
import { ask, GONE, madeUp, TAKEN, UNAVAILABLE, Victim, VictimRequest } from "./victim.ts";

const CREATED = 201;
const WRONG = 400;
const EXISTS = 409;
const REFUSED = 422;
/** What is no size of an answer. */
const ODD_SIZES = [0, -1, 1.5, 1e18, "1024", null, true, [], {}];

/** The answer that was given first is there, and its reader gets it. */
async function stillAnswered(url: string, request: VictimRequest, body: unknown): Promise<void> {
  const { status, json } = await ask(url, "take", request.claim());
  expect(status === TAKEN, `who asked got ${status}`);
  expect(json.body === body, "who asked got something else");
}

/** Answers at once, over all the servers in turn. */
async function race({ urls }: Target, answerers: number): Promise<void> {
  const request = await new VictimRequest().create(urls[0]);
  const answers = await Promise.all(Array.from({ length: answerers }, () => request.answer()));
  const all = await Promise.all(answers.map(async (answer, i) => {
    return { answer, ...await ask(urls[i % urls.length]!, "answer", answer) };
  }));
  const kept = all.filter(({ status }) => status === CREATED);
  expect(kept.length === 1, `${kept.length} of ${answerers} answers were accepted`);
  expect(all.every(({ status }) => status === CREATED || status === GONE), "another came");
  await stillAnswered(urls.at(-1)!, request, kept[0]!.answer.body);
}

async function races(target: Target): Promise<void> {
  for (let round = 0; round < target.rounds; round++) await race(target, 50);
}

async function withoutLink({ urls: [url] }: Target): Promise<void> {
  const request = await new VictimRequest().create(url);
  const { linkProof } = request.claim();
  const proofs = [madeUp(), linkProof, request.held.receipt];
  for (const writeProof of proofs) {
    const answer = await ask(url, "answer", await request.answer({ writeProof }));
    const look = await ask(url, "look-request", { id: request.id, writeProof });
    expect(answer.status === UNAVAILABLE, `answered without the link: ${answer.status}`);
    expect(look.status === UNAVAILABLE, `seen without the link: ${look.status}`);
  }
  const answer = await request.answer();
  expect((await ask(url, "answer", answer)).status === CREATED, "the answerer was refused");
  await stillAnswered(url, request, answer.body);
}

/** Who has the link that was given away may answer, and nothing else. */
async function answererReads({ urls: [url] }: Target): Promise<void> {
  const request = await new VictimRequest().create(url);
  const answer = await request.answer();
  await ask(url, "answer", answer);
  const { id, writeProof } = request.link;
  const attempts = [
    ["look", { id, linkProof: writeProof }],
    ["take", { ...request.claim(), linkProof: writeProof }],
    ["status", { id, receipt: writeProof }],
    ["revoke", { id, receipt: writeProof }],
  ] as const;
  for (const [name, fields] of attempts) {
    const { status } = await ask(url, name, fields);
    expect(status === UNAVAILABLE, `${name} with the link to answer: ${status}`);
  }
  await stillAnswered(url, request, answer.body);
}

async function overwrite({ urls: [url] }: Target): Promise<void> {
  const request = await new VictimRequest().create(url);
  const secret = await new Victim().create(url);
  const over = async () => [
    await ask(url, "request", await new VictimRequest().registration({ id: request.id })),
    await ask(url, "request", await new VictimRequest().registration({ id: secret.id })),
    await ask(url, "create", { ...await new Victim().creation(), id: request.id }),
  ];
  const answer = await request.answer();
  for (const act of [() => ask(url, "answer", answer), () => ask(url, "revoke", request.held)]) {
    for (const { status } of await over()) expect(status === EXISTS, `created: ${status}`);
    await act();
  }
  for (const { status } of await over()) expect(status === EXISTS, `created: ${status}`);
  const late = await ask(url, "answer", await request.answer());
  expect(late.status === GONE, `answered when it was revoked: ${late.status}`);
}

async function oddAnswers({ urls: [url] }: Target): Promise<void> {
  const request = await new VictimRequest().create(url);
  const tooLarge = { size: 4097, body: toBase64Url(randomBytes(4097)) };
  const large = await ask(url, "answer", await request.answer(tooLarge));
  expect(large.status === REFUSED, `an answer larger than asked: ${large.status}`);
  const lies = [{ size: 1025 }, { size: 1023 }, { body: undefined }, { ttl: 60 }, { views: 2 }];
  for (const more of [...lies, ...ODD_SIZES.map((size) => ({ size }))]) {
    const { status } = await ask(url, "answer", await request.answer(more));
    expect(status === WRONG, `${JSON.stringify(more)}: ${status}`);
  }
  const creation = await new Victim().creation({ kind: "answer" });
  const unasked = await ask(url, "create", creation);
  expect(unasked.status === WRONG, `an answer that nobody asked for: ${unasked.status}`);
  const { status } = await ask(url, "answer", await request.answer());
  expect(status === CREATED, `after all that the answer got ${status}`);
}

/** Attacks on requests. */
export const REQUESTS: readonly Attack[] = [
  { name: "of 50 answers at once exactly one is kept", run: races },
  { name: "nothing is answered without the request's link", run: withoutLink },
  { name: "who may answer reads, sees and revokes nothing", run: answererReads },
  { name: "nothing is requested over a record, nor made over a request", run: overwrite },
  { name: "an answer is as large as asked at most, and nobody makes one unasked", run: oddAnswers },
];
