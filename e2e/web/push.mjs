// node push.mjs URL PASSWORD: ada@example.com has her browser told of messages; eve@example.com writes.
import { intoTheChat, open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";
import { close, leftover, pushed, registrations, shown, subscribesHere, worker } from "./pushing.mjs";

const [url, password] = process.argv.slice(2);
const { browser, context, page: ada, complaints } = await open(null, { reducedMotion: "reduce" });
await subscribesHere(context, url);
const eve = await (await browser.newContext()).newPage();
const signIn = (page, email) => intoTheChat(page, url, email, password);
/** The switch, as it stands and as a keyboard turns it. */
const settings = async () => {
  await ada.keyboard.press("Control+,");
  await ada.waitForSelector("[data-testid=notify]");
};
const stands = (stage) => ada.waitForSelector(`[data-testid=notify][data-stage=${stage}]`);
const turn = async (stage) => {
  await ada.focus("[data-testid=notify]");
  await ada.keyboard.press("Space");
  await stands(stage);
};
const write = async (text) => {
  await eve.fill("[data-testid=write]", text);
  await eve.press("[data-testid=write]", "Enter");
};

await signIn(ada, "ada@example.com");
await signIn(eve, "eve@example.com");
await settings();
await stands("off");
const before = await ada.evaluate(() => navigator.serviceWorker.getRegistrations().then((all) => all.length));
await ada.evaluate(() => localStorage.setItem("test.silent", "yes"));
await turn("off");
const why = await ada.textContent("[data-testid=notify-why]");
await ada.evaluate(() => localStorage.removeItem("test.silent"));
await turn("on");
await ada.setViewportSize({ width: 390, height: 844 });
const wider = await ada.$eval("dialog .inside", (inside) => inside.scrollWidth - inside.clientWidth);
await ada.setViewportSize({ width: 1440, height: 900 });
say({ type: "switch", before, why, wider, checked: await ada.getAttribute("[data-testid=notify]", "aria-checked"), faults: await faults(ada) });
await ada.keyboard.press("Escape");

const { deliver, anew } = await worker(context, ada, url);
await eve.keyboard.press("Alt+n");
await eve.fill("[data-testid=find-people]", "Ada");
await eve.waitForFunction(() => document.querySelectorAll("dialog li button").length === 1);
await eve.press("[data-testid=find-people]", "Enter");
await eve.waitForSelector("[data-testid=write]:focus");
await write("the **light** is out");
const first = await pushed();
await deliver(first.text);
const told = await shown(ada, "the light is out");
const { room, seq } = JSON.parse(first.text);
say({ type: "told", told, room });

// Who looks at the room is told nothing of it; of another one they are.
await ada.click("[data-room]");
await ada.waitForSelector("article");
await shown(ada, null);
await deliver(JSON.stringify({ ...JSON.parse(first.text), seq: seq + 1, content: "seen already" }));
await deliver(JSON.stringify({ ...JSON.parse(first.text), room: "room_elsewhere", content: "elsewhere" }));
say({ type: "looking", told: await shown(ada, "elsewhere") });

// Off is off, here and at the server: the next message is pushed to the new subscription alone.
await ada.goto(`${url}/chat`);
await ada.waitForSelector("[data-testid=rooms]");
await settings();
await stands("on");
await turn("off");
const left = await registrations(ada);
await turn("on");
await ada.keyboard.press("Escape");
await write("and lit again");
const again = await pushed();
say({ type: "again", left, old: again.path === first.path, content: JSON.parse(again.text).content });

// Who signs out leaves nothing that is shown, and nothing that could be.
await anew();
await deliver(again.text);
await shown(ada, "and lit again");
await settings();
await ada.click("button:has-text('Sign out')");
await ada.waitForSelector("text=Sign in to chat");
say({ type: "out", kept: await leftover(ada), faults: await faults(ada) });

await browser.close();
close();
say({ type: "end", complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
