// The live lessons in a Firefox: node firefox.cjs FIREFOX URL LESSON ...; prints what it found as JSON.
const puppeteer = require("puppeteer-core");

const kernel = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'";
const runAll = "jupyterapp.commands.execute('notebook:run-all-cells').then(() => null)";
const unfold = "jupyterapp.commands.execute('notebook:expand-all-headings').then(() => null)";
const errors = `jupyterapp.shell.currentWidget.content.model.toJSON().cells.flatMap(cell => cell.outputs || [])
    .filter(output => output.output_type === 'error').map(output => output.evalue)`;
const toExplorer = `(() => {
    const notebook = jupyterapp.shell.currentWidget.content;
    const place = notebook.widgets.findIndex(
        cell => cell.model.type === 'code' && cell.model.sharedModel.source.includes('Explorer('));
    notebook.activeCellIndex = place;
    return notebook.scrollToItem(place, 'start').then(() => null);
})()`;
const label = "document.querySelector('.skiplib-explorer svg[role=img]').getAttribute('aria-label')";

async function lesson(page, address) {
  const start = Date.now(), seconds = () => (Date.now() - start) / 1000;
  await page.goto(address, { waitUntil: "domcontentloaded", timeout: 60000 });
  await page.waitForFunction(kernel, { timeout: 120000, polling: 100 });
  const ready = seconds();
  await page.evaluate(runAll);
  const all = seconds(), failed = await page.evaluate(errors);
  await page.evaluate(unfold);
  await page.evaluate(toExplorer);
  await page.waitForSelector(".skiplib-explorer .noUi-handle", { visible: true });
  const before = await page.evaluate(label);
  await page.focus(".skiplib-explorer .noUi-handle");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(`${label} !== ${JSON.stringify(before)}`, { timeout: 10000 });
  return { ready, all, failed };
}

(async () => {
  const [executablePath, url, ...names] = process.argv.slice(2);
  const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
  const outside = [], lessons = {};
  for (const name of names) {
    const page = await browser.newPage();
    await page.setViewport({ width: 1280, height: 900 });
    page.on("request", request => /^(data|blob):/.test(request.url()) || request.url().startsWith(url) || outside.push(request.url()));
    lessons[name] = await lesson(page, `${url}/notebooks/index.html?path=notebooks/${name}.ipynb`);
  }
  console.log(JSON.stringify({ version: await browser.version(), lessons, outside }));
  await browser.close();
})().catch(error => { console.error(error); process.exit(1); });
