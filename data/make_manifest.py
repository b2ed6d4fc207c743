"""Writes MANIFEST.json: which command made each shipped file, and its SHA-256.

python data/make_manifest.py            after a file was made again, or a new one has its command below
python data/make_manifest.py --check    says what differs, and ends with 1 if anything does
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
MANIFEST = "MANIFEST.json"
SOURCES = {"README.md", "make_manifest.py", "make_edm_sample.py", "make_model.sh", MANIFEST}
"""Files that people write."""
SMALL = "--events events --checkpoint small/checkpoint.pt --folder data/models/toptag_small/1"
RESNET50_FOLDER = "data/models/toptag_resnet50/1"
QUANTIZE = (
    f"python -m producers.training quantize --events events --source resnet50/1 --folder {RESNET50_FOLDER}"
)
SHAPE = "python -m producers.training shape --events events --folder data/models/toptag_shape/1"
COMMANDS = {
    "top_qcd.root": (
        "eventproc run python_configs/make_sample_cfg.py outputFile=data/top_qcd.root maxEvents=500 seed=1"
    ),
    "edm_rechits.root": "python data/make_edm_sample.py data/edm_rechits.root",
    "models/toptag_small/1/model.onnx": f"python -m producers.training export {SMALL}",
    "models/toptag_small/1/model.toml": f"python -m producers.training export {SMALL}",
    "models/toptag_small/1/README.md": f"python -m producers.training evaluate {SMALL}",
    "models/toptag_resnet50/1/model.onnx": QUANTIZE,
    "models/toptag_resnet50/1/model.toml": QUANTIZE,
    "models/toptag_resnet50/1/README.md": (
        "python -m producers.training evaluate --events events --checkpoint resnet50/56/checkpoint.pt "
        f"--folder {RESNET50_FOLDER} --full-precision resnet50/1"
    ),
    "models/toptag_shape/1/model.onnx": SHAPE,
    "models/toptag_shape/1/model.toml": SHAPE,
    "models/toptag_shape/1/README.md": SHAPE,
}
"""By file; data/README.md says what was run before."""


def shipped_files() -> list[str]:
    """The made files of this folder; what editors, systems and Python leave about is none."""
    paths = (path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file())
    made = (path for path in paths if path.as_posix() not in SOURCES and path.suffix != ".pyc")
    return sorted(path.as_posix() for path in made if not any(part.startswith(".") for part in path.parts))


def entry(name: str) -> dict[str, str | int]:
    """Describes one file as the manifest does."""
    content = (FOLDER / name).read_bytes()
    return {
        "file": name,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "made_by": COMMANDS[name],
    }


def differences() -> list[str]:
    """What the manifest says otherwise than the folder."""
    listed = {item["file"]: item for item in json.loads((FOLDER / MANIFEST).read_text(encoding="utf-8"))}
    found = shipped_files()
    lines = [f"{name}: not in the manifest" for name in found if name not in listed]
    lines += [f"{name}: in the manifest and not there" for name in listed if name not in found]
    known = (name for name in found if name in listed and name in COMMANDS)
    return lines + [f"{name}: not as the manifest says" for name in known if entry(name) != listed[name]]


def main() -> None:
    """Writes or checks the manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    if parser.parse_args().check:
        lines = differences()
        print("\n".join(lines) or f"{FOLDER / MANIFEST} is right")
        sys.exit(1 if lines else 0)
    unknown = [name for name in shipped_files() if name not in COMMANDS]
    if unknown:
        sys.exit(f"no command is known that makes {', '.join(unknown)}: add it to COMMANDS in {__file__}")
    items = [entry(name) for name in shipped_files()]
    (FOLDER / MANIFEST).write_text(json.dumps(items, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
