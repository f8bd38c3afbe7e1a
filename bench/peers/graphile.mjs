// graphile-worker on a PostgreSQL of its own, one phase at a time. Prints one line of JSON.
// usage: node graphile.mjs URL PHASE BACKLOG BULK SLOTS PER_S WARM STARTS
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";
import { alone, bulks, drain, print, starts, together } from "./phases.mjs";

const [url, phase] = process.argv.slice(2);
const [backlog, bulk, slots, perS, warm, count] = process.argv.slice(4).map(Number);
const complain = (level, message) => level === "error" && console.error(message);
const logger = new Logger(() => complain);
const settings = (worker) => ({ preset: { worker: { connectionString: url, logger, ...worker } }, noHandleSignals: true });
// As it comes, but for the slots and the connections that they need.
const usual = settings({ concurrentJobs: slots, maxPoolSize: slots + 2 });
// What its authors measure it with.
const tuned = settings({
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
});

// As many connections as its enqueuers can use.
const utils = await makeWorkerUtils(settings({ maxPoolSize: 32 }));
const add = (n) => utils.addJob("noop", { n });
const addAll = (numbers) => utils.addJobs(numbers.map((n) => ({ identifier: "noop", payload: { n } })));

async function worked(options, { one, all }) {
  const runner = await run({ ...options, taskList: { noop: async () => void one() } });
  await all;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // A job that is done is deleted.
  for (let left = 1; left > 0; ) {
    const { rows } = await client.query("SELECT COUNT(*)::int AS left FROM graphile_worker._private_jobs");
    left = rows[0].left;
  }
  await client.end();
  return runner;
}

const serve = (options) => (started) => run({ ...options, taskList: { noop: async ({ n }) => started(n) } });
const steady = (options) => starts(add, serve(options), { perS, warm, starts: count });

const phases = {
  async create() {
    await utils.migrate();
    return {};
  },
  alone: () => alone(add),
  // They are so slow that fewer will do.
  together: () => together(add, backlog / 4),
  bulks: () => bulks(addAll, backlog, bulk),
  batches: () => drain((all) => worked(tuned, all), backlog),
  usual: () => drain((all) => worked(usual, all), backlog),
  starts: () => steady(tuned),
  starts_usual: () => steady(usual),
};
await print(phases[phase]);
