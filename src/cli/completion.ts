import type { Command, Option } from 'commander';

/** What can be completed, as commander knows it. */
export interface CommandSpec {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionSpec[];
  /** Words that its argument can be; empty where it is a file. */
  readonly words: readonly string[];
}

export interface OptionSpec {
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly values: readonly string[];
}

/** Values of options, and arguments of commands, that commander does not know: by long flag, and by command. */
export interface Extra {
  readonly options: Readonly<Record<string, readonly string[]>>;
  readonly commands: Readonly<Record<string, readonly string[]>>;
}

export function specOf(program: Command, extra: Extra): CommandSpec[] {
  const option = (o: Option): OptionSpec => ({
    flags: [o.long, o.short].filter(flag => flag != null),
    description: o.description,
    // The glob of --freeze-initializers comes after '=': the next word is not its value.
    takesValue: o.required,
    values: o.argChoices ?? extra.options[o.long ?? ''] ?? [],
  });
  const help: OptionSpec = { flags: ['--help', '-h'], description: 'show help', takesValue: false, values: [] };
  return program.commands.map(c => ({
    name: c.name(),
    description: c.description(),
    options: [...c.options.map(option), help],
    words: extra.commands[c.name()] ?? [],
  }));
}

export const shells: Readonly<Record<string, (commands: readonly CommandSpec[]) => string>> = { bash, zsh, fish };

/** `case`: a word of the command line → what may follow it. */
function bash(commands: readonly CommandSpec[]): string {
  const perCommand = commands.map(c => {
    const values = c.options.flatMap(o => (o.takesValue ? [`      ${o.flags.join('|')}) ${reply(o.values)} ;;`] : []));
    const flags = c.options.flatMap(o => o.flags.filter(flag => flag.startsWith('--')));
    return `  ${c.name})
    case $previous in
${values.join('\n')}
      *) if [[ $word == -* ]]; then ${reply(flags)}; else ${reply(c.words)}; fi ;;
    esac ;;`;
  });
  return `# bash completion for funnel. To use it: source <(funnel completion bash)
_funnel() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then ${reply([...commands.map(c => c.name), '--help', '--version'])}; return; fi
  case $command in
${perCommand.join('\n')}
  esac
}
complete -o bashdefault -o default -F _funnel funnel
`;
}

/** Without words, bash falls back to file names. */
function reply(words: readonly string[]): string {
  return words.length === 0 ? 'COMPREPLY=()' : `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word"))`;
}

function zsh(commands: readonly CommandSpec[]): string {
  const perCommand = commands.map(c => {
    const options = c.options.flatMap(o => o.flags.map(flag => `      ${quote(optionSpec(flag, o))}`));
    const argument = c.words.length > 0 ? `(${c.words.join(' ')})` : '_files';
    return `    ${c.name}) _arguments \\\n${[...options, `      ${quote(`*: :${argument}`)}`].join(' \\\n')} ;;`;
  });
  return `#compdef funnel
# zsh completion for funnel. To use it: source <(funnel completion zsh)
_funnel() {
  local -a commands=(
${commands.map(c => `    ${quote(`${c.name}:${c.description}`)}`).join('\n')}
  )
  if ((CURRENT == 2)); then _describe command commands; return; fi
  local command=$words[2]
  shift words; ((CURRENT--))
  case $command in
${perCommand.join('\n')}
  esac
}
if [[ $funcstack[1] == _funnel ]]; then _funnel "$@"; else compdef _funnel funnel; fi
`;
}

function optionSpec(flag: string, { description, takesValue, values }: OptionSpec): string {
  const value = takesValue ? `: :${values.length > 0 ? `(${values.join(' ')})` : '_files'}` : '';
  return `${flag}[${description.replace(/[[\]:]/g, '\\$&')}]${value}`;
}

function fish(commands: readonly CommandSpec[]): string {
  const lines = commands.flatMap(c => {
    const within = `complete -c funnel -n ${quote(`__fish_seen_subcommand_from ${c.name}`)}`;
    const options = c.options.map(o => {
      const flags = o.flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
      const value = o.takesValue ? (o.values.length > 0 ? ` -x -a ${quote(o.values.join(' '))}` : ' -r') : '';
      return `${within} ${flags}${value} -d ${quote(o.description)}`;
    });
    const words = c.words.length > 0 ? [`${within} -f -a ${quote(c.words.join(' '))}`] : [];
    return [`complete -c funnel -n __fish_use_subcommand -f -a ${c.name} -d ${quote(c.description)}`, ...options, ...words];
  });
  return `# fish completion for funnel. To use it: funnel completion fish | source\n${lines.join('\n')}\n`;
}

/** A word in single quotes, as all three shells read it but for a quote itself. */
function quote(text: string): string {
  return `'${text.replaceAll("'", '’')}'`;
}
