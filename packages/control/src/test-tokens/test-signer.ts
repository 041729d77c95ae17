import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { keyIdOf } from '@pop-api/keyring'
import { testIssuer, type TokenSigner, type TrustSection } from '@pop-api/protocol'
import { publicJwk } from '../authority/authority.ts'

/** The key of test tokens: in memory alone, and only while the settings in force allow them. */
export interface TestSigner {
  /** The key, made at the first call that allows it; a call that does not lets go of it for good. */
  readonly present: (isAllowed: boolean) => TokenSigner | undefined
}

/** Makes the holder of the key. There is no key yet, and never one on a disk: a restart ends every test token. */
export function createTestSigner(): TestSigner {
  let held: TokenSigner | undefined
  return {
    present: (isAllowed) => {
      held = isAllowed ? (held ?? newSigner()) : undefined
      return held
    },
  }
}

/** The member of the trust section that lists the key; nothing where there is none. */
export function testKeysOf(signer: TokenSigner | undefined): Pick<TrustSection, 'test_keys'> {
  if (signer === undefined) return {}
  const { kid, privateKey } = signer
  return { test_keys: [{ kid, state: 'active', jwk: publicJwk(createPublicKey(privateKey)), owner: testIssuer }] }
}

function newSigner(): TokenSigner {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { kid: keyIdOf(privateKey), privateKey }
}
