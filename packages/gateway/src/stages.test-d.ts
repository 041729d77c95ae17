import type { Dresser } from './dress/dress.ts'
import { dress } from './dress/dress.ts'
import { forward, type Modules } from './forward/forward.ts'
import { identify } from './identify/identify.ts'
import type { Authenticator } from './identify/verify-token.ts'
import { permit, type PermitRules } from './permit/permit.ts'
import type { Received } from './receive/received.ts'
import type { ModuleDestination, Routes } from './route/destination.ts'
import { route, type Routed } from './route/route.ts'
import type { Trace } from './trace/traces.ts'
import { validate } from './validate/validate.ts'

// Checked by the compiler, never run: a request that skipped a stage does not compile.
declare const received: Received
declare const routed: Routed<ModuleDestination>
declare const routes: Routes
declare const authenticator: Authenticator
declare const rules: PermitRules
declare const dresser: Dresser
declare const trace: Trace
declare const modules: Modules
const body = Buffer.alloc(0)

const { target, framing } = received
const lookalike = {
  requestId: '',
  method: 'GET',
  target,
  fields: new Map(),
  framing,
  address: '',
  crowded: false,
  origin: undefined,
  certificate: undefined,
  startedMs: 0,
} as const

// @ts-expect-error: a canonical request is made by receive() alone
route(lookalike, routes)
// @ts-expect-error: what nobody routed has no caller
void identify(received, authenticator)
// @ts-expect-error: an operation for everybody is not for callers
void identify(route(received, routes), authenticator)
// @ts-expect-error: who was not identified is not permitted
permit({ routed, caller: undefined }, rules)
// @ts-expect-error: what nobody permitted is not validated
validate(routed, body)
// @ts-expect-error: what nobody permitted is not dressed
dress({ permitted: routed, body }, trace, dresser)
// @ts-expect-error: what was not dressed does not leave
void forward(routed, modules)
