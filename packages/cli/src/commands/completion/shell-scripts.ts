import type { CompletedCommand, CompletedOption } from './completion-tree.ts'

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** The script that completes `pop` in a shell. Names and options are letters, digits and hyphens; descriptions are quoted. */
export function completionScript(shell: Shell, tree: readonly CompletedCommand[]): string {
  const make = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell]
  return `# Completion of pop for ${shell}, made by \`pop completion ${shell}\`.\n${make(tree)}`
}

function bashScript(tree: readonly CompletedCommand[]): string {
  return `_pop() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at='' word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$at $word" in
      ${placePatterns(tree)}) at="$at $word" ;;
    esac
  done
  case "$at $previous" in
${valueCases(tree, { file: 'compopt -o default; COMPREPLY=(); return', folder: 'compopt -o dirnames; COMPREPLY=(); return', text: 'COMPREPLY=(); return' })}
  esac
  case "$at" in
${tree.map((command) => `    ${quote(at(command.place))}) word=${quote(wordsOf(command).join(' '))} ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$word" -- "$current"))
}
complete -F _pop pop
`
}

function zshScript(tree: readonly CompletedCommand[]): string {
  const described = (command: CompletedCommand): string =>
    [
      ...command.commands.map(({ name, summary }) => [name, summary] as const),
      ...command.choices.map((choice) => [choice, ''] as const),
      ...command.options.map(({ long, description }) => [long, description] as const),
    ]
      .map(([word, text]) => quote(text === '' ? word : `${word}:${text}`))
      .join(' ')
  return `_pop() {
  local at='' word
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$at $word" in
      (${placePatterns(tree)}) at="$at $word" ;;
    esac
  done
  case "$at \${words[CURRENT-1]}" in
${valueCases(tree, { file: '_files; return', folder: '_files -/; return', text: 'return' })}
  esac
  case "$at" in
${tree.map((command) => `    ${quote(at(command.place))}) found=(${described(command)}) ;;`).join('\n')}
  esac
  _describe -t commands pop found
}
compdef _pop pop
`
}

function fishScript(tree: readonly CompletedCommand[]): string {
  const lines = tree.flatMap((command) => {
    const condition = `-n ${quote(`test "$(__pop_at)" = "${at(command.place)}"`)}`
    const word = (name: string, text: string): string =>
      `complete -c pop ${condition} -a ${quote(name)}${text === '' ? '' : ` -d ${quote(text)}`}`
    return [
      ...command.commands.map(({ name, summary }) => word(name, summary)),
      ...command.choices.map((choice) => word(choice, '')),
      ...command.options.map((option) => `complete -c pop ${condition} ${fishOption(option)}`),
    ]
  })
  return `function __pop_at
  set -l at ''
  for word in (commandline -opc)[2..]
    switch "$at $word"
      case ${tree.flatMap(({ place }) => (place === '' ? [] : [quote(at(place))])).join(' ')}
        set at "$at $word"
    end
  end
  echo $at
end
complete -c pop -f
${lines.join('\n')}
`
}

function fishOption({ long, short, description, value }: CompletedOption): string {
  const values = { none: '', text: ' -x', file: ' -rF', folder: " -x -a '(__fish_complete_directories)'" }[value]
  const letter = short === undefined ? '' : ` -s ${short.slice(1)}`
  return `-l ${long.slice(2)}${letter}${values} -d ${quote(description)}`
}

/** What a shell keeps of the words before: a space before each. */
function at(place: string): string {
  return place === '' ? '' : ` ${place}`
}

function placePatterns(tree: readonly CompletedCommand[]): string {
  return tree.flatMap(({ place }) => (place === '' ? [] : [quote(at(place))])).join('|')
}

/** Cases of options whose value comes next, by what the value is. */
function valueCases(
  tree: readonly CompletedCommand[],
  actions: Readonly<Record<Exclude<CompletedOption['value'], 'none'>, string>>,
): string {
  const kinds = ['file', 'folder', 'text'] as const
  return kinds
    .flatMap((kind) => {
      const names = tree.flatMap(({ place, options }) =>
        options
          .filter(({ value }) => value === kind)
          .flatMap(({ long, short }) => [long, short ?? []].flat())
          .map((name) => quote(`${at(place)} ${name}`)),
      )
      return names.length === 0 ? [] : [`    ${names.join('|')}) ${actions[kind]} ;;`]
    })
    .join('\n')
}

function wordsOf({ commands, choices, options }: CompletedCommand): readonly string[] {
  return [...commands.map(({ name }) => name), ...choices, ...options.map(({ long }) => long)]
}

/** A word of any of the three shells, taken as it stands. */
function quote(text: string): string {
  // fish knows \\' inside single quotes, the others do not; ending and reopening the quotes is understood by all.
  return `'${text.replaceAll("'", `'"'"'`)}'`
}
