import assert from "node:assert/strict";
import { EventLoop } from "../../platform/eventloop.ts";
import { Ready } from "../../platform/poller.ts";
import { IntervalTimer } from "../../platform/timer.ts";
import { IDLE } from "../support/loop.ts";
import { eventually, soon } from "../support/wait.ts";

Deno.test("a timer is ready again and again, once in each interval", async () => {
  const loop = new EventLoop();
  const timer = new IntervalTimer(20);
  const times: number[] = [];
  const watch = loop.watch(timer.fd, Ready.READ, () => {
    timer.take();
    times.push(performance.now());
  });
  const started = performance.now();
  const running = loop.run(IDLE);
  await eventually("five intervals are over", () => times.length >= 5);
  assert.ok(times[4]! - started >= 5 * 20 - 1, `${times.map((time) => time - started)}`);
  watch.end();
  loop.stop();
  await soon("the loop's end", running);
  timer.close();
});

Deno.test("an interval may be shorter than a millisecond, and longer than a second", () => {
  for (const milliseconds of [0, 0.5, 999.9, 60_000]) new IntervalTimer(milliseconds).close();
});
