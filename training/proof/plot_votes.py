"""The learning curve of train_votes.py: loss and accuracy over votes, each vote before it was learned from (first epoch).

python plot_votes.py --log R/polis/log.csv --out curve.svg
"""
import argparse
import csv

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

CHANCE = {"loss": np.log(2), "accuracy": 0.5}


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--log", required=True)
    args.add_argument("--out", required=True)
    args.add_argument("--steps", type=int, default=10, help="of a mean")
    args = args.parse_args()
    with open(args.log, newline="") as file:
        rows = list(csv.DictReader(file))
    votes = np.array([int(row["votes"]) for row in rows], float)
    counts = np.diff(votes, prepend=0)
    figure, axes = plt.subplots(1, 2, figsize=(9, 3))
    for axis, column in zip(axes, CHANCE):
        values = np.array([float(row[column]) for row in rows])
        window = np.ones(min(args.steps, len(rows)))
        mean = np.convolve(values * counts, window, "valid") / np.convolve(counts, window, "valid")
        axis.plot(votes, values, ".", color="0.75", markersize=3)
        axis.plot(votes[len(window) - 1:], mean)
        axis.axhline(CHANCE[column], color="0.5", linewidth=0.8, linestyle="--")
        axis.set_title(f"{column} of a step, mean of {len(window)}; dashed: chance", fontsize=9)
        axis.set_xlabel("votes")
    figure.tight_layout()
    figure.savefig(args.out, metadata={"Creator": None, "Date": None})


if __name__ == "__main__":
    main()
