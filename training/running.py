"""Supervision inside the texts: the attributes of each text as far as it has been read, every few tokens.

Counts and rates are learnt far faster from many such labels than from one at the end of the text.
"""
from prompt import N_EVENT_TOKENS, chosen_label, event_end, rejected_label
from style_attributes import attributes

EVERY = 14


class RunningMarks:
    def __init__(self, tokenizer):
        of = tokenizer.token_to_id
        self.tokenizer = tokenizer
        events = range(1, N_EVENT_TOKENS + 1)
        starts = [label(k) for k in events for label in (chosen_label, rejected_label)] + [f"\n\n[The Start of Response {k}]\n" for k in range(1, 5)]
        ends = [label(k) for k in events for label in (rejected_label, event_end)]
        ends += [f"\n[The End of Response {k}]" for k in range(1, 5)]
        self.starts, self.ends = {of(t) for t in starts}, {of(t) for t in ends}

    def __call__(self, rng, tokens):
        """[(position, attributes of the text up to and with it)]"""
        marks, first = [], None
        for i, token in enumerate(tokens):
            if first is not None and token in self.ends:
                for at in range(first + int(rng.integers(2, EVERY)), i - 1, EVERY):
                    text = self.tokenizer.decode(list(map(int, tokens[first:at + 1])), skip_special_tokens=False)
                    marks.append((at, attributes(text)))
                first = None
            if token in self.starts:
                first = i + 1
        return marks
