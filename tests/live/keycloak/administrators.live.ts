import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startPop, type Pop } from '@pop-api/testkit'

let pop: Pop
let alice = ''

before(async () => {
  pop = await startPop()
  alice = await pop.token('alice')
})

after(async () => {
  await pop[Symbol.asyncDispose]()
})

test('who has rights at Keycloak that are none of ours is reset by nobody from here, by whichever way they came', async () => {
  const { realm, admin } = pop.keycloak()
  const keycloak = await admin()
  const [administration] = await keycloak.clients.find({ realm, clientId: 'realm-management' })
  const clientUniqueId = administration?.id ?? ''
  const role = await keycloak.clients.findRole({ realm, id: clientUniqueId, roleName: 'realm-admin' })
  const roles = [{ id: role?.id ?? '', name: 'realm-admin' }]
  const add = async (username: string): Promise<string> =>
    (await keycloak.users.create({ realm, username, enabled: true })).id
  await keycloak.users.addClientRoleMappings({ realm, id: await add('boss-directly'), clientUniqueId, roles })
  const group = await keycloak.groups.create({ realm, name: 'bosses' })
  await keycloak.groups.addClientRoleMappings({ realm, id: group.id, clientUniqueId, roles })
  const below = await keycloak.groups.createChildGroup({ realm, id: group.id }, { name: 'below' })
  await keycloak.users.addToGroup({ realm, id: await add('boss-by-group'), groupId: below.id })
  await keycloak.roles.create({ realm, name: 'boss' })
  const boss = await keycloak.roles.findOneByName({ realm, name: 'boss' })
  const composite = { id: boss?.id ?? '', name: 'boss' }
  await keycloak.roles.createComposite({ realm, roleId: composite.id }, roles)
  await keycloak.users.addRealmRoleMappings({ realm, id: await add('boss-by-role'), roles: [composite] })
  for (const username of ['boss-directly', 'boss-by-group', 'boss-by-role'])
    for (const verb of ['reset-password', 'reset-2fa']) {
      const { status, body } = await pop.call(alice, 'POST', `/v1/pop/users/${username}/${verb}`, {})
      assert.deepEqual([status, body['code'], body['password']], [409, 'conflict', undefined], `${username} ${verb}`)
    }
})
