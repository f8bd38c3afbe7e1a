// node scripts/generate.mjs [--check] [URL or FILE]: writes src/api.generated.ts from the OpenAPI description that a server gives of
// itself; with --check, says whether the file that is there is the one that would be written.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const METHODS = ["get", "post", "put", "patch", "delete"];
const USUAL = "http://127.0.0.1:8080/api/v1/openapi.json";
const FILE = fileURLToPath(new URL("../src/api.generated.ts", import.meta.url));

/** What the description says, as TypeScript. */
export function typesOf(document) {
  const schemas = Object.entries(document.components?.schemas ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const routes = [];
  const cursors = [];
  for (const [path, item] of Object.entries(document.paths).sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const method of METHODS) {
      const operation = item[method];
      if (!operation) continue;
      const route = `${method.toUpperCase()} ${path}`;
      routes.push(`${comment(operation.summary, "  ")}  ${JSON.stringify(route)}: ${routeOf(operation)};\n`);
      const cursor = method === "get" ? cursorOf(operation, document) : undefined;
      if (cursor) cursors.push(`  ${JSON.stringify(path)}: "${cursor}",\n`);
    }
  }
  return [
    "// Made by `npm run generate` from the OpenAPI description of a server. Not edited by hand.\n",
    ...schemas.map(([name, schema]) => declaration(name, schema)),
    `/** Every route: what it takes, and what it answers. */\nexport interface Routes {\n${routes.join("")}}\n`,
    `/** The lists that come in pages, and the parameter that asks for what follows \`next\`. */\nexport const CURSORS = {\n${cursors.join("")}} as const;\n`,
  ].join("\n");
}

function declaration(name, schema) {
  const head = comment(schema.description, "");
  return schema.properties && !schema.allOf && !schema.oneOf
    ? `${head}export interface ${name} ${typeOf(schema, "")}\n`
    : `${head}export type ${name} = ${typeOf(schema, "")};\n`;
}

/** A schema as a type; `indent` is that of the line it stands on. */
function typeOf(schema, indent) {
  if (schema === undefined || schema === true) return "unknown";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  const some = schema.oneOf ?? schema.anyOf;
  if (some) return union(some.map((one) => typeOf(one, indent)));
  if (schema.allOf) return schema.allOf.map((one) => bracketed(typeOf(one, indent))).join(" & ");
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => typeOf({ ...schema, type }, indent)));
  switch (schema.type) {
    case "string":
      return "string";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    case "null":
      return "null";
    case "array":
      if (schema.prefixItems) return `[${schema.prefixItems.map((one) => typeOf(one, indent)).join(", ")}]`;
      return `${bracketed(typeOf(schema.items, indent))}[]`;
    case "object":
      return objectOf(schema, indent);
    default:
      return schema.properties ? objectOf(schema, indent) : "unknown";
  }
}

function objectOf(schema, indent) {
  const required = new Set(schema.required);
  const fields = Object.entries(schema.properties ?? {}).map(
    ([name, field]) =>
      `${comment(field.description, `${indent}  `)}${indent}  ${key(name)}${required.has(name) ? "" : "?"}: ${typeOf(field, `${indent}  `)};\n`,
  );
  const others = schema.additionalProperties;
  if (fields.length === 0) return `Record<string, ${others === false ? "never" : typeOf(others || undefined, indent)}>`;
  return `{\n${fields.join("")}${indent}}`;
}

function union(types) {
  const each = [...new Set(types)];
  return each.includes("unknown") ? "unknown" : each.map(bracketed).join(" | ");
}

function bracketed(type) {
  return /[|&]/.test(type.replace(/\{[^]*\}/g, "")) ? `(${type})` : type;
}

function routeOf(operation) {
  const parts = [];
  for (const place of ["path", "query"]) {
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in === place);
    if (parameters.length === 0) continue;
    const fields = parameters.map(
      (parameter) => `${comment(parameter.description, "      ")}      ${key(parameter.name)}${parameter.required ? "" : "?"}: ${parameterOf(parameter.schema)};\n`,
    );
    parts.push(`    ${place}${parameters.some((parameter) => parameter.required) ? "" : "?"}: {\n${fields.join("")}    };\n`);
  }
  const body = operation.requestBody;
  if (body) parts.push(`    body${body.required ? "" : "?"}: ${contentOf(body.content, "    ")};\n`);
  parts.push(`    answer: ${answerOf(operation.responses)};\n`);
  return `{\n${parts.join("")}  }`;
}

/** A parameter is text on its way: a number may be given as such or as text, and null is left out. */
function parameterOf(schema) {
  const types = typeOf(schema, "      ").split(" | ").filter((type) => type !== "null");
  return (types.includes("number") ? [...types, "string"] : types).join(" | ");
}

function answerOf(responses) {
  const good = Object.entries(responses).filter(([status]) => status.startsWith("2"));
  const types = good.map(([, { content }]) => (content && Object.keys(content).length > 0 ? contentOf(content, "    ") : "undefined"));
  return union(types.length > 0 ? types : ["undefined"]);
}

function contentOf(content, indent) {
  const json = content["application/json"] ?? Object.entries(content).find(([type]) => type.endsWith("json"))?.[1];
  return json ? typeOf(json.schema, indent) : "unknown";
}

function cursorOf(operation, document) {
  const schema = operation.responses["200"]?.content?.["application/json"]?.schema;
  const page = schema?.$ref ? document.components.schemas[schema.$ref.split("/").pop()] : schema;
  if (!page?.properties?.next || !page.properties.items) return undefined;
  return ["before", "after"].find((name) => operation.parameters?.some((parameter) => parameter.name === name && parameter.in === "query"));
}

function key(name) {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name);
}

function comment(text, indent) {
  return text ? `${indent}/** ${text.trim().replaceAll("*/", "* /").replace(/\s*\n\s*/g, " ")} */\n` : "";
}

async function main(args) {
  const check = args.includes("--check");
  const source = args.find((argument) => !argument.startsWith("--")) ?? USUAL;
  const text = source.startsWith("http") ? await (await fetch(source)).text() : await readFile(source, "utf8");
  const types = typesOf(JSON.parse(text));
  if (!check) return writeFile(FILE, types);
  if ((await readFile(FILE, "utf8").catch(() => "")) !== types) {
    console.error("src/api.generated.ts is not what the server says of itself: start the server, then `npm run generate` in clients/typescript");
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
