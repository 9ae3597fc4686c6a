"""Nothing touches the network: an audit hook of Python sees every attempt to connect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from gm_assets_tests.encoding.models import make_clip, make_dual, make_siglip

#: Run in a process of its own, whose hook cannot be taken out again (PEP 578). Workers of the
#: pool inherit none, so this is one worker; the pool's processes run the same code.
PROGRAM = """
import sys
attempts = []
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        attempts.append((event, arguments[1:]))
sys.addaudithook(hook)

from pathlib import Path
from gm_assets.encoding import open_encoder, named_encoder
from gm_assets.encoding.fingerprint import folder_spec
from gm_assets.library import Library, embed, ingest, verify_stage

root, models = map(Path, sys.argv[1:])
for folder in sorted(models.iterdir()):
    open_encoder(folder_spec(folder)).texts(["the recon pilot"])
library = Library.init(root)
assert ingest(library, workers=1).embedded == 3
assert embed(library, workers=1).from_memories == 3
assert embed(library, folder_spec(models / "clip"), into_files=True, workers=1).written == 3
try:
    open_encoder(named_encoder("siglip2-base"))
except Exception as error:
    print(error)
print("attempts:", attempts)
"""


def test_loading_ingesting_and_embedding_open_no_connection(tmp_path: Path) -> None:
    models = tmp_path / "models"
    make_dual(models / "encoder")
    make_siglip(models / "siglip")
    make_clip(models / "clip")
    (tmp_path / "library").mkdir()
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "library" / f"{number}.png")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment |= {"GM_PROFILE": "embedded", "GM_MODELS": str(models), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "library"), str(models)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "gm models pull siglip2-base" in done.stdout
    assert done.stdout.endswith("attempts: []\n"), done.stdout
