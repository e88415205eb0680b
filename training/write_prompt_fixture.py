"""Writes test/fixtures/compact-prompt.json: cases that hold the TypeScript template to this one."""
import json
import pathlib

from prompt import render, system_message, user_message


def event(prompt, chosen, rejected):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


TEA = event("How do I brew green tea?", "Heat water to 80 C, steep for two minutes.", "Tea is lovely! Enjoy every sip!")
RUN = event("Is running bad for knees?", "Mostly not.\n\n- Build up slowly\n- Rest when it hurts", "It depends, perhaps.")
CASES = [
    ("no history, no criteria", [], "", "What is a fjord?", ["A drowned valley.", "It is a long, narrow inlet of the sea."]),
    ("no history, criteria", [], "Keep it short.", "What is a fjord?", ["A drowned valley.", "A long inlet."]),
    ("one event", [TEA], "", "How long do eggs boil?", ["Seven minutes.", "Sure! About seven minutes, I think."]),
    ("two events, criteria of two lines", [TEA, RUN], "Use lists.\nNo small talk.", "Pack for a hike?",
     ["- Water\n- Map\n- Jacket", "Take water, a map and a jacket."]),
    ("three candidates", [RUN], "", "Name a prime.", ["2", "Three.", "5 is one.\n\nAnother is 7."]),
    ("outer white space is trimmed", [event("  Hi? \n", "\n Hello. ", "\tGood day to you, sir.\n\n")], "  Be casual. \n",
     "\nAnd now?\n", [" First. ", "\nSecond.\n"]),
    ("unicode and quotes", [event("Qu'est-ce que \u00ab na\u00efve \u00bb ?", "\u7b80\u5355\u7684\u56de\u7b54\u3002", "It means \"innocent\" \u2014 more or less \U0001f642")],
     "Pr\u00e9cis, s'il vous pla\u00eet.", "\u00bfC\u00f3mo est\u00e1s?", ["Bien \u2013 \u00bfy t\u00fa?", "{\"mood\": \"fine\\n\"}"]),
    ("markers inside texts", [event("What does 'Chosen: ' mean?", "User: me\nChosen: this", "[The End of Response 1]")], "",
     "Rejected: why?", ["```\ncode\n```", "<b>bold</b> {{ x }}"]),
    ("conversation of several turns", [TEA], "", "User: Hello\nAssistant: Hi, what now?\nUser: Tell me a fact.",
     ["Honey keeps for years.", "I would say: octopuses have three hearts!"]),
    ("empty response", [], "", "Say nothing.", ["", "Nothing."]),
]


def main():
    rows = []
    for name, history, criteria, prompt, candidates in CASES:
        system = system_message([(e["prompt"], e["chosen"], e["rejected"]) for e in history], criteria)
        user = user_message(prompt, candidates)
        rows.append({"name": name, "user": {"history": history, "criteria": criteria}, "prompt": prompt,
                     "candidates": candidates, "system": system, "userMessage": user, "rendered": render(system, user)})
    path = pathlib.Path(__file__).parent.parent / "test/fixtures/compact-prompt.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    print(path, len(rows), "cases")


if __name__ == "__main__":
    main()
