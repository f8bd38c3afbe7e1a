// node faces.mjs URL PASSWORD: ada@ and eve@example.com look at one room, Eve on a phone. Ada gives herself a picture, then the group, and
// takes hers back: Eve's page shows each without being touched.
import { intoTheChat, open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

const [url, password] = process.argv.slice(2);
const { browser, page: ada, complaints } = await open(null, { reducedMotion: "reduce", colorScheme: "light" });
const phone = await browser.newContext({ viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, reducedMotion: "reduce", colorScheme: "dark" });
const eve = await phone.newPage();
eve.on("pageerror", (error) => complaints.push(String(error)));
eve.on("console", (line) => { if (line.type() === "error") complaints.push(line.text()); });
const loads = [];
eve.on("load", () => loads.push(eve.url()));

const looks = async (page, of) => say({ type: "faults", of, faults: await faults(page) });
/** Waits until a picture is shown there, and answers how large it is. */
const shows = async (page, where) => {
  const picture = await page.waitForFunction((where) => {
    const img = document.querySelector(`${where} .avatar img`);
    return img?.complete && img.naturalWidth > 0 && !img.src.startsWith("data:") ? [img.naturalWidth, img.naturalHeight, new URL(img.src).pathname] : null;
  }, where);
  return picture.jsonValue();
};
/** Waits until the letters are shown there. */
const letters = (page, where) => page.waitForFunction((where) => document.querySelector(`${where} .avatar`) && !document.querySelector(`${where} .avatar img`), where);
const chooses = async (colour) => {
  const png = await ada.evaluate((colour) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 500 });
    const paint = canvas.getContext("2d");
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 900, 500);
    paint.fillStyle = "white";
    paint.arc(450, 250, 120, 0, 7);
    paint.fill();
    return canvas.toDataURL("image/png").split(",")[1];
  }, colour);
  await ada.setInputFiles("[data-testid=face-file]", { name: "me.png", mimeType: "image/png", buffer: Buffer.from(png, "base64") });
  await ada.waitForSelector("[data-testid=face][data-stage=chosen] .avatar img[src^='data:']");
};

await intoTheChat(ada, url, "ada@example.com", password);
await intoTheChat(eve, url, "eve@example.com", password);
const room = await ada.evaluate(async () => {
  const headers = { "Content-Type": "application/json", "X-Mainspring-Console": "1" };
  const post = async (path, body) => (await fetch(`/api/v1/chat${path}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  const { items } = await (await fetch("/api/v1/chat/people?q=Eve")).json();
  const { room } = await post("/rooms", { name: "Lighthouse", people: items.map((one) => one.id) });
  await post(`/rooms/${room}/messages`, { client_id: "1", content: "Is it lit?" });
  return room;
});
for (const page of [ada, eve]) await page.click(`[data-room='${room}']`);
await letters(eve, "article");
await eve.waitForSelector("article .face");
loads.length = 0;

// What is no picture is refused before it is sent, in words.
await ada.keyboard.press("Control+,");
await ada.setInputFiles("[data-testid=face-file]", { name: "me.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
const refused = await ada.textContent("[data-testid=face] [role=alert]");

// It is looked at, sent, and on every page.
await chooses("crimson");
await looks(ada, "a picture that is chosen");
await ada.click("[data-testid=face-send]");
const own = await shows(ada, ".me");
const theirs = await shows(eve, "article .face");
await looks(ada, "the settings with a picture");
await looks(eve, "a room with pictures on a phone");
say({ type: "given", refused, own, theirs });

// Another one has another address.
await chooses("teal");
await ada.click("[data-testid=face-send]");
await eve.waitForFunction((old) => {
  const img = document.querySelector("article .face .avatar img");
  return img?.complete && img.naturalWidth > 0 && new URL(img.src).pathname !== old;
}, theirs[2]);
const again = await shows(eve, "article .face");

// Taken back, after one more question.
await ada.click("[data-testid=face-drop]");
await ada.click("[data-testid=face-sure]");
await letters(eve, "article .face");
await letters(ada, ".me");
await ada.keyboard.press("Escape");
say({ type: "taken", again });

// The group's, by who manages it.
await ada.click("[data-testid=about]");
await ada.click("text=Name, picture, description");
await chooses("darkblue");
await looks(ada, "a group's picture that is chosen");
await ada.click("[data-testid=face-send]");
const header = await shows(eve, "header .who");
await eve.tap("[data-testid=about]");
await eve.waitForSelector("[data-testid=members]");
const offered = await eve.locator("text=Name, picture, description").count();
const reloaded = loads.length;
await eve.goto(`${url}/chat`);
const listed = await shows(eve, `[data-room='${room}']`);
await looks(eve, "the list with a group's picture");
say({ type: "group", header, listed, offered, reloaded });

await browser.close();
say({ type: "end", complaints });
