"""How alike the similar users are that an evaluation found: cosines of tastes, by length of history.

A user's taste is the mean of the posterior over attribute weights given all their pairs of every split. Reads the
chains.jsonl that `pgenrm eval --bank` writes; beside what was found stand any training user, the most alike ones,
and those whom an exact reading would find: nearest by the posterior given no more than the choices that prompts show.
"""
import argparse
import json

import numpy as np

from evaluate_forced import differences_of
from make_data import load_prior
from style_data import load_users
from teacher import Teacher


def taste(teacher, differences):
    """Unit mean [8] of the posterior given differences [n, 8] of attributes between chosen and rejected responses."""
    log_p = teacher.log_choices(differences).sum(0)
    mean = np.exp(log_p - log_p.max()) @ teacher.draws
    return mean / np.linalg.norm(mean)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--chains", required=True, help="chains.jsonl of an evaluation with a bank")
    args.add_argument("--data", required=True)
    args.add_argument("--prior", required=True, help="of fit_prior.py")
    args.add_argument("--neighbours", type=int, default=8, help="the first of each row")
    args = args.parse_args()
    teacher = Teacher(load_prior(args.prior))
    of = {u: taste(teacher, rows) for u, rows in differences_of(args.data, ["train", "val", "test"]).items()}
    shown = differences_of(args.data, ["train"])
    members = [u for u, user in load_users(args.data).items() if user["group"] == "train" and u in shown]
    everyone = np.array([of[u] for u in members])
    read = np.array([taste(teacher, shown[u]) for u in members])
    rows = []
    with open(args.chains) as file:
        for line in file:
            row = json.loads(line)
            if row.get("status") != "judged" or row["user"] not in of:
                continue
            found = [c["neighbour"] for c in row["chains"] if c.get("neighbour")][:args.neighbours]
            found = [n for n in found if n["userId"] in of]
            if not found:
                continue
            cosines = everyone @ of[row["user"]]
            events = row["usedEvents"]
            nearest = np.argsort(read @ taste(teacher, shown[row["user"]][-events:]))[-len(found):] if events else []
            rows.append((events, np.mean([of[n["userId"]] @ of[row["user"]] for n in found]),
                         np.mean([n["similarity"] for n in found]), cosines[nearest].mean() if events else cosines.mean(),
                         cosines.mean(), np.sort(cosines)[-len(found):].mean()))
    table = np.array(rows)
    if not len(table):
        raise SystemExit(f"{args.chains} holds no row with similar users")
    print("choices      rows  taste cosine  similarity stated  exact reading  any training user  best possible")
    for name, low, high in (("0 to 2", 0, 2), ("3 to 5", 3, 5), ("6 and more", 6, np.inf), ("all", 0, np.inf)):
        part = table[(table[:, 0] >= low) & (table[:, 0] <= high)]
        if len(part):
            mean = part.mean(0)
            print(f"{name:<11}{len(part):6d}{mean[1]:14.3f}{mean[2]:19.3f}{mean[3]:15.3f}{mean[4]:19.3f}{mean[5]:15.3f}")


if __name__ == "__main__":
    main()
