/** `crypto completion`: scripts that let a shell ask the program how a line could go on. */
import { buildCommand, type Command } from "../core/command.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { type ClientContext, COMPLETE } from "./flags.ts";

const SCRIPTS = {
  bash: `_crypto() {
  local IFS=$'\\n'
  COMPREPLY=($(crypto ${COMPLETE} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -o bashdefault -F _crypto crypto
`,
  zsh: `#compdef crypto
_crypto() {
  local -a proposals
  proposals=("\${(@f)$(crypto ${COMPLETE} "\${(@)words[2,$CURRENT]}" 2>/dev/null)}")
  if [[ -n "$proposals" ]]; then compadd -a proposals; else _files; fi
}
if [[ "$funcstack[1]" = _crypto ]]; then _crypto "$@"; else compdef _crypto crypto; fi
`,
  fish: `function __crypto_complete
  set -l words (commandline -opc) (commandline -ct)
  crypto ${COMPLETE} $words[2..-1] 2>/dev/null
end
complete -c crypto -a '(__crypto_complete)'
`,
} as const;

type Shell = keyof typeof SCRIPTS;

/** `crypto completion` */
export const completionCommand: Command<ClientContext> = buildCommand({
  func(this: ClientContext, _flags: Record<never, never>, shell: Shell) {
    dropAllPermissions();
    this.print(SCRIPTS[shell]);
  },
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        brief: "bash, zsh or fish",
        placeholder: "shell",
        parse: readShell,
        proposeCompletions: () => Object.keys(SCRIPTS),
      }],
    },
  },
  docs: {
    brief: "Print a script for completion in bash, zsh or fish",
    customUsage: [
      { input: "bash > ~/.local/share/bash-completion/completions/crypto", brief: "bash" },
      { input: "zsh > ~/.zfunc/_crypto", brief: "zsh, with ~/.zfunc in $fpath" },
      { input: "fish > ~/.config/fish/completions/crypto.fish", brief: "fish" },
    ],
  },
});

function readShell(text: string): Shell {
  if (Object.hasOwn(SCRIPTS, text)) return text as Shell;
  throw new Error("the shells are bash, zsh and fish");
}
