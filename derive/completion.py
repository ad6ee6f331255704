"""Completion scripts for shells, made from the table of commands in `cli`."""

from __future__ import annotations

from .cli import COMMANDS
from .errors import DeriveError

SHELLS = ("bash", "zsh", "fish")


def completion(shell: str) -> str:
    """The script that completes commands, options and formats in a shell.

    Examples
    --------
    >>> print(completion("bash").splitlines()[-1])
    complete -o default -F _derive derive
    """
    if shell not in SHELLS:
        raise DeriveError(f"no completion for {shell}", hint=f"one of {', '.join(SHELLS)}")
    if shell == "fish":
        return _fish()
    cases = []
    for name, command in COMMANDS.items():
        values = [f"{key}) words='{' '.join(o.choices)}' ;;" for key, o in command.options.items() if o.choices]
        fallback = " ".join(command.options) if name != "completion" else " ".join(SHELLS)
        inner = " ".join([*values, f"*) words='{fallback} --help' ;;"])
        cases.append(f'        {name}) case "$before" in {inner} esac ;;')
    lines = [
        "# bash completion for derive; load it with:  source <(derive completion bash)",
        "_derive() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
        '    case "${COMP_WORDS[1]}" in',
        *cases,
        "    esac",
        f'    if [ "$COMP_CWORD" -eq 1 ]; then words="{" ".join(COMMANDS)} --help --version"; fi',
        '    if [ "$before" = -o ] || [ "$before" = --code ]; then words=""; fi',
        '    COMPREPLY=( $(compgen -W "$words" -- "$word") )',
        "}",
        "complete -o default -F _derive derive",
    ]
    if shell == "zsh":
        lines[0] = "# zsh completion for derive; load it with:  source <(derive completion zsh)"
        lines.insert(1, "autoload -U +X bashcompinit && bashcompinit")
    return "\n".join(lines) + "\n"


def _fish() -> str:
    lines = ["# fish completion for derive; load it with:  derive completion fish | source"]
    for name, command in COMMANDS.items():
        lines.append(f"complete -c derive -n __fish_use_subcommand -f -a {name} -d '{command.help}'")
        for key, option in command.options.items():
            flag = f"-l {key[2:]}" if key.startswith("--") else f"-s {key[1:]}"
            value = " -x -a '" + " ".join(option.choices) + "'" if option.choices else " -r" if option.value else ""
            lines.append(f"complete -c derive -n '__fish_seen_subcommand_from {name}' {flag}{value} -d '{option.help}'")
    return "\n".join(lines) + "\n"
