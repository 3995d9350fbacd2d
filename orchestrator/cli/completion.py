"""`completion`: a script that completes commands, options, choices and files in a shell, made from the parser itself.

Guarantees: it knows exactly the commands and options of this version, and runs nothing of ours when it completes.
"""

import argparse
import shlex
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.cli.codes import OK

BASH = """\
_mute_orchestrator() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words=%(commands)s
    else
        case "${COMP_WORDS[1]} $prev" in
%(values)s
        esac
        [ -n "$words" ] || case "${COMP_WORDS[1]}" in
%(options)s
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o filenames -F _mute_orchestrator mute-orchestrator
"""

ZSH = """\
#compdef mute-orchestrator
_mute_orchestrator() {
    local -a commands=(
%(commands)s
    )
    if (( CURRENT == 2 )); then
        _describe command commands
        return
    fi
    local command=$words[2]
    shift words
    (( CURRENT-- ))
    case $command in
%(options)s
    esac
}
if [ "$funcstack[1]" = _mute_orchestrator ]; then
    _mute_orchestrator "$@"
else
    compdef _mute_orchestrator mute-orchestrator
fi
"""


def take_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=("bash", "zsh"))


def run(args: argparse.Namespace) -> int:
    print(script(args.whole(), args.shell), end="")
    return OK


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    return _bash(parser) if shell == "bash" else _zsh(parser)


def _bash(parser: argparse.ArgumentParser) -> str:
    commands = _commands(parser)
    return BASH % {
        "commands": shlex.quote(" ".join(commands)),
        "values": "\n".join(
            f"            {'|'.join(after)}) {does} ;;" for does, after in _bash_values(commands).items()
        ),
        "options": "\n".join(
            f"            {name}) words={shlex.quote(' '.join(_bash_words(of)))} ;;" for name, of in commands.items()
        ),
    }


def _bash_words(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings or map(str, action.choices or ())


def _bash_values(commands: Mapping[str, argparse.ArgumentParser]) -> dict[str, list[str]]:
    """What is done about the value of an option, and after which command and option."""
    after = defaultdict[str, list[str]](list)
    for name, parser in commands.items():
        for action in parser._actions:
            if action.option_strings and action.nargs != 0:
                after[_bash_value(action)] += [shlex.quote(f"{name} {option}") for option in action.option_strings]
    return after


def _bash_value(action: argparse.Action) -> str:
    if action.type is Path:
        return """local IFS=$'\\n'; COMPREPLY=($(compgen -f -- "$cur")); return"""
    return f"words={shlex.quote(' '.join(map(str, action.choices)))}" if action.choices else "return"


def _zsh(parser: argparse.ArgumentParser) -> str:
    commands = _commands(parser)
    return ZSH % {
        "commands": "\n".join(
            f"        {shlex.quote(name + ':' + _plain(of.description))}" for name, of in commands.items()
        ),
        "options": "\n".join(
            f"        {name}) _arguments {' '.join(map(shlex.quote, _zsh_specs(of)))} ;;"
            for name, of in commands.items()
        ),
    }


def _zsh_specs(parser: argparse.ArgumentParser) -> Iterator[str]:
    expanded = parser._get_formatter()._expand_help
    for action in parser._actions:
        value = f":{action.metavar or action.dest}:{_zsh_value(action)}"
        if not action.option_strings:
            yield value
        for option in action.option_strings:
            does = _plain(expanded(action) if action.help else "")
            yield f"{option}[{does}]{'' if action.nargs == 0 else value}"


def _zsh_value(action: argparse.Action) -> str:
    if action.type is Path:
        return "_files"
    return f"({' '.join(map(str, action.choices))})" if action.choices else " "


def _plain(text: str | None) -> str:
    """Without what zsh's descriptions are written with."""
    return "".join("(" if letter == "[" else ")" if letter == "]" else letter for letter in text or "").replace(
        ":", ","
    )


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    (commands,) = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(commands.choices)
