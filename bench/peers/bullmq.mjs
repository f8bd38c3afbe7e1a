// BullMQ as it comes, on a Redis of its own: the same phases that `jobs` measures of us. Prints one line of JSON.
// usage: node bullmq.mjs PORT BACKLOG BULK SLOTS PER_S WARM STARTS
import { Queue, Worker } from "bullmq";

const [port, backlog, bulk, slots, perS, warm, starts] = process.argv.slice(2).map(Number);
const connection = { host: "127.0.0.1", port, maxRetriesPerRequest: null };
const seconds = (begun) => (performance.now() - begun) / 1000;

async function fresh(name) {
  const queue = new Queue(name, { connection });
  await queue.waitUntilReady();
  return queue;
}

async function alone() {
  const queue = await fresh("alone");
  const begun = performance.now();
  for (let n = 0; n < 2000; n++) await queue.add("noop", { n });
  const perSecond = 2000 / seconds(begun);
  await queue.close();
  return perSecond;
}

async function together() {
  const queue = await fresh("together");
  const begun = performance.now();
  let next = 0;
  const caller = async () => {
    while (next < backlog) await queue.add("noop", { n: next++ });
  };
  await Promise.all(Array.from({ length: 32 }, caller));
  const perSecond = backlog / seconds(begun);
  await queue.close();
  return perSecond;
}

async function filled(name) {
  const queue = await fresh(name);
  for (let at = 0; at < backlog; at += bulk) {
    await queue.addBulk(Array.from({ length: bulk }, (_, n) => ({ name: "noop", data: { n: at + n } })));
  }
  return queue;
}

async function bulks() {
  const begun = performance.now();
  const queue = await filled("bulks");
  const perSecond = backlog / seconds(begun);
  await queue.close();
  return perSecond;
}

async function drain() {
  const queue = await filled("drain");
  let done = 0;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const worker = new Worker("drain", async () => {}, { connection, concurrency: slots, autorun: false });
  worker.on("completed", () => ++done === backlog && finish());
  await worker.waitUntilReady();
  const begun = performance.now();
  worker.run();
  await all;
  const perSecond = backlog / seconds(begun);
  await worker.close();
  await queue.close();
  return perSecond;
}

async function pickUp() {
  const queue = await fresh("pickup");
  const called = new Float64Array(warm + starts);
  const took = [];
  let seen = 0;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const handler = async (job) => {
    const now = performance.now();
    if (job.data.n >= warm) took.push(now - called[job.data.n]);
    if (++seen === warm + starts) finish();
  };
  const worker = new Worker("pickup", handler, { connection, concurrency: slots });
  await worker.waitUntilReady();
  const begun = performance.now();
  const adds = [];
  for (let n = 0; n < warm + starts; ) {
    const due = Math.min(warm + starts, Math.floor(((performance.now() - begun) * perS) / 1000) + 1);
    for (; n < due; n++) {
      called[n] = performance.now();
      adds.push(queue.add("noop", { n }));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(adds);
  await all;
  await worker.close();
  await queue.close();
  took.sort((a, b) => a - b);
  const at = (q) => took[Math.min(took.length - 1, Math.floor(took.length * q))];
  return { p50: at(0.5), p99: at(0.99) };
}

const figures = { alone: await alone(), together: await together(), bulks: await bulks(), drain: await drain() };
const { p50, p99 } = await pickUp();
console.log(JSON.stringify({ ...figures, p50, p99 }));
process.exit(0);
