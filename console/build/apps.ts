// Pages that can be installed as apps: their manifest and its icons become assets under hashed names, like everything else that is kept.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import type { HtmlTagDescriptor, Plugin } from "vite";

/** Where a page and its manifest are in the repository. Icons are named as they lie beside the manifest. */
export interface App {
  page: string;
  manifest: string;
}

interface Manifest {
  icons: { src: string; purpose: string; sizes: string; type: string }[];
}

interface Made {
  fileName: string;
  source: Buffer | string;
}

/** A name that says what is in it, so that browsers may keep it for ever. */
function hashed(name: string, source: Buffer | string): Made {
  const ending = extname(name);
  const digits = createHash("sha256").update(source).digest("hex").slice(0, 8);
  return { fileName: `assets/${basename(name, ending)}-${digits}${ending}`, source };
}

function made(repository: string, { manifest }: App): { manifest: Made; icons: Made[] } {
  const path = join(repository, manifest);
  const read = JSON.parse(readFileSync(path, "utf8")) as Manifest;
  const icons = read.icons.map(({ src }) => hashed(src, readFileSync(join(dirname(path), src))));
  const moved = { ...read, icons: read.icons.map((icon, at) => ({ ...icon, src: `/${icons[at]?.fileName}` })) };
  return { manifest: hashed(manifest, JSON.stringify(moved)), icons };
}

/** Links each app's page to its manifest. A system that reads none (iOS) is told of one icon by itself. */
export function appsOfPages(repository: string, apps: App[]): Plugin {
  let building = false;
  return {
    name: "mainspring:apps-of-pages",
    configResolved(config) {
      building = config.command === "build";
    },
    buildStart() {
      if (!building) return;
      for (const app of apps) {
        const { manifest, icons } = made(repository, app);
        for (const { fileName, source } of [manifest, ...icons]) this.emitFile({ type: "asset", fileName, source });
      }
    },
    transformIndexHtml(_html, { path }): HtmlTagDescriptor[] {
      const app = apps.find(({ page }) => path === `/${page}`);
      if (!app) return [];
      const { manifest, icons } = made(repository, app);
      const whole = icons.find(({ fileName }) => fileName.includes("/maskable-192"));
      const tags = [{ rel: "manifest", href: building ? `/${manifest.fileName}` : `/${app.manifest}` }];
      if (building && whole) tags.push({ rel: "apple-touch-icon", href: `/${whole.fileName}` });
      return tags.map((attrs) => ({ tag: "link", attrs, injectTo: "head" }));
    },
  };
}
