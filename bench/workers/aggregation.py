"""byzfl's side of the benchmarks, and DnC, which it lacks, in PyTorch as its authors' public code does it."""

import gc
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

here = sys.path.pop(0)  # what byzfl imports tries whether there is a "pytorch", and would find the worker of that name
import byzfl
import numpy
import torch

sys.path.insert(0, here)
from serve import serve

vectors = None  # kind -> n vectors in a list, or a matrix [n, d]
gc.freeze()  # what was imported stays: not to be searched every time


class DnC:
    """An SVD for each of several draws of coordinates; keeps whom every draw keeps."""

    def __init__(self, f, iterations=5, subsample_size=10000):
        self.f, self.iterations, self.subsample_size = f, iterations, subsample_size

    def __call__(self, vectors):
        vectors = torch.stack(vectors) if isinstance(vectors, list) else vectors
        n, d = vectors.shape
        kept = torch.ones(n, dtype=torch.bool)
        for _ in range(self.iterations):
            part = vectors[:, torch.randperm(d)[: self.subsample_size]]
            centred = part - part.mean(dim=0)
            direction = torch.linalg.svd(centred, full_matrices=False)[2][0]
            scores = (centred @ direction) ** 2
            kept[scores.argsort()[n - self.f :]] = False
        return vectors[kept].mean(dim=0)


def create(rule, arguments):
    return (DnC if rule == "DnC" else getattr(byzfl, rule))(**arguments)


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__, "byzfl": version("byzfl")}


def take(folder, n):
    """Takes the updates that the other side drew."""
    global vectors
    array = numpy.fromfile(Path(folder) / "vectors.f32", dtype=numpy.float32).reshape(n, -1)
    tensor = torch.from_numpy(array.copy())
    vectors = {
        "tensors": [row.clone() for row in tensor],
        "arrays": [row.copy() for row in array],
        "tensor": tensor,
        "array": array,
    }
    return {}


def off(folder, kind, rule, arguments, averaged):
    """How far a rule's result is from the other side's, |a - b| / |b|; of the mean of its vectors if they come in any order."""
    found = numpy.asarray(create(rule, arguments)(copy_of(kind)), dtype=numpy.float64)
    found = found.reshape(-1, found.shape[-1])
    theirs = numpy.fromfile(Path(folder) / "aggregated.f32", dtype=numpy.float32).reshape(found.shape).astype(numpy.float64)
    if averaged:
        found, theirs = found.mean(axis=0), theirs.mean(axis=0)
    return {"vector": [float(numpy.linalg.norm(found - theirs) / numpy.linalg.norm(found))]}


def copy_of(kind):
    """A matrix anew: some rules write on it. Of a list they make a matrix themselves."""
    return vectors[kind].clone() if kind == "tensor" else vectors[kind].copy()


def aggregations(kind, rule, arguments, times, in_place):
    """Seconds for `times` calls, after a quarter as many that do not count. A rule that writes on its input gets a copy every time, made while the clock stands."""
    gc.collect()
    seconds = 0.0
    for call in range(-(times // 4), times):
        given = copy_of(kind) if in_place else vectors[kind]
        aggregate = create(rule, arguments)
        start = time.perf_counter()
        aggregate(given)
        if call >= 0:
            seconds += time.perf_counter() - start
    return {"seconds": seconds}


serve({"versions": versions, "vectors": take, "off": off, "aggregations": aggregations})
