// Tests of the inspector in a browser: node --test, with RELAYCTL naming the program.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { app, browser, deliver, numbers, open, relayctl } from './harness.mjs';

let chrome, target, run;
before(async () => {
  chrome = await browser();
  target = await app();
  run = await relayctl('listen', '--tls', 'off', '--addr', '127.0.0.1:0', '--output', 'json', '--forward', target.url, '--ui=127.0.0.1:0');
});
after(async () => {
  await chrome?.close();
  await run?.stop();
  await target?.stop();
});

// fresh is an empty list.
async function fresh(options) {
  await fetch(`${run.ui}/api/requests`, { method: 'DELETE', headers: { Authorization: 'Bearer a-token-for-the-browser' } });
  const page = await open(chrome, run.ui, options);
  return page;
}
const done = async (page) => {
  assert.deepEqual(page.problems(), []);
  assert.notEqual(await page.title(), 'hacked');
  await page.context().close();
};
const rows = (page, n) => page.waitForFunction((want) => document.querySelectorAll('.row').length === want, n);

test('what comes is shown as it comes, also while it is paused', async () => {
  const page = await fresh();
  await page.waitForSelector('#empty:not([hidden])');
  await deliver(run.url, { id: 'live-1' });
  await rows(page, 1);
  assert.match(await page.textContent('.row'), /message\.delivered[^]*1002/);
  await page.keyboard.press('p');
  await deliver(run.url);
  await page.waitForSelector('#fresh:not([hidden])');
  assert.equal((await numbers(page)).length, 1);
  await page.keyboard.press('p');
  await rows(page, 2);
  await done(page);
});

test('filters and the search choose, and stay in the address', async () => {
  const page = await fresh();
  await deliver(run.url, { ccid: '7', payload: { message_name: 'needle' } });
  await deliver(run.url, { name: 'account.login', ccid: '8' });
  await deliver(run.url, { name: 'notification.attempted', ccid: '8', payload: { notification_id: 'n1' } });
  await rows(page, 3);
  await page.keyboard.press('/');
  await page.keyboard.type('NEEDLE');
  await rows(page, 1);
  await page.fill('[name=q]', '');
  await page.click('summary');
  await page.fill('[name=ccid]', '8');
  await rows(page, 2);
  await page.fill('[name=q]', 'nowhere');
  await page.waitForSelector('#unmatched:visible');
  assert.ok(await page.isHidden('#none'));
  await page.fill('[name=q]', '');
  await page.fill('[name=event]', 'notification.*');
  await rows(page, 1);
  assert.match(page.url(), /ccid=8.*event=notification|event=notification.*ccid=8/);
  await deliver(run.url, { name: 'account.login', ccid: '8' }); // filtered out as it comes
  await deliver(run.url, { name: 'notification.delivered', ccid: '8', payload: { notification_id: 'n1' } });
  await rows(page, 2);
  await page.reload();
  await rows(page, 2);
  await page.click('summary');
  await page.click('button[type=reset]');
  await rows(page, 5);
  await done(page);
});

test('a request whole, its attempts and the timeline', async () => {
  const page = await fresh();
  const first = { id: 'again', ccid: '21', name: 'notification.delivered', at: 5, payload: { notification_id: 'n2' } };
  await deliver(run.url, { ccid: '21', name: 'notification.attempted', at: 1, payload: { notification_id: 'n2' } });
  await deliver(run.url, first);
  await deliver(run.url, first);
  await rows(page, 3);
  await page.locator('.row').first().click();
  await page.waitForSelector('article h2');
  assert.match(await page.textContent('.attempts'), /duplicate/);
  assert.match(await page.textContent('[data-form=formatted]'), /"event_id": "again"/);
  await page.click('[data-do=raw]');
  assert.match(await page.textContent('[data-form=raw]'), /\{"event_id":"again"/);
  assert.match(await page.textContent('article'), /<script>document\.title/); // the app's answer is text
  await page.keyboard.press('t');
  await page.waitForSelector('#timeline .dot');
  assert.equal(await page.locator('.dot').count(), 3);
  await page.locator('.dot').last().focus();
  assert.match(await page.textContent('.tells'), /notification\.delivered · request \d+ .* answered 200/);
  await page.locator('.dot circle').first().hover();
  assert.match(await page.textContent('.tells'), /notification\.attempted/);
  await done(page);
});

test('two requests side by side', async () => {
  const page = await fresh();
  await deliver(run.url, { id: 'd1', payload: { message_name: 'one' } });
  await deliver(run.url, { id: 'd2', payload: { message_name: 'two' } });
  await rows(page, 2);
  await page.keyboard.press('j');
  await page.waitForSelector('article');
  await page.keyboard.press('x');
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.querySelector('article')?.textContent.includes('d1'));
  await page.keyboard.press('=');
  await page.waitForSelector('.differences');
  assert.match(await page.textContent('.differences'), /payload\.message_name[^]*"two"[^]*"one"/);
  assert.ok(await page.locator('.sides tr.other').count() > 0);
  await done(page);
});

test('replay as it was, with a fresh id, and edited', async () => {
  const page = await fresh();
  await deliver(run.url, { id: 'replayed', payload: { message_name: 'before' } });
  await rows(page, 1);
  await page.keyboard.press('j');
  await page.waitForSelector('article');
  const last = () => JSON.parse(target.got.at(-1));
  let seen = target.got.length;
  const replayed = async () => {
    await page.waitForFunction((n) => document.querySelectorAll('.replay').length === n, ++shown);
    assert.equal(target.got.length, ++seen);
  };
  let shown = 0;
  await page.keyboard.press('r');
  await replayed();
  assert.equal(last().event_id, 'replayed');
  await page.click('[data-do=fresh-replay]');
  await replayed();
  assert.match(last().event_id, /^[0-9a-f-]{36}$/);
  await page.keyboard.press('e');
  const body = page.locator('#edit-form textarea');
  await body.fill((await body.inputValue()).replace('before', 'after'));
  await page.click('#edit-form button.main');
  await replayed();
  assert.equal(last().payload.message_name, 'after');
  assert.equal((await numbers(page)).length, 1); // a replay is not received
  await done(page);
});

test('rules and the answer mode are changed, and felt', async () => {
  const page = await fresh();
  await page.keyboard.press('m');
  await page.fill('#rules-form textarea', 'rules: [{event: message.*, respnd: 503}]');
  await page.click('#rules-form button.main');
  await page.waitForSelector('#rules-form .error:not([hidden])');
  assert.match(await page.textContent('#rules-form .error'), /did you mean "respond"/);
  await page.fill('#rules-form textarea', 'rules:\n  - event: message.*\n    respond: 503\n');
  await page.click('#rules-form button.main');
  await page.waitForSelector('#dialog:not([open])', { state: 'attached' });
  assert.equal((await deliver(run.url)).status, 503);
  await page.keyboard.press('3');
  await page.waitForFunction(() => document.querySelector('#status').textContent.includes('answered 401'));
  assert.equal((await deliver(run.url)).status, 401);
  await page.keyboard.press('5');
  await page.waitForFunction(() => !document.querySelector('#status').textContent.includes('answered 401'));
  await page.keyboard.press('m');
  await page.fill('#rules-form textarea', '');
  await page.click('#rules-form button.main');
  await page.waitForSelector('#dialog:not([open])', { state: 'attached' });
  assert.equal((await deliver(run.url)).status, 200);
  await done(page);
});

test('the keyboard alone is enough', async () => {
  const page = await fresh();
  for (let i = 0; i < 3; i++) await deliver(run.url, { id: `key-${i}` });
  await rows(page, 3);
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.waitForFunction(() => document.querySelector('article')?.textContent.includes('key-1'));
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelector('article')?.textContent.includes('key-2'));
  assert.equal(await page.evaluate(() => { // two presses before the browser comes to anything else
    for (let i = 0; i < 2; i++) document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
    return location.hash.slice(1) === document.querySelectorAll('.row')[2].dataset.number;
  }), true, 'the second j is lost');
  await page.keyboard.press('k');
  await page.keyboard.press('k');
  await page.waitForFunction(() => document.querySelector('article')?.textContent.includes('key-2'));
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'detail');
  await page.keyboard.press('?');
  await page.waitForSelector('#dialog[open] .keys');
  await page.keyboard.press('Escape');
  await page.waitForSelector('#dialog:not([open])', { state: 'attached' });
  await page.keyboard.press('f');
  await page.waitForSelector('#empty:not([hidden])');
  await page.keyboard.press('f');
  await rows(page, 3);
  for (let i = 0; i < 40; i++) { // Tab reaches the requests
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.classList.contains('row'))) break;
  }
  assert.ok(await page.evaluate(() => document.activeElement.classList.contains('row')));
  await done(page);
});

test('after a restart nothing is lost and nothing stands twice', async () => {
  const args = (port, ui) => ['listen', '--tls', 'off', '--addr', `127.0.0.1:${port}`, '--output', 'json', `--ui=127.0.0.1:${ui}`];
  let other = await relayctl(...args(0, 0));
  const ui = new URL(other.ui).port, port = new URL(other.url).port;
  const page = await open(chrome, other.ui);
  for (let i = 0; i < 5; i++) await deliver(other.url);
  await rows(page, 5);
  await other.stop();
  await page.waitForFunction(() => document.querySelector('#status').textContent.includes('not connected'));
  other = await relayctl(...args(port, ui));
  for (let i = 0; i < 3; i++) await deliver(other.url, { id: `restarted-${i}` });
  await page.waitForFunction(() => document.querySelectorAll('.row').length === 3);
  await deliver(other.url);
  await rows(page, 4);
  assert.deepEqual(await numbers(page), [4, 3, 2, 1]);
  await page.context().close();
  await other.stop();
});

test('ten tabs share one stream, and the next one takes it over', async () => {
  const first = await fresh();
  const context = first.context();
  const streams = [];
  context.on('request', (request) => { if (request.url().includes('/ui/live')) streams.push(request); });
  const pages = [first];
  while (pages.length < 10) {
    const page = await context.newPage();
    await page.goto(`${run.ui}/`, { timeout: 10000 });
    await page.waitForSelector('#empty:not([hidden])');
    pages.push(page);
  }
  await deliver(run.url, { id: 'to-all' });
  for (const page of pages) await rows(page, 1);
  assert.equal(streams.length, 0); // the first page had its stream before
  await first.close();
  await deliver(run.url, { id: 'to-the-rest' });
  for (const page of pages.slice(1)) await rows(page, 2);
  assert.equal(streams.length, 1);
  await context.close();
});

test('ten thousand requests are listed and scrolled without a stall', async () => {
  const page = await fresh();
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => { for (const e of list.getEntries()) window.longest = Math.max(window.longest, e.duration); }).observe({ type: 'longtask' });
  });
  const waves = 100, each = 100;
  for (let wave = 0; wave < waves; wave++) await Promise.all(Array.from({ length: each }, () => deliver(run.url)));
  const newest = await page.evaluate(async () => Number((await fetch('/ui/rows?limit=1')).headers.get('X-Newest')));
  await page.waitForFunction((n) => Number(document.querySelector('.row')?.dataset.number) === n, newest);
  const coming = await page.evaluate(() => { const l = window.longest; window.longest = 0; return l; });
  await page.evaluate(async () => {
    const box = document.getElementById('scroll');
    for (let still = 0, before = 0; still < 20;) {
      box.scrollTop = box.scrollHeight;
      await new Promise((resolve) => setTimeout(resolve, 50));
      const now = box.scrollHeight;
      still = now === before ? still + 1 : 0;
      before = now;
    }
  });
  const scrolling = await page.evaluate(() => window.longest); // before the test itself looks at every row
  const all = await numbers(page);
  assert.equal(all.length, waves * each);
  assert.equal(new Set(all).size, all.length);
  console.log(`longest task: ${coming} ms while they came, ${scrolling} ms while scrolling`);
  assert.ok(coming < 1000 && scrolling < 1000, `${coming} and ${scrolling} ms`); // on a machine that tests and listens as well
  await done(page);
});

for (const colorScheme of ['light', 'dark']) {
  for (const width of [380, 1600]) {
    test(`no serious barrier, ${colorScheme}, ${width} px`, async () => {
      const page = await fresh({ colorScheme, viewport: { width, height: 800 } });
      const same = { id: 'axe', ccid: '31' };
      await deliver(run.url, same);
      await deliver(run.url, same);
      await deliver(run.url, { ccid: '31', payload: { unknown_property: '1' } });
      await rows(page, 3);
      const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
      const clean = async (where) => {
        await page.evaluate(axe);
        const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
        const serious = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
        assert.deepEqual(serious.map((v) => `${where}: ${v.id} ${v.nodes.map((n) => n.html.slice(0, 120) + ' ' + n.failureSummary).join(' | ')}`), []);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} is wider than the window`);
      };
      const shot = async (name) => { if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}-${colorScheme}-${width}.png` }); };
      await clean('list'); await shot('list');
      await page.locator('.row').nth(1).click();
      await page.waitForSelector('article');
      await page.keyboard.press('t');
      await page.waitForSelector('#timeline .dot');
      await clean('request'); await shot('request');
      await page.keyboard.press('x');
      await page.keyboard.press('k');
      await page.waitForFunction(() => !document.querySelector('article')?.textContent.includes('deliveries of this'));
      await page.keyboard.press('=');
      await page.waitForSelector('.differences');
      await clean('diff'); await shot('diff');
      await page.keyboard.press('m');
      await page.waitForSelector('#rules-form');
      await clean('rules'); await shot('rules');
      await done(page);
    });
  }
}
