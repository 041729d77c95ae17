/** Han stands with both kinds of kana in Japanese names. */
const scripts = [
  /^[\p{Script=Latin}0-9._@+-]+$/u,
  /^[\p{Script=Greek}0-9._@+-]+$/u,
  /^[\p{Script=Cyrillic}0-9._@+-]+$/u,
  /^[\p{Script=Armenian}0-9._@+-]+$/u,
  /^[\p{Script=Georgian}0-9._@+-]+$/u,
  /^[\p{Script=Hebrew}0-9._@+-]+$/u,
  /^[\p{Script=Arabic}0-9._@+-]+$/u,
  /^[\p{Script=Devanagari}0-9._@+-]+$/u,
  /^[\p{Script=Thai}0-9._@+-]+$/u,
  /^[\p{Script=Hangul}0-9._@+-]+$/u,
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}0-9._@+-]+$/u,
]

/**
 * Whether we give somebody this name: letters of one script, digits of ASCII and `._@+-`, in the usual form of each character. Stricter
 * than UsernameCaseMapped of RFC 8265, which lets scripts be mixed.
 */
export function isSafeUsername(username: string): boolean {
  return username === username.normalize('NFKC') && scripts.some((script) => script.test(username))
}

/** Whether Keycloak would take this for the name of a client's own account. */
export function isServiceAccountName(username: string): boolean {
  return username.toLowerCase().startsWith('service-account-')
}

/** The same in ASCII: whoever reads it takes no character for another that looks alike. */
export function escapeText(text: string): string {
  return text.replace(/[^ -~]/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}
