// node mine.mjs URL PASSWORD: ada@example.com writes to eve@example.com, who has the chat open on two devices: what Eve deletes for herself is
// gone from both and from nobody else's, where she is Ada sees, and when she went.
import { intoTheChat, open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

const [url, password] = process.argv.slice(2);
const { browser, page: ada, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" });
const device = async (options) => {
  const context = await browser.newContext({ reducedMotion: "reduce", colorScheme: "dark", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  return { context, page };
};
const desk = await device({ viewport: { width: 1280, height: 800 } });
const phone = await device({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true });
const eves = [desk.page, phone.page];

const has = (of, text) => of.waitForFunction((text) => document.body.innerText.includes(text), text).catch(async () => {
  throw new Error(`“${text}” is not on ${of.url()}:\n${await of.evaluate(() => document.body.innerText)}`);
});
const lacks = (of, text) => of.waitForFunction((text) => !document.body.innerText.includes(text), text);
const looks = async (page, of) => say({ type: "faults", of, faults: await faults(page) });
const write = async (page, text) => {
  await page.fill("[data-testid=write]", text);
  await page.press("[data-testid=write]", "Enter");
};
const state = (text) => ada.waitForFunction((text) => document.querySelector("[data-testid=state]")?.textContent.includes(text), text);

await intoTheChat(ada, url, "ada@example.com", password);
for (const page of eves) await intoTheChat(page, url, "eve@example.com", password);
await ada.keyboard.press("Alt+n");
await ada.fill("[data-testid=find-people]", "Eve");
await ada.waitForFunction(() => document.querySelectorAll("dialog li button").length === 1);
await ada.press("[data-testid=find-people]", "Enter");
await ada.waitForSelector("[data-testid=write]:focus");
await write(ada, "a seal");
await write(ada, "a walrus, @Eve");

// Mentions are counted, found, and lead to their message.
await has(desk.page, "a walrus");
await desk.page.waitForSelector("[data-testid=mentions-entry] .badge");
await desk.page.keyboard.press("Alt+m");
await desk.page.waitForSelector("[data-testid=mentions] .mention.new");
await looks(desk.page, "the mentions");
await desk.page.focus("[data-testid=mentions] .mention");
await desk.page.keyboard.press("Enter");
await desk.page.waitForSelector("article:has-text('a walrus')");
say({ type: "mention", path: await desk.page.evaluate(() => location.search) });
await phone.page.tap("[data-room]");
await phone.page.waitForSelector("article:has-text('a walrus')");

// Deleted for oneself: by keyboard, on both devices at once, after a reload too; and back again.
const row = desk.page.locator("article", { hasText: "a walrus" });
await row.focus();
await desk.page.keyboard.press("Enter");
await desk.page.click("text=Delete for me");
for (const page of eves) await lacks(page, "a walrus");
const hers = await ada.evaluate(() => document.body.innerText.includes("a walrus"));
await phone.page.reload();
await phone.page.waitForSelector("article:has-text('a seal')");
const reloaded = await phone.page.evaluate(() => document.body.textContent.includes("walrus"));
await looks(desk.page, "the way back");
await desk.page.click("[data-testid=undo]");
for (const page of eves) await page.waitForSelector("article:has-text('a walrus')");
say({ type: "hidden", hers, reloaded });

// When it was read.
await ada.waitForSelector("[data-receipt=read]");
await ada.click("article:has-text('a seal') .text", { button: "right" });
await ada.click("text=Who has read it");
await ada.waitForSelector("aside li time");
await looks(ada, "who has read it, and when");
say({ type: "read", when: await ada.textContent("aside li time") });

// Away when she says so; gone, and since when, when the last of her devices is.
await state("Online");
await desk.page.keyboard.press("Control+,");
await desk.page.click("[data-testid=away]");
await state("Away");
await looks(desk.page, "the settings");
await desk.page.click("[data-testid=away]");
await state("Online");
await desk.context.close();
await phone.page.waitForSelector("article:has-text('a walrus')");
const still = await ada.textContent("[data-testid=state]");
await phone.context.close();
await state("Last seen just now");
await looks(ada, "when she was here last");
say({ type: "gone", still });

await browser.close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d|ERR_FAILED|ERR_INTERNET_DISCONNECTED/.test(line)) });
