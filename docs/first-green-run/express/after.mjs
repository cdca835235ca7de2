import { createHash, timingSafeEqual } from 'node:crypto';
import express from 'express';

const app = express();
const digest = (text) => createHash('sha256').update(text).digest();
const expected = digest(`relay:${process.env.RELAY_PASSWORD}`);
const customers = new Map(); // ccid -> Map of event_id -> event

// Before the body is read: who is not Relay gets 401, whatever was sent.
function onlyRelay(req, res, next) {
  const [, encoded] = /^basic ([A-Za-z0-9+/]+={0,2})$/i.exec(req.get('authorization') ?? '') ?? [];
  const given = encoded ? Buffer.from(encoded, 'base64').toString() : '';
  if (timingSafeEqual(digest(given), expected)) return next();
  res.set('WWW-Authenticate', 'Basic realm="relay"').sendStatus(401);
}

// What came, by id: a second copy changes nothing. Unknown events and events
// without a customer are logged and accepted; Relay must not send them again.
function keep(event) {
  if (typeof event?.event_id !== 'string' || typeof event?.event_name !== 'string') return false;
  const ccid = event.payload?.ccid;
  if (typeof ccid !== 'string' || ccid === '') {
    console.warn('no customer in', JSON.stringify(event));
    return true;
  }
  if (!customers.has(ccid)) customers.set(ccid, new Map());
  const events = customers.get(ccid);
  if (!events.has(event.event_id)) events.set(event.event_id, event);
  return true;
}

// What is true now, worked out in the order in which things happened.
function state(events) {
  const now = { consent: {}, sms: {}, messages: {}, clicks: 0, actions: 0, active: true };
  const time = (event) => Date.parse(event.event_ts) || 0; // the same moment can be written in more than one way
  const byTime = [...events.values()].sort((a, b) => time(a) - time(b) || a.event_id.localeCompare(b.event_id));
  for (const { event_name: name, payload: p } of byTime) {
    if (name === 'channel_consent.update') now.consent[p.channel_addr] = p.current_consent;
    else if (name === 'notification.auth_link_clicked' || name === 'notification.auth_link_used') now.clicks++;
    else if (name === 'message.action_taken') now.actions++;
    else if (name === 'notification_channel.add') now.consent[p.channel_addr] ??= 'written';
    else if (name === 'notification_channel.remove') delete now.consent[p.channel_addr];
    else if (name === 'account.deactivate') now.active = false;
    else if (/^notification\.(not_)?attempted$|^notification\.(un)?delivered$/.test(name)) now.sms[p.notification_id] = name;
    else if (/^message\.(un)?delivered$/.test(name)) now.messages[p.message_id] = name;
  }
  return now;
}

app.post('/relay', onlyRelay, express.json({ limit: '5mb' }), (req, res) => {
  const events = Array.isArray(req.body) ? req.body : req.body?.batch ?? [req.body];
  res.sendStatus(events.every(keep) ? 200 : 400);
});
app.all('/relay', (req, res) => res.set('Allow', 'POST').sendStatus(405));

app.get('/customers/:ccid', (req, res) => {
  const events = customers.get(req.params.ccid);
  events ? res.json(state(events)) : res.sendStatus(404);
});

// What goes wrong is told by its status, and by nothing else.
app.use((err, req, res, next) => res.sendStatus(err.status ?? 500));

app.listen(process.env.PORT ?? 3000, '127.0.0.1');
