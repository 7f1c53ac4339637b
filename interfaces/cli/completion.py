"""`completion`: what makes a shell complete the words of this command."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: echo 'eval "$(scheduler completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(scheduler completion zsh)"' >> ~/.zshrc
    fish: scheduler completion fish > ~/.config/fish/completions/scheduler.fish
    """
    from click.shell_completion import get_completion_class

    make = get_completion_class(shell)
    if make is None:
        raise click.UsageError(f"There is no completion for {shell}.")
    click.echo(make(ctx.find_root().command, {}, "scheduler", "_SCHEDULER_COMPLETE").source())
