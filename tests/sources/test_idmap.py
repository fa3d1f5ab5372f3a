"""The id map: a child finds exactly its parent's id, or a reason why there is none."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import LocalError
from loadplan.sources import idmap, idmap_build, idmaparrays, idmapbuild_arrays
from loadplan.sources.arrays import np
from loadplan.sources.idmap import IdMap, Why, open_id_map
from loadplan.sources.idmap_build import build_id_map
from loadplan.sources.idmaparrays import find_placed
from loadplan.sources.spool import Spool

SMALL, ON_DISK = 200_000, -1
Pairs = list[tuple[bytes, bytes]]


@pytest.fixture(params=["numpy", "bytes"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built with numpy, and without it."""
    monkeypatch.setattr(idmap_build, "_MANY", 0 if request.param == "numpy" else 1 << 40)


def sf_id(number: int) -> bytes:
    return b"001%015d" % number


def built(folder: Path, pairs: Pairs, small: int = SMALL) -> IdMap:
    return build_id_map(folder / "accounts", pairs, digest="d1", small=small)


def expected(pairs: Pairs) -> dict[bytes, bytes | Why]:
    """The rule in its simplest form: the one id of a key, or why it has none."""
    ids: dict[bytes, set[bytes]] = {}
    for key, given_id in pairs:
        ids.setdefault(key, set()).update([given_id] if given_id else [])
    return {k: v.pop() if len(v) == 1 else Why.AMBIGUOUS if v else Why.NOT_LANDED for k, v in ids.items()}


KEYS = st.one_of(st.binary(min_size=1, max_size=3), st.binary(min_size=250, max_size=260))
PAIRS = st.lists(st.tuples(KEYS, st.sampled_from([b"", sf_id(1), sf_id(2), sf_id(3)])), max_size=60)


def placed(known: IdMap, keys: list[bytes], behind: bytes) -> list[bytes | None]:
    """The same look-up for keys that stand one after the other in a text."""
    text, right = b"".join(keys) + behind, np.cumsum([len(key) for key in keys], dtype=np.int64)
    left = right - np.array([len(key) for key in keys], np.int64)
    ids, there = find_placed(known, text, left, right)
    return [one if has else None for one, has in zip(ids.tolist(), there.tolist(), strict=True)]


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=PAIRS, others=st.lists(KEYS, max_size=5), buffered=st.sampled_from([1, 7, 1 << 17]))
def test_a_key_has_the_id_of_its_row_in_memory_as_on_disk(
    tmp_path: Path, pairs: Pairs, others: list[bytes], buffered: int
) -> None:
    """Whatever the order, the repeats and the number of times rows were spilled, both kinds of look-up agree with a dict."""
    wanted = expected(pairs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idmap_build, "_BUFFERED", buffered)
        with built(tmp_path, pairs) as held, built(tmp_path, pairs, ON_DISK) as on_disk:
            keys = [*wanted, *others, *wanted]
            ids = [value if isinstance(value := wanted.get(key), bytes) else None for key in keys]
            assert held.find_all(keys) == on_disk.find_all(keys) == ids
            assert placed(on_disk, keys, b"") == placed(on_disk, keys, b"some text behind the last one") == ids
            assert [held.find(k) for k in keys] == [on_disk.find(k) for k in keys] == ids
            for key in keys:
                value = wanted.get(key, Why.UNKNOWN)
                assert held.why(key) is on_disk.why(key) is (None if isinstance(value, bytes) else value)
            counts = [len(wanted), sum(isinstance(v, bytes) for v in wanted.values())]
            assert [on_disk.keys, on_disk.landed] == counts
            assert on_disk.ambiguous == list(wanted.values()).count(Why.AMBIGUOUS)


@pytest.mark.parametrize("small", [SMALL, ON_DISK])
def test_two_keys_with_one_hash_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: int) -> None:
    """The stored key decides: with one hash for everything each key has its own id, and a stranger has none."""
    for module in (idmap, idmap_build):
        monkeypatch.setattr(module, "hash64", lambda key: 0xABCDEF0123456789)
    for arrays in (idmaparrays, idmapbuild_arrays):
        monkeypatch.setattr(arrays, "hash_all", lambda _, left, __: np.full(len(left), 0xABCDEF0123456789, np.uint64))
    pairs = [(b"key %d" % n, sf_id(n)) for n in range(300)]
    with built(tmp_path, pairs, small) as found:
        assert found.find_all([key for key, _ in pairs]) == [value for _, value in pairs]
        if small == ON_DISK:
            assert placed(found, [key for key, _ in pairs], b"") == [value for _, value in pairs]
            assert placed(found, [b"key 300", b"key 3"], b"") == [None, sf_id(3)]
        assert found.find(b"key 300") is None
        assert found.why(b"key 300") is Why.UNKNOWN


@pytest.mark.parametrize("pairs", [[], [(b"a", b"")]])
def test_a_map_without_an_id_finds_nothing(tmp_path: Path, pairs: Pairs) -> None:
    """No row at all, or none that landed."""
    with built(tmp_path, pairs, ON_DISK) as found:
        assert found.find_all([b"a", b"b", b""]) == placed(found, [b"a", b"b", b""], b"") == [None, None, None]
        assert found.landed == 0


def test_an_id_of_15_characters_is_the_one_of_18(tmp_path: Path) -> None:
    """The same record twice is no ambiguity."""
    short, long = b"001D000000IqhSL", b"001D000000IqhSLIAZ"
    with built(tmp_path, [(b"a", short), (b"a", long)]) as found:
        assert found.find(b"a") == long


@pytest.mark.parametrize(("pair", "words"), [((b"", sf_id(1)), "without a key"), ((b"a", b"001"), "15 or 18")])
def test_a_pair_that_cannot_be_is_refused(tmp_path: Path, pair: tuple[bytes, bytes], words: str) -> None:
    """An empty key would give every childless cell a parent; half an id is no id."""
    with pytest.raises(ValueError, match=words):
        built(tmp_path, [pair])
    assert list(tmp_path.iterdir()) == []


def test_the_same_pairs_make_the_same_bytes(tmp_path: Path) -> None:
    """Whatever their order, so that a copy of a run folder can be compared."""
    pairs = [(b"k%d" % n, sf_id(n)) for n in range(1000)]
    for name, order in (("one", pairs), ("two", pairs[::-1])):
        build_id_map(tmp_path / name, order, digest="d").close()
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
        assert file.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "one").stat().st_mode & 0o777 == 0o700


def test_both_ways_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats, keys without an id and long keys included."""
    pairs = [(b"k%d" % (n * 7919 % 5000), sf_id(n % 4000) if n % 7 else b"") for n in range(6000)]
    pairs += [(b"long %d " % n * 50, sf_id(n)) for n in range(30)]
    for name, many in (("one", 0), ("two", 1 << 40)):
        monkeypatch.setattr(idmap_build, "_MANY", many)
        build_id_map(tmp_path / name, pairs, digest="d").close()
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_a_map_is_opened_again_for_the_same_results_only(tmp_path: Path) -> None:
    """Another digest means that the results changed: it has to be built again."""
    built(tmp_path, [(b"a", sf_id(1))]).close()
    again = open_id_map(tmp_path / "accounts", "d1")
    assert again is not None
    with again:
        assert again.find(b"a") == sf_id(1)
    assert open_id_map(tmp_path / "accounts", "d2") is None
    assert open_id_map(tmp_path / "contacts", "d1") is None


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink])
@pytest.mark.parametrize("name", ["manifest.json", "records.bin", "starts.bin"])
def test_a_damaged_map_is_not_opened(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    """A bit that fell over in an id would send a child to another parent."""
    built(tmp_path, [(b"k%d" % n, sf_id(n)) for n in range(50)]).close()
    damage(tmp_path / "accounts" / name)
    assert open_id_map(tmp_path / "accounts", "d1") is None


def test_a_build_that_breaks_off_leaves_the_old_map(tmp_path: Path) -> None:
    """A result file that turns out damaged half way changes nothing on disk."""

    def broken() -> Iterator[tuple[bytes, bytes]]:
        yield b"a", sf_id(2)
        raise LocalError("a result file is damaged")

    built(tmp_path, [(b"a", sf_id(1))]).close()
    with pytest.raises(LocalError):
        build_id_map(tmp_path / "accounts", broken(), digest="d2")
    again = open_id_map(tmp_path / "accounts", "d1")
    assert again is not None
    with again:
        assert again.find(b"a") == sf_id(1)
    assert [p.name for p in tmp_path.iterdir()] == ["accounts"]


def test_what_a_killed_build_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """Its folder stands beside the map's; others are left alone."""
    for name in (".accounts.abc", ".accounts2.abc"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "records.bin").write_bytes(b"half")
    built(tmp_path, []).close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".accounts2.abc", "accounts"]


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit 9 with the folder's name, and no half map."""

    class Full:
        def __init__(self, file: Any) -> None:
            self._file = file

        def write(self, data: bytes) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        def __getattr__(self, name: str) -> object:
            return getattr(self._file, name)

    def full(folder: Path) -> Spool:
        spool = Spool(folder)
        monkeypatch.setattr(spool, "_file", Full(spool._file))
        return spool

    monkeypatch.setattr(idmap_build, "Spool", full)
    with pytest.raises(LocalError, match="the disk is full"):
        built(tmp_path, [(b"a", sf_id(1))])
    assert list(tmp_path.iterdir()) == []


def test_a_map_of_another_version_is_not_opened(tmp_path: Path) -> None:
    """Its bytes may mean something else, however whole it is."""
    built(tmp_path, [(b"a", sf_id(1))]).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(idmap, "VERSION", 2)
        assert open_id_map(tmp_path / "accounts", "d1") is None
        built(tmp_path, [(b"a", sf_id(1))]).close()
    assert open_id_map(tmp_path / "accounts", "d1") is None
