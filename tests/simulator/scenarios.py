"""The plans that are run under every crash and every fault. Small, since each is run thousands of times; together they use
every kind of request, of file and of decision that a run has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from loadplan.emulator.org import Org
from loadplan.emulator.settings import Settings

HEAD = """\
version: 1
name: {name}
defaults:
  poll: {{first: 100ms, factor: 1, max: 100ms}}
  retry: {{max_attempts: 3, backoff: {{first: 1s, factor: 2, max: 4s}}}}
steps:
"""


def _nothing(_: Org) -> None:
    return


@dataclass(frozen=True)
class Scenario:
    """`arrange` prepares the org. `retries` is how often a person says `loadplan retry` at the end, each time after
    `before_retry` mended something, with the rows of `mends` (a file by step). `assume` is what a person says of a part whose
    outcome nobody can tell. `saved`: the plan is saved first, and the saved one is applied."""

    name: str
    steps: str
    files: Mapping[str, str] = field(default_factory=dict)
    arrange: Callable[[Org], None] = _nothing
    settings: Settings = field(default_factory=Settings)
    parallelism: int = 4
    retries: int = 0
    before_retry: Callable[[Org], None] = _nothing
    mends: Mapping[str, str] = field(default_factory=dict)
    assume: str = ""
    saved: bool = False
    crashed: tuple[int, ...] = (0,)
    """The processes that are ended at each of their boundaries, counted from 0: of one that needs a retry the second is another
    matter than the first."""
    repeats: bool = False
    """Whether rows may be applied again without harm: sent by multipart, whose create has no fence."""

    @property
    def plan(self) -> str:
        return HEAD.format(name=self.name) + self.steps


def _table(header: str, *rows: str) -> str:
    return "\n".join([header, *rows]) + "\n"


ACCOUNTS = _table("Name,Legacy_Id__c", *(f"Company {i},A{i}" for i in range(3)))
CONTACTS = _table("id,last,account", *(f"C{i},Person {i},A{i % 3}" for i in range(4)))
ACCOUNT_STEP = "  accounts: {object: Account, operation: insert, source: accounts.csv}\n"
CONTACT_STEP = """\
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {Account.Legacy_Id__c: account}
"""


def _have_accounts(org: Org) -> None:
    kind = org.schema.objects["account"]
    for i in range(5):
        org.saver.insert(kind, {"Name": f"Old {i}", "Legacy_Id__c": f"O{i}"}, 0.0)
    org.store.commit()


def _lock(times: int) -> Callable[[Org], None]:
    return lambda org: org.faults.lock_rows("Account", times=times, where={"Legacy_Id__c": "A1"})


def _refuse(org: Org) -> None:
    org.faults.refuse_rows("Account", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", times=99, where={"Legacy_Id__c": "A1"})


def _mend(org: Org) -> None:
    org.faults.clear()


def _lock_and_fail(org: Org) -> None:
    _lock(1)(org)
    org.faults.fail_job_midway("Contact", 2)


GONE = b'[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]'


def _vanish(org: Org) -> None:
    """The first job is gone when it is asked for, and its rows are in the org."""
    org.faults.add("job info", "status", 1, 404, GONE, {"Content-Type": "application/json"})


def _lose(org: Org) -> None:
    """The first job is gone, and none of its rows is in the org."""
    org.faults.fail_job_midway("Account", 0)
    _vanish(org)


PARENT_CHILD = Scenario(
    "parent-child", ACCOUNT_STEP + CONTACT_STEP, {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS}
)
RETRIED = Scenario(
    "retried", ACCOUNT_STEP + CONTACT_STEP, {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS}, _lock_and_fail
)
MULTI_PART = Scenario(
    "multi-part",
    "  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv, parts: {max_rows: 2}}\n",
    {"accounts.csv": _table("Name,Legacy_Id__c", *(f"Company {i},A{i}" for i in range(5)))},
)
CUT_FILES = Scenario(
    "cut-files",
    """\
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    columns: {Name: {template: "{{ row.Name }} of {{ row.Legacy_Id__c }}"}, Legacy_Id__c: Legacy_Id__c}
    parts: {max_rows: 2}
""",
    {"accounts.csv": ACCOUNTS},
    _lock(1),
)
EXTRACT = Scenario(
    "extract",
    "  old: {operation: query, soql: SELECT Legacy_Id__c FROM Account, max_records: 2, output: out/old.csv}\n",
    {},
    _have_accounts,
)
PAGES = Scenario(
    "pages",
    "  old: {operation: query, soql: SELECT Legacy_Id__c FROM Account, parallel_pages: 3, output: out/pages/}\n",
    {},
    _have_accounts,
    Settings(page_size=1),
)
DELETE = Scenario(
    "delete",
    "  old: {operation: query, soql: SELECT Id FROM Account}\n"
    "  purge: {object: Account, operation: delete, source: {step: old}}\n",
    {},
    _have_accounts,
)
HIERARCHY = Scenario(
    "hierarchy",
    """\
  accounts:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: tree.csv
    columns: {Name: name, Legacy_Id__c: id}
    hierarchy: {lookup: Parent.Legacy_Id__c, column: parent}
""",
    {"tree.csv": _table("name,id,parent", "Leaf,A3,A2", "Root,A1,", "Branch,A2,A1", "Other,A4,")},
    _lock(1),
)
ID_OF = Scenario(
    "id-of",
    ACCOUNT_STEP.replace("}", ", key: Legacy_Id__c}")
    + """\
  contacts:
    object: Contact
    operation: insert
    source: contacts.csv
    columns: {LastName: last, Legacy_Id__c: id}
    lookups: {AccountId: {id_of: accounts, column: account}}
""",
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
)
HELD = Scenario(
    "held",
    ACCOUNT_STEP.replace("}", ", gate: {max_failed_rows: 2, on_fail: continue}}") + CONTACT_STEP,
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
    _refuse,
    retries=1,
    before_retry=_mend,
    crashed=(0, 1),
)
SHUT = Scenario(
    "shut",
    ACCOUNT_STEP + CONTACT_STEP,
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
    _refuse,
    retries=1,
    before_retry=_mend,
    crashed=(0, 1),
)
SECOND_PASS = Scenario(
    "second-pass",
    ACCOUNT_STEP.replace("insert", "upsert, external_id: Legacy_Id__c")
    + """\
  parents:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: parents.csv
    where: {column: parent, is: present}
    columns: {Legacy_Id__c: id}
    lookups: {Parent.Legacy_Id__c: parent}
    depends_on: [accounts]
""",
    {"accounts.csv": ACCOUNTS, "parents.csv": _table("id,parent", "A1,A0", "A2,A0", "A0,")},
)
ROUND_TRIP = Scenario(
    "round-trip",
    "  old: {operation: query, soql: 'SELECT Name, Legacy_Id__c FROM Account', max_records: 2}\n"
    "  contacts: {object: Contact, operation: insert, source: {step: old}, columns: {LastName: Name, Legacy_Id__c: Legacy_Id__c}}\n"
    "  back: {operation: query, soql: SELECT LastName FROM Contact, output: out/back.csv, depends_on: [contacts]}\n",
    {},
    _have_accounts,
)
RESULTS_OF = Scenario(
    "results-of",
    ACCOUNT_STEP.replace("}", ", gate: {max_failed_rows: 2, on_fail: continue}}")
    + """\
  lost:
    object: Contact
    operation: insert
    source: {results_of: accounts, kind: failed}
    columns: {LastName: Name, Legacy_Id__c: Legacy_Id__c}
""",
    {"accounts.csv": ACCOUNTS},
    _refuse,
)
ONE_AT_A_TIME = Scenario(
    "one-at-a-time",
    MULTI_PART.steps,
    MULTI_PART.files,
    parallelism=1,
)
MULTIPART = Scenario(
    "multipart",
    "  accounts: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv, upload: multipart}\n",
    {"accounts.csv": ACCOUNTS},
    repeats=True,
)
MENDED = Scenario(
    "mended",
    ACCOUNT_STEP.replace("}", ", gate: {max_failed_rows: 2, on_fail: continue}}") + CONTACT_STEP,
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS, "mended.csv": _table("Name,Legacy_Id__c", "Firm 1,A1")},
    lambda org: org.faults.refuse_rows(
        "Account", "FIELD_CUSTOM_VALIDATION_EXCEPTION", "no", times=99, where={"Name": "Company 1"}
    ),
    retries=1,
    mends={"accounts": "mended.csv"},
    crashed=(1,),
)
"""A row that fails as it is, and its mended self: then the child that was held goes, too."""
RESOLVED = Scenario(
    "resolved",
    ACCOUNT_STEP + CONTACT_STEP,
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
    _vanish,
    assume="applied",
    crashed=(1, 2),
)
SENT_AGAIN = Scenario(
    "sent-again",
    ACCOUNT_STEP + CONTACT_STEP,
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
    _lose,
    assume="not-applied",
    crashed=(1, 2),
)
SAVED = Scenario("saved", ACCOUNT_STEP + CONTACT_STEP, {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS}, saved=True)

KEYLESS = Scenario(
    "keyless",
    "  people: {object: Contact, operation: insert, source: people.csv, parts: {max_rows: 2}}\n",
    {"people.csv": _table("LastName,Title", "Ana,Dr", "Ben,", "Cleo,Dr")},
)
CHAIN = Scenario(
    "chain",
    ACCOUNT_STEP
    + CONTACT_STEP
    + """\
  again:
    object: Account
    operation: upsert
    external_id: Legacy_Id__c
    source: accounts.csv
    depends_on: [contacts]
""",
    {"accounts.csv": ACCOUNTS, "contacts.csv": CONTACTS},
)
QUERIES = Scenario(
    "queries",
    "".join(
        f"  {name}: {{operation: query, soql: SELECT Legacy_Id__c FROM Account, max_records: 2, output: out/{name}.csv{after}}}\n"
        for name, after in (("one", ""), ("two", ", depends_on: [one]"), ("three", ", depends_on: [two]"))
    ),
    {},
    _have_accounts,
)
WHOLE = Scenario(
    "whole",
    "".join(
        f"  {name}: {{object: Account, operation: upsert, external_id: Legacy_Id__c, source: accounts.csv, upload: multipart{after}}}\n"
        for name, after in (("one", ""), ("two", ", depends_on: [one]"), ("three", ", depends_on: [two]"))
    ),
    {"accounts.csv": ACCOUNTS},
    repeats=True,
)

SCENARIOS = {
    s.name: s
    for s in (
        PARENT_CHILD, KEYLESS, RETRIED, MULTI_PART, CUT_FILES, ONE_AT_A_TIME, EXTRACT, PAGES, DELETE, HIERARCHY, ID_OF, HELD, SHUT,
        SECOND_PASS, ROUND_TRIP, RESULTS_OF, MENDED, RESOLVED, SENT_AGAIN, SAVED, MULTIPART, CHAIN, QUERIES, WHOLE,
    )
}  # fmt: skip
CRASHED = tuple(name for name in SCENARIOS if name not in {"chain", "queries", "whole"})
"""Those that are ended at every boundary. The rest send one thing after the other, for the grid of faults."""
