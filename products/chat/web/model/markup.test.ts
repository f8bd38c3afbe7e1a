import { describe, expect, it } from "vitest";
import { onlyEmoji, parse, plain, safe, type Node } from "./markup";

const ADA = { id: "usr_1", name: "Ada" };
const LOVELACE = { id: "usr_2", name: "Ada Lovelace" };

/** What is read of it when no style shows. */
const words = (nodes: Node[]): string => nodes.map((node) => ("of" in node ? words(node.of) : node.text)).join("");

describe("markup", () => {
  it("is plain where there is room for a line", () => {
    expect(plain("**a** `b`\n```\nc\n```\nd")).toBe("a b c d");
  });

  it("has styles at the edges of words", () => {
    expect(parse("**bold** and _it_")).toEqual([
      { kind: "bold", of: [{ kind: "text", text: "bold" }] },
      { kind: "text", text: " and " },
      { kind: "italic", of: [{ kind: "text", text: "it" }] },
    ]);
    for (const plain of ["2 * 3 * 4", "snake_case_name", "a ** b **", "**", "_ _", "__init__", "*"]) {
      expect(parse(plain)).toEqual([{ kind: "text", text: plain }]);
    }
  });

  it("leaves code alone", () => {
    expect(parse("`**not** <b>`")).toEqual([{ kind: "code", text: "**not** <b>" }]);
    expect(parse("```js\nlet a = `b`;\n```")).toEqual([{ kind: "block", text: "let a = `b`;" }]);
  });

  it("links to the web and to nothing else", () => {
    expect(parse("see https://example.org/a_(b)_c, or")).toContainEqual({ kind: "link", text: "https://example.org/a_(b)_c", href: "https://example.org/a_(b)_c" });
    expect(parse("(https://example.org/)")).toEqual([
      { kind: "text", text: "(" }, { kind: "link", text: "https://example.org/", href: "https://example.org/" }, { kind: "text", text: ")" },
    ]);
    for (const evil of ["javascript:alert(1)", "data:text/html,x", "https://a:b@example.org", "https://", "//example.org", "JAVASCRIPT://https://"]) expect(safe(evil)).toBeNull();
    expect(parse("javascript:alert(1)").every((node) => node.kind !== "link")).toBe(true);
  });

  it("mentions whom the server mentions: the longest name, and no address", () => {
    expect(parse("@Ada Lovelace!", [ADA, LOVELACE])[0]).toEqual({ kind: "mention", text: "@Ada Lovelace", person: "usr_2" });
    expect(parse("@ada.", [ADA, LOVELACE])[0]).toEqual({ kind: "mention", text: "@ada", person: "usr_1" });
    expect(parse("@Adam me@Ada", [ADA])).toEqual([{ kind: "text", text: "@Adam me@Ada" }]);
  });

  it("loses nothing of what was written", () => {
    const evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> {@html x} &lt; \" ' https://x.org/\"><b>";
    expect(words(parse(evil))).toBe(evil);
    expect(words(parse("a **b _c_ d** e"))).toBe("a b c d e");
  });

  it("takes no long time, whatever is written", () => {
    const began = performance.now();
    for (const sign of ["**", "_", "`", "```", "~~", "@", "https://", "(", "**a _b ", "*_"]) parse(sign.repeat(2000 / sign.length), [ADA, LOVELACE]);
    expect(performance.now() - began).toBeLessThan(1000);
  });

  it("knows what is nothing but emoji", () => {
    expect(["👍", "❤️ 🎉", "👩‍👩‍👧", "🇨🇭"].map(onlyEmoji)).toEqual([true, true, true, true]);
    expect(["", "a👍", "1", "👍👍👍👍", "#"].map(onlyEmoji)).toEqual([false, false, false, false, false]);
  });
});
