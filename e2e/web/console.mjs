// node console.mjs ADMIN_LINK URL PICTURES: an administrator signs in by the link and looks at every page while deliveries come.
import { open, say } from "./chromium.mjs";

const [link, url, pictures] = process.argv.slice(2);
const { browser, page, complaints } = await open(link);
await page.click("button");
await page.waitForURL("**/console*");
for (const [name, path, text] of [
  ["overview", "/console", "Ready"], ["webhooks", "/console/webhooks", "github"], ["events", "/console/events", "github.push"],
  ["jobs", "/console/jobs", "radio.compose"], ["radio", "/console/radio", "octocat/hello-world"],
]) {
  await page.goto(url + path);
  await page.waitForFunction((text) => document.body.innerText.toLowerCase().includes(text.toLowerCase()), text);
  await page.waitForLoadState("networkidle").catch(() => {});
  if (pictures) await page.screenshot({ path: `${pictures}/console-${name}.png` });
  say({ type: "page", name, text: await page.evaluate(() => document.body.innerText) });
}

// Live: a delivery that comes while the page is open shows without a reload.
await page.goto(`${url}/console/webhooks`);
await page.waitForFunction(() => /live/i.test(document.body.innerText));
// Rows hold still under a reader's pointer.
await page.mouse.move(4, 4);
say({ type: "watching" });
await page.waitForFunction(() => document.body.innerText.includes("live/station"), null, { timeout: 60_000 });
say({ type: "live" });

await page.setViewportSize({ width: 390, height: 844 });
const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
if (pictures) await page.screenshot({ path: `${pictures}/console-phone.png` });
say({ type: "phone", overflow_px: wide, complaints });
await browser.close();
