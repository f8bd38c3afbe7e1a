// node console.mjs ADMIN_LINK URL [PICTURES]: an administrator signs in by the link, fills the server, and looks at every page:
// on a desk in the light, by keyboard, on a phone in the dark; makes a key, uses and revokes it; watches a delivery come.
import { spawnSync } from "node:child_process";
import { open, say } from "./chromium.mjs";
import { fill, receivers } from "./contents.mjs";
import { faults } from "./inspect.mjs";

const [link, url, pictures] = process.argv.slice(2);
const { browser, context, page, complaints } = await open(link, { reducedMotion: "reduce" });
await page.click("button");
await page.waitForURL("**/console*");
const receiver = await receivers();
const made = await fill(page, receiver.url);

/** What each page shows when it is itself. */
const PAGES = [
  ["webhooks", "webhooks", "github"],
  ["sources", "webhooks/sources", "github"],
  ["replays", "webhooks/replays", "replay"],
  ["events", "events", "github.push"],
  ["event-types", "events/types", "radio.phrase"],
  ["subscriptions", "events/subscriptions", "radio"],
  ["event-replays", "events/replays", "replay"],
  ["jobs", "jobs", "radio.compose"],
  ["job", `jobs/${made.failed}`, "cannot be decoded"],
  ["queues", "jobs/queues", "images"],
  ["batches", "jobs/batches", "Album of the trip"],
  ["schedules", "schedules", "digest.morning"],
  ["schedule", `schedules/${made.schedule}`, "Next runs"],
  ["endpoints", "endpoints", "Search index"],
  ["endpoint", `endpoints/${made.endpoint}`, "Messages"],
  ["radio", "radio", "mainspring/demo"],
  ["objectives", "slo", "of the budget left"],
  ["people", "people", "Grace Hopper"],
  ["person", `people/${made.person}`, "the same link in every room"],
  ["invitations", "people/invitations", "night shift"],
  ["sign-ins", "people/sign-ins", "mainspring admin-link"],
  ["keys", "keys", "Thumbnail worker"],
  ["audit", "audit", "Revoke an API key"],
  ["overview", "", "Everything works"],
];
const shot = async (of, name) => {
  if (pictures) await of.screenshot({ path: `${pictures}/console-${name}.png` });
};
const visit = async (of, path, text) => {
  await of.goto(`${url}/console/${path}`.replace(/\/$/, ""));
  await of.waitForFunction((text) => document.body.innerText.toLowerCase().includes(text.toLowerCase()), text).catch(async () => {
    throw new Error(`“${text}” is not on /console/${path}:\n${await of.evaluate(() => document.body.innerText)}`);
  });
  await of.waitForLoadState("networkidle").catch(() => {});
};

for (const [name, path, text] of PAGES) {
  await visit(page, path, text);
  // Its lines begin with the page: for a picture they get as far as they are then.
  if (pictures && name === "overview") await page.waitForFunction(() => document.querySelector("svg .line")?.getAttribute("d").split("L").length > 20);
  await shot(page, name);
  say({ type: "page", name, faults: await faults(page), text: await page.evaluate(() => document.body.innerText) });
}

// By keyboard: the help names a key for each page of the navigation, and each key leads there.
await visit(page, "", "Ready");
await page.keyboard.press("?");
await page.waitForSelector("dialog[open]");
const keys = await page.$$eval("dialog[open] dl:first-of-type > div", (rows) => rows.map((row) => [row.querySelector("kbd:last-of-type").textContent, row.querySelector("dd").textContent]));
await page.keyboard.press("Escape");
const places = [];
for (const [key, name] of keys) {
  await page.keyboard.press("g");
  await page.keyboard.press(key);
  await page.waitForFunction((name) => document.title.startsWith(name), name);
  places.push(new URL(page.url()).pathname);
}
const linked = await page.$$eval("nav[aria-label=Pages] a", (links) => links.map((link) => link.pathname));

// Through rows, into a detail, to the next one, and back to the row that was left.
await visit(page, "audit", "Revoke an API key");
for (const key of ["j", "j", "Enter"]) await page.keyboard.press(key);
await page.waitForSelector(".panel");
await page.keyboard.press("j");
const third = await page.evaluate(() => new URL(location.href).pathname.split("/").at(-1));
await page.waitForFunction((third) => document.querySelector(".panel h2").textContent === `Entry ${third}`, third);
await shot(page, "audit-entry");
await page.focus(".panel a");
await page.keyboard.press("Escape");
await page.waitForSelector(".panel", { state: "detached" });
const focused = await page.evaluate(() => document.activeElement?.dataset.key);
say({ type: "keyboard", places, linked, third, focused });

// A key is made, shown once, works as the page says, and is worthless as soon as it is revoked.
await visit(page, "keys", "API keys");
await page.keyboard.press("c");
await page.fill("form input:not([type=checkbox])", "Dashboard");
await page.check("input[value='events:read']");
await page.keyboard.press("Enter");
const token = (await page.textContent(".secret")).trim();
await shot(page, "key");
const read = async () => (await fetch(`${url}/api/v1/events?limit=1`, { headers: { Authorization: `Bearer ${token}` } })).status;
const example = await page.textContent("pre[aria-label=example]");
const [before, shown] = [await read(), await page.evaluate(() => document.body.innerText.split("msk_").length - 1)];
await page.reload();
await page.waitForSelector("button:text-is('Revoke')");
const again = (await page.textContent("body")).includes(token);
await page.click("button:text-is('Revoke')");
await page.click("text=Yes, revoke it");
await page.waitForFunction(() => /is revoked/.test(document.body.innerText));
say({ type: "key", before, after: await read(), shown, again, named: example.includes(token) });

// What is logged changes for a while, and returns by hand.
await visit(page, "", "Change for a while");
await page.click("text=Change for a while");
await page.click("button:text-is('Change')");
await page.waitForSelector("text=Return now");
await page.click("text=Return now");
await page.waitForSelector("text=Change for a while");
say({ type: "log level" });

// Live: a delivery that comes while the page is open shows without a reload.
await page.goto(`${url}/console/webhooks`);
await page.waitForFunction(() => /live/i.test(document.body.innerText));
// Rows hold still under a reader's pointer.
await page.mouse.move(4, 4);
say({ type: "watching" });
await page.waitForFunction(() => document.body.innerText.includes("live/station"), null, { timeout: 60_000 });
say({ type: "live" });

const options = { viewport: { width: 390, height: 844 }, colorScheme: "dark", reducedMotion: "reduce", isMobile: true, hasTouch: true };
const elsewhere = await browser.newContext({ ...options, storageState: await context.storageState() });
const phone = await elsewhere.newPage();
phone.on("pageerror", (error) => complaints.push(String(error)));
for (const [name, path, text] of PAGES) {
  await visit(phone, path, text);
  if (["overview", "jobs", "people"].includes(name)) await shot(phone, `${name}-phone`);
  say({ type: "phone", name, faults: await faults(phone) });
}
receiver.stop();
await browser.close();
if (pictures) {
  const shrunk = spawnSync("sh", ["-c", 'exec pngquant --force --skip-if-larger --ext .png 128 "$1"/console-*.png', "-", pictures]);
  if (shrunk.status !== 0) console.error(`the pictures are as large as they came: pngquant ${shrunk.error ?? shrunk.stderr}`);
}
say({ type: "end", pages: PAGES.length, complaints });
// Whatever is still open, of the browser or of who sent to the receiver, is waited for by nobody.
process.exit();
