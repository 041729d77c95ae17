import { randomBytes } from 'node:crypto'
import type KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import type { Part } from '../part.ts'
import type { RealmRequest } from '../realm-request.ts'
import { flowLine, flowLines, type Flow, type FlowStep } from '../wanted-flows.ts'

/**
 * A way to sign in. One that is not as wanted is never mended in place, since everybody who signs in meanwhile would go through half
 * a flow: a new one is built beside it, the realm is pointed there, and then the old one goes, if it was ours.
 */
export function flowPart({ realm }: RealmRequest, flow: Flow): Part {
  const wanted = { steps: flowLines(flow.steps).join('\n') }
  return {
    name: `sign-in ${flow.alias}`,
    wanted: () => wanted,
    find: async (keycloak) => {
      const alias = await boundFlow(keycloak, realm, flow)
      return { steps: alias.startsWith(flow.alias) ? await foundLines(keycloak, realm, alias) : `(${alias})` }
    },
    // A realm has flows from its first moment, Keycloak's own.
    create: () => Promise.resolve(),
    change: async (keycloak) => {
      const before = await boundFlow(keycloak, realm, flow)
      const alias = `${flow.alias} ${randomBytes(3).toString('hex')}`
      await keycloak.authenticationManagement.createFlow({
        realm,
        alias,
        providerId: 'basic-flow',
        topLevel: true,
        builtIn: false,
        description: 'Made by pop realm apply',
      })
      await addSteps(keycloak, realm, alias, alias, flow.steps)
      await keycloak.realms.update({ realm }, { [flow.slot]: alias })
      if (before.startsWith(`${flow.alias} `)) await removeFlow(keycloak, realm, before)
    },
  }
}

async function boundFlow(keycloak: KeycloakAdminClient, realm: string, { slot }: Flow): Promise<string> {
  return (await keycloak.realms.findOne({ realm }))?.[slot] ?? ''
}

async function addSteps(
  keycloak: KeycloakAdminClient,
  realm: string,
  top: string,
  flow: string,
  steps: readonly FlowStep[],
): Promise<void> {
  const flows = keycloak.authenticationManagement
  for (const step of steps) {
    const alias = 'flow' in step ? `${top} ${step.flow}` : undefined
    if (alias === undefined) await flows.addExecutionToFlow({ realm, flow, provider: authenticatorOf(step) })
    else await flows.addFlowToFlow({ realm, flow, alias, type: 'basic-flow', provider: '', description: '' })
    // The last of those directly below this flow is the one just added.
    const added = (await flows.getExecutions({ realm, flow })).filter(({ level }) => level === 0).at(-1)
    if (added?.id === undefined) throw new TypeError('Keycloak lists no step where one was just added.')
    await flows.updateExecution({ realm, flow }, { ...added, requirement: step.requirement })
    if ('flow' in step) await addSteps(keycloak, realm, top, alias ?? '', step.steps)
    else if (step.config !== undefined)
      await flows.createConfig({ realm, id: added.id, alias: `${added.id} settings`, config: step.config })
  }
}

function authenticatorOf(step: FlowStep): string {
  return 'flow' in step ? '' : step.authenticator
}

async function foundLines(keycloak: KeycloakAdminClient, realm: string, flow: string): Promise<string> {
  const flows = keycloak.authenticationManagement
  const lines = []
  for (const step of await flows.getExecutions({ realm, flow })) {
    const { level = 0, requirement = '', providerId = '', authenticationConfig: id } = step
    const { config = {} } = id === undefined ? {} : await flows.getConfig({ realm, id })
    lines.push(flowLine(level, requirement, step.authenticationFlow === true ? 'flow' : providerId, config))
  }
  return lines.join('\n')
}

async function removeFlow(keycloak: KeycloakAdminClient, realm: string, alias: string): Promise<void> {
  const found = (await keycloak.authenticationManagement.getFlows({ realm })).find((flow) => flow.alias === alias)
  if (found?.id !== undefined) await keycloak.authenticationManagement.deleteFlow({ realm, flowId: found.id })
}
