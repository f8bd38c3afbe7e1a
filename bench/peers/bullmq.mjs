// BullMQ as it comes, on a Redis of its own: the same phases that `jobs` measures of us. Prints one line of JSON.
// usage: node bullmq.mjs PORT BACKLOG BULK SLOTS PER_S WARM STARTS
import { Queue, Worker } from "bullmq";
import { alone, bulks, drain, print, starts, together } from "./phases.mjs";

const [port, backlog, bulk, slots, perS, warm, count] = process.argv.slice(2).map(Number);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };

// A queue of its own for each phase.
async function on(name, phase) {
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  const add = (n) => queue.add("noop", { n });
  const addAll = (numbers) => queue.addBulk(numbers.map((n) => ({ name: "noop", data: { n } })));
  const measured = await phase(add, addAll);
  await queue.close();
  return measured;
}

async function serving(name, handler) {
  const worker = new Worker(name, handler, { connection, concurrency: slots, autorun: false });
  await worker.waitUntilReady();
  return worker;
}

async function drained(_, addAll) {
  await bulks(addAll, backlog, bulk);
  const worker = await serving("drain", async () => {});
  const perSecond = await drain(({ one, all }) => {
    worker.on("completed", one);
    worker.run();
    return all;
  }, backlog);
  await worker.close();
  return perSecond;
}

async function started(add) {
  let worker;
  const serve = async (began) => {
    worker = await serving("pickup", async (job) => began(job.data.n));
    worker.run();
  };
  const figures = await starts(add, serve, { perS, warm, starts: count });
  await worker.close();
  return figures;
}

await print(async () => ({
  alone: await on("alone", (add) => alone(add)),
  together: await on("together", (add) => together(add, backlog)),
  bulks: await on("bulks", (_, addAll) => bulks(addAll, backlog, bulk)),
  drain: await on("drain", drained),
  ...(await on("pickup", started)),
}));
