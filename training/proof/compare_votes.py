"""Figures of what evaluate_votes.py wrote: accuracy with own and with swapped history, and the paired difference, in points, 95% over users.

python compare_votes.py --before R/before.jsonl --after R/after.jsonl --out figures.json
"""
import argparse
import json

import numpy as np

ARMS = ("own", "swapped")
DRAWS = 4000


def read(paths):
    """{user: {"group", "own", "swapped"}}, arms with margins of the user's test rows."""
    users = {}
    for path in paths or []:
        with open(path) as file:
            for line in map(json.loads, file):
                for arm in ARMS:
                    if arm in line:
                        users.setdefault(line[arm]["user"], {"group": line[arm]["group"]})[arm] = line[arm]["margins"]
    return {user: arms for user, arms in users.items() if all(arm in arms for arm in ARMS)}


def right(margins):
    """1 where the chosen response has the higher logit, a half for a tie. Shape [rows]."""
    margins = np.array(margins)
    return (margins > 0) + 0.5 * (margins == 0)


def interval(sums, counts):
    """Mean over rows and its 95% interval, in points: whole users are drawn again."""
    sums, counts = np.array(sums, float), np.array(counts, float)
    draws = np.random.default_rng(1).integers(0, len(sums), (DRAWS, len(sums)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    return [round(100 * value, 1) for value in (sums.sum() / counts.sum(), *np.quantile(means, [0.025, 0.975]))]


def figures(lines):
    if not lines:
        return None
    scored = {arm: [right(line[arm]) for line in lines] for arm in ARMS}
    counts = [len(rows) for rows in scored["own"]]
    found = {"users": len(lines), "rows": sum(counts)}
    for arm in ARMS:
        found[arm] = interval([rows.sum() for rows in scored[arm]], counts)
    differences = [(own - swapped).sum() for own, swapped in zip(scored["own"], scored["swapped"])]
    found["own minus swapped"] = interval(differences, counts)
    return found


def gain(before, after):
    """Accuracy with own history after training minus before, on the users of both."""
    users = sorted(set(before) & set(after))
    if not users:
        return None
    differences = [(right(after[user]["own"]) - right(before[user]["own"])).sum() for user in users]
    return {"users": len(users), "own, after minus before": interval(differences, [len(after[user]["own"]) for user in users])}


def main():
    args = argparse.ArgumentParser(description=__doc__)
    args.add_argument("--before", nargs="+")
    args.add_argument("--after", nargs="+", required=True)
    args.add_argument("--out", required=True)
    args = args.parse_args()
    before, after = read(args.before), read(args.after)
    groups = {"all": lambda line: True, "train users": lambda line: line["group"] == "train", "unseen conversations": lambda line: line["group"] == "unseen"}
    result = {}
    for name, wanted in groups.items():
        result[name] = {
            "before": figures([line for line in before.values() if wanted(line)]),
            "after": figures([line for line in after.values() if wanted(line)]),
            "gain": gain({u: l for u, l in before.items() if wanted(l)}, {u: l for u, l in after.items() if wanted(l)}),
        }
    with open(args.out, "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
