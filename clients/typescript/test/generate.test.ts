import { expect, test } from "vitest";

import { typesOf } from "../scripts/generate.mjs";

const schemas = {
  Row: {
    type: "object",
    required: ["id", "kind"],
    properties: {
      id: { type: "string", description: "Its number.\n  As text." },
      kind: { enum: ["a", "b"] },
      "odd-name": { type: ["integer", "null"] },
      tree: { type: "array", items: { oneOf: [{ $ref: "#/components/schemas/Row" }, { type: "null" }] } },
      any: {},
      by: { type: "object", additionalProperties: { type: "number" } },
    },
  },
  Page: { type: "object", required: ["items"], properties: { items: { type: "array", items: { $ref: "#/components/schemas/Row" } }, next: { type: ["string", "null"] } } },
};
const json = (name: string): unknown => ({ content: { "application/json": { schema: { $ref: `#/components/schemas/${name}` } } } });
const cursor = { name: "after", in: "query", required: false, schema: { type: ["integer", "null"] } };
const place = { name: "id", in: "path", required: true, schema: { type: "string" } };
const paths = {
  "/rows": { get: { summary: "All */ rows.", parameters: [cursor], responses: { 200: json("Page"), 400: {} } } },
  "/rows/{id}": { patch: { parameters: [place], requestBody: { required: true, ...(json("Row") as object) }, responses: { 200: json("Row"), 204: {} } } },
};

test("a description becomes types", () => {
  expect(typesOf({ components: { schemas }, paths })).toMatchInlineSnapshot(`
    "// Made by \`npm run generate\` from the OpenAPI description of a server. Not edited by hand.

    export interface Page {
      items: Row[];
      next?: string | null;
    }

    export interface Row {
      /** Its number. As text. */
      id: string;
      kind: "a" | "b";
      "odd-name"?: number | null;
      tree?: (Row | null)[];
      any?: unknown;
      by?: Record<string, number>;
    }

    /** Every route: what it takes, and what it answers. */
    export interface Routes {
      /** All * / rows. */
      "GET /rows": {
        query?: {
          after?: number | string;
        };
        answer: Page;
      };
      "PATCH /rows/{id}": {
        path: {
          id: string;
        };
        body: Row;
        answer: Row | undefined;
      };
    }

    /** The lists that come in pages, and the parameter that asks for what follows \`next\`. */
    export const CURSORS = {
      "/rows": "after",
    } as const;
    "
  `);
});
