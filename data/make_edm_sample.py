"""Writes a few generated events in the CMS EDM layout, so that its reader is tested where no CMS file is.

Run it with a Python that has the ROOT wheel (``pip install ROOT numpy``)::

    python data/make_edm_sample.py data/edm_rechits.root

ROOT itself writes the file, from classes that have the members of CMSSW's. The events are two balanced jets
of crystals over noise; they test the reader and are no physics. The CRC-32 of each column is printed, for
`tests/producers/layouts/test_edm_rechits.py`.
"""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import ROOT

EVENTS = 20
NOISE_HITS = 180
HITS_PER_JET = 45
SEED = 2012
COLLECTION = "EcalRecHitsSorted_reducedEcalRecHitsEB__RECO."
PROCESS_HISTORY_ID = bytes(range(16, 32)).decode("latin-1")
"""Real files carry a 16-byte hash before the event's id; a reader must not count on its length."""

CLASSES = """
#include <string>
#include <vector>
class DetId { public: unsigned int id_ = 0; };
class EcalRecHit {
public:
  DetId id_; float energy_ = 0; float time_ = 0; unsigned int flagBits_ = 0; unsigned int extra_ = 0;
};
namespace edm {
  class EDProduct { public: virtual ~EDProduct() {} };
  template <class T> struct StrictWeakOrdering {};
  template <class T, class SORT = StrictWeakOrdering<T> > class SortedCollection {
  public: std::vector<T> obj;
  };
  template <class T> class Wrapper : public EDProduct { public: bool present = true; T obj; };
  template <int I> class Hash { public: std::string hash_; };
  class EventID {
  public: unsigned int run_ = 0; unsigned int luminosityBlock_ = 0; unsigned long long event_ = 0;
  };
  class Timestamp { public: unsigned int timeLow_ = 0; unsigned int timeHigh_ = 0; };
  class EventAuxiliary {
  public:
    Hash<1> processHistoryID_; EventID id_; std::string processGUID_; Timestamp time_;
    bool isRealData_ = false; int experimentType_ = 0; int bunchCrossing_ = 0; int storeNumber_ = 0;
    int orbitNumber_ = 0;
  };
}
void set_hits(std::vector<EcalRecHit>& hits, int n, const unsigned int* id, const float* energy,
              const float* time, const unsigned int* flags) {
  hits.resize(n);
  for (int i = 0; i < n; ++i) {
    hits[i].id_.id_ = id[i]; hits[i].energy_ = energy[i];
    hits[i].time_ = time[i]; hits[i].flagBits_ = flags[i];
  }
}
"""

Hits = tuple[npt.NDArray[np.uint32], npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.uint32]]


def generate_hits(rng: np.random.Generator) -> Hits:
    """rawId, energy [GeV], time [ns] and flags of one event's hits, sorted by rawId, each crystal once."""
    ieta = rng.integers(1, 86, NOISE_HITS) * rng.choice([-1, 1], NOISE_HITS)
    iphi = rng.integers(0, 360, NOISE_HITS)
    energy = rng.normal(0.2, 0.2, NOISE_HITS)
    axis_eta, axis_phi = rng.integers(-40, 41), rng.integers(0, 360)
    for side in (0, 180):
        around = rng.normal(0, 6, (2, HITS_PER_JET)).astype(int)
        ieta = np.append(ieta, axis_eta + around[0])
        iphi = np.append(iphi, (axis_phi + side + around[1]) % 360)
        share = rng.dirichlet(np.full(HITS_PER_JET, 0.4))
        energy = np.append(energy, 250 * share * np.cosh(axis_eta * np.pi / 180))
    ieta[ieta == 0] = 1
    raw_id = 0x32000000 | np.where(ieta > 0, 0x10000, 0) | (np.abs(ieta) << 9) | (iphi + 1)
    raw_id, first = np.unique(raw_id, return_index=True)
    flags = np.where(rng.random(len(raw_id)) < 0.01, 1 << 14, 1)
    time = rng.normal(0, 1.5, len(raw_id))
    return (
        raw_id.astype(np.uint32),
        energy[first].astype(np.float32),
        time.astype(np.float32),
        flags.astype(np.uint32),
    )


def generate_events() -> Iterator[tuple[tuple[int, int, int], Hits]]:
    """Ids and hits of all events."""
    rng = np.random.default_rng(SEED)
    for event in range(1, EVENTS + 1):
        yield (194115, 1 + event // 8, 5_000_000_000 + event), generate_hits(rng)


def write_sample(path: Path) -> None:
    """Writes the file and prints what went into it."""
    ROOT.gInterpreter.Declare(CLASSES)
    file = ROOT.TFile(str(path), "RECREATE", "", ROOT.RCompressionSetting.EDefaults.kUseGeneralPurpose)
    tree = ROOT.TTree("Events", "Events")
    auxiliary = ROOT.edm.EventAuxiliary()
    wrapper = ROOT.edm.Wrapper["edm::SortedCollection<EcalRecHit>"]()
    tree.Branch("EventAuxiliary", auxiliary, 32000, 0)
    tree.Branch(COLLECTION, wrapper, 32000, 99)
    crc32 = [0, 0, 0, 0]
    n_hits = 0
    for (run, lumi, event), hits in generate_events():
        auxiliary.processHistoryID_.hash_ = PROCESS_HISTORY_ID
        auxiliary.id_.run_, auxiliary.id_.luminosityBlock_, auxiliary.id_.event_ = run, lumi, event
        ROOT.set_hits(wrapper.obj.obj, len(hits[0]), *hits)
        tree.Fill()
        n_hits += len(hits[0])
        crc32 = [zlib.crc32(column.tobytes(), start) for column, start in zip(hits, crc32, strict=True)]
    tree.Write()
    file.Close()
    print(f"{path}: {EVENTS} events, {n_hits} hits, {path.stat().st_size} bytes")
    for name, crc in zip(("rawId", "energy", "time", "flags"), crc32, strict=True):
        print(f"crc32 of {name}: {crc:08x}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write generated events in the CMS EDM layout.")
    parser.add_argument("path", type=Path, help="the file to write")
    write_sample(parser.parse_args().path)
