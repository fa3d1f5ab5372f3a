"""What a query step may write, told by the ending of its `output`. Pure."""

from __future__ import annotations

OUTPUT_ENDINGS: dict[str, str] = {".csv": "csv", ".csv.gz": "csv.gz", ".csv.zst": "csv.zst", ".parquet": "parquet"}


def output_format(output: str) -> str | None:
    """`csv`, `csv.gz`, `csv.zst`, `parquet`, `folder` (a slash at the end), or None when the ending tells nothing."""
    if output.endswith("/"):
        return "folder"
    return next((kind for ending, kind in OUTPUT_ENDINGS.items() if output.lower().endswith(ending)), None)
