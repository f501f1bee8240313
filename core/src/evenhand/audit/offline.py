"""Verify an export of the audit chain far from any database: `python offline.py EXPORT [--checkpoint FILE]…`.

It needs nothing but Python 3.9 or newer, so that a copy of this file and of the export is enough.
Exit code 0: the export is whole. 1: it is not, and the first broken link is named. 2: a file cannot be read.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

FORMAT = "evenhand-audit-export/1"
CHECKPOINT = "evenhand-audit-checkpoint/1"

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class NotWhole(Exception):
    """The export is not what was sealed.

    Attributes:
        number: the first broken link; None when it is none in particular.
    """

    def __init__(self, number: int | None, message: str) -> None:
        super().__init__(f"Link {number}: {message}" if number is not None else message)
        self.number = number


class Unreadable(Exception):
    """A file that is no export and no checkpoint."""


def canonical(value: Any) -> str:
    """JSON as the chain spells it, which is PostgreSQL's `jsonb`: keys by length and then by bytes, no exponents.

    Args:
        value: numbers with a fraction or an exponent as `Decimal`, see `parsed`.
    """
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, (int, Decimal)):
        return _number(value)
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return "{" + ", ".join(f"{_text(key)}: {canonical(value[key])}" for key in keys) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(canonical(item) for item in value) + "]"
    raise TypeError(f"JSON has no {type(value).__name__}")


def _text(value: str) -> str:
    return '"' + "".join(_ESCAPES.get(sign) or (f"\\u{ord(sign):04x}" if sign < " " else sign) for sign in value) + '"'


def _number(value: Any) -> str:
    if isinstance(value, int):
        return str(value)
    text = f"{value:f}"
    return text[1:] if value == 0 and text.startswith("-") else text


def parsed(text: str) -> Any:
    """JSON with its numbers exactly as they are written."""
    return json.loads(text, parse_float=Decimal)


def digest_of(content: str) -> bytes:
    """The digest of an entry's canonical text."""
    return hashlib.sha256(content.encode()).digest()


def link(before: bytes, number: int, digest: bytes) -> bytes:
    """The hash of a link: SHA-256 of the hash before, the number in 8 bytes and the digest."""
    return hashlib.sha256(before + number.to_bytes(8, "big", signed=True) + digest).digest()


def genesis(tenant: str) -> bytes:
    """The hash before the first link of a tenant's chain; the tenant by its id."""
    return hashlib.sha256(f"evenhand audit chain {tenant}".encode()).digest()


class Export:
    """An export that was opened.

    Attributes:
        redactions: by entry, from which digest to which it was redacted, as far as the export tells.
        removed_up_to: the last link whose entry retention may have removed.
    """

    def __init__(self, lines: Callable[[], Iterable[str]]) -> None:
        self._lines = lines
        self.head = next(iter(self._read()), {})
        if self.head.get("format") != FORMAT:
            raise Unreadable(f"The first line does not say {FORMAT}.")
        self.redactions: dict[str, dict[str, str]] = {}
        self.removed_up_to = 0
        for line in self.links():
            if line["kind"] in ("redaction", "retention") and line["content"] is not None:
                self._explain(line["kind"], _entry(line))

    def _explain(self, kind: str, entry: Mapping[str, Any]) -> None:
        if kind == "redaction":
            self.redactions.setdefault(entry["entry_id"], {})[entry["old_digest"]] = entry["new_digest"]
        else:
            self.removed_up_to = max(self.removed_up_to, entry["up_to_number"])

    def links(self) -> Iterator[dict[str, Any]]:
        """The links in order."""
        lines = iter(self._read())
        next(lines)
        yield from lines

    def _read(self) -> Iterator[dict[str, Any]]:
        for place, text in enumerate(self._lines(), start=1):
            try:
                line = json.loads(text)
            except ValueError as error:
                raise Unreadable(f"Line {place} is no JSON: {error}.") from error
            if not isinstance(line, dict):
                raise Unreadable(f"Line {place} is no JSON object.")
            yield line


def _entry(line: Mapping[str, Any]) -> Any:
    """The entry in the canonical text of a link."""
    return parsed(line["content"].partition(" ")[2])


def verify(export: Export, checkpoints: Iterable[Mapping[str, Any]] = ()) -> int:
    """Look at every link of an export.

    Args:
        checkpoints: those of the same tenant; one outside of the export's links is an error, not a proof.

    Returns: how many links there are.

    Raises:
        NotWhole: naming the first broken link.
    """
    tenant, number = str(export.head["tenant"]), int(export.head["from"]) - 1
    count = 0
    before = bytes.fromhex(export.head["before"])
    if number == 0 and before != genesis(tenant):
        raise NotWhole(None, "The chain does not begin as the chain of this tenant.")
    known = _hashes(checkpoints, tenant)
    for line in export.links():
        number, count = number + 1, count + 1
        if line.get("number") != number:
            raise NotWhole(number, "it is missing.")
        _check_content(line, export)
        digest = bytes.fromhex(line["digest"])
        if link(before, number, digest).hex() != line["hash"]:
            raise NotWhole(number, "its hash does not follow from the one before.")
        before = bytes.fromhex(line["hash"])
        if known.pop(number, before) != before:
            raise NotWhole(number, "a checkpoint names another hash: the chain was rewritten.")
    if number != export.head["to"]:
        raise NotWhole(number + 1, f"it is missing; the export ought to go on to {export.head['to']}.")
    if known:
        numbers = ", ".join(str(one) for one in sorted(known))
        raise NotWhole(None, f"The export has no link {numbers}, which a checkpoint knows.")
    return count


def _hashes(checkpoints: Iterable[Mapping[str, Any]], tenant: str) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for one in checkpoints:
        if one["tenant"] != tenant:
            raise NotWhole(None, f"A checkpoint is of tenant {one['tenant']}, the export of {tenant}.")
        value = bytes.fromhex(one["hash"])
        if found.setdefault(one["number"], value) != value:
            raise NotWhole(one["number"], "two checkpoints name different hashes.")
    return found


def _check_content(line: Mapping[str, Any], export: Export) -> None:
    number, content = line["number"], line["content"]
    if content is None:
        if line["kind"] != "audit" or number > export.removed_up_to:
            raise NotWhole(number, "its entry is missing, and no retention in this export removed it.")
        return
    kind, _, text = content.partition(" ")
    if kind != line["kind"]:
        raise NotWhole(number, f"it says {line['kind']}, its text {kind}.")
    entry = parsed(text)
    if canonical(entry) != text:
        raise NotWhole(number, "its text is not canonical.")
    if (entry.get("id"), entry.get("tenant_id")) != (line["entry"], export.head["tenant"]):
        raise NotWhole(number, "its text is of another entry.")
    digest, ways = line["digest"], dict(export.redactions.get(line["entry"], {}))
    while digest in ways:
        digest = ways.pop(digest)
    if digest_of(content).hex() != digest:
        raise NotWhole(number, "its entry was changed, and no redaction in this export says why.")


def read_checkpoints(text: str) -> list[dict[str, Any]]:
    """The checkpoints of a file: one JSON object, or one in each line.

    Raises:
        Unreadable: it is none.
    """
    try:
        try:
            found = [json.loads(text)]
        except ValueError:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
        for one in found:
            if one["format"] != CHECKPOINT:
                raise Unreadable(f"A checkpoint does not say {CHECKPOINT}.")
            int(one["number"]), bytes.fromhex(one["hash"]), str(one["tenant"])
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"This is no checkpoint: {error}.") from error
    return found


def _lines_of(path: Path) -> Callable[[], Iterable[str]]:
    def lines() -> Iterator[str]:
        with path.open(encoding="utf-8") as file:
            yield from file

    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script. Returns: the exit code."""
    parser = argparse.ArgumentParser(description="Verify an export of the audit chain, without a database.")
    parser.add_argument("export", type=Path, help="what `evenhand audit export` wrote")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[], help="a checkpoint that was kept")
    options = parser.parse_args(arguments)
    try:
        checkpoints = [one for path in options.checkpoint for one in read_checkpoints(path.read_text("utf-8"))]
        export = Export(_lines_of(options.export))
        count = verify(export, checkpoints)
    except NotWhole as broken:
        sys.stdout.write(f"BROKEN. {broken}\n")
        return 1
    except (OSError, Unreadable, KeyError, TypeError, ValueError) as error:
        sys.stderr.write(f"Cannot be read: {error}\n")
        return 2
    part = f"{export.head['from']} to {export.head['to']}"
    sys.stdout.write(f"Whole: {count} links, {part}; {len(checkpoints)} checkpoints agree.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
