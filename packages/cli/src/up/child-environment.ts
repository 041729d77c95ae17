/** What every program may know of the environment; a secret of the operator's shell is in none of these. */
const passed =
  'PATH HOME USER LOGNAME LANG LC_ALL LC_CTYPE TZ TMPDIR NO_COLOR NODE_OPTIONS NODE_EXTRA_CA_CERTS SSL_CERT_FILE SSL_CERT_DIR'

/** The environment of a child: a short list of plain names, the `secrets` it is entitled to, and what is `added` for it. */
export function childEnvironment(
  environment: Readonly<NodeJS.ProcessEnv>,
  secrets: readonly string[],
  added: Readonly<Record<string, string>> = {},
): NodeJS.ProcessEnv {
  const names = [...passed.split(' '), ...secrets].filter((name) => environment[name] !== undefined)
  return { ...Object.fromEntries(names.map((name) => [name, environment[name]])), ...added }
}
