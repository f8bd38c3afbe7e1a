// A Chromium of the system, headless, with nothing of its own to say to the network.
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required",
];

/** Prints one JSON object a line: what the Rust test reads. */
export const say = (what) => console.log(JSON.stringify(what));

/** Opens a page; whatever it complains about (scripts that throw, policies that are broken) ends up in `complaints`. */
export async function open(url, options = {}, flags = []) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...FLAGS, ...flags] });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });
  if (url) await page.goto(url);
  return { browser, context, page, complaints };
}

/** Signs somebody in to the chat, by the form. */
export async function intoTheChat(page, url, email, password) {
  await page.goto(`${url}/sign-in?next=/chat`);
  await page.fill("[name=email]", email);
  await page.fill("[name=password]", password);
  await page.keyboard.press("Enter");
  await page.waitForSelector("[data-testid=rooms]");
}
