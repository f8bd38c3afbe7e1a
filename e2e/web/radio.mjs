// node radio.mjs ADMIN_LINK URL STATION [PICTURES]: an administrator shuts a station and gives a token; a listener signs in with
// it, plays the last day in a minute, copies the address for a player; the token is taken back.
import { open, say } from "./chromium.mjs";

const [link, url, station, pictures] = process.argv.slice(2);
const { browser, context, page, complaints } = await open(link);
const picture = async (of, name) => { if (pictures) await of.screenshot({ path: `${pictures}/${name}.png` }); };
await page.click("button");
await page.waitForURL("**/console*");

await page.goto(`${url}/console/radio`);
await page.click(`article:has(a[href="/radio/${station}"]) button`);
await page.waitForSelector("dialog[open]");
await page.click("dialog[open] [role=switch]");
await page.waitForSelector("dialog input[aria-label='Who the token is for']");
await page.fill("dialog input[aria-label='Who the token is for']", "the kitchen radio");
await page.keyboard.press("Enter");
await page.waitForSelector("dialog .secret");
const token = (await page.textContent("dialog .secret")).trim();
await picture(page, "console-radio-station");
say({ type: "private", token: token.length });
await page.keyboard.press("Escape");
await page.waitForSelector("dialog[open]", { state: "detached" });
await picture(page, "console-radio");

// Somebody else, on a phone, in the dark: nothing is there until the token is shown.
const elsewhere = await browser.newContext({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
const phone = await elsewhere.newPage();
phone.on("pageerror", (error) => complaints.push(String(error)));
await phone.goto(`${url}/radio/${station}`);
await phone.waitForSelector("[data-testid=sign-in]");
const before = await phone.evaluate(() => ({ shown: window.mainspring.state().shown.length, text: document.body.innerText }));
await phone.click("[data-testid=sign-in] summary");
await picture(phone, "radio-private-phone");
await phone.fill("#token", token);
await Promise.all([phone.waitForNavigation(), phone.keyboard.press("Enter")]);
await phone.waitForFunction(() => window.mainspring?.state().shown.length > 0);
const wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
say({ type: "signed in", before, overflow_px: wide, shown: await phone.evaluate(() => window.mainspring.state().shown.length) });

// The time-lapse, by keyboard: it sounds, it moves, it stops.
await phone.keyboard.press("l");
await phone.waitForSelector("[data-testid=lapse-time]");
const progress = () => phone.evaluate(() => document.querySelector("progress")?.value ?? 0);
const first = await progress();
await phone.waitForFunction((first) => (document.querySelector("progress")?.value ?? 0) > first + 500, first);
await phone.waitForFunction(() => window.mainspring.state().listening);
await phone.evaluate(() => document.querySelector("[data-testid=lapse]").scrollIntoView({ block: "center" }));
await picture(phone, "radio-lapse-phone");
await phone.keyboard.press("l");
await phone.waitForSelector("[data-testid=lapse-time]", { state: "detached" });
say({ type: "lapse", contextState: await phone.evaluate(() => window.mainspring.state().contextState) });

// In the browser's own player, by the cookie alone.
const audio = await phone.evaluate((src) => new Promise((resolve) => {
  const player = new Audio(src);
  player.addEventListener("timeupdate", () => player.currentTime > 1 && resolve({ time: player.currentTime }));
  player.addEventListener("error", () => resolve({ error: player.error?.message ?? "?" }));
  void player.play();
  setTimeout(() => resolve({ late: player.readyState }), 20_000);
}), `/radio/${station}/stream.mp3`);
say({ type: "audio", ...audio });

// Taken back: the open page is told within a second.
await page.goto(`${url}/console/radio`);
await page.click(`article:has(a[href="/radio/${station}"]) button`);
const taken = Date.now();
await page.click("dialog [aria-label^='Take back']");
await phone.waitForFunction(() => document.body.innerText.includes("Not on the air"));
say({ type: "turned out", after_ms: Date.now() - taken });

// A wide page of a station that is open, with the player's addresses.
await page.click("dialog[open] [role=switch]");
await page.waitForFunction(() => !document.querySelector("dialog[open] [role=switch]").checked);
const wider = await context.newPage();
await wider.goto(`${url}/radio/${station}`);
await wider.waitForFunction(() => window.mainspring?.state().shown.length > 0);
await wider.click("[data-testid=elsewhere] summary");
const addresses = await wider.$$eval("[data-testid=elsewhere] li a", (links) => links.map((a) => a.href));
await wider.evaluate(() => document.querySelector("[data-testid=elsewhere]").scrollIntoView({ block: "center" }));
await picture(wider, "radio-elsewhere");
say({ type: "player", addresses, complaints });
await browser.close();
