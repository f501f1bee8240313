"""Where figures are printed."""

from rich.console import Console

console = Console()
if not console.is_terminal:
    # The tables are wide; in a file nothing need be cut off.
    console.width = 160
