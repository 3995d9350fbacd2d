"""The Lua scripts, each behind the fence: a script that writes cannot forget it."""

from importlib import resources


def script(name: str) -> str:
    """The text of `lua/<name>.lua`, with the fence before it."""
    folder = resources.files(__package__).joinpath("lua")
    fence, own = (folder.joinpath(f"{part}.lua").read_text("ascii") for part in ("fence", name))
    return f"{fence}\n{own}"
