// A client runs where people have it: in Node, or in a page of Chromium, which gets the library's own build for browsers.
import { open, say } from "./chromium.mjs";

const BUILDS = {
  Centrifuge: { node: async () => (await import("centrifuge")).Centrifuge, browser: "centrifuge/dist/centrifuge.js" },
  io: { node: async () => (await import("socket.io-client")).io, browser: "socket.io-client/dist/socket.io.js" },
};

/**
 * Runs `act(args)`, which uses nothing but the libraries (one, or several: globals of their names), `say` and what Node and browsers both have.
 * It answers how to end, or nothing. `where` is node or chromium; a page is one of the server's own.
 */
export async function run(where, address, libraries, act, args) {
  const names = [libraries].flat();
  let end;
  if (where === "chromium") {
    // The library goes into a page whose policy lets in nothing that the server did not send.
    const { browser, page, complaints } = await open(null, { bypassCSP: true });
    await page.exposeFunction("say", say);
    await page.goto(`http://${address}/sign-in`);
    for (const name of names) await page.addScriptTag({ path: `node_modules/${BUILDS[name].browser}` });
    page.on("pageerror", (error) => say({ type: "complaint", complaints, error: String(error) }));
    await page.evaluate(act, args);
    end = () => browser.close();
  } else {
    globalThis.WebSocket ??= (await import("ws")).default;
    globalThis.EventSource ??= (await import("eventsource")).EventSource;
    globalThis.say = say;
    for (const name of names) globalThis[name] = await BUILDS[name].node();
    end = await act(args);
  }
  // Whoever started us closes our standard input, or kills us.
  process.stdin.on("end", () => end?.()).resume();
}
