// Builds what the pages load into static/dist: scripts by esbuild, the style
// sheet by Tailwind, one file of icons, and the font. With --watch it keeps on
// building as files change.
import { spawn } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const require = createRequire(import.meta.url);
const watch = process.argv.includes("--watch");

// The icons that templates and scripts name; each becomes a <symbol>.
const icons = [
  "arrow-down", "arrow-left", "arrow-up", "bell", "cable", "check", "chevron-down", "chevron-right", "circle-alert",
  "circle-check", "clock", "coffee", "copy", "delete", "download", "grid-3x3", "hash", "headset", "languages", "list",
  "log-out", "menu", "mic", "mic-off", "moon", "pause", "phone", "phone-forwarded", "phone-incoming", "phone-missed",
  "phone-off", "phone-outgoing", "play", "plus", "search",
  "shield-alert", "shield-check", "sliders-horizontal", "stethoscope", "sun", "sun-moon", "trash-2", "triangle-alert", "user", "users", "volume-2", "x",
];

async function clean() {
  await mkdir(dist, { recursive: true });
  for (const name of await readdir(dist)) {
    if (name !== ".keep") await rm(path.join(dist, name), { recursive: true });
  }
}

async function sprite() {
  const folder = path.join(path.dirname(require.resolve("lucide-static/package.json")), "icons");
  const symbols = await Promise.all(icons.map(async (name) => {
    const svg = await readFile(path.join(folder, `${name}.svg`), "utf8");
    const inner = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>"));
    const shapes = inner.replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" ` +
      `stroke-linecap="round" stroke-linejoin="round">${shapes}</symbol>`;
  }));
  await writeFile(path.join(dist, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
}

async function font() {
  const folder = path.dirname(require.resolve("@fontsource-variable/inter/package.json"));
  await copyFile(path.join(folder, "files", "inter-latin-wght-normal.woff2"), path.join(dist, "inter.woff2"));
}

function styles() {
  const cli = path.join(path.dirname(require.resolve("@tailwindcss/cli/package.json")), "dist", "index.mjs");
  const args = [cli, "-i", path.join(here, "src", "app.css"), "-o", path.join(dist, "app.css"), "--minify"];
  if (watch) args.push("--watch=always");
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, args, { cwd: path.dirname(here), stdio: "inherit" });
    child.on("error", fail);
    child.on("exit", (code) => (code === 0 ? done() : fail(new Error(`tailwindcss ended with ${code}`))));
  });
}

async function scripts() {
  const options = {
    entryPoints: ["app", "admin", "agent", "call"].map((name) => path.join(here, "src", `${name}.ts`)),
    outdir: dist,
    bundle: true,
    format: "esm",
    target: ["chrome110", "firefox115", "safari16.4"],
    minify: !watch,
    sourcemap: watch ? "inline" : false,
    legalComments: "none",
    logLevel: "warning",
  };
  if (!watch) return esbuild.build(options);
  const context = await esbuild.context(options);
  return context.watch();
}

await clean();
await Promise.all([sprite(), font(), scripts(), styles()]);
