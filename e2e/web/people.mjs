// node people.mjs ADMIN_LINK URL: an administrator makes an account, hands over its link, bans, takes that back, gives the console
// and takes it away, invites and takes that back, deletes. Beside it the person of the account, in a browser of her own.
import { open, say } from "./chromium.mjs";
import { faults } from "./inspect.mjs";

const [link, url] = process.argv.slice(2);
const { browser, page, complaints } = await open(link, { reducedMotion: "reduce" });
await page.click("button");
await page.waitForURL("**/console*");
const hers = await (await browser.newContext({ reducedMotion: "reduce" })).newPage();
const PASSWORD = "a horse and a battery";
/** Of a ban; it would run where a text is taken for HTML. */
const REASON = "the same <img src=x onerror=globalThis.pwned=1> in every room";

/** Waits until this is on the page, and answers what went wrong otherwise. */
const reads = (of, text) => of.waitForFunction((text) => document.body.innerText.includes(text), text).catch(async () => {
  throw new Error(`“${text}” is not on ${of.url()}:\n${await of.evaluate(() => document.body.innerText)}`);
});
const press = (text) => page.click(`button:text-is('${text}')`);
const status = () => hers.evaluate(async () => (await fetch("/api/v1/me")).status);
/** Asks until it is so: what is taken back is gone within a second. */
const until = (wanted) => hers.waitForFunction(async (wanted) => (await fetch("/api/v1/me")).status === wanted, wanted);
const signIn = async () => {
  await hers.goto(`${url}/console`);
  await hers.click("text=Sign in with your account");
  await hers.fill("[name=email]", "ada@example.com");
  await hers.fill("[name=password]", PASSWORD);
  await hers.keyboard.press("Enter");
};

// An account is made by keyboard, without a password that two people know.
await page.goto(`${url}/console/people`);
await reads(page, "Nobody has an account yet");
say({ type: "faults", of: "the empty list", faults: await faults(page) });
await page.keyboard.press("c");
await page.waitForSelector("form");
await page.keyboard.type("Ada");
await page.fill("form [type=email]", "not an address");
await page.keyboard.press("Enter");
await page.waitForSelector("form [aria-invalid]");
say({ type: "faults", of: "the form with what is wrong", faults: await faults(page) });
await page.fill("form [type=email]", "ada@example.com");
await page.keyboard.press("Enter");
const reset = (await page.textContent(".secret")).trim();
await page.reload();
await reads(page, "Link for a new password");
say({ type: "link", whole: reset.startsWith(`${url}/password/`), again: (await page.textContent("body")).includes(reset) });

await page.goto(`${url}/console/people/new`);
await page.fill("form input:not([type])", "Eve");
await page.fill("form [type=email]", "ADA@example.com");
await page.keyboard.press("Enter");
await reads(page, "Somebody has this address already.");
say({ type: "taken", at: await page.evaluate(() => document.querySelector("[aria-invalid]")?.type) });

// She sets the password, signs in, and is told that the console is not for her.
await hers.goto(reset);
await hers.fill("[name=password]", PASSWORD);
await hers.keyboard.press("Enter");
await reads(hers, "The new password is set.");
await signIn();
await reads(hers, "the console is for administrators");
say({ type: "member", path: new URL(hers.url()).pathname, faults: await faults(hers), api: await hers.evaluate(async () => (await fetch("/api/v1/people")).status) });

// A ban ends what she has open; taken back at the foot of the page, she may come again.
await page.goto(`${url}/console/people`);
await page.click("a[data-key^=usr_]");
await press("Ban…");
await page.waitForSelector("form textarea:focus");
await page.keyboard.type(REASON);
say({ type: "faults", of: "the ban", faults: await faults(page) });
await press("Ban for ever");
await reads(page, "Ada is banned for ever.");
await until(401);
await signIn();
await reads(hers, "This account is banned");
await reads(page, `for ever: ${REASON}`);
await press("Undo");
await reads(page, "is not banned any more");
await press("Undo");
await reads(page, "Ada is banned for ever.");
const reason = await page.textContent(".panel dl");
await press("Unban");
await reads(page, "is not banned any more");
await signIn();
await reads(hers, "the console is for administrators");
const ran = await page.evaluate(() => [typeof globalThis.pwned, document.querySelectorAll("img[src=x]").length]);
say({ type: "ban", reason: reason.includes(REASON), ran });

// The role opens the console, and taking it away closes it.
await page.click("text=Name and role");
await press("Administrator");
await press("Change");
await reads(page, "Ada is changed.");
await until(401);
await signIn();
await reads(hers, "Ready");
const known = await hers.textContent("a.who");
await press("Undo");
await reads(page, "Ada is as before.");
await until(401);
await hers.reload();
await reads(hers, "Sign in with your account");
say({ type: "role", known: known.trim(), faults: await faults(hers) });

// An invitation that was taken back makes nobody.
await page.goto(`${url}/console/people/invitations`);
await reads(page, "No invitation is open");
await page.keyboard.press("c");
await page.waitForSelector("form");
await page.keyboard.type("Grace");
await page.keyboard.press("Enter");
const invitation = (await page.textContent(".secret")).trim();
say({ type: "faults", of: "the invitation", faults: await faults(page) });
await press("Take back");
await press("Yes, take it back");
await reads(page, "Grace is taken back");
await hers.goto(invitation);
await hers.fill("[name=name]", "Grace");
await hers.fill("[name=email]", "grace@example.com");
await hers.fill("[name=password]", PASSWORD);
await hers.keyboard.press("Enter");
await reads(hers, "That did not work");
say({ type: "invitation", whole: invitation.startsWith(`${url}/join/`) });

// A deletion says what stays, and Escape leaves it undone.
await signIn();
await reads(hers, "the console is for administrators");
await page.goto(`${url}/console/people`);
await page.click("a[data-key^=usr_]");
await press("Delete…");
await reads(page, "What they wrote stays");
await page.keyboard.press("Escape");
await page.waitForFunction(() => document.activeElement?.textContent === "Delete…");
const spared = await status();
await press("Delete…");
await press("Yes, delete");
await reads(page, "Nobody has an account yet");
await until(401);
say({ type: "deletion", spared });

// The log tells of all that in words.
await page.goto(`${url}/console/audit`);
await reads(page, "Delete a person");
const raw = await page.$$eval(".what", (cells) => cells.map((cell) => cell.textContent).filter((text) => /\/|^user /.test(text)));
await browser.close();
say({ type: "end", raw, complaints: complaints.filter((line) => !/status of 4\d\d/.test(line)) });
