/** Builds the page into one script, one style sheet and one font, each compressed beforehand. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin, type ResolvedConfig } from "vite";

/** What ends up in the page, each with a licence that asks to travel along. */
const INCLUDED = ["preact", "uplot", "@fontsource-variable/inter"];

export default defineConfig({
  // Relative, so that the page works below any path of a reverse proxy.
  base: "./",
  build: {
    target: "es2022",
    modulePreload: false,
    // Nothing as data: URLs, which the page's own policy would refuse.
    assetsInlineLimit: 0,
  },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  plugins: [licences(), compressed()],
});

/** Puts the licences of what is included beside the page. */
function licences(): Plugin {
  const require = createRequire(import.meta.url);
  return {
    name: "licences",
    generateBundle() {
      const texts = INCLUDED.map((name) => {
        const folder = dirname(require.resolve(`${name}/package.json`));
        return `${name}\n\n${readFileSync(join(folder, "LICENSE"), "utf8").trim()}\n`;
      });
      this.emitFile({ type: "asset", fileName: "licences.txt", source: texts.join("\n\n") });
    },
  };
}

/** Writes a .br and a .gz beside each file that gains by it; the node sends them as they are. */
function compressed(): Plugin {
  let config: ResolvedConfig;
  return {
    name: "compressed",
    configResolved: (resolved) => void (config = resolved),
    closeBundle() {
      const { outDir } = config.build;
      for (const name of readdirSync(outDir, { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|js|css|svg)$/.test(name)) continue;
        const path = join(outDir, name);
        const plain = readFileSync(path);
        writeFileSync(`${path}.br`, brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
        writeFileSync(`${path}.gz`, gzipSync(plain, { level: 9 }));
      }
    },
  };
}
