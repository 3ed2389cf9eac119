// Walks one reviewer through the page in a real Chromium: `node walk.mjs LINK NAME VERDICT FOLDER TYPED`.
//
// Where THIEF is set, the browser visits that address, too, before it decides. Where STANDS is a day, later ones are let go until
// then, and that is ended again. Screenshots go to FOLDER. Prints one JSON object: what was on the page at each step. Exits 1 at the first thing that is not
// as it should be. Everything it asks of the page a person could do.

import { chromium } from "playwright-core";

const [link, name, verdict, folder, typed] = process.argv.slice(2);
const phone = { width: 390, height: 844 };
const desktop = { width: 1280, height: 900 };

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: phone });
const page = await context.newPage();
const told = { complaints: [], requests: [] };
page.on("pageerror", (error) => told.complaints.push(error.message));
page.on("dialog", (dialog) => {
  told.complaints.push(`a dialog: ${dialog.message()}`);
  dialog.dismiss();
});
page.on("console", (message) => {
  if (/content security policy|refused to/i.test(message.text())) told.complaints.push(message.text());
});
page.on("request", (request) => told.requests.push(`${request.method()} ${request.url()}`));

const shot = (step, width) => page.screenshot({ path: `${folder}/${step}-${width}.png`, fullPage: true });
const both = async (step) => {
  await shot(step, "phone");
  await page.setViewportSize(desktop);
  await shot(step, "desktop");
  await page.setViewportSize(phone);
};

// The page in the place of what waits goes on by itself, or says why not.
const settled = async () => {
  await page.waitForLoadState();
  await page.waitForFunction(() => !document.getElementById("look") || !document.getElementById("closed").hidden);
  await page.waitForLoadState();
};

try {
  await page.goto(link);
  told.shell = await page.locator("main").innerText();
  await both("1-arrived");
  await page.getByRole("button", { name: "Continue" }).click();

  if (name !== "-") {
    // The provider's own form: a name, then consent.
    await page.locator("input[name=login]").fill(name);
    await page.locator("input[name=password]").fill("any");
    await page.locator("button[type=submit]").click();
    await page.getByRole("button", { name: "Continue" }).click();
  }
  await page.waitForURL(/\/a\/[0-9a-f]{32}\/review$|\/a\/callback/);
  await page.waitForLoadState();
  if (!page.url().endsWith("/review")) await page.waitForURL(/review$/, { timeout: 3000 }).catch(() => {});
  await settled();
  told.url = page.url();
  told.review = await page.locator("main").innerText();
  await both("2-review");
  told.overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  told.height = await page.evaluate(() => document.documentElement.scrollHeight);
  told.script = await page.evaluate(() => window.pwned === undefined);

  if (process.env.THIEF) {
    const other = await context.newPage();
    await other.goto(process.env.THIEF);
    told.stolen = (await context.cookies(process.env.THIEF)).length;
    // In another tab nobody has signed in.
    await other.goto(page.url());
    await other.waitForFunction(() => !document.getElementById("closed").hidden);
    told.otherTab = await other.locator("main").innerText();
    await other.close();
    await page.reload();
    await settled();
    told.reloaded = await page.locator("main").innerText();
  }

  if (verdict !== "-") {
    const approve = page.getByRole("button", { name: "Approve" });
    if (typed) {
      told.waitsForTheWord = await approve.isDisabled();
      await page.locator("#typed").fill(typed);
    }
    if (process.env.STANDS) {
      await page.locator("details.standing summary").click();
      await page.locator("#runs").fill("5");
      await page.locator("#rows").fill("10");
      await page.locator("#until").fill(process.env.STANDS);
    }
    await page.locator("#reason").fill("looked at it in a browser");
    await page.getByRole("button", { name: verdict === "approve" ? "Approve" : "Deny" }).click();
    await settled();
    told.over = await page.locator("main").innerText();
    await both("3-decided");
    if (process.env.STANDS) {
      await page.locator("#reason").fill("no more");
      await page.getByRole("button", { name: "End it" }).click();
      await settled();
      told.ended = await page.locator("main").innerText();
      await both("4-ended");
    }
    await page.goBack();
    await settled();
    told.back = await page.locator("main").innerText();
  }
  console.log(JSON.stringify(told));
} catch (error) {
  await page.screenshot({ path: `${folder}/failed.png`, fullPage: true }).catch(() => {});
  console.log(JSON.stringify({ ...told, url: page.url(), text: await page.locator("body").innerText().catch(() => "") }));
  console.error(String(error));
  process.exitCode = 1;
} finally {
  await browser.close();
}
