// A worker in another language: takes jobs of the queue `media`, says how far it is, settles them. Nothing to install.
//   MAINSPRING_URL=http://127.0.0.1:8080 MAINSPRING_KEY=msk_… node worker.mjs
const { MAINSPRING_URL: url = 'http://127.0.0.1:8080', MAINSPRING_KEY: key, LEASE_S: lease_s = '15' } = process.env;
const pause = (ms) => new Promise((after) => setTimeout(after, ms));

const kinds = {
  async thumbnail({ of, steps = 1, pause_ms = 0 }, progress) {
    for (let step = 1; step <= steps; step += 1) {
      await pause(pause_ms);
      await progress(Math.floor((100 * step) / steps), `step ${step} of ${steps}`);
    }
    return { thumbnail: `${of}.webp` };
  },
};

async function call(path, body) {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const answer = await fetch(`${url}/api/v1/jobs/${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return answer.json();
}

async function work({ id, kind, args, attempt, token }) {
  console.log(JSON.stringify({ id, attempt, said: 'begun' }));
  const progress = async (percent, note) => {
    const { cancelled } = await call(`${id}/heartbeat`, { token, percent, note, lease_s: Number(lease_s) });
    if (cancelled) throw new Error('called off');
    console.log(JSON.stringify({ id, attempt, said: 'progress', percent }));
  };
  const settled = await kinds[kind](args, progress).then(
    (result) => call(`${id}/complete`, { token, result }),
    (error) => call(`${id}/fail`, { token, error: String(error) }),
  );
  console.log(JSON.stringify({ id, attempt, said: settled.state }));
}

for (;;) {
  const wanted = { queues: ['media'], kinds: Object.keys(kinds), wait_s: 20, lease_s: Number(lease_s) };
  // A server that is away, or a job that was lost to another worker, is no reason to end.
  const { jobs } = await call('claim', wanted).catch((error) => pause(1000, console.error(error)).then(() => ({ jobs: [] })));
  await Promise.all(jobs.map((job) => work(job).catch((error) => console.error(error))));
}
