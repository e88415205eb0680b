"""Writes the evaluation chain of a judgment in the project's format, and reads one back.

Every fixed phrase is an added token: four criteria and six choices make a chain of about 220 tokens.
"""
import re

import numpy as np

from prompt import N_EVENT_TOKENS
from teacher import CRITERIA, NOUNS, levels, rubric, score, total

TRAITS = ["Length", "Layout", "Caveats", "Tone", "Detail", "Wording", "Ending", "Person"]
VALUES = [("long", "short"), ("lists", "prose"), ("careful", "definite"), ("warm", "neutral"), ("examples", "principles"),
          ("formal", "plain"), ("follow-up", "plain stop"), ("first person", "impersonal")]
STRENGTHS = [None, "slight", "clear", "strong"]
AMOUNTS = {0: ["very short", "short", "medium", "long", "very long"],
           5: ["very plain", "plain", "medium", "formal", "very formal"]}
AMOUNT = ["none", "little", "some", "much", "very much"]
BOUNDS = {0: [-1.7, -0.7, 0.4, 1.0], 5: [-1.0, -0.4, 0.2, 0.9]}
BOUND = [-0.2, 0.3, 1.0, 2.0]
PART_1 = "PART 1: Chain-of-Thought Analysis\n\n1. **User Preference Synthesis**"
GRADES = ["--", "-", "=", "+", "++"]
STATED, NOTHING = "\n- Stated:", " (nothing)"
PART_1B = "\n\n2. **Personalized Scoring Model Derivation**"
PART_2 = "\n\nPART 2: Final Scoring and JSON Output\n<JSON_START>\n{\"rationale\": \"A. Evaluation Criteria & Weights:\\n1. "
WHY = ["%): a stated wish.", "%): seen in the choices.", "%): likely taste."]
FINAL = ".\\nFinal Score = ("
RESULT = "\", \"better_response\": {\"response_1\": "
CLOSE = "}}\n<JSON_END>"
FINAL_SCORE = re.compile(r"\) = (\d+\.\d)")
RESULT_SCORES = re.compile(r"response_\d\": (\d+\.\d)")


def breakdown_start(k):
    return ("%\\n(Total = 100%)\\nB. Scoring Breakdown:" if k == 1 else "") + f"\\nResponse {k}:\\n1. "


def amount(attribute, style):
    bounds = BOUNDS.get(attribute, BOUND)
    return AMOUNTS.get(attribute, AMOUNT)[sum(style[attribute] > b for b in bounds)]


def criterion_name(attribute, direction):
    return CRITERIA[attribute][0 if direction > 0 else 1]


def choice_label(k):
    return f"\n- Choice {k}:"


def graded(attribute, grade):
    return f" {NOUNS[attribute]} {GRADES[grade + 2]}" + ("." if attribute == 7 else ",")


def wished(attribute, direction):
    return f" {NOUNS[attribute]} {'+' if direction > 0 else '-'};"


def evidence_lines(observed, wishes):
    """What each choice shows, by attribute, and what is stated."""
    text = ""
    for k, row in enumerate(observed, 1):
        text += choice_label(k) + "".join(graded(a, int(g)) for a, g in enumerate(row))
    return text + STATED + ("".join(wished(a, d) for a, d in wishes) or NOTHING)


def synthesis(weights, wishes, observed):
    """Part 1: the evidence, then one line per trait."""
    stated = {a for a, _ in wishes}
    text = PART_1 + evidence_lines(observed, wishes)
    for a, level in enumerate(levels(weights)):
        text += f"\n- {TRAITS[a]}: "
        if level == 0:
            text += "open"
        else:
            text += VALUES[a][level < 0] + f" ({STRENGTHS[abs(level)]}" + (", stated)" if a in stated else ")")
    return text


def write_chain(weights, wishes, observed, styles):
    """weights [8] posterior mean; observed [n, 8] grades; styles: attributes of each response."""
    criteria = rubric(weights)
    names = [criterion_name(a, d) for a, d, _ in criteria]
    seen = np.sum(observed, axis=0) if len(observed) else [0] * 8
    text = synthesis(weights, wishes, observed) + PART_1B
    for (a, d, percent), name in zip(criteria, names):
        why = WHY[0] if (a, d) in wishes else WHY[1] if seen[a] * d > 0 else WHY[2]
        text += f"\n- {name} ({percent}{why}"
    text += PART_2 + "".join((f"%\\n{i + 1}. " if i else "") + f"{name} - {percent}"
                             for i, ((_, _, percent), name) in enumerate(zip(criteria, names)))
    totals = []
    for k, style in enumerate(styles, 1):
        text += breakdown_start(k)
        scores = [score(a, d, style) for a, d, _ in criteria]
        for i, ((a, _, _), name, s) in enumerate(zip(criteria, names, scores)):
            text += (f".\\n{i + 1}. " if i else "") + f"{name}: {s}/10 - {amount(a, style)}"
        terms = ") + (".join(f"{s}*0.{percent}" for s, (_, _, percent) in zip(scores, criteria))
        totals.append(f"{total(criteria, style):.1f}")
        text += FINAL + terms + f") = {totals[-1]}"
    text += RESULT + ", ".join((f"\"response_{k}\": " if k > 1 else "") + t for k, t in enumerate(totals, 1)) + CLOSE
    return text


def evidence_tokens():
    """Added tokens of the evidence lines; they end the vocabulary."""
    return ([choice_label(k) for k in range(1, N_EVENT_TOKENS + 1)] + [graded(a, g) for a in range(8) for g in range(-2, 3)]
            + [STATED, NOTHING] + [wished(a, d) for a in range(8) for d in (-1, 1)])


def chain_tokens():
    """Added tokens of the rest of the chain."""
    names = [n for pair in CRITERIA for n in pair]
    tokens = [PART_1, PART_1B, PART_2, FINAL, RESULT, CLOSE, "*0.", ") + (", ") = ", "/10 - ", *WHY]
    tokens += [f"\n- {t}: " for t in TRAITS]
    tokens += [f" ({s}{end}" for s in STRENGTHS[1:] for end in (")", ", stated)")]
    tokens += [f"\n- {n} (" for n in names] + [f"{n} - " for n in names] + [f"{n}: " for n in names]
    tokens += [f"%\\n{i}. " for i in (2, 3, 4)] + [f".\\n{i}. " for i in (2, 3, 4)]
    tokens += [breakdown_start(k) for k in range(1, 5)] + [f", \"response_{k}\": " for k in range(2, 5)]
    return tokens


RUBRIC_LINE = re.compile(r"(?:^|\\n)(\d)\. ([A-Z][\w ]*) - (\d+)%")
SCORE_LINE = re.compile(r"\\n(\d)\. ([A-Z][\w ]*): (\d+)/10")


def read_chain(text, n_responses=2):
    """A strict reader for tuning: None, or {names, weights, breakdown, scores} (scores recomputed)."""
    match = re.search(r"<JSON_START>\n(\{.*\})\n<JSON_END>", text)
    if not match or PART_1B not in text:
        return None
    body = match.group(1)
    head, *parts = re.split(r"\\nResponse \d:", body)
    rows = RUBRIC_LINE.findall(head.replace("Weights:\\n", "Weights:\\n\\n"))
    names, weights = [r[1] for r in rows], [int(r[2]) for r in rows]
    if len(parts) != n_responses or not rows or len(RESULT_SCORES.findall(body)) != n_responses:
        return None
    breakdown = []
    for part in parts:
        found = {name: int(s) for _, name, s in SCORE_LINE.findall(part)}
        if set(found) != set(names) or any(not 1 <= s <= 10 for s in found.values()):
            return None
        breakdown.append([found[n] for n in names])
    stated = [float(s) for s in RESULT_SCORES.findall(body)]
    if any(not 1 <= s <= 10 for s in stated):
        return None
    if sum(weights) == 100:
        scores = [sum(w * s for w, s in zip(weights, row)) / 100 for row in breakdown]
    else:
        scores = stated
    return {"names": names, "weights": weights, "breakdown": breakdown, "scores": scores, "stated": stated}
