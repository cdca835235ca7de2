// Holds what relayctl writes for other tools against readers that others wrote:
//   node formats.cjs asyncapi.json FILE.har...
// The packages are found by NODE_PATH; .ci/run installs them.
'use strict'
const fs = require('fs')
const { Parser } = require('@asyncapi/parser')
const har = require('har-validator')

const main = async ([asyncapi, ...hars]) => {
  let failed = 0
  const { diagnostics } = await new Parser().parse(fs.readFileSync(asyncapi, 'utf8'))
  for (const d of diagnostics) {
    if (d.severity > 1) continue // hints
    failed++
    console.log(`${asyncapi}: ${d.path.join('.')}: ${d.message}`)
  }
  for (const file of hars) {
    try {
      const archive = JSON.parse(fs.readFileSync(file, 'utf8'))
      await har.har(archive)
      if (archive.log.entries.length === 0) throw new Error('no entry')
      console.log(`${file}: ${archive.log.entries.length} entries`)
    } catch (err) {
      failed++
      console.log(`${file}: ${err.message} ${JSON.stringify(err.errors || '').slice(0, 1000)}`)
    }
  }
  return failed ? 1 : 0
}
main(process.argv.slice(2)).then(code => { process.exitCode = code }, err => { console.error(err); process.exitCode = 1 })
