/**
 * Carries a plan out in the image of a wish and kills itself before or after one of its actions,
 * as a power failure would. Arguments: the wish as JSON, the number of the action, "before" or
 * "after". Ends with status 0 if there is no such action.
 */
import { execute } from "../../install/execute.ts";
import { type Perform, performer } from "../../install/perform.ts";
import { planFor, type Wish } from "../../install/role.ts";

const [json, number, when] = Deno.args as [string, string, string];
const wish = JSON.parse(json) as Wish;

function killedAt(perform: Perform): Perform {
  let left = Number(number);
  return async (action) => {
    const mine = left-- === 0;
    if (mine && when === "before") Deno.kill(Deno.pid, "SIGKILL");
    await perform(action);
    if (mine) Deno.kill(Deno.pid, "SIGKILL");
  };
}

const { plan } = await planFor(wish);
await execute(plan, killedAt(performer(wish.asker.root)));
