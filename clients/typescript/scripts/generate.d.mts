/** What an OpenAPI description says, as TypeScript. */
export function typesOf(document: unknown): string;
