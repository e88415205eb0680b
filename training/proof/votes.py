"""Choices of real raters as sequences of votes: each response, then whether this user chose it. Score-only targets: loss on the vote alone."""
import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass

YES, NO = " yes", " no"
INSTRUCTION = "Which responses would this user choose?\n"
VOTE = "\n=>"


@dataclass(frozen=True)
class Pair:
    query: str
    chosen: str
    rejected: str
    split: str
    prompt: str


def text_of(turns):
    turns = turns if isinstance(turns, list) else [turns]
    return "\n".join(turn if isinstance(turn, str) else turn["content"] for turn in turns).strip()


def read_users(pairs, users):
    """{user: (group, [Pair])}, rows in the order of the file. Raises ValueError where a row names no user of the users file."""
    with gzip.open(users, "rt") as file:
        groups = {row["user_id"]: row["group"] for row in map(json.loads, file)}
    rows = defaultdict(list)
    with gzip.open(pairs, "rt") as file:
        for number, row in enumerate(map(json.loads, file), 1):
            if row.get("user_id") not in groups:
                raise ValueError(f"{pairs}, row {number}: its user {row.get('user_id')!r} is not in {users}")
            rows[row["user_id"]].append(
                Pair(text_of(row["context"]), text_of(row["chosen"]), text_of(row["rejected"]), row["split"], row["prompt_id"]))
    if not rows:
        raise ValueError(f"{pairs} has no rows")
    return {user: (groups[user], pairs) for user, pairs in rows.items()}


class Votes:
    """Token ids of votes. The two answers must be one token each."""

    def __init__(self, tokenizer, longest_response=300):
        self.tokenizer = tokenizer
        self.longest = longest_response
        self.yes, self.no = (self.one_token(word) for word in (YES, NO))

    def one_token(self, word):
        ids = self.ids(word)
        if len(ids) != 1:
            raise ValueError(f"{word!r} is {len(ids)} tokens in this vocabulary; votes are read from one")
        return ids[0]

    def ids(self, text):
        return self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

    def opening(self, query):
        return self.ids(f"{INSTRUCTION}{query}\n")

    def question(self, response):
        """The response and what comes before the vote, which is read at its last token."""
        return self.ids("\n" + " ".join(response.split())[: self.longest * 6])[: self.longest] + self.ids(VOTE)

    def sequence(self, pairs, random_, most_tokens):
        """(ids, places, labels) of votes in random order, each response once: at places[k] the vote k is to be told, 1 where it was chosen."""
        votes = {}
        for pair in pairs:
            votes.setdefault(pair.chosen, (1, pair.query))
            votes.setdefault(pair.rejected, (0, pair.query))
        order = list(votes.items())
        random_.shuffle(order)
        ids, places, labels = [], [], []
        asked = None
        for response, (label, query) in order:
            more = ([] if query == asked else self.opening(query)) + self.question(response)
            if len(ids) + len(more) + 1 > most_tokens:
                break
            asked = query
            ids += more
            places.append(len(ids) - 1)
            labels.append(label)
            ids.append(self.yes if label else self.no)
        return ids, places, labels


def epoch_of(users, split, seed, epoch):
    """Training users in the order of an epoch, each with the pairs to learn from."""
    known = [(user, [pair for pair in pairs if pair.split == split]) for user, (group, pairs) in users.items() if group == "train"]
    known = [(user, pairs) for user, pairs in known if len(pairs) >= 2]
    random.Random(f"{seed} {epoch}").shuffle(known)
    return known
