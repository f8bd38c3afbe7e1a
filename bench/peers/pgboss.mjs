// pg-boss on a PostgreSQL of its own, one phase at a time. Prints one line of JSON.
// usage: node pgboss.mjs URL PHASE BACKLOG BULK SLOTS PER_S WARM STARTS
import { PgBoss } from "pg-boss";
import { alone, bulks, drain, print, starts, together } from "./phases.mjs";

const [url, phase] = process.argv.slice(2);
const [backlog, bulk, slots, perS, warm, count] = process.argv.slice(4).map(Number);
// Listening, so that a job need not wait for the next poll; with as many connections as its enqueuers can use.
const boss = new PgBoss({ connectionString: url, useListenNotify: true, max: 32 });
boss.on("error", (error) => {
  console.error(error);
  process.exit(1);
});

// Workers that fetch and settle 500 at a time, four of them, and go on at once when a batch was full.
const batches = { batchSize: 500, localConcurrency: 4, burstWhenBatchFull: true };
const completed = (jobs) => jobs.map(({ id }) => ({ id, status: "completed" }));
// What goes one by one is so slow that fewer will do.
const few = backlog / 4;
const add = (queue) => (n) => boss.send(queue, { n });
const addAll = (queue) => (numbers) => boss.insert(queue, numbers.map((n) => ({ data: { n } })));

async function worked(options, { one, all }) {
  await boss.work("backlog", { ...batches, ...options }, async (jobs) => {
    jobs.forEach(one);
    return options.perJobResults ? completed(jobs) : undefined;
  });
  await all;
  // Waits until the last batches are settled.
  await boss.offWork("backlog");
}

async function oneByOne() {
  let begun = 0;
  const slot = async () => {
    while (begun++ < few) {
      const [job] = await boss.fetch("backlog");
      await boss.complete("backlog", job.id);
    }
  };
  await Promise.all(Array.from({ length: slots }, slot));
}

const serve = (started) => boss.work("steady", batches, async (jobs) => jobs.forEach((job) => started(job.data.n)));

const phases = {
  async create() {
    for (const name of ["loud", "backlog", "steady"]) await boss.createQueue(name, { notify: true });
    await boss.createQueue("silent");
    return {};
  },
  alone: () => alone(add("loud")),
  together: () => together(add("loud"), few),
  // Its workers learn of these by polling.
  silent: () => together(add("silent"), few),
  bulks: () => bulks(addAll("backlog"), backlog, bulk),
  batches: () => drain((all) => worked({}, all), backlog),
  results: () => drain((all) => worked({ perJobResults: true }, all), backlog),
  one_by_one: () => drain(oneByOne, few),
  starts: () => starts(add("steady"), serve, { perS, warm, starts: count }),
};
await boss.start();
await print(phases[phase]);
