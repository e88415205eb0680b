"""Time of one k-means iteration in scikit-learn, printed as JSON: rows.f32 dim centres runs."""

import json
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans

warnings.filterwarnings("ignore")
path, dim, centres, runs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rows = np.fromfile(path, dtype=np.float32).reshape(-1, dim)


def run(iterations):
    fit = KMeans(centres, init="k-means++", n_init=1, max_iter=iterations, tol=0, random_state=1, algorithm="lloyd")
    wall, cpu = time.perf_counter(), time.process_time()
    fit.fit(rows)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3, fit


# The first fit of a process also sets up its thread pools.
run(1)
walls, cpus = [], []
for _ in range(runs):
    short_wall, short_cpu, _ = run(1)
    wall, cpu, fit = run(31)
    walls.append((wall - short_wall) / (fit.n_iter_ - 1))
    cpus.append((cpu - short_cpu) / (fit.n_iter_ - 1))
print(
    json.dumps(
        {
            "version": sklearn.__version__,
            "wallMs": min(walls),
            "cpuMs": min(cpus),
            "inertia": float(fit.inertia_),
        }
    )
)
