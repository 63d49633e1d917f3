// Bundles the scripts and styles of the console, and those of the page of rows that the commands write: node build.mjs PACKAGES OUT
//
// PACKAGES is a folder that `npm ci` has filled by package-lock.json. OUT takes what the programs are built with, in a folder for each: the bundles, and
// `packages.json` and `licences.txt` with what is in them. Those of `console` are compressed, and `bundles.rs` has their names; those of `rows-page` are
// plain, since such a page holds them. The same lock file and the same sources give the same bytes. `cargo xtask console` runs this.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const [packages, out] = process.argv.slice(2).map(path => resolve(path));
const { build } = createRequire(join(packages, "package.json"))("esbuild");
const here = dirname(fileURLToPath(import.meta.url));

// File, and the constant that names it for the server.
const CONSOLE = [
  ["page.js", "PAGE_SCRIPT"],
  ["page.css", "PAGE_STYLE"],
  ["editor.js", "EDITOR_SCRIPT"],
  ["chart.js", "CHART_SCRIPT"],
  ["chart.css", "CHART_STYLE"],
];
const ROWS_PAGE = join(here, "../../insightgate/templates");
const LICENCES = "licences.txt";
const KINDS = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", txt: "text/plain; charset=utf-8" };

const served = await bundled(here, CONSOLE.map(([file]) => file));
const bundles = CONSOLE.map(([file, constant]) => ({ file, constant, contents: served.contentsOf(file) }));
bundles.push({ file: LICENCES, constant: "LICENCES", contents: Buffer.from(licences("the scripts of the console", served.packages)) });
write("console", served.packages, [
  ...bundles.map(({ file, contents }) => (file === LICENCES ? [file, contents] : [`${file}.gz`, gzipSync(contents, { level: 9 })])),
  ["bundles.rs", names()],
]);

const PLAIN = ["page.js", "page.css"];
const within = await bundled(ROWS_PAGE, PLAIN);
write("rows-page", within.packages, [
  ...PLAIN.map(file => [file, within.contentsOf(file)]),
  [LICENCES, licences("the script of this page", within.packages)],
]);

// The files of a folder, each with what it imports.
async function bundled(folder, files) {
  const { outputFiles, metafile } = await build({
    absWorkingDir: here,
    entryPoints: files.map(file => join(folder, file)),
    outbase: folder,
    outdir: "out",
    write: false,
    metafile: true,
    bundle: true,
    minify: true,
    sourcemap: false,
    legalComments: "none",
    charset: "utf8",
    format: "iife",
    target: "es2020",
    nodePaths: [join(packages, "node_modules")],
    logLevel: "warning",
  });
  const contentsOf = file => Buffer.from(outputFiles.find(output => output.path === join(here, "out", file)).contents);
  return { contentsOf, packages: packagesOf(metafile) };
}

function write(folder, found, files) {
  mkdirSync(join(out, folder), { recursive: true });
  for (const [file, contents] of [...files, ["packages.json", JSON.stringify(found, null, 2) + "\n"]]) writeFileSync(join(out, folder, file), contents);
}

// The packages of which something is in a bundle.
function packagesOf({ inputs }) {
  const names = Object.keys(inputs).map(path => path.match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean);
  return [...new Set(names)].sort().map(name => {
    const folder = join(packages, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find(one => /^licen[cs]e/i.test(one));
    if (!file) throw new Error(`${name} comes without the text of its licence`);
    return { name, version, license, text: readFileSync(join(folder, file), "utf8").trim() };
  });
}

function licences(what, found) {
  // No hyphens: the text may stand in a comment of a page.
  const line = "=".repeat(100);
  const parts = found.map(({ name, version, license, text }) => `${line}\n${name} ${version} (${license})\n${line}\n${text}\n`);
  return `What is in ${what}, with the licences of each part.\n\n${parts.join("\n")}`;
}

// Rust: each bundle under a name that changes with its bytes, so that browsers keep it for ever.
function names() {
  const lines = ["// Made by `cargo xtask console`.", ""];
  for (const bundle of bundles) {
    const hash = createHash("sha256").update(bundle.contents).digest("hex").slice(0, 12);
    bundle.name = bundle.file.replace(/\.(\w+)$/, `-${hash}.$1`);
    lines.push(`pub(crate) const ${bundle.constant}: &str = "/console/assets/${bundle.name}";`);
  }
  lines.push("", `pub(super) static FILES: [(&str, BuiltIn); ${bundles.length}] = [`);
  for (const { file, name } of bundles) {
    const kind = KINDS[file.split(".").at(-1)];
    const [make, kept] = file === LICENCES ? ["plain", file] : ["compressed", `${file}.gz`];
    lines.push(`    ("${name}", BuiltIn::${make}("${kind}", include_bytes!("${kept}"))),`);
  }
  return `${lines.join("\n")}\n];\n`;
}
