// node chat.mjs URL PASSWORD SCRIPT: two people talk, one at a desk and one on a phone: ada@ and eve@example.com, and somebody whose name is
// SCRIPT, a text that would run if anything took it for HTML. It waits for a line where it says {"type":"ban"}, before which Eve is banned.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { intoTheChat, open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

const [url, password, script] = process.argv.slice(2);
const { browser, context, page: ada, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" });
const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, reducedMotion: "reduce", colorScheme: "dark" });
const eve = await phone.newPage();
eve.on("pageerror", (error) => complaints.push(String(error)));
eve.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });

/** Waits until this is on the page, and answers what went wrong otherwise. */
const reads = (of, text) => of.waitForFunction((text) => document.body.innerText.includes(text), text).catch(async () => {
  throw new Error(`“${text}” is not on ${of.url()}:\n${await of.evaluate(() => document.body.innerText)}`);
});
const signIn = (page, email) => intoTheChat(page, url, email, password);
const write = async (page, text) => {
  await page.fill("[data-testid=write]", text);
  await page.press("[data-testid=write]", "Enter");
};
/** What stands in the room's bubbles, of those texts that are asked for. */
const bubbles = (page, texts) => page.$$eval("article .text", (all, texts) => all.map((one) => one.textContent).filter((text) => texts.includes(text)), texts);
const looks = async (page, of) => say({ type: "faults", of, faults: await faults(page) });

await signIn(ada, "ada@example.com");
await signIn(eve, "eve@example.com");
await reads(ada, "No conversations yet");
await looks(ada, "the empty list");

// A conversation begins by keyboard; who is written to sees it come, and that somebody writes.
await ada.keyboard.press("Alt+n");
await ada.fill("[data-testid=find-people]", "Eve");
await ada.waitForFunction(() => document.querySelectorAll("dialog li button").length === 1);
await ada.press("[data-testid=find-people]", "Enter");
await ada.waitForSelector("[data-testid=write]:focus");
await eve.waitForSelector("[data-room] .there");
await ada.keyboard.type("Is the **lighthouse** lit?");
await reads(eve, "Ada is writing");
await ada.keyboard.press("Enter");
await ada.waitForSelector("[data-receipt=delivered]");
const unread = await eve.textContent("[data-testid=unread]");
await looks(eve, "the list on a phone");
await eve.tap("[data-room]");
await ada.waitForSelector("[data-receipt=read]");
const bold = await eve.$eval("article strong", (strong) => strong.textContent);
await reads(ada, "Online");
say({ type: "message", unread, bold });
await looks(eve, "a room on a phone");

// A reaction is there for both; an answer quotes, an edit says so, a deletion leaves nothing.
await ada.click("article .bubble", { button: "right" });
await looks(ada, "a message's menu");
await ada.click("[aria-label='React with 👍']");
await eve.waitForSelector("[data-emoji='👍']");
await eve.tap("[data-emoji='👍']");
await ada.waitForFunction(() => document.querySelector("[data-emoji='👍']").textContent.includes("2"));
await eve.fill("[data-testid=write]", "Sinc dusk");
await eve.tap("[data-testid=send]");
await reads(ada, "Sinc dusk");
await eve.press("[data-testid=write]", "ArrowUp");
await eve.fill("[data-testid=write]", "Since dusk");
await eve.tap("[data-testid=send]");
await reads(ada, "edited");
await ada.click("article:has-text('Since dusk') .bubble", { button: "right" });
await ada.click("text=Answer");
await write(ada, "Good");
await eve.waitForSelector(".quote:has-text('Since dusk')");
await ada.press("[data-testid=write]", "ArrowUp");
const edits = await ada.inputValue("[data-testid=write]");
await ada.keyboard.press("Escape");
await ada.click("article:has-text('Good') .text >> nth=-1", { button: "right" });
await ada.click("text=Delete");
await ada.click("text=Yes, delete for everybody");
await reads(eve, "Message deleted");
// Nowhere: not in the list of rooms, nor in what is read aloud.
const gone = await eve.waitForFunction(() => !document.body.textContent.includes("Good")).then(() => true, () => false);
say({ type: "marks", edits, gone });

// Offline: what is written waits, and goes in its order when the line is back; over a reload too, each once.
await context.setOffline(true);
await reads(ada, "You are offline");
const away = ["first of the storm", "second of the storm", "third of the storm"];
for (const text of away) await write(ada, text);
await ada.waitForFunction(() => document.querySelectorAll("[data-pending]").length === 3);
await looks(ada, "what waits");
const early = (await eve.textContent("body")).includes("storm");
await context.setOffline(false);
await reads(eve, away[2]);
const cut = (route) => (route.request().method() === "POST" ? route.abort() : route.fallback());
await context.route("**/messages", cut);
const kept = ["fourth of the storm", "fifth of the storm"];
for (const text of kept) await write(ada, text);
await ada.reload();
await ada.waitForFunction(() => document.querySelectorAll("[data-pending]").length === 2);
await context.unroute("**/messages", cut);
await reads(eve, kept[1]);
await ada.waitForFunction(() => document.querySelectorAll("[data-pending]").length === 0);
// Two tabs share what waits; whichever sends, it goes once, and when that one is closed the other one sends.
const tab = await context.newPage();
await tab.goto(ada.url());
await tab.waitForSelector("article");
await ada.reload();
await ada.waitForSelector("article");
await write(ada, "sixth of the storm");
await reads(eve, "sixth of the storm");
await tab.close();
await write(ada, "seventh of the storm");
await reads(eve, "seventh of the storm");
await ada.waitForFunction(() => document.querySelectorAll("[data-pending]").length === 0);
const storm = [...away, ...kept, "sixth of the storm", "seventh of the storm"];
say({ type: "offline", early, order: await bubbles(eve, storm), hers: await bubbles(ada, storm), storm });

// What is refused is written anew, from the words that there were.
const refuse = (route) => (route.request().method() === "POST" ? route.fulfill({ status: 422, contentType: "application/problem+json", body: JSON.stringify({ title: "No", detail: "Too long." }) }) : route.fallback());
await context.route("**/messages", refuse);
await write(ada, "long of the storm");
await ada.waitForSelector("[data-pending=failed]");
await looks(ada, "what was refused");
await context.unroute("**/messages", refuse);
await ada.click("[data-pending] button:text-is('Edit')");
await ada.waitForFunction(() => document.querySelectorAll("[data-pending]").length === 0);
const back = await ada.inputValue("[data-testid=write]");
await write(ada, "short of the storm");
await reads(eve, "short of the storm");
say({ type: "refused", back });

// Found by its words, a message is gone to. Who hears so many asks for none of them.
const asked = [];
eve.on("request", (request) => { if (request.method() === "GET" && /\/api\/v1\/chat\/rooms/.test(request.url())) asked.push(request.url()); });
for (let line = 0; line < 25; line += 1) await write(ada, `line ${line}\n\nof many`);
await reads(eve, "line 24");
await ada.waitForFunction(() => [...document.querySelectorAll("[data-receipt]")].at(-1)?.dataset.receipt === "read");
say({ type: "heard", asked });
await ada.keyboard.press("Control+k");
await ada.fill("[data-testid=search]", "lighth");
await ada.waitForSelector("mark");
await looks(ada, "the search");
await ada.press("[data-testid=search]", "Enter");
await ada.waitForFunction(() => {
  const found = [...document.querySelectorAll("article")].find((one) => one.textContent.includes("lighthouse"))?.getBoundingClientRect();
  return found && found.top > 50 && found.bottom < innerHeight;
});
say({ type: "search", path: new URL(ada.url()).search });

// A picture: its place is kept, or the words say that this server takes none.
const png = await ada.evaluate(async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 2400, height: 1200 });
  canvas.getContext("2d").fillRect(0, 0, 1200, 1200);
  return canvas.toDataURL("image/png").split(",")[1];
});
await ada.setInputFiles("[data-testid=file]", { name: `${script}.png`, mimeType: "image/png", buffer: Buffer.from(png, "base64") });
const upload = await ada.waitForSelector("[data-upload=there], [data-upload=failed]");
const words = await upload.textContent();
await looks(ada, "an upload");
if ((await upload.getAttribute("data-upload")) === "there") {
  await ada.click("[data-testid=send]");
  await eve.waitForFunction(() => [...document.querySelectorAll("article img")].some((one) => one.complete && one.naturalWidth > 0));
  const image = await eve.$eval("article img", (one) => ({ width: one.naturalWidth, height: one.naturalHeight, kept: one.width / one.height }));
  say({ type: "image", shown: true, image });
} else {
  await ada.click("[data-upload] [aria-label^=Take]");
  say({ type: "image", shown: false, words });
}

// Whatever people write is text: in names, rooms, descriptions, messages, quick replies, and names of files; and what pages say of themselves.
await ada.keyboard.press("Control+,");
await ada.fill("[data-testid=reply-name]", "evil");
await ada.fill("[data-testid=reply-text]", script);
await ada.click("text=Add");
await ada.waitForSelector("[data-testid=replies] li");
await looks(ada, "the settings");
await ada.keyboard.press("Escape");
await ada.click("[data-testid=new]");
await ada.click("[data-testid=group]");
await ada.fill("[data-testid=group-name]", script);
await ada.fill("[data-testid=group-description]", script);
for (const name of ["Eve", script]) {
  await ada.fill("[data-testid=find-people]", name);
  // Whom was asked for before may stand there still.
  await ada.waitForFunction((name) => [...document.querySelectorAll("dialog li button")].map((one) => one.textContent.includes(name)).join() === "true", name);
  await ada.press("[data-testid=find-people]", "Enter");
  await ada.waitForFunction(() => document.querySelector("[data-testid=find-people]").value === "");
}
await ada.click("[data-testid=make]");
await ada.waitForSelector("[data-testid=write]:focus");
await ada.keyboard.type("/ev");
await ada.keyboard.press("Enter");
await ada.keyboard.type(` @${script} `);
await ada.keyboard.press("Enter");
await ada.click("[data-testid=about]");
await ada.waitForFunction(() => document.querySelectorAll("[data-testid=members] li").length === 3);
await looks(ada, "about a group");
await eve.goBack();
await eve.tap("[data-room] >> nth=0");
await eve.waitForSelector(".mention");
await looks(eve, "a group on a phone");
const escaped = script.replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const meta = (name) => `<meta property="og:${name}" content="${escaped}">`;
const site = createServer((_, answer) => {
  answer.setHeader("content-type", "text/html; charset=utf-8");
  answer.end(`<!doctype html><title>${escaped}</title>${["title", "description", "site_name"].map(meta).join("")}`);
});
await new Promise((done) => site.listen(0, "127.0.0.1", done));
await write(ada, `http://127.0.0.1:${site.address().port}/`);
await eve.waitForSelector("article .card");
const card = await eve.$eval("article .card .text", (text) => [...text.children].map((one) => one.textContent));
site.close();
site.closeAllConnections();
await ada.keyboard.press("Control+k");
await ada.fill("[data-testid=search]", "onerror");
await ada.waitForSelector("mark");
await ada.keyboard.press("Escape");
const ran = [];
for (const page of [ada, eve]) ran.push(await page.evaluate(() => [typeof globalThis.pwned, document.querySelectorAll("img[src=x]").length, document.title]));
say({ type: "script", ran, card, shown: await eve.$eval("article .text", (text) => text.textContent) });

// The administration counts, and its settings stay saved.
await ada.goto(`${url}/chat/admin`);
await ada.waitForFunction(() => /[1-9]/.test(document.querySelector("[data-testid=figures] dd")?.textContent ?? ""));
await ada.fill("[name=max_members]", "42");
await ada.press("[name=max_members]", "Enter");
await reads(ada, "Saved.");
await ada.reload();
await ada.waitForSelector("[name=max_members]");
await looks(ada, "the administration");
say({ type: "admin", kept: await ada.inputValue("[name=max_members]") });

// A browser has one session: where one tab signs in as somebody else, or out, the other one shows nothing of who was there.
const other = await context.newPage();
await signIn(other, "eve@example.com");
await ada.waitForSelector("[aria-label^='You: Eve']");
await other.evaluate(() => fetch("/api/v1/session/end", { method: "POST", headers: { "X-Mainspring-Console": "1" } }));
await reads(ada, "Sign in to chat");
await reads(other, "Sign in to chat");

// A ban takes everything from the screen.
say({ type: "ban" });
for await (const _ of createInterface({ input: process.stdin })) break;
await reads(eve, "Sign in to chat");
await looks(eve, "the way in");
say({ type: "banned", left: (await eve.textContent("body")).includes("storm") });

await browser.close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d|ERR_FAILED|ERR_INTERNET_DISCONNECTED/.test(line)) });
