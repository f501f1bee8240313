"""By which texts the records of an entity are found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Listed:
    """Texts of child rows, e.g. the channels of a contact.

    Attributes:
        key: the name of the list in a draft.
        table, parent, column: where the texts are, and the column that names the record.
    """

    key: str
    table: str
    parent: str
    column: str


@dataclass(frozen=True)
class Searchable:
    """What the search looks at.

    Attributes:
        names: columns with what people call the record (a text or a list of texts); they rank first.
        texts: other columns.
        named_by: columns that refer to another entity by whose names the record is found too: column to entity.
        listed: texts of child rows.
    """

    names: tuple[str, ...]
    texts: tuple[str, ...] = ()
    named_by: tuple[tuple[str, str], ...] = ()
    listed: tuple[Listed, ...] = ()

    @property
    def keys(self) -> frozenset[str]:
        """The columns and lists whose change changes what is found."""
        return frozenset(
            (
                *self.names,
                *self.texts,
                *(column for column, _ in self.named_by),
                *(child.key for child in self.listed),
                "archived_at",
            )
        )
