"""Why an import cannot start at all. Nothing was written when one of these is raised."""

from evenhand.errors import EvenhandError


class NoImporter(EvenhandError):
    """No enabled plugin can read the file."""

    code = "NO_IMPORTER"


class BadMapping(EvenhandError):
    """A mapping names a header, a field or a unit that there is not."""

    code = "BAD_MAPPING"


class MissingColumns(EvenhandError):
    """No column means a field without which no record can be made."""

    code = "MISSING_COLUMNS"
