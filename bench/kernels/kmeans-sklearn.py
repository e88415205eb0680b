"""Time of one k-means iteration in scikit-learn, printed as JSON: rows.f32 dim centres iterations."""

import json
import sys
import time
import warnings

import numpy as np
from sklearn.cluster import KMeans

warnings.filterwarnings("ignore")
path, dim, centres, iterations = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
rows = np.fromfile(path, dtype=np.float32).reshape(-1, dim)


def run(most):
    fit = KMeans(centres, init="k-means++", n_init=1, max_iter=most, tol=0, random_state=1, algorithm="lloyd")
    wall, cpu = time.perf_counter(), time.process_time()
    fit.fit(rows)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3, fit


# The first fit of a process also sets up its thread pools.
run(1)
short_wall, short_cpu, _ = run(1)
wall, cpu, fit = run(iterations)
facts = {
    "shortWall": short_wall,
    "shortCpu": short_cpu,
    "longWall": wall,
    "longCpu": cpu,
    "steps": fit.n_iter_ - 1,
    "inertia": float(fit.inertia_),
}
print(json.dumps(facts))
