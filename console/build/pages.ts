// The small plugins that make one build of the console and of the products' own pages.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { build, type HtmlTagDescriptor, type Plugin } from "vite";

/** A page: where its source is and the path that the server looks up in the embedded files. */
export interface Page {
  source: string;
  served: string;
}

const PRODUCT_PAGE = /\/products\/[^/]+\/web\//;
const BARE = /^(?![./\0])(?!@console\/)(?![a-z]+:)/;

/** `node_modules` is only in `console/`: a bare import made by a product's page is resolved as if the console made it. */
export function importsOfProducts(consoleDir: string): Plugin {
  const asIf = join(consoleDir, "src", "main.ts");
  return {
    name: "mainspring:imports-of-products",
    enforce: "pre",
    async resolveId(source, importer, options) {
      if (!importer || !PRODUCT_PAGE.test(importer) || !BARE.test(source)) return null;
      return await this.resolve(source, asIf, { ...options, skipSelf: true });
    },
  };
}

/** Moves each page's HTML from where its source is to where the server looks for it. Asset URLs are absolute, so they hold. */
export function servedPaths(pages: Page[]): Plugin {
  return {
    name: "mainspring:served-paths",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_options, bundle) {
        for (const { source, served } of pages) {
          const html = bundle[source];
          if (html?.type !== "asset") throw new Error(`the build made no ${source}`);
          if (source === served) continue;
          delete bundle[source];
          this.emitFile({ type: "asset", fileName: served, source: html.source });
        }
      },
    },
  };
}

/** Makes each worker one classic script under a name that stays: the browser keeps it, and asks for it anew by that name. */
export function workersOfPages(repository: string, consoleDir: string, workers: Page[]): Plugin {
  const scriptOf = async (source: string): Promise<string> => {
    const made = await build({
      configFile: false,
      root: repository,
      publicDir: false,
      logLevel: "warn",
      resolve: { alias: { "@console": join(consoleDir, "src") } },
      build: { write: false, modulePreload: false, rollupOptions: { input: join(repository, source), output: { format: "iife" } } },
    });
    const output = Array.isArray(made) ? made[0]?.output : "output" in made ? made.output : undefined;
    if (output?.length !== 1) throw new Error(`${source} is more than one script, or none`);
    return output[0].code;
  };
  return {
    name: "mainspring:workers-of-pages",
    async generateBundle() {
      for (const { source, served } of workers) this.emitFile({ type: "asset", fileName: served, source: await scriptOf(source) });
    },
    configureServer(server) {
      for (const { source, served } of workers) {
        server.middlewares.use(`/${served}`, (_request, response, next) => {
          const answer = (script: string): void => {
            response.setHeader("Content-Type", "text/javascript");
            response.setHeader("Service-Worker-Allowed", posix.dirname(`/${served}`));
            response.end(script);
          };
          scriptOf(source).then(answer, next);
        });
      }
    },
  };
}

/** Puts the theme script first in each page: a classic script in a file of its own, since the policy allows no inline one. */
export function themeBeforePaint(consoleDir: string): Plugin {
  const source = readFileSync(join(consoleDir, "src", "shared", "theme-boot.js"), "utf8");
  const fileName = `assets/theme-${createHash("sha256").update(source).digest("hex").slice(0, 8)}.js`;
  let building = false;
  return {
    name: "mainspring:theme-before-paint",
    configResolved(config) {
      building = config.command === "build";
    },
    buildStart() {
      if (building) this.emitFile({ type: "asset", fileName, source });
    },
    transformIndexHtml(): HtmlTagDescriptor[] {
      const src = building ? `/${fileName}` : "/console/src/shared/theme-boot.js";
      return [{ tag: "script", attrs: { src }, injectTo: "head-prepend" }];
    },
  };
}

/** While developing: an address below a page's own path answers that page, as the server does. */
export function historyRoutes(): Plugin {
  return {
    name: "mainspring:history-routes",
    apply: "serve",
    transformIndexHtml: {
      order: "pre",
      // Beside the page's source, not beside the address that the browser shows.
      handler: (html, page) => html.replaceAll(/\b(src|href)="\.\//g, `$1="${posix.dirname(page.path)}/`),
    },
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const path = (request.url ?? "").split("?")[0] ?? "";
        const wantsPage = request.headers.accept?.includes("text/html") ?? false;
        if (wantsPage && path === "/") request.url = "/console/index.html";
        else if (wantsPage && /^\/console(\/|$)/.test(path) && !path.startsWith("/console/enter/")) request.url = "/console/index.html";
        else if (wantsPage && /^\/radio(\/|$)/.test(path)) request.url = "/products/radio/web/index.html";
        else if (wantsPage && /^\/chat(\/|$)/.test(path)) request.url = "/products/chat/web/index.html";
        next();
      });
    },
  };
}

/** The Svelte plugin tells tests to bundle its parts ahead, as if imported at the root, where no `node_modules` is. */
export function nothingAheadInTests(): Plugin {
  return {
    name: "mainspring:nothing-ahead-in-tests",
    enforce: "post",
    configEnvironment(name, environment) {
      if (name !== "client" && environment.optimizeDeps) environment.optimizeDeps.include = [];
    },
  };
}
