// A JSON Schema, as far as a person wants it: what it is about, and a value that fits.

type Schema = Record<string, unknown>;

/** References within references end here; so does whatever refers to itself. */
const DEPTH = 6;

function isSchema(value: unknown): value is Schema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The part of the document that `#/$defs/Name` means. */
function within(root: Schema, reference: unknown): unknown {
  if (typeof reference !== "string" || !reference.startsWith("#/")) return undefined;
  let place: unknown = root;
  for (const part of reference.slice(2).split("/")) {
    place = isSchema(place) ? place[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return place;
}

export function describe(schema: unknown): string {
  return isSchema(schema) && typeof schema.description === "string" ? schema.description.replaceAll("`", "") : "";
}

/** A value of this shape, from what the schema itself says: its examples, defaults and constants, else the plainest of its type. */
export function example(schema: unknown, root: unknown = schema, depth = 0): unknown {
  if (!isSchema(schema) || !isSchema(root) || depth > DEPTH) return null;
  if ("$ref" in schema) return example(within(root, schema.$ref), root, depth + 1);
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  if ("default" in schema) return schema.default;
  if ("const" in schema) return schema.const;
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return schema.enum[0];
  for (const choice of ["oneOf", "anyOf"]) {
    const options = schema[choice];
    if (Array.isArray(options) && options.length > 0) {
      const better = options.find((one) => isSchema(one) && one.type !== "null");
      return example(better ?? options[0], root, depth + 1);
    }
  }
  if (Array.isArray(schema.allOf)) {
    const parts = schema.allOf.map((one) => example(one, root, depth + 1));
    return parts.every(isSchema) ? Object.assign({}, ...parts) : (parts[0] ?? null);
  }
  return plainest(schema, root, depth);
}

function plainest(schema: Schema, root: Schema, depth: number): unknown {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type];
  const type = types.find((one) => one !== "null") ?? types[0];
  switch (type) {
    case "string":
      return text(schema);
    case "integer":
    case "number":
      return number(schema);
    case "boolean":
      return false;
    case "null":
      return null;
    case "array": {
      const least = typeof schema.minItems === "number" ? schema.minItems : 0;
      const one = example(schema.items, root, depth + 1);
      return Array.from({ length: Math.max(least, isSchema(schema.items) ? 1 : 0) }, () => one);
    }
    default:
      return object(schema, root, depth);
  }
}

/** What is required, and what is merely possible where that says what it may be. */
function object(schema: Schema, root: Schema, depth: number): Schema {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required.filter((name): name is string => typeof name === "string") : [];
  const names = [...new Set([...required, ...Object.keys(properties)])];
  return Object.fromEntries(names.map((name) => [name, name in properties ? example(properties[name], root, depth + 1) : ""]));
}

const TEXTS: Record<string, string> = {
  "date-time": "2026-01-01T00:00:00Z",
  date: "2026-01-01",
  time: "00:00:00Z",
  uri: "https://example.org/",
  "uri-reference": "/example",
  email: "somebody@example.org",
  uuid: "00000000-0000-4000-8000-000000000000",
};

function text(schema: Schema): string {
  const format = typeof schema.format === "string" ? TEXTS[schema.format] : undefined;
  const least = typeof schema.minLength === "number" ? schema.minLength : 0;
  return (format ?? "text").padEnd(least, "x");
}

function number(schema: Schema): number {
  if (typeof schema.minimum === "number") return schema.minimum;
  if (typeof schema.exclusiveMinimum === "number") return schema.exclusiveMinimum + 1;
  return typeof schema.maximum === "number" ? Math.min(0, schema.maximum) : 0;
}
