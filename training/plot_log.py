"""Draws the losses of a training log (log.csv) or the rewards of a GRPO log as SVG or PNG, over minutes."""
import argparse
import csv

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

SKIPPED = ("minutes", "step", "tokens", "rate", "hard")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--log", required=True, nargs="+", help="spells of one run, in order")
    args.add_argument("--out", required=True)
    args = args.parse_args()
    columns, rows, offset = None, [], 0.0
    for path in args.log:
        with open(path, newline="") as file:
            spell = list(csv.DictReader(file))
        columns = columns or [c for c in spell[0] if c not in SKIPPED]
        rows += [{**row, "minutes": offset + float(row["minutes"])} for row in spell]
        offset = rows[-1]["minutes"]
    figure, axes = plt.subplots((len(columns) + 2) // 3, 3, figsize=(10, 2.2 * ((len(columns) + 2) // 3)), squeeze=False)
    for axis, column in zip(axes.flat, columns):
        points = [(row["minutes"], float(row[column])) for row in rows if row.get(column)]
        axis.plot(*zip(*points), linewidth=0.8)
        axis.set_title(column, fontsize=9)
        axis.set_ylim(bottom=0)
    for axis in axes.flat[len(columns):]:
        axis.axis("off")
    for axis in axes[-1]:
        axis.set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(args.out, metadata={"Creator": None, "Date": None} if args.out.endswith(".svg") else None)


if __name__ == "__main__":
    main()
