"""The files of a job: what was uploaded, and the rows of its results as they are made. Reads and writes, decides nothing.

Result rows are appended while the job runs; the job's record says how many bytes of each file are true, so that what a
killed process wrote too much is cut off.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from .jobs import Job
from .store import DamagedError


class JobFiles:
    """One folder for each job that has files."""

    def __init__(self, root: Path) -> None:
        self._root = root
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError:
            raise DamagedError(f"{root} is no folder of an embedded org") from None

    def folder(self, job: Job) -> Path:
        return self._root / job.id

    def upload(self, job: Job) -> Path:
        """What was PUT, which may not be there."""
        return self.folder(job) / "upload.csv"

    def good(self, job: Job) -> Path:
        """Rows of the successful results, without header."""
        return self.folder(job) / "successful.csv"

    def bad(self, job: Job) -> Path:
        """Rows of the failed results, without header."""
        return self.folder(job) / "failed.csv"

    def make(self, job: Job) -> None:
        """Make the folder."""
        self.folder(job).mkdir(exist_ok=True)

    def append(self, job: Job, good: Sequence[bytes], bad: Sequence[bytes]) -> None:
        """Add result rows and count their bytes in the job, which the caller saves."""
        if good:
            job.good_size = _append(self.good(job), job.good_size, b"".join(good))
        if bad:
            job.bad_size = _append(self.bad(job), job.bad_size, b"".join(bad))

    def remove(self, job: Job) -> None:
        """Remove everything; answers that are being sent keep what they have open."""
        shutil.rmtree(self.folder(job), ignore_errors=True)


def _append(path: Path, size: int, data: bytes) -> int:
    with path.open("ab") as file:
        if file.tell() != size:
            file.truncate(size)
        file.write(data)
    return size + len(data)
