import { isJsonObject } from '@pop-api/protocol'
import { openProcessLog, reportReady, sendMessage, superviseProcess, takeBootDocument } from '@pop-api/workload'
import { parseControlBoot, parseSettingsSection } from '../src/boot.ts'
import { startControl, type ControlHandle } from '../src/start-control.ts'

// The control plane as a child of the supervisor: `POP_BOOT` names its boot file (src/boot.ts says what is in it).
// To the supervisor: { type: 'ready', control, admin, root_spki_sha256, ca_pem }
// From it: { type: 'token', id, name, kind, instance? } → { type: 'token', id, token } or { type: 'token', id, error }
//          { type: 'publish', section: 'settings', value }

/** Answers one message. Whatever is wrong with it is told to the supervisor, which is the only one who can send any. */
async function answer(control: ControlHandle, message: unknown): Promise<void> {
  if (!isJsonObject(message)) return
  if (message['type'] === 'publish' && message['section'] === 'settings') {
    await control.publish('settings', parseSettingsSection(message['value']))
  }
  if (message['type'] !== 'token') return
  const { id, name, kind, instance } = message
  if (typeof name !== 'string' || (kind !== 'gateway' && kind !== 'module' && kind !== 'issuer')) {
    await sendMessage({ type: 'token', id, error: 'A token is for a name and a kind: gateway, module or issuer.' })
    return
  }
  const token = control.issueToken({ name, kind, ...(typeof instance === 'string' ? { instance } : {}) })
  await sendMessage({ type: 'token', id, token })
}

const log = openProcessLog('control')
try {
  const control = await startControl({
    ...parseControlBoot(await takeBootDocument(process.env)),
    onFault: (err, request_id) => log.error({ request_id, err }, 'request failed'),
    onSettings: ({ log: { level } }) => log.setLevel(level),
  })
  superviseProcess(() => control[Symbol.asyncDispose]())
  process.on('message', (message) => {
    answer(control, message).catch((error: unknown) => {
      log.error({ err: error }, 'a message of the supervisor')
    })
  })
  log.info({ control: control.control, admin: control.admin }, 'ready')
  await reportReady({
    control: control.control,
    admin: control.admin,
    root_spki_sha256: control.rootSpkiSha256,
    ca_pem: control.caPem,
  })
} catch (error) {
  process.stderr.write(`control: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
