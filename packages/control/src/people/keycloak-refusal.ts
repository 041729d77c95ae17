import { NetworkError } from '@keycloak/keycloak-admin-client'
import { isJsonObject, isPlainText, PopError } from '@pop-api/protocol'

/** There are no users here that could be managed, or not in this way. `detail` says what to do. */
export function notManaged(detail: string, cause?: unknown): PopError {
  return new PopError('users-not-managed', detail, { cause })
}

/** What it means that Keycloak does not let control's own client in. */
export function signInRefusal(failure: unknown): PopError {
  const status = statusOf(failure)
  if (status === 404) return notManaged('Keycloak has no realm of this name: run pop realm apply.', failure)
  if (status === 400 || status === 401)
    return notManaged('Keycloak does not let control in: run pop realm apply, which gives it a new secret.', failure)
  return refusalOf(failure)
}

/**
 * What a failed call means to an operator: `users-not-managed` where control lacks rights, `body-invalid` for what Keycloak's own rules
 * refuse, `resource-exists`, `resource-not-found` for somebody who is gone; all else is `identity-unavailable`. A PopError stays.
 */
export function refusalOf(failure: unknown): PopError {
  if (failure instanceof PopError) return failure
  switch (statusOf(failure)) {
    case 400:
      return new PopError('body-invalid', `Keycloak does not take this: ${saidOf(failure)}.`, { cause: failure })
    case 403:
      return notManaged(
        'Keycloak does not allow this to control: run pop realm apply, which gives its rights.',
        failure,
      )
    case 404:
      return new PopError('resource-not-found', 'Keycloak knows this user no more.', { cause: failure })
    case 409:
      return new PopError('resource-exists', 'Keycloak has a user of this name or e-mail address.', { cause: failure })
    default:
      return unavailable('Keycloak does not answer, or not as it should.', failure)
  }
}

/** Keycloak answered something else than its API says. */
export function garbled(what: string): PopError {
  return unavailable(
    'Keycloak does not answer as it should.',
    new Error(`Keycloak answered ${what} that cannot be read.`),
  )
}

/** What a failed call means, with a sentence before it: what was done before it failed. */
export function after(done: string, failure: unknown): PopError {
  const { code, message, headers, members, cause } = refusalOf(failure)
  return new PopError(code, `${done} ${message}`, { cause, headers, members })
}

/** True where nobody knows whether Keycloak did what it was asked. */
export function isUnknown(failure: unknown): boolean {
  return refusalOf(failure).code === 'identity-unavailable'
}

function unavailable(detail: string, cause: unknown): PopError {
  return new PopError('identity-unavailable', detail, { cause, headers: { 'retry-after': '5' } })
}

function statusOf(failure: unknown): number | undefined {
  return failure instanceof NetworkError ? failure.response.status : undefined
}

/** Keycloak's reason: of a password its rule in words, of a field its name and the word for the rule. Never what was sent. */
function saidOf(failure: unknown): string {
  const data: unknown = failure instanceof NetworkError ? failure.responseData : undefined
  const { error, error_description: description, errorMessage, field } = isJsonObject(data) ? data : {}
  if (isWord(error) && error.startsWith('invalidPassword') && isPlainText(description, 200))
    return description.replace(/\.$/, '')
  if (isWord(field) && isWord(errorMessage)) return `${field}, ${errorMessage}`
  return 'it gives no reason that could be shown'
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z][\w.-]{0,63}$/.test(value)
}

/** For a change of what users may do that would come too late. */
export function rightsBusy(): PopError {
  const detail = 'Another change of what users may do is still under way at Keycloak: nothing was changed, try again.'
  return new PopError('identity-unavailable', detail, { headers: { 'retry-after': '5' } })
}
