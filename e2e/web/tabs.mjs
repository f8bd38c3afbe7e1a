// node tabs.mjs URL PASSWORD [PICTURES]: ada@example.com has the chat open in two windows of one browser, which has one switch, and says what she
// wants to be told; eve@example.com writes. Then she signs out in one of them.
import { open, say } from "./chromium.mjs";
import { close, leftover, pushed, shown, subscribesHere, worker } from "./pushing.mjs";
import { another, beginWith, deed, gather, inspector, listed, reads, signIn, write } from "./talk.mjs";

const [url, password, pictures] = process.argv.slice(2);
const looks = inspector(pictures);
const { browser, context, page: one, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" });
await subscribesHere(context, url);
const eve = await another(browser, complaints);
await signIn(one, url, "ada@example.com", password);
await signIn(eve, url, "eve@example.com", password);
const two = await context.newPage();
await two.setViewportSize({ width: 390, height: 844 });
await two.goto(`${url}/chat`);
await two.waitForSelector("[data-testid=rooms]");

// The switch is the browser's: turned in one window, it is turned in the other.
const settings = async (page) => {
  await page.keyboard.press("Control+,");
  await page.waitForSelector("[data-testid=mentions]:enabled");
};
const stands = (page, stage) => page.waitForSelector(`[data-testid=notify][data-stage=${stage}]`);
for (const page of [one, two]) {
  await settings(page);
  await stands(page, "off");
}
const turns = [];
for (const [here, there, stage] of [[one, two, "on"], [two, one, "off"], [one, two, "on"]]) {
  await here.click("[data-testid=notify]");
  await stands(here, stage);
  await stands(there, stage);
  turns.push(await there.evaluate(() => [document.querySelector("[data-testid=notify]").ariaChecked, localStorage.getItem("test.push") !== null]));
}
say({ type: "turns", turns });

// What a person wants is kept at the server, or is not so and says why.
await two.selectOption("[data-testid=letters]", "60");
const why = await two.textContent("[data-testid=wishes-why]");
const letters = await two.inputValue("[data-testid=letters]");
await looks(one, "the settings at a desk");
await two.$eval("[data-testid=letters]", (select) => select.scrollIntoView({ block: "center" }));
await looks(two, "the settings on a phone");
for (const page of [one, two]) {
  await page.keyboard.press("Escape");
  await page.waitForSelector("dialog", { state: "detached" });
}

// A browser can install it, with the worker that is there.
const { devtools, deliver } = await worker(context, one, url);
const { installabilityErrors } = await devtools.send("Page.getInstallabilityErrors");
const { url: manifest, errors } = await devtools.send("Page.getAppManifest");
say({ type: "app", manifest, errors, installabilityErrors });

// From a muted room nothing is pushed; what is said elsewhere after it is the next that comes.
// A window behind another one draws once a second.
await one.bringToFront();
await gather(eve, "Harbour", ["Ada"]);
await one.click("[data-room]:has-text('Harbour')");
await one.click("[data-testid=about]");
await one.click("aside button:text-is('Mute…')");
await one.click("aside button:text-is('Until I say so')");
await one.waitForSelector("[data-room]:has-text('Harbour') [title=Muted]");
await one.goto(`${url}/chat`);
await listed(one, ["Harbour"]);
await write(eve, "a boat goes out");
await beginWith(eve, "Ada");
await write(eve, "and now to you");
const first = await pushed();

// Unless it mentions who wants to hear of that.
await settings(one);
await one.click("[data-testid=mentions]");
await one.waitForSelector("[data-testid=mentions][aria-checked=true][aria-busy=false]");
await one.reload();
await one.waitForSelector("[data-testid=rooms]");
await settings(one);
const wanted = await one.getAttribute("[data-testid=mentions]", "aria-checked");
await one.keyboard.press("Escape");
await eve.click("[data-room]:has-text('Harbour')");
await write(eve, "@Ada, the tide");
await reads(eve, "@Ada, the tide");
// Whom an edit mentions has a notice of its own, though what is told of the room is newer.
await deed(eve, "a boat goes out", "Edit");
await eve.fill("[data-testid=write]", "a boat goes out, @Ada");
await eve.press("[data-testid=write]", "Enter");
const mentions = [await pushed(), await pushed()].sort((a, b) => JSON.parse(b.text).seq - JSON.parse(a.text).seq);
for (const { text } of mentions) await deliver(text);
// The worker shows both at a time: either may be first.
await shown(one, "@Ada, the tide");
const notes = await shown(one, "a boat goes out, @Ada");
const kind = ({ type, content, mentions_you }) => [type, content, mentions_you];
say({ type: "told", why, letters, wanted, pushed: [first, ...mentions].map(({ text }) => kind(JSON.parse(text))), notes: notes.map((note) => [note.title, note.data.at === note.data.seq]) });
// Read in one window, none of it is shown any more.
await two.click("[data-room]:has-text('Harbour')");
await reads(two, "a boat goes out, @Ada");
await shown(one, null);

// Signed out in one window, nobody is told by this browser any more: not here, and not by the server.
await settings(one);
await one.click("button:has-text('Sign out')");
await reads(one, "Sign in to chat");
await reads(two, "Sign in to chat");
const kept = await leftover(two);
await eve.click("[data-room]:has-text('and now to you')");
await write(eve, "are you gone?");
await signIn(one, url, "ada@example.com", password);
await settings(one);
await stands(one, "off");
await one.click("[data-testid=notify]");
await stands(one, "on");
await one.keyboard.press("Escape");
await write(eve, "there you are");
const last = JSON.parse((await pushed()).text);
say({ type: "out", kept, last: kind(last) });

await browser.close();
close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
