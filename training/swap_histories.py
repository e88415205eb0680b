"""Gives every unseen user the history of another one with an opposite taste, and leaves all else as it is.

Tastes are told from the histories: the mean difference of attributes between chosen and rejected. A model that reads the
history judges worse on the result than on the data; one that does not, the same.
"""
import argparse
import gzip
import json

import numpy as np

from style_attributes import attributes
from style_data import load_pairs, load_users, read_lines


def taste(pairs):
    """Unit vector [8]: what a user's choices have more of."""
    mean = np.mean([np.subtract(attributes(p["chosen"]["content"]), attributes(p["rejected"]["content"])) for p in pairs], axis=0)
    return mean / max(1e-9, np.linalg.norm(mean))


def donors(tastes, rng):
    """For each user another one, drawn among those whose taste has a negative cosine with the user's own."""
    names = sorted(tastes)
    cosines = np.stack([tastes[n] for n in names]) @ np.stack([tastes[n] for n in names]).T
    return {name: names[rng.choice(np.flatnonzero(row < 0) if (row < 0).any() else [int(row.argmin())])]
            for name, row in zip(names, cosines)}


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--data", required=True)
    args.add_argument("--out", required=True, help="pairs of the unseen users, .jsonl.gz; goes with the data's users file")
    args.add_argument("--seed", type=int, default=0)
    args = args.parse_args()
    users = {name for name, user in load_users(args.data).items() if user["group"] == "unseen"}
    history = {}
    for pair in load_pairs(args.data, "train"):
        if pair["user_id"] in users:
            history.setdefault(pair["user_id"], []).append(pair)
    of = donors({name: taste(pairs) for name, pairs in history.items()}, np.random.default_rng(args.seed))
    rows = {}
    for pair in read_lines(f"{args.data}/pairs.jsonl.gz"):
        if pair["split"] != "train":
            rows.setdefault(pair["user_id"], []).append(pair)
    with gzip.open(args.out, "wt") as file:
        for name in sorted(users):
            for pair in history.get(of.get(name), []):
                file.write(json.dumps({**pair, "user_id": name, "conversation_id": f"{pair['conversation_id']}-{name}"}) + "\n")
            for pair in rows.get(name, []):
                file.write(json.dumps(pair) + "\n")
    print(f"{len(of)} of {len(users)} users have the history of another")


if __name__ == "__main__":
    main()
