// Who wanted to be told on this device: kept where the page and the worker both read it.

const STORE = "mainspring.chat";
const NAME = "/chat/whose-pushes";

export async function whose(): Promise<string | null> {
  // Opened, it would be there from then on.
  const kept = await caches.match(NAME, { cacheName: STORE });
  return kept ? kept.text() : null;
}

export async function setWhose(person: string | null): Promise<void> {
  if (person === null) await caches.delete(STORE);
  else await (await caches.open(STORE)).put(NAME, new Response(person));
}
