// Browsers that look at an inspector until they are ended: node look.mjs URL COUNT.
import { browser, open } from './harness.mjs';

const [ui, count] = process.argv.slice(2);
const chrome = await browser();
for (let i = 0; i < Number(count); i++) await open(chrome, ui); // each with a stream of its own
console.log('looking');
process.on('SIGTERM', async () => { await chrome.close(); process.exit(); });
