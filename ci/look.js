// Opens every `*.html` of a folder in a browser, and says what is wrong with it. Called by ci/look.
"use strict";
const fs = require("fs");
const path = require("path");
const { pathToFileURL } = require("url");
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [1280, 390];
const SCHEMES = ["light", "dark"];
const GRAVE = ["serious", "critical"];

// What is wrong with one page in one window.
async function look(browser, file, width, scheme, picture) {
  const wrong = [];
  const page = await browser.newPage();
  const own = pathToFileURL(file).href;
  page.on("console", (said) => {
    if (["error", "warn"].includes(said.type())) wrong.push(`console: ${said.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== own) wrong.push(`request: ${request.url()}`);
  });
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(own, { waitUntil: "load" });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) wrong.push(`${wide} pixels wider than its window`);
  wrong.push(...(await keyboard(page)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  for (const one of found.violations.filter((one) => GRAVE.includes(one.impact))) {
    wrong.push(`axe: ${one.id} (${one.impact}): ${one.help}: ${one.nodes[0].html}`);
  }
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: picture, fullPage: true });
  await page.close();
  return wrong;
}

// The first stops of the Tab key: the way past the links at the top, then links, each seen.
async function keyboard(page) {
  const stops = [];
  for (let stop = 0; stop < 30; stop += 1) {
    await page.keyboard.press("Tab");
    stops.push(
      await page.evaluate(() => {
        const at = document.activeElement;
        const box = at.getBoundingClientRect();
        const seen = box.width > 0 && box.right > 0 && box.bottom > 0 && box.top < innerHeight;
        const ring = getComputedStyle(at).outlineStyle !== "none";
        return { name: at.outerHTML.slice(0, 80), seen, ring, skip: at.className === "skip" };
      }),
    );
  }
  const wrong = stops[0].skip ? [] : ["keyboard: the first stop does not skip to the verdict"];
  const unseen = stops.filter((stop) => !stop.seen || !stop.ring);
  return wrong.concat(unseen.map((stop) => `keyboard: nobody sees the focus on ${stop.name}`));
}

async function print(browser, file, to) {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(file).href, { waitUntil: "load" });
  await page.pdf({ path: to, format: "A4", printBackground: true });
  await page.close();
}

async function main(folder) {
  // As root, in a container, chromium has no sandbox of its own; the pages have no script.
  const args = ["--no-sandbox", "--disable-gpu", "--force-prefers-reduced-motion"];
  const browser = await puppeteer.launch({ executablePath: chromium(), args });
  let bad = 0;
  for (const name of fs.readdirSync(folder).filter((name) => name.endsWith(".html")).sort()) {
    const file = path.resolve(folder, name);
    const stem = path.join(folder, path.basename(name, ".html"));
    for (const width of WIDTHS) {
      for (const scheme of SCHEMES) {
        const picture = `${stem}-${width}-${scheme}.png`;
        const wrong = await look(browser, file, width, scheme, picture);
        console.log(`${name} at ${width}, ${scheme}: ${wrong.length || "nothing"} wrong`);
        wrong.forEach((one) => console.log(`  ${one}`));
        bad += wrong.length;
      }
    }
    await print(browser, file, `${stem}.pdf`);
  }
  await browser.close();
  process.exitCode = bad ? 1 : 0;
}

function chromium() {
  const folders = process.env.PATH.split(":");
  return folders.map((folder) => path.join(folder, "chromium")).find((file) => fs.existsSync(file));
}

main(process.argv[2]);
