import { PopError } from '@pop-api/protocol'

/** What the gateway itself found wrong with a sign-in; everything else the identity provider knows. */
export type SignInFault = 'second-factor-missing' | 'second-factor-unproven' | 'session-ended' | 'locked'

/** A sign-in that was refused here. The client is told what it is told of a wrong password, the metrics what it was. */
export class SignInRefused extends PopError {
  readonly fault: SignInFault

  constructor(fault: SignInFault, cause?: unknown) {
    super('sign-in-refused', 'The credentials are not valid.', { cause })
    this.fault = fault
  }
}
