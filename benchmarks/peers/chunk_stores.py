"""hf_xet and icechunk: libraries that keep content in chunks, each in its own environment, in a local folder."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.peers.trackers import Tracker


class HfXet(Tracker):
    """hf_xet, which cuts files for the Hugging Face Hub, with a folder in place of its server."""

    name = "hf_xet"
    package = "hf_xet"
    remarks = (
        "the part of the Hub's client that cuts and uploads files, with a folder as its server and a JSON list of "
        "files for each version, without SHA-256: no names, no history; it hashes everything again at each log"
    )
    folders = ("HF_HOME", "HF_XET_CACHE")
    _setup = """
import json, os, sys, hf_xet
endpoint = "local://" + os.path.join(sys.argv[2], "server")
os.makedirs(os.path.join(sys.argv[2], "server"), exist_ok=True)
listed = os.path.join(sys.argv[2], "newest.json")
"""
    logs = (
        _setup
        + """
paths = sorted(os.path.join(folder, name) for folder, _, names in os.walk(sys.argv[1]) for name in names)
stored = hf_xet.upload_files(paths, endpoint, None, None, None, None, skip_sha256=True)
with open(listed, "w") as file:
    json.dump([(os.path.relpath(p, sys.argv[1]), s.hash, s.filesize) for p, s in zip(paths, stored)], file)
"""
    )
    gets = (
        _setup
        + """
wanted = []
for path, hash, size in json.load(open(listed)):
    target = os.path.join(sys.argv[1], path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    wanted.append(hf_xet.PyXetDownloadInfo(target, hash, size))
hf_xet.download_files(wanted, endpoint, None, None, None)
"""
    )


class Icechunk(Tracker):
    """icechunk: versions of Zarr arrays, with an array of bytes for each file."""

    name = "icechunk"
    package = "icechunk"
    remarks = (
        "an array of bytes for each file, uncompressed, in chunks of at most 4 MiB; each version is a commit; it "
        "writes everything again at each log"
    )
    skips: ClassVar[dict[str, str]] = {
        "many_small": "it versions arrays: an array for each small file is other work than a file"
    }
    _setup = """
import os, sys, icechunk, numpy, zarr
storage = icechunk.local_filesystem_storage(os.path.join(sys.argv[2], "repository"))
repository = icechunk.Repository.open_or_create(storage)
piece = 2**26
"""
    logs = (
        _setup
        + """
session = repository.writable_session("main")
for name in sorted(os.listdir(sys.argv[1])):
    data = numpy.memmap(os.path.join(sys.argv[1], name), mode="r", dtype="u1")
    chunks = (min(2**22, len(data)),)
    array = zarr.create_array(
        session.store, name=name, shape=data.shape, dtype="u1", chunks=chunks, compressors=None, overwrite=True
    )
    for start in range(0, len(data), piece):
        array[start : start + piece] = data[start : start + piece]
session.commit("next")
"""
    )
    gets = (
        _setup
        + """
os.makedirs(sys.argv[1])
group = zarr.open_group(repository.readonly_session("main").store, mode="r")
for name, array in group.arrays():
    with open(os.path.join(sys.argv[1], name), "wb") as file:
        for start in range(0, array.shape[0], piece):
            file.write(array[start : start + piece].data)
"""
    )
