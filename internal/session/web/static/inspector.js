// The inspector's only script: it fetches fragments, puts them in place, and acts.
const $ = (id) => document.getElementById(id);
const list = $('list'), detail = $('detail'), scroll = $('scroll'), filters = $('filters'), dialog = $('dialog'), panes = document.querySelector('.panes');
const mostRows = 20000; // in the page; older ones are fetched again
const chunkRows = 60;

let seen = 0; // every request up to this number is in the list, or was left out by the filters
let next = 0; // the number that older ones come before, 0 for none
let epoch = 0; // grows when the list begins anew: answers to older questions are dropped
let busy = false, again = false, paused = false, waiting = 0, marked = 0, lastEvent = '';

// --- words to the person

let sayTimer;
function say(text) {
  $('say').textContent = text;
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { $('say').textContent = ''; }, 6000);
}

// --- talking to the server

async function ask(url, options) {
  const answer = await fetch(url, { credentials: 'same-origin', ...options });
  if (answer.status === 401) throw new Error('The token is not valid any more. Open the address that relayctl printed when it started.');
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || `the inspector answered ${answer.status}`);
  return answer;
}

const send = (method, url, body) => ask(url, { method, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });

function parsed(html) {
  const t = document.createElement('template');
  t.innerHTML = html; // from this server, which escapes what came from outside
  return t.content;
}

// --- the list

function query(more) {
  const q = new URLSearchParams();
  for (const [name, value] of new FormData(filters)) if (value.trim()) q.set(name, value.trim());
  const count = [...q.keys()].filter((name) => name !== 'q').length;
  $('filtered').textContent = count || '';
  for (const [name, value] of Object.entries(more)) q.set(name, value);
  return q;
}

async function fetchRows(more) {
  const answer = await ask('/ui/rows?' + query(more));
  return { rows: parsed(await answer.text()), newest: Number(answer.headers.get('X-Newest')), next: Number(answer.headers.get('X-Next')) };
}

// reload begins the list anew.
async function reload() {
  const mine = ++epoch;
  try {
    const got = await fetchRows({});
    if (mine !== epoch) return;
    seen = got.newest;
    next = got.next;
    list.replaceChildren(chunk(got.rows));
    scroll.scrollTop = 0;
    waiting = 0;
    decorate();
    more();
  } catch (error) { if (mine === epoch) say(error.message); }
}

// addNew puts what came since on top. One question is under way at a time.
async function addNew() {
  if (document.hidden) return; // it catches up when it is looked at
  if (busy) { again = true; return; }
  busy = true;
  const mine = epoch;
  try {
    do {
      again = false;
      const got = await fetchRows({ after: seen });
      if (mine !== epoch) break;
      if (got.next) { await reload(); break; } // too many at once: the newest ones count
      seen = got.newest;
      for (const row of got.rows.querySelectorAll('.row')) row.classList.add('new');
      const top = list.firstElementChild;
      if (top && top.childElementCount < chunkRows) { top.prepend(got.rows); size(top); } else list.prepend(chunk(got.rows));
      trim();
      decorate();
    } while (again);
  } catch (error) { say(error.message); }
  busy = false;
}

// chunk holds some hundred rows: the browser passes over those out of sight as a whole.
function chunk(rows) {
  const ol = document.createElement('ol');
  ol.className = 'chunk';
  ol.setAttribute('aria-label', 'Requests, the newest first');
  ol.append(rows);
  size(ol);
  return ol;
}
const size = (ol) => { ol.style.containIntrinsicSize = `auto ${ol.childElementCount * 54}px`; };

// trim gives up the oldest rows where nobody looks at them.
function trim() {
  if (list.childElementCount <= mostRows / chunkRows || scroll.scrollTop > 0) return;
  while (list.childElementCount > mostRows / chunkRows / 2) list.lastElementChild.remove();
  next = Number(list.lastElementChild.lastElementChild.firstElementChild.dataset.number);
}

let fetching = false;
async function more() {
  if (!next || fetching || !nearEnd()) return;
  fetching = true;
  const mine = epoch;
  try {
    const got = await fetchRows({ before: next });
    if (mine === epoch) {
      next = got.next;
      if (got.rows.childElementCount) list.append(chunk(got.rows));
      decorate();
    }
  } catch (error) { say(error.message); next = 0; }
  fetching = false;
  if (mine === epoch && next) requestAnimationFrame(more);
}
const nearEnd = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 1500;
scroll.addEventListener('scroll', more, { passive: true });

const rowOf = (number) => $('r' + Number(number));

let current = null, markedRow = null; // the rows that are decorated
function decorate() {
  $('empty').hidden = list.querySelector('.row') !== null;
  $('unmatched').hidden = !($('none').hidden = query({}).size > 0);
  current?.removeAttribute('aria-current');
  markedRow?.classList.remove('marked');
  current = rowOf(shownNumber());
  markedRow = rowOf(marked);
  current?.setAttribute('aria-current', 'true');
  markedRow?.classList.add('marked');
  const fresh = $('fresh');
  fresh.hidden = !(paused && waiting > 0);
  if (!fresh.hidden) fresh.textContent = `Paused: ${waiting} new, go on`;
}

let typing;
filters.addEventListener('input', () => { clearTimeout(typing); typing = setTimeout(filter, 200); });
filters.addEventListener('reset', () => setTimeout(filter));
filters.addEventListener('submit', (event) => { event.preventDefault(); filter(); });
function filter() {
  clearTimeout(typing);
  const q = query({});
  history.replaceState(null, '', (q.size ? '?' + q : location.pathname) + location.hash);
  return reload();
}

// --- one request

const shownNumber = () => { const m = /^#(\d+)$/.exec(location.hash); return m ? Number(m[1]) : 0; };

let asked = 0;
async function put(url, after) {
  const mine = ++asked;
  try {
    const html = await (await ask(url)).text();
    if (mine !== asked) return;
    const back = document.createElement('button');
    back.className = 'back'; back.type = 'button'; back.dataset.do = 'back'; back.textContent = '← Requests';
    detail.replaceChildren(back, parsed(html));
    detail.scrollTop = 0;
    after?.();
  } catch (error) {
    if (mine !== asked) return;
    const p = document.createElement('p');
    p.className = 'empty';
    p.textContent = error.message;
    detail.replaceChildren(p);
  }
}

async function route() {
  const number = shownNumber(), diff = /^#diff=(\d+),(\d+)$/.exec(location.hash);
  panes.classList.toggle('reading', Boolean(number || diff));
  decorate();
  if (number) {
    await put('/ui/requests/' + number, () => {
      detail.querySelector('[data-do=mark]')?.setAttribute('aria-pressed', String(marked === number));
      if (wantTimeline) timeline();
    });
  } else if (diff) {
    await put(`/ui/diff?a=${diff[1]}&b=${diff[2]}`);
  }
}
addEventListener('hashchange', route);

function neighbour(step) {
  const here = rowOf(shownNumber()), item = here?.parentElement; // the address changes at once, the marked row later
  if (!item) return list.querySelector('.row');
  const beside = step > 0 ? item.nextElementSibling : item.previousElementSibling;
  if (beside) return beside.firstElementChild;
  const ol = step > 0 ? item.parentElement.nextElementSibling : item.parentElement.previousElementSibling;
  return (step > 0 ? ol?.firstElementChild : ol?.lastElementChild)?.firstElementChild || here;
}

function move(step) {
  const row = neighbour(step);
  if (!row) return;
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: 'nearest' });
  location.hash = row.dataset.number;
}

let wantTimeline = false;
async function timeline() {
  const customer = detail.querySelector('article')?.dataset.customer, place = $('timeline');
  if (!customer || !place) return;
  try {
    place.replaceChildren(parsed(await (await ask('/ui/journeys/' + encodeURIComponent(customer))).text()));
    place.hidden = false;
    const here = place.querySelector(`.dot[href="#${shownNumber()}"]`);
    here?.setAttribute('aria-current', 'true');
    const box = place.querySelector('.drawing');
    if (here) box.scrollLeft = here.getBoundingClientRect().left - box.getBoundingClientRect().left - box.clientWidth / 2;
  } catch (error) { say(error.message); }
}
function tell(event) {
  const dot = event.target.closest?.('.dot');
  if (dot) dot.closest('section').querySelector('.tells').textContent = dot.dataset.tells;
}
detail.addEventListener('mouseover', tell);
detail.addEventListener('focusin', tell);

// --- acting

async function replay(edit) {
  const number = shownNumber();
  if (!number) { say('Choose a request first.'); return; }
  const done = await (await send('POST', `/api/requests/${number}/replay`, edit)).json();
  await route();
  say(done.app.status ? `The app answered ${done.app.status} after ${Math.round(done.app.latency_ms * 10) / 10} ms` : `The app gave no answer: ${done.app.error}`);
}

function open(content, after) {
  $('dialog-body').replaceChildren(content);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector('[autofocus]')?.focus();
  after?.();
}
dialog.addEventListener('submit', async (event) => {
  const form = event.target, error = form.querySelector('.error');
  if (form.method === 'dialog') return;
  event.preventDefault();
  try {
    if (form.id === 'edit-form') {
      await replay({ body: form.elements.body.value, fresh_id: form.elements.fresh.checked });
      dialog.close();
    } else {
      const rules = await (await send('PUT', '/api/rules', { text: form.elements.text.value, mode: form.elements.mode.value, save: event.submitter?.value === 'save' })).json();
      dialog.close();
      say(rules.warnings ? rules.warnings.join('; ') : 'The rules are in force');
      status();
    }
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  }
});

async function status() {
  const page = new DOMParser().parseFromString(await (await ask('/')).text(), 'text/html');
  $('status').replaceChildren(...page.getElementById('status').childNodes);
}

async function mode(value) {
  await send('PUT', '/api/rules', { mode: value });
  say(value === 'rules' ? 'Answers as the rules say' : `Everything is answered ${value}`);
  await status();
}

const actions = {
  replay: () => replay({}),
  'fresh-replay': () => replay({ fresh_id: true }),
  async edit() {
    if (shownNumber() && detail.querySelector('[data-do=edit]')) open(parsed(await (await ask(`/ui/requests/${shownNumber()}/edit`)).text()));
  },
  async curl() {
    const text = $('curl')?.textContent;
    if (!text) return;
    try {
      await navigator.clipboard.writeText(text);
      say('Copied as curl');
    } catch {
      getSelection().selectAllChildren($('curl'));
      say('The browser does not let it be copied; the command is selected');
    }
  },
  mark() {
    marked = marked === shownNumber() ? 0 : shownNumber();
    detail.querySelector('[data-do=mark]')?.setAttribute('aria-pressed', String(marked > 0));
    decorate();
    say(marked ? `Request ${marked} is marked: choose another one and compare` : 'Nothing is marked');
  },
  compare() {
    if (!marked || !shownNumber() || marked === shownNumber()) { say('Mark one request (x), choose another, then compare (=)'); return; }
    say('');
    location.hash = `diff=${marked},${shownNumber()}`;
  },
  async timeline() {
    wantTimeline = !wantTimeline;
    if (wantTimeline) { await timeline(); $('timeline')?.scrollIntoView({ block: 'nearest' }); } else if ($('timeline')) $('timeline').hidden = true;
  },
  pause() {
    paused = !paused;
    document.querySelector('.tools [data-do=pause]')?.setAttribute('aria-pressed', String(paused));
    waiting = 0;
    decorate();
    if (!paused) addNew();
  },
  async clear() { await ask('/api/requests', { method: 'DELETE' }); },
  async rules() { open(parsed(await (await ask('/ui/rules')).text())); },
  help() { open($('help').content.cloneNode(true)); },
  close() { dialog.close(); },
  back() { const number = shownNumber(); location.hash = ''; if (number) rowOf(number)?.focus(); },
  formatted: (button) => form(button, 'formatted'),
  raw: (button) => form(button, 'raw'),
  findings() { filters.elements.finding.value = filters.elements.finding.value ? '' : 'any'; return filter(); },
  search() { filters.elements.q.focus(); filters.elements.q.select(); },
};
function form(button, which) {
  const section = button.closest('section');
  for (const part of section.querySelectorAll('[data-form]')) part.hidden = part.dataset.form !== which;
  for (const b of section.querySelectorAll('.tabs button')) b.setAttribute('aria-pressed', String(b === button));
}
async function act(name, button) {
  try { await actions[name](button); } catch (error) { say(error.message); }
}
addEventListener('click', (event) => {
  const button = event.target.closest('[data-do]');
  if (button) act(button.dataset.do, button);
});

const keys = { '/': 'search', r: 'replay', e: 'edit', y: 'curl', x: 'mark', '=': 'compare', t: 'timeline', f: 'findings', p: 'pause', m: 'rules', '?': 'help' };
const modes = ['200', '500', '401', 'timeout', 'rules'];
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  const writing = event.target.closest('input, textarea, select');
  if (event.key === 'Escape') {
    if (writing) { writing.blur(); (rowOf(shownNumber()) || list.querySelector('.row'))?.focus(); } else if (location.hash) actions.back();
    return;
  }
  if (writing) return;
  const name = keys[event.key];
  if (event.key === 'j' || event.key === 'k') move(event.key === 'j' ? 1 : -1);
  else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && event.target.closest('.row')) move(event.key === 'ArrowDown' ? 1 : -1);
  else if (event.key === 'Enter' && event.target.closest('.row')) { location.hash = event.target.closest('.row').dataset.number; detail.focus(); }
  else if (name) act(name);
  else if (/^[1-5]$/.test(event.key) && document.querySelector('.tools [data-do=rules]')) mode(modes[event.key - 1]).catch((error) => say(error.message));
  else return;
  event.preventDefault();
});

// --- what comes, as it comes

// Browsers have six connections to a host for all tabs together: one tab holds the lock
// and the stream, and tells the others.
const tabs = new BroadcastChannel('live');
tabs.onmessage = (event) => hear(event.data);
function tellAll(told) { tabs.postMessage(told); hear(told); }

function hear({ last, news, restart, gone }) {
  if (gone) $('status').textContent = gone;
  if (restart) reload();
  if (!news) return;
  lastEvent = last;
  $('status').replaceChildren(parsed(news.status));
  if (news.cleared || news.newest < seen) reload();
  else if (news.newest > seen) {
    if (paused) { waiting = news.newest - seen; decorate(); } else addNew();
  }
}

function follow() {
  const source = new EventSource('/ui/live' + (lastEvent ? '?last=' + encodeURIComponent(lastEvent) : ''));
  source.addEventListener('restart', () => tellAll({ restart: true }));
  source.addEventListener('news', (event) => tellAll({ last: event.lastEventId, news: JSON.parse(event.data) }));
  source.onerror = async () => {
    source.close();
    try { await ask('/ui/rows?limit=1'); } catch (error) {
      if (error instanceof TypeError) tellAll({ gone: 'not connected: relayctl has ended, or starts again' }); else say(error.message);
    }
    setTimeout(follow, 1000);
  };
}
document.addEventListener('visibilitychange', () => { if (!paused) addNew(); });

for (const [name, value] of new URLSearchParams(location.search)) if (filters.elements[name]) filters.elements[name].value = value;
await reload();
await route();
addNew(); // what came before the stream could tell
if (navigator.locks) navigator.locks.request('live', () => new Promise(follow)); else follow(); // only secure contexts have locks
