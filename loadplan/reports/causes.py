"""What most often lies behind a status code of Salesforce, in one sentence that says what to look at. Pure.

A guess that helps to begin, never a finding: the words of the org stand beside it.
"""

from __future__ import annotations

CAUSES = {
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": "a trigger or a flow of the org failed; its name stands in the message",
    "DELETE_FAILED": "other records still point to the row, or a rule of the org keeps it",
    "DUPLICATE_EXTERNAL_ID": "several records of the org have this external id: merge them, or make the field unique",
    "DUPLICATE_VALUE": "a record with this unique value exists: upsert by that field instead of inserting",
    "DUPLICATES_DETECTED": "a duplicate rule of the org found a similar record",
    "ENTITY_IS_DELETED": "the record is in the recycle bin or was merged away",
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": "a validation rule of the org refused the row; the message is the rule's own",
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": "the user may not see or edit the parent record",
    "INSUFFICIENT_ACCESS_OR_READONLY": "the user may not edit this record",
    "INVALID_CROSS_REFERENCE_KEY": "an id points to no record, or to one of another object",
    "INVALID_EMAIL_ADDRESS": "the address is not in the form that Salesforce accepts",
    "INVALID_FIELD": "no record has this external id: the parent was not loaded, or its key is written differently",
    "INVALID_FIELD_FOR_INSERT_UPDATE": "the field cannot be written: a formula, or read-only for this user",
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": "the value is not in the picklist: map it with `map:`, or add it in the org",
    "INVALID_TYPE_ON_FIELD_IN_RECORD": "the value is of another type than the field",
    "LIMIT_EXCEEDED": "a limit of the org was reached",
    "MALFORMED_ID": "the text is no Salesforce id of 15 or 18 characters",
    "NUMBER_OUTSIDE_VALID_RANGE": "the number has more digits than the field",
    "REQUIRED_FIELD_MISSING": "a required field is empty in the row, or no column fills it",
    "STORAGE_LIMIT_EXCEEDED": "the data storage of the org is full",
    "STRING_TOO_LONG": "the text is longer than the field",
    "UNABLE_TO_LOCK_ROW": "other work held the parent record: retry, or load the rows of one parent together",
}


def likely_cause(code: str, message: str) -> str:
    """The usual cause behind a status code with this (masked) message; empty when there is none to name."""
    if code == "INVALID_FIELD" and "Foreign key external ID" not in message:
        return "the value does not fit the field, or the field is not there for this user"
    return CAUSES.get(code, "")
