"""Time of one k-means iteration in scikit-learn, printed as JSON: rows.f32 dim centres."""

import json
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans

warnings.filterwarnings("ignore")
path, dim, centres = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rows = np.fromfile(path, dtype=np.float32).reshape(-1, dim)


def run(iterations):
    fit = KMeans(centres, init="k-means++", n_init=1, max_iter=iterations, tol=0, random_state=1, algorithm="lloyd")
    wall, cpu = time.perf_counter(), time.process_time()
    fit.fit(rows)
    return (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3, fit


short_wall, short_cpu, _ = run(1)
wall, cpu, fit = run(11)
print(
    json.dumps(
        {
            "version": sklearn.__version__,
            "wallMs": (wall - short_wall) / (fit.n_iter_ - 1),
            "cpuMs": (cpu - short_cpu) / (fit.n_iter_ - 1),
            "inertia": float(fit.inertia_),
        }
    )
)
