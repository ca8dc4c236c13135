"""Writes the files beside it: numpy 2.4.6, safetensors 0.8.0. `pip install numpy safetensors && python make.py`"""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import safetensors
from safetensors.numpy import save_file

here = Path(__file__).parent
halves = np.arange(2**16, dtype=np.uint16)


def sha256_of_floats(values):
    """Of float32's bytes, with NaN as zero."""
    return hashlib.sha256(np.nan_to_num(values, nan=0, posinf=1, neginf=-1).astype("<f4").tobytes()).hexdigest()


# Every dtype in both byte orders, 1 to 4 as [2, 2]; half of them in Fortran order.
types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]
arrays = {}
for order in "<>":
    for kind in types:
        array = np.array([[1, 2], [3, 4]], dtype=order + kind)
        arrays[("little_" if order == "<" else "big_") + kind] = array
        arrays[("little_fortran_" if order == "<" else "big_fortran_") + kind] = np.asfortranarray(array)
arrays["bool"] = np.array([[True, False], [False, True]])
np.savez_compressed(here / "dtypes.npz", **arrays)

# Shapes: the Fortran array of three axes is 0 to 23 in C order.
np.savez(
    here / "shapes.npz",
    scalar=np.float32(2.5),
    empty=np.zeros((0, 3), np.float32),
    long=np.arange(3, dtype=np.int64),
    fortran=np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
)

for version in [(1, 0), (2, 0), (3, 0)]:
    with open(here / f"version{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, np.array([0.5, -1.25, 3], np.float32), version=version)

# Flower's way: a list without names; here once more with the archive sorted by name, arr_10 before arr_2.
lists = [np.array([i], np.float32) for i in range(12)]
np.savez(here / "list.npz", *lists)
with zipfile.ZipFile(here / "list.npz") as source, zipfile.ZipFile(here / "sorted.npz", "w") as target:
    for name in sorted(source.namelist()):
        target.writestr(zipfile.ZipInfo(name), source.read(name))

# A state_dict by name, whose order is not the alphabet's.
rng = np.random.default_rng(1)
state = {
    "conv1.weight": rng.normal(size=(2, 1, 3, 3)).astype(np.float32),
    "conv1.bias": rng.normal(size=2).astype(np.float32),
    "bn1.num_batches_tracked": np.array(7, np.int64),
    "classifier.weight": rng.normal(size=(3, 2)).astype(np.float32),
}
np.savez(here / "state.npz", **state)
save_file(state, here / "state.safetensors", metadata={"format": "pt"})

# Zip64 throughout: sizes, offsets and the directory's end.
zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = 0, 0
np.savez(here / "zip64.npz", a=np.array([1, 2], np.float32), b=np.array([3], np.float32))

# What numpy's own save_file cannot say (bfloat16) is said by the tensors' addresses.
tensors = {
    "half": ("float16", np.array([1, -2, 65504], np.float16)),
    "brain": ("bfloat16", np.array([0x3F80, 0xC000, 0x4049], "<u2")),
    "double": ("float64", np.array([0.1])),
    "count": ("int64", np.array(9007199254740991)),
    "mask": ("bool", np.array([True, False])),
}
specs = {
    name: safetensors.TensorSpec(dtype=dtype, shape=list(a.shape), data_ptr=a.ctypes.data, data_len=a.nbytes)
    for name, (dtype, a) in tensors.items()
}
safetensors.serialize_file(specs, str(here / "dtypes.safetensors"))

# For the test's expectations.
print("float16", sha256_of_floats(halves.view(np.float16).astype(np.float32)))
print("bfloat16", sha256_of_floats((halves.astype(np.uint32) << 16).view(np.float32)))
print({name: array.ravel().tolist() for name, array in state.items()})
