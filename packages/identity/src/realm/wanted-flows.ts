import type { RealmRequest } from './realm-request.ts'
import { levels } from './wanted-realm.ts'

type Requirement = 'REQUIRED' | 'ALTERNATIVE' | 'CONDITIONAL'

/** One step of a sign-in: an authenticator of Keycloak with its settings, or a flow below. */
export type FlowStep =
  | {
      readonly authenticator: string
      readonly requirement: Requirement
      readonly config?: Readonly<Record<string, string>>
    }
  | { readonly flow: string; readonly requirement: Requirement; readonly steps: readonly FlowStep[] }

/** A whole way to sign in; `slot` is where the realm says which one it uses. */
export interface Flow {
  readonly slot: 'browserFlow' | 'directGrantFlow'
  /** Flows of ours begin with it. */
  readonly alias: string
  readonly steps: readonly FlowStep[]
}

/** How long a proof of the password, and of the second factor, is taken without asking again, in a browser's session. */
const passwordSeconds = 36_000
const secondFactorSeconds = 300

/** What `amr` says of a step that was passed. */
function proves(method: 'pwd' | 'otp'): Readonly<Record<string, string>> {
  return { 'default.reference.value': method, 'default.reference.maxAge': String(passwordSeconds) }
}

function whenAskedFor(level: number, maxAgeSeconds: number): FlowStep {
  const config = { 'loa-condition-level': String(level), 'loa-max-age': String(maxAgeSeconds) }
  return { authenticator: 'conditional-level-of-authentication', requirement: 'REQUIRED', config }
}

const password: FlowStep = {
  authenticator: 'auth-username-password-form',
  requirement: 'REQUIRED',
  config: proves('pwd'),
}
const oneTimeCode: FlowStep = { authenticator: 'auth-otp-form', requirement: 'REQUIRED', config: proves('otp') }

/**
 * Where everybody has a second factor there is one level alone, which needs both: a client that asks for nothing, as a device does,
 * gets no less. Elsewhere the password comes first and the code where a client asks for that level, then or later.
 */
function browser(requiresSecondFactor: boolean): Flow {
  const { password: first, secondFactor: second } = levels
  const steps: readonly FlowStep[] = requiresSecondFactor
    ? [
        {
          flow: 'password and second factor',
          requirement: 'CONDITIONAL',
          steps: [whenAskedFor(second.level, passwordSeconds), password, oneTimeCode],
        },
      ]
    : [
        {
          flow: 'password',
          requirement: 'CONDITIONAL',
          steps: [whenAskedFor(first.level, passwordSeconds), password],
        },
        {
          flow: 'second factor',
          requirement: 'CONDITIONAL',
          steps: [whenAskedFor(second.level, secondFactorSeconds), oneTimeCode],
        },
      ]
  return {
    slot: 'browserFlow',
    alias: 'pop browser',
    steps: [
      { authenticator: 'auth-cookie', requirement: 'ALTERNATIVE' },
      { flow: 'forms', requirement: 'ALTERNATIVE', steps },
    ],
  }
}

/** Without the condition of the level a token of this grant would say level 1, whatever was proved. */
const directGrant: Flow = {
  slot: 'directGrantFlow',
  alias: 'pop direct grant',
  steps: [
    { authenticator: 'direct-grant-validate-username', requirement: 'REQUIRED' },
    { authenticator: 'direct-grant-validate-password', requirement: 'REQUIRED', config: proves('pwd') },
    {
      flow: 'second factor',
      requirement: 'CONDITIONAL',
      steps: [
        { authenticator: 'conditional-user-configured', requirement: 'REQUIRED' },
        whenAskedFor(levels.secondFactor.level, 0),
        { authenticator: 'direct-grant-validate-otp', requirement: 'REQUIRED', config: proves('otp') },
      ],
    },
  ],
}

/** The ways to sign in that a realm of ours has. */
export function wantedFlows({ security }: Pick<RealmRequest, 'security'>): readonly Flow[] {
  return [browser(security.requireSecondFactor), directGrant]
}

/** A flow as lines, one a step, in order and indented by depth: two flows are the same when their lines are. */
export function flowLines(steps: readonly FlowStep[], depth = 0): readonly string[] {
  return steps.flatMap((step) => {
    if ('flow' in step) return [flowLine(depth, step.requirement, 'flow', {}), ...flowLines(step.steps, depth + 1)]
    return [flowLine(depth, step.requirement, step.authenticator, step.config ?? {})]
  })
}

/**
 * One such line. What a step is said to prove stands there without its value: Keycloak masks those in every answer, so that nobody can
 * compare them.
 */
export function flowLine(
  depth: number,
  requirement: string,
  authenticator: string,
  config: Readonly<Record<string, string>>,
): string {
  const settings = Object.entries(config)
    .map(([name, value]) => (name.startsWith('default.reference.') ? name : `${name}=${value}`))
    .toSorted()
    .join(' ')
  return `${'  '.repeat(depth)}${requirement.toLowerCase()} ${authenticator} ${settings}`.trimEnd()
}
