"""Two checkpoints on the same rows: paired difference of accuracy at Ind-1 and Ind-m, from two chains.jsonl of `pgenrm eval`.

Ties count half, a lost chain counts as wrong; 95% intervals resample users.
"""
import argparse
import json

import numpy as np

from evaluate import interval


def half(difference):
    return 0.5 if abs(difference) < 1e-9 else float(difference > 0)


def outcomes(path, m):
    """By row: user, accuracy of the first m own chains one by one and together, and how many of them are usable."""
    rows = {}
    with open(path) as file:
        for line in file:
            row = json.loads(line)
            if row.get("status") != "judged" or "label" not in row:
                continue
            chains = [c["scores"] for c in row["chains"] if c["level"] == "individual"][:m]
            gaps = [s[row["label"]] - s[1 - row["label"]] for s in chains if s]
            single = sum(map(half, gaps)) / len(chains)
            rows[row["row"]] = row["user"], single, half(np.mean(gaps)) if gaps else 0.0, len(gaps)
    return rows


def main():
    args = argparse.ArgumentParser()
    args.add_argument("before")
    args.add_argument("after")
    args.add_argument("--chains", type=int, default=4, help="m")
    args.add_argument("--draws", type=int, default=10000)
    args = args.parse_args()
    before, after = outcomes(args.before, args.chains), outcomes(args.after, args.chains)
    shared = sorted(before.keys() & after.keys())
    users = [before[r][0] for r in shared]
    print(f"{len(shared)} rows of {len(set(users))} users; usable chains {sum(before[r][3] for r in shared)}, then {sum(after[r][3] for r in shared)}")
    for column, level in ((1, "Ind-1"), (2, f"Ind-{args.chains}")):
        low, high = interval(users, [after[r][column] - before[r][column] for r in shared], args.draws)
        one, other = (np.mean([x[r][column] for r in shared]) for x in (before, after))
        print(f"{level}: {one:.3f}, then {other:.3f}: {100 * (other - one):+.1f} points [{100 * low:.1f}, {100 * high:.1f}]")


if __name__ == "__main__":
    main()
