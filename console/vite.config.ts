// One build for the console and for the pages that live with their products. The result, `dist/`, is embedded into the
// server: `dist/console/index.html` answers /console/*, `dist/radio/index.html` answers /radio/*, `dist/chat/index.html`
// answers /chat/*, `dist/chat/worker.js` is kept by browsers for it, and everything else is in `dist/assets/` under hashed names.

import { svelte, vitePreprocess } from "@sveltejs/vite-plugin-svelte";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { appsOfPages, type App } from "./build/apps.ts";
import { historyRoutes, importsOfProducts, nothingAheadInTests, servedPaths, themeBeforePaint, workersOfPages, type Page } from "./build/pages.ts";

const consoleDir = dirname(fileURLToPath(import.meta.url));
const repository = dirname(consoleDir);
const server = process.env.MAINSPRING_DEV_SERVER ?? "http://127.0.0.1:8080";

const pages: Page[] = [
  { source: "console/index.html", served: "console/index.html" },
  { source: "products/radio/web/index.html", served: "radio/index.html" },
  { source: "products/chat/web/index.html", served: "chat/index.html" },
];

/** What browsers keep for a page and wake for pushes. */
const workers: Page[] = [{ source: "products/chat/web/worker/worker.ts", served: "chat/worker.js" }];

/** What browsers can install. */
const apps: App[] = [{ page: "products/chat/web/index.html", manifest: "products/chat/web/app/app.webmanifest" }];

export default defineConfig({
  // The repository, since the pages of products lie outside `console/`.
  root: repository,
  base: "/",
  publicDir: false,
  cacheDir: join(consoleDir, "node_modules", ".vite"),
  resolve: { alias: { "@console": join(consoleDir, "src") } },
  // Bundled ahead for development, Svelte would be looked for at the root, where no node_modules is.
  optimizeDeps: { exclude: ["svelte"] },
  plugins: [
    importsOfProducts(consoleDir),
    svelte({ configFile: false, preprocess: vitePreprocess() }),
    themeBeforePaint(consoleDir),
    appsOfPages(repository, apps),
    servedPaths(pages),
    workersOfPages(repository, consoleDir, workers),
    historyRoutes(),
    nothingAheadInTests(),
  ],
  build: {
    outDir: join(consoleDir, "dist"),
    emptyOutDir: true,
    assetsDir: "assets",
    // A data: URL in a script or style would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: pages.map((page) => join(repository, page.source)) },
  },
  server: {
    fs: { allow: [consoleDir, join(repository, "products")] },
    watch: { ignored: ["**/target/**", "**/data/**"] },
    proxy: {
      "^/(api|in|metrics|livez|readyz|healthz)(/|$)": server,
      "^/console/enter/": server,
      "^/(sign-in|join|password)(/|\\?|$)": server,
      "^/connection/": { target: server, ws: true },
      "^/radio/(events\\.json|[^/]+/[^/]+/(events|state|test|day|session|recording\\.wav|stream\\.[a-z0-9]+))(\\?|$)": server,
    },
  },
  test: {
    include: ["console/src/**/*.test.ts", "products/*/web/**/*.test.ts"],
    environment: "node",
  },
});
