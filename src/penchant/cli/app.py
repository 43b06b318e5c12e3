"""The command `penchant`: its groups, and how errors leave it.

Everything a command needs is imported inside the command, so that help answers at once.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from penchant.cli import about, advise, analyse, change, data, demo, evaluate, recommend, serve, train, tune
from penchant.cli.output import write_object
from penchant.errors import PenchantError, UnknownName, UsageError


class Group(TyperGroup):
    """A group of commands that answers an unknown one with the nearest that exists."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that `args` begin with."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            raise UnknownName("command", args[0], self.commands)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    cls=Group, name="penchant", rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False,
    help="What people did, said and wrote in; what each of them would like out.",
    epilog="Exit code 0: done; 1: failed; 2: wrong use. Every command has --json and --help.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)  # fmt: skip


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """What people did, said and wrote in; what each of them would like out."""
    if version:
        from penchant import __version__

        sys.stdout.write(f"penchant {__version__}\n")
    elif context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")


demo.add_to(app)
about.add_to(app)
app.add_typer(data.group(Group))
train.add_to(app)
tune.add_to(app)
advise.add_to(app)
evaluate.add_to(app)
analyse.add_to(app)
recommend.add_to(app)
change.add_to(app)
serve.add_to(app)


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    code = answer(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def answer(arguments: list[str]) -> int:
    """Run the command line; returns its exit code. Errors are one line and a hint on stderr."""
    command = typer.main.get_command(app)
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    try:
        code = command.main(arguments, prog_name="penchant", standalone_mode=False)
        if code == 130:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (Exception, KeyboardInterrupt) as failure:
        if type(failure).__name__ == "NoArgsIsHelpError":  # a group by its name alone: its help
            sys.stdout.write(failure.ctx.get_help() + "\n")  # type: ignore[union-attr]
            return 0
        if "--debug" in options:
            import traceback

            traceback.print_exception(failure, file=sys.stderr)
        error = explained(failure)
        sys.stderr.write(f"error: {_line(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {_line(error.hint)}\n")
        if "--json" in options:
            write_object({"error": error.message, "hint": error.hint, "exit_code": error.exit_code}, sys.stdout)
        return error.exit_code


def explained(failure: BaseException) -> PenchantError:
    """Any failure as an error that a person can read."""
    if isinstance(failure, PenchantError):
        return failure
    if isinstance(failure, KeyboardInterrupt | typer.Abort):
        return PenchantError("stopped")
    if isinstance(failure, MemoryError):
        return PenchantError("out of memory", "smaller settings, fewer events, or a machine with more of it")
    if type(failure).__name__ == "NoSuchOption":
        known = [name for option in failure.ctx.command.params for name in option.opts]  # type: ignore[attr-defined]
        return UnknownName("option", failure.option_name, known)  # type: ignore[attr-defined]
    if isinstance(failure, typer.TyperException):
        message = failure.format_message()
        context = getattr(failure, "ctx", None)
        hint = f"{context.command_path} --help shows what it takes" if context is not None else None
        return UsageError(message[:1].lower() + message[1:].rstrip("."), hint)
    if isinstance(failure, OSError):
        where = f" {failure.filename}" if failure.filename else ""
        return PenchantError(f"the system refused{where}: {(failure.strerror or str(failure)).lower()}")
    return PenchantError(
        f"this should not happen: {type(failure).__name__}: {failure}",
        "please report it with the output of `penchant doctor`; --debug shows where",
    )


def _line(text: str) -> str:
    return " ".join(text.split())
