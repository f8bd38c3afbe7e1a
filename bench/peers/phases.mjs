// What every peer is measured in, as `src/jobs_bench.rs` measures ours.

const seconds = (begun) => (performance.now() - begun) / 1000;

// Acknowledged enqueues a second: the next when the one before is answered.
export async function alone(add, jobs = 2000) {
  const begun = performance.now();
  for (let n = 0; n < jobs; n++) await add(n);
  return jobs / seconds(begun);
}

// With 32 callers.
export async function together(add, jobs) {
  const begun = performance.now();
  let next = 0;
  const caller = async () => {
    while (next < jobs) await add(next++);
  };
  await Promise.all(Array.from({ length: 32 }, caller));
  return jobs / seconds(begun);
}

// With so many at once.
export async function bulks(addAll, jobs, bulk) {
  const begun = performance.now();
  for (let at = 0; at < jobs; at += bulk) await addAll(Array.from({ length: bulk }, (_, n) => at + n));
  return jobs / seconds(begun);
}

// A promise of so many calls.
export function awaited(count) {
  let seen = 0;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  return { all, one: () => ++seen === count && finish() };
}

// `work` begins to serve a queue that was filled before, and answers when every outcome is written.
export async function drain(work, jobs) {
  const begun = performance.now();
  await work(awaited(jobs));
  return jobs / seconds(begun);
}

// From the call of `add` to the first line of the handler, milliseconds, at a steady rate. `serve` is given what the handler
// calls with a job's number, and answers when it serves.
export async function starts(add, serve, { perS, warm, starts }) {
  const called = new Float64Array(warm + starts);
  const took = [];
  const { all, one } = awaited(warm + starts);
  await serve((n) => {
    const now = performance.now();
    if (n >= warm) took.push(now - called[n]);
    one();
  });
  const begun = performance.now();
  const adds = [];
  for (let n = 0; n < warm + starts; ) {
    const due = Math.min(warm + starts, Math.floor(((performance.now() - begun) * perS) / 1000) + 1);
    for (; n < due; n++) {
      called[n] = performance.now();
      adds.push(add(n));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(adds);
  await all;
  took.sort((a, b) => a - b);
  const at = (share) => took[Math.min(took.length - 1, Math.floor(took.length * share))];
  return { p50: at(0.5), p99: at(0.99) };
}

// Runs one phase, and prints its figures and this process's time in it as one line of JSON.
export async function print(phase) {
  const before = process.cpuUsage();
  const figures = await phase();
  const { user, system } = process.cpuUsage(before);
  const named = typeof figures === "number" ? { per_s: figures } : figures;
  console.log(JSON.stringify({ ...named, cpu_s: (user + system) / 1e6 }));
  process.exit(0);
}
