"""The flagship job by hand: by_hand.py ADDRESS INPUT OUTPUT N_EVENTS prints seconds, CPU seconds, jets."""

import asyncio
import sys
import time

import aiohttp
import awkward as ak
import numpy as np
import uproot

from inference_client.protocol import codec
from inference_client.protocol.arrays import sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from producers.algorithms.ecal_geometry import crystal_positions, transverse_energy
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import draw_jet_images
from producers.algorithms.jet_matching import label_jets, match_nearest
from producers.algorithms.rechit_selection import RecHitSelection, Severity

ADDRESS, INPUT, OUTPUT, N_EVENTS = *sys.argv[1:4], int(sys.argv[4])
STREAMS, MAX_ROWS, IN_FLIGHT = 16, 32, 4
KEPT = ["run", "luminosityBlock", "event", *(f"genPartons_{name}" for name in ("pdgId", "pt", "eta", "phi"))]
COLUMNS = ("pt", "eta", "phi", "mass", "nCrystals", "label", "deltaR", "score", "status")
SELECTION, SPECIFICATION = RecHitSelection(0.25, Severity(2)), ImageSpecification()
waiting, sending = [], set()  # images of events with the futures of their scores; bodies under way


async def scores_of(session, images):
    waiting.append((images, asyncio.Future()))
    asyncio.get_running_loop().call_soon(depart, session)
    return await waiting[-1][1]


def depart(session):
    while waiting and len(sending) < IN_FLIGHT:
        group, n_rows = [], 0
        while waiting and n_rows + len(waiting[0][0].counts) <= MAX_ROWS:
            group.append(waiting.pop(0))
            n_rows += len(group[-1][0].counts)
        task = asyncio.ensure_future(send(session, group))
        sending.add(task)
        task.add_done_callback(lambda task: (sending.discard(task), task.result(), depart(session)))


async def send(session, group):
    parts = zip(*((images.counts, images.index, images.value) for images, _ in group), strict=True)
    tensor = sparse_tensor("images", (1, 224, 224), *map(np.concatenate, parts))
    body = codec.encode_request(InferenceRequest(id="by-hand", inputs=[tensor]))
    headers = {"Content-Type": "application/msgpack", "X-Body-Crc32": codec.body_crc32(body)}
    async with session.post(f"{ADDRESS}/v2/models/toptag_small/infer", data=body, headers=headers) as reply:
        codec.check_crc32(received := await reply.read(), reply.headers["X-Body-Crc32"])
    answer = codec.decode_response(received)
    scores, stop = to_array(answer.outputs[0])[:, 1].copy(), 0
    for images, future in group:
        start, stop = stop, stop + len(images.counts)
        future.set_result(scores[start:stop])


async def stream(session, numbers, hits, partons, out):
    for k in numbers:
        raw_id, energy, flags = (column[k] for column in hits)
        kept, _ = SELECTION.select(raw_id, energy, flags)
        (eta, phi), energy = crystal_positions(raw_id[kept]), energy[kept]
        jets = cluster_jets(transverse_energy(energy, eta), eta, phi, et_min=200.0, abs_eta_max=1.479)
        images = draw_jet_images(SPECIFICATION, energy, eta, phi, jets.pt, jets.eta, jets.phi)
        pdg_id, parton_eta, parton_phi = (column[k] for column in partons)
        label = label_jets(jets.eta, jets.phi, pdg_id, parton_eta, parton_phi, 0.8)
        _, distance = match_nearest(jets.eta, jets.phi, parton_eta, parton_phi, 0.8)
        score = await scores_of(session, images) if len(jets.pt) else np.zeros(0)
        made = (jets.pt, jets.eta, jets.phi, jets.mass, jets.n_constituents, label, distance, score)
        out[k] = (*map(np.ndarray.astype, made, "ffffibff"), np.zeros(len(label), np.uint8))


def columns(tree, *names):
    arrays = tree.arrays(list(names), entry_stop=N_EVENTS)
    ends = [np.cumsum(ak.to_numpy(ak.num(arrays[name])))[:-1] for name in names]
    return [np.split(ak.to_numpy(ak.flatten(arrays[n])), end) for n, end in zip(names, ends, strict=True)]


async def main():
    out = [()] * N_EVENTS
    draw_jet_images(SPECIFICATION, [1.0], [0.0], [0.0], [1.0], [0.0], [0.0])
    cluster_jets([1.0], [0.0], [0.0])
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        begun_s, cpu_s = time.perf_counter(), time.process_time()
        with uproot.open(INPUT) as file, uproot.recreate(OUTPUT, compression=uproot.ZSTD(1)) as written:
            hits = columns(file["Events"], "ecalRecHits_rawId", "ecalRecHits_energy", "ecalRecHits_flags")
            partons = columns(file["Events"], "genPartons_pdgId", "genPartons_eta", "genPartons_phi")
            numbers = iter(range(N_EVENTS))
            await asyncio.gather(*(stream(session, numbers, hits, partons, out) for _ in range(STREAMS)))
            jets = ak.zip({n: np.concatenate([row[i] for row in out]) for i, n in enumerate(COLUMNS)})
            jets = ak.unflatten(jets, [len(row[0]) for row in out])
            kept = file["Events"].arrays(KEPT, entry_stop=N_EVENTS, how=dict)
            written.mktree("Events", {"jets": jets, **kept})
        return time.perf_counter() - begun_s, time.process_time() - cpu_s, sum(len(row[0]) for row in out)


print(*asyncio.run(main()))
