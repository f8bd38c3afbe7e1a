// node rooms.mjs URL PASSWORD [PICTURES]: ada@, eve@ and bea@example.com have rooms: who is what in one, what is pinned there, what is muted,
// put away, unread; and what becomes of a page whose person is taken out.
import { open, say } from "./chromium.mjs";
import { another, beginWith, deed, gather, inspector, listed, lists, names, offers, reads, signIn, write } from "./talk.mjs";

const [url, password, pictures] = process.argv.slice(2);
const looks = inspector(pictures);
const { browser, page: ada, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" });
const eve = await another(browser, complaints);
const bea = await another(browser, complaints, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, colorScheme: "dark" });
await signIn(ada, url, "ada@example.com", password);
await signIn(eve, url, "eve@example.com", password);
await signIn(bea, url, "bea@example.com", password);
await gather(ada, "Harbour", ["Eve", "Bea"]);
await write(ada, "The tide turns at six");
await eve.click("[data-room]");
await bea.tap("[data-room]");
await reads(bea, "The tide turns");

// What each may do with somebody, by the menu of the members.
const about = async (page) => {
  await page.click("[data-testid=about]");
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=members] li").length === 3);
};
const member = (name) => `[data-testid=members] li:has-text('${name}') button`;
const may = async (page, name) => {
  await page.click(member(name));
  const words = await page.$$eval("[popover] .menu button", (all) => all.map((one) => one.textContent.trim()));
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector(":popover-open"));
  return words;
};
const does = async (page, name, words) => {
  await page.click(member(name));
  await page.click(`[popover] button:text-is('${words}')`);
};
const role = (page, name, role) => page.waitForFunction(({ name, role }) => {
  const one = [...document.querySelectorAll("[data-testid=members] li")].find((one) => one.textContent.includes(name));
  return one && (one.querySelector(".role")?.textContent ?? "") === role;
}, { name, role });
await about(ada);
await about(eve);
const ordinary = { members: await may(eve, "Bea"), message: await offers(eve, "The tide turns"), adds: await eve.locator("button:text-is('Add')").count() };
const owner = { members: await may(ada, "Bea"), leaves: await ada.locator("text=Leave the group").count(), words: (await ada.textContent("aside")).includes("make another member its owner first") };
await looks(ada, "an owner's members");
await does(ada, "Eve", "Make an admin");
await role(ada, "Eve", "Admin");
// Who is made an admin sees so at once, and what may be done with it.
await role(eve, "Eve", "Admin");
await eve.waitForSelector("button:text-is('Add')");
const admin = { members: await may(eve, "Bea"), ofOwner: await may(eve, "Ada"), message: await offers(eve, "The tide turns") };
say({ type: "roles", ordinary, owner, admin });

// What an admin pins stands for everybody, leads to where it was said, and goes when it is not pinned, or not there, any more.
await deed(eve, "The tide turns", "Pin");
await ada.waitForSelector("[aria-label='1 pinned']");
for (let line = 0; line < 30; line += 1) await write(ada, `log ${line}\n\nof the night`);
await reads(eve, "log 29");
await deed(eve, "log 29", "Pin");
await bea.waitForSelector("[aria-label='2 pinned']");
await bea.tap("[aria-label='2 pinned']");
await bea.waitForSelector("aside li button");
const order = await bea.$$eval("aside .said", (all) => all.map((one) => one.textContent.split("\n")[0]));
await looks(bea, "what is pinned on a phone");
await bea.tap("aside li:has-text('The tide turns') button");
await bea.waitForFunction(() => {
  const found = [...document.querySelectorAll("article")].find((one) => one.textContent.includes("The tide turns"))?.getBoundingClientRect();
  return found && found.top > 50 && found.bottom < innerHeight;
});
const marked = await bea.locator("article:has-text('The tide turns') [title=Pinned]").count();
await deed(eve, "log 29", "Unpin");
await bea.waitForSelector("[aria-label='1 pinned']");
await deed(ada, "log 29", "Delete for everybody");
await ada.click("[popover] button:text-is('Yes, delete for everybody')");
await ada.evaluate(() => document.querySelector("[data-testid=messages]").scrollTo({ top: 0 }));
await deed(ada, "The tide turns", "Delete for everybody");
await ada.click("[popover] button:text-is('Yes, delete for everybody')");
await bea.waitForSelector("[aria-label$=pinned]", { state: "detached" });
say({ type: "pins", order, marked });

// Muted, a room counts what is unread without calling: neither in its colour nor in the title. A mention calls.
await beginWith(ada, "Eve");
await write(ada, "a word in private");
await lists(eve, "Ada.*a word in private.*1\\s+unread");
await eve.waitForFunction(() => document.title.startsWith("(1)"));
await eve.click("[data-room]:has-text('a word in private')");
await eve.waitForFunction(() => !document.title.startsWith("("));
await side(eve, "Mute…");
await eve.click("aside button:text-is('Until I say so')");
await eve.waitForSelector("[data-room]:has-text('Ada') [title=Muted]");
await looks(eve, "a room that is muted");
await eve.click("[data-room]:has-text('Harbour')");
await write(ada, "nothing of weight");
await lists(eve, "Ada.*nothing of weight.*1\\s+unread");
const quiet = await eve.$eval("[data-room]:has-text('Ada') [data-testid=unread]", (badge) => [badge.className.includes("quiet"), document.title]);
await write(ada, "but this is, @Eve");
await eve.waitForFunction(() => document.title.startsWith("(1)"));
const called = await eve.$eval("[data-room]:has-text('Ada')", (one) => one.querySelector("[title='You are mentioned']")?.textContent ?? null);

// The unread alone, by the sieve: what is read goes from it.
await eve.click(".sieves button:text-is('Unread')");
await listed(eve, ["Ada"]);
await looks(eve, "the unread alone");
await eve.click("[data-room]");
await reads(eve, "All read");
await eve.click(".sieves button:text-is('All')");
await listed(eve, ["Ada", "Harbour"]);
await side(eve, "Unmute");
await eve.waitForSelector("[data-room]:has-text('Ada') [title=Muted]", { state: "detached" });
say({ type: "muted", quiet, called });

// Put away, a room is out of the list until it is taken out of the archive, whatever is said in it.
await eve.click("aside button:text-is('Archive')");
await listed(eve, ["Harbour"]);
await eve.click("[data-room]:has-text('Harbour')");
await write(ada, "is anybody there?");
await eve.click(".sieves button:text-is('Archived')");
await lists(eve, "Ada.*is anybody there.*1\\s+unread");
const away = [await names(eve), await eve.title()];
await eve.click("[data-room]");
await side(eve, "Take out of the archive");
await reads(eve, "Nothing archived");
await eve.click(".sieves button:text-is('All')");
await listed(eve, ["Ada", "Harbour"]);
say({ type: "away", away });

// Who is taken out reads no more of it: their page closes the room, and says so.
await reads(bea, "log 28");
await eve.click("[data-room]:has-text('Harbour')");
await side(eve, null);
await does(eve, "Bea", "Take out of the group");
await eve.waitForFunction(() => document.querySelectorAll("[data-testid=members] li").length === 2);
await reads(bea, "No conversations yet");
// The word why goes by itself.
const out = await bea.evaluate(() => [location.pathname, document.body.textContent.includes("log 28"), document.querySelector(".word")?.textContent.trim()]);
await looks(bea, "taken out");
// The way back does not lead to it either.
await bea.goto(`${url}/chat/${new URL(ada.url()).pathname.split("/").at(-1)}`);
await reads(bea, "This room is not here");
await looks(bea, "a room that is somebody else's");
await bea.tap("text=To your rooms");
await reads(bea, "No conversations yet");

// An admin no more, then out by oneself: one step, and not off the page. The owner goes once the group is handed over.
await ada.click("[data-room]:has-text('Harbour')");
await side(ada, null);
await does(ada, "Eve", "No admin any more");
await role(eve, "Eve", "");
await eve.waitForSelector("button:text-is('Add')", { state: "detached" });
await does(ada, "Eve", "Hand the group over");
await role(eve, "Eve", "Owner");
await role(ada, "Ada", "Admin");
await ada.click("aside button:text-is('Leave the group')");
await ada.click("aside button:has-text('Yes, leave')");
await listed(ada, ["Eve"]);
await ada.waitForFunction(() => location.pathname === "/chat");
await eve.waitForFunction(() => document.querySelectorAll("[data-testid=members] li").length === 1);
await eve.click("aside button:text-is('Delete the group')");
await eve.click("aside button:has-text('Yes, delete it')");
await listed(eve, ["Ada"]);
await eve.waitForFunction(() => location.pathname === "/chat");
say({ type: "out", out });

/** The side about the room that is open, and one of its buttons. */
async function side(page, words) {
  if (!(await page.$("aside"))) await page.click("[data-testid=about]");
  await page.waitForSelector("aside");
  if (words) await page.click(`aside button:text-is('${words}')`);
}

await browser.close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
