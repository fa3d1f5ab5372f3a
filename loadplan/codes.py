"""Every error code a user can meet, with what it means and the way out: the text of `loadplan explain CODE`.

Codes are stable: a code is never given another meaning. Ranges:
LP01xx the YAML door · LP02xx the plan's shape and meaning · LP03xx data files · LP04xx orgs and credentials ·
LP05xx a run (gates, locks, unknown outcomes) · LP06xx this machine · LP07xx a plan under review.
`docs/reference/error-codes.md` is generated from this table.
"""

from __future__ import annotations

from loadplan.lean import dataclass


@dataclass(frozen=True)
class Explanation:
    """`title` is one line without a full stop; `meaning` says why it is an error; `way_out` says what to do;
    `example` is optional text shown as a block (wrong and right, for instance)."""

    title: str
    meaning: str
    way_out: str
    example: str = ""


CODES: dict[str, Explanation] = {
    "LP0100": Explanation(
        "the file cannot be read",
        "The plan, orgs.yaml or a variables file is not there, is a folder, or is not yours to read.",
        "Correct the path, or the permissions of the file.",
    ),
    "LP0101": Explanation(
        "the file is not YAML",
        "The YAML parser stopped before the end of the file, so nothing in it can be trusted.",
        "Mend the syntax at the place shown. A tab used for indentation, an unclosed quote, and a value that begins with "
        "`{{` without quotes are the usual causes.",
        'wrong: source: {{ region }}.csv\nright: source: "{{ region }}.csv"',
    ),
    "LP0102": Explanation(
        "the file is not UTF-8 text",
        "A byte is not UTF-8, or a character stands in the file that nobody sees: a control, a line break of another kind, a "
        "mark that turns the reading direction. Guessing an encoding would change names.",
        "Save the file as UTF-8, and remove the character at the place shown. A text that needs it writes an escape in "
        "double quotes.",
    ),
    "LP0103": Explanation(
        "anchors, aliases and merge keys are not allowed",
        "They make one line mean something in many places, and a small file grow without bound.",
        "Write the value out where it is needed. `defaults:` holds what steps share.",
        "wrong: gate: &strict {max_failed_rows: 0}\nright: defaults: {gate: {max_failed_rows: 0}}",
    ),
    "LP0104": Explanation(
        "tags are not allowed",
        "A YAML tag (`!name`) asks the parser to build something other than plain values.",
        "Remove the tag. Quote the value if it is text that begins with an exclamation mark.",
        'wrong: name: !urgent\nright: name: "!urgent"',
    ),
    "LP0105": Explanation(
        "a key is written twice",
        "YAML parsers keep the second and drop the first without a word, so half of a step could be lost.",
        "Remove one of the two; the message shows both places.",
    ),
    "LP0106": Explanation(
        "the file holds several YAML documents",
        "A line `---` begins a second document, which would not be read.",
        "Keep one document in a file.",
    ),
    "LP0107": Explanation(
        "the file is beyond the limits",
        "A file has at most 1 MiB, 64 levels and 50,000 values, and its brackets do not nest without end.",
        "Split the plan. Rows belong into data files, not into the plan.",
    ),
    "LP0108": Explanation(
        "the file cannot be formatted",
        "`loadplan fmt` reads what it is about to write, and this text would mean something else. Nothing was changed.",
        "Write texts of several lines with `|` or `|-`, keep each key on one line, and format again.",
    ),
    # -- LP02xx the plan's shape and meaning ------------------------------------------------------------------------
    "LP0201": Explanation(
        "a key is not known",
        "The schema has no such key at this place. An unknown key would otherwise be a setting without effect.",
        "Correct the spelling; `loadplan schema plan` lists every key.",
        "wrong: extenal_id: Legacy_Id__c\nright: external_id: Legacy_Id__c",
    ),
    "LP0202": Explanation(
        "a key is missing",
        "The plan, the step or the org entry needs this key to mean anything.",
        "Add the key; the hint shows how it is written.",
    ),
    "LP0203": Explanation(
        "a value has the wrong type",
        "A number stands where text is needed, a text where a list is needed, or a value is empty.",
        "Write the value as the message says. Text that looks like a number needs quotes; a number has none.",
        'wrong: api_version: 66.0\nright: api_version: "66.0"',
    ),
    "LP0204": Explanation(
        "a value is not one of those allowed",
        "The key takes one of a few words. They are compared with their case.",
        "Choose one of the words that the message lists.",
        "wrong: operation: Upsert\nright: operation: upsert",
    ),
    "LP0205": Explanation(
        "a key does not belong to this operation",
        "The key is known, but it would have no effect for this operation, such as `external_id` for an insert.",
        "Remove the key, or change the operation.",
    ),
    "LP0206": Explanation(
        "a value or a name is not written as it must be",
        "It is too small or too large, an empty list, a name twice, or it does not have the form that the key needs.",
        "Write it as the hint shows.",
        "wrong: poll: {max: 2}\nright: poll: {max: 2s}",
    ),
    "LP0207": Explanation(
        "there is no such step",
        "`depends_on` or `source: {step: ...}` names a step that the plan does not have, or the step itself.",
        "Correct the name; the hint names the closest steps.",
    ),
    "LP0208": Explanation(
        "the source is not a query step",
        "Only the operations query and queryAll have rows that another step can read.",
        "Name a query step, or read a file. Use `depends_on` when only the order matters.",
    ),
    "LP0209": Explanation(
        "the external id does not come from the rows",
        "An upsert finds records by its external id. It is not among the columns, or it is the same for every row.",
        "Map a source column to the field.",
        "external_id: Legacy_Id__c\ncolumns: {Legacy_Id__c: id, Name: name}",
    ),
    "LP0210": Explanation(
        "a delete sends only Id",
        "The file of a delete or hardDelete job holds the column `Id` and nothing else.",
        "Remove the other columns and the lookups from the step.",
        "columns: {Id: record_id}",
    ),
    "LP0211": Explanation(
        "the upload cannot be repeated safely",
        "When the answer to a multipart request is lost, nobody knows whether the job exists. Sending it again may make "
        "records twice.",
        "Use `upload: staged`, the default. It creates, fills and closes the job in separate requests.",
    ),
    "LP0212": Explanation(
        "a field is fed twice",
        "Salesforce compares field names without case, so two columns or lookups fill one field.",
        "Keep one of them.",
    ),
    "LP0213": Explanation(
        "the API version does not fit",
        "Bulk API 2.0 begins with 41.0, query jobs with 47.0, assignment rules with 49.0; later versions are not tested.",
        "Name a version that the message allows, or leave `api_version` out.",
        'api_version: "66.0"',
    ),
    "LP0214": Explanation(
        "the SOQL cannot run as a bulk query",
        "Bulk queries know no GROUP BY, OFFSET, TYPEOF, aggregate functions or subqueries in SELECT. A quote or bracket that "
        "is never closed, or a text that does not begin with SELECT, is no query at all.",
        "Fetch the rows, and group or count them afterwards.",
    ),
    "LP0215": Explanation(
        "an output file is in the way of another step",
        "Two steps write the same file, or a step reads a file that the run itself writes.",
        "Choose another `output`, or read the rows with `source: {step: NAME}`.",
    ),
    "LP0216": Explanation(
        "the gate does not fit the operation",
        "A query has no failed rows, and other operations have no row count to judge: the threshold would never act.",
        "Use min_rows and max_rows for queries, max_failed_rows and max_failed_percent for the rest.",
    ),
    "LP0217": Explanation(
        "a variable is never used",
        "This is a warning. A variable without use is probably misspelt where it should be used.",
        "Use it, or remove it from `vars`.",
    ),
    "LP0218": Explanation(
        "the steps wait for each other",
        "Steps depend on each other in a circle, by `depends_on`, sources or lookups, so none of them can begin.",
        "Remove one of the dependencies. Two objects that point at each other are loaded with a second pass: leave one "
        "lookup out of the first step, and set it in a further step on that object.",
        "steps:\n"
        "  accounts: {object: Account, ...}\n"
        "  contacts: {object: Contact, lookups: {Account.Key__c: account_id}, ...}\n"
        "  primary_contact:\n"
        "    object: Account\n"
        "    lookups: {Primary_Contact__r.Key__c: contact_id}\n"
        "    depends_on: [accounts, contacts]",
    ),
    "LP0219": Explanation(
        "a lookup may need rows that are not waited for",
        "This is a warning. A custom relationship does not tell its object. Its name suggests one that another step loads, and "
        "nothing makes this step wait for it: its rows would fail if their parents are not there yet.",
        "Add `depends_on`, or leave it if the relationship points at another object.",
        "lookups: {Primary_Contact__r.Key__c: contact_id}\ndepends_on: [contacts]",
    ),
    "LP0220": Explanation(
        "an output would overwrite what is not its own",
        "The file is the plan itself, orgs.yaml or a variables file, or it lies in `.git` or in the folder where runs are kept; "
        "or it is a folder.",
        "Choose another name for `output`.",
        "output: out/accounts.csv",
    ),
    "LP0221": Explanation(
        "the plan has no such variable",
        "A template, `--var` or a variables file names a variable that the plan does not declare.",
        "Correct the name, or declare it under `vars`.",
    ),
    "LP0222": Explanation(
        "a variable has no value",
        "The plan declares it without a default, and it was not given.",
        "Give it with `--var NAME=VALUE` or `--var-file`, or declare a default.",
    ),
    "LP0223": Explanation(
        "a variable has a value that does not fit",
        "The value is not of the declared type, or not among `values`; or the variables file is not a map.",
        "Give a value of the type the plan declares.",
        "cutoff: {type: date, default: 2026-06-30}",
    ),
    "LP0224": Explanation(
        "a template stands where it is not rendered",
        "Only source paths, soql, output, columns.*.value and description hold variables. Elsewhere the braces would be "
        "taken as they are.",
        "Move the variable to one of those places, or write the value out.",
    ),
    "LP0225": Explanation(
        "the template is refused",
        "Templates hold variables, filters and conditionals only; in SOQL every value passes a soql_* filter, which writes the "
        "whole literal with its quotes. Size, nesting and the length of the result are bounded.",
        "Remove loops, calls and arithmetic. In SOQL end with soql_str, soql_date, soql_number or soql_in, outside of quotes.",
        "wrong: WHERE Name = '{{ name | soql_str }}'\nright: WHERE Name = {{ name | soql_str }}",
    ),
    "LP0226": Explanation(
        "a path leaves the project",
        "Paths are relative to the plan's folder and stay inside the project, also through symbolic links.",
        "Put the file inside the project. The project is the nearest folder above the plan with orgs.yaml or .git.",
    ),
    "LP0227": Explanation(
        "the file's ending does not tell its format",
        "Without `format`, the ending decides: .csv or .tsv, each also with .gz.",
        "Name the format.",
        "source: {path: data/accounts.txt, format: csv}",
    ),
    "LP0228": Explanation(
        "a column needs exactly one origin",
        "A field is filled from a source column, a fixed value or a row template: one of them.",
        "Keep one of `column`, `value` and `template`.",
    ),
    "LP0229": Explanation(
        "a lookup is not written as one",
        "A lookup names a relationship and the external id of the object it points at. The object's type stands in front when, "
        "and only when, the relationship may point at several objects; Salesforce fails the whole job otherwise.",
        "Write `Relationship.Field`; `ObjectType:Relationship.Field` when it may point at several objects.",
        'lookups: {Account.Legacy_Id__c: account_id, "Contact:Who.Legacy_Id__c": contact_id}',
    ),
    "LP0230": Explanation(
        "a filter is not complete",
        "A filter is one test of one column, or one of all, any and not around other filters.",
        "Write it as the hint shows; join several tests with `all` or `any`.",
        "where: {all: [{column: email, is: present}, {column: state, in: [open, new]}]}",
    ),
    "LP0231": Explanation(
        "the size of a part is not possible",
        "A job of Bulk API 2.0 takes at most 100MB of raw CSV, and a part must hold at least a header and a row.",
        "Choose `parts.max_bytes` between 100 bytes and 100MB.",
    ),
    "LP0232": Explanation(
        "the steps depend on each other in too many ways",
        "Many steps load one object that many others look up, so each of these waits for each of those.",
        "Load the object in fewer steps, or split the plan.",
    ),
    "LP0240": Explanation(
        "the step gives its rows no ids",
        "An insert or upsert tells the Salesforce id of each row. A query, update or delete reads or names ids that are "
        "there already, and no step can wait for ids of its own.",
        "Name a step that inserts or upserts. For rows that point at rows of the same step use `hierarchy`.",
        "lookups: {WhatId: {id_of: accounts, column: account_ref}}",
    ),
    "LP0241": Explanation(
        "the rows of a step have no key",
        "An id is found by the key of the row that was given it: the external id's source column, or the column that "
        "`key` names.",
        "Name the source column that tells the rows apart.",
        "accounts: {object: Account, operation: insert, key: id, source: data/accounts.csv}",
    ),
    "LP0242": Explanation(
        "the hierarchy points at another object",
        "A hierarchy puts the rows of one step in order by what they say of each other, so it points at their own object.",
        "Name the self reference. A parent of another object belongs under `lookups`.",
        "hierarchy: {lookup: Parent.Legacy_Id__c, column: parent_id}",
    ),
    "LP0243": Explanation(
        "the hierarchy looks for a field that is not sent",
        "Salesforce finds a parent by a field of the parent. The parents are rows of this very step, so the step has to "
        "send that field, with a value of its own for each row.",
        "Map a source column to the field.",
        "columns: {Legacy_Id__c: id, Name: name}\nhierarchy: {lookup: Parent.Legacy_Id__c, column: parent_id}",
    ),
    "LP0244": Explanation(
        "there is no parent that could fail",
        "This is a warning. `on_parent_failure` says what happens to rows whose parent failed, and these rows name none.",
        "Remove the key, or name the parents under `lookups` or `hierarchy`.",
    ),
    "LP0250": Explanation(
        "a key of a column has no effect there",
        "`empty`, `map` and `default` work on one source column, and `default` only beside `map`. Ignoring a key would be worse.",
        "Remove the key, or write the value with `column:`.",
        "Status__c: {column: st, map: {A: Active, X: Closed}, default: Open}",
    ),
    "LP0251": Explanation(
        "a mask names a field that is not sent",
        "Masks go by the field (or the lookup) as it is sent, in its exact spelling. Personal data must not pass because of a slip.",
        "Correct the name; the message lists what is sent.",
        "columns: {Email: mail}\nmask: {Email: hash}",
    ),
    "LP0252": Explanation(
        "a mask does not fit the field",
        "Keys and lookups tell records apart and tie them together: only `hash` keeps that. Salesforce ids are never masked.",
        "Use `hash` for keys, and the same for the lookups to them; remove masks of ids.",
    ),
    "LP0253": Explanation(
        "a masked key and a lookup to it do not meet",
        "A parent whose key is hashed is found only by lookups that are hashed too, and the other way round.",
        "Hash both, or neither.",
        "accounts: {mask: {Legacy_Id__c: hash}, ...}\ncontacts: {mask: {Account.Legacy_Id__c: hash}, ...}",
    ),
    "LP0254": Explanation(
        "duplicates are told by a key, and the step has none",
        "`dedupe: first` and `last` keep one of the rows with the same key. An insert has no key unless the step names one.",
        "Name the source column that tells rows apart: `key: <column>`.",
    ),
    "LP0260": Explanation(
        "the size of a page is asked for where the org chooses it",
        "With `parallel_pages` the org names the pages it has cut (`resultPages`, which takes no size). Pages of another size "
        "would not fit the names.",
        "Remove `max_records`, or fetch one page at a time.",
        "steps: {all: {operation: query, soql: SELECT Id FROM Account, parallel_pages: 5, output: out/all.csv}}",
    ),
    "LP0261": Explanation(
        "the ending of an output does not tell what to write",
        "A query's rows are written as CSV (.csv, .csv.gz, .csv.zst), as Parquet (.parquet), or into a folder with one CSV "
        "file a page (a name with a slash at the end).",
        "Choose one of these endings.",
        "output: out/contacts.parquet",
    ),
    "LP0270": Explanation(
        "the keys of a source do not fit together",
        "A source is one thing: a file, a database, a SELECT over files, or another step's rows. A key that means nothing for it "
        "would be a setting without effect.",
        "Remove the key, or name the source that it belongs to.",
        'wrong: {path: a.jsonl, delimiter: ";"}\nright: {path: a.jsonl}',
    ),
    "LP0271": Explanation(
        "two steps read standard input",
        "What was read once is gone: the second step would get nothing.",
        "Write the rows to a file, and name it in both steps.",
    ),
    "LP0272": Explanation(
        "a query step has no result rows",
        "`results_of` takes the rows of a load that succeeded, failed or were not processed. A query only has rows.",
        "Use `source: {step: ...}` for the rows of a query.",
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
        "the compressed file is damaged or cut short",
        "A gzip or zstd file ends before its end mark, or its checksum does not fit. Rows may be missing.",
        "Copy the file again. `gzip -t FILE` and `zstd -t FILE` test it.",
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
    "LP0328": Explanation(
        "an insert sends Id",
        "An insert makes new records, whose ids Salesforce gives; a row that comes with one is refused.",
        "Leave `Id` out with `columns`; to change records that are there, use `operation: update`.",
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
    "LP0340": Explanation(
        "a value table has the same text twice",
        "A text becomes one value. Two lines for it are an error also when they agree: sooner or later one of them changes.",
        "Remove one of the lines that the message names.",
    ),
    "LP0341": Explanation(
        "a column of the source cannot be a field",
        "Without `columns` the header passes through as field names, and this name cannot be one. Often the file has another "
        "delimiter than the one it is read with.",
        "Name the `delimiter` of the source, or map the column to a field with `columns`.",
        'source: {path: data/contacts.csv, delimiter: ";"}',
    ),
    "LP0342": Explanation(
        "a file cannot be used as a value table",
        "A table needs a header, two columns and at least one entry. It is kept in memory, so it has at most 100,000.",
        "Correct the file, or name its columns: `map: {file: data/status.csv, from: code, to: label}`.",
    ),
    "LP0344": Explanation(
        "the key of the masks is too short",
        "Who knows a masked value can try short keys until one fits, and then all values. 16 characters are the least.",
        "Make a long random key, for instance with `openssl rand -hex 32`, and keep it.",
    ),
    "LP0350": Explanation(
        "rows are each other's parents",
        "Each of them waits for the next, and the last for the first, so none can be sent before the others.",
        "Correct the data; or empty the parent of one of them, and set it in a second pass: a further step on the object.",
    ),
    "LP0351": Explanation(
        "a row names itself as its parent",
        "Some exports write a top row's own key where others leave the parent empty. Salesforce refuses such a row.",
        "Leave the parent of rows at the top empty.",
    ),
    "LP0352": Explanation(
        "the hierarchy is deeper than allowed",
        "Each level waits for the one above and is a job of its own. A very long chain is more often broken data.",
        "Correct the data, or raise the limit: at most 1000.",
        "hierarchy: {lookup: Parent.Legacy_Id__c, column: parent_id, max_depth: 100}",
    ),
    "LP0353": Explanation(
        "a row's parent is two rows",
        "Two rows carry the key that a third names as its parent, so nobody can say which one is meant.",
        "Make the key unique, or leave one of the rows out with `where`.",
    ),
    "LP0370": Explanation(
        "a value holds a NUL character",
        "No CSV that Salesforce reads may hold U+0000, and what comes after it could be lost. A text in UTF-16 that is read "
        "as UTF-8 is full of them.",
        "Remove the character, or name the encoding of the file in the step's source.",
    ),
    "LP0371": Explanation(
        "a line is not a JSON object",
        "In a JSONL file each line is one object: a map of column names and values, as RFC 8259 writes it.",
        "Mend the line shown. One array around all objects is JSON, not JSONL: `jq -c '.[]'` makes lines of it.",
        'wrong: [{"Name": "Acme"}, {"Name": "Blue"}]\nright: {"Name": "Acme"}\n       {"Name": "Blue"}',
    ),
    "LP0372": Explanation(
        "a value is nested",
        "A row has one value a column; a list or an object inside a value has no place in a CSV.",
        "Make columns of its parts before, or leave it out.",
    ),
    "LP0373": Explanation(
        "a column has a type that cannot be sent",
        "Binary values, lists, structures, intervals and the like have no spelling that Salesforce reads.",
        "Leave the column out, or turn it into text in the query that makes the file or the rows.",
        'source: {postgres: {env: DATABASE_URL}, query: "SELECT id, tags::text AS tags FROM accounts"}',
    ),
    "LP0374": Explanation(
        "a JSON object names a key twice",
        "Parsers keep the second value and drop the first without a word.",
        "Remove one of the two in the line shown.",
    ),
    "LP0375": Explanation(
        "a value cannot be written",
        "Not-a-number, infinity, dates outside the years 1 to 9999 and half of a UTF-16 pair have no spelling in a CSV.",
        "Mend the value where it comes from, or make it empty in the query.",
    ),
    "LP0376": Explanation(
        "a package is not installed",
        "Some sources need a package that loadplan does not bring along: DuckDB for Parquet and `sql`, psycopg for PostgreSQL, "
        "zstandard for .zst files.",
        "Install it with the extra that the message names, for example `pip install 'loadplan[engine]'`.",
    ),
    "LP0377": Explanation(
        "the file is not what its format says, or it is damaged",
        "A Parquet or SQLite file could not be opened, or reading it failed in the middle.",
        "Check that it was copied whole. `sqlite3 FILE 'PRAGMA integrity_check'` tests a SQLite file.",
    ),
    "LP0378": Explanation(
        "the database refused the query",
        "The table or the query of a source does not fit the database: a name it does not know, a mistake in the SQL, a right "
        "that is missing.",
        "Run the query in the database's own client first.",
    ),
    "LP0379": Explanation(
        "the query is not one SELECT",
        "A source only reads. Anything but a single SELECT is refused before it runs.",
        "Write one SELECT, without a semicolon between statements.",
    ),
    "LP0380": Explanation(
        "the database cannot be reached, or the connection was lost",
        "Rows that were already read are thrown away: half of a result never passes for the whole.",
        "Check that the server is up and reachable from here, then run the same command again.",
    ),
    "LP0381": Explanation(
        "there is no connection string",
        "The environment variable that the source names is empty, or what it holds is not a PostgreSQL connection string.",
        "Set it, for example to postgresql://user@host/database. It is never shown.",
    ),
    "LP0382": Explanation(
        "a query went over its limits",
        "The SELECT of an `sql` source has limits of memory, time, rows and disk, so that a plan cannot stop the machine.",
        "Select fewer rows or columns, or prepare the rows before and read them from a file.",
    ),
    "LP0383": Explanation(
        "standard input cannot be read",
        "It is a terminal, it is closed, or the rows it once gave are no longer in the state folder.",
        "Send the rows through a pipe: `loadplan apply PLAN -o ORG --auto-approve < rows.csv`.",
    ),
    "LP0384": Explanation(
        "a compressed file grows without measure",
        "It unpacks to more than a thousand times its size: a mistake, or a file made to fill memory and disks.",
        "Unpack it yourself, look at it, and name the unpacked file.",
    ),
    "LP0385": Explanation(
        "the SQLite file is in use",
        "Changes stand beside the file in its `-wal` or `-journal`, so the file alone is not the database.",
        "Close the program that writes to it, or make a copy: `sqlite3 FILE \"VACUUM INTO 'copy.sqlite'\"`.",
    ),
    "LP0386": Explanation(
        "the results of a step cannot be read as rows",
        "The step has not ended, or its result files do not hold the rows that its counts say.",
        "Look at the step in the runbook. Result files are kept as they were received under steps/.",
    ),
    # -- LP04xx orgs and credentials --------------------------------------------------------------------------------
    "LP0401": Explanation(
        "the org does not accept the credentials",
        "Salesforce refused to give a token, or refused a fresh token. Refused logins are never repeated: they lock users.",
        "Read Salesforce's words and the hint, correct the credentials or the app's policies, then `loadplan org check`.",
    ),
    "LP0402": Explanation(
        "the org refused a question",
        "The credentials are good, but the user may not do what was asked, or the org does not know the object.",
        "Check API Enabled and the object permissions of the user, and the spelling of the object.",
    ),
    "LP0403": Explanation(
        "the wrong org answered",
        "The org behind the credentials is not the one the entry or the run names. Nothing was sent.",
        "Correct the credentials, or `instance_url` and `organization_id` in orgs.yaml.",
    ),
    "LP0404": Explanation(
        "the instance URL cannot be used",
        "A token is sent only by https to a Salesforce My Domain. Plain http is for a loopback address.",
        "Use the URL that Setup shows under My Domain, without a path.",
        "instance_url: https://acme.my.salesforce.com",
    ),
    "LP0405": Explanation(
        "the org cannot be reached",
        "No usable answer came: a network fault, a proxy, a page of HTML, or an org in maintenance.",
        "Check the network, the proxy variables, `instance_url` and the org's status page, then try again.",
    ),
    "LP0406": Explanation(
        "a secret is missing",
        "orgs.yaml says where a secret is found, and there is nothing: the variable is not set, or the file is not there.",
        "Export the variable, or put the file in its place. Never write the secret into orgs.yaml.",
    ),
    "LP0407": Explanation(
        "the jwt flow cannot sign",
        "PyJWT is not installed, or the private key is not an RSA key in PEM form.",
        "Install `loadplan[jwt]`; give the whole key file with its BEGIN and END lines.",
    ),
    "LP0408": Explanation(
        "the sf CLI does not give access",
        "The name is not in orgs.yaml, so the sf CLI was asked, and it is not installed or does not know the alias.",
        "Add the org to orgs.yaml, or log in with `sf org login web --alias NAME`.",
    ),
    "LP0409": Explanation(
        "the org does not allow the operation",
        "`allow` of the org's entry does not list it. hardDelete is never allowed unless it is listed.",
        "Add the operation to `allow` in orgs.yaml, if this org may take it.",
    ),
    "LP0410": Explanation(
        "a step would delete too many rows",
        "`max_delete_rows` of the org's entry is a cap that a plan cannot raise.",
        "Delete fewer rows, or raise the cap in orgs.yaml.",
    ),
    "LP0411": Explanation(
        "a production org was not confirmed",
        "The entry says `production: true`, so the run must name the id of the org it is meant for.",
        "Check that it is the right org, then add `--confirm-org ID`.",
    ),
    "LP0412": Explanation(
        "the org does not have the API version",
        "Each job of a run speaks the version of its plan. An org that is upgraded later, or a version that was retired, "
        "does not know it. Nothing was sent.",
        "Write the version that the message names into the plan; `loadplan org check` lists those of the org.",
        'api_version: "65.0"',
    ),
    "LP0413": Explanation(
        "a secret stands in orgs.yaml",
        "The file is committed and shared. It says where a secret is found, never what it is.",
        "Move the secret into a variable or a file and name that. If the file was already committed, the secret is known: "
        "have Salesforce issue another one.",
        "wrong: client_secret: 8F3A…\nright: client_secret: {env: SF_CLIENT_SECRET}",
    ),
    "LP0450": Explanation(
        "SQL sources are not allowed",
        "An `sql` source runs a SELECT of the plan over files of this machine. The plan cannot allow that to itself.",
        "Add `sql_sources: true` to orgs.yaml, at its top or in the org's entry, if the plans of this project may do so.",
    ),
    # -- LP05xx a run -----------------------------------------------------------------------------------------------
    "LP0501": Explanation(
        "the outcome of a request is unknown",
        "An answer was lost at a moment when the rows may or may not have been saved, and the operation is not safe to "
        "repeat. Nothing was sent again.",
        "Look into the org for the rows of the part that the message names, then decide: `loadplan resolve RUN STEP/PART --assume "
        "applied` when they are there, `--assume not-applied` when they are not. `loadplan resume` goes on accordingly.",
        'loadplan resolve RUN accounts/3 --assume applied --reason "all 500 are there"',
    ),
    "LP0504": Explanation(
        "another run holds the lock",
        "Two runs against one org at the same time could change the same records. The lock ends with its process.",
        "Wait for the run that the message names; `loadplan status` shows it, `--lock-timeout 10m` waits. A lock whose owner died on "
        "this machine is free at once. An owner on another machine that shares the state folder cannot be asked: only when you are "
        "sure that it is gone, remove the file that the message names.",
    ),
    "LP0506": Explanation(
        "the run was interrupted",
        "A signal (Ctrl-C, or the end of a session) arrived. No new request is sent; what was done is on record.",
        "Go on with `loadplan resume`, or end the open jobs with `loadplan abort`.",
    ),
    "LP0507": Explanation(
        "jobs go on in Salesforce without the run",
        "loadplan stopped waiting, or the org stopped answering, while jobs were being processed. They are on record.",
        "`loadplan resume` waits for the same jobs; it sends no row twice.",
    ),
    "LP0508": Explanation(
        "the run stopped because the org did not answer as it must",
        "Requests failed after all their tries, or were refused. What was done before is on record.",
        "Run `loadplan org check`, mend the cause, then `loadplan resume`.",
    ),
    "LP0510": Explanation(
        "the plan changed since the run began",
        "A run goes on only with the plan and the variables it began with: other rows could be sent than were recorded.",
        "Put the plan back as it was (the run folder keeps it), or start a new run.",
    ),
    "LP0511": Explanation(
        "a row of the mended file is not left over",
        "`retry --rows` takes rows in place of those that the run left over. A row that has landed, that the run does not know, "
        "or that stands twice would be sent twice or lost.",
        "Take the row out of the file, or correct its key. To change a key, add the column that `row_column` names in the .json "
        "file beside the retry file, with the number of the source row (`source_rows`).",
        "id,last_name,source_row\nC-17,Rossi,117",
    ),
    "LP0512": Explanation(
        "the columns of the mended file are not those of the retry file",
        "The rows go through the step's mapping like those of its source, so they need its columns: all of them, by name, in "
        "any order. The delimiter may be a comma, a semicolon, a tab or a bar.",
        "Keep the header of retry/<step>.csv.",
    ),
    "LP0513": Explanation(
        "the rows of the mended file cannot be told apart",
        "Rows of this step carry no key. They can be taken in their order, which only works when none is missing.",
        "Keep every row, in the order of the retry file; or add the column that `row_column` names in the .json file beside "
        "it, with the number of the source row (`source_rows`). A `key` in the plan spares both.",
    ),
    "LP0514": Explanation(
        "the part is not undecided",
        "`resolve` is for a part whose outcome is unknown (exit 5). What loadplan knows of any other part is not for a person to "
        "overrule.",
        "Name the part as step/part; `loadplan status` lists those that wait.",
    ),
    "LP0515": Explanation(
        "the decision contradicts what the org had said",
        "Before the job vanished, the org told that rows of it were saved. Sent again, they would be there twice.",
        "Say `--assume applied`; rows that are missing all the same go into a plan of their own.",
    ),
    "LP0516": Explanation(
        "the run stopped before a limit",
        "The org has too little left of a limit for the next job, or said so; or the run has used what `limits:` of the org's entry "
        "allows it. No job was created that could not have ended. What is under way goes on in Salesforce.",
        "Daily limits count the last 24 hours: `loadplan resume` later goes on where it stopped. `loadplan org check` shows what is "
        "left. A cap of orgs.yaml is raised there.",
        "limits: {quota_percent_per_run: 50, max_batches: 200}",
    ),
    # -- LP06xx this machine ----------------------------------------------------------------------------------------
    "LP0601": Explanation(
        "a file cannot be written",
        "The disk is full, the file system is read-only, or the folder is not yours. Nothing half-written is left.",
        "Free space or correct the permissions, then go on; `--state-dir` puts the state elsewhere.",
    ),
    "LP0602": Explanation(
        "the journal cannot be written",
        "Each request is on record before it is sent, so the run stops when a record cannot be saved.",
        "Free space or make the folder writable, then `loadplan resume`.",
    ),
    "LP0603": Explanation(
        "the run's records cannot be read",
        "The journal or the saved plan of the run is missing, empty or damaged. Nobody guesses what was sent.",
        "Restore the run folder from a copy, or start a new run. `loadplan runs` lists the others.",
    ),
    "LP0604": Explanation(
        "the embedded org cannot start",
        "What it keeps under the state folder, or in the folder of `--data`, is damaged or was written by another version.",
        "Under the state folder, remove what the message names: it holds nothing but what trials have loaded. Give `--data` another "
        "folder.",
    ),
    "LP0605": Explanation(
        "the disk has too little room for what is to come",
        "What a run writes is estimated from its rows before it begins: copies of parts, result files, levels, ids. The pages of a "
        "query are estimated when the first one has come. The estimate and what is free are in the message; nothing is begun that "
        "would end in the middle for want of room.",
        "Free so much, or keep the state on another disk with `--state-dir`; a run that had begun goes on with `loadplan resume`.",
        "loadplan apply plan.yaml -o uat --state-dir /data/loadplan",
    ),
    "LP0606": Explanation(
        "the embedded org cannot be set up as orgs.yaml says",
        "Its entry names a setting that there is not or a value that does not fit, a file of faults that cannot be read, or a size "
        "that is none.",
        "Correct the key that the message names. Settings are those of `loadplan emulator serve --set`.",
        "twin: {embedded: {describe: describe/, settings: {lock_rows: masters}}}",
    ),
    "LP0607": Explanation(
        "the description of an object cannot be used",
        "The embedded org reads its objects from `<Object>.json` files: what is wrong with each file is told with the field or the "
        "validation rule. A rule must be a formula that is true or false: another one would never refuse a row.",
        "Correct the files that the message names, or fetch them again. A file that describes no object belongs elsewhere.",
        "loadplan org describe Account -o uat --out describe/",
    ),
    "LP0611": Explanation(
        "the output folder holds other files",
        "An `output` with a slash at the end is a folder of pages, 00001.csv and so on. It is replaced as a whole, so that it "
        "must hold nothing but the pages of an earlier run.",
        "Name an empty or a new folder, or move the files that the message names.",
        "output: out/contacts/",
    ),
    "LP0612": Explanation(
        "a package that the output needs is not installed",
        "Parquet is written by DuckDB and .zst by zstandard, which are not part of the plain installation.",
        "Install the extra that the message names, or choose an output with the ending .csv or .csv.gz.",
        "pip install 'loadplan[engine]'",
    ),
    "LP0613": Explanation(
        "the output does not hold the rows of the pages",
        "The file was counted after it was written, and has another number of rows than the pages it was made of. It was not "
        "put in its place.",
        "Resume the run to write it again, or choose an output with the ending .csv.",
    ),
    # -- LP07xx a plan under review ---------------------------------------------------------------------------------
    "LP0701": Explanation(
        "the org has no such object",
        "The step's object is not in the org, or this user may not see it. The job would be refused.",
        "Correct the spelling, or give the user Read on the object.",
    ),
    "LP0702": Explanation(
        "the object has no such field",
        "A column that is sent, the field of a lookup, or a name in a query is not in the description of the object for this "
        "user. Salesforce would refuse every row of the job, or the query.",
        "Correct the name, map the column to a field that is there, or give the user access to the field.",
    ),
    "LP0703": Explanation(
        "an API name is written in another case",
        "Salesforce takes names in any case, and answers in its own. Result files then have another header than "
        "the plan.",
        "Write the name as the message says.",
    ),
    "LP0704": Explanation(
        "a field cannot be written",
        "The field is read-only for this user, or it can be set only when a record is made.",
        "Leave the column out, or give the user edit access to the field.",
    ),
    "LP0705": Explanation(
        "the field is not an external id",
        "Records are found by a field that is marked as External ID (or has idLookup) in the org, and by no other.",
        "Mark the field as External ID, or choose one of those that the message lists.",
    ),
    "LP0706": Explanation(
        "a required field is not sent",
        "A record of this object cannot be made without the field. For an upsert this is about rows that find no "
        "record.",
        "Map a column to the field, or give it a value.",
        "columns: {LastName: last_name, Status__c: {value: New}}",
    ),
    "LP0707": Explanation(
        "the user lacks a right that the step needs",
        "The description of the object, or the user's permissions, say that this user may not do what the step does.",
        "Give the right, run as another user, or leave the step out.",
    ),
    "LP0708": Explanation(
        "the object has no such relationship",
        "A lookup names a relationship that the object does not have.",
        "Custom relationships end in __r; the hint names the closest one.",
    ),
    "LP0709": Explanation(
        "the lookup names the wrong object",
        "A relationship that may point at several objects must say at which, and a type must be one of them.",
        "Write `ObjectType:Relationship.Field` with one of the objects that the message lists.",
    ),
    "LP0710": Explanation(
        "the snapshot lacks an object",
        "Fields of this object could not be checked: the folder has no description of it, or the file is not one.",
        "Write it with `loadplan org describe`, and commit it.",
    ),
    "LP0711": Explanation(
        "a bulk query cannot return a compound field",
        "Addresses and locations are made of several fields; a bulk query that selects one as a whole is refused.",
        "Name the parts.",
        "soql: SELECT Id, BillingStreet, BillingCity, BillingPostalCode FROM Account",
    ),
    "LP0720": Explanation(
        "a text is longer than its field",
        "Salesforce refuses such a row (STRING_TOO_LONG); it does not cut the text.",
        "Shorten the text in the source, or map it to a longer field.",
    ),
    "LP0721": Explanation(
        "not a number that the field takes",
        "Bulk API reads numbers with a point and no other sign: no thousands separators, no currency, no decimal "
        "comma.",
        "Correct the source, or map the column.",
        "wrong: 1.234,50 €\nright: 1234.50",
    ),
    "LP0722": Explanation(
        "not a date",
        "Dates are written year-month-day. Other forms, and a time in a date field, are refused or shift the day.",
        "Write 2026-06-30.",
    ),
    "LP0723": Explanation(
        "not a date and time",
        "A date and time is written with a T and a zone.",
        "Write 2026-06-30T12:00:00Z.",
    ),
    "LP0724": Explanation(
        "not a boolean",
        "A checkbox takes true, false, 1 or 0.",
        "Map the words of the source.",
        "columns: {Active__c: {column: active, map: {Y: 'true', N: 'false'}}}",
    ),
    "LP0725": Explanation(
        "a value is not in the restricted picklist",
        "The picklist takes its active values only, with their case. Record types may narrow it further, which "
        "nobody can tell from here.",
        "Map the value, or add it to the picklist.",
        "columns: {Rating: {column: rating, map: {hot: Hot, cold: Cold}}}",
    ),
    "LP0726": Explanation(
        "not the id of such a record",
        "A reference holds 15 or 18 characters, and its first three say which object it is of.",
        "Name parents by external id with `lookups`, or correct the ids.",
    ),
    "LP0727": Explanation(
        "a required cell is empty",
        "A record cannot be made without the field, and this row has nothing for it.",
        "Fill the cell, or leave such rows out with `where`.",
    ),
    "LP0728": Explanation(
        "not an email address",
        "Salesforce refuses the row (INVALID_EMAIL_ADDRESS).",
        "Correct the cell, or leave it empty.",
    ),
    "LP0729": Explanation(
        "a word for a missing value",
        "`null`, `NaN` and the like are texts to Salesforce: they would be saved as such.",
        "Declare the word: such cells are then empty, and an empty cell leaves the field as it is.",
        "source: {path: data/contacts.csv, null: [NULL, NaN]}",
    ),
    "LP0730": Explanation(
        "blanks around a key",
        "A key with blanks or invisible characters is another key than the one without them.",
        "Trim it in the source.",
    ),
    "LP0731": Explanation(
        "a file ends its lines in two ways",
        "Parts of it were probably written by different programs. loadplan reads both; what else differs is worth "
        "a look.",
        "Save the file with one kind of line end.",
    ),
    "LP0732": Explanation(
        "an empty cell clears nothing",
        "Bulk API leaves a field alone whose cell is empty. Tools that use another API for few rows clear it.",
        "If the field is to be cleared, say what an empty cell becomes. If not, nothing is to do.",
        'columns: {Phone: {column: phone, empty: "#N/A"}}',
    ),
    "LP0733": Explanation(
        "a number was shortened by a spreadsheet",
        "1.23E+11 stands where an identifier was: the last digits are gone and cannot be brought back.",
        "Export the column as text.",
    ),
    "LP0734": Explanation(
        "a date and time without its zone",
        "Salesforce takes it for UTC: in other zones the hour, and around midnight the day, is another.",
        "Write the zone: 2026-06-30T12:00:00+02:00.",
    ),
    "LP0735": Explanation(
        "text was read in the wrong encoding",
        "Sequences such as `Ã©` come from reading UTF-8 as another encoding, and a replacement character from the "
        "reverse.",
        "Export the file again, or name its encoding.",
        "source: {path: data/contacts.csv, encoding: cp1252}",
    ),
    "LP0736": Explanation(
        "the file begins with a byte order mark",
        "It is not sent, and no column is called by it. Nothing is to do.",
        "Save the file as UTF-8 without it if other tools stumble.",
    ),
    "LP0737": Explanation(
        "rows of a step are alike in all that is sent",
        "Other rows look these up by `id_of`, and their key is not sent. Salesforce answers with what was sent and the new id: for "
        "two rows that are alike in it nobody can tell whose id is which, so that rows that name either are held back.",
        "Send the key as well, best of all as an external id, or make the rows differ.",
        "columns: {Name: name, Legacy_Id__c: id}",
    ),
    "LP0740": Explanation(
        "references without a parent",
        "A lookup names a record that no step of the plan loads and, where the org was asked, that the org does "
        "not have either.",
        "Correct the reference, or load the parent first.",
    ),
    "LP0741": Explanation(
        "a job on the same object is under way",
        "Somebody else loads into an object of the plan. Two loads lock each other's rows, and may overwrite each "
        "other.",
        "Wait for the job to end, or ask whose it is.",
    ),
    "LP0742": Explanation(
        "a daily limit would be exceeded",
        "The plan needs more than the org has left of the day's allocation. The run would stop half-way.",
        "Wait, split the plan, or buy more.",
    ),
    "LP0743": Explanation(
        "a step would delete more rows than the org's entry allows",
        "`max_delete_rows` in orgs.yaml is a cap that a plan cannot raise.",
        "Delete fewer rows, or have the cap raised.",
    ),
    "LP0744": Explanation(
        "rows of a step are each other's parents",
        "A lookup leads into the rows of its own step. Salesforce saves rows in no promised order, so some parents are not there "
        "yet when their children come, and those rows fail.",
        "Load the step level by level.",
        "hierarchy: {lookup: Parent.Legacy_Id__c, column: parent_id}",
    ),
    "LP0745": Explanation(
        "nothing bounds a delete of what a query finds",
        "The query runs when the plan does. Whoever approves it sees the rows of today; tomorrow there may be more.",
        "Give the query a gate: beyond it the delete does not start. Or cap the org's deletes in orgs.yaml.",
        "stale:\n  operation: query\n  soql: SELECT Id FROM Case WHERE IsClosed = true\n  gate: {max_rows: 2000}",
    ),
    "LP0750": Explanation(
        "the gate of a step would shut",
        "So many rows have something that Salesforce refuses that the gate of the step could not open.",
        "Correct the rows that the other findings name, or decide that the gate may be wider.",
    ),
    "LP0760": Explanation(
        "the file is not a saved plan",
        "It was not written by `loadplan plan --out`, or it is damaged.",
        "Plan again with `--out`.",
    ),
    "LP0761": Explanation(
        "the saved plan is stale",
        "Something differs from what was approved: the plan, a variable, an input, the org, its objects, or "
        "loadplan itself. Nothing was sent.",
        "Plan again, and have it approved.",
    ),
    "LP0762": Explanation(
        "the saved plan was applied already",
        "A saved plan runs once, so that the same approval cannot send rows twice.",
        "Look at the run that the message names; resume it if it did not end. To send again, plan again.",
    ),
    "LP0763": Explanation(
        "the plan is not the expected one",
        "The digest after `--expect` is of another plan, other variables or other inputs.",
        "Compare with what `loadplan plan` prints now, and have the change approved.",
    ),
    "LP0770": Explanation(
        "the revision cannot be read",
        "git does not know the revision, or this is no git repository.",
        "Use a branch, a tag or a commit that `git rev-parse` knows; in CI, fetch the base branch first.",
        "git fetch origin main && loadplan diff origin/main..HEAD",
    ),
    "LP0771": Explanation(
        "there is no plan to compare",
        "No plan changed between the revisions, or the files that were named are no plans.",
        "Name the plans: `loadplan diff BASE..HEAD PLAN`.",
    ),
}


def explain(code: str) -> Explanation | None:
    """The explanation of `code` (any case), or None when there is no such code."""
    return CODES.get(code.upper())
