"""Stated criteria: sentences by attribute and direction, and how users come to state them."""
import numpy as np

# sentences of the training users, then further wordings, by (attribute, direction)
SENTENCES = {
    (0, 1): ["I like thorough answers that go into depth.", "I want the full picture, not a summary.",
             "Please be detailed; short replies feel incomplete to me.", "Longer, complete explanations are better for me.",
             "Tell me everything relevant, at length.", "I enjoy in-depth replies.", "Don't leave anything out."],
    (0, -1): ["I prefer brief, to-the-point replies.", "Keep it short. I don't have time for essays.",
              "The fewer words the better.", "Be concise.", "Short answers, please.", "I want a quick reply, one or two lines.",
              "Long replies tire me."],
    (1, 1): ["Bullet points and numbered steps help me a lot.", "Structure matters more to me than style.",
             "I like answers I can skim: lists, headings, bold terms.", "Use lists wherever you can.",
             "Step by step, as a list, please.", "I want clear formatting with bullets."],
    (1, -1): ["Please don't chop everything into bullet points.", "Write it as you would say it, in paragraphs.",
              "I prefer flowing prose to lists.", "No lists, please.", "Plain paragraphs read better.",
              "Avoid bullets and numbering."],
    (2, 1): ["I like to see more than one side.", "An honest answer admits its limits.",
             "I value nuance and being told what is uncertain.", "Tell me when you are not sure.",
             "Careful, balanced answers are what I trust.", "Mention caveats and exceptions."],
    (2, -1): ["I dislike hedging; commit to something.", "Skip the disclaimers.", "Give me a straight answer without caveats.",
              "Don't say maybe; decide.", "Be definite.", "No ifs and buts."],
    (3, 1): ["A friendly, encouraging tone means a lot to me.", "I like it when the assistant sounds warm.",
             "Be kind and upbeat.", "Be cheerful!", "Enthusiasm is welcome.", "I enjoy friendly replies."],
    (3, -1): ["I find enthusiasm in a machine off-putting.", "Keep the tone neutral.",
              "No cheerleading, please, just the content.", "Skip the pleasantries.", "No exclamation marks.",
              "Be matter-of-fact, not chummy."],
    (4, 1): ["Concrete examples and numbers convince me.", "I learn best from specific cases.",
             "Show me, don't just tell me.", "Give examples and figures.", "Numbers and specifics, please."],
    (4, -1): ["I prefer general principles over lots of specifics.", "Don't drown me in examples and figures.",
              "Keep to the main idea.", "The general idea is enough.", "Fewer numbers and examples, please."],
    (5, 1): ["Formal wording reads as more trustworthy to me.", "I appreciate precise, professional language.",
             "Please avoid slang and contractions.", "Use a formal register.", "Write professionally."],
    (5, -1): ["Plain everyday words, please.", "Simple language beats fancy vocabulary.",
              "Talk to me like a person, casually.", "No big words.", "Use simple, casual language."],
    (6, 1): ["I like it when I am asked what I need next.", "End with a question so we can keep going.",
             "Offer to help further.", "Ask me something back.", "Invite me to go on."],
    (6, -1): ["No offers of more help at the end, please.", "Don't ask me questions back, just answer.",
              "Finish when the answer is finished.", "Don't close with a question.", "No 'let me know' at the end."],
    (7, 1): ["Share what you think.", "Speak in the first person; it feels honest.",
             "I like an assistant with a voice of its own.", "Say 'I' and own your view.", "Tell me your own opinion."],
    (7, -1): ["I want facts, not the assistant's opinions.", "The assistant should not talk about itself.",
              "Leave 'I' out of it and stay on the topic.", "No talk of yourself.", "Keep yourself out of the answer."],
}
KNOWN = {sentence: key for key, group in SENTENCES.items() for sentence in group}
N_STATED_P = [0.0, 0.25, 0.41, 0.32, 0.02]   # number of sentences where there are any


def strength(weights):
    return np.abs(weights)


def draw_wishes(rng, weights):
    """The strongest weights, stated in random order: [(attribute, direction)], text."""
    order = np.argsort(-strength(weights) * np.exp(rng.normal(0, 0.25, 8)))
    n = rng.choice(5, p=N_STATED_P)
    wishes = [(int(a), 1 if weights[a] > 0 else -1) for a in order[:n] if abs(weights[a]) > 0.3]
    rng.shuffle(wishes)
    wishes = [tuple(int(x) for x in w) for w in wishes]
    return wishes, " ".join(SENTENCES[w][rng.integers(len(SENTENCES[w]))] for w in wishes)


def read_wishes(text):
    """The (attribute, direction) of every known sentence in a stated text."""
    found = []
    for sentence, key in KNOWN.items():
        at = text.find(sentence)
        if at >= 0:
            found.append((at, key))
    return [key for _, key in sorted(found)]
