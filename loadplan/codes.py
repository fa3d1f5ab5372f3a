"""Every error code a user can meet, with what it means and the way out: the text of `loadplan explain CODE`.

Codes are stable: a code is never given another meaning. Ranges:
LP01xx the YAML door · LP02xx the plan's shape and meaning · LP03xx data files · LP04xx orgs and credentials ·
LP05xx a run (gates, locks, unknown outcomes) · LP06xx this machine ·
LP09xx part of the contract, not in this version yet.
`docs/reference/error-codes.md` is generated from this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Explanation:
    """`title` is one line without a full stop; `meaning` says why it is an error; `way_out` says what to do;
    `example` is optional text shown as a block (wrong and right, for instance)."""

    title: str
    meaning: str
    way_out: str
    example: str = ""


CODES: dict[str, Explanation] = {
    "LP0101": Explanation(
        "the file is not YAML",
        "The YAML parser stopped before the end of the file, so nothing in it can be trusted.",
        "Mend the syntax at the place shown. A tab used for indentation and an unclosed quote are the usual causes.",
    ),
    # -- LP03xx data files ------------------------------------------------------------------------------------------
    "LP0301": Explanation(
        "the source file does not exist",
        "A step names a file that is not there. Paths are relative to the plan's folder.",
        "Correct the path, or put the file where the plan expects it.",
    ),
    "LP0302": Explanation(
        "the source file cannot be read",
        "The file is there, but opening or reading it failed: it may be a folder, or not yours to read.",
        "Check its permissions with `ls -l`.",
    ),
    "LP0303": Explanation(
        "the file is not in the encoding it is read with",
        "A byte has no meaning in the encoding. Reading on would replace characters, so nothing is sent.",
        "Name the encoding of the file in the step's source, or save the file as UTF-8.",
        "source: {path: data/contacts.csv, encoding: cp1252}",
    ),
    "LP0304": Explanation(
        "the encoding has no such name",
        "The source names a text encoding that Python does not know.",
        "Use a known name, such as utf-8, utf-16, cp1252 or iso-8859-15.",
    ),
    "LP0305": Explanation(
        "the gzip file is damaged or cut short",
        "The compressed file ends before its end mark, or its checksum does not fit. Rows may be missing.",
        "Copy the file again. `gzip -t FILE` tests it.",
    ),
    "LP0306": Explanation(
        "the source file is empty",
        "There is no header, so no column has a name.",
        "Write a header row; check the job that makes the file.",
    ),
    "LP0307": Explanation(
        "the source has a header and no rows",
        "A file without rows is more often a broken export than a wish to load nothing.",
        "Give it rows, or take the step out of the plan. The result of a query step may be without rows.",
    ),
    "LP0308": Explanation(
        "the header names a column twice",
        "With two columns of one name nobody can say which one is meant.",
        "Rename one of them in the file.",
    ),
    "LP0309": Explanation(
        "a column of the header has no name",
        "Every column needs a name. Spreadsheets often leave empty columns at the end.",
        "Name the column, or remove it.",
    ),
    "LP0310": Explanation(
        "the header is too long",
        "Salesforce takes a header of at most 32,000 characters.",
        "Split the object's fields over two steps.",
    ),
    "LP0311": Explanation(
        "a row has more or fewer cells than the header",
        "Values would end up in the wrong fields. The usual cause is a delimiter or line break in an unquoted cell.",
        "Quote the cell that holds the delimiter or the line break, or correct the step's `delimiter`.",
    ),
    "LP0312": Explanation(
        "a blank line stands between rows",
        "A blank line is either a mistake or, in a file of one column, an empty value: loadplan does not guess.",
        'Remove the line, or write `""` for an empty value. Blank lines at the end of the file do no harm.',
    ),
    "LP0313": Explanation(
        "a quote is never closed",
        "All rows after the quote would be read as one cell.",
        'Close the quote. A quote inside a quoted cell is written twice: `"5"" pipe"`.',
    ),
    "LP0314": Explanation(
        "a quote stands where it cannot",
        "A quote either opens a cell as its first character, or is doubled inside a quoted cell.",
        "Quote the whole cell and double the quotes inside, or name another `quote` for the source.",
        'wrong: 5" pipe\nright: "5"" pipe"',
    ),
    "LP0315": Explanation(
        "a cell is too long",
        "Salesforce takes at most 131,072 characters in a field. A quote that is never closed also ends here.",
        "Shorten the value, or close the quote on the line shown.",
    ),
    "LP0316": Explanation(
        "a row is too long",
        "Salesforce takes at most 400,000 characters in a record. A missing line break also ends here.",
        "Send fewer columns in this step, or mend the line break.",
    ),
    "LP0317": Explanation(
        "a column name holds a carriage return",
        "The file seems to end its lines with CR alone, as very old programs did.",
        "Save the file with LF or CRLF line endings.",
    ),
    "LP0320": Explanation(
        "a column is not in the source",
        "The step reads a column that the header of its source does not have. Names are compared with their case.",
        "Correct the name in the plan; the message lists the columns there are.",
    ),
    "LP0321": Explanation(
        "a field would be sent twice",
        "Two columns or lookups feed the same field, and Salesforce compares field names without case.",
        "Keep one of them.",
    ),
    "LP0322": Explanation(
        "the column Id is missing",
        "update, delete and hardDelete address records by the field `Id`, spelled exactly so.",
        "Add the column, or map one to `Id`.",
    ),
    "LP0323": Explanation(
        "a text has no entry in the map",
        "A column with `map` met a text that the map does not list, and there is no `default`.",
        "Add the text to `map`, or give a `default`.",
    ),
    "LP0324": Explanation(
        "a key is empty",
        "Rows are told apart by their key: without one, Salesforce refuses the row and results cannot be matched.",
        "Fill the key, or leave such rows out with `where`.",
    ),
    "LP0325": Explanation(
        "two rows have the same key",
        "Which of them lands last would be chance. Ids of 15 and 18 characters for one record count as the same.",
        "Remove one, or say which is kept: `dedupe: first` or `dedupe: last`.",
    ),
    "LP0326": Explanation(
        "two keys differ only in case",
        "Salesforce compares external ids without case unless the field is declared case sensitive.",
        "Make sure that the field is case sensitive, or make the keys one.",
    ),
    "LP0327": Explanation(
        "the external id is not sent",
        "An upsert finds records by its external id, so that field must be among the columns that are sent.",
        "Map a source column to the external id.",
    ),
    "LP0330": Explanation(
        "one row is larger than a part may be",
        "A part holds whole rows, and this row with the header is over `parts.max_bytes`.",
        "Raise `parts.max_bytes` (at most 100MB), or send fewer columns.",
    ),
    "LP0331": Explanation(
        "a source changed since it was checked",
        "The bytes read now are not those that were checked, so nothing that depends on them is sent.",
        "Put the file back as it was and resume, or start a new run.",
    ),
    "LP0332": Explanation(
        "the pages of a query step cannot be read as one",
        "The step has no pages, or a page has another header than the first.",
        "Run the query step again.",
    ),
    "LP0333": Explanation(
        "the source's format is not known",
        "No reader is registered for this format.",
        "Use one of the formats that the message lists.",
    ),
    "LP0335": Explanation(
        "a file of the run folder is damaged",
        "A part, its index or a result file is not as it was written.",
        "Restore the file, or start a new run from the retry file.",
    ),
}


def explain(code: str) -> Explanation | None:
    """The explanation of `code` (any case), or None when there is no such code."""
    return CODES.get(code.upper())
