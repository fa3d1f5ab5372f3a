"""How the embedded org behaves: its speed, its limits and the answers Salesforce's documents leave open."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds, rows and switches. The defaults are the choices of the protocol page where no recording exists."""

    latency: float = 0.05  # seconds between close (or query create) and InProgress
    rows_per_second: float = 20_000.0
    max_rows_per_request: int = 50_000  # a single poll never works longer than this many rows
    page_size: int = 50_000  # rows of a query results page when maxRecords is absent
    rest_page_size: int = 2_000
    list_page_size: int = 1_000
    token_lifetime: float = 7_200.0
    api_requests_max: int = 100_000
    max_upload_bytes: int = 150_000_000
    max_multipart_characters: int = 100_000
    hard_delete_allowed: bool = True
    second_put_refused_at_put: bool = False  # default: 201, and the closing PATCH answers 400 INVALIDJOB
    empty_results_as_204: bool = False
    clients: tuple[tuple[str, str], ...] = ()  # (client id, secret) pairs; empty: any client is taken
    users: tuple[tuple[str, str], ...] = ()  # (user name, password) pairs; empty: any user is taken
    versions: tuple[int, int] = (31, 67)
    org_id: str = "00D000000000001EAA"
    instance_name: str = "EMB1"
    is_sandbox: bool = True
