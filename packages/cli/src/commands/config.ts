import { Command } from 'commander'
import { printable } from '@pop-api/audit'
import { loadSettings, settingsJsonSchema, type Settings, type SettingsNote } from '@pop-api/settings'
import { findSettingsText, type SettingsText } from '../client/settings-text.ts'
import { CommandFailure, exitCodes, usageFailure } from '../command-failure.ts'
import { writeJson } from '../print/json-line.ts'
import { outline } from '../print/outline.ts'
import { printableLines } from '../print/safe-text.ts'
import type { Surroundings } from '../print/surroundings.ts'
import { faultLine, faultsOfCa, faultsOfStart } from '../up/find-settings.ts'
import { homePath } from '../up/home.ts'
import { hasFlag, textOption } from '../up/words.ts'

const fileWords = 'a pop.yaml; else ./pop.yaml, else the one in the home, else the built-in settings'

/** `pop config`: looks at a `pop.yaml` before anything is started with it. */
export function configCommand(around: Surroundings): Command {
  const config = new Command('config')
    .helpCommand(false)
    .summary('check or show the settings, or their schema')
    .description('Looks at settings.')
  return config.addCommand(checkCommand(around)).addCommand(showCommand(around)).addCommand(schemaCommand(around))
}

function checkCommand(around: Surroundings): Command {
  return new Command('check')
    .summary('every fault of a pop.yaml, with its line')
    .description(
      'Checks settings, and whether `pop up` would start with them on the home. The exit code is 0 for good ones, 2 for faults; ' +
        'warnings do not change it.',
    )
    .argument('[file]', fileWords)
    .option('--config <file>', 'the same as FILE')
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const found = await settingsText(file, command, around)
      const result = loadSettings(found.text)
      const ofStart = await faultsOfStart(result, homeOf(command, around))
      const faults = result.ok ? [...ofStart, ...(await faultsOfCa(result.settings))] : ofStart
      const warnings = result.ok ? result.warnings : []
      const idle = result.ok ? result.withoutEffect : []
      if (hasFlag(command, 'json')) {
        const report = { file: found.path ?? null, ok: faults.length === 0, faults, warnings, without_effect: idle }
        await writeJson(report, around.out)
      } else {
        const lines = [
          ...faults.map((fault) => faultLine(found.name, fault)),
          ...warnings.map((warning) => warningLine(found.name, warning)),
          ...idle.map(({ line, key }) => `${found.name}:${line}: ${key}: accepted, no effect yet`),
          ...(faults.length === 0 ? [`${found.name}: good`] : []),
        ]
        await around.out.writeLine(printableLines(lines.join('\n')))
      }
      if (faults.length > 0) throw usageFailure(`${found.name} has ${countOf(faults.length)}`)
    })
}

function showCommand(around: Surroundings): Command {
  return new Command('show')
    .summary('the settings in full, with every default')
    .description(
      'Shows settings with all defaults filled in. A secret is a reference to a file or a variable: that is shown.',
    )
    .argument('[file]', fileWords)
    .option('--config <file>', 'the same as FILE')
    .action(async (file: string | undefined, _options: unknown, command: Command) => {
      const found = await settingsText(file, command, around)
      const result = loadSettings(found.text)
      if (!result.ok) {
        const faults = result.faults.map((fault) => `\n${faultLine(found.name, fault)}`).join('')
        throw new CommandFailure(exitCodes.usage, `${found.name} has ${countOf(result.faults.length)}:${faults}`)
      }
      if (hasFlag(command, 'json')) await writeJson(result.settings, around.out)
      else await around.out.write(`# ${printable(found.name)}\n${printableLines(settingsLines(result.settings))}`)
    })
}

const schemaHelp = `
Example:
  pop config schema > pop.schema.json
and as the first line of pop.yaml, for editors with the YAML language server:
  # yaml-language-server: $schema=pop.schema.json
`

function schemaCommand({ out }: Surroundings): Command {
  return new Command('schema')
    .summary('the JSON Schema of pop.yaml, for editors')
    .description(
      'Writes the JSON Schema (2020-12) of pop.yaml. It knows keys and values; what two keys mean together only ' +
        '`pop config check` knows.',
    )
    .addHelpText('after', schemaHelp)
    .action(async (_options: unknown, command: Command) => {
      const schema = settingsJsonSchema()
      if (hasFlag(command, 'json')) await writeJson(schema, out)
      else await out.writeLine(JSON.stringify(schema, undefined, 2))
    })
}

/** Settings as a `pop.yaml` that means the same; what follows from its keys is told in a comment. */
function settingsLines({ mode, ...settings }: Settings): string {
  const inForce = outline(mode).trimEnd().split('\n').join(', ')
  return `${outline(settings)}# in force, of environments.${settings.environment}: ${inForce}\n`
}

function homeOf(command: Command, { environment }: Surroundings): string {
  return homePath(textOption(command, 'home'), environment)
}

async function settingsText(file: string | undefined, command: Command, around: Surroundings): Promise<SettingsText> {
  const option = textOption(command, 'config')
  if (file !== undefined && option !== undefined) throw usageFailure('give FILE or --config FILE, not both')
  return await findSettingsText(file ?? option, homeOf(command, around))
}

function warningLine(name: string, { line, key, message }: SettingsNote): string {
  return `${name}:${line}: warning: ${key}: ${message}`
}

function countOf(faults: number): string {
  return faults === 1 ? 'one fault' : `${faults} faults`
}
