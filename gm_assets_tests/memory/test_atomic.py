"""The write sequence: whole files at every instant, nothing lost, nothing left behind."""

from __future__ import annotations

import fcntl
import os
import random
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gm_assets.errors import MemoryConflict, UnreadableFile, WriteRefused
from gm_assets.memory import atomic
from gm_assets.memory.atomic import (
    Signature,
    original,
    replace,
    replace_file,
    sweep,
    sync_folder,
    write_new,
)
from gm_assets_tests.memory.processes import (
    in_child,
    kill,
    killed_at_work,
    names,
    open_to_all,
)

OLD, NEW = b"old" * 1000, b"new" * 1001


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fílé.bin"
    path.write_bytes(OLD)
    return path


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(tmp_path)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def acl(uid: int) -> bytes:
    """A POSIX ACL that lets `uid` read (version 2: tag, permissions, id)."""
    nobody = 0xFFFFFFFF
    entries = [(1, 6, nobody), (2, 4, uid), (4, 4, nobody), (0x10, 4, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def test_a_replaced_file_has_the_new_bytes_and_the_returned_signature(file: Path) -> None:
    signature = replace_file(file, [NEW[:10], memoryview(NEW)[10:]])
    assert file.read_bytes() == NEW
    assert signature == Signature.of(file.stat())
    assert names(file.parent) == [file.name]


def test_mode_owner_and_attributes_are_kept_and_the_time_is_that_of_the_write(file: Path) -> None:
    file.chmod(0o640)
    os.setxattr(file, "user.studio", b"blue")
    os.setxattr(file, "system.posix_acl_access", acl(1234))
    if os.getuid() == 0:
        os.chown(file, 1234, 4321)
    os.utime(file, (1_000_000_000, 1_000_000_000))
    before = file.stat()
    replace_file(file, NEW)
    after = file.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode,
        before.st_uid,
        before.st_gid,
    )
    assert os.getxattr(file, "user.studio") == b"blue"
    assert os.getxattr(file, "system.posix_acl_access") == acl(1234)
    assert time.time() - after.st_mtime < 60


def test_a_read_only_file_is_refused_even_to_root(file: Path) -> None:
    file.chmod(0o444)
    with pytest.raises(WriteRefused, match=r"read-only.*chmod u\+w"):
        replace_file(file, NEW)
    assert file.read_bytes() == OLD


def test_a_folder_that_may_not_be_written_is_refused(file: Path) -> None:
    file.chmod(0o666)
    open_to_all(file.parent)
    file.parent.chmod(0o555)
    try:
        with pytest.raises(WriteRefused, match="may not write here"):
            in_child(lambda: replace_file(file, NEW), as_nobody=True)
        with pytest.raises(WriteRefused, match="may not write here"):
            in_child(lambda: write_new(file.parent / "other", NEW), as_nobody=True)
    finally:
        file.parent.chmod(0o755)
    assert file.read_bytes() == OLD
    assert names(file.parent) == [file.name]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can own a file and act as another user")
def test_an_owner_that_cannot_be_kept_is_a_refusal(file: Path) -> None:
    file.chmod(0o666)
    open_to_all(file.parent)
    file.parent.chmod(0o777)
    with pytest.raises(WriteRefused, match="owner"):
        in_child(lambda: replace_file(file, NEW), as_nobody=True)
    assert file.read_bytes() == OLD
    assert names(file.parent) == [file.name]


def test_a_full_disk_leaves_the_original_and_nothing_else(small_disk: Path) -> None:
    path = small_disk / "picture.png"
    path.write_bytes(b"x" * 40_000)
    with pytest.raises(WriteRefused, match="no space is left"):
        replace_file(path, b"y" * 40_000)
    with pytest.raises(WriteRefused, match="no space is left"):
        write_new(small_disk / "other.png", b"y" * 40_000)
    assert path.read_bytes() == b"x" * 40_000
    assert names(small_disk) == ["picture.png"]


def test_a_file_size_limit_leaves_the_original_and_nothing_else(file: Path) -> None:
    with pytest.raises(WriteRefused, match="limit"):
        in_child(lambda: replace_file(file, NEW), file_limit=2000)
    assert file.read_bytes() == OLD
    assert names(file.parent) == [file.name]


def test_a_symbolic_link_is_refused_unless_asked_for(file: Path) -> None:
    link = file.parent / "link"
    link.symlink_to(file.name)
    with pytest.raises(WriteRefused, match="symbolic link"):
        replace_file(link, NEW)
    assert file.read_bytes() == OLD
    replace_file(link, NEW, follow_symlinks=True)
    assert link.is_symlink()
    assert file.read_bytes() == NEW


def test_a_file_with_two_names_is_refused(file: Path) -> None:
    os.link(file, file.parent / "twin")
    with pytest.raises(WriteRefused, match="2 hard links"):
        replace_file(file, NEW)
    assert file.read_bytes() == OLD


def test_a_folder_that_is_gone_has_nothing_to_sync(tmp_path: Path) -> None:
    sync_folder(tmp_path)
    sync_folder(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(WriteRefused):
        sync_folder(tmp_path / "file")


def test_a_large_file_is_written_in_pieces_and_whole(file: Path) -> None:
    pieces = [bytes([n]) * 3_000_001 for n in range(4)]
    replace_file(file, pieces)
    assert file.read_bytes() == b"".join(pieces)


def test_folders_pipes_and_missing_files_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing"):
        with pytest.raises(UnreadableFile):
            replace_file(path, NEW)


def test_an_older_signature_is_a_conflict(file: Path) -> None:
    signature = Signature.of(file.stat())
    replace_file(file, NEW, expected=signature)
    with pytest.raises(MemoryConflict, match="changed"):
        replace_file(file, OLD, expected=signature)
    assert file.read_bytes() == NEW


def test_a_foreign_save_before_the_rename_wins_and_is_reported(file: Path) -> None:
    with pytest.raises(MemoryConflict), original(file) as target:
        replace(target, [NEW], verify=lambda data: file.write_bytes(b"theirs") and None)
    assert file.read_bytes() == b"theirs"
    assert names(file.parent) == [file.name]


def test_a_foreign_replacement_before_the_rename_wins_and_is_reported(file: Path) -> None:
    def foreign(_: bytes) -> None:
        (file.parent / "theirs").write_bytes(OLD)  # the same bytes are another file all the same
        (file.parent / "theirs").replace(file)

    with pytest.raises(MemoryConflict), original(file) as target:
        replace(target, [NEW], verify=foreign)
    assert file.read_bytes() == OLD


def test_a_failed_proof_leaves_the_original_and_nothing_else(file: Path) -> None:
    def fail(_: bytes) -> None:
        raise WriteRefused("not proven")

    with pytest.raises(WriteRefused, match="not proven"), original(file) as target:
        replace(target, [NEW], verify=fail)
    assert file.read_bytes() == OLD
    assert names(file.parent) == [file.name]


def test_a_file_that_another_writer_holds_is_a_conflict(file: Path) -> None:
    with original(file), pytest.raises(MemoryConflict, match="another process"):
        in_child(lambda: replace_file(file, NEW))
    replace_file(file, NEW)  # the lock is gone with its holder
    assert file.read_bytes() == NEW


def test_a_process_forked_during_a_write_does_not_keep_the_lock(file: Path) -> None:
    with original(file):
        bystander = os.fork()
        if bystander == 0:
            time.sleep(60)
            os._exit(0)
    try:
        replace_file(file, NEW)
    finally:
        kill(bystander)
    assert file.read_bytes() == NEW


def test_a_new_file_is_whole_has_the_usual_mode_and_overwrites_nothing(tmp_path: Path) -> None:
    path, plain = tmp_path / "new.bin", tmp_path / "plain"
    signature = write_new(path, [OLD, NEW])
    plain.touch()
    assert path.read_bytes() == OLD + NEW
    assert signature == Signature.of(path.stat())
    assert path.stat().st_mode == plain.stat().st_mode
    assert path.stat().st_nlink == 1
    with pytest.raises(WriteRefused, match="exists"):
        write_new(path, NEW)
    assert path.read_bytes() == OLD + NEW
    write_new(path, NEW, overwrite=True)
    assert path.read_bytes() == NEW
    assert sorted(names(tmp_path)) == ["new.bin", "plain"]


def test_names_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 127)
    write_new(path, OLD)
    replace_file(path, NEW)
    assert path.read_bytes() == NEW


def test_a_new_file_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WriteRefused, match="folder is not there"):
        write_new(tmp_path / "missing" / "a.png", OLD)


def test_only_what_a_dead_writer_left_is_swept(tmp_path: Path) -> None:
    def leftover(pid: int) -> Path:
        path = tmp_path / f".gm-write-{pid}-{random.randbytes(8).hex()}~"
        path.write_bytes(b"half")
        return path

    dead_pid = os.fork()
    if dead_pid == 0:
        os._exit(0)
    os.waitpid(dead_pid, 0)
    dead, living, old = leftover(dead_pid), leftover(os.getpid()), leftover(os.getpid())
    os.utime(old, (0, 0))
    locked = leftover(dead_pid)
    decoy = tmp_path / f".gm-write-{dead_pid}-{'0' * 16}~"
    decoy.symlink_to(living.name)
    foreign = tmp_path / f".gm-write-{dead_pid}-notes~"
    foreign.write_bytes(b"theirs")
    with locked.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert sorted(sweep(tmp_path)) == sorted([dead, old])
    assert {living, locked, decoy, foreign} == set(tmp_path.iterdir())


def test_a_writer_killed_at_any_instant_leaves_the_old_or_the_new_file_whole(file: Path) -> None:
    versions = [bytes([turn]) * 200_000 for turn in range(2)]
    file.write_bytes(versions[1])
    seen = set()
    for _ in killed_at_work(lambda turn: replace_file(file, versions[turn % 2]), count=50, seed=7):
        data = file.read_bytes()
        assert data in versions
        seen.add(data[0])
        sweep(file.parent)
        assert names(file.parent) == [file.name]
        replace_file(file, data)  # the lock of the killed writer does not stay
    assert seen == {0, 1}


def test_a_killed_maker_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    whole = random.Random(1).randbytes(300_000)
    made = 0
    for _ in killed_at_work(
        lambda turn: write_new(tmp_path / f"{turn}.bin", whole), count=30, seed=7
    ):
        sweep(tmp_path)
        for path in tmp_path.iterdir():
            assert path.read_bytes() == whole
            replace_file(path, whole)  # and no second hard link is left on it
            path.unlink()
            made += 1
    assert made > 0


def test_many_writers_lose_no_update(file: Path) -> None:
    file.write_bytes(b"0")

    def count_to_fifteen() -> int:
        conflicts, done = 0, 0
        while done < 15:
            signature = Signature.of(file.stat())
            number = int(file.read_bytes())
            try:
                replace_file(file, str(number + 1).encode(), expected=signature)
                done += 1
            except (MemoryConflict, UnreadableFile):
                conflicts += 1
                time.sleep(random.uniform(0, 0.002))
        return conflicts

    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            random.seed(os.getpid())
            count_to_fifteen()
            os._exit(0)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    assert file.read_bytes() == b"45"


def test_our_temporaries_can_be_told_by_name() -> None:
    assert atomic.TEMPORARY.match(".gm-write-12-0123456789abcdef~")
    assert not atomic.TEMPORARY.match("picture.gm-write-12-0123456789abcdef~")
