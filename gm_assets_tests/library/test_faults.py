"""Bad input and faults, end to end: each file gets its answer and the batch goes on."""

from __future__ import annotations

import ctypes
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gm_assets.identity import identify
from gm_assets.library import Action, Library, Progress, ingest, rebuild, scan
from gm_assets.library.pool import Pool
from gm_assets.memory.files import read_memory
from gm_assets.memory.record import Parent, mint_document_id
from gm_assets.stores import Store
from gm_assets_tests.library.files import make_library, picture, remembering, rows, tables

PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{}</rdf:RDF></x:xmpmeta>'
)


def with_packet(path: Path, packet: str, seed: int) -> None:
    """A PNG that carries `packet` as its XMP."""
    picture(path, seed)
    info = PngInfo()
    info.add_itxt("XML:com.adobe.xmp", packet)
    with Image.open(path) as image:
        image.load()
        image.save(path, pnginfo=info)


def forged_png(width: int, height: int) -> bytes:
    """A PNG whose header declares what its few bytes cannot hold."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


def nasty(root: Path) -> dict[str, Action]:
    """One of each nasty file below `root`, with the answer that each should get."""
    whole = picture(root / "whole.png", 1).read_bytes()
    noise = np.random.default_rng(0).integers(0, 65536, (9, 7)).astype(np.uint16)
    flat = Image.new("RGB", (8, 8), (1, 2, 3))

    (root / "truncated.png").write_bytes(whole[:-30])
    (root / "zero.png").write_bytes(b"")
    (root / "text.jpg").write_text("this is no picture")
    (root / "really-png.jpg").write_bytes(picture(root / "really.png", 2).read_bytes())
    (root / "really.png").unlink()
    (root / "bomb.png").write_bytes(forged_png(60_000, 60_000))
    (root / "lying.png").write_bytes(forged_png(4, 4000))
    frames = [Image.new("RGB", (8, 8), (i, 0, 0)) for i in range(3)]
    frames[0].save(root / "animated.webp", save_all=True, append_images=frames[1:], lossless=True)
    frames[0].save(root / "animated.gif", save_all=True, append_images=frames[1:])
    flat.convert("CMYK").save(root / "cmyk.jpg")
    Image.fromarray(noise).save(root / "deep.png")
    flat.quantize(4).save(root / "palette.png", transparency=0)
    exif = Image.Exif()
    exif[0x0112] = 6
    flat.save(root / "rotated.jpg", exif=exif)
    flat.save(root / "profiled.png", icc_profile=b"not a true profile, but bytes")
    (root / "plate.exr").write_bytes(b"v/1\x01" + bytes(40))
    picture(root / "裂け目 é.png", 3)
    picture(root / ("long-" * 49 + ".png"), 4)
    (root / "loop").symlink_to(root)
    (root / "circle.png").symlink_to("circle.png")
    os.mkfifo(root / "pipe.png")
    os.link(picture(root / "twin-a.png", 5), root / "twin-b.png")
    with_packet(root / "malformed.png", "<x:xmpmeta><broken", 6)
    bulk = f"<rdf:Description>{'x' * 4_200_000}</rdf:Description>"
    with_packet(root / "bulky.png", PACKET.format(bulk), 7)
    entity = '<!DOCTYPE a [<!ENTITY b "boom">]>' + PACKET.format("")
    with_packet(root / "entity.png", entity, 8)
    twice = (
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="one"/>'
        '<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="two"/>'
    )
    with_packet(root / "duplicate.png", PACKET.format(twice), 9)
    many = tuple(Parent(content_id=f"as:{n:064x}", basis="recorded") for n in range(10_000))
    remembering(picture(root / "many.png", 10), "many", parents=many)
    egg, hen = picture(root / "egg.png", 11), picture(root / "hen.png", 12)
    of_egg, of_hen = identify(egg).content_id, identify(hen).content_id
    remembering(egg, "egg", parents=(link_to("hen", of_hen),))
    remembering(hen, "hen", parents=(link_to("egg", of_egg),))
    return {
        "whole.png": Action.WRITTEN,
        "truncated.png": Action.QUARANTINED,
        "zero.png": Action.QUARANTINED,
        "text.jpg": Action.QUARANTINED,
        "really-png.jpg": Action.WRITTEN,
        "bomb.png": Action.QUARANTINED,
        "lying.png": Action.QUARANTINED,
        "animated.webp": Action.WRITTEN,
        "animated.gif": Action.RECORDED,
        "cmyk.jpg": Action.WRITTEN,
        "deep.png": Action.WRITTEN,
        "palette.png": Action.WRITTEN,
        "rotated.jpg": Action.WRITTEN,
        "profiled.png": Action.WRITTEN,
        "plate.exr": Action.QUARANTINED,
        "裂け目 é.png": Action.WRITTEN,
        "long-" * 49 + ".png": Action.WRITTEN,
        "circle.png": Action.QUARANTINED,
        "pipe.png": Action.QUARANTINED,
        "twin-a.png": Action.RECORDED,
        "twin-b.png": Action.RECORDED,
        "malformed.png": Action.RECORDED,
        "bulky.png": Action.QUARANTINED,
        "entity.png": Action.RECORDED,
        "duplicate.png": Action.WRITTEN,
        "many.png": Action.REMEMBERED,
        "egg.png": Action.REMEMBERED,
        "hen.png": Action.REMEMBERED,
    }


def link_to(name: str, content_id: str) -> Parent:
    """A declared link to the document that `remembering` names so."""
    return Parent(document_id=mint_document_id(name), content_id=content_id, basis="asserted")


def test_a_folder_of_nasty_files_is_ingested_to_the_end(tmp_path: Path) -> None:
    library = make_library(tmp_path / "library", rules="")
    expected = nasty(library.root)
    report = ingest(library)
    assert {o.path: o.action for o in report.outcomes} == expected
    for outcome in report.outcomes:
        if outcome.action in (Action.QUARANTINED, Action.RECORDED):
            assert outcome.detail, outcome.path
    quarantined = {path for path, action in expected.items() if action is Action.QUARANTINED}
    found = rows(library, "select path, reason from quarantine")
    assert {path for path, _ in found} == quarantined and all(reason for _, reason in found)
    assert rows(library, "select count(*) from links where resolution = 'absent'") == [(10_000,)]
    assert rows(library, "select count(*) from links where cyclic") == [(2,)]
    # Sound files are not read again, and a rebuild comes to the same.
    before = tables(library)
    again = ingest(library)
    assert {o.action for o in again.outcomes} == {Action.RECORDED}
    rebuild(library, verify=True)
    assert tables(library) == before


def test_files_that_vanish_or_come_while_others_are_read_do_no_harm(library: Library) -> None:
    for name in "abcd":
        picture(library.root / f"{name}.png", ord(name))

    def meddle(progress: Progress) -> None:
        if progress.current == "a.png":
            (library.root / "c.png").unlink()
            picture(library.root / "d.png", 50)
            picture(library.root / "e.png", 51)

    report = ingest(library, workers=1, progress=meddle)
    assert {o.path: o.action for o in report.outcomes} == {
        "a.png": Action.WRITTEN,
        "b.png": Action.WRITTEN,
        "c.png": Action.WAITING,
        "d.png": Action.WRITTEN,
    }
    assert [entry.path for entry in scan(library).new] == ["e.png"]


def test_a_file_rewritten_all_the_time_is_never_recorded_as_what_it_is_not(
    library: Library,
) -> None:
    path = library.root / "busy.png"
    drafts = [picture(library.root / f".draft{n}.png", n, (96, 64)).read_bytes() for n in range(2)]
    path.write_bytes(drafts[0])
    stop = threading.Event()

    def save() -> None:
        turn = 0
        while not stop.is_set():
            path.write_bytes(drafts[turn % 2])
            turn += 1
            time.sleep(0.001)

    painter = threading.Thread(target=save)
    painter.start()
    try:
        for _ in range(4):
            [outcome] = ingest(library, [path], workers=1).outcomes
            assert outcome.action in (Action.WAITING, Action.WRITTEN, Action.QUARANTINED)
    finally:
        stop.set()
        painter.join()
    ingest(library)
    [(file_hash, verified)] = rows(library, "select file_hash, verified from files")
    assert file_hash == identify(path).file_hash and verified
    assert scan(library).quiet


KILLED = """
import sys
from gm_assets.library import Library, ingest
if __name__ == "__main__":
    print("ready", flush=True)
    ingest(Library.open(sys.argv[1]), workers=2)
"""


def test_an_ingest_killed_at_random_instants_leaves_whole_files_and_can_be_finished(
    tmp_path: Path,
) -> None:
    library = make_library(tmp_path / "library")
    for number in range(60):
        picture(library.root / f"c{number}/S2/a.png", number, (64, 64))
    twin = make_library(tmp_path / "twin")
    shutil.copytree(library.root, twin.root, dirs_exist_ok=True)
    contents = {p: identify(p).content_id for p in library.root.rglob("*.png")}
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    chance = random.Random(7)
    for _ in range(3):
        process = subprocess.Popen(
            [sys.executable, script, library.root], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()
        for path, content in contents.items():
            assert identify(path).content_id == content
            read_memory(path)
    ingest(library)
    ingest(twin)
    assert not list(library.root.rglob(".gm-write-*"))
    assert ingest(library).unchanged == 60
    query = "select path, document_id, instance_id, content_id from files order by path"
    assert rows(library, query) == rows(twin, query)


def test_every_folder_with_new_memories_is_synced_before_their_rows_are_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = make_library(tmp_path / "library")
    for number, folder in enumerate(("a", "a", "b/c")):
        (library.root / folder).mkdir(parents=True, exist_ok=True)
        picture(library.root / folder / f"{number}.png", number)
    done: list[str] = []
    sync, commit = os.fsync, Store.commit

    def synced(descriptor: int) -> None:
        sync(descriptor)
        done.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))

    def committed(store: Store, tables: Any) -> int:
        done.append("commit")
        return commit(store, tables)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Store, "commit", committed)
    ingest(library, workers=1)
    before = done[: done.index("commit")]
    assert before.count(str(library.root / "a")) == 1  # once for both files, and for the batch
    assert before.count(str(library.root / "b/c")) == 1
    assert sum(".gm-write-" in name for name in before) == 3


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import os, sys, time\n"
        "from gm_assets.library.pool import Pool\n"
        "from gm_assets_tests.library.test_faults import slow\n"
        "if __name__ == '__main__':\n"
        "    for pid in Pool(slow, slow, 2).stream(str(n) for n in range(300)):\n"
        "        print(pid, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    worker = int(process.stdout.readline())
    assert worker != process.pid
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(worker)


def slow(path: str) -> int:
    """A worker's task: takes a moment and tells in which process."""
    time.sleep(0.02)
    return os.getpid()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def crash(path: str) -> str:
    """A worker's task that ends its process on one path."""
    if path == "17":
        os.kill(os.getpid(), signal.SIGKILL)
    return path


def crashed(path: str) -> str:
    """What stands for the result of a path that crashed."""
    return f"crashed {path}"


def test_a_file_that_crashes_its_process_does_not_stop_the_batch() -> None:
    results = list(Pool(crash, crashed, 2).stream(str(n) for n in range(300)))
    assert sorted(results) == sorted([*(str(n) for n in range(300) if n != 17), "crashed 17"])


def test_a_script_that_cannot_have_processes_gets_threads(tmp_path: Path) -> None:
    script = tmp_path / "unguarded.py"
    script.write_text(
        "import os\n"
        "from gm_assets.library.pool import Pool\n"
        "from gm_assets_tests.library.test_faults import crashed, slow\n"
        "print({*Pool(slow, crashed, 2).stream(str(n) for n in range(260))} == {os.getpid()})\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert result.stdout == "True\n", result.stderr


def test_where_the_interpreter_cannot_be_started_again_threads_do_the_work(tmp_path: Path) -> None:
    script = tmp_path / "shut.py"
    script.write_text(
        "import multiprocessing, os\n"
        "from gm_assets.library.pool import Pool\n"
        "from gm_assets_tests.library.test_faults import crashed, slow\n"
        "multiprocessing.set_executable('/bin/false')\n"
        "if __name__ == '__main__':\n"
        "    pids = {*Pool(slow, crashed, 2).stream(str(n) for n in range(260))}\n"
        "    print(pids == {os.getpid()})\n"
    )
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert result.stdout == "True\n", result.stderr


def run_limited(root: Path, limit: int) -> subprocess.CompletedProcess[str]:
    """An ingest in a process whose files may not grow beyond `limit` bytes (a full disk)."""
    code = (
        "import resource, sys\n"
        "from gm_assets.errors import GmError\n"
        "from gm_assets.library import Library, ingest\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
        "try:\n"
        "    for o in ingest(Library.open(sys.argv[1]), workers=1).outcomes:\n"
        "        print(o.path, o.action, o.detail)\n"
        "except GmError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    return subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True)


def test_a_full_disk_is_said_clearly_and_leaves_every_original_untouched(
    library: Library,
) -> None:
    path = library.root / "large.png"
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3)).astype(np.uint8)
    Image.fromarray(noise).save(path, compress_level=1)
    before = path.read_bytes()
    # Where not even the store can be written, that is what is said.
    result = run_limited(library.root, 100)
    assert result.stdout.startswith("LibraryError"), result
    assert "the store cannot be written" in result.stdout
    assert path.read_bytes() == before
    result = run_limited(library.root, 3_000_000)
    assert "large.png recorded no memory was written" in result.stdout, result
    assert path.read_bytes() == before and read_memory(path).memory is None
    assert not list(library.root.glob(".gm-write-*"))
    assert ingest(library).counts["written"] == 1


def test_a_read_only_file_is_recorded_and_written_once_it_may_be(library: Library) -> None:
    path = picture(library.root / "gate/S1/sketch.png", 1)
    path.chmod(0o444)
    before = path.read_bytes()
    [outcome] = ingest(library).outcomes
    assert outcome.action is Action.RECORDED and "read-only" in (outcome.detail or "")
    assert path.read_bytes() == before
    path.chmod(0o644)
    assert ingest(library).counts["written"] == 1


def without_privileges() -> None:
    """In a child before exec: root, but bound by permissions like any owner of files."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                os._exit(77)


def test_folders_that_may_not_be_read_or_written_are_answered(library: Library) -> None:
    hidden = picture(library.root / "secret/a.png", 1)
    kept = picture(library.root / "fixed/b.png", 2)
    picture(library.root / "free/c.png", 3)
    unreadable = picture(library.root / "free/d.png", 4)
    ingest(library, [hidden])
    unreadable.chmod(0o000)
    hidden.parent.chmod(0o000)
    kept.parent.chmod(0o555)
    before = kept.read_bytes()
    code = (
        "import sys\n"
        "from gm_assets.library import Library, ingest\n"
        "for o in ingest(Library.open(sys.argv[1]), workers=1).outcomes:\n"
        "    print(o.path, o.action, o.detail, sep='|')\n"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", code, library.root],
            capture_output=True,
            text=True,
            preexec_fn=without_privileges,
        )
    finally:
        hidden.parent.chmod(0o755)
        kept.parent.chmod(0o755)
    if result.returncode == 77:
        pytest.skip("this root user cannot give up its privileges")
    answers = {line.split("|")[0]: line.split("|")[1:] for line in result.stdout.splitlines()}
    assert answers.keys() == {"secret", "fixed/b.png", "free/c.png", "free/d.png"}, result
    assert answers["secret"][0] == "quarantined" and "listed" in answers["secret"][1]
    assert answers["fixed/b.png"][0] == "recorded" and "may not write" in answers["fixed/b.png"][1]
    assert answers["free/c.png"][0] == "written"
    assert answers["free/d.png"][0] == "quarantined"
    assert kept.read_bytes() == before
    # What was known of files below a folder that cannot be listed is kept.
    assert rows(library, "select path from files order by path") == [
        ("fixed/b.png",),
        ("free/c.png",),
        ("secret/a.png",),
    ]
    unreadable.chmod(0o644)
    assert ingest(library).counts["written"] == 2
    assert rows(library, "select count(*) from quarantine") == [(0,)]
