// What the tests of the chat's page do in its windows, and wait for there: always something on the page, never a while.
import { intoTheChat, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

/** Another person's window, which complains where the first one does. */
export async function another(browser, complaints, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });
  return page;
}

/** Waits until this is on the page, and answers what is there otherwise. */
export const reads = (page, text) => page.waitForFunction((text) => document.body.innerText.includes(text), text).catch(async () => {
  throw new Error(`“${text}” is not on ${page.url()}:\n${await page.evaluate(() => document.body.innerText)}`);
});

export const signIn = intoTheChat;

export async function write(page, text) {
  await page.fill("[data-testid=write]", text);
  await page.press("[data-testid=write]", "Enter");
}

/** A room with one person, opened. */
export async function beginWith(page, name) {
  await page.keyboard.press("Alt+n");
  await choose(page, name);
  await page.waitForSelector("[data-testid=write]:focus");
}

/** A group, opened. */
export async function gather(page, name, people) {
  await page.click("[data-testid=new]");
  await page.click("[data-testid=group]");
  await page.fill("[data-testid=group-name]", name);
  for (const one of people) await choose(page, one);
  await page.click("[data-testid=make]");
  await page.waitForSelector("[data-testid=write]:focus");
}

/** One of the people of a picker, by name. */
export async function choose(page, name) {
  await page.fill("[data-testid=find-people]", name);
  await page.waitForFunction((name) => [...document.querySelectorAll("dialog li button > .clip")].map((one) => one.textContent).join() === name, name);
  await page.press("[data-testid=find-people]", "Enter");
  await page.waitForFunction(() => (document.querySelector("[data-testid=find-people]")?.value ?? "") === "");
}

/** The last bubble with these words of its own: not those of one that answers it. */
const bubble = (text) => `article .bubble .text:has-text('${text}') >> nth=-1`;

/** Does something with the message of this text, by its menu. */
export async function deed(page, text, words) {
  await page.click(bubble(text), { button: "right" });
  await page.click(`[popover] button:text-is('${words}')`);
}

/** What the menu of the message of this text offers. */
export async function offers(page, text) {
  await page.click(bubble(text), { button: "right" });
  const words = await page.$$eval("[popover] .deed", (all) => all.map((one) => one.textContent.trim()));
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector(":popover-open"));
  return words;
}

/** Waits for a line of the list of rooms to look so: its text matches `words`. */
export const lists = (page, words) => page.waitForFunction((words) => [...document.querySelectorAll("[data-room]")].some((one) => new RegExp(words, "s").test(one.innerText)), words).catch(async () => {
  throw new Error(`no room is as ${words}: ${JSON.stringify(await page.$$eval("[data-room]", (all) => all.map((one) => one.innerText)))}`);
});

/** The names in the list of rooms, from above. */
export const names = (page) => page.$$eval("[data-room] .name", (all) => all.map((one) => one.textContent));

export const listed = (page, names) => page.waitForFunction((names) => JSON.stringify([...document.querySelectorAll("[data-room] .name")].map((one) => one.textContent)) === JSON.stringify(names), names);

/** Says what is wrong with a page as it stands, and keeps a picture of it where somebody wants to look. */
export const inspector = (pictures) => async (page, of) => {
  if (pictures) await page.screenshot({ path: `${pictures}/${of.replaceAll(/[^a-z0-9]+/gi, "-")}.png` });
  say({ type: "faults", of, faults: await faults(page) });
};
