"""Bitmaps as CRoaring writes them: `pip install pyroaring==1.2.0`, then `python make.py`."""

from pathlib import Path
from pyroaring import BitMap64

HERE = Path(__file__).parent
SETS = {
    "empty": [],
    "one": [7],
    "sparse": range(0, 3_000_000, 977),
    "dense": [n for n in range(200_000) if n % 3],
    "runs": [*range(10, 5_000), *range(70_000, 300_000), 400_000],
    "mixed": [*range(0, 65_536, 100), *range(65_536, 131_072, 2), *range(131_072, 150_000),
              *range(200_000, 200_003), 2**32 - 1],
    "wide": [0, 2**32 - 1, 2**32, 2**32 + 5, *range(3 * 2**32, 3 * 2**32 + 1_000), 2**45],
}

for name, positions in SETS.items():
    bitmap = BitMap64(positions)
    bitmap.run_optimize()
    (HERE / f"{name}.bin").write_bytes(bitmap.serialize())
