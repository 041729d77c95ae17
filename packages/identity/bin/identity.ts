#!/usr/bin/env node
import {
  obtainPublicIdentity,
  openProcessLog,
  reportReady,
  superviseProcess,
  takeBootDocument,
} from '@pop-api/workload'
import { parseIdentityBoot } from '../src/boot.ts'
import { startIdentity } from '../src/start-identity.ts'

// The embedded identity provider as a child of the supervisor: `POP_BOOT` names its boot file (src/boot.ts says what is in it).
// To the supervisor: { type: 'ready', issuer }

try {
  const { file, listen, usersFile, gateway, security } = parseIdentityBoot(await takeBootDocument(process.env))
  const log = openProcessLog('identity')
  const started = new AsyncDisposableStack()
  // Before anything that waits: a supervisor that is gone must not leave behind a child that still looks for control.
  superviseProcess(() => started.disposeAsync())
  const { certificate, privateKey } = await obtainPublicIdentity(file, {
    onProblem: (problem) => log.warn({ err: problem }, 'control'),
  })
  const identity = started.use(
    await startIdentity({
      home: file.home,
      listen,
      hostName: 'localhost',
      certificate: { cert: certificate, key: privateKey },
      usersFile,
      gateway,
      security,
      onRefusedSignIn: (account, reason) => {
        if (reason === 'locked-now') log.warn({ account, reason }, 'sign-in refused')
        else log.info({ account, reason }, 'sign-in refused')
      },
      onEnrolment: (account) => log.info({ account }, 'second factor set up'),
      onFailure: (error) => log.error({ err: error }, 'a request failed'),
    }),
  )
  log.info({ issuer: identity.issuer }, 'ready')
  await reportReady({ issuer: identity.issuer })
} catch (error) {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
  process.stderr.write(`identity: ${line}\n`)
  process.exit(2)
}
