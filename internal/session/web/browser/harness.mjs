// What the browser tests share: relayctl, an app behind it, and a browser.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { chromium } from 'playwright-core';

export const token = process.env.BENCH_TOKEN || 'a-token-for-the-browser';

// relayctl starts the program and waits until the inspector serves.
export async function relayctl(...args) {
  const child = spawn(process.env.RELAYCTL, [...args, '--ui-token', 'env:UI_TOKEN'], { env: { ...process.env, UI_TOKEN: token } });
  let out = '';
  const said = async (pattern) => {
    for (let tries = 0; tries < 400; tries++) {
      const found = pattern.exec(out);
      if (found) return found[1];
      if (child.exitCode !== null) throw new Error(`relayctl ended: ${out}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error(`no ${pattern} in ${out}`);
  };
  child.stdout.on('data', (text) => { if (out.length < 1e5) out += text; });
  child.stderr.on('data', (text) => { if (out.length < 1e5) out += text; });
  const ui = await said(/inspector (http:\/\/[^/\s]+)/);
  const url = args[0] === 'listen' ? await said(/"url":"([^"]+)"/) : '';
  return { ui, url, async stop() { if (child.exitCode === null) { child.kill('SIGTERM'); await once(child, 'exit'); } } };
}

// app answers what it is sent, and remembers it.
export async function app() {
  const got = [];
  const server = createServer(async (request, answer) => {
    let body = '';
    for await (const part of request) body += part;
    got.push(body);
    answer.setHeader('Content-Type', 'text/html');
    answer.end('<script>document.title = "hacked"</script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/relay`, got, stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()) };
}

let count = 0;

// deliver posts an event of a customer and returns its id.
export async function deliver(url, { name = 'message.delivered', ccid = '1002', id = `event-${++count}`, at = count, payload = {} } = {}) {
  const [type, subtype] = name.split('.');
  const ts = new Date(Date.UTC(2026, 0, 31, 12, 0, 0) + at * 1000).toISOString();
  const body = JSON.stringify({ event_id: id, event_name: name, event_ts: ts, payload: { ccid, event_type: type, event_subtype: subtype, ...payload } });
  const answer = await fetch(url, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
  await answer.arrayBuffer();
  return { id, status: answer.status };
}

export const browser = () => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// open shows the inspector; what goes wrong in the page fails the test that calls problems().
export async function open(chrome, ui, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => { if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) wrong.push(message.text()); });
  await page.goto(`${ui}/?token=${token}`);
  await page.waitForSelector('.row, #empty:not([hidden])');
  page.problems = () => wrong;
  return page;
}

export const numbers = (page) => page.$$eval('.row', (rows) => rows.map((row) => Number(row.dataset.number)));
