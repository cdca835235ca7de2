import express from 'express';

const app = express();
const customers = {};

app.use(express.json());

app.post('/relay', (req, res) => {
  const [scheme, given] = (req.headers.authorization ?? '').split(' ');
  const secret = Buffer.from('relay:' + process.env.RELAY_PASSWORD).toString('base64');
  if (scheme.toLowerCase() !== 'basic' || given !== secret) return res.sendStatus(403);

  const event = req.body;
  if (!event.payload.ccid) return res.status(400).json({ error: 'ccid is missing' });
  const customer = (customers[event.payload.ccid] ??= { clicks: 0 });

  switch (event.event_name) {
    case 'notification.attempted':
    case 'notification.delivered':
    case 'notification.undelivered':
      customer.sms = event.event_name;
      break;
    case 'notification.auth_link_clicked':
      customer.clicks++;
      break;
    case 'channel_consent.update':
      customer.consent = event.payload.current_consent;
      break;
    default:
      console.warn('unknown event', event.event_name);
  }
  res.status(201).json({ ok: true });
});

app.get('/customers/:ccid', (req, res) => {
  const customer = customers[req.params.ccid];
  customer ? res.json(customer) : res.sendStatus(404);
});

app.listen(process.env.PORT ?? 3000, '127.0.0.1');
