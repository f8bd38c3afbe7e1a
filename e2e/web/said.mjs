// node said.mjs URL PASSWORD [PICTURES]: ada@example.com says to eve@example.com everything that is more than words, and takes back and mends
// what she said. Her microphone is a beep of Chromium's; where somebody would wait for two minutes, her page's clock is put forward.
import { createServer } from "node:http";
import { open, say } from "./chromium.mjs";
import { another, beginWith, deed, inspector, reads, signIn, write } from "./talk.mjs";

const [url, password, pictures] = process.argv.slice(2);
const looks = inspector(pictures);
const { browser, context, page: ada, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" }, ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
await context.grantPermissions(["microphone"], { origin: url });
await ada.clock.install();
const eve = await another(browser, complaints, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" });
await signIn(ada, url, "ada@example.com", password);
await signIn(eve, url, "eve@example.com", password);
await beginWith(ada, "Eve");
await write(ada, "listen");
await eve.tap("[data-room]");
await reads(eve, "listen");

// A voice note: begun, thrown away; begun again, sent, and played by who it is for.
const SPEAK = "[aria-label='Speak a voice note']";
const SEND = "[aria-label='Send the voice note']";
/** For so long at least; a busy machine shows not every second. */
const speaks = (seconds) => ada.waitForFunction((seconds) => Number(document.querySelector("[role=timer]")?.textContent.split(":")[1]) >= seconds, seconds);
await ada.click(SPEAK);
await speaks(1);
await looks(ada, "speaking");
// What is heard is seen: silence is an eighth of the height.
await ada.waitForFunction(() => [...document.querySelectorAll(".wave i")].some((one) => one.clientHeight > one.parentElement.clientHeight / 7));
await ada.click("[aria-label='Throw the voice note away']");
await ada.waitForSelector(SPEAK);
const thrown = await ada.locator("[data-upload], article audio").count();
await ada.click(SPEAK);
await speaks(2);
await ada.click(SEND);
await eve.waitForSelector("article .voice");
const length = await eve.textContent("article .voice .num");
await eve.tap("[aria-label='Play the voice note']");
await eve.waitForFunction(() => document.querySelector("article audio").currentTime > 0.5);
await looks(eve, "a voice note that plays");
await eve.waitForFunction(() => document.querySelector("article audio").ended);
// Nobody speaks for longer than two minutes: what was said until then goes by itself.
await ada.click(SPEAK);
await speaks(1);
const goes = ada.waitForRequest((request) => request.method() === "POST" && request.url().includes("/files?"));
await ada.clock.fastForward(300_000);
const longest = new URL((await goes).url()).searchParams.get("duration_ms");
await eve.waitForFunction(() => document.querySelectorAll("article audio").length === 2);
await ada.waitForSelector(SPEAK);
say({ type: "voice", thrown, length, longest });

// Files come from the clipboard, and by being dropped; what is no file is not taken for one.
const png = await ada.evaluate(() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 48 });
  canvas.getContext("2d").fillRect(0, 0, 32, 48);
  return canvas.toDataURL("image/png").split(",")[1];
});
/** What a browser hands over with a drag or a paste. */
const handed = (files, text) => ada.evaluateHandle(({ files, text }) => {
  const data = new DataTransfer();
  for (const { name, type, bytes } of files) data.items.add(new File([Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0))], name, { type }));
  if (text) data.setData("text/plain", text);
  return data;
}, { files, text });
const drag = async (kind, selector, dataTransfer) => ada.dispatchEvent(selector, kind, { dataTransfer, bubbles: true, cancelable: true });
const picture = await handed([{ name: "chart.png", type: "image/png", bytes: png }]);
await ada.$eval("[data-testid=write]", (box, clipboardData) => box.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true })), picture);
await ada.waitForSelector("[data-upload=there]");
await ada.fill("[data-testid=write]", "the chart");
await ada.press("[data-testid=write]", "Enter");
await eve.waitForFunction(() => [...document.querySelectorAll("article img")].some((one) => one.complete && one.naturalWidth === 64));
await drag("dragover", "article .bubble", picture);
await ada.waitForSelector("text=Drop to send here");
// Out of the window again, from over a message: nothing is about to be dropped any more.
await ada.$eval("article .bubble", (bubble, dataTransfer) => bubble.dispatchEvent(new DragEvent("dragleave", { dataTransfer, bubbles: true, relatedTarget: null })), picture);
await ada.waitForFunction(() => !document.body.innerText.includes("Drop to send here"));
const log = await handed([{ name: "log.txt", type: "text/plain", bytes: Buffer.from("a quiet night").toString("base64") }]);
await drag("dragover", ".conversation", log);
await looks(ada, "a file over the room");
await drag("drop", ".conversation", log);
await ada.waitForSelector("[data-upload=there]");
await ada.click("[data-testid=send]");
await eve.waitForSelector("a.file:has-text('log.txt')");
const saved = await eve.evaluate(async () => (await fetch(document.querySelector("a.file").href)).text());
// Words that are dragged into the box are the browser's to drop there.
const words = await handed([], "some words");
const ours = await ada.$eval("[data-testid=write]", (box, dataTransfer) => !box.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true })), words);
say({ type: "files", saved, ours, left: await ada.locator("[data-upload]").count() });

// A quick reply is written by its name behind a slash, and no more once it is dropped.
await ada.keyboard.press("Control+,");
await ada.fill("[data-testid=reply-name]", "/berth");
await ada.fill("[data-testid=reply-text]", "Berth four is free until noon.");
await ada.click("dialog button:text-is('Add')");
await ada.waitForSelector("[data-testid=replies] li");
await ada.keyboard.press("Escape");
await ada.waitForSelector("dialog", { state: "detached" });
await ada.fill("[data-testid=write]", "/b");
await ada.waitForSelector("#offers li");
await looks(ada, "quick replies");
await ada.press("[data-testid=write]", "Escape");
await ada.waitForSelector("#offers", { state: "detached" });
const kept = await ada.inputValue("[data-testid=write]");
await ada.fill("[data-testid=write]", "/be");
await ada.waitForSelector("#offers li");
await ada.press("[data-testid=write]", "Tab");
const taken = await ada.inputValue("[data-testid=write]");
await ada.press("[data-testid=write]", "Enter");
await reads(eve, "Berth four is free until noon.");
await ada.keyboard.press("Control+,");
await ada.click("[aria-label='Drop /berth']");
await ada.waitForSelector("[data-testid=replies]", { state: "detached" });
await ada.keyboard.press("Escape");
await ada.fill("[data-testid=write]", "/be");
const dropped = await ada.locator("#offers").count();
await ada.fill("[data-testid=write]", "");
say({ type: "replies", kept, taken, dropped });

// What was said is mended by its menu; left as it was by Escape; and deleted, with what it answered to.
await write(ada, "It is on peer four");
await deed(ada, "peer four", "Edit");
await ada.fill("[data-testid=write]", "something else");
await ada.press("[data-testid=write]", "Escape");
const untouched = [await ada.inputValue("[data-testid=write]"), await ada.locator("article:has-text('something else')").count()];
await deed(ada, "peer four", "Edit");
await ada.fill("[data-testid=write]", "It is on pier four");
await ada.press("[data-testid=write]", "Enter");
await eve.waitForSelector("article:has-text('pier four'):has-text('edited')");
await eve.waitForFunction(() => !document.body.textContent.includes("peer four"));
// Of somebody else's words nothing can be changed.
await deed(ada, "pier four", "Answer");
await write(ada, "Bring ropes");
await eve.waitForSelector(".quote:has-text('pier four')");
await deed(ada, "It is on pier four", "Delete for everybody");
await ada.click("[popover] button:text-is('Yes, delete for everybody')");
await eve.waitForFunction(() => !document.body.textContent.includes("pier four"));
await reads(eve, "Message deleted");
await looks(eve, "a message that is gone");
say({ type: "mended", untouched });

// A link has a card, with the page's words and its picture; an edit that takes the link away takes the card along.
const site = createServer((request, answer) => {
  if (request.url === "/light.png") return answer.writeHead(200, { "content-type": "image/png" }).end(Buffer.from(png, "base64"));
  answer.setHeader("content-type", "text/html; charset=utf-8");
  answer.end(`<!doctype html><title>The light</title><meta property="og:title" content="The light at the end of the pier"><meta property="og:description" content="Lit at dusk.">
    <meta property="og:site_name" content="Harbour office"><meta property="og:image" content="http://127.0.0.1:${site.address().port}/light.png">`);
});
await new Promise((done) => site.listen(0, "127.0.0.1", done));
await write(ada, `see http://127.0.0.1:${site.address().port}/light`);
await eve.waitForSelector("article .card");
await eve.waitForFunction(() => { const image = document.querySelector("article .card img"); return image?.complete && image.naturalWidth > 0; });
const card = await eve.$eval("article .card .text", (text) => [...text.children].map((one) => one.textContent));
const target = await eve.$eval("article .card", (one) => [one.target, one.rel]);
await looks(eve, "a card");
await looks(ada, "a card at a desk");
await deed(ada, "see http", "Edit");
await ada.fill("[data-testid=write]", "see for yourself");
await ada.press("[data-testid=write]", "Enter");
await reads(eve, "see for yourself");
await eve.waitForSelector("article .card", { state: "detached" });
site.close();
say({ type: "card", card, target });

// The keys do what the settings say of them, and nothing while something is open over the page.
const sheet = () => ada.evaluate(() => document.querySelector("dialog[open]")?.getAttribute("aria-label") ?? null);
const pressed = {};
for (const [name, key, title] of [["new", "Control+n", "New conversation"], ["new on a Mac", "Meta+n", "New conversation"], ["settings", "Control+,", "Settings"], ["jump", "Control+k", "Search or jump"], ["search", "Control+f", "Search or jump"]]) {
  await ada.keyboard.press(key);
  await ada.waitForSelector(`dialog[aria-label='${title}']`);
  await ada.keyboard.press("Control+b");
  pressed[name] = await sheet();
  await ada.keyboard.press("Escape");
  await ada.waitForSelector("dialog", { state: "detached" });
}
const sidebar = () => ada.$eval(".sidebar", (one) => one.checkVisibility({ visibilityProperty: true }));
const before = await sidebar();
await ada.keyboard.press("Control+b");
await ada.waitForFunction(() => !document.querySelector(".sidebar").checkVisibility({ visibilityProperty: true }));
await looks(ada, "without the rooms");
await ada.keyboard.press("Meta+b");
await ada.waitForFunction(() => document.querySelector(".sidebar").checkVisibility({ visibilityProperty: true }));
await ada.click("[data-testid=about]");
await ada.waitForSelector("aside");
await ada.keyboard.press("Escape");
await ada.waitForSelector("aside", { state: "detached" });
say({ type: "keys", pressed, before });

await browser.close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
