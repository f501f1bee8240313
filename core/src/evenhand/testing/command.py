"""The command line, as a person types it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from evenhand.db.config import DatabaseConfig


class Command:
    """Runs `evenhand` in a process of its own, with the tests' database in the environment.

    Args:
        folder: takes the place of the data directory.
    """

    def __init__(self, database: DatabaseConfig, folder: Path) -> None:
        url = f"postgresql://{database.user}@/{database.database}?host={database.host}&port={database.port}"
        self.environment = {**os.environ, "DATABASE_URL": url, "EVENHAND_DATA": str(folder), "COLUMNS": "200"}

    def __call__(self, *words: str, code: int = 0, **environment: str) -> str:
        """Everything that the command says; another exit code than `code` fails the test."""
        done = subprocess.run(
            [sys.executable, "-c", "from evenhand.cli.main import main; main()", *words],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        assert done.returncode == code, output
        assert "Traceback" not in output
        return output
